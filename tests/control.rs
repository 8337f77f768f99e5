//! What persons want of a running daemon: each verb, and each request behind it. Tests wait for states,
//! never for a time.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};
use support::asking::{TASKS, ask, done, http, object, quiet, running, start};
use support::{Place, alive, is_root, json_lines, text, wait_until};

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
    // With its output, and its outcome; a variable is shown nowhere.
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
fn many_that_failed_are_not_well_while_they_run_again() {
    let task = |name: &str, code: u8| {
        let again = "while ! [ -e go ]; do sleep 0.1; done";
        let command =
            format!("if [ -e $TASKD_TASK ]; then {again}; else touch $TASKD_TASK; exit {code}; fi");
        format!("[tasks.{name}]\ninterval = \"1s\"\ncommand = \"{command}\"\n")
    };
    let bad: String = (0..30).map(|number| task(&format!("bad{number}"), 3)).collect();
    let (place, daemon) = quiet(&(bad + &task("well", 0)));
    let again = |task: &Value| {
        task["state"] == "running" && place.path(task["task"].as_str().unwrap_or("-")).exists()
    };
    wait_until(|| {
        let told = done(&place, &["status", "--json"]);
        json_lines(told.as_bytes()).iter().all(again).then_some(())
    })
    .expect("all of them run for the second time");
    let (code, told, _) = ask(&place, &["status", "--check", "--json"]);
    let told = json_lines(told.as_bytes());
    assert_eq!((code, told.len()), (1, 30), "{told:?}");
    assert!(told.iter().all(|task| task["task"] != "well"), "{told:?}");
    place.write("go", "");
    daemon.signal("TERM");
    daemon.end();
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

#[test]
fn what_a_person_has_given_to_a_run_outlives_a_crash() {
    const TASK: &str = r#"
        [pools.one]
        limit   = 1
        [tasks.first]
        startup = "start"
        pool    = "one"
        on_lost = "rerun"
        retry   = 9
        command = "echo $TASKD_ATTEMPT >> first; while ! [ -e go ]; do sleep 0.01; done"
        [tasks.second]
        date    = "2030-01-01"
        pool    = "one"
        command = 'echo "$GIVEN $TASKD_TRIGGER" >> second'
    "#;
    let (place, mut daemon) = running(TASK);
    place.wait_for("first", |text| !text.is_empty());
    let given = ["trigger", "second", "--force", "--env", "GIVEN=a = b"];
    assert!(done(&place, &given).contains(" waits: pool"));
    let told = done(&place, &["history", "--json"]);
    assert!(!told.contains("a = b"), "{told}");
    daemon.child.kill().expect("it goes on");
    daemon.child.wait().expect("it ends");
    daemon.forget();
    let daemon = start(&place);
    place.write("go", "");
    assert_eq!(place.wait_for("second", |text| text.ends_with('\n')), "a = b manual\n");
    daemon.stop();
}

#[test]
fn many_are_paused_in_one_step() {
    let (place, daemon) = quiet(TASKS);
    let told = done(&place, &["pause", "t*", "bad", "--reason", "why not"]);
    assert_eq!(told, "bad is paused: why not\ntick is paused: why not\n");
    assert_eq!(done(&place, &["resume", "bad", "tick"]), "bad goes on\ntick goes on\n");
    // All or none.
    let (status, told) = http(&place, "POST", "/v1/pause", r#"{"tasks": ["tick", "nobody"]}"#);
    assert_eq!((status, &told["error"]["code"]), (404, &"no-such-task".into()));
    assert_eq!(object(&place, &["status", "tick", "--json"])["paused"], Value::Null);
    let (status, _) = http(&place, "POST", "/v1/tasks/tick/pause", r#"{"tasks": ["bad"]}"#);
    assert_eq!(status, 422);
    let (status, told) = http(&place, "POST", "/v1/resume", r#"{"tasks": []}"#);
    assert_eq!((status, &told["items"]), (200, &json!([])));
    done(&place, &["stop"]);
    daemon.end();
}

#[test]
fn a_socket_alone_says_which_daemon_is_meant() {
    let (place, daemon) = quiet(TASKS);
    let elsewhere = Place::new();
    let socket = place.path("s");
    let socket = socket.to_str().expect("it is text");
    let output = elsewhere.taskd(["status", "tick", "--json", "--socket", socket]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(json_lines(&output.stdout)[0]["task"], "tick");
    done(&place, &["stop"]);
    daemon.end();
    let output = elsewhere.taskd(["status", "--socket", socket]);
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{errors}");
    assert!(errors.contains(socket), "{errors}");
}

#[test]
fn the_lines_for_curl_in_the_readme_work_as_they_are_written() {
    let readme = include_str!("../README.md");
    let lines: Vec<_> = readme.lines().filter(|line| line.starts_with("$ curl ")).collect();
    assert!(lines.len() >= 6, "{lines:?}");
    let (place, daemon) = quiet("[tasks.backup]\nstartup = \"start\"\ncommand = \"echo saved\"\n");
    let rows = || json_lines(done(&place, &["history", "backup", "--json"]).as_bytes());
    let row = wait_until(|| rows().pop().filter(|row| row["outcome"] == "success"));
    let run = row.expect("it has run")["run"].as_str().expect("text").to_string();
    for line in lines {
        let line = line.strip_prefix("$ curl ").expect("it was looked for");
        let line =
            line.replace("/run/taskd/taskd.sock", "s").replace("backup@20260105T083000Z", &run);
        let output = place.shell(&format!("curl --fail-with-body --silent {line}"));
        let told = text(&output.stdout);
        assert!(output.status.success(), "{line}: {told}{}", text(&output.stderr));
        if line.contains("/output") {
            assert_eq!(told, "saved\n");
        } else {
            assert_eq!(json_lines(told.as_bytes()).len(), 1, "{line}: {told}");
        }
    }
    let told = done(&place, &["status", "backup"]);
    assert!(told.contains("paused: the disk is full"), "{told}");
    done(&place, &["stop"]);
    daemon.end();
}
