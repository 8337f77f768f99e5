//! A scheduler, put together.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::Mutex;

use super::error::SchedulerError;
use super::resolve::zone_of;
use super::{Inner, LateSurroundings, Phase, Plan, TaskScheduler};
use crate::clock::Clock;
use crate::engine::{Catalogue, Records};
use crate::observe::{Live, Log, Observer};
use crate::policy::{Keep, Limits, Policy};
use crate::runner::Output;
use crate::scheduler::Remembered;
use crate::store::{Memory, Store};
use crate::zone::Zone;

/// What a scheduler begins with.
pub(super) struct Beginning {
    pub store: Box<dyn Store>,
    pub observers: Vec<Box<dyn Observer>>,
    pub keep: Keep,
    pub remembered: Remembered,
    pub last_event: i64,
    pub shutdown_grace: Duration,
}

/// Puts a [`TaskScheduler`] together.
#[must_use = "a builder does nothing before `build`"]
pub struct Builder {
    timezone: Option<String>,
    memory: Remembering,
    defaults: Policy,
    limits: Limits,
    output: Output,
    clock: Option<Arc<dyn Clock>>,
    shutdown_grace: Duration,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            timezone: None,
            memory: Remembering::Here,
            defaults: Policy::default(),
            limits: Limits::default(),
            output: Output::default(),
            clock: None,
            shutdown_grace: Duration::from_secs(25),
        }
    }
}

/// What a store has, to begin with.
struct Opened {
    store: Box<dyn Store>,
    records: Arc<dyn Records>,
    remembered: Remembered,
    last_event: i64,
    directories: Option<Directories>,
}

/// Where a store lies.
pub(super) struct Directories {
    pub state: PathBuf,
    /// Captured output.
    pub output: PathBuf,
}

impl Builder {
    /// The zone of wall clocks where a trigger names none: an IANA name. Else that of the machine.
    pub fn timezone(mut self, name: impl Into<String>) -> Self {
        self.timezone = Some(name.into());
        self
    }

    /// Remembers in `taskd.db` in this directory: after a crash or a restart, what was due meanwhile,
    /// pauses and retries are still there; output is captured beside it. Else in memory. One scheduler at
    /// a time may have it.
    #[cfg(feature = "sqlite")]
    pub fn store(mut self, directory: impl Into<PathBuf>) -> Self {
        self.memory = Remembering::In(directory.into());
        self
    }

    /// The policy where nobody says another.
    pub fn defaults(mut self, policy: Policy) -> Self {
        self.defaults = policy;
        self
    }

    /// How many may run at once, over all tasks and in each pool.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Where the output of Rust tasks goes, and how much of it is kept, where a file does not say: into the
    /// log and, with a store, into a file for each run. What would go to the program's own output is
    /// logged.
    pub fn output(mut self, output: Output) -> Self {
        self.output = output;
        self
    }

    /// Another clock than that of the machine, as [`crate::clock::Simulated`].
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// How long [`TaskScheduler::shutdown`] may take, stop graces included: 25 s, unless you say so.
    pub fn shutdown_grace(mut self, grace: Duration) -> Self {
        self.shutdown_grace = grace;
        self
    }

    /// The scheduler.
    ///
    /// # Errors
    ///
    /// Returns [`SchedulerError`] if there is no such zone, or if the store cannot be used.
    pub fn build(self) -> Result<TaskScheduler, SchedulerError> {
        let zone = match &self.timezone {
            Some(name) => zone_of(name)?,
            None => TimeZone::try_system().map_or_else(|_| Zone::utc(), Zone::new),
        };
        let catalogue = Catalogue::default();
        let opened = open(&self.memory, &catalogue)?;
        let Opened { store, records, remembered, last_event, directories } = opened;
        let live = Live::default();
        let watch = live.watch();
        let observers: Vec<Box<dyn Observer>> = vec![Box::new(Log), Box::new(live)];
        let shutdown_grace = self.shutdown_grace;
        let keep = Keep::default();
        let beginning =
            Beginning { store, observers, keep, remembered, last_event, shutdown_grace };
        let phase = Phase::New(Box::new(beginning));
        let Self { clock, defaults, limits, output, .. } = self;
        let plan = Mutex::new(Plan {
            tasks: BTreeMap::new(),
            rust: BTreeMap::new(),
            pools: BTreeMap::new(),
            limits,
            phase,
        });
        let around = LateSurroundings::default();
        let inner = Inner {
            clock,
            zone,
            defaults,
            output,
            catalogue,
            records,
            watch,
            directories,
            around,
            plan,
        };
        Ok(TaskScheduler(Arc::new(inner)))
    }
}

/// Where a scheduler remembers what happens.
enum Remembering {
    /// In memory.
    Here,
    #[cfg(feature = "sqlite")]
    In(PathBuf),
}

#[cfg_attr(
    not(feature = "sqlite"),
    expect(clippy::unnecessary_wraps, reason = "a file may not be there to use")
)]
fn open(memory: &Remembering, catalogue: &Catalogue) -> Result<Opened, SchedulerError> {
    match memory {
        #[cfg(feature = "sqlite")]
        Remembering::In(directory) => in_file(directory, catalogue),
        Remembering::Here => {
            let memory = Memory::new(catalogue.clone());
            let (records, remembered) = (memory.records(), Remembered::default());
            Ok(Opened {
                store: Box::new(memory),
                records,
                remembered,
                last_event: 0,
                directories: None,
            })
        }
    }
}

#[cfg(feature = "sqlite")]
fn in_file(directory: &std::path::Path, catalogue: &Catalogue) -> Result<Opened, SchedulerError> {
    use crate::store::{Archive, Sqlite, StateDirectory};
    let held = StateDirectory::hold(directory, std::path::Path::new("-"))
        .map_err(|error| SchedulerError::Store(error.to_string()))?;
    let failed = |error: crate::store::StoreError| SchedulerError::Store(error.to_string());
    let opened = Sqlite::open(directory, Keep::default()).map_err(failed)?;
    let archive = Archive::open(directory, catalogue.clone()).map_err(failed)?;
    let state = std::path::absolute(held.path()).unwrap_or_else(|_| held.path().into());
    let directories = Directories { state, output: held.output() };
    let directories = Some(directories);
    let store = Held { store: opened.store, _directory: held };
    let (remembered, last_event) = (opened.remembered, opened.last_event);
    Ok(Opened {
        store: Box::new(store),
        records: Arc::new(archive),
        remembered,
        last_event,
        directories,
    })
}

/// A store, and that nobody else has its directory.
#[cfg(feature = "sqlite")]
struct Held {
    /// Dropped first: it writes to the end.
    store: crate::store::Sqlite,
    _directory: crate::store::StateDirectory,
}

#[cfg(feature = "sqlite")]
impl Store for Held {
    fn append<'a>(
        &'a mut self,
        events: &'a [crate::event::Event],
    ) -> crate::task::BoxFuture<'a, Vec<crate::event::RunId>> {
        self.store.append(events)
    }

    fn settle(&mut self) -> crate::task::BoxFuture<'_, ()> {
        self.store.settle()
    }

    fn failure(&self) -> Option<String> {
        self.store.failure()
    }
}
