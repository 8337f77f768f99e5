//! Questions about what has become of firings, asked of the file beside its writer, or without one.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp, ToSpan};
use rusqlite::{Connection, OptionalExtension, Result, params, params_from_iter};

use super::schema::{self, StoreError};
use super::{FILE, code, events};
use crate::event::{Event, RunId, TriggerKind};
use crate::name::Name;
use crate::store::history::{
    Answer, Catalogue, Known, Latest, Query, Records, Row, Story, Unreadable, last_of_span,
};
use crate::task::Usage;

/// Answers questions from the file of a store.
#[derive(Clone, Debug)]
pub struct Archive {
    connection: Arc<Mutex<Connection>>,
    catalogue: Catalogue,
}

/// What answers one question.
#[derive(Debug)]
pub(super) struct Inner {
    /// The tasks as they are now.
    known: Arc<BTreeMap<Name, Known>>,
}

/// A stretch of firings none of which ran.
#[derive(Debug)]
pub(super) struct Span {
    task: Name,
    pub first: Timestamp,
    pub last: Timestamp,
    verdict: i64,
    /// Whether its last firing is known.
    is_whole: bool,
    /// When its task fired then, if that is as it is now.
    known: bool,
}

const ROW: &str = "SELECT t.name, f.due, f.trigger, f.verdict, f.started, f.finished, f.outcome,
        f.detail, f.exit_code, f.signal, f.attempts, f.cpu_user, f.cpu_system, f.peak_memory
    FROM firings f JOIN tasks t ON t.id = f.task";

impl Archive {
    /// Opens the store in the directory at `path`, of the tasks of `catalogue`.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if there is none that this version can read.
    pub fn open(path: &Path, catalogue: Catalogue) -> std::result::Result<Self, StoreError> {
        let connection = Arc::new(Mutex::new(schema::open_to_ask(&path.join(FILE))?));
        Ok(Self { connection, catalogue })
    }

    /// Asks on a thread where waiting for a disk holds up nobody.
    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Inner, &Connection) -> Result<T> + Send + 'static,
    ) -> Answer<'static, T> {
        let (connection, inner) = (self.connection.clone(), Inner { known: self.catalogue.all() });
        Box::pin(async move {
            let asked = tokio::task::spawn_blocking(move || {
                let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                question(&inner, &connection).map_err(|error| Unreadable(error.to_string()))
            });
            // Else the runtime ends.
            asked.await.unwrap_or_else(|error| Err(Unreadable(error.to_string())))
        })
    }
}

impl Records for Archive {
    fn history(&self, query: Query) -> Answer<'_, Vec<Row>> {
        self.ask(move |inner, connection| inner.history(connection, &query))
    }

    fn last_runs(&self, tasks: Vec<Name>) -> Answer<'_, BTreeMap<Name, Row>> {
        self.ask(move |inner, connection| {
            let sql = format!(
                "{ROW} WHERE f.task = (SELECT id FROM tasks WHERE name = ?)
                AND f.verdict = 0 ORDER BY f.due DESC LIMIT 1"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = BTreeMap::new();
            for task in tasks {
                let row = statement.query_row([task.as_str()], |row| inner.row(row)).optional()?;
                rows.extend(row.map(|row| (task, row)));
            }
            Ok(rows)
        })
    }

    fn find(&self, id: RunId) -> Answer<'_, Option<Row>> {
        self.ask(move |inner, connection| inner.find(connection, &id))
    }

    fn why(&self, task: Name, at: Timestamp) -> Answer<'_, Story> {
        self.ask(move |inner, connection| inner.why(connection, &task, at))
    }

    fn events(&self, after: i64, limit: usize) -> Answer<'_, Vec<(i64, Event)>> {
        self.ask(move |_, connection| events::after(connection, after, limit))
    }

    fn tasks(&self) -> Answer<'_, Vec<Name>> {
        self.ask(|inner, connection| {
            let mut statement = connection.prepare_cached("SELECT name FROM tasks")?;
            let names = statement.query_map([], |row| row.get::<_, String>(0))?;
            let names = names.filter_map(|name| match name {
                Ok(name) => Name::new(&name).ok().map(Ok),
                Err(error) => Some(Err(error)),
            });
            let mut names: BTreeSet<Name> = names.collect::<Result<_>>()?;
            names.extend(inner.known.keys().cloned());
            Ok(names.into_iter().collect())
        })
    }

    fn knows(&self, task: Name) -> Answer<'_, bool> {
        if self.catalogue.all().contains_key(&task) {
            return Box::pin(std::future::ready(Ok(true)));
        }
        self.ask(move |_, connection| {
            let mut statement = connection.prepare_cached("SELECT id FROM tasks WHERE name = ?")?;
            statement.exists([task.as_str()])
        })
    }
}

impl Inner {
    /// What is known of the firing `id`.
    pub(super) fn find(&self, connection: &Connection, id: &RunId) -> Result<Option<Row>> {
        let sql = format!("{ROW} WHERE t.name = ? AND f.due = ?");
        let due = id.due.as_microsecond();
        let row = connection
            .prepare_cached(&sql)?
            .query_row(params![id.task.as_str(), due], |row| self.row(row))
            .optional()?;
        if row.is_some() {
            return Ok(row);
        }
        let query = Query {
            tasks: [id.task.clone()].into(),
            since: Some(id.due),
            until: Some(id.due),
            limit: 1,
            ..Query::default()
        };
        Ok(self.history(connection, &query)?.pop())
    }

    pub(super) fn history(&self, connection: &Connection, query: &Query) -> Result<Vec<Row>> {
        let mut rows = self.single(connection, query)?;
        // A page that is full reaches no further back than its last row.
        let page_is_full = rows.len() >= query.limit;
        let reaches = rows.last().filter(|_| page_is_full).map(|row| row.firing.due);
        let from = reaches.max(query.since);
        rows.extend(self.passed(connection, query, from)?);
        let mut rows: Vec<Latest> = rows.into_iter().map(Latest).collect();
        rows.sort_by(|a, b| b.cmp(a));
        rows.truncate(query.limit);
        Ok(rows.into_iter().map(|Latest(row)| row).collect())
    }

    /// Firings with a row of their own.
    fn single(&self, connection: &Connection, query: &Query) -> Result<Vec<Row>> {
        let micros = |at: Timestamp| at.as_microsecond();
        // Numbers only: nothing that people write becomes a part of the question.
        let mut only: Vec<String> = Vec::new();
        if !query.tasks.is_empty() {
            let numbers = Self::numbers(connection, &query.tasks)?;
            only.push(format!("f.task IN ({})", list(numbers)));
        }
        if let Some(verdict) = &query.verdict {
            let fits = code::VERDICTS.iter().zip(0..).filter(|((word, _), _)| word == verdict);
            only.push(format!("f.verdict IN ({})", list(fits.map(|(_, number)| number))));
        }
        if let Some(outcome) = &query.outcome {
            let fits = code::OUTCOMES.iter().zip(0..).filter(|(word, _)| *word == outcome);
            only.push(format!("f.outcome IN ({})", list(fits.map(|(_, number)| number))));
        }
        if query.failed {
            // As the index has it.
            only.push("f.outcome NOT IN (0, 3)".into());
        }
        only.extend(query.since.map(|since| format!("f.due >= {}", micros(since))));
        only.extend(query.until.map(|until| format!("f.due <= {}", micros(until))));
        let mut behind: Option<&str> = None;
        if let Some(before) = &query.before {
            let due = micros(before.due);
            only.push(format!("(f.due < {due} OR f.due = {due} AND t.name > ?)"));
            only.push(format!("f.due <= {due}"));
            behind = Some(before.task.as_str());
        }
        if only.is_empty() {
            only.push("1".into());
        }
        let (only, limit) = (only.join(" AND "), query.limit);
        let sql = format!("{ROW} WHERE {only} ORDER BY f.due DESC, t.name LIMIT {limit}");
        let mut statement = connection.prepare_cached(&sql)?;
        statement.query_map(params_from_iter(behind), |row| self.row(row))?.collect()
    }

    fn numbers(connection: &Connection, tasks: &BTreeSet<Name>) -> Result<Vec<i64>> {
        let mut statement = connection.prepare_cached("SELECT id FROM tasks WHERE name = ?")?;
        let number =
            |task: &Name| statement.query_row([task.as_str()], |row| row.get(0)).optional();
        let numbers: Result<Vec<Option<i64>>> = tasks.iter().map(number).collect();
        Ok(numbers?.into_iter().flatten().collect())
    }

    /// Firings of stretches none of which ran, as single ones, from `from` on.
    fn passed(
        &self,
        connection: &Connection,
        query: &Query,
        from: Option<Timestamp>,
    ) -> Result<Vec<Row>> {
        let until = query.latest();
        let spans = Self::spans(connection, query, (from, until))?;
        // Of each stretch the latest firing that was not told yet.
        let latest = |span: &Span, until| self.latest(span, until);
        let mut next: BinaryHeap<(Latest, usize)> = BinaryHeap::new();
        for (index, span) in spans.iter().enumerate() {
            next.extend(latest(span, until).map(|row| (Latest(row), index)));
        }
        let mut rows = Vec::new();
        while rows.len() < query.limit
            && let Some((Latest(row), index)) = next.pop()
            && from.is_none_or(|from| from <= row.firing.due)
        {
            let RunId { task, due } = &row.firing;
            if let Ok(earlier) = due.checked_sub(1.microsecond()) {
                next.extend(latest(&spans[index], earlier).map(|row| (Latest(row), index)));
            }
            // What is known of a single firing counts.
            let is_single = || {
                let sql = "SELECT 1 FROM firings f JOIN tasks t ON t.id = f.task
                    WHERE t.name = ? AND f.due = ?";
                let key = params![task.as_str(), due.as_microsecond()];
                connection.prepare_cached(sql)?.exists(key)
            };
            if query.is_behind(&row.firing) && !is_single()? {
                rows.push(row);
            }
        }
        Ok(rows)
    }

    /// The stretches that reach into this time and that `query` wants.
    pub(super) fn spans(
        connection: &Connection,
        query: &Query,
        (from, until): (Option<Timestamp>, Timestamp),
    ) -> Result<Vec<Span>> {
        let verdicts = code::PASSED.into_iter().filter(|passed| query.wants_passed(*passed));
        let mut only = vec![format!("s.passed IN ({})", list(verdicts.map(code::of_passed)))];
        if !query.tasks.is_empty() {
            let numbers = Self::numbers(connection, &query.tasks)?;
            only.push(format!("s.task IN ({})", list(numbers)));
        }
        let only = only.join(" AND ");
        let sql = format!(
            "SELECT t.name, s.first, s.last, s.passed, s.counted, s.definition IS t.definition
            FROM spans s JOIN tasks t ON t.id = s.task
            WHERE s.last >= ? AND s.first <= ? AND {only}"
        );
        let from = from.map_or(i64::MIN, Timestamp::as_microsecond);
        let mut statement = connection.prepare_cached(&sql)?;
        let spans = statement.query_map([from, until.as_microsecond()], |row| {
            let Ok(task) = Name::new(&row.get::<_, String>(0)?) else { return Ok(None) };
            let (first, last) = (code::instant(row.get(1)?), code::instant(row.get(2)?));
            let (verdict, counted): (i64, i64) = (row.get(3)?, row.get(4)?);
            let (is_whole, known) = (counted > 0, row.get(5)?);
            Ok(Some(Span { task, first, last, verdict, is_whole, known }))
        })?;
        let spans: Result<Vec<Option<Span>>> = spans.collect();
        Ok(spans?.into_iter().flatten().collect())
    }

    /// The task as it is defined now.
    pub(super) fn known(&self, task: &Name) -> Option<&Known> {
        self.known.get(task)
    }

    /// When the task of `span` fired then, if that is known.
    pub(super) fn known_then(&self, span: &Span) -> Option<&Known> {
        let known = self.known.get(&span.task)?;
        let fits = || {
            // Another definition may fire alike.
            let when = &known.schedule.when;
            let before = span.first.checked_sub(1.microsecond()).ok();
            let last = before.and_then(|before| when.last_until(before, span.last));
            span.is_whole && last.is_some_and(|last| last.due == span.last)
        };
        (span.known || fits()).then_some(known)
    }

    /// The latest firing of `span` that is due by `until`.
    fn latest(&self, span: &Span, until: Timestamp) -> Option<Row> {
        let known = self.known_then(span);
        // Where a clock was corrected, the stretch ends with that, and at no firing.
        let end = if known.is_some() || span.is_whole { Some(span.last) } else { None };
        let (due, trigger) = last_of_span(known, (span.first, end), until)?;
        let (verdict, reason) = code::passed(span.verdict).verdict();
        let firing = RunId { task: span.task.clone(), due };
        Some(Row { verdict, reason, ..self.blank(firing, trigger) })
    }

    fn row(&self, row: &rusqlite::Row<'_>) -> Result<Row> {
        let text: String = row.get(0)?;
        let wrong = |error| {
            let kind = rusqlite::types::Type::Text;
            rusqlite::Error::FromSqlConversionFailure(0, kind, Box::new(error))
        };
        let task = Name::new(&text).map_err(wrong)?;
        let firing = RunId { task, due: code::instant(row.get(1)?) };
        let instant = |column| {
            Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(code::instant))
        };
        let (verdict, reason) = code::at(&code::VERDICTS, row.get(3)?).unwrap_or(("run", None));
        let outcome: Option<i64> = row.get(6)?;
        Ok(Row {
            verdict,
            reason,
            started: instant(4)?,
            finished: instant(5)?,
            outcome: outcome.and_then(|outcome| code::at(&code::OUTCOMES, outcome)),
            detail: row.get(7)?,
            exit_code: row.get(8)?,
            signal: row.get(9)?,
            attempts: row.get(10)?,
            used: used(row)?,
            ..self.blank(firing, Some(code::trigger(row.get(2)?)))
        })
    }

    fn blank(&self, firing: RunId, trigger: Option<TriggerKind>) -> Row {
        let known = self.known.get(&firing.task);
        Row::new(firing, known, trigger, "run")
    }
}

/// What a run has used, in the last columns of a row.
fn used(row: &rusqlite::Row<'_>) -> Result<Option<Usage>> {
    let numbers: [Option<i64>; 3] = [row.get(11)?, row.get(12)?, row.get(13)?];
    let [Some(user), Some(system), Some(peak_memory)] = numbers else { return Ok(None) };
    let [user, system] = [user, system].map(SignedDuration::from_micros);
    Ok(Some(Usage { user, system, peak_memory: peak_memory.unsigned_abs() }))
}

fn list(numbers: impl IntoIterator<Item = i64>) -> String {
    numbers.into_iter().map(|number| number.to_string()).collect::<Vec<_>>().join(",")
}
