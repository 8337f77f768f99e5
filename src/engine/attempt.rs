//! The attempts that go on.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::{Id, JoinError, JoinSet};

use crate::event::RunId;
use crate::task::{Context, Failure, Outcome, StopSwitch, Task};

/// Every attempt that goes on, each on its own. A panic in one ends that one and nothing else.
#[derive(Default)]
pub(super) struct Attempts {
    futures: JoinSet<Outcome>,
    runs: HashMap<Id, RunId>,
    switches: HashMap<RunId, StopSwitch>,
}

impl Attempts {
    /// Starts an attempt of `run`.
    pub(super) fn start(&mut self, run: RunId, task: Option<Arc<dyn Task>>) {
        let (context, switch) = Context::new(run.clone());
        let attempt = self.futures.spawn(async move {
            match task {
                Some(task) => task.execute(context).await,
                None => Outcome::NotStarted("nobody knows what this task does".into()),
            }
        });
        self.runs.insert(attempt.id(), run.clone());
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
    pub(super) async fn next(&mut self) -> (RunId, Outcome) {
        loop {
            let (id, outcome) = match self.futures.join_next_with_id().await {
                Some(Ok(ended)) => ended,
                Some(Err(error)) => (error.id(), broken(&error)),
                None => std::future::pending().await,
            };
            let Some(run) = self.runs.remove(&id) else {
                continue;
            };
            self.switches.remove(&run);
            return (run, outcome);
        }
    }
}

fn broken(error: &JoinError) -> Outcome {
    let what = if error.is_panic() { "it panicked" } else { "it was given up" };
    Outcome::Failed(Failure::Broken(what.into()))
}
