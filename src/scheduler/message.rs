//! What goes into the scheduler and what comes out of it.

use jiff::SignedDuration;

use crate::event::{Event, RunId, TriggerKind};
use crate::schedule::Schedule;
use crate::task::Outcome;

/// What the world tells the scheduler.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Time has passed.
    Tick,
    /// A run has ended.
    Finished {
        /// Which.
        run: RunId,
        /// How.
        outcome: Outcome,
        /// After what time.
        took: SignedDuration,
    },
    /// The store knows this firing already: its run was not started.
    Refused(RunId),
    /// The wall clock was set by so much; negative is backwards.
    ClockStepped(SignedDuration),
    /// The daemon has started, and the tasks are loaded; `boot`: for the first time since the
    /// machine has.
    Started {
        /// Whether it is the first start since the machine booted.
        boot: bool,
    },
    /// Somebody wants something.
    Asked(Request),
}

/// What people ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Make these the tasks. Unchanged ones keep their state.
    Load(Vec<Schedule>),
    /// Start nothing more.
    Drain,
    /// Start nothing more and stop what runs.
    Stop,
}

/// What has become of an input.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// What is now so. It is recorded before anything acts on it.
    pub events: Vec<Event>,
    /// What is to be done.
    pub actions: Vec<Action>,
}

/// What the scheduler wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Start this run.
    Start {
        /// Which.
        run: RunId,
        /// What made it fire.
        trigger: TriggerKind,
    },
    /// Stop this run.
    Stop(RunId),
}
