//! How a task is run: what holds beside when and what.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use jiff::SignedDuration;

use crate::hash;
use crate::name::Name;

/// How far back the wall clock may step before the step counts as a correction of a clock that
/// was wrong: three hours, as in cron.
pub const CORRECTION: SignedDuration = SignedDuration::from_hours(3);

/// The policy of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// What becomes of a firing while the run before it still goes on.
    pub overlap: Overlap,
    /// What becomes of firings that nobody was there for.
    pub missed: Missed,
    /// How late the newest firing owed still counts as on time.
    pub grace: SignedDuration,
    /// The longest delay of a firing that a clock names, so that machines with one file spread.
    pub jitter: SignedDuration,
    /// The pool of which each of its attempts needs a place.
    pub pool: Option<Name>,
    /// How long one attempt may take before it is stopped.
    pub timeout: Option<SignedDuration>,
    /// How long an attempt that was asked to stop may take before it is killed.
    pub stop_grace: SignedDuration,
    /// Whether and when a failed attempt is followed by another.
    pub retry: Option<Retry>,
    /// What becomes of a run that nobody saw the end of.
    pub on_lost: OnLost,
}

/// What becomes of a run that nobody saw the end of, because taskd or the machine died.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnLost {
    /// It stays lost.
    #[default]
    Leave,
    /// It goes on with another attempt: its command runs at least once.
    Rerun,
}

impl Policy {
    /// A grace of ten minutes.
    pub const GRACE: SignedDuration = SignedDuration::from_mins(10);
    /// A stop grace of ten seconds.
    pub const STOP_GRACE: SignedDuration = SignedDuration::from_secs(10);
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            overlap: Overlap::Skip,
            missed: Missed::Skip,
            grace: Self::GRACE,
            jitter: SignedDuration::ZERO,
            pool: None,
            timeout: None,
            stop_grace: Self::STOP_GRACE,
            retry: None,
            on_lost: OnLost::Leave,
        }
    }
}

/// What becomes of a firing while the run before it still goes on. A run between attempts still
/// goes on, and so does a firing that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// It is skipped.
    Skip,
    /// It waits; if one waits already, it is skipped.
    Queue,
    /// The run is stopped first; of several that wait the newest stays.
    Replace,
    /// It runs beside it, up to so many at once; then it is skipped.
    Parallel(NonZeroU32),
}

impl Overlap {
    /// So many runs of one task go on beside each other where nobody says otherwise.
    pub const MOST_PARALLEL: NonZeroU32 = NonZeroU32::new(8).expect("eight is not zero");
}

/// What becomes of the firings owed but the newest, and of the newest if it is later than grace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// They are missed.
    Skip,
    /// The newest runs however late, the others become coalesced.
    Latest,
    /// The newest so many run, oldest first, one after the other; those before them are missed.
    All(NonZeroU32),
}

impl Missed {
    /// So many are caught up with where nobody says otherwise.
    pub const MOST_CAUGHT_UP: NonZeroU32 = NonZeroU32::new(100).expect("a hundred is not zero");
}

/// Attempts after the first, for failures and timeouts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    /// How many.
    pub max: u32,
    /// How long after the end of the first attempt.
    pub delay: SignedDuration,
    /// How many times longer each further delay is; one at least.
    pub backoff: f64,
    /// The longest delay.
    pub max_delay: SignedDuration,
    /// By what part of itself a delay may differ, at random, up or down; one at most.
    pub jitter: f64,
}

impl Retry {
    /// So many attempts more, with growing delays: 10 s, 20 s, … up to 10 min, each give or take a
    /// tenth.
    #[must_use]
    pub fn new(max: u32) -> Self {
        Self {
            max,
            delay: SignedDuration::from_secs(10),
            backoff: 2.0,
            max_delay: SignedDuration::from_mins(10),
            jitter: 0.1,
        }
    }

    /// How long after the end of attempt number `attempt` the next one is due; `seed` decides what
    /// chance would. A pure function.
    #[must_use]
    pub fn delay_after(&self, attempt: u32, seed: &[&[u8]]) -> SignedDuration {
        // Beyond a hundred doublings every delay has reached its longest.
        let exponent = i32::try_from(attempt.saturating_sub(1).min(100)).unwrap_or(100);
        let longest = self.max_delay.as_secs_f64();
        let plain = (self.delay.as_secs_f64() * self.backoff.powi(exponent)).min(longest);
        let attempt = attempt.to_be_bytes();
        let drawn = hash::stable(&[seed, &[&attempt[..]]].concat());
        #[expect(clippy::cast_precision_loss, reason = "chance needs no precision")]
        let chance = drawn as f64 / u64::MAX as f64 * 2.0 - 1.0;
        let seconds = (plain * (1.0 + self.jitter * chance)).clamp(0.0, longest);
        let exact = SignedDuration::try_from_secs_f64(seconds).unwrap_or(self.max_delay);
        // As all instants, whole microseconds.
        exact - SignedDuration::from_nanos((exact.subsec_nanos() % 1000).into())
    }
}

/// How much of the history of each task is kept. Its last run and its last success always stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Firings that were due in so many days.
    pub days: u32,
    /// So many firings.
    pub runs: u32,
}

impl Default for Keep {
    fn default() -> Self {
        Self { days: 30, runs: 1000 }
    }
}

/// How much may go on at once over all tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most attempts at once; `None` is as many as there are.
    pub max_runs: Option<NonZeroU32>,
    /// The places of each pool.
    pub pools: BTreeMap<Name, NonZeroU32>,
}

impl Limits {
    /// So many attempts at once where nobody says otherwise.
    pub const MAX_RUNS: NonZeroU32 = NonZeroU32::new(512).expect("512 is not zero");
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_runs: Some(Self::MAX_RUNS), pools: BTreeMap::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_between_attempts_grow_up_to_the_longest() {
        let steady = Retry { jitter: 0.0, ..Retry::new(9) };
        for (attempt, seconds) in [(1, 10), (2, 20), (3, 40), (6, 320), (7, 600), (4_000_000, 600)]
        {
            let expected = SignedDuration::from_secs(seconds);
            assert_eq!(steady.delay_after(attempt, &[b"a"]), expected, "after attempt {attempt}");
        }
        let spread = Retry::new(9);
        let (one, other) = (spread.delay_after(1, &[b"a"]), spread.delay_after(1, &[b"b"]));
        assert_ne!(one, other, "chance differs");
        for delay in [one, other] {
            assert!((9_000..=11_000).contains(&delay.as_millis()), "{delay:?}");
        }
    }
}
