//! What this machine lacks for a schedule, and what only root may do: `validate --host` tells it, and
//! `run` warns of it.

use std::path::Path;

use rustix::fs::Access;

use crate::config::{Diagnostic, Entry, Plan, Problem, What};
use crate::runner::{EnvPlace, FromHome, User, find_program};

/// Adds a warning for each thing that a task of `plan` needs and this machine does not have.
pub fn judge(plan: &mut Plan) {
    warn(plan, |entry| lacking(entry).map(Problem::HostLacks));
}

/// Adds a warning for each task of `plan` that runs as somebody whom only root may be, unless this is
/// root.
pub fn judge_rights(plan: &mut Plan) {
    warn(plan, |entry| not_own(entry).map(Problem::NotRoot));
}

/// Whom an entry runs as, if only root may be that and this is not root.
fn not_own(entry: &Entry) -> Option<String> {
    let identity = &entry.command()?.execution.identity;
    let is_somebody = identity.user.is_some() || identity.group.is_some();
    if !is_somebody || rustix::process::geteuid().is_root() {
        return None;
    }
    let own = |who: &String| User::find(who).is_ok_and(|user| user.is_own());
    let user = identity.user.clone().filter(|who| !own(who));
    user.or_else(|| identity.group.clone())
}

/// Whether `plan` has tasks that cannot be run here at all; those [`is_unfit`] are told then, also
/// where a task allows them.
pub fn is_unfit_for(plan: &mut Plan) -> bool {
    let is_known = |entry: &Entry| {
        let of = |known: &&Diagnostic| known.task.as_ref() == Some(&entry.schedule.name);
        plan.diagnostics.iter().filter(of).any(|known| is_unfit(&known.problem))
    };
    let unfit = |entry: &Entry| match &entry.what {
        What::Rust(task) => Some(Problem::RustTask(task.name.to_string())),
        What::Command(_) => not_own(entry).map(Problem::NotRoot),
    };
    let found = plan.tasks.iter().filter_map(|entry| Some((entry, unfit(entry)?)));
    let found: Vec<_> = found.collect();
    let any = !found.is_empty();
    let untold = found.into_iter().filter(|(entry, _)| !is_known(entry));
    let untold: Vec<_> = untold.map(|(entry, problem)| of(entry, problem)).collect();
    plan.diagnostics.extend(untold);
    any
}

/// Whether a problem, be it a warning, is about a task that cannot be run here at all.
pub fn is_unfit(problem: &Problem) -> bool {
    matches!(problem, Problem::NotRoot(_) | Problem::RustTask(_))
}

fn of(entry: &Entry, problem: Problem) -> Diagnostic {
    let task = Some(entry.schedule.name.clone());
    Diagnostic { problem, file: entry.file, span: entry.place.clone(), task }
}

/// Adds what `wrong` finds about the tasks of `plan`, but for what they allow.
fn warn(plan: &mut Plan, wrong: impl Fn(&Entry) -> Option<Problem>) {
    let found = plan.tasks.iter().filter_map(|entry| {
        let problem = wrong(entry)?;
        let is_allowed = entry.allow.iter().any(|code| code == problem.code());
        (!is_allowed).then(|| of(entry, problem))
    });
    let found: Vec<_> = found.collect();
    plan.diagnostics.extend(found);
}

fn lacking(entry: &Entry) -> Option<String> {
    let command = entry.command()?;
    let user = command.execution.identity.user.as_deref().map(|who| (who, User::find(who)));
    let user = match user {
        Some((who, Err(_))) => return Some(format!("user `{who}`")),
        Some((_, Ok(user))) => Some(user),
        None => None,
    };
    let directory = command.execution.directory.resolve(user.as_ref());
    if !directory.is_dir() {
        return Some(format!("directory `{}`", directory.display()));
    }
    let missing = |path: &FromHome| Some(path.resolve(user.as_ref())).filter(|path| !path.exists());
    let missing = command.execution.env_files.iter().find_map(|file| match &file.place {
        EnvPlace::Path(path) if !file.optional => missing(path),
        _ => None,
    });
    if let Some(missing) = missing {
        return Some(format!("env file `{}`", missing.display()));
    }
    let program = command.arguments.first()?;
    match find_program(program, &directory, command.search_path().as_deref()) {
        Ok(file) if is_executable(&file) => None,
        Ok(_) | Err(_) => Some(format!("program `{program}`")),
    }
}

fn is_executable(file: &Path) -> bool {
    file.is_file() && rustix::fs::access(file, Access::EXEC_OK).is_ok()
}
