//! What persons want of a running daemon: each verb, and each request behind it. Tests wait for states,
//! never for a time.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use support::{Daemon, Place, alive, is_root, json_lines, text, wait_until};

const TASKS: &str = r#"
    [tasks.tick]
    interval    = "1s"
    tags        = ["often"]
    command     = "echo $TASKD_DUE >> ticks"

    [tasks.long]
    startup     = { on = "start", delay = "1000s" }
    stop_grace  = "1s"
    command     = "echo began; echo $$ > pid; while ! [ -e go ]; do sleep 0.01; done; echo well done; exit ${CODE:-0}"

    [tasks.bad]
    startup     = "start"
    command     = "exit 3"

    [tasks.someday]
    date        = "2030-01-01"
    command     = "true"
"#;

fn start(place: &Place) -> Daemon {
    let mut daemon = place.daemon(["--state", "state", "--socket", "s", "--log-level", "debug"]);
    daemon.wait_for("running");
    daemon
}

fn running(tasks: &str) -> (Place, Daemon) {
    let place = Place::with("schedules.toml", tasks);
    let daemon = start(&place);
    (place, daemon)
}

/// One that is asked so much that nobody would read its log.
fn quiet(tasks: &str) -> (Place, Daemon) {
    let place = Place::with("schedules.toml", tasks);
    let daemon = place.daemon(["--state", "state", "--socket", "s", "--log-level", "error"]);
    wait_until(|| UnixStream::connect(place.path("s")).ok()).expect("it answers");
    (place, daemon)
}

/// The exit code, and what was printed and complained of.
fn ask(place: &Place, words: &[&str]) -> (i32, String, String) {
    let output = place.taskd(words.iter().chain(&["--state", "state", "--socket", "s"]));
    let code = output.status.code().expect("it ends by itself");
    (code, text(&output.stdout), text(&output.stderr))
}

fn done(place: &Place, words: &[&str]) -> String {
    let (code, told, errors) = ask(place, words);
    assert_eq!(code, 0, "{words:?}: {told} {errors}");
    told
}

fn object(place: &Place, words: &[&str]) -> Value {
    json_lines(done(place, words).as_bytes()).remove(0)
}

/// Speaks plain HTTP, as any client may; returns the status and the body.
fn http(place: &Place, method: &str, path: &str, body: &str) -> (u16, Value) {
    let mut stream = UnixStream::connect(place.path("s")).expect("it answers");
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let body = serde_json::from_str(body).unwrap_or_else(|error| panic!("{path}: {body}: {error}"));
    (status.expect("a status"), body)
}

#[test]
fn a_pause_holds_a_task_until_it_is_resumed_and_outlives_a_crash() {
    let (place, mut daemon) = running(TASKS);
    place.wait_for("ticks", |text| !text.is_empty());
    let told = done(&place, &["pause", "ti*", "--for", "1h", "--reason", "moving house"]);
    assert!(
        told.starts_with("tick is paused until ") && told.ends_with(": moving house\n"),
        "{told}"
    );
    let task = object(&place, &["status", "tick", "--json"]);
    assert_eq!(
        (&task["state"], &task["paused"]["reason"]),
        (&"paused".into(), &"moving house".into())
    );
    let next = |task: &Value| task["next"][0].as_str().map(ToString::to_string);
    assert!(next(&task) > task["paused"]["until"].as_str().map(Into::into), "{task}");
    daemon.child.kill().expect("it goes on");
    daemon.child.wait().expect("it ends");
    daemon.forget();
    let mut daemon = start(&place);
    let task = object(&place, &["status", "--tag", "often", "--json"]);
    assert_eq!(
        (&task["task"], &task["paused"]["reason"]),
        (&"tick".into(), &"moving house".into())
    );
    let before = place.read("ticks").lines().count();
    assert_eq!(done(&place, &["resume", "tick"]), "tick goes on\n");
    daemon.wait_for("resumed");
    place.wait_for("ticks", |text| text.lines().count() > before);
    // Everything is a switch of its own.
    assert_eq!(done(&place, &["pause", "--all"]), "everything is paused\n");
    assert_eq!(object(&place, &["status", "tick", "--json"])["state"], "paused");
    assert!(done(&place, &["status"]).contains("\neverything is paused\n"));
    assert_eq!(done(&place, &["resume", "--all"]), "everything goes on\n");
    for (words, code, expected) in [
        (&["pause"][..], 2, "which tasks?"),
        (&["pause", "tick", "--all"], 2, "`--all` goes without tasks"),
        (&["pause", "tock"], 3, "there is no task `tock`"),
        (&["resume", "--tag", "seldom"], 3, "there is no tag `seldom`"),
        (&["pause", "tick", "--for", "soon"], 2, "`for`: "),
        (&["pause", "tick", "--until", "2020-01-01"], 2, "`until` lies behind"),
    ] {
        let (ended, _, errors) = ask(&place, words);
        assert_eq!(ended, code, "{words:?}: {errors}");
        assert!(errors.contains(expected), "{words:?}: {errors}");
    }
    daemon.stop();
}

#[test]
fn a_person_runs_a_task_waits_for_it_and_stops_it() {
    let (place, daemon) = running(TASKS);
    place.write("go", "");
    // With its output, and its outcome; a variable is kept nowhere.
    assert_eq!(done(&place, &["trigger", "long", "--wait"]), "began\nwell done\n");
    let (code, told, errors) = ask(&place, &["trigger", "long", "--wait", "--env", "CODE=4"]);
    assert_eq!((code, told.as_str()), (1, "began\nwell done\n"), "{errors}");
    assert!(errors.contains("failed, exit code 4"), "{errors}");
    let (code, told, _) = ask(&place, &["trigger", "long", "--wait", "--json", "--env", "CODE=5"]);
    assert_eq!((code, &json_lines(told.as_bytes())[0]["exit_code"]), (1, &5.into()));
    fs::remove_file(place.path("go")).expect("it is there");
    let run = object(&place, &["trigger", "long", "--json"]);
    assert_eq!((&run["verdict"], &run["reason"]), (&"run".into(), &Value::Null));
    let (code, _, errors) = ask(&place, &["trigger", "long"]);
    assert_eq!(code, 1, "{errors}");
    assert!(errors.contains("was skipped: overlap"), "{errors}");
    assert!(done(&place, &["trigger", "long", "--force"]).ends_with(" has started\n"));
    wait_until(|| {
        (object(&place, &["status", "long", "--json"])["running"].as_array()?.len() == 2)
            .then_some(())
    })
    .expect("both run");
    // One of them, then whatever else there is.
    let first = run["run"].as_str().expect("text");
    assert_eq!(done(&place, &["cancel", first]), format!("{first} has stopped\n"));
    let (code, _, errors) = ask(&place, &["cancel", first]);
    assert_eq!(code, 1, "{errors}");
    assert!(errors.contains("has ended already"), "{errors}");
    let pid = place.read("pid");
    assert!(done(&place, &["cancel", "long"]).contains(" has stopped\n"));
    assert!(!alive(&pid), "it has ended when that is told");
    assert_eq!(done(&place, &["cancel", "long"]), "nothing of long runs or waits\n");
    for (words, code) in [
        (&["trigger", "nobody"][..], 3),
        (&["trigger", "long", "--env", "SECRET"], 2),
        (&["trigger"], 2),
        (&["cancel", "nobody"], 3),
        (&["cancel", "long@20200101T000000Z"], 3),
    ] {
        let (ended, _, errors) = ask(&place, words);
        assert_eq!(ended, code, "{words:?}: {errors}");
        assert!(!errors.contains("SECRET"), "{errors}");
    }
    let (_, _, log) = {
        daemon.signal("TERM");
        daemon.end()
    };
    assert!(!log.contains("CODE"), "{log}");
}

#[test]
fn status_tells_what_is_not_well_first() {
    let (place, mut daemon) = running(TASKS);
    while daemon.wait_for("run finished")["task"] != "bad" {}
    let told = done(&place, &["status"]);
    let lines: Vec<_> = told.lines().collect();
    assert!(lines[0].contains("schedules.toml: 4 tasks, "), "{told}");
    assert!(lines[1].starts_with("TASK "), "{told}");
    assert!(lines[2].starts_with("bad ") && lines[2].contains("failed, exit code 3"), "{told}");
    assert!(lines[2].ends_with("at each start of taskd"), "{told}");
    let (code, told, _) = ask(&place, &["status", "--check"]);
    assert_eq!((code, told.lines().count()), (1, 2), "{told}");
    assert_eq!(ask(&place, &["status", "--check", "someday"]), (0, String::new(), String::new()));
    let someday = object(&place, &["status", "--json", "someday"]);
    let keys: Vec<_> = someday.as_object().expect("an object").keys().collect();
    let expected = ["task", "state", "next", "running", "waiting", "last", "paused", "definition"];
    assert_eq!(keys, expected);
    assert_eq!(someday["next"], json!(["2030-01-01T00:00:00+00:00"]));
    assert_eq!(someday["definition"]["command"], "true");
    daemon.signal("USR1");
    while daemon.wait_for("state")["task"] != "tick" {}
    // Without a daemon there is none.
    assert_eq!(done(&place, &["stop"]), "the daemon has ended\n");
    let (code, _, errors) = ask(&place, &["status"]);
    assert_eq!(code, 69, "{errors}");
    assert!(errors.contains("no daemon answers; tried `s`"), "{errors}");
}

#[test]
fn a_reload_is_all_or_nothing() {
    let (place, mut daemon) = running(TASKS);
    place.wait_for("ticks", |text| !text.is_empty());
    done(&place, &["trigger", "long"]);
    done(&place, &["pause", "someday", "--reason", "later"]);
    let wrong = format!("{TASKS}\n[tasks.new]\ninterval = \"1 fortnight\"\ncommand = \"true\"\n");
    place.write("schedules.toml", &wrong);
    let before = object(&place, &["status", "someday", "--json"]);
    let (code, _, errors) = ask(&place, &["reload"]);
    assert_eq!(code, 78, "{errors}");
    assert!(errors.contains("schedules.toml:21:12: error[bad-duration]: "), "{errors}");
    assert!(errors.contains("nothing has changed: 1 error in "), "{errors}");
    daemon.wait_for("the file is not taken up: 1 error in schedules.toml");
    let told = daemon.wait_for("this is not a duration as `1h 30m`");
    assert_eq!((&told["file"], &told["task"]), (&"schedules.toml:21".into(), &"new".into()));
    let (status, body) = http(&place, "POST", "/v1/reload", "");
    assert_eq!((status, &body["error"]["code"]), (422, &"bad-file".into()), "{body}");
    assert_eq!(body["diagnostics"][0]["line"], 21, "{body}");
    assert_eq!(object(&place, &["status", "someday", "--json"]), before);
    // What is right is taken up; what runs keeps its definition, and what is the same its state.
    let right = TASKS
        .replace("interval    = \"1s\"", "interval    = \"3600s\"")
        .replace("well done", "not so well")
        .replace("[tasks.bad]", "[tasks.good]");
    place.write("schedules.toml", &right);
    let told = done(&place, &["reload"]);
    assert_eq!(told, "added: good\nchanged: long, tick\nremoved: bad\nunchanged: 1\n");
    assert_eq!(object(&place, &["status", "someday", "--json"])["paused"]["reason"], "later");
    place.write("go", "");
    while daemon.wait_for("run finished")["task"] != "long" {}
    assert_eq!(done(&place, &["output", "long"]), "began\nwell done\n");
    assert_eq!(done(&place, &["trigger", "long", "--wait"]), "began\nnot so well\n");
    // By a signal, and with the values of an environment, which no record has.
    place.write(
        "schedules.toml",
        &right.replace("startup     = \"start\"", "startup = \"start\"\nenv = { A = \"b\" }"),
    );
    daemon.signal("HUP");
    let reloaded = daemon.wait_for("reloaded");
    assert_eq!(
        (&reloaded["changed"], &reloaded["unchanged"]),
        (&1.into(), &3.into()),
        "{reloaded}"
    );
    place.write("schedules.toml", &format!("[daemon]\nmax_runs = 3\n{right}"));
    let (code, _, errors) = ask(&place, &["reload"]);
    assert_eq!(code, 0, "{errors}");
    assert!(errors.contains("warning: `[daemon]` is another now"), "{errors}");
    daemon.stop();
}

#[test]
fn a_reload_in_the_middle_of_a_burst_loses_and_doubles_nothing() {
    let second = jiff::Timestamp::from_second(
        text(&std::process::Command::new("date").arg("+%s").output().expect("a `date`").stdout)
            .trim()
            .parse::<i64>()
            .expect("a number")
            + 3,
    );
    let due = second.expect("in range");
    let tasks = |description: &str| {
        let task = |number: u32| {
            format!(
                "t{number} = {{ date = \"{due}\", command = \"echo {number} >> runs\", description = \"{description}\" }}\n"
            )
        };
        format!("[tasks]\n{}", (0..1_000).map(task).collect::<String>())
    };
    let (place, daemon) = quiet(&tasks("before"));
    for turn in 0.. {
        place.write("schedules.toml", &tasks(&format!("turn {turn}")));
        done(&place, &["reload"]);
        if fs::read_to_string(place.path("runs")).is_ok_and(|runs| runs.lines().count() >= 500) {
            break;
        }
    }
    let runs = place.wait_for("runs", |runs| runs.lines().count() >= 1_000);
    let numbers: BTreeSet<_> = runs.lines().collect();
    assert_eq!((numbers.len(), runs.lines().count()), (1_000, 1_000));
    done(&place, &["stop"]);
    daemon.end();
}

#[test]
fn each_path_answers_and_refuses_as_it_says() {
    let (place, mut daemon) = running(TASKS);
    while daemon.wait_for("run finished")["task"] != "bad" {}
    for (method, path, body, status, code) in [
        ("GET", "/v1/tasks", "", 200, ""),
        ("GET", "/v1/tasks?limit=0", "", 400, "bad-parameter"),
        ("GET", "/v1/tasks/tick", "", 200, ""),
        ("GET", "/v1/tasks/tock", "", 404, "no-such-task"),
        ("GET", "/v1/tasks/no%20name", "", 404, "no-such-task"),
        ("POST", "/v1/tasks/tick", "", 405, "wrong-method"),
        ("GET", "/v1/tasks/tick/pause", "", 405, "wrong-method"),
        ("POST", "/v1/tasks/tick/pause", "", 200, ""),
        ("POST", "/v1/tasks/tick/pause", "{\"for\": \"1h\", \"reason\": \"x\"}", 200, ""),
        ("POST", "/v1/tasks/tick/pause", "{\"for\": 3}", 422, "bad-body"),
        ("POST", "/v1/tasks/tick/pause", "{\"fro\": \"1h\"}", 422, "bad-body"),
        ("POST", "/v1/tasks/tick/pause", "no JSON", 422, "bad-body"),
        ("POST", "/v1/tasks/tick/resume", "{}", 422, "unwanted-body"),
        ("POST", "/v1/tasks/tick/resume", "", 200, ""),
        ("POST", "/v1/tasks/tock/resume", "", 404, "no-such-task"),
        ("POST", "/v1/tasks/bad/trigger", "{\"env\": {\"A=\": \"b\"}}", 422, "bad-body"),
        ("POST", "/v1/tasks/bad/trigger", "{\"force\": true, \"env\": {\"A\": \"b\"}}", 200, ""),
        ("POST", "/v1/tasks/bad/cancel", "", 200, ""),
        ("POST", "/v1/runs/bad@20200101T000000Z/cancel", "", 404, "no-such-run"),
        ("POST", "/v1/runs/bad/cancel", "", 404, "no-such-run"),
        ("POST", "/v1/pause", "{\"reason\": \"x\"}", 200, ""),
        ("POST", "/v1/resume", "", 200, ""),
        ("POST", "/v1/reload", "", 200, ""),
        ("GET", "/v1/nothing", "", 404, "no-such-path"),
    ] {
        let (answered, answer) = http(&place, method, path, body);
        assert_eq!(answered, status, "{method} {path} {body}: {answer}");
        assert_eq!(
            answer["error"]["code"].as_str().unwrap_or_default(),
            code,
            "{method} {path} {body}"
        );
        assert!(status == 200 || answer["error"]["message"].is_string(), "{answer}");
    }
    // By pages.
    let (_, page) = http(&place, "GET", "/v1/tasks?limit=3", "");
    let names = |page: &Value| {
        let items = page["items"].as_array().expect("a list");
        items
            .iter()
            .map(|task| task["task"].as_str().expect("text").to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (names(&page), &page["next"]),
        (vec!["bad".into(), "long".into(), "someday".into()], &"someday".into())
    );
    let (_, page) = http(&place, "GET", "/v1/tasks?limit=3&after=someday", "");
    assert_eq!((names(&page), &page["next"]), (vec!["tick".to_string()], &Value::Null));
    let (status, answer) = http(&place, "POST", "/v1/stop", "");
    assert_eq!((status, answer), (200, json!({ "draining": true })));
    assert_eq!(daemon.end().0.code(), Some(0));
}

#[test]
fn the_alert_of_the_manual_works_as_it_is_written() {
    let taskd = env!("CARGO_BIN_EXE_taskd");
    let tasks = format!(
        r#"
        [tasks]
        backup = {{ startup = "start", command = "echo no space left; exit 1" }}
        alert  = {{ after = {{ any = ["*"], on = "failure" }}, overlap = "parallel", command = '{taskd} output "$TASKD_AFTER_RUN" | ./mail -s "$TASKD_AFTER_TASK failed" ops' }}
        "#
    );
    let place = Place::with("schedules.toml", &tasks);
    place.write("mail", "#!/bin/sh\n{ echo \"$@\"; cat; } > mailed.new; mv mailed.new mailed\n");
    place.shell("chmod +x mail");
    let daemon = start(&place);
    let mailed = place.wait_for("mailed", |text| !text.is_empty());
    assert_eq!(mailed, "-s backup failed ops\nno space left\n");
    daemon.stop();
}

#[test]
fn another_user_can_neither_speak_nor_read() {
    if !is_root() {
        return;
    }
    let (place, daemon) = running(TASKS);
    place.wait_for("ticks", |text| !text.is_empty());
    // All may come as far as the place itself.
    let public = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(place.path(""), public).expect("it is ours");
    let line =
        |what: &str| format!("setpriv --reuid 65534 --regid 65534 --clear-groups {what} 2>&1");
    for what in [
        "python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect(\"s\")'",
        "cat state/taskd.db",
        "ls state",
        "ls state/output",
    ] {
        let output = place.shell(&line(what));
        let told = text(&output.stdout);
        assert!(!output.status.success() && told.contains("ermission denied"), "{what}: {told}");
    }
    daemon.stop();
}

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
fn numbers_are_told_to_monitoring() {
    let (place, mut daemon) = running(TASKS);
    while daemon.wait_for("run finished")["task"] != "bad" {}
    let mut stream = UnixStream::connect(place.path("s")).expect("it answers");
    let request = "GET /v1/metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    for expected in [
        "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n",
        "\ntaskd_firings_total{task=\"bad\",verdict=\"run\"} 1\n",
        "\ntaskd_runs_total{task=\"bad\",outcome=\"failed\"} 1\n",
        "\ntaskd_next_due_timestamp_seconds{task=\"someday\"} 1893456000.0\n",
        "\n# TYPE taskd_lateness_seconds histogram\n",
        "\ntaskd_waiting 1\n",
        "# EOF\n",
    ] {
        assert!(answer.contains(expected), "{expected:?} in {answer}");
    }
    daemon.stop();
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
fn changed_files_are_taken_up_by_themselves_where_that_is_wanted() {
    let task = |name: &str, seconds: u32| {
        format!("[tasks.{name}]\ninterval = \"{seconds}s\"\ncommand = \"true\"\n")
    };
    let main = |seconds: u32| {
        format!("include = [\"conf.d/*.toml\"]\n[daemon]\nwatch = true\n{}", task("main", seconds))
    };
    let place = Place::with("schedules.toml", &main(3600));
    place.write("conf.d/README", "no schedule");
    let mut daemon = start(&place);
    let reloaded = |daemon: &mut Daemon| {
        let told = daemon.wait_for("reloaded");
        ["added", "changed", "removed", "unchanged"]
            .map(|what| told[what].as_u64().expect("a number"))
    };
    // As editors do.
    let replace = |name: &str, text: &str| {
        place.write("aside", text);
        fs::rename(place.path("aside"), place.path(name)).expect("it is there");
    };
    // It watches by the time that a file of it is taken up.
    wait_until(|| {
        replace("conf.d/more.toml", &task("more", 3600));
        done(&place, &["status"]).contains("2 tasks").then_some(())
    })
    .expect("it is taken up");
    while reloaded(&mut daemon) != [1, 0, 0, 1] {}
    replace("schedules.toml", &main(7200));
    while reloaded(&mut daemon) != [0, 1, 0, 1] {}
    replace("conf.d/more.toml", "[tasks.more]\ncommand = \"true\"\n");
    daemon.wait_for("this task never says when to run");
    assert!(done(&place, &["status"]).contains("2 tasks"), "nothing has changed");
    fs::remove_file(place.path("conf.d/more.toml")).expect("it is there");
    while reloaded(&mut daemon) != [0, 0, 1, 1] {}
    daemon.stop();
}

#[test]
fn a_pool_is_none_of_those_things_that_are_read_at_the_start_only() {
    let (place, daemon) = running(TASKS);
    let more = "[pools.few]\nlimit = 2\n[tasks.new]\ninterval = \"1h\"\ncommand = \"true\"\n";
    place.write("schedules.toml", &format!("{TASKS}{more}"));
    let (code, told, errors) = ask(&place, &["reload"]);
    assert_eq!((code, told.as_str(), errors.as_str()), (0, "added: new\nunchanged: 4\n", ""));
    daemon.stop();
}

#[test]
fn a_task_that_failed_is_not_well_while_it_runs_again() {
    let (place, daemon) = running(TASKS);
    place.write("go", "");
    assert_eq!(ask(&place, &["trigger", "long", "--wait", "--env", "CODE=3"]).0, 1);
    fs::remove_file(place.path("go")).expect("it is there");
    done(&place, &["trigger", "long"]);
    assert_eq!(ask(&place, &["status", "--check", "long"]).0, 1);
    // Paused with everything, and for a while by itself: nothing comes.
    done(&place, &["pause", "--all"]);
    done(&place, &["pause", "tick", "--for", "10s"]);
    assert_eq!(object(&place, &["status", "tick", "--json"])["next"], json!([]));
    assert_eq!(ask(&place, &["pause", "tick", "--for", "0s"]).0, 2);
    let (status, body) = http(&place, "POST", "/v1/tasks/long/trigger", "{\"env\": \"A=hunter2\"}");
    assert_eq!(status, 422);
    assert!(!body.to_string().contains("hunter2"), "{body}");
    daemon.stop();
}

#[test]
fn questions_without_end_hold_up_nothing_that_is_due() {
    let (place, daemon) = quiet(TASKS);
    place.wait_for("ticks", |text| !text.is_empty());
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !over.load(std::sync::atomic::Ordering::Relaxed) {
                    http(&place, "GET", "/v1/tasks", "");
                }
            });
        }
        let before = place.read("ticks").lines().count();
        place.wait_for("ticks", |text| text.lines().count() >= before + 5);
        over.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let rows = json_lines(done(&place, &["history", "tick", "--json"]).as_bytes());
    assert!(rows.iter().all(|row| row["verdict"] == "run"), "{rows:?}");
    done(&place, &["stop"]);
    daemon.end();
}
