//! What comes next over all tasks: an ordered set of what is planned for each.
//!
//! The same order that the daemon follows and `taskd next` prints: by due, then by name.

use std::cmp::{Ordering, Reverse};
use std::collections::binary_heap::PeekMut;
use std::collections::{BTreeSet, BinaryHeap};

use jiff::Timestamp;

use crate::name::Name;
use crate::schedule::Schedule;
use crate::trigger::Firing;

/// What is planned for a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// The next firing that a clock names.
    Clock,
    /// A firing that no clock names, by its due; it has arisen and waits for its delay.
    Arisen(Timestamp),
    /// The next attempt of a run, by its due.
    Retry(Timestamp),
}

/// What comes next for each task.
#[derive(Clone, Debug, Default)]
pub struct Timetable(BTreeSet<(Timestamp, Name, Slot)>);

impl Timetable {
    /// The first entry, if there is any.
    #[must_use]
    pub fn first(&self) -> Option<(Timestamp, &Name)> {
        self.0.first().map(|(at, name, _)| (*at, name))
    }

    /// When the first entry is to be judged, if there is any.
    #[must_use]
    pub fn first_at(&self) -> Option<Timestamp> {
        self.first().map(|(at, _)| at)
    }

    /// Takes out the first entry that is to be judged by `now`.
    pub fn take_due(&mut self, now: Timestamp) -> Option<(Name, Slot)> {
        if self.first_at()? > now {
            return None;
        }
        self.0.pop_first().map(|(_, name, slot)| (name, slot))
    }

    /// Enters that something of `name` is to be judged at `at`. The caller has taken out the entry
    /// of this slot before it.
    pub fn insert(&mut self, at: Timestamp, name: Name, slot: Slot) {
        self.0.insert((at, name, slot));
    }

    /// Takes out the entry of `name` in `slot` that is to be judged at `at`.
    pub fn remove(&mut self, at: Timestamp, name: &Name, slot: Slot) {
        self.0.remove(&(at, name.clone(), slot));
    }
}

/// Which firings are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that no calendar excludes.
    Runs,
    /// All of them.
    All,
}

/// The firings of `tasks`, which have a schedule each, strictly after `after`, merged by time, ties by
/// name, without end unless they come to one.
pub fn firings<'a, T: AsRef<Schedule> + 'a>(
    tasks: impl IntoIterator<Item = &'a T>,
    after: Timestamp,
    which: Which,
) -> impl Iterator<Item = (&'a T, Firing)> {
    let next = move |task, after| next(task, after, which).map(Reverse);
    let mut entries: BinaryHeap<_> =
        tasks.into_iter().filter_map(|task| next(task, after)).collect();
    std::iter::from_fn(move || {
        let mut earliest = entries.peek_mut()?;
        let Reverse(Next { firing, task, .. }) = *earliest;
        // In its place, which is cheaper than to take it out first.
        match next(task, firing.due) {
            Some(next) => *earliest = next,
            None => drop(PeekMut::pop(earliest)),
        }
        Some((task, firing))
    })
}

/// The first of the [`firings`] that no calendar excludes, which takes less than to have them in order.
pub fn first<'a, T: AsRef<Schedule> + 'a>(
    tasks: impl IntoIterator<Item = &'a T>,
    after: Timestamp,
) -> Option<(&'a T, Firing)> {
    let all = tasks.into_iter().filter_map(|task| next(task, after, Which::Runs));
    all.min().map(|Next { firing, task, .. }| (task, firing))
}

fn next<T: AsRef<Schedule>>(task: &T, after: Timestamp, which: Which) -> Option<Next<'_, T>> {
    let schedule = task.as_ref();
    let firing = match which {
        Which::Runs => schedule.next_run_after(after)?,
        Which::All => schedule.next_after(after)?,
    };
    Some(Next { firing, name: &schedule.name, task })
}

/// The next firing of a task, in the order of due, then of name.
struct Next<'a, T> {
    firing: Firing,
    name: &'a Name,
    task: &'a T,
}

impl<T> Ord for Next<'_, T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.firing.due, self.name).cmp(&(other.firing.due, other.name))
    }
}

impl<T> PartialOrd for Next<'_, T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Next<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Next<'_, T> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trigger::{Interval, Trigger, When};
    use jiff::SignedDuration;

    #[test]
    fn firings_come_by_time_then_by_name() {
        let every = |name: &str, minutes| {
            let interval =
                Interval::new(SignedDuration::from_mins(minutes)).expect("a fine length");
            let when = When::new(vec![Trigger::Interval(interval)], None, None);
            Schedule::new(Name::new(name).expect("a fine name"), when)
        };
        let schedules = [every("b", 30), every("a", 60), every("c", 20)];
        let after: Timestamp = "2026-01-01T00:00:00Z".parse().expect("an instant");
        let order = firings(&schedules, after, Which::Runs).take(7).map(|(schedule, firing)| {
            format!("{} {}", firing.due.strftime("%H:%M"), schedule.name)
        });
        let expected =
            ["00:20 c", "00:30 b", "00:40 c", "01:00 a", "01:00 b", "01:00 c", "01:20 c"];
        assert_eq!(order.collect::<Vec<_>>(), expected);
        for minutes in 0..90 {
            let after = after + SignedDuration::from_mins(minutes);
            let next = firings(&schedules, after, Which::Runs).next();
            assert_eq!(first(&schedules, after), next, "after {minutes} min");
        }
    }
}
