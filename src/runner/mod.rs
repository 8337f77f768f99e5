//! A command line as a task: start it, wait for its end, stop it.

mod spawn;
mod strays;
mod supervise;

use std::ffi::OsString;
use std::path::PathBuf;

use rustix::process::Signal;

use crate::task::{BoxFuture, Context, Ending, Outcome, Task};

use crate::zone::Zone;

pub use spawn::find_program;

/// A command that runs as a process of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandTask {
    /// The program and its arguments; one at least.
    pub arguments: Vec<String>,
    /// Where it starts.
    pub directory: PathBuf,
    /// What its environment has beside and before what taskd's own has.
    pub environment: Vec<(String, String)>,
    /// Whose wall clock it is told its due in.
    pub zone: Zone,
    /// What asks it to stop.
    pub stop_signal: Signal,
    /// The exit codes that count as success.
    pub success_codes: Vec<u8>,
    /// Where programs are searched that are named without a `/`, unless the environment says.
    pub search: Option<OsString>,
}

impl CommandTask {
    /// Where its programs are searched.
    #[must_use]
    pub fn search_path(&self) -> Option<OsString> {
        let own = self.environment.iter().rfind(|(name, _)| name == "PATH");
        own.map(|(_, value)| value.into()).or_else(|| self.search.clone())
    }
}

impl Task for CommandTask {
    fn execute(&self, context: Context) -> BoxFuture<'_, Ending> {
        Box::pin(async move {
            match spawn::spawn(self, context.attempt()) {
                Ok(child) => supervise::supervise(self, child, context).await,
                Err(reason) => Outcome::NotStarted(reason.to_string()).into(),
            }
        })
    }
}
