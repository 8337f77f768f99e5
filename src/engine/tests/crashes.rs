//! A crash at every write point: the engine and the store in a file, on a simulated clock, die before
//! or after each record that is made, and another life goes on from there.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;

use tokio::sync::watch;

use super::*;
use crate::clock::Simulated;
use crate::policy::{Keep, Missed, OnLost, Overlap, Policy, Retry};
use crate::store::{Archive, Catalogue, Query, Sqlite};
use crate::task::{BoxFuture, Context, Ending, Failure, Outcome};
use crate::trigger::{After, AfterEnd, AfterTasks, Interval, Trigger, When};

/// So many seconds are lived through.
const SECONDS: i64 = 24;

/// What is on record when a life ends with a certain step.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Dies {
    /// All up to this step, which nobody has acted on.
    After,
    /// All but this step.
    Before,
    /// Nor what was only on its way to the disk, as it starts nothing.
    Losing,
}

/// A store whose process dies with a certain step.
struct Mortal {
    store: Sqlite,
    dies: Dies,
    /// So many steps it lives through.
    left: usize,
    /// Steps that nobody waits for.
    on_their_way: Vec<Vec<Event>>,
    /// How many steps there were, and whether it has died.
    told: watch::Sender<(usize, bool)>,
}

impl Store for Mortal {
    fn append<'a>(&'a mut self, events: &'a [Event]) -> BoxFuture<'a, Vec<RunId>> {
        Box::pin(async move {
            let is_last = self.left == 0;
            let waits = events.iter().any(|event| event.starts().is_some());
            // That there are tasks is on record.
            let is_first = self.told.borrow().0 == 0;
            let lazy = self.dies == Dies::Losing && !waits && !is_first;
            if lazy && !is_last {
                self.on_their_way.push(events.to_vec());
            }
            let mut refused = Vec::new();
            if !lazy && (!is_last || self.dies == Dies::After) {
                for step in std::mem::take(&mut self.on_their_way) {
                    assert_eq!(self.store.append(&step).await, []);
                }
                refused = self.store.append(events).await;
            }
            self.told.send_modify(|(count, died)| (*count, *died) = (*count + 1, is_last));
            if is_last {
                return std::future::pending().await;
            }
            self.left -= 1;
            refused
        })
    }

    fn failure(&self) -> Option<String> {
        self.store.failure()
    }
}

/// Each attempt that was started, by its run and number.
type Starts = Arc<Mutex<Vec<(RunId, u32)>>>;

/// Takes so many seconds, and fails each third time.
struct Works {
    clock: Arc<Simulated>,
    seconds: i64,
    starts: Starts,
}

impl Execute for Works {
    fn execute(&self, context: Context) -> BoxFuture<'_, Ending> {
        Box::pin(async move {
            let attempt = (context.run().clone(), context.attempt().number);
            self.starts.lock().expect("nobody panics").push(attempt);
            // Not at a moment at which others come due.
            let end = self.clock.now() + SignedDuration::from_millis(1000 * self.seconds - 300);
            tokio::select! {
                _ = self.clock.sleep_until(Some(end)) => {}
                _ = context.stop_requested() => return Outcome::Stopped.into(),
            }
            if context.due().as_second() % 3 == 0 {
                return Outcome::Failed(Failure::Code(1)).into();
            }
            Outcome::Success.into()
        })
    }
}

fn ts(second: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + second).expect("in range")
}

fn name(text: &str) -> Name {
    Name::new(text).expect("a fine name")
}

/// Each policy once, and how long a run of it takes.
fn plan() -> (Vec<(Schedule, i64)>, Limits) {
    let every = |task: &str, seconds: i64| {
        let interval = Interval::new(SignedDuration::from_secs(seconds)).expect("a fine length");
        Schedule::new(name(task), When::new(vec![Trigger::Interval(interval)], None, None))
    };
    let with = |mut schedule: Schedule, change: fn(&mut Policy)| {
        change(Arc::make_mut(&mut schedule.policy));
        schedule
    };
    let most = |count| NonZeroU32::new(count).expect("not zero");
    let after = After {
        tasks: AfterTasks::Every,
        on: AfterEnd::Failure,
        delay: SignedDuration::from_secs(1),
    };
    let after = When::new(vec![Trigger::After(after)], None, None);
    let tasks = vec![
        (every("plain", 3), 1),
        (with(every("queue", 2), |policy| policy.overlap = Overlap::Queue), 3),
        (with(every("replace", 4), |policy| policy.overlap = Overlap::Replace), 5),
        (
            with(every("parallel", 2), |policy| {
                policy.overlap = Overlap::Parallel(NonZeroU32::MIN.saturating_add(1));
                policy.pool = Some(Name::new("db").expect("a fine name"));
            }),
            3,
        ),
        (
            with(every("retry", 6), |policy| {
                policy.retry = Some(Retry { delay: SignedDuration::from_secs(2), ..Retry::new(2) });
                policy.pool = Some(Name::new("db").expect("a fine name"));
            }),
            1,
        ),
        (with(every("rerun", 5), |policy| policy.on_lost = OnLost::Rerun), 4),
        (with(every("all", 2), |policy| policy.missed = Missed::All(NonZeroU32::MAX)), 1),
        (with(every("late", 7), |policy| policy.grace = SignedDuration::ZERO), 2),
        (Schedule::new(name("after"), after), 1),
    ];
    let limits = Limits { max_runs: NonZeroU32::new(8), pools: [(name("db"), most(2))].into() };
    (tasks, limits)
}

/// What several lives share.
struct World<'a> {
    place: &'a Path,
    clock: Arc<Simulated>,
    starts: Starts,
}

impl World<'_> {
    /// Lives from where the last life has ended until the end, or until it dies with the step of this
    /// number. Returns how many steps there were, and whether it lived until the end.
    async fn live(&self, dies: Dies, steps: usize) -> (usize, bool) {
        let opened = Sqlite::open(self.place, Keep::default()).expect("it can be opened");
        let (tasks, limits) = plan();
        let (told, mut heard) = watch::channel((0, false));
        let store =
            Mortal { store: opened.store, dies, left: steps, on_their_way: Vec::new(), told };
        let works = |(schedule, seconds): &(Schedule, i64)| {
            let (clock, starts) = (self.clock.clone(), self.starts.clone());
            let task: Arc<dyn Execute> = Arc::new(Works { clock, seconds: *seconds, starts });
            (schedule.name.clone(), task)
        };
        let parts = Parts {
            clock: self.clock.clone(),
            store: Box::new(store),
            observers: Vec::new(),
            machine: Vec::new(),
            tasks: tasks.iter().map(works).collect(),
            shutdown_grace: Duration::from_secs(25),
            remembered: opened.remembered,
            last_event: opened.last_event,
            boot: None,
            is_first: false,
            each_day: Box::new(|| {}),
        };
        let schedules = tasks.into_iter().map(|(schedule, _)| schedule).collect();
        let whole_life = async {
            let engine = Engine::start(parts, schedules, limits).await;
            let handle = engine.handle();
            let script = async {
                loop {
                    settle(&handle, &self.clock).await;
                    let next = self.clock.now() + SignedDuration::from_millis(250);
                    if next > ts(SECONDS) {
                        break;
                    }
                    self.clock.advance_to(next);
                }
                handle.ask(Request::Stop).await;
            };
            tokio::join!(engine.serve(), script);
        };
        let lived = tokio::select! {
            died = heard.wait_for(|(_, died)| *died) => died.is_err(),
            () = whole_life => true,
        };
        // All of it is dropped by now: nothing that it has begun goes on.
        let count = heard.borrow().0;
        (count, lived)
    }
}

/// Waits until all that is due has been judged, as far as that can be seen.
async fn settle(handle: &Handle, clock: &Simulated) {
    for _ in 0..1_000 {
        let Some(status) = handle.status().await else { return };
        if status.next.is_none_or(|next| next.due > clock.now()) {
            break;
        }
        tokio::task::yield_now().await;
    }
    // And what has ended then has ended.
    for _ in 0..3 {
        handle.status().await;
    }
}

/// A life that dies with the step of this number, a second one that dies young, and a third one that
/// goes on until the end.
async fn lives(dies: Dies, steps: usize) -> (usize, bool) {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let place = place.expect("a place");
    let clock = Arc::new(Simulated::starting(ts(0)));
    let world = World { place: place.path(), clock, starts: Starts::default() };
    let (count, lived) = world.live(dies, steps).await;
    if !lived {
        let later =
            || world.clock.advance_to(world.clock.now() + SignedDuration::from_millis(2_500));
        later();
        // Some of its first steps, each of them for some death of the first life.
        let dies = if dies == Dies::Losing { Dies::Before } else { dies };
        let again = world.live(dies, steps * 5 % 23).await;
        later();
        assert!(again.1 || world.live(Dies::After, usize::MAX).await.1);
    }
    judge(&world, &format!("{dies:?} step {steps}")).await;
    (count, lived)
}

async fn judge(world: &World<'_>, which: &str) {
    let starts = world.starts.lock().expect("nobody panics").clone();
    let once: BTreeSet<_> = starts.iter().collect();
    assert_eq!(once.len(), starts.len(), "{which}: an attempt was started twice");
    // What waits, or has another attempt before it, does so still after the end.
    let left = Sqlite::open(world.place, Keep::default()).expect("it can be opened").remembered;
    let waits: BTreeSet<_> = left.waiting.into_iter().map(|firing| firing.run).collect();
    let between = left.runs.into_iter().filter(|run| run.between.is_some());
    let between: BTreeSet<_> = between.map(|run| run.firing.run).collect();
    let archive = Archive::open(world.place, Catalogue::default()).expect("it can be asked");
    let (tasks, _) = plan();
    let mut rows = BTreeMap::new();
    for (schedule, _) in &tasks {
        let query =
            Query { tasks: [schedule.name.clone()].into(), limit: 10_000, ..Query::default() };
        for row in archive.history(query).await.expect("it is readable") {
            let (firing, of) = (row.firing.clone(), row.clone());
            assert_eq!(rows.insert(firing, of), None, "{which}: two verdicts");
            if row.started.is_some() {
                let is_over = row.finished.is_some() || between.contains(&row.firing);
                assert!(is_over, "{which}: {} goes on for ever", row.firing);
            }
        }
        let dues = std::iter::successors(schedule.next_after(ts(0)), |firing| {
            schedule.next_after(firing.due)
        });
        for due in dues.map(|firing| firing.due).take_while(|due| *due <= ts(SECONDS)) {
            let run = RunId { task: schedule.name.clone(), due };
            let judged = rows.contains_key(&run) || waits.contains(&run);
            assert!(judged, "{which}: {run} has no verdict");
        }
    }
    for (run, _) in starts {
        let started = rows.get(&run).is_some_and(|row| row.started.is_some());
        assert!(started, "{which}: {run} was started and is not on record");
    }
}

/// With `TASKD_PROOF=full` at each step; else at each third.
#[tokio::test]
async fn wherever_it_dies_each_firing_has_one_verdict_and_no_attempt_starts_twice() {
    let full = std::env::var_os("TASKD_PROOF").is_some_and(|proof| proof == "full");
    let (all, lived) = lives(Dies::After, usize::MAX).await;
    assert!(lived && all > 50, "{all} steps");
    let mut deaths = 0;
    for dies in [Dies::After, Dies::Before, Dies::Losing] {
        for steps in (1..all).step_by(if full { 1 } else { 3 }) {
            let (_, lived) = lives(dies, steps).await;
            deaths += usize::from(!lived);
        }
    }
    assert!(deaths > all / 3, "{deaths} of {all}");
}
