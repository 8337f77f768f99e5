//! A firing comes due and is judged: it runs, waits, or is skipped.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::catch_up;
use super::{Action, Arising, Phase, Run, Scheduler, Step, Waiting};
use crate::event::{Count, Event, Passed, RunId, SkipReason, TriggerKind, WaitReason};
use crate::name::Name;
use crate::policy::Overlap;
use crate::task::{Attempt, Outcome};
use crate::timetable::Slot;

impl Scheduler {
    /// So many firings are judged in one step at most, so that the first of a burst starts after
    /// one small commit and not after a large one.
    pub const MOST_FIRINGS: usize = 16;

    /// Judges what is due by `now`, in order of due, then of name.
    pub(super) fn fire_due(&mut self, now: Timestamp, step: &mut Step) {
        for _ in 0..Self::MOST_FIRINGS {
            let Some((task, slot)) = self.timetable.take_due(now) else {
                return;
            };
            match slot {
                Slot::Clock => self.fire_clock(now, task, step),
                Slot::Arisen(due) => self.fire_arisen(now, RunId { task, due }, step),
                Slot::Retry(due) => self.make_ready(&RunId { task, due }),
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
        for span in owed.spans {
            step.events.push(span.event(now, name.clone()));
        }
        for firing in owed.one_by_one {
            let run = RunId { task: name.clone(), due: firing.due };
            let arising = Arising::of(firing.kind);
            if self.goes_on(&run) {
                continue;
            }
            if self.is_excluded(&run) {
                skip(now, run, arising.trigger, SkipReason::Calendar, step);
            } else {
                self.wait(run, Waiting { arising, turn: true, catch_up: true });
            }
        }
        self.take_turn(&name);
        if let Some(firing) = owed.on_time {
            let run = RunId { task: name, due: firing.due };
            self.judge(now, run, Arising::of(firing.kind), step);
        }
    }

    /// Whether a firing runs or waits already: a clock that was set far back names it again.
    fn goes_on(&self, run: &RunId) -> bool {
        let task = self.tasks.get(&run.task);
        self.runs.contains_key(run) || task.is_some_and(|task| task.waiting.contains_key(&run.due))
    }

    fn is_excluded(&self, run: &RunId) -> bool {
        let filter = self.tasks.get(&run.task).and_then(|task| task.schedule.filter.as_ref());
        filter.is_some_and(|filter| filter.excludes(run.due).is_some())
    }

    /// Gives a firing that is on time its verdict, or lets it wait.
    pub(super) fn judge(&mut self, now: Timestamp, run: RunId, arising: Arising, step: &mut Step) {
        let task = &self.tasks[&run.task];
        if self.goes_on(&run) {
            return;
        }
        if arising.trigger != TriggerKind::Manual {
            if task.held {
                step.events.push(Event::FiringsPassed {
                    at: now,
                    first: run.due,
                    last: run.due,
                    task: run.task,
                    count: Count::of(1),
                    passed: Passed::Paused,
                    trigger: Some(arising.trigger),
                });
                return;
            }
            if self.is_excluded(&run) {
                skip(now, run, arising.trigger, SkipReason::Calendar, step);
                return;
            }
        }
        // What a pause holds does not keep a person's firing waiting.
        let mut waiting = task.waiting.values().filter(|waiting| !task.holds(waiting));
        let busy = waiting.clone().next().is_some() || self.runs_of(&run.task).next().is_some();
        let turn = if busy && !arising.given.force {
            let verdict = match task.schedule.policy.overlap {
                Overlap::Skip => Err(SkipReason::Overlap),
                Overlap::Queue if waiting.any(|waiting| waiting.turn) => Err(SkipReason::Overlap),
                Overlap::Queue => Ok(true),
                Overlap::Replace => Ok(self.make_room(now, &run.task, step)),
                Overlap::Parallel(most) => {
                    let lined_up = waiting.filter(|waiting| !waiting.turn).count();
                    let beside = self.runs_of(&run.task).count() + lined_up;
                    let room = u32::try_from(beside).is_ok_and(|beside| beside < most.get());
                    if room { Ok(false) } else { Err(SkipReason::Overlap) }
                }
            };
            match verdict {
                Ok(turn) => turn,
                Err(reason) => return skip(now, run, arising.trigger, reason, step),
            }
        } else {
            false
        };
        self.wait(run, Waiting { arising, turn, catch_up: false });
    }

    /// Stops what goes on of `task` for a newer firing; `true` if that has to wait for its end.
    /// What is caught up with is not replaced.
    fn make_room(&mut self, now: Timestamp, task: &Name, step: &mut Step) -> bool {
        let waiting = &self.tasks[task].waiting;
        let replaced: Vec<_> =
            waiting.iter().filter(|(_, waiting)| !waiting.catch_up).map(|(due, _)| *due).collect();
        let one_by_one = replaced.len() < waiting.len()
            || self.runs_of(task).any(|(_, running)| running.catch_up);
        for due in replaced {
            let run = RunId { task: task.clone(), due };
            self.call_off(now, &run, SkipReason::Replaced, step);
        }
        if one_by_one {
            return true;
        }
        let runs: Vec<_> = self.runs_of(task).map(|(run, _)| run.clone()).collect();
        for run in runs {
            self.stop_run(now, &run, step);
        }
        self.runs_of(task).next().is_some()
    }

    /// Stops `run`: at once between attempts, else its attempt is asked.
    pub(super) fn stop_run(&mut self, now: Timestamp, run: &RunId, step: &mut Step) {
        match self.runs.get_mut(run) {
            Some(running) if matches!(running.phase, Phase::Live { .. }) => running.stop(run, step),
            Some(_) => self.end_run(now, run, &Outcome::Stopped, step),
            None => {}
        }
    }

    /// Lets the firing `run` wait for its turn, or else for a place.
    fn wait(&mut self, run: RunId, waiting: Waiting) {
        let task = self.tasks.get_mut(&run.task).expect("its firing was judged");
        if !waiting.turn {
            self.places.line_up(task.schedule.policy.pool.as_ref(), &run);
        }
        task.waiting.insert(run.due, waiting);
        self.fresh.push(run);
    }

    /// Lets the next firing of `task` have its turn, if there is one and nothing goes on that it has
    /// to wait for; tells whether it did.
    pub(super) fn take_turn(&mut self, name: &Name) -> bool {
        let Some(task) = self.tasks.get(name) else { return false };
        let mut may_go = task.waiting.iter().filter(|(_, waiting)| !task.holds(waiting));
        let Some((due, next)) = may_go.clone().find(|(_, waiting)| waiting.turn) else {
            return false;
        };
        let parallel = match task.schedule.policy.overlap {
            Overlap::Parallel(most) => most.get(),
            _ => 1,
        };
        let beside = may_go.clone().filter(|(_, waiting)| !waiting.turn).count();
        let one_by_one = next.catch_up
            && (may_go.any(|(_, waiting)| !waiting.turn && waiting.catch_up)
                || self.runs_of(name).any(|(_, running)| running.catch_up));
        if one_by_one || beside + self.runs_of(name).count() >= parallel as usize {
            return false;
        }
        let run = RunId { task: name.clone(), due: *due };
        let task = self.tasks.get_mut(name).expect("it was found above");
        task.waiting.get_mut(&run.due).expect("it was found above").turn = false;
        self.places.line_up(task.schedule.policy.pool.as_ref(), &run);
        // If there is none for it now, it waits for something else from here.
        self.fresh.push(run);
        true
    }

    /// Starts those that waited, as long as there are places.
    pub(super) fn call_waiting(&mut self, now: Timestamp, step: &mut Step) {
        for _ in 0..Self::MOST_FIRINGS {
            let Some(run) = self.places.call() else { return };
            self.start_attempt(now, run, step);
        }
        self.behind = self.places.can_call().then_some(now);
    }

    /// Starts the first or the next attempt of `run`.
    fn start_attempt(&mut self, now: Timestamp, run: RunId, step: &mut Step) {
        if let Some(waiting) =
            self.tasks.get_mut(&run.task).and_then(|task| task.waiting.remove(&run.due))
        {
            let Arising { trigger, cause, given } = waiting.arising.clone();
            step.events.push(Event::RunStarted {
                at: now,
                run: run.clone(),
                trigger,
                cause,
                given,
                catch_up: waiting.catch_up,
            });
            let policy = self.tasks[&run.task].schedule.policy.clone();
            let running = Run {
                arising: waiting.arising,
                catch_up: waiting.catch_up,
                policy,
                started: now,
                attempt: 0,
                took: jiff::SignedDuration::ZERO,
                used: None,
                phase: Phase::Live { stopping: false },
            };
            self.runs.insert(run.clone(), running);
        }
        let running = self.runs.get_mut(&run).expect("who has a place is a firing or a run");
        running.attempt += 1;
        running.phase = Phase::Live { stopping: false };
        self.places.take(running.policy.pool.as_ref());
        let (at, attempt) = (now, running.attempt);
        step.events.push(Event::AttemptStarted { at, run: run.clone(), attempt });
        step.actions.push(Action::Start(Attempt {
            number: running.attempt,
            trigger: running.arising.trigger,
            cause: running.arising.cause.clone(),
            previous_success: self.tasks.get(&run.task).and_then(|task| task.last_success),
            timeout: running.policy.timeout,
            stop_grace: running.policy.stop_grace,
            given: running.arising.given.clone(),
            run,
        }));
    }

    /// Tells of those that began to wait in this step and still do.
    pub(super) fn tell_waiting(&mut self, now: Timestamp, step: &mut Step) {
        let mut told = BTreeSet::new();
        for run in std::mem::take(&mut self.fresh) {
            // It may have begun to wait, and had its turn, in one step.
            if !told.insert(run.clone()) {
                continue;
            }
            let Some(task) = self.tasks.get(&run.task) else { continue };
            let Some(waiting) = task.waiting.get(&run.due) else { continue };
            let reason = if waiting.turn {
                WaitReason::Turn
            } else {
                self.places.wanting(task.schedule.policy.pool.as_ref())
            };
            let (arising, catch_up) = (waiting.arising.clone(), waiting.catch_up);
            step.events.push(arising.waits(now, run, (reason, None), catch_up));
        }
    }
}

pub(super) fn skip(
    at: Timestamp,
    run: RunId,
    trigger: TriggerKind,
    reason: SkipReason,
    step: &mut Step,
) {
    step.events.push(Event::FiringSkipped { at, run, trigger, reason });
}
