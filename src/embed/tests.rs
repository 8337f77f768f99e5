use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::clock::Simulated;
use crate::policy::{Overlap, Retry};
use crate::task::{Context, TaskResult};

fn ts(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

const MIDNIGHT: &str = "2026-01-01T00:00:00Z";

fn simulated() -> (Arc<Simulated>, TaskScheduler) {
    let clock = Arc::new(Simulated::starting(ts(MIDNIGHT)));
    let builder = TaskScheduler::builder().timezone("Europe/Berlin").clock(clock.clone());
    (clock, builder.build().expect("a fine scheduler"))
}

/// Lets time pass firing by firing, until then.
async fn pass(clock: &Simulated, scheduler: &TaskScheduler, until: &str) {
    let until = ts(until);
    loop {
        scheduler.settle().await.expect("it runs");
        let next = scheduler.next_firings(1).await.pop().map(|firing| firing.due);
        let Some(next) = next.filter(|next| *next <= until) else { break };
        clock.advance_to(next);
    }
    clock.advance_to(until);
    scheduler.settle().await.expect("it runs");
}

/// Counts how often it ran.
struct Counts(&'static str, Arc<AtomicUsize>);

impl Task for Counts {
    fn name(&self) -> &str {
        self.0
    }

    #[expect(clippy::unnecessary_literal_bound, reason = "as the trait says")]
    fn description(&self) -> &str {
        "counts"
    }

    async fn execute(&self, _: &Context) -> TaskResult {
        self.1.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

fn counts(name: &'static str) -> (Counts, impl Fn() -> usize) {
    let count = Arc::new(AtomicUsize::new(0));
    (Counts(name, count.clone()), move || count.load(Ordering::Relaxed))
}

#[tokio::test]
async fn tasks_are_added_paused_resumed_listed_moved_and_removed() {
    let (clock, scheduler) = simulated();
    let (hourly, hours) = counts("hourly");
    let (nightly, nights) = counts("nightly");
    let (once, dates) = counts("once");
    let (manual, byhand) = counts("by-hand");
    scheduler.schedule(hourly, Trigger::interval().hours(1)).await.expect("it is fine");
    let night = Trigger::any_of([Trigger::cron("0 3 * * *"), Trigger::date("2026-01-01 12:30")]);
    scheduler.schedule(nightly, night).await.expect("it is fine");
    let fields = Trigger::cron_fields().day_of_week("thu").hour(9).minute(30);
    scheduler.schedule(once, fields).await.expect("it is fine");
    scheduler.add_task(manual).await.expect("it is fine");
    // It can be asked before it is started.
    let next: Vec<_> = scheduler.next_firings(4).await.iter().map(ToString::to_string).collect();
    assert_eq!(
        next,
        [
            "hourly@20260101T010000Z",
            // 03:00 in Berlin.
            "hourly@20260101T020000Z",
            "nightly@20260101T020000Z",
            "hourly@20260101T030000Z",
        ]
    );
    assert_eq!(scheduler.pause("hourly").await, Err(SchedulerError::NotStarted));
    scheduler.start().await.expect("it starts");
    assert_eq!(scheduler.start().await, Err(SchedulerError::Started));
    pass(&clock, &scheduler, "2026-01-02T00:00:00Z").await;
    assert_eq!((hours(), nights(), dates()), (24, 2, 1));
    scheduler.pause("hourly").await.expect("it is there");
    let tasks = scheduler.tasks().await;
    let told: Vec<_> = tasks.iter().map(|task| (task.name.as_str(), task.state.word())).collect();
    let states = [("by-hand", "idle"), ("hourly", "paused"), ("nightly", "idle"), ("once", "idle")];
    assert_eq!(told, states);
    assert_eq!((tasks[1].next, tasks[1].description.as_str()), (None, "counts"));
    pass(&clock, &scheduler, "2026-01-02T05:00:00Z").await;
    assert_eq!(hours(), 24);
    scheduler.resume("hourly").await.expect("it is there");
    pass(&clock, &scheduler, "2026-01-02T06:00:00Z").await;
    assert_eq!(hours(), 25, "what came due meanwhile is not made up for");
    scheduler.reschedule("hourly", Trigger::interval().minutes(30)).await.expect("it is there");
    pass(&clock, &scheduler, "2026-01-02T07:00:00Z").await;
    assert_eq!(hours(), 27);
    let run = scheduler.trigger("by-hand").await.expect("it runs");
    scheduler.settle().await.expect("it runs");
    assert_eq!((run.task.as_str(), byhand()), ("by-hand", 1));
    scheduler.remove("hourly").await.expect("it is there");
    pass(&clock, &scheduler, "2026-01-02T08:00:00Z").await;
    assert_eq!(hours(), 27);
    assert_eq!(scheduler.tasks().await.len(), 3);
    let query =
        Query { tasks: [name("hourly").expect("fine")].into(), limit: 100, ..Query::default() };
    let rows = scheduler.history(query).await.expect("it is in memory");
    assert_eq!(rows.iter().filter(|row| row.outcome == Some("success")).count(), 27);
    scheduler.shutdown(true).await.expect("it runs");
    assert_eq!(scheduler.shutdown(true).await, Err(SchedulerError::NotStarted));
    assert_eq!(
        scheduler.start().await,
        Err(SchedulerError::Started),
        "one that has ended stays so"
    );
}

#[tokio::test]
async fn errors_panics_timeouts_and_stops_are_outcomes_of_their_runs_alone() {
    let (clock, scheduler) = simulated();
    let fails = task_fn("fails", |_| async {
        let number: i32 = "five".parse()?;
        panic!("{number}");
    });
    let panics = task_fn("panics", |_| async { panic!("on purpose") });
    let slow = task_fn("slow", |_: Context| async {
        let () = std::future::pending().await;
        Ok(())
    });
    let polite = task_fn("polite", |context: Context| async move {
        context.stop_requested().await;
        Ok(())
    });
    let blocks = task_fn("blocks", |_| async {
        blocking(|| Ok(std::thread::current().name().map(ToString::to_string))).await?;
        Ok(())
    });
    scheduler.add_task(fails).await.expect("it is fine");
    scheduler.add_task(panics).await.expect("it is fine");
    let policy = Policy {
        timeout: Some(SignedDuration::from_millis(20)),
        stop_grace: SignedDuration::from_millis(20),
        ..Policy::default()
    };
    let never = || Trigger::date("2030-01-01");
    scheduler.schedule_with(slow, never(), policy).await.expect("it is fine");
    scheduler.add_task(polite).await.expect("it is fine");
    scheduler.add_task(blocks).await.expect("it is fine");
    scheduler.start().await.expect("it starts");
    let mut events = scheduler.subscribe();
    let mut end_of = async |task: &str| loop {
        let event = events.next().await.expect("it goes on");
        if let Event::RunFinished { run, outcome, .. } = &*event
            && run.task.as_str() == task
        {
            break outcome.to_string();
        }
    };
    for (task, outcome) in [
        ("fails", "failed (invalid digit found in string)"),
        ("panics", "failed (it panicked: on purpose)"),
        ("slow", "timed-out"),
        ("blocks", "success"),
    ] {
        scheduler.trigger(task).await.expect("it runs");
        let ended = end_of(task).await;
        assert!(
            ended == outcome || task == "panics" && ended.starts_with("failed (it panicked"),
            "{task}: {ended}"
        );
    }
    scheduler.trigger("polite").await.expect("it runs");
    clock.advance_to(ts("2026-01-01T00:00:01Z"));
    let skipped = scheduler.trigger("polite").await;
    assert!(matches!(skipped, Err(SchedulerError::Skipped(_, "overlap"))), "{skipped:?}");
    scheduler.cancel("polite").await.expect("it is there");
    assert_eq!(end_of("polite").await, "stopped");
    scheduler.shutdown(false).await.expect("it runs");
    // The stream ends with the scheduler.
    while events.next().await.is_some() {}
}

#[tokio::test]
async fn what_is_wrong_is_told_with_what_to_do() {
    let (_, scheduler) = simulated();
    let nothing = |name: &str| task_fn(name, |_| async { Ok(()) });
    scheduler.add_task(nothing("there")).await.expect("it is fine");
    for (name, trigger, expected) in [
        ("there", Trigger::interval().hours(1), "there is a task `there` already"),
        ("a.b", Trigger::interval().hours(1), "`a.b` cannot name a task"),
        ("a", Trigger::interval(), "the trigger `interval` is wrong"),
        ("a", Trigger::cron("0 3 * *"), "the trigger `0 3 * *` is wrong: a crontab text has 5"),
        ("a", Trigger::cron_fields(), "the trigger `cron_fields` is wrong"),
        (
            "a",
            Trigger::cron("@daily").hours(2),
            "`hours` is wrong: it is said of `Trigger::interval()`",
        ),
        (
            "a",
            Trigger::interval().hour(2),
            "`hour` is wrong: it is said of `Trigger::cron_fields()`",
        ),
        ("a", Trigger::date("tomorrow"), "the trigger `tomorrow` is wrong"),
        ("a", Trigger::any_of(Vec::<Trigger>::new()), "there is none in it"),
        ("a", Trigger::cron("@daily").timezone("Mars/Base"), "there is no time zone `Mars/Base`"),
        ("a", Trigger::cron("@daily").start("2026-02-01").end("2026-01-01"), "before the start"),
    ] {
        let error = scheduler.schedule(nothing(name), trigger).await.expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
    }
    let unknown = "there is no task `nobody`: `tasks` tells which there are";
    let trigger = Trigger::interval().hours(1);
    for told in [
        scheduler.pause("nobody").await,
        scheduler.remove("nobody").await,
        scheduler.reschedule("nobody", trigger).await,
    ] {
        assert_eq!(told.expect_err(unknown).to_string(), unknown);
    }
    let zone = TaskScheduler::builder().timezone("Mars/Base").build().map(|_| ());
    assert_eq!(zone, Err(SchedulerError::NoZone("Mars/Base".into())));
}

#[tokio::test]
async fn a_year_of_ten_tasks_passes() {
    let (clock, scheduler) = simulated();
    let mut all = Vec::new();
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    for (name, hour) in names.into_iter().zip(0_u32..) {
        let (task, count) = counts(name);
        let trigger = Trigger::any_of([
            Trigger::cron_fields().hour(hour).minute(30),
            Trigger::cron("0 12 1 * *"),
        ]);
        scheduler.schedule(task, trigger).await.expect("it is fine");
        all.push(count);
    }
    scheduler.start().await.expect("it starts");
    pass(&clock, &scheduler, "2027-01-01T00:00:00Z").await;
    for count in all {
        // Each day, and on the first of each month; the last day ends in Berlin an hour earlier.
        assert!((376..=377).contains(&count()), "{}", count());
    }
    scheduler.shutdown(true).await.expect("it runs");
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_store_remembers_from_one_life_to_the_next() {
    let place = tempfile::tempdir().expect("a place");
    let life = async |now: &str, policy: Policy| {
        let clock = Arc::new(Simulated::starting(ts(now)));
        let builder =
            TaskScheduler::builder().timezone("UTC").clock(clock.clone()).defaults(policy);
        let scheduler = builder.store(place.path()).build().expect("it can be used");
        let (task, count) = counts("hourly");
        scheduler.schedule(task, Trigger::interval().hours(1)).await.expect("it is fine");
        let other = TaskScheduler::builder().store(place.path()).build().map(|_| ());
        assert!(matches!(other, Err(SchedulerError::Store(_))), "one at a time");
        scheduler.start().await.expect("it starts");
        scheduler.settle().await.expect("it runs");
        (clock, scheduler, count)
    };
    let policy = Policy { missed: crate::policy::Missed::Latest, ..Policy::default() };
    let (clock, scheduler, count) = life("2026-01-01T00:10:00Z", policy.clone()).await;
    pass(&clock, &scheduler, "2026-01-01T02:10:00Z").await;
    assert_eq!(count(), 2);
    scheduler.shutdown(true).await.expect("it runs");
    drop(scheduler);
    // What came due meanwhile is made up for once, and what was before is still known.
    let (_, scheduler, count) = life("2026-01-01T06:30:00Z", policy).await;
    assert_eq!(count(), 1);
    let all = Query { limit: 100, ..Query::default() };
    let rows = scheduler.history(all).await.expect("it can be read");
    let verdicts: Vec<_> = rows.iter().map(|row| row.verdict).collect();
    assert_eq!(verdicts, ["run", "coalesced", "coalesced", "coalesced", "run", "run"]);
    scheduler.shutdown(true).await.expect("it runs");
}

#[tokio::test]
async fn a_policy_holds_for_tasks_of_a_program_too() {
    let (_, scheduler) = simulated();
    let attempts = Arc::new(AtomicUsize::new(0));
    let flaky = {
        let attempts = attempts.clone();
        task_fn("flaky", move |context| {
            attempts.fetch_add(1, Ordering::Relaxed);
            async move { if context.attempt_number() < 3 { Err("not yet".into()) } else { Ok(()) } }
        })
    };
    let retry = Retry { delay: SignedDuration::ZERO, ..Retry::new(5) };
    let policy = Policy { retry: Some(retry), overlap: Overlap::Queue, ..Policy::default() };
    scheduler.schedule_with(flaky, Trigger::startup(), policy).await.expect("it is fine");
    scheduler.start().await.expect("it starts");
    scheduler.settle().await.expect("it runs");
    assert_eq!(attempts.load(Ordering::Relaxed), 3);
    scheduler.shutdown(true).await.expect("it runs");
}

#[tokio::test]
async fn a_function_says_when_and_knows_the_run_before() {
    let (clock, scheduler) = simulated();
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let task = {
        let seen = seen.clone();
        task_fn("custom", move |context| {
            let told = (context.due(), context.previous_success());
            seen.lock().expect("no panic").push(told);
            async move {
                use std::io::Write;
                writeln!(context.output(), "it is {}", context.due())?;
                Ok(())
            }
        })
    };
    // At 1, 2, 4, 8, … hours past midnight.
    let midnight = ts(MIDNIGHT).as_second();
    let doubling = Trigger::function("doubling", move |after| {
        let hours = (after.as_second() - midnight).div_euclid(3600);
        let next = if hours < 1 { 1 } else { 2_i64.checked_pow(hours.ilog2() + 1)? };
        Timestamp::from_second(midnight + next * 3600).ok()
    });
    scheduler.schedule(task, doubling).await.expect("it is fine");
    scheduler.start().await.expect("it starts");
    pass(&clock, &scheduler, "2026-01-01T09:00:00Z").await;
    let hour = |hour: i64| ts(MIDNIGHT) + SignedDuration::from_hours(hour);
    let expected = [
        (hour(1), None),
        (hour(2), Some(hour(1))),
        (hour(4), Some(hour(2))),
        (hour(8), Some(hour(4))),
    ];
    assert_eq!(*seen.lock().expect("no panic"), expected);
    assert_eq!(scheduler.tasks().await[0].when, "when `doubling` says so");
    scheduler.shutdown(true).await.expect("it runs");
}

#[tokio::test]
async fn tasks_come_after_others_and_at_dates_of_the_calendar() {
    let (clock, scheduler) = simulated();
    let (backup, _) = counts("backup");
    let (check, checks) = counts("check");
    let (monthly, months) = counts("monthly");
    let (poll, polls) = counts("poll");
    let (alert, alerts) = counts("alert");
    scheduler.schedule(backup, Trigger::cron("0 2 * * *")).await.expect("it is fine");
    scheduler.schedule(check, Trigger::after("backup")).await.expect("it is fine");
    let calendar = Trigger::calendar().months(1).at_time("09:30").start("2026-01-31");
    let calendar = calendar.month_end(crate::MonthEnd::Clamp);
    scheduler.schedule(monthly, calendar).await.expect("it is fine");
    let again = Trigger::after("poll").on(crate::AfterEnd::Finish).delay(Duration::from_hours(6));
    let poll_again = Trigger::any_of([Trigger::startup(), again]);
    scheduler.schedule(poll, poll_again).await.expect("it is fine");
    let failures = Trigger::after_any(["*"]).on(crate::AfterEnd::Failure);
    scheduler.schedule(alert, failures).await.expect("it is fine");
    scheduler.start().await.expect("it starts");
    for day in 1..=3 {
        for hour in 0..24 {
            pass(&clock, &scheduler, &format!("2026-01-0{day}T{hour:02}:00:00Z")).await;
        }
    }
    assert_eq!((checks(), polls(), alerts()), (3, 12, 0));
    pass(&clock, &scheduler, "2026-03-01T00:00:00Z").await;
    assert_eq!(months(), 2, "on 31 January and on 28 February");
    // Who would come after itself does not.
    let (other, _) = counts("other");
    for (trigger, message) in [
        (Trigger::after("other"), "the trigger `after` is wrong: `other` comes after itself"),
        (Trigger::calendar().months(1), "it is counted from a start"),
        (Trigger::calendar().start("2026-01-01"), "it says not how far apart"),
        (Trigger::calendar().months(1).days(1).start("2026-01-01"), "do not go together"),
        (Trigger::calendar().days(1).at_time("9").start("2026-01-01"), "write a time of day"),
        (Trigger::interval().hours(1).months(1), "it is said of `Trigger::calendar()` alone"),
        (Trigger::after("a b"), "`a b` names no task"),
        (Trigger::after_all([""; 0]), "there is no task in it"),
        (Trigger::startup().delay(Duration::MAX), "longer than a hundred years"),
    ] {
        let (wrong, _) = counts("other");
        let error = scheduler.schedule(wrong, trigger).await.expect_err(message);
        assert!(error.to_string().contains(message), "{error}");
    }
    scheduler.schedule(other, Trigger::after("check")).await.expect("it is fine");
    let circle = scheduler.reschedule("backup", Trigger::after("other")).await;
    assert_eq!(circle, Err(SchedulerError::Circle("backup".into())));
    assert_eq!(scheduler.tasks().await.len(), 6, "nothing has changed");
    scheduler.shutdown(false).await.expect("it runs");
}

#[cfg(feature = "config")]
mod files {
    use std::io::{Read, Write};

    use super::*;

    /// Writes how long it keeps what.
    struct Cleanup;

    impl Task for Cleanup {
        fn name(&self) -> &'static str {
            "cleanup"
        }

        async fn execute(&self, context: &Context) -> TaskResult {
            #[derive(serde::Deserialize)]
            struct Params {
                days_to_keep: u32,
            }
            let Params { days_to_keep } = context.params()?;
            write!(context.output(), "{days_to_keep} ")?;
            writeln!(context.output(), "days")?;
            Ok(())
        }
    }

    const FILE: &str = r#"
        timezone = "UTC"
        [templates.cleaning]
        task   = "cleanup"
        params = { days_to_keep = 30 }
        [tasks.nightly]
        cron    = "0 3 * * *"
        extends = "cleaning"
        [tasks.weekly]
        cron    = "0 4 * * mon"
        extends = "cleaning"
        params  = { days_to_keep = 7 }
        [tasks.wrong]
        after   = "nightly"
        task    = "cleanup"
        [tasks.hello]
        after   = "nightly"
        command = 'echo hello; echo "$TASKD_TASK"'
    "#;

    async fn told(scheduler: &TaskScheduler, task: &str) -> Vec<(String, Option<String>, String)> {
        let query =
            Query { tasks: [name(task).expect("fine")].into(), limit: 100, ..Query::default() };
        let rows = scheduler.history(query).await.expect("it is there");
        let row = |row: Row| {
            let mut output = String::new();
            let captured = scheduler.output(&row.firing).expect("it is readable");
            if let Some(mut captured) = captured {
                captured.read_to_string(&mut output).expect("it is text");
            }
            (row.outcome.unwrap_or(row.verdict).to_string(), row.detail, output)
        };
        rows.into_iter().map(row).collect()
    }

    #[tokio::test]
    async fn a_file_brings_commands_and_tasks_of_the_program() {
        let place = tempfile::tempdir().expect("a place");
        let file = place.path().join("schedules.toml");
        std::fs::write(&file, FILE).expect("there is room");
        let clock = Arc::new(Simulated::starting(ts(MIDNIGHT)));
        let builder = TaskScheduler::builder().clock(clock.clone());
        let scheduler = builder.store(place.path().join("state")).build().expect("it is fine");
        let unknown = scheduler.load(&file).await.expect_err("it is not registered");
        assert_eq!(
            unknown.to_string(),
            "the task `nightly` wants `cleanup`, which is none: `register` it first"
        );
        scheduler.register(Cleanup).await.expect("it is the first");
        let (mine, _) = counts("mine");
        scheduler.add_task(mine).await.expect("it is the first");
        let names = scheduler.load(&file).await.expect("it is fine");
        let names: Vec<_> = names.iter().map(Name::as_str).collect();
        assert_eq!(names, ["nightly", "weekly", "wrong", "hello"]);
        scheduler.start().await.expect("it starts");
        pass(&clock, &scheduler, "2026-01-01T04:00:00Z").await;
        let success = |output: &str| vec![("success".to_string(), None, output.to_string())];
        assert_eq!(told(&scheduler, "nightly").await, success("30 days\n"));
        assert_eq!(told(&scheduler, "hello").await, success("hello\nhello\n"));
        let wrong = told(&scheduler, "wrong").await.pop().expect("it has run");
        assert_eq!(wrong.0, "failed");
        let why = "the `params` of `wrong`: missing field `days_to_keep`";
        assert_eq!(wrong.1.as_deref(), Some(why));
        // Once more takes the place of what was there, and leaves the rest.
        std::fs::write(&file, FILE.replace("weekly", "rarely")).expect("there is room");
        scheduler.load(&file).await.expect("it is fine");
        let tasks = scheduler.tasks().await;
        let names: Vec<_> = tasks.iter().map(|task| task.name.as_str()).collect();
        assert_eq!(names, ["hello", "mine", "nightly", "rarely", "wrong"]);
        // A wrong one changes nothing, and tells all.
        std::fs::write(&file, "[tasks.nightly]\ncorn = '1'\n[tasks.x]\n").expect("there is room");
        let error = scheduler.load(&file).await.expect_err("it is wrong").to_string();
        assert!(error.contains("did you mean `cron`?"), "{error}");
        assert!(error.contains("this task never says when to run"), "{error}");
        std::fs::write(&file, "[tasks.mine]\ninterval = '1h'\ncommand = 'true'\n").expect("room");
        let error = scheduler.load(&file).await.expect_err("it is there");
        assert_eq!(error, SchedulerError::Exists("mine".into()));
        assert_eq!(scheduler.tasks().await.len(), 5);
        pass(&clock, &scheduler, "2026-01-05T05:00:00Z").await;
        assert_eq!(told(&scheduler, "rarely").await, success("7 days\n"));
        scheduler.shutdown(true).await.expect("it runs");
    }
}
