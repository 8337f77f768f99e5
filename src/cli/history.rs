//! `taskd history`: what became of firings.

use std::io::Write;

use jiff::Timestamp;
use serde_json::Value;

use super::args::{Global, History};
use super::daemon::{self, Daemon};
use super::exit::{Exit, Failure};
use super::output;
use super::render::{self, Grid};
use super::selection;
use super::time::{self, Bound};
use crate::clock;

/// The daemon tells so many at once.
const PAGE: usize = 1_000;

pub fn history(global: &Global, history: &History) -> Result<Exit, Failure> {
    let (file, tasks) = selection::file_and_tasks(&history.words)?;
    daemon::block_on(async {
        let mut daemon = Daemon::connect_or_read(file.as_deref(), global).await?;
        let mut query: Vec<(&str, String)> = Vec::new();
        query.extend(tasks.into_iter().map(|task| ("task", task.to_string())));
        query.extend(history.verdict.clone().map(|verdict| ("verdict", verdict)));
        query.extend(history.outcome.clone().map(|outcome| ("outcome", outcome)));
        query.extend(history.failed.then(|| ("failed", "1".to_string())));
        let now = clock::wall_clock();
        for (name, text, bound) in
            [("since", &history.since, Bound::After), ("until", &history.until, Bound::Until)]
        {
            if let Some(text) = text {
                let at = time::parse_past(text, bound, &daemon.zone, now)?;
                query.push((name, at.to_string()));
            }
        }
        let mut out = output::results();
        let (mut left, mut before, mut headings) = (history.limit, None::<String>, true);
        while left > 0 {
            let mut page = query.clone();
            page.push(("limit", left.min(PAGE).to_string()));
            page.extend(before.take().map(|before| ("before", before)));
            let answer = daemon.json(&daemon::with_query("/v1/history", &page)).await?;
            let Some(rows) = answer["items"].as_array() else { break };
            left = left.saturating_sub(rows.len());
            if history.json {
                for row in rows {
                    output::json_line(&mut out, row)?;
                }
            } else {
                grid(rows, daemon.is_live).write(&mut out, render::width(), headings)?;
            }
            headings = false;
            let Some(next) = answer["next"].as_str() else { break };
            before = Some(next.into());
        }
        out.flush()?;
        Ok(Exit::Ok)
    })
}

fn grid(rows: &[Value], is_live: bool) -> Grid {
    let heads = ["DUE", "TASK", "TRIGGER", "VERDICT", "OUTCOME", "TOOK", "CPU", "MEMORY", "WHY"];
    let mut grid = Grid::new(&heads, 8);
    for row in rows {
        let text = |key: &str| row[key].as_str().unwrap_or("-").to_string();
        let outcome = outcome(row, is_live);
        grid.row(vec![
            text("due"),
            text("task"),
            text("trigger"),
            text("verdict"),
            outcome,
            took(row).unwrap_or_else(|| "-".into()),
            row["cpu"].as_f64().map_or_else(|| "-".into(), |cpu| format!("{cpu:.2}s")),
            row["peak_memory"].as_u64().map_or_else(|| "-".into(), memory),
            why(row),
        ]);
    }
    grid
}

/// How a run ended, or whether it goes on.
fn outcome(row: &Value, is_live: bool) -> String {
    let is_run = row["verdict"] == "run";
    match (is_run && row["outcome"].is_null(), is_live) {
        (true, true) => "running".into(),
        // The next daemon tells whether it is.
        (true, false) => "unseen".into(),
        (false, _) => row["outcome"].as_str().unwrap_or("-").to_string(),
    }
}

/// A row in a few words.
pub fn summary(row: &Value, is_live: bool) -> String {
    let why = why(row);
    let what = match row["verdict"].as_str() {
        Some("run") => outcome(row, is_live),
        Some(verdict) => verdict.into(),
        None => "waiting".into(),
    };
    if why == "-" { what } else { format!("{what}, {why}") }
}

/// Bytes in a few letters: `7.9MiB`.
fn memory(bytes: u64) -> String {
    const TENTHS: u64 = (1 << 20) / 10;
    let tenths = bytes / TENTHS;
    format!("{}.{}MiB", tenths / 10, tenths % 10)
}

fn took(row: &Value) -> Option<String> {
    let at = |key: &str| row[key].as_str()?.parse::<Timestamp>().ok();
    let length = at("finished")?.duration_since(at("started")?);
    Some(format!("{:.1}s", length.as_secs_f64()))
}

/// The reason, the exit code or signal if it was not the usual, and attempts beyond the first.
fn why(row: &Value) -> String {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(row["reason"].as_str().map(Into::into));
    parts.extend(
        row["exit_code"].as_i64().filter(|code| *code != 0).map(|code| format!("exit code {code}")),
    );
    parts.extend(row["signal"].as_i64().map(|signal| format!("signal {signal}")));
    parts.extend(
        row["attempts"]
            .as_u64()
            .filter(|count| *count > 1)
            .map(|count| format!("{count} attempts")),
    );
    if parts.is_empty() { "-".into() } else { parts.join(", ") }
}
