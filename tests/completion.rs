//! What shells are told when somebody presses Tab, by the scripts that are delivered.

mod support;

use std::path::Path;
use std::process::Command;

use support::{Place, text};

const TASKS: &str = "[tasks.backup]\nstartup = \"start\"\ncommand = \"true\"\n[tasks.bar]\ncron = \"@daily\"\ncommand = \"true\"\n";

/// What is told of these words, the last of which is not complete.
fn complete(place: &Place, words: &[&str]) -> Vec<String> {
    let mut command = place.command([&["--", "taskd"], words].concat());
    command.env("TASKD_COMPLETE", "bash").env("_CLAP_IFS", "\n");
    command.env("_CLAP_COMPLETE_INDEX", words.len().to_string());
    let output = command.output().expect("taskd starts");
    assert!(output.stderr.is_empty(), "{words:?}: {}", text(&output.stderr));
    text(&output.stdout).lines().map(Into::into).collect()
}

#[test]
fn tasks_runs_keys_verbs_and_flags_are_completed() {
    let place = Place::with("schedules.toml", TASKS);
    place.write("other/jobs.toml", &TASKS.replace("bar", "barn"));
    for (words, expected) in [
        (&["tri"][..], &["trigger"][..]),
        (&["trigger", "ba"], &["backup", "bar"]),
        (&["trigger", "x"], &[]),
        (&["trigger", "other/jobs.toml", "ba"], &["backup", "barn"]),
        (&["--file", "other/jobs.toml", "trigger", "bar"], &["barn"]),
        (&["validate", "other/"], &["other/jobs.toml"]),
        (&["set", "bac"], &["backup"]),
        (&["set", "backup", "ti"], &["timezone", "timeout"]),
        (&["set", "./schedules.toml", "backup", "ni"], &["nice"]),
        (&["set", "backup", "nice", "5"], &[]),
        (&["add", "new", "--set", "umas"], &["umask"]),
        (&["add", "new", "--after", "bar"], &["bar"]),
        (&["pause", "--un"], &["--until"]),
        (&["history", "--outcome", "los"], &["lost"]),
    ] {
        assert_eq!(complete(&place, words), expected, "{words:?}");
    }
    // A wrong file is no reason to be loud, and its names are names.
    place.write("schedules.toml", &TASKS.replace("cron", "corn"));
    assert_eq!(complete(&place, &["trigger", "ba"]), ["backup", "bar"]);
    place.write("schedules.toml", "[tasks");
    assert_eq!(complete(&place, &["trigger", "ba"]), [""; 0]);
}

#[test]
fn runs_are_completed_from_the_record() {
    let place = Place::with("schedules.toml", TASKS);
    let mut daemon = place.daemon(["--state", "state"]);
    let run = daemon.wait_for("run finished")["run"].as_str().expect("text").to_string();
    let words = ["--state", "state", "output", "backup@"];
    support::wait_until(|| (complete(&place, &words) == [run.as_str()]).then_some(()))
        .expect("it is told");
    daemon.stop();
}

/// The scripts that are delivered, each in its shell.
#[test]
fn the_scripts_for_shells_work() {
    let place = Place::with("schedules.toml", TASKS);
    let delivered = std::fs::canonicalize("completions").expect("they are delivered");
    let taskd = Path::new(env!("CARGO_BIN_EXE_taskd")).parent().expect("a directory");
    for (shell, arguments, line) in [
        (
            "bash",
            &["-c"][..],
            "source $DELIVERED/taskd.bash; COMP_WORDS=(taskd trigger ba); COMP_CWORD=2; COMP_TYPE=9; _clap_complete_taskd taskd ba trigger; printf '%s\\n' ${COMPREPLY[@]}",
        ),
        // As it is the first time that Tab is pressed.
        (
            "zsh",
            &["-f", "-c"],
            "compdef() { : }; _describe() { print -l ${(P)@[-1]} }; fpath=($DELIVERED); autoload -Uz _taskd; words=(taskd trigger ba); CURRENT=3; _taskd",
        ),
        ("fish", &["-N", "-c"], "source $DELIVERED/taskd.fish; complete -C 'taskd trigger ba'"),
    ] {
        let path = format!("{}:{}", taskd.display(), std::env::var("PATH").expect("it is set"));
        let mut command = Command::new(shell);
        command.args(arguments).arg(line).current_dir(place.path("."));
        command.env("PATH", path).env("DELIVERED", &delivered).env("HOME", place.path("."));
        let output = command.output().unwrap_or_else(|error| panic!("{shell}: {error}"));
        let told = text(&output.stdout);
        let names: Vec<_> = told.lines().map(|line| line.split([':', '\t']).next()).collect();
        let wanted = [Some("backup"), Some("bar")];
        assert_eq!(names, wanted, "{shell}: {told}{}", text(&output.stderr));
    }
}
