//! An attempt that has outlived the daemon that started it: its processes are known by their
//! environment, and watched until the last of them has gone. How it ended, nobody can tell.

use std::collections::BTreeMap;
use std::fs;
use std::io;

use rustix::process::{Pid, Signal};

use super::CommandTask;
use super::identity::User;
use super::processes::Processes;
use super::supervise::Exit;
use crate::task::{Context, ENDED_UNSEEN, Ending, Outcome};

/// Waits for the end of what goes on of this attempt of `task`, and stops it when it is asked to.
pub(super) async fn adopt(
    task: &CommandTask,
    processes: &Processes,
    mut context: Context,
) -> Ending {
    let mut asked = context.clone();
    let run = context.run().to_string();
    let mut found = find(task, processes, &run).await;
    tracing::info!(task = %context.task(), %run, processes = found.len(), "a run of an earlier life goes on");
    tokio::select! {
        biased;
        () = gone(task, processes, &run, &mut found, &[]) => {
            return Outcome::Lost(ENDED_UNSEEN.into()).into();
        }
        _ = asked.stop_requested() => {}
    }
    let first = [task.stop_signal, Signal::CONT];
    tokio::select! {
        biased;
        () = gone(task, processes, &run, &mut found, &first) => {}
        () = context.grace_over() => {
            gone(task, processes, &run, &mut found, &[Signal::KILL]).await;
        }
    }
    Outcome::Stopped.into()
}

type Found = BTreeMap<u32, Exit>;

/// The processes of `run` that belong to the user of `task`.
async fn find(task: &CommandTask, processes: &Processes, run: &str) -> Found {
    // Who is not there any more has no processes either.
    let user = task.identity.user.as_deref().and_then(|user| User::find(user).ok());
    let owner = user.map_or_else(|| rustix::process::geteuid().as_raw(), |user| user.number());
    let mut found = Found::new();
    for process in processes.of_run(run).await {
        if let Ok(exit) = watch(process)
            // Looked at again, now that its number cannot become another's.
            && is_of(process, owner, run)
        {
            found.insert(process, exit);
        }
    }
    found
}

fn watch(process: u32) -> io::Result<Exit> {
    let number = i32::try_from(process).ok().and_then(Pid::from_raw);
    Exit::of(number.ok_or(io::ErrorKind::NotFound)?)
}

fn is_of(process: u32, owner: u32, run: &str) -> bool {
    let place = format!("/proc/{process}");
    // The real number: a program of another's by setuid is started by whoever likes.
    let status = fs::read_to_string(format!("{place}/status")).unwrap_or_default();
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    let real = uid.and_then(|uid| uid.split_whitespace().next());
    let is_owners = real.and_then(|uid| uid.parse().ok()) == Some(owner);
    let environment = fs::read(format!("{place}/environ")).unwrap_or_default();
    let wanted = format!("TASKD_RUN={run}");
    is_owners && environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
}

/// Sends `signals` to all of `found` and waits until they have gone, and all that they have started
/// meanwhile.
async fn gone(
    task: &CommandTask,
    processes: &Processes,
    run: &str,
    found: &mut Found,
    signals: &[Signal],
) {
    loop {
        for exit in found.values() {
            for which in signals {
                exit.signal(*which);
            }
        }
        for exit in found.values() {
            // Who cannot be watched is not waited for.
            let _ = exit.wait().await;
        }
        *found = find(task, processes, run).await;
        if found.is_empty() {
            return;
        }
    }
}
