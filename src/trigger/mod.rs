//! When a schedule fires.
//!
//! A trigger is a pure function of time: it owns no clock, keeps no state and does no I/O.
//! Three laws hold for every trigger, and the tests check them all: an answer is strictly later
//! than its question; a later question never gets an earlier answer; asking again anywhere
//! before the answer gives the same answer.
//!
//! Answers are whole microseconds, and end with the year 2199.

mod after;
mod calendar;
mod combine;
pub mod cron;
mod date;
mod filter;
mod function;
mod identity;
mod interval;
#[cfg(test)]
mod laws;
mod startup;
mod words;

pub use after::{After, AfterEnd, AfterTasks};
pub use calendar::{Calendar, MonthEnd, Unit};
pub use combine::{Firing, Trigger, When};
pub use cron::Cron;
pub use date::{BadMoment, Dates, Moment};
pub use filter::{Days, Excluded, Filter};
pub use function::Function;
pub use interval::{BadInterval, Interval};
pub use startup::{Start, Startup};

use jiff::Timestamp;

/// The first year of every calendar in taskd.
pub const FIRST_YEAR: i16 = 1970;
/// The last year in which anything fires.
pub const LAST_YEAR: i16 = 2199;

/// Instants from here on never come: 2200-01-01T00:00:00Z, in microseconds since 1970.
const HORIZON: i64 = 7_258_118_400_000_000;

/// The instant `micros` microseconds after 1970-01-01T00:00:00Z, unless it lies past the horizon.
fn instant(micros: i64) -> Option<Timestamp> {
    if micros >= HORIZON {
        return None;
    }
    Timestamp::from_microsecond(micros).ok()
}
