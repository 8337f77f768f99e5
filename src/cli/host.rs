//! What this machine lacks for a schedule, and what only root may do: `validate --host` tells it, and
//! `run` warns of it.

use std::path::Path;

use rustix::fs::Access;

use crate::config::{Diagnostic, Entry, Plan, Problem};
use crate::runner::{EnvPlace, FromHome, User, find_program};

/// Adds a warning for each thing that a task of `plan` needs and this machine does not have.
pub fn judge(plan: &mut Plan) {
    warn(plan, |entry| lacking(entry).map(Problem::HostLacks));
}

/// Adds a warning for each task of `plan` that runs as somebody whom only root may be, unless this is
/// root; returns whether there is one.
pub fn judge_rights(plan: &mut Plan) -> bool {
    if rustix::process::geteuid().is_root() {
        return false;
    }
    warn(plan, |entry| {
        let identity = &entry.command.identity;
        let own = |who: &String| User::find(who).is_ok_and(|user| user.is_own());
        let user = identity.user.clone().filter(|who| !own(who));
        user.or_else(|| identity.group.clone()).map(Problem::NotRoot)
    })
}

/// Adds what `wrong` finds about the tasks of `plan`; returns whether that is anything.
fn warn(plan: &mut Plan, wrong: impl Fn(&Entry) -> Option<Problem>) -> bool {
    let found = plan.tasks.iter().filter_map(|entry| {
        let (file, span) = (entry.file, entry.place.clone());
        let task = Some(entry.schedule.name.clone());
        let problem = wrong(entry)?;
        let allowed = entry.allow.iter().any(|code| code == problem.code());
        Some((Diagnostic { problem, file, span, task }, allowed))
    });
    let found: Vec<_> = found.collect();
    let any = !found.is_empty();
    let told = found.into_iter().filter(|(_, allowed)| !allowed).map(|(found, _)| found);
    plan.diagnostics.extend(told.collect::<Vec<_>>());
    any
}

fn lacking(entry: &Entry) -> Option<String> {
    let command = &entry.command;
    let user = command.identity.user.as_deref().map(|who| (who, User::find(who)));
    let user = match user {
        Some((who, Err(_))) => return Some(format!("user `{who}`")),
        Some((_, Ok(user))) => Some(user),
        None => None,
    };
    let directory = command.directory.resolve(user.as_ref());
    if !directory.is_dir() {
        return Some(format!("directory `{}`", directory.display()));
    }
    let missing = |path: &FromHome| Some(path.resolve(user.as_ref())).filter(|path| !path.exists());
    let missing = command.env_files.iter().find_map(|file| match &file.place {
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
