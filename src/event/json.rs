//! An event as JSON: what kind it is, when it was, what it is about, and what it says.

use jiff::{SignedDuration, Timestamp};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Event, RunId};
use crate::name::Name;
use crate::task::Usage;

impl Event {
    /// What kind of fact it is.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::DaemonStarted { .. } => "daemon-started",
            Self::DaemonStopped { .. } => "daemon-stopped",
            Self::StoreFailed { .. } => "store-failed",
            Self::StoreRecovered { .. } => "store-recovered",
            Self::ClockStepped { .. } => "clock-stepped",
            Self::MachineSuspended { .. } => "machine-suspended",
            Self::TaskAdded { .. } => "task-added",
            Self::TaskChanged { .. } => "task-changed",
            Self::TaskRemoved { .. } => "task-removed",
            Self::TaskPaused { .. } => "task-paused",
            Self::TaskResumed { .. } => "task-resumed",
            Self::FiringWaiting { .. } => "firing-waiting",
            Self::FiringSkipped { .. } => "firing-skipped",
            Self::FiringsPassed { .. } => "firings-passed",
            Self::RunStarted { .. } => "run-started",
            Self::AttemptStarted { .. } => "attempt-started",
            Self::AttemptFinished { .. } => "attempt-finished",
            Self::RunFinished { .. } => "run-finished",
        }
    }

    /// The firing or run that it is about, if it is about one.
    #[must_use]
    pub fn run(&self) -> Option<&RunId> {
        match self {
            Self::FiringWaiting { run, .. }
            | Self::FiringSkipped { run, .. }
            | Self::RunStarted { run, .. }
            | Self::AttemptStarted { run, .. }
            | Self::AttemptFinished { run, .. }
            | Self::RunFinished { run, .. } => Some(run),
            _ => None,
        }
    }

    /// The task that it is about, if it is about one.
    #[must_use]
    pub fn task(&self) -> Option<&Name> {
        match self {
            Self::TaskAdded { task, .. }
            | Self::TaskChanged { task, .. }
            | Self::TaskRemoved { task, .. }
            | Self::FiringsPassed { task, .. } => Some(task),
            Self::TaskPaused { task, .. } | Self::TaskResumed { task, .. } => task.as_ref(),
            _ => self.run().map(|run| &run.task),
        }
    }
}

/// Times in RFC 3339, UTC; lengths in seconds. A definition is named, not told.
impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let time = |at: &Timestamp| at.to_string();
        let times = |at: &Option<Timestamp>| at.map(|at| at.to_string());
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("event", self.kind())?;
        map.serialize_entry("at", &time(&self.at()))?;
        map.serialize_entry("task", &self.task())?;
        if let Some(run) = self.run() {
            map.serialize_entry("run", run)?;
        }
        match self {
            Self::DaemonStarted { .. }
            | Self::DaemonStopped { .. }
            | Self::StoreRecovered { .. }
            | Self::TaskChanged { .. }
            | Self::TaskRemoved { .. }
            | Self::TaskResumed { .. } => {}
            Self::StoreFailed { error, .. } => map.serialize_entry("error", error)?,
            Self::ClockStepped { by, .. } => map.serialize_entry("by", &seconds(*by))?,
            Self::MachineSuspended { lasted, .. } => {
                map.serialize_entry("lasted", &seconds(*lasted))?;
            }
            Self::TaskAdded { renamed_from, .. } => {
                map.serialize_entry("renamed_from", renamed_from)?;
            }
            Self::TaskPaused { until, reason, .. } => {
                map.serialize_entry("until", &times(until))?;
                map.serialize_entry("reason", reason)?;
            }
            Self::FiringWaiting { trigger, cause, reason, until, .. } => {
                map.serialize_entry("trigger", trigger)?;
                map.serialize_entry("after", &cause.as_ref().map(|cause| &cause.run))?;
                map.serialize_entry("reason", &reason.to_string())?;
                map.serialize_entry("until", &times(until))?;
            }
            Self::FiringSkipped { trigger, reason, .. } => {
                map.serialize_entry("trigger", trigger)?;
                map.serialize_entry("reason", reason.word())?;
            }
            Self::FiringsPassed { first, last, count, passed, .. } => {
                let (verdict, reason) = passed.verdict();
                map.serialize_entry("first", &time(first))?;
                map.serialize_entry("last", &time(last))?;
                map.serialize_entry("count", &count.counted)?;
                map.serialize_entry("more", &count.more)?;
                map.serialize_entry("verdict", verdict)?;
                map.serialize_entry("reason", &reason)?;
            }
            Self::RunStarted { trigger, cause, .. } => {
                map.serialize_entry("trigger", trigger)?;
                map.serialize_entry("after", &cause.as_ref().map(|cause| &cause.run))?;
            }
            Self::AttemptStarted { attempt, .. } => map.serialize_entry("attempt", attempt)?,
            Self::AttemptFinished { attempt, ending, took, next, .. } => {
                map.serialize_entry("attempt", attempt)?;
                map.serialize_entry("outcome", ending.outcome.word())?;
                map.serialize_entry("reason", &ending.outcome.detail())?;
                map.serialize_entry("exit_code", &ending.exit_code)?;
                map.serialize_entry("signal", &ending.signal)?;
                map.serialize_entry("took", &seconds(*took))?;
                serialize_usage(&mut map, ending.used)?;
                map.serialize_entry("next", &times(next))?;
            }
            Self::RunFinished { started, took, attempts, used, outcome, .. } => {
                map.serialize_entry("outcome", outcome.word())?;
                map.serialize_entry("reason", &outcome.detail())?;
                map.serialize_entry("started", &time(started))?;
                map.serialize_entry("took", &seconds(*took))?;
                map.serialize_entry("attempts", attempts)?;
                serialize_usage(&mut map, *used)?;
            }
        }
        map.end()
    }
}

/// In seconds and bytes.
fn serialize_usage<M: SerializeMap>(map: &mut M, used: Option<Usage>) -> Result<(), M::Error> {
    map.serialize_entry("cpu_user", &used.map(|used| seconds(used.user)))?;
    map.serialize_entry("cpu_system", &used.map(|used| seconds(used.system)))?;
    map.serialize_entry("peak_memory", &used.map(|used| used.peak_memory))
}

fn seconds(length: SignedDuration) -> f64 {
    length.as_secs_f64()
}
