//! Decides what runs: one pure state machine.
//!
//! [`Scheduler::step`] turns an input into events (what is now so) and actions (what is to be
//! done about it). It has no clock, does no I/O and knows no runtime, so a year passes in
//! milliseconds in a test, and what it will do can be asked beforehand.
//!
//! Each task has a *mark*: every instant up to it is judged. What lies between mark and now is
//! *owed*: a suspended machine and a clock that was set are no special cases.
//!
//! The way of a firing: it comes due (`fire`, `catch_up`) or arises (`arise`, `follow`), is judged
//! (`fire`), waits for its turn and for a place (`pool`), becomes a run of one or more attempts,
//! and ends (`finish`).

mod arise;
mod catch_up;
mod finish;
mod fire;
mod follow;
mod look;
mod message;
mod pause;
mod pool;
mod reconcile;
mod remember;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::event::{Cause, Event, RunId, TriggerKind, WaitReason};
use crate::name::Name;
use crate::policy::{CORRECTION, Policy};
use crate::schedule::Schedule;
use crate::task::{Given, Outcome, Usage};
use crate::timetable::{Slot, Timetable};
use crate::trigger::Firing;

pub use look::{State, TaskStatus};
pub use message::{Action, Input, Request, Step, Until};
pub use pause::Pause;
pub use remember::{Remembered, RememberedFiring, RememberedRun, RememberedTask};

use follow::Followers;
use pool::Places;

/// The plan, and all that is known about each task.
#[derive(Debug, Default)]
pub struct Scheduler {
    /// Boxed, as nodes of a map have room for twice as many as come in order.
    tasks: BTreeMap<Name, Box<TaskState>>,
    /// The marks of tasks that have left the plan, as long as a clock may be set back behind them.
    gone: BTreeMap<Name, Timestamp>,
    timetable: Timetable,
    /// The runs that go on.
    runs: BTreeMap<RunId, Run>,
    places: Places,
    followers: Followers,
    /// The present names of tasks that have been renamed, by their former ones.
    heirs: BTreeMap<Name, Name>,
    /// Everything is paused.
    pause: Option<Pause>,
    /// When pauses end, of which task or of everything.
    resumes: BTreeSet<(Timestamp, Option<Name>)>,
    /// What an earlier life has left, until the first load.
    remembered: Option<Remembered>,
    /// Firings that began to wait in this step.
    fresh: Vec<RunId>,
    /// Firings that arose in this step without a delay, most of which it judges.
    arose: Vec<RunId>,
    /// When the last step left something undone that can be done at once.
    behind: Option<Timestamp>,
    /// Nothing more is started; what comes due is owed at the next start.
    draining: bool,
    /// What tells this machine from others with the same tasks.
    machine: Vec<u8>,
}

/// What is known about one task.
#[derive(Debug)]
struct TaskState {
    schedule: Schedule,
    /// Every instant up to this one is judged.
    mark: Timestamp,
    /// The next firing that a clock names, and when it is judged: its entry in the timetable.
    clock: Option<(Timestamp, Firing)>,
    /// Firings that no clock names, by their due, until their delay is over: entries, too.
    arisen: BTreeMap<Timestamp, Arisen>,
    /// The last firing that no clock named: no two have one instant.
    last_arisen: Option<Timestamp>,
    /// Firings that wait for their turn or a place, by their due.
    waiting: BTreeMap<Timestamp, Waiting>,
    /// For each `after` of several tasks, by its place among the triggers: those that have ended.
    ended: BTreeMap<usize, BTreeSet<Name>>,
    /// When its last successful run was due.
    last_success: Option<Timestamp>,
    pause: Option<Pause>,
    /// It starts nothing: it, or everything, is paused.
    held: bool,
}

/// A firing that no clock names.
#[derive(Clone, Debug)]
struct Arisen {
    /// When its delay is over.
    at: Timestamp,
    arising: Arising,
}

/// Why a task fires.
#[derive(Clone, Debug)]
struct Arising {
    trigger: TriggerKind,
    cause: Option<Cause>,
    /// What a person has given to its run.
    given: Given,
}

impl Arising {
    fn of(trigger: TriggerKind) -> Self {
        Self { trigger, cause: None, given: Given::default() }
    }

    /// Its firing `run` waits, for what and until when.
    fn waits(
        self,
        at: Timestamp,
        run: RunId,
        (reason, until): (WaitReason, Option<Timestamp>),
        catch_up: bool,
    ) -> Event {
        let Self { trigger, cause, given } = self;
        Event::FiringWaiting { at, run, trigger, cause, given, reason, until, catch_up }
    }
}

/// A firing that waits.
#[derive(Clone, Debug)]
struct Waiting {
    arising: Arising,
    /// Whether it waits for the run before it; else for a place.
    turn: bool,
    /// Whether it is one of several that are caught up with, one after the other.
    catch_up: bool,
}

/// A run that goes on.
#[derive(Clone, Debug)]
struct Run {
    arising: Arising,
    catch_up: bool,
    /// As it was when the run began.
    policy: Arc<Policy>,
    started: Timestamp,
    /// The number of its last attempt, from 1.
    attempt: u32,
    /// How long its attempts took together.
    took: SignedDuration,
    /// What its attempts have used so far, as far as that is known.
    used: Option<Usage>,
    phase: Phase,
}

/// What goes on of a run.
#[derive(Clone, Debug, PartialEq)]
enum Phase {
    /// An attempt.
    Live {
        /// Whether it was asked to stop.
        stopping: bool,
    },
    /// The time until the next attempt: its entry in the timetable.
    Between { next: Timestamp, last: Outcome },
    /// The next attempt waits for a place.
    Ready { last: Outcome },
}

impl Scheduler {
    /// A scheduler without tasks, on the machine of this id.
    #[must_use]
    pub fn new(machine: &[u8]) -> Self {
        Self { machine: machine.to_vec(), ..Self::default() }
    }

    /// Takes in `input` at `now`, and judges what has come due.
    ///
    /// A step judges and starts at most [`Scheduler::MOST_FIRINGS`] firings;
    /// [`Scheduler::wake_at`] then names an instant that has already come.
    pub fn step(&mut self, now: Timestamp, input: Input) -> Step {
        let mut step = Step::default();
        match input {
            Input::ClockStepped(by) => self.step_clock(now, by, &mut step),
            // What came due meanwhile is owed, as it always is.
            Input::Suspended(lasted) => {
                step.events.push(Event::MachineSuspended { at: now, lasted });
            }
            _ => {}
        }
        self.end_pauses(now, &mut step);
        match input {
            Input::Tick | Input::ClockStepped(_) | Input::Suspended(_) => {}
            Input::Finished { run, ending, took } => {
                self.finish(now, &run, ending, took, &mut step);
            }
            Input::Refused(run) => self.forget(&run),
            Input::Remembered(remembered) => self.remembered = Some(*remembered),
            Input::Started { boot } => self.start_up(now, boot),
            Input::Asked(request) => self.obey(now, request, &mut step),
        }
        self.behind = None;
        if !self.draining {
            self.fire_due(now, &mut step);
            self.call_waiting(now, &mut step);
        }
        self.tell_waiting(now, &mut step);
        self.tell_arisen(now, &mut step);
        step
    }

    fn obey(&mut self, now: Timestamp, request: Request, step: &mut Step) {
        match request {
            Request::Load(schedules, limits) => {
                self.places.set_limits(limits);
                self.load(now, schedules, step);
            }
            Request::Pause { task, until, reason } => self.pause(now, task, until, reason, step),
            Request::Resume(task) => self.resume(now, task.as_ref(), step),
            Request::Trigger { task, given } => {
                let arising = Arising { given, ..Arising::of(TriggerKind::Manual) };
                self.arise(now, &task, SignedDuration::ZERO, arising);
            }
            Request::Cancel(run) => self.cancel(now, &run, step),
            Request::CancelAll(task) => self.cancel_all(now, &task, step),
            Request::Drain => self.draining = true,
            Request::Stop => {
                self.draining = true;
                for (run, running) in &mut self.runs {
                    running.stop(run, step);
                }
            }
        }
    }

    /// When the next step is due even if nothing happens until then.
    #[must_use]
    pub fn wake_at(&self) -> Option<Timestamp> {
        if self.draining {
            return None;
        }
        let resume = self.resumes.first().map(|(at, _)| *at);
        [self.behind, self.timetable.first_at(), resume].into_iter().flatten().min()
    }

    /// The next firing over all tasks, by due, then by name.
    #[must_use]
    pub fn next_firing(&self) -> Option<RunId> {
        let (due, task) = self.timetable.first()?;
        Some(RunId { task: task.clone(), due })
    }

    /// How many runs go on.
    #[must_use]
    pub fn running(&self) -> usize {
        self.runs.len()
    }

    /// How long the attempts that go on may take to stop, at most.
    #[must_use]
    pub fn longest_stop_grace(&self) -> SignedDuration {
        let live = self.runs.values().filter(|run| matches!(run.phase, Phase::Live { .. }));
        live.map(|run| run.policy.stop_grace).max().unwrap_or(SignedDuration::ZERO)
    }

    /// How many firings wait for the end of a delay, for their turn or a place.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.tasks.values().map(|task| task.waiting.len() + task.arisen.len()).sum()
    }

    /// How many tasks are paused, by themselves or with everything.
    #[must_use]
    pub fn paused(&self) -> usize {
        self.tasks.values().filter(|task| task.held).count()
    }

    /// How many tasks there are.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.tasks.len()
    }

    /// Whether it starts nothing more.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining
    }

    /// The runs of `task` that go on, also those that began by its former name.
    fn runs_of<'a>(&'a self, task: &'a Name) -> impl Iterator<Item = (&'a RunId, &'a Run)> {
        let by_name = |name: &'a Name| {
            let first = RunId { task: name.clone(), due: Timestamp::MIN };
            self.runs.range(first..).take_while(move |(run, _)| run.task == *name)
        };
        let former = self.tasks.get(task).and_then(|task| task.schedule.renamed_from.as_ref());
        by_name(task).chain(former.into_iter().flat_map(by_name))
    }

    /// The wall clock was set: what comes so long from now stays so long from now.
    fn step_clock(&mut self, now: Timestamp, by: SignedDuration, step: &mut Step) {
        step.events.push(Event::ClockStepped { at: now, by });
        self.move_arisen(by);
        self.move_retries(by);
        self.move_pauses(by);
        if by < -CORRECTION {
            // The clock was wrong and is right now: all marks go back.
            self.gone.clear();
            for (name, task) in &mut self.tasks {
                // What waits and lies ahead is named again.
                let ahead = task.waiting.extract_if(.., |due, waiting| {
                    *due > now && waiting.arising.trigger.is_clock()
                });
                for (due, _) in ahead {
                    let run = RunId { task: name.clone(), due };
                    self.places.leave(task.schedule.policy.pool.as_ref(), &run);
                }
                task.last_arisen = task.last_arisen.map(|last| last.min(now));
                if task.mark > now {
                    task.mark = now;
                    task.plan(&self.machine, &mut self.timetable);
                }
            }
        }
    }
}

impl Run {
    /// Asks the attempt that goes on to stop, if one does.
    fn stop(&mut self, run: &RunId, step: &mut Step) {
        if let Phase::Live { stopping } = &mut self.phase {
            *stopping = true;
            step.actions.push(Action::Stop(run.clone()));
        }
    }
}

impl TaskState {
    fn new(schedule: Schedule, mark: Timestamp, held: bool) -> Self {
        Self {
            schedule,
            mark,
            clock: None,
            arisen: BTreeMap::new(),
            last_arisen: None,
            waiting: BTreeMap::new(),
            ended: BTreeMap::new(),
            last_success: None,
            pause: None,
            held,
        }
    }

    /// Enters its first firing after the mark into the timetable, in place of the one there.
    fn plan(&mut self, machine: &[u8], timetable: &mut Timetable) {
        self.unplan(timetable);
        if self.held {
            return;
        }
        if let Some(next) = self.schedule.next_after(self.mark) {
            let delay = self.schedule.delay(machine, next.due);
            let at = next.due.checked_add(delay).unwrap_or(next.due);
            self.clock = Some((at, next));
            timetable.insert(at, self.schedule.name.clone(), Slot::Clock);
        }
    }

    fn unplan(&mut self, timetable: &mut Timetable) {
        if let Some((at, _)) = self.clock.take() {
            timetable.remove(at, &self.schedule.name, Slot::Clock);
        }
    }
}
