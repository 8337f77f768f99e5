//! What outlives a step: the events, recorded before anything acts on them.

mod directory;
mod history;
mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(any(test, feature = "sqlite"))]
mod views;

#[cfg(test)]
mod exercise;

use crate::event::{Event, RunId};
use crate::task::BoxFuture;

pub use directory::{DirectoryError, OUTPUT, StateDirectory, socket_of};
pub use history::{Answer, Catalogue, Fact, Known, Query, Records, Row, Story, Unreadable};
pub use memory::{Memory, Recent};
#[cfg(feature = "sqlite")]
pub use sqlite::{Archive, FILE, Opened, Sqlite, StoreError};
#[cfg(test)]
pub(crate) use views::Views;

/// Keeps events. The engine is its only writer.
pub trait Store: Send {
    /// Records the events of one step, all or none, and returns the runs among them that it does
    /// not grant because their firing has run before.
    fn append<'a>(&'a mut self, events: &'a [Event]) -> BoxFuture<'a, Vec<RunId>>;

    /// Waits until all that was appended can be asked for, or cannot be recorded.
    fn settle(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    /// Why what was appended last is not on record, if it is not. It is kept as long as this lives,
    /// and recorded when that can be.
    fn failure(&self) -> Option<String> {
        None
    }
}
