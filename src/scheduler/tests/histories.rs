//! Random histories of fire, finish, pause, reload and clock steps: each firing gets one verdict, no
//! limit is ever exceeded, and nothing waits for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use proptest::prelude::*;

use super::*;
use crate::policy::{Missed, OnLost, Overlap, Retry};
use crate::store::Views;
use crate::trigger::{After, AfterEnd, AfterTasks};

const TASKS: [&str; 5] = ["a", "b", "c", "d", "e"];
const SECONDS: [i64; 5] = [7, 13, 19, 25, 31];
const CAP: u32 = 4;
const POOL: u32 = 2;
const START: &str = "2026-01-01T00:00:00Z";

/// Something that happens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Do {
    /// Time passes.
    Pass(i64),
    /// One of the attempts that go on ends.
    End(usize, bool),
    Pause(Option<usize>, Option<i64>),
    Resume(Option<usize>),
    Trigger(usize),
    Cancel(usize),
    /// Another definition of a task, or none.
    Change(usize, Option<i64>),
    /// The clock is set.
    Set(i64),
    /// The daemon dies, perhaps before it could act on what it has recorded last, and starts again
    /// after some seconds, perhaps with another definition of a task. Of the attempts each third goes on,
    /// counted from here.
    Crash {
        acts: bool,
        seconds: i64,
        change: Option<(usize, Option<i64>)>,
        goes_on: usize,
    },
}

fn anything() -> impl Strategy<Value = Do> {
    let task = 0..TASKS.len();
    let change = proptest::option::of((task.clone(), proptest::option::of(5..50_i64)));
    // The clock may have been set meanwhile.
    let downtime = prop_oneof![4 => 0..2_000_i64, 1 => -20_000..20_000_i64];
    let crash = (any::<bool>(), downtime, change, 0..4_usize)
        .prop_map(|(acts, seconds, change, goes_on)| Do::Crash { acts, seconds, change, goes_on });
    let some_task = proptest::option::of(task.clone());
    prop_oneof![
        6 => (0..90_i64).prop_map(Do::Pass),
        1 => (0..20_000_i64).prop_map(Do::Pass),
        8 => (any::<usize>(), any::<bool>()).prop_map(|(which, well)| Do::End(which, well)),
        1 => (some_task.clone(), proptest::option::of(1..500_i64)).prop_map(|(task, time)| Do::Pause(task, time)),
        2 => some_task.prop_map(Do::Resume),
        1 => task.clone().prop_map(Do::Trigger),
        1 => task.clone().prop_map(Do::Cancel),
        1 => (task, proptest::option::of(5..50_i64)).prop_map(|(task, time)| Do::Change(task, time)),
        1 => (-10_000..10_000_i64).prop_map(Do::Set),
        2 => crash,
    ]
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let overlap = prop_oneof![
        Just(Overlap::Skip),
        Just(Overlap::Queue),
        Just(Overlap::Replace),
        (1..4_u32).prop_map(|most| Overlap::Parallel(NonZeroU32::new(most).expect("not zero"))),
    ];
    let missed = prop_oneof![
        Just(Missed::Skip),
        Just(Missed::Latest),
        (1..5_u32).prop_map(|most| Missed::All(NonZeroU32::new(most).expect("not zero"))),
    ];
    let retry = proptest::option::of((0..3_u32).prop_map(Retry::new));
    (overlap, missed, retry, any::<bool>(), any::<bool>(), 0..120_i64).prop_map(
        |(overlap, missed, retry, pooled, rerun, grace)| Policy {
            on_lost: if rerun { OnLost::Rerun } else { OnLost::Leave },
            overlap,
            missed,
            retry,
            grace: SignedDuration::from_secs(grace),
            pool: pooled.then(|| name("db")),
            ..Policy::default()
        },
    )
}

/// The task of this index: the last comes after others, some have an excluded day.
fn task(index: usize, seconds: i64, policy: Policy) -> Schedule {
    let mut task = every(TASKS[index], seconds);
    if index == 4 {
        let tasks = AfterTasks::All(vec![name("a"), name("b")]);
        let delay = SignedDuration::from_secs(seconds);
        let after = Trigger::After(After { tasks, on: AfterEnd::Finish, delay });
        let each = Trigger::After(After {
            tasks: AfterTasks::Every,
            on: AfterEnd::Failure,
            delay: SignedDuration::ZERO,
        });
        task = schedule(TASKS[index], after);
        task.when = When::new([task.when.triggers(), &[each]].concat(), None, None);
    }
    if index == 1 {
        let days = Days::new(name("day"), [jiff::civil::date(2026, 1, 2)], []);
        let filter = Filter::new(vec![Arc::new(days)], Vec::new(), Zone::utc());
        task.filter = Some(Arc::new(filter));
    }
    Schedule { policy: policy.into(), text: format!("{seconds}").into(), ..task }
}

/// Lives through a history, and checks every step of it.
struct World {
    scheduler: Scheduler,
    schedules: BTreeMap<Name, Schedule>,
    policies: Vec<Policy>,
    /// What is on record.
    views: Views,
    /// Runs that outlived the daemon and their task: nobody knows any more what pool they need.
    orphans: BTreeSet<RunId>,
    /// The events of each step, as they are on record.
    record: Vec<Vec<Event>>,
    /// The number of the last event.
    number: i64,
    /// Nothing is done about what is recorded: the daemon is about to die.
    is_dying: bool,
    now: Timestamp,
    /// The latest instant that any step has seen.
    latest: Timestamp,
    live: Vec<RunId>,
    /// Those whose firing has its verdict, with the kind that named them, and whether it ran.
    verdicts: BTreeMap<RunId, (TriggerKind, bool)>,
    spans: Vec<(Name, Timestamp, Timestamp)>,
    waited: BTreeSet<RunId>,
    ended: BTreeSet<RunId>,
    /// Tasks whose trigger was never another.
    unchanged: BTreeSet<usize>,
    /// Those that had run, and lay ahead when the clock was set back by so much that marks were.
    ran_ahead: BTreeSet<RunId>,
}

impl World {
    fn new(policies: Vec<Policy>) -> Self {
        let start = ts(START);
        let schedules: BTreeMap<_, _> = (0..TASKS.len())
            .map(|index| (name(TASKS[index]), task(index, SECONDS[index], policies[index].clone())))
            .collect();
        let mut world = Self {
            scheduler: Scheduler::new(b"machine"),
            schedules,
            policies,
            views: Views::default(),
            orphans: BTreeSet::new(),
            record: Vec::new(),
            number: 0,
            is_dying: false,
            now: start,
            latest: start,
            live: Vec::new(),
            verdicts: BTreeMap::new(),
            spans: Vec::new(),
            waited: BTreeSet::new(),
            ended: BTreeSet::new(),
            unchanged: (0..TASKS.len()).collect(),
            ran_ahead: BTreeSet::new(),
        };
        world.reload();
        world
    }

    fn reload(&mut self) {
        let limits = Limits {
            max_runs: NonZeroU32::new(CAP),
            pools: [(name("db"), NonZeroU32::new(POOL).expect("not zero"))].into(),
        };
        let schedules = self.schedules.values().cloned().collect();
        self.step(Input::Asked(Request::Load(schedules, limits)));
    }

    fn act(&mut self, what: Do) {
        // Nobody acts at a whole second, of which all that a clock names is one.
        self.now += SignedDuration::from_micros(137);
        let task = |index: usize| name(TASKS[index]);
        match what {
            Do::Pass(seconds) => {
                let until = self.now + SignedDuration::from_secs(seconds);
                // A few wake-ups on the way, then one long sleep.
                for _ in 0..20 {
                    let Some(wake) = self.scheduler.wake_at().filter(|wake| *wake <= until) else {
                        break;
                    };
                    self.now = self.now.max(wake);
                    self.step(Input::Tick);
                }
                self.now = until;
                self.step(Input::Tick);
            }
            Do::End(which, well) => {
                if !self.live.is_empty() {
                    let run = self.live[which % self.live.len()].clone();
                    let outcome =
                        if well { Outcome::Success } else { Outcome::Failed(Failure::Code(1)) };
                    self.step(ended(run, outcome));
                }
            }
            Do::Pause(index, seconds) => {
                let until = seconds.map(|seconds| Until::For(SignedDuration::from_secs(seconds)));
                let task = index.map(task);
                self.step(Input::Asked(Request::Pause { task, until, reason: None }));
            }
            Do::Resume(index) => self.step(Input::Asked(Request::Resume(index.map(task)))),
            Do::Trigger(index) => {
                let task = task(index);
                self.step(Input::Asked(Request::Trigger { task, given: Given::default() }));
            }
            Do::Cancel(index) => self.step(Input::Asked(Request::CancelAll(task(index)))),
            Do::Change(index, seconds) => {
                self.change(index, seconds);
                self.reload();
            }
            Do::Crash { acts, seconds, change, goes_on } => {
                // Its last step.
                self.is_dying = !acts;
                self.step(Input::Tick);
                self.is_dying = false;
                self.now += SignedDuration::from_secs(seconds);
                let before = self.schedules.clone();
                if let Some((index, seconds)) = change {
                    self.change(index, seconds);
                }
                self.restart(&before, goes_on);
            }
            Do::Set(seconds) => {
                let by = SignedDuration::from_secs(seconds);
                self.now += by;
                self.step(Input::ClockStepped(by));
            }
        }
    }

    fn change(&mut self, index: usize, seconds: Option<i64>) {
        self.unchanged.remove(&index);
        let name = name(TASKS[index]);
        match seconds {
            Some(seconds) => {
                let changed = task(index, seconds, self.policies[index].clone());
                self.schedules.insert(name, changed);
            }
            None => drop(self.schedules.remove(&name)),
        }
    }

    /// Another life begins with what is on record.
    fn restart(&mut self, before: &BTreeMap<Name, Schedule>, goes_on: usize) {
        let mut remembered = self.views.remembered();
        for task in &mut remembered.tasks {
            task.schedule = before.get(&task.name).cloned();
        }
        let mut index = goes_on;
        for run in &mut remembered.runs {
            index += 1;
            run.goes_on = index.is_multiple_of(3) && self.live.contains(&run.firing.run);
            if !before.contains_key(&run.firing.run.task) {
                self.orphans.insert(run.firing.run.clone());
            }
        }
        self.live.clear();
        self.scheduler = Scheduler::new(b"machine");
        self.step(Input::Remembered(Box::new(remembered)));
        self.reload();
        self.step(Input::Started { boot: false });
    }

    /// As a store does: what lies ahead is judged again, but what has run keeps its verdict.
    fn correct(&mut self) {
        let now = self.now;
        self.verdicts.retain(|run, (kind, ran)| run.due <= now || *ran || !kind.is_clock());
        let ahead = self.verdicts.keys().filter(|run| run.due > now).cloned();
        self.ran_ahead.extend(ahead);
        // What a clock has named, at a whole second, is named again.
        let is_clocks = |run: &RunId| run.due.subsec_nanosecond() == 0;
        self.waited.retain(|run| run.due <= now || !is_clocks(run));
        self.spans.retain(|(_, first, _)| *first <= now);
        for (_, _, last) in &mut self.spans {
            *last = now.min(*last);
        }
    }

    fn step(&mut self, input: Input) {
        if let Input::Finished { run, .. } = &input {
            self.live.retain(|live| live != run);
        }
        let step = self.scheduler.step(self.now, input);
        self.latest = self.latest.max(self.now);
        let mut refused = Vec::new();
        self.record.push(Vec::new());
        for event in step.events {
            let claimed = |run: &RunId| self.ran_ahead.contains(run);
            let is_refused = match &event {
                Event::RunStarted { run, .. } => claimed(run),
                Event::AttemptStarted { run, .. } => refused.contains(run),
                _ => false,
            };
            if !is_refused {
                self.number += 1;
                self.views.take(self.number, &event);
                self.record.last_mut().expect("it was begun").push(event.clone());
            }
            match event {
                Event::RunStarted { run, trigger, .. } => {
                    if self.ran_ahead.contains(&run) {
                        // As a store does, which has seen it before the clock was set back.
                        refused.push(run);
                    } else {
                        self.judged(&run, trigger, true);
                        if run.due > self.now {
                            // It waited when the clock was corrected, and is named again.
                            self.ran_ahead.insert(run);
                        }
                    }
                }
                Event::FiringSkipped { run, trigger, .. } if !self.ran_ahead.contains(&run) => {
                    self.judged(&run, trigger, false);
                }
                Event::FiringWaiting { run, .. } => {
                    let ran = self.verdicts.contains_key(&run) && !self.ran_ahead.contains(&run);
                    assert!(!ran, "{run} has its verdict");
                    self.waited.insert(run);
                }
                Event::FiringsPassed { task, first, trigger: Some(kind), .. }
                    if !kind.is_clock() =>
                {
                    self.judged(&RunId { task, due: first }, kind, false);
                }
                Event::FiringsPassed { task, first, last, .. } => {
                    assert!(first <= last, "{task}: {first} to {last}");
                    let clash = |run: &RunId| run.task == task && (first..=last).contains(&run.due);
                    let mut clock = self.verdicts.iter().filter(|(run, (kind, _))| {
                        *kind == TriggerKind::Interval && !self.ran_ahead.contains(run)
                    });
                    let clash = clock.find(|(run, _)| clash(run));
                    assert_eq!(clash, None, "it has a verdict");
                    let overlap = |(other, from, to): &&(Name, Timestamp, Timestamp)| {
                        *other == task && *from <= last && first <= *to
                    };
                    let overlap = self.spans.iter().find(overlap);
                    assert_eq!(overlap, None, "{task}: {first} to {last}");
                    self.spans.push((task, first, last));
                }
                Event::ClockStepped { by, .. } if by < -CORRECTION => self.correct(),
                Event::RunFinished { run, .. } => {
                    assert!(self.ended.insert(run.clone()), "{run} ends twice");
                    assert!(self.verdicts.contains_key(&run), "{run} ends and never began");
                }
                _ => {}
            }
        }
        let actions = if self.is_dying { Vec::new() } else { step.actions };
        for action in actions {
            if let Action::Start(attempt) | Action::Adopt(attempt) = action
                && !refused.contains(&attempt.run)
            {
                assert!(!self.live.contains(&attempt.run), "{} runs twice at once", attempt.run);
                self.live.push(attempt.run);
            }
        }
        self.check_limits();
        for run in refused {
            self.step(Input::Refused(run));
        }
    }

    fn judged(&mut self, run: &RunId, kind: TriggerKind, runs: bool) {
        if kind == TriggerKind::Interval {
            let inside = |(task, first, last): &&(Name, Timestamp, Timestamp)| {
                *task == run.task && (*first..=*last).contains(&run.due)
            };
            let inside = self.spans.iter().find(inside);
            assert!(inside.is_none(), "{run} lies in {inside:?}");
        }
        let before = self.verdicts.insert(run.clone(), (kind, runs));
        assert_eq!(before, None, "{run} has two verdicts");
    }

    fn check_limits(&self) {
        assert!(self.live.len() <= CAP as usize, "{} at once", self.live.len());
        let index = |run: &RunId| TASKS.iter().position(|task| *task == run.task.as_str());
        let policy = |run: &RunId| &self.policies[index(run).expect("one of them")];
        let pooled = self.live.iter().filter(|run| !self.orphans.contains(run));
        let pooled = pooled.filter(|run| policy(run).pool.is_some()).count();
        assert!(pooled <= POOL as usize, "{pooled} of a pool at once");
        for task in TASKS {
            let own: Vec<_> = self.live.iter().filter(|run| run.task.as_str() == task).collect();
            let most = match own.first().map(|run| policy(run).overlap) {
                Some(Overlap::Parallel(most)) => most.get() as usize,
                _ => 1,
            };
            assert!(own.len() <= most, "{} runs of {task} at once", own.len());
        }
    }

    /// Every firing that a clock has named has its verdict, or waits for it.
    fn check_complete(&self) {
        for index in &self.unchanged {
            let schedule = &self.schedules[TASKS[*index]];
            let dues = std::iter::successors(schedule.next_after(ts(START)), |firing| {
                schedule.next_after(firing.due)
            });
            let spans: Vec<_> =
                self.spans.iter().filter(|(task, ..)| *task == schedule.name).collect();
            for due in dues.map(|firing| firing.due).take_while(|due| *due <= self.latest) {
                let run = RunId { task: schedule.name.clone(), due };
                let judged = self.verdicts.contains_key(&run)
                    || self.waited.contains(&run)
                    || spans.iter().any(|(_, first, last)| (*first..=*last).contains(&due));
                assert!(judged, "{run} has no verdict");
            }
        }
    }

    /// Lets everything go on, and nothing more come.
    fn come_to_rest(&mut self) {
        for task in [None].into_iter().chain(TASKS.map(|task| Some(name(task)))) {
            self.step(Input::Asked(Request::Resume(task)));
        }
        self.now = self.latest.max(self.now);
        self.step(Input::Tick);
        self.check_complete();
        for schedule in self.schedules.values_mut() {
            schedule.enabled = false;
        }
        self.reload();
        for _ in 0..10_000 {
            if let Some(run) = self.live.first().cloned() {
                self.step(ended(run, Outcome::Success));
            } else if let Some(wake) = self.scheduler.wake_at() {
                self.now = self.now.max(wake);
                self.step(Input::Tick);
            } else {
                break;
            }
        }
        assert_eq!(
            (self.scheduler.running(), self.scheduler.waiting()),
            (0, 0),
            "it waits for ever"
        );
        let judged = |run: &RunId| {
            let passed = |(task, first, last): &(Name, Timestamp, Timestamp)| {
                *task == run.task && (*first..=*last).contains(&run.due)
            };
            self.verdicts.contains_key(run) || self.spans.iter().any(passed)
        };
        let forgotten = self.waited.iter().find(|run| !judged(run));
        assert_eq!(forgotten, None, "it waited, and never got its verdict");
    }
}

/// What a world has left on record: the events of each step, what follows from them, and the tasks
/// that were never others.
pub(crate) struct Recorded {
    pub steps: Vec<Vec<Event>>,
    pub views: Views,
    pub unchanged: Vec<Schedule>,
}

/// What is on record after such a history.
pub(crate) fn recorded(policies: Vec<Policy>, history: Vec<Do>) -> Recorded {
    let mut world = World::new(policies);
    for what in history {
        world.act(what);
    }
    let unchanged = world.unchanged.iter().map(|index| world.schedules[TASKS[*index]].clone());
    let unchanged = unchanged.collect();
    Recorded { steps: world.record, views: world.views, unchanged }
}

/// Any policies, and anything that happens up to so often.
pub(crate) fn any_history(most: usize) -> impl Strategy<Value = (Vec<Policy>, Vec<Do>)> {
    let policies = proptest::collection::vec(any_policy(), TASKS.len());
    (policies, proptest::collection::vec(anything(), 1..most))
}

/// With `TASKD_PROOF=full`, ten thousand histories of up to five hundred; else a few short ones.
fn extent() -> (u32, usize) {
    let full = std::env::var_os("TASKD_PROOF").is_some_and(|proof| proof == "full");
    if full { (10_000, 500) } else { (ProptestConfig::default().cases, 80) }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: extent().0,
        ..ProptestConfig::default()
    })]

    #[test]
    fn each_firing_gets_one_verdict_within_all_limits(
        (policies, history) in any_history(extent().1),
    ) {
        let mut world = World::new(policies);
        for what in history {
            world.act(what);
        }
        world.come_to_rest();
    }
}
