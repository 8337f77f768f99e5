//! The daemon itself: how it is, its file, its end.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{ApiError, Json, Source, tasks};
use crate::engine::Request;
use crate::zone::Zone;

/// How the daemon is.
pub(super) async fn status(State(source): State<Source>) -> Result<Json<Value>, ApiError> {
    let status = source.engine()?.status().await.ok_or_else(ApiError::ended)?;
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
        "pause": status.pause.as_ref().map(|pause| tasks::pause_json(pause, &Zone::utc())),
        "overdue": status.overdue,
        "draining": status.draining,
        "next": next,
        "degraded": degraded,
    })))
}

/// Takes up the schedule file again: all of it, or nothing.
pub(super) async fn reload(State(source): State<Source>) -> Result<Response, ApiError> {
    let reload = source.reload.as_ref().ok_or_else(ApiError::ended)?;
    Ok(match reload.reload().await {
        Ok(changes) => Json(changes).into_response(),
        Err(diagnostics) => (StatusCode::UNPROCESSABLE_ENTITY, Json(diagnostics)).into_response(),
    })
}

/// Lets runs end, starts no more, and ends.
pub(super) async fn stop(State(source): State<Source>) -> Result<Json<Value>, ApiError> {
    source.engine()?.ask(Request::Drain).await;
    Ok(Json(json!({ "draining": true })))
}
