#[cfg(feature = "sqlite")]
mod crashes;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::*;
use crate::clock::Simulated;
use crate::scheduler::Until;
use crate::store::Memory;
use crate::task::{BoxFuture, Context, Ending, Failure, Outcome};
use crate::trigger::{Interval, Trigger, When};

/// Remembers what happened, and lets a test wait for it.
#[derive(Clone)]
struct Journal(watch::Sender<Vec<Event>>);

impl Journal {
    fn new() -> Self {
        Self(watch::Sender::new(Vec::new()))
    }

    /// Waits until `found` finds so many things in what happened.
    async fn wait_for<T>(&self, count: usize, found: impl Fn(&Event) -> Option<T>) -> Vec<T> {
        let mut journal = self.0.subscribe();
        let all = |events: &Vec<Event>| events.iter().filter_map(&found).collect::<Vec<_>>();
        let enough = journal.wait_for(|events| all(events).len() >= count);
        let events = tokio::time::timeout(Duration::from_mins(1), enough).await;
        all(&events.expect("it happens in time").expect("the sender is here"))
    }

    async fn ends(&self, count: usize) -> Vec<Outcome> {
        self.wait_for(count, |event| match event {
            Event::RunFinished { outcome, .. } => Some(outcome.clone()),
            _ => None,
        })
        .await
    }

    async fn starts(&self, count: usize) -> Vec<RunId> {
        self.wait_for(count, started).await
    }
}

fn started(event: &Event) -> Option<RunId> {
    match event {
        Event::RunStarted { run, .. } => Some(run.clone()),
        _ => None,
    }
}

impl Observer for Journal {
    fn notify(&mut self, _: i64, event: &Event) {
        self.0.send_modify(|events| events.push(event.clone()));
    }
}

struct Succeeds;
impl Execute for Succeeds {
    fn execute(&self, _: Context) -> BoxFuture<'_, Ending> {
        Box::pin(async { Outcome::Success.into() })
    }
}

struct Panics;
impl Execute for Panics {
    fn execute(&self, _: Context) -> BoxFuture<'_, Ending> {
        Box::pin(async { panic!("on purpose") })
    }
}

/// Goes on until it is asked to stop.
struct Lasts;
impl Execute for Lasts {
    fn execute(&self, context: Context) -> BoxFuture<'_, Ending> {
        Box::pin(async move {
            context.stop_requested().await;
            Outcome::Stopped.into()
        })
    }
}

/// A store that has seen every firing before, and keeps a journal of what it was offered.
struct Refuses(Journal);
impl Store for Refuses {
    fn append<'a>(&'a mut self, events: &'a [Event]) -> BoxFuture<'a, Vec<RunId>> {
        for event in events {
            self.0.notify(0, event);
        }
        Box::pin(std::future::ready(events.iter().filter_map(started).collect()))
    }
}

fn ts(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

struct World {
    clock: Arc<Simulated>,
    journal: Journal,
    handle: Handle,
    /// How often it looked at the world.
    days: watch::Receiver<u32>,
    serving: tokio::task::JoinHandle<()>,
}

impl World {
    /// Lets it be `second` seconds past midnight.
    fn advance_to(&self, second: i64) {
        self.clock.advance_to(ts("2026-01-01T00:00:00Z") + SignedDuration::from_secs(second));
    }

    /// Asks for something that ends the engine, and waits for that.
    async fn end_by(self, request: Request) {
        self.handle.ask(request).await;
        let end = tokio::time::timeout(Duration::from_mins(1), self.serving).await;
        end.expect("it ends in time").expect("it does not panic");
    }
}

/// An engine at midnight with one task that fires every second.
async fn world(task: impl Execute, store: impl Store + 'static) -> World {
    let clock = Arc::new(Simulated::starting(ts("2026-01-01T00:00:00Z")));
    let journal = Journal::new();
    let (days, seen) = watch::channel(0);
    let name = Name::new("a").expect("a fine name");
    let parts = Parts {
        clock: clock.clone(),
        store: Box::new(store),
        observers: vec![Box::new(journal.clone())],
        machine: Vec::new(),
        tasks: HashMap::from([(name.clone(), Arc::new(task) as Arc<dyn Execute>)]),
        shutdown_grace: Duration::from_secs(25),
        remembered: Remembered::default(),
        last_event: 0,
        boot: None,
        is_first: true,
        each_day: Box::new(move || days.send_modify(|days| *days += 1)),
    };
    let interval = Interval::new(SignedDuration::from_secs(1)).expect("a fine length");
    let when = When::new(vec![Trigger::Interval(interval)], None, None);
    let engine = Engine::start(parts, vec![Schedule::new(name, when)], Limits::default()).await;
    let handle = engine.handle();
    World { clock, journal, handle, days: seen, serving: tokio::spawn(engine.serve()) }
}

#[tokio::test]
async fn a_task_runs_when_it_is_due_and_the_engine_ends_when_asked() {
    let world = world(Succeeds, Memory::default()).await;
    for second in 1..=3 {
        world.advance_to(second);
        let expected = vec![Outcome::Success; usize::try_from(second).expect("small")];
        assert_eq!(world.journal.ends(expected.len()).await, expected);
    }
    world.end_by(Request::Drain).await;
}

#[tokio::test]
async fn the_world_is_looked_at_once_a_day() {
    let mut world = world(Succeeds, Memory::default()).await;
    world.advance_to(10);
    world.journal.ends(1).await;
    assert_eq!(*world.days.borrow(), 0, "the start was a look already");
    for day in 1..=2 {
        world.advance_to(i64::from(day) * 86_400 + 5);
        let looks = world.days.wait_for(|looks| *looks >= day);
        let looks = tokio::time::timeout(Duration::from_mins(1), looks).await;
        assert_eq!(*looks.expect("in time").expect("the sender is here"), day);
    }
    world.end_by(Request::Drain).await;
}

#[tokio::test]
async fn a_panic_is_the_outcome_of_that_run_and_nothing_else() {
    let world = world(Panics, Memory::default()).await;
    let panicked = Outcome::Failed(Failure::Broken("it panicked".into()));
    for second in 1..=2 {
        world.advance_to(second);
        let expected = vec![panicked.clone(); usize::try_from(second).expect("small")];
        assert_eq!(world.journal.ends(expected.len()).await, expected);
    }
}

#[tokio::test]
async fn a_stop_reaches_what_runs() {
    let world = world(Lasts, Memory::default()).await;
    world.advance_to(1);
    world.journal.starts(1).await;
    let journal = world.journal.clone();
    world.end_by(Request::Stop).await;
    assert_eq!(journal.ends(1).await, [Outcome::Stopped]);
}

/// Ends at once, and a second later: its next run is due by then. After many runs it lasts.
struct Hurries {
    clock: Arc<OnceLock<Arc<Simulated>>>,
    runs: Arc<AtomicU32>,
}

impl Hurries {
    const MANY: u32 = 1_000;
}

impl Execute for Hurries {
    fn execute(&self, context: Context) -> BoxFuture<'_, Ending> {
        Box::pin(async move {
            let runs = self.runs.fetch_add(1, Ordering::Relaxed);
            if runs >= Self::MANY {
                return Lasts.execute(context).await;
            }
            let later = ts("2026-01-01T00:00:02Z") + SignedDuration::from_secs(runs.into());
            self.clock.get().expect("it is set before it runs").advance_to(later);
            Outcome::Success.into()
        })
    }
}

#[tokio::test]
async fn who_asks_is_heard_while_runs_end_without_pause() {
    let (clock, runs) = (Arc::new(OnceLock::new()), Arc::new(AtomicU32::new(0)));
    let hurries = Hurries { clock: clock.clone(), runs: runs.clone() };
    let world = world(hurries, Memory::default()).await;
    assert!(clock.set(world.clock.clone()).is_ok());
    world.advance_to(1);
    world.journal.starts(10).await;
    world.end_by(Request::Stop).await;
    let runs = runs.load(Ordering::Relaxed);
    assert!((10..Hurries::MANY).contains(&runs), "{runs}");
}

/// Takes no notice of anybody.
struct Deaf;
impl Execute for Deaf {
    fn execute(&self, _: Context) -> BoxFuture<'_, Ending> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test(start_paused = true)]
async fn what_does_not_stop_is_given_up_before_the_end_is_late() {
    let world = world(Deaf, Memory::default()).await;
    world.advance_to(1);
    world.journal.starts(1).await;
    let (journal, begun) = (world.journal.clone(), tokio::time::Instant::now());
    world.end_by(Request::Drain).await;
    assert!(begun.elapsed() <= Duration::from_secs(25), "{:?}", begun.elapsed());
    let given_up = Outcome::Failed(Failure::Broken("it was given up".into()));
    assert_eq!(journal.ends(1).await, [given_up]);
}

#[tokio::test]
async fn no_question_is_judged_by_a_clock_that_was_set_before_lengths_have_moved() {
    let world = world(Succeeds, Memory::default()).await;
    let hour = SignedDuration::from_hours(1);
    let (until, reason) = (Some(Until::For(hour)), None);
    world.handle.ask(Request::Pause { task: None, until, reason }).await;
    assert_eq!(world.handle.status().await.map(|status| status.paused), Some(1));
    // The request is there at the same moment as the news of the clock, and comes first.
    world.clock.set(ts("2026-01-01T02:00:00Z"));
    world.handle.ask(Request::Resume(Some(Name::new("other").expect("a fine name")))).await;
    assert_eq!(world.handle.status().await.map(|status| status.paused), Some(1));
    world.end_by(Request::Drain).await;
}

/// The number of firings in the stretches that were passed over.
fn missed(event: &Event) -> Option<u64> {
    match event {
        Event::FiringsPassed { count, .. } => Some(count.counted),
        _ => None,
    }
}

#[tokio::test]
async fn what_was_due_while_the_machine_slept_or_the_clock_was_set_is_owed_and_both_are_on_record()
{
    let world = world(Succeeds, Memory::default()).await;
    let at = |second| ts("2026-01-01T00:00:00Z") + SignedDuration::from_secs(second);
    let due = |run: &RunId| run.due;
    world.advance_to(1);
    world.journal.ends(1).await;
    world.clock.suspend_until(at(3600));
    let starts = world.journal.starts(2).await;
    assert_eq!(starts.iter().map(due).collect::<Vec<_>>(), [at(1), at(3600)]);
    let slept = |event: &Event| match event {
        Event::MachineSuspended { lasted, .. } => Some(*lasted),
        _ => None,
    };
    assert_eq!(world.journal.wait_for(1, slept).await, [SignedDuration::from_secs(3599)]);
    assert_eq!(world.journal.wait_for(1, missed).await, [3598]);
    // An hour forwards is no other thing.
    world.clock.set(at(7200));
    assert_eq!(due(&world.journal.starts(3).await[2]), at(7200));
    assert_eq!(world.journal.wait_for(2, missed).await, [3598, 3599]);
    // A little back, and nothing comes again.
    world.clock.set(at(7100));
    world.advance_to(7201);
    assert_eq!(due(&world.journal.starts(4).await[3]), at(7201));
    // Far back: the clock was wrong, and what has not run yet may.
    world.clock.set(at(-36_000));
    let stepped = |event: &Event| match event {
        Event::ClockStepped { by, .. } => Some(by.as_secs()),
        _ => None,
    };
    assert_eq!(world.journal.wait_for(3, stepped).await, [3600, -100, -43_201]);
    world.advance_to(-35_999);
    assert_eq!(due(&world.journal.starts(5).await[4]), at(-35_999));
    world.end_by(Request::Drain).await;
}

#[tokio::test(start_paused = true)]
async fn a_drain_loses_patience_after_a_while() {
    let world = world(Lasts, Memory::default()).await;
    world.advance_to(1);
    world.journal.starts(1).await;
    let journal = world.journal.clone();
    // The task would go on for ever.
    world.end_by(Request::Drain).await;
    assert_eq!(journal.ends(1).await, [Outcome::Stopped]);
}

#[tokio::test]
async fn a_refused_run_never_starts_and_nobody_hears_of_it() {
    struct Forbidden;
    impl Execute for Forbidden {
        fn execute(&self, _: Context) -> BoxFuture<'_, Ending> {
            unreachable!("it was refused")
        }
    }
    let offered = Journal::new();
    let world = world(Forbidden, Refuses(offered.clone())).await;
    world.advance_to(1);
    offered.starts(1).await;
    let journal = world.journal.clone();
    world.end_by(Request::Drain).await;
    assert_eq!(journal.starts(0).await, []);
    assert_eq!(journal.ends(0).await, []);
}
