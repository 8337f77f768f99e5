//! `taskd run --dry-run`: everything is decided as the daemon does, printed, and not done.

use std::collections::HashMap;
use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;

use super::exit::Failure;
use super::{output, time};
use crate::event::{Event, TriggerKind};
use crate::name::Name;
use crate::observe::Observer;
use crate::task::{BoxFuture, Context, Outcome, Task};
use crate::zone::Zone;

/// A task that does nothing, well.
pub struct Rehearsal;

impl Task for Rehearsal {
    fn execute(&self, _: Context) -> BoxFuture<'_, Outcome> {
        Box::pin(std::future::ready(Outcome::Success))
    }
}

/// Prints verdicts to standard output as they come.
pub struct Report {
    zones: HashMap<Name, Zone>,
    json: bool,
}

/// A verdict as `--json` prints it.
#[derive(Serialize)]
struct Row<'a> {
    task: &'a Name,
    due: String,
    timezone: &'a str,
    trigger: Option<TriggerKind>,
    verdict: &'static str,
    reason: Option<String>,
}

impl Report {
    /// Tells times in the zones of the tasks.
    pub fn new(zones: HashMap<Name, Zone>, json: bool) -> Self {
        Self { zones, json }
    }

    fn row<'a>(&'a self, task: &'a Name, due: Timestamp, verdict: &'static str) -> Row<'a> {
        let zone = self.zones.get(task);
        Row {
            task,
            due: zone.map_or_else(|| due.to_string(), |zone| time::rfc3339(due, zone)),
            timezone: zone.map_or("UTC", Zone::name),
            trigger: None,
            verdict,
            reason: None,
        }
    }

    fn print(&self, row: &Row<'_>) -> io::Result<()> {
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
    fn notify(&mut self, event: &Event) {
        let row = match event {
            Event::RunStarted { run, trigger, .. } => {
                Row { trigger: Some(*trigger), ..self.row(&run.task, run.due, "run") }
            }
            Event::FiringSkipped { run, reason, .. } => {
                Row { reason: Some(reason.to_string()), ..self.row(&run.task, run.due, "skipped") }
            }
            Event::FiringsMissed { task, last, count, .. } => {
                Row { reason: Some(format!("{count} in all")), ..self.row(task, *last, "missed") }
            }
            _ => return,
        };
        if let Err(error) = self.print(&row) {
            // A rehearsal does nothing else; with a closed pipe, nobody wants more of it.
            let exit = Failure::from(error).report();
            std::process::exit(exit as i32);
        }
    }
}
