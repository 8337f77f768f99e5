//! Numbers for monitoring, in the text of `OpenMetrics`.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::Observer;
use crate::event::Event;
use crate::name::Name;
use crate::task::Outcome;

const OUTCOMES: [&str; 6] = ["success", "failed", "timed-out", "stopped", "not-started", "lost"];

/// What tells one line of a metric from another.
type Labels = Vec<(&'static str, String)>;
type Seconds = Gauge<f64, std::sync::atomic::AtomicU64>;

/// Counts what happens.
#[derive(Debug)]
pub struct Metrics {
    numbers: Numbers,
    registry: Arc<Mutex<Registry>>,
}

#[derive(Clone, Debug)]
struct Numbers {
    firings: Family<Labels, Counter>,
    runs: Family<Labels, Counter>,
    lateness: Histogram,
    last_success: Family<Labels, Seconds>,
    next_due: Family<Labels, Seconds>,
    running: Gauge,
    waiting: Gauge,
}

/// Tells the numbers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Scrape {
    numbers: Numbers,
    registry: Arc<Mutex<Registry>>,
}

impl Default for Metrics {
    fn default() -> Self {
        // From a millisecond to an hour.
        let lateness = Histogram::new(exponential_buckets(0.001, 4.0, 12));
        let numbers = Numbers {
            firings: Family::default(),
            runs: Family::default(),
            lateness,
            last_success: Family::default(),
            next_due: Family::default(),
            running: Gauge::default(),
            waiting: Gauge::default(),
        };
        let mut registry = Registry::with_prefix("taskd");
        let own = numbers.clone();
        registry.register("firings", "Firings by verdict", own.firings);
        registry.register("runs", "Runs that have ended, by outcome", own.runs);
        registry.register(
            "lateness_seconds",
            "How long after its due a run that a clock has named began",
            own.lateness,
        );
        registry.register(
            "last_success_timestamp_seconds",
            "When the last successful run was due",
            own.last_success,
        );
        registry.register(
            "next_due_timestamp_seconds",
            "When the next firing is due",
            own.next_due,
        );
        registry.register("running", "Runs that go on", own.running);
        registry.register(
            "waiting",
            "Firings that wait for a delay, their turn or a place",
            own.waiting,
        );
        Self { numbers, registry: Arc::new(Mutex::new(registry)) }
    }
}

fn labels(task: &Name, more: Option<(&'static str, &str)>) -> Labels {
    let more = more.map(|(name, value)| (name, value.to_string()));
    [("task", task.to_string())].into_iter().chain(more).collect()
}

/// Seconds since 1970.
fn unix(at: Timestamp) -> f64 {
    at.duration_since(Timestamp::UNIX_EPOCH).as_secs_f64()
}

impl Metrics {
    /// What tells the numbers.
    #[must_use]
    pub fn scrape(&self) -> Scrape {
        Scrape { numbers: self.numbers.clone(), registry: self.registry.clone() }
    }

    /// A run of `task` that was due then has ended well, in this life or before it.
    pub fn succeeded(&self, task: &Name, due: Timestamp) {
        self.numbers.last_success.get_or_create(&labels(task, None)).set(unix(due));
    }

    fn firings(&self, task: &Name, verdict: &str, count: u64) {
        let labels = labels(task, Some(("verdict", verdict)));
        self.numbers.firings.get_or_create(&labels).inc_by(count);
    }
}

impl Observer for Metrics {
    fn notify(&mut self, _: i64, event: &Event) {
        match event {
            Event::RunStarted { at, run, trigger, .. } => {
                self.firings(&run.task, "run", 1);
                if trigger.is_clock() {
                    self.numbers.lateness.observe(at.duration_since(run.due).as_secs_f64());
                }
            }
            Event::FiringSkipped { run, .. } => self.firings(&run.task, "skipped", 1),
            Event::FiringsPassed { task, count, passed, .. } => {
                self.firings(task, passed.verdict().0, count.counted);
            }
            Event::RunFinished { run, outcome, .. } => {
                let labels_of_run = labels(&run.task, Some(("outcome", outcome.word())));
                self.numbers.runs.get_or_create(&labels_of_run).inc();
                if *outcome == Outcome::Success {
                    self.succeeded(&run.task, run.due);
                }
            }
            Event::TaskRemoved { task, .. } => {
                self.numbers.last_success.remove(&labels(task, None));
                for verdict in ["run", "skipped", "missed", "coalesced", "paused"] {
                    self.numbers.firings.remove(&labels(task, Some(("verdict", verdict))));
                }
                for outcome in OUTCOMES {
                    self.numbers.runs.remove(&labels(task, Some(("outcome", outcome))));
                }
            }
            _ => {}
        }
    }
}

impl Scrape {
    /// All numbers; so many runs go on and firings wait, and tasks are due next when.
    #[must_use]
    pub fn text(
        &self,
        (running, waiting): (usize, usize),
        next: impl Iterator<Item = (Name, Timestamp)>,
    ) -> String {
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.numbers.running.set(count(running));
        self.numbers.waiting.set(count(waiting));
        self.numbers.next_due.clear();
        for (task, due) in next {
            self.numbers.next_due.get_or_create(&labels(&task, None)).set(unix(due));
        }
        let mut text = String::new();
        // Memory takes whatever is written.
        let _ = encode(&mut text, &registry);
        text
    }
}
