//! Each policy as a story: at a second something happens, and that is what comes of it.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::*;
use crate::event::Event;
use crate::policy::{Missed, Overlap, Retry};
use crate::trigger::{After, AfterEnd, AfterTasks};

/// What happens.
#[derive(Clone)]
enum Do {
    Tick,
    End(&'static str, i64, Outcome),
    Ask(Request),
    Step(i64),
}

const START: &str = "2026-01-01T00:00:00Z";

pub(super) fn at(second: i64) -> Timestamp {
    ts(START) + SignedDuration::from_secs(second)
}

pub(super) fn id(task: &str, second: i64) -> RunId {
    RunId { task: name(task), due: at(second) }
}

/// `a@60`, or `a@60+1` a microsecond later.
fn shown(run: &RunId) -> String {
    let micros = run.due.duration_since(ts(START)).as_micros();
    let (second, rest) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    if rest == 0 {
        format!("{}@{second}", run.task)
    } else {
        format!("{}@{second}+{rest}", run.task)
    }
}

fn second(at: Timestamp) -> i64 {
    at.duration_since(ts(START)).as_secs()
}

/// A step in words.
pub(super) fn words(step: &Step) -> Vec<String> {
    let event = |event: &Event| {
        Some(match event {
            Event::RunStarted { run, cause, .. } => match cause {
                Some(cause) => format!("run {} after {}", shown(run), shown(&cause.run)),
                None => format!("run {}", shown(run)),
            },
            Event::AttemptStarted { run, attempt: attempt @ 2.., .. } => {
                format!("attempt {attempt} of {}", shown(run))
            }
            Event::AttemptFinished { run, next: Some(next), .. } => {
                format!("again {} at {}", shown(run), second(*next))
            }
            Event::FiringWaiting { run, reason, .. } => format!("wait {} {reason}", shown(run)),
            Event::FiringSkipped { run, reason, .. } => format!("skip {} {reason}", shown(run)),
            Event::FiringsPassed { task, first, last, count, passed, .. } => {
                let verdict = passed.verdict().1.unwrap_or(passed.verdict().0);
                format!("{verdict} {task}@{}-{} ({count})", second(*first), second(*last))
            }
            Event::RunFinished { run, outcome, .. } => {
                format!("end {} {}", shown(run), outcome.word())
            }
            _ => return None,
        })
    };
    let action = |action: &Action| match action {
        Action::Stop(run) => Some(format!("stop {}", shown(run))),
        Action::Adopt(attempt) => Some(format!("adopt {}", shown(&attempt.run))),
        Action::Start(_) => None,
    };
    let events = step.events.iter().filter_map(event);
    events.chain(step.actions.iter().filter_map(action)).collect()
}

fn failed() -> Outcome {
    Outcome::Failed(Failure::Code(1))
}

/// Plays `story` with `schedules` and compares each step.
fn play(
    what: &str,
    schedules: Vec<Schedule>,
    limits: Limits,
    story: &[(i64, Do, &[&str])],
) -> Scheduler {
    let mut scheduler = Scheduler::new(b"machine");
    scheduler.step(at(0), Input::Asked(Request::Load(schedules, limits)));
    for (second, happens, expected) in story {
        let input = match happens.clone() {
            Do::Tick => Input::Tick,
            Do::End(task, due, outcome) => ended(id(task, due), outcome),
            Do::Ask(request) => Input::Asked(request),
            Do::Step(seconds) => Input::ClockStepped(SignedDuration::from_secs(seconds)),
        };
        let step = scheduler.step(at(*second), input);
        assert_eq!(words(&step), *expected, "{what}, second {second}");
    }
    scheduler
}

fn with(schedule: Schedule, change: impl FnOnce(&mut Policy)) -> Schedule {
    let mut schedule = schedule;
    change(Arc::make_mut(&mut schedule.policy));
    schedule
}

fn two() -> NonZeroU32 {
    NonZeroU32::new(2).expect("two is not zero")
}

fn overlapping(overlap: Overlap) -> Vec<Schedule> {
    vec![with(every("a", 10), |policy| policy.overlap = overlap)]
}

fn paused(task: Option<&str>, until: Option<Until>) -> Do {
    Do::Ask(Request::Pause { task: task.map(name), until, reason: None })
}

fn resumed(task: Option<&str>) -> Do {
    Do::Ask(Request::Resume(task.map(name)))
}

#[test]
fn a_firing_meets_the_run_before_it() {
    use Do::{End, Tick};
    let none = Limits::default;
    play(
        "skip",
        overlapping(Overlap::Skip),
        none(),
        &[
            (10, Tick, &["run a@10"]),
            (20, Tick, &["skip a@20 overlap"]),
            (25, End("a", 10, Outcome::Success), &["end a@10 success"]),
            (30, Tick, &["run a@30"]),
        ],
    );
    play(
        "queue",
        overlapping(Overlap::Queue),
        none(),
        &[
            (10, Tick, &["run a@10"]),
            (20, Tick, &["wait a@20 turn"]),
            // One waits, no more.
            (30, Tick, &["skip a@30 overlap"]),
            (35, End("a", 10, failed()), &["end a@10 failed", "run a@20"]),
            (40, Tick, &["wait a@40 turn"]),
        ],
    );
    play(
        "replace",
        overlapping(Overlap::Replace),
        none(),
        &[
            (10, Tick, &["run a@10"]),
            (20, Tick, &["wait a@20 turn", "stop a@10"]),
            // Of several that wait the newest stays.
            (30, Tick, &["skip a@20 replaced", "wait a@30 turn", "stop a@10"]),
            (31, End("a", 10, Outcome::Stopped), &["end a@10 stopped", "run a@30"]),
        ],
    );
    play(
        "parallel",
        overlapping(Overlap::Parallel(two())),
        none(),
        &[
            (10, Tick, &["run a@10"]),
            (20, Tick, &["run a@20"]),
            (30, Tick, &["skip a@30 overlap"]),
            (31, End("a", 20, Outcome::Success), &["end a@20 success"]),
            (40, Tick, &["run a@40"]),
        ],
    );
}

#[test]
fn a_run_between_attempts_still_goes_on() {
    use Do::{End, Tick};
    let retrying = |overlap| {
        let steady = Retry { jitter: 0.0, delay: SignedDuration::from_secs(25), ..Retry::new(2) };
        let task = with(every("a", 10), |policy| {
            policy.overlap = overlap;
            policy.retry = Some(steady);
        });
        vec![task]
    };
    play(
        "skip",
        retrying(Overlap::Skip),
        Limits::default(),
        &[
            (10, Tick, &["run a@10"]),
            (11, End("a", 10, failed()), &["again a@10 at 36"]),
            (20, Tick, &["skip a@20 overlap"]),
            (30, Tick, &["skip a@30 overlap"]),
            (36, Tick, &["attempt 2 of a@10"]),
            // The second delay is twice the first.
            (37, End("a", 10, Outcome::TimedOut), &["again a@10 at 87"]),
            (87, Tick, &["missed a@40-70 (4)", "skip a@80 overlap", "attempt 3 of a@10"]),
            // That was the last.
            (88, End("a", 10, failed()), &["end a@10 failed"]),
            (90, Tick, &["run a@90"]),
        ],
    );
    play(
        "replace",
        retrying(Overlap::Replace),
        Limits::default(),
        &[
            (10, Tick, &["run a@10"]),
            (11, End("a", 10, failed()), &["again a@10 at 36"]),
            (20, Tick, &["end a@10 stopped", "run a@20"]),
        ],
    );
    // What is not worth another attempt: somebody stopped it, or it cannot be started at all.
    for outcome in [Outcome::Success, Outcome::Stopped, Outcome::NotStarted("no program".into())] {
        let end = format!("end a@10 {}", outcome.word());
        play(
            "no retry",
            retrying(Overlap::Skip),
            Limits::default(),
            &[(10, Tick, &["run a@10"]), (11, End("a", 10, outcome), &[&end])],
        );
    }
}

#[test]
fn a_next_attempt_survives_pause_reload_and_a_clock_that_is_set_and_ends_with_its_task() {
    use Do::{Ask, End, Tick};
    let task = |seconds| {
        let steady = Retry { jitter: 0.0, ..Retry::new(3) };
        vec![with(every("a", seconds), |policy| policy.retry = Some(steady))]
    };
    let load = |tasks| Ask(Request::Load(tasks, Limits::default()));
    play(
        "pause",
        task(1200),
        Limits::default(),
        &[
            (1200, Tick, &["run a@1200"]),
            (1201, End("a", 1200, failed()), &["again a@1200 at 1211"]),
            (1202, paused(Some("a"), None), &[]),
            (1211, Tick, &[]),
            (1220, resumed(Some("a")), &["attempt 2 of a@1200"]),
            (1221, End("a", 1200, failed()), &["again a@1200 at 1241"]),
            // Another definition: what has begun keeps its own.
            (1222, load(vec![every("a", 7200)]), &[]),
            (1241, Tick, &["attempt 3 of a@1200"]),
            (1242, End("a", 1200, failed()), &["again a@1200 at 1282"]),
            // It is 40 s away, however the clock is set.
            (1142, Do::Step(-100), &[]),
            (1181, Tick, &[]),
            (1182, Tick, &["attempt 4 of a@1200"]),
            (1183, End("a", 1200, failed()), &["end a@1200 failed"]),
        ],
    );
    play(
        "removed",
        task(1200),
        Limits::default(),
        &[
            (1200, Tick, &["run a@1200"]),
            (1201, End("a", 1200, failed()), &["again a@1200 at 1211"]),
            (1202, load(vec![]), &["end a@1200 failed"]),
            (1211, Tick, &[]),
        ],
    );
    play(
        "cancelled",
        task(1200),
        Limits::default(),
        &[
            (1200, Tick, &["run a@1200"]),
            (1201, End("a", 1200, failed()), &["again a@1200 at 1211"]),
            (1202, Ask(Request::Cancel(id("a", 1200))), &["end a@1200 stopped"]),
        ],
    );
}

#[test]
fn what_was_missed_is_made_up_for_by_the_policy() {
    use Do::{End, Tick};
    let missing = |missed, grace| {
        let grace = SignedDuration::from_secs(grace);
        vec![with(every("a", 10), |policy| {
            policy.missed = missed;
            policy.grace = grace;
        })]
    };
    let none = Limits::default;
    play("skip", missing(Missed::Skip, 5), none(), &[(46, Tick, &["missed a@10-40 (4)"])]);
    play(
        "latest, within grace",
        missing(Missed::Latest, 5),
        none(),
        &[(44, Tick, &["coalesced a@10-30 (3)", "run a@40"])],
    );
    // However late.
    play(
        "latest",
        missing(Missed::Latest, 5),
        none(),
        &[(49, Tick, &["coalesced a@10-30 (3)", "run a@40"]), (50, Tick, &["skip a@50 overlap"])],
    );
    play("latest, one", missing(Missed::Latest, 0), none(), &[(19, Tick, &["run a@10"])]);
    play(
        "all",
        missing(Missed::All(two()), 5),
        none(),
        &[
            (44, Tick, &["missed a@10-20 (2)", "run a@30", "wait a@40 turn"]),
            // What is caught up with still goes on.
            (50, Tick, &["skip a@50 overlap"]),
            (51, End("a", 30, failed()), &["end a@30 failed", "run a@40"]),
            (52, End("a", 40, Outcome::Success), &["end a@40 success"]),
            (60, Tick, &["run a@60"]),
        ],
    );
    // One after the other, whatever overlap says.
    for overlap in [Overlap::Replace, Overlap::Parallel(two()), Overlap::Queue] {
        let task =
            with(missing(Missed::All(two()), 5).remove(0), |policy| policy.overlap = overlap);
        play(
            "all",
            vec![task],
            none(),
            &[
                (36, Tick, &["missed a@10-10 (1)", "run a@20", "wait a@30 turn"]),
                (37, End("a", 20, failed()), &["end a@20 failed", "run a@30"]),
            ],
        );
    }
}

#[test]
fn what_a_calendar_excludes_is_not_made_up_for() {
    let days = |dates: &[jiff::civil::Date]| {
        let days = Days::new(name("holidays"), dates.iter().copied(), []);
        Some(Arc::new(Filter::new(vec![Arc::new(days)], Vec::new(), Zone::utc())))
    };
    let date = |day| jiff::civil::date(2026, 1, day);
    let task = |missed, holidays: &[jiff::civil::Date]| {
        let task = with(every("a", 43_200), |policy| policy.missed = missed);
        vec![Schedule { filter: days(holidays), ..task }]
    };
    let day = 86_400;
    let none = Limits::default;
    // The newest that may run is Thursday's, the second day's last.
    play(
        "latest",
        task(Missed::Latest, &[date(3), date(4)]),
        none(),
        &[(
            3 * day + 50_000,
            Do::Tick,
            &["coalesced a@43200-86400 (2)", "calendar a@172800-302400 (4)", "run a@129600"],
        )],
    );
    play(
        "nothing",
        task(Missed::Latest, &[date(1), date(2)]),
        none(),
        &[(day + 50_000, Do::Tick, &["calendar a@43200-129600 (3)"])],
    );
    play(
        "all",
        task(Missed::All(two()), &[date(2)]),
        none(),
        &[(
            day + 50_000,
            Do::Tick,
            &["missed a@43200-43200 (1)", "skip a@86400 calendar", "skip a@129600 calendar"],
        )],
    );
}

fn pooled(task: &str, seconds: i64) -> Schedule {
    with(every(task, seconds), |policy| policy.pool = Some(name("db")))
}

fn limits(pool: u32, cap: u32) -> Limits {
    Limits {
        max_runs: NonZeroU32::new(cap),
        pools: [(name("db"), NonZeroU32::new(pool).expect("a limit"))].into(),
    }
}

#[test]
fn who_has_its_turn_may_wait_for_a_place() {
    use Do::{End, Tick};
    // For its turn first, then for a place.
    let queued = with(pooled("a", 10), |policy| policy.overlap = Overlap::Queue);
    play(
        "queued",
        vec![queued, pooled("b", 15)],
        limits(1, 9),
        &[
            (10, Tick, &["run a@10"]),
            (15, Tick, &["wait b@15 pool"]),
            (20, Tick, &["wait a@20 turn"]),
            (
                25,
                End("a", 10, Outcome::Success),
                &["end a@10 success", "run b@15", "wait a@20 pool"],
            ),
        ],
    );
    // The first of several has its turn in the step in which it begins to wait: that is told once.
    let all = Missed::All(NonZeroU32::new(2).expect("a number"));
    let caught_up = with(pooled("a", 10), |policy| policy.missed = all);
    play(
        "caught up",
        vec![caught_up, pooled("c", 5)],
        limits(1, 9),
        &[
            (5, Tick, &["run c@5"]),
            (
                24,
                Tick,
                &["missed c@10-15 (2)", "skip c@20 overlap", "wait a@10 pool", "wait a@20 turn"],
            ),
        ],
    );
}

#[test]
fn attempts_wait_for_a_place_first_due_first_then_by_name() {
    use Do::{Ask, End, Tick};
    let tasks = || vec![pooled("a", 20), pooled("b", 10), every("c", 10)];
    play(
        "pool",
        tasks(),
        limits(1, 9),
        &[
            (10, Tick, &["run b@10", "run c@10"]),
            (11, End("c", 10, Outcome::Success), &["end c@10 success"]),
            // A full pool holds up nobody else.
            (20, Tick, &["skip b@20 overlap", "run c@20", "wait a@20 pool"]),
            (
                40,
                Tick,
                &[
                    "missed b@30-30 (1)",
                    "skip b@40 overlap",
                    "missed c@30-30 (1)",
                    "skip c@40 overlap",
                    "skip a@40 overlap",
                ],
            ),
            (41, End("b", 10, Outcome::Success), &["end b@10 success", "run a@20"]),
            (50, Tick, &["skip c@50 overlap", "wait b@50 pool"]),
            // More places: those who wait need not wait for an end.
            (51, Ask(Request::Load(tasks(), limits(2, 9))), &["run b@50"]),
        ],
    );
    play(
        "cap",
        tasks(),
        limits(9, 2),
        &[
            (
                20,
                Tick,
                &[
                    "missed b@10-10 (1)",
                    "missed c@10-10 (1)",
                    "run a@20",
                    "run b@20",
                    "wait c@20 max_runs",
                ],
            ),
            (21, Ask(Request::Cancel(id("c", 20))), &["skip c@20 cancelled"]),
            (30, Tick, &["skip b@30 overlap", "wait c@30 max_runs"]),
            (31, Ask(Request::CancelAll(name("b"))), &["stop b@20"]),
            (32, End("b", 20, Outcome::Stopped), &["end b@20 stopped", "run c@30"]),
        ],
    );
    // Its task leaves the plan while it waits.
    play(
        "removed",
        tasks(),
        limits(1, 9),
        &[
            (
                20,
                Tick,
                &[
                    "missed b@10-10 (1)",
                    "missed c@10-10 (1)",
                    "run a@20",
                    "run c@20",
                    "wait b@20 pool",
                ],
            ),
            (21, Ask(Request::Load(vec![pooled("a", 20)], limits(1, 9))), &["skip b@20 removed"]),
        ],
    );
}

fn after(task: &str, tasks: AfterTasks, on: AfterEnd, delay: i64) -> Schedule {
    let delay = SignedDuration::from_secs(delay);
    schedule(task, Trigger::After(After { tasks, on, delay }))
}

#[test]
fn a_task_comes_after_others() {
    use Do::{End, Tick};
    let names = |names: &[&str]| names.iter().map(|text| name(text)).collect::<Vec<_>>();
    let any = |tasks: &[&str]| AfterTasks::Any(names(tasks));
    let all = |tasks: &[&str]| AfterTasks::All(names(tasks));
    let none = Limits::default;
    let on = |end| vec![every("a", 60), after("b", any(&["a"]), end, 0)];
    let end = |outcome: &Outcome| format!("end a@60 {}", outcome.word());
    for (on_end, outcome, fires) in [
        (AfterEnd::Success, Outcome::Success, true),
        (AfterEnd::Success, failed(), false),
        (AfterEnd::Failure, failed(), true),
        (AfterEnd::Failure, Outcome::TimedOut, true),
        (AfterEnd::Failure, Outcome::NotStarted("no program".into()), true),
        // Somebody wanted it to stop: that is no failure.
        (AfterEnd::Failure, Outcome::Stopped, false),
        (AfterEnd::Finish, Outcome::Stopped, true),
    ] {
        let ended = end(&outcome);
        let all = [ended.as_str(), "run b@61 after a@60"];
        let expected = if fires { &all[..] } else { &all[..1] };
        play(
            "on",
            on(on_end),
            none(),
            &[(60, Tick, &["run a@60"]), (61, End("a", 60, outcome), expected)],
        );
    }
    play(
        "all",
        vec![every("a", 60), every("c", 60), after("b", all(&["a", "c"]), AfterEnd::Success, 5)],
        none(),
        &[
            (60, Tick, &["run a@60", "run c@60"]),
            (61, End("a", 60, Outcome::Success), &["end a@60 success"]),
            (120, Tick, &["skip c@120 overlap", "run a@120"]),
            (121, End("a", 120, Outcome::Success), &["end a@120 success"]),
            // Each of them once, however often.
            (122, End("c", 60, Outcome::Success), &["end c@60 success", "wait b@122 delay"]),
            (127, Tick, &["run b@122 after c@60"]),
            (128, End("b", 122, Outcome::Success), &["end b@122 success"]),
            (180, Tick, &["run a@180", "run c@180"]),
            (181, End("c", 180, Outcome::Success), &["end c@180 success"]),
            (182, End("a", 180, Outcome::Success), &["end a@180 success", "wait b@182 delay"]),
        ],
    );
    // Every other task, but not those that come after it: no alert about the alert.
    let alert = after("alert", AfterTasks::Every, AfterEnd::Failure, 0);
    let later = after("later", any(&["alert"]), AfterEnd::Finish, 0);
    play(
        "every",
        vec![every("a", 60), alert, later],
        none(),
        &[
            (60, Tick, &["run a@60"]),
            (61, End("a", 60, failed()), &["end a@60 failed", "run alert@61 after a@60"]),
            (
                62,
                End("alert", 61, failed()),
                &["end alert@61 failed", "run later@62 after alert@61"],
            ),
            (63, End("later", 62, failed()), &["end later@62 failed"]),
        ],
    );
    // Itself, so long after its own end.
    let itself = after("a", any(&["a"]), AfterEnd::Finish, 30);
    play(
        "itself",
        vec![itself],
        none(),
        &[
            (
                1,
                Do::Ask(Request::Trigger { task: name("a"), given: Given::default() }),
                &["run a@1"],
            ),
            (5, End("a", 1, failed()), &["end a@1 failed", "wait a@5 delay"]),
            (35, Tick, &["run a@5 after a@1"]),
            (36, End("a", 5, failed()), &["end a@5 failed", "wait a@36 delay"]),
        ],
    );
}

#[test]
fn many_that_arise_at_once_each_have_an_instant() {
    use Do::{Ask, Tick};
    let task = with(after("b", AfterTasks::Every, AfterEnd::Success, 0), |policy| {
        policy.overlap = Overlap::Parallel(NonZeroU32::new(9).expect("nine"));
    });
    let manual = || Ask(Request::Trigger { task: name("b"), given: Given::default() });
    play(
        "manual",
        vec![task],
        Limits::default(),
        &[
            (1, manual(), &["run b@1"]),
            (1, manual(), &["wait b@1+1 delay"]),
            (1, manual(), &["wait b@1+2 delay"]),
            (2, Tick, &["run b@1+1", "run b@1+2"]),
        ],
    );
}

#[test]
fn a_pause_holds_what_comes_and_lets_go_on_what_runs() {
    use Do::{Ask, End, Tick};
    let tasks = || vec![every("a", 10), every("b", 40)];
    play(
        "one task",
        tasks(),
        Limits::default(),
        &[
            (10, Tick, &["run a@10"]),
            (11, paused(Some("a"), None), &[]),
            (15, End("a", 10, Outcome::Success), &["end a@10 success"]),
            (40, Tick, &["run b@40"]),
            // A person may all the same.
            (41, Ask(Request::Trigger { task: name("a"), given: Given::default() }), &["run a@41"]),
            (42, End("a", 41, Outcome::Success), &["end a@41 success"]),
            (45, resumed(Some("a")), &["paused a@20-40 (3)"]),
            (50, Tick, &["run a@50"]),
        ],
    );
    play(
        "everything, for a while",
        tasks(),
        Limits::default(),
        &[
            (5, paused(None, Some(Until::For(SignedDuration::from_secs(30)))), &[]),
            (6, paused(Some("b"), None), &[]),
            (10, Tick, &[]),
            (35, Tick, &["paused a@10-30 (3)"]),
            (40, Tick, &["run a@40"]),
            (
                85,
                resumed(Some("b")),
                &["paused b@40-80 (2)", "missed a@50-70 (3)", "skip a@80 overlap"],
            ),
        ],
    );
    play(
        "one that ended while the machine slept",
        vec![every("a", 10)],
        Limits::default(),
        &[
            (5, paused(Some("a"), Some(Until::At(at(35)))), &[]),
            (6, paused(None, Some(Until::For(SignedDuration::from_secs(10)))), &[]),
            (85, Tick, &["paused a@10-30 (3)", "missed a@40-70 (4)", "run a@80"]),
        ],
    );
    let queued = || {
        let queue = |policy: &mut Policy| {
            policy.overlap = Overlap::Queue;
            policy.pool = Some(name("db"));
        };
        vec![with(every("a", 10), queue), with(every("b", 10), queue)]
    };
    let pool = || Limits { pools: [(name("db"), NonZeroU32::MIN)].into(), ..Limits::default() };
    play(
        "what waits",
        queued(),
        pool(),
        &[
            (10, Tick, &["run a@10", "wait b@10 pool"]),
            (11, paused(Some("b"), None), &[]),
            (12, End("a", 10, Outcome::Success), &["end a@10 success"]),
            (13, resumed(Some("b")), &["run b@10"]),
        ],
    );
    play(
        "what a person wants does not wait for the end of a pause",
        queued(),
        pool(),
        &[
            (10, Tick, &["run a@10", "wait b@10 pool"]),
            (11, paused(Some("b"), None), &[]),
            (
                12,
                Ask(Request::Trigger { task: name("b"), given: Given::default() }),
                &["wait b@12 pool"],
            ),
            (13, End("a", 10, Outcome::Success), &["end a@10 success", "run b@12"]),
            // Nor do both run at once when it is over.
            (14, resumed(Some("b")), &[]),
            (15, End("b", 12, Outcome::Success), &["end b@12 success", "run b@10"]),
        ],
    );
    let set_back = play(
        "a pause of a length moves with the clock",
        tasks(),
        Limits::default(),
        &[
            (5, paused(Some("a"), Some(Until::For(SignedDuration::from_secs(30)))), &[]),
            (-95, Do::Step(-100), &[]),
        ],
    );
    assert_eq!(set_back.wake_at(), Some(at(-65)));
}

#[test]
fn a_renamed_task_goes_on_from_where_it_was() {
    use Do::{Ask, End, Tick};
    let renamed = |seconds| {
        let schedule = with(every("b", seconds), |policy| policy.missed = Missed::Latest);
        let schedules = vec![Schedule { renamed_from: Some(name("a")), ..schedule }];
        Ask(Request::Load(schedules, Limits::default()))
    };
    play(
        "what it owes, it owes by its new name",
        vec![every("a", 10)],
        Limits::default(),
        &[
            (10, Tick, &["run a@10"]),
            // What runs goes on by its old name, and is still its run.
            (55, renamed(10), &["coalesced b@20-40 (3)", "skip b@50 overlap"]),
            (57, End("a", 10, Outcome::Success), &["end a@10 success"]),
            // The key may stay.
            (59, renamed(10), &[]),
            (60, Tick, &["run b@60"]),
        ],
    );
    play(
        "its pause goes on, and another trigger looks forward",
        vec![every("a", 10)],
        Limits::default(),
        &[
            (5, paused(Some("a"), Some(Until::At(at(52)))), &[]),
            (35, renamed(25), &["paused b@10-30 (3)"]),
            (60, Tick, &["paused b@50-50 (1)"]),
            (75, Tick, &["run b@75"]),
        ],
    );
    play(
        "what waits by the old name does not fire",
        overlapping(Overlap::Queue),
        Limits::default(),
        &[
            (10, Tick, &["run a@10"]),
            (20, Tick, &["wait a@20 turn"]),
            (25, renamed(10), &["skip a@20 removed"]),
            (30, Tick, &["skip b@30 overlap"]),
        ],
    );
}

#[test]
fn a_person_runs_what_is_disabled_or_busy() {
    use Do::{Ask, Tick};
    let trigger = |force| {
        Ask(Request::Trigger { task: name("a"), given: Given { force, ..Given::default() } })
    };
    play(
        "disabled",
        vec![Schedule { enabled: false, ..every("a", 10) }],
        Limits::default(),
        &[
            (10, Tick, &[]),
            (11, trigger(false), &["run a@11"]),
            (12, trigger(false), &["skip a@12 overlap"]),
            (13, trigger(true), &["run a@13"]),
        ],
    );
    play("unknown", vec![every("b", 10)], Limits::default(), &[(1, trigger(true), &[])]);
}
