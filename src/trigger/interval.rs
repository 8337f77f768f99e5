//! Every so much elapsed time, whatever wall clocks do meanwhile.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::instant;

/// Fires at `anchor + k × length`: no drift, and the same instants after a restart and on every
/// machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interval {
    /// In microseconds; a second at least.
    length: i64,
    /// In microseconds since 1970. Nothing fires before it.
    anchor: Option<i64>,
}

impl Interval {
    /// An interval of `length`, counted from 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    ///
    /// Returns [`BadInterval`] if `length` is under one second or over ten thousand years.
    pub fn new(length: SignedDuration) -> Result<Self, BadInterval> {
        const LONGEST: i64 = 3_652_425 * 24 * 3600;
        if length < SignedDuration::from_secs(1) {
            return Err(BadInterval::TooShort);
        }
        if length > SignedDuration::from_secs(LONGEST) {
            return Err(BadInterval::TooLong);
        }
        let length = i64::try_from(length.as_micros()).map_err(|_| BadInterval::TooLong)?;
        Ok(Self { length, anchor: None })
    }

    /// The same, counted from `start`, which is its first firing.
    #[must_use]
    pub fn starting(mut self, start: Timestamp) -> Self {
        self.anchor = Some(start.as_microsecond());
        self
    }

    /// The time from one firing to the next.
    #[must_use]
    pub fn length(&self) -> SignedDuration {
        SignedDuration::from_micros(self.length)
    }

    /// What it is counted from, in microseconds since 1970, if that was given.
    pub(super) fn anchor(&self) -> Option<i64> {
        self.anchor
    }

    /// Returns the first firing strictly after `after`, or `None` if there will be no more.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let after = after.as_nanosecond().div_euclid(1000);
        let after = i64::try_from(after).ok()?;
        let anchor = match self.anchor {
            Some(anchor) if after < anchor => return instant(anchor),
            Some(anchor) => anchor,
            None => 0,
        };
        let passed = after.checked_sub(anchor)?.div_euclid(self.length);
        let next = passed.checked_add(1)?.checked_mul(self.length)?;
        instant(next.checked_add(anchor)?)
    }

    /// How many firings lie in `first..=last`, both of them firings.
    #[must_use]
    pub(super) fn count(&self, first: Timestamp, last: Timestamp) -> u64 {
        let span = last.as_microsecond() - first.as_microsecond();
        u64::try_from(span / self.length + 1).unwrap_or(0)
    }
}

/// Why a length makes no interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadInterval {
    /// It is under one second.
    TooShort,
    /// It is over ten thousand years.
    TooLong,
}

impl fmt::Display for BadInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooShort => "an interval is at least one second",
            Self::TooLong => "an interval is at most ten thousand years",
        })
    }
}

impl std::error::Error for BadInterval {}

#[cfg(test)]
mod tests {
    use super::*;

    fn every(seconds: i64) -> Interval {
        Interval::new(SignedDuration::from_secs(seconds)).expect("a fine length")
    }

    fn ts(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    #[test]
    fn an_interval_keeps_its_phase() {
        let from_seven = every(3600).starting(ts("2026-01-01T07:07:07Z"));
        for (interval, after, expected) in [
            // Strictly after the question, never at it; and the phase is kept however late we ask.
            (every(900), "2026-01-01T00:00:00Z", Some("2026-01-01T00:15:00Z")),
            (every(900), "2026-01-01T07:07:07Z", Some("2026-01-01T07:15:00Z")),
            // A question between two microseconds is still before the next.
            (every(1), "2026-01-01T00:00:00.999999999Z", Some("2026-01-01T00:00:01Z")),
            // Before 1970 the multiples go on.
            (every(3600), "1969-12-31T22:30:00Z", Some("1969-12-31T23:00:00Z")),
            // With a start, the start is the first firing.
            (from_seven.clone(), "2020-01-01T00:00:00Z", Some("2026-01-01T07:07:07Z")),
            (from_seven.clone(), "2026-01-01T07:07:07Z", Some("2026-01-01T08:07:07Z")),
            (from_seven, "2026-01-01T07:07:06.9999995Z", Some("2026-01-01T07:07:07Z")),
            // The end of the calendar.
            (every(3600), "2199-12-31T23:00:00Z", None),
            (every(3_652_425 * 24 * 3600), "2026-01-01T00:00:00Z", None),
        ] {
            assert_eq!(
                interval.next_after(ts(after)),
                expected.map(ts),
                "{interval:?} after {after}"
            );
        }
    }

    #[test]
    fn an_interval_has_bounds() {
        for (length, expected) in [
            (SignedDuration::from_millis(999), Err(BadInterval::TooShort)),
            (SignedDuration::from_secs(-5), Err(BadInterval::TooShort)),
            (SignedDuration::from_millis(1500), Ok(())),
            (SignedDuration::MAX, Err(BadInterval::TooLong)),
        ] {
            assert_eq!(Interval::new(length).map(|_| ()), expected, "{length:?}");
        }
    }
}
