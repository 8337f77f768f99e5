//! Who is connected: when all places are taken, whoever has waited longest for their own request
//! makes room.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;

/// The places for connections.
#[derive(Debug)]
pub(super) struct Connections {
    places: Arc<Semaphore>,
    waiting: Mutex<Waiting>,
}

/// The connections whose request has not come, the longest first.
#[derive(Debug, Default)]
struct Waiting {
    line: BTreeMap<u64, AbortHandle>,
    next: u64,
}

impl Connections {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { places: Arc::new(Semaphore::new(most)), waiting: Mutex::default() })
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place, for which another connection may be closed.
    pub(super) async fn place(&self) -> OwnedSemaphorePermit {
        if self.places.available_permits() == 0
            && let Some((_, longest)) = self.waiting().line.pop_first()
        {
            longest.abort();
        }
        self.places.clone().acquire_owned().await.expect("it is never closed")
    }

    /// The connection that `task` serves waits for a request, until the turn is dropped.
    pub(super) fn wait(self: &Arc<Self>, task: AbortHandle) -> Turn {
        let mut waiting = self.waiting();
        let number = waiting.next;
        waiting.next += 1;
        waiting.line.insert(number, task);
        Turn { connections: self.clone(), number }
    }
}

/// That a connection waits for its request.
#[derive(Debug)]
pub(super) struct Turn {
    connections: Arc<Connections>,
    number: u64,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.connections.waiting().line.remove(&self.number);
    }
}
