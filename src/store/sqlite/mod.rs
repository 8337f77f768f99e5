//! A store in a file: SQLite with a write-ahead log, one thread that writes, one transaction for what
//! has come together.
//!
//! Events are only ever added (`write`); beside them lie one row for each firing, which answers
//! questions (`ask`), and the views that the next life begins with (`read`). What starts something, or
//! was asked for, is on the disk before [`Store::append`] returns; the rest is in the file soon after.
//!
//! If the file cannot be written, what was to be written is kept in memory, and tried again.

mod ask;
mod code;
mod events;
mod read;
mod retain;
mod schema;
mod why;
mod write;

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{Semaphore, oneshot};

use super::Store;
use super::views::{Touched, Views};
use crate::event::{Event, RunId};
use crate::name::Name;
use crate::policy::Keep;
use crate::scheduler::Remembered;
use crate::task::BoxFuture;

use retain::Surplus;

pub use ask::Archive;
pub use schema::StoreError;

/// The name of the file in a state directory.
pub const FILE: &str = "taskd.db";

/// So many steps wait to be written at most; who has more has to wait.
const MOST_WAITING: usize = 4_096;

/// So many steps are written at once at most.
const MOST_AT_ONCE: usize = 256;

/// So long a step waits for somebody else who holds the file, a person or a backup.
const LENIENCE: Duration = Duration::from_millis(if cfg!(test) { 5 } else { 1_000 });

/// How often it is tried again to write what could not be.
const AGAIN: Duration = Duration::from_secs(5);

/// It is also tried again after so many steps.
const AGAIN_AFTER: usize = 16;

/// Old history waits for so many steps at most.
const PATIENCE: usize = 64;

/// So many events are kept in memory at most while the file cannot be written; those after them are
/// lost, and said to be.
const MOST_KEPT: usize = if cfg!(test) { 3_000 } else { 200_000 };

/// Keeps events in a file.
#[derive(Debug)]
pub struct Sqlite {
    steps: Option<Sender<Step>>,
    /// The places of steps that wait.
    places: Arc<Semaphore>,
    failure: Arc<Mutex<Option<String>>>,
    writer: Option<JoinHandle<()>>,
}

/// The events of a step, and who waits for them to be written.
#[derive(Debug)]
struct Step {
    events: Vec<Event>,
    written: Option<oneshot::Sender<Vec<RunId>>>,
}

/// A store that was opened, and what was found in it.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Sqlite,
    /// What an earlier life has left.
    pub remembered: Remembered,
    /// The number of its last event.
    pub last_event: i64,
    /// The boot of the machine in which that began.
    pub boot: Option<String>,
    /// Where an unreadable database was moved to, if there was one.
    pub aside: Option<PathBuf>,
}

impl Sqlite {
    /// Opens the store in the directory at `path`, or makes it; so much of it is kept.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if it is of a newer version, or if it cannot be made.
    pub fn open(path: &Path, keep: Keep) -> Result<Opened, StoreError> {
        let path = path.join(FILE);
        let (connection, mut aside) = schema::open(&path)?;
        let (connection, views, last) = match read::views(&connection) {
            Ok((views, last)) => (connection, views, last),
            Err(error) => {
                drop(connection);
                let (connection, moved) = schema::replace(&path, &error)?;
                aside = Some(moved);
                (connection, Views::default(), 0)
            }
        };
        let (remembered, boot) = (views.remembered(), views.boot.clone());
        let store = Self::start(connection, views, last, keep);
        Ok(Opened { store, remembered, last_event: last, boot, aside })
    }

    fn start(connection: Connection, views: Views, last: i64, keep: Keep) -> Self {
        let (steps, receiver) = channel();
        let places = Arc::new(Semaphore::new(MOST_WAITING));
        let failure = Arc::new(Mutex::new(None));
        let definitions = views
            .tasks
            .values()
            .filter_map(|task| {
                let text = &task.definition.as_ref()?.text;
                Some((task.name.clone(), code::definition_number(text)))
            })
            .collect();
        let writer = Writer {
            connection,
            durable: None,
            numbers: write::Numbers::default(),
            definitions,
            views,
            last,
            kept: Vec::new(),
            kept_starts: HashSet::new(),
            untried: 0,
            lost: 0,
            error: String::new(),
            touched: BTreeSet::new(),
            surplus: Surplus::default(),
            keep,
            failure: failure.clone(),
        };
        let thread = {
            let places = places.clone();
            std::thread::spawn(move || writer.write_all(&receiver, &places))
        };
        Self { steps: Some(steps), places, failure, writer: Some(thread) }
    }
}

impl Sqlite {
    /// Hands a step to the writer, and `waits` until it is written; the runs that are not granted.
    async fn step(&self, events: Vec<Event>, waits: bool) -> Vec<RunId> {
        let (written, answer) = oneshot::channel();
        if let Ok(place) = self.places.acquire().await {
            // The writer gives it back.
            place.forget();
        }
        let step = Step { events, written: waits.then_some(written) };
        let sent = self.steps.as_ref().is_some_and(|steps| steps.send(step).is_ok());
        if !sent {
            // Nobody else gives it back.
            self.places.add_permits(1);
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            failure.get_or_insert_with(|| "the thread that writes has ended".into());
            return Vec::new();
        }
        if waits { answer.await.unwrap_or_default() } else { Vec::new() }
    }
}

impl Store for Sqlite {
    fn append<'a>(&'a mut self, events: &'a [Event]) -> BoxFuture<'a, Vec<RunId>> {
        let waits = |event: &Event| event.starts().is_some() || event.is_asked_for();
        let waits = events.iter().any(waits);
        Box::pin(self.step(events.to_vec(), waits))
    }

    fn settle(&mut self) -> BoxFuture<'_, ()> {
        // Steps are written in their order.
        Box::pin(async { drop(self.step(Vec::new(), true).await) })
    }

    fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Sqlite {
    /// Waits until all is written.
    fn drop(&mut self) {
        self.steps = None;
        if let Some(writer) = self.writer.take() {
            // A panic of it was told on standard error.
            let _ = writer.join();
        }
    }
}

/// Writes events, on a thread of its own.
struct Writer {
    connection: Connection,
    /// Whether a commit of the connection is on the disk when it returns.
    durable: Option<bool>,
    numbers: write::Numbers,
    /// The definition of each task, by number.
    definitions: HashMap<Name, i64>,
    /// What is so, written or not.
    views: Views,
    /// The number of the last event.
    last: i64,
    /// Events that are not written yet, with their definitions.
    kept: Vec<(i64, Option<i64>, Event)>,
    /// The runs that start in them.
    kept_starts: HashSet<RunId>,
    /// So many steps came since it was tried last to write what could not be.
    untried: usize,
    /// So many could not even be kept.
    lost: u64,
    /// Why it could not be written last.
    error: String,
    /// What is not written yet of the views.
    touched: BTreeSet<Touched>,
    surplus: Surplus,
    keep: Keep,
    failure: Arc<Mutex<Option<String>>>,
}

impl Writer {
    fn write_all(mut self, steps: &Receiver<Step>, places: &Semaphore) {
        let mut steps_since = 0;
        loop {
            let has_failed = !self.kept.is_empty();
            let first = match (has_failed, self.surplus.is_empty()) {
                (true, _) => steps.recv_timeout(AGAIN),
                (false, true) => steps.recv().map_err(|_| RecvTimeoutError::Disconnected),
                // Whatever comes goes first.
                (false, false) => steps.recv_timeout(Duration::ZERO),
            };
            let mut together = match first {
                Ok(step) => vec![step],
                Err(RecvTimeoutError::Timeout) if !has_failed => {
                    self.remove_surplus();
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.untried = AGAIN_AFTER;
                    Vec::new()
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            while together.len() < MOST_AT_ONCE
                && let Ok(step) = steps.try_recv()
            {
                together.push(step);
            }
            places.add_permits(together.len());
            steps_since += together.len();
            self.write_together(together);
            while steps_since >= PATIENCE && self.kept.is_empty() {
                // Who always has something to write has old history, too.
                steps_since -= PATIENCE;
                self.remove_surplus();
            }
        }
        if !self.kept.is_empty() {
            self.untried = AGAIN_AFTER;
            self.write_together(Vec::new());
        }
    }

    /// Writes these steps and whatever could not be written before, all or none.
    fn write_together(&mut self, steps: Vec<Step>) {
        let mut answers = Vec::new();
        let mut durable = false;
        let has_failed = !self.kept.is_empty();
        let count = steps.len();
        for step in steps {
            let refused = self.take(step.events);
            durable |= step.written.is_some();
            answers.extend(step.written.map(|written| (written, refused)));
        }
        // All that is kept is written at once, or nothing: not with each step.
        self.untried += count;
        let later = has_failed && (1..AGAIN_AFTER).contains(&self.untried);
        // Who is held up once is not held up again and again.
        let patience = if has_failed { Duration::ZERO } else { LENIENCE };
        let written = if later { None } else { Some(self.commit(durable, patience)) };
        match written {
            None => self.tell_error(),
            Some(Ok(())) => {
                self.kept.clear();
                self.kept_starts.clear();
                self.untried = 0;
                self.touched.clear();
                self.tell(None);
            }
            Some(Err(error)) => {
                self.untried = 1;
                self.numbers.forget();
                self.error = error.to_string();
                self.tell_error();
            }
        }
        for (written, refused) in answers {
            // Whoever asked may have gone.
            let _ = written.send(refused);
        }
    }

    /// Takes the events of a step into the views, and returns the runs that are not granted.
    fn take(&mut self, events: Vec<Event>) -> Vec<RunId> {
        let mut refused: Vec<RunId> = Vec::new();
        for event in events {
            if let Event::RunStarted { run, .. } = &event
                && self.has_run(run)
            {
                refused.push(run.clone());
                // It does not wait any more either.
                self.views.waiting.remove(run);
                self.touched.insert(Touched::Waiting(run.clone()));
            }
            if event.starts().is_some_and(|run| refused.contains(run)) {
                continue;
            }
            self.last += 1;
            self.touched.extend(self.views.take(self.last, &event));
            self.surplus.take(&event, self.views.tasks.keys());
            if let Event::TaskAdded { task, definition, .. }
            | Event::TaskChanged { task, definition, .. } = &event
            {
                let number = code::definition_number(&definition.text);
                self.definitions.insert(task.clone(), number);
            }
            let definition = event.task().and_then(|task| self.definitions.get(task)).copied();
            if let Event::RunStarted { run, .. } = &event {
                self.kept_starts.insert(run.clone());
            }
            if self.kept.len() < MOST_KEPT {
                self.kept.push((self.last, definition, event));
            } else {
                self.lost += 1;
            }
        }
        refused
    }

    fn has_run(&mut self, run: &RunId) -> bool {
        let kept = self.kept_starts.contains(run);
        // What cannot even be read is as good as not there.
        kept || write::has_run(&self.connection, &mut self.numbers, run).unwrap_or(false)
    }

    fn commit(&mut self, durable: bool, patience: Duration) -> rusqlite::Result<()> {
        self.connection.busy_timeout(patience)?;
        self.commits_to_disk(durable)?;
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (number, definition, event) in &self.kept {
            write::event(&transaction, &mut self.numbers, *definition, (*number, event))?;
        }
        write::views(&transaction, &mut self.numbers, &self.views, &self.touched)?;
        transaction.commit()
    }

    /// Whether the next commits are on the disk when they return.
    fn commits_to_disk(&mut self, durable: bool) -> rusqlite::Result<()> {
        if self.durable != Some(durable) {
            let synchronous = if durable { "FULL" } else { "NORMAL" };
            self.durable = None;
            self.connection.pragma_update(None, "synchronous", synchronous)?;
            self.durable = Some(durable);
        }
        Ok(())
    }

    fn remove_surplus(&mut self) {
        let removed = self.commits_to_disk(false).and_then(|()| {
            let (connection, numbers) = (&mut self.connection, &mut self.numbers);
            self.surplus.remove_some(connection, numbers, &self.views.tasks, self.keep)
        });
        match removed {
            Ok(None) => {}
            Ok(Some(task)) => {
                self.views.tasks.remove(&task);
                self.definitions.remove(&task);
                self.numbers.forget();
            }
            Err(error) => {
                self.numbers.forget();
                tracing::warn!(%error, "old history cannot be removed");
            }
        }
    }

    fn tell_error(&self) {
        let lost = match self.lost {
            0 => String::new(),
            lost => format!("; {lost} events are lost"),
        };
        self.tell(Some(format!("{}{lost}", self.error)));
    }

    fn tell(&self, failure: Option<String>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }
}
