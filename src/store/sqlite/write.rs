//! Events into the file: one row each, one row for each firing, and the views that they change.

use std::collections::{BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::{code, events};
use crate::event::{Event, RunId};
use crate::name::Name;
use crate::policy::CORRECTION;
use crate::scheduler::{Pause, RememberedFiring, RememberedRun, RememberedTask};
use crate::store::views::{Touched, Views};

/// The number that stands for everything, where others stand for a task.
const EVERYTHING: i64 = 0;

/// The numbers of tasks, as they are known so far.
#[derive(Debug, Default)]
pub(super) struct Numbers(HashMap<Name, i64>);

impl Numbers {
    /// The number of `task`, which gets one if it has none.
    pub fn of(&mut self, connection: &Connection, task: &Name) -> Result<i64> {
        if let Some(number) = self.known(connection, task)? {
            return Ok(number);
        }
        connection
            .prepare_cached("INSERT INTO tasks (name, mark) VALUES (?, ?)")?
            .execute(params![task.as_str(), i64::MIN])?;
        let number = connection.last_insert_rowid();
        self.0.insert(task.clone(), number);
        Ok(number)
    }

    /// The number of `task`, if it has one.
    fn known(&mut self, connection: &Connection, task: &Name) -> Result<Option<i64>> {
        if let Some(number) = self.0.get(task) {
            return Ok(Some(*number));
        }
        let known = connection
            .prepare_cached("SELECT id FROM tasks WHERE name = ?")?
            .query_row([task.as_str()], |row| row.get(0))
            .optional()?;
        known.map(|number| self.0.insert(task.clone(), number));
        Ok(known)
    }

    /// What was learned in a transaction that was not committed is not so.
    pub fn forget(&mut self) {
        self.0.clear();
    }
}

/// Writes the event of this number, and what it says of firings.
pub(super) fn event(
    connection: &Connection,
    numbers: &mut Numbers,
    definition: Option<i64>,
    (number, event): (i64, &Event),
) -> Result<()> {
    let kind = code::kind_of(event);
    let task = event.task().map(|task| numbers.of(connection, task)).transpose()?;
    let due = event.run().map(|run| run.due.as_microsecond());
    let at = event.at().as_microsecond();
    connection
        .prepare_cached(
            "INSERT INTO events (number, at, kind, task, due, more) VALUES (?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![number, at, kind, task, due, events::more(event)])?;
    if let Event::TaskAdded { definition, .. } | Event::TaskChanged { definition, .. } = event {
        write_definition(connection, &definition.text)?;
    }
    match (task, event) {
        (None, Event::ClockStepped { at, by }) if *by < -CORRECTION => {
            withdraw(connection, at.as_microsecond())
        }
        (Some(task), event) => firing(connection, task, definition, event),
        _ => Ok(()),
    }
}

fn firing(
    connection: &Connection,
    task: i64,
    definition: Option<i64>,
    event: &Event,
) -> Result<()> {
    /// What has run keeps its verdict.
    const JUDGED: &str =
        "INSERT INTO firings (task, due, trigger, verdict, definition, started, attempts)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET verdict = excluded.verdict, trigger = excluded.trigger,
            definition = excluded.definition, started = excluded.started,
            attempts = excluded.attempts
        WHERE verdict != 0";
    let micros = |at: &Timestamp| at.as_microsecond();
    match event {
        Event::RunStarted { at, run, trigger, .. } => {
            let (trigger, due) = (code::of_trigger(*trigger), micros(&run.due));
            connection.prepare_cached(JUDGED)?.execute(params![
                task,
                due,
                trigger,
                code::RUN,
                definition,
                micros(at),
                1
            ])?;
        }
        Event::FiringSkipped { run, trigger, reason, .. } => {
            let (trigger, due) = (code::of_trigger(*trigger), micros(&run.due));
            let (verdict, started) = (code::of_skip(*reason), None::<i64>);
            let row = params![task, due, trigger, verdict, definition, started, 0];
            connection.prepare_cached(JUDGED)?.execute(row)?;
        }
        Event::FiringsPassed { first, passed, trigger: Some(trigger), .. } => {
            let (trigger, verdict) = (code::of_trigger(*trigger), code::of_passed(*passed));
            let row = params![task, micros(first), trigger, verdict, definition, None::<i64>, 0];
            connection.prepare_cached(JUDGED)?.execute(row)?;
        }
        Event::FiringsPassed { first, last, count, passed, .. } => {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO spans
                        (task, first, last, passed, counted, more, definition)
                    VALUES (?, ?, ?, ?, ?, ?, ?)",
                )?
                .execute(params![
                    task,
                    micros(first),
                    micros(last),
                    code::of_passed(*passed),
                    i64::try_from(count.counted).unwrap_or(i64::MAX),
                    count.more,
                    definition
                ])?;
        }
        // The first is that of the start.
        Event::AttemptStarted { run, attempt, .. } if *attempt > 1 => {
            connection
                .prepare_cached("UPDATE firings SET attempts = ? WHERE task = ? AND due = ?")?
                .execute(params![attempt, task, micros(&run.due)])?;
        }
        Event::AttemptFinished { run, ending, .. } => {
            connection
                .prepare_cached(
                    "UPDATE firings SET exit_code = ?1, signal = ?2, detail = ?3,
                        cpu_user = ifnull(cpu_user + ?4, ifnull(?4, cpu_user)),
                        cpu_system = ifnull(cpu_system + ?5, ifnull(?5, cpu_system)),
                        peak_memory = max(ifnull(peak_memory, ?6), ifnull(?6, peak_memory))
                    WHERE task = ?7 AND due = ?8",
                )?
                .execute(params![
                    ending.exit_code,
                    ending.signal,
                    ending.outcome.detail(),
                    ending.used.map(|used| micros_of(used.user)),
                    ending.used.map(|used| micros_of(used.system)),
                    ending.used.map(|used| used.peak_memory.cast_signed()),
                    task,
                    micros(&run.due)
                ])?;
        }
        Event::RunFinished { at, run, outcome, .. } => {
            connection
                .prepare_cached(
                    "UPDATE firings SET finished = ?, outcome = ? WHERE task = ? AND due = ?",
                )?
                .execute(params![micros(at), code::of_outcome(outcome), task, micros(&run.due)])?;
        }
        _ => {}
    }
    Ok(())
}

fn micros_of(length: SignedDuration) -> i64 {
    i64::try_from(length.as_micros()).unwrap_or(i64::MAX)
}

/// The clock was wrong, and shows `now`: what lies ahead is judged again, but for what has run.
fn withdraw(connection: &Connection, now: i64) -> Result<()> {
    connection
        .execute("DELETE FROM firings WHERE due > ? AND verdict != 0 AND trigger < 4", [now])?;
    connection.execute("DELETE FROM spans WHERE first > ?", [now])?;
    // Which firing is its last one now, only its trigger can tell.
    connection.execute("UPDATE spans SET last = ?1, counted = 0 WHERE last > ?1", [now])?;
    Ok(())
}

/// Whether `run` has started before.
pub(super) fn has_run(connection: &Connection, numbers: &mut Numbers, run: &RunId) -> Result<bool> {
    let Some(task) = numbers.known(connection, &run.task)? else { return Ok(false) };
    connection
        .prepare_cached("SELECT 1 FROM firings WHERE task = ? AND due = ? AND verdict = 0")?
        .exists(params![task, run.due.as_microsecond()])
}

/// Writes a definition down, if it is new.
fn write_definition(connection: &Connection, text: &str) -> Result<()> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO definitions (id, text) VALUES (?, ?)")?
        .execute(params![code::definition_number(text), text])?;
    Ok(())
}

/// Writes what `touched` says has changed in `views`.
pub(super) fn views(
    connection: &Connection,
    numbers: &mut Numbers,
    views: &Views,
    touched: &BTreeSet<Touched>,
) -> Result<()> {
    if touched.contains(&Touched::Everything) {
        connection.execute_batch("DELETE FROM pauses; DELETE FROM waiting; DELETE FROM runs;")?;
        for task in views.tasks.values() {
            write_task(connection, numbers, task)?;
        }
        write_pause(connection, EVERYTHING, views.pause.as_ref())?;
        for firing in views.waiting.values() {
            write_waiting(connection, numbers, firing)?;
        }
        for run in views.runs.values() {
            write_run(connection, numbers, run)?;
        }
        return write_boot(connection, views);
    }
    for what in touched {
        match what {
            Touched::Task(name) => {
                if let Some(task) = views.tasks.get(name) {
                    write_marks(connection, numbers, task)?;
                }
            }
            Touched::Definition(name) => {
                if let Some(task) = views.tasks.get(name) {
                    write_task(connection, numbers, task)?;
                }
            }
            Touched::PauseOf(name) => {
                if let Some(task) = views.tasks.get(name) {
                    let number = numbers.of(connection, name)?;
                    write_pause(connection, number, task.pause.as_ref())?;
                }
            }
            Touched::Pause => write_pause(connection, EVERYTHING, views.pause.as_ref())?,
            Touched::Waiting(run) => match views.waiting.get(run) {
                Some(firing) => write_waiting(connection, numbers, firing)?,
                None => delete(
                    connection,
                    numbers,
                    "DELETE FROM waiting WHERE task = ? AND due = ?",
                    run,
                )?,
            },
            Touched::Run(run) => match views.runs.get(run) {
                Some(run) => write_run(connection, numbers, run)?,
                None => {
                    delete(
                        connection,
                        numbers,
                        "DELETE FROM runs WHERE task = ? AND due = ?",
                        run,
                    )?;
                }
            },
            Touched::Boot => write_boot(connection, views)?,
            Touched::Everything => {}
        }
    }
    Ok(())
}

fn delete(connection: &Connection, numbers: &mut Numbers, sql: &str, run: &RunId) -> Result<()> {
    let task = numbers.of(connection, &run.task)?;
    connection.prepare_cached(sql)?.execute(params![task, run.due.as_microsecond()])?;
    Ok(())
}

fn write_boot(connection: &Connection, views: &Views) -> Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO facts (name, value) VALUES ('boot', ?)")?
        .execute([&views.boot])?;
    Ok(())
}

fn write_task(connection: &Connection, numbers: &mut Numbers, task: &RememberedTask) -> Result<()> {
    let number = numbers.of(connection, &task.name)?;
    let definition = task.definition.as_ref();
    let definition = definition.map(|definition| code::definition_number(&definition.text));
    connection
        .prepare_cached(
            "UPDATE tasks SET definition = ?, trigger_identity = ?, enabled = ? WHERE id = ?",
        )?
        .execute(params![
            definition,
            task.definition.as_ref().map(|definition| definition.when.cast_signed()),
            task.definition.as_ref().map(|definition| definition.enabled),
            number
        ])?;
    write_pause(connection, number, task.pause.as_ref())?;
    write_marks(connection, numbers, task)
}

/// What of a task changes with each of its firings.
fn write_marks(
    connection: &Connection,
    numbers: &mut Numbers,
    task: &RememberedTask,
) -> Result<()> {
    let number = numbers.of(connection, &task.name)?;
    let micros = |at: Option<Timestamp>| at.map(Timestamp::as_microsecond);
    let [success, failure, stopped] = task.last_ends;
    connection
        .prepare_cached(
            "UPDATE tasks SET mark = ?, last_arisen = ?, last_success = ?, end_success = ?,
                end_failure = ?, end_stopped = ?, last_after = ?
            WHERE id = ?",
        )?
        .execute(params![
            task.mark.as_microsecond(),
            micros(task.last_arisen),
            micros(task.last_success),
            success,
            failure,
            stopped,
            task.last_after,
            number
        ])?;
    Ok(())
}

fn write_pause(connection: &Connection, task: i64, pause: Option<&Pause>) -> Result<()> {
    let Some(Pause { since, until, reason, moves }) = pause else {
        connection.prepare_cached("DELETE FROM pauses WHERE task = ?")?.execute([task])?;
        return Ok(());
    };
    let (since, until) = (since.as_microsecond(), until.map(Timestamp::as_microsecond));
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO pauses (task, since, until, moves, reason)
            VALUES (?, ?, ?, ?, ?)",
        )?
        .execute(params![task, since, until, moves, reason])?;
    Ok(())
}

fn write_waiting(
    connection: &Connection,
    numbers: &mut Numbers,
    firing: &RememberedFiring,
) -> Result<()> {
    let task = numbers.of(connection, &firing.run.task)?;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO waiting (task, due, trigger, cause, given, until, catch_up)
            VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            task,
            firing.run.due.as_microsecond(),
            code::of_trigger(firing.trigger),
            firing.cause.as_ref().map(code::cause_text),
            code::given_text(&firing.given),
            firing.until.map(Timestamp::as_microsecond),
            firing.catch_up
        ])?;
    Ok(())
}

fn write_run(connection: &Connection, numbers: &mut Numbers, run: &RememberedRun) -> Result<()> {
    let firing = &run.firing;
    let task = numbers.of(connection, &firing.run.task)?;
    let between = run.between.as_ref();
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO runs (task, due, trigger, cause, given, catch_up, started, attempt,
                attempt_started, took, next, last)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            task,
            firing.run.due.as_microsecond(),
            code::of_trigger(firing.trigger),
            firing.cause.as_ref().map(code::cause_text),
            code::given_text(&firing.given),
            firing.catch_up,
            run.started.as_microsecond(),
            run.attempt,
            run.attempt_started.as_microsecond(),
            i64::try_from(run.took.as_micros()).unwrap_or(i64::MAX),
            between.map(|(next, _)| next.as_microsecond()),
            between.map(|(_, last)| code::outcome_text(last))
        ])?;
    Ok(())
}
