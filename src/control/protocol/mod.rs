//! What can be asked, and what is answered: the router, which knows no transport.
//!
//! `daemon` is about the daemon itself, `tasks` and `pauses` about what runs, `records` about what became
//! of it, `events` about what happens now.

mod daemon;
mod events;
mod pauses;
mod records;
mod tasks;

use std::borrow::Cow;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http_body_util::LengthLimitError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::engine::{self, Catalogue, Handle, Records, Scrape, Unreadable, Watch};
use crate::event::{Event, RunId};
use crate::task::BoxFuture;

/// The largest body of a request: 1 MiB.
const LARGEST: usize = 1 << 20;

/// So long the body of a request may take to come, and so long a reader may take to read.
const PATIENCE: Duration = Duration::from_secs(10);

/// So many answers may go on without an end at once: others find a place beside them.
pub const MOST_STREAMS: usize = 64;

/// Where captured output comes from.
pub trait Captures: Send + Sync {
    /// What `run` has written so far; `None` if nothing of it was captured.
    ///
    /// # Errors
    ///
    /// Returns the error of reading it.
    fn open(&self, run: &RunId) -> io::Result<Option<Box<dyn Read + Send>>>;
}

/// Takes up the schedule file again.
pub trait Reload: Send + Sync {
    /// Makes what the file says now the tasks; what has changed is told as the body of an answer, or
    /// else what is wrong with the file, and nothing is changed.
    /// Whoever has asked may go: it is done all the same.
    fn reload(self: Arc<Self>) -> BoxFuture<'static, Result<serde_json::Value, serde_json::Value>>;
}

/// What answers come from.
#[derive(Clone)]
pub struct Source {
    /// The engine; none where only the record answers.
    pub engine: Option<Handle>,
    /// The places of answers that go on without an end.
    pub streams: Arc<Semaphore>,
    /// What lets clients watch what happens.
    pub watch: Option<Watch>,
    /// What counts what happens.
    pub scrape: Option<Scrape>,
    /// What became of firings.
    pub records: Arc<dyn Records>,
    /// The tasks as they are defined.
    pub catalogue: Catalogue,
    /// What takes up the schedule file; nothing, where that cannot be.
    pub reload: Option<Arc<dyn Reload>>,
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
    let wrong = || async {
        let message = "this path takes another method";
        ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", message)
            .help("what is asked for takes `GET`, what is to be done takes `POST`")
    };
    let without_body = Router::new()
        .route("/v1/status", get(daemon::status))
        .route("/v1/metrics", get(daemon::metrics))
        .route("/v1/events", get(events::events))
        .route("/v1/reload", post(daemon::reload))
        .route("/v1/stop", post(daemon::stop))
        .route("/v1/tasks", get(tasks::all))
        .route("/v1/tasks/{name}", get(tasks::one))
        .route("/v1/tasks/{name}/resume", post(pauses::resume))
        .route("/v1/tasks/{name}/cancel", post(tasks::cancel))
        .route("/v1/history", get(records::history))
        .route("/v1/why", get(records::why))
        .route("/v1/runs/{id}", get(records::run))
        .route("/v1/runs/{id}/output", get(records::output))
        .route("/v1/runs/{id}/cancel", post(tasks::cancel_run))
        .fallback(unknown)
        .layer(middleware::from_fn(without_body));
    let with_body = Router::new()
        .route("/v1/pause", post(pauses::pause_many))
        .route("/v1/resume", post(pauses::resume_many))
        .route("/v1/tasks/{name}/pause", post(pauses::pause))
        .route("/v1/tasks/{name}/trigger", post(tasks::trigger));
    without_body.merge(with_body).method_not_allowed_fallback(wrong).with_state(source)
}

/// Hands a request on that brings no body, which nothing here wants.
async fn without_body(request: Request, next: Next) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    if !read(body).await?.is_empty() {
        let (status, message) = (StatusCode::UNPROCESSABLE_ENTITY, "no body is wanted here");
        return Err(ApiError::new(status, "unwanted-body", message));
    }
    Ok(next.run(Request::from_parts(parts, axum::body::Body::empty())).await)
}

/// All of a body.
async fn read(body: axum::body::Body) -> Result<Bytes, ApiError> {
    let Ok(read) = tokio::time::timeout(PATIENCE, to_bytes(body, LARGEST)).await else {
        let message = "the body does not come";
        return Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "timeout", message));
    };
    read.map_err(|error| {
        if error.into_inner().is::<LengthLimitError>() {
            let (status, message) = (StatusCode::PAYLOAD_TOO_LARGE, "a body may have 1 MiB");
            return ApiError::new(status, "too-large", message);
        }
        ApiError::new(StatusCode::BAD_REQUEST, "bad-body", "the body cannot be read")
    })
}

/// What the body of `request` says as JSON; without one, what is the default.
async fn body<T: DeserializeOwned + Default>(request: Request) -> Result<T, ApiError> {
    let body = read(request.into_body()).await?;
    if body.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(&body).map_err(|error| {
        // What stands there may be a secret.
        let (line, column) = (error.line(), error.column());
        let message = format!("the body is wrong at line {line}, column {column}");
        ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-body", message)
            .help("a pause takes `for`, `until`, `reason` and `tasks`, a trigger `force` and `env`")
    })
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
            .help("try `/v1/status`, `/v1/tasks`, `/v1/history` or `/v1/runs/RUN/output`")
    }

    fn no_such_task(name: &str) -> Self {
        let message = format!("there is no task `{}`", name.escape_debug());
        Self::new(StatusCode::NOT_FOUND, "no-such-task", message)
            .help("`taskd list` tells which there are")
    }

    /// Nobody is there to do it.
    fn ended() -> Self {
        let message = "no daemon is there, or it is ending";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "ended", message)
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

impl Source {
    /// A place for an answer that goes on without an end.
    fn stream(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        self.streams.clone().try_acquire_owned().map_err(|_| {
            let message = "too many read without an end already";
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message)
        })
    }

    /// Does all of this, and tells what came of it once that is on record.
    async fn does(&self, requests: Vec<engine::Request>) -> Result<Vec<Event>, ApiError> {
        self.engine()?.request(requests).await.ok_or_else(ApiError::ended)
    }

    /// The engine, which alone does anything.
    fn engine(&self) -> Result<&Handle, ApiError> {
        self.engine.as_ref().ok_or_else(ApiError::ended)
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
