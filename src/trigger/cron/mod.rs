//! Patterns of wall-clock readings, in a zone.
//!
//! The way of a pattern: text, split by us so that a complaint can point at the item at fault
//! (`crontab`, `fields`, `parse`) → [`Expression`] → `Pattern`, sets of bits (croner reads the
//! numbers) → wall-clock readings → instants, here.
//!
//! A search walks wall-clock readings and turns each into an instant; it never adds a duration
//! across a date. The policy where clocks change: a trigger is *fixed* unless its hour or minute
//! starts with `*`. A fixed reading inside a gap fires once, at the first instant after the gap;
//! inside a fold once, at the first pass. Otherwise it follows real time: nothing inside a gap,
//! both passes of a fold.

mod advice;
mod civil;
mod crontab;
mod expression;
mod fault;
mod field;
mod fields;
mod item;
mod parse;
mod pattern;
mod words;

use std::sync::Arc;

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp, ToSpan};

pub use crontab::{Crontab, parse_crontab};
pub use expression::{Dialect, Expression};
pub use fault::{Fault, Problem};
pub use field::Field;
pub use fields::{FieldText, parse_fields};
pub use pattern::{Pattern, Readings};

use super::{FIRST_YEAR, HORIZON};
use crate::zone::{Reading, Zone};

/// No two wall clocks on earth differ by more than this.
const WIDEST_OFFSET: SignedDuration = SignedDuration::from_hours(26);

/// Fires when the wall clock of a zone reads what a pattern says.
#[derive(Clone, Debug, PartialEq)]
pub struct Cron {
    pattern: Arc<Pattern>,
    zone: Zone,
}

impl Cron {
    /// Fires as `pattern` says, in `zone`. Equal patterns should share one copy.
    #[must_use]
    pub fn new(pattern: Arc<Pattern>, zone: Zone) -> Self {
        Self { pattern, zone }
    }

    /// The same pattern in another zone.
    #[must_use]
    pub fn in_zone(&self, zone: Zone) -> Self {
        Self { pattern: self.pattern.clone(), zone }
    }

    /// What it matches.
    #[must_use]
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// Whose wall clock it reads.
    #[must_use]
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Returns the first firing strictly after `after`, or `None` if there will be no more.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        if after.as_microsecond() >= HORIZON {
            return None;
        }
        if let Some(due) = self.next_in_stretch(after) {
            return Some(due);
        }
        let next = if self.pattern.is_fixed() {
            self.next_fixed(after)
        } else {
            self.next_in_real_time(after)
        };
        next.filter(|due| due.as_microsecond() < HORIZON)
    }

    /// How many firings lie in `first..=last`, both of them firings; not much further than `most`.
    ///
    /// On a day on which no clock changes there are as many as the pattern has times of day.
    pub(in crate::trigger) fn count(&self, first: Timestamp, last: Timestamp, most: u64) -> u64 {
        let mut count = 0;
        let mut at = Some(first);
        while let Some(due) = at.filter(|due| *due <= last && count <= most) {
            let wall = self.zone.wall(due);
            // As a gap ends, a firing comes whose reading the clock does not show.
            let is_shown = self.pattern.next_reading(wall) == Some(wall);
            let midnight =
                wall.date().tomorrow().ok().and_then(|day| self.zone.instant(day.at(0, 0, 0, 0)));
            let quiet = midnight.filter(|midnight| {
                is_shown
                    && *midnight <= last
                    && self.zone.next_change(due).is_none_or(|change| change > *midnight)
            });
            match quiet {
                Some(midnight) => {
                    count += self.pattern.times_from(wall.time());
                    let just_before = midnight.checked_sub(1.microsecond()).unwrap_or(due);
                    at = self.next_after(just_before.max(due));
                }
                None if is_shown
                    && wall.date() == self.zone.wall(last).date()
                    && self.zone.offset(due) == self.zone.offset(last)
                    && self.zone.next_change(due).is_none_or(|change| change > last) =>
                {
                    let after = next_second(self.zone.wall(last)).map_or(0, |after| {
                        if after.date() == wall.date() {
                            self.pattern.times_from(after.time())
                        } else {
                            0
                        }
                    });
                    return count + self.pattern.times_from(wall.time()) - after;
                }
                None => {
                    count += 1;
                    at = self.next_after(due);
                }
            }
        }
        count
    }

    /// The answer where it lies, as nearly all do, in a time without any jump close by, and nothing has to
    /// be known of jumps on the way.
    fn next_in_stretch(&self, after: Timestamp) -> Option<Timestamp> {
        // The first whole second strictly after it.
        let from = after.as_microsecond().div_euclid(1_000_000) + 1;
        let here = self.zone.stretch(from)?;
        let reading = self.pattern.next_match(from + here.offset)?;
        let due = reading - here.offset;
        if due < here.until {
            return Timestamp::from_second(due).ok();
        }
        // What follows real time has to be looked for on the way, too.
        let there = self.zone.stretch(due).filter(|_| self.pattern.is_fixed())?;
        let due = reading - there.offset;
        let is_there = (there.from..there.until).contains(&due);
        is_there.then(|| Timestamp::from_second(due).ok()).flatten()
    }

    /// Each reading once, however often the clock shows it or does not.
    fn next_fixed(&self, after: Timestamp) -> Option<Timestamp> {
        // What the second pass of a fold shows has fired in the first.
        let mut from = match self.zone.second_pass_end(after) {
            Some(end) => end,
            None => next_second(self.zone.wall(after))?,
        };
        loop {
            let wall = self.pattern.next_reading(from)?;
            let (Reading::Once(due) | Reading::Fold(due) | Reading::Gap(due)) =
                self.zone.read(wall)?;
            if due > after {
                return Some(due);
            }
            from = next_second(wall)?;
        }
    }

    /// Each instant at which the clock shows a reading.
    ///
    /// Between two changes of the zone the wall clock runs straight, so the search goes from one
    /// such stretch to the next, and leaves out those that lie before any possible answer.
    fn next_in_real_time(&self, after: Timestamp) -> Option<Timestamp> {
        let near = after.checked_add(WIDEST_OFFSET * 2).ok()?;
        let mut from = next_second(self.zone.wall(after))?;
        let mut at = after;
        loop {
            let offset = self.zone.offset(at);
            let change = self.zone.next_change(at);
            let wall = self.pattern.next_reading(from)?;
            let due = offset.to_timestamp(wall).ok()?;
            let Some(change) = change.filter(|change| due >= *change) else {
                return Some(due);
            };
            // A fold close by may show again what the clock has already passed; later ones only
            // show readings that lie ahead anyway.
            let earliest = due.checked_sub(WIDEST_OFFSET * 2).ok()?;
            at = if change < near { change } else { change.max(earliest) };
            from = at_or_next_second(self.zone.wall(at))?;
        }
    }
}

/// The first whole second after `wall`.
fn next_second(wall: DateTime) -> Option<DateTime> {
    whole_second(wall)?.checked_add(1.second()).ok()
}

/// `wall`, or the first whole second after it.
fn at_or_next_second(wall: DateTime) -> Option<DateTime> {
    if wall.subsec_nanosecond() == 0 { Some(wall) } else { next_second(wall) }
}

fn whole_second(wall: DateTime) -> Option<DateTime> {
    if wall.year() < FIRST_YEAR {
        return DateTime::new(FIRST_YEAR - 1, 12, 31, 23, 59, 59, 0).ok();
    }
    wall.with().subsec_nanosecond(0).build().ok()
}

#[cfg(test)]
pub(in crate::trigger) mod tests;
