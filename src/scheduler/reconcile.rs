//! The wanted tasks and the present ones become the same: at the start and at every change.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Scheduler, Step, TaskState};
use crate::event::{Event, RunId};
use crate::name::Name;
use crate::schedule::Schedule;
use crate::timetable::Timetable;

impl Scheduler {
    /// Makes `wanted` the tasks. A task seen for the first time, or with a changed trigger, looks
    /// forward from `now`; other changes keep the mark; unchanged tasks keep all their state.
    pub(super) fn reconcile(&mut self, now: Timestamp, wanted: Vec<Schedule>, step: &mut Step) {
        let wanted: BTreeMap<Name, Schedule> =
            wanted.into_iter().map(|schedule| (schedule.name.clone(), schedule)).collect();
        let gone: Vec<Name> =
            self.tasks.keys().filter(|name| !wanted.contains_key(*name)).cloned().collect();
        for name in gone {
            if let Some(mut task) = self.tasks.remove(&name) {
                task.unplan(&mut self.timetable);
                task.drop_arisen(&mut self.timetable);
            }
            step.events.push(Event::TaskRemoved { at: now, task: name });
        }
        for (name, schedule) in wanted {
            match self.tasks.get_mut(&name) {
                None => {
                    let mut task = TaskState::new(schedule, now);
                    // Runs of an earlier task of this name still count as its own.
                    let runs = self.runs.range(first_run(&name)..);
                    task.running = runs.take_while(|(run, _)| run.task == name).count();
                    task.plan(&self.machine, &mut self.timetable);
                    self.tasks.insert(name.clone(), task);
                    step.events.push(Event::TaskAdded { at: now, task: name });
                }
                Some(task) if task.schedule != schedule => {
                    task.change(now, schedule, &self.machine, &mut self.timetable);
                    step.events.push(Event::TaskChanged { at: now, task: name });
                }
                Some(_) => {}
            }
        }
    }
}

impl TaskState {
    /// Takes over another definition.
    fn change(
        &mut self,
        now: Timestamp,
        schedule: Schedule,
        machine: &[u8],
        timetable: &mut Timetable,
    ) {
        let looks_forward = self.schedule.when != schedule.when || !self.schedule.enabled;
        if looks_forward {
            self.mark = now;
        }
        if !schedule.enabled || schedule.when.startups().next().is_none() {
            self.drop_arisen(timetable);
        }
        self.schedule = schedule;
        // A delay that has begun keeps its end.
        let begun = self.clock.is_some_and(|(_, firing)| firing.due <= now);
        if looks_forward || !begun || !self.schedule.enabled {
            self.plan(machine, timetable);
        }
    }
}

/// The least run a task of this name can have.
fn first_run(name: &Name) -> RunId {
    RunId { task: name.clone(), due: Timestamp::MIN }
}
