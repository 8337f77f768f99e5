//! What became of firings, why, and what runs have written.

use std::io::{self, Read};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::channel::{Channel, Sender};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{ApiError, Json, PATIENCE, Source};
use crate::engine::{Query, Row, Story};
use crate::event::RunId;
use crate::name::Name;
use crate::zone::Zone;

/// A page has so many rows at most.
const MOST_ROWS: usize = 1_000;

/// A page has so many rows where nobody says otherwise.
const ROWS: usize = 100;

/// How often to look whether a run that is followed has written more.
const LOOK: Duration = Duration::from_millis(100);

/// What became of firings, the newest first.
pub(super) async fn history(
    State(source): State<Source>,
    RawQuery(text): RawQuery,
) -> Result<Json<Value>, ApiError> {
    let mut query = Query { limit: ROWS, ..Query::default() };
    let text = text.unwrap_or_default();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        let time = || {
            let bad = |_| ApiError::bad_parameter(&value, "no time as `2026-12-31T23:59:59Z`");
            value.parse::<Timestamp>().map(Some).map_err(bad)
        };
        match &*name {
            "task" => {
                let names = named(&source, &value).await?;
                query.tasks.extend(names);
            }
            "verdict" => query.verdict = Some(value.into_owned()),
            "outcome" => query.outcome = Some(value.into_owned()),
            "failed" => query.failed = value != "0",
            "since" => query.since = time()?,
            "until" => query.until = time()?,
            "before" => {
                let bad = |_| ApiError::bad_parameter(&value, "no cursor");
                query.before = Some(value.parse().map_err(bad)?);
            }
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=MOST_ROWS).contains(limit));
                let bad = || ApiError::bad_parameter(&value, "no limit from 1 to 1000");
                query.limit = limit.ok_or_else(bad)?;
            }
            other => return Err(ApiError::bad_parameter(other, "no parameter of this")),
        }
    }
    let limit = query.limit;
    let rows = source.records.history(query).await?;
    let more = rows.last().filter(|_| rows.len() == limit);
    let next = more.map(|last| last.firing.to_string());
    Ok(Json(json!({ "items": rows, "next": next })))
}

/// The tasks that `pattern` fits, which may be a name.
async fn named(source: &Source, pattern: &str) -> Result<Vec<Name>, ApiError> {
    // Among very many tasks one is not looked for by looking at all.
    if let Ok(name) = Name::new(pattern) {
        return known(source, name).await.map(|name| vec![name]);
    }
    let bad = |error: glob::PatternError| {
        ApiError::bad_parameter(pattern, &format!("no pattern: {}", error.msg))
    };
    let fits = glob::Pattern::new(pattern).map_err(bad)?;
    let mut names = source.records.tasks().await?;
    names.retain(|name| fits.matches(name.as_str()));
    if names.is_empty() {
        return Err(ApiError::no_such_task(pattern));
    }
    Ok(names)
}

/// The name, if anything is known of a task of it.
async fn known(source: &Source, name: Name) -> Result<Name, ApiError> {
    let is_known = source.records.knows(name.clone()).await?;
    if is_known { Ok(name) } else { Err(ApiError::no_such_task(name.as_str())) }
}

/// The firing of a task that is nearest to an instant, and what decided its verdict.
pub(super) async fn why(
    State(source): State<Source>,
    RawQuery(text): RawQuery,
) -> Result<Json<Value>, ApiError> {
    let (mut task, mut at) = (None, Timestamp::MAX);
    for (name, value) in form_urlencoded::parse(text.unwrap_or_default().as_bytes()) {
        match &*name {
            "task" => task = Some(value.into_owned()),
            "at" => {
                let bad = |_| ApiError::bad_parameter(&value, "no time as `2026-12-31T23:59:59Z`");
                at = value.parse().map_err(bad)?;
            }
            other => return Err(ApiError::bad_parameter(other, "no parameter of this")),
        }
    }
    let task = task.unwrap_or_default();
    let name = Name::new(&task).map_err(|_| ApiError::no_such_task(&task))?;
    let name = known(&source, name).await?;
    let Story { nearest, other, unjudged, definition, facts } =
        source.records.why(name, at).await?;
    let definition = definition.and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let zone = nearest.as_ref().map_or_else(Zone::utc, |row| row.zone.clone());
    let facts: Vec<Value> = facts
        .iter()
        .map(|fact| {
            let at = fact.at.display_with_offset(zone.offset(fact.at)).to_string();
            json!({ "at": at, "what": fact.what })
        })
        .collect();
    Ok(Json(json!({
        "task": task,
        "nearest": nearest,
        "other": other,
        "unjudged": unjudged.map(|due| due.to_string()),
        "definition": definition,
        "facts": facts,
    })))
}

/// A run.
pub(super) async fn run(
    State(source): State<Source>,
    Path(id): Path<String>,
) -> Result<Json<Row>, ApiError> {
    find(&source, &id).await.map(Json)
}

pub(super) async fn find(source: &Source, id: &str) -> Result<Row, ApiError> {
    let run: RunId = id.parse().map_err(|_| ApiError::no_such_run(id))?;
    let row = source.records.find(run).await?;
    row.filter(Row::is_run).ok_or_else(|| ApiError::no_such_run(id))
}

/// What a run has written.
pub(super) async fn output(
    State(source): State<Source>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let mut follow = false;
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match &*name {
            "follow" => follow = value != "0",
            other => return Err(ApiError::bad_parameter(other, "no parameter of this")),
        }
    }
    let run = find(&source, &id).await?.firing;
    let unreadable = |error: io::Error| {
        let message = format!("the output of `{run}` cannot be read: {error}");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "unreadable", message)
    };
    let Some(captured) = source.captures.open(&run).map_err(unreadable)? else {
        let message = format!("nothing of the output of `{run}` is kept");
        return Err(ApiError::new(StatusCode::NOT_FOUND, "no-output", message)
            .help("captured are tasks with `output = \"capture\"`, the newest runs of each"));
    };
    let (sender, body) = Channel::<Bytes, io::Error>::new(4);
    let place = follow.then(|| source.stream()).transpose()?;
    tokio::spawn(async move {
        send(source, run, captured, follow, sender).await;
        drop(place);
    });
    let body = Body::new(body);
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], body).into_response())
}

/// Sends what was captured, and with `follow` what comes, until the run has ended.
async fn send(
    source: Source,
    run: RunId,
    mut captured: Box<dyn Read + Send>,
    follow: bool,
    mut sender: Sender<Bytes, io::Error>,
) {
    loop {
        // Asked first: what was written before the end is read after it.
        let row = match source.records.find(run.clone()).await {
            Ok(row) => row,
            Err(error) => return sender.abort(io::Error::other(error)),
        };
        let is_live = source.engine.is_some();
        let goes_on = is_live && row.is_some_and(|row| row.finished.is_none());
        loop {
            let chunk = tokio::task::spawn_blocking(move || {
                let mut buffer = vec![0; 64 * 1024];
                let count = captured.read(&mut buffer)?;
                buffer.truncate(count);
                io::Result::Ok((captured, buffer))
            });
            let buffer = match chunk.await.map_err(io::Error::other).and_then(|read| read) {
                Ok((same, buffer)) => {
                    captured = same;
                    buffer
                }
                Err(error) => return sender.abort(error),
            };
            if buffer.is_empty() {
                break;
            }
            // Nobody reads it any more, or too slowly.
            let sent = tokio::time::timeout(PATIENCE, sender.send_data(buffer.into())).await;
            if !matches!(sent, Ok(Ok(()))) {
                return sender.abort(io::Error::other("it is read too slowly"));
            }
        }
        if !(follow && goes_on) {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}
