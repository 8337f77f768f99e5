//! What is delivered for systemd and for containers, looked at by systemd itself and by taskd.

mod support;

use std::fs;
use std::process::{Command, Output, Stdio};

use support::{Daemon, Place, text};

/// Whether systemd is there to ask.
fn has_systemd() -> bool {
    let version = Command::new("systemd-analyze").arg("--version").output();
    version.is_ok_and(|version| version.status.success())
}

fn analyze(place: &Place, arguments: &[&str]) -> Output {
    let mut command = Command::new("systemd-analyze");
    command.args(arguments).current_dir(place.path("."));
    command.env("XDG_RUNTIME_DIR", place.path(".")).output().expect("it is there")
}

/// A place with a unit that is delivered, for the taskd of this test.
fn with_unit(unit: &str) -> Place {
    let text = fs::read_to_string(format!("contrib/systemd/{unit}")).expect("it is delivered");
    let place = Place::new();
    let name = unit.split('/').next_back().expect("it has a name");
    place.write(name, &text.replace("/usr/bin/taskd", env!("CARGO_BIN_EXE_taskd")));
    place
}

#[test]
fn units_are_as_systemd_wants_them() {
    if !has_systemd() {
        return;
    }
    for (unit, arguments) in [
        ("system/taskd.service", &["verify", "--man=no", "./taskd.service"][..]),
        ("system/taskd.socket", &["verify", "--man=no", "./taskd.socket"]),
        ("user/taskd.service", &["--user", "verify", "--man=no", "./taskd.service"]),
    ] {
        let place = with_unit(unit);
        if unit.ends_with(".socket") {
            let service = fs::read_to_string("contrib/systemd/system/taskd.service");
            let service = service.expect("it is delivered");
            place.write("taskd.service", &service.replace("/usr/bin/taskd", "/bin/true"));
        }
        let output = analyze(&place, arguments);
        let told = text(&output.stderr);
        assert!(output.status.success() && !told.contains("taskd."), "{unit}: {told}");
    }
}

/// The exposure that systemd finds, from 0 to 10, stands in the README.
#[test]
fn each_drop_in_leaves_as_little_open_as_the_readme_says() {
    if !has_systemd() {
        return;
    }
    let readme = fs::read_to_string("README.md").expect("it is there");
    for (drop_in, most) in [(None, 10.0), (Some("multi-user"), 5.0), (Some("hardened"), 1.0)] {
        let place = with_unit("system/taskd.service");
        if let Some(name) = drop_in {
            let path = format!("contrib/systemd/system/taskd.service.d/{name}.conf");
            let text = fs::read_to_string(path).expect("it is delivered");
            place.write("taskd.service.d/a.conf", &text);
        }
        let output = analyze(&place, &["security", "--offline=yes", "./taskd.service"]);
        let told = text(&output.stdout);
        let last = told.lines().last().expect("it tells");
        let score =
            last.split(": ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a score");
        assert!(score.parse::<f64>().expect("a number") <= most, "{last}");
        let named = drop_in.map_or("`taskd.service`".into(), |name| format!("`{name}.conf`"));
        let line = readme.lines().find(|line| line.starts_with(&format!("| {named}")));
        let line = line.unwrap_or_else(|| panic!("the README tells of {named}"));
        assert!(line.contains(score), "systemd finds {score}: {line}");
    }
}

#[test]
fn install_writes_a_unit_for_this_taskd_and_this_file() {
    let place = Place::with("jobs.toml", "[tasks.a]\ninterval = \"1h\"\ncommand = \"true\"\n");
    let taskd = |words: &[&str]| {
        let output = place.taskd(words);
        let code = output.status.code().expect("it ends by itself");
        (code, text(&output.stdout), text(&output.stderr))
    };
    let (code, unit, errors) = taskd(&["install", "--user", "--dry-run", "./jobs.toml"]);
    assert_eq!(code, 0, "{errors}");
    let (binary, file) = (env!("CARGO_BIN_EXE_taskd"), place.path("jobs.toml"));
    assert!(unit.contains(&format!("\nExecStart={binary} run {}\n", file.display())), "{unit}");
    assert!(unit.contains(&format!("\nExecReload={binary} reload {}\n", file.display())), "{unit}");
    let (code, told, errors) = taskd(&["install", "--user", "./jobs.toml"]);
    assert_eq!(code, 0, "{errors}");
    assert!(told.contains("enable --now taskd-jobs.service"), "{told}");
    assert_eq!(place.read("config/systemd/user/taskd-jobs.service"), unit);
    // Once more, nothing changes; what somebody has changed stays.
    assert_eq!(taskd(&["install", "--user", "./jobs.toml"]).0, 0);
    place.write("config/systemd/user/taskd-jobs.service", "[Unit]\n");
    let (code, _, errors) = taskd(&["install", "--user", "./jobs.toml"]);
    assert!(code == 1 && errors.contains("is there already"), "{errors}");
    for (words, code, expected) in [
        (&["install", "./jobs.toml"][..], 2, "--user"),
        (&["install", "--user", "--system", "./jobs.toml"], 2, "cannot be used with"),
        (
            &["install", "--user", "--state", "a\nExecStartPre=x", "./jobs.toml"],
            2,
            "no unit can hold",
        ),
        (&["install", "--user", "./nothing.toml"], 78, "there is no such file"),
    ] {
        let (ended, _, errors) = taskd(words);
        assert_eq!(ended, code, "{words:?}: {errors}");
        assert!(errors.contains(expected), "{words:?}: {errors}");
    }
}

#[test]
fn the_file_of_the_container_ends_before_docker_loses_patience() {
    let file = fs::read_to_string("contrib/container/schedules.toml").expect("it is delivered");
    let deaf = "[tasks.deaf]\nstartup = \"start\"\ncommand = \"trap '' TERM; echo x > on; while :; do sleep 1; done\"\n";
    let place = Place::with("schedules.toml", &format!("{file}{deaf}"));
    let mut daemon: Daemon = place.daemon(["--state", "state"]);
    place.wait_for("on", |text| !text.is_empty());
    daemon.signal("TERM");
    let at = |record: &serde_json::Value| -> jiff::Timestamp {
        record["timestamp"].as_str().expect("text").parse().expect("an instant")
    };
    let began = at(&daemon.wait_for("draining"));
    let took = at(&daemon.wait_for("stopped")).duration_since(began);
    assert!(took < jiff::SignedDuration::from_secs(10), "{took}");
    assert!(daemon.end().0.success());
}

/// As the first process of a namespace of its own, taskd takes in what others have left.
#[test]
fn the_first_process_of_a_container_leaves_no_zombie() {
    let may = Command::new("unshare").args(["--map-root-user", "--pid", "--fork", "true"]).output();
    if !may.is_ok_and(|may| may.status.success()) {
        return;
    }
    // Each leaves a child behind, whose parent has gone and which ends later.
    let tasks = r#"
        [tasks.leaves]
        interval = "1s"
        command  = "(sleep 0.1; echo x >> left) & (sleep 0.2; exit 3) & sh -c 'sleep 0.1; kill -40 $$' & exit 0"
    "#;
    let place = Place::with("schedules.toml", tasks);
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child"]);
    command.args([env!("CARGO_BIN_EXE_taskd"), "run", "--state", "state", "--log-format", "json"]);
    command.current_dir(place.path(".")).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut daemon = Daemon::start(command);
    for _ in 0..3 {
        assert_eq!(daemon.wait_for("run finished")["outcome"], "success");
    }
    place.wait_for("left", |text| text.lines().count() >= 3);
    // `unshare` has one child: taskd. Of taskd's children none may be a zombie for long.
    let unshare = daemon.pid();
    let zombies = || {
        let line =
            format!("for p in $(pgrep -P $(pgrep -P {unshare})); do cat /proc/$p/stat; done");
        text(&place.shell(&line).stdout).matches(") Z ").count()
    };
    let none = || (zombies() == 0).then_some(());
    support::wait_until(none).expect("they are taken in");
    // And again, once others have come and gone.
    daemon.wait_for("run finished");
    support::wait_until(none).expect("they are taken in");
    let pid = text(&place.shell(&format!("pgrep -P {unshare}")).stdout);
    place.shell(&format!("kill -s TERM {pid}"));
    let (status, _, log) = daemon.end();
    assert!(status.success(), "{log}");
}

#[test]
fn the_doctor_tells_what_is_amiss() {
    let place = Place::with("schedules.toml", "[tasks.a]\ninterval = \"1h\"\ncommand = \"true\"\n");
    let look = || {
        let output = place.taskd(["doctor", "--json", "--state", "state"]);
        (output.status.code(), support::json_lines(&output.stdout))
    };
    let is_well = |rows: &[serde_json::Value], what: &str| {
        let row = rows.iter().find(|row| row["what"] == what);
        row.unwrap_or_else(|| panic!("{rows:?}"))["is_well"].as_bool()
    };
    let (code, rows) = look();
    assert_eq!((code, is_well(&rows, "daemon")), (Some(1), Some(false)));
    for what in ["version", "file", "state", "zone", "zone data", "open files", "processes"] {
        assert_eq!(is_well(&rows, what), Some(true), "{rows:?}");
    }
    let mut daemon = place.daemon(["--state", "state"]);
    daemon.wait_for("running");
    assert_eq!(is_well(&look().1, "daemon"), Some(true));
    place.write("schedules.toml", "[tasks.a]\n");
    assert_eq!(is_well(&look().1, "file"), Some(false));
    daemon.stop();
    fs::remove_file(place.path("schedules.toml")).expect("it is there");
    assert_eq!(is_well(&look().1, "file"), Some(false));
    // What is read once only cannot be looked at by it.
    let output = place.taskd_with_input(["doctor", "-"], "");
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}
