//! What may go wrong with a scheduler, and what to do about it.

use std::fmt;

use crate::store::Unreadable;

/// Why a scheduler does not do what it is asked for. What it says tells what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchedulerError {
    /// A text cannot be the name of a task.
    BadName(String, String),
    /// There is a task of this name already.
    Exists(String),
    /// There is no task of this name.
    NoTask(String),
    /// There is no zone of this name.
    NoZone(String),
    /// A schedule file is wrong: which, and what of it, over several lines.
    File(String, String),
    /// A schedule file names a Rust task that is not registered: who wants it, and which.
    NotRegistered(String, String),
    /// A task would come after itself by way of others, at once and for ever.
    Circle(String),
    /// A trigger is wrong: what of it, and why.
    BadTrigger(String, String),
    /// A run or firing of this name neither goes on nor waits.
    NotRunning(String),
    /// A firing was not run, and why: its verdict says.
    Skipped(String, &'static str),
    /// The store cannot be used, and why.
    Store(String),
    /// The scheduler has been started already.
    Started,
    /// The scheduler has not been started, or has ended.
    NotStarted,
    /// The kernel gives no timer.
    NoClock(String),
}

impl SchedulerError {
    pub(super) fn bad_trigger(what: &str, why: impl Into<String>) -> Self {
        Self::BadTrigger(what.into(), why.into())
    }
}

impl fmt::Display for SchedulerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadName(name, why) => write!(f, "`{name}` cannot name a task: {why}"),
            Self::Exists(name) => {
                write!(f, "there is a task `{name}` already: `reschedule` it, or `remove` it first")
            }
            Self::NoTask(name) => {
                write!(f, "there is no task `{name}`: `tasks` tells which there are")
            }
            Self::NoZone(name) => {
                write!(f, "there is no time zone `{name}`: write it as `Europe/Berlin`")
            }
            Self::File(path, what) => write!(f, "the schedule file `{path}` is wrong\n{what}"),
            Self::NotRegistered(task, wants) => {
                write!(f, "the task `{task}` wants `{wants}`, which is none: `register` it first")
            }
            Self::Circle(task) => {
                write!(f, "`{task}` would come after itself, by others that come after it")
            }
            Self::BadTrigger(what, why) => write!(f, "the trigger `{what}` is wrong: {why}"),
            Self::NotRunning(run) => {
                write!(f, "`{run}` neither runs nor waits: `history` tells how it ended")
            }
            Self::Skipped(run, reason) => write!(f, "`{run}` was skipped: {reason}"),
            Self::Store(why) => write!(f, "{why}"),
            Self::Started => write!(f, "the scheduler has been started already"),
            Self::NotStarted => {
                write!(
                    f,
                    "the scheduler does not run: `start` it first; one that has ended stays so"
                )
            }
            Self::NoClock(why) => write!(f, "there is no clock to wait for: {why}"),
        }
    }
}

impl std::error::Error for SchedulerError {}

impl From<Unreadable> for SchedulerError {
    fn from(error: Unreadable) -> Self {
        Self::Store(error.to_string())
    }
}
