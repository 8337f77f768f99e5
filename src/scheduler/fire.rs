//! A firing comes due and gets its verdict.

use jiff::Timestamp;

use super::{Action, Scheduler, Step};
use crate::event::{Event, RunId, SkipReason};
use crate::trigger::Firing;

impl Scheduler {
    /// So many firings are judged in one step at most, so that the first of a burst starts after
    /// one small commit and not after a large one.
    pub const MOST_FIRINGS: usize = 256;

    /// Judges what is due by `now`, in order of due, then of name.
    pub(super) fn fire_due(&mut self, now: Timestamp, step: &mut Step) {
        for _ in 0..Self::MOST_FIRINGS {
            let Some(name) = self.timetable.take_due(now) else {
                break;
            };
            let task =
                self.tasks.get_mut(&name).expect("the timetable names only tasks that are there");
            let (due, kind) = task.entry.take().expect("this was its entry");
            let owed = super::catch_up::owed(&task.schedule, Firing { due, kind }, now);
            task.mark = owed.judged_until;
            task.plan(&name, &mut self.timetable);
            if let Some(missed) = owed.missed {
                step.events.push(Event::FiringsMissed {
                    at: now,
                    task: name.clone(),
                    first: missed.first,
                    last: missed.last,
                    count: missed.count,
                });
            }
            if let Some(firing) = owed.on_time {
                self.judge(now, RunId { task: name, due: firing.due }, firing, step);
            }
        }
    }

    /// Gives a firing that is on time its verdict.
    fn judge(&mut self, now: Timestamp, run: RunId, firing: Firing, step: &mut Step) {
        let task = self.tasks.get_mut(&run.task).expect("it has just fired");
        if task.running > 0 {
            let reason = SkipReason::Overlap;
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
