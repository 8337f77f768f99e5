//! Events as lines of the log.

use jiff::{SignedDuration, Timestamp};
use tracing::{debug, info, warn};

use super::Observer;
use crate::event::{Event, RunId};
use crate::task::Outcome;

/// Writes each event to the log, by `tracing`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Log;

impl Observer for Log {
    fn notify(&mut self, event: &Event) {
        match event {
            Event::DaemonStarted { .. } => debug!("started"),
            Event::DaemonStopped { .. } => info!("stopped"),
            Event::ClockStepped { by, .. } => warn!(by = %seconds(*by), "the wall clock was set"),
            Event::TaskAdded { task, .. } => debug!(%task, "task added"),
            Event::TaskChanged { task, .. } => info!(%task, "task changed"),
            Event::TaskRemoved { task, .. } => info!(%task, "task removed"),
            Event::FiringSkipped { run, reason, .. } => {
                info!(task = %run.task, due = %run.due, %reason, "firing skipped");
            }
            Event::FiringsMissed { task, first, last, count, .. } => {
                warn!(%task, %count, %first, %last, "firings missed");
            }
            Event::RunStarted { at, run, trigger } => {
                let late = late(run, *at);
                debug!(task = %run.task, %run, due = %run.due, %trigger, %late, "run started");
            }
            Event::RunFinished { run, started, took, outcome, .. } => {
                finished(run, *started, *took, outcome);
            }
        }
    }
}

fn finished(run: &RunId, started: Timestamp, took: SignedDuration, outcome: &Outcome) {
    let (late, took) = (late(run, started), seconds(took));
    // The level is part of where a line comes from, so it cannot be a value.
    match outcome {
        Outcome::Success | Outcome::Stopped => {
            info!(task = %run.task, %run, due = %run.due, %late, %outcome, %took, "run finished");
        }
        Outcome::Failed(_) | Outcome::NotStarted(_) => {
            warn!(task = %run.task, %run, due = %run.due, %late, %outcome, %took, "run finished");
        }
    }
}

fn late(run: &RunId, started: Timestamp) -> String {
    seconds(started.duration_since(run.due))
}

/// A length in seconds, to the millisecond: the same unit in every line, for those who compare.
fn seconds(length: SignedDuration) -> String {
    format!("{:.3}s", length.as_secs_f64())
}
