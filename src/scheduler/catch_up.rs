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

/// What `schedule` owes at `now` on the machine of this id, of which `first` is the oldest, to be
/// judged at `first_at`.
pub(super) fn owed(
    schedule: &Schedule,
    machine: &[u8],
    (first_at, first): (Timestamp, Firing),
    now: Timestamp,
) -> Owed {
    let judged_at = |firing: Firing| {
        if firing == first {
            // Its delay may have begun under another definition.
            return first_at;
        }
        let delay = schedule.delay(machine, firing.due);
        firing.due.checked_add(delay).unwrap_or(firing.due)
    };
    let newest = match schedule.when.last_until(first.due, now) {
        // It is due, but its delay goes on: it is judged later. No delay reaches the next firing,
        // so that of the one before has ended.
        Some(newest) if judged_at(newest) > now => last_before(schedule, first, newest),
        other => other,
    };
    let on_time = newest.unwrap_or(first);
    let judged_until = on_time.due;
    if now.duration_since(judged_at(on_time)) > schedule.policy.grace {
        return Owed {
            on_time: None,
            missed: Some(missed(schedule, first.due, on_time.due)),
            judged_until,
        };
    }
    let before = newest.map(|newest| {
        let last = last_before(schedule, first, newest).unwrap_or(first);
        missed(schedule, first.due, last.due)
    });
    Owed { on_time: Some(on_time), missed: before, judged_until }
}

/// The last firing after `first` and before `later`.
fn last_before(schedule: &Schedule, first: Firing, later: Firing) -> Option<Firing> {
    let just_before = later.due.checked_sub(1.microsecond()).ok()?;
    schedule.when.last_until(first.due, just_before)
}

fn missed(schedule: &Schedule, first: Timestamp, last: Timestamp) -> Missed {
    Missed { first, last, count: schedule.when.count(first, last) }
}
