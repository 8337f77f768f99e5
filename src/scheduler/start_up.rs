//! Firings that no clock names: they arise, and are due then or after a delay.

use jiff::{SignedDuration, Timestamp, ToSpan};

use super::{Scheduler, TaskState};
use crate::event::TriggerKind;
use crate::timetable::{Slot, Timetable};
use crate::trigger::{Firing, Start};

impl Scheduler {
    /// The daemon starts: what waits for that arises.
    pub(super) fn start_up(&mut self, now: Timestamp, boot: bool) {
        for task in self.tasks.values_mut().filter(|task| task.schedule.enabled) {
            let now_too = |on: Start| on == Start::Every || boot;
            let delays = task.schedule.when.startups().filter(|startup| now_too(startup.on));
            // Of several, the first to come: one start is one firing.
            if let Some(delay) = delays.map(|startup| startup.delay).min() {
                task.arise(now, delay, TriggerKind::Startup, &mut self.timetable);
            }
        }
    }

    /// The clock was set by so much: what is so long from now stays so long from now.
    pub(super) fn move_arisen(&mut self, by: SignedDuration) {
        for task in self.tasks.values_mut() {
            if let Some(firing) = task.arisen
                && let Ok(due) = firing.due.checked_add(by)
            {
                task.wait(Firing { due, ..firing }, &mut self.timetable);
            }
        }
    }
}

impl TaskState {
    /// A firing arises and is due `delay` from `now`, at the next microsecond that is free.
    fn arise(
        &mut self,
        now: Timestamp,
        delay: SignedDuration,
        kind: TriggerKind,
        timetable: &mut Timetable,
    ) {
        let Ok(mut due) = now.checked_add(delay) else { return };
        while self.is_taken(due) {
            let Ok(next) = due.checked_add(1.microsecond()) else { return };
            due = next;
        }
        self.last_arisen = Some(due);
        self.wait(Firing { due, kind }, timetable);
    }

    /// Whether another firing of this task is named by the same instant.
    fn is_taken(&self, due: Timestamp) -> bool {
        let before = due.checked_sub(1.microsecond()).unwrap_or(due);
        self.last_arisen == Some(due)
            || self.schedule.next_after(before).is_some_and(|clock| clock.due == due)
    }

    fn wait(&mut self, firing: Firing, timetable: &mut Timetable) {
        self.drop_arisen(timetable);
        self.arisen = Some(firing);
        timetable.insert(firing.due, self.schedule.name.clone(), Slot::Arisen);
    }

    /// Takes back a firing that has arisen and is not due yet.
    pub(super) fn drop_arisen(&mut self, timetable: &mut Timetable) {
        if let Some(firing) = self.arisen.take() {
            timetable.remove(firing.due, &self.schedule.name, Slot::Arisen);
        }
    }
}
