//! What happened: one enum that log, metrics, history and live views all read.
//!
//! An event is a fact, complete in itself: it says when, and names all it is about.

mod firing;
mod json;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::name::Name;
use crate::task::{Ending, Given, Outcome, Usage};

pub use firing::{BadRunId, Cause, Count, Passed, RunId, SkipReason, TriggerKind, WaitReason};

/// How a task is defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// As a JSON object of what its file says of it, without values of its environment; empty, if it
    /// does not come from a file.
    pub text: Arc<str>,
    /// What says when it fires, as one number.
    pub when: u64,
    /// Whether it fires at all.
    pub enabled: bool,
}

/// A fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The daemon began.
    DaemonStarted {
        /// When.
        at: Timestamp,
        /// Which boot of the machine it is, if that is known.
        boot: Option<String>,
    },
    /// The daemon ended cleanly.
    DaemonStopped {
        /// When.
        at: Timestamp,
    },
    /// What happens can no longer be recorded; it is kept in memory, as long as the daemon lives.
    StoreFailed {
        /// When.
        at: Timestamp,
        /// Why.
        error: String,
    },
    /// What happened since the store failed is recorded now.
    StoreRecovered {
        /// When.
        at: Timestamp,
    },
    /// The wall clock was set.
    ClockStepped {
        /// When, on the new clock.
        at: Timestamp,
        /// By how much; negative is backwards.
        by: SignedDuration,
    },
    /// The machine slept.
    MachineSuspended {
        /// When that was noticed, afterwards.
        at: Timestamp,
        /// For how long.
        lasted: SignedDuration,
    },
    /// A task came into the plan.
    TaskAdded {
        /// When.
        at: Timestamp,
        /// Which.
        task: Name,
        /// As what.
        definition: Definition,
        /// The task that it was before: whose mark, pause and last success it has taken over.
        renamed_from: Option<Name>,
    },
    /// The definition of a task changed.
    TaskChanged {
        /// When.
        at: Timestamp,
        /// Which.
        task: Name,
        /// To what.
        definition: Definition,
    },
    /// A task left the plan.
    TaskRemoved {
        /// When.
        at: Timestamp,
        /// Which.
        task: Name,
    },
    /// A task, or everything, starts nothing for now.
    TaskPaused {
        /// When.
        at: Timestamp,
        /// Which; `None` is everything.
        task: Option<Name>,
        /// Until when, if that is known.
        until: Option<Timestamp>,
        /// Whether that moves along when the clock is set: it was given as a length.
        moves: bool,
        /// What people said.
        reason: Option<String>,
    },
    /// A task, or everything, goes on.
    TaskResumed {
        /// When.
        at: Timestamp,
        /// Which; `None` is everything.
        task: Option<Name>,
    },
    /// A firing is due, but has to wait; its verdict comes later.
    FiringWaiting {
        /// When that was decided.
        at: Timestamp,
        /// The firing.
        run: RunId,
        /// What named it.
        trigger: TriggerKind,
        /// The run it came after, if it did.
        cause: Option<Cause>,
        /// What a person has given to it.
        given: Given,
        /// For what.
        reason: WaitReason,
        /// Until when, if it waits for a time to be over.
        until: Option<Timestamp>,
        /// Whether it is one of several that are caught up with, one after the other.
        catch_up: bool,
    },
    /// A firing was due, but does not run.
    FiringSkipped {
        /// When that was decided.
        at: Timestamp,
        /// The firing.
        run: RunId,
        /// What named it.
        trigger: TriggerKind,
        /// Why.
        reason: SkipReason,
    },
    /// A stretch of firings is over, and none of them ran.
    FiringsPassed {
        /// When that was found.
        at: Timestamp,
        /// Whose.
        task: Name,
        /// The first of them.
        first: Timestamp,
        /// The last of them.
        last: Timestamp,
        /// How many.
        count: Count,
        /// What became of them.
        passed: Passed,
        /// What named them, if it was no clock.
        trigger: Option<TriggerKind>,
    },
    /// A run begins.
    RunStarted {
        /// When that was decided.
        at: Timestamp,
        /// Which.
        run: RunId,
        /// What made it fire.
        trigger: TriggerKind,
        /// The run it came after, if it did.
        cause: Option<Cause>,
        /// What a person has given to it.
        given: Given,
        /// Whether it is one of several that are caught up with, one after the other.
        catch_up: bool,
    },
    /// An attempt of a run begins.
    AttemptStarted {
        /// When that was decided.
        at: Timestamp,
        /// Of which run.
        run: RunId,
        /// Its number, from 1.
        attempt: u32,
    },
    /// An attempt of a run ended.
    AttemptFinished {
        /// When.
        at: Timestamp,
        /// Of which run.
        run: RunId,
        /// Its number, from 1.
        attempt: u32,
        /// How it ended.
        ending: Ending,
        /// How long it took, whatever the wall clock did.
        took: SignedDuration,
        /// When the next attempt is due, if there is to be one.
        next: Option<Timestamp>,
    },
    /// A run ended.
    RunFinished {
        /// When.
        at: Timestamp,
        /// Which.
        run: RunId,
        /// When it began, on the wall clock.
        started: Timestamp,
        /// How long its attempts took together, whatever the wall clock did.
        took: SignedDuration,
        /// How many attempts it had.
        attempts: u32,
        /// What they have used, as far as that is known.
        used: Option<Usage>,
        /// How it ended.
        outcome: Outcome,
    },
}

impl Event {
    /// When it happened.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        match self {
            Self::DaemonStarted { at, .. }
            | Self::DaemonStopped { at }
            | Self::ClockStepped { at, .. }
            | Self::MachineSuspended { at, .. }
            | Self::StoreFailed { at, .. }
            | Self::StoreRecovered { at }
            | Self::TaskAdded { at, .. }
            | Self::TaskChanged { at, .. }
            | Self::TaskRemoved { at, .. }
            | Self::TaskPaused { at, .. }
            | Self::TaskResumed { at, .. }
            | Self::FiringWaiting { at, .. }
            | Self::FiringSkipped { at, .. }
            | Self::FiringsPassed { at, .. }
            | Self::RunStarted { at, .. }
            | Self::AttemptStarted { at, .. }
            | Self::AttemptFinished { at, .. }
            | Self::RunFinished { at, .. } => *at,
        }
    }

    /// Whether it answers what a person has asked for: it is on record before they hear of it.
    #[must_use]
    pub fn is_asked_for(&self) -> bool {
        match self {
            Self::TaskAdded { .. }
            | Self::TaskChanged { .. }
            | Self::TaskRemoved { .. }
            | Self::TaskPaused { .. }
            | Self::TaskResumed { .. } => true,
            Self::FiringWaiting { trigger, .. } => *trigger == TriggerKind::Manual,
            Self::FiringSkipped { trigger, reason, .. } => {
                *trigger == TriggerKind::Manual || *reason == SkipReason::Cancelled
            }
            _ => false,
        }
    }

    /// The run that begins by it, or an attempt of it.
    #[must_use]
    pub fn starts(&self) -> Option<&RunId> {
        match self {
            Self::RunStarted { run, .. } | Self::AttemptStarted { run, .. } => Some(run),
            _ => None,
        }
    }
}
