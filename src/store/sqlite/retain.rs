//! What is old goes, a little at a time, so that no start waits for it.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::write::Numbers;
use crate::event::Event;
use crate::name::Name;
use crate::policy::Keep;
use crate::scheduler::RememberedTask;

/// So many firings go at once at most.
const AT_ONCE: u32 = 100;

/// After so many new firings a task is looked at again.
const NEW: u32 = 100;

/// Which tasks may have more than is kept.
#[derive(Debug, Default)]
pub(super) struct Surplus {
    /// To be looked at, each once; last what is about no task.
    line: VecDeque<Option<Name>>,
    in_line: BTreeSet<Option<Name>>,
    /// New firings of each since it was looked at.
    new: HashMap<Name, u32>,
    /// The present day and instant, as the events tell.
    today: Option<Date>,
    now: Option<Timestamp>,
}

impl Surplus {
    /// Takes note of `event`; at the first one of a day, of which `tasks` there are.
    pub fn take<'a>(&mut self, event: &Event, tasks: impl Iterator<Item = &'a Name>) {
        let at = event.at();
        self.now = Some(at);
        let today = at.to_zoned_datetime(TimeZone::UTC).date();
        if self.today != Some(today) {
            self.today = Some(today);
            tasks.for_each(|task| self.look_at(Some(task)));
            self.look_at(None);
        }
        let task = match event {
            Event::RunStarted { run, .. } | Event::FiringSkipped { run, .. } => &run.task,
            Event::FiringsPassed { task, .. } => task,
            _ => return,
        };
        let new = self.new.entry(task.clone()).or_default();
        *new += 1;
        if *new >= NEW {
            *new = 0;
            self.look_at(Some(task));
        }
    }

    fn look_at(&mut self, task: Option<&Name>) {
        if self.in_line.insert(task.cloned()) {
            self.line.push_back(task.cloned());
        }
    }

    pub fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    /// Removes a little of the first task in line.
    ///
    /// Of a task that has left the plan, nothing stays; if that is all gone, it is forgotten, and
    /// returned.
    pub fn remove_some(
        &mut self,
        connection: &mut Connection,
        numbers: &mut Numbers,
        tasks: &BTreeMap<Name, RememberedTask>,
        keep: Keep,
    ) -> Result<Option<Name>> {
        let (Some(task), Some(now)) = (self.line.pop_front(), self.now) else { return Ok(None) };
        self.in_line.remove(&task);
        if task.as_ref().is_some_and(|task| !tasks.contains_key(task)) {
            // It was forgotten meanwhile.
            return Ok(None);
        }
        let number = task.as_ref().map(|task| numbers.of(connection, task)).transpose()?;
        let change = connection.transaction()?;
        let left = task.as_ref().and_then(|task| tasks.get(task)).filter(|task| {
            let last = task.mark.max(task.last_arisen.unwrap_or(task.mark));
            task.definition.is_none() && last.as_microsecond() < oldest(now, keep)
        });
        // A run of an earlier life that goes on still needs its name.
        let left = left.filter(|_| !number.is_some_and(|number| goes_on(&change, number)));
        let (mut more, mut gone) = (false, None);
        match (number, left) {
            (None, _) => more = remove_events(&change, now, keep)?,
            (Some(number), None) => more = remove(&change, number, now, keep)?,
            (Some(number), Some(task)) if !remove_all(&change, number)? => {
                gone = Some(task.name.clone());
            }
            (Some(_), Some(_)) => more = true,
        }
        change.commit()?;
        if more {
            self.look_at(task.as_ref());
        }
        Ok(gone)
    }
}

/// Removes some of the firings of `task` that are too old or too many; tells whether there are more.
fn remove(connection: &Connection, task: i64, now: Timestamp, keep: Keep) -> Result<bool> {
    let oldest = oldest(now, keep);
    // The newest of those that are too many.
    let sql = "SELECT due FROM firings WHERE task = ? ORDER BY due DESC LIMIT 1 OFFSET ?";
    let surplus: Option<i64> = connection
        .prepare_cached(sql)?
        .query_row(params![task, keep.runs], |row| row.get(0))
        .optional()?;
    let until = surplus.map_or(oldest, |surplus| oldest.max(surplus.saturating_add(1)));
    // What goes on is not over, and the last run and the last success always stay.
    let sql = "SELECT due FROM firings WHERE task = ?1 AND due < ?2
            AND (verdict != 0 OR outcome IS NOT NULL)
            AND due IS NOT (SELECT max(due) FROM firings WHERE task = ?1 AND verdict = 0)
            AND due IS NOT
                (SELECT max(due) FROM firings WHERE task = ?1 AND verdict = 0 AND outcome = 0)
        ORDER BY due LIMIT ?3";
    let dues: Result<Vec<i64>> = connection
        .prepare_cached(sql)?
        .query_map(params![task, until, AT_ONCE], |row| row.get(0))?
        .collect();
    let dues = dues?;
    let sql = "SELECT first, last FROM spans WHERE task = ?1 AND last < ?2 ORDER BY first LIMIT ?3";
    let spans: Result<Vec<(i64, i64)>> = connection
        .prepare_cached(sql)?
        .query_map(params![task, until, AT_ONCE], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect();
    let spans = spans?;
    // No further than both go, so that what is left has no gaps meanwhile.
    let last_due = dues.last().copied().filter(|_| is_full(dues.len()));
    let last_span = spans.last().map(|(_, last)| *last).filter(|_| is_full(spans.len()));
    let reached = last_due.into_iter().chain(last_span).min().unwrap_or(until);
    for due in dues.iter().filter(|due| **due <= reached) {
        for sql in [
            "DELETE FROM firings WHERE task = ? AND due = ?",
            "DELETE FROM events WHERE task = ? AND due = ?",
        ] {
            connection.prepare_cached(sql)?.execute([task, *due])?;
        }
    }
    for (first, _) in spans.iter().filter(|(_, last)| *last <= reached) {
        let sql = "DELETE FROM spans WHERE task = ? AND first = ?";
        connection.prepare_cached(sql)?.execute([task, *first])?;
    }
    Ok([dues.len(), spans.len()].into_iter().any(is_full))
}

/// Removes some of all that is known of `task`; tells whether there is more, else it is forgotten.
fn remove_all(connection: &Connection, task: i64) -> Result<bool> {
    let mut more = false;
    for sql in [
        "DELETE FROM firings WHERE task = ?1 AND due IN
            (SELECT due FROM firings WHERE task = ?1 LIMIT ?2)",
        "DELETE FROM spans WHERE task = ?1 AND first IN
            (SELECT first FROM spans WHERE task = ?1 LIMIT ?2)",
        "DELETE FROM events WHERE number IN
            (SELECT number FROM events WHERE task = ?1 AND due IS NOT NULL LIMIT ?2)",
        "DELETE FROM events WHERE number IN
            (SELECT number FROM events INDEXED BY events_about_no_firing
            WHERE due IS NULL AND task = ?1 LIMIT ?2)",
    ] {
        more |= is_full(connection.prepare_cached(sql)?.execute(params![task, AT_ONCE])?);
    }
    if !more {
        connection.prepare_cached("DELETE FROM tasks WHERE id = ?")?.execute([task])?;
    }
    Ok(more)
}

/// Whether a run of `task` goes on, or a firing waits.
fn goes_on(connection: &Connection, task: i64) -> bool {
    let sql = "SELECT 1 FROM runs WHERE task = ?1 UNION ALL SELECT 1 FROM waiting WHERE task = ?1";
    let found = connection.prepare_cached(sql).and_then(|mut sql| sql.exists([task]));
    // What cannot be read is not removed.
    found.unwrap_or(true)
}

/// Removes the definitions that nothing refers to any more, if there are many.
pub(super) fn remove_definitions(connection: &Connection) -> Result<()> {
    let sql = "SELECT (SELECT count(*) FROM definitions) > 2 * (SELECT count(*) FROM tasks) + 100";
    if connection.query_row(sql, [], |row| row.get(0))? {
        connection.execute(
            "DELETE FROM definitions WHERE id NOT IN
                (SELECT definition FROM tasks WHERE definition IS NOT NULL
                UNION SELECT definition FROM firings WHERE definition IS NOT NULL
                UNION SELECT definition FROM spans WHERE definition IS NOT NULL)",
            [],
        )?;
    }
    Ok(())
}

/// Removes some of the events that are too old and about no firing; tells whether there are more.
fn remove_events(connection: &Connection, now: Timestamp, keep: Keep) -> Result<bool> {
    let sql = "DELETE FROM events WHERE number IN (
            SELECT number FROM events INDEXED BY events_about_no_firing
            WHERE due IS NULL AND at < ? LIMIT ?)";
    let removed = connection.prepare_cached(sql)?.execute(params![oldest(now, keep), AT_ONCE])?;
    Ok(is_full(removed))
}

/// Whether so many were all that may go at once: there may be more.
fn is_full(count: usize) -> bool {
    count >= AT_ONCE as usize
}

/// What was due before is too old.
fn oldest(now: Timestamp, keep: Keep) -> i64 {
    let days = SignedDuration::from_hours(24 * i64::from(keep.days));
    now.checked_sub(days).map_or(i64::MIN, Timestamp::as_microsecond)
}

#[cfg(test)]
mod tests {
    use super::super::schema;
    use super::*;

    #[test]
    fn what_is_left_has_no_gaps_however_little_goes_at_once() {
        for (what, is_single, first_left) in [
            ("more firings than stretches", (|at| at % 3 != 0) as fn(i64) -> bool, 969),
            ("more stretches than firings", |at| at % 3 == 0, 940),
        ] {
            check(what, is_single, first_left);
        }
    }

    /// Some instants have a firing that was skipped, all others a stretch of one.
    fn check(what: &str, is_single: fn(i64) -> bool, first_left: i64) {
        let place = tempfile::tempdir().expect("a place");
        let (connection, _) = schema::open(&place.path().join("taskd.db")).expect("it can be made");
        for at in 0..1_000_i64 {
            let sql = if is_single(at) {
                "INSERT INTO firings (task, due, trigger, verdict) VALUES (1, ?, 0, 1)"
            } else {
                "INSERT INTO spans (task, first, last, passed, counted, more)
                    VALUES (1, ?1, ?1, 0, 1, 0)"
            };
            connection.execute(sql, [at]).expect("there is room");
        }
        let left = || -> Vec<i64> {
            let sql = "SELECT due FROM firings UNION ALL SELECT first FROM spans ORDER BY 1";
            let mut statement = connection.prepare(sql).expect("it is fine");
            let rows = statement.query_map([], |row| row.get(0)).expect("it can be asked");
            rows.collect::<Result<_>>().expect("they are numbers")
        };
        let (now, keep) = (Timestamp::UNIX_EPOCH, Keep { days: 30, runs: 20 });
        while remove(&connection, 1, now, keep).expect("it can be changed") {
            let left = left();
            assert_eq!(left, (left[0]..1_000).collect::<Vec<_>>(), "{what}");
        }
        assert_eq!(left()[0], first_left, "{what}: the newest, and what was between them");
    }
}
