//! A directory of its own for each test, and taskd in it with a clean environment.

#![expect(dead_code, reason = "each test file uses its part of this")]

pub mod asking;

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// More than anything here takes, on the slowest machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A directory with schedule files, and homes for everything else.
pub struct Place(TempDir);

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a place"))
    }

    pub fn with(name: &str, text: &str) -> Self {
        let place = Self::new();
        place.write(name, text);
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("it lies in a directory")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// taskd with these arguments, in this directory, with a clean environment.
    pub fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_taskd"));
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env_clear()
            .env("HOME", self.0.path())
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("XDG_STATE_HOME", self.path("state"))
            .env("PATH", std::env::var_os("PATH").expect("there is one"))
            .env("TZ", "UTC")
            .stdin(Stdio::null());
        command
    }

    pub fn taskd<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Output {
        self.command(arguments).output().expect("taskd starts")
    }

    pub fn taskd_with_input<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        input: &str,
    ) -> Output {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("taskd starts");
        let mut stdin = child.stdin.take().expect("it is a pipe");
        stdin.write_all(input.as_bytes()).expect("it is read");
        drop(stdin);
        child.wait_with_output().expect("it ends")
    }

    pub fn shell(&self, line: &str) -> Output {
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).current_dir(self.0.path()).env("TZ", "UTC");
        shell.output().expect("there is a shell")
    }

    /// `taskd run` with these arguments beside `--log-format json`, going on.
    pub fn daemon<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Daemon {
        let mut command = self.command(["run", "--log-format", "json"]);
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        Daemon::start(command)
    }

    /// Waits until `name` holds what `wanted` wants, and returns it.
    pub fn wait_for(&self, name: &str, wanted: impl Fn(&str) -> bool) -> String {
        wait_until(|| Some(self.read(name)).filter(|text| wanted(text)))
            .unwrap_or_else(|| panic!("{name} is {:?}", self.read(name)))
    }
}

/// Looks again and again until `found` finds something, or patience ends.
pub fn wait_until<T>(found: impl Fn() -> Option<T>) -> Option<T> {
    const PAUSE: Duration = Duration::from_millis(10);
    let looks = PATIENCE.as_millis() / PAUSE.as_millis();
    (0..looks).find_map(|_| {
        let found = found();
        if found.is_none() {
            std::thread::park_timeout(PAUSE);
        }
        found
    })
}

/// A running daemon, which ends with the test.
pub struct Daemon {
    pub child: Child,
    log: BufReader<ChildStderr>,
}

impl Daemon {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.spawn().expect("taskd starts");
        let log = BufReader::new(child.stderr.take().expect("it is a pipe"));
        Self { child, log }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Reads the log up to the first line with this message.
    pub fn wait_for(&mut self, message: &str) -> serde_json::Value {
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            let read = self.log.read_line(&mut line).expect("it is text");
            assert!(read > 0, "the log ends without `{message}`: {seen}");
            match serde_json::from_str::<serde_json::Value>(&line) {
                Ok(row) if row["message"] == message => return row,
                _ => seen.push_str(&line),
            }
        }
    }

    /// The next record of the log.
    pub fn next_record(&mut self) -> serde_json::Value {
        let mut line = String::new();
        let read = self.log.read_line(&mut line).expect("it is text");
        assert!(read > 0, "the log ends");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    /// The next line that a run of `task` has written.
    pub fn next_output(&mut self, task: &str) -> String {
        loop {
            let row = self.next_record();
            // What taskd itself tells of a run has more to say.
            let own = row.as_object().is_some_and(|row| row.len() == 5);
            if own && row["task"] == task {
                return row["message"].as_str().expect("text").to_string();
            }
        }
    }

    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.expect("there is a `kill`").success(), "{name} reaches {pid}");
    }

    /// Waits for the end; returns how it ended, its output and the rest of its log.
    pub fn end(mut self) -> (ExitStatus, String, String) {
        let mut log = String::new();
        self.log.read_to_string(&mut log).expect("it is text");
        let mut output = String::new();
        let stdout = self.child.stdout.as_mut().expect("it is a pipe");
        stdout.read_to_string(&mut output).expect("it is text");
        (self.child.wait().expect("it ends"), output, log)
    }
}

impl Daemon {
    /// Kills the daemon and all that it has started, at once.
    pub fn kill_all(self) {
        drop(self);
    }

    /// It has ended, and what it has started goes on: the test sees to that.
    pub fn forget(self) {
        std::mem::forget(self);
    }

    /// Ends the daemon and what it runs.
    pub fn stop(mut self) {
        self.signal("INT");
        self.wait_for("draining");
        self.signal("INT");
        self.end();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // A test that fails leaves nothing behind either: what it runs has groups of its own.
        let pid = self.pid();
        let groups = format!("for group in $(pgrep -P {pid}); do kill -s KILL -- -$group; done");
        let _ = Command::new("sh").args(["-c", &groups]).stderr(Stdio::null()).status();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A daemon in a place of its own, with this text as its schedule file and these arguments.
pub fn running(text: &str, arguments: &[&str]) -> (Place, Daemon) {
    let place = Place::with("schedules.toml", text);
    let daemon = place.daemon(arguments);
    (place, daemon)
}

/// Whether the process of this number goes on.
pub fn alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    // A zombie has ended.
    !stat.is_empty() && !stat.contains(") Z ")
}

/// Whether the tests run as root.
pub fn is_root() -> bool {
    fs::metadata("/proc/self").expect("it is there").uid() == 0
}

/// Whether this machine lets a test have file systems of its own.
pub fn may_mount() -> bool {
    let line = "mount -t ramfs none /mnt";
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", line]);
    command.output().is_ok_and(|output| output.status.success())
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("it is text")
}

pub fn json_lines(bytes: &[u8]) -> Vec<serde_json::Value> {
    let line =
        |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    text(bytes).lines().map(line).collect()
}
