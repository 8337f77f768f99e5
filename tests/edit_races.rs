//! The schedule file changed by verbs while somebody else is at it, and what an editor may do to it.

mod support;

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Output, Stdio};

use support::{Place, text, wait_until};

const TASK: &str = "[tasks.backup]\ncron = '0 2 * * *'\ncommand = \"true\"\n";

/// taskd, which waits for the lock of the file `name`.
fn waiting(place: &Place, name: &str, words: &[&str]) -> Child {
    let mut command = place.command(words);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("taskd starts");
    let file = place.path(name).canonicalize().expect("it is there");
    let has_it = |entry: fs::DirEntry| fs::read_link(entry.path()).is_ok_and(|to| to == file);
    let fds = format!("/proc/{}/fd", child.id());
    let found = || fs::read_dir(&fds).ok()?.flatten().any(has_it).then_some(());
    wait_until(found).expect("it opens the file");
    child
}

fn end(child: Child) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = child.wait_with_output().expect("it ends");
    (status.code(), text(&stderr))
}

fn locked(path: &Path) -> File {
    let file = File::open(path).expect("it is there");
    file.lock().expect("nobody else has it");
    file
}

#[test]
fn who_has_waited_changes_what_is_there_then() {
    let place = Place::with("schedules.toml", TASK);
    let lock = locked(&place.path("schedules.toml"));
    let child = waiting(&place, "schedules.toml", &["set", "backup", "nice", "5"]);
    // Another file comes in its place, as an editor or a verb puts it there.
    place.write("new", &format!("# new\n{TASK}"));
    fs::rename(place.path("new"), place.path("schedules.toml")).expect("it can be");
    drop(lock);
    let (code, errors) = end(child);
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!(place.read("schedules.toml"), format!("# new\n{TASK}nice = 5\n"));
}

#[test]
fn who_begins_a_file_that_another_gives_up_begins_it_again() {
    let place = Place::with("schedules.toml", "");
    let lock = locked(&place.path("schedules.toml"));
    let words = ["add", "backup", "--cron", "@daily", "--", "true"];
    let child = waiting(&place, "schedules.toml", &words);
    fs::remove_file(place.path("schedules.toml")).expect("it is there");
    drop(lock);
    let (code, errors) = end(child);
    assert_eq!(code, Some(0), "{errors}");
    assert!(place.read("schedules.toml").starts_with("[tasks.backup]\n"));
}

#[test]
fn of_several_files_none_is_changed_where_one_has_changed_meanwhile() {
    let main = format!("include = ['more.toml']\n{TASK}");
    let place = Place::with("schedules.toml", &main);
    let more = TASK.replace("backup", "other");
    place.write("more.toml", &more);
    let lock = locked(&place.path("more.toml"));
    let child = waiting(&place, "more.toml", &["remove", "*"]);
    place.write("more.toml", &format!("# hand\n{more}"));
    drop(lock);
    let (code, errors) = end(child);
    assert_eq!(code, Some(75), "{errors}");
    assert!(errors.contains("`more.toml` has changed meanwhile"), "{errors}");
    assert_eq!(place.read("schedules.toml"), main);
    assert_eq!(place.read("more.toml"), format!("# hand\n{more}"));
}

/// What was written in an editor is kept wherever it cannot take its place, and is told.
#[test]
fn what_was_written_in_an_editor_is_kept() {
    let place = Place::with("schedules.toml", TASK);
    let file = place.path("schedules.toml").display().to_string();
    let ends = |editor: &str| {
        let mut command = place.command(["edit"]);
        let output = command.env("EDITOR", editor).output().expect("taskd starts");
        (output.status.code(), text(&output.stderr))
    };
    for (reason, editor, code, expected) in [
        ("it is wrong", "echo corn >>".into(), 78, "the file would be wrong"),
        ("it is no text", "printf '\\377' >>".into(), 1, "valid UTF-8"),
        (
            "the editor failed behind it",
            "f() { echo '#' >> $1; exit 3; }; f".into(),
            1,
            "has failed",
        ),
        (
            "the file has changed",
            format!("f() {{ echo '#' | tee -a {file} >> $1; echo '# x' >> $1; }}; f"),
            75,
            "has changed meanwhile",
        ),
        (
            "the file is gone",
            format!("f() {{ echo '#' >> $1; rm {file}; }}; f"),
            78,
            "schedules.toml",
        ),
        (
            "it is a directory now",
            format!("f() {{ echo '#' >> $1; rm {file}; mkdir {file}; }}; f"),
            2,
            "is no file that can be changed",
        ),
    ] {
        place.shell("rm -rf schedules.toml");
        place.write("schedules.toml", TASK);
        let (ended, errors) = ends(&editor);
        assert_eq!(ended, Some(code), "{reason}: {errors}");
        assert!(errors.contains(expected), "{reason}: {errors}");
        let kept = errors.split_once("kept in `").and_then(|(_, rest)| rest.split('`').next());
        let kept = kept.unwrap_or_else(|| panic!("{reason}: {errors}"));
        assert!(fs::read(kept).expect("it is there").starts_with(TASK.as_bytes()), "{reason}");
        fs::remove_file(kept).expect("it is ours");
    }
    // Nothing was written, so there is nothing to keep.
    place.shell("rm -rf schedules.toml");
    place.write("schedules.toml", TASK);
    for (reason, editor, code) in
        [("the editor took it away", "rm", 1), ("there is no such editor", "/nowhere/editor", 1)]
    {
        let (ended, errors) = ends(editor);
        assert_eq!(ended, Some(code), "{reason}: {errors}");
        assert!(!errors.contains("kept in"), "{reason}: {errors}");
        assert_eq!(place.read("schedules.toml"), TASK, "{reason}");
    }
}
