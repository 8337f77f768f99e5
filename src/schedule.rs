//! When a task fires and by which policy it runs: plain comparable data, without what it does.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::duration;
use crate::event::Definition;
use crate::hash;
use crate::name::Name;
use crate::policy::Policy;
use crate::trigger::{Filter, Firing, When};
use crate::zone::Zone;

/// A task as the scheduler sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// Its name.
    pub name: Name,
    /// When it fires.
    pub when: When,
    /// Whether it fires at all.
    pub enabled: bool,
    /// On which days, if not on all.
    pub filter: Option<Arc<Filter>>,
    /// How it is run. Equal ones should share one copy.
    pub policy: Arc<Policy>,
    /// All that its file says of it, as in its [`Definition`].
    pub text: Arc<str>,
    /// What its name was before.
    pub renamed_from: Option<Name>,
}

impl AsRef<Self> for Schedule {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl Schedule {
    /// A schedule with the default policy.
    #[must_use]
    pub fn new(name: Name, when: When) -> Self {
        let (policy, text) = (Arc::default(), "".into());
        Self { name, when, enabled: true, filter: None, policy, text, renamed_from: None }
    }

    /// How it is defined, for records.
    #[must_use]
    pub fn definition(&self) -> Definition {
        let (text, when) = (self.text.clone(), self.when.identity());
        Definition { text, when, enabled: self.enabled }
    }

    /// Returns the first firing strictly after `after`, or `None` if there will be no more.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Firing> {
        if self.enabled { self.when.next_after(after) } else { None }
    }

    /// Returns the first firing strictly after `after` that no calendar excludes, or `None` if there
    /// will be no more.
    #[must_use]
    pub fn next_run_after(&self, after: Timestamp) -> Option<Firing> {
        let Some(filter) = &self.filter else { return self.next_after(after) };
        let mut firing = self.next_after(after)?;
        while filter.excludes(firing.due).is_some() {
            // Days without number may be excluded: go over them as days.
            let day = filter.next_day(firing.due)?;
            let just_before = day.checked_sub(1.microsecond()).ok()?;
            firing = self.next_after(just_before)?;
        }
        Some(firing)
    }

    /// Says in words when it fires; instants are told as the wall clock of `zone` reads.
    #[must_use]
    pub fn in_words(&self, zone: &Zone) -> String {
        let when = self.when.in_words(zone);
        if self.policy.jitter.is_zero() {
            when
        } else {
            format!("{when}, up to {} later", duration::print(self.policy.jitter))
        }
    }

    /// How long after its due instant a firing is judged, on the machine of this id: from zero up
    /// to the policy's jitter, and less than the distance to the next firing.
    ///
    /// A pure function: the same after a restart, and another on another machine.
    #[must_use]
    pub fn delay(&self, machine: &[u8], due: Timestamp) -> SignedDuration {
        if self.policy.jitter.is_zero() {
            return SignedDuration::ZERO;
        }
        let room = self.when.next_after(due).map_or(SignedDuration::MAX, |next| {
            next.due.duration_since(due) - SignedDuration::from_micros(1)
        });
        let longest = u64::try_from(self.policy.jitter.min(room).as_micros()).unwrap_or(0);
        let due = due.as_microsecond().to_be_bytes();
        let drawn = hash::stable(&[machine, self.name.as_str().as_bytes(), &due]);
        let micros = drawn % (longest + 1);
        SignedDuration::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}
