//! How many tasks that do nothing run in a second, all due at one instant: through the library with its
//! record in memory and in SQLite, through tokio-cron-scheduler, and spawned by a bare
//! `tokio::time::interval` loop, in turn.
//!
//! `cargo run --release --manifest-path benches/throughput/Cargo.toml`; `TASKD_BENCH_TASKS` says how many
//! tasks, 5,000 by default, `TASKD_BENCH_ROUNDS` how many rounds, five by default.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use taskd::{TaskScheduler, Trigger, task_fn};
use tokio::sync::watch;
use tokio_cron_scheduler::{Job, JobScheduler};

/// So far ahead they are due: all have been added by then.
const AHEAD: Duration = Duration::from_secs(4);

/// Sees runs go by, and how long all of them take.
#[derive(Clone)]
struct Meter(Arc<Inner>);

struct Inner {
    wanted: usize,
    seen: AtomicUsize,
    first: std::sync::OnceLock<(Instant, Duration)>,
    done: watch::Sender<bool>,
}

impl Meter {
    fn new(wanted: usize) -> Self {
        let (first, seen) = (std::sync::OnceLock::new(), AtomicUsize::new(0));
        Self(Arc::new(Inner { wanted, seen, first, done: watch::Sender::new(false) }))
    }

    /// A run.
    fn run(&self) {
        self.0.first.get_or_init(|| (Instant::now(), processor_time()));
        if self.0.seen.fetch_add(1, Ordering::Relaxed) + 1 == self.0.wanted {
            self.0.done.send_replace(true);
        }
    }

    /// Waits for the last, and tells how many ran in a second, and the time of processors of each, in
    /// microseconds.
    async fn rate(&self, over: impl Future<Output = ()>) -> (f64, f64) {
        let mut done = self.0.done.subscribe();
        let all = tokio::time::timeout(Duration::from_secs(300), done.wait_for(|done| *done));
        all.await.expect("all run within five minutes").expect("it is there");
        // Whatever is recorded of them.
        over.await;
        let (first, processor) = self.0.first.get().expect("there was one");
        let wanted = self.0.wanted as f64;
        let spent = (processor_time() - *processor).as_secs_f64() * 1e6;
        (wanted / first.elapsed().as_secs_f64(), spent / wanted)
    }

    /// Each ran once.
    fn check(&self) {
        assert_eq!(self.0.seen.load(Ordering::Relaxed), self.0.wanted, "each ran exactly once");
    }
}

/// What this process has spent so far.
fn processor_time() -> Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(spent.tv_sec.unsigned_abs(), u32::try_from(spent.tv_nsec).unwrap_or_default())
}

async fn bare(count: usize) -> (f64, f64) {
    let meter = Meter::new(count);
    let mut interval = tokio::time::interval(Duration::from_secs(1));
    interval.tick().await;
    interval.tick().await;
    for _ in 0..count {
        let meter = meter.clone();
        tokio::spawn(async move { meter.run() });
    }
    let rate = meter.rate(async {}).await;
    meter.check();
    rate
}

async fn taskd(count: usize, in_memory: bool) -> (f64, f64) {
    let place = tempfile::tempdir().expect("a place");
    let mut builder = TaskScheduler::builder();
    if !in_memory {
        builder = builder.store(place.path().join("state"));
    }
    // As many at once as the peers have.
    let limits = taskd::policy::Limits { max_runs: None, ..Default::default() };
    let scheduler = builder.limits(limits).build().expect("it is fine");
    let meter = Meter::new(count);
    let at = SystemTime::now() + AHEAD;
    let due = Trigger::at(at.try_into().expect("it is in range"));
    for index in 0..count {
        let meter = meter.clone();
        let task = task_fn(format!("t{index}"), move |_| {
            meter.run();
            std::future::ready(Ok(()))
        });
        scheduler.schedule(task, due.clone()).await.expect("it is fine");
    }
    assert!(SystemTime::now() < at, "all are there in time");
    scheduler.start().await.expect("it starts");
    let settled = async { scheduler.settle().await.expect("it runs") };
    let rate = meter.rate(settled).await;
    meter.check();
    scheduler.shutdown(true).await.expect("it runs");
    rate
}

async fn peer(count: usize) -> (f64, f64) {
    let scheduler = JobScheduler::new_with_channel_size(10 * count).await.expect("it is fine");
    let meter = Meter::new(count);
    let due = Instant::now() + AHEAD;
    for _ in 0..count {
        let meter = meter.clone();
        let job = Job::new_one_shot_at_instant_async(due, move |_, _| {
            let meter = meter.clone();
            Box::pin(async move { meter.run() })
        });
        scheduler.add(job.expect("it is fine")).await.expect("it is fine");
    }
    let mut scheduler = scheduler;
    scheduler.start().await.expect("it starts");
    let rate = meter.rate(async {}).await;
    scheduler.shutdown().await.expect("it runs");
    meter.check();
    rate
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let (count, rounds) = (number("TASKD_BENCH_TASKS", 5_000), number("TASKD_BENCH_ROUNDS", 5));
    let names = ["bare loop", "taskd, in memory", "taskd, SQLite", "tokio-cron-scheduler"];
    let mut all = [const { Vec::new() }; 4];
    for _ in 0..rounds {
        all[0].push(bare(count).await);
        all[1].push(taskd(count, true).await);
        all[2].push(taskd(count, false).await);
        all[3].push(peer(count).await);
    }
    println!("{count} tasks due at once, medians of {rounds} rounds");
    for (name, all) in names.iter().zip(all) {
        let (rates, spent): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        println!("{name:<22} {:>10.0} runs/s {:>8.1} µs each", median(rates), median(spent));
    }
}
