//! What a shell is told when somebody presses Tab: names of tasks, runs and keys beside verbs and flags.
//!
//! The scripts in `completions/` call taskd, which answers by `complete`; nothing is ever said about what
//! is wrong here.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::{CommandFactory, Parser};
use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter as _};
use clap_complete::env::CompleteEnv;

use super::args::{Arguments, Global};
use super::daemon;
use super::{locate, past, plan, selection, state};
use crate::clock;
use crate::config;
use crate::name::Name;
use crate::store::{Archive, Catalogue, Query, Records};

/// The variable by which the scripts ask.
pub const VARIABLE: &str = "TASKD_COMPLETE";

/// So many runs of a task are told at most: the newest.
const MOST_RUNS: usize = 50;

/// Answers a shell that wants to complete a command line, and tells whether one did.
///
/// # Errors
///
/// Returns what the generator says.
pub fn complete() -> clap::error::Result<bool> {
    let here = std::env::current_dir().ok();
    let completer = CompleteEnv::with_factory(Arguments::command).var(VARIABLE);
    completer.try_complete(std::env::args_os(), here.as_deref())
}

/// Names of tasks, and schedule files.
pub fn tasks(current: &OsStr) -> Vec<CompletionCandidate> {
    match current.to_str() {
        Some(word) if !selection::is_file(word) => starting_with(names(), word),
        _ => PathCompleter::file().complete(current),
    }
}

/// Names of tasks, their runs behind an `@`, and schedule files.
pub fn tasks_and_runs(current: &OsStr) -> Vec<CompletionCandidate> {
    match current.to_str().and_then(|word| Some((word, word.split_once('@')?.0))) {
        Some((word, task)) => starting_with(runs(task).unwrap_or_default(), word),
        None => tasks(current),
    }
}

/// Keys of tasks.
pub fn keys(current: &OsStr) -> Vec<CompletionCandidate> {
    let word = current.to_str().unwrap_or_default();
    starting_with(config::task_keys().iter().map(ToString::to_string).collect(), word)
}

/// First a task, then one of its keys; values are anybody's guess.
pub fn task_and_key(current: &OsStr) -> Vec<CompletionCandidate> {
    let words = words();
    let before = &words[..words.len().saturating_sub(1)];
    let before = before.iter().skip(1).filter(|word| !word.starts_with('-'));
    // A file may stand before the task; a key may have a dot, too.
    let is_first = |(at, word): &(usize, &String)| *at == 0 && selection::is_file(word);
    match before.enumerate().filter(|word| !is_first(word)).count() {
        0 => tasks(current),
        1 => keys(current),
        _ => Vec::new(),
    }
}

fn starting_with(words: Vec<String>, start: &str) -> Vec<CompletionCandidate> {
    words.into_iter().filter(|word| word.starts_with(start)).map(CompletionCandidate::new).collect()
}

/// The verb and what stands behind it, as far as it is written.
fn words() -> Vec<String> {
    let all: Vec<OsString> = std::env::args_os().collect();
    let behind = all.iter().position(|word| word == "--").map_or(0, |at| at + 2);
    all.iter().skip(behind).filter_map(|word| word.to_str()).map(Into::into).collect()
}

/// What the command line says of file and state, and the file that it names.
fn global() -> (Global, Option<PathBuf>) {
    let words = words();
    let value = |flag: &str| {
        let at = words.iter().position(|word| word == flag)?;
        words.get(at + 1).map(String::as_str)
    };
    let flags = ["--file", "--state", "--socket"];
    let known = flags.into_iter().filter_map(|flag| Some([flag, value(flag)?])).flatten();
    let parsed = Arguments::try_parse_from(["taskd"].into_iter().chain(known).chain(["stop"]));
    let global = parsed.map(|arguments| arguments.global);
    let global = global.unwrap_or_else(|_| Arguments::parse_from(["taskd", "stop"]).global);
    let complete = words.len().saturating_sub(1);
    let file = words.iter().take(complete).skip(1).find(|word| selection::is_file(word));
    (global, file.map(PathBuf::from))
}

fn names() -> Vec<String> {
    let (global, file) = global();
    let Ok(located) = locate::locate(file.as_deref(), &global) else { return Vec::new() };
    // A shell has nothing to say on standard input.
    let from_here = || plan::here().ok().filter(|_| located.path != std::path::Path::new("-"));
    let Some(here) = from_here() else { return Vec::new() };
    config::task_names(&located.path, &here)
}

fn runs(task: &str) -> Option<Vec<String>> {
    let (global, file) = global();
    let located = locate::locate(file.as_deref(), &global).ok()?;
    let plan = plan::read(&located.path, clock::wall_clock()).ok()?;
    let directory = state::directory(&global, &located, plan.daemon.state_dir.as_deref())?;
    let archive = Archive::open(&directory, Catalogue::new(past::known(&plan))).ok()?;
    let verdict = Some("run".into());
    let tasks = [Name::new(task).ok()?].into();
    let query = Query { tasks, verdict, limit: MOST_RUNS, ..Query::default() };
    let rows = daemon::block_on(async { Ok(archive.history(query).await.unwrap_or_default()) });
    Some(rows.ok()?.into_iter().map(|row| row.firing.to_string()).collect())
}
