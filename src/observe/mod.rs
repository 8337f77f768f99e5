//! Readers of events. They never block the engine, and nothing waits for them.

mod live;
mod log;
#[cfg(feature = "control")]
mod metrics;
#[cfg(feature = "cli")]
mod systemd;

use crate::event::Event;

pub use live::{Live, Numbered, Seen, Watch};
pub use log::Log;
#[cfg(feature = "control")]
pub use metrics::{Metrics, Scrape};
#[cfg(feature = "cli")]
pub use systemd::Manager;

/// Reads the events of an engine.
pub trait Observer: Send {
    /// Takes note of `event`, which has this number in the record, at once.
    fn notify(&mut self, number: i64, event: &Event);
}
