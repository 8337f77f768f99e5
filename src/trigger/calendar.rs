//! Every so many months or days of the calendar, at a time of day.
//!
//! Each date is counted from the start itself: 31 January plus one month, plus two months, …;
//! never from the date before, so that a short month does not shift the rest.

use jiff::civil::{Date, Time};
use jiff::{Span, Timestamp};

use super::{HORIZON, LAST_YEAR};
use crate::zone::{Reading, Zone};

/// Fires at `at` on `start` + k × units. Where clocks change it is as a fixed cron trigger.
#[derive(Clone, Debug, PartialEq)]
pub struct Calendar {
    start: Date,
    at: Time,
    unit: Unit,
    zone: Zone,
}

/// What lies between two firings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// So many months, one at least.
    Months(u16, MonthEnd),
    /// So many days, one at least.
    Days(u16),
}

/// What happens in a month that does not have the day of the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MonthEnd {
    /// It is left out.
    #[default]
    Skip,
    /// It fires on the last day.
    Clamp,
}

impl Calendar {
    /// Fires every `unit` from `start` on, at `at` in `zone`.
    #[must_use]
    pub fn new(start: Date, at: Time, unit: Unit, zone: Zone) -> Self {
        Self { start, at, unit, zone }
    }

    /// Whose wall clock it reads.
    pub(super) fn zone(&self) -> &Zone {
        &self.zone
    }

    /// What lies between two firings.
    #[must_use]
    pub fn unit(&self) -> Unit {
        self.unit
    }

    /// The time of day.
    #[must_use]
    pub fn at(&self) -> Time {
        self.at
    }

    /// The day from which it is counted.
    #[must_use]
    pub fn start(&self) -> Date {
        self.start
    }

    /// Returns the first firing strictly after `after`, or `None` if there will be no more.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let asked = self.zone.wall(after).date();
        // One before the estimate: the day of the question may still have its firing ahead, and a
        // wall clock may stand a day away from where it did at the firing before.
        let first = self.steps_until(asked).saturating_sub(2).max(0);
        let last = self.steps_until(Date::constant(LAST_YEAR, 12, 31));
        (first..=last)
            .filter_map(|steps| self.date(steps))
            .filter_map(|date| {
                let (Reading::Once(due) | Reading::Fold(due) | Reading::Gap(due)) =
                    self.zone.read(date.to_datetime(self.at))?;
                Some(due)
            })
            .find(|due| *due > after)
            .filter(|due| due.as_microsecond() < HORIZON)
    }

    /// How many steps from the start lie before `date`, about.
    fn steps_until(&self, date: Date) -> i64 {
        match self.unit {
            Unit::Days(days) => {
                let between = self.start.until(date).map_or(0, |span| span.get_days());
                i64::from(between).div_euclid(days.into())
            }
            Unit::Months(months, _) => (month(date) - month(self.start)).div_euclid(months.into()),
        }
    }

    /// The date after `steps` steps, unless the month does not have the day.
    fn date(&self, steps: i64) -> Option<Date> {
        let (months, end) = match self.unit {
            Unit::Days(days) => {
                let span = Span::new().try_days(steps.checked_mul(days.into())?).ok()?;
                return self.start.checked_add(span).ok();
            }
            Unit::Months(months, end) => (months, end),
        };
        let month = month(self.start).checked_add(steps.checked_mul(months.into())?)?;
        let year = i16::try_from(month.div_euclid(12)).ok()?;
        let month = i8::try_from(month.rem_euclid(12) + 1).ok()?;
        let exact = Date::new(year, month, self.start.day()).ok();
        let last = || Date::new(year, month, 1).ok().map(Date::last_of_month);
        if end == MonthEnd::Clamp { exact.or_else(last) } else { exact }
    }
}

/// The months since the year 0.
fn month(date: Date) -> i64 {
    i64::from(date.year()) * 12 + i64::from(date.month()) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    fn calendar(start: &str, at: &str, unit: Unit, zone: &str) -> Calendar {
        let zone = Zone::new(TimeZone::get(zone).expect("a zone of the database"));
        let (start, at) = (start.parse().expect("a date"), at.parse().expect("a time"));
        Calendar::new(start, at, unit, zone)
    }

    fn ts(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    #[test]
    fn dates_are_counted_from_the_start_itself() {
        use MonthEnd::{Clamp, Skip};
        let month = |end| Unit::Months(1, end);
        for (start, at, unit, zone, after, expected) in [
            // 31 January, 31 March: a short month is left out, or has its last day; and does not
            // shift the rest.
            (
                "2026-01-31",
                "09:00",
                month(Skip),
                "UTC",
                "2026-01-31T09:00:00Z",
                &["2026-03-31T09:00:00Z", "2026-05-31T09:00:00Z"][..],
            ),
            (
                "2026-01-31",
                "09:00",
                month(Clamp),
                "UTC",
                "2026-01-31T09:00:00Z",
                &["2026-02-28T09:00:00Z", "2026-03-31T09:00:00Z", "2026-04-30T09:00:00Z"],
            ),
            // Four years, from a leap day, over a year that is none.
            (
                "2096-02-29",
                "00:00",
                Unit::Months(48, Skip),
                "UTC",
                "2096-02-29T00:00:00Z",
                &["2104-02-29T00:00:00Z"],
            ),
            (
                "2096-02-29",
                "00:00",
                Unit::Months(48, Clamp),
                "UTC",
                "2096-02-29T00:00:00Z",
                &["2100-02-28T00:00:00Z", "2104-02-29T00:00:00Z"],
            ),
            // Days of the calendar are not 24 hours: 03:00 stays 03:00.
            (
                "2026-03-27",
                "03:00",
                Unit::Days(1),
                "Europe/Berlin",
                "2026-03-27T23:00:00Z",
                &["2026-03-28T02:00:00Z", "2026-03-29T01:00:00Z", "2026-03-30T01:00:00Z"],
            ),
            // In a gap at its end, in a fold once.
            (
                "2026-03-27",
                "02:30",
                Unit::Days(1),
                "Europe/Berlin",
                "2026-03-28T12:00:00Z",
                &["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"],
            ),
            (
                "2026-10-23",
                "02:30",
                Unit::Days(1),
                "Europe/Berlin",
                "2026-10-24T12:00:00Z",
                &["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
            ),
            // Every other week keeps its week.
            (
                "2026-01-05",
                "08:00",
                Unit::Days(14),
                "UTC",
                "2026-06-01T00:00:00Z",
                &["2026-06-08T08:00:00Z", "2026-06-22T08:00:00Z"],
            ),
            // Before the start, the start; and the end of the calendar.
            (
                "2026-01-05",
                "08:00",
                Unit::Days(14),
                "UTC",
                "1990-01-01T00:00:00Z",
                &["2026-01-05T08:00:00Z"],
            ),
            // 30 December 2011 never was in Samoa.
            (
                "2011-12-28",
                "00:00",
                Unit::Days(1),
                "Pacific/Apia",
                "2011-12-29T12:00:00Z",
                &["2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"],
            ),
        ] {
            let calendar = calendar(start, at, unit, zone);
            let mut asked = ts(after);
            for next in expected {
                assert_eq!(
                    calendar.next_after(asked),
                    Some(ts(next)),
                    "{calendar:?} after {asked}"
                );
                asked = ts(next);
            }
        }
        let last = calendar("2199-12-31", "23:00", Unit::Days(1), "UTC");
        assert_eq!(last.next_after(ts("2199-12-31T23:00:00Z")), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// The three laws, in zones with gaps and folds of all sizes.
        #[test]
        fn the_laws_hold(
            day in 0..40_000_i64, hour in 0..24_i8, count in 1..40_u16, months: bool, clamp: bool,
            zone in proptest::sample::select(&["UTC", "Europe/Berlin", "Pacific/Apia", "Australia/Lord_Howe", "America/Sao_Paulo"][..]),
            a in 0..6_000_000_000_i64, b in 0..6_000_000_000_i64,
        ) {
            let end = if clamp { MonthEnd::Clamp } else { MonthEnd::Skip };
            let unit = if months { Unit::Months(count, end) } else { Unit::Days(count) };
            let start = Date::constant(1970, 1, 1).checked_add(day.days()).expect("in range");
            let zone = Zone::new(TimeZone::get(zone).expect("a zone of the database"));
            let calendar = Calendar::new(start, Time::constant(hour, 30, 0, 0), unit, zone);
            let at = |second| Timestamp::from_second(second).expect("in range");
            let (earlier, later) = (at(a.min(b)), at(a.max(b)));
            let (first, second) = (calendar.next_after(earlier), calendar.next_after(later));
            prop_assert!(first.is_none_or(|due| due > earlier));
            prop_assert!(second.is_none() || first <= second, "{first:?} {second:?}");
            if let Some(due) = first {
                prop_assert_eq!(calendar.next_after(due - 1.microsecond()), Some(due));
                prop_assert_eq!(calendar.next_after(earlier.max(due - 36.hours())), Some(due));
            }
        }
    }
}
