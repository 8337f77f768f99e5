//! Two thousand tasks with `interval = "1s"` and their output captured, for a minute, or for as long as
//! `TASKD_BENCH_SECONDS` says: how much memory the daemon has after a quarter of it and at the end, how
//! large its record is, and that no firing is without a verdict. It needs a C compiler: the program is
//! static, so that what it takes itself is the least there is.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;

const TASKS: u32 = 2_000;

const PROGRAM: &str =
    "#include <unistd.h>\nint main(void) { return write(1, \"x\\n\", 2) != 2; }\n";

fn build(place: &Path) -> bool {
    let (source, program) = (place.join("say.c"), place.join("say"));
    fs::write(&source, PROGRAM).expect("it can be written");
    let built = Command::new("cc").args(["-O2", "-static", "-o"]).arg(program).arg(source).status();
    built.is_ok_and(|status| status.success())
}

/// The resident size of the daemon, in KiB.
fn resident(daemon: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// What the daemon has used of processors so far.
fn used(daemon: &Child) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", daemon.id())).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok());
    // User and system, in hundredths of a second.
    Duration::from_millis(10 * (ticks(11).unwrap_or(0) + ticks(12).unwrap_or(0)))
}

/// The size of all files of the record, in KiB.
fn record(state: &Path) -> u64 {
    let files = fs::read_dir(state).expect("it is there").flatten();
    let files = files.filter(|file| file.file_name().to_string_lossy().starts_with("taskd.db"));
    files.map(|file| file.metadata().map_or(0, |file| file.len())).sum::<u64>() / 1024
}

/// Looks at the record: the due seconds of each task follow each other, but for those that wait. How many
/// there are, and how many of them ran.
fn judge(place: &Path, state: &Path) -> (usize, usize) {
    let mut history = Command::new(env!("CARGO_BIN_EXE_taskd"))
        .args(["history", "--json", "--limit", "100000000", "--state"])
        .arg(state)
        .arg(place.join("schedules.toml"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("taskd starts");
    let (mut last, mut runs, mut all) = (BTreeMap::<String, Timestamp>::new(), 0, 0);
    let mut waiting = Vec::new();
    for line in BufReader::new(history.stdout.take().expect("a pipe")).lines() {
        let row: serde_json::Value =
            serde_json::from_str(&line.expect("it is text")).expect("it is JSON");
        let task = row["task"].as_str().expect("text").to_string();
        let due: Timestamp = row["due"].as_str().expect("text").parse().expect("an instant");
        if let Some(later) = last.insert(task.clone(), due) {
            let between = (due.as_second() + 1..later.as_second()).map(Timestamp::from_second);
            waiting.extend(between.map(|due| (task.clone(), due.expect("it is between two"))));
        }
        runs += usize::from(row["verdict"] == "run");
        all += 1;
    }
    assert!(history.wait().expect("it ends").success());
    assert_eq!(last.len(), TASKS as usize, "all tasks are there");
    // The next daemon goes on with what waits when one ends; until then it has no verdict.
    for (task, due) in &waiting {
        assert!(
            waits(place, state, task, *due),
            "{task}: nothing is known of what was due at {due}"
        );
    }
    (all, runs)
}

/// Whether it is on record that the firing waits.
fn waits(place: &Path, state: &Path, task: &str, due: Timestamp) -> bool {
    let told = Command::new(env!("CARGO_BIN_EXE_taskd"))
        .args(["why", "--json", "--at", &due.to_string(), task, "--state"])
        .arg(state)
        .arg(place.join("schedules.toml"))
        .output()
        .expect("taskd starts");
    let story: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap_or_default();
    let nearest = &story["nearest"];
    let then = nearest["due"].as_str().and_then(|text| text.parse::<Timestamp>().ok());
    then == Some(due) && nearest["verdict"].is_null()
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn main() {
    let seconds = std::env::var("TASKD_BENCH_SECONDS").ok().and_then(|text| text.parse().ok());
    let length = Duration::from_secs(seconds.unwrap_or(60));
    let place = tempfile::tempdir().expect("a place");
    let (place, state) = (place.path(), place.path().join("state"));
    if !build(place) {
        println!("there is no C compiler that links statically: nothing to measure with");
        return;
    }
    let tasks: String =
        (0..TASKS).map(|task| format!("t{task} = {{ extends = \"say\" }}\n")).collect();
    let head = "timezone = \"UTC\"\n[templates.say]\ninterval = \"1s\"\noutput = \"capture\"\ncommand = [\"./say\"]\n[tasks]\n";
    fs::write(place.join("schedules.toml"), format!("{head}{tasks}")).expect("there is room");
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_taskd"));
    daemon.args(["run", "--log-level", "error", "--state"]).arg(&state).arg("--socket");
    daemon.arg(place.join("socket")).arg(place.join("schedules.toml"));
    daemon.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", place);
    let mut daemon = daemon.stdout(Stdio::null()).spawn().expect("it starts");
    let (start, mut sizes) = (Instant::now(), Vec::new());
    for quarter in 1..=4 {
        while start.elapsed() < length * quarter / 4 {
            std::thread::sleep(Duration::from_millis(100));
        }
        sizes.push(resident(&daemon));
        println!(
            "{:>6.0} s  {:>8} KiB in memory  {:>8} KiB of record",
            start.elapsed().as_secs_f64(),
            resident(&daemon),
            record(&state)
        );
    }
    let spent = used(&daemon);
    Command::new("kill").arg(daemon.id().to_string()).status().expect("there is a `kill`");
    assert!(daemon.wait().expect("it ends").success());
    let (all, runs) = judge(place, &state);
    #[expect(clippy::cast_precision_loss, reason = "some")]
    let ratio = sizes[3] as f64 / sizes[0] as f64;
    let each = spent.as_secs_f64() * 1e6 / (length.as_secs_f64() * f64::from(TASKS));
    println!(
        "memory at the end {ratio:.2} of that after a quarter; {each:.0} µs of processors a firing"
    );
    println!("{all} firings on record, {runs} of them ran, none is without a verdict");
}
