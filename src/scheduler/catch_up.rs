//! What a task owes: usually one firing; after a sleep or a clock set forward several.

use jiff::{Timestamp, ToSpan};

use crate::event::{Count, Event, Passed};
use crate::name::Name;
use crate::policy::Missed;
use crate::schedule::Schedule;
use crate::trigger::Firing;

/// What is owed, judged by how late it is.
#[derive(Debug)]
pub(super) struct Owed {
    /// The firing that is judged as if on time.
    pub on_time: Option<Firing>,
    /// Firings that run one after the other, the oldest first.
    pub one_by_one: Vec<Firing>,
    /// The others, the oldest first.
    pub spans: Vec<Span>,
    /// Every instant up to here is judged now.
    pub judged_until: Timestamp,
}

/// A stretch of firings none of which runs.
#[derive(Debug)]
pub(super) struct Span {
    pub first: Timestamp,
    pub last: Timestamp,
    pub count: Count,
    pub passed: Passed,
}

impl Span {
    pub(super) fn event(self, at: Timestamp, task: Name) -> Event {
        let Self { first, last, count, passed } = self;
        Event::FiringsPassed { at, task, first, last, count, passed, trigger: None }
    }
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
    let newest = newest.unwrap_or(first);
    let late = |firing: Firing| now.duration_since(judged_at(firing)) > schedule.policy.grace;
    let owed =
        Owed { on_time: None, one_by_one: Vec::new(), spans: Vec::new(), judged_until: newest.due };
    if newest == first && !late(first) {
        return Owed { on_time: Some(first), ..owed };
    }
    match schedule.policy.missed {
        Missed::All(most) => {
            let one_by_one = newest_of(schedule, first, newest, most.get());
            let oldest = one_by_one.first().copied().unwrap_or(newest);
            let before = last_before(schedule, first, oldest);
            let before = before.or((first != oldest).then_some(first));
            let missed = before.map(|last| span(schedule, first, last, Passed::Missed));
            Owed { one_by_one, spans: missed.into_iter().collect(), ..owed }
        }
        missed => {
            let others = if missed == Missed::Latest { Passed::Coalesced } else { Passed::Missed };
            let Some(runs) = last_run(schedule, first, newest) else {
                let excluded = span(schedule, first, newest, Passed::Calendar);
                return Owed { spans: vec![excluded], ..owed };
            };
            let on_time = (missed == Missed::Latest || !late(runs)).then_some(runs);
            let last = match on_time {
                Some(_) if runs == first => None,
                Some(_) => Some(last_before(schedule, first, runs).unwrap_or(first)),
                None => Some(runs),
            };
            let mut spans = Vec::new();
            spans.extend(last.map(|last| span(schedule, first, last, others)));
            let after = schedule.when.next_after(runs.due).filter(|after| after.due <= newest.due);
            spans.extend(after.map(|after| span(schedule, after, newest, Passed::Calendar)));
            Owed { on_time, spans, ..owed }
        }
    }
}

/// The last firing after `first` and before `later`.
fn last_before(schedule: &Schedule, first: Firing, later: Firing) -> Option<Firing> {
    let just_before = later.due.checked_sub(1.microsecond()).ok()?;
    schedule.when.last_until(first.due, just_before)
}

/// The newest `most` firings from `first` to `newest`, the oldest first.
fn newest_of(schedule: &Schedule, first: Firing, newest: Firing, most: u32) -> Vec<Firing> {
    let mut firings = vec![newest];
    while firings.len() < most as usize
        && let Some(last) = firings.last().copied().filter(|last| *last != first)
    {
        firings.push(last_before(schedule, first, last).unwrap_or(first));
    }
    firings.reverse();
    firings
}

/// The last firing from `first` to `newest` on a day that no calendar excludes.
fn last_run(schedule: &Schedule, first: Firing, newest: Firing) -> Option<Firing> {
    let Some(filter) = &schedule.filter else { return Some(newest) };
    let just_before = first.due.checked_sub(1.microsecond()).ok()?;
    let mut last = newest;
    while filter.excludes(last.due).is_some() {
        // Days without number may be excluded: go over them as days.
        let day_before = filter.day_start(last.due)?.checked_sub(1.microsecond()).ok()?;
        last = schedule.when.last_until(just_before, day_before)?;
    }
    Some(last)
}

fn span(schedule: &Schedule, first: Firing, last: Firing, passed: Passed) -> Span {
    let (first, last) = (first.due, last.due);
    Span { first, last, count: schedule.when.count(first, last), passed }
}
