//! `taskd next`: what will run, and when, by the same code that the daemon follows.

use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;

use super::args::{Global, Next};
use super::exit::{Exit, Failure};
use super::render::{self, Grid};
use super::selection::Selection;
use super::time::{self, Bound};
use super::{locate, output, plan};
use crate::clock;
use crate::config::Entry;
use crate::event::TriggerKind;
use crate::name::Name;
use crate::schedule::Schedule;
use crate::timetable::{self, Which};
use crate::trigger::{Excluded, Firing};

/// So many rows of a table are made to fit each other.
const PAGE: usize = 1_000;

/// A firing as `--json` prints it.
#[derive(Serialize)]
struct Row<'a> {
    task: &'a Name,
    due: String,
    timezone: &'a str,
    trigger: TriggerKind,
    /// With `--all`: why it does not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    excluded: Option<String>,
}

pub fn next(global: &Global, next: &Next) -> Result<Exit, Failure> {
    let selection = Selection::new(&next.some)?;
    let located = locate::locate(selection.file.as_deref(), global)?;
    let now = clock::wall_clock();
    let plan = plan::load(&located.path, now)?;
    let entries = selection.of(&plan)?;
    let time = |text: &Option<String>, bound| {
        text.as_ref().map(|text| time::parse(text, bound, &plan.zone, now)).transpose()
    };
    let after = time(&next.after, Bound::After)?.unwrap_or(now);
    let until = time(&next.until, Bound::Until)?;
    let within = |(_, firing): &(&Entry, Firing)| until.is_none_or(|until| firing.due <= until);
    let which = if next.all { Which::All } else { Which::Runs };
    // Printed as they are found, so that no number of them fills the memory.
    let firings: Box<dyn Iterator<Item = (&Entry, Firing)>> = if next.each {
        let own =
            |entry| timetable::firings([entry], after, which).take_while(within).take(next.count);
        let mut each: Vec<_> = entries.into_iter().flat_map(own).collect();
        each.sort_by_key(|(entry, firing)| (firing.due, &entry.schedule.name));
        Box::new(each.into_iter())
    } else {
        Box::new(timetable::firings(entries, after, which).take_while(within).take(next.count))
    };
    let rows = firings.map(|(Entry { schedule, zone, .. }, firing)| {
        let due = time::rfc3339(firing.due, zone);
        let row = Row {
            task: &schedule.name,
            due,
            timezone: zone.name(),
            trigger: firing.kind,
            excluded: excluded(schedule, firing.due),
        };
        (row, firing.due)
    });
    print(rows, next.some.json, now)?;
    // The end of the process frees it at once; many thousands of tasks, one by one, take their time.
    std::mem::forget(plan);
    Ok(Exit::Ok)
}

/// Which calendar excludes the day of `due`.
fn excluded(schedule: &Schedule, due: Timestamp) -> Option<String> {
    Some(match schedule.filter.as_ref()?.excludes(due)? {
        Excluded::On(calendar) => format!("on {calendar}"),
        Excluded::NotOn => "on no day of `only_on`".into(),
    })
}

fn print<'a>(
    rows: impl Iterator<Item = (Row<'a>, Timestamp)>,
    json: bool,
    now: Timestamp,
) -> io::Result<()> {
    let mut out = output::results();
    if json {
        for (row, _) in rows {
            output::json_line(&mut out, &row)?;
        }
        return out.flush();
    }
    let mut rows = rows.peekable();
    let mut headings = true;
    while headings || rows.peek().is_some() {
        let page: Vec<_> = rows.by_ref().take(PAGE).collect();
        grid(page, now).write(&mut out, render::width(), headings)?;
        headings = false;
    }
    out.flush()
}

/// A table of these rows.
fn grid(rows: Vec<(Row<'_>, Timestamp)>, now: Timestamp) -> Grid {
    let any_excluded = rows.iter().any(|(row, _)| row.excluded.is_some());
    let headings = ["DUE", "IN", "TASK", "TRIGGER", "EXCLUDED"];
    let shown = if any_excluded { &headings[..] } else { &headings[..4] };
    let mut grid = Grid::new(shown, 2);
    for (row, due) in rows {
        let relative = time::relative(due, now);
        let relative = relative.trim_start_matches("in ").to_string();
        let mut cells = vec![row.due, relative, row.task.to_string(), row.trigger.to_string()];
        if any_excluded {
            cells.push(row.excluded.unwrap_or_default());
        }
        grid.row(cells);
    }
    grid
}
