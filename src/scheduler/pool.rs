//! Places for attempts: how many may go on at once, over all tasks and in each pool, and who
//! waits for one.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::event::{RunId, WaitReason};
use crate::name::Name;
use crate::policy::Limits;

/// The places that are taken, and the lines before them: first due first, then by name.
#[derive(Debug, Default)]
pub(super) struct Places {
    limits: Limits,
    /// By attempts that go on.
    taken: u32,
    /// In each pool.
    taken_of: BTreeMap<Name, u32>,
    /// For each pool, and for what needs none, who waits.
    lines: BTreeMap<Option<Name>, BTreeSet<(Timestamp, Name)>>,
}

impl Places {
    /// From now on there are so many. What goes on goes on.
    pub(super) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    pub(super) fn take(&mut self, pool: Option<&Name>) {
        self.taken += 1;
        if let Some(pool) = pool {
            *self.taken_of.entry(pool.clone()).or_default() += 1;
        }
    }

    pub(super) fn give_back(&mut self, pool: Option<&Name>) {
        self.taken -= 1;
        if let Some(pool) = pool
            && let Some(taken) = self.taken_of.get_mut(pool)
        {
            *taken -= 1;
        }
    }

    pub(super) fn line_up(&mut self, pool: Option<&Name>, run: &RunId) {
        let line = self.lines.entry(pool.cloned()).or_default();
        line.insert((run.due, run.task.clone()));
    }

    /// Takes `run` out of its line, if it is there.
    pub(super) fn leave(&mut self, pool: Option<&Name>, run: &RunId) {
        if let Some(line) = self.lines.get_mut(&pool.cloned()) {
            line.remove(&(run.due, run.task.clone()));
        }
    }

    /// Takes the first of those out of its line that can have a place now.
    pub(super) fn call(&mut self) -> Option<RunId> {
        let pool = self.first()?.0.clone();
        let line = self.lines.get_mut(&pool)?;
        let (due, task) = line.pop_first()?;
        if line.is_empty() {
            self.lines.remove(&pool);
        }
        Some(RunId { task, due })
    }

    /// Whether anybody who waits can have a place now.
    pub(super) fn can_call(&self) -> bool {
        self.first().is_some()
    }

    fn first(&self) -> Option<(&Option<Name>, &(Timestamp, Name))> {
        if self.is_full() {
            return None;
        }
        let open = self.lines.iter().filter(|(pool, _)| !self.is_pool_full(pool.as_ref()));
        open.filter_map(|(pool, line)| Some((pool, line.first()?))).min_by_key(|(_, first)| *first)
    }

    /// What somebody who needs a place of `pool` waits for.
    pub(super) fn wanting(&self, pool: Option<&Name>) -> WaitReason {
        if self.is_pool_full(pool) { WaitReason::Pool } else { WaitReason::Cap }
    }

    fn is_full(&self) -> bool {
        self.limits.max_runs.is_some_and(|most| self.taken >= most.get())
    }

    /// A pool that is not there any more has room for all that still name it.
    fn is_pool_full(&self, pool: Option<&Name>) -> bool {
        let most = pool.and_then(|pool| self.limits.pools.get(pool));
        let taken = pool.and_then(|pool| self.taken_of.get(pool)).copied().unwrap_or_default();
        most.is_some_and(|most| taken >= most.get())
    }
}
