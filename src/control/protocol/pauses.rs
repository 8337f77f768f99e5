//! Pauses: of a task, of many at once, of everything.

use std::collections::BTreeSet;

use axum::extract::{Path, Request as HttpRequest, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ApiError, Json, Source, body, tasks};
use crate::duration;
use crate::engine::{Look, Pause, Request, Until};
use crate::name::Name;
use crate::zone::Zone;

/// A pause, by the wall clock of `zone`.
pub(super) fn told(pause: &Pause, zone: &Zone) -> Value {
    let time = |at: Timestamp| at.display_with_offset(zone.offset(at)).to_string();
    json!({ "since": time(pause.since), "until": pause.until.map(time), "reason": pause.reason })
}

/// For how long, and why.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PauseBody {
    r#for: Option<String>,
    until: Option<String>,
    reason: Option<String>,
    /// Of which tasks, where the path names none; without them, everything.
    tasks: Option<Vec<String>>,
}

impl PauseBody {
    /// The pauses of `tasks`; `None` is everything.
    fn requests(self, tasks: Vec<Option<Name>>, now: Timestamp) -> Result<Vec<Request>, ApiError> {
        let wrong =
            |message: String| ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-body", message);
        let until = match (self.r#for, self.until) {
            (Some(_), Some(_)) => return Err(wrong("`for` and `until` do not go together".into())),
            (Some(text), None) => {
                let length = duration::parse(&text);
                let length = length.map_err(|error| wrong(format!("`for`: {error}")))?;
                if length.is_zero() {
                    return Err(wrong("`for`: it has to be more than nothing".into()));
                }
                Some(Until::For(length))
            }
            (None, Some(text)) => {
                let bad = |_| wrong("`until` is no time as `2026-12-31T23:59:59Z`".into());
                let at: Timestamp = text.parse().map_err(bad)?;
                if at <= now {
                    return Err(wrong("`until` lies behind".into()));
                }
                Some(Until::At(at))
            }
            (None, None) => None,
        };
        if self.reason.as_ref().is_some_and(|reason| reason.contains(char::is_control)) {
            return Err(wrong("`reason` is one line of text".into()));
        }
        let reason = self.reason.filter(|reason| !reason.is_empty());
        let pause = |task| Request::Pause { task, until, reason: reason.clone() };
        Ok(tasks.into_iter().map(pause).collect())
    }
}

/// Which tasks are to go on.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ResumeBody {
    /// Without them, everything.
    tasks: Option<Vec<String>>,
}

/// Lets a task start nothing for now.
pub(super) async fn pause(
    State(source): State<Source>,
    Path(name): Path<String>,
    request: HttpRequest,
) -> Result<Json<Value>, ApiError> {
    let wanted: PauseBody = body(request).await?;
    if wanted.tasks.is_some() {
        let message = "the path names the task: no `tasks` are wanted here";
        return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-body", message));
    }
    let name = tasks::named(&source, &name).await?;
    let now = now(&source).await?;
    source.does(wanted.requests(vec![Some(name.clone())], now)?).await?;
    tasks::tell(&source, name).await
}

/// Lets a task go on.
pub(super) async fn resume(
    State(source): State<Source>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let name = tasks::named(&source, &name).await?;
    source.does(vec![Request::Resume(Some(name.clone()))]).await?;
    tasks::tell(&source, name).await
}

/// Lets many tasks at once, or everything, start nothing for now. Everything is a switch of its own.
pub(super) async fn pause_many(
    State(source): State<Source>,
    request: HttpRequest,
) -> Result<Json<Value>, ApiError> {
    let wanted: PauseBody = body(request).await?;
    let now = now(&source).await?;
    let Some(names) = &wanted.tasks else {
        source.does(wanted.requests(vec![None], now)?).await?;
        return everything(&source).await;
    };
    let names = many(&source, names).await?;
    source.does(wanted.requests(names.iter().cloned().map(Some).collect(), now)?).await?;
    tell_many(&source, &names).await
}

/// Lets many tasks at once go on, or everything but tasks that are paused by themselves.
pub(super) async fn resume_many(
    State(source): State<Source>,
    request: HttpRequest,
) -> Result<Json<Value>, ApiError> {
    let wanted: ResumeBody = body(request).await?;
    let Some(names) = &wanted.tasks else {
        source.does(vec![Request::Resume(None)]).await?;
        return everything(&source).await;
    };
    let names = many(&source, names).await?;
    source.does(names.iter().cloned().map(Some).map(Request::Resume).collect()).await?;
    tell_many(&source, &names).await
}

async fn now(source: &Source) -> Result<Timestamp, ApiError> {
    Ok(source.engine()?.status().await.ok_or_else(ApiError::ended)?.at)
}

/// The names, if there is a task of each.
async fn many(source: &Source, names: &[String]) -> Result<BTreeSet<Name>, ApiError> {
    let there: BTreeSet<Name> =
        tasks::look(source, None).await?.tasks.into_iter().map(|task| task.task).collect();
    let known = |name: &String| {
        let known = there.get(name.as_str()).cloned();
        known.ok_or_else(|| ApiError::no_such_task(name))
    };
    names.iter().map(known).collect()
}

async fn tell_many(source: &Source, names: &BTreeSet<Name>) -> Result<Json<Value>, ApiError> {
    let Look { at, tasks } = tasks::look(source, None).await?;
    let tasks = tasks.into_iter().filter(|task| names.contains(&task.task)).collect();
    let items = tasks::told(source, Look { at, tasks }).await?;
    Ok(Json(json!({ "items": items, "next": null })))
}

async fn everything(source: &Source) -> Result<Json<Value>, ApiError> {
    let status = source.engine()?.status().await.ok_or_else(ApiError::ended)?;
    let pause = status.pause.as_ref().map(|pause| told(pause, &Zone::utc()));
    Ok(Json(json!({ "paused": pause })))
}
