//! Decides what runs: one pure state machine.
//!
//! [`Scheduler::step`] turns an input into events (what is now so) and actions (what is to be
//! done about it). It has no clock, does no I/O and knows no runtime, so a year passes in
//! milliseconds in a test, and what it will do can be asked beforehand.
//!
//! Each task has a *mark*: every instant up to it is judged. What lies between mark and now is
//! *owed*: a suspended machine and a clock that was set are no special cases.

mod catch_up;
mod finish;
mod fire;
mod message;
mod reconcile;
mod start_up;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::event::{Event, RunId};
use crate::name::Name;
use crate::policy::CORRECTION;
use crate::schedule::Schedule;
use crate::timetable::{Slot, Timetable};
use crate::trigger::Firing;

pub use message::{Action, Input, Request, Step};

/// The plan, and all that is known about each task.
#[derive(Debug, Default)]
pub struct Scheduler {
    tasks: BTreeMap<Name, TaskState>,
    timetable: Timetable,
    /// The runs that go on.
    runs: BTreeMap<RunId, Timestamp>,
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
    /// A firing that no clock names, which is due later: its other entry.
    arisen: Option<Firing>,
    /// The last firing that no clock named: no two have one instant.
    last_arisen: Option<Timestamp>,
    /// How many of its runs go on.
    running: usize,
}

impl Scheduler {
    /// A scheduler without tasks, on the machine of this id.
    #[must_use]
    pub fn new(machine: &[u8]) -> Self {
        Self { machine: machine.to_vec(), ..Self::default() }
    }

    /// Takes in `input` at `now`, and judges what has come due.
    ///
    /// A step judges at most [`Scheduler::MOST_FIRINGS`] firings; [`Scheduler::wake_at`] then
    /// names an instant that has already come.
    pub fn step(&mut self, now: Timestamp, input: Input) -> Step {
        let mut step = Step::default();
        match input {
            Input::Tick => {}
            Input::Finished { run, outcome, took } => {
                self.finish(now, run, (outcome, took), &mut step);
            }
            Input::Refused(run) => drop(self.forget(&run)),
            Input::ClockStepped(by) => {
                step.events.push(Event::ClockStepped { at: now, by });
                self.move_arisen(by);
                if by < -CORRECTION {
                    self.look_forward_from(now);
                }
            }
            Input::Started { boot } => self.start_up(now, boot),
            Input::Asked(Request::Load(schedules)) => self.reconcile(now, schedules, &mut step),
            Input::Asked(Request::Drain) => self.draining = true,
            Input::Asked(Request::Stop) => {
                self.draining = true;
                step.actions.extend(self.runs.keys().cloned().map(Action::Stop));
            }
        }
        if !self.draining {
            self.fire_due(now, &mut step);
        }
        step
    }

    /// When the next step is due even if nothing happens until then.
    #[must_use]
    pub fn wake_at(&self) -> Option<Timestamp> {
        if self.draining { None } else { self.timetable.first_at() }
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

    /// The clock was wrong and is right now: all marks go back to `now`.
    fn look_forward_from(&mut self, now: Timestamp) {
        for task in self.tasks.values_mut() {
            if task.mark > now {
                task.mark = now;
                task.plan(&self.machine, &mut self.timetable);
            }
        }
    }
}

impl TaskState {
    fn new(schedule: Schedule, mark: Timestamp) -> Self {
        Self { schedule, mark, clock: None, arisen: None, last_arisen: None, running: 0 }
    }

    /// Enters its first firing after the mark into the timetable, in place of the one there.
    fn plan(&mut self, machine: &[u8], timetable: &mut Timetable) {
        self.unplan(timetable);
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
