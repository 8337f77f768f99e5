//! A command line as a task: start it, wait for its end, stop it.

mod spawn;
mod supervise;

use std::ffi::OsString;
use std::path::PathBuf;

use crate::task::{BoxFuture, Context, Outcome, Task};

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
    fn execute(&self, context: Context) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            match spawn::spawn(self) {
                Ok(child) => supervise::supervise(child, context).await,
                Err(reason) => Outcome::NotStarted(reason.to_string()),
            }
        })
    }
}
