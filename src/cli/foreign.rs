//! The verbs of other tools, answered with ours.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// What people write elsewhere, and what to write here.
const VERBS: [(&[&str], &str); 7] = [
    (
        &["ps", "jobs", "show", "status", "list-timers", "list-jobs", "-l"],
        "`taskd list` tells the tasks and when they run",
    ),
    (
        &["start", "up", "serve", "daemon", "schedule"],
        "`taskd run` runs the tasks of a schedule file",
    ),
    (
        &["stop", "kill", "down", "restart", "quit"],
        "end `taskd run` by Ctrl-C or `kill`: it drains; a second signal stops what runs",
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
        &["enable", "disable", "pause", "resume", "suspend"],
        "write `enabled = false` in the task, and start `taskd run` anew",
    ),
    (
        &["edit", "add", "remove", "rm", "create", "delete", "new"],
        "edit the schedule file, and look at it by `taskd validate`",
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
