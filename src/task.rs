//! What a task does: the trait, what an attempt is told, and how a run ends.
//!
//! Nothing here knows about time tables or processes. A command line is one [`Task`]; a Rust
//! program may bring others.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::watch;

use crate::event::RunId;
use crate::name::Name;

/// A future that may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Something that can be run.
pub trait Task: Send + Sync + 'static {
    /// Makes one attempt and tells how it ended.
    ///
    /// A panic in here ends this run as failed and nothing else. When
    /// [`Context::stop_requested`] resolves, end soon.
    fn execute(&self, context: Context) -> BoxFuture<'_, Outcome>;
}

/// What an attempt is told about itself.
#[derive(Clone, Debug)]
pub struct Context {
    run: RunId,
    stop: watch::Receiver<bool>,
}

impl Context {
    /// A context for an attempt of `run`, and the switch that asks it to stop.
    #[must_use]
    pub fn new(run: RunId) -> (Self, StopSwitch) {
        let (switch, stop) = watch::channel(false);
        (Self { run, stop }, StopSwitch(switch))
    }

    /// The run this attempt belongs to.
    #[must_use]
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// The name of the task.
    #[must_use]
    pub fn task(&self) -> &Name {
        &self.run.task
    }

    /// The nominal instant of the firing that led to this run.
    #[must_use]
    pub fn due(&self) -> Timestamp {
        self.run.due
    }

    /// Waits until this attempt is asked to stop; for ever, if it never is.
    pub async fn stop_requested(&mut self) {
        if self.stop.wait_for(|stop| *stop).await.is_err() {
            // The switch is gone, so nobody can ask any more.
            std::future::pending::<()>().await;
        }
    }
}

/// Asks one attempt to stop.
#[derive(Debug)]
pub struct StopSwitch(watch::Sender<bool>);

impl StopSwitch {
    /// Asks the attempt to stop. Asking twice is asking once.
    pub fn stop(&self) {
        self.0.send_replace(true);
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
    /// It was stopped by taskd.
    Stopped,
    /// It could not be started at all, and why.
    NotStarted(String),
}

impl Outcome {
    /// The word for this outcome in history, logs and JSON.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failed(_) => "failed",
            Self::Stopped => "stopped",
            Self::NotStarted(_) => "not-started",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match self {
            Self::Success | Self::Stopped => Ok(()),
            Self::Failed(failure) => write!(f, " ({failure})"),
            Self::NotStarted(reason) => write!(f, " ({reason})"),
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
