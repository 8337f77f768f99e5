//! Why a firing got its verdict: what is on record of it, and what was so around it.

use jiff::{Timestamp, ToSpan};
use rusqlite::{Connection, OptionalExtension, Result};

use super::ask::Inner;
use super::code::{self, kind};
use super::events;
use crate::event::{Event, RunId, TriggerKind, WaitReason};
use crate::name::Name;
use crate::store::history::{Fact, Query, Row, Story, WAITING, next_of_span};
use crate::task::Ending;

/// Of those of a task that wait, the last that is due by an instant.
const LAST_UNTIL: &str =
    "SELECT due, trigger FROM waiting WHERE task = ? AND due <= ? ORDER BY due DESC LIMIT 1";

/// The first that is due after it.
const FIRST_AFTER: &str =
    "SELECT due, trigger FROM waiting WHERE task = ? AND due > ? ORDER BY due LIMIT 1";

impl Inner {
    /// What is known of the firings of `task` around `at`.
    pub(super) fn why(&self, connection: &Connection, task: &Name, at: Timestamp) -> Result<Story> {
        let found: Option<(i64, i64)> = connection
            .prepare_cached("SELECT id, mark FROM tasks WHERE name = ?")?
            .query_row([task.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let known = self.known(task);
        let Some((number, mark)) = found else {
            return Ok(Story::default().and_to_come(known, at, Timestamp::MIN));
        };
        let tasks = [task.clone()].into();
        let query = Query { tasks, until: Some(at), limit: 1, ..Query::default() };
        let before = self.history(connection, &query)?.pop();
        let waits = self.waiting(connection, (task, number), at, LAST_UNTIL)?;
        // Of one that has run before, that is told, on either side.
        let before = waits.into_iter().chain(before).max_by_key(|row| row.firing.due);
        let after = self.first_after(connection, task, number, at)?;
        let waits = self.waiting(connection, (task, number), at, FIRST_AFTER)?;
        let after = after.into_iter().chain(waits).min_by_key(|row| row.firing.due);
        let mark = if mark == i64::MIN { Timestamp::MIN } else { code::instant(mark) };
        let mut story = Story::around(at, before, after).and_to_come(known, at, mark);
        if let Some(row) = &story.nearest {
            story.definition = if row.verdict == WAITING {
                present_definition(connection, number)?
            } else {
                definition(connection, number, row.firing.due.as_microsecond())?
            };
            story.facts = facts(connection, number, row)?;
            story.facts.sort_by_key(|fact| fact.at);
        }
        Ok(story)
    }

    /// The firing of `task` that waits and is found by `sql` around `at`.
    fn waiting(
        &self,
        connection: &Connection,
        (task, number): (&Name, i64),
        at: Timestamp,
        sql: &str,
    ) -> Result<Option<Row>> {
        let found: Option<(i64, i64)> = connection
            .prepare_cached(sql)?
            .query_row([number, at.as_microsecond()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((due, trigger)) = found else { return Ok(None) };
        let recorded = events::of_firing(connection, number, due)?;
        let reason = recorded.iter().rev().find_map(|event| match event {
            Event::FiringWaiting { reason, .. } => Some(reason.word()),
            _ => None,
        });
        let firing = RunId { task: task.clone(), due: code::instant(due) };
        let trigger = Some(code::trigger(trigger));
        Ok(Some(Row { reason, ..Row::new(firing, self.known(task), trigger, WAITING) }))
    }

    /// The first firing of `task` that is due after `at` and has its verdict.
    fn first_after(
        &self,
        connection: &Connection,
        task: &Name,
        number: i64,
        at: Timestamp,
    ) -> Result<Option<Row>> {
        let micros = at.as_microsecond();
        let sql = "SELECT min(due) FROM firings WHERE task = ? AND due > ?";
        let single: Option<i64> =
            connection.prepare_cached(sql)?.query_row([number, micros], |row| row.get(0))?;
        let single = single.map(code::instant);
        let query = Query { tasks: [task.clone()].into(), ..Query::default() };
        let from = at.checked_add(1.microsecond()).unwrap_or(at);
        let spans = Self::spans(connection, &query, (Some(from), Timestamp::MAX))?;
        let passed = spans.iter().filter_map(|span| {
            let known = self.known_then(span);
            next_of_span(known, (span.first, Some(span.last)), at).map(|(due, _)| due)
        });
        let Some(due) = single.into_iter().chain(passed).min() else { return Ok(None) };
        self.find(connection, &RunId { task: task.clone(), due })
    }
}

/// How the task was defined when its firing got its verdict.
fn definition(connection: &Connection, task: i64, due: i64) -> Result<Option<String>> {
    for sql in [
        "SELECT d.text FROM firings f JOIN definitions d ON d.id = f.definition
            WHERE f.task = ?1 AND f.due = ?2",
        "SELECT d.text FROM spans s JOIN definitions d ON d.id = s.definition
            WHERE s.task = ?1 AND s.first <= ?2 AND s.last >= ?2",
    ] {
        let text: Option<String> =
            connection.prepare_cached(sql)?.query_row([task, due], |row| row.get(0)).optional()?;
        if text.is_some() {
            return Ok(text);
        }
    }
    Ok(None)
}

/// How the task is defined.
fn present_definition(connection: &Connection, task: i64) -> Result<Option<String>> {
    let sql = "SELECT d.text FROM tasks t JOIN definitions d ON d.id = t.definition WHERE t.id = ?";
    connection.prepare_cached(sql)?.query_row([task], |row| row.get(0)).optional()
}

/// What is on record of the firing of `row`, and what decided its verdict.
fn facts(connection: &Connection, task: i64, row: &Row) -> Result<Vec<Fact>> {
    let due = row.firing.due.as_microsecond();
    let recorded = events::of_firing(connection, task, due)?;
    let told = recorded.iter().filter_map(|event| Some((event.at(), told(event, row)?)));
    let mut facts: Vec<Fact> = told.map(|(at, what)| Fact { at, what }).collect();
    match (row.verdict, row.reason) {
        ("missed" | "coalesced", _) => absence(connection, due, &mut facts)?,
        ("skipped", Some("overlap")) => overlap(connection, task, &row.firing, &mut facts)?,
        ("paused", _) => pause(connection, task, due, &mut facts)?,
        // What a person asked for is not held.
        (WAITING, _) if row.trigger != Some(TriggerKind::Manual) => {
            pauses(connection, task, &mut facts)?;
        }
        _ => {}
    }
    Ok(facts)
}

/// An event of a firing in words.
fn told(event: &Event, row: &Row) -> Option<String> {
    Some(match event {
        Event::FiringWaiting { reason, .. } => match reason {
            WaitReason::Delay => "it waits for its delay".into(),
            WaitReason::Turn => "it waits for its turn: the run before it goes on".into(),
            WaitReason::Pool => "it waits for a place in its pool".into(),
            WaitReason::Cap => "it waits until fewer runs go on".into(),
        },
        Event::RunStarted { .. } => "its run begins".into(),
        Event::AttemptStarted { attempt, .. } if *attempt > 1 => {
            format!("attempt {attempt} begins")
        }
        Event::AttemptFinished { attempt, ending: Ending { outcome, .. }, next, .. } => {
            match next {
                Some(next) => {
                    let next = next.display_with_offset(row.zone.offset(*next));
                    format!("attempt {attempt}: {outcome}; the next is due at {next}")
                }
                None => format!("attempt {attempt}: {outcome}"),
            }
        }
        Event::RunFinished { .. } => "its run has ended".into(),
        _ => return None,
    })
}

/// Nobody was there when a firing was due: since when, and until when.
fn absence(connection: &Connection, due: i64, facts: &mut Vec<Fact>) -> Result<()> {
    let sql = "SELECT at, kind FROM events
        WHERE due IS NULL AND kind IN (?2, ?3) AND at <= ?1 ORDER BY at DESC, number DESC LIMIT 1";
    let before: Option<(i64, i64)> = connection
        .prepare_cached(sql)?
        .query_row([due, kind::DAEMON_STARTED, kind::DAEMON_STOPPED], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    facts.extend(before.map(|(at, which)| Fact {
        at: code::instant(at),
        what: match which {
            kind::DAEMON_STARTED => {
                "the daemon began that was the last one before it was due".into()
            }
            _ => "the daemon ended".into(),
        },
    }));
    let sql = "SELECT at FROM events
        WHERE due IS NULL AND kind = ?2 AND at > ?1 ORDER BY at, number LIMIT 1";
    let after: Option<i64> = connection
        .prepare_cached(sql)?
        .query_row([due, kind::DAEMON_STARTED], |row| row.get(0))
        .optional()?;
    facts.extend(
        after.map(|at| Fact { at: code::instant(at), what: "the next daemon began".into() }),
    );
    let sql = "SELECT at, more FROM events
        WHERE due IS NULL AND kind = ?2 AND at > ?1 ORDER BY at, number LIMIT 1";
    for (which, what) in [
        (kind::CLOCK_STEPPED, "the wall clock was set by"),
        (kind::MACHINE_SUSPENDED, "the machine woke up; it was suspended for"),
    ] {
        let step: Option<(i64, i64)> = connection
            .prepare_cached(sql)?
            .query_row([due, which], |row| {
                Ok((row.get(0)?, row.get::<_, String>(1)?.parse().unwrap_or(0)))
            })
            .optional()?;
        facts.extend(step.filter(|(at, by)| at - by <= due).map(|(at, by)| Fact {
            at: code::instant(at),
            what: format!("{what} {} s", by / 1_000_000),
        }));
    }
    Ok(())
}

/// The run that still went on when a firing was due.
fn overlap(
    connection: &Connection,
    task: i64,
    firing: &RunId,
    facts: &mut Vec<Fact>,
) -> Result<()> {
    let sql = "SELECT due, started, finished FROM firings
        WHERE task = ? AND verdict = 0 AND due < ? ORDER BY due DESC LIMIT 1";
    let due = firing.due.as_microsecond();
    let run: Option<(i64, Option<i64>, Option<i64>)> = connection
        .prepare_cached(sql)?
        .query_row([task, due], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    if let Some((due, Some(started), finished)) = run {
        let run = RunId { task: firing.task.clone(), due: code::instant(due) };
        facts.push(Fact { at: code::instant(started), what: format!("`{run}` began") });
        facts.extend(
            finished.map(|at| Fact { at: code::instant(at), what: format!("`{run}` ended") }),
        );
    }
    Ok(())
}

/// The pauses that hold what waits.
fn pauses(connection: &Connection, task: i64, facts: &mut Vec<Fact>) -> Result<()> {
    let sql = "SELECT since, task, reason FROM pauses WHERE task IN (?, 0)";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([task])?;
    while let Some(row) = rows.next()? {
        let what = if row.get::<_, i64>(1)? == 0 { "everything" } else { "the task" };
        let reason: Option<String> = row.get(2)?;
        let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        let what = format!("{what} is paused{reason}");
        facts.push(Fact { at: code::instant(row.get(0)?), what });
    }
    Ok(())
}

/// The pause into which a firing fell.
fn pause(connection: &Connection, task: i64, due: i64, facts: &mut Vec<Fact>) -> Result<()> {
    let sql = "SELECT at, task, more FROM events
        WHERE due IS NULL AND kind = ?3 AND at <= ?1 AND (task = ?2 OR task IS NULL)
        ORDER BY at DESC, number DESC LIMIT 1";
    let found: Option<(i64, Option<i64>, Option<String>)> = connection
        .prepare_cached(sql)?
        .query_row([due, task, kind::TASK_PAUSED], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    facts.extend(found.map(|(at, of, more)| {
        let what = if of.is_some() { "the task was paused" } else { "everything was paused" };
        let more = more.unwrap_or_default();
        let reason = more.splitn(3, ' ').nth(2).unwrap_or_default();
        let what = match reason {
            "" => what.into(),
            reason => format!("{what}: {reason}"),
        };
        Fact { at: code::instant(at), what }
    }));
    Ok(())
}
