//! The schedule file changed by verbs: nothing else in it moves, whoever else is at it, and whatever
//! happens in the middle.

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::time::Duration;

use support::{Daemon, Place, is_root, json_lines, text};

const FILE: &str = r#"# what this machine does
include = ["conf.d/*.toml"]

[tasks.backup]   # every night
cron    = '0 2 * * *'
command = "true"
"#;

const LINES: &str =
    "[tasks]\n# the small ones\nrotate = { interval = '1h', command = 'true' } # x\n";

fn place() -> Place {
    let place = Place::with("schedules.toml", FILE);
    place.write("conf.d/small.toml", LINES);
    place
}

/// The exit code, and what was printed and complained of.
fn taskd(place: &Place, words: &[&str]) -> (i32, String, String) {
    let output = place.taskd(words);
    let code = output.status.code().expect("it ends by itself");
    (code, text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_task_is_changed_where_it_is_written() {
    let place = place();
    let (code, told, _) = taskd(&place, &["set", "rotate", "interval", "2h"]);
    assert_eq!(code, 0);
    assert!(told.starts_with("changed rotate, conf.d/small.toml:3: every 2h, next at "), "{told}");
    assert_eq!(place.read("conf.d/small.toml"), LINES.replace("'1h'", "\"2h\""));
    assert_eq!(taskd(&place, &["set", "backup", "timeout", "10m"]).0, 0);
    let changed = format!("{FILE}timeout = \"10m\"\n");
    assert_eq!(place.read("schedules.toml"), changed);
    assert_eq!(taskd(&place, &["set", "backup", "timeout", "--unset"]).0, 0);
    assert_eq!(place.read("schedules.toml"), FILE);
    let add = ["add", "new", "--cron", "@daily", "--cron", "0 5 * * *", "--tag", "a", "--tag", "b"];
    let more =
        ["--env", "A=1=2", "--retry", "3", "--set", "output.keep=3", "--json", "--", "cp", "a b"];
    let (code, told, errors) = taskd(&place, &[&add[..], &more].concat());
    assert_eq!(code, 0, "{errors}");
    let row = &json_lines(told.as_bytes())[0];
    assert_eq!((&row["task"], &row["line"]), (&"new".into(), &8.into()));
    let section = r#"
[tasks.new]
cron = ["@daily", "0 5 * * *"]
command = ["cp", "a b"]
tags = ["a", "b"]
retry = 3
env = { A = "1=2" }
output = { keep = 3 }
"#;
    assert_eq!(place.read("schedules.toml"), format!("{FILE}{section}"));
    assert_eq!(taskd(&place, &["remove", "new", "rot*"]).0, 0);
    assert_eq!(place.read("schedules.toml"), FILE);
    assert_eq!(place.read("conf.d/small.toml"), "[tasks]\n");
}

#[test]
fn a_file_is_never_changed_into_a_wrong_one() {
    let place = place();
    for (words, code, expected) in [
        (&["set", "backup", "crn", "1"][..], 78, "did you mean `cron`?"),
        (&["set", "backup", "cron", "0 3 * *"], 78, "nothing is changed: there would be 1 error"),
        (&["set", "backup", "cron"], 2, "which value?"),
        (&["set", "backup", "cron", "1", "--unset"], 2, "`--unset` wants no value"),
        (&["set", "backup", "a b", "1"], 2, "`a b` is no key"),
        (&["set", "nobody", "cron", "@daily"], 3, "there is no task `nobody`"),
        (&["add", "backup", "--", "true"], 2, "there is a task `backup` already"),
        (&["add", "rotate", "--", "true"], 2, "there is a task `rotate` already"),
        (&["add", "new", "--", "true"], 78, "this task never says when to run"),
        (&["add", "new.task", "--interval", "1h", "--", "true"], 2, "this wants one task"),
        (&["add", "new", "--interval", "1h", "--set", "nice", "--", "true"], 2, "has no value"),
        (&["remove"], 2, "which tasks?"),
        (&["remove", "x*"], 3, "there is no task `x*`"),
        (&["remove", "[x"], 2, "`[x` is no pattern"),
        (&["remove", "backup", "--tag", "x"], 3, "there is no tag `x`"),
        (&["set", "-", "backup", "nice", "5"], 2, "standard input cannot be changed"),
    ] {
        let (ended, told, errors) = taskd(&place, words);
        assert_eq!(ended, code, "{words:?}: {told}{errors}");
        assert!(errors.contains(expected), "{words:?}: {errors}");
        assert_eq!(place.read("schedules.toml"), FILE, "{words:?}");
    }
    // Only shown.
    let (code, told, _) = taskd(&place, &["set", "backup", "nice", "--dry-run", "5"]);
    assert_eq!((code, place.read("schedules.toml").as_str()), (0, FILE));
    assert!(told.contains("\n command = \"true\"\n+nice    = 5\n"), "{told}");
    // A file with a byte order mark, and what is no file.
    let marked = format!("\u{feff}{LINES}");
    place.write("conf.d/small.toml", &marked);
    let (code, _, errors) = taskd(&place, &["set", "rotate", "nice", "5"]);
    assert_eq!(code, 0, "{errors}");
    assert!(place.read("conf.d/small.toml").starts_with("\u{feff}[tasks]\n# the small ones\n"));
    place.shell("mkfifo fifo.toml");
    let (code, _, errors) = taskd(&place, &["set", "./fifo.toml", "rotate", "nice", "5"]);
    assert!(code == 2 && errors.contains("is no file that can be changed"), "{errors}");
    // A broken file is not guessed at.
    place.write("schedules.toml", "[tasks.backup\n");
    let (code, _, errors) = taskd(&place, &["set", "backup", "nice", "5"]);
    assert_eq!(code, 78, "{errors}");
    assert!(errors.contains("this is no TOML"), "{errors}");
}

#[test]
fn the_first_task_begins_the_file() {
    let place = Place::new();
    let (code, _, errors) = taskd(&place, &["add", "hello", "--", "echo hello"]);
    assert_eq!(code, 78, "{errors}");
    assert!(!place.path("schedules.toml").exists(), "nothing is left of what came to nothing");
    let (code, told, _) = taskd(&place, &["add", "hello", "--interval", "10s", "--", "echo hello"]);
    assert_eq!(code, 0);
    assert!(told.starts_with("added hello, schedules.toml:1: every 10s, next at "), "{told}");
    let file = "[tasks.hello]\ninterval = \"10s\"\ncommand = \"echo hello\"\n";
    assert_eq!(place.read("schedules.toml"), file);
}

#[test]
fn links_owners_and_modes_stay() {
    let place = place();
    fs::rename(place.path("schedules.toml"), place.path("real.toml")).expect("it is there");
    symlink("real.toml", place.path("schedules.toml")).expect("it can be made");
    let mode = fs::Permissions::from_mode(0o640);
    fs::set_permissions(place.path("real.toml"), mode).expect("it is ours");
    if is_root() {
        let nobody = Some(65_534);
        std::os::unix::fs::chown(place.path("real.toml"), nobody, nobody).expect("root may");
    }
    let before = fs::metadata(place.path("real.toml")).expect("it is there");
    // Who was killed in the middle has left something.
    place.write(".real.toml.taskd-x", "half");
    assert_eq!(taskd(&place, &["set", "backup", "nice", "5"]).0, 0);
    let after = fs::metadata(place.path("real.toml")).expect("it is there");
    assert!(place.path("schedules.toml").is_symlink());
    let kept = |file: &fs::Metadata| (file.mode(), file.uid(), file.gid());
    assert_eq!(kept(&before), kept(&after));
    assert_ne!(before.ino(), after.ino(), "it was put in its place");
    assert!(!place.path(".real.toml.taskd-x").exists());
}

#[test]
fn eight_at_once_lose_nothing() {
    let place = Place::new();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let place = &place;
            scope.spawn(move || {
                for turn in 0..4 {
                    let name = format!("t{number}{turn}");
                    let add = ["add", &name, "--interval", "1h", "--", "true"];
                    let (code, _, errors) = taskd(place, &add);
                    assert_eq!(code, 0, "{errors}");
                }
            });
        }
    });
    let (_, told, _) = taskd(&place, &["list", "--json"]);
    assert_eq!(told.lines().count(), 32);
}

#[test]
fn who_is_killed_in_the_middle_leaves_the_old_file_or_the_new_one() {
    let place = place();
    let mut done = 0;
    for turn in 0..60_u64 {
        let name = format!("t{turn}");
        let mut child = place
            .command(["add", &name, "--interval", "1h", "--", "true"])
            .stderr(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("taskd starts");
        let before = place.read("schedules.toml");
        // Each a little later than the one before.
        std::thread::park_timeout(Duration::from_micros(turn * 300));
        child.kill().expect("it is ours");
        child.wait().expect("it ends");
        let after = place.read("schedules.toml");
        let new = format!("\n[tasks.{name}]\ninterval = \"1h\"\ncommand = \"true\"\n");
        assert!(after == before || after == format!("{before}{new}"), "{after}");
        done += usize::from(after != before);
    }
    assert!(done < 60, "some were in time");
    assert_eq!(taskd(&place, &["set", "backup", "nice", "5"]).0, 0);
    let left = fs::read_dir(place.path(".")).expect("it is there").flatten();
    let left = left.filter(|entry| entry.file_name().to_string_lossy().starts_with(".schedules"));
    assert_eq!(left.count(), 0, "what they have left is removed");
}

#[test]
fn a_daemon_takes_it_up() {
    let place = place();
    let mut daemon: Daemon = place.daemon(["--state", "state"]);
    daemon.wait_for("running");
    let with_state = |words: &[&str]| taskd(&place, &[&["--state", "state"], words].concat());
    let add = ["add", "hello", "--startup", "boot", "--interval", "1s", "--", "echo x >> said"];
    let (code, _, errors) = with_state(&add);
    assert_eq!((code, errors.as_str()), (0, ""));
    place.wait_for("said", |text| !text.is_empty());
    let (code, told, _) = with_state(&["set", "hello", "--json", "interval", "1h"]);
    assert_eq!(code, 0);
    assert_eq!(json_lines(told.as_bytes())[0]["reload"]["changed"][0], "hello");
    assert_eq!(with_state(&["remove", "hello"]).0, 0);
    let (_, told, _) = with_state(&["status", "--json"]);
    assert_eq!(json_lines(told.as_bytes()).len(), 2);
    daemon.stop();
}

#[test]
fn an_editor_changes_the_file_and_a_wrong_one_does_not_take_its_place() {
    let place = place();
    let edit = |editor: &str, words: &[&str]| {
        let mut command = place.command([&["edit"], words].concat());
        let output = command.env("EDITOR", editor).output().expect("taskd starts");
        let code = output.status.code().expect("it ends by itself");
        (code, text(&output.stdout), text(&output.stderr))
    };
    let (code, told, errors) = edit("sed -i s/1h/2h/", &["rotate"]);
    assert_eq!(code, 0, "{errors}");
    assert!(told.starts_with("changed rotate, conf.d/small.toml:3: every 2h"), "{told}");
    let (code, told, _) = edit("sed -i s/backup/save/", &[]);
    assert_eq!(code, 0);
    assert!(told.contains("added save, ") && told.contains("removed backup from "), "{told}");
    let saved = FILE.replace("backup", "save");
    for (editor, code, expected) in [
        ("true", 0, "nothing is changed"),
        ("false", 1, "the editor `false` has failed"),
        ("sed -i s/cron/corn/", 78, "what you wrote is kept in `"),
    ] {
        let (ended, _, errors) = edit(editor, &[]);
        assert_eq!(ended, code, "{editor}: {errors}");
        assert!(errors.contains(expected), "{editor}: {errors}");
        assert_eq!(place.read("schedules.toml"), saved);
        if let Some((_, kept)) = errors.split_once("kept in `") {
            let kept = kept.split('`').next().expect("it ends");
            assert!(fs::read_to_string(kept).expect("it is there").contains("corn"));
            fs::remove_file(kept).expect("it is ours");
        }
    }
    // Somebody else was there meanwhile.
    let other =
        format!("echo '# other' >> {} && echo '# x' >>", place.path("schedules.toml").display());
    let (code, _, errors) = edit(&other, &[]);
    assert_eq!(code, 75, "{errors}");
    assert_eq!(place.read("schedules.toml"), format!("{saved}# other\n"));
    let kept = errors.split("kept in `").nth(1).and_then(|rest| rest.split('`').next());
    fs::remove_file(kept.expect("it is told")).expect("it is ours");
}
