//! Other files while a daemon runs. Tests wait for states, never for a time.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use support::asking::{TASKS, ask, done, http, object, quiet, running, start};
use support::{Daemon, Place, text, wait_until};

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
fn a_client_that_leaves_in_the_middle_leaves_nothing_half_done() {
    let (place, daemon) = quiet(TASKS);
    let more: String = (0..2_000)
        .map(|number| format!("[tasks.more{number}]\ninterval = \"1h\"\ncommand = \"true\"\n"))
        .collect();
    place.write("schedules.toml", &format!("{TASKS}{more}"));
    let request = b"POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    let taken_up = (1..1_000).any(|patience| {
        // Each time it leaves a little later, until it was in time to have asked.
        let mut client = UnixStream::connect(place.path("s")).expect("it answers");
        client.write_all(request).expect("it reads");
        client.set_read_timeout(Some(Duration::from_millis(patience))).expect("it can be set");
        let _ = client.read(&mut [0]);
        drop(client);
        let tasks = http(&place, "GET", "/v1/status", "").1["tasks"].as_u64();
        assert!(tasks == Some(4) || tasks == Some(2_004), "{tasks:?}");
        tasks == Some(2_004)
    });
    assert!(taken_up);
    let status = || object(&place, &["status", "tick", "--json"]);
    // What the engine runs and what is told of it are one.
    let (status_of_new, told) = http(&place, "GET", "/v1/tasks/more1999", "");
    assert_eq!(status_of_new, 200, "{told}");
    assert!(told["definition"].is_object() && told["next"][0].is_string(), "{told}");
    // A run of it may just go on.
    let state = status()["state"].as_str().map(String::from);
    assert!(matches!(state.as_deref(), Some("idle" | "running")), "{state:?}");
    done(&place, &["stop"]);
    daemon.end();
}

/// Changes `place` until the daemon has as many tasks.
fn until_there_are(place: &Place, tasks: usize, change: impl Fn()) {
    let there = || {
        change();
        let (_, told) = http(place, "GET", "/v1/status", "");
        (told["tasks"] == tasks).then_some(())
    };
    wait_until(there).unwrap_or_else(|| panic!("there are never {tasks} tasks"));
}

#[test]
fn links_that_are_switched_and_directories_that_come_back_are_changes() {
    let task = |name: &str| format!("[tasks.{name}]\ninterval = \"1h\"\ncommand = \"true\"\n");
    let main = "include = [\"current/*.toml\"]\n[daemon]\nwatch = true\n";
    let place = Place::with("schedules.toml", &format!("{main}{}", task("main")));
    place.write("old/a.toml", &task("a"));
    place.write("new/a.toml", &task("a"));
    place.write("new/b.toml", &task("b"));
    let point = |to: &str| {
        let _ = fs::remove_file(place.path("link"));
        std::os::unix::fs::symlink(place.path(to), place.path("link")).expect("it can be made");
        fs::rename(place.path("link"), place.path("current")).expect("it is there");
    };
    point("old");
    let daemon = place.daemon(["--state", "state", "--socket", "s", "--log-level", "error"]);
    wait_until(|| UnixStream::connect(place.path("s")).ok()).expect("it answers");
    // As a deployment does.
    until_there_are(&place, 3, || point("new"));
    // A directory that goes and comes back.
    fs::rename(place.path("new"), place.path("away")).expect("it is there");
    until_there_are(&place, 1, || {});
    fs::rename(place.path("away"), place.path("new")).expect("it is there");
    until_there_are(&place, 3, || {});
    // What is wrong there changes nothing, and is noticed again when it is mended.
    place.write("new/c.toml", "[tasks.c]\ncommand = \"true\"\n");
    let refused = || ask(&place, &["reload"]).0 == 78 || ask(&place, &["reload"]).0 == 2;
    assert!(refused());
    until_there_are(&place, 3, || {});
    place.write("new/c.toml", &task("c"));
    until_there_are(&place, 4, || {});
    done(&place, &["stop"]);
    daemon.end();
}
