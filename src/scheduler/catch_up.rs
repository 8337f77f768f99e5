//! What a task owes: usually one firing; after a sleep or a clock set forward several.

use jiff::{Timestamp, ToSpan};

use crate::event::Count;
use crate::schedule::Schedule;
use crate::trigger::Firing;

/// What is owed, judged by how late it is.
pub(super) struct Owed {
    /// The newest firing, if it is within grace: it is judged as if on time.
    pub on_time: Option<Firing>,
    /// The others.
    pub missed: Option<Missed>,
    /// Every instant up to here is judged now.
    pub judged_until: Timestamp,
}

/// A stretch of firings that nobody was there for.
pub(super) struct Missed {
    pub first: Timestamp,
    pub last: Timestamp,
    pub count: Count,
}

/// What `schedule` owes at `now`, of which `first` is the oldest.
pub(super) fn owed(schedule: &Schedule, first: Firing, now: Timestamp) -> Owed {
    let newest = schedule.when.last_until(first.due, now);
    let on_time = newest.unwrap_or(first);
    let judged_until = on_time.due;
    if now.duration_since(on_time.due) > schedule.policy.grace {
        return Owed {
            on_time: None,
            missed: Some(missed(schedule, first.due, on_time.due)),
            judged_until,
        };
    }
    let before = newest.and_then(|newest| {
        let just_before = newest.due.checked_sub(1.microsecond()).ok()?;
        let last = schedule.when.last_until(first.due, just_before).unwrap_or(first);
        Some(missed(schedule, first.due, last.due))
    });
    Owed { on_time: Some(on_time), missed: before, judged_until }
}

fn missed(schedule: &Schedule, first: Timestamp, last: Timestamp) -> Missed {
    Missed { first, last, count: schedule.when.count(first, last) }
}
