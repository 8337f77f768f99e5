//! How late taskd wakes up, by its own record, and how late the process it starts is at work: beside a bare
//! loop of timerfd, and of timerfd and `posix_spawn`.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec,
};

/// How far each line of `date +%s.%N` is past its whole second, in milliseconds, sorted.
fn lateness(lines: impl Iterator<Item = String>) -> Vec<f64> {
    let mut late: Vec<f64> = lines
        .filter_map(|line| line.trim().split_once('.')?.1.parse::<f64>().ok())
        .map(|nanoseconds| nanoseconds / 1e6)
        .collect();
    late.sort_by(f64::total_cmp);
    late
}

fn report(who: &str, late: &[f64]) {
    let at = |percent: usize| late[(late.len() - 1) * percent / 100];
    println!(
        "{who:<15} {:>3} starts  min {:>6.3}  median {:>6.3}  p90 {:>6.3}  p99 {:>6.3}  max {:>6.3} ms",
        late.len(),
        at(0),
        at(50),
        at(90),
        at(99),
        at(100)
    );
}

/// With its record in a directory of `state`, or without one: how late its processes are at work, and how
/// late it woke up, as far as that is on record.
fn taskd(seconds: usize, state: Option<&Path>) -> (Vec<f64>, Vec<f64>) {
    let place = state.map_or_else(tempfile::tempdir, tempfile::tempdir_in).expect("a place");
    let named = state.map_or_else(|| PathBuf::from("none"), |_| place.path().join("state"));
    let file = place.path().join("schedules.toml");
    let text = "[tasks.clock]\ninterval = \"1s\"\noutput = \"inherit\"\ncommand = [\"date\", \"+%s.%N\"]\n";
    std::fs::write(&file, text).expect("it can be written");
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_taskd"))
        .args(["run", "--log-level", "error", "--state"])
        .arg(&named)
        .arg(&file)
        .stdout(Stdio::piped())
        .spawn()
        .expect("taskd starts");
    let lines = BufReader::new(daemon.stdout.take().expect("a pipe")).lines();
    let late = lateness(lines.take(seconds).map(|line| line.expect("it is text")));
    daemon.kill().expect("it goes on");
    daemon.wait().expect("it ends");
    let told = Command::new(env!("CARGO_BIN_EXE_taskd"))
        .args(["history", "--json", "--limit", "100000", "--state"])
        .args([named.as_path(), &file])
        .output()
        .expect("taskd starts");
    let rows = told.stdout.split(|byte| *byte == b'\n');
    let mut woke: Vec<f64> = rows.filter_map(woke).collect();
    woke.sort_by(f64::total_cmp);
    (late, woke)
}

/// How long after its due a run has started, of a row of the history, in milliseconds.
fn woke(row: &[u8]) -> Option<f64> {
    let row: serde_json::Value = serde_json::from_slice(row).ok()?;
    let at = |key: &str| row[key].as_str()?.parse::<jiff::Timestamp>().ok();
    Some(at("started")?.duration_since(at("due")?).as_secs_f64() * 1e3)
}

/// How late the processes of the loop are at work, and how late it woke up.
#[expect(clippy::disallowed_methods, reason = "the floor has a clock of its own")]
fn floor(seconds: usize) -> (Vec<f64>, Vec<f64>) {
    let timer = rustix::time::timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::CLOEXEC)
        .expect("a timer");
    let first = rustix::time::clock_gettime(ClockId::Realtime).tv_sec + 1;
    let second = Timespec { tv_sec: 1, tv_nsec: 0 };
    let spec = Itimerspec { it_interval: second, it_value: Timespec { tv_sec: first, tv_nsec: 0 } };
    rustix::time::timerfd_settime(&timer, TimerfdTimerFlags::ABSTIME, &spec).expect("it is armed");
    let mut woke = Vec::new();
    let lines = (0..seconds).map(|_| {
        rustix::io::read(&timer, &mut [0; 8]).expect("it expires");
        let now = rustix::time::clock_gettime(ClockId::Realtime);
        #[expect(clippy::cast_precision_loss, reason = "below a thousand million")]
        woke.push(now.tv_nsec as f64 / 1e6);
        let output = Command::new("date").arg("+%s.%N").output().expect("there is a `date`");
        String::from_utf8(output.stdout).expect("it is text")
    });
    let late = lateness(lines);
    woke.sort_by(f64::total_cmp);
    (late, woke)
}

fn main() {
    let seconds =
        std::env::var("TASKD_BENCH_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    for _ in 0..2 {
        let seconds = seconds / 2;
        let (late, _) = taskd(seconds, None);
        report("taskd", &late);
        let (late, woke_in_memory) = taskd(seconds, Some(Path::new("/dev/shm")));
        report("taskd in memory", &late);
        let (late, woke_on_disk) = taskd(seconds, Some(&std::env::temp_dir()));
        report("taskd on disk", &late);
        let (late, woke_bare) = floor(seconds);
        report("floor", &late);
        println!("wakes up");
        report("taskd in memory", &woke_in_memory);
        report("taskd on disk", &woke_on_disk);
        report("floor", &woke_bare);
        println!();
    }
}
