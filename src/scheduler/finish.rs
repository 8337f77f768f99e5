//! A run ends.

use jiff::{SignedDuration, Timestamp};

use super::{Scheduler, Step};
use crate::event::{Event, RunId};
use crate::task::Outcome;

impl Scheduler {
    pub(super) fn finish(
        &mut self,
        now: Timestamp,
        run: RunId,
        (outcome, took): (Outcome, SignedDuration),
        step: &mut Step,
    ) {
        // An end that nobody waits for is no news: each run ends once.
        if let Some(started) = self.forget(&run) {
            step.events.push(Event::RunFinished { at: now, run, started, took, outcome });
        }
    }

    /// Takes a run off the books, and tells when it had begun.
    pub(super) fn forget(&mut self, run: &RunId) -> Option<Timestamp> {
        let started = self.runs.remove(run)?;
        // The task may have left the plan meanwhile.
        if let Some(task) = self.tasks.get_mut(&run.task) {
            task.running -= 1;
        }
        Some(started)
    }
}
