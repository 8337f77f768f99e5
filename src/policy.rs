//! How a task is run: what holds beside when and what.

use jiff::SignedDuration;

/// How far back the wall clock may step before the step counts as a correction of a clock that
/// was wrong: three hours, as in cron.
pub const CORRECTION: SignedDuration = SignedDuration::from_hours(3);

/// The policy of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How late the newest firing owed still counts as on time.
    pub grace: SignedDuration,
    /// The longest delay of a firing that a clock names, so that machines with one file spread.
    pub jitter: SignedDuration,
}

impl Default for Policy {
    fn default() -> Self {
        Self { grace: SignedDuration::from_mins(10), jitter: SignedDuration::ZERO }
    }
}
