//! The words of a schedule file, and the words of other tools for the same things.

/// What a file may hold.
pub(super) const TOP: [&str; 8] =
    ["timezone", "include", "defaults", "templates", "calendars", "pools", "daemon", "tasks"];

/// What says when a task fires.
pub(super) const TRIGGERS: [&str; 6] = ["interval", "cron", "date", "calendar", "startup", "after"];

/// What a task may hold.
pub(super) const TASK: [&str; 46] = [
    "interval",
    "cron",
    "date",
    "calendar",
    "startup",
    "after",
    "timezone",
    "start",
    "end",
    "skip_on",
    "only_on",
    "jitter",
    "enabled",
    "overlap",
    "max_parallel",
    "missed",
    "max_catch_up",
    "grace",
    "pool",
    "timeout",
    "stop_signal",
    "stop_grace",
    "retry",
    "on_lost",
    "success_codes",
    "output",
    "command",
    "task",
    "params",
    "shell",
    "cwd",
    "env",
    "env_file",
    "inherit_env",
    "stdin",
    "user",
    "group",
    "umask",
    "nice",
    "limits",
    "description",
    "renamed_from",
    "tags",
    "metadata",
    "allow",
    "extends",
];

/// What belongs to one task and cannot be a default.
pub(super) const NO_DEFAULTS: [&str; 12] = [
    "interval",
    "cron",
    "date",
    "calendar",
    "startup",
    "after",
    "command",
    "task",
    "params",
    "description",
    "renamed_from",
    "extends",
];

/// What is for a command alone, and not for a task of a program.
pub(super) const COMMAND: [&str; 14] = [
    "command",
    "shell",
    "cwd",
    "env",
    "env_file",
    "inherit_env",
    "stdin",
    "user",
    "group",
    "umask",
    "nice",
    "limits",
    "stop_signal",
    "success_codes",
];

/// The units of an interval and their lengths in seconds.
pub(super) const UNITS: [(&str, i64); 5] =
    [("weeks", 604_800), ("days", 86_400), ("hours", 3_600), ("minutes", 60), ("seconds", 1)];

/// The words of other tools, the key that they stand for here, and what to write.
const FOREIGN: [(&[&str], &str, &str); 38] = [
    (
        &["every", "period", "repeat", "frequency", "OnUnitActiveSec"],
        "interval",
        "write `interval = \"1h 30m\"`",
    ),
    (&["hours"], "interval", "write `interval = { hours = 1 }`"),
    (&["minutes"], "interval", "write `interval = { minutes = 5 }`"),
    (&["seconds"], "interval", "write `interval = { seconds = 30 }`"),
    (
        &["days", "weeks"],
        "interval",
        "write `interval = { days = 1 }`, or `cron = \"0 3 * * *\"` for a time of day",
    ),
    (
        &["schedule", "crontab", "expression", "spec", "OnCalendar"],
        "cron",
        "write `cron = \"30 9 * * mon-fri\"`",
    ),
    (
        &["day_of_week", "hour", "minute", "second", "day", "month", "year", "week"],
        "cron",
        "write fields inside `cron`, as in `cron = { day_of_week = \"mon-fri\", hour = 9 }`",
    ),
    (
        &["at", "run_date", "run_at", "when", "once"],
        "date",
        "write `date = \"2026-12-31 23:59:59\"`",
    ),
    (
        &["run", "cmd", "exec", "script", "func", "job", "ExecStart", "args"],
        "command",
        "write `command = \"echo hello\"`",
    ),
    (
        &["OnBootSec", "OnStartupSec", "on_start", "reboot"],
        "startup",
        "write `startup = \"boot\"` or `startup = { on = \"start\", delay = \"30s\" }`",
    ),
    (&["RandomizedDelaySec", "random_delay", "splay"], "jitter", "write `jitter = \"5m\"`"),
    (&["tz", "time_zone", "CRON_TZ"], "timezone", "write `timezone = \"Europe/Berlin\"`"),
    (&["start_date", "not_before"], "start", "write `start = \"2026-01-01\"`"),
    (&["end_date", "until", "not_after"], "end", "write `end = \"2026-12-31\"`"),
    (
        &["working_directory", "workdir", "dir", "directory", "WorkingDirectory"],
        "cwd",
        "write `cwd = \"/srv/app\"`",
    ),
    (&["environment", "envs", "vars"], "env", "write `env = { NAME = \"value\" }`"),
    (&["EnvironmentFile", "dotenv", "envfile"], "env_file", "write `env_file = \"app.env\"`"),
    (&["PassEnvironment", "inherit"], "inherit_env", "write `inherit_env = [\"LANG\"]`"),
    (&["User", "username", "run_as", "uid"], "user", "write `user = \"postgres\"`"),
    (&["Group", "gid"], "group", "write `group = \"backup\"`"),
    (&["Nice", "priority", "niceness"], "nice", "write `nice = 10`"),
    (&["UMask"], "umask", "write `umask = \"027\"`"),
    (&["input"], "stdin", "write `stdin = \"yes\\n\"`"),
    (
        &["LimitNOFILE", "LimitCPU", "LimitAS", "MemoryMax", "ulimit", "rlimits"],
        "limits",
        "write `limits = { open_files = 1024, cpu_time = \"1h\" }`",
    ),
    (&["paused", "disabled", "suspend", "disable"], "enabled", "write `enabled = false`"),
    (
        &["depends_on", "needs", "requires", "upstream", "depends"],
        "after",
        "write `after = \"backup\"`",
    ),
    (
        &["max_instances", "concurrencyPolicy", "concurrency"],
        "overlap",
        "write `overlap = \"skip\"`, `\"queue\"`, `\"replace\"` or `\"parallel\"` with `max_parallel = 3`",
    ),
    (
        &["misfire_grace_time", "startingDeadlineSeconds"],
        "grace",
        "write `grace = \"10m\"`: how late a firing still counts as on time",
    ),
    (
        &["coalesce", "Persistent", "catchup", "catch_up"],
        "missed",
        "write `missed = \"skip\"`, `\"latest\"` or `\"all\"`",
    ),
    (
        &["retries", "max_retries", "Restart", "backoffLimit", "attempts"],
        "retry",
        "write `retry = 3` or `retry = { max = 3, delay = \"10s\" }`",
    ),
    (
        &["TimeoutSec", "RuntimeMaxSec", "activeDeadlineSeconds", "time_limit", "max_runtime"],
        "timeout",
        "write `timeout = \"5m\"`",
    ),
    (&["KillSignal", "kill_signal"], "stop_signal", "write `stop_signal = \"INT\"`"),
    (
        &["TimeoutStopSec", "kill_after", "terminationGracePeriodSeconds"],
        "stop_grace",
        "write `stop_grace = \"10s\"`",
    ),
    (
        &["SuccessExitStatus", "success_exit_codes"],
        "success_codes",
        "write `success_codes = [0, 1]`",
    ),
    (
        &["StandardOutput", "StandardError", "stdout", "stderr", "logfile", "log"],
        "output",
        "write `output = \"log\"`, `\"capture\"`, `\"inherit\"` or `\"discard\"`",
    ),
    (
        &["executor", "queue", "max_concurrency"],
        "pool",
        "write `pool = \"NAME\"`, and `[pools.NAME]` with `limit = 2`",
    ),
    (
        &["MAILTO", "notify", "on_failure", "OnFailure"],
        "",
        "write a task for it, as in `alert = { after = { any = [\"*\"], on = \"failure\" }, command = … }`",
    ),
    (
        &["name", "id", "job_id"],
        "",
        "the name of a task is the name of its table, as in `[tasks.backup]`",
    ),
];

/// The key of a task that somebody who wrote `word` may have meant, and what to tell them.
pub(super) fn task_remedy(word: &str) -> (Option<&'static str>, String) {
    let knows = |words: &[&str]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
    if let Some((_, key, help)) = FOREIGN.iter().find(|(words, ..)| knows(words)) {
        return (Some(*key), (*help).into());
    }
    (nearest(word, TASK), remedy(word, &TASK))
}

/// Whether a task may hold `word`, or another tool's word for it.
pub(super) fn is_task_word(word: &str) -> bool {
    TASK.contains(&word) || FOREIGN.iter().any(|(words, ..)| words.contains(&word))
}

/// What to do about `word`, which is none of `known`.
pub(super) fn remedy(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("known here are {}", list(known)),
    }
}

/// The one of `known` that somebody who wrote `word` may have meant.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = word.to_lowercase();
    let most = word.chars().count().div_ceil(3).min(3);
    known
        .into_iter()
        .filter(|known| known.len().abs_diff(word.len()) <= most)
        .map(|known| (strsim::damerau_levenshtein(&wanted, &known.to_lowercase()), known))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, known)| known)
}

/// `a`, `b` and `c`.
pub(super) fn list(words: &[&str]) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match words.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_understood() {
        for (word, expected) in [
            ("comand", Some("command")),
            ("Command", Some("command")),
            ("intervall", Some("interval")),
            ("crno", Some("cron")),
            ("cwdd", Some("cwd")),
            // Too far from everything.
            ("banana", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, TASK), expected, "{word}");
        }
    }

    #[test]
    fn the_words_of_other_tools_are_answered_with_ours() {
        for word in [
            "every",
            "schedule",
            "at",
            "run",
            "cmd",
            "run_date",
            "hours",
            "OnCalendar",
            "Persistent",
            "MAILTO",
            "concurrencyPolicy",
            "max_instances",
            "misfire_grace_time",
            "coalesce",
        ] {
            let (_, help) = task_remedy(word);
            assert!(
                !help.starts_with("did you mean") && !help.starts_with("known"),
                "{word}: {help}"
            );
        }
    }

    #[test]
    fn no_word_is_both_ours_and_foreign() {
        for (words, ..) in FOREIGN {
            for word in words {
                assert!(!TASK.contains(word), "{word}");
            }
        }
    }
}
