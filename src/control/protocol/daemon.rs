//! The daemon itself: how it is, its file, its end.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{ApiError, Json, Source, pauses};
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
        "pause": status.pause.as_ref().map(|pause| pauses::told(pause, &Zone::utc())),
        "overdue": status.overdue,
        "draining": status.draining,
        "next": next,
        "degraded": degraded,
    })))
}

/// Numbers for monitoring, in the text of `OpenMetrics`.
pub(super) async fn metrics(State(source): State<Source>) -> Result<Response, ApiError> {
    const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let scrape = source.scrape.as_ref().ok_or_else(ApiError::ended)?;
    let status = source.engine()?.status().await.ok_or_else(ApiError::ended)?;
    let known = source.catalogue.all();
    let next = known.iter().filter_map(|(name, known)| {
        Some((name.clone(), known.schedule.next_run_after(status.at)?.due))
    });
    let text = scrape.text((status.running, status.waiting), next);
    Ok(([(header::CONTENT_TYPE, TEXT)], text).into_response())
}

/// Takes up the schedule file again: all of it, or nothing.
pub(super) async fn reload(State(source): State<Source>) -> Result<Response, ApiError> {
    let reload = source.reload.as_ref().ok_or_else(ApiError::ended)?;
    Ok(match reload.clone().reload().await {
        Ok(changes) => Json(changes).into_response(),
        Err(diagnostics) => (StatusCode::UNPROCESSABLE_ENTITY, Json(diagnostics)).into_response(),
    })
}

/// Lets runs end, starts no more, and ends.
pub(super) async fn stop(State(source): State<Source>) -> Result<Json<Value>, ApiError> {
    source.engine()?.ask(Request::Drain).await;
    Ok(Json(json!({ "draining": true })))
}
