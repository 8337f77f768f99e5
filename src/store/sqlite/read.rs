//! The views, as an earlier life has left them in the file.

use jiff::SignedDuration;
use rusqlite::{Connection, Result, Row};

use super::code;
use crate::event::{Definition, RunId};
use crate::name::Name;
use crate::scheduler::{Pause, RememberedFiring, RememberedRun, RememberedTask};
use crate::store::views::Views;

/// Reads the views, and the number of the last event.
pub(super) fn views(connection: &Connection) -> Result<(Views, i64)> {
    let mut views = Views::default();
    let boot = "SELECT value FROM facts WHERE name = 'boot'";
    views.boot = all(connection, boot, |row| row.get::<_, Option<String>>(0))?.pop().flatten();
    let sql = "SELECT t.name, d.text, t.trigger_identity, t.enabled, t.mark, t.last_arisen,
            t.last_success, t.end_success, t.end_failure, t.end_stopped, t.last_after,
            p.since, p.until, p.moves, p.reason
        FROM tasks t LEFT JOIN definitions d ON d.id = t.definition
        LEFT JOIN pauses p ON p.task = t.id WHERE t.mark > ?1";
    let sql = sql.replace("?1", &i64::MIN.to_string());
    for task in all(connection, &sql, task)?.into_iter().flatten() {
        views.tasks.insert(task.name.clone(), task);
    }
    let sql = "SELECT since, until, moves, reason FROM pauses WHERE task = 0";
    views.pause = all(connection, sql, |row| pause(row, 0))?.into_iter().flatten().next();
    let sql = "SELECT t.name, w.due, w.trigger, w.cause, w.given, w.catch_up, w.until
        FROM waiting w JOIN tasks t ON t.id = w.task";
    for firing in all(connection, sql, |row| firing(row, row.get(6)?))?.into_iter().flatten() {
        views.waiting.insert(firing.run.clone(), firing);
    }
    let sql = "SELECT t.name, r.due, r.trigger, r.cause, r.given, r.catch_up, r.started, r.attempt,
            r.attempt_started, r.took, r.next, r.last
        FROM runs r JOIN tasks t ON t.id = r.task";
    for run in all(connection, sql, run)?.into_iter().flatten() {
        views.runs.insert(run.firing.run.clone(), run);
    }
    let sql = "SELECT number, at FROM events ORDER BY number DESC LIMIT 1";
    let last = all(connection, sql, |row| Ok(Some((row.get(0)?, row.get(1)?))))?;
    let last: Option<(i64, i64)> = last.into_iter().flatten().next();
    views.last_at = last.map(|(_, at)| code::instant(at));
    Ok((views, last.map_or(0, |(number, _)| number)))
}

/// All rows of an answer; what nobody can have written is `None`.
fn all<T>(
    connection: &Connection,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> Result<Option<T>>,
) -> Result<Vec<Option<T>>> {
    connection.prepare(sql)?.query_map([], read)?.collect()
}

fn name(row: &Row<'_>, column: usize) -> Result<Option<Name>> {
    Ok(Name::new(&row.get::<_, String>(column)?).ok())
}

fn task(row: &Row<'_>) -> Result<Option<RememberedTask>> {
    let Some(name) = name(row, 0)? else { return Ok(None) };
    let instant =
        |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(code::instant));
    let definition = match (row.get::<_, Option<String>>(1)?, row.get::<_, Option<i64>>(2)?) {
        (Some(text), Some(when)) => {
            let enabled = row.get::<_, Option<bool>>(3)?.unwrap_or(true);
            Some(Definition { text: text.into(), when: when.cast_unsigned(), enabled })
        }
        _ => None,
    };
    Ok(Some(RememberedTask {
        name,
        definition,
        schedule: None,
        mark: code::instant(row.get(4)?),
        last_arisen: instant(5)?,
        last_success: instant(6)?,
        last_ends: [row.get(7)?, row.get(8)?, row.get(9)?],
        last_after: row.get(10)?,
        pause: pause(row, 11)?,
    }))
}

fn pause(row: &Row<'_>, first: usize) -> Result<Option<Pause>> {
    let Some(since) = row.get::<_, Option<i64>>(first)? else { return Ok(None) };
    Ok(Some(Pause {
        since: code::instant(since),
        until: row.get::<_, Option<i64>>(first + 1)?.map(code::instant),
        moves: row.get(first + 2)?,
        reason: row.get(first + 3)?,
    }))
}

fn firing(row: &Row<'_>, until: Option<i64>) -> Result<Option<RememberedFiring>> {
    let Some(task) = name(row, 0)? else { return Ok(None) };
    let cause: Option<String> = row.get(3)?;
    let given: Option<String> = row.get(4)?;
    Ok(Some(RememberedFiring {
        run: RunId { task, due: code::instant(row.get(1)?) },
        trigger: code::trigger(row.get(2)?),
        cause: cause.as_deref().and_then(code::cause),
        given: given.as_deref().map(code::given).unwrap_or_default(),
        until: until.map(code::instant),
        catch_up: row.get(5)?,
    }))
}

fn run(row: &Row<'_>) -> Result<Option<RememberedRun>> {
    let Some(firing) = firing(row, None)? else { return Ok(None) };
    let next: Option<i64> = row.get(10)?;
    let last: Option<String> = row.get(11)?;
    Ok(Some(RememberedRun {
        firing,
        started: code::instant(row.get(6)?),
        attempt: row.get(7)?,
        attempt_started: code::instant(row.get(8)?),
        took: SignedDuration::from_micros(row.get(9)?),
        between: next.zip(last).map(|(next, last)| (code::instant(next), code::outcome(&last))),
        goes_on: false,
    }))
}
