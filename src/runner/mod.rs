//! A command line as a task: start it, wait for its end, stop it.

mod adopt;
mod children;
mod environment;
mod fence;
mod identity;
mod output;
mod processes;
mod setup;
mod spawn;
mod supervise;
mod usage;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Arc;

use rustix::process::{Pid, Resource, Rlimit, Signal};
use tokio::sync::oneshot;

use crate::task::{BoxFuture, Context, Ending, Execute, Outcome};
use fence::Fence;

use crate::zone::Zone;

pub use children::Children;
pub use environment::{BadEnvFile, EnvFile, EnvPlace, FromHome, Inherit};
pub use fence::{Bounds, Fences};
pub use identity::{Identity, Limited, Refused, User};
pub use output::{Captured, Output, Outputs, Sink, Target};
pub use processes::Processes;
pub use setup::{become_program, is_order};
pub use spawn::{NotStarted, exec, find_program};

use children::Own;
use output::Channel;

/// A command that runs as a process of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandTask {
    /// The program and its arguments; one at least.
    pub arguments: Vec<Arc<str>>,
    /// How it is run. Equal ones should share one copy.
    pub execution: Arc<Execution>,
}

/// How a command is run, as whom, and with what around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// Where it starts.
    pub directory: FromHome,
    /// What it takes over from taskd's environment.
    pub inherit: Inherit,
    /// Files of variables, each stronger than those before it.
    pub env_files: Vec<EnvFile>,
    /// What its environment has before all that.
    pub environment: Vec<(String, String)>,
    /// What it reads as its input; nothing, where there is none.
    pub stdin: Option<String>,
    /// As whom it runs, and within which limits.
    pub identity: Identity,
    /// How much all that it starts may use together.
    pub bounds: Bounds,
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
        let own = self.execution.environment.iter().rfind(|(name, _)| name == "PATH");
        own.map(|(_, value)| value.into()).or_else(|| self.execution.search.clone())
    }
}

/// What commands have around them when they run.
#[derive(Debug, Default)]
pub struct Surroundings {
    /// Where captured output goes.
    pub outputs: Option<Arc<Outputs>>,
    /// taskd's own environment, with what every user has.
    pub environment: Vec<(OsString, OsString)>,
    /// Where the service manager hands credentials over.
    pub credentials: Option<PathBuf>,
    /// What every child finds in its environment; `None` takes a variable away.
    pub variables: Vec<(&'static str, Option<OsString>)>,
    /// How many files a child may have open, where taskd itself may have more.
    pub open_files: Option<Rlimit>,
    /// What all of them look at.
    pub processes: Processes,
    /// As the first process: which children are its own.
    pub children: Option<Arc<Children>>,
    /// The program of taskd itself, which sets up children that need it; a program of somebody else's
    /// has none, and forks.
    pub helper: Option<PathBuf>,
    /// Where each run gets a control group of its own; only with a helper.
    pub fences: Option<Fences>,
}

impl Surroundings {
    /// With this environment, filled up with what every login has and a service may lack.
    #[must_use]
    pub fn of_environment(mut environment: Vec<(OsString, OsString)>) -> Self {
        for (name, value) in User::own().iter().flat_map(User::variables) {
            if environment.iter().all(|(there, _)| there != name) {
                environment.push((name.into(), value));
            }
        }
        Self { environment, ..Self::default() }
    }

    /// Which limit of `task` cannot be kept here, if there is one: its runs do not start.
    #[must_use]
    pub fn lacks(&self, task: &CommandTask) -> Option<&'static str> {
        match &self.fences {
            Some(fences) => fences.lacks(&task.execution.bounds),
            None => task.execution.bounds.any(),
        }
    }

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
    fn give_limits(&self, identity: &Identity, child: &Child) {
        let has_own = identity.limits.iter().any(|(what, _)| *what == Limited::OpenFiles);
        if let Some(limit) = self.open_files.filter(|_| !has_own) {
            // It may have ended.
            let _ = rustix::process::prlimit(Some(Pid::from_child(child)), Resource::Nofile, limit);
        }
    }
}

/// A command in its surroundings, ready to run.
#[derive(Debug)]
pub struct Prepared {
    command: Arc<CommandTask>,
    surroundings: Arc<Surroundings>,
}

impl CommandTask {
    /// Makes it ready to run.
    #[must_use]
    pub fn within(self: Arc<Self>, surroundings: &Arc<Surroundings>) -> Prepared {
        Prepared { command: self, surroundings: surroundings.clone() }
    }
}

/// A process that was started and is not watched yet: should nobody come to watch it, it is killed
/// with its group.
struct Started(Option<Begun>);

/// A process, that it is an own one, and its control group.
type Begun = (Child, Own, Option<Fence>);

impl Started {
    fn watched(mut self) -> Option<Begun> {
        self.0.take()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let Some((mut child, _own, fence)) = self.0.take() else { return };
        // It may have ended by itself.
        let _ = rustix::process::kill_process_group(Pid::from_child(&child), Signal::KILL);
        fence.iter().for_each(Fence::kill);
        let _ = child.wait();
    }
}

impl Prepared {
    /// What it does.
    #[must_use]
    pub fn command(&self) -> &Arc<CommandTask> {
        &self.command
    }

    /// Starts an attempt. What may take its time (users are looked up, files read, the process
    /// forked) holds up nobody else.
    async fn spawn(&self, context: &Context, ends: (Stdio, Stdio)) -> Result<Started, NotStarted> {
        let Self { command, .. } = self;
        if command.execution.identity == Identity::default()
            && command.execution.bounds == Bounds::default()
            && command.execution.env_files.is_empty()
        {
            let child = spawn::spawn(&self.command, &self.surroundings, context.attempt(), ends)?;
            return Ok(Started(Some(child)));
        }
        let (command, surroundings) = (self.command.clone(), self.surroundings.clone());
        let attempt = context.attempt().clone();
        let (spawned, hears) = oneshot::channel();
        tokio::task::spawn_blocking(move || {
            if !spawned.is_closed() {
                let child = spawn::spawn(&command, &surroundings, &attempt, ends);
                // Given up meanwhile, nobody hears it.
                let _ = spawned.send(child.map(|child| Started(Some(child))));
            }
        });
        hears.await.unwrap_or_else(|error| {
            let program = self.command.arguments.first().map(ToString::to_string);
            Err(NotStarted::Other(program.unwrap_or_default(), std::io::Error::other(error)))
        })
    }

    /// Makes an attempt with these two ends for its output and its errors.
    async fn attempt(&self, context: Context, ends: (Stdio, Stdio)) -> Ending {
        let asked = context.clone();
        let spawned = tokio::select! {
            biased;
            spawned = self.spawn(&context, ends) => spawned.map(Started::watched),
            // What starts all the same is killed.
            _ = asked.stop_requested() => Ok(None),
        };
        let (child, _own, fence) = match spawned {
            Ok(Some(started)) => started,
            Ok(None) => return Outcome::Stopped.into(),
            Err(reason) => return Outcome::NotStarted(reason.to_string()).into(),
        };
        self.surroundings.give_limits(&self.command.execution.identity, &child);
        let processes = &self.surroundings.processes;
        supervise::supervise(&self.command, processes, (child, fence.as_ref()), context).await
    }
}

impl Execute for Prepared {
    fn execute(&self, context: Context) -> BoxFuture<'_, Ending> {
        Box::pin(async move {
            let outputs = self.surroundings.outputs.as_ref();
            let Channel { ends, follower } =
                Channel::open(self.command.execution.output, outputs, context.run());
            follower.beside(self.attempt(context, ends)).await
        })
    }

    fn adopt(&self, context: Context) -> BoxFuture<'_, Ending> {
        Box::pin(async move {
            let outputs = self.surroundings.outputs.as_ref();
            let follower = Channel::rejoin(self.command.execution.output, outputs, context.run());
            follower.beside(adopt::adopt(&self.command, &self.surroundings, context)).await
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::event::{RunId, TriggerKind};
    use crate::name::Name;
    use crate::task::Attempt;

    #[tokio::test]
    async fn who_is_asked_to_stop_while_it_starts_has_stopped() {
        let place = tempfile::tempdir().expect("a place");
        let root = || FromHome::Absolute("/".into());
        let absent = FromHome::Absolute(place.path().join("absent.env"));
        let command = CommandTask {
            arguments: vec!["sleep".into(), "1000".into()],
            execution: Execution {
                directory: root(),
                inherit: Inherit::All,
                // It is read elsewhere, so that the start takes its time.
                env_files: vec![EnvFile { place: EnvPlace::Path(absent), optional: true }],
                environment: Vec::new(),
                stdin: None,
                identity: Identity::default(),
                bounds: Bounds::default(),
                zone: Zone::utc(),
                stop_signal: Signal::TERM,
                success_codes: vec![0],
                output: Output { to: Target::Discard, ..Output::default() },
                search: None,
            }
            .into(),
        };
        let run = RunId { task: Name::new("a").expect("a fine name"), due: Timestamp::UNIX_EPOCH };
        let (context, switch) = Context::new(Attempt {
            run,
            number: 1,
            trigger: TriggerKind::Manual,
            cause: None,
            previous_success: None,
            timeout: None,
            stop_grace: SignedDuration::from_secs(1000),
            given: crate::task::Given::default(),
        });
        switch.stop(std::time::Duration::MAX);
        let prepared = Arc::new(command).within(&Arc::new(Surroundings::default()));
        let ending = prepared.execute(context);
        let ending = tokio::time::timeout(std::time::Duration::from_mins(1), ending).await;
        assert_eq!(ending.expect("it does not wait").outcome, Outcome::Stopped);
    }
}
