//! What a task does: the trait, what an attempt is told, and how it ends.
//!
//! Nothing here knows about time tables or processes. A Rust program brings a [`Task`]; what the engine
//! runs is [`Execute`], which a command line is, too.

mod params;
mod rust;
mod usage;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tokio::sync::watch;

use crate::event::{Cause, RunId, TriggerKind};
use crate::name::Name;

pub use params::Params;
pub use rust::{Task, TaskError, TaskResult};
pub use usage::Usage;

/// A future that may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the engine runs: a command line, or a [`Task`] of a Rust program.
pub trait Execute: Send + Sync + 'static {
    /// Makes one attempt and tells how it ended.
    ///
    /// A panic in here ends this attempt as failed and nothing else. When
    /// [`Context::stop_requested`] resolves, end soon, and when [`Context::grace_over`] does, at
    /// once: what goes on for much longer is given up.
    fn execute(&self, context: Context) -> BoxFuture<'_, Ending>;

    /// Waits for the end of an attempt that an earlier life of this program has begun, and that went
    /// on without it; stops it when it is asked to, as [`Execute::execute`] would.
    fn adopt(&self, _context: Context) -> BoxFuture<'_, Ending> {
        Box::pin(std::future::ready(Outcome::Lost(ENDED_UNSEEN.into()).into()))
    }
}

/// What is known of the end of an attempt that nobody was there for.
pub const ENDED_UNSEEN: &str = "ended unseen";

/// An attempt: which it is, and why it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The run it belongs to.
    pub run: RunId,
    /// Its number in the run, from 1.
    pub number: u32,
    /// What made the task fire.
    pub trigger: TriggerKind,
    /// The run it came after, if it did.
    pub cause: Option<Cause>,
    /// When the last successful run of the task was due.
    pub previous_success: Option<Timestamp>,
    /// How long it may take before it is asked to stop.
    pub timeout: Option<SignedDuration>,
    /// How long it may take to stop before it is killed.
    pub stop_grace: SignedDuration,
    /// What a person has given to this run.
    pub given: Given,
}

/// What a person gives to a run along with asking for it. Values of variables may be secrets, so
/// nothing prints them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// Variables of its environment.
    pub env: std::sync::Arc<[(String, String)]>,
    /// Whether it runs beside whatever goes on.
    pub force: bool,
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.env.iter().map(|(name, _)| name).collect();
        f.debug_struct("Given").field("env", &names).field("force", &self.force).finish()
    }
}

/// What an attempt is told about itself. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Context {
    attempt: std::sync::Arc<Attempt>,
    stop: watch::Receiver<Stop>,
    around: Option<std::sync::Arc<dyn Around>>,
}

/// What a Rust task has around it.
pub trait Around: fmt::Debug + Send + Sync {
    /// Takes what it writes.
    fn write(&self, bytes: &[u8]);

    /// Its `params`.
    fn params(&self) -> &Params;
}

/// What an attempt is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// Nothing: it may go on.
    No,
    /// To stop, within this time from when that was asked.
    Within(Duration),
    /// To end at once.
    Now,
}

impl Context {
    /// A context for `attempt`, and the switch that asks it to stop.
    #[must_use]
    pub fn new(attempt: Attempt) -> (Self, StopSwitch) {
        let (switch, stop) = watch::channel(Stop::No);
        (Self { attempt: attempt.into(), stop, around: None }, StopSwitch(switch))
    }

    /// The same with `around` around it.
    #[must_use]
    pub fn within(self, around: std::sync::Arc<dyn Around>) -> Self {
        Self { around: Some(around), ..self }
    }

    /// What a Rust task has around it.
    #[must_use]
    pub fn around(&self) -> Option<&dyn Around> {
        self.around.as_deref()
    }

    /// The `params` that a schedule file gives to a Rust task, read as a `T`; without any, those of an
    /// empty table.
    ///
    /// ```
    /// # use taskd::{Context, TaskResult};
    /// #[derive(serde::Deserialize)]
    /// struct Params {
    ///     days_to_keep: u32,
    /// }
    ///
    /// # async fn execute(context: &Context) -> TaskResult {
    /// let Params { days_to_keep } = context.params()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns what is wrong with them, of which task.
    #[cfg(feature = "config")]
    pub fn params<T: serde::de::DeserializeOwned>(&self) -> Result<T, TaskError> {
        let params = self.around().map(|around| around.params().clone()).unwrap_or_default();
        let told = |error| format!("the `params` of `{}`: {error}", self.task()).into();
        params.read().map_err(told)
    }

    /// The attempt.
    #[must_use]
    pub fn attempt(&self) -> &Attempt {
        &self.attempt
    }

    /// The run it belongs to.
    #[must_use]
    pub fn run(&self) -> &RunId {
        &self.attempt.run
    }

    /// The name of the task.
    #[must_use]
    pub fn task(&self) -> &Name {
        &self.attempt.run.task
    }

    /// The nominal instant of the firing that led to this run.
    #[must_use]
    pub fn due(&self) -> Timestamp {
        self.attempt.run.due
    }

    /// The number of this attempt in its run, from 1.
    #[must_use]
    pub fn attempt_number(&self) -> u32 {
        self.attempt.number
    }

    /// What made the task fire.
    #[must_use]
    pub fn trigger(&self) -> TriggerKind {
        self.attempt.trigger
    }

    /// When the last successful run of the task was due, before this one.
    #[must_use]
    pub fn previous_success(&self) -> Option<Timestamp> {
        self.attempt.previous_success
    }

    /// Whether this attempt was asked to stop.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        *self.stop.borrow() != Stop::No
    }

    /// Waits until this attempt is asked to stop, and tells how long it may take to; waits for ever,
    /// if it never is.
    pub async fn stop_requested(&self) -> Duration {
        let mut asked = self.stop.clone();
        let stop = asked.wait_for(|stop| *stop != Stop::No).await.map(|stop| *stop);
        self.within_reach(stop.unwrap_or(Stop::No)).await
    }

    /// Once it was asked to stop: waits until it is asked again to do so sooner, and tells how long it
    /// may take from then.
    pub async fn hurried(&mut self) -> Duration {
        let changed = self.stop.changed().await;
        let stop = *self.stop.borrow();
        self.within_reach(if changed.is_ok() { stop } else { Stop::No }).await
    }

    /// Waits until the time that this attempt may take to stop is over.
    pub async fn grace_over(&mut self) {
        if self.stop.wait_for(|stop| *stop == Stop::Now).await.is_err() {
            let () = std::future::pending().await;
        }
    }

    /// The time within which it has to stop; without any, or where the switch is gone so that nobody
    /// can ask, it is awaited for ever.
    async fn within_reach(&self, stop: Stop) -> Duration {
        match stop {
            Stop::No => std::future::pending().await,
            Stop::Within(within) => within.min(self.attempt.stop_grace.unsigned_abs()),
            Stop::Now => Duration::ZERO,
        }
    }
}

/// Asks one attempt to stop.
#[derive(Clone, Debug)]
pub struct StopSwitch(watch::Sender<Stop>);

impl StopSwitch {
    /// Asks the attempt to stop, within its own stop grace and `within`. Of several such times the one
    /// that ends first counts.
    pub fn stop(&self, within: Duration) {
        self.0.send_if_modified(|stop| {
            let sooner = match stop {
                Stop::No => true,
                Stop::Within(before) => within < *before,
                Stop::Now => false,
            };
            if sooner {
                *stop = Stop::Within(within);
            }
            sooner
        });
    }

    /// The time to stop is over.
    pub fn end(&self) {
        self.0.send_replace(Stop::Now);
    }
}

/// How an attempt ended, with what a process leaves behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// How it ended.
    pub outcome: Outcome,
    /// The exit code of its process, if it had one and that exited.
    pub exit_code: Option<i32>,
    /// The signal that ended its process, if one did.
    pub signal: Option<i32>,
    /// What it has used, if that is known.
    pub used: Option<Usage>,
}

impl From<Outcome> for Ending {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, exit_code: None, signal: None, used: None }
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It did what it should.
    Success,
    /// It ended by itself, but not well.
    Failed(Failure),
    /// It took longer than it may, and was stopped for it.
    TimedOut,
    /// It was stopped: somebody asked, another run replaced it, or taskd ended.
    Stopped,
    /// It could not be started at all, and why.
    NotStarted(String),
    /// Nobody was there when it ended, and why that is known.
    Lost(String),
}

impl Outcome {
    /// The word for this outcome in history, logs and JSON.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failed(_) => "failed",
            Self::TimedOut => "timed-out",
            Self::Stopped => "stopped",
            Self::NotStarted(_) => "not-started",
            Self::Lost(_) => "lost",
        }
    }

    /// What went wrong in words, where its word and the exit code do not tell.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::NotStarted(why) | Self::Lost(why) | Self::Failed(Failure::Broken(why)) => {
                Some(why)
            }
            _ => None,
        }
    }

    /// Whether another attempt may go better: it ended by itself, or took too long.
    #[must_use]
    pub fn is_worth_another(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::TimedOut)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match self {
            Self::Success | Self::TimedOut | Self::Stopped => Ok(()),
            Self::Failed(failure) => write!(f, " ({failure})"),
            Self::NotStarted(reason) | Self::Lost(reason) => write!(f, " ({reason})"),
        }
    }
}

/// What went wrong in an attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// The process ended with this exit code.
    Code(i32),
    /// The process was ended by this signal, which taskd did not send.
    Signal(i32),
    /// A Rust task panicked, or taskd lost sight of the attempt.
    Broken(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::Broken(what) => f.write_str(what),
        }
    }
}
