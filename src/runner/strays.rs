//! Processes of a stopped run that have left its group: found by their environment, and told of.

use std::fs;

use crate::event::RunId;

/// Tells of every process that still goes on with the environment of `run`.
pub(super) async fn tell(run: &RunId) {
    let wanted = format!("TASKD_RUN={run}");
    // Reading all environments takes a few milliseconds.
    let found = tokio::task::spawn_blocking(move || with_variable(&wanted)).await;
    for process in found.unwrap_or_default() {
        tracing::warn!(task = %run.task, %run, process, "a process of this run has left its group and goes on");
    }
}

/// The processes that have `variable` in the environment they began with, as far as they may be
/// looked at.
fn with_variable(variable: &str) -> Vec<u32> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let numbers =
        processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let has_it = |number: &u32| {
        let environment = fs::read(format!("/proc/{number}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|entry| entry == variable.as_bytes())
    };
    numbers.filter(has_it).collect()
}
