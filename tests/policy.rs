//! Each key of the policy with the real binary. Tests wait for states, never for a time.

mod support;

use serde_json::Value;
use support::{Daemon, Place, alive, wait_until};

fn running(tasks: &str) -> (Place, Daemon) {
    support::running(tasks, &["--state", "none", "--log-level", "debug"])
}

/// The next end of a run of `task`.
fn end_of(daemon: &mut Daemon, task: &str) -> Value {
    loop {
        let end = daemon.wait_for("run finished");
        if end["task"] == task {
            return end;
        }
    }
}

#[test]
fn a_run_that_takes_too_long_is_stopped_with_its_whole_tree() {
    // Neither the task nor its child hears TERM; another has left for a session of its own.
    let (place, mut daemon) = running(
        r#"
        [tasks.deaf]
        startup    = "start"
        timeout    = "1s"
        stop_grace = "1s"
        command    = '''
        trap '' TERM
        (trap '' TERM; echo $$ > parent; while :; do sleep 1000; done) &
        echo $! > child
        setsid sh -c 'echo $$ > stray; exec sleep 1000' &
        while :; do sleep 1000; done
        '''
        "#,
    );
    let stray = place.wait_for("stray", |pid| pid.ends_with('\n'));
    let (parent, child) = (place.read("parent"), place.read("child"));
    assert!(alive(&parent) && alive(&child));
    let told = daemon.wait_for("a process of this run has left its group and goes on");
    assert_eq!((&told["task"], told["process"].to_string()), (&"deaf".into(), stray.trim().into()));
    assert_eq!(end_of(&mut daemon, "deaf")["outcome"], "timed-out");
    assert!(!alive(&parent) && !alive(&child) && alive(&stray));
    // It does not hear TERM either.
    place.shell(&format!("kill -KILL {stray}"));
    daemon.stop();
}

#[test]
fn a_task_is_asked_to_stop_by_the_signal_of_its_choice() {
    let (place, mut daemon) = running(
        "[tasks.a]\nstartup = \"start\"\ntimeout = \"1s\"\nstop_signal = \"SIGUSR1\"\ncommand = \"trap 'echo usr1 > heard; exit 0' USR1; while :; do sleep 0.01; done\"\n",
    );
    assert_eq!(end_of(&mut daemon, "a")["outcome"], "timed-out");
    assert_eq!(place.read("heard"), "usr1\n");
    daemon.stop();
}

#[test]
fn a_failed_attempt_is_followed_by_another() {
    let (place, mut daemon) = running(
        r#"
        [tasks.flaky]
        startup = "start"
        retry   = { max = 5, delay = "100ms", backoff = 1 }
        command = 'echo "$TASKD_RUN $TASKD_ATTEMPT" >> attempts; [ "$TASKD_ATTEMPT" = 3 ]'
        "#,
    );
    let again = daemon.wait_for("attempt failed, there will be another");
    assert_eq!((&again["attempt"], &again["outcome"]), (&1.into(), &"failed (exit code 1)".into()));
    let end = end_of(&mut daemon, "flaky");
    assert_eq!((&end["outcome"], &end["attempts"]), (&"success".into(), &3.into()));
    let run = end["run"].as_str().expect("text");
    assert_eq!(place.read("attempts"), format!("{run} 1\n{run} 2\n{run} 3\n"));
    daemon.stop();
}

#[test]
fn an_exit_code_may_count_as_success() {
    let (_place, mut daemon) = running(
        "[tasks.a]\nstartup = \"start\"\nsuccess_codes = [0, 3]\ncommand = \"exit 3\"\n[tasks.b]\nafter = \"a\"\nsuccess_codes = [3]\ncommand = \"true\"\n",
    );
    assert_eq!(end_of(&mut daemon, "a")["outcome"], "success");
    assert_eq!(end_of(&mut daemon, "b")["outcome"], "failed (exit code 0)");
    daemon.stop();
}

#[test]
fn a_queued_firing_runs_when_the_run_before_it_has_ended() {
    let (place, mut daemon) = running(
        "[tasks.a]\ninterval = \"1s\"\noverlap = \"queue\"\ncommand = 'echo x >> runs; while ! [ -e go ]; do sleep 0.01; done'\n",
    );
    let waits = daemon.wait_for("firing waits");
    assert_eq!(waits["reason"], "turn");
    assert_eq!(daemon.wait_for("firing skipped")["reason"], "overlap");
    assert_eq!(place.read("runs"), "x\n");
    place.write("go", "");
    let first = end_of(&mut daemon, "a");
    let second = end_of(&mut daemon, "a");
    assert_eq!(second["due"], waits["due"], "after {first}");
    daemon.stop();
}

#[test]
fn a_newer_firing_replaces_the_run_before_it() {
    let (_place, mut daemon) = running(
        "[tasks.a]\ninterval = \"1s\"\noverlap = \"replace\"\ncommand = \"exec sleep 1000\"\n",
    );
    let waits = daemon.wait_for("firing waits");
    assert_eq!(end_of(&mut daemon, "a")["outcome"], "stopped");
    let started = daemon.wait_for("run started");
    assert_eq!(started["due"], waits["due"]);
    daemon.stop();
}

#[test]
fn runs_go_on_beside_each_other_up_to_a_number() {
    let (place, mut daemon) = running(
        "[tasks.a]\ninterval = \"1s\"\noverlap = \"parallel\"\nmax_parallel = 2\ncommand = \"echo x >> runs; exec sleep 1000\"\n",
    );
    assert_eq!(daemon.wait_for("firing skipped")["reason"], "overlap");
    place.wait_for("runs", |runs| runs == "x\nx\n");
    daemon.stop();
}

/// Tasks that would all run at once, and leave a mark if another does.
fn crowd(policy: &str) -> String {
    let task = |n| {
        format!(
            "[tasks.t{n}]\nstartup = \"start\"\n{policy}\ncommand = 'mkdir busy || touch clash; sleep 0.1; rmdir busy; echo t{n} >> done'\n"
        )
    };
    (1..=4).map(task).collect()
}

#[test]
fn places_are_limited_in_a_pool_and_over_all() {
    for (limit, policy, reason) in [
        ("[pools.db]\nlimit = 1\n", "pool = \"db\"", "pool"),
        ("[daemon]\nmax_runs = 1\n", "", "max_runs"),
    ] {
        let (place, mut daemon) = running(&format!("{limit}{}", crowd(policy)));
        assert_eq!(daemon.wait_for("firing waits")["reason"], reason);
        // First due first, then by name.
        place.wait_for("done", |done| done == "t1\nt2\nt3\nt4\n");
        assert!(!place.path("clash").exists());
        daemon.stop();
    }
}

#[test]
fn a_task_comes_after_others_and_is_told_which() {
    let (place, mut daemon) = running(
        r#"
        [tasks.backup]
        startup = "start"
        command = "exit 7"

        [tasks.never]
        after   = "backup"
        command = "touch never"

        [tasks.alert]
        after   = { any = ["*"], on = "failure" }
        overlap = "parallel"
        command = 'echo "$TASKD_TRIGGER $TASKD_AFTER_TASK $TASKD_AFTER_RUN $TASKD_AFTER_OUTCOME" > told'
        "#,
    );
    let failed = end_of(&mut daemon, "backup");
    assert_eq!(end_of(&mut daemon, "alert")["outcome"], "success");
    let run = failed["run"].as_str().expect("text");
    assert_eq!(place.read("told"), format!("after backup {run} failed\n"));
    daemon.stop();
    assert!(!place.path("never").exists());
}

#[test]
fn an_attempt_knows_what_it_is() {
    let (place, mut daemon) = running(
        r#"
        timezone = "Asia/Kolkata"
        [tasks.a]
        interval = "1s"
        command  = 'env | grep ^TASKD_ | sort > "env.$TASKD_DUE"'
        "#,
    );
    let first = end_of(&mut daemon, "a");
    let second = end_of(&mut daemon, "a");
    let due = |end: &Value| end["due"].as_str().expect("text").to_string();
    let facts = place.read(&format!("env.{}", due(&second)));
    for expected in [
        "TASKD_ATTEMPT=1".to_string(),
        format!("TASKD_DUE={}", due(&second)),
        format!("TASKD_PREVIOUS_SUCCESS={}", due(&first)),
        format!("TASKD_RUN={}", second["run"].as_str().expect("text")),
        "TASKD_TASK=a".into(),
        "TASKD_TRIGGER=interval".into(),
    ] {
        assert!(facts.lines().any(|line| line == expected), "{expected} in {facts}");
    }
    assert!(facts.contains("TASKD_DUE_LOCAL=") && facts.contains("+05:30\n"), "{facts}");
    assert!(!facts.contains("TASKD_AFTER"), "{facts}");
    let first = place.read(&format!("env.{}", due(&first)));
    assert!(!first.contains("PREVIOUS"), "there was none: {first}");
    daemon.stop();
}

#[test]
fn what_was_missed_is_made_up_for() {
    for (policy, verdict) in [
        ("missed = \"latest\"", "firings coalesced"),
        ("missed = \"skip\"", "firings missed"),
        // Of those that are owed the newest two run, one after the other.
        ("missed = \"all\"\nmax_catch_up = 2\ngrace = \"0s\"", "firings missed"),
    ] {
        let (place, mut daemon) = running(&format!(
            "[tasks.a]\ninterval = \"1s\"\n{policy}\ncommand = \"echo x >> runs\"\n"
        ));
        place.wait_for("runs", |runs| !runs.is_empty());
        // As a suspended laptop, but for its clock of boot time.
        daemon.signal("STOP");
        let began = place.shell("date +%s");
        let second =
            |output: &std::process::Output| support::text(&output.stdout).trim().parse::<u64>();
        let began = second(&began).expect("a number");
        wait_until(|| {
            let now = second(&place.shell("date +%s")).expect("a number");
            (now >= began + 4).then_some(())
        });
        daemon.signal("CONT");
        let told = daemon.wait_for(verdict);
        assert_eq!(told["task"], "a");
        if policy.contains("all") {
            let last: jiff::Timestamp =
                told["last"].as_str().expect("text").parse().expect("an instant");
            for second in 1..=2 {
                let due = (last + jiff::SignedDuration::from_secs(second)).to_string();
                let run = daemon.wait_for("run started");
                assert_eq!(run["due"], due.as_str(), "{run} after {told}");
                daemon.wait_for("run finished");
            }
        }
        daemon.stop();
    }
}

#[test]
fn an_end_cuts_a_grace_short_that_has_begun() {
    // It is being stopped for its timeout when the daemon ends.
    let (place, daemon) = running(
        "[daemon]\nshutdown_grace = \"2s\"\n[tasks.deaf]\nstartup = \"start\"\ntimeout = \"1s\"\nstop_grace = \"1h\"\ncommand = \"trap 'echo heard > heard' TERM; echo $$ > pid; while :; do sleep 0.01; done\"\n",
    );
    place.wait_for("heard", |text| text.ends_with('\n'));
    daemon.signal("TERM");
    let (status, _, log) = daemon.end();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("\"outcome\":\"timed-out\"") && !alive(&place.read("pid")), "{log}");
}

#[test]
fn an_end_takes_no_longer_than_it_may() {
    let (place, daemon) = running(
        "[daemon]\nshutdown_grace = \"2s\"\n[tasks.deaf]\nstartup = \"start\"\nstop_grace = \"1h\"\ncommand = \"trap '' TERM; echo $$ > pid; while :; do sleep 0.01; done\"\n",
    );
    let pid = place.wait_for("pid", |pid| pid.ends_with('\n'));
    daemon.signal("TERM");
    let (status, _, log) = daemon.end();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("\"outcome\":\"stopped\"") && !alive(&pid), "{log}");
}
