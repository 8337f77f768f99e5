//! A control group for each run, where taskd may make one: in a container of its own, made by `unshare`.

mod support;

use std::process::{Command, Stdio};

use support::{Daemon, Place, alive, is_root, text, wait_until};

/// Where version 2 of control groups lies, if this machine lets root make some.
fn hierarchy() -> Option<String> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    let mount = mounts.lines().find(|line| line.contains(" - cgroup2 "))?;
    let point = mount.split(' ').nth(4)?.to_string();
    let probe = format!("{point}/taskd-probe-{}", std::process::id());
    std::fs::create_dir(&probe).ok()?;
    std::fs::remove_dir(&probe).ok()?;
    is_root().then_some(point)
}

/// A container of its own, with taskd as its first process in a control group of its own.
struct Container {
    daemon: Daemon,
    group: String,
}

impl Container {
    fn start(place: &Place, hierarchy: &str) -> Self {
        let name = place.path(".").canonicalize().expect("it is there");
        let name = name.file_name().expect("it has one").to_string_lossy().replace('.', "-");
        let group = format!("{hierarchy}/taskd-test-{name}");
        std::fs::create_dir(&group).expect("root may");
        let line = format!(
            "echo $$ > {group}/cgroup.procs && exec unshare --cgroup --mount --pid --fork --mount-proc --kill-child sh -c 'umount -l {hierarchy} && mount -t cgroup2 none {hierarchy} && exec {} run --state state --log-format json'",
            env!("CARGO_BIN_EXE_taskd")
        );
        let mut command = Command::new("sh");
        command.args(["-c", &line]).current_dir(place.path("."));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { daemon: Daemon::start(command), group }
    }

    fn groups(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.group).expect("it is there").flatten();
        let entries = entries.filter(|entry| entry.path().is_dir());
        entries.map(|entry| entry.file_name().to_string_lossy().into()).collect()
    }

    fn end(self, place: &Place) {
        let taskd = text(&place.shell(&format!("pgrep -P {}", self.daemon.pid())).stdout);
        place.shell(&format!("kill {taskd}"));
        let (status, _, log) = self.daemon.end();
        assert!(status.success(), "{log}");
        let group = self.group;
        place.shell(&format!("echo 1 > {group}/cgroup.kill"));
        let gone = || {
            let line = format!("find {group} -depth -type d -exec rmdir {{}} ';'");
            place.shell(&line);
            (!std::path::Path::new(&group).exists()).then_some(())
        };
        wait_until(gone).expect("nothing of it is left");
    }
}

#[test]
fn a_run_ends_with_all_that_it_has_started_and_one_that_ends_by_itself_leaves_what_it_likes() {
    let Some(hierarchy) = hierarchy() else { return };
    let place = Place::with(
        "schedules.toml",
        r#"
        [tasks.escapes]
        startup    = "start"
        timeout    = "1s"
        stop_grace = "0s"
        command    = "setsid sleep 1000 & exec sleep 1000"

        [tasks.leaves]
        after   = { any = "escapes", on = "finish" }
        command = "setsid sleep 1000 > /dev/null & i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"

        [tasks.counts]
        after   = "nice"
        timeout = "1s"
        command = "n=0; trap 'n=$((n+1))' TERM; i=0; while [ $i -lt 40 ]; do sleep 0.05; i=$((i+1)); done; echo $n > asked"

        [tasks.nice]
        after   = "leaves"
        nice    = 5
        command = "cat /proc/self/cgroup > group"
        "#,
    );
    let mut container = Container::start(&place, &hierarchy);
    let end = container.daemon.wait_for("run finished");
    assert!(end["task"] == "escapes" && end["outcome"] == "timed-out", "{end}");
    let of = |task: &str| -> Vec<String> {
        let all = container.groups().into_iter();
        all.filter(|group| group.starts_with(task)).collect()
    };
    assert_eq!(of("escapes"), [""; 0], "its group is gone, so all of it is");
    let end = container.daemon.wait_for("run finished");
    assert!(end["task"] == "leaves" && end["outcome"] == "success", "{end}");
    assert_ne!(end["cpu_user"], "0.000s", "{end}");
    let end = container.daemon.wait_for("run finished");
    assert!(end["task"] == "nice" && end["outcome"] == "success", "{end}");
    assert!(place.read("group").contains("0::/nice@"), "{}", place.read("group"));
    let end = container.daemon.wait_for("run finished");
    assert!(end["task"] == "counts" && end["outcome"] == "timed-out", "{end}");
    assert_eq!(
        place.read("asked"),
        "1\n",
        "once, although it is in a group and in a control group"
    );
    let all = container.groups();
    let left: Vec<_> = all.iter().filter(|group| group.starts_with("leaves")).collect();
    let [left] = left.as_slice() else { panic!("{all:?}") };
    let procs = std::fs::read_to_string(format!("{}/{left}/cgroup.procs", container.group));
    let pid = procs.expect("it is there").trim().to_string();
    assert!(alive(&pid), "{pid} goes on");
    container.end(&place);
    assert!(wait_until(|| (!alive(&pid)).then_some(())).is_some());
}

#[test]
fn a_limit_that_cannot_be_kept_is_no_run() {
    let place = Place::with(
        "schedules.toml",
        r#"
        [tasks.a]
        startup = "start"
        limits  = { memory = "64MiB", cpu = 0.5, tasks = 20 }
        command = "true"
        "#,
    );
    let mut daemon = place.daemon(["--state", "none"]);
    let end = daemon.wait_for("run finished");
    let outcome = end["outcome"].as_str().expect("text");
    let expected =
        "not-started (`limits.memory` wants a control group, and none is delegated to taskd)";
    assert_eq!(outcome, expected);
    daemon.stop();
}
