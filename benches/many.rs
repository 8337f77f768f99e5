//! Many tasks: what `validate` and `next` take beside reading the file by `toml` alone, in turn.
//!
//! `TASKD_BENCH_TASKS` says how many; 10,000 and 100,000 by default.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 5;

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn timed(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn taskd(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_taskd"));
    command.args(arguments).env("TZ", "UTC").stdout(Stdio::null());
    command
}

/// The highest resident size so far of any child, in MiB.
fn peak(arguments: &[&str]) -> f64 {
    // A shell of its own, so that no child before it counts; `ulimit` has no such figure, `/proc` has.
    let script = "\"$@\" >/dev/null & pid=$!; peak=0; while line=$(grep VmHWM /proc/$pid/status 2>/dev/null); do peak=$line; done; echo $peak";
    let output = Command::new("sh")
        .args(["-c", script, "sh", env!("CARGO_BIN_EXE_taskd")])
        .args(arguments)
        .env("TZ", "UTC")
        .output()
        .expect("there is a shell");
    let text = String::from_utf8(output.stdout).expect("it is text");
    let kib = text.split_whitespace().nth(1).and_then(|word| word.parse::<f64>().ok());
    kib.unwrap_or_default() / 1024.0
}

fn compare(count: u32) {
    let place = tempfile::tempdir().expect("a place");
    let file = place.path().join("schedules.toml");
    let task = |n: u32| {
        let (minute, hour) = (n % 60, n / 60 % 24);
        format!(
            "[tasks.task-{n}]\ncron = \"{minute} {hour} * * mon-fri\"\ncommand = \"echo {n}\"\n\n"
        )
    };
    let text: String = (0..count).map(task).collect();
    std::fs::write(&file, &text).expect("it can be written");
    let file = file.to_str().expect("it is text");
    let verbs = [&["validate", file][..], &["next", file, "--count", "10"]];
    let (mut alone, mut took) = (Vec::new(), [Vec::new(), Vec::new()]);
    for _ in 0..ROUNDS {
        alone.push(timed(|| {
            let text = std::fs::read_to_string(file).expect("it is there");
            let table: toml::Table = text.parse().expect("it is TOML");
            let tasks = table["tasks"].as_table().map_or(0, toml::Table::len);
            assert_eq!(u32::try_from(tasks), Ok(count));
        }));
        for (verb, took) in verbs.iter().zip(&mut took) {
            took.push(timed(|| {
                let status = taskd(verb).status().expect("taskd starts");
                assert!(status.success());
            }));
        }
    }
    let alone = median(alone);
    println!("{count} tasks");
    println!("toml alone           {alone:>10.1?}");
    for (verb, took) in verbs.iter().zip(took) {
        let took = median(took);
        let ratio = took.as_secs_f64() / alone.as_secs_f64();
        let peak = peak(verb);
        println!("{:<20} {took:>10.1?}  {ratio:.2} of it, peak {peak:.1} MiB", verb[0]);
    }
}

fn main() {
    let given = std::env::var("TASKD_BENCH_TASKS").ok().and_then(|text| text.parse().ok());
    for count in given.map_or_else(|| vec![10_000, 100_000], |count| vec![count]) {
        compare(count);
    }
}
