//! What this machine lacks for a schedule: `validate --host` tells it, and `run` warns of it.

use std::path::Path;

use rustix::fs::Access;

use crate::config::{Diagnostic, Entry, Plan, Problem};
use crate::runner::find_program;

/// Adds a warning for each thing that a task of `plan` needs and this machine does not have.
pub fn judge(plan: &mut Plan) {
    let mut lacks = Vec::new();
    for entry in &plan.tasks {
        if let Some(what) = lacking(entry) {
            lacks.push(Diagnostic {
                problem: Problem::HostLacks(what),
                file: entry.file,
                span: entry.place.clone(),
                task: Some(entry.schedule.name.clone()),
            });
        }
    }
    plan.diagnostics.extend(lacks);
}

fn lacking(entry: &Entry) -> Option<String> {
    let command = &entry.command;
    let directory = command.directory.as_path();
    if !directory.is_dir() {
        return Some(format!("directory `{}`", directory.display()));
    }
    let program = command.arguments.first()?;
    match find_program(program, directory, command.search_path().as_deref()) {
        Ok(file) if is_executable(&file) => None,
        Ok(_) | Err(_) => Some(format!("program `{program}`")),
    }
}

fn is_executable(file: &Path) -> bool {
    file.is_file() && rustix::fs::access(file, Access::EXEC_OK).is_ok()
}
