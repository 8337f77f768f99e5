//! The attempts that go on.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::SignedDuration;
use tokio::task::{Id, JoinError, JoinSet};

use crate::event::RunId;
use crate::task::{Context, Failure, Outcome, StopSwitch, Task};

/// Every attempt that goes on, each on its own. A panic in one ends that one and nothing else.
#[derive(Default)]
pub(super) struct Attempts {
    futures: JoinSet<Outcome>,
    /// Each run, and when it began by the clock that lengths are taken from.
    runs: HashMap<Id, (RunId, SignedDuration)>,
    switches: HashMap<RunId, StopSwitch>,
}

/// An attempt that has ended.
pub(super) struct Ended {
    pub run: RunId,
    pub outcome: Outcome,
    /// When it began, by the clock that lengths are taken from.
    pub began: SignedDuration,
}

impl Attempts {
    /// Starts an attempt of `run`, at `elapsed`.
    pub(super) fn start(
        &mut self,
        run: RunId,
        task: Option<Arc<dyn Task>>,
        elapsed: SignedDuration,
    ) {
        let (context, switch) = Context::new(run.clone());
        let attempt = self.futures.spawn(async move {
            match task {
                Some(task) => task.execute(context).await,
                None => Outcome::NotStarted("nobody knows what this task does".into()),
            }
        });
        self.runs.insert(attempt.id(), (run.clone(), elapsed));
        self.switches.insert(run, switch);
    }

    /// Asks the attempt of `run` to stop, if it goes on.
    pub(super) fn stop(&self, run: &RunId) {
        if let Some(switch) = self.switches.get(run) {
            switch.stop();
        }
    }

    /// Whether none goes on.
    pub(super) fn is_empty(&self) -> bool {
        self.futures.is_empty()
    }

    /// Waits for the next end; for ever, if none goes on. Dropping the future loses no end.
    pub(super) async fn next(&mut self) -> Ended {
        loop {
            let (id, outcome) = match self.futures.join_next_with_id().await {
                Some(Ok(ended)) => ended,
                Some(Err(error)) => (error.id(), broken(&error)),
                None => std::future::pending().await,
            };
            let Some((run, began)) = self.runs.remove(&id) else { continue };
            self.switches.remove(&run);
            return Ended { run, outcome, began };
        }
    }
}

fn broken(error: &JoinError) -> Outcome {
    let what = if error.is_panic() { "it panicked" } else { "it was given up" };
    Outcome::Failed(Failure::Broken(what.into()))
}
