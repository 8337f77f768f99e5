//! The daemon as a guest of a service manager, which is played by a test: what it is told, where it
//! finds its directories, and the socket that is handed over. Tests wait for states, never for a time.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use support::{Daemon, Place, text};

const TASKS: &str = r#"
    [tasks.long]
    date    = "2030-01-01"
    command = "while ! [ -e go ]; do sleep 0.01; done"
"#;

/// The end of the manager at which messages arrive.
struct Manager(UnixDatagram);

impl Manager {
    fn new(place: &Place) -> Self {
        let socket = UnixDatagram::bind(place.path("notify")).expect("it can be bound");
        socket.set_read_timeout(Some(Duration::from_mins(1))).expect("it can be set");
        Self(socket)
    }

    fn next(&self) -> Vec<String> {
        let mut bytes = [0; 4096];
        let read = self.0.recv(&mut bytes).expect("it is told");
        text(&bytes[..read]).lines().map(Into::into).collect()
    }

    /// The next message with this line.
    fn wait_for(&self, line: &str) -> Vec<String> {
        loop {
            let message = self.next();
            if message.iter().any(|told| told.starts_with(line)) {
                return message;
            }
        }
    }
}

fn start(place: &Place, arguments: &[&str], variables: &[(&str, &str)]) -> Daemon {
    let mut command = place.command(["run", "--log-format", "json"]);
    command.args(arguments).env("NOTIFY_SOCKET", place.path("notify"));
    command.envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Daemon::start(command)
}

#[test]
fn a_manager_is_told_of_a_whole_life() {
    let place = Place::with("schedules.toml", TASKS);
    let manager = Manager::new(&place);
    let arguments = ["--state", "state", "--socket", "s"];
    let daemon = start(&place, &arguments, &[("WATCHDOG_USEC", "500000")]);
    assert_eq!(manager.next(), ["READY=1"]);
    // By then it answers.
    UnixStream::connect(place.path("s")).expect("it answers");
    manager.wait_for("STATUS=1 task, next long at 2030-01-01T00:00:00Z");
    for _ in 0..3 {
        manager.wait_for("WATCHDOG=1");
    }
    place.taskd(["trigger", "long", "--state", "state", "--socket", "s"]);
    manager.wait_for("STATUS=1 task, 1 running, next long at ");
    daemon.signal("HUP");
    let reloading = manager.wait_for("RELOADING=1");
    assert!(reloading[1].starts_with("MONOTONIC_USEC="), "{reloading:?}");
    manager.wait_for("READY=1");
    // A wrong file leaves it as ready as it was.
    place.write("schedules.toml", "[tasks.long]\n");
    daemon.signal("HUP");
    manager.wait_for("RELOADING=1");
    manager.wait_for("READY=1");
    daemon.signal("TERM");
    let stopping = manager.wait_for("STOPPING=1");
    assert_eq!(stopping[1], "EXTEND_TIMEOUT_USEC=30000000", "the grace, and some");
    manager.wait_for("STATUS=1 task, 1 running, ending");
    // It is watched over to the end.
    manager.wait_for("WATCHDOG=1");
    place.write("go", "");
    let (status, _, log) = daemon.end();
    assert!(status.success(), "{log}");
}

#[test]
fn who_does_not_get_so_far_is_never_ready() {
    let place = Place::with("schedules.toml", "[tasks.a]\ncommand = \"true\"\n");
    let manager = Manager::new(&place);
    manager.0.set_nonblocking(true).expect("it can be");
    let (status, ..) = start(&place, &[], &[]).end();
    assert_eq!(status.code(), Some(78));
    assert!(manager.0.recv(&mut [0; 64]).is_err(), "nothing was told");
}

#[test]
fn directories_are_those_that_the_manager_names() {
    let place = Place::new();
    let manager = Manager::new(&place);
    place.write("etc/schedules.toml", "[tasks.a]\nstartup = \"start\"\ncommand = \"env > env\"\n");
    for name in ["lib", "run"] {
        fs::create_dir(place.path(name)).expect("it can be made");
    }
    let path = |name: &str| place.path(name).display().to_string();
    let (etc, lib, run) = (path("etc"), path("lib"), path("run"));
    let directories = [
        ("CONFIGURATION_DIRECTORY", etc.as_str()),
        ("STATE_DIRECTORY", lib.as_str()),
        ("RUNTIME_DIRECTORY", run.as_str()),
    ];
    let mut daemon = start(&place, &[], &directories);
    assert_eq!(manager.next(), ["READY=1"]);
    daemon.wait_for("run finished");
    assert!(place.path("lib/taskd.db").exists());
    assert!(place.path("run/taskd.sock").exists());
    let mut status = place.command(["status"]);
    let output = status.envs(directories).output().expect("taskd starts");
    assert!(text(&output.stdout).contains("1 task"), "{}", text(&output.stderr));
    // What the manager says to the daemon is none of the tasks' business.
    let env = place.read("etc/env");
    for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS"] {
        assert!(!env.contains(name), "{env}");
    }
    daemon.stop();
    assert!(!place.path("run/taskd.sock").exists(), "it goes with the daemon");
}

/// `systemd-socket-activate` binds a socket, and hands it to what it starts when somebody connects.
#[test]
fn a_socket_that_is_handed_over_is_used_and_left() {
    let found = Command::new("systemd-socket-activate").arg("--version").output();
    if !found.is_ok_and(|found| found.status.success()) {
        // A machine without systemd hands nothing over.
        return;
    }
    let place = Place::with("schedules.toml", TASKS);
    let taskd = env!("CARGO_BIN_EXE_taskd");
    let mut command = Command::new("systemd-socket-activate");
    command
        .args(["-l", place.path("handed").to_str().expect("it is text"), taskd, "run", "--state"])
        .args(["state", "--log-format", "json"])
        .current_dir(place.path("."))
        .stderr(Stdio::piped())
        .stdout(Stdio::piped());
    let mut daemon = Daemon::start(command);
    let connect = || UnixStream::connect(place.path("handed")).ok();
    let mut stream = support::wait_until(connect).expect("it is bound");
    // The one who has called it up is answered, too.
    let request = "GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let socket = daemon.wait_for("running")["socket"].as_str().expect("text").to_string();
    assert!(socket.ends_with("/handed"), "{socket}");
    // Clients find it by the state directory.
    let output = place.taskd(["status", "--state", "state"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    daemon.signal("TERM");
    daemon.end();
    assert!(place.path("handed").exists(), "it is whose who has bound it");
}
