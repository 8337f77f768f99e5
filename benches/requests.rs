//! What requests do to a daemon: how late a task with `interval = "1s"` starts while 10,000 requests a
//! second come, 200 connections stay half open and bodies of 10 MB are sent, beside how late it is
//! without any of that; and how large the daemon is after it.
//!
//! `TASKD_BENCH_SECONDS` says how long each takes; ten seconds by default.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// So many requests a second are wanted of each of these many clients.
const RATE: u32 = 2_500;
const CLIENTS: usize = 4;

struct Daemon {
    process: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
    socket: PathBuf,
}

impl Daemon {
    fn start(place: &Path) -> Self {
        let (file, socket) = (place.join("schedules.toml"), place.join("s"));
        let text = "[tasks.clock]\ninterval = \"1s\"\noutput = \"inherit\"\ncommand = [\"date\", \"+%s.%N\"]\n";
        fs::write(&file, text).expect("it can be written");
        let mut process = Command::new(env!("CARGO_BIN_EXE_taskd"))
            .args(["run", "--log-level", "error", "--state"])
            .arg(place.join("state"))
            .arg("--socket")
            .arg(&socket)
            .arg(&file)
            .stdout(Stdio::piped())
            .spawn()
            .expect("taskd starts");
        let mut lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        // It has begun.
        lines.next();
        Self { process, lines, socket }
    }

    /// How late each start of so many seconds is, in milliseconds, sorted.
    fn lateness(&mut self, seconds: usize) -> Vec<f64> {
        let lines = self.lines.by_ref().take(seconds).map(|line| line.expect("it is text"));
        let late = lines.filter_map(|line| line.split_once('.')?.1.parse::<f64>().ok());
        let mut late: Vec<f64> = late.map(|nanoseconds| nanoseconds / 1e6).collect();
        late.sort_by(f64::total_cmp);
        late
    }

    /// Its resident size in KiB.
    fn size(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
    }
}

fn report(what: &str, late: &[f64]) {
    let at = |percent: usize| late[(late.len() - 1) * percent / 100];
    println!("{what:<22} median {:>6.2}  p90 {:>6.2}  max {:>6.2} ms", at(50), at(90), at(100));
}

/// Asks at the wanted rate until it is over; counts, and keeps the longest time of an answer in µs.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn ask(socket: &Path, over: &AtomicBool, count: &AtomicU64, longest: &AtomicU64) {
    let mut stream = UnixStream::connect(socket).expect("it answers");
    let start = Instant::now();
    let mut asked = 0_u32;
    let mut buffer = vec![0; 16 * 1024];
    while !over.load(Ordering::Relaxed) {
        let due = Duration::from_secs(1) * asked / RATE;
        std::thread::sleep(due.saturating_sub(start.elapsed()));
        let begun = Instant::now();
        stream.write_all(b"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n").expect("it reads");
        let mut read = 0;
        // The body is one line of JSON.
        while !buffer[..read].ends_with(b"}\n") {
            let more = stream.read(&mut buffer[read..]).expect("it answers");
            assert!(more > 0, "it answers");
            read += more;
        }
        let took = u64::try_from(begun.elapsed().as_micros()).expect("not that long");
        longest.fetch_max(took, Ordering::Relaxed);
        count.fetch_add(1, Ordering::Relaxed);
        asked += 1;
    }
}

/// Sends bodies that are too large, one after the other.
fn stuff(socket: &Path, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        let mut stream = UnixStream::connect(socket).expect("it answers");
        let head = "POST /v1/pause HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n";
        let sent = stream.write_all(head.as_bytes());
        // It closes when it has had enough.
        let _ = sent.and_then(|()| stream.write_all(&vec![b'x'; 10_000_000]));
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn main() {
    let seconds = std::env::var("TASKD_BENCH_SECONDS").ok().and_then(|text| text.parse().ok());
    let seconds: usize = seconds.unwrap_or(10);
    let place = tempfile::tempdir().expect("a place");
    let mut daemon = Daemon::start(place.path());
    let before = daemon.size();
    report("alone", &daemon.lateness(seconds));
    let (over, count, longest) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let socket = daemon.socket.clone();
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| ask(&socket, &over, &count, &longest));
        }
        scope.spawn(|| stuff(&socket, &over));
        let half_open: Vec<_> = (0..200)
            .map(|_| {
                let mut stream = UnixStream::connect(&socket).expect("it answers");
                // It may have been closed for another.
                let _ = stream.write_all(b"GET /v1/sta");
                stream
            })
            .collect();
        report("with requests", &daemon.lateness(seconds));
        over.store(true, Ordering::Relaxed);
        drop(half_open);
    });
    let rate = count.load(Ordering::Relaxed) / u64::try_from(seconds).expect("not that many");
    println!(
        "{rate} answers a second, the slowest after {} ms; {before} KiB before, {} KiB after",
        longest.load(Ordering::Relaxed) / 1000,
        daemon.size()
    );
    daemon.process.kill().expect("it goes on");
    daemon.process.wait().expect("it ends");
}
