//! Turns the world into inputs for the scheduler, and its decisions into the world.
//!
//! The engine decides nothing. One loop owns all state: select → step → append the events to the
//! store → tell the observers → act. A decision is recorded before it is carried out.

mod attempt;
mod serve;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, oneshot, watch};

use crate::clock::Clock;
use crate::event::{Event, RunId};
use crate::name::Name;
use crate::observe::Observer;
use crate::policy::Limits;
use crate::schedule::Schedule;
use crate::scheduler::{Input, Remembered, Scheduler, Step};
use crate::store::Store;
use crate::task::Execute;
use crate::zone::Zone;

use attempt::Attempts;

#[cfg(feature = "control")]
pub use crate::observe::Scrape;
pub use crate::observe::{Numbered, Seen, Watch};
pub use crate::scheduler::{Pause, Request, State, TaskStatus, Until};
pub use crate::store::{Catalogue, Known, Query, Records, Row, Story, Unreadable};

/// Requests that wait for the loop at most; who asks more has to wait.
const MOST_REQUESTS: usize = 64;

/// What the engine works with.
pub struct Parts {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Records what happens.
    pub store: Box<dyn Store>,
    /// Read what happens.
    pub observers: Vec<Box<dyn Observer>>,
    /// What tells this machine from others with the same tasks.
    pub machine: Vec<u8>,
    /// What each task does.
    pub tasks: HashMap<Name, Arc<dyn Execute>>,
    /// How long a drain may take, from the request to the end.
    pub shutdown_grace: Duration,
    /// What an earlier life has left.
    pub remembered: Remembered,
    /// The number of its last event.
    pub last_event: i64,
    /// Which boot of the machine this is, if that is known.
    pub boot: Option<String>,
    /// Whether this is the first life since the machine booted.
    pub is_first: bool,
    /// Called at the first wake-up of each day (in UTC) but that of the start, to look whether the
    /// world is still as it was. It must not wait.
    pub each_day: Box<dyn FnMut() + Send>,
}

/// Runs tasks as a scheduler decides.
pub struct Engine {
    scheduler: Scheduler,
    parts: Parts,
    attempts: Attempts,
    /// What each run that goes on does: as it was when the run began.
    definitions: HashMap<RunId, Arc<dyn Execute>>,
    requests: mpsc::Receiver<Message>,
    handle: Handle,
    /// Whether it starts nothing more.
    drains: watch::Sender<bool>,
    /// Who waits until nothing is due and no run goes on.
    settling: Vec<oneshot::Sender<()>>,
    /// When it has to have ended, once it drains: by the clock that lengths are taken from.
    end: Option<SignedDuration>,
    /// When it began.
    since: Timestamp,
    /// Why the store does not record, if it does not.
    failure: Option<String>,
    /// The day of the last wake-up.
    day: Date,
}

impl Engine {
    /// An engine with the plan `schedules`, ready to [`serve`](Self::serve).
    pub async fn start(parts: Parts, schedules: Vec<Schedule>, limits: Limits) -> Self {
        let (sender, requests) = mpsc::channel(MOST_REQUESTS);
        let (drains, draining) = watch::channel(false);
        let at = parts.clock.now();
        let mut engine = Self {
            scheduler: Scheduler::new(&parts.machine),
            parts,
            attempts: Attempts::default(),
            definitions: HashMap::new(),
            requests,
            handle: Handle { messages: sender, draining },
            drains,
            settling: Vec::new(),
            end: None,
            since: at,
            failure: None,
            day: Zone::utc().wall(at).date(),
        };
        let boot = engine.parts.boot.clone();
        let remembered = std::mem::take(&mut engine.parts.remembered);
        for run in remembered.runs.iter().map(|run| &run.firing.run) {
            let task = engine.parts.tasks.get(&run.task).cloned();
            engine.definitions.extend(task.map(|task| (run.clone(), task)));
        }
        let is_first = engine.parts.is_first;
        // In one record: a boot that is known has had its firings.
        let mut step = Step { events: vec![Event::DaemonStarted { at, boot }], ..Step::default() };
        step.append(engine.decide([
            Input::Remembered(Box::new(remembered)),
            Input::Asked(Request::Load(schedules, limits)),
            Input::Started { boot: is_first },
        ]));
        engine.carry_out(step).await;
        engine
    }

    /// Speaks to the engine from elsewhere.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// How it is.
    fn status(&self) -> Status {
        let now = self.parts.clock.now();
        Status {
            at: now,
            since: self.since,
            tasks: self.scheduler.tasks(),
            running: self.scheduler.running(),
            waiting: self.scheduler.waiting(),
            paused: self.scheduler.paused(),
            overdue: self.scheduler.overdue(now),
            pause: self.scheduler.pause_of_everything().cloned(),
            draining: self.scheduler.is_draining(),
            next: self.scheduler.next_firing(),
            failure: self.failure.clone(),
        }
    }

    /// The next firing over all tasks.
    #[must_use]
    pub fn next_firing(&self) -> Option<RunId> {
        self.scheduler.next_firing()
    }
}

/// What others say to the engine.
enum Message {
    /// A request that nobody waits for.
    Ask(Request),
    /// Requests, which are one step, and who waits for what came of them.
    Do(Vec<Request>, oneshot::Sender<Vec<Event>>),
    /// Other tasks, and who waits for what came of them.
    Change(Box<Change>, oneshot::Sender<Vec<Event>>),
    Status(oneshot::Sender<Status>),
    Look(Option<Name>, oneshot::Sender<Look>),
    /// Who waits until nothing is due and no run goes on.
    Settle(oneshot::Sender<()>),
}

/// How tasks are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// When.
    pub at: Timestamp,
    /// Each, by name.
    pub tasks: Vec<TaskStatus>,
}

/// Other tasks than before.
pub struct Change {
    /// What each task does.
    pub tasks: HashMap<Name, Arc<dyn Execute>>,
    /// When and how each task runs.
    pub schedules: Vec<Schedule>,
    /// How much may run at once.
    pub limits: Limits,
    /// Called as they become the tasks, before anybody is told of them. It must not wait.
    pub taken_up: Box<dyn FnOnce() + Send>,
}

/// How an engine is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// When it is so.
    pub at: Timestamp,
    /// Since when it goes on.
    pub since: Timestamp,
    /// How many tasks there are.
    pub tasks: usize,
    /// How many runs go on.
    pub running: usize,
    /// How many firings wait.
    pub waiting: usize,
    /// How many tasks are paused, by themselves or with everything.
    pub paused: usize,
    /// The tasks of which a firing is overdue.
    pub overdue: Vec<Name>,
    /// The pause of everything, if there is one.
    pub pause: Option<Pause>,
    /// Whether it starts nothing more.
    pub draining: bool,
    /// The next firing over all tasks.
    pub next: Option<RunId>,
    /// Why the store does not record, if it does not.
    pub failure: Option<String>,
}

/// Speaks to an engine. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Handle {
    messages: mpsc::Sender<Message>,
    draining: watch::Receiver<bool>,
}

impl Handle {
    /// Asks the engine for all of this, and tells what came of it once that is on record, all or none;
    /// `None` if the engine has ended.
    pub async fn request(&self, requests: Vec<Request>) -> Option<Vec<Event>> {
        if requests.is_empty() {
            return Some(Vec::new());
        }
        let (answer, events) = oneshot::channel();
        self.messages.send(Message::Do(requests, answer)).await.ok()?;
        events.await.ok()
    }

    /// Makes others the tasks, and tells what came of it once that is on record; `None` if the engine
    /// has ended.
    pub async fn change(&self, change: Change) -> Option<Vec<Event>> {
        let (answer, events) = oneshot::channel();
        self.messages.send(Message::Change(Box::new(change), answer)).await.ok()?;
        events.await.ok()
    }

    /// How the task of this name is, or how all of them are, by name; `None` if the engine has ended.
    pub async fn look(&self, task: Option<Name>) -> Option<Look> {
        let (answer, status) = oneshot::channel();
        self.messages.send(Message::Look(task, answer)).await.ok()?;
        status.await.ok()
    }

    /// Asks the engine for something. An engine that has ended takes no requests, and needs none.
    pub async fn ask(&self, request: Request) {
        let _ = self.messages.send(Message::Ask(request)).await;
    }

    /// Waits until nothing is due any more and no run goes on; `None` if the engine has ended.
    pub async fn settle(&self) -> Option<()> {
        let (answer, settled) = oneshot::channel();
        self.messages.send(Message::Settle(answer)).await.ok()?;
        settled.await.ok()
    }

    /// Waits until the engine starts nothing more, or has ended.
    pub async fn drains(&self) {
        // An engine that has ended tells nothing.
        let _ = self.draining.clone().wait_for(|draining| *draining).await;
    }

    /// How the engine is; `None` if it has ended.
    pub async fn status(&self) -> Option<Status> {
        let (answer, status) = oneshot::channel();
        self.messages.send(Message::Status(answer)).await.ok()?;
        status.await.ok()
    }
}
