//! What happens, as it happens: server-sent events.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use http_body_util::channel::{Channel, Sender};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;

use super::{ApiError, PATIENCE, Source};
use crate::engine::{Numbered, Seen};

/// So often something is sent, so that a connection that is dead is noticed.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// So long who was too slow may take to read that.
const LAST_WORD: Duration = Duration::from_mins(1);

/// All that happens from now on, or since the event that `Last-Event-ID` names.
pub(super) async fn events(
    State(source): State<Source>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let watch = source.watch.as_ref().ok_or_else(ApiError::ended)?;
    let last = match headers.get("last-event-id") {
        None => None,
        Some(last) => {
            let number = last.to_str().ok().and_then(|last| last.parse().ok());
            let bad = || ApiError::bad_parameter("Last-Event-ID", "no number of an event here");
            Some(number.ok_or_else(bad)?)
        }
    };
    let (sender, body) = Channel::<Bytes, io::Error>::new(4);
    let seen = watch.after(last);
    let watching = seen.watching.clone();
    let place = source.stream()?;
    tokio::spawn(async move {
        send(seen, last, sender).await;
        drop(place);
    });
    let body = body.map_frame(move |frame| {
        // As long as anything of it has not been sent, somebody watches.
        let _until_then = &watching;
        frame
    });
    let kinds = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    Ok((kinds, Body::new(body)).into_response())
}

/// Sends what is seen until nobody reads it, or who reads it is too slow.
async fn send(seen: Seen, last: Option<i64>, mut sender: Sender<Bytes, io::Error>) {
    let Seen { since, missed_until, mut next, .. } = seen;
    let mut text = String::from(": events of taskd\n\n");
    if let (Some(last), Some(first)) = (last, missed_until) {
        let (from, to) = (last.saturating_add(1), first.saturating_sub(1));
        text.push_str(&notice("missed", &json!({ "from": from, "to": to })));
    }
    text.extend(since.iter().map(told));
    let behind = loop {
        match tokio::time::timeout(PATIENCE, sender.send_data(text.into())).await {
            Ok(Ok(())) => {}
            // Nobody reads it any more.
            Ok(Err(_)) => return,
            Err(_) => break next.len(),
        }
        text = match tokio::time::timeout(SIGN_OF_LIFE, next.recv()).await {
            Ok(Ok(numbered)) => told(&numbered),
            Ok(Err(RecvError::Lagged(count))) => {
                break usize::try_from(count).unwrap_or(usize::MAX);
            }
            // The daemon has ended.
            Ok(Err(RecvError::Closed)) => return,
            Err(_) => ": \n\n".into(),
        };
    };
    // The last word to who reads too slowly, should they read on.
    let text = notice("dropped", &json!({ "behind": behind }));
    let _ = tokio::time::timeout(LAST_WORD, sender.send_data(text.into())).await;
}

fn told(numbered: &Numbered) -> String {
    let Numbered { number, event } = numbered;
    // Texts and numbers are always JSON.
    let data = serde_json::to_string(&**event).unwrap_or_default();
    format!("id: {number}\nevent: {}\ndata: {data}\n\n", event.kind())
}

/// Something about the stream itself.
fn notice(what: &str, data: &serde_json::Value) -> String {
    format!("event: {what}\ndata: {data}\n\n")
}
