//! What it costs to wait: context switches of all threads while nothing is due.
//!
//! `TASKD_BENCH_SECONDS` says how long; 20 by default.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Voluntary and forced context switches of every thread of a process.
fn switches(pid: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("it goes on");
    let of_thread = |status: String| {
        let lines = status.lines().filter(|line| line.contains("ctxt_switches"));
        lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).sum::<u64>()
    };
    threads
        .map(|thread| thread.expect("it goes on").path().join("status"))
        .map(|status| of_thread(fs::read_to_string(status).expect("it goes on")))
        .sum()
}

fn main() {
    let given = std::env::var("TASKD_BENCH_SECONDS").ok().and_then(|text| text.parse().ok());
    let seconds = given.unwrap_or(20);
    let place = tempfile::tempdir().expect("a place");
    let file = place.path().join("schedules.toml");
    let task =
        |n| format!("t{n} = {{ cron = \"0 0 29 2 *\", timezone = \"UTC\", command = \"true\" }}\n");
    let tasks: String = (0..1000).map(task).collect();
    fs::write(&file, format!("[tasks]\n{tasks}")).expect("it can be written");
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_taskd"))
        .args(["run", "--state", "none"])
        .arg(&file)
        .stderr(Stdio::piped())
        .spawn()
        .expect("taskd starts");
    let mut line = String::new();
    BufReader::new(daemon.stderr.as_mut().expect("a pipe"))
        .read_line(&mut line)
        .expect("it says that it runs");
    // The last of starting up.
    std::thread::sleep(Duration::from_secs(1));
    let before = switches(daemon.id());
    std::thread::sleep(Duration::from_secs(seconds));
    let after = switches(daemon.id());
    // What a thread has counted goes with it, if it ends.
    let between = after.saturating_sub(before);
    println!("idle   {between} context switches of all threads in {seconds} s, 1,000 tasks");
    daemon.kill().expect("it goes on");
    daemon.wait().expect("it ends");
}
