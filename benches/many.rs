//! Ten thousand tasks: what `validate` and `next` take beside reading the file by `toml` alone.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 5;

/// The median over some rounds.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn timed(mut work: impl FnMut()) -> Duration {
    let mut times: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            work();
            began.elapsed()
        })
        .collect();
    times.sort();
    times[ROUNDS / 2]
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

fn main() {
    let place = tempfile::tempdir().expect("a place");
    let file = place.path().join("schedules.toml");
    let task = |n: u32| {
        let (minute, hour) = (n % 60, n / 60 % 24);
        format!(
            "[tasks.task-{n}]\ncron = \"{minute} {hour} * * mon-fri\"\ncommand = \"echo {n}\"\n\n"
        )
    };
    let text: String = (0..10_000).map(task).collect();
    std::fs::write(&file, &text).expect("it can be written");
    let file = file.to_str().expect("it is text");
    let alone = timed(|| {
        let table: toml::Table = text.parse().expect("it is TOML");
        assert_eq!(table["tasks"].as_table().map(toml::Table::len), Some(10_000));
    });
    println!("toml alone           {alone:>10.1?}");
    for arguments in [&["validate", file][..], &["next", file, "--count", "10"]] {
        let took = timed(|| {
            let status = taskd(arguments).status().expect("taskd starts");
            assert!(status.success());
        });
        let ratio = took.as_secs_f64() / alone.as_secs_f64();
        println!(
            "{:<20} {took:>10.1?}  {ratio:.2} of it, peak {:.1} MiB",
            arguments[0],
            peak(arguments)
        );
    }
}
