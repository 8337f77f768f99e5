//! Speaking to a daemon of a test.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use serde_json::Value;

use super::{Daemon, Place, json_lines, text, wait_until};

pub const TASKS: &str = r#"
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

pub fn start(place: &Place) -> Daemon {
    let mut daemon = place.daemon(["--state", "state", "--socket", "s", "--log-level", "debug"]);
    daemon.wait_for("running");
    daemon
}

pub fn running(tasks: &str) -> (Place, Daemon) {
    let place = Place::with("schedules.toml", tasks);
    let daemon = start(&place);
    (place, daemon)
}

/// One that is asked so much that nobody would read its log.
pub fn quiet(tasks: &str) -> (Place, Daemon) {
    let place = Place::with("schedules.toml", tasks);
    let daemon = place.daemon(["--state", "state", "--socket", "s", "--log-level", "error"]);
    wait_until(|| UnixStream::connect(place.path("s")).ok()).expect("it answers");
    (place, daemon)
}

/// The exit code, and what was printed and complained of.
pub fn ask(place: &Place, words: &[&str]) -> (i32, String, String) {
    let output = place.taskd(words.iter().chain(&["--state", "state", "--socket", "s"]));
    let code = output.status.code().expect("it ends by itself");
    (code, text(&output.stdout), text(&output.stderr))
}

pub fn done(place: &Place, words: &[&str]) -> String {
    let (code, told, errors) = ask(place, words);
    assert_eq!(code, 0, "{words:?}: {told} {errors}");
    told
}

pub fn object(place: &Place, words: &[&str]) -> Value {
    json_lines(done(place, words).as_bytes()).remove(0)
}

/// Speaks plain HTTP, as any client may; returns the status and the body.
pub fn http(place: &Place, method: &str, path: &str, body: &str) -> (u16, Value) {
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
