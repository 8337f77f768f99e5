//! `taskd add`, `taskd set` and `taskd remove`: the schedule file changed by verbs.

use serde_json::json;
use toml_edit::{Array, Value};

use super::args::{Add, Changing, Global, Remove, Set};
use super::change::{self, Change, Texts};
use super::exit::{Exit, Failure};
use super::selection;
use crate::config::Severity;
use crate::config::edit::{self, Edit};
use crate::name::Name;

pub fn add(global: &Global, add: &Add) -> Result<Exit, Failure> {
    let (file, tasks) = selection::file_and_tasks(&add.words)?;
    let [task] = tasks.as_slice() else {
        let message = "this wants one task";
        let help = "write `taskd add TASK --cron \"0 3 * * *\" -- COMMAND`";
        return Err(Failure::new(Exit::Usage, message).help(help));
    };
    let task = change::name(task)?;
    let keys = keys(add)?;
    let change = Change::begin(global, file.as_deref(), true)?;
    if let Ok((file, _)) = change.find(task.as_str()) {
        // It tells how to change one that is there.
        change.edited(file, &[Edit::Add(task.clone())])?;
    }
    apply(change, 0, &task, &[Edit::Add(task.clone())], &keys, "added", &add.changing)
}

pub fn set(global: &Global, set: &Set) -> Result<Exit, Failure> {
    let (file, words) = match set.words.split_first() {
        Some((first, rest)) if selection::is_file(first) => (Some(first.as_ref()), rest),
        _ => (None, set.words.as_slice()),
    };
    let help = "write `taskd set TASK KEY VALUE`, or `taskd set TASK KEY --unset`";
    let usage = |message: &str| Failure::new(Exit::Usage, message).help(help);
    let [task, key, values @ ..] = words else {
        return Err(usage("this wants a task and a key"));
    };
    if values.is_empty() != set.unset {
        let message = if set.unset { "`--unset` wants no value" } else { "which value?" };
        return Err(usage(message));
    }
    let path = path(key)?;
    let change = Change::begin(global, file, false)?;
    let (file, task) = change.find(task)?;
    let (edits, keys) = if set.unset {
        (vec![Edit::Unset(task.clone(), path)], Vec::new())
    } else {
        (Vec::new(), vec![(path, readings(values))])
    };
    apply(change, file, &task, &edits, &keys, "changed", &set.changing)
}

/// A task as it is written: its file, its name, its tags.
type Written = (usize, String, Vec<String>);

pub fn remove(global: &Global, remove: &Remove) -> Result<Exit, Failure> {
    let (file, patterns) = selection::file_and_tasks(&remove.words)?;
    if patterns.is_empty() && remove.tag.is_empty() {
        let message = "which tasks?";
        return Err(Failure::new(Exit::Usage, message).help("write `taskd remove TASK`"));
    }
    let change = Change::begin(global, file.as_deref(), false)?;
    let entries = &change.plan.tasks;
    let written = |(file, name): (usize, String)| {
        let entry = entries.iter().find(|entry| entry.schedule.name.as_str() == name);
        let tags = entry.map(|entry| entry.about.tags.clone()).unwrap_or_default();
        (file, name, tags)
    };
    let all: Vec<Written> = change.tasks()?.into_iter().map(written).collect();
    let meant = selection::picked(
        all,
        |task| &task.1,
        |task| task.2.iter().map(String::as_str).collect(),
        &patterns,
        &remove.tag,
    )?;
    let mut texts = Texts::new();
    for file in meant.iter().map(|(file, ..)| *file) {
        let of_file = meant.iter().filter(|(other, ..)| *other == file);
        let edits: Result<Vec<_>, _> =
            of_file.map(|(_, task, _)| change::name(task).map(Edit::Remove)).collect();
        texts.insert(file, change.edited(file, &edits?)?);
    }
    let told: Vec<_> = meant
        .iter()
        .map(|(file, task, _)| {
            let path = change.plan.sources[*file].path.display().to_string();
            let row = json!({ "task": task, "change": "removed", "file": path });
            (format!("removed {task} from {path}"), row)
        })
        .collect();
    change.finish(&texts, &remove.changing, |_| told)
}

/// A key of a task, and what a person may mean as its value.
type Wanted = (Vec<String>, Vec<Value>);

/// Makes `edits` in a file, and sets `keys` of `task`: to what is right there, if a word may be read in
/// several ways.
fn apply(
    change: Change<'_>,
    file: usize,
    task: &Name,
    edits: &[Edit],
    keys: &[Wanted],
    what: &str,
    wants: &Changing,
) -> Result<Exit, Failure> {
    let mut chosen: Vec<usize> = vec![0; keys.len()];
    let text = |chosen: &[usize]| {
        let set = keys.iter().zip(chosen).map(|((path, readings), reading)| {
            Edit::Set(task.clone(), path.clone(), readings[*reading].clone())
        });
        change.edited(file, &edits.iter().cloned().chain(set).collect::<Vec<_>>())
    };
    let mut best = text(&chosen)?;
    let errors =
        |text: &str| change.judge(&Texts::from([(file, text.into())])).count(Severity::Error);
    let mut count = errors(&best);
    for key in 0..keys.len() {
        if count == 0 || keys[key].1.len() == 1 {
            continue;
        }
        // As a plain text, then.
        chosen[key] = 1;
        let other = text(&chosen)?;
        let fewer = errors(&other);
        if fewer < count {
            (best, count) = (other, fewer);
        } else {
            chosen[key] = 0;
        }
    }
    let texts = Texts::from([(file, best)]);
    change.finish(&texts, wants, |plan| change::of_task(plan, task, what).into_iter().collect())
}

/// What several words mean as a value: a list.
fn readings(words: &[String]) -> Vec<Value> {
    match words {
        [word] => edit::readings(word),
        words => {
            let read = words.iter().map(|word| edit::readings(word).remove(0));
            let texts = words.iter().map(String::as_str);
            vec![read.collect::<Array>().into(), texts.collect::<Array>().into()]
        }
    }
}

fn path(key: &str) -> Result<Vec<String>, Failure> {
    edit::path(key).ok_or_else(|| {
        let message = format!("`{key}` is no key");
        Failure::new(Exit::Usage, message).help("write `cron`, or `env.NAME` for one in a table")
    })
}

/// What the flags of `add` say.
fn keys(add: &Add) -> Result<Vec<Wanted>, Failure> {
    let mut keys: Vec<Wanted> = Vec::new();
    let texts = |words: &[String]| -> Value {
        match words {
            [word] => word.as_str().into(),
            words => words.iter().map(String::as_str).collect::<Array>().into(),
        }
    };
    for (key, words) in [
        ("interval", add.interval.as_slice()),
        ("cron", &add.cron),
        ("date", &add.date),
        ("startup", add.startup.as_slice()),
        ("after", &add.after),
        ("timezone", add.timezone.as_slice()),
        ("command", &add.command),
        ("description", add.description.as_slice()),
        ("tags", &add.tag),
        ("cwd", add.cwd.as_slice()),
        ("user", add.user.as_slice()),
        ("overlap", add.overlap.as_slice()),
        ("missed", add.missed.as_slice()),
        ("timeout", add.timeout.as_slice()),
        ("pool", add.pool.as_slice()),
    ] {
        if !words.is_empty() {
            keys.push((vec![key.into()], vec![texts(words)]));
        }
    }
    if let Some(word) = &add.retry {
        keys.push((vec!["retry".into()], edit::readings(word)));
    }
    for variable in &add.env {
        let (name, value) = selection::variable(variable)?;
        keys.push((vec!["env".into(), name.into()], vec![value.into()]));
    }
    for setting in &add.set {
        let Some((key, value)) = setting.split_once('=') else {
            let message = format!("`--set {setting}` has no value");
            return Err(Failure::new(Exit::Usage, message).help("write `--set KEY=VALUE`"));
        };
        keys.push((path(key.trim())?, edit::readings(value)));
    }
    Ok(keys)
}
