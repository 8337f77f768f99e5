//! A command line as a task: start it, wait for its end, stop it.

mod output;
mod spawn;
mod strays;
mod supervise;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Child;
use std::sync::Arc;

use rustix::process::{Pid, Resource, Rlimit, Signal};
use tokio::sync::oneshot;

use crate::task::{BoxFuture, Context, Ending, Outcome, Task};

use crate::zone::Zone;

pub use output::{Captured, Output, Outputs, Target};
pub use spawn::find_program;

use output::Channel;

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
    /// Where its output goes.
    pub output: Output,
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

/// What commands have around them when they run.
#[derive(Debug, Default)]
pub struct Surroundings {
    /// Where captured output goes.
    pub outputs: Option<Arc<Outputs>>,
    /// What every child finds in its environment; `None` takes a variable away.
    pub variables: Vec<(&'static str, Option<OsString>)>,
    /// How many files a child may have open, where taskd itself may have more.
    pub open_files: Option<Rlimit>,
}

impl Surroundings {
    /// Lets taskd have as many files open as it may (each run takes some), and remembers how many its
    /// children should have.
    pub fn raise_open_files(&mut self) {
        /// More than that nobody needs, and some kernels allow a thousand million.
        const MOST: u64 = 1 << 16;
        let before = rustix::process::getrlimit(Resource::Nofile);
        let most = before.maximum.map_or(MOST, |maximum| maximum.min(MOST));
        let raised = Rlimit { current: Some(most), maximum: before.maximum };
        let enough = before.current.is_none_or(|current| current >= most);
        if !enough && rustix::process::setrlimit(Resource::Nofile, raised).is_ok() {
            self.open_files = Some(before);
        }
    }

    /// Gives a child the limits that taskd had. It has just begun; a program that looks at once may
    /// see the higher ones, which does no harm.
    fn give_limits(&self, child: &Child) {
        if let Some(limit) = self.open_files {
            // It may have ended.
            let _ = rustix::process::prlimit(Some(Pid::from_child(child)), Resource::Nofile, limit);
        }
    }
}

/// A command in its surroundings, ready to run.
#[derive(Debug)]
pub struct Prepared {
    command: CommandTask,
    surroundings: Arc<Surroundings>,
}

impl CommandTask {
    /// Makes it ready to run.
    #[must_use]
    pub fn within(self, surroundings: &Arc<Surroundings>) -> Prepared {
        Prepared { command: self, surroundings: surroundings.clone() }
    }
}

impl Task for Prepared {
    fn execute(&self, context: Context) -> BoxFuture<'_, Ending> {
        Box::pin(async move {
            let outputs = self.surroundings.outputs.as_ref();
            let Channel { ends, follower } =
                Channel::open(self.command.output, outputs, context.run());
            let child =
                match spawn::spawn(&self.command, &self.surroundings, context.attempt(), ends) {
                    Ok(child) => {
                        self.surroundings.give_limits(&child);
                        child
                    }
                    Err(reason) => {
                        follower.follow(async { false }).await;
                        return Outcome::NotStarted(reason.to_string()).into();
                    }
                };
            let (ended, hears) = oneshot::channel();
            let supervise = async {
                let (ending, left_behind) =
                    supervise::supervise(&self.command, child, context).await;
                // Where nothing is followed, nobody hears it.
                let _ = ended.send(left_behind);
                ending
            };
            let follow = follower.follow(async { hears.await.unwrap_or(false) });
            tokio::join!(supervise, follow).0
        })
    }
}
