//! `taskd list`: the tasks of a file, when they run, and where they are written.

use std::io::Write;

use jiff::Timestamp;
use serde::Serialize;

use super::args::{Global, List};
use super::exit::{Exit, Failure};
use super::render::{self, Grid};
use super::selection::Selection;
use super::{locate, output, plan, time};
use crate::clock;
use crate::config::{Entry, Node, Plan};
use crate::name::Name;

/// A task as `--json` prints it.
#[derive(Serialize)]
struct Row<'a> {
    task: &'a Name,
    when: String,
    next: Option<String>,
    state: &'static str,
    timezone: &'a str,
    file: String,
    line: usize,
    description: Option<&'a str>,
    tags: &'a [String],
    metadata: Option<&'a Node>,
}

pub fn list(global: &Global, list: &List) -> Result<Exit, Failure> {
    let selection = Selection::new(&list.some)?;
    let located = locate::locate(selection.file.as_deref(), global)?;
    let now = clock::wall_clock();
    let plan = plan::load(&located.path, now)?;
    let entries = selection.of(&plan)?;
    let mut out = output::results();
    if list.some.json {
        for entry in entries {
            output::json_line(&mut out, &row(&plan, entry, now))?;
        }
    } else {
        let mut grid = Grid::new(&["TASK", "WHEN", "NEXT", "STATE", "WHERE"], 1);
        for entry in entries {
            let row = row(&plan, entry, now);
            let next = entry.schedule.next_run_after(now);
            let next = next.map_or_else(|| "-".into(), |firing| time::relative(firing.due, now));
            let place = format!("{}:{}", row.file, row.line);
            grid.row(vec![row.task.to_string(), row.when, next, row.state.into(), place]);
        }
        grid.write(&mut out, render::width(), true)?;
    }
    out.flush()?;
    Ok(Exit::Ok)
}

fn row<'a>(plan: &'a Plan, entry: &'a Entry, now: Timestamp) -> Row<'a> {
    let source = &plan.sources[entry.file];
    let next = entry.schedule.next_run_after(now);
    Row {
        task: &entry.schedule.name,
        when: entry.schedule.in_words(&entry.zone),
        next: next.map(|firing| time::rfc3339(firing.due, &entry.zone)),
        state: if !entry.schedule.enabled {
            "disabled"
        } else if next.is_none() && entry.schedule.when.has_clock() {
            "finished"
        } else {
            "idle"
        },
        timezone: entry.zone.name(),
        file: source.path.display().to_string(),
        line: source.position(entry.place.start).line,
        description: entry.about.description.as_deref(),
        tags: &entry.about.tags,
        metadata: entry.about.metadata.as_ref(),
    }
}
