//! What the daemon takes in memory, and how late another task is, while output floods it: after 50 MB
//! from one task, while a task writes as fast as it can, and over many short runs.
//!
//! `TASKD_BENCH_RUNS` says how many short runs: 20,000 by default.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The log of a daemon goes nowhere; what it says is not what is measured.
fn start(place: &Path, tasks: &str) -> Child {
    let schedules = place.join("schedules.toml");
    fs::write(&schedules, tasks).expect("it can be written");
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_taskd"));
    daemon.arg("run").arg(&schedules).arg("--state").arg(place.join("state"));
    daemon.arg("--socket").arg(place.join("socket")).current_dir(place);
    daemon.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    daemon.spawn().expect("it starts")
}

fn stop(mut daemon: Child) {
    for _ in 0..2 {
        Command::new("kill").arg(daemon.id().to_string()).status().expect("there is a `kill`");
    }
    daemon.wait().expect("it ends");
}

/// The resident size of a process, now and at most so far, in KiB.
fn resident(daemon: &Child) -> (u64, u64) {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.id())).unwrap_or_default();
    let value = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
    };
    (value("VmRSS:"), value("VmHWM:"))
}

fn wait_for(what: impl Fn() -> bool) {
    while !what() {
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn lines(path: &Path) -> usize {
    fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

/// How late the runs were that wrote the wall clock into `path`: the median and the most, in ms.
fn lateness(path: &Path) -> (f64, f64) {
    let text = fs::read_to_string(path).unwrap_or_default();
    let late = |line: &str| line.trim().parse::<f64>().ok().map(|at| at.fract() * 1000.0);
    let mut late: Vec<f64> = text.lines().filter_map(late).collect();
    late.sort_by(f64::total_cmp);
    (late[late.len() / 2], late[late.len() - 1])
}

/// Writes down each second how late it is.
const OTHER: &str =
    "[tasks.other]\ninterval = \"1s\"\noutput = \"discard\"\ncommand = \"date +%s.%N >> late\"\n";

fn main() {
    let place = tempfile::tempdir().expect("a place");
    let place = place.path();

    let flood = "[tasks.flood]\nstartup = \"start\"\ncommand = \"head -c 50000000 /dev/zero | tr '\\\\0' 'x' | fold -w 99; touch done\"\n";
    let daemon = start(place, &format!("{flood}{OTHER}"));
    let idle = resident(&daemon).0;
    wait_for(|| place.join("done").exists() && lines(&place.join("late")) >= 5);
    let (now, most) = resident(&daemon);
    println!("after 50 MB of lines from one task: {now} KiB, at most {most}; {idle} at the start");
    stop(daemon);

    fs::remove_file(place.join("late")).expect("it was there");
    let daemon = start(place, OTHER);
    wait_for(|| lines(&place.join("late")) >= 20);
    let (median, most) = lateness(&place.join("late"));
    println!("another task, alone: median {median:.1} ms late, at most {most:.1}");
    stop(daemon);

    fs::remove_file(place.join("late")).expect("it was there");
    let endless = "[tasks.endless]\nstartup = \"start\"\ncommand = \"while :; do head -c 10000000 /dev/zero | tr '\\\\0' 'x' | fold -w 99; sleep 0.1; done\"\n";
    let daemon = start(place, &format!("{endless}{OTHER}"));
    wait_for(|| lines(&place.join("late")) >= 20);
    let (now, memory) = resident(&daemon);
    let (median, most) = lateness(&place.join("late"));
    let mut files = fs::read_dir(place.join("state/output")).expect("it is there").flatten();
    let file = files.find(|file| file.file_name().to_string_lossy().starts_with("endless@"));
    let file = file.expect("there is one").metadata().expect("it is there");
    let kept = std::os::unix::fs::MetadataExt::blocks(&file) / 2;
    println!(
        "while a task writes ({} MB so far, {kept} KiB of it on disk): {now} KiB, at most {memory}",
        file.len() / 1_000_000
    );
    println!("another task meanwhile: median {median:.1} ms late, at most {most:.1}");
    stop(daemon);

    let runs = std::env::var("TASKD_BENCH_RUNS").ok().and_then(|runs| runs.parse().ok());
    let runs: u64 = runs.unwrap_or(20_000);
    // Each is followed by the next, of two hundred at once.
    let task = |n: u32| {
        format!(
            "[tasks.t{n}]\nafter = {{ any = [\"t{n}\", \"first\"], on = \"finish\", delay = \"1ms\" }}\noutput = \"capture\"\ncommand = [\"/bin/true\"]\n"
        )
    };
    let first = "[tasks.first]\nstartup = \"start\"\ncommand = [\"/bin/true\"]\n";
    let tasks: String = (0..200).map(task).collect();
    let daemon = start(place, &format!("{first}{tasks}"));
    let begun = || {
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let line = stat.lines().find_map(|line| line.strip_prefix("processes "));
        line.and_then(|line| line.parse::<u64>().ok()).unwrap_or_default()
    };
    let before = begun();
    let mut shown = 1;
    wait_for(|| begun() - before >= runs / 10);
    let early = resident(&daemon).0;
    while begun() - before < runs {
        if begun() - before >= runs * shown / 5 {
            println!("  after {} short runs: {} KiB", begun() - before, resident(&daemon).0);
            shown += 1;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let (late, most) = resident(&daemon);
    println!("after {runs} short runs: {late} KiB, at most {most}; {early} after a tenth of them");
    stop(daemon);
}
