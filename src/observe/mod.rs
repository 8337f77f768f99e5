//! Readers of events. They never block the engine, and nothing waits for them.

mod log;

use crate::event::Event;

pub use log::Log;

/// Reads the events of an engine.
pub trait Observer: Send {
    /// Takes note of `event`, at once.
    fn notify(&mut self, event: &Event);
}
