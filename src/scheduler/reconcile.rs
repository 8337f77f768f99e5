//! The wanted tasks and the present ones become the same: at the start and at every change.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Followers, Phase, Scheduler, Step, TaskState};
use crate::event::{Event, Passed, SkipReason, TriggerKind};
use crate::name::Name;
use crate::schedule::Schedule;

/// So long the mark of a task that has left the plan is remembered: should the clock be set back
/// a little, time and again, and the task come back, nothing of it comes twice.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(7 * 24);

impl Scheduler {
    /// Makes `wanted` the tasks, of what is there or of what an earlier life has left.
    pub(super) fn load(&mut self, now: Timestamp, wanted: Vec<Schedule>, step: &mut Step) {
        let wanted = wanted.into_iter().map(|schedule| (schedule.name.clone(), schedule)).collect();
        let Some(mut remembered) = self.remembered.take() else {
            return self.reconcile(now, wanted, step);
        };
        Self::correct(now, &mut remembered, step);
        self.remember_tasks(now, &remembered, &wanted, step);
        self.remember_ends(&remembered.tasks);
        self.reconcile(now, wanted, step);
        self.remember_runs(now, remembered, step);
    }

    /// Makes `wanted` the tasks. A task seen for the first time, or with a changed trigger, looks
    /// forward from `now`; other changes keep the mark; unchanged tasks keep all their state.
    fn reconcile(&mut self, now: Timestamp, wanted: BTreeMap<Name, Schedule>, step: &mut Step) {
        self.gone.retain(|_, mark| now.duration_since(*mark) <= REMEMBERED);
        self.rename(now, &wanted, step);
        let gone: Vec<Name> =
            self.tasks.keys().filter(|name| !wanted.contains_key(*name)).cloned().collect();
        for name in gone {
            self.remove(now, name, step);
        }
        for (name, schedule) in wanted {
            match self.tasks.get(&name) {
                Some(task) if task.schedule == schedule => {}
                None => {
                    let definition = schedule.definition();
                    // A clock that was set back a little lets nothing come again.
                    let taken = self.gone.remove(&name);
                    let mark = taken.map_or(now, |mark| mark.max(now));
                    let mut task = TaskState::new(schedule, mark, self.pause.is_some());
                    task.last_arisen = taken;
                    task.plan(&self.machine, &mut self.timetable);
                    self.tasks.insert(name.clone(), task.into());
                    step.events.push(Event::TaskAdded {
                        at: now,
                        task: name,
                        definition,
                        renamed_from: None,
                    });
                }
                Some(_) => {
                    let definition = schedule.definition();
                    self.change(now, &name, schedule, step);
                    step.events.push(Event::TaskChanged { at: now, task: name, definition });
                }
            }
        }
        self.followers = Followers::new(self.tasks.values().map(AsRef::as_ref));
        let renamed = self.tasks.values().map(|task| &task.schedule);
        let heir =
            |schedule: &Schedule| Some((schedule.renamed_from.clone()?, schedule.name.clone()));
        self.heirs = renamed.filter_map(heir).collect();
    }

    /// Lets tasks that have another name now go on from where they were: with the mark, the pause and
    /// the last success. What waited by the old name does not fire, and what runs goes on and ends by it.
    fn rename(&mut self, now: Timestamp, wanted: &BTreeMap<Name, Schedule>, step: &mut Step) {
        for (name, schedule) in wanted {
            let Some(old) = &schedule.renamed_from else { continue };
            let is_new = !self.tasks.contains_key(name) && !wanted.contains_key(old);
            let Some(task) = self.tasks.get(old).filter(|_| is_new) else { continue };
            let then = Schedule { name: name.clone(), ..task.schedule.clone() };
            let mut renamed = TaskState::new(then, task.mark, task.held);
            (renamed.pause, renamed.last_success) = (task.pause.clone(), task.last_success);
            renamed.last_arisen = task.last_arisen.max(self.gone.remove(name));
            renamed.ended.clone_from(&task.ended);
            let until = renamed.pause.as_ref().and_then(|pause| pause.until);
            until.map(|until| self.resumes.insert((until, Some(name.clone()))));
            let definition = renamed.schedule.definition();
            renamed.plan(&self.machine, &mut self.timetable);
            self.tasks.insert(name.clone(), renamed.into());
            let (task, renamed_from) = (name.clone(), Some(old.clone()));
            step.events.push(Event::TaskAdded { at: now, task, definition, renamed_from });
            // It owes nothing by its old name.
            let old = old.clone();
            self.tasks.entry(old.clone()).and_modify(|task| task.mark = task.mark.max(now));
            self.remove(now, old, step);
        }
    }

    /// Takes a task out of the plan. Its attempts that go on do so; there will be no others.
    fn remove(&mut self, now: Timestamp, name: Name, step: &mut Step) {
        self.drop_arisen(now, &name, SkipReason::Removed, |_| true, step);
        self.call_off_all(now, &name, SkipReason::Removed, step);
        if let Some(mut task) = self.tasks.remove(&name) {
            task.unplan(&mut self.timetable);
            let pause = task.pause.as_ref().and_then(|pause| pause.until);
            pause.map(|until| self.resumes.remove(&(until, Some(name.clone()))));
            let passed = if task.held { Passed::Paused } else { Passed::Missed };
            let span = task.pass_over(now, passed);
            step.events.extend(span.map(|span| span.event(now, name.clone())));
            self.gone.insert(name.clone(), task.mark.max(task.last_arisen.unwrap_or(task.mark)));
        }
        let between = self.runs_of(&name).filter_map(|(run, running)| match &running.phase {
            Phase::Between { last, .. } | Phase::Ready { last } => {
                Some((run.clone(), last.clone()))
            }
            Phase::Live { .. } => None,
        });
        for (run, outcome) in between.collect::<Vec<_>>() {
            self.end_run(now, &run, &outcome, step);
        }
        step.events.push(Event::TaskRemoved { at: now, task: name });
    }

    /// Takes over another definition of the task `name`.
    fn change(&mut self, now: Timestamp, name: &Name, schedule: Schedule, step: &mut Step) {
        let task = self.tasks.get_mut(name).expect("it was found by its name");
        let looks_forward =
            task.schedule.when != schedule.when || !task.schedule.enabled || !schedule.enabled;
        if looks_forward {
            let passed = if task.held { Passed::Paused } else { Passed::Missed };
            let span = task.pass_over(now, passed);
            step.events.extend(span.map(|span| span.event(now, name.clone())));
            task.ended.clear();
            // Instants that the old trigger named are not free.
            task.last_arisen = task.last_arisen.max(Some(task.mark));
        }
        let policy = std::mem::replace(&mut task.schedule, schedule).policy;
        // A delay that has begun keeps its end.
        let begun = task.clock.is_some_and(|(_, firing)| firing.due <= now);
        if looks_forward || !begun || !task.schedule.enabled {
            task.plan(&self.machine, &mut self.timetable);
        }
        if policy.pool != task.schedule.policy.pool {
            self.change_line(name, policy.pool.as_ref());
        }
        self.drop_what_fires_no_more(now, name, step);
        while self.take_turn(name) {}
    }

    /// Those that wait for a place in `pool` now need one in another.
    fn change_line(&mut self, name: &Name, pool: Option<&Name>) {
        let Some(task) = self.tasks.get(name) else { return };
        for (due, _) in task.waiting.iter().filter(|(_, waiting)| !waiting.turn) {
            let run = crate::event::RunId { task: name.clone(), due: *due };
            self.places.leave(pool, &run);
            self.places.line_up(task.schedule.policy.pool.as_ref(), &run);
        }
    }

    /// What has arisen by a trigger that the task no longer has does not fire.
    fn drop_what_fires_no_more(&mut self, now: Timestamp, name: &Name, step: &mut Step) {
        let Some(task) = self.tasks.get(name) else { return };
        let when = &task.schedule.when;
        let enabled = task.schedule.enabled;
        let startup = enabled && when.startups().next().is_some();
        let after = enabled && when.afters().next().is_some();
        let fires_no_more = move |kind| match kind {
            TriggerKind::Startup => !startup,
            TriggerKind::After => !after,
            _ => false,
        };
        self.drop_arisen(now, name, SkipReason::Removed, fires_no_more, step);
    }
}
