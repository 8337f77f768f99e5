//! Once when the daemon starts. No clock names such a firing: it is due when it arises.

use jiff::SignedDuration;

/// Fires once at a start, after a delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Startup {
    /// At which starts.
    pub on: Start,
    /// How long after it; zero or more.
    pub delay: SignedDuration,
}

/// A start of the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Every one; a reload is none.
    Every,
    /// The first one after the machine has booted.
    Boot,
}
