//! The tasks: how they are, and what persons want of them.

use std::collections::BTreeMap;

use axum::extract::{Path, RawQuery, Request as HttpRequest, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ApiError, Json, Source, body, pauses, records};
use crate::engine::{Known, Look, Request, Row, TaskStatus};
use crate::event::{Event, RunId, TriggerKind};
use crate::name::Name;
use crate::task::Given;
use crate::zone::Zone;

/// So many of its next firings are told of a task.
const NEXT: usize = 5;

/// A page has so many tasks at most.
const MOST_TASKS: usize = 1_000;

/// All tasks, by name, from the cursor on.
pub(super) async fn all(
    State(source): State<Source>,
    RawQuery(text): RawQuery,
) -> Result<Json<Value>, ApiError> {
    let (mut after, mut limit) = (None, MOST_TASKS);
    for (name, value) in form_urlencoded::parse(text.unwrap_or_default().as_bytes()) {
        match &*name {
            "after" => after = Some(value.into_owned()),
            "limit" => {
                let given = value.parse().ok().filter(|limit| (1..=MOST_TASKS).contains(limit));
                let bad = || ApiError::bad_parameter(&value, "no limit from 1 to 1000");
                limit = given.ok_or_else(bad)?;
            }
            other => return Err(ApiError::bad_parameter(other, "no parameter of this")),
        }
    }
    let mut look = look(&source, None).await?;
    if let Some(after) = after {
        look.tasks.retain(|task| task.task.as_str() > after.as_str());
    }
    let more = look.tasks.len() > limit;
    look.tasks.truncate(limit);
    let next = look.tasks.last().filter(|_| more).map(|task| task.task.to_string());
    Ok(Json(json!({ "items": told(&source, look).await?, "next": next })))
}

/// One task.
pub(super) async fn one(
    State(source): State<Source>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let name = named(&source, &name).await?;
    tell(&source, name).await
}

/// The task of this name, as it is now.
pub(super) async fn tell(source: &Source, name: Name) -> Result<Json<Value>, ApiError> {
    let look = look(source, Some(name.clone())).await?;
    let told = told(source, look).await?.pop();
    told.map(Json).ok_or_else(|| ApiError::no_such_task(name.as_str()))
}

pub(super) async fn look(source: &Source, task: Option<Name>) -> Result<Look, ApiError> {
    source.engine()?.look(task).await.ok_or_else(ApiError::ended)
}

/// The name, if there is a task of it.
pub(super) async fn named(source: &Source, name: &str) -> Result<Name, ApiError> {
    let unknown = || ApiError::no_such_task(name);
    let name = Name::new(name).map_err(|_| unknown())?;
    let look = look(source, Some(name.clone())).await?;
    if look.tasks.is_empty() { Err(unknown()) } else { Ok(name) }
}

pub(super) async fn told(source: &Source, look: Look) -> Result<Vec<Value>, ApiError> {
    let Look { at: now, tasks } = look;
    let names = tasks.iter().map(|task| task.task.clone()).collect();
    let last = source.records.last_runs(names).await?;
    let known = source.catalogue.all();
    let tell =
        |task: &TaskStatus| task_json(task, known.get(&task.task), last.get(&task.task), now);
    Ok(tasks.iter().map(tell).collect())
}

fn task_json(
    status: &TaskStatus,
    known: Option<&Known>,
    last: Option<&Row>,
    now: Timestamp,
) -> Value {
    let zone = known.map_or_else(Zone::utc, |known| known.zone.clone());
    let time = |at: Timestamp| at.display_with_offset(zone.offset(at)).to_string();
    // While it is paused, nothing comes; without an end of that, nothing is known to come.
    let from = match &status.pause {
        Some(pause) => pause.until.map(|until| until.max(now)),
        None => Some(now),
    };
    let schedule = known.map(|known| &known.schedule);
    let next: Vec<String> = from
        .zip(schedule)
        .map(|(from, schedule)| {
            let first = schedule.next_run_after(from);
            let all = std::iter::successors(first, |firing| schedule.next_run_after(firing.due));
            all.take(NEXT).map(|firing| time(firing.due)).collect()
        })
        .unwrap_or_default();
    let definition =
        schedule.and_then(|schedule| serde_json::from_str::<Value>(&schedule.text).ok());
    json!({
        "task": status.task,
        "state": status.state.word(),
        "next": next,
        "running": status.running.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "waiting": status.waiting,
        "last": last,
        "paused": status.pause.as_ref().map(|pause| pauses::told(pause, &zone)),
        "definition": definition,
    })
}

/// How a task is to be run.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TriggerBody {
    force: bool,
    env: BTreeMap<String, String>,
}

/// Runs a task now.
pub(super) async fn trigger(
    State(source): State<Source>,
    Path(name): Path<String>,
    request: HttpRequest,
) -> Result<Json<Value>, ApiError> {
    let TriggerBody { force, env } = body(request).await?;
    let bad = |name: &String| name.is_empty() || name.contains(['=', '\0']);
    if env.keys().any(bad) || env.values().any(|value| value.contains('\0')) {
        let message = "`env` has what is no variable";
        return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-body", message));
    }
    let name = named(&source, &name).await?;
    let engine = source.engine()?;
    if engine.status().await.is_some_and(|status| status.draining) {
        return Err(ApiError::ended());
    }
    let given = Given { env: env.into_iter().collect(), force };
    let events = source.does(vec![Request::Trigger { task: name.clone(), given }]).await?;
    let judged = events.iter().rev().find_map(|event| match event {
        Event::RunStarted { run, trigger: TriggerKind::Manual, .. } if run.task == name => {
            Some(json!({ "run": run.to_string(), "verdict": "run", "reason": null }))
        }
        Event::FiringSkipped { run, trigger: TriggerKind::Manual, reason, .. }
            if run.task == name =>
        {
            let reason = reason.word();
            Some(json!({ "run": run.to_string(), "verdict": "skipped", "reason": reason }))
        }
        Event::FiringWaiting { run, trigger: TriggerKind::Manual, reason, .. }
            if run.task == name =>
        {
            let reason = reason.to_string();
            Some(json!({ "run": run.to_string(), "verdict": null, "reason": reason }))
        }
        _ => None,
    });
    judged.map(Json).ok_or_else(|| ApiError::no_such_task(name.as_str()))
}

/// Stops the runs of a task, and calls off its firings that wait.
pub(super) async fn cancel(
    State(source): State<Source>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let name = named(&source, &name).await?;
    let look = look(&source, Some(name.clone())).await?;
    let events = source.does(vec![Request::CancelAll(name)]).await?;
    let stopped: Vec<RunId> = look.tasks.into_iter().flat_map(|task| task.running).collect();
    Ok(Json(cancelled(&stopped, &events)))
}

/// Stops a run, or calls off a firing that waits.
pub(super) async fn cancel_run(
    State(source): State<Source>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let run: RunId = id.parse().map_err(|_| ApiError::no_such_run(&id))?;
    source.engine()?;
    let row = source.records.find(run.clone()).await?;
    let goes_on = row.as_ref().is_some_and(|row| row.is_run() && row.finished.is_none());
    let events = source.does(vec![Request::Cancel(run.clone())]).await?;
    let stopped: Vec<RunId> = goes_on.then_some(run).into_iter().collect();
    let answer = cancelled(&stopped, &events);
    if !goes_on && answer["skipped"].as_array().is_none_or(Vec::is_empty) {
        let row = records::find(&source, &id).await?;
        let message = format!("`{}` has ended already", row.firing);
        return Err(ApiError::new(StatusCode::CONFLICT, "not-running", message));
    }
    Ok(Json(answer))
}

fn cancelled(stopped: &[RunId], events: &[Event]) -> Value {
    let skipped = events.iter().filter_map(|event| match event {
        Event::FiringSkipped { run, .. } => Some(run.to_string()),
        _ => None,
    });
    let stopped: Vec<String> = stopped.iter().map(ToString::to_string).collect();
    json!({ "stopped": stopped, "skipped": skipped.collect::<Vec<_>>() })
}
