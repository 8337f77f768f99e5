//! `taskd events`: what happens, as it happens.

use std::io::Write;

use serde_json::Value;

use super::args::{Global, Plain};
use super::daemon::{self, Daemon};
use super::exit::{Exit, Failure};
use super::{output, selection};

pub fn events(global: &Global, plain: &Plain) -> Result<Exit, Failure> {
    selection::only_file("events", plain.file.as_deref())?;
    daemon::block_on(async {
        let mut daemon = Daemon::connect(plain.file.as_deref(), global).await?;
        let mut pieces = daemon.get("/v1/events").await?;
        let mut out = output::results();
        let mut read: Vec<u8> = Vec::new();
        // A daemon that ends may leave in the middle.
        while let Ok(Some(piece)) = pieces.piece().await {
            read.extend(piece);
            while let Some(end) = read.windows(2).position(|end| end == b"\n\n") {
                let event: Vec<u8> = read.drain(..end + 2).collect();
                let event = String::from_utf8_lossy(&event);
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
                let Some(data) = field("data: ") else { continue };
                let Ok(data) = serde_json::from_str::<Value>(data) else { continue };
                if field("event: ") == Some("dropped") {
                    let message = "this reads too slowly, and events were missed";
                    return Err(Failure::new(Exit::Failed, message));
                }
                if plain.json {
                    output::json_line(&mut out, &data)?;
                } else {
                    writeln!(out, "{}", line(&data))?;
                }
                out.flush()?;
            }
        }
        Ok(Exit::Ok)
    })
}

/// `2026-01-05T08:30:00Z run-finished backup@20260105T083000Z outcome=success took=0.3`.
fn line(event: &Value) -> String {
    let text = |key: &str| event[key].as_str().unwrap_or_default();
    let about = if event["run"].is_null() { text("task") } else { text("run") };
    let mut line = format!("{} {}", text("at"), text("event"));
    if !about.is_empty() {
        line.push(' ');
        line.push_str(about);
    }
    for (key, value) in event.as_object().into_iter().flatten() {
        let is_told = matches!(key.as_str(), "at" | "event" | "task" | "run") || value.is_null();
        if !is_told {
            let value = value.as_str().map_or_else(|| value.to_string(), Into::into);
            line.extend([" ", key.as_str(), "=", value.as_str()]);
        }
    }
    line
}
