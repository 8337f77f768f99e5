pub(crate) mod histories;
mod policies;
mod restarts;

use std::sync::Arc;
use std::time::Instant;

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::*;
use crate::event::{Count, Passed, SkipReason, TriggerKind};
use crate::policy::{Limits, Policy};
use crate::task::{Attempt, Failure, Outcome};
use crate::trigger::cron::{Crontab, Pattern, parse_crontab};
use crate::trigger::{Cron, Dates, Days, Filter, Interval, Start, Startup, Trigger, When};
use crate::zone::Zone;

fn ts(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn name(text: &str) -> Name {
    Name::new(text).expect("a fine name")
}

fn run(task: &str, due: &str) -> RunId {
    RunId { task: name(task), due: ts(due) }
}

fn schedule(task: &str, trigger: Trigger) -> Schedule {
    Schedule::new(name(task), When::new(vec![trigger], None, None))
}

fn every(task: &str, seconds: i64) -> Schedule {
    let length = SignedDuration::from_secs(seconds);
    schedule(task, Trigger::Interval(Interval::new(length).expect("a fine length")))
}

fn cron(task: &str, text: &str, zone: &str) -> Schedule {
    let Ok((Crontab::Pattern(expression), _)) = parse_crontab(text) else {
        panic!("{text} is readable")
    };
    let pattern = Pattern::new(expression).expect("it fires");
    let zone = Zone::new(TimeZone::get(zone).expect("a zone of the database"));
    schedule(task, Trigger::Cron(Cron::new(Arc::new(pattern), zone)))
}

fn load(schedules: Vec<Schedule>) -> Input {
    Input::Asked(Request::Load(schedules, Limits::default()))
}

/// A scheduler that was given `schedules` at `now`.
fn loaded(now: &str, schedules: Vec<Schedule>) -> Scheduler {
    let mut scheduler = Scheduler::new(b"machine");
    scheduler.step(ts(now), load(schedules));
    scheduler
}

fn ended(run: RunId, outcome: Outcome) -> Input {
    Input::Finished { run, ending: outcome.into(), took: SignedDuration::ZERO }
}

fn finished(task: &str, due: &str) -> Input {
    ended(run(task, due), Outcome::Success)
}

/// The runs that `step` starts.
fn starts(step: &Step) -> Vec<String> {
    let started = |action: &Action| match action {
        Action::Start(attempt) => Some(attempt.run.to_string()),
        Action::Adopt(_) | Action::Stop(_) => None,
    };
    step.actions.iter().filter_map(started).collect()
}

/// Lets each run end as it starts, from `now` to `end`, and tells how often something started.
fn starts_until(scheduler: &mut Scheduler, end: &str) -> usize {
    let mut starts = 0;
    while let Some(now) = scheduler.wake_at().filter(|due| *due <= ts(end)) {
        for action in scheduler.step(now, Input::Tick).actions {
            let Action::Start(Attempt { run, .. }) = action else {
                continue;
            };
            starts += 1;
            scheduler.step(now, ended(run, Outcome::Success));
        }
    }
    starts
}

#[test]
fn a_year_passes_in_well_under_a_second() {
    let began = wall_time();
    let mut hourly = loaded("2026-01-01T00:00:00Z", vec![every("hourly", 3600)]);
    assert_eq!(starts_until(&mut hourly, "2027-01-01T00:00:00Z"), 8_760);
    // Spring has one hour less and autumn one more: a rhythm of real time does not notice.
    let often = vec![cron("often", "*/5 * * * *", "Europe/Berlin")];
    let mut often = loaded("2025-12-31T23:00:00Z", often);
    assert_eq!(starts_until(&mut often, "2026-12-31T23:00:00Z"), 365 * 24 * 12);
    let daily = vec![cron("daily", "30 2 * * *", "Europe/Berlin")];
    let mut daily = loaded("2025-12-31T23:00:00Z", daily);
    assert_eq!(starts_until(&mut daily, "2026-12-31T23:00:00Z"), 365);
    // Generous: an unoptimised build on a busy machine.
    assert!(began.elapsed().as_secs() < 30, "{:?}", began.elapsed());
}

#[expect(clippy::disallowed_methods, reason = "how long the test itself takes")]
fn wall_time() -> Instant {
    Instant::now()
}

#[test]
fn what_is_due_starts_in_order_of_due_then_of_name() {
    let mut scheduler =
        loaded("2026-01-01T00:00:00Z", vec![every("b", 2), every("a", 2), every("c", 1)]);
    assert_eq!(scheduler.wake_at(), Some(ts("2026-01-01T00:00:01Z")));
    let step = scheduler.step(ts("2026-01-01T00:00:00.9Z"), Input::Tick);
    assert_eq!(step, Step::default(), "nothing is due yet");
    let step = scheduler.step(ts("2026-01-01T00:00:01Z"), Input::Tick);
    assert_eq!(starts(&step), ["c@20260101T000001Z"]);
    scheduler.step(ts("2026-01-01T00:00:01.5Z"), finished("c", "2026-01-01T00:00:01Z"));
    let step = scheduler.step(ts("2026-01-01T00:00:02Z"), Input::Tick);
    assert_eq!(starts(&step), ["a@20260101T000002Z", "b@20260101T000002Z", "c@20260101T000002Z"]);
}

#[test]
fn what_is_due_fires_on_every_input() {
    let mut scheduler = loaded("2026-01-01T00:00:00Z", vec![every("a", 1), every("b", 60)]);
    scheduler.step(ts("2026-01-01T00:01:00Z"), Input::Tick);
    let step = scheduler.step(ts("2026-01-01T00:01:01Z"), finished("a", "2026-01-01T00:01:00Z"));
    assert_eq!(starts(&step), ["a@20260101T000101Z"]);
}

#[test]
fn a_firing_is_skipped_while_the_run_before_it_goes_on() {
    let mut scheduler = loaded("2026-01-01T00:00:00Z", vec![every("a", 1)]);
    let first = scheduler.step(ts("2026-01-01T00:00:01Z"), Input::Tick);
    assert_eq!(starts(&first), ["a@20260101T000001Z"]);
    let second = scheduler.step(ts("2026-01-01T00:00:02Z"), Input::Tick);
    let skipped = Event::FiringSkipped {
        at: ts("2026-01-01T00:00:02Z"),
        run: run("a", "2026-01-01T00:00:02Z"),
        trigger: TriggerKind::Interval,
        reason: SkipReason::Overlap,
    };
    assert_eq!((second.events, second.actions), (vec![skipped], vec![]));
    // As soon as it has ended, the next one runs.
    let end = scheduler.step(ts("2026-01-01T00:00:02.5Z"), finished("a", "2026-01-01T00:00:01Z"));
    assert_eq!(end.events.len(), 2, "the attempt and the run: {:?}", end.events);
    let third = scheduler.step(ts("2026-01-01T00:00:03Z"), Input::Tick);
    assert_eq!(starts(&third), ["a@20260101T000003Z"]);
}

#[test]
fn of_several_firings_owed_the_newest_runs_and_the_others_are_missed() {
    let missed = |at, first, last, count| Event::FiringsPassed {
        at: ts(at),
        task: name("a"),
        first: ts(first),
        last: ts(last),
        count: Count::of(count),
        passed: Passed::Missed,
        trigger: None,
    };
    for (seconds, now, started, expected) in [
        // One firing, late but within grace: the common case.
        (3600, "2026-01-01T01:10:00Z", &["a@20260101T010000Z"][..], None),
        // Later than grace.
        (
            3600,
            "2026-01-01T01:10:01Z",
            &[],
            Some(("2026-01-01T01:00:00Z", "2026-01-01T01:00:00Z", 1)),
        ),
        // A laptop that slept for three hours wakes up on time, or a while later.
        (
            3600,
            "2026-01-01T03:00:01Z",
            &["a@20260101T030000Z"],
            Some(("2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z", 2)),
        ),
        (
            3600,
            "2026-01-01T03:30:00Z",
            &[],
            Some(("2026-01-01T01:00:00Z", "2026-01-01T03:00:00Z", 3)),
        ),
        // Two weeks of seconds are one span, and counted no further than anybody wants to know.
        (
            1,
            "2026-01-15T00:00:00Z",
            &["a@20260115T000000Z"],
            Some(("2026-01-01T00:00:01Z", "2026-01-14T23:59:59Z", 1_000_001)),
        ),
    ] {
        let mut scheduler = loaded("2026-01-01T00:00:00Z", vec![every("a", seconds)]);
        let step = scheduler.step(ts(now), Input::Tick);
        assert_eq!(starts(&step), started, "{seconds} s at {now}");
        let spans: Vec<_> = step
            .events
            .into_iter()
            .filter(|event| matches!(event, Event::FiringsPassed { .. }))
            .collect();
        let expected: Vec<_> = expected
            .map(|(first, last, count)| missed(now, first, last, count))
            .into_iter()
            .collect();
        assert_eq!(spans, expected, "{seconds} s at {now}");
        assert!(scheduler.wake_at() > Some(ts(now)), "nothing is owed any more");
    }
}

#[test]
fn a_small_step_back_repeats_nothing_and_a_large_one_starts_afresh() {
    let hours = |hours| SignedDuration::from_hours(hours);
    for (by, now, next) in [
        // Up to three hours: what has run does not run again.
        (hours(-2), "2026-01-01T10:00:00Z", "2026-01-01T13:00:00Z"),
        (hours(-3), "2026-01-01T09:00:00Z", "2026-01-01T13:00:00Z"),
        // More corrects a clock that was wrong.
        (hours(-4), "2026-01-01T08:00:00Z", "2026-01-01T09:00:00Z"),
        // Forward: what lies between is owed, as after a sleep.
        (hours(5), "2026-01-01T17:00:00Z", "2026-01-01T18:00:00Z"),
    ] {
        let mut scheduler = loaded("2026-01-01T11:30:00Z", vec![every("a", 3600)]);
        scheduler.step(ts("2026-01-01T12:00:00Z"), Input::Tick);
        scheduler.step(ts("2026-01-01T12:00:00Z"), finished("a", "2026-01-01T12:00:00Z"));
        let step = scheduler.step(ts(now), Input::ClockStepped(by));
        assert_eq!(step.events.first(), Some(&Event::ClockStepped { at: ts(now), by }));
        assert_eq!(scheduler.wake_at(), Some(ts(next)), "a step by {by:?}");
    }
}

#[test]
fn a_refused_run_counts_for_nothing() {
    let mut scheduler = loaded("2026-01-01T00:00:00Z", vec![every("a", 1)]);
    scheduler.step(ts("2026-01-01T00:00:01Z"), Input::Tick);
    let step = scheduler
        .step(ts("2026-01-01T00:00:01Z"), Input::Refused(run("a", "2026-01-01T00:00:01Z")));
    assert_eq!(step, Step::default());
    assert_eq!(scheduler.running(), 0);
    assert_eq!(starts(&scheduler.step(ts("2026-01-01T00:00:02Z"), Input::Tick)).len(), 1);
}

#[test]
fn draining_starts_nothing_and_stopping_stops_what_runs() {
    let once = Trigger::Dates(Dates::new(vec![ts("2026-01-01T00:01:01Z")]));
    let mut scheduler = loaded("2026-01-01T00:00:00Z", vec![every("a", 60), schedule("b", once)]);
    scheduler.step(ts("2026-01-01T00:01:00Z"), Input::Tick);
    let drain = scheduler.step(ts("2026-01-01T00:01:01Z"), Input::Asked(Request::Drain));
    assert_eq!(drain, Step::default(), "what is due now is owed at the next start");
    assert_eq!(scheduler.wake_at(), None);
    let stop = scheduler.step(ts("2026-01-01T00:01:02Z"), Input::Asked(Request::Stop));
    assert_eq!(stop.actions, [Action::Stop(run("a", "2026-01-01T00:01:00Z"))]);
    let end = ended(run("a", "2026-01-01T00:01:00Z"), Outcome::Stopped);
    let end = scheduler.step(ts("2026-01-01T00:01:03Z"), end);
    let expected = Event::RunFinished {
        at: ts("2026-01-01T00:01:03Z"),
        run: run("a", "2026-01-01T00:01:00Z"),
        started: ts("2026-01-01T00:01:00Z"),
        took: SignedDuration::ZERO,
        attempts: 1,
        used: None,
        outcome: Outcome::Stopped,
    };
    assert_eq!(end.events.last(), Some(&expected));
    assert_eq!(scheduler.running(), 0);
}

#[test]
fn a_run_ends_once() {
    let mut scheduler = loaded("2026-01-01T00:00:00Z", vec![every("a", 60)]);
    scheduler.step(ts("2026-01-01T00:01:00Z"), Input::Tick);
    let failed = Outcome::Failed(Failure::Code(1));
    let end = ended(run("a", "2026-01-01T00:01:00Z"), failed);
    assert_eq!(scheduler.step(ts("2026-01-01T00:01:01Z"), end.clone()).events.len(), 2);
    assert_eq!(scheduler.step(ts("2026-01-01T00:01:01Z"), end), Step::default());
}

#[test]
fn a_changed_plan_looks_forward_and_unchanged_tasks_keep_their_state() {
    let now = "2026-01-01T00:00:30Z";
    let mut scheduler =
        loaded("2026-01-01T00:00:00Z", vec![every("a", 60), every("b", 60), every("c", 60)]);
    let past = Trigger::Dates(Dates::new(vec![ts("2026-01-01T00:00:10Z")]));
    let wanted = vec![every("a", 60), every("b", 20), schedule("d", past)];
    let step = scheduler.step(ts(now), load(wanted.clone()));
    let at = ts(now);
    let expected = [
        Event::TaskRemoved { at, task: name("c") },
        Event::TaskChanged { at, task: name("b"), definition: wanted[1].definition() },
        Event::TaskAdded {
            at,
            task: name("d"),
            definition: wanted[2].definition(),
            renamed_from: None,
        },
    ];
    assert_eq!(step.events, expected);
    // Neither the past date nor the 20 s mark that lies behind fires.
    assert_eq!(scheduler.wake_at(), Some(ts("2026-01-01T00:00:40Z")));
    scheduler.step(ts("2026-01-01T00:00:40Z"), Input::Tick);
    scheduler.step(ts("2026-01-01T00:00:41Z"), finished("b", "2026-01-01T00:00:40Z"));
    let step = scheduler.step(ts("2026-01-01T00:01:00Z"), Input::Tick);
    assert_eq!(starts(&step), ["a@20260101T000100Z", "b@20260101T000100Z"]);
}

#[test]
fn a_disabled_task_fires_for_nothing_and_owes_nothing_afterwards() {
    let off = Schedule { enabled: false, ..every("a", 60) };
    let mut scheduler = loaded("2026-01-01T00:00:00Z", vec![off]);
    assert_eq!(scheduler.wake_at(), None);
    let on = load(vec![every("a", 60)]);
    let step = scheduler.step(ts("2026-01-01T00:05:30Z"), on);
    assert_eq!(starts(&step), Vec::<String>::new());
    assert_eq!(scheduler.wake_at(), Some(ts("2026-01-01T00:06:00Z")));
}

#[test]
fn a_burst_is_judged_in_small_steps_and_completely() {
    let tasks = (0..1000).map(|n| every(&format!("t{n:04}"), 60)).collect();
    let mut scheduler = Scheduler::new(b"machine");
    let unlimited = Limits { max_runs: None, ..Limits::default() };
    let load = Input::Asked(Request::Load(tasks, unlimited));
    scheduler.step(ts("2026-01-01T00:00:00Z"), load);
    let now = ts("2026-01-01T00:01:00Z");
    let mut started = Vec::new();
    while scheduler.wake_at().is_some_and(|due| due <= now) {
        let step = scheduler.step(now, Input::Tick);
        assert!(starts(&step).len() <= Scheduler::MOST_FIRINGS);
        started.extend(starts(&step));
    }
    let expected: Vec<_> = (0..1000).map(|n| format!("t{n:04}@20260101T000100Z")).collect();
    assert_eq!(started, expected);
}

fn jittered(schedule: Schedule, seconds: i64) -> Schedule {
    let jitter = SignedDuration::from_secs(seconds);
    let policy = Policy { jitter, ..(*schedule.policy).clone() }.into();
    Schedule { policy, ..schedule }
}

#[test]
fn jitter_spreads_machines_and_does_not_drift() {
    let task = jittered(every("a", 60), 30);
    let delays = |machine: &[u8]| {
        let due = |minute: i64| Timestamp::from_second(minute * 60).expect("in range");
        (0..10_000).map(|minute| task.delay(machine, due(minute)).as_micros()).collect::<Vec<_>>()
    };
    let (one, other) = (delays(b"one"), delays(b"other"));
    assert!(one.iter().all(|delay| (0..=30_000_000).contains(delay)));
    let mean = one.iter().sum::<i128>() / 10_000;
    assert!((14_500_000..15_500_000).contains(&mean), "all delays alike: {mean}");
    assert_eq!(one, delays(b"one"), "the same after a restart");
    assert!(one.iter().zip(&other).filter(|(a, b)| a == b).count() < 10, "another machine");

    // 10,000 firings through the scheduler: each at its due and a delay, so that the mean interval
    // is the interval.
    let mut scheduler = loaded("1970-01-01T00:00:00Z", vec![task]);
    let (mut first, mut last) = (None, Timestamp::UNIX_EPOCH);
    for minute in 1..=10_000_i64 {
        let at = scheduler.wake_at().expect("it goes on");
        let step = scheduler.step(at, Input::Tick);
        let due = Timestamp::from_second(minute * 60).expect("in range");
        assert_eq!(starts(&step), [RunId { task: name("a"), due }.to_string()], "at {at}");
        scheduler.step(at, ended(RunId { task: name("a"), due }, Outcome::Success));
        first.get_or_insert(at);
        last = at;
    }
    let mean = last.duration_since(first.expect("there was one")).as_secs_f64() / 9_999.0;
    assert!((mean - 60.0).abs() < 0.01, "{mean}");
}

#[test]
fn a_delay_is_cut_to_less_than_the_distance_to_the_next_firing() {
    let task = jittered(every("a", 2), 3600);
    let mut scheduler = loaded("2026-01-01T00:00:00Z", vec![task]);
    let mut due = ts("2026-01-01T00:00:00Z");
    for _ in 0..1000 {
        due += SignedDuration::from_secs(2);
        let at = scheduler.wake_at().expect("it goes on");
        assert!(at >= due && at < due + SignedDuration::from_secs(2), "{at} for {due}");
        let step = scheduler.step(at, Input::Tick);
        assert_eq!(step.actions.len(), 1, "none is missed");
        let run = RunId { task: name("a"), due };
        scheduler.step(at, ended(run, Outcome::Success));
    }
}

#[test]
fn a_delay_counts_for_lateness_and_outlives_a_reload() {
    let task = jittered(every("a", 86_400), 7200);
    let due = ts("2026-01-02T00:00:00Z");
    let delay = task.delay(b"machine", due);
    assert!(delay > SignedDuration::from_mins(11), "long enough to tell: {delay:?}");
    let mut scheduler = loaded("2026-01-01T12:00:00Z", vec![task.clone()]);
    assert_eq!(scheduler.wake_at(), Some(due + delay));
    // Within the delay the file is loaded again, with another jitter.
    let other = jittered(task, 60);
    scheduler.step(due + SignedDuration::from_secs(1), load(vec![other]));
    assert_eq!(scheduler.wake_at(), Some(due + delay), "it keeps its end");
    // Later than grace after due, but on time by its delay.
    let step = scheduler.step(due + delay, Input::Tick);
    assert_eq!(starts(&step).len(), 1, "{step:?}");
}

fn at_start(task: &str, on: Start, delay: i64) -> Schedule {
    let delay = SignedDuration::from_secs(delay);
    schedule(task, Trigger::Startup(Startup { on, delay }))
}

#[test]
fn what_waits_for_a_start_runs_once_then() {
    let tasks = || {
        vec![
            at_start("boot", Start::Boot, 0),
            at_start("every", Start::Every, 0),
            at_start("late", Start::Every, 30),
        ]
    };
    for (boot, expected) in [
        (true, &["boot@20260101T000000Z", "every@20260101T000000Z"][..]),
        (false, &["every@20260101T000000Z"]),
    ] {
        let mut scheduler = loaded("2026-01-01T00:00:00Z", tasks());
        assert_eq!(scheduler.wake_at(), None, "no clock names it");
        let step = scheduler.step(ts("2026-01-01T00:00:00Z"), Input::Started { boot });
        assert_eq!(starts(&step), expected);
        // A reload is no start.
        scheduler.step(ts("2026-01-01T00:00:10Z"), load(tasks()));
        assert_eq!(scheduler.wake_at(), Some(ts("2026-01-01T00:00:30Z")));
        let step = scheduler.step(ts("2026-01-01T00:00:30Z"), Input::Tick);
        // It was due when it arose.
        assert_eq!(starts(&step), ["late@20260101T000000Z"]);
        assert_eq!(scheduler.wake_at(), None);
    }
}

#[test]
fn a_delay_moves_along_when_the_clock_is_set() {
    let mut scheduler = loaded("2026-01-01T00:00:00Z", vec![at_start("a", Start::Every, 30)]);
    scheduler.step(ts("2026-01-01T00:00:00Z"), Input::Started { boot: true });
    let by = SignedDuration::from_hours(-1);
    scheduler.step(ts("2025-12-31T23:00:10Z"), Input::ClockStepped(by));
    assert_eq!(scheduler.wake_at(), Some(ts("2025-12-31T23:00:30Z")));
}

#[test]
fn no_two_firings_of_a_task_have_one_instant() {
    let both = |task: &str| {
        let minute =
            Trigger::Interval(Interval::new(SignedDuration::from_mins(1)).expect("a fine length"));
        let start = Trigger::Startup(Startup { on: Start::Every, delay: SignedDuration::ZERO });
        Schedule::new(name(task), When::new(vec![minute, start], None, None))
    };
    let mut scheduler = loaded("2026-01-01T00:00:00Z", vec![both("a")]);
    let step = scheduler.step(ts("2026-01-01T00:01:00Z"), Input::Started { boot: true });
    assert_eq!(starts(&step), ["a@20260101T000100Z"]);
    assert_eq!(
        scheduler.wake_at(),
        Some(ts("2026-01-01T00:01:00.000001Z")),
        "the next free microsecond"
    );
}

#[test]
fn a_firing_on_a_day_that_is_excluded_is_skipped() {
    let days = Days::new(name("holidays"), [jiff::civil::date(2026, 1, 2)], []);
    let filter = Filter::new(vec![Arc::new(days)], Vec::new(), Zone::utc());
    let task = Schedule { filter: Some(Arc::new(filter)), ..every("a", 43_200) };
    let mut scheduler = loaded("2026-01-01T00:00:00Z", vec![task]);
    let mut verdicts = Vec::new();
    for _ in 0..5 {
        let now = scheduler.wake_at().expect("it goes on");
        let step = scheduler.step(now, Input::Tick);
        for event in step.events {
            match event {
                Event::RunStarted { run, .. } => {
                    scheduler.step(now, ended(run.clone(), Outcome::Success));
                    verdicts.push(format!("{run} runs"));
                }
                Event::FiringSkipped { run, reason, .. } => {
                    verdicts.push(format!("{run} {reason}"));
                }
                Event::AttemptStarted { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
    let expected = [
        "a@20260101T120000Z runs",
        "a@20260102T000000Z calendar",
        "a@20260102T120000Z calendar",
        "a@20260103T000000Z runs",
        "a@20260103T120000Z runs",
    ];
    assert_eq!(verdicts, expected);
}
