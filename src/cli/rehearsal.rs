//! `taskd run --dry-run`: everything is decided as the daemon does, printed, and not done.

use std::collections::HashMap;
use std::io::{self, Write};

use serde::Serialize;

use super::exit::Failure;
use super::{output, time};
use crate::event::{Event, RunId, TriggerKind};
use crate::name::Name;
use crate::observe::Observer;
use crate::task::{BoxFuture, Context, Ending, Execute, Outcome};
use crate::zone::Zone;

/// A task that does nothing, well.
pub struct Rehearsal;

impl Execute for Rehearsal {
    fn execute(&self, _: Context) -> BoxFuture<'_, Ending> {
        Box::pin(std::future::ready(Outcome::Success.into()))
    }
}

/// Prints verdicts to standard output as they come.
pub struct Report {
    zones: HashMap<Name, Zone>,
    json: bool,
}

/// A verdict as `--json` prints it.
#[derive(Serialize)]
struct Row {
    task: Name,
    due: String,
    timezone: String,
    trigger: Option<TriggerKind>,
    verdict: &'static str,
    reason: Option<String>,
}

impl Report {
    /// Tells times in the zones of the tasks.
    pub fn new(zones: HashMap<Name, Zone>, json: bool) -> Self {
        Self { zones, json }
    }

    fn row(&self, run: &RunId, trigger: Option<TriggerKind>, verdict: &'static str) -> Row {
        let zone = self.zones.get(&run.task);
        let due = zone.map_or_else(|| run.due.to_string(), |zone| time::rfc3339(run.due, zone));
        let timezone = zone.map_or("UTC", Zone::name).into();
        Row { task: run.task.clone(), due, timezone, trigger, verdict, reason: None }
    }

    fn tell(&self, row: &Row) {
        if let Err(error) = self.print(row) {
            // A rehearsal does nothing else; with a closed pipe, nobody wants more of it.
            let exit = Failure::from(error).report();
            std::process::exit(exit as i32);
        }
    }

    fn print(&self, row: &Row) -> io::Result<()> {
        let mut out = output::results();
        if self.json {
            output::json_line(&mut out, row)?;
        } else {
            write!(out, "{}  {}  {}", row.due, row.task, row.verdict)?;
            match &row.reason {
                Some(reason) => writeln!(out, " ({reason})")?,
                None => writeln!(out)?,
            }
        }
        out.flush()
    }
}

impl Observer for Report {
    fn notify(&mut self, _: i64, event: &Event) {
        let row = match event {
            Event::RunStarted { run, trigger, .. } => self.row(run, Some(*trigger), "run"),
            Event::FiringWaiting { run, trigger, reason, .. } => {
                Row { reason: Some(reason.to_string()), ..self.row(run, Some(*trigger), "waiting") }
            }
            Event::FiringSkipped { run, trigger, reason, .. } => {
                Row { reason: Some(reason.to_string()), ..self.row(run, Some(*trigger), "skipped") }
            }
            Event::FiringsPassed { task, last, count, passed, .. } => {
                let run = RunId { task: task.clone(), due: *last };
                let (verdict, reason) = passed.verdict();
                let all = format!("{count} in all");
                let reason = reason.map_or(all.clone(), |reason| format!("{reason}, {all}"));
                Row { reason: Some(reason), ..self.row(&run, None, verdict) }
            }
            _ => return,
        };
        self.tell(&row);
    }
}
