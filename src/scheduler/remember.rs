//! A daemon starts, and takes over what an earlier life has left: marks, pauses, firings that wait,
//! and runs of which nobody has seen the end.
//!
//! Each task comes back as it was then; the first load makes the wanted tasks of them, as any other
//! load would. What the new definition does not change is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Action, Arisen, Arising, Pause, Phase, Run, Scheduler, Step, TaskState, Waiting};
use crate::event::{Cause, Definition, Event, RunId, SkipReason, TriggerKind};
use crate::name::Name;
use crate::policy::{CORRECTION, Overlap, Policy};
use crate::schedule::Schedule;
use crate::task::{Attempt, Ending, Given, Outcome};
use crate::timetable::Slot;
use crate::trigger::{AfterEnd, AfterTasks};

use super::fire::skip;

/// What an earlier life has left.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Remembered {
    /// Each task that was there, or has left not long ago.
    pub tasks: Vec<RememberedTask>,
    /// Whether everything is paused.
    pub pause: Option<Pause>,
    /// Firings that wait.
    pub waiting: Vec<RememberedFiring>,
    /// Runs that have begun and not ended.
    pub runs: Vec<RememberedRun>,
    /// When the last of all this was recorded.
    pub last_at: Option<Timestamp>,
}

impl Remembered {
    /// By how much the clock was set back while nobody looked, if that was so far that it was wrong
    /// before.
    fn correction(&self, now: Timestamp) -> Option<SignedDuration> {
        let by = now.duration_since(self.last_at?);
        (by < -CORRECTION).then_some(by)
    }

    /// The clock was set by so much and shows `now`.
    fn step_clock(&mut self, now: Timestamp, by: SignedDuration) {
        self.tasks.iter_mut().for_each(|task| task.step_clock(now, by));
        self.runs.iter_mut().for_each(|run| run.step_clock(now, by));
        self.waiting.retain_mut(|firing| firing.step_clock(now, by));
        self.pause.iter_mut().for_each(|pause| pause.step_clock(by));
    }
}

/// What is remembered of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct RememberedTask {
    /// Its name.
    pub name: Name,
    /// As it was defined; `None` if it had left the plan.
    pub definition: Option<Definition>,
    /// When it fired, if its trigger is another now and that can still be told.
    pub schedule: Option<Schedule>,
    /// Every instant up to this one is judged.
    pub mark: Timestamp,
    /// The last firing that no clock named.
    pub last_arisen: Option<Timestamp>,
    /// When its last successful run was due.
    pub last_success: Option<Timestamp>,
    /// Whether it is paused.
    pub pause: Option<Pause>,
    /// The numbers of the last events of its runs that ended well, badly and by being stopped; larger
    /// is later.
    pub last_ends: [Option<i64>; 3],
    /// The number of the last event by which it fired after others.
    pub last_after: Option<i64>,
}

impl RememberedTask {
    /// The clock was set by so much and shows `now`: after a correction, marks go back.
    pub(crate) fn step_clock(&mut self, now: Timestamp, by: SignedDuration) {
        self.pause.iter_mut().for_each(|pause| pause.step_clock(by));
        if by < -CORRECTION {
            self.mark = self.mark.min(now);
            self.last_arisen = self.last_arisen.map(|last| last.min(now));
        }
    }
}

/// A firing that waits.
#[derive(Clone, Debug, PartialEq)]
pub struct RememberedFiring {
    /// Which.
    pub run: RunId,
    /// What named it.
    pub trigger: TriggerKind,
    /// The run it came after, if it did.
    pub cause: Option<Cause>,
    /// What a person has given to it.
    pub given: Given,
    /// Until when, if it waits for a time to be over.
    pub until: Option<Timestamp>,
    /// Whether it is one of several that are caught up with, one after the other.
    pub catch_up: bool,
}

impl RememberedFiring {
    /// The clock was set by so much and shows `now`; tells whether it still waits. After a
    /// correction, what a clock has named and lies ahead is named again.
    pub(crate) fn step_clock(&mut self, now: Timestamp, by: SignedDuration) -> bool {
        self.until = self.until.map(|until| moved(until, now, by));
        by >= -CORRECTION || self.run.due <= now || !self.trigger.is_clock()
    }
}

/// A run that has begun and not ended.
#[derive(Clone, Debug, PartialEq)]
pub struct RememberedRun {
    /// The firing it came from.
    pub firing: RememberedFiring,
    /// When it began.
    pub started: Timestamp,
    /// The number of its last attempt.
    pub attempt: u32,
    /// When that began.
    pub attempt_started: Timestamp,
    /// How long the attempts before took together.
    pub took: SignedDuration,
    /// Between two attempts: when the next is due, and how the last one ended.
    pub between: Option<(Timestamp, Outcome)>,
    /// Whether processes of it go on.
    pub goes_on: bool,
}

impl RememberedRun {
    /// The clock was set by so much and shows `now`.
    pub(crate) fn step_clock(&mut self, now: Timestamp, by: SignedDuration) {
        self.between = self.between.take().map(|(next, last)| (moved(next, now, by), last));
    }
}

/// What was to come at `at` comes so long from `now` as before the clock was set by so much to `now`;
/// what has come has come.
fn moved(at: Timestamp, now: Timestamp, by: SignedDuration) -> Timestamp {
    let before = now.checked_sub(by).unwrap_or(now);
    if at > before { at.checked_add(by).unwrap_or(at) } else { at.min(now) }
}

/// What is known of a run that nobody saw the end of.
const DIED: &str = "taskd or the machine died while it ran";

impl Scheduler {
    /// Notices that the clock was set right since the earlier life.
    pub(super) fn correct(now: Timestamp, remembered: &mut Remembered, step: &mut Step) {
        if let Some(by) = remembered.correction(now) {
            step.events.push(Event::ClockStepped { at: now, by });
            remembered.step_clock(now, by);
        }
    }

    /// Lets the tasks of an earlier life be there as they were, before `wanted` becomes the plan.
    pub(super) fn remember_tasks(
        &mut self,
        now: Timestamp,
        remembered: &Remembered,
        wanted: &BTreeMap<Name, Schedule>,
        step: &mut Step,
    ) {
        self.pause.clone_from(&remembered.pause);
        self.pause_ends(None, remembered.pause.as_ref());
        for task in &remembered.tasks {
            let name = &task.name;
            let gone = task.mark.max(task.last_arisen.unwrap_or(task.mark));
            let Some(definition) = &task.definition else {
                self.gone.insert(name.clone(), gone);
                continue;
            };
            let wanted = wanted.get(name);
            let same = wanted.filter(|wanted| wanted.when.identity() == definition.when);
            if let Some(then) = same.or(task.schedule.as_ref()) {
                let Definition { text, enabled, .. } = definition.clone();
                self.remember_task(task, Schedule { enabled, text, ..then.clone() }, task.mark);
            } else if let Some(wanted) = wanted {
                // Nobody can tell what it owes.
                let (name, definition) = (name.clone(), wanted.definition());
                step.events.push(Event::TaskChanged { at: now, task: name, definition });
                self.remember_task(task, wanted.clone(), task.mark.max(now));
            } else {
                step.events.push(Event::TaskRemoved { at: now, task: name.clone() });
                self.gone.insert(name.clone(), gone.max(now));
            }
        }
    }

    /// A task is there again, as `schedule`.
    fn remember_task(&mut self, task: &RememberedTask, schedule: Schedule, mark: Timestamp) {
        let held = self.pause.is_some() || task.pause.is_some();
        let mut state = TaskState::new(schedule, mark, held);
        state.last_arisen = task.last_arisen;
        state.last_success = task.last_success;
        state.pause.clone_from(&task.pause);
        state.plan(&self.machine, &mut self.timetable);
        self.pause_ends(Some(&task.name), task.pause.as_ref());
        self.tasks.insert(task.name.clone(), state.into());
    }

    fn pause_ends(&mut self, task: Option<&Name>, pause: Option<&Pause>) {
        let until = pause.and_then(|pause| pause.until);
        until.map(|until| self.resumes.insert((until, task.cloned())));
    }

    /// For each task that waits for several others: which of them have ended since it fired last.
    pub(super) fn remember_ends(&mut self, tasks: &[RememberedTask]) {
        let by_name: BTreeMap<&Name, &RememberedTask> =
            tasks.iter().map(|task| (&task.name, task)).collect();
        for (name, task) in &mut self.tasks {
            let Some(remembered) = by_name.get(name) else { continue };
            let identity = task.schedule.when.identity();
            if remembered.definition.as_ref().is_none_or(|then| then.when != identity) {
                // It looks forward.
                continue;
            }
            for (index, after) in task.schedule.when.afters() {
                let AfterTasks::All(names) = &after.tasks else { continue };
                let counts: &[usize] = match after.on {
                    AfterEnd::Success => &[0],
                    AfterEnd::Failure => &[1],
                    AfterEnd::Finish => &[0, 1, 2],
                };
                let has_ended = |other: &&Name| {
                    let ends = by_name.get(*other).map_or([None; 3], |other| other.last_ends);
                    let last = counts.iter().filter_map(|count| ends[*count]).max();
                    last > remembered.last_after
                };
                let ended = names.iter().filter(has_ended).cloned().collect();
                task.ended.insert(index, ended);
            }
        }
    }

    /// Takes over what waited and what ran, now that the plan is what it is.
    pub(super) fn remember_runs(
        &mut self,
        now: Timestamp,
        remembered: Remembered,
        step: &mut Step,
    ) {
        // Those that tasks had whose trigger is another now, or that have left.
        let policies = remembered
            .tasks
            .into_iter()
            .filter_map(|task| Some((task.name, task.schedule?.policy)));
        let policies: BTreeMap<Name, Arc<Policy>> = policies.collect();
        let replaces = |firing: &&RememberedFiring| firing.until.is_none() && !firing.catch_up;
        let newer = remembered.waiting.iter().filter(replaces);
        let newer: BTreeSet<Name> = newer.map(|firing| firing.run.task.clone()).collect();
        for run in remembered.runs {
            let policy = policies.get(&run.firing.run.task);
            self.remember_run(now, run, policy, &newer, step);
        }
        for firing in remembered.waiting {
            self.remember_waiting(now, firing, step);
        }
        let names: Vec<Name> = self.tasks.keys().cloned().collect();
        for name in names {
            while self.take_turn(&name) {}
        }
    }

    fn remember_waiting(&mut self, now: Timestamp, firing: RememberedFiring, step: &mut Step) {
        let RememberedFiring { run, trigger, cause, given, until, catch_up } = firing;
        let Some(task) = self.tasks.get_mut(&run.task) else {
            return skip(now, run, trigger, SkipReason::Removed, step);
        };
        let arising = Arising { trigger, cause, given };
        match until {
            Some(at) => {
                task.arisen.insert(run.due, Arisen { at, arising });
                self.timetable.insert(at, run.task, Slot::Arisen(run.due));
            }
            None => {
                // Whose turn it is, is seen when all are there; a person may have passed the others by.
                let turn = !arising.given.force;
                if !turn {
                    self.places.line_up(task.schedule.policy.pool.as_ref(), &run);
                }
                task.waiting.insert(run.due, Waiting { arising, turn, catch_up });
            }
        }
    }

    /// `then` is the policy of a task that has left the plan; for tasks in `newer`, a later firing
    /// waits.
    fn remember_run(
        &mut self,
        now: Timestamp,
        remembered: RememberedRun,
        then: Option<&Arc<Policy>>,
        newer: &BTreeSet<Name>,
        step: &mut Step,
    ) {
        let RememberedRun { firing, started, attempt, attempt_started, took, between, goes_on } =
            remembered;
        let RememberedFiring { run, trigger, cause, given, catch_up, .. } = firing;
        let policy = self.tasks.get(&run.task).map(|task| task.schedule.policy.clone());
        let is_wanted = policy.is_some();
        let policy = policy.or_else(|| then.cloned()).unwrap_or_default();
        // It was stopped for the one that waits, and is not tried again before that.
        let stopping = policy.overlap == Overlap::Replace && newer.contains(&run.task);
        let phase = match between.clone() {
            Some((next, last)) => Phase::Between { next, last },
            None => Phase::Live { stopping },
        };
        let arising = Arising { trigger, cause, given: given.clone() };
        let running = Run { arising, catch_up, policy, started, attempt, took, used: None, phase };
        match &between {
            Some((next, _)) => {
                self.timetable.insert(*next, run.task.clone(), Slot::Retry(run.due));
            }
            None => self.places.take(running.policy.pool.as_ref()),
        }
        // A clock that was set back since gives no more time.
        let passed = now.duration_since(attempt_started).max(SignedDuration::ZERO);
        let left = running.policy.timeout.map(|timeout| timeout.saturating_sub(passed));
        let left = left.map(|left| left.max(SignedDuration::ZERO));
        let (stop_grace, cause) = (running.policy.stop_grace, running.arising.cause.clone());
        self.runs.insert(run.clone(), running);
        match between {
            Some((_, last)) if !is_wanted => self.end_run(now, &run, &last, step),
            Some(_) => {}
            None if goes_on => {
                step.actions.push(Action::Adopt(Attempt {
                    run: run.clone(),
                    number: attempt,
                    trigger,
                    cause,
                    previous_success: None,
                    timeout: left,
                    stop_grace,
                    given,
                }));
                if stopping {
                    step.actions.push(Action::Stop(run));
                }
            }
            None => {
                let ending = Ending::from(Outcome::Lost(DIED.into()));
                self.finish(now, &run, ending, SignedDuration::ZERO, step);
            }
        }
    }
}
