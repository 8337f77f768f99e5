use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::policy::Keep;
use crate::scheduler::tests::histories::{Recorded, any_history, recorded};
use crate::store::{Catalogue, Known, Memory, Query, Records, exercise};
use crate::task::Given;
use crate::zone::Zone;

/// A place where nothing has to reach a disk.
fn place() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    place.expect("a place")
}

fn opened(place: &tempfile::TempDir) -> Opened {
    Sqlite::open(place.path(), Keep::default()).expect("it can be opened")
}

#[tokio::test]
async fn a_file_keeps_the_promises_of_a_store() {
    let place = place();
    let mut store = opened(&place).store;
    let archive =
        Archive::open(place.path(), Catalogue::new(exercise::known())).expect("it can be asked");
    exercise::exercise(&mut store, &archive).await;
}

/// Writes what is on record into a file, with a new life now and then, and into memory. For a while of
/// each life nothing can be written.
async fn write(place: &tempfile::TempDir, steps: &[Vec<Event>], memory: &mut Memory) {
    for steps in steps.chunks(20) {
        let mut store = opened(place).store;
        let person = Connection::open(place.path().join(FILE)).expect("it can be opened");
        for (index, step) in steps.iter().enumerate() {
            match index {
                3 => while person.execute_batch("BEGIN IMMEDIATE").is_err() {},
                9 => person.execute_batch("ROLLBACK").expect("it was held"),
                _ => {}
            }
            assert_eq!(store.append(step).await, []);
            assert_eq!(memory.append(step).await, []);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_remembered_and_told((policies, history) in any_history(60)) {
        let Recorded { steps, views, unchanged } = recorded(policies, history);
        let place = place();
        let known = || unchanged.iter().map(|schedule| Known { schedule: schedule.clone(), zone: Zone::utc() });
        let mut memory = Memory::new(Catalogue::new(known()));
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            write(&place, &steps, &mut memory).await;
            let again = opened(&place);
            prop_assert_eq!(&again.remembered, &views.remembered());
            prop_assert_eq!(again.aside, None);
            let archive = Archive::open(place.path(), Catalogue::new(known())).expect("it can be asked");
            let tasks: BTreeSet<Name> = unchanged.iter().map(|schedule| schedule.name.clone()).collect();
            let all = Query { tasks, limit: 300, ..Query::default() };
            for query in [
                all.clone(),
                Query { failed: true, ..all.clone() },
                Query { verdict: Some("missed".into()), ..all.clone() },
                Query { outcome: Some("lost".into()), ..all.clone() },
                Query { limit: 7, until: Some(instant("2026-01-01T01:00:00Z")), ..all.clone() },
            ] {
                let told = archive.history(query.clone()).await;
                prop_assert!(told.is_ok());
                prop_assert_eq!(told, memory.records().history(query).await);
            }
            // Page by page it is the same.
            let ask = async |query| archive.history(query).await.expect("it is readable");
            let whole = ask(all.clone()).await;
            let mut pages: Vec<crate::store::Row> = Vec::new();
            while pages.len() < whole.len() {
                let before = pages.last().map(|row| row.firing.clone());
                let page = ask(Query { before, limit: 50, ..all.clone() }).await;
                prop_assert!(!page.is_empty());
                pages.extend(page);
            }
            pages.truncate(whole.len());
            prop_assert_eq!(pages, whole);
            Ok(())
        })?;
    }
}

fn instant(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

/// A year of a task that fires every ten minutes, and of one that ran twice long ago.
#[tokio::test]
async fn the_file_stays_bounded_over_a_year() {
    let place = place();
    let keep = Keep { days: 30, runs: 1000 };
    let mut store = Sqlite::open(place.path(), keep).expect("it can be made").store;
    let task = |name: &str| Name::new(name).expect("a fine name");
    let definition = crate::event::Definition { text: "{}".into(), when: 0, enabled: true };
    let run = |name: &str, at: Timestamp, well: bool| {
        let run = RunId { task: task(name), due: at };
        let outcome = if well {
            crate::task::Outcome::Success
        } else {
            crate::task::Outcome::Failed(crate::task::Failure::Code(1))
        };
        let (trigger, took) = (crate::event::TriggerKind::Interval, jiff::SignedDuration::ZERO);
        vec![
            Event::RunStarted {
                at,
                run: run.clone(),
                trigger,
                cause: None,
                given: Given::default(),
                catch_up: false,
            },
            Event::AttemptStarted { at, run: run.clone(), attempt: 1 },
            Event::RunFinished { at, run, started: at, took, attempts: 1, used: None, outcome },
        ]
    };
    let start = instant("2026-01-01T00:00:00Z");
    let added = |name: &str| Event::TaskAdded {
        at: start,
        task: task(name),
        definition: definition.clone(),
        renamed_from: None,
    };
    store.append(&[added("often"), added("once")]).await;
    store.append(&run("once", start, true)).await;
    store.append(&run("once", start + jiff::SignedDuration::from_secs(1), false)).await;
    let mut sizes = Vec::new();
    for day in 0..365 {
        for minute in (0..1440).step_by(10) {
            let at = start + jiff::SignedDuration::from_mins(1440 * day + minute + 1);
            store.append(&run("often", at, true)).await;
        }
        if day % 73 == 72 {
            let size = std::fs::metadata(place.path().join(FILE)).expect("it is there").len();
            sizes.push(size);
        }
    }
    drop(store);
    let archive = Archive::open(place.path(), Catalogue::default()).expect("it can be asked");
    let count = |name: &str| {
        let query = Query { tasks: [task(name)].into(), limit: 100_000, ..Query::default() };
        let archive = archive.clone();
        async move { archive.history(query).await.expect("it is readable").len() }
    };
    let often = count("often").await;
    // How much is behind at a moment is chance.
    assert!((1000..10_000).contains(&often), "{often} of 52,560 are kept");
    assert_eq!(count("once").await, 2, "its last run and its last success");
    // All of it would be more than ten.
    assert!(sizes.iter().all(|size| *size < 4 << 20), "it grows: {sizes:?}");
}

fn started(name: &str, at: Timestamp) -> Vec<Event> {
    let run = RunId { task: Name::new(name).expect("a fine name"), due: at };
    let trigger = crate::event::TriggerKind::Interval;
    vec![
        Event::RunStarted {
            at,
            run: run.clone(),
            trigger,
            cause: None,
            given: Given::default(),
            catch_up: false,
        },
        Event::AttemptStarted { at, run, attempt: 1 },
    ]
}

fn finished(name: &str, at: Timestamp) -> Event {
    let run = RunId { task: Name::new(name).expect("a fine name"), due: at };
    let (took, outcome) = (jiff::SignedDuration::ZERO, crate::task::Outcome::Success);
    Event::RunFinished { at, run, started: at, took, attempts: 1, used: None, outcome }
}

fn added(name: &str, at: Timestamp, text: &str) -> Event {
    let definition = crate::event::Definition { text: text.into(), when: 0, enabled: true };
    Event::TaskAdded {
        at,
        task: Name::new(name).expect("a fine name"),
        definition,
        renamed_from: None,
    }
}

fn count(place: &tempfile::TempDir, what: &str) -> i64 {
    let connection = schema::open_to_ask(&place.path().join(FILE)).expect("it can be asked");
    let sql = format!("SELECT count(*) FROM {what}");
    connection.query_row(&sql, [], |row| row.get(0)).expect("a number")
}

#[tokio::test]
async fn of_a_task_that_left_nothing_stays_when_it_is_old() {
    let place = place();
    let start = instant("2026-01-01T00:00:00Z");
    let day = jiff::SignedDuration::from_hours(24);
    let mut store =
        Sqlite::open(place.path(), Keep { days: 30, runs: 1000 }).expect("it opens").store;
    store.append(&[added("left", start, "{}"), added("stays", start, "{}")]).await;
    for name in ["left", "stays"] {
        for second in 0..250 {
            let at = start + jiff::SignedDuration::from_secs(second);
            store.append(&started(name, at)).await;
            store.append(&[finished(name, at)]).await;
        }
    }
    let task = Name::new("left").expect("a fine name");
    store.append(&[Event::TaskRemoved { at: start + day, task }]).await;
    for (days, expected) in [
        // Its runs may still be asked for.
        (29, [2, 500]),
        // The other one's last run always stays.
        (60, [1, 1]),
    ] {
        store.append(&[Event::StoreRecovered { at: start + day * days }]).await;
        let now = || [count(&place, "tasks"), count(&place, "firings")];
        let reached = (0..1_000).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            now() == expected
        });
        assert!(reached, "{:?} after {days} days", now());
    }
}

#[tokio::test]
async fn definitions_that_nothing_refers_to_go_at_the_start() {
    let place = place();
    let start = instant("2026-01-01T00:00:00Z");
    let mut store = opened(&place).store;
    for number in 0..200 {
        store.append(&[added("often-edited", start, &format!("{number}"))]).await;
    }
    drop(store);
    assert_eq!(count(&place, "definitions"), 200);
    drop(opened(&place));
    assert_eq!(count(&place, "definitions"), 1, "the present one");
}

/// A person has the file, and the daemon goes on.
#[tokio::test]
async fn a_file_that_somebody_holds_is_a_failure_and_is_caught_up_with() {
    let place = place();
    let start = instant("2026-01-01T00:00:00Z");
    let mut store = opened(&place).store;
    store.append(&[added("a", start, "{}")]).await;
    let person = Connection::open(place.path().join(FILE)).expect("it can be opened");
    let hold = || person.execute_batch("BEGIN IMMEDIATE");
    while hold().is_err() {}
    for second in 0..10 {
        let at = start + jiff::SignedDuration::from_secs(second);
        assert_eq!(store.append(&started("a", at)).await, [], "it is granted");
        assert!(store.failure().is_some_and(|why| why.contains("locked")), "{:?}", store.failure());
    }
    assert_eq!(store.append(&started("a", start)).await.len(), 1, "none is granted twice");
    person.execute_batch("ROLLBACK").expect("it was held");
    for second in 10..30 {
        let at = start + jiff::SignedDuration::from_secs(second);
        store.append(&started("a", at)).await;
    }
    assert_eq!(store.failure(), None);
    drop(store);
    assert_eq!(count(&place, "firings WHERE verdict = 0"), 30);
}

#[tokio::test]
async fn what_cannot_even_be_kept_is_told_and_what_is_so_is_still_known() {
    let place = place();
    let start = instant("2026-01-01T00:00:00Z");
    let mut store = opened(&place).store;
    store.append(&[added("a", start, "{}")]).await;
    let person = Connection::open(place.path().join(FILE)).expect("it can be opened");
    while person.execute_batch("BEGIN IMMEDIATE").is_err() {}
    let second = jiff::SignedDuration::from_secs(1);
    let mut at = start;
    let mut events = Vec::new();
    while events.len() <= MOST_KEPT {
        events.extend(started("a", at));
        events.push(finished("a", at));
        at += second;
    }
    store.append(&events).await;
    store.append(&started("a", at)).await;
    at += second;
    let told = store.failure().unwrap_or_default();
    assert!(told.ends_with(" events are lost"), "{told}");
    person.execute_batch("ROLLBACK").expect("it was held");
    // The last of these steps asks for all to be written.
    for _ in 0..AGAIN_AFTER {
        store.append(&started("a", at)).await;
        at += second;
    }
    let runs = i64::try_from(MOST_KEPT / 3).expect("not that many");
    drop(store);
    assert!(count(&place, "firings") >= runs, "{}", count(&place, "firings"));
    let again = opened(&place).remembered;
    assert_eq!(again.tasks[0].mark, at - second, "the mark is that of all");
}
