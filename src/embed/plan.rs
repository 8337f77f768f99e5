//! What a scheduler has to do, and how far it has come.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::builder::Beginning;
use super::erased::Body;
use super::error::SchedulerError;
use super::resolve::comes_after_itself;
use crate::engine::{Handle, Known};
use crate::name::Name;
use crate::policy::Limits;
use crate::schedule::Schedule;
use crate::task::Execute;
use crate::zone::Zone;

/// What is to be done, and whether somebody does it.
pub(super) struct Plan {
    pub tasks: BTreeMap<Name, Entry>,
    /// The Rust tasks that files may name.
    #[cfg_attr(not(feature = "config"), expect(dead_code, reason = "there are no files"))]
    pub rust: BTreeMap<Name, Arc<dyn Body>>,
    pub limits: Limits,
    /// The pools that files have.
    pub pools: BTreeMap<PathBuf, BTreeMap<Name, NonZeroU32>>,
    pub phase: Phase,
}

/// A task, and when it fires.
#[derive(Clone)]
pub(super) struct Entry {
    pub task: Arc<dyn Execute>,
    pub description: String,
    pub schedule: Schedule,
    pub zone: Zone,
    /// The schedule file that it comes from.
    #[cfg_attr(not(feature = "config"), expect(dead_code, reason = "there are no files"))]
    pub file: Option<PathBuf>,
}

/// How far it has come.
pub(super) enum Phase {
    /// It has not been started.
    New(Box<Beginning>),
    Running(Running),
    Ended,
}

/// An engine that works. It ends with this.
pub(super) struct Running {
    pub engine: Handle,
    pub serving: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Plan {
    /// Puts an entry in its place, unless that would make it come after itself.
    pub fn put(&mut self, name: &Name, entry: Entry) -> Result<(), SchedulerError> {
        let before = self.tasks.insert(name.clone(), entry);
        if !comes_after_itself(name, &self.tasks) {
            return Ok(());
        }
        self.tasks.remove(name);
        self.tasks.extend(before.map(|before| (name.clone(), before)));
        Err(SchedulerError::Circle(name.to_string()))
    }

    /// Those of the builder, with the pools of files; its own are stronger.
    pub fn limits(&self) -> Limits {
        let mut limits = self.limits.clone();
        for (name, places) in self.pools.values().flatten() {
            limits.pools.entry(name.clone()).or_insert(*places);
        }
        limits
    }

    pub fn schedules(&self) -> Vec<Schedule> {
        self.tasks.values().map(|entry| entry.schedule.clone()).collect()
    }

    pub fn known(&self) -> impl Iterator<Item = Known> {
        let known =
            |entry: &Entry| Known { schedule: entry.schedule.clone(), zone: entry.zone.clone() };
        self.tasks.values().map(known)
    }
}
