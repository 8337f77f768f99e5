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

use crate::task::{Context, Failure, Outcome};

/// How long a process that was asked to stop may take.
pub const STOP_GRACE: Duration = Duration::from_secs(10);

/// How long the kernel may take to end a process.
const KILL_GRACE: Duration = Duration::from_secs(5);

/// How often to look whether the last of a stopped group has gone.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

pub(super) async fn supervise(child: Child, context: Context) -> Outcome {
    match watch(child, context).await {
        Ok(outcome) => outcome,
        Err(error) => Outcome::Failed(Failure::Broken(format!("taskd lost sight of it: {error}"))),
    }
}

async fn watch(mut child: Child, mut context: Context) -> io::Result<Outcome> {
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
            Ok(outcome(child.wait()?))
        }
        () = context.stop_requested() => {
            stop(&mut child, group, &exit).await?;
            Ok(Outcome::Stopped)
        }
    }
}

/// The end of a process that has not been reaped yet.
struct Exit(AsyncFd<std::os::fd::OwnedFd>);

impl Exit {
    fn of(process: Pid) -> io::Result<Self> {
        let pidfd = rustix::process::pidfd_open(process, PidfdFlags::empty())?;
        #[expect(unsafe_code, reason = "tokio cannot tell that a descriptor stays the same")]
        // SAFETY: an `OwnedFd` is open and the same descriptor until it is dropped.
        let pidfd = unsafe { AsyncFd::register_with_interest(pidfd, Interest::READABLE) }?;
        Ok(Self(pidfd))
    }

    async fn wait(&self) -> io::Result<()> {
        self.0.readable().await.map(|_| ())
    }

    /// Signals the group, and the process itself, which may have gone to another group.
    fn signal(&self, group: Pid, which: Signal) {
        signal(group, which);
        // It may have ended meanwhile.
        let _ = rustix::process::pidfd_send_signal(&self.0, which);
    }
}

/// Asks the whole group to end, and after the grace ends what is left of it.
async fn stop(child: &mut Child, group: Pid, exit: &Exit) -> io::Result<()> {
    exit.signal(group, Signal::TERM);
    // A group that was stopped by SIGSTOP cannot obey.
    exit.signal(group, Signal::CONT);
    let ended = tokio::time::timeout(STOP_GRACE, async {
        exit.wait().await?;
        // Its number stays taken as long as the group has members.
        child.wait()?;
        while rustix::process::test_kill_process_group(group).is_ok() {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        io::Result::Ok(())
    });
    if let Ok(ended) = ended.await {
        return ended;
    }
    exit.signal(group, Signal::KILL);
    match tokio::time::timeout(KILL_GRACE, exit.wait()).await {
        Ok(ended) => {
            ended?;
            child.wait().map(drop)
        }
        // It hangs in the kernel, and nobody can help it.
        Err(_) => Err(io::Error::other("it does not even end by SIGKILL")),
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

fn outcome(status: ExitStatus) -> Outcome {
    match (status.code(), status.signal()) {
        (Some(0), _) => Outcome::Success,
        (Some(code), _) => Outcome::Failed(Failure::Code(code)),
        (None, signal) => Outcome::Failed(Failure::Signal(signal.unwrap_or_default())),
    }
}
