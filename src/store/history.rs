//! What became of each firing: rows, and questions about them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::{Timestamp, ToSpan};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::event::{Event, Passed, RunId, TriggerKind};
use crate::name::Name;
use crate::schedule::Schedule;
use crate::task::{BoxFuture, Usage};
use crate::zone::Zone;

/// Stands for the verdict of a firing that waits for one.
pub const WAITING: &str = "waiting";

/// A firing and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The task and the nominal instant.
    pub firing: RunId,
    /// Whose wall clock its times are told in.
    pub zone: Zone,
    /// What named it, if that is known.
    pub trigger: Option<TriggerKind>,
    /// `run`, `skipped`, `missed`, `coalesced`, `paused`; `waiting` where it has none yet.
    pub verdict: &'static str,
    /// Why, where the verdict has a reason; what a firing waits for.
    pub reason: Option<&'static str>,
    /// How its run ended; `None` if it has none, or goes on.
    pub outcome: Option<&'static str>,
    /// What went wrong, for people: of a run that could not be started, or broke.
    pub detail: Option<String>,
    /// When its run began.
    pub started: Option<Timestamp>,
    /// When its run ended.
    pub finished: Option<Timestamp>,
    /// The exit code of its last attempt.
    pub exit_code: Option<i32>,
    /// The signal that ended its last attempt.
    pub signal: Option<i32>,
    /// How many attempts it had so far.
    pub attempts: u32,
    /// What they have used, as far as that is known.
    pub used: Option<Usage>,
}

impl Row {
    /// A row of which nothing more is known, of a task that may be `known`.
    pub(super) fn new(
        firing: RunId,
        known: Option<&Known>,
        trigger: Option<TriggerKind>,
        verdict: &'static str,
    ) -> Self {
        Self {
            firing,
            zone: known.map_or_else(Zone::utc, |known| known.zone.clone()),
            trigger,
            verdict,
            reason: None,
            outcome: None,
            detail: None,
            started: None,
            finished: None,
            exit_code: None,
            signal: None,
            attempts: 0,
            used: None,
        }
    }

    /// Whether its firing led to a run.
    #[must_use]
    pub fn is_run(&self) -> bool {
        self.verdict == "run"
    }

    /// Whether its run went wrong: it ended, and neither well nor because somebody stopped it.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.outcome.is_some_and(|outcome| !matches!(outcome, "success" | "stopped"))
    }
}

/// Every field is always there.
impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let time = |at: Timestamp| at.display_with_offset(self.zone.offset(at)).to_string();
        let mut row = serializer.serialize_struct("Row", 14)?;
        row.serialize_field("run", &self.is_run().then(|| self.firing.to_string()))?;
        row.serialize_field("task", &self.firing.task)?;
        row.serialize_field("due", &time(self.firing.due))?;
        row.serialize_field("trigger", &self.trigger)?;
        row.serialize_field("verdict", &(self.verdict != WAITING).then_some(self.verdict))?;
        row.serialize_field("reason", &self.reason.or(self.detail.as_deref()))?;
        row.serialize_field("outcome", &self.outcome)?;
        row.serialize_field("started", &self.started.map(time))?;
        row.serialize_field("finished", &self.finished.map(time))?;
        row.serialize_field("exit_code", &self.exit_code)?;
        row.serialize_field("signal", &self.signal)?;
        row.serialize_field("attempts", &self.attempts)?;
        row.serialize_field("cpu", &self.used.map(|used| used.cpu().as_secs_f64()))?;
        row.serialize_field("peak_memory", &self.used.map(|used| used.peak_memory))?;
        row.end()
    }
}

/// Which firings somebody wants to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Of these tasks; all, if there are none.
    pub tasks: BTreeSet<Name>,
    /// With this verdict.
    pub verdict: Option<String>,
    /// Whose run ended so.
    pub outcome: Option<String>,
    /// Whose run went wrong.
    pub failed: bool,
    /// Due then or later.
    pub since: Option<Timestamp>,
    /// Due then or earlier.
    pub until: Option<Timestamp>,
    /// Behind this one in the order of the answer.
    pub before: Option<RunId>,
    /// So many at most.
    pub limit: usize,
}

/// The last hundred, of all tasks.
impl Default for Query {
    fn default() -> Self {
        Self {
            tasks: BTreeSet::new(),
            verdict: None,
            outcome: None,
            failed: false,
            since: None,
            until: None,
            before: None,
            limit: 100,
        }
    }
}

impl Query {
    /// Whether `row` is wanted, its task and its place in the order aside.
    #[must_use]
    pub fn wants(&self, row: &Row) -> bool {
        self.verdict.as_ref().is_none_or(|verdict| verdict == row.verdict)
            && self.outcome.as_ref().is_none_or(|outcome| row.outcome == Some(outcome))
            && (!self.failed || row.has_failed())
    }

    /// No firing that is due later is wanted.
    #[must_use]
    pub fn latest(&self) -> Timestamp {
        let until = self.until.unwrap_or(Timestamp::MAX);
        self.before.as_ref().map_or(until, |before| until.min(before.due))
    }

    /// Whether `firing` comes behind what was told already.
    #[must_use]
    pub fn is_behind(&self, firing: &RunId) -> bool {
        let behind = |before: &RunId| (firing.due, &before.task) < (before.due, &firing.task);
        self.before.as_ref().is_none_or(behind)
    }

    /// Whether a stretch of firings of which this became can hold any that is wanted.
    #[must_use]
    pub fn wants_passed(&self, passed: Passed) -> bool {
        let verdict = passed.verdict().0;
        self.outcome.is_none()
            && !self.failed
            && self.verdict.as_ref().is_none_or(|wanted| wanted == verdict)
    }
}

/// What is answered, if the records can be read.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, Unreadable>>;

/// Why records cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable(pub String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the history cannot be read: {}", self.0)
    }
}

impl std::error::Error for Unreadable {}

/// Answers questions about what has become of firings, while an engine goes on writing.
pub trait Records: Send + Sync {
    /// The newest firings that `query` wants: the latest due first, of one instant by name.
    fn history(&self, query: Query) -> Answer<'_, Vec<Row>>;

    /// The last run of each of these tasks, where one is known.
    fn last_runs(&self, tasks: Vec<Name>) -> Answer<'_, BTreeMap<Name, Row>>;

    /// What is known of the firing or run `id`.
    fn find(&self, id: RunId) -> Answer<'_, Option<Row>>;

    /// The events after that of this number, in their order, so many at most: as far as they are kept.
    fn events(&self, after: i64, limit: usize) -> Answer<'_, Vec<(i64, Event)>>;

    /// The tasks of which anything is known.
    fn tasks(&self) -> Answer<'_, Vec<Name>>;

    /// Whether anything is known of `task`.
    fn knows(&self, task: Name) -> Answer<'_, bool>;

    /// What is known of the firings of `task` around `at`, also of those that wait.
    fn why(&self, task: Name, at: Timestamp) -> Answer<'_, Story>;
}

/// What is known of the firings of a task around an instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Story {
    /// The firing that is due nearest to it; it may wait.
    pub nearest: Option<Row>,
    /// The nearest on the other side of it.
    pub other: Option<Row>,
    /// A firing that is nearer to it than both, by the task as it is defined now, and has no verdict:
    /// it lies ahead, or no daemon has judged it yet.
    pub unjudged: Option<Timestamp>,
    /// How the task was defined when the nearest got its verdict, and is where that waits: a JSON object.
    pub definition: Option<String>,
    /// What happened to the nearest, and what decided its verdict, by time.
    pub facts: Vec<Fact>,
}

/// Something that is on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// When.
    pub at: Timestamp,
    /// What, in words.
    pub what: String,
}

impl Story {
    /// A story of the two firings around `at`.
    pub(super) fn around(at: Timestamp, before: Option<Row>, after: Option<Row>) -> Self {
        let distance = |row: &Row| row.firing.due.duration_since(at).abs();
        let later_is_nearer = match (&before, &after) {
            (Some(before), Some(after)) => distance(after) < distance(before),
            (before, _) => before.is_none(),
        };
        let (nearest, other) = if later_is_nearer { (after, before) } else { (before, after) };
        Self { nearest, other, ..Self::default() }
    }

    /// With what the task, as it is defined now, names near `at` and after the `mark` up to which all is
    /// judged.
    pub(super) fn and_to_come(
        mut self,
        known: Option<&Known>,
        at: Timestamp,
        mark: Timestamp,
    ) -> Self {
        let Some(schedule) = known.map(|known| &known.schedule).filter(|known| known.enabled)
        else {
            return self;
        };
        if at == Timestamp::MAX {
            // The latest is meant.
            return self;
        }
        let after = schedule.when.next_after(at.max(mark));
        let before = (at > mark).then(|| schedule.when.last_until(mark, at)).flatten();
        let distance = |due: Timestamp| due.duration_since(at).abs();
        let to_come = before
            .into_iter()
            .chain(after)
            .map(|firing| firing.due)
            .min_by_key(|due| distance(*due));
        let nearest = self.nearest.as_ref().map(|row| distance(row.firing.due));
        self.unjudged =
            to_come.filter(|due| nearest.is_none_or(|nearest| distance(*due) < nearest));
        self
    }
}

/// What records have to know of a task to tell single firings of a stretch.
#[derive(Clone, Debug)]
pub struct Known {
    /// When it fires.
    pub schedule: Schedule,
    /// Whose wall clock its times are told in.
    pub zone: Zone,
}

/// The tasks as they are defined now, which all who tell of them share. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Catalogue(Arc<RwLock<Arc<BTreeMap<Name, Known>>>>);

impl Catalogue {
    /// The tasks `known`.
    #[must_use]
    pub fn new(known: impl IntoIterator<Item = Known>) -> Self {
        let catalogue = Self::default();
        catalogue.replace(known);
        catalogue
    }

    /// From now on the tasks `known`.
    pub fn replace(&self, known: impl IntoIterator<Item = Known>) {
        let known = known.into_iter().map(|known| (known.schedule.name.clone(), known)).collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
    }

    /// All of them, as they are at this moment.
    #[must_use]
    pub fn all(&self) -> Arc<BTreeMap<Name, Known>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The last firing that is due by `until` in a stretch, and what named it: as its task is `known` to
/// fire, else one of the two ends, of which the later may not be known either.
pub(super) fn last_of_span(
    known: Option<&Known>,
    (first, last): (Timestamp, Option<Timestamp>),
    until: Timestamp,
) -> Option<(Timestamp, Option<TriggerKind>)> {
    if first > until {
        return None;
    }
    let before = first.checked_sub(1.microsecond()).ok()?;
    let end = until.min(last.unwrap_or(Timestamp::MAX));
    let when = known.map(|known| &known.schedule.when);
    // As it fires now, it may never have.
    let fires = when.filter(|when| when.next_after(before).is_some_and(|next| next.due == first));
    match fires {
        Some(when) => when.last_until(before, end).map(|firing| (firing.due, Some(firing.kind))),
        None => Some((last.filter(|last| *last <= until).unwrap_or(first), None)),
    }
}

/// The first firing that is due after `after` in a stretch, and what named it.
pub(super) fn next_of_span(
    known: Option<&Known>,
    (first, last): (Timestamp, Option<Timestamp>),
    after: Timestamp,
) -> Option<(Timestamp, Option<TriggerKind>)> {
    let before = first.checked_sub(1.microsecond()).ok()?;
    let when = known.map(|known| &known.schedule.when);
    let fires = when.filter(|when| when.next_after(before).is_some_and(|next| next.due == first));
    match fires {
        Some(when) => {
            let next = when.next_after(after.max(before))?;
            let inside = last.is_none_or(|last| next.due <= last);
            inside.then_some((next.due, Some(next.kind)))
        }
        None => [Some(first), last]
            .into_iter()
            .flatten()
            .find(|due| *due > after)
            .map(|due| (due, None)),
    }
}

/// A row by its place in the order of answers: the latest is the greatest, of one instant the first
/// by name.
pub(super) struct Latest(pub Row);

impl Latest {
    fn key(&self) -> (Timestamp, std::cmp::Reverse<&Name>) {
        (self.0.firing.due, std::cmp::Reverse(&self.0.firing.task))
    }
}

impl Ord for Latest {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Latest {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Latest {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Latest {}
