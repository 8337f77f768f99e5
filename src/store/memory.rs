//! A store that forgets everything at the end.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Store;
use crate::event::{Event, RunId};
use crate::name::Name;
use crate::task::BoxFuture;

/// So many firings of each task are known again after the clock was set back by days.
const MOST_CLAIMS: usize = 1_000;

/// Keeps in memory which firings have run.
#[derive(Debug, Default)]
pub struct Memory {
    claims: BTreeMap<Name, BTreeSet<Timestamp>>,
}

impl Memory {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether this firing is new, which it then is no longer.
    fn claim(&mut self, run: &RunId) -> bool {
        let claims = self.claims.entry(run.task.clone()).or_default();
        let new = claims.insert(run.due);
        if claims.len() > MOST_CLAIMS {
            claims.pop_first();
        }
        new
    }
}

impl Store for Memory {
    fn append<'a>(&'a mut self, events: &'a [Event]) -> BoxFuture<'a, Vec<RunId>> {
        let mut refused = Vec::new();
        for event in events {
            if let Event::RunStarted { run, .. } = event
                && !self.claim(run)
            {
                refused.push(run.clone());
            }
        }
        Box::pin(std::future::ready(refused))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn memory_keeps_the_promises_of_a_store() {
        crate::store::exercise::exercise(&mut Memory::new()).await;
    }

    #[test]
    fn memory_does_not_grow_without_end() {
        let mut store = Memory::new();
        let task = Name::new("often").expect("a fine name");
        for second in 0..5_000 {
            let due = Timestamp::from_second(second).expect("in range");
            assert!(store.claim(&RunId { task: task.clone(), due }));
        }
        assert_eq!(store.claims[&task].len(), MOST_CLAIMS);
    }
}
