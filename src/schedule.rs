//! When a task fires and by which policy it runs: plain comparable data, without what it does.

use jiff::Timestamp;

use crate::name::Name;
use crate::policy::Policy;
use crate::trigger::{Firing, When};

/// A task as the scheduler sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// Its name.
    pub name: Name,
    /// When it fires.
    pub when: When,
    /// Whether it fires at all.
    pub enabled: bool,
    /// How it is run.
    pub policy: Policy,
}

impl Schedule {
    /// A schedule with the default policy.
    #[must_use]
    pub fn new(name: Name, when: When) -> Self {
        Self { name, when, enabled: true, policy: Policy::default() }
    }

    /// Returns the first firing strictly after `after`, or `None` if there will be no more.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Firing> {
        if self.enabled { self.when.next_after(after) } else { None }
    }
}
