//! What outlives a daemon: killed, restarted, out of room. Tests wait for states, never for a time.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use serde_json::Value;
use support::{Daemon, Place, alive, is_root, json_lines, may_mount, text, wait_until};

/// A daemon in this place; its state and its socket lie there, too.
fn start(place: &Place) -> Daemon {
    place.daemon(["--state", "state", "--socket", "s", "--log-level", "debug"])
}

/// The daemon dies, and nothing that it runs does.
fn kill(mut daemon: Daemon) {
    daemon.child.kill().expect("it goes on");
    daemon.child.wait().expect("it ends");
    daemon.forget();
}

fn history(place: &Place, words: &[&str]) -> Vec<Value> {
    let all = ["history", "--json", "--state", "state", "--socket", "s"];
    let most: &[&str] = if words.contains(&"--limit") { &[] } else { &["--limit", "100000"] };
    let output = place.taskd(all.iter().chain(words).chain(most));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    json_lines(&output.stdout)
}

/// What the daemon says of itself.
fn status(place: &Place) -> Option<Value> {
    let mut stream = UnixStream::connect(place.path("s")).ok()?;
    let request = "GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
}

#[test]
fn a_run_whose_end_nobody_saw_is_lost_or_goes_on_with_another_attempt() {
    let place = Place::with(
        "schedules.toml",
        r#"
        [tasks.lost]
        startup = { on = "boot" }
        command = "echo x >> lost; exec sleep 1000"

        [tasks.again]
        startup = { on = "boot" }
        on_lost = "rerun"
        command = 'echo $TASKD_ATTEMPT >> again; [ "$TASKD_ATTEMPT" = 2 ] || exec sleep 1000'

        [tasks.fails]
        startup = { on = "boot" }
        retry   = { max = 1, delay = "3s", jitter = 0 }
        command = "echo $TASKD_ATTEMPT >> fails; exit 1"

        [tasks.follows]
        after   = { any = "lost", on = "failure" }
        command = 'echo "$TASKD_AFTER_OUTCOME" >> follows'
        "#,
    );
    let mut daemon = start(&place);
    daemon.wait_for("attempt failed, there will be another");
    for name in ["lost", "again", "fails"] {
        place.wait_for(name, |text| !text.is_empty());
    }
    // As if the machine had died: all of it at once.
    daemon.kill_all();
    let mut daemon = start(&place);
    let mut ends = BTreeMap::new();
    while ends.len() < 4 {
        let end = daemon.wait_for("run finished");
        let outcome = end["outcome"].as_str().expect("text").to_string();
        ends.insert(end["task"].as_str().expect("text").to_string(), outcome);
    }
    let died = "lost (taskd or the machine died while it ran)";
    let expected = [
        ("again", "success"),
        ("fails", "failed (exit code 1)"),
        ("follows", "success"),
        ("lost", died),
    ];
    let expected = expected.map(|(task, outcome)| (task.to_string(), outcome.to_string()));
    assert_eq!(ends, BTreeMap::from(expected));
    assert_eq!(place.read("again"), "1\n2\n");
    assert_eq!(place.read("fails"), "1\n2\n", "its next attempt came in the next life");
    assert_eq!(place.read("lost"), "x\n", "the first start after a boot is one");
    assert_eq!(place.read("follows"), "lost\n");
    let rows = history(&place, &["lost"]);
    let row = rows.first().expect("it is on record");
    assert_eq!((&row["outcome"], &row["attempts"]), (&"lost".into(), &1.into()));
    daemon.stop();
}

#[test]
fn what_outlived_its_daemon_is_watched_until_it_ends() {
    let place = Place::with(
        "schedules.toml",
        r#"
        [tasks.long]
        interval = "1s"
        overlap  = "skip"
        command  = '''
        echo $TASKD_DUE >> starts
        while ! [ -e go ]; do sleep 0.01; done
        echo done
        '''

        [tasks.deaf]
        startup    = { on = "boot" }
        stop_grace = "1s"
        command    = "trap '' TERM; echo $$ > pid; while :; do sleep 0.01; done"
        "#,
    );
    let daemon = start(&place);
    place.wait_for("starts", |text| !text.is_empty());
    let pid = place.wait_for("pid", |text| text.ends_with('\n'));
    kill(daemon);
    assert!(alive(&pid));
    let mut daemon = start(&place);
    daemon.wait_for("a run of an earlier life goes on");
    daemon.wait_for("firing skipped");
    assert_eq!(place.read("starts").lines().count(), 1, "it still goes on");
    place.write("go", "");
    let end = daemon.wait_for("run finished");
    assert_eq!((&end["task"], &end["outcome"]), (&"long".into(), &"lost (ended unseen)".into()));
    wait_until(|| (place.read("starts").lines().count() > 1).then_some(())).expect("the next runs");
    // A shutdown reaches it, too.
    daemon.signal("TERM");
    daemon.wait_for("draining");
    daemon.signal("TERM");
    let (status, _, log) = daemon.end();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(!alive(&pid), "{log}");
    let rows = history(&place, &["deaf"]);
    assert_eq!(rows[0]["outcome"], "stopped");
}

#[test]
fn a_run_goes_on_as_long_as_the_process_it_began_with_whatever_that_has_become() {
    let place = Place::with(
        "schedules.toml",
        r#"
        # By its environment alone.
        [tasks.silent]
        startup = { on = "boot" }
        output  = "discard"
        command = "echo $$ > silent; exec sleep 1000"

        # By the file it writes to.
        [tasks.bare]
        startup = { on = "boot" }
        command = "echo $$ > bare; exec env -i sleep 1000"

        # Beside what has a group of its own, and is not waited for.
        [tasks.first]
        startup = { on = "boot" }
        command = "timeout 1000 sleep 1000 & echo $! > second; echo $$ > first; exec sleep 1000"

        # As somebody else, and known by both.
        [tasks.other]
        startup = { on = "boot" }
        command = """
        echo $$ > other
        exec $(command -v setpriv && [ $(id -u) = 0 ] && echo '--reuid 65534 --clear-groups') sleep 1000
        """

        # It has left something behind, and ended.
        [tasks.left]
        startup = { on = "boot" }
        command = """
        sleep 1000 &
        echo $! > behind
        echo $$ > left
        while ! [ -e dead ]; do sleep 0.01; done
        """
        "#,
    );
    let daemon = start(&place);
    let pids = ["silent", "bare", "first", "other", "left"]
        .map(|name| place.wait_for(name, |text| text.ends_with('\n')));
    kill(daemon);
    place.write("dead", "");
    wait_until(|| (!alive(&pids[4])).then_some(())).expect("it ends");
    // The same directory by another name.
    let mut daemon = place.daemon(["--state", "state/../state/", "--socket", "s"]);
    let end = daemon.wait_for("run finished");
    let died = "lost (taskd or the machine died while it ran)";
    assert_eq!((&end["task"], &end["outcome"]), (&"left".into(), &died.into()));
    for (name, pid) in ["silent", "bare", "first", "other"].iter().zip(&pids) {
        assert!(alive(pid), "{name}");
        Command::new("kill").arg(pid.trim()).status().expect("there is a `kill`");
        let end = daemon.wait_for("run finished");
        let expected = (&Value::from(*name), &"lost (ended unseen)".into());
        assert_eq!((&end["task"], &end["outcome"]), expected);
    }
    for behind in ["behind", "second"].map(|name| place.read(name)) {
        assert!(alive(&behind), "what is left behind is left alone");
        Command::new("kill").arg(behind.trim()).status().expect("there is a `kill`");
    }
    daemon.stop();
}

#[test]
fn what_outlived_its_task_is_still_stopped_in_time_and_by_another_name_it_is_still_in_the_way() {
    let task = |name: &str, more: &str| {
        format!(
            "[tasks.{name}]\ninterval = \"1s\"\n{more}\ncommand = \"echo $$ >> {name}; exec sleep 1000\"\n"
        )
    };
    let old = |name: &str| task(name, "timeout = \"3s\"\nstop_signal = \"INT\"");
    let place = Place::with("schedules.toml", &format!("{}{}", old("gone"), old("old")));
    let daemon = start(&place);
    let pids = ["gone", "old"].map(|name| place.wait_for(name, |text| text.ends_with('\n')));
    kill(daemon);
    place.write("schedules.toml", &task("new", "renamed_from = \"old\""));
    let mut daemon = start(&place);
    let skipped = daemon.wait_for("firing skipped");
    assert_eq!((&skipped["task"], &skipped["reason"]), (&"new".into(), &"overlap".into()));
    let mut ends = BTreeMap::new();
    while ends.len() < 2 {
        let end = daemon.wait_for("run finished");
        ends.insert(end["task"].to_string(), end["outcome"].to_string());
    }
    for name in ["gone", "old"] {
        assert_eq!(ends[&format!("\"{name}\"")], "\"timed-out\"");
    }
    assert!(pids.iter().all(|pid| !alive(pid)));
    place.wait_for("new", |text| !text.is_empty());
    daemon.signal("TERM");
    daemon.wait_for("draining");
    daemon.signal("TERM");
    assert_eq!(daemon.end().0.code(), Some(0));
}

#[test]
fn what_came_due_meanwhile_is_one_stretch_and_told_as_single_firings() {
    let tasks = |interval: &str| {
        format!("[tasks.often]\ninterval = \"{interval}\"\ncommand = \"echo $TASKD_DUE >> runs\"\n")
    };
    let place = Place::with("schedules.toml", &tasks("1s"));
    let daemon = start(&place);
    place.wait_for("runs", |text| !text.is_empty());
    kill(daemon);
    let seconds = || place.shell("date +%s").stdout;
    let began = text(&seconds()).trim().parse::<u64>().expect("a number");
    wait_until(|| {
        let now = text(&seconds()).trim().parse::<u64>().expect("a number");
        (now >= began + 4).then_some(())
    });
    let mut daemon = start(&place);
    let missed = daemon.wait_for("firings missed");
    assert!(missed["count"].to_string().trim_matches('"').parse::<u32>().expect("a number") >= 2);
    place.wait_for("runs", |text| text.lines().count() >= 4);
    daemon.stop();
    // Every second has one verdict.
    let rows = history(&place, &["often"]);
    let dues: Vec<jiff::Timestamp> =
        rows.iter().map(|row| row["due"].as_str().expect("text").parse().expect("due")).collect();
    for pair in dues.windows(2) {
        assert_eq!(pair[0].duration_since(pair[1]).as_secs(), 1, "{rows:?}");
    }
    assert!(rows.iter().any(|row| row["verdict"] == "missed"));
    // Another trigger looks forward: what the old one owed is missed.
    place.write("schedules.toml", &tasks("3600s"));
    let mut daemon = start(&place);
    daemon.wait_for("task changed");
    assert_eq!(daemon.wait_for("running")["tasks"], 1);
    daemon.stop();
}

#[test]
fn a_task_that_was_renamed_meanwhile_owes_by_its_new_name_what_it_owed_by_the_old_one() {
    let task = |name: &str, more: &str| {
        format!("[tasks.{name}]\ninterval = \"1s\"\n{more}\ncommand = \"echo >> {name}\"\n")
    };
    let place = Place::with("schedules.toml", &task("old", ""));
    let daemon = start(&place);
    place.wait_for("old", |text| !text.is_empty());
    kill(daemon);
    place.write("schedules.toml", &task("new", "renamed_from = \"old\""));
    let mut daemon = start(&place);
    let renamed = daemon.wait_for("task renamed");
    assert_eq!((&renamed["task"], &renamed["renamed_from"]), (&"new".into(), &"old".into()));
    place.wait_for("new", |text| !text.is_empty());
    daemon.stop();
    let rows = history(&place, &[]);
    let mut names: Vec<_> = rows.iter().map(|row| row["task"].as_str().expect("text")).collect();
    names.dedup();
    assert_eq!(names, ["new", "old"], "{rows:?}");
    let dues: Vec<jiff::Timestamp> =
        rows.iter().map(|row| row["due"].as_str().expect("text").parse().expect("due")).collect();
    for pair in dues.windows(2) {
        assert_eq!(pair[0].duration_since(pair[1]).as_secs(), 1, "{rows:?}");
    }
}

#[test]
fn a_task_that_comes_after_others_is_renamed_with_its_pause_and_its_progress() {
    let plan = |join: &str| {
        let gated = |name: &str| {
            format!(
                "[tasks.{name}]\ninterval = \"1s\"\ncommand = \"while ! [ -e go-{name} ]; do sleep 0.01; done\"\n"
            )
        };
        format!("{}{}{join}command = \"echo $TASKD_TASK >> join\"\n", gated("a"), gated("b"))
    };
    let place = Place::with("schedules.toml", &plan("[tasks.old]\nafter = [\"a\", \"b\"]\n"));
    let mut daemon = start(&place);
    place.write("go-a", "");
    daemon.wait_for("run finished");
    // Cleanly, so that this is on record.
    daemon.signal("TERM");
    daemon.wait_for("draining");
    daemon.signal("TERM");
    daemon.end();
    let new = "[tasks.new]\nrenamed_from = \"old\"\nafter = [\"a\", \"b\"]\n";
    place.write("schedules.toml", &plan(new));
    fs::remove_file(place.path("go-a")).expect("it is there");
    place.write("go-b", "");
    let mut daemon = start(&place);
    daemon.wait_for("task renamed");
    assert_eq!(place.wait_for("join", |text| !text.is_empty()), "new\n");
    daemon.kill_all();
}

#[test]
fn a_database_that_cannot_be_used_is_told() {
    let tasks = "[tasks.a]\nstartup = \"start\"\ncommand = \"true\"\n";
    let place = Place::with("schedules.toml", tasks);
    let mut daemon = start(&place);
    daemon.wait_for("run finished");
    daemon.stop();
    let file = place.path("state/taskd.db");
    assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o600);
    // Of a newer version.
    let good = fs::read(&file).expect("it is readable");
    let mut newer = good.clone();
    newer[60..64].copy_from_slice(&99_u32.to_be_bytes());
    fs::write(&file, &newer).expect("it is ours");
    let output = place.taskd(["run", "--state", "state", "--socket", "s"]);
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(75), "{errors}");
    assert!(errors.contains("has format 99") && errors.contains("knows up to 1"), "{errors}");
    // Damaged where only a question looks: no empty answer, but an error.
    let mut damaged = good.clone();
    damaged[4096..].fill(0xff);
    fs::write(&file, &damaged).expect("it is ours");
    let output = place.taskd(["history", "--state", "state", "--socket", "s"]);
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("the history cannot be read: "), "{errors}");
    assert!(errors.contains("help: it lies in `taskd.db`"), "{errors}");
    // Damaged: moved aside, never deleted, and said.
    for (number, damaged) in [&b"no database at all, but long enough to be looked at"[..], &{
        let mut damaged = good.clone();
        damaged[100..4000].fill(0xff);
        damaged
    }]
    .iter()
    .enumerate()
    {
        fs::write(&file, damaged).expect("it is ours");
        let mut daemon = start(&place);
        let told =
            daemon.wait_for("the database could not be read and was moved aside; another begins");
        assert_eq!(daemon.wait_for("run finished")["outcome"], "success");
        daemon.stop();
        let aside = told["aside"].as_str().expect("text").to_string();
        assert!(aside.ends_with(&format!("taskd.db.unreadable-{}", number + 1)), "{aside}");
        let kept = fs::read(place.path(&aside)).expect("it is kept");
        assert_eq!(&kept, damaged);
    }
}

#[test]
fn a_state_that_may_not_be_written_is_read_and_one_that_is_another_users_is_told() {
    let tasks = "[tasks.a]\nstartup = \"start\"\ncommand = \"true\"\n";
    let place = Place::with("schedules.toml", tasks);
    let mut daemon = start(&place);
    daemon.wait_for("run finished");
    daemon.stop();
    let state = place.path("state");
    // Root may do anything, unless it may not.
    let ask = |verb: &str| {
        let taskd = [env!("CARGO_BIN_EXE_taskd"), verb, "a", "--state", "state", "--socket", "s"];
        let humble = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"];
        let words = if is_root() { [&humble[..], &taskd].concat() } else { taskd.to_vec() };
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).current_dir(place.path("")).output().expect("it starts")
    };
    let allow = |mode| {
        fs::set_permissions(&state, fs::Permissions::from_mode(mode)).expect("it is ours");
    };
    allow(0o555);
    for verb in ["history", "why"] {
        let output = ask(verb);
        assert_eq!(output.status.code(), Some(0), "{verb}: {}", text(&output.stderr));
        assert!(text(&output.stdout).contains("success"), "{verb}: {}", text(&output.stdout));
    }
    allow(0o700);
    if is_root() {
        std::os::unix::fs::chown(&state, Some(65_534), None).expect("root may");
        let output = ask("history");
        assert_eq!(output.status.code(), Some(69), "{}", text(&output.stderr));
        let expected = "the state in `state` is another user's";
        assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
    }
}

#[test]
fn a_full_disk_stops_no_task_and_what_was_not_recorded_is_recorded_later() {
    if !may_mount() {
        return;
    }
    let place = Place::with(
        "schedules.toml",
        "[tasks.a]\ninterval = \"1s\"\noutput = \"discard\"\ncommand = \"echo $TASKD_DUE >> runs\"\n",
    );
    place.shell("mkdir small");
    let taskd = env!("CARGO_BIN_EXE_taskd");
    let line = format!(
        "mount -t tmpfs -o size=1M none small && exec {taskd} run --state small/state --socket s --log-format json"
    );
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", &line]).current_dir(place.path(""));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut daemon = Daemon::start(command);
    place.wait_for("runs", |text| !text.is_empty());
    // Its file system is another's to this test, but for the way through its process.
    let inside = format!("/proc/{}/cwd/small", daemon.pid());
    let filled = Command::new("sh")
        .args(["-c", &format!("head -c 2000000 /dev/zero > {inside}/filler")])
        .stderr(Stdio::null())
        .status();
    filled.expect("there is a shell");
    let told = daemon.wait_for("what happens cannot be recorded; it is kept in memory");
    assert!(told["error"].as_str().expect("text").contains("full"), "{told}");
    let before = place.read("runs").lines().count();
    place.wait_for("runs", |text| text.lines().count() > before + 2);
    let told = status(&place).expect("it answers");
    let degraded = told["degraded"].as_str().expect("text");
    assert!(degraded.starts_with("what happens is not recorded: "), "{degraded}");
    fs::remove_file(format!("{inside}/filler")).expect("it is there");
    daemon.wait_for("what happens is recorded again, with all that was kept in memory");
    let output = place.taskd(["history", "--json", "--socket", "s", "-n", "1000"]);
    let rows = json_lines(&output.stdout);
    let runs = rows.iter().filter(|row| row["verdict"] == "run").count();
    assert_eq!(runs, rows.len(), "each of them ran");
    assert!(runs > before, "also those of the time without room: {rows:?}");
    daemon.stop();
}

/// Tasks of all kinds that tell each start, and what of them may start more than once.
const MIX: &str = r#"
    [defaults]
    output = "discard"

    [tasks]
    quick    = { interval = "1s", command = 'echo "$TASKD_RUN $TASKD_ATTEMPT" >> starts' }
    slow     = { interval = "1s", command = 'echo "$TASKD_RUN $TASKD_ATTEMPT" >> starts; sleep 0.7' }
    queue    = { interval = "1s", overlap = "queue", command = 'echo "$TASKD_RUN $TASKD_ATTEMPT" >> starts; sleep 1.3' }
    replace  = { interval = "1s", overlap = "replace", command = 'echo "$TASKD_RUN $TASKD_ATTEMPT" >> starts; sleep 1.6' }
    parallel = { interval = "1s", overlap = "parallel", pool = "few", command = 'echo "$TASKD_RUN $TASKD_ATTEMPT" >> starts; sleep 1.1' }
    all      = { interval = "1s", missed = "all", grace = "0s", command = 'echo "$TASKD_RUN $TASKD_ATTEMPT" >> starts' }
    retried  = { interval = "3s", retry = { max = 2, delay = "300ms" }, command = 'echo "$TASKD_RUN $TASKD_ATTEMPT" >> starts; exit 1' }
    rerun    = { interval = "3s", on_lost = "rerun", command = 'echo "$TASKD_RUN $TASKD_ATTEMPT" >> starts; sleep 0.5' }
    after    = { after = { any = "quick" }, overlap = "queue", command = 'echo "$TASKD_RUN $TASKD_ATTEMPT" >> starts' }

    [pools]
    few = { limit = 2 }
"#;

#[test]
fn however_it_is_killed_each_firing_has_one_verdict_and_none_starts_twice() {
    let full = std::env::var_os("TASKD_PROOF").is_some_and(|proof| proof == "full");
    let kills: u64 = if full { 250 } else { 8 };
    let place = Place::with("schedules.toml", MIX);
    // Moments that are not chosen, but can be chosen again.
    let mut random: u64 = 0x9e37_79b9_7f4a_7c15;
    for number in 0..kills {
        let mut daemon =
            place.daemon(["--state", "state", "--socket", "s", "--log-level", "debug"]);
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // After so many records of its log, wherever that is.
        for _ in 0..random % 120 {
            daemon.next_record();
        }
        if number % 3 == 0 {
            daemon.kill_all();
        } else {
            kill(daemon);
        }
    }
    // Nothing new comes, and what waits gets its verdict.
    let disabled = MIX.replace("output = \"discard\"", "output = \"discard\"\nenabled = false");
    place.write("schedules.toml", &disabled);
    let mut daemon = start(&place);
    daemon.wait_for("running");
    let is_idle = || {
        let status = status(&place)?;
        (status["waiting"] == 0 && status["running"] == 0).then_some(())
    };
    wait_until(is_idle).expect("all that waits runs");
    daemon.stop();

    let rows = history(&place, &[]);
    let mut verdicts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for row in &rows {
        let key = |name: &str| row[name].as_str().expect("text").to_string();
        *verdicts.entry((key("task"), key("due"))).or_default() += 1;
        let ended = row["verdict"] != "run" || row["outcome"].is_string();
        assert!(ended, "{row} goes on");
    }
    let twice: Vec<_> = verdicts.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "two verdicts: {twice:?}");
    for (task, length) in [("quick", 1), ("all", 1), ("queue", 1), ("replace", 1), ("retried", 3)] {
        let dues = verdicts.keys().filter(|(of, _)| of == task);
        let dues: Vec<i64> = dues
            .map(|(_, due)| due.parse::<jiff::Timestamp>().expect("an instant").as_second())
            .collect();
        let gaps: Vec<_> = dues.windows(2).filter(|pair| pair[1] - pair[0] != length).collect();
        assert!(gaps.is_empty(), "{task} has firings without a verdict: {gaps:?}");
    }
    // An attempt starts once: what was started is on record before it is.
    let starts = place.read("starts");
    let mut seen = BTreeSet::new();
    for start in starts.lines() {
        assert!(seen.insert(start), "{start} started twice");
    }
    let runs: BTreeSet<&str> = rows.iter().filter_map(|row| row["run"].as_str()).collect();
    for start in &seen {
        let run = start.split(' ').next().expect("there is always a first");
        assert!(runs.contains(run), "{run} started and is not on record");
    }
    println!("{kills} kills, {} firings, {} starts", rows.len(), seen.len());
}

#[test]
fn a_store_of_the_first_format_is_taken_over() {
    let place = Place::with("schedules.toml", include_str!("formats/1.toml"));
    fs::create_dir(place.path("state")).expect("it can be made");
    fs::copy("tests/formats/1.db", place.path("state/taskd.db")).expect("it can be written");
    let mut daemon = start(&place);
    let mut told = BTreeSet::new();
    while told.len() < 4 {
        let row = daemon.next_record();
        let message = row["message"].as_str().expect("text");
        let what = match (message, row["task"].as_str(), row["outcome"].as_str()) {
            ("run finished", Some("cut"), Some(outcome)) if outcome.starts_with("lost") => "lost",
            ("firings missed", Some("quick"), _) => "missed",
            ("attempt started", Some("fails"), _) => "tried again",
            ("run finished", Some("later"), Some("success")) => "waited",
            _ => continue,
        };
        told.insert(what);
    }
    daemon.stop();
    let rows = history(&place, &["cut", "--outcome", "lost"]);
    assert_eq!(rows[0]["run"], "cut@20261124T180345.125188Z");
    // One stretch that may be of millions, as single firings.
    let rows = history(&place, &["quick", "--verdict", "missed", "--limit", "3"]);
    assert_eq!(rows.len(), 3, "{rows:?}");
}
