//! Why a task did or did not run, asked of a daemon and of what it has left.

mod support;

use serde_json::Value;
use support::{Daemon, Place, json_lines, text, wait_until};

const TASKS: &str = r#"
    timezone = "UTC"

    [tasks.tick]
    interval = "1s"
    env      = { SECRET = "swordfish" }
    command  = "true"

    [tasks.busy]
    interval = "1s"
    command  = "while ! [ -e go ]; do sleep 0.01; done; exit 3"

    [tasks.fails]
    startup = "start"
    retry   = { max = 1, delay = "100ms" }
    command = "exit 4"

    [tasks.never]
    date    = "2030-01-01"
    command = "true"
"#;

fn start(place: &Place) -> Daemon {
    place.daemon(["--state", "state", "--socket", "s", "--log-level", "debug"])
}

fn ask(place: &Place, words: &[&str]) -> (Option<i32>, String, String) {
    let output = place.taskd(words.iter().chain(&["--state", "state", "--socket", "s"]));
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn story(place: &Place, words: &[&str]) -> Value {
    let (code, told, errors) = ask(place, &[&["why", "--json"], words].concat());
    assert_eq!(code, Some(0), "{errors}");
    json_lines(told.as_bytes()).remove(0)
}

#[test]
fn a_verdict_is_told_with_what_decided_it() {
    let place = Place::with("schedules.toml", TASKS);
    let mut daemon = start(&place);
    let skipped = loop {
        let skipped = daemon.wait_for("firing skipped");
        if skipped["task"] == "busy" {
            break skipped["due"].as_str().expect("text").to_string();
        }
    };
    // The run before it is named.
    let overlap = story(&place, &["busy", "--at", &skipped]);
    assert_eq!(overlap["nearest"]["due"].as_str(), Some(skipped.replace('Z', "+00:00").as_str()));
    assert_eq!(overlap["nearest"]["reason"], "overlap");
    let first = overlap["facts"][0]["what"].as_str().expect("text");
    assert!(first.starts_with("`busy@") && first.ends_with("began"), "{overlap}");
    place.write("go", "");
    while daemon.wait_for("run finished")["task"] != "busy" {}

    let (_, told, _) = ask(&place, &["why", "fails"]);
    for expected in [
        "run: failed, exit code 4, 2 attempts\n",
        "  attempt 1: failed (exit code 4); the next is due at ",
        "  attempt 2: failed (exit code 4)\n",
        "as it was defined then:\n",
        "  command = \"exit 4\"\n",
    ] {
        assert!(told.contains(expected), "{expected:?} in {told}");
    }
    // Nobody was there.
    daemon.signal("TERM");
    daemon.end();
    let second = || text(&place.shell("date +%s").stdout).trim().parse::<i64>().expect("a number");
    let ended = second();
    wait_until(|| (second() >= ended + 4).then_some(())).expect("time goes by");
    let mut daemon = start(&place);
    daemon.wait_for("firings missed");
    let at = jiff::Timestamp::from_second(ended + 2).expect("in range").to_string();
    let missed = story(&place, &["tick", "--at", &at]);
    assert_eq!(missed["nearest"]["verdict"], "missed", "{missed}");
    let facts: Vec<_> = missed["facts"].as_array().expect("facts").iter().collect();
    let what = |index: usize| facts[index]["what"].as_str().expect("text");
    assert_eq!((what(0), what(1)), ("the daemon ended", "the next daemon began"), "{missed}");
    let definition = missed["definition"].to_string();
    assert!(definition.contains("SECRET") && !definition.contains("swordfish"), "{definition}");
    daemon.stop();

    // Without a daemon it is the same.
    assert_eq!(story(&place, &["tick", "--at", &at]), missed);
    let due = missed["nearest"]["due"].as_str().expect("text");
    let run = due.replace(['-', ':'], "").replace("+0000", "Z");
    assert_eq!(story(&place, &[&format!("tick@{run}")]), missed, "{run}");
    // What nobody has judged yet, and what is to come.
    let stopped = second();
    wait_until(|| (second() >= stopped + 3).then_some(())).expect("time goes by");
    let at = jiff::Timestamp::from_second(stopped + 2).expect("in range").to_string();
    let (code, told, errors) = ask(&place, &["why", "tick", "--at", &at]);
    assert_eq!(code, Some(0), "{errors}");
    let expected = "no daemon was there, and the next one will judge it\nthe nearest on record: ";
    assert!(told.contains(expected), "{told}");
    let ahead = story(&place, &["never", "--at", "2030-01-01"]);
    assert_eq!(ahead["unjudged"], "2030-01-01T00:00:00Z", "{ahead}");
    let (_, told, _) = ask(&place, &["why", "never", "--at", "2030-01-01"]);
    assert!(told.starts_with("never is due at 2030-01-01T00:00:00+00:00 (in "), "{told}");
    let (_, told, _) = ask(&place, &["why", "tick", "--at", "2020-01-01 02:00"]);
    assert!(told.starts_with("it was not due then; the nearest: "), "{told}");
    let (code, _, errors) = ask(&place, &["why", "never"]);
    assert_eq!(code, Some(3), "{errors}");
    assert!(errors.contains("no firing of `never` is known"), "{errors}");
    let (code, _, errors) = ask(&place, &["why", "nobody"]);
    assert_eq!(code, Some(3), "{errors}");
}

#[test]
fn what_waits_is_told_as_such() {
    let place = Place::with(
        "schedules.toml",
        r#"
        [pools.one]
        limit = 1

        [tasks.first]
        startup = "start"
        pool    = "one"
        command = "while ! [ -e go ]; do sleep 0.01; done"

        [tasks.then]
        startup = "start"
        pool    = "one"
        command = "true"
        "#,
    );
    let mut daemon = start(&place);
    assert_eq!(daemon.wait_for("firing waits")["task"], "then");
    let waits = story(&place, &["then"]);
    let verdict = |story: &Value| story["nearest"]["verdict"].clone();
    assert_eq!((verdict(&waits), &waits["nearest"]["reason"]), (Value::Null, &"pool".into()));
    let (_, told, _) = ask(&place, &["why", "then"]);
    assert!(told.contains("\nwaiting: for a place in its pool\n"), "{told}");
    let (code, _, errors) = ask(&place, &["pause", "then", "--reason", "moving"]);
    assert_eq!(code, Some(0), "{errors}");
    let (_, told, _) = ask(&place, &["why", "then"]);
    assert!(told.contains("  the task is paused: moving\n"), "{told}");
    ask(&place, &["resume", "then"]);
    let (_, history, _) = ask(&place, &["history", "--json", "then"]);
    assert_eq!(history, "", "it has no verdict");
    daemon.stop();

    let still = story(&place, &["then"]);
    assert_eq!(still["nearest"], waits["nearest"], "it comes back with the next daemon");
    let (_, told, _) = ask(&place, &["why", "then"]);
    assert!(told.contains("for a place in its pool; no daemon is there"), "{told}");
    place.write("go", "");
    let mut daemon = start(&place);
    while daemon.wait_for("run finished")["task"] != "then" {}
    let due = waits["nearest"]["due"].as_str().expect("text");
    assert_eq!(verdict(&story(&place, &["then", "--at", due])), "run");
    daemon.stop();
}
