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

    /// With another attempt of the same run.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            user: self.user.saturating_add(other.user),
            system: self.system.saturating_add(other.system),
            peak_memory: self.peak_memory.max(other.peak_memory),
        }
    }
}
