//! Waiting for a process, and stopping it and all its group.
//!
//! Its end is learned by a pidfd, never by a number that may meanwhile belong to another.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::CommandTask;
use super::fence::Fence;
use super::processes::Processes;
use super::usage;
use crate::event::RunId;
use crate::task::{Context, Ending, Failure, Outcome, Usage};

/// How long the kernel may take to end a process.
const KILL_GRACE: Duration = Duration::from_secs(5);

/// How soon to look again whether the last of a stopped group has gone; each time later, up to the
/// most.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
const MOST_LATER: Duration = Duration::from_millis(500);

/// Waits for the end of `child`, an attempt of `task`, and stops it when it is asked to.
pub(super) async fn supervise(
    task: &CommandTask,
    processes: &Processes,
    begun: (Child, Option<&Fence>),
    context: Context,
) -> Ending {
    watch(task, processes, begun, context).await.unwrap_or_else(|error| {
        Outcome::Failed(Failure::Broken(format!("taskd lost sight of it: {error}"))).into()
    })
}

async fn watch(
    task: &CommandTask,
    processes: &Processes,
    (mut child, fence): (Child, Option<&Fence>),
    mut context: Context,
) -> io::Result<Ending> {
    let group = Pid::from_child(&child);
    let exit = match Exit::of(group) {
        Ok(exit) => exit,
        Err(error) => {
            // Unwatched it would outlive every limit.
            signal(group, Signal::KILL);
            child.wait()?;
            return Err(error);
        }
    };
    tokio::select! {
        biased;
        exited = exit.wait() => {
            exited?;
            Ok(ending(taken_in(&child, fence)?, &task.execution.success_codes))
        }
        _ = context.stop_requested() => {
            let group = Group { leader: group, exit, processes, fence };
            if let Err(error) = group.stop(task.execution.stop_signal, &mut context).await {
                // It may be the rest of it that hangs.
                let _ = child.try_wait();
                return Err(error);
            }
            // Reaped last: until then its number, which is the group's, belongs to nobody else.
            let ended = taken_in(&child, fence)?;
            if fence.is_none() {
                tell_strays(processes, context.run()).await;
            }
            Ok(Ending { outcome: Outcome::Stopped, ..ending(ended, &task.execution.success_codes) })
        }
    }
}

/// Takes a child in that has ended, with what it has used, and all else in its control group.
fn taken_in(child: &Child, fence: Option<&Fence>) -> io::Result<(ExitStatus, Usage)> {
    let (status, alone) = usage::wait(child)?;
    let used = match fence.and_then(Fence::used) {
        Some(all) => Usage {
            // What it did before it was there is known of itself alone.
            user: all.user.max(alone.user),
            system: all.system.max(alone.system),
            // Where memory is not counted there, that of the child is.
            peak_memory: if all.peak_memory == 0 { alone.peak_memory } else { all.peak_memory },
        },
        None => alone,
    };
    Ok((status, used))
}

/// The end of a process that has not been reaped yet.
pub(super) struct Exit(AsyncFd<std::os::fd::OwnedFd>);

impl Exit {
    pub(super) fn of(process: Pid) -> io::Result<Self> {
        let pidfd = rustix::process::pidfd_open(process, PidfdFlags::empty())?;
        #[expect(unsafe_code, reason = "tokio cannot tell that a descriptor stays the same")]
        // SAFETY: an `OwnedFd` is open and the same descriptor until it is dropped.
        let pidfd = unsafe { AsyncFd::register_with_interest(pidfd, Interest::READABLE) }?;
        Ok(Self(pidfd))
    }

    pub(super) async fn wait(&self) -> io::Result<()> {
        self.0.readable().await.map(|_| ())
    }

    /// Signals the process, if it has not ended.
    pub(super) fn signal(&self, which: Signal) {
        let _ = rustix::process::pidfd_send_signal(&self.0, which);
    }
}

/// A process and what it has started, as far as that has stayed in its group.
struct Group<'a> {
    leader: Pid,
    exit: Exit,
    processes: &'a Processes,
    /// Where all of it is, whatever group it has gone to.
    fence: Option<&'a Fence>,
}

impl Group<'_> {
    /// Asks the whole group to end, and after the grace ends what is left of it.
    async fn stop(&self, first: Signal, context: &mut Context) -> io::Result<()> {
        self.signal(first);
        self.fence.inspect(|fence| fence.signal(first, Some(self.leader)));
        // A group that was stopped by SIGSTOP cannot obey.
        self.signal(Signal::CONT);
        tokio::select! {
            biased;
            gone = self.gone() => return gone,
            () = context.grace_over() => {}
        }
        self.signal(Signal::KILL);
        self.fence.inspect(|fence| fence.kill());
        let killed = tokio::time::timeout(KILL_GRACE, self.gone()).await;
        // It hangs in the kernel, and nobody can help it.
        killed.map_err(|_| io::Error::other("it does not even end by SIGKILL"))?
    }

    /// Signals the group, and the process itself, which may have gone to another group.
    fn signal(&self, which: Signal) {
        signal(self.leader, which);
        // Once each: to many programs a second one means to give up at once.
        if rustix::process::getpgid(Some(self.leader)) != Ok(self.leader) {
            self.exit.signal(which);
        }
    }

    /// Waits until the process and the rest of its group have ended.
    async fn gone(&self) -> io::Result<()> {
        self.exit.wait().await?;
        let mut pause = LOOK_AGAIN;
        while self.fence.is_some_and(|fence| !fence.is_empty())
            || self.processes.has_followers(self.leader.as_raw_nonzero().get()).await
        {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(MOST_LATER);
        }
        Ok(())
    }
}

/// Tells of every process of a stopped run that has left its group and goes on.
async fn tell_strays(processes: &Processes, run: &RunId) {
    let name = run.to_string();
    let processes = processes.of_runs().await;
    for process in processes.iter().filter(|process| process.run == name.as_bytes()) {
        let process = process.number;
        tracing::warn!(task = %run.task, %run, process, "a process of this run has left its group and goes on");
    }
}

/// Signals a group, if any of it is left.
fn signal(group: Pid, signal: Signal) {
    let sent = rustix::process::kill_process_group(group, signal);
    if let Err(error) = sent
        && error != rustix::io::Errno::SRCH
    {
        tracing::warn!(%error, group = group.as_raw_nonzero(), "cannot signal a process group");
    }
}

fn ending((status, used): (ExitStatus, Usage), success_codes: &[u8]) -> Ending {
    let outcome = match (status.code(), status.signal()) {
        (Some(code), _) if success_codes.iter().any(|fine| i32::from(*fine) == code) => {
            Outcome::Success
        }
        (Some(code), _) => Outcome::Failed(Failure::Code(code)),
        (None, signal) => Outcome::Failed(Failure::Signal(signal.unwrap_or_default())),
    };
    Ending { outcome, exit_code: status.code(), signal: status.signal(), used: Some(used) }
}
