//! Where output goes, with the real binary. Tests wait for states, never for a time.

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

use support::{Daemon, Place, may_mount, wait_until};

fn running(tasks: &str) -> (Place, Daemon) {
    support::running(tasks, &["--state", "state"])
}

/// The files of captured output of `task`, the oldest first.
fn captured(place: &Place, task: &str) -> Vec<PathBuf> {
    let Ok(files) = fs::read_dir(place.path("state/output")) else { return Vec::new() };
    let mut files: Vec<_> = files.map(|file| file.expect("it is readable").path()).collect();
    let of_task = |file: &PathBuf| file.to_string_lossy().contains(&format!("/{task}@"));
    files.retain(of_task);
    files.sort();
    files
}

#[test]
fn each_line_becomes_a_record_and_all_of_it_a_file() {
    let (place, mut daemon) = running(
        r#"
        [tasks.a]
        startup = "start"
        command = 'echo out; echo err >&2; printf "no end"'
        "#,
    );
    for expected in ["out", "err", "no end"] {
        let line = daemon.wait_for(expected);
        assert_eq!((&line["task"], &line["level"]), (&"a".into(), &"INFO".into()));
        assert!(line["run"].as_str().expect("text").starts_with("a@"), "{line}");
    }
    daemon.wait_for("run finished");
    let files = captured(&place, "a");
    assert_eq!(fs::read_to_string(&files[0]).expect("it is text"), "out\nerr\nno end");
    let mode = fs::metadata(place.path("state/output")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert_eq!(fs::metadata(&files[0]).expect("it is there").permissions().mode() & 0o777, 0o600);
    daemon.stop();
}

#[test]
fn a_line_is_told_while_the_run_goes_on() {
    let (place, mut daemon) = running(
        "[tasks.a]\nstartup = \"start\"\ncommand = \"echo first; while ! [ -e go ]; do sleep 0.01; done; echo second\"\n",
    );
    daemon.wait_for("first");
    place.write("go", "");
    daemon.wait_for("second");
    daemon.wait_for("run finished");
    daemon.stop();
}

#[test]
fn the_targets_are_what_they_say() {
    let (place, mut daemon) = running(
        r#"
        [tasks]
        logged    = { startup = "start", output = "log", command = "echo logged" }
        captured  = { startup = "start", output = "capture", command = "echo captured" }
        discarded = { startup = "start", output = "discard", command = "echo discarded; echo discarded >&2" }
        inherited = { startup = "start", output = "inherit", command = "echo inherited" }
        last      = { after = ["logged", "captured", "discarded", "inherited"], command = "echo all done" }
        "#,
    );
    let mut seen = Vec::new();
    loop {
        let row = daemon.next_record();
        let message = row["message"].as_str().expect("text").to_string();
        if message == "all done" {
            break;
        }
        seen.push(message);
    }
    assert!(seen.iter().any(|message| message == "logged"), "{seen:?}");
    for silent in ["captured", "discarded", "inherited"] {
        assert!(seen.iter().all(|message| message != silent), "{silent} in {seen:?}");
    }
    assert_eq!(captured(&place, "logged"), Vec::<PathBuf>::new(), "removed at the end");
    assert_eq!(captured(&place, "discarded"), Vec::<PathBuf>::new());
    let file = &captured(&place, "captured")[0];
    assert_eq!(fs::read_to_string(file).expect("it is text"), "captured\n");
    daemon.signal("TERM");
    let (_, output, _) = daemon.end();
    assert_eq!(output, "inherited\n");
}

#[test]
fn much_output_keeps_its_head_and_its_tail() {
    let (place, mut daemon) = running(
        r#"
        [tasks.much]
        startup = "start"
        output  = { to = "capture", max_size = "64KiB" }
        command = "seq 1 2000000; echo the end"
        "#,
    );
    assert_eq!(daemon.wait_for("run finished")["outcome"], "success");
    let file = captured(&place, "much").remove(0);
    let metadata = fs::metadata(&file).expect("it is there");
    assert!(metadata.len() > 10 << 20, "its offsets stay: {}", metadata.len());
    let kept = metadata.blocks() * 512;
    assert!(kept <= (64 << 10) + 8192, "{kept} bytes are kept");
    let bytes = fs::read(&file).expect("it is readable");
    assert!(bytes.starts_with(b"1\n2\n3\n"));
    assert!(bytes.ends_with(b"2000000\nthe end\n"));
    daemon.stop();
}

#[test]
fn binary_output_survives_and_lines_of_any_length_are_told() {
    let (place, mut daemon) = running(
        r#"
        [tasks.binary]
        startup = "start"
        command = 'printf "a\000b\377c\n"; head -c 20000 /dev/zero | tr "\0" x; echo y'
        "#,
    );
    let lengths = [8192, 8192, 3617];
    let first = daemon.next_output("binary");
    assert_eq!(first, "a\0b\u{fffd}c");
    for length in lengths {
        assert_eq!(daemon.next_output("binary").len(), length);
    }
    daemon.wait_for("run finished");
    let bytes = fs::read(&captured(&place, "binary")[0]).expect("it is readable");
    assert!(bytes.starts_with(b"a\0b\xffc\nxxx") && bytes.ends_with(b"xy\n"));
    assert_eq!(bytes.len(), 6 + 20_000 + 2);
    daemon.stop();
}

#[test]
fn so_many_files_are_kept() {
    let (place, mut daemon) = running(
        "[tasks.often]\ninterval = \"1s\"\noutput = { to = \"capture\", keep = 2 }\ncommand = \"echo $TASKD_DUE\"\n",
    );
    let mut last = String::new();
    for _ in 0..4 {
        last = daemon.wait_for("run finished")["due"].as_str().expect("text").to_string();
    }
    let files = captured(&place, "often");
    let texts: Vec<_> = files.iter().filter_map(|file| fs::read_to_string(file).ok()).collect();
    assert!(texts.contains(&format!("{last}\n")), "{texts:?} without {last}");
    // Two, and one of the next run.
    let few = wait_until(|| (captured(&place, "often").len() <= 3).then_some(()));
    assert!(few.is_some(), "{:?}", captured(&place, "often"));
    daemon.stop();
}

#[test]
fn attempts_of_a_run_share_its_file() {
    let (place, mut daemon) = running(
        "[tasks.a]\nstartup = \"start\"\nretry = { max = 1, delay = \"0s\" }\ncommand = \"echo $TASKD_ATTEMPT; exit 1\"\n",
    );
    assert_eq!(daemon.next_output("a"), "1");
    assert_eq!(daemon.next_output("a"), "2", "and not the first again");
    daemon.wait_for("run finished");
    assert_eq!(fs::read_to_string(&captured(&place, "a")[0]).expect("it is text"), "1\n2\n");
    daemon.stop();
}

#[test]
fn what_is_left_behind_holds_up_nothing_and_stays_within_bounds() {
    // The grandchild keeps the output open, and goes on writing; also as a daemon of its own, and
    // into a file that is removed when the run ends.
    for (start, output) in [("", "capture"), ("setsid", "capture"), ("setsid", "log")] {
        let (place, mut daemon) = running(&format!(
            r#"
            [tasks.a]
            startup = "start"
            output  = {{ to = "{output}", max_size = "64KiB" }}
            command = """
            {start} sh -c 'echo $$ > pid; while ! [ -e go ]; do sleep 0.01; done; while :; do head -c 65536 /dev/zero; sleep 0.01; done' &
            while ! [ -e pid ]; do sleep 0.01; done
            """
            "#
        ));
        assert_eq!(daemon.wait_for("run finished")["outcome"], "success");
        place.write("go", "");
        let writer = place.read("pid").trim().to_string();
        let metadata = || fs::metadata(format!("/proc/{writer}/fd/1")).expect("it writes on");
        wait_until(|| (metadata().len() > 20 << 20).then_some(())).expect("it writes on");
        let bounded = wait_until(|| (metadata().blocks() * 512 < 2 << 20).then_some(()));
        assert!(bounded.is_some(), "{} blocks", metadata().blocks());
        place.shell(&format!("kill -KILL {writer}"));
        daemon.stop();
    }
}

#[test]
fn an_output_that_was_cut_off_begins_anew() {
    let (place, mut daemon) = running(
        r#"
        [tasks.a]
        startup = "start"
        output  = { to = ["log", "capture"], max_size = "64KiB" }
        command = """
        seq 1 100000; echo before
        while ! [ -e go ]; do sleep 0.01; done
        echo after > /dev/stderr
        """
        "#,
    );
    while daemon.next_output("a") != "before" {}
    place.write("go", "");
    assert_eq!(daemon.next_output("a"), "after");
    assert_eq!(daemon.wait_for("run finished")["outcome"], "success");
    let kept = fs::read_to_string(&captured(&place, "a")[0]).expect("it is text");
    assert_eq!(kept, "after\n");
    daemon.stop();
}

#[test]
fn what_the_log_drops_is_told_in_its_own_format() {
    let (place, mut daemon) = running(
        r#"
        [tasks.a]
        startup = "start"
        output  = "log"
        command = "seq 1 50000"

        [tasks.b]
        after   = "a"
        command = "echo > over"
        "#,
    );
    // Nobody reads the log meanwhile.
    place.wait_for("over", |text| !text.is_empty());
    let told = daemon.wait_for("log lines were dropped: nobody read them in time");
    assert!(told["lost"].as_u64().is_some_and(|lost| lost > 0), "{told}");
    daemon.stop();
}

#[test]
fn the_file_of_a_run_that_goes_on_is_not_removed() {
    let (place, mut daemon) = running(
        r#"
        [tasks.a]
        interval = "1s"
        overlap  = "parallel"
        output   = { to = "capture", keep = 1 }
        command  = """
        if mkdir first; then echo one; while ! [ -e go ]; do sleep 0.01; done; echo two; fi
        if [ -e hold ]; then echo > held; while [ -e hold ]; do sleep 0.01; done; fi
        """
        "#,
    );
    for _ in 0..3 {
        daemon.wait_for("run finished");
    }
    // No other ends meanwhile.
    place.write("hold", "");
    place.wait_for("held", |text| !text.is_empty());
    place.write("go", "");
    let texts = || captured(&place, "a").iter().map(fs::read_to_string).collect::<Vec<_>>();
    let whole =
        |text: &std::io::Result<String>| text.as_ref().is_ok_and(|text| text == "one\ntwo\n");
    wait_until(|| texts().iter().any(whole).then_some(())).expect("it is kept until its end");
    fs::remove_file(place.path("hold")).expect("it is there");
    // It is the oldest, and goes when the next one ends.
    wait_until(|| (!texts().iter().any(whole)).then_some(())).expect("it goes after its end");
    daemon.stop();
}

#[test]
fn without_state_output_has_a_private_place_that_goes_with_the_daemon() {
    let place = Place::with(
        "schedules.toml",
        "[tasks.a]\nstartup = \"start\"\ncommand = \"exec 3>&1; readlink /proc/self/fd/3 > file; echo x\"\n",
    );
    let mut daemon = place.daemon(["--state", "none"]);
    daemon.wait_for("run finished");
    let file = PathBuf::from(place.read("file").trim());
    assert_eq!(fs::read_to_string(&file).expect("it is text"), "x\n");
    daemon.signal("TERM");
    daemon.end();
    assert!(!file.exists());
}

#[test]
fn where_no_holes_are_taken_output_comes_through_a_pipe() {
    let place = Place::with(
        "schedules.toml",
        r#"
        [tasks.a]
        startup = "start"
        output  = { to = ["log", "capture"], max_size = "1KiB" }
        command = "echo head; head -c 10000 /dev/zero; sleep 1000 & echo $! > pid; echo; echo the tail"

        [tasks.b]
        after   = { any = "a" }
        command = "taskd output a > told"
        "#,
    );
    place.shell("mkdir state");
    // A file system that keeps everything in memory, and knows no holes.
    let taskd = env!("CARGO_BIN_EXE_taskd");
    let line = format!(
        "mount -t ramfs none state && exec {taskd} run --state state --socket here --log-format json"
    );
    let mut command = std::process::Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", &line]).current_dir(place.path(""));
    let path = std::path::Path::new(taskd).parent().expect("it lies in a directory");
    command.env("PATH", format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", path.display()));
    if !may_mount() {
        return;
    }
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut daemon = Daemon::start(command);
    assert_eq!(daemon.next_output("a"), "head");
    let end = daemon.wait_for("run finished");
    assert_eq!((&end["task"], &end["outcome"]), (&"a".into(), &"success".into()));
    assert_eq!(daemon.wait_for("run finished")["outcome"], "success");
    let told = fs::read(place.path("told")).expect("it is there");
    let (head, tail) = (b"head\n\0\0\0", b"\0\0\n[taskd: ");
    assert!(told.starts_with(head), "{}", String::from_utf8_lossy(&told));
    assert!(told.windows(tail.len()).any(|part| part == tail) && told.ends_with(b"\nthe tail\n"));
    assert!(told.len() < 1200, "{}", told.len());
    place.shell("kill $(cat pid)");
    daemon.stop();
}
