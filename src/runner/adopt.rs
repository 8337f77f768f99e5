//! An attempt that has outlived the daemon that started it. How it ended, nobody can tell, so it is
//! watched until it has.
//!
//! Its processes are known by what they began with in their environment, and, whatever they have done
//! to that and to their user since, by the file of captured output, which no others can enter. As in
//! any other life, an attempt is over when the first process of its group is: what that leaves behind
//! is left alone. Where none of them may be looked at, it goes on as long as somebody holds the file.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{Pid, Signal};

use super::fence::Fence;
use super::identity::User;
use super::processes::Process;
use super::supervise::Exit;
use super::{CommandTask, Surroundings};
use crate::event::RunId;
use crate::scheduler::RememberedRun;
use crate::task::{Context, ENDED_UNSEEN, Ending, Outcome};

/// How often it is looked whether a file is still held by somebody who cannot be watched.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl Surroundings {
    /// Looks which of the runs that an earlier life has begun have outlived it, and notes it.
    pub async fn look_for(&self, runs: &mut [RememberedRun]) {
        if runs.is_empty() {
            return;
        }
        let processes = self.processes.of_runs().await;
        for run in runs {
            let signs = Signs::new(self, &run.firing.run, run.attempt);
            let mut own = processes.iter().filter(|process| signs.are_of(process)).peekable();
            run.goes_on = if own.peek().is_some() {
                own.any(|process| process.leads)
            } else {
                signs.is_held(self)
            };
        }
    }
}

/// By what the processes of an attempt are known.
struct Signs {
    run: RunId,
    name: String,
    attempt: String,
    state: Option<PathBuf>,
    output: Option<PathBuf>,
}

impl Signs {
    fn new(surroundings: &Surroundings, run: &RunId, attempt: u32) -> Self {
        let mut variables = surroundings.variables.iter();
        let state = variables.find(|(name, _)| *name == "TASKD_STATE");
        let state = state.and_then(|(_, state)| fs::canonicalize(state.as_ref()?).ok());
        let output = surroundings.outputs.as_ref().map(|outputs| outputs.path(run));
        let output = output.and_then(|path| fs::canonicalize(path).ok());
        Self {
            run: run.clone(),
            name: run.to_string(),
            attempt: attempt.to_string(),
            state,
            output,
        }
    }

    fn are_of(&self, process: &Process) -> bool {
        self.are_in_its_environment(process) || self.is_its_output(process)
    }

    fn are_in_its_environment(&self, process: &Process) -> bool {
        let its_state = || {
            let state = std::str::from_utf8(&process.state).ok()?;
            fs::canonicalize(state).ok()
        };
        process.run == self.name.as_bytes()
            && process.attempt == self.attempt.as_bytes()
            && its_state() == self.state
    }

    fn is_its_output(&self, process: &Process) -> bool {
        let mut outputs = process.outputs.iter().flatten();
        self.output.as_ref().is_some_and(|output| outputs.any(|path| path == output))
    }

    /// Whether anybody has the file of output from the child.
    fn is_held(&self, surroundings: &Surroundings) -> bool {
        surroundings.outputs.as_ref().is_some_and(|outputs| outputs.is_held(&self.run))
    }
}

/// Waits for the end of what goes on of this attempt of `task`, and stops it when it is asked to.
pub(super) async fn adopt(
    task: &CommandTask,
    surroundings: &Surroundings,
    mut context: Context,
) -> Ending {
    let asked = context.clone();
    let signs = Signs::new(surroundings, context.run(), context.attempt().number);
    // It goes with the attempt.
    let fence = surroundings.fences.as_ref().map(|fences| fences.of(context.attempt()));
    let adopted = Adopted { task, surroundings, signs };
    let (name, run) = (context.task(), &adopted.signs.name);
    tracing::info!(task = %name, %run, "a run of an earlier life goes on");
    tokio::select! {
        biased;
        () = adopted.ended() => return Outcome::Lost(ENDED_UNSEEN.into()).into(),
        _ = asked.stop_requested() => {}
    }
    let first = [task.execution.stop_signal, Signal::CONT];
    tokio::select! {
        biased;
        () = adopted.gone(&first) => {}
        () = context.grace_over() => {
            fence.iter().for_each(Fence::kill);
            adopted.gone(&[Signal::KILL]).await;
        }
    }
    Outcome::Stopped.into()
}

struct Adopted<'a> {
    task: &'a CommandTask,
    surroundings: &'a Surroundings,
    signs: Signs,
}

/// The processes of an attempt, by their numbers.
type Found = BTreeMap<u32, Member>;

struct Member {
    leads: bool,
    since: u64,
    /// Tells its end.
    exit: Exit,
}

impl Adopted<'_> {
    /// The processes that belong to the attempt.
    async fn find(&self) -> Found {
        // Who is not there any more has no processes either.
        let user =
            self.task.execution.identity.user.as_deref().and_then(|user| User::find(user).ok());
        let owner = user.map_or_else(|| rustix::process::geteuid().as_raw(), |user| user.number());
        let mut found = Found::new();
        let processes = self.surroundings.processes.of_runs().await;
        for process in processes.iter() {
            let written = self.signs.is_its_output(process);
            if (written || self.signs.are_in_its_environment(process))
                && let Ok(exit) = watch(process.number)
                // Looked at again, now that its number cannot become another's.
                && Process::of(process.number).is_some_and(|now| self.signs.are_of(&now))
                // Anybody may have such an environment; nobody else has the file.
                && (written || is_of(process.number, owner))
            {
                let (leads, since) = (process.leads, process.since);
                found.insert(process.number, Member { leads, since, exit });
            }
        }
        found
    }

    /// Waits until the attempt is over.
    async fn ended(&self) {
        let mut found = self.find().await;
        // Others may have begun groups of their own since.
        let leaders = found.values().filter(|member| member.leads);
        if let Some(first) = leaders.min_by_key(|member| member.since) {
            // Who cannot be watched is not waited for.
            let _ = first.exit.wait().await;
            return;
        }
        while found.is_empty() && self.signs.is_held(self.surroundings) {
            tokio::time::sleep(LOOK_AGAIN).await;
            found = self.find().await;
        }
    }

    /// Sends `signals` to all processes of the attempt and waits until they have gone, and all that
    /// they have started meanwhile.
    async fn gone(&self, signals: &[Signal]) {
        let mut is_told = false;
        loop {
            let found = self.find().await;
            for member in found.values() {
                for which in signals {
                    member.exit.signal(*which);
                }
            }
            for member in found.values() {
                // Who cannot be watched is not waited for.
                let _ = member.exit.wait().await;
            }
            if found.is_empty() {
                if !self.signs.is_held(self.surroundings) {
                    return;
                }
                if !std::mem::replace(&mut is_told, true) {
                    let run = &self.signs.name;
                    tracing::warn!(%run, "what goes on of it belongs to another user, and cannot be stopped");
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        }
    }
}

fn watch(process: u32) -> io::Result<Exit> {
    let number = i32::try_from(process).ok().and_then(Pid::from_raw);
    Exit::of(number.ok_or(io::ErrorKind::NotFound)?)
}

/// Whether a process was started by this user.
fn is_of(process: u32, owner: u32) -> bool {
    // The real number: a program of another's by setuid is started by whoever likes.
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    let real = uid.and_then(|uid| uid.split_whitespace().next());
    real.and_then(|uid| uid.parse().ok()) == Some(owner)
}
