//! `taskd why`: the verdict of a firing, and what decided it.

use std::io::Write;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::args::{Global, Why};
use super::daemon::{self, Daemon};
use super::exit::{Exit, Failure};
use super::history::summary;
use super::time::{self, Bound};
use super::{output, selection};
use crate::clock;
use crate::event::RunId;

/// Who asks for a minute means all of it.
const NEAR: SignedDuration = SignedDuration::from_secs(60);

pub fn why(global: &Global, why: &Why) -> Result<Exit, Failure> {
    let (file, words) = selection::file_and_words(&why.words)?;
    let [word] = words.as_slice() else {
        let message = "this wants one task";
        return Err(Failure::new(Exit::Usage, message).help("write `taskd why TASK`"));
    };
    let run = word.parse::<RunId>().ok();
    if run.is_some() && why.at.is_some() {
        let message = format!("`{word}` says already which firing is meant");
        return Err(Failure::new(Exit::Usage, message).help("leave out `--at`"));
    }
    let task = run.as_ref().map_or(*word, |run| run.task.as_str());
    daemon::block_on(async {
        let mut daemon = Daemon::connect_or_read(file.as_deref(), global).await?;
        let now = clock::wall_clock();
        let at = match &why.at {
            Some(text) => Some(time::parse_past(text, Bound::Until, &daemon.zone, now)?),
            None => run.as_ref().map(|run| run.due),
        };
        let mut query = vec![("task", task.to_string())];
        query.extend(at.map(|at| ("at", at.to_string())));
        let story = daemon.json(&daemon::with_query("/v1/why", &query)).await?;
        let mut out = output::results();
        if why.json {
            output::json_line(&mut out, &story)?;
        } else if let Some(due) = instant(&story["unjudged"]) {
            let due_text = time::rfc3339(due, &daemon.zone);
            if due > now {
                let when = time::relative(due, now);
                writeln!(out, "{task} is due at {due_text} ({when}): that lies ahead")?;
            } else if daemon.is_live {
                writeln!(out, "{task} was due at {due_text}: the daemon has not judged it yet")?;
            } else {
                writeln!(
                    out,
                    "{task} was due at {due_text}, if it was as it is defined now: no daemon was there, and the next one will judge it"
                )?;
            }
            let nearest = nearest(&story, daemon.is_live);
            if !nearest.is_empty() {
                writeln!(out, "the nearest on record: {nearest}")?;
            }
        } else if story["nearest"].is_null() {
            let message = format!("no firing of `{task}` is known");
            let help = format!("`taskd next {task}` tells when it will fire");
            return Err(Failure::new(Exit::NoSuchTask, message).help(help));
        } else {
            tell(&mut out, &story, at, daemon.is_live)?;
        }
        out.flush()?;
        Ok(Exit::Ok)
    })
}

fn tell(
    out: &mut impl Write,
    story: &Value,
    at: Option<Timestamp>,
    is_live: bool,
) -> std::io::Result<()> {
    let row = &story["nearest"];
    let distance = at.zip(instant(&row["due"])).map(|(at, due)| due.duration_since(at).abs());
    if distance.is_some_and(|distance| distance >= NEAR) {
        writeln!(out, "it was not due then; the nearest: {}", nearest(story, is_live))?;
        writeln!(out)?;
    }
    let trigger = row["trigger"].as_str().map(|trigger| format!(", by its {trigger}"));
    writeln!(
        out,
        "{} was due at {}{}",
        text(row, "task"),
        text(row, "due"),
        trigger.unwrap_or_default()
    )?;
    let verdict = row["verdict"].as_str().unwrap_or("waiting");
    writeln!(out, "{verdict}: {}", meaning(row, is_live))?;
    for fact in story["facts"].as_array().into_iter().flatten() {
        writeln!(out, "  {}  {}", text(fact, "at"), text(fact, "what"))?;
    }
    if let Some(definition) = story["definition"].as_object() {
        writeln!(out, "as it was defined then:")?;
        for (key, value) in definition {
            writeln!(out, "  {key} = {value}")?;
        }
    }
    Ok(())
}

/// The firings on record around the one that is asked for.
fn nearest(story: &Value, is_live: bool) -> String {
    let rows = ["nearest", "other"].map(|which| &story[which]);
    let rows = rows.iter().filter(|row| !row.is_null());
    let rows: Vec<_> =
        rows.map(|row| format!("{} ({})", text(row, "due"), summary(row, is_live))).collect();
    rows.join(", ")
}

fn instant(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// What a verdict means, in words.
fn meaning(row: &Value, is_live: bool) -> String {
    match (text(row, "verdict"), text(row, "reason")) {
        ("run", _) => summary(row, is_live),
        // It has no verdict yet.
        ("-", reason) => {
            let what = match reason {
                "delay" => "the end of its delay, or what is due before it",
                "turn" => "the end of the run before it",
                "pool" => "a place in its pool",
                "max_runs" => "a run to end: as many go on as `max_runs` allows",
                _ => "something that is not on record",
            };
            let until =
                if is_live { "" } else { "; no daemon is there, the next one goes on with it" };
            format!("for {what}{until}")
        }
        ("skipped", "overlap") => {
            "the run before it still went on, and `overlap` does not let it wait".into()
        }
        ("skipped", "calendar") => "a calendar excludes the day".into(),
        ("skipped", "replaced") => "it waited, and a newer one took its place".into(),
        ("skipped", "cancelled") => "it waited, and somebody called it off".into(),
        ("skipped", _) => "it waited, and its task left the file".into(),
        ("missed", _) => {
            "nobody was there when it was due, and `missed` and `grace` do not make up for it"
                .into()
        }
        ("coalesced", _) => "nobody was there when it was due, and a newer one ran for it".into(),
        ("paused", _) => "the task, or everything, was paused".into(),
        (other, _) => other.into(),
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("-")
}
