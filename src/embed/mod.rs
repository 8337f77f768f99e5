//! taskd inside your own program: tasks that are Rust, with the engine, the store and the promises of
//! the daemon.
//!
//! ```
//! use taskd::{Context, Task, TaskResult, TaskScheduler, Trigger};
//!
//! struct Cleanup { days_to_keep: u32 }
//!
//! impl Task for Cleanup {
//!     fn name(&self) -> &str { "cleanup" }
//!
//!     async fn execute(&self, _: &Context) -> TaskResult {
//!         println!("what is older than {} days goes", self.days_to_keep);
//!         Ok(())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), taskd::SchedulerError> {
//! let scheduler = TaskScheduler::builder().timezone("Europe/Berlin").build()?;
//! scheduler.schedule(Cleanup { days_to_keep: 30 }, Trigger::cron("0 3 * * *")).await?;
//! scheduler.start().await?;
//! scheduler.trigger("cleanup").await?;
//! scheduler.shutdown(true).await
//! # }
//! ```

mod builder;
mod erased;
mod error;
mod events;
#[cfg(feature = "config")]
mod file;
mod output;
mod plan;
mod resolve;
mod trigger;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use crate::clock::{Clock, System, wall_clock};
use crate::engine::{
    Catalogue, Change, Engine, Handle, Parts, Pause, Query, Records, Request, Row, State, Until,
    Watch,
};
use crate::event::{Event, RunId, TriggerKind};
use crate::name::Name;
use crate::policy::{Keep, Policy};
use crate::runner::{Captured, Output, Outputs, Surroundings};
use crate::schedule::Schedule;
use crate::task::{Execute, Given, Params, Task};
use crate::trigger::When;
use crate::zone::Zone;

use builder::Directories;
use erased::{Body, Erased};
use plan::{Entry, Phase, Plan, Running};

pub use builder::Builder;
pub use erased::{TaskFn, blocking, task_fn};
pub use error::SchedulerError;
pub use events::Events;
pub use output::TaskOutput;
pub use trigger::Trigger;

/// Runs tasks of this program at their times. Cheap to clone; all clones are one scheduler. When the last
/// one is dropped, it ends at once, as by `shutdown(false)` without waiting.
#[derive(Clone)]
pub struct TaskScheduler(Arc<Inner>);

struct Inner {
    /// Tells the time; else the machine does.
    clock: Option<Arc<dyn Clock>>,
    zone: Zone,
    defaults: Policy,
    output: Output,
    catalogue: Catalogue,
    records: Arc<dyn Records>,
    watch: Watch,
    directories: Option<Directories>,
    around: LateSurroundings,
    plan: Mutex<Plan>,
}

/// What tasks have around them, once there is a runtime.
type LateSurroundings = Arc<OnceLock<Arc<Surroundings>>>;

/// How a task is.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TaskInfo {
    /// Its name.
    pub name: Name,
    /// What it says of itself.
    pub description: String,
    /// When it fires, in words.
    pub when: String,
    /// What it does at present.
    pub state: State,
    /// When it fires next; `None` if that is not known, or it never does.
    pub next: Option<Timestamp>,
    /// Its runs that go on.
    pub running: Vec<RunId>,
    /// Its own pause, if it has one.
    pub paused: Option<Pause>,
}

impl TaskScheduler {
    /// A scheduler in memory, by the clock and the zone of this machine, unless you say otherwise.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Adds a task that fires only when somebody wants it: [`TaskScheduler::trigger`].
    ///
    /// # Errors
    ///
    /// Returns [`SchedulerError`] if there is a task of its name, or if that cannot be one.
    pub async fn add_task(&self, task: impl Task) -> Result<(), SchedulerError> {
        let name = name(task.name())?;
        let when = When::new(Vec::new(), None, None);
        self.add(task, name, when, self.0.zone.clone(), self.0.defaults.clone()).await
    }

    /// Adds a task that fires when `trigger` says so, by the default policy.
    ///
    /// # Errors
    ///
    /// Returns [`SchedulerError`] if there is a task of its name, or if the trigger is wrong.
    pub async fn schedule(&self, task: impl Task, trigger: Trigger) -> Result<(), SchedulerError> {
        self.schedule_with(task, trigger, self.0.defaults.clone()).await
    }

    /// Adds a task that fires when `trigger` says so, by this policy.
    ///
    /// # Errors
    ///
    /// Returns [`SchedulerError`] if there is a task of its name, or if the trigger is wrong.
    pub async fn schedule_with(
        &self,
        task: impl Task,
        trigger: Trigger,
        policy: Policy,
    ) -> Result<(), SchedulerError> {
        let name = name(task.name())?;
        let (when, zone) = trigger.resolve(&name, &self.0.zone)?;
        self.add(task, name, when, zone, policy).await
    }

    async fn add(
        &self,
        task: impl Task,
        name: Name,
        when: When,
        zone: Zone,
        policy: Policy,
    ) -> Result<(), SchedulerError> {
        let mut plan = self.0.plan.lock().await;
        if plan.tasks.contains_key(&name) {
            return Err(SchedulerError::Exists(name.to_string()));
        }
        let body: Arc<dyn Body> = Arc::new(task);
        let description = body.description().to_string();
        let schedule = Schedule { policy: policy.into(), ..Schedule::new(name.clone(), when) };
        let task = self.erased(body, self.0.output, Params::default());
        let entry = Entry { task, description, schedule, zone, file: None };
        plan.put(&name, entry)?;
        self.take_up(&plan).await
    }

    /// Lets a task fire at other times from now on. Runs that go on are left alone.
    ///
    /// # Errors
    ///
    /// Returns [`SchedulerError`] if there is no such task, or if the trigger is wrong.
    pub async fn reschedule(&self, task: &str, trigger: Trigger) -> Result<(), SchedulerError> {
        let mut plan = self.0.plan.lock().await;
        let unknown = || SchedulerError::NoTask(task.into());
        let mut entry = plan.tasks.get(task).cloned().ok_or_else(unknown)?;
        let name = entry.schedule.name.clone();
        (entry.schedule.when, entry.zone) = trigger.resolve(&name, &self.0.zone)?;
        plan.put(&name, entry)?;
        self.take_up(&plan).await
    }

    /// Removes a task. Runs that go on end by themselves.
    ///
    /// # Errors
    ///
    /// Returns [`SchedulerError::NoTask`] if there is none.
    pub async fn remove(&self, task: &str) -> Result<(), SchedulerError> {
        let mut plan = self.0.plan.lock().await;
        plan.tasks.remove(task).ok_or_else(|| SchedulerError::NoTask(task.into()))?;
        self.take_up(&plan).await
    }

    /// Makes the tasks of `plan` those of the engine, if there is one.
    async fn take_up(&self, plan: &Plan) -> Result<(), SchedulerError> {
        match &plan.phase {
            Phase::New(_) => Ok(()),
            Phase::Ended => Err(SchedulerError::NotStarted),
            Phase::Running(running) => {
                let catalogue = self.0.catalogue.clone();
                let known: Vec<_> = plan.known().collect();
                let taken_up = move || catalogue.replace(known);
                let tasks = plan.tasks.iter();
                let tasks = tasks.map(|(name, entry)| (name.clone(), entry.task.clone())).collect();
                let schedules = plan.schedules();
                let limits = plan.limits();
                let taken_up = Box::new(taken_up);
                let change = Change { tasks, schedules, limits, taken_up };
                let changed = running.engine.change(change).await;
                changed.map(|_| ()).ok_or(SchedulerError::NotStarted)
            }
        }
    }

    /// Starts to run tasks, on the present runtime of tokio.
    ///
    /// # Errors
    ///
    /// Returns [`SchedulerError::Started`] the second time.
    pub async fn start(&self) -> Result<(), SchedulerError> {
        let mut plan = self.0.plan.lock().await;
        if !matches!(plan.phase, Phase::New(_)) {
            return Err(SchedulerError::Started);
        }
        let clock = match &self.0.clock {
            Some(clock) => clock.clone(),
            None => {
                let system = System::new();
                Arc::new(system.map_err(|error| SchedulerError::NoClock(error.to_string()))?)
            }
        };
        let surroundings = self.surroundings().clone();
        self.0.catalogue.replace(plan.known());
        // Commands of an earlier life may have outlived it. Given up here, it has not begun.
        if let Phase::New(beginning) = &mut plan.phase {
            surroundings.look_for(&mut beginning.remembered.runs).await;
        }
        let Phase::New(beginning) = std::mem::replace(&mut plan.phase, Phase::Ended) else {
            return Err(SchedulerError::Started);
        };
        let tasks = plan.tasks.iter();
        let builder::Beginning { store, observers, keep, remembered, last_event, shutdown_grace } =
            *beginning;
        let each_day = left_output(&surroundings, &self.0.catalogue, keep);
        each_day();
        let parts = Parts {
            clock,
            store,
            observers,
            machine: Vec::new(),
            tasks: tasks.map(|(name, entry)| (name.clone(), entry.task.clone())).collect(),
            shutdown_grace,
            remembered,
            last_event,
            boot: None,
            is_first: true,
            each_day: Box::new(each_day),
        };
        let engine = Engine::start(parts, plan.schedules(), plan.limits()).await;
        let handle = engine.handle();
        let serving = tokio::spawn(engine.serve());
        plan.phase = Phase::Running(Running { engine: handle, serving });
        Ok(())
    }

    /// Ends: with `wait`, runs may end within the shutdown grace, else they are asked to stop at once.
    /// Returns when all is over and on record.
    ///
    /// # Errors
    ///
    /// Returns [`SchedulerError::NotStarted`] if it does not run.
    pub async fn shutdown(&self, wait: bool) -> Result<(), SchedulerError> {
        let mut running = {
            let mut plan = self.0.plan.lock().await;
            match std::mem::replace(&mut plan.phase, Phase::Ended) {
                Phase::Running(running) => running,
                before => {
                    plan.phase = before;
                    return Err(SchedulerError::NotStarted);
                }
            }
        };
        running.engine.ask(if wait { Request::Drain } else { Request::Stop }).await;
        // A panic of the engine ends it, too.
        let _ = (&mut running.serving).await;
        Ok(())
    }

    /// What tasks have around them. Must be called within a tokio runtime.
    fn surroundings(&self) -> &Arc<Surroundings> {
        self.0.around.get_or_init(|| {
            let directories = self.0.directories.as_ref();
            let outputs = directories.map(|all| Outputs::new(all.output.clone()));
            let state = directories.map_or_else(|| "none".into(), |all| all.state.clone().into());
            // There is no daemon to speak to, also where this program is a task of one.
            let variables =
                vec![("TASKD_STATE", Some(state)), ("TASKD_FILE", None), ("TASKD_SOCKET", None)];
            // What commands of a file inherit.
            let own = Surroundings::of_environment(std::env::vars_os().collect());
            Arc::new(Surroundings { outputs, variables, ..own })
        })
    }

    /// A Rust task as the engine runs it.
    fn erased(&self, body: Arc<dyn Body>, output: Output, params: Params) -> Arc<dyn Execute> {
        Arc::new(Erased { body, output, surroundings: self.0.around.clone(), params })
    }

    async fn engine(&self) -> Result<Handle, SchedulerError> {
        match &self.0.plan.lock().await.phase {
            Phase::Running(running) => Ok(running.engine.clone()),
            _ => Err(SchedulerError::NotStarted),
        }
    }

    async fn does(&self, request: Request) -> Result<Vec<Event>, SchedulerError> {
        let done = self.engine().await?.request(vec![request]).await;
        done.ok_or(SchedulerError::NotStarted)
    }

    /// The name of a task that is there.
    async fn known(&self, task: &str) -> Result<Name, SchedulerError> {
        let plan = self.0.plan.lock().await;
        let known = plan.tasks.get_key_value(task).map(|(name, _)| name.clone());
        known.ok_or_else(|| SchedulerError::NoTask(task.into()))
    }

    /// Lets a task start nothing until somebody resumes it; what runs goes on.
    ///
    /// # Errors
    ///
    /// Returns [`SchedulerError`] if there is no such task, or if the scheduler does not run.
    pub async fn pause(&self, task: &str) -> Result<(), SchedulerError> {
        self.pause_until(task, None).await
    }

    /// Lets a task start nothing for so long; what runs goes on.
    ///
    /// # Errors
    ///
    /// Returns [`SchedulerError`] if there is no such task, or if the scheduler does not run.
    pub async fn pause_for(&self, task: &str, length: Duration) -> Result<(), SchedulerError> {
        let length = SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX);
        self.pause_until(task, Some(Until::For(length))).await
    }

    async fn pause_until(&self, task: &str, until: Option<Until>) -> Result<(), SchedulerError> {
        let task = Some(self.known(task).await?);
        self.does(Request::Pause { task, until, reason: None }).await.map(|_| ())
    }

    /// Lets a task go on. What came due meanwhile is not made up for.
    ///
    /// # Errors
    ///
    /// Returns [`SchedulerError`] if there is no such task, or if the scheduler does not run.
    pub async fn resume(&self, task: &str) -> Result<(), SchedulerError> {
        let task = self.known(task).await?;
        self.does(Request::Resume(Some(task))).await.map(|_| ())
    }

    /// Lets everything start nothing until somebody resumes it, by a switch of its own.
    ///
    /// # Errors
    ///
    /// Returns [`SchedulerError::NotStarted`] if the scheduler does not run.
    pub async fn pause_all(&self) -> Result<(), SchedulerError> {
        self.does(Request::Pause { task: None, until: None, reason: None }).await.map(|_| ())
    }

    /// Lets everything go on, but for tasks that are paused by themselves.
    ///
    /// # Errors
    ///
    /// Returns [`SchedulerError::NotStarted`] if the scheduler does not run.
    pub async fn resume_all(&self) -> Result<(), SchedulerError> {
        self.does(Request::Resume(None)).await.map(|_| ())
    }

    /// Runs a task now, also one that is paused; returns its run, which may have to wait.
    ///
    /// # Errors
    ///
    /// Returns [`SchedulerError::Skipped`] if its policy does not let it run now.
    pub async fn trigger(&self, task: &str) -> Result<RunId, SchedulerError> {
        let task = self.known(task).await?;
        let request = Request::Trigger { task: task.clone(), given: Given::default() };
        let events = self.does(request).await?;
        let judged = events.into_iter().rev().find_map(|event| match event {
            Event::RunStarted { run, trigger: TriggerKind::Manual, .. }
            | Event::FiringWaiting { run, trigger: TriggerKind::Manual, .. }
                if run.task == task =>
            {
                Some(Ok(run))
            }
            Event::FiringSkipped { run, trigger: TriggerKind::Manual, reason, .. }
                if run.task == task =>
            {
                Some(Err(SchedulerError::Skipped(run.to_string(), reason.word())))
            }
            _ => None,
        });
        judged.unwrap_or(Err(SchedulerError::NotStarted))
    }

    /// Asks the runs of a task to stop, and calls off its firings that wait.
    ///
    /// # Errors
    ///
    /// Returns [`SchedulerError`] if there is no such task, or if the scheduler does not run.
    pub async fn cancel(&self, task: &str) -> Result<(), SchedulerError> {
        let task = self.known(task).await?;
        self.does(Request::CancelAll(task)).await.map(|_| ())
    }

    /// All tasks, by name.
    pub async fn tasks(&self) -> Vec<TaskInfo> {
        let engine = self.engine().await.ok();
        let look = match engine {
            Some(engine) => engine.look(None).await,
            None => None,
        };
        let now = look.as_ref().map_or_else(|| self.now(), |look| look.at);
        let plan = self.0.plan.lock().await;
        let tell = |(name, entry): (&Name, &Entry)| {
            let status = look.as_ref().and_then(|look| {
                let found = look.tasks.binary_search_by(|status| status.task.cmp(name));
                found.ok().map(|at| &look.tasks[at])
            });
            let paused = status.and_then(|status| status.pause.clone());
            // While it is paused, nothing comes.
            let from = match &paused {
                Some(pause) => pause.until.map(|until| until.max(now)),
                None => Some(now),
            };
            TaskInfo {
                name: name.clone(),
                description: entry.description.clone(),
                when: entry.schedule.in_words(&entry.zone),
                state: status.map_or(State::Idle, |status| status.state),
                next: from.and_then(|from| Some(entry.schedule.next_run_after(from)?.due)),
                running: status.map(|status| status.running.clone()).unwrap_or_default(),
                paused,
            }
        };
        plan.tasks.iter().map(tell).collect()
    }

    /// The next `count` firings over all tasks, by due, then by name.
    pub async fn next_firings(&self, count: usize) -> Vec<RunId> {
        let now = self.now();
        let plan = self.0.plan.lock().await;
        let mut firings = Vec::new();
        for entry in plan.tasks.values() {
            let first = entry.schedule.next_run_after(now);
            let next =
                std::iter::successors(first, |firing| entry.schedule.next_run_after(firing.due));
            let task = &entry.schedule.name;
            let run =
                |firing: crate::trigger::Firing| RunId { task: task.clone(), due: firing.due };
            firings.extend(next.take(count).map(run));
        }
        firings.sort_by(|one, other| (one.due, &one.task).cmp(&(other.due, &other.task)));
        firings.truncate(count);
        firings
    }

    /// What became of firings, the newest first.
    ///
    /// # Errors
    ///
    /// Returns [`SchedulerError::Store`] if the record cannot be read.
    pub async fn history(&self, query: Query) -> Result<Vec<Row>, SchedulerError> {
        let plan = self.0.plan.lock().await;
        if matches!(plan.phase, Phase::New(_)) {
            self.0.catalogue.replace(plan.known());
        }
        drop(plan);
        Ok(self.0.records.history(query).await?)
    }

    /// What a run has written, if that is kept: its head and its tail, where it is much.
    ///
    /// # Errors
    ///
    /// Returns [`SchedulerError::Store`] if it cannot be read.
    pub fn output(&self, run: &RunId) -> Result<Option<Captured>, SchedulerError> {
        let Some(Directories { output, .. }) = &self.0.directories else { return Ok(None) };
        match Captured::of(output, run) {
            Ok(captured) => Ok(Some(captured)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(SchedulerError::Store(error.to_string())),
        }
    }

    /// What happens from now on. Who is too slow misses some.
    #[must_use]
    pub fn subscribe(&self) -> Events {
        Events::of(self.0.watch.after(None).next)
    }

    /// Waits until all that is due has been judged, no run goes on and all of it is in the history: with a
    /// simulated clock, the moment to let time pass.
    ///
    /// # Errors
    ///
    /// Returns [`SchedulerError::NotStarted`] if it does not run.
    pub async fn settle(&self) -> Result<(), SchedulerError> {
        self.engine().await?.settle().await.ok_or(SchedulerError::NotStarted)
    }

    fn now(&self) -> Timestamp {
        self.0.clock.as_ref().map_or_else(wall_clock, |clock| clock.now())
    }
}

/// Removes old output of tasks that have left.
fn left_output(
    surroundings: &Surroundings,
    catalogue: &Catalogue,
    keep: Keep,
) -> impl Fn() + Send + Sync + use<> {
    let (outputs, catalogue) = (surroundings.outputs.clone(), catalogue.clone());
    let keep = SignedDuration::from_hours(24 * i64::from(keep.days));
    move || {
        if let (Some(outputs), Ok(before)) = (&outputs, wall_clock().checked_sub(keep)) {
            let there = catalogue.all().keys().cloned().collect();
            outputs.remove_left(Arc::new(there), before);
        }
    }
}

fn name(text: &str) -> Result<Name, SchedulerError> {
    Name::new(text).map_err(|error| SchedulerError::BadName(text.into(), error.to_string()))
}
