//! `taskd validate`: everything that is wrong with schedule files.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use super::args::{Global, Validate};
use super::exit::{Exit, Failure};
use super::plan::plural;
use super::{host, locate, output, plan, selection, time};
use crate::clock;
use crate::config::{Diagnostic, Plan, Severity};
use crate::name::Name;
use crate::timetable;

/// A problem as `--json` prints it.
#[derive(Serialize)]
struct Row<'a> {
    severity: &'static str,
    code: &'static str,
    message: String,
    help: Option<String>,
    file: String,
    line: usize,
    column: usize,
    task: Option<&'a Name>,
}

pub fn validate(global: &Global, validate: &Validate) -> Result<Exit, Failure> {
    let files = if validate.files.is_empty() {
        vec![locate::locate(None, global)?.path]
    } else {
        validate.files.clone()
    };
    for path in &validate.files {
        selection::only_file("validate", Some(path))?;
    }
    let mut plans = Vec::new();
    for path in files {
        let mut plan = plan::read(&path, clock::wall_clock())?;
        host::judge_rights(&mut plan);
        if validate.host {
            host::judge(&mut plan);
        }
        plans.push((path, plan));
    }
    if validate.json {
        print_json(&plans)?;
    } else {
        print(&plans)?;
    }
    let wrong =
        |plan: &Plan| !plan.is_valid() || validate.strict && plan.count(Severity::Warning) > 0;
    let exit = if plans.iter().any(|(_, plan)| wrong(plan)) { Exit::Config } else { Exit::Ok };
    // The end of the process frees it at once; many thousands of tasks, one by one, take their time.
    std::mem::forget(plans);
    Ok(exit)
}

fn print(plans: &[(PathBuf, Plan)]) -> io::Result<()> {
    let mut out = output::results();
    for (path, plan) in plans {
        plan::show(plan, |_| true);
        if !plan.diagnostics.is_empty() {
            output::complain(&plan::summary(plan, path));
        }
        if plan.is_valid() {
            writeln!(out, "{}", fine(path, plan))?;
        }
    }
    out.flush()
}

/// `12 tasks in 1 file are fine, next backup at 2026-01-05T09:30:00+01:00 (in 3m)`.
fn fine(path: &Path, plan: &Plan) -> String {
    let now = clock::wall_clock();
    let are = if plan.tasks.len() == 1 { "is" } else { "are" };
    let tasks = plural(plan.tasks.len(), "task");
    let files = plural(plan.sources.len(), "file");
    let first = timetable::first(&plan.tasks, now);
    let next = first.map_or_else(
        || "nothing is left to fire".into(),
        |(entry, firing)| {
            let due = time::rfc3339(firing.due, &entry.zone);
            format!("next {} at {due} ({})", entry.schedule.name, time::relative(firing.due, now))
        },
    );
    format!("{}: {tasks} in {files} {are} fine, {next}", path.display())
}

fn print_json(plans: &[(PathBuf, Plan)]) -> io::Result<()> {
    let mut out = output::results();
    for row in plans.iter().flat_map(|(_, plan)| rows(plan)) {
        output::json_line(&mut out, &row)?;
    }
    out.flush()
}

/// What is wrong with a plan, each as a JSON object.
pub fn rows(plan: &Plan) -> Vec<Value> {
    let row = |diagnostic: &Diagnostic| {
        let source = &plan.sources[diagnostic.file];
        let position = source.position(diagnostic.span.start);
        serde_json::to_value(Row {
            severity: diagnostic.problem.severity().word(),
            code: diagnostic.problem.code(),
            message: diagnostic.problem.to_string(),
            help: diagnostic.problem.help(),
            file: source.path.display().to_string(),
            line: position.line,
            column: position.column,
            task: diagnostic.task.as_ref(),
        })
    };
    // Texts and numbers are always JSON.
    plan.diagnostics.iter().filter_map(|diagnostic| row(diagnostic).ok()).collect()
}
