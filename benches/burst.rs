//! Five thousand tasks due at one instant: when the first and the last of their processes are at work,
//! beside a bare loop of two threads that spawn the same program as often.
//!
//! Without output and a record of it (`in memory`), with a record on disk (`discard`), and with all
//! that is the default.
//!
//! `TASKD_BENCH_ROUNDS` says how often, in turn; five rounds by default. It needs a C compiler: the
//! program is static, so that what it takes itself is the least there is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const TASKS: u32 = 5_000;

/// Appends its number and the time of the wall clock to a file.
const PROGRAM: &str = r"
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
int main(int count, char **words) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    long record[2] = { atol(words[2]), now.tv_sec * 1000000 + now.tv_nsec / 1000 };
    int file = open(words[1], O_WRONLY | O_APPEND);
    return write(file, record, sizeof record) != sizeof record;
}
";

/// What a round has shown, in milliseconds after the instant.
#[derive(Clone, Copy, Debug)]
struct Round {
    first: f64,
    last: f64,
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    i64::try_from(now.as_micros()).expect("not that late")
}

fn build(place: &Path) -> Option<PathBuf> {
    let (source, program) = (place.join("stamp.c"), place.join("stamp"));
    fs::write(&source, PROGRAM).expect("it can be written");
    let built =
        Command::new("cc").args(["-O2", "-static", "-o"]).arg(&program).arg(&source).status();
    built.is_ok_and(|status| status.success()).then_some(program)
}

/// The records of `file`, judged: each number once.
fn judge(file: &Path, instant: i64) -> Round {
    let bytes = fs::read(file).expect("it is there");
    let number = |bytes: &[u8]| i64::from_ne_bytes(bytes.try_into().expect("eight"));
    let mut times: Vec<(i64, i64)> =
        bytes.chunks_exact(16).map(|record| (number(&record[..8]), number(&record[8..]))).collect();
    times.sort_unstable();
    let numbers: Vec<_> = times.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (0..i64::from(TASKS)).collect::<Vec<_>>(), "each of them once");
    let since = |time: i64| {
        #[expect(clippy::cast_precision_loss, reason = "some seconds")]
        let since = (time - instant) as f64 / 1000.0;
        since
    };
    let times = || times.iter().map(|(_, time)| *time);
    Round { first: since(times().min().expect("some")), last: since(times().max().expect("some")) }
}

fn records(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |metadata| metadata.len() / 16)
}

fn bare(program: &Path, file: &Path) -> Round {
    fs::write(file, "").expect("it can be written");
    let instant = now();
    std::thread::scope(|scope| {
        for half in 0..2 {
            scope.spawn(move || {
                let numbers = (0..TASKS).filter(|number| number % 2 == half);
                let children: Vec<_> = numbers
                    .map(|number| {
                        let mut command = Command::new(program);
                        command.arg(file).arg(number.to_string()).stdin(Stdio::null());
                        command.stdout(Stdio::null()).stderr(Stdio::null()).env_clear();
                        command.spawn().expect("it starts")
                    })
                    .collect();
                for mut child in children {
                    child.wait().expect("it is ours");
                }
            });
        }
    });
    judge(file, instant)
}

fn taskd(program: &Path, file: &Path, place: &Path, output: &str, state: &Path) -> Round {
    fs::write(file, "").expect("it can be written");
    // Time enough to read the file and to come to rest.
    let instant = now() / 1_000_000 + 4;
    let task = |number: u32| {
        let (program, file) = (program.display(), file.display());
        format!(
            "t{number} = {{ date = \"{}\", command = [\"{program}\", \"{file}\", \"{number}\"] }}\n",
            date(instant)
        )
    };
    let tasks: String = (0..TASKS).map(task).collect();
    let schedules = place.join("schedules.toml");
    fs::write(&schedules, format!("timezone = \"UTC\"\n[defaults]\n{output}\n[tasks]\n{tasks}"))
        .expect("it can be written");
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_taskd"));
    daemon
        .args(["run", "--log-level", "warn", "--state"])
        .arg(state)
        .arg("--socket")
        .arg(place.join("socket"))
        .arg(&schedules);
    // What a service manager gives, not what surrounds a benchmark.
    daemon.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", place).env("LANG", "C.UTF-8");
    let mut daemon = daemon.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    while records(file) < u64::from(TASKS) && daemon.try_wait().expect("it is ours").is_none() {
        std::thread::sleep(Duration::from_millis(20));
    }
    let size = resident(daemon.id());
    Command::new("kill").arg(daemon.id().to_string()).status().expect("there is a `kill`");
    daemon.wait().expect("it ends");
    print!("{size:>6} KiB  ");
    judge(file, instant * 1_000_000)
}

/// The resident size of a process in KiB.
fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

fn date(second: i64) -> String {
    jiff::Timestamp::from_second(second).expect("in range").to_string()
}

fn main() {
    let place = tempfile::tempdir().expect("a place");
    let Some(program) = build(place.path()) else {
        println!("there is no C compiler that links statically: nothing to measure with");
        return;
    };
    let rounds = std::env::var("TASKD_BENCH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    let file = place.path().join("stamps");
    let (mut unrecorded, mut discarded, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    let (nowhere, state) = (Path::new("none"), place.path().join("state"));
    println!("ms after the instant   first      last");
    for _ in 0..rounds.unwrap_or(5) {
        let floor = bare(&program, &file);
        println!("bare loop           {:>8.1}  {:>8.1}", floor.first, floor.last);
        let discard = "output = \"discard\"";
        for (what, output, state, ratios) in [
            ("in memory", discard, nowhere, &mut unrecorded),
            ("discard", discard, &state, &mut discarded),
            ("default", "", &state, &mut kept),
        ] {
            let round = taskd(&program, &file, place.path(), output, state);
            let ratio = round.last / floor.last;
            println!("{what:<9} {:>8.1}  {:>8.1}  {ratio:.2} of the loop", round.first, round.last);
            ratios.push(ratio);
        }
    }
    for (what, mut ratios) in [("in memory", unrecorded), ("discard", discarded), ("default", kept)]
    {
        ratios.sort_by(f64::total_cmp);
        println!("median of {what}: {:.2} of the loop", ratios[ratios.len() / 2]);
    }
}
