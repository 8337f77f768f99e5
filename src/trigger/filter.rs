//! Calendars: sets of days on which tasks fire, or do not.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::{Date, Weekday};
use jiff::{Timestamp, ToSpan};

use super::LAST_YEAR;
use crate::name::Name;
use crate::zone::Zone;

/// A named set of days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Days {
    name: Name,
    dates: BTreeSet<Date>,
    /// Bit 0 is Sunday.
    weekdays: u8,
}

impl Days {
    /// The days `dates`, and every one that is one of `weekdays`.
    #[must_use]
    pub fn new(
        name: Name,
        dates: impl IntoIterator<Item = Date>,
        weekdays: impl IntoIterator<Item = Weekday>,
    ) -> Self {
        let bits = weekdays.into_iter().fold(0, |bits, weekday| bits | bit(weekday));
        Self { name, dates: dates.into_iter().collect(), weekdays: bits }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Whether it has this day.
    #[must_use]
    pub fn contains(&self, date: Date) -> bool {
        self.weekdays & bit(date.weekday()) != 0 || self.dates.contains(&date)
    }
}

fn bit(weekday: Weekday) -> u8 {
    1 << weekday.to_sunday_zero_offset()
}

/// On which days a task runs: on none of some calendars, and only on those of others.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    skip_on: Vec<Arc<Days>>,
    only_on: Vec<Arc<Days>>,
    zone: Zone,
}

/// Why a day is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excluded<'a> {
    /// It is in this calendar, which the task skips.
    On(&'a Name),
    /// It is in none of the calendars to which the task keeps.
    NotOn,
}

impl Filter {
    /// No day of `skip_on`, and if there are any, only days of `only_on`; a day is one of `zone`.
    #[must_use]
    pub fn new(skip_on: Vec<Arc<Days>>, only_on: Vec<Arc<Days>>, zone: Zone) -> Self {
        Self { skip_on, only_on, zone }
    }

    /// Why a firing that is due at `due` does not run, if so.
    #[must_use]
    pub fn excludes(&self, due: Timestamp) -> Option<Excluded<'_>> {
        self.excludes_day(self.zone.wall(due).date())
    }

    fn excludes_day(&self, date: Date) -> Option<Excluded<'_>> {
        if let Some(days) = self.skip_on.iter().find(|days| days.contains(date)) {
            return Some(Excluded::On(days.name()));
        }
        let missing =
            !self.only_on.is_empty() && !self.only_on.iter().any(|days| days.contains(date));
        missing.then_some(Excluded::NotOn)
    }

    /// The first instant of the day of `due`.
    #[must_use]
    pub fn day_start(&self, due: Timestamp) -> Option<Timestamp> {
        self.zone.instant(self.zone.wall(due).date().at(0, 0, 0, 0)).map(|start| start.min(due))
    }

    /// The first instant of the first day after that of `due` which is not excluded.
    #[must_use]
    pub fn next_day(&self, due: Timestamp) -> Option<Timestamp> {
        let mut date = self.zone.wall(due).date();
        loop {
            date = date.checked_add(1.day()).ok()?;
            if date.year() > LAST_YEAR {
                return None;
            }
            if self.excludes_day(date).is_none() {
                return self.zone.instant(date.at(0, 0, 0, 0));
            }
        }
    }
}
