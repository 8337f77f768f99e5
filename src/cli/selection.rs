//! Which tasks are meant.

use std::path::{Path, PathBuf};

use glob::Pattern;
use serde_json::Value;

use super::args::Selected;
use super::exit::{Exit, Failure};
use crate::config::{Entry, Plan};

/// The words of a command line, told apart: what has a `.` or `/` in it is a file, the rest are
/// tasks.
#[derive(Debug)]
pub struct Selection<'a> {
    /// The schedule file, if one was named.
    pub file: Option<PathBuf>,
    tasks: Vec<(&'a str, Pattern)>,
    tags: &'a [String],
}

/// Whether `word` means a file.
pub fn is_file(word: &str) -> bool {
    word == "-" || word.contains(['.', '/'])
}

impl<'a> Selection<'a> {
    /// Tells the words apart.
    ///
    /// # Errors
    ///
    /// Ends with 2 if there is more than one file, a run, or something that is no pattern.
    pub fn new(some: &'a Selected) -> Result<Self, Failure> {
        let mut selection = Self { file: None, tasks: Vec::new(), tags: &some.tag };
        for word in &some.words {
            if is_file(word) {
                if let Some(first) = selection.file.replace(word.into()) {
                    let message = format!("`{}` and `{word}` are two files", first.display());
                    return Err(Failure::new(Exit::Usage, message).help("name one schedule file"));
                }
            } else if word.contains('@') {
                let message = format!("`{word}` names a run, and this wants tasks");
                return Err(
                    Failure::new(Exit::Usage, message).help("write what stands before the `@`")
                );
            } else {
                let pattern = Pattern::new(word).map_err(|error| {
                    Failure::new(Exit::Usage, format!("`{word}` is no pattern: {}", error.msg))
                })?;
                selection.tasks.push((word, pattern));
            }
        }
        Ok(selection)
    }

    /// The tasks of `plan` that are meant: all, if none was named.
    ///
    /// # Errors
    ///
    /// Ends with 3 if a name or a pattern or a tag fits no task.
    pub fn of<'p>(&self, plan: &'p Plan) -> Result<Vec<&'p Entry>, Failure> {
        fn name(entry: &Entry) -> &str {
            entry.schedule.name.as_str()
        }
        for (word, pattern) in &self.tasks {
            if !plan.tasks.iter().any(|entry| pattern.matches(name(entry))) {
                let names = plan.tasks.iter().map(name);
                return Err(no_such("task", word, names));
            }
        }
        let tags =
            || plan.tasks.iter().flat_map(|entry| entry.about.tags.iter().map(String::as_str));
        for tag in self.tags {
            if !tags().any(|known| known == tag) {
                return Err(no_such("tag", tag, tags()));
            }
        }
        let meant = |entry: &&Entry| {
            let named = self.tasks.is_empty()
                || self.tasks.iter().any(|(_, pattern)| pattern.matches(name(entry)));
            let tagged =
                self.tags.is_empty() || self.tags.iter().any(|tag| entry.about.tags.contains(tag));
            named && tagged
        };
        Ok(plan.tasks.iter().filter(meant).collect())
    }
}

/// There is no `what` called `word`.
pub fn no_such<'a>(what: &str, word: &str, known: impl Iterator<Item = &'a str>) -> Failure {
    let failure = Failure::new(Exit::NoSuchTask, format!("there is no {what} `{word}`"));
    match crate::config::nearest(word, known) {
        Some(near) => failure.help(format!("did you mean `{near}`?")),
        None => failure.help("`taskd list` tells which tasks there are"),
    }
}

/// The schedule file among `words`, if there is one, and the others.
///
/// # Errors
///
/// Ends with 2 if there is more than one file.
pub fn file_and_words(words: &[String]) -> Result<(Option<PathBuf>, Vec<&str>), Failure> {
    let is_path = |word: &&String| is_file(word) && !word.contains('@');
    let files: Vec<_> = words.iter().filter(is_path).collect();
    if let [first, second, ..] = files.as_slice() {
        let message = format!("`{first}` and `{second}` are two files");
        return Err(Failure::new(Exit::Usage, message).help("name one schedule file"));
    }
    let others = words.iter().filter(|word| !is_path(word)).map(String::as_str).collect();
    Ok((files.first().map(PathBuf::from), others))
}

/// The schedule file among `words`, if there is one, and the tasks.
///
/// # Errors
///
/// Ends with 2 if there is more than one file, or a run.
pub fn file_and_tasks(words: &[String]) -> Result<(Option<PathBuf>, Vec<&str>), Failure> {
    let (file, tasks) = file_and_words(words)?;
    if let Some(run) = tasks.iter().find(|word| word.contains('@')) {
        let message = format!("`{run}` names a run, and this wants tasks");
        return Err(Failure::new(Exit::Usage, message).help("write what stands before the `@`"));
    }
    Ok((file, tasks))
}

/// Those of `all` tasks, as a daemon tells them, that `patterns` and `tags` mean: all, if there are none.
///
/// # Errors
///
/// Ends with 3 if a name or a pattern or a tag fits no task.
pub fn of_daemon(
    all: Vec<Value>,
    patterns: &[&str],
    tags: &[String],
) -> Result<Vec<Value>, Failure> {
    fn name(task: &Value) -> &str {
        task["task"].as_str().unwrap_or_default()
    }
    fn tags_of(task: &Value) -> Vec<&str> {
        let tags = &task["definition"]["tags"];
        let many = tags.as_array().into_iter().flatten().filter_map(Value::as_str);
        many.chain(tags.as_str()).collect()
    }
    picked(all, name, tags_of, patterns, tags)
}

/// Those of `all`, which have a name and tags, that `patterns` and `tags` mean: all, if there are none.
///
/// # Errors
///
/// Ends with 3 if a name or a pattern or a tag fits none.
pub fn picked<T>(
    all: Vec<T>,
    name: fn(&T) -> &str,
    tags_of: fn(&T) -> Vec<&str>,
    patterns: &[&str],
    tags: &[String],
) -> Result<Vec<T>, Failure> {
    let mut compiled = Vec::new();
    for word in patterns {
        let pattern = Pattern::new(word).map_err(|error| {
            Failure::new(Exit::Usage, format!("`{word}` is no pattern: {}", error.msg))
        })?;
        if !all.iter().any(|task| pattern.matches(name(task))) {
            return Err(no_such("task", word, all.iter().map(name)));
        }
        compiled.push(pattern);
    }
    for tag in tags {
        if !all.iter().any(|task| tags_of(task).contains(&tag.as_str())) {
            return Err(no_such("tag", tag, all.iter().flat_map(tags_of)));
        }
    }
    let meant = |task: &T| {
        let named =
            compiled.is_empty() || compiled.iter().any(|pattern| pattern.matches(name(task)));
        let tagged =
            tags.is_empty() || tags.iter().any(|tag| tags_of(task).contains(&tag.as_str()));
        named && tagged
    };
    Ok(all.into_iter().filter(meant).collect())
}

/// The name and the value of a variable that was typed in as `NAME=VALUE`.
///
/// # Errors
///
/// Ends with 2 if it is none. What stands there may be a secret, and is not told.
pub fn variable(text: &str) -> Result<(&str, &str), Failure> {
    text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
        let message = "`--env` wants a name and a value";
        Failure::new(Exit::Usage, message).help("write `--env NAME=VALUE`")
    })
}

/// Checks the path after `verb`, where only a file can stand.
///
/// # Errors
///
/// Ends with 2 if it looks like the name of a task.
pub fn only_file(verb: &str, path: Option<&Path>) -> Result<(), Failure> {
    match path.and_then(Path::to_str) {
        Some(word) if !is_file(word) => {
            let message =
                format!("`{word}` reads as the name of a task, and `{verb}` takes a schedule file");
            let help = format!(
                "write `./{word}` for a file of that name; `taskd next {word}` tells when a task runs"
            );
            Err(Failure::new(Exit::Usage, message).help(help))
        }
        _ => Ok(()),
    }
}
