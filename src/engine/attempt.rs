//! The attempts that go on.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::task::{Id, JoinError, JoinSet};

use crate::event::RunId;
use crate::task::{Attempt, Context, ENDED_UNSEEN, Ending, Execute, Failure, Outcome, StopSwitch};

/// A task that was asked to stop and does not, not even so long after its grace, is given up.
const GIVE_UP: Duration = Duration::from_secs(10);

/// Every attempt that goes on, each on its own. A panic in one ends that one and nothing else.
#[derive(Default)]
pub(super) struct Attempts {
    futures: JoinSet<Ending>,
    /// Each run, and when it began by the clock that lengths are taken from.
    runs: HashMap<Id, (RunId, SignedDuration)>,
    switches: HashMap<RunId, StopSwitch>,
}

/// An attempt that has ended.
pub(super) struct Ended {
    pub run: RunId,
    pub ending: Ending,
    /// When it began, by the clock that lengths are taken from.
    pub began: SignedDuration,
}

impl Attempts {
    /// Starts an attempt, or adopts one that goes on, at `elapsed`.
    pub(super) fn start(
        &mut self,
        attempt: Attempt,
        task: Option<Arc<dyn Execute>>,
        adopts: bool,
        elapsed: SignedDuration,
    ) {
        let run = attempt.run.clone();
        let (context, switch) = Context::new(attempt);
        let future = limited(task, adopts, context, switch.clone());
        self.runs.insert(self.futures.spawn(future).id(), (run.clone(), elapsed));
        self.switches.insert(run, switch);
    }

    /// Asks the attempt of `run` to stop `within` so long, if it goes on.
    pub(super) fn stop(&self, run: &RunId, within: Duration) {
        if let Some(switch) = self.switches.get(run) {
            switch.stop(within);
        }
    }

    /// Waits for none of them any longer: they end as given up.
    pub(super) fn give_up(&mut self) {
        self.futures.abort_all();
    }

    /// Whether none goes on.
    pub(super) fn is_empty(&self) -> bool {
        self.futures.is_empty()
    }

    /// Waits for the next end; for ever, if none goes on. Dropping the future loses no end.
    pub(super) async fn next(&mut self) -> Ended {
        loop {
            let joined = match self.futures.join_next_with_id().await {
                Some(joined) => joined,
                None => std::future::pending().await,
            };
            if let Some(ended) = self.ended(joined) {
                return ended;
            }
        }
    }

    /// One that has ended already, if there is one.
    pub(super) fn try_next(&mut self) -> Option<Ended> {
        let joined = self.futures.try_join_next_with_id()?;
        self.ended(joined)
    }

    fn ended(&mut self, joined: Result<(Id, Ending), JoinError>) -> Option<Ended> {
        let (id, ending) = joined.unwrap_or_else(|error| (error.id(), broken(&error)));
        let (run, began) = self.runs.remove(&id)?;
        self.switches.remove(&run);
        Some(Ended { run, ending, began })
    }
}

/// One attempt within its limits: it is asked to stop when its time is over, and given up if it
/// does not.
async fn limited(
    task: Option<Arc<dyn Execute>>,
    adopts: bool,
    context: Context,
    switch: StopSwitch,
) -> Ending {
    let Some(task) = task else {
        if adopts {
            return Outcome::Lost(ENDED_UNSEEN.into()).into();
        }
        return Outcome::NotStarted("nobody knows what this task does".into()).into();
    };
    let timeout = context.attempt().timeout.map(SignedDuration::unsigned_abs);
    let mut asked = context.clone();
    let mut attempt = if adopts { task.adopt(context) } else { task.execute(context) };
    let over = async {
        match timeout {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    let timed_out = tokio::select! {
        biased;
        ending = &mut attempt => return ending,
        _ = asked.stop_requested() => false,
        () = over => {
            switch.stop(Duration::MAX);
            true
        }
    };
    let patience = async {
        grace(&mut asked).await;
        switch.end();
        tokio::time::sleep(GIVE_UP).await;
    };
    tokio::select! {
        biased;
        ending = &mut attempt => {
            if timed_out { Ending { outcome: Outcome::TimedOut, ..ending } } else { ending }
        }
        () = patience => {
            Outcome::Failed(Failure::Broken("it does not stop, and was given up".into())).into()
        }
    }
}

/// Waits until the time is over that an attempt may take, which was asked to stop. It may be asked
/// again, to do so sooner.
async fn grace(asked: &mut Context) {
    let over = tokio::time::sleep(asked.stop_requested().await);
    tokio::pin!(over);
    loop {
        tokio::select! {
            () = &mut over => return,
            within = asked.hurried() => {
                let sooner = tokio::time::sleep(within);
                if sooner.deadline() < over.deadline() {
                    over.set(sooner);
                }
            }
        }
    }
}

fn broken(error: &JoinError) -> Ending {
    let what = if error.is_panic() { "it panicked" } else { "it was given up" };
    Outcome::Failed(Failure::Broken(what.into())).into()
}
