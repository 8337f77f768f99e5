//! What happens, as it happens. Tests wait for states, never for a time.

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use support::Place;
use support::asking::{TASKS, done, quiet, running, start};

/// Begins to read the stream of events, after the one of this number if there is one.
fn watch(place: &Place, last: Option<&str>) -> BufReader<UnixStream> {
    let mut stream = UnixStream::connect(place.path("s")).expect("it answers");
    let last = last.map(|last| format!("Last-Event-ID: {last}\r\n")).unwrap_or_default();
    let request = format!("GET /v1/events HTTP/1.1\r\nHost: x\r\n{last}\r\n");
    stream.write_all(request.as_bytes()).expect("it reads");
    stream.set_read_timeout(Some(Duration::from_mins(1))).expect("it can be set");
    let mut stream = BufReader::new(stream);
    // It has begun when its first line is there.
    let mut line = String::new();
    while line.trim() != ": events of taskd" {
        line.clear();
        assert_ne!(stream.read_line(&mut line).expect("it goes on"), 0);
    }
    stream
}

/// The next event that fits: its number, and what it says.
fn next_event(stream: &mut impl BufRead, fits: impl Fn(&Value) -> bool) -> (String, Value) {
    let mut number = String::new();
    loop {
        let mut line = String::new();
        assert_ne!(stream.read_line(&mut line).expect("it goes on"), 0, "it goes on");
        if let Some(id) = line.strip_prefix("id: ") {
            number = id.trim().into();
        }
        let data =
            line.strip_prefix("data: ").map(|data| serde_json::from_str(data).expect("JSON"));
        if let Some(data) = data.filter(&fits) {
            return (number, data);
        }
    }
}

#[test]
fn events_are_told_as_they_happen_and_from_where_one_has_left() {
    let (place, daemon) = running(TASKS);
    place.write("go", "");
    let mut stream = watch(&place, None);
    done(&place, &["trigger", "long", "--wait"]);
    let is =
        |kind: &'static str| move |event: &Value| event["event"] == kind && event["task"] == "long";
    let (first, started) = next_event(&mut stream, is("run-started"));
    assert_eq!(started["trigger"], "manual");
    let (last, finished) = next_event(&mut stream, is("run-finished"));
    assert_eq!((&finished["run"], &finished["outcome"]), (&started["run"], &"success".into()));
    // All that came after it, as it was.
    let mut again = watch(&place, Some(&first));
    assert_eq!(next_event(&mut again, |_| true).1["event"], "attempt-started");
    assert_eq!(next_event(&mut again, is("run-finished")), (last, finished));
    daemon.stop();
    let mut rest = String::new();
    again.read_to_string(&mut rest).expect("it ends with the daemon");
    assert!(rest.contains("\"event\":\"daemon-stopped\""), "{rest}");
}

#[test]
fn who_reads_too_slowly_is_dropped_and_told() {
    let (place, daemon) = quiet(TASKS);
    let slow = watch(&place, None);
    let mut busy = UnixStream::connect(place.path("s")).expect("it answers");
    let mut answers = BufReader::new(busy.try_clone().expect("it can be"));
    for turn in 0..6_000 {
        let verb = if turn % 2 == 0 { "pause" } else { "resume" };
        let request = format!("POST /v1/{verb} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
        busy.write_all(request.as_bytes()).expect("it reads");
        let (mut line, mut length) = (String::new(), 0);
        while line != "\r\n" {
            line.clear();
            answers.read_line(&mut line).expect("it answers");
            if let Some(value) = line.to_lowercase().strip_prefix("content-length: ") {
                length = value.trim().parse().expect("a number");
            }
        }
        answers.read_exact(&mut vec![0; length]).expect("it answers");
    }
    let mut slow = slow;
    let mut told = String::new();
    slow.read_to_string(&mut told).expect("it ends");
    let last = told.rfind("event: ").map(|at| &told[at..]).expect("some");
    assert!(last.starts_with("event: dropped\ndata: {\"behind\":"), "{last}");
    done(&place, &["stop"]);
    daemon.end();
}

#[test]
fn the_events_verb_prints_a_line_for_each() {
    let (place, daemon) = running(TASKS);
    place.write("go", "");
    let mut watching = place.command(["events", "--state", "state", "--socket", "s"]);
    let mut watching = watching.stdout(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(watching.stdout.take().expect("a pipe")).lines();
    // What a clock names is told by and by.
    let mut next = |what: &str| {
        lines
            .find(|line| line.as_ref().expect("text").contains(what))
            .expect("it comes")
            .expect("text")
    };
    assert!(next(" run-started tick@").contains(" trigger=interval"));
    done(&place, &["trigger", "long"]);
    assert!(next(" run-finished long@").contains(" outcome=success"));
    done(&place, &["stop"]);
    next(" daemon-stopped");
    assert!(watching.wait().expect("it ends").success(), "it ends with the daemon");
    daemon.forget();
}

#[test]
fn who_comes_back_to_another_life_misses_nothing() {
    let (place, mut daemon) = running(TASKS);
    place.write("go", "");
    let mut stream = watch(&place, None);
    done(&place, &["trigger", "long", "--wait"]);
    let of_long = |event: &Value| event["task"] == "long";
    let (first, _) = next_event(&mut stream, |event| of_long(event) && event["attempt"] == 1);
    let told: Vec<_> = (0..2).map(|_| next_event(&mut stream, of_long)).collect();
    daemon.child.kill().expect("it goes on");
    daemon.child.wait().expect("it ends");
    daemon.forget();
    let daemon = start(&place);
    // From the record, word for word; then what this life has begun with.
    let mut again = watch(&place, Some(&first));
    assert_eq!(
        [&told[0], &told[1]].map(|told| next_event(&mut again, |e| *e == told.1)),
        [told[0].clone(), told[1].clone()]
    );
    next_event(&mut again, |event| event["event"] == "daemon-started");
    daemon.stop();
}

#[test]
fn what_is_gone_from_the_record_is_told_as_missed() {
    let (place, daemon) = running(TASKS);
    let mut stream = watch(&place, Some("-5"));
    let mut line = String::new();
    while !line.starts_with("event: ") {
        line.clear();
        stream.read_line(&mut line).expect("it goes on");
    }
    assert_eq!(line, "event: missed\n");
    let (_, missed) = next_event(&mut stream, |_| true);
    assert_eq!((&missed["from"], &missed["to"]), (&(-4).into(), &0.into()));
    assert_eq!(next_event(&mut stream, |_| true).1["event"], "daemon-started");
    daemon.stop();
}
