//! `taskd status`: how the daemon and its tasks are; what is not well first.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::args::{Global, Status};
use super::daemon::{self, Daemon};
use super::exit::{Exit, Failure};
use super::history::summary;
use super::plan::plural;
use super::render::{self, Grid};
use super::{output, selection, time};
use crate::clock;
use crate::config;
use crate::name::Name;

/// How often `--watch` tells it again.
const AGAIN: Duration = Duration::from_secs(1);

pub fn status(global: &Global, status: &Status) -> Result<Exit, Failure> {
    let (file, patterns) = selection::file_and_tasks(&status.some.words)?;
    daemon::block_on(async {
        let mut daemon = Daemon::connect(file.as_deref(), global).await?;
        loop {
            let own = daemon.json("/v1/status").await?;
            let tasks = daemon.tasks().await?;
            let mut tasks = selection::of_daemon(tasks, &patterns, &status.some.tag)?;
            let ended = last_ended(&mut daemon, &tasks).await?;
            let faults = |task: &Value| faults(&own, &ended, task);
            if status.check {
                tasks.retain(|task| !faults(task).is_empty());
            }
            tasks.sort_by_key(|task| (faults(task).is_empty(), rank(task), next(task)));
            let is_well =
                own["degraded"].is_null() && tasks.iter().all(|task| faults(task).is_empty());
            let mut out = output::results();
            if status.watch && io::stdout().is_terminal() {
                // To the top, and all below it is gone.
                write!(out, "\x1b[H\x1b[2J")?;
            }
            if status.some.json {
                if let Some(why) = own["degraded"].as_str() {
                    output::complain(&format!("warning: the daemon is degraded: {why}"));
                }
                for task in &tasks {
                    output::json_line(&mut out, task)?;
                }
            } else {
                if !(status.check && own["degraded"].is_null()) {
                    head(&mut out, &own)?;
                }
                if !tasks.is_empty() {
                    grid(&own, &ended, &tasks).write(&mut out, render::width(), true)?;
                }
            }
            out.flush()?;
            if !status.watch {
                return Ok(if status.check && !is_well { Exit::Failed } else { Exit::Ok });
            }
            tokio::time::sleep(AGAIN).await;
        }
    })
}

/// So many tasks are worth a page of the history of all.
const WORTH: usize = 20;

/// How the last run that has ended ended, of each task whose last run goes on.
async fn last_ended(
    daemon: &mut Daemon,
    tasks: &[Value],
) -> Result<HashMap<String, String>, Failure> {
    let mut ended = HashMap::new();
    let goes_on = |task: &&Value| !task["last"].is_null() && task["last"]["outcome"].is_null();
    let names = tasks.iter().filter(goes_on).filter_map(|task| task["task"].as_str());
    let mut open: BTreeSet<&str> = names.collect();
    let mut before = None;
    while open.len() >= WORTH {
        let mut query = vec![("verdict", "run".into()), ("limit", "1000".into())];
        query.extend(before.map(|before| ("before", before)));
        let page = daemon.json(&daemon::with_query("/v1/history", &query)).await?;
        let known = ended.len();
        for row in page["items"].as_array().into_iter().flatten() {
            if let (Some(name), Some(outcome)) = (row["task"].as_str(), row["outcome"].as_str())
                && open.remove(name)
            {
                ended.insert(name.to_string(), outcome.to_string());
            }
        }
        before = page["next"].as_str().map(String::from);
        if before.is_none() || ended.len() - known < WORTH {
            break;
        }
    }
    for name in open {
        let query = [("task", name.into()), ("verdict", "run".into()), ("limit", "20".into())];
        let answer = daemon.json(&daemon::with_query("/v1/history", &query)).await?;
        let mut rows = answer["items"].as_array().into_iter().flatten();
        let outcome = rows.find_map(|row| row["outcome"].as_str());
        ended.extend(outcome.map(|outcome| (name.to_string(), outcome.to_string())));
    }
    Ok(ended)
}

/// What is not well about a task.
fn faults(own: &Value, ended: &HashMap<String, String>, task: &Value) -> Vec<&'static str> {
    let before = || ended.get(task["task"].as_str()?).map(String::as_str);
    let outcome = task["last"]["outcome"].as_str().or_else(before);
    let has_failed = outcome.is_some_and(|outcome| !matches!(outcome, "success" | "stopped"));
    let overdue = own["overdue"].as_array().is_some_and(|all| all.contains(&task["task"]));
    let faults = [(has_failed, "failed"), (overdue, "overdue")];
    faults.into_iter().filter(|(is_so, _)| *is_so).map(|(_, fault)| fault).collect()
}

/// What runs comes before what waits, and that before the rest.
fn rank(task: &Value) -> usize {
    let states = ["running", "waiting", "paused", "idle", "disabled", "finished"];
    states.iter().position(|state| task["state"] == *state).unwrap_or(states.len())
}

/// When it fires next: what never does comes last.
fn next(task: &Value) -> Timestamp {
    instant(&task["next"][0]).unwrap_or(Timestamp::MAX)
}

fn instant(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// The daemon in a line, and what is not well about it.
fn head(out: &mut impl Write, own: &Value) -> io::Result<()> {
    let number = |key: &str| own[key].as_u64().and_then(|count| usize::try_from(count).ok());
    let now = clock::wall_clock();
    let since = instant(&own["since"]).map_or_else(String::new, |at| time::relative(at, now));
    write!(
        out,
        "{}: {}, {} running, {} waiting; began {since}, pid {}",
        own["file"].as_str().unwrap_or("-"),
        plural(number("tasks").unwrap_or_default(), "task"),
        own["running"],
        own["waiting"],
        own["pid"]
    )?;
    writeln!(out, "{}", if own["draining"] == true { ", draining" } else { "" })?;
    if let Some(why) = own["degraded"].as_str() {
        writeln!(out, "degraded: {why}")?;
    }
    if let Some(pause) = own["pause"].as_object() {
        let until = pause["until"].as_str().map(|until| format!(" until {until}"));
        let reason = pause["reason"].as_str().map(|reason| format!(": {reason}"));
        let (until, reason) = (until.unwrap_or_default(), reason.unwrap_or_default());
        writeln!(out, "everything is paused{until}{reason}")?;
    }
    Ok(())
}

fn grid(own: &Value, ended: &HashMap<String, String>, tasks: &[Value]) -> Grid {
    let now = clock::wall_clock();
    let mut grid = Grid::new(&["TASK", "STATE", "LAST", "NEXT", "WHEN"], 4);
    for task in tasks {
        let text = |key: &str| task[key].as_str().unwrap_or("-").to_string();
        let mut state = text("state");
        if faults(own, ended, task).contains(&"overdue") {
            state.push_str(", overdue");
        }
        let paused = &task["paused"];
        if let Some(reason) = paused["reason"].as_str().filter(|_| state == "paused") {
            state = format!("paused: {reason}");
        }
        let last = &task["last"];
        let last = if last.is_null() {
            "-".into()
        } else {
            let at = instant(&last["finished"]).or_else(|| instant(&last["started"]));
            let ago = at.map(|at| format!(" ({})", time::relative(at, now)));
            format!("{}{}", summary(last, true), ago.unwrap_or_default())
        };
        let next = instant(&task["next"][0]);
        let next = next.map_or_else(|| "-".into(), |at| time::relative(at, now));
        grid.row(vec![text("task"), state, last, next, when(task)]);
    }
    grid
}

/// When a task fires, in words.
fn when(task: &Value) -> String {
    let entry = task["task"].as_str().and_then(|name| {
        let name = Name::new(name).ok()?;
        config::recall(&name, &task["definition"].to_string(), jiff::tz::db())
    });
    entry.map_or_else(|| "-".into(), |entry| entry.schedule.in_words(&entry.zone))
}
