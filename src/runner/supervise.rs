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
use super::strays;
use crate::task::{Context, Ending, Failure, Outcome};

/// How long the kernel may take to end a process.
const KILL_GRACE: Duration = Duration::from_secs(5);

/// How often to look whether the last of a stopped group has gone.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Waits for the end of `child`, an attempt of `task`, and stops it when it is asked to; also tells
/// whether anything of its group is left.
pub(super) async fn supervise(
    task: &CommandTask,
    child: Child,
    context: Context,
) -> (Ending, bool) {
    let group = Pid::from_child(&child);
    let ending = watch(task, child, context).await.unwrap_or_else(|error| {
        Outcome::Failed(Failure::Broken(format!("taskd lost sight of it: {error}"))).into()
    });
    // A number that nobody has any more is seldom given out again so soon; should it be, a file is
    // watched in vain.
    (ending, rustix::process::test_kill_process_group(group).is_ok())
}

async fn watch(task: &CommandTask, mut child: Child, mut context: Context) -> io::Result<Ending> {
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
            Ok(ending(child.wait()?, &task.success_codes))
        }
        grace = context.stop_requested() => {
            let status = stop(&mut child, group, &exit, task.stop_signal, grace).await?;
            strays::tell(context.run()).await;
            Ok(Ending { outcome: Outcome::Stopped, ..ending(status, &task.success_codes) })
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
async fn stop(
    child: &mut Child,
    group: Pid,
    exit: &Exit,
    first: Signal,
    grace: Duration,
) -> io::Result<ExitStatus> {
    exit.signal(group, first);
    // A group that was stopped by SIGSTOP cannot obey.
    exit.signal(group, Signal::CONT);
    match tokio::time::timeout(grace, gone(group, exit)).await {
        Ok(gone) => gone?,
        Err(_) => {
            exit.signal(group, Signal::KILL);
            let killed = tokio::time::timeout(KILL_GRACE, gone(group, exit)).await;
            // It hangs in the kernel, and nobody can help it.
            killed.map_err(|_| io::Error::other("it does not even end by SIGKILL"))??;
        }
    }
    // Reaped last: until then its number, which is the group's, belongs to nobody else.
    child.wait()
}

/// Waits until the process and the rest of its group have ended.
async fn gone(group: Pid, exit: &Exit) -> io::Result<()> {
    exit.wait().await?;
    while others(group) {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

/// Whether the group has any other member than its leader, who has ended and was not reaped.
fn others(group: Pid) -> bool {
    let leader = group.as_raw_nonzero().get();
    let Ok(processes) = std::fs::read_dir("/proc") else { return false };
    let numbers =
        processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    numbers.filter(|number| *number != leader).any(|number| goes_on_in(number, leader))
}

/// Whether a process is a member of `group`, and more than an end that nobody has heard of.
fn goes_on_in(process: i32, group: i32) -> bool {
    // As in proc(5): the number, the name in parentheses, which may hold anything, the state, the
    // parent and the group.
    let Ok(stat) = std::fs::read(format!("/proc/{process}/stat")) else { return false };
    let Some(name_end) = stat.iter().rposition(|byte| *byte == b')') else { return false };
    let rest = String::from_utf8_lossy(&stat[name_end + 1..]);
    let mut fields = rest.split_ascii_whitespace();
    let (state, member_of) = (fields.next(), fields.nth(1));
    !matches!(state, Some("Z" | "X")) && member_of.and_then(|text| text.parse().ok()) == Some(group)
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

fn ending(status: ExitStatus, success_codes: &[u8]) -> Ending {
    let outcome = match (status.code(), status.signal()) {
        (Some(code), _) if success_codes.iter().any(|fine| i32::from(*fine) == code) => {
            Outcome::Success
        }
        (Some(code), _) => Outcome::Failed(Failure::Code(code)),
        (None, signal) => Outcome::Failed(Failure::Signal(signal.unwrap_or_default())),
    };
    Ending { outcome, exit_code: status.code(), signal: status.signal() }
}
