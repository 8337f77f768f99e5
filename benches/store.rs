//! The store in a file: commits a second, and what a million firings weigh and cost to ask.
//!
//! Commits stand beside a loop that appends as many bytes to a file and waits for the disk as often;
//! `TASKD_BENCH_FIRINGS` says how many firings, a million by default.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use taskd::event::{Definition, Event, RunId, TriggerKind};
use taskd::name::Name;
use taskd::policy::Keep;
use taskd::store::{Archive, Catalogue, FILE, Query, Records, Sqlite, Store};
use taskd::task::{Failure, Given, Outcome};

const TASKS: i64 = 100;

fn task(number: i64) -> Name {
    Name::new(&format!("task-{number}")).expect("a fine name")
}

/// Tasks take their turns, one firing a second.
fn run(number: i64) -> RunId {
    let due = Timestamp::from_second(1_767_225_600 + number).expect("in range");
    RunId { task: task(number % TASKS), due }
}

fn starts(number: i64) -> Vec<Event> {
    let run = run(number);
    let (at, trigger) = (run.due, TriggerKind::Cron);
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

fn ends(number: i64) -> Vec<Event> {
    let run = run(number);
    let (at, started) = (run.due + SignedDuration::from_millis(300), run.due);
    // One of a thousand fails.
    let code = i32::from(number % 1_000 == 7);
    let outcome = if code == 0 { Outcome::Success } else { Outcome::Failed(Failure::Code(code)) };
    let took = at.duration_since(started);
    let ending = taskd::task::Ending {
        outcome: outcome.clone(),
        exit_code: Some(code),
        signal: None,
        used: None,
    };
    vec![
        Event::AttemptFinished { at, run: run.clone(), attempt: 1, ending, took, next: None },
        Event::RunFinished { at, run, started, took, attempts: 1, used: None, outcome },
    ]
}

fn open(place: &Path) -> Sqlite {
    let keep = Keep { days: 100_000, runs: u32::MAX };
    Sqlite::open(place, keep).expect("it can be opened").store
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let done = work();
    (start.elapsed(), done)
}

fn added() -> Vec<Event> {
    let added = |number| {
        let text = format!("{{\"cron\":\"* * * * *\",\"command\":\"echo {number}\"}}");
        let definition = Definition { text: text.into(), when: 0, enabled: true };
        let at = run(0).due;
        Event::TaskAdded { at, task: task(number), definition, renamed_from: None }
    };
    (0..TASKS).map(added).collect()
}

/// Commits of so many firings each that are waited for, a second.
fn commits(runtime: &tokio::runtime::Runtime, place: &Path, firings: i64, count: i64) -> f64 {
    let mut store = open(place);
    let (took, ()) = timed(|| {
        runtime.block_on(async {
            store.append(&added()).await;
            for commit in 0..count {
                let numbers = commit * firings..(commit + 1) * firings;
                store.append(&numbers.flat_map(starts).collect::<Vec<_>>()).await;
            }
        });
    });
    assert_eq!(store.failure(), None);
    per_second(count, took)
}

fn per_second(count: i64, took: Duration) -> f64 {
    f64::from(i32::try_from(count).expect("not that many")) / took.as_secs_f64()
}

/// Appends of a page that are waited for, a second.
fn floor(place: &Path, count: i64) -> f64 {
    let path = place.join("floor");
    let mut file = OpenOptions::new().append(true).create(true).open(&path).expect("it opens");
    let (took, ()) = timed(|| {
        for _ in 0..count {
            file.write_all(&[0; 4096]).expect("there is room");
            file.sync_data().expect("the disk is there");
        }
    });
    fs::remove_file(path).expect("it is there");
    per_second(count, took)
}

fn size(place: &Path) -> f64 {
    let bytes = fs::metadata(place.join(FILE)).expect("it is there").len();
    f64::from(u32::try_from(bytes >> 10).expect("not that large")) / 1024.0
}

fn main() {
    let firings = std::env::var("TASKD_BENCH_FIRINGS").ok().and_then(|text| text.parse().ok());
    let firings: i64 = firings.unwrap_or(1_000_000);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for (what, directory) in [("disk", std::env::temp_dir()), ("memory", "/dev/shm".into())] {
        for (each, count) in [(1, 1_000), (64, 200), (256, 50)] {
            let place = tempfile::tempdir_in(&directory).expect("a place");
            let (floor, own) =
                (floor(place.path(), count), commits(&runtime, place.path(), each, count));
            println!(
                "{what:<6}  {each:>3} firings a commit: {own:>7.0} commits a second; a bare page {floor:>7.0}"
            );
        }
    }
    let place = tempfile::tempdir().expect("a place");
    let mut store = open(place.path());
    let (took, ()) = timed(|| {
        runtime.block_on(async {
            store.append(&added()).await;
            for first in (0..firings).step_by(256) {
                let numbers = first..firings.min(first + 256);
                store.append(&numbers.clone().flat_map(starts).collect::<Vec<_>>()).await;
                store.append(&numbers.flat_map(ends).collect::<Vec<_>>()).await;
            }
        });
        drop(store);
    });
    println!("{firings} firings: {:.0} MiB, written in {took:.1?}", size(place.path()));
    let (took, store) = timed(|| open(place.path()));
    println!("{:<34} {took:.1?}", "opened by the next life in");
    let archive = Archive::open(place.path(), Catalogue::default()).expect("it can be asked");
    drop(store);
    let one = || [task(3)].into();
    let ask = |what: &str, query: Query| {
        let (took, rows) = timed(|| runtime.block_on(archive.history(query)));
        println!("{what:<34} {took:.1?} ({} rows)", rows.expect("it is readable").len());
    };
    let twenty = Query { limit: 20, ..Query::default() };
    // The first question opens the file.
    ask("history", twenty.clone());
    ask("history again", twenty.clone());
    ask("history TASK", Query { tasks: one(), ..twenty.clone() });
    ask("history --failed", Query { failed: true, ..twenty.clone() });
    ask("history TASK --failed", Query { tasks: [task(7)].into(), failed: true, ..twenty.clone() });
    ask(
        "history --outcome stopped (none is)",
        Query { outcome: Some("stopped".into()), ..twenty.clone() },
    );
    ask(
        "history --verdict missed (none is)",
        Query { verdict: Some("missed".into()), ..twenty.clone() },
    );
    ask("history --until LONG AGO", Query { until: Some(run(5_000).due), ..twenty });
    ask("history, 1,000 rows", Query { limit: 1_000, ..Query::default() });
    for (what, number) in [("why, of the newest", firings - 1), ("why, of an old one", 4_242)] {
        let at = run(number);
        let (took, story) = timed(|| runtime.block_on(archive.why(at.task, at.due)));
        let found = story.expect("it is readable").nearest.is_some();
        println!("{what:<34} {took:.1?} (found: {found})");
    }
}
