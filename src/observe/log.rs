//! Events as lines of the log.

use jiff::{SignedDuration, Timestamp};
use tracing::{debug, error, info, warn};

use super::Observer;
use crate::event::{Count, Event, Passed, RunId};
use crate::name::Name;
use crate::task::{Outcome, Usage};

/// Writes each event to the log, by `tracing`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Log;

impl Observer for Log {
    fn notify(&mut self, _: i64, event: &Event) {
        match event {
            Event::DaemonStarted { .. } => debug!("started"),
            Event::DaemonStopped { .. } => info!("stopped"),
            Event::StoreFailed { error, .. } => {
                error!(%error, "what happens cannot be recorded; it is kept in memory");
            }
            Event::StoreRecovered { .. } => {
                warn!("what happens is recorded again, with all that was kept in memory");
            }
            Event::ClockStepped { by, .. } => warn!(by = %seconds(*by), "the wall clock was set"),
            Event::MachineSuspended { lasted, .. } => {
                info!(lasted = %seconds(*lasted), "the machine was suspended");
            }
            Event::TaskAdded { task, renamed_from: Some(old), .. } => {
                info!(%task, renamed_from = %old, "task renamed");
            }
            Event::TaskAdded { task, .. } => debug!(%task, "task added"),
            Event::TaskChanged { task, .. } => info!(%task, "task changed"),
            Event::TaskRemoved { task, .. } => info!(%task, "task removed"),
            Event::TaskPaused { task, until, reason, .. } => {
                let (task, until) =
                    (what(task.as_ref()), until.as_ref().map(tracing::field::display));
                info!(%task, until, reason, "paused");
            }
            Event::TaskResumed { task, .. } => info!(task = %what(task.as_ref()), "resumed"),
            Event::FiringWaiting { run, reason, .. } => {
                info!(task = %run.task, due = %run.due, %reason, "firing waits");
            }
            Event::FiringSkipped { run, reason, .. } => {
                info!(task = %run.task, due = %run.due, %reason, "firing skipped");
            }
            Event::FiringsPassed { task, first, last, count, passed, .. } => {
                passed_over(*passed, task, *first, *last, *count);
            }
            Event::RunStarted { at, run, trigger, cause, .. } => {
                let (late, after) = (late(run, *at), cause.as_ref().map(|cause| &cause.run));
                let after = after.map(tracing::field::display);
                debug!(task = %run.task, %run, due = %run.due, %trigger, after, %late, "run started");
            }
            Event::AttemptStarted { run, attempt, .. } => {
                debug!(task = %run.task, %run, attempt, "attempt started");
            }
            Event::AttemptFinished { run, attempt, ending, took, next, .. } => {
                let (outcome, took) = (&ending.outcome, seconds(*took));
                match next {
                    Some(next) => {
                        warn!(task = %run.task, %run, attempt, %outcome, %took, %next, "attempt failed, there will be another");
                    }
                    None => {
                        debug!(task = %run.task, %run, attempt, %outcome, %took, "attempt finished");
                    }
                }
            }
            Event::RunFinished { run, started, took, attempts, used, outcome, .. } => {
                finished(run, *started, *took, (*attempts, *used), outcome);
            }
        }
    }
}

fn what(task: Option<&Name>) -> &str {
    task.map_or("everything", Name::as_str)
}

fn passed_over(passed: Passed, task: &Name, first: Timestamp, last: Timestamp, count: Count) {
    match passed {
        Passed::Missed => warn!(%task, %count, %first, %last, "firings missed"),
        Passed::Coalesced => warn!(%task, %count, %first, %last, "firings coalesced"),
        Passed::Paused => info!(%task, %count, %first, %last, "firings paused"),
        Passed::Calendar => info!(%task, %count, %first, %last, "firings skipped by a calendar"),
    }
}

fn finished(
    run: &RunId,
    started: Timestamp,
    took: SignedDuration,
    (attempts, used): (u32, Option<Usage>),
    outcome: &Outcome,
) {
    let (late, took) = (late(run, started), seconds(took));
    // One attempt is no news.
    let attempts = (attempts > 1).then_some(attempts);
    let cpu_user = used.map(|used| tracing::field::display(seconds(used.user)));
    let cpu_system = used.map(|used| tracing::field::display(seconds(used.system)));
    let peak_memory = used.map(|used| used.peak_memory);
    // The level is part of where a line comes from, so it cannot be a value.
    match outcome {
        Outcome::Success | Outcome::Stopped => {
            info!(task = %run.task, %run, due = %run.due, %late, %outcome, attempts, %took, cpu_user, cpu_system, peak_memory, "run finished");
        }
        Outcome::Failed(_) | Outcome::TimedOut | Outcome::NotStarted(_) | Outcome::Lost(_) => {
            warn!(task = %run.task, %run, due = %run.due, %late, %outcome, attempts, %took, cpu_user, cpu_system, peak_memory, "run finished");
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
