//! Many tasks: what `validate` and `next` take beside reading the file by `toml` alone, in turn; how much
//! memory a daemon takes, and how late it wakes up for one of them, beside a daemon that has ten.
//!
//! `TASKD_BENCH_TASKS` says how many; 10,000 and 100,000 by default.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

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
        format!("[tasks.t{n}]\ncron = \"{minute} {hour} * * mon-fri\"\ncommand = \"true\"\n\n")
    };
    let text: String = (0..count).map(task).collect();
    std::fs::write(&file, &text).expect("it can be written");
    let (path, file) = (file.as_path(), file.to_str().expect("it is text"));
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
    wake_up(path, &text);
}

/// How late a daemon wakes up for a task with `interval = "1s"` beside those of `text`, and its size.
fn wake_up(file: &Path, text: &str) {
    let second = "[tasks.second]\ninterval = \"1s\"\noutput = \"discard\"\ncommand = [\"true\"]\n";
    // In the place of the last, as there may be as many as one plan can have.
    let others = &text[..text.rfind("[tasks.").expect("there are tasks")];
    std::fs::write(file, format!("{others}{second}")).expect("it can be written");
    let socket = file.with_file_name("socket");
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_taskd"))
        .args(["run", "--state", "none", "--log-level", "error", "--socket"])
        .args([&socket, file])
        .env("TZ", "UTC")
        .spawn()
        .expect("taskd starts");
    let history = || -> Vec<serde_json::Value> {
        let arguments = ["history", "second", "--json", "--limit", "1000", "--socket"];
        let told = taskd(&arguments).arg(&socket).arg(file).stdout(Stdio::piped()).output();
        let told = told.expect("taskd starts").stdout;
        told.split(|byte| *byte == b'\n')
            .filter_map(|row| serde_json::from_slice(row).ok())
            .collect()
    };
    let at = |value: &serde_json::Value| value.as_str()?.parse::<Timestamp>().ok();
    let late =
        |row: &serde_json::Value| Some(at(&row["started"])?.duration_since(at(&row["due"])?));
    // The first of them may fall into the end of loading.
    let mut rows = history();
    while rows.iter().filter_map(late).count() < 22 {
        assert!(daemon.try_wait().expect("it is ours").is_none(), "it goes on");
        std::thread::sleep(Duration::from_secs(1));
        rows = history();
    }
    let mut late: Vec<_> =
        rows.iter().filter_map(late).take(20).map(SignedDuration::unsigned_abs).collect();
    late.sort();
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.id()));
    let status = status.expect("it goes on");
    let size = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|word| word.parse::<f64>().ok()).unwrap_or_default()
            / 1024.0
    };
    println!(
        "daemon               wakes up {:.3?} late at the median, {:.3?} at most; {:.1} MiB, peak {:.1}",
        late[10],
        late[19],
        size("VmRSS"),
        size("VmHWM")
    );
    daemon.kill().expect("it goes on");
    daemon.wait().expect("it ends");
}

fn main() {
    let given = std::env::var("TASKD_BENCH_TASKS").ok().and_then(|text| text.parse().ok());
    println!("10 tasks");
    let place = tempfile::tempdir().expect("a place");
    let ten = "[tasks.tN]\ncron = \"0 0 * * *\"\ncommand = \"true\"\n";
    let ten: String = (0..10).map(|n| ten.replace('N', &n.to_string())).collect();
    wake_up(&place.path().join("schedules.toml"), &ten);
    for count in given.map_or_else(|| vec![10_000, 100_000], |count| vec![count]) {
        compare(count);
    }
}
