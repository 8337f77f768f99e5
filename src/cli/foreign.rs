//! The verbs of other tools, answered with ours.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// What people write elsewhere, and what to write here.
const VERBS: [(&[&str], &str); 11] = [
    (
        &["jobs", "show", "list-timers", "list-jobs", "-l"],
        "`taskd list` tells the tasks and when they run, `taskd status` how they are",
    ),
    (
        &["start", "up", "serve", "daemon", "schedule"],
        "`taskd run` runs the tasks of a schedule file",
    ),
    (&["down", "quit", "shutdown", "drain"], "`taskd stop` lets the daemon end when its runs have"),
    (
        &["kill", "abort", "terminate"],
        "`taskd cancel TASK` stops its runs, `taskd stop` the daemon",
    ),
    (
        &["restart", "refresh", "update", "reread"],
        "`taskd reload` takes up a changed file; a new taskd wants `taskd stop` and `taskd run`",
    ),
    (
        &["fire", "launch", "run-now", "execute", "invoke"],
        "`taskd trigger TASK` runs a task now, `taskd exec TASK` its command on this terminal",
    ),
    (
        &["logs", "log", "journal", "tail", "cat"],
        "`taskd output TASK` prints what its latest run has written, `taskd history` what became of each firing",
    ),
    (
        &["test", "lint", "verify", "check-config", "configtest"],
        "`taskd validate` tells everything that is wrong with a file",
    ),
    (
        &["enable", "disable", "suspend", "hold", "unpause"],
        "`taskd pause TASK` and `taskd resume TASK`; for good, `taskd set TASK enabled false`",
    ),
    (
        &["create", "new", "insert", "submit", "add-job"],
        "`taskd add TASK --cron \"0 3 * * *\" -- COMMAND` adds a task",
    ),
    (
        &["delete", "del", "unschedule", "remove-job"],
        "`taskd remove TASK` removes a task, `taskd cancel TASK` stops its runs",
    ),
];

/// What to tell somebody who wrote a verb of another tool.
pub fn help(error: &clap::Error) -> Option<&'static str> {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return None;
    }
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else {
        return None;
    };
    VERBS.iter().find(|(words, _)| words.contains(&word.as_str())).map(|(_, help)| *help)
}
