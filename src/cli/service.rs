//! The daemon as a guest of the service manager: it is told when the daemon is ready and how it is, and
//! hears from the engine itself that it makes progress.

use std::fmt::Write;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;

use super::plan::plural;
use crate::engine::{Handle, Status, Watch};
use crate::observe::Manager;

/// How it is is told no more often than this.
const PAUSE: Duration = Duration::from_secs(1);

/// What an end takes beyond the grace that runs have.
const LAST_STEPS: Duration = Duration::from_secs(5);

/// The manager that the environment names, if it names one.
pub fn manager() -> Manager {
    Manager::new(std::env::var_os("NOTIFY_SOCKET").is_some_and(|socket| !socket.is_empty()))
}

/// Tells the `manager` of the `engine` until that has ended.
pub async fn attend(manager: Manager, engine: Handle, watch: Watch, grace: Duration) {
    if !manager.listens() {
        return;
    }
    let progress = async {
        if let Some(most) = manager.watchdog() {
            // Twice in that time, as sd_watchdog_enabled(3) recommends.
            let answers = async || engine.status().await.is_some();
            watch_over(answers, most / 2, || manager.alive()).await;
        }
    };
    let end = async {
        engine.drains().await;
        manager.stopping(grace + LAST_STEPS);
    };
    tokio::join!(progress, end, tell_status(manager, &engine, &watch));
}

/// Calls `alive` so often, each time after the engine `answers`: one that is stuck does not.
async fn watch_over(answers: impl AsyncFn() -> bool, period: Duration, alive: impl Fn()) {
    while answers().await {
        alive();
        tokio::time::sleep(period).await;
    }
}

/// Tells how it is, each time that something has happened.
async fn tell_status(manager: Manager, engine: &Handle, watch: &Watch) {
    let mut events = watch.after(None).next;
    let mut told = String::new();
    while let Some(status) = engine.status().await {
        let text = in_words(&status);
        if text != told {
            manager.status(&text);
            told = text;
        }
        tokio::select! {
            event = events.recv() => if let Err(RecvError::Closed) = event {
                return;
            },
            () = engine.drains(), if !status.draining => {}
        }
        // What happens together is told once.
        tokio::time::sleep(PAUSE).await;
        events = watch.after(None).next;
    }
}

/// `3 tasks, 1 running, next backup at 2026-01-06T03:00:00Z`.
fn in_words(status: &Status) -> String {
    let mut text = plural(status.tasks, "task");
    for (count, what) in
        [(status.running, "running"), (status.waiting, "waiting"), (status.paused, "paused")]
    {
        if count > 0 {
            let _ = write!(text, ", {count} {what}");
        }
    }
    if status.draining {
        text.push_str(", ending");
    } else if let Some(next) = &status.next {
        let _ = write!(text, ", next {} at {}", next.task, next.due);
    }
    if let Some(why) = &status.failure {
        let _ = write!(text, "; degraded: what happens is not recorded: {why}");
    }
    // Each line is a message of its own.
    text.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[tokio::test(start_paused = true)]
    async fn an_engine_that_is_stuck_is_not_said_to_be_alive() {
        let (asked, alive) = (Cell::new(0), Cell::new(0));
        let answers = async || {
            asked.set(asked.get() + 1);
            if asked.get() > 3 {
                let () = std::future::pending().await;
            }
            true
        };
        let watched = watch_over(answers, Duration::from_secs(5), || alive.set(alive.get() + 1));
        let ended = tokio::time::timeout(Duration::from_hours(1), watched).await;
        assert!(ended.is_err(), "it waits for the answer");
        assert_eq!(alive.get(), 3);
    }
}
