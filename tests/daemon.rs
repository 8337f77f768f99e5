//! The real daemon: runs, signals, state directories. Tests wait for states, never for a time.

mod support;

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use support::{Daemon, Place, alive, is_root, text, wait_until};

#[test]
fn a_task_runs_when_it_is_due_and_its_end_is_told() {
    let place = Place::with(
        "schedules.toml",
        r#"
        [tasks.good]
        interval = "1s"
        command = 'echo "out $A"; echo err >&2; pwd > where'
        env = { A = "b" }
        cwd = "below"
        output = "inherit"

        [tasks.bad]
        interval = "1s"
        command = "exit 3"

        [tasks.shot]
        interval = "1s"
        command = "kill -9 $$"

        [tasks.absent]
        interval = "1s"
        command = ["no-such-program-anywhere"]

        [tasks.nowhere]
        interval = "1s"
        command = "true"
        cwd = "/no/such/directory"
        "#,
    );
    place.write("below/here", "");
    let mut daemon = place.daemon(["--state", "none"]);
    let began = daemon.wait_for("running");
    assert_eq!((&began["tasks"], &began["state"]), (&5.into(), &"none".into()));
    let mut ends = std::collections::BTreeMap::new();
    while ends.len() < 5 {
        let end = daemon.wait_for("run finished");
        let task = end["task"].as_str().expect("text").to_string();
        let due = end["due"].as_str().expect("text").replace(['-', ':'], "");
        assert_eq!(end["run"], format!("{task}@{due}"));
        let outcome = end["outcome"].as_str().expect("text").to_string();
        let expected = if task == "good" { "INFO" } else { "WARN" };
        assert_eq!(end["level"], expected, "{task}");
        ends.insert(task, outcome);
    }
    let expected = [
        ("absent", "not-started (no such program: `no-such-program-anywhere`)"),
        ("bad", "failed (exit code 3)"),
        ("good", "success"),
        ("nowhere", "not-started (no such directory: `/no/such/directory`)"),
        ("shot", "failed (signal 9)"),
    ];
    assert_eq!(ends.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect::<Vec<_>>(), expected);
    assert_eq!(place.read("below/where").trim(), place.path("below").to_string_lossy());
    daemon.signal("TERM");
    let (status, output, log) = daemon.end();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(output.contains("out b\n"), "{output}");
    assert!(log.contains("\"stopped\""), "{log}");
}

#[test]
fn a_firing_is_skipped_while_the_run_before_it_goes_on() {
    let place = Place::with(
        "schedules.toml",
        "[tasks.slow]\ninterval = \"1s\"\ncommand = \"echo x >> runs; sleep 1000\"\n",
    );
    let mut daemon = place.daemon(["--state", "none"]);
    let skipped = daemon.wait_for("firing skipped");
    assert_eq!((&skipped["task"], &skipped["reason"]), (&"slow".into(), &"overlap".into()));
    daemon.wait_for("firing skipped");
    assert_eq!(place.read("runs"), "x\n");
    daemon.stop();
}

#[test]
fn a_drain_lets_runs_end_and_starts_nothing_more() {
    let place = Place::with(
        "schedules.toml",
        "[tasks.slow]\ninterval = \"1s\"\ncommand = \"echo x >> runs; while ! [ -e go ]; do sleep 0.01; done; echo done > end\"\n",
    );
    let mut daemon = place.daemon(["--state", "none"]);
    place.wait_for("runs", |runs| !runs.is_empty());
    daemon.signal("TERM");
    daemon.wait_for("draining");
    place.write("go", "");
    let (status, _, log) = daemon.end();
    assert_eq!(status.code(), Some(0));
    assert!(log.contains("\"success\""), "{log}");
    assert_eq!((place.read("runs"), place.read("end")), ("x\n".into(), "done\n".into()));
}

#[test]
fn a_second_signal_stops_what_runs_and_all_it_has_started() {
    let place = Place::with(
        "schedules.toml",
        "[tasks.slow]\ninterval = \"1s\"\ncommand = \"sleep 1000 & echo $! > grandchild; echo $$ > child; wait\"\n",
    );
    let mut daemon = place.daemon(["--state", "none"]);
    let child = place.wait_for("child", |pid| pid.ends_with('\n'));
    let grandchild = place.read("grandchild");
    assert!(alive(&child) && alive(&grandchild));
    // Its own group: a signal to taskd's terminal group would not reach it.
    let stat =
        std::fs::read_to_string(format!("/proc/{}/stat", child.trim())).expect("it is alive");
    let group = stat
        .rsplit(')')
        .next()
        .expect("a name")
        .split_whitespace()
        .nth(2)
        .expect("a group")
        .to_string();
    assert_eq!(group, child.trim());
    daemon.signal("INT");
    daemon.wait_for("draining");
    daemon.signal("INT");
    let (status, _, log) = daemon.end();
    assert_eq!(status.code(), Some(0));
    assert!(log.contains("\"outcome\":\"stopped\""), "{log}");
    assert!(!alive(&child) && !alive(&grandchild));
}

#[test]
fn a_grandchild_is_left_alone_when_its_run_ends_by_itself() {
    let place = Place::with(
        "schedules.toml",
        "[tasks.quick]\ninterval = \"1s\"\ncommand = \"[ -e pid ] || { sleep 1000 & echo $! > pid; }\"\n",
    );
    let mut daemon = place.daemon(["--state", "none"]);
    assert_eq!(daemon.wait_for("run finished")["outcome"], "success");
    daemon.wait_for("run finished");
    let pid = place.read("pid");
    assert!(alive(&pid));
    place.shell(&format!("kill {pid}"));
}

#[test]
fn one_state_directory_has_one_daemon() {
    let place = Place::with("schedules.toml", "[tasks.a]\ninterval = \"1h\"\ncommand = \"true\"\n");
    let mut first = place.daemon(["--state", "here"]);
    let began = first.wait_for("running");
    assert_eq!(began["state"], "here");
    let mode = std::fs::metadata(place.path("here")).expect("it is made").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let second = place.taskd(["run", "--state", "here"]);
    assert_eq!(second.status.code(), Some(75));
    let said = text(&second.stderr);
    assert!(said.contains(&format!("held by process {}", first.pid())), "{said}");
    // A crash gives it back.
    first.signal("KILL");
    let _ = first.child.wait();
    let mut third = place.daemon(["--state", "here"]);
    third.wait_for("running");
}

#[test]
fn the_default_state_directory_is_named_by_the_file() {
    let place = Place::with("jobs.toml", "[tasks.a]\ninterval = \"1h\"\ncommand = \"true\"\n");
    if is_root() {
        // Root's is `/var/lib/taskd`, which a test leaves alone.
        return;
    }
    let mut daemon = place.daemon(["jobs.toml"]);
    let state = daemon.wait_for("running")["state"].as_str().expect("text").to_string();
    let base = place.path("state/taskd/jobs-");
    assert!(state.starts_with(&*base.to_string_lossy()), "{state}");
}

#[test]
fn a_named_directory_that_cannot_be_used_is_an_error() {
    let place = Place::with("schedules.toml", "[tasks.a]\ninterval = \"1h\"\ncommand = \"true\"\n");
    place.write("state/output", "no directory");
    place.shell("mkdir others; chown nobody others");
    let others = is_root().then_some("others");
    for state in ["schedules.toml", "state"].into_iter().chain(others) {
        let output = place.taskd(["run", "--state", state]);
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(75), "{state}: {errors}");
        assert!(errors.contains("cannot be used"), "{state}: {errors}");
    }
}

#[test]
fn without_a_place_for_output_it_runs_and_says_so() {
    let tasks = "[tasks.a]\nstartup = \"start\"\ncommand = \"true\"\n";
    let place = Place::with("schedules.toml", tasks);
    let mut command = place.command(["run", "--log-format", "json", "--state", "none"]);
    command.args(["--socket", "s"]).env("TMPDIR", place.path("absent"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut daemon = Daemon::start(command);
    let told = daemon.next_record()["message"].as_str().expect("text").to_string();
    assert!(told.starts_with("degraded: output is not captured: "), "{told}");
    assert_eq!(daemon.wait_for("run finished")["outcome"], "success");
    daemon.stop();
}

#[test]
fn a_wrong_file_starts_nothing() {
    let place = Place::with(
        "schedules.toml",
        "[tasks.good]\ninterval = \"1s\"\ncommand = \"touch ran\"\n[tasks.bad]\ninterval = \"1x\"\ncommand = \"true\"\n",
    );
    let output = place.taskd(["run", "--state", "here"]);
    assert_eq!(output.status.code(), Some(78));
    assert!(text(&output.stderr).contains("schedules.toml:5:12"), "{}", text(&output.stderr));
    assert!(!place.path("ran").exists() && !place.path("here").exists());
}

#[test]
fn a_rehearsal_decides_and_starts_nothing() {
    let place =
        Place::with("schedules.toml", "[tasks.a]\ninterval = \"1s\"\ncommand = \"touch ran\"\n");
    let taskd = env!("CARGO_BIN_EXE_taskd");
    let output = place.shell(&format!("{taskd} run --dry-run --json | head -n 2"));
    let rows = support::json_lines(&output.stdout);
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!((&row["task"], &row["verdict"]), (&"a".into(), &"run".into()));
        assert_eq!(
            (&row["trigger"], &row["reason"]),
            (&"interval".into(), &serde_json::Value::Null)
        );
    }
    assert!(!place.path("ran").exists());
}

#[test]
fn what_speaks_to_the_service_manager_does_not_reach_a_child() {
    let place = Place::with(
        "schedules.toml",
        "[tasks.a]\ninterval = \"1s\"\nenv_file = \"app.env\"\ncommand = \"env > env.new; mv env.new env\"\n",
    );
    place.write("app.env", "WATCHDOG_PID=1\nLISTEN_PID=1\n");
    let mut command = place.command(["run", "--state", "none"]);
    for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS", "LISTEN_PIDFDID", "OURS"] {
        command.env(name, "x");
    }
    let mut child = command.stderr(std::process::Stdio::null()).spawn().expect("taskd starts");
    let environment = wait_until(|| Some(place.read("env")).filter(|text| !text.is_empty()));
    child.kill().expect("it goes on");
    child.wait().expect("it ends");
    let environment = environment.expect("it ran");
    assert!(environment.contains("OURS=x\n"), "{environment}");
    for name in ["NOTIFY_SOCKET", "WATCHDOG_", "LISTEN_"] {
        assert!(!environment.contains(name), "{environment}");
    }
}

#[test]
fn what_waits_for_a_start_runs_at_once() {
    let place = Place::with(
        "schedules.toml",
        "[tasks.first]\nstartup = \"start\"\ncommand = \"true\"\n[tasks.off]\nstartup = \"boot\"\nenabled = false\ncommand = \"touch off\"\n",
    );
    let mut daemon = place.daemon(["--state", "none"]);
    let end = daemon.wait_for("run finished");
    assert_eq!((&end["task"], &end["outcome"]), (&"first".into(), &"success".into()));
    daemon.stop();
    assert!(!place.path("off").exists());
}

#[test]
fn a_task_that_leaves_its_group_is_stopped_all_the_same() {
    let place = Place::with(
        "schedules.toml",
        "[tasks.mover]\ninterval = \"1s\"\ncommand = [\"perl\", \"-e\", \"setpgrp(0, getpgrp(getppid())); open(F, '>', 'pid'); print F \\\"$$\\n\\\"; close F; sleep 1000\"]\n",
    );
    let mut daemon = place.daemon(["--state", "none"]);
    let pid = place.wait_for("pid", |pid| pid.ends_with('\n'));
    daemon.signal("INT");
    daemon.wait_for("draining");
    daemon.signal("INT");
    let (status, _, log) = daemon.end();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(!alive(&pid), "{log}");
}

#[test]
fn a_log_that_nobody_reads_holds_up_neither_runs_nor_the_end() {
    let place = Place::with(
        "schedules.toml",
        "[tasks.a]\ninterval = \"1s\"\ncommand = \"echo x >> runs\"\n",
    );
    let (reader, writer) = std::io::pipe().expect("a pipe");
    // Full to the brim before the first line.
    let filler =
        std::fs::File::from(std::os::fd::OwnedFd::from(writer.try_clone().expect("a descriptor")));
    rustix::io::ioctl_fionbio(&filler, true).expect("it does not block");
    while std::io::Write::write(&mut &filler, &[b'.'; 4096]).is_ok() {}
    rustix::io::ioctl_fionbio(&filler, false).expect("it blocks again");
    let mut command = place.command(["run", "--state", "none", "--log-level", "trace"]);
    let child = command.stderr(writer).spawn().expect("taskd starts");
    place.wait_for("runs", |runs| runs.len() >= 4);
    let pid = child.id().to_string();
    place.shell(&format!("kill {pid}"));
    let child = std::cell::RefCell::new(child);
    let ended = wait_until(|| {
        child.borrow_mut().try_wait().expect("it is ours").map(|status| status.code())
    });
    assert_eq!(ended, Some(Some(0)));
    drop(reader);
}

#[test]
fn a_run_tells_what_it_has_used() {
    let place = Place::with(
        "schedules.toml",
        r#"
        [tasks.heavy]
        startup = "start"
        retry   = { max = 1, delay = "0s" }
        command = "head -c 64M /dev/zero | tail -c 64M > /dev/null; i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; exit 1"
        "#,
    );
    let mut daemon = place.daemon(["--state", "state"]);
    let end = daemon.wait_for("run finished");
    assert_eq!(end["attempts"], 2, "{end}");
    let memory = end["peak_memory"].as_u64().expect("a number");
    assert!(memory > 60 << 20 && memory < 500 << 20, "{end}");
    let told = place.taskd(["history", "--json", "--state", "state"]);
    let row = &support::json_lines(&told.stdout)[0];
    assert_eq!(row["peak_memory"], memory);
    // Of both attempts.
    let seconds = |value: &serde_json::Value| -> f64 {
        value.as_str().and_then(|text| text.strip_suffix('s')?.parse().ok()).expect("seconds")
    };
    let cpu = seconds(&end["cpu_user"]) + seconds(&end["cpu_system"]);
    let kept = row["cpu"].as_f64().expect("a number");
    assert!(cpu > 0.0 && (cpu - kept).abs() < 0.01, "{end} {row}");
    daemon.stop();
}

/// To many programs a second signal means to give up at once.
#[test]
fn who_is_to_stop_is_asked_once() {
    let place = Place::with(
        "schedules.toml",
        r#"
        [tasks.counts]
        startup = "start"
        timeout = "1s"
        command = "n=0; trap 'n=$((n+1))' TERM; i=0; while [ $i -lt 40 ]; do sleep 0.05; i=$((i+1)); done; echo $n > asked"
        "#,
    );
    let mut daemon = place.daemon(["--state", "none"]);
    assert_eq!(daemon.wait_for("run finished")["outcome"], "timed-out");
    assert_eq!(place.read("asked"), "1\n");
    daemon.stop();
}
