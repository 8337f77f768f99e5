//! When a run of another task has ended. No clock names such a firing: it is due when it arises.

use jiff::SignedDuration;

use crate::name::Name;
use crate::task::Outcome;

/// Fires after the end of runs of other tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    /// Of which tasks.
    pub tasks: AfterTasks,
    /// After which ends.
    pub on: AfterEnd,
    /// How long after them; zero or more.
    pub delay: SignedDuration,
}

/// Which tasks a task comes after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AfterTasks {
    /// Each of these, since the last such firing.
    All(Vec<Name>),
    /// Any of these.
    Any(Vec<Name>),
    /// Any task but those that themselves come after this one.
    Every,
}

/// After which ends of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AfterEnd {
    /// It did what it should.
    #[default]
    Success,
    /// Any end but success and being stopped.
    Failure,
    /// Any.
    Finish,
}

impl AfterEnd {
    /// The word for it in a file.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Finish => "finish",
        }
    }

    /// Whether a run that ended so is meant.
    #[must_use]
    pub fn is(self, outcome: &Outcome) -> bool {
        match self {
            Self::Success => *outcome == Outcome::Success,
            Self::Failure => !matches!(outcome, Outcome::Success | Outcome::Stopped),
            Self::Finish => true,
        }
    }
}

impl AfterTasks {
    /// The tasks that are named, if any are.
    #[must_use]
    pub fn named(&self) -> &[Name] {
        match self {
            Self::All(names) | Self::Any(names) => names,
            Self::Every => &[],
        }
    }
}
