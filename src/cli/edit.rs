//! `taskd edit`: the schedule file in an editor; a wrong one never takes its place.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::args::{Edit, Global};
use super::change::{self, Change, Texts};
use super::exit::{Exit, Failure};
use super::{output, plan, selection};
use crate::config::{Plan, Severity};

pub fn edit(global: &Global, edit: &Edit) -> Result<Exit, Failure> {
    let (named, tasks) = selection::file_and_tasks(&edit.words)?;
    let change = Change::begin(global, named.as_deref(), false)?;
    let file = match tasks.as_slice() {
        [] => 0,
        [task] => change.find(task)?.0,
        _ => {
            let message = "this wants one task at most";
            let help = "write `taskd edit`, or `taskd edit TASK` for the file that it is in";
            return Err(Failure::new(Exit::Usage, message).help(help));
        }
    };
    let before = change.text(file).to_string();
    let mut copy = tempfile::Builder::new().prefix("schedules-").suffix(".toml").tempfile()?;
    copy.write_all(before.as_bytes())?;
    copy.flush()?;
    let done = by_editor(global, edit, named.as_deref(), (change, file, &before), copy.path());
    let written = fs::read(copy.path()).is_ok_and(|text| text != before.as_bytes());
    match done {
        Err(failure) if written => {
            // Whatever went wrong, what a person wrote is not lost.
            let (_, kept) = copy.keep().map_err(io::Error::from)?;
            let kept = format!("what you wrote is kept in `{}`", kept.display());
            let help = failure.words().1.map_or(kept.clone(), |help| format!("{help}; {kept}"));
            Err(failure.help(help))
        }
        done => done,
    }
}

/// Lets the copy at `path` be edited until it is right, and puts it in the place of the file.
fn by_editor(
    global: &Global,
    edit: &Edit,
    named: Option<&Path>,
    (mut change, file, before): (Change<'_>, usize, &str),
    path: &Path,
) -> Result<Exit, Failure> {
    let texts = loop {
        // Others may change it meanwhile; that is noticed.
        change.release();
        open(path)?;
        let text = fs::read_to_string(path)?;
        if text == before {
            output::complain("nothing is changed");
            return Ok(Exit::Ok);
        }
        let texts = Texts::from([(file, text)]);
        let then = change.judge(&texts);
        if then.is_valid() {
            break texts;
        }
        plan::show(&then, |diagnostic| diagnostic.problem.severity() == Severity::Error);
        if !again()? {
            let message = "nothing is changed: the file would be wrong";
            return Err(Failure::new(Exit::Config, message));
        }
    };
    change = Change::begin(global, named, false)?;
    if change.plan.sources.len() <= file || change.text(file) != before {
        let message = "nothing is changed: the file has changed meanwhile";
        return Err(Failure::new(Exit::Busy, message));
    }
    let old = change.plan.clone();
    change.finish(&texts, &edit.changing, |new| differences(&old, new))
}

/// Opens the file at `path` in the editor of the user.
fn open(path: &Path) -> Result<(), Failure> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let editor = set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".into());
    // It may have arguments of its own.
    let line = format!("{editor} \"$1\"");
    let status = Command::new("/bin/sh").args(["-c", &line, "taskd"]).arg(path).status()?;
    if status.success() {
        return Ok(());
    }
    let message = format!("nothing is changed: the editor `{editor}` has failed");
    Err(Failure::new(Exit::Failed, message).help("`$VISUAL` or `$EDITOR` names another"))
}

/// Asks whether to go on editing; without a terminal there is nobody to ask.
fn again() -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Ok(false);
    }
    let _ = write!(io::stderr(), "edit it again? [Y/n] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(!answer.is_empty() && !answer.trim().eq_ignore_ascii_case("n"))
}

/// What has become of tasks.
fn differences(old: &Plan, new: &Plan) -> Vec<(String, Value)> {
    let mut told = Vec::new();
    for entry in &new.tasks {
        let name = &entry.schedule.name;
        let before = old.tasks.iter().find(|before| before.schedule.name == *name);
        let what = match before {
            None => "added",
            Some(before) if (&before.schedule, &before.what) != (&entry.schedule, &entry.what) => {
                "changed"
            }
            Some(_) => continue,
        };
        told.extend(change::of_task(new, name, what));
    }
    for entry in &old.tasks {
        let name = &entry.schedule.name;
        if !new.tasks.iter().any(|after| after.schedule.name == *name) {
            let path = old.sources[entry.file].path.display().to_string();
            let row = json!({ "task": name, "change": "removed", "file": path });
            told.push((format!("removed {name} from {path}"), row));
        }
    }
    told
}
