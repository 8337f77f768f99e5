//! What goes into the scheduler and what comes out of it.

use jiff::{SignedDuration, Timestamp};

use super::Remembered;
use crate::event::{Event, RunId};
use crate::name::Name;
use crate::policy::Limits;
use crate::schedule::Schedule;
use crate::task::{Attempt, Ending, Given};

/// What the world tells the scheduler.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Time has passed.
    Tick,
    /// The attempt of a run has ended.
    Finished {
        /// Which.
        run: RunId,
        /// How.
        ending: Ending,
        /// After what time.
        took: SignedDuration,
    },
    /// The store knows this firing already: its run was not started.
    Refused(RunId),
    /// What an earlier life has left, which the next load takes over.
    Remembered(Box<Remembered>),
    /// The wall clock was set by so much; negative is backwards.
    ClockStepped(SignedDuration),
    /// The machine was suspended for so long.
    Suspended(SignedDuration),
    /// The daemon has started, and the tasks are loaded; `boot`: for the first time since the
    /// machine has.
    Started {
        /// Whether it is the first start since the machine booted.
        boot: bool,
    },
    /// Somebody wants something.
    Asked(Request),
}

/// What people ask for. What names a task that is not there does nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Make these the tasks and the limits. Unchanged tasks keep their state.
    Load(Vec<Schedule>, Limits),
    /// Start nothing of this task, or nothing at all, for now.
    Pause {
        /// Which; `None` is everything.
        task: Option<Name>,
        /// Until when; `None` is until somebody resumes it.
        until: Option<Until>,
        /// Why, for people.
        reason: Option<String>,
    },
    /// Let this task, or everything, go on. A task that is paused by itself stays so when
    /// everything goes on.
    Resume(Option<Name>),
    /// Run this task now; also one that is paused or disabled.
    Trigger {
        /// Which.
        task: Name,
        /// What its run is given along.
        given: Given,
    },
    /// Stop this run, or call off this firing that waits.
    Cancel(RunId),
    /// Stop all runs of this task, and call off its firings that wait.
    CancelAll(Name),
    /// Start nothing more.
    Drain,
    /// Start nothing more and stop what runs.
    Stop,
}

/// The end of a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// At this instant.
    At(Timestamp),
    /// After this time.
    For(SignedDuration),
}

/// What has become of an input.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// What is now so. It is recorded before anything acts on it.
    pub events: Vec<Event>,
    /// What is to be done.
    pub actions: Vec<Action>,
}

impl Step {
    /// What has become of the next input, too.
    pub(crate) fn append(&mut self, mut next: Self) {
        self.events.append(&mut next.events);
        self.actions.append(&mut next.actions);
    }
}

/// What the scheduler wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Start this attempt.
    Start(Attempt),
    /// Watch this attempt, which an earlier life has started and which goes on.
    Adopt(Attempt),
    /// Stop what goes on of this run.
    Stop(RunId),
}
