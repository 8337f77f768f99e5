//! `taskd next`: what will run, and when, by the same code that the daemon follows.

use std::collections::HashMap;
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
use crate::timetable;
use crate::trigger::Firing;
use crate::zone::Zone;

/// A firing as `--json` prints it.
#[derive(Serialize)]
struct Row<'a> {
    task: &'a Name,
    due: String,
    timezone: &'a str,
    trigger: TriggerKind,
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
    let within = |(_, firing): &(&Schedule, Firing)| until.is_none_or(|until| firing.due <= until);
    let schedules = entries.iter().map(|entry| &entry.schedule);
    let firings: Vec<_> = if next.each {
        let own =
            |schedule| timetable::firings([schedule], after).take_while(within).take(next.count);
        let mut each: Vec<_> = schedules.flat_map(own).collect();
        each.sort_by(|(a, first), (b, second)| (first.due, &a.name).cmp(&(second.due, &b.name)));
        each
    } else {
        timetable::firings(schedules, after).take_while(within).take(next.count).collect()
    };
    let zones: HashMap<&Name, &Zone> =
        entries.iter().map(|entry: &&Entry| (&entry.schedule.name, &entry.zone)).collect();
    let rows = firings.into_iter().map(|(schedule, firing)| {
        let zone = zones[&schedule.name];
        let due = time::rfc3339(firing.due, zone);
        (Row { task: &schedule.name, due, timezone: zone.name(), trigger: firing.kind }, firing.due)
    });
    print(rows, next.some.json, now)?;
    Ok(Exit::Ok)
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
    let mut grid = Grid::new(&["DUE", "IN", "TASK", "TRIGGER"], 2);
    for (row, due) in rows {
        let relative = time::relative(due, now);
        let relative = relative.trim_start_matches("in ").to_string();
        grid.row(vec![row.due, relative, row.task.to_string(), row.trigger.to_string()]);
    }
    grid.write(&mut out, render::width())?;
    out.flush()
}
