//! How processes come into being: never by a copy of the daemon, and with nothing of a task acting on who
//! is still root.

mod support;

use std::fs;
use std::process::Stdio;

use support::{Daemon, Place, is_root, text, wait_until};

/// What the daemon has asked of the kernel to begin processes, by strace.
#[test]
fn nothing_forks() {
    let user = String::from_utf8(support::Place::new().shell("id -un").stdout).expect("text");
    let place = Place::with(
        "schedules.toml",
        &format!(
            r#"
            [tasks.plain]
            startup = "start"
            command = ["true"]
            [tasks.changed]
            after   = "plain"
            user    = "{}"
            umask   = "077"
            nice    = 5
            limits  = {{ open_files = 50 }}
            stdin   = "text"
            command = ["cat"]
            [tasks.wrong]
            after   = "changed"
            nice    = 5
            command = ["/nowhere/at-all"]
            "#,
            user.trim()
        ),
    );
    let strace = ["-f", "-o", "calls", "-e", "trace=clone,clone3,fork,vfork,execve"];
    let mut command = std::process::Command::new("strace");
    command.args(strace).arg(env!("CARGO_BIN_EXE_taskd"));
    command.args(["run", "--state", "none", "--log-format", "json"]);
    command.current_dir(place.path(".")).env("XDG_RUNTIME_DIR", place.path("run"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut daemon = Daemon::start(command);
    for (task, expected) in
        [("plain", "success"), ("changed", "success"), ("wrong", "not-started (no such program")]
    {
        let end = daemon.wait_for("run finished");
        let outcome = end["outcome"].as_str().expect("text");
        assert!(end["task"] == task && outcome.starts_with(expected), "{end}");
    }
    let taskd = text(&place.shell(&format!("pgrep -P {}", daemon.pid())).stdout);
    place.shell(&format!("kill {taskd}"));
    let (status, _, log) = daemon.end();
    assert!(status.success(), "{log}");
    let calls = place.read("calls");
    let begins = |line: &&str| line.contains("clone") || line.contains("fork(");
    let processes: Vec<_> = calls
        .lines()
        .filter(begins)
        .filter(|line| !line.contains("CLONE_THREAD") && !line.contains("resumed>"))
        .collect();
    assert!(processes.len() >= 3, "{calls}");
    for line in processes {
        assert!(line.contains("CLONE_VM|CLONE_VFORK"), "{line}");
    }
}

/// The loader of programs obeys the environment: that of a task must not act before it is its user.
#[test]
fn the_environment_of_a_task_does_not_act_on_root() {
    if !is_root() {
        return;
    }
    let place = Place::new();
    place.shell("mkdir open && chmod 1777 open && chmod 755 .");
    let open = place.path("open");
    // Each program that is loaded with these writes a file of its own.
    let tasks = format!(
        r#"
        [tasks.a]
        startup = "start"
        user    = "nobody"
        cwd     = "/"
        env     = {{ LD_DEBUG = "files", LD_DEBUG_OUTPUT = "{}/loaded" }}
        command = ["true"]
        "#,
        open.display()
    );
    place.write("schedules.toml", &tasks);
    let mut daemon = place.daemon(["--state", "none"]);
    assert_eq!(daemon.wait_for("run finished")["outcome"], "success");
    let loaded = || -> Vec<u32> {
        let files = fs::read_dir(&open).expect("it is there").flatten();
        let owner = |file: fs::DirEntry| {
            let file = file.metadata().expect("it is there");
            std::os::unix::fs::MetadataExt::uid(&file)
        };
        files.map(owner).collect()
    };
    let owners = wait_until(|| Some(loaded()).filter(|owners| !owners.is_empty()));
    assert_eq!(owners.expect("the program itself is loaded"), [65_534]);
    daemon.stop();
}

/// What is for taskd itself is no way in for others.
#[test]
fn only_an_order_is_followed() {
    let place = Place::new();
    for input in ["", "nonsense", "\u{8}\0\0\0\0\0\0\0"] {
        let output = place.taskd_with_input(["--set-up-and-become"], input);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains("unexpected argument"), "{}", text(&output.stderr));
    }
}

#[test]
fn what_is_set_up_fails_as_what_is_not() {
    let place = Place::with(
        "schedules.toml",
        r#"
        [defaults]
        nice = 5
        [tasks.nul]
        startup  = "start"
        env_file = "nul.env"
        command  = ["true"]
        # Less than what sets it up has itself.
        [tasks.small]
        after   = { any = "nul", on = "finish" }
        limits  = { address_space = "8MiB" }
        env     = { LONG = "$LONG" }
        command = ["/bin/true"]
        "#,
    );
    place.write("nul.env", "A=\"a\0b\"\n");
    place.write(
        "schedules.toml",
        &place.read("schedules.toml").replace("$LONG", &"x".repeat(100_000)),
    );
    let mut daemon = place.daemon(["--state", "none"]);
    let end = daemon.wait_for("run finished");
    let outcome = end["outcome"].as_str().expect("text");
    assert!(outcome.starts_with("not-started"), "{end}");
    assert_eq!(daemon.wait_for("run finished")["outcome"], "success");
    daemon.stop();
}
