//! Firings that no clock names: they arise, and are judged then or after a delay.

use jiff::{SignedDuration, Timestamp, ToSpan};

use super::fire::skip;
use super::{Arisen, Arising, Scheduler, Step, TaskState};
use crate::event::{RunId, SkipReason, TriggerKind, WaitReason};
use crate::name::Name;
use crate::timetable::Slot;
use crate::trigger::Start;

impl Scheduler {
    /// The daemon starts: what waits for that arises.
    pub(super) fn start_up(&mut self, now: Timestamp, boot: bool) {
        let now_too = |on: Start| on == Start::Every || boot;
        let delay = |task: &TaskState| {
            let startups = task.schedule.when.startups();
            // Of several, the first to come: one start is one firing.
            startups.filter(|startup| now_too(startup.on)).map(|startup| startup.delay).min()
        };
        let tasks: Vec<_> = self
            .tasks
            .iter()
            .filter_map(|(name, task)| Some((name.clone(), delay(task)?)))
            .collect();
        for (task, delay) in tasks {
            self.arise(now, &task, delay, Arising::of(TriggerKind::Startup));
        }
    }

    /// A firing of `task` arises, and is judged `delay` from `now`. It is due now, or at the next
    /// microsecond that is free.
    pub(super) fn arise(
        &mut self,
        now: Timestamp,
        task: &Name,
        delay: SignedDuration,
        arising: Arising,
    ) {
        let Some(due) = self.free_instant(task, now) else { return };
        let Some(state) = self.tasks.get_mut(task) else { return };
        let fires = state.schedule.enabled && state.schedule.when.covers(due);
        if !fires && arising.trigger != TriggerKind::Manual {
            return;
        }
        // After a clock was set back its name may lie ahead; that holds up nothing.
        let ahead = due.duration_since(now) >= SignedDuration::from_secs(1);
        let at = now.checked_add(delay).unwrap_or(Timestamp::MAX);
        let at = if ahead { at } else { at.max(due) };
        let run = RunId { task: task.clone(), due };
        state.last_arisen = Some(due);
        state.arisen.insert(due, Arisen { at, arising });
        self.timetable.insert(at, run.task.clone(), Slot::Arisen(due));
        self.arose.push(run);
    }

    /// Tells of those that arose in this step and were not judged in it: they have a delay, or stand
    /// behind others.
    pub(super) fn tell_arisen(&mut self, now: Timestamp, step: &mut Step) {
        for run in std::mem::take(&mut self.arose) {
            let task = self.tasks.get(&run.task);
            let Some(arisen) = task.and_then(|task| task.arisen.get(&run.due)) else { continue };
            let (arising, until) = (arisen.arising.clone(), Some(arisen.at));
            step.events.push(arising.waits(now, run, (WaitReason::Delay, until), false));
        }
    }

    /// The first microsecond from `now` on that names no other firing of `task`.
    fn free_instant(&self, task: &Name, now: Timestamp) -> Option<Timestamp> {
        let state = self.tasks.get(task)?;
        let mut due = now;
        // Many may arise at once, or the clock was set back: go on behind what was there.
        for taken in [state.last_arisen, Some(state.mark).filter(|mark| *mark > now)] {
            if let Some(taken) = taken.filter(|taken| *taken >= due) {
                due = taken.checked_add(1.microsecond()).ok()?;
            }
        }
        let is_taken = |due: Timestamp| {
            let before = due.checked_sub(1.microsecond()).unwrap_or(due);
            state.arisen.contains_key(&due)
                || state.waiting.contains_key(&due)
                || self.runs.contains_key(&RunId { task: task.clone(), due })
                || state.schedule.when.next_after(before).is_some_and(|clock| clock.due == due)
        };
        while is_taken(due) {
            due = due.checked_add(1.microsecond()).ok()?;
        }
        Some(due)
    }

    /// Judges what arose. It has no next one, so it is never too late.
    pub(super) fn fire_arisen(&mut self, now: Timestamp, run: RunId, step: &mut Step) {
        let task =
            self.tasks.get_mut(&run.task).expect("the timetable names only tasks that are there");
        let arisen = task.arisen.remove(&run.due).expect("this was its entry");
        self.judge(now, run, arisen.arising, step);
    }

    /// The clock was set by so much: delays end so long from now as before.
    pub(super) fn move_arisen(&mut self, by: SignedDuration) {
        for (name, task) in &mut self.tasks {
            for (due, arisen) in &mut task.arisen {
                self.timetable.remove(arisen.at, name, Slot::Arisen(*due));
                arisen.at = arisen.at.checked_add(by).unwrap_or(arisen.at);
                self.timetable.insert(arisen.at, name.clone(), Slot::Arisen(*due));
            }
        }
    }

    /// Takes back those firings of `task` that have arisen, are not judged yet, and that `which`
    /// picks.
    pub(super) fn drop_arisen(
        &mut self,
        now: Timestamp,
        name: &Name,
        reason: SkipReason,
        which: impl Fn(TriggerKind) -> bool,
        step: &mut Step,
    ) {
        let Some(task) = self.tasks.get_mut(name) else { return };
        let dropped = task.arisen.extract_if(.., |_, arisen| which(arisen.arising.trigger));
        for (due, arisen) in dropped {
            self.timetable.remove(arisen.at, name, Slot::Arisen(due));
            let run = RunId { task: name.clone(), due };
            skip(now, run, arisen.arising.trigger, reason, step);
        }
    }
}
