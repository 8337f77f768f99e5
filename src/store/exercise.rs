//! The suite that every store passes.

use jiff::{SignedDuration, Timestamp};

use super::{Known, Query, Records, Row, Store};
use crate::event::{Count, Definition, Event, Passed, RunId, SkipReason, TriggerKind, WaitReason};
use crate::name::Name;
use crate::schedule::Schedule;
use crate::task::{Ending, Failure, Given, Outcome, Usage};
use crate::trigger::{Interval, Trigger, When};
use crate::zone::Zone;

fn name(task: &str) -> Name {
    Name::new(task).expect("a fine name")
}

fn started(task: &str, due: &str) -> (RunId, Event) {
    let due: Timestamp = due.parse().expect("an instant");
    let run = RunId { task: name(task), due };
    let event = Event::RunStarted {
        at: due,
        run: run.clone(),
        trigger: TriggerKind::Interval,
        cause: None,
        given: Given::default(),
        catch_up: false,
    };
    (run, event)
}

/// The tasks that the suite speaks of, as the records of a store have to know them.
pub(super) fn known() -> Vec<Known> {
    let interval = Interval::new(SignedDuration::from_secs(10)).expect("a fine length");
    let when = When::new(vec![Trigger::Interval(interval)], None, None);
    vec![Known { schedule: Schedule::new(name("told"), when), zone: Zone::utc() }]
}

/// Checks the promises of an empty store and its records.
pub(super) async fn exercise(store: &mut dyn Store, records: &dyn Records) {
    a_firing_runs_once(store).await;
    what_became_of_a_firing_is_told(store, records).await;
    what_waits_is_told_until_it_has_a_verdict(store, records).await;
    what_ran_is_not_judged_again_when_the_clock_is_corrected(store, records).await;
}

async fn a_firing_runs_once(store: &mut dyn Store) {
    let (first, first_event) = started("a", "2026-01-01T00:00:00Z");
    let (_, later_event) = started("a", "2026-01-01T00:00:01Z");
    let (_, other_event) = started("b", "2026-01-01T00:00:00Z");
    assert_eq!(store.append(&[]).await, [], "nothing is nothing");
    assert_eq!(store.append(std::slice::from_ref(&first_event)).await, [], "it is new");
    // The same task and instant again, among others that are new.
    let again = store.append(&[later_event, first_event, other_event]).await;
    assert_eq!(again, [first], "only that one has run before");
}

/// Each firing with its verdict and what became of it.
fn words(rows: &[Row]) -> Vec<String> {
    let word = |row: &Row| {
        let more = row.reason.or(row.outcome).unwrap_or_default();
        format!("{} {} {more}", row.firing.due.strftime("%M:%S"), row.verdict).trim_end().into()
    };
    rows.iter().map(word).collect()
}

async fn told(records: &dyn Records, query: Query) -> Vec<String> {
    let query = Query { tasks: [name("told")].into(), limit: query.limit.min(100), ..query };
    words(&records.history(query).await.expect("it is readable"))
}

async fn what_became_of_a_firing_is_told(store: &mut dyn Store, records: &dyn Records) {
    let task = name("told");
    let at = |second| {
        "2026-01-01T00:00:00Z".parse::<Timestamp>().expect("an instant")
            + SignedDuration::from_secs(second)
    };
    let run = |second| RunId { task: task.clone(), due: at(second) };
    let definition = Definition { text: "{}".into(), when: 0, enabled: true };
    let (_, start) = started("told", "2026-01-01T00:00:50Z");
    let outcome = Outcome::Failed(Failure::Code(3));
    let (user, system) = (SignedDuration::from_millis(1_500), SignedDuration::from_micros(7));
    let used = Usage { user, system, peak_memory: 8 << 20 };
    let ending =
        Ending { outcome: outcome.clone(), exit_code: Some(3), signal: None, used: Some(used) };
    let took = SignedDuration::from_secs(2);
    let events = [
        Event::TaskAdded { at: at(0), task: task.clone(), definition, renamed_from: None },
        Event::FiringSkipped {
            at: at(10),
            run: run(10),
            trigger: TriggerKind::Interval,
            reason: SkipReason::Overlap,
        },
        Event::FiringsPassed {
            at: at(50),
            task: task.clone(),
            first: at(20),
            last: at(40),
            count: Count::of(3),
            passed: Passed::Missed,
            trigger: None,
        },
        start,
        Event::AttemptStarted { at: at(50), run: run(50), attempt: 1 },
        Event::AttemptFinished { at: at(52), run: run(50), attempt: 1, ending, took, next: None },
        Event::RunFinished {
            at: at(52),
            run: run(50),
            started: at(50),
            took,
            attempts: 1,
            used: Some(used),
            outcome,
        },
    ];
    assert_eq!(store.append(&events).await, []);
    let query = || Query { limit: 100, ..Query::default() };
    let missed = ["00:40 missed", "00:30 missed", "00:20 missed"];
    let all = ["00:50 run failed", missed[0], missed[1], missed[2], "00:10 skipped overlap"];
    assert_eq!(told(records, query()).await, all, "the newest first, a stretch as single ones");
    assert_eq!(told(records, Query { limit: 2, ..query() }).await, all[..2]);
    assert_eq!(told(records, Query { before: Some(run(30)), ..query() }).await, all[3..]);
    assert_eq!(told(records, Query { failed: true, ..query() }).await, all[..1]);
    assert_eq!(told(records, Query { verdict: Some("missed".into()), ..query() }).await, missed);
    let (since, until) = (Some(at(15)), Some(at(35)));
    assert_eq!(told(records, Query { since, until, ..query() }).await, missed[1..]);
    let row = records.find(run(50)).await.expect("it is readable").expect("it is known");
    assert_eq!((row.exit_code, row.attempts, row.used), (Some(3), 1, Some(used)));
    assert_eq!(records.find(run(60)).await, Ok(None));
    assert_eq!(records.knows(task).await, Ok(true));
    assert_eq!(records.knows(name("a")).await, Ok(true), "it has rows, and is not in the plan");
    assert_eq!(records.knows(name("nobody")).await, Ok(false));
}

/// It has no place in the history, where each firing has its verdict.
async fn what_waits_is_told_until_it_has_a_verdict(store: &mut dyn Store, records: &dyn Records) {
    let (run, start) = started("told", "2026-01-01T00:01:00Z");
    let waits = Event::FiringWaiting {
        at: run.due,
        run: run.clone(),
        trigger: TriggerKind::Interval,
        cause: None,
        given: Given::default(),
        reason: WaitReason::Pool,
        until: None,
        catch_up: false,
    };
    let nearest = async |at: &str| {
        let at = at.parse().expect("an instant");
        let story = records.why(name("told"), at).await.expect("it is readable");
        words(story.nearest.as_slice())
    };
    assert_eq!(store.append(std::slice::from_ref(&waits)).await, []);
    store.settle().await;
    for at in ["2026-01-01T00:00:58Z", "2026-01-01T00:01:00Z", "2026-01-01T00:01:02Z"] {
        assert_eq!(nearest(at).await, ["01:00 waiting pool"], "{at}");
    }
    assert_eq!(nearest("2026-01-01T00:00:50Z").await, ["00:50 run failed"]);
    let query = Query { since: Some(run.due), limit: 100, ..Query::default() };
    assert_eq!(told(records, query).await, [""; 0]);
    assert_eq!(store.append(std::slice::from_ref(&start)).await, []);
    assert_eq!(nearest("2026-01-01T00:01:00Z").await, ["01:00 run"]);
    // It has run: a clock that was set far back names it again, and it is refused.
    assert_eq!(store.append(std::slice::from_ref(&waits)).await, []);
    store.settle().await;
    for at in ["2026-01-01T00:00:59Z", "2026-01-01T00:01:00Z"] {
        assert_eq!(nearest(at).await, ["01:00 run"], "{at}");
    }
    assert_eq!(store.append(&[start]).await, [run]);
    assert_eq!(nearest("2026-01-01T00:01:00Z").await, ["01:00 run"]);
}

/// What lies ahead then is judged again, but for what has run.
async fn what_ran_is_not_judged_again_when_the_clock_is_corrected(
    store: &mut dyn Store,
    records: &dyn Records,
) {
    let at = "2025-12-31T12:00:00Z".parse().expect("an instant");
    let by = SignedDuration::from_hours(-12);
    assert_eq!(store.append(&[Event::ClockStepped { at, by }]).await, []);
    let (run, start) = started("told", "2026-01-01T00:00:50Z");
    assert_eq!(store.append(&[start]).await, [run], "it has run");
    let query = Query { limit: 100, ..Query::default() };
    assert_eq!(told(records, query).await, ["01:00 run", "00:50 run failed"]);
}
