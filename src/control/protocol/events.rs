//! What happens, as it happens: server-sent events.

use std::fmt::Write;
use std::io;
use std::sync::Arc;
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
use crate::engine::{Numbered, Records, Seen, Watch};

/// So often something is sent, so that a connection that is dead is noticed.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// So long who was too slow may take to read that.
const LAST_WORD: Duration = Duration::from_mins(1);

/// So many old events are read at once.
const PAGE: usize = 1_000;

/// All that happens from now on, or since the event that `Last-Event-ID` names: also what is only on
/// record any more.
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
    let (watch, watching) = (watch.clone(), watch.watching());
    let place = source.stream()?;
    let records = source.records.clone();
    tokio::spawn(async move {
        Stream { watch, records, sender }.send(last).await;
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

/// What is sent to one who watches.
struct Stream {
    watch: Watch,
    records: Arc<dyn Records>,
    sender: Sender<Bytes, io::Error>,
}

/// Nobody reads it, or they read too slowly.
struct Gone;

impl Stream {
    /// Sends what happens, from the event after `last` on if there is one, until nobody reads it, or
    /// who reads it is too slow.
    async fn send(mut self, last: Option<i64>) {
        let begin = self.piece(": events of taskd\n\n".into()).await;
        let Ok(last) = begin.and(self.send_old(last).await) else { return };
        let Seen { since, mut next } = self.watch.after(last);
        let mut text = told(last, since);
        let behind = loop {
            if self.piece(text).await.is_err() {
                break u64::try_from(next.len()).unwrap_or(u64::MAX);
            }
            text = match tokio::time::timeout(SIGN_OF_LIFE, next.recv()).await {
                Ok(Ok(numbered)) => told(None, [numbered]),
                Ok(Err(RecvError::Lagged(count))) => break count,
                // The daemon has ended.
                Ok(Err(RecvError::Closed)) => return,
                Err(_) => ": \n\n".into(),
            };
        };
        // The last word to who reads too slowly, should they read on.
        let text = notice("dropped", &json!({ "behind": behind }));
        let _ = tokio::time::timeout(LAST_WORD, self.sender.send_data(text.into())).await;
    }

    /// Sends what has happened after `last` and is on record alone, and tells the last of that.
    async fn send_old(&mut self, mut last: Option<i64>) -> Result<Option<i64>, Gone> {
        while let Some(known) = last
            && self.watch.first().is_some_and(|first| first > known.saturating_add(1))
        {
            // What cannot be read is missed, and told as such by what follows.
            let old = self.records.events(known, PAGE).await.unwrap_or_default();
            let Some((newest, _)) = old.last() else { break };
            last = Some(*newest);
            let old = old.into_iter().map(|(number, event)| (number, event.into()));
            self.piece(told(Some(known), old.map(|(number, event)| Numbered { number, event })))
                .await?;
        }
        Ok(last)
    }

    async fn piece(&mut self, text: String) -> Result<(), Gone> {
        let sent = tokio::time::timeout(PATIENCE, self.sender.send_data(text.into())).await;
        sent.map_err(|_| Gone)?.map_err(|_| Gone)
    }
}

/// These events, and which are not known any more between the event `last` and them.
fn told(mut last: Option<i64>, events: impl IntoIterator<Item = Numbered>) -> String {
    let mut text = String::new();
    for Numbered { number, event } in events {
        if let Some(last) = last.replace(number)
            && number > last.saturating_add(1)
        {
            text.push_str(&notice("missed", &json!({ "from": last + 1, "to": number - 1 })));
        }
        // Texts and numbers are always JSON.
        let data = serde_json::to_string(&*event).unwrap_or_default();
        let _ = write!(text, "id: {number}\nevent: {}\ndata: {data}\n\n", event.kind());
    }
    text
}

/// Something about the stream itself.
fn notice(what: &str, data: &serde_json::Value) -> String {
    format!("event: {what}\ndata: {data}\n\n")
}
