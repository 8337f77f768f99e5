//! A firing comes due and gets its verdict.

use jiff::Timestamp;

use super::catch_up::{self, Missed};
use super::{Action, Scheduler, Step};
use crate::event::{Event, RunId, SkipReason};
use crate::name::Name;
use crate::timetable::Slot;
use crate::trigger::Firing;

impl Scheduler {
    /// So many firings are judged in one step at most, so that the first of a burst starts after
    /// one small commit and not after a large one.
    pub const MOST_FIRINGS: usize = 256;

    /// Judges what is due by `now`, in order of due, then of name.
    pub(super) fn fire_due(&mut self, now: Timestamp, step: &mut Step) {
        for _ in 0..Self::MOST_FIRINGS {
            let Some((name, slot)) = self.timetable.take_due(now) else {
                break;
            };
            match slot {
                Slot::Clock => self.fire_clock(now, name, step),
                Slot::Arisen => self.fire_arisen(now, name, step),
            }
        }
    }

    /// Judges what a clock has named: one firing, or all that are owed.
    fn fire_clock(&mut self, now: Timestamp, name: Name, step: &mut Step) {
        let task =
            self.tasks.get_mut(&name).expect("the timetable names only tasks that are there");
        let (at, first) = task.clock.take().expect("this was its entry");
        let owed = catch_up::owed(&task.schedule, &self.machine, (at, first), now);
        task.mark = owed.judged_until;
        task.plan(&self.machine, &mut self.timetable);
        if let Some(Missed { first, last, count }) = owed.missed {
            let task = name.clone();
            step.events.push(Event::FiringsMissed { at: now, task, first, last, count });
        }
        if let Some(firing) = owed.on_time {
            self.judge(now, RunId { task: name, due: firing.due }, firing, step);
        }
    }

    /// Judges what arose. It has no next one, so it is never too late.
    fn fire_arisen(&mut self, now: Timestamp, name: Name, step: &mut Step) {
        let task =
            self.tasks.get_mut(&name).expect("the timetable names only tasks that are there");
        let firing = task.arisen.take().expect("this was its entry");
        self.judge(now, RunId { task: name, due: firing.due }, firing, step);
    }

    /// Gives a firing that is on time its verdict.
    fn judge(&mut self, now: Timestamp, run: RunId, firing: Firing, step: &mut Step) {
        let task = self.tasks.get_mut(&run.task).expect("it has just fired");
        let excluded =
            task.schedule.filter.as_ref().is_some_and(|filter| filter.excludes(run.due).is_some());
        let reason = if excluded {
            Some(SkipReason::Calendar)
        } else {
            (task.running > 0).then_some(SkipReason::Overlap)
        };
        if let Some(reason) = reason {
            step.events.push(Event::FiringSkipped { at: now, run, reason });
            return;
        }
        task.running += 1;
        self.runs.insert(run.clone(), now);
        let trigger = firing.kind;
        step.events.push(Event::RunStarted { at: now, run: run.clone(), trigger });
        step.actions.push(Action::Start { run, trigger });
    }
}
