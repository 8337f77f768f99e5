//! Zone data may be replaced while the daemon runs: it is looked at once a day.

use std::sync::{Arc, Mutex, PoisonError};

use super::plan;
use crate::clock;
use crate::config::Plan;
use crate::engine::Handle;
use crate::scheduler::Request;

/// What looks, each time it is called, whether the zones of `plan` have other rules by now, and
/// loads the same text anew if so. Files that have changed meanwhile are none of its business.
pub fn watch(plan: Plan) -> Box<dyn FnMut(Handle) + Send> {
    let plan = Arc::new(Mutex::new(plan));
    Box::new(move |engine| {
        let plan = plan.clone();
        // Reading zones and judging a large plan take their time, which nothing waits for.
        tokio::spawn(async move {
            if let Ok(Some(load)) = tokio::task::spawn_blocking(move || look(&plan)).await {
                engine.ask(load).await;
            }
        });
    })
}

/// The tasks by the new rules, if any zone has new ones.
fn look(plan: &Mutex<Plan>) -> Option<Request> {
    let mut plan = plan.lock().unwrap_or_else(PoisonError::into_inner);
    let setting = plan::setting(clock::wall_clock());
    setting.zones.reset();
    if !plan.is_outdated(&setting) {
        return None;
    }
    let mut again = plan.again(&setting);
    if !again.is_valid() {
        tracing::error!("zone data has changed, but the tasks cannot be read by it; the old holds");
        return None;
    }
    tracing::info!("zone data has changed; tasks look forward by the new rules");
    let tasks = std::mem::take(&mut again.tasks);
    *plan = again;
    let schedules = tasks.into_iter().map(|entry| entry.schedule).collect();
    Some(Request::Load(schedules, plan.daemon.limits.clone()))
}
