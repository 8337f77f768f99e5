//! What a run has used of the machine.

use jiff::SignedDuration;

/// What an attempt, or a run, has used: its processes and all their descendants that were waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Time of processors in its programs.
    pub user: SignedDuration,
    /// Time of processors in the kernel on their behalf.
    pub system: SignedDuration,
    /// The most memory that it had at once, in bytes.
    pub peak_memory: u64,
}

impl Usage {
    /// All time of processors.
    #[must_use]
    pub fn cpu(&self) -> SignedDuration {
        self.user.saturating_add(self.system)
    }

    /// What a run has used with another attempt, as far as that is known.
    #[must_use]
    pub fn sum(before: Option<Self>, attempt: Option<Self>) -> Option<Self> {
        let (Some(before), Some(attempt)) = (before, attempt) else { return before.or(attempt) };
        Some(Self {
            user: before.user.saturating_add(attempt.user),
            system: before.system.saturating_add(attempt.system),
            peak_memory: before.peak_memory.max(attempt.peak_memory),
        })
    }
}
