//! The suite that every store passes.

use jiff::Timestamp;

use super::Store;
use crate::event::{Event, RunId, TriggerKind};
use crate::name::Name;

fn started(task: &str, due: &str) -> (RunId, Event) {
    let due: Timestamp = due.parse().expect("an instant");
    let run = RunId { task: Name::new(task).expect("a fine name"), due };
    let event = Event::RunStarted {
        at: due,
        run: run.clone(),
        trigger: TriggerKind::Interval,
        cause: None,
        catch_up: false,
    };
    (run, event)
}

/// Checks the promises of an empty store.
pub(super) async fn exercise(store: &mut dyn Store) {
    a_firing_runs_once(store).await;
}

async fn a_firing_runs_once(store: &mut dyn Store) {
    let (first, first_event) = started("a", "2026-01-01T00:00:00Z");
    let (_, later_event) = started("a", "2026-01-01T00:00:01Z");
    let (_, other_event) = started("b", "2026-01-01T00:00:00Z");
    assert_eq!(store.append(&[]).await, [], "nothing is nothing");
    assert_eq!(store.append(std::slice::from_ref(&first_event)).await, [], "it is new");
    // The same task and instant again, among others that are new.
    let again = store.append(&[later_event, first_event, other_event]).await;
    assert_eq!(again, [first], "only that one has run before");
}
