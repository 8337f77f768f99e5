//! `taskd trigger`: a run of a task, now.

use std::io::Write;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::args::{Global, Trigger};
use super::daemon::{self, Daemon, encoded};
use super::exit::{Exit, Failure};
use super::history::summary;
use super::{output, selection};

/// How often to look whether a run that has written nothing has begun, or ended.
const LOOK: Duration = Duration::from_millis(100);

pub fn trigger(global: &Global, trigger: &Trigger) -> Result<Exit, Failure> {
    let (file, words) = selection::file_and_tasks(&trigger.words)?;
    let [task] = words.as_slice() else {
        let message = "this wants one task";
        return Err(Failure::new(Exit::Usage, message).help("write `taskd trigger TASK`"));
    };
    let mut env = Map::new();
    for variable in &trigger.env {
        let (name, value) = selection::variable(variable)?;
        env.insert(name.into(), value.into());
    }
    daemon::block_on(async {
        let mut daemon = Daemon::connect(file.as_deref(), global).await?;
        let path = format!("/v1/tasks/{}/trigger", encoded(task));
        let body = json!({ "force": trigger.force, "env": env });
        let answer = daemon.post(&path, Some(&body)).await?;
        let run = answer["run"].as_str().unwrap_or_default().to_string();
        if answer["verdict"] == "skipped" {
            let reason = answer["reason"].as_str().unwrap_or_default();
            let failure = Failure::new(Exit::Failed, format!("`{run}` was skipped: {reason}"));
            return Err(match reason {
                "overlap" => failure.help("`--force` runs it beside what goes on"),
                _ => failure,
            });
        }
        if trigger.wait {
            return wait(&mut daemon, &run, trigger.json).await;
        }
        let mut out = output::results();
        if trigger.json {
            output::json_line(&mut out, &answer)?;
        } else if answer["verdict"] == "run" {
            writeln!(out, "{run} has started")?;
        } else {
            writeln!(out, "{run} waits: {}", answer["reason"].as_str().unwrap_or("-"))?;
        }
        out.flush()?;
        Ok(Exit::Ok)
    })
}

/// Prints what `run` writes, until it has ended.
async fn wait(daemon: &mut Daemon, run: &str, json: bool) -> Result<Exit, Failure> {
    let (task, path) = (run.split('@').next().unwrap_or(run), format!("/v1/runs/{}", encoded(run)));
    let mut out = output::results();
    let mut is_printed = json;
    let row = loop {
        let row = row(daemon, task, run).await?;
        if row["verdict"] == "run" && !is_printed {
            is_printed = true;
            // Else nothing of it is captured.
            if let Ok(mut pieces) = daemon.get(&format!("{path}/output?follow=1")).await {
                while let Some(piece) = pieces.piece().await? {
                    out.write_all(&piece)?;
                    out.flush()?;
                }
            }
        }
        let is_over = !row["outcome"].is_null() || row["verdict"] != "run" && !row.is_null();
        if is_over {
            break row;
        }
        tokio::time::sleep(LOOK).await;
    };
    if json {
        output::json_line(&mut out, &row)?;
    }
    out.flush()?;
    if row["outcome"] == "success" {
        return Ok(Exit::Ok);
    }
    if json {
        return Ok(Exit::Failed);
    }
    Err(Failure::new(Exit::Failed, format!("`{run}`: {}", summary(&row, true))))
}

/// What is on record of the firing; null, as long as it waits.
async fn row(daemon: &mut Daemon, task: &str, run: &str) -> Result<Value, Failure> {
    let due = run.split_once('@').map(|(_, due)| due).unwrap_or_default();
    let run: crate::event::RunId = format!("{task}@{due}")
        .parse()
        .map_err(|_| Failure::new(Exit::Failed, format!("the daemon answers `{run}`")))?;
    let due = run.due.to_string();
    let query = [("task", task.to_string()), ("since", due.clone()), ("until", due)];
    let answer = daemon.json(&daemon::with_query("/v1/history", &query)).await?;
    Ok(answer["items"][0].clone())
}
