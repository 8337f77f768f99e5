//! What can be asked, and what is answered.

use std::borrow::Cow;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http_body_util::channel::{Channel, Sender};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::engine::{Handle, Query, Records, Row, Story, Unreadable};
use crate::event::RunId;
use crate::zone::Zone;

/// A page has so many rows at most.
const MOST_ROWS: usize = 1_000;

/// A page has so many rows where nobody says otherwise.
const ROWS: usize = 100;

/// The largest body of a request: 1 MiB.
const LARGEST: usize = 1 << 20;

/// So long the body of a request may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often to look whether a run that is followed has written more.
const LOOK: Duration = Duration::from_millis(100);

/// Where captured output comes from.
pub trait Captures: Send + Sync {
    /// What `run` has written so far; `None` if nothing of it was captured.
    ///
    /// # Errors
    ///
    /// Returns the error of reading it.
    fn open(&self, run: &RunId) -> io::Result<Option<Box<dyn Read + Send>>>;
}

/// What answers come from.
#[derive(Clone)]
pub struct Source {
    /// The engine; none where only the record answers.
    pub engine: Option<Handle>,
    /// What became of firings.
    pub records: Arc<dyn Records>,
    /// What runs have written.
    pub captures: Arc<dyn Captures>,
    /// The schedule file, as the daemon names it.
    pub file: String,
    /// Why the daemon does less than it should, if it does.
    pub degraded: Option<String>,
}

/// All that can be asked, whatever it comes through.
pub(super) fn router(source: Source) -> Router {
    let unknown = || async { ApiError::no_such_path() };
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/history", get(history))
        .route("/v1/why", get(why))
        .route("/v1/runs/{id}", get(run))
        .route("/v1/runs/{id}/output", get(output))
        .fallback(unknown)
        .method_not_allowed_fallback(|| async {
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", "this path takes `GET`")
        })
        .with_state(source)
        .layer(middleware::from_fn(without_body))
}

/// Hands a request on that brings no body, which nothing here wants.
async fn without_body(request: Request, next: Next) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let Ok(read) = tokio::time::timeout(PATIENCE, to_bytes(body, LARGEST)).await else {
        let message = "the body does not come";
        return Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "timeout", message));
    };
    match read {
        Ok(body) if body.is_empty() => Ok(next.run(Request::from_parts(parts, body.into())).await),
        Ok(_) => {
            let (status, message) = (StatusCode::UNPROCESSABLE_ENTITY, "no body is wanted here");
            Err(ApiError::new(status, "unwanted-body", message))
        }
        Err(_) => {
            let (status, message) = (StatusCode::PAYLOAD_TOO_LARGE, "a body may have 1 MiB");
            Err(ApiError::new(status, "too-large", message))
        }
    }
}

/// Why a request is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    help: Option<Cow<'static, str>>,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), help: None }
    }

    fn help(mut self, help: impl Into<Cow<'static, str>>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no-such-path", "there is nothing at this path")
            .help("try `/v1/status`, `/v1/history` or `/v1/runs/RUN/output`")
    }

    fn bad_parameter(name: &str, what: &str) -> Self {
        let message = format!("`{}` is {what}", name.escape_debug());
        Self::new(StatusCode::BAD_REQUEST, "bad-parameter", message)
    }

    fn no_such_run(id: &str) -> Self {
        let message = format!("there is no run `{}`", id.escape_debug());
        Self::new(StatusCode::NOT_FOUND, "no-such-run", message)
            .help("`taskd history` tells which there are")
    }
}

impl From<Unreadable> for ApiError {
    fn from(error: Unreadable) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "unreadable", error.to_string()).help(
            "it lies in `taskd.db` in the state directory; a restart moves a damaged one aside",
        )
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self { status, code, message, help } = self;
        let body = json!({ "error": { "code": code, "message": message, "help": help } });
        (status, Json(body)).into_response()
    }
}

/// A value as the body of an answer.
struct Json<T>(T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(mut body) => {
                body.push(b'\n');
                ([(header::CONTENT_TYPE, "application/json")], body).into_response()
            }
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        }
    }
}

async fn status(State(source): State<Source>) -> Result<Json<Value>, ApiError> {
    let status = match &source.engine {
        Some(engine) => engine.status().await,
        None => None,
    };
    let Some(status) = status else {
        let (code, message) = ("ended", "the daemon is ending");
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, code, message));
    };
    let unrecorded = status.failure.map(|why| format!("what happens is not recorded: {why}"));
    let degraded: Vec<String> = source.degraded.into_iter().chain(unrecorded).collect();
    let degraded = (!degraded.is_empty()).then(|| degraded.join("; "));
    let next = status.next.map(|next| json!({ "task": next.task, "due": next.due.to_string() }));
    Ok(Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "pid": std::process::id(),
        "since": status.since.to_string(),
        "file": source.file,
        "tasks": status.tasks,
        "running": status.running,
        "waiting": status.waiting,
        "paused": status.paused,
        "draining": status.draining,
        "next": next,
        "degraded": degraded,
    })))
}

async fn history(
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

/// The tasks that `pattern` fits.
async fn named(
    source: &Source,
    pattern: &str,
) -> Result<impl Iterator<Item = crate::name::Name> + use<>, ApiError> {
    let bad = |error: glob::PatternError| ApiError::bad_parameter(pattern, error.msg);
    let fits = glob::Pattern::new(pattern).map_err(bad)?;
    let mut names = source.records.tasks().await?;
    names.retain(|name| fits.matches(name.as_str()));
    if names.is_empty() {
        let message = format!("there is no task `{}`", pattern.escape_debug());
        return Err(ApiError::new(StatusCode::NOT_FOUND, "no-such-task", message)
            .help("`taskd list` tells which there are"));
    }
    Ok(names.into_iter())
}

/// The firing of a task that is nearest to an instant, and what decided its verdict.
async fn why(
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
    let known = source.records.tasks().await?;
    let Some(name) = known.into_iter().find(|name| name.as_str() == task) else {
        let message = format!("there is no task `{}`", task.escape_debug());
        return Err(ApiError::new(StatusCode::NOT_FOUND, "no-such-task", message)
            .help("`taskd list` tells which there are"));
    };
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

async fn run(State(source): State<Source>, Path(id): Path<String>) -> Result<Json<Row>, ApiError> {
    find(&source, &id).await.map(Json)
}

async fn find(source: &Source, id: &str) -> Result<Row, ApiError> {
    let run: RunId = id.parse().map_err(|_| ApiError::no_such_run(id))?;
    let row = source.records.find(run).await?;
    row.filter(Row::is_run).ok_or_else(|| ApiError::no_such_run(id))
}

async fn output(
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
    tokio::spawn(send(source, run, captured, follow, sender));
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
            if sender.send_data(buffer.into()).await.is_err() {
                // Nobody reads it any more.
                return;
            }
        }
        if !(follow && goes_on) {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}
