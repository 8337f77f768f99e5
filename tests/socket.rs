//! The socket of a daemon, and the verbs that speak to it. Tests wait for states, never for a time.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};

use serde_json::Value;
use support::{Daemon, Place, text, wait_until};

const TASKS: &str = r#"
    [tasks.good]
    startup = "start"
    command = "echo well done"

    [tasks.bad]
    after   = { any = "good" }
    command = "echo oops; exit 3"

    [tasks.absent]
    after   = { any = "bad", on = "failure" }
    command = ["no-such-program-anywhere"]
"#;

/// A daemon of these tasks, with a socket in its own place.
fn running(tasks: &str) -> (Place, Daemon) {
    let place = Place::with("schedules.toml", tasks);
    let mut daemon = place.daemon(["--state", "none", "--socket", "run/here.sock"]);
    daemon.wait_for("running");
    (place, daemon)
}

fn ask(place: &Place, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = place.taskd(arguments.iter().copied().chain(["--socket", "run/here.sock"]));
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn rows(place: &Place, arguments: &[&str]) -> Vec<Value> {
    let (code, output, errors) = ask(place, &[&["history", "--json"], arguments].concat());
    assert_eq!(code, Some(0), "{errors}");
    support::json_lines(output.as_bytes())
}

/// Speaks plain HTTP, as any client may; returns the status and the body.
fn http(place: &Place, request: &str) -> (u16, String) {
    let mut stream = UnixStream::connect(place.path("run/here.sock")).expect("it answers");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    // A server that has had enough may close before all is read.
    let _ = stream.read_to_string(&mut answer);
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status.unwrap_or_default(), body.to_string())
}

fn get(place: &Place, path: &str) -> (u16, Value) {
    let (status, body) =
        http(place, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    (status, serde_json::from_str(&body).unwrap_or_else(|error| panic!("{body}: {error}")))
}

#[test]
fn history_tells_what_became_of_each_firing() {
    let (place, mut daemon) = running(TASKS);
    while daemon.wait_for("run finished")["task"] != "absent" {}
    let all = rows(&place, &[]);
    let told: Vec<_> = all
        .iter()
        .map(|row| (&row["task"], &row["outcome"]))
        .map(|(a, b)| (a.as_str().expect("text"), b.as_str().expect("text")))
        .collect();
    // The newest first.
    assert_eq!(told, [("absent", "not-started"), ("bad", "failed"), ("good", "success")]);
    let fields = [
        "run",
        "task",
        "due",
        "trigger",
        "verdict",
        "reason",
        "outcome",
        "started",
        "finished",
        "exit_code",
        "signal",
        "attempts",
        "cpu",
        "peak_memory",
    ];
    for row in &all {
        let keys: Vec<_> = row.as_object().expect("an object").keys().collect();
        assert_eq!(keys, fields, "every field is always there");
    }
    assert_eq!(all[0]["reason"], "no such program: `no-such-program-anywhere`");
    assert_eq!((&all[1]["exit_code"], &all[1]["trigger"]), (&3.into(), &"after".into()));
    for (arguments, expected) in [
        (&["--failed"][..], &["absent", "bad"][..]),
        (&["good"], &["good"]),
        (&["*a*"], &["absent", "bad"]),
        (&["--outcome", "success"], &["good"]),
        (&["--verdict", "skipped"], &[]),
        (&["--limit", "1"], &["absent"]),
        (&["--since", "1h"], &["absent", "bad", "good"]),
        (&["--until", "1h"], &[]),
    ] {
        let told = rows(&place, arguments);
        let told: Vec<_> = told.iter().map(|row| row["task"].as_str().expect("text")).collect();
        assert_eq!(told, expected, "{arguments:?}");
    }
    let (_, table, _) = ask(&place, &["history"]);
    assert!(table.starts_with("DUE "), "{table}");
    assert!(table.contains("exit code 3"), "{table}");
    let (code, _, errors) = ask(&place, &["history", "nobody"]);
    assert_eq!(code, Some(3), "{errors}");
    daemon.stop();
}

#[test]
fn output_prints_what_a_run_has_written() {
    let (place, mut daemon) = running(TASKS);
    while daemon.wait_for("run finished")["task"] != "absent" {}
    assert_eq!(ask(&place, &["output", "bad"]), (Some(0), "oops\n".into(), String::new()));
    let run = rows(&place, &["good"])[0]["run"].as_str().expect("text").to_string();
    assert_eq!(ask(&place, &["output", &run]).1, "well done\n");
    for nothing in ["nobody", "good@20200101T000000Z", "good@nonsense"] {
        let (code, _, errors) = ask(&place, &["output", nothing]);
        assert_eq!(code, Some(3), "{nothing}: {errors}");
        assert!(errors.contains("help: "), "{errors}");
    }
    daemon.stop();
}

#[test]
fn output_is_followed_until_the_run_has_ended() {
    let (place, mut daemon) = running(
        "[tasks.a]\nstartup = \"start\"\ncommand = \"echo first; while ! [ -e go ]; do sleep 0.01; done; echo last\"\n",
    );
    daemon.wait_for("first");
    let mut command = place.command(["output", "a", "--follow", "--socket", "run/here.sock"]);
    let mut follower = command.stdout(std::process::Stdio::piped()).spawn().expect("it starts");
    let mut stdout = follower.stdout.take().expect("it is a pipe");
    let mut first = [0; 6];
    stdout.read_exact(&mut first).expect("what is there comes at once");
    assert_eq!(&first, b"first\n");
    place.write("go", "");
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).expect("it is text");
    assert_eq!(rest, "last\n");
    assert!(follower.wait().expect("it ends").success());
    daemon.stop();
}

#[test]
fn any_http_client_may_ask() {
    let (place, mut daemon) = running(TASKS);
    while daemon.wait_for("run finished")["task"] != "absent" {}
    let (status, body) = get(&place, "/v1/status");
    assert_eq!(status, 200);
    assert_eq!(body["pid"], daemon.pid());
    assert_eq!(
        (&body["tasks"], &body["running"], &body["degraded"]),
        (&3.into(), &0.into(), &Value::Null)
    );
    assert_eq!(body["file"], place.path("schedules.toml").to_string_lossy().as_ref());

    let (status, page) = get(&place, "/v1/history?limit=2");
    assert_eq!((status, page["items"].as_array().map(Vec::len)), (200, Some(2)));
    let cursor = page["next"].as_str().expect("there is more").replace('@', "%40");
    let (_, page) = get(&place, &format!("/v1/history?limit=2&before={cursor}"));
    assert_eq!((page["items"][0]["task"].as_str(), &page["next"]), (Some("good"), &Value::Null));
    let run = page["items"][0]["run"].as_str().expect("text");
    assert_eq!(get(&place, &format!("/v1/runs/{run}")).1, page["items"][0]);

    for (path, status, code) in [
        ("/", 404, "no-such-path"),
        ("/v1/runs/x", 404, "no-such-run"),
        ("/v1/history?limit=0", 400, "bad-parameter"),
        ("/v1/history?since=yesterday", 400, "bad-parameter"),
        ("/v1/history?colour=red", 400, "bad-parameter"),
        ("/v1/history?task=nobody", 404, "no-such-task"),
        ("/v1/history?task=nob*", 404, "no-such-task"),
        ("/v1/history?task=%5B", 400, "bad-parameter"),
        ("/v1/why?task=nobody", 404, "no-such-task"),
    ] {
        let (found, body) = get(&place, path);
        assert_eq!((found, &body["error"]["code"]), (status, &code.into()), "{path}");
        assert!(body["error"]["message"].is_string(), "{path}");
    }
    daemon.stop();
}

#[test]
fn a_body_that_nobody_wants_is_refused_on_every_path() {
    let (place, daemon) = running(TASKS);
    for path in ["/v1/status", "/v1/history", "/v1/no-such-path"] {
        for (length, expected, code) in
            [(1, 422, "unwanted-body"), ((1 << 20) + 1, 413, "too-large")]
        {
            let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
            let body = "x".repeat(length);
            let request = format!("{head}Content-Length: {length}\r\n\r\n{body}");
            let (status, answer) = http(&place, &request);
            assert_eq!(status, expected, "{path}, {length}: {answer}");
            assert!(answer.contains(code), "{answer}");
        }
    }
    daemon.stop();
}

#[test]
fn who_waits_longest_for_a_request_makes_room() {
    let (place, daemon) = running(TASKS);
    let connect = || UnixStream::connect(place.path("run/here.sock")).expect("it answers");
    let mut idle: Vec<_> = (0..128).map(|_| connect()).collect();
    let (status, _) = get(&place, "/v1/status");
    assert_eq!(status, 200, "there is a place for one more");
    let mut rest = Vec::new();
    let closed = idle[0].read_to_end(&mut rest);
    assert!(closed.is_err() || rest.is_empty(), "the first was closed: {rest:?}");
    // The last one is still served.
    let last = idle.last_mut().expect("there are some");
    last.write_all(b"GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .expect("it is open");
    let mut answer = String::new();
    last.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    daemon.stop();
}

#[test]
fn nonsense_at_the_socket_harms_nobody() {
    let (place, daemon) = running(TASKS);
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(200_000));
    for request in ["\r\n\r\n", "hello\r\n\r\n", "GET", "\0\u{1}\u{2}", &long] {
        let mut stream = UnixStream::connect(place.path("run/here.sock")).expect("it answers");
        // It may have had enough before it has read all.
        let _ = stream.write_all(request.as_bytes());
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    assert_eq!(get(&place, "/v1/status").0, 200);
    let (status, _) =
        http(&place, "DELETE /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!(status, 405);
    daemon.stop();
}

#[test]
fn the_socket_is_private_and_goes_with_the_daemon() {
    let (place, daemon) = running(TASKS);
    let mode = |name: &str| {
        fs::metadata(place.path(name)).expect("it is there").permissions().mode() & 0o777
    };
    assert_eq!((mode("run"), mode("run/here.sock")), (0o700, 0o600));
    let names: Vec<_> = fs::read_dir(place.path("run")).expect("it is there").collect();
    assert_eq!(names.len(), 1, "nothing lies beside it: {names:?}");
    daemon.signal("TERM");
    daemon.end();
    assert!(!place.path("run/here.sock").exists());
}

#[test]
fn a_socket_that_nobody_answers_at_is_replaced_and_another_is_not() {
    let place = Place::with("schedules.toml", TASKS);
    drop(UnixListener::bind(place.path("here.sock")).expect("it can be bound"));
    let mut first = place.daemon(["--state", "none", "--socket", "here.sock"]);
    first.wait_for("running");
    let second = place.taskd(["run", "--state", "none", "--socket", "here.sock"]);
    assert_eq!(second.status.code(), Some(75));
    let said = text(&second.stderr);
    assert!(said.contains("another daemon answers") && said.contains("help: "), "{said}");
    first.stop();
    // What is no socket is never removed.
    place.write("here.sock", "precious");
    let third = place.taskd(["run", "--state", "none", "--socket", "here.sock"]);
    assert_eq!((third.status.code(), place.read("here.sock")), (Some(75), "precious".into()));
}

#[test]
fn without_a_daemon_every_place_that_was_tried_is_told() {
    let place = Place::with("schedules.toml", TASKS);
    let mut command = place.command(["history"]);
    let output = command.env("XDG_RUNTIME_DIR", "/run/user/nobody").output().expect("it starts");
    assert_eq!(output.status.code(), Some(69));
    let said = text(&output.stderr);
    for tried in
        ["/run/user/nobody/taskd/schedules-", "/run/taskd/schedules-", "taskd run schedules.toml"]
    {
        assert!(said.contains(tried), "{tried} in {said}");
    }
}

#[test]
fn another_users_daemon_is_told_from_none() {
    let place = Place::with("schedules.toml", TASKS);
    let is_root =
        std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").expect("it is there")) == 0;
    if !is_root {
        // Nobody else can be played.
        return;
    }
    let mut daemon = place.daemon(["--state", "none", "--socket", "run/here.sock"]);
    daemon.wait_for("running");
    fs::set_permissions(place.path(""), fs::Permissions::from_mode(0o755)).expect("it is ours");
    let taskd = env!("CARGO_BIN_EXE_taskd");
    // A copy where everyone may run it.
    fs::copy(taskd, place.path("taskd")).expect("it can be copied");
    let ask = |line: &str| {
        place.shell(&format!("setpriv --reuid=65534 --regid=65534 --clear-groups {line}"))
    };
    let output = ask("./taskd history --file schedules.toml --socket run/here.sock");
    assert_eq!(output.status.code(), Some(69));
    assert!(text(&output.stderr).contains("another user's"), "{}", text(&output.stderr));
    // Whoever gets past the directory is refused at the door.
    fs::set_permissions(place.path("run"), fs::Permissions::from_mode(0o755)).expect("it is ours");
    fs::set_permissions(place.path("run/here.sock"), fs::Permissions::from_mode(0o666))
        .expect("it is ours");
    let output = ask("./taskd history --file schedules.toml --socket run/here.sock");
    assert_eq!(output.status.code(), Some(69), "{}", text(&output.stderr));
    daemon.wait_for("another user was refused at the socket");
    daemon.stop();
}

#[test]
fn taskd_inside_a_task_speaks_to_its_own_daemon() {
    let taskd = env!("CARGO_BIN_EXE_taskd");
    let place = Place::new();
    place.write("schedules.toml", &format!(
        "[tasks.first]\nstartup = \"start\"\ncommand = \"echo from within\"\n[tasks.second]\nafter = \"first\"\ncwd = \"/\"\ncommand = '{taskd} output \"$TASKD_AFTER_RUN\" > {}'\n",
        place.path("told").display()
    ));
    let mut daemon = place.daemon(["--state", "none", "--socket", "run/here.sock"]);
    while daemon.wait_for("run finished")["task"] != "second" {}
    assert_eq!(place.read("told"), "from within\n");
    daemon.stop();
}

#[test]
fn a_state_directory_says_where_its_daemon_answers() {
    let place = Place::with("schedules.toml", TASKS);
    let mut daemon = place.daemon(["--state", "state", "--socket", "elsewhere.sock"]);
    daemon.wait_for("running");
    let answer = || {
        let output = place.taskd(["history", "good", "--json", "--state", "state"]);
        (output.status.code() == Some(0))
            .then(|| text(&output.stdout))
            .filter(|rows| rows.contains("success"))
    };
    assert!(wait_until(answer).is_some(), "it is found by the state alone");
    daemon.stop();
}
