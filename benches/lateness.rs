//! How late runs start: taskd beside a bare loop of timerfd and `posix_spawn`.

use std::io::{BufRead, BufReader};
use std::path::Path;
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

/// With its record in a directory of `state`, or without one.
fn taskd(seconds: usize, state: Option<&Path>) -> Vec<f64> {
    let place = state.map_or_else(tempfile::tempdir, tempfile::tempdir_in).expect("a place");
    let named = state.map_or_else(|| "none".into(), |_| place.path().join("state"));
    let file = place.path().join("schedules.toml");
    let text = "[tasks.clock]\ninterval = \"1s\"\noutput = \"inherit\"\ncommand = [\"date\", \"+%s.%N\"]\n";
    std::fs::write(&file, text).expect("it can be written");
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_taskd"))
        .args(["run", "--log-level", "error", "--state"])
        .arg(named)
        .arg(&file)
        .stdout(Stdio::piped())
        .spawn()
        .expect("taskd starts");
    let lines = BufReader::new(daemon.stdout.take().expect("a pipe")).lines();
    let late = lateness(lines.take(seconds).map(|line| line.expect("it is text")));
    daemon.kill().expect("it goes on");
    daemon.wait().expect("it ends");
    late
}

#[expect(clippy::disallowed_methods, reason = "the floor has a clock of its own")]
fn floor(seconds: usize) -> Vec<f64> {
    let timer = rustix::time::timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::CLOEXEC)
        .expect("a timer");
    let first = rustix::time::clock_gettime(ClockId::Realtime).tv_sec + 1;
    let second = Timespec { tv_sec: 1, tv_nsec: 0 };
    let spec = Itimerspec { it_interval: second, it_value: Timespec { tv_sec: first, tv_nsec: 0 } };
    rustix::time::timerfd_settime(&timer, TimerfdTimerFlags::ABSTIME, &spec).expect("it is armed");
    let lines = (0..seconds).map(|_| {
        rustix::io::read(&timer, &mut [0; 8]).expect("it expires");
        let output = Command::new("date").arg("+%s.%N").output().expect("there is a `date`");
        String::from_utf8(output.stdout).expect("it is text")
    });
    lateness(lines)
}

fn main() {
    let seconds =
        std::env::var("TASKD_BENCH_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    for _ in 0..2 {
        report("taskd", &taskd(seconds / 2, None));
        report("taskd in memory", &taskd(seconds / 2, Some(Path::new("/dev/shm"))));
        report("taskd on disk", &taskd(seconds / 2, Some(&std::env::temp_dir())));
        report("floor", &floor(seconds / 2));
    }
}
