//! Events as rows. Beside its time, its kind, its task and its due, a row has one text with whatever
//! else the event says: words, the last of which may be any text.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::code::{self, kind};
use crate::event::{Count, Definition, Event, RunId, SkipReason, WaitReason};
use crate::name::Name;
use crate::task::{Ending, Given, Usage};

/// What stands where there is nothing.
const NOTHING: &str = "-";

const SKIPS: [SkipReason; 5] = [
    SkipReason::Overlap,
    SkipReason::Calendar,
    SkipReason::Replaced,
    SkipReason::Cancelled,
    SkipReason::Removed,
];

const WAITS: [WaitReason; 4] =
    [WaitReason::Delay, WaitReason::Turn, WaitReason::Pool, WaitReason::Cap];

/// What an event says beyond what it is about; nothing, where that is the usual. What a person has
/// given to a run is not history.
pub(super) fn more(event: &Event) -> Option<String> {
    let micros = |at: &Timestamp| at.as_microsecond().to_string();
    let time = |at: &Option<Timestamp>| at.as_ref().map_or_else(|| NOTHING.into(), micros);
    let number = |number: Option<i32>| number.map_or_else(|| NOTHING.into(), |n| n.to_string());
    Some(match event {
        Event::DaemonStarted { boot, .. } => boot.clone()?,
        Event::ClockStepped { by, .. } => by.as_micros().to_string(),
        Event::MachineSuspended { lasted, .. } => lasted.as_micros().to_string(),
        Event::StoreFailed { error, .. } => error.clone(),
        Event::TaskAdded { definition, renamed_from, .. } => {
            let before = renamed_from.as_ref().map_or(NOTHING, Name::as_str);
            format!("{} {before}", definition_text(definition))
        }
        Event::TaskChanged { definition, .. } => definition_text(definition),
        Event::TaskPaused { until, moves, reason, .. } => {
            let reason = reason.as_deref().unwrap_or_default();
            format!("{} {} {reason}", time(until), u8::from(*moves))
        }
        Event::FiringWaiting { reason, until, trigger, catch_up, cause, .. } => {
            let (until, trigger) = (time(until), code::of_trigger(*trigger));
            let cause = cause.as_ref().map_or_else(|| NOTHING.into(), code::cause_text);
            format!("{reason} {until} {trigger} {} {cause}", u8::from(*catch_up))
        }
        Event::FiringSkipped { reason, trigger, .. } => {
            format!("{} {}", reason.word(), code::of_trigger(*trigger))
        }
        Event::FiringsPassed { first, last, count, passed, trigger, .. } => {
            let (verdict, over) = (code::of_passed(*passed), u8::from(count.more));
            let trigger =
                trigger.map_or_else(|| NOTHING.into(), |t| code::of_trigger(t).to_string());
            let (first, last) = (micros(first), micros(last));
            format!("{verdict} {first} {last} {} {over} {trigger}", count.counted)
        }
        Event::RunStarted { trigger, catch_up, cause, .. } => {
            let cause = cause.as_ref().map_or_else(|| NOTHING.into(), code::cause_text);
            format!("{} {} {cause}", code::of_trigger(*trigger), u8::from(*catch_up))
        }
        Event::AttemptStarted { attempt, .. } if *attempt > 1 => attempt.to_string(),
        Event::AttemptFinished { attempt, ending, took, next, .. } => {
            let outcome = code::outcome_text(&ending.outcome);
            let (exit_code, signal) = (number(ending.exit_code), number(ending.signal));
            let (took, next) = (took.as_micros(), time(next));
            let used = used_text(ending.used);
            format!("{attempt} {took} {next} {exit_code} {signal} {used} {outcome}")
        }
        Event::RunFinished { started, took, attempts, used, outcome, .. } => {
            let (started, outcome) = (micros(started), code::outcome_text(outcome));
            format!("{started} {} {attempts} {} {outcome}", took.as_micros(), used_text(*used))
        }
        Event::DaemonStopped { .. }
        | Event::StoreRecovered { .. }
        | Event::TaskRemoved { .. }
        | Event::TaskResumed { .. }
        | Event::AttemptStarted { .. } => return None,
    })
}

fn used_text(used: Option<Usage>) -> String {
    used.map_or_else(
        || format!("{NOTHING} {NOTHING} {NOTHING}"),
        |Usage { user, system, peak_memory }| {
            format!("{} {} {peak_memory}", user.as_micros(), system.as_micros())
        },
    )
}

/// What is said of a definition that is kept beside the events.
fn definition_text(Definition { text, when, enabled }: &Definition) -> String {
    format!("{} {} {}", code::definition_number(text), when.cast_signed(), u8::from(*enabled))
}

/// Those after the event of this number, in their order, so many at most. A row that cannot be read
/// as an event is none.
pub(super) fn after(
    connection: &Connection,
    number: i64,
    limit: usize,
) -> Result<Vec<(i64, Event)>> {
    let sql = "SELECT e.number, e.at, e.kind, t.name, e.due, e.more
        FROM events e LEFT JOIN tasks t ON t.id = e.task
        WHERE e.number > ? ORDER BY e.number LIMIT ?";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![number, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        events.extend(read(connection, row)?.map(|event| (row.get_unwrap(0), event)));
    }
    Ok(events)
}

/// All that is on record of the firing of `task` that was due then.
pub(super) fn of_firing(connection: &Connection, task: i64, due: i64) -> Result<Vec<Event>> {
    let sql = "SELECT e.number, e.at, e.kind, t.name, e.due, e.more
        FROM events e JOIN tasks t ON t.id = e.task
        WHERE e.task = ? AND e.due = ? ORDER BY e.number";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([task, due])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        events.extend(read(connection, row)?);
    }
    Ok(events)
}

fn read(connection: &Connection, row: &Row<'_>) -> Result<Option<Event>> {
    let task: Option<String> = row.get(3)?;
    let due: Option<i64> = row.get(4)?;
    let more: Option<String> = row.get(5)?;
    let about = About {
        at: code::instant(row.get(1)?),
        task: task.and_then(|task| Name::new(&task).ok()),
        due: due.map(code::instant),
    };
    let sql = "SELECT text FROM definitions WHERE id = ?";
    let mut text = |number: i64| {
        let text: rusqlite::Result<Option<String>> = connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row([number], |row| row.get(0)).optional());
        // One that nothing needs any more is not kept.
        text.ok().flatten().unwrap_or_default()
    };
    Ok(event(row.get(2)?, about, more.as_deref().unwrap_or_default(), &mut text))
}

/// What an event is about.
struct About {
    at: Timestamp,
    task: Option<Name>,
    due: Option<Timestamp>,
}

/// The event of this kind whose text says `more`; `texts` are those of definitions, by number.
fn event(
    which: i64,
    about: About,
    more: &str,
    texts: &mut dyn FnMut(i64) -> String,
) -> Option<Event> {
    let About { at, task, due } = about;
    let run = task.clone().zip(due).map(|(task, due)| RunId { task, due });
    let mut words = Words(more);
    Some(match which {
        kind::DAEMON_STARTED => Event::DaemonStarted { at, boot: words.rest() },
        kind::DAEMON_STOPPED => Event::DaemonStopped { at },
        kind::CLOCK_STEPPED => Event::ClockStepped { at, by: words.length()? },
        kind::MACHINE_SUSPENDED => Event::MachineSuspended { at, lasted: words.length()? },
        kind::STORE_FAILED => Event::StoreFailed { at, error: words.rest()? },
        kind::STORE_RECOVERED => Event::StoreRecovered { at },
        kind::TASK_ADDED => {
            let definition = words.definition(texts)?;
            let renamed_from = words.next().and_then(|name| Name::new(name).ok());
            Event::TaskAdded { at, task: task?, definition, renamed_from }
        }
        kind::TASK_CHANGED => {
            Event::TaskChanged { at, task: task?, definition: words.definition(texts)? }
        }
        kind::TASK_REMOVED => Event::TaskRemoved { at, task: task? },
        kind::TASK_PAUSED => {
            let (until, moves) = (words.time(), words.flag()?);
            Event::TaskPaused { at, task, until, moves, reason: words.rest() }
        }
        kind::TASK_RESUMED => Event::TaskResumed { at, task },
        kind::FIRING_WAITING => Event::FiringWaiting {
            at,
            run: run?,
            reason: words.one_of(&WAITS)?,
            until: words.time(),
            trigger: code::trigger(words.number()?),
            catch_up: words.flag()?,
            cause: code::cause(words.0),
            given: Given::default(),
        },
        kind::FIRING_SKIPPED => Event::FiringSkipped {
            at,
            run: run?,
            reason: words.one_of(&SKIPS)?,
            trigger: code::trigger(words.number()?),
        },
        kind::FIRINGS_PASSED => Event::FiringsPassed {
            at,
            task: task?,
            passed: code::passed(words.number()?),
            first: words.time()?,
            last: words.time()?,
            count: Count { counted: words.number()?, more: words.flag()? },
            trigger: words.number().map(code::trigger),
        },
        kind::RUN_STARTED => Event::RunStarted {
            at,
            run: run?,
            trigger: code::trigger(words.number()?),
            catch_up: words.flag()?,
            cause: code::cause(words.0),
            given: Given::default(),
        },
        kind::ATTEMPT_STARTED => {
            Event::AttemptStarted { at, run: run?, attempt: words.number().unwrap_or(1) }
        }
        kind::ATTEMPT_FINISHED => {
            let (attempt, took, next) = (words.number()?, words.length()?, words.time());
            let (exit_code, signal) = (words.number(), words.number());
            let used = words.used();
            let ending = Ending { outcome: code::outcome(words.0), exit_code, signal, used };
            Event::AttemptFinished { at, run: run?, attempt, ending, took, next }
        }
        kind::RUN_FINISHED => Event::RunFinished {
            at,
            run: run?,
            started: words.time()?,
            took: words.length()?,
            attempts: words.number()?,
            used: words.used(),
            outcome: code::outcome(words.0),
        },
        _ => return None,
    })
}

/// What is not read yet of a text.
struct Words<'a>(&'a str);

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let (word, rest) = self.0.split_once(' ').unwrap_or((self.0, ""));
        self.0 = rest;
        (!word.is_empty()).then_some(word)
    }

    fn number<T: std::str::FromStr>(&mut self) -> Option<T> {
        self.next()?.parse().ok()
    }

    fn flag(&mut self) -> Option<bool> {
        Some(self.number::<u8>()? == 1)
    }

    fn length(&mut self) -> Option<SignedDuration> {
        self.number().map(SignedDuration::from_micros)
    }

    /// An instant, if one stands there.
    fn time(&mut self) -> Option<Timestamp> {
        self.number().map(code::instant)
    }

    /// What was used, if that was known: three words in any case.
    fn used(&mut self) -> Option<Usage> {
        let (user, system, peak_memory) = (self.length(), self.length(), self.number());
        Some(Usage { user: user?, system: system?, peak_memory: peak_memory? })
    }

    fn one_of<T: Copy + ToString>(&mut self, all: &[T]) -> Option<T> {
        let word = self.next()?;
        all.iter().find(|one| one.to_string() == word).copied()
    }

    fn definition(&mut self, texts: &mut dyn FnMut(i64) -> String) -> Option<Definition> {
        let text = texts(self.number()?).into();
        let when: i64 = self.number()?;
        Some(Definition { text, when: when.cast_unsigned(), enabled: self.flag()? })
    }

    /// All that is left, if anything is.
    fn rest(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.0);
        (!rest.is_empty()).then(|| rest.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Cause, Passed, TriggerKind};
    use crate::task::{Failure, Outcome};

    #[test]
    #[expect(clippy::too_many_lines, reason = "an event a line")]
    fn an_event_that_is_written_is_read_back() {
        let at = |second| Timestamp::from_second(second).expect("in range");
        let run = |id: &str| -> RunId { id.parse().expect("a fine name") };
        let (run, before) = (run("a@20260105T083000.000001Z"), run("b@20260105T083000Z"));
        let task = run.task.clone();
        let definition = Definition { text: "{}".into(), when: u64::MAX, enabled: false };
        let cause = Some(Cause { run: before.clone(), outcome: "failed" });
        let length = SignedDuration::from_micros(-1_500_001);
        let (took, started) = (SignedDuration::from_micros(7), at(3));
        let used = Some(Usage { user: took, system: length, peak_memory: 4096 });
        let ending = |outcome, exit_code, signal: Option<i32>| {
            let used = used.filter(|_| signal.is_some());
            Ending { outcome, exit_code, signal, used }
        };
        let failed = Outcome::Failed(Failure::Broken("no such file: `a  b`".into()));
        let finished = |ending, next| Event::AttemptFinished {
            at: at(9),
            run: run.clone(),
            attempt: 3,
            ending,
            took,
            next,
        };
        let paused = |task, until, reason: Option<&str>| Event::TaskPaused {
            at: at(1),
            task,
            until,
            moves: until.is_some(),
            reason: reason.map(Into::into),
        };
        let waits = |cause, reason, until| Event::FiringWaiting {
            at: at(1),
            run: run.clone(),
            trigger: TriggerKind::After,
            cause,
            given: Given::default(),
            reason,
            until,
            catch_up: until.is_none(),
        };
        let passed = |trigger, more| Event::FiringsPassed {
            at: at(8),
            task: task.clone(),
            first: at(-2),
            last: at(5),
            count: Count { counted: 3, more },
            passed: Passed::Calendar,
            trigger,
        };
        let starts = |cause: Option<Cause>| Event::RunStarted {
            at: at(1),
            run: run.clone(),
            trigger: TriggerKind::Cron,
            catch_up: cause.is_some(),
            cause,
            given: Given::default(),
        };
        let mut events = vec![
            Event::DaemonStarted { at: at(1), boot: Some("97fc".into()) },
            Event::DaemonStarted { at: at(1), boot: None },
            Event::DaemonStopped { at: at(2) },
            Event::ClockStepped { at: at(1), by: length },
            Event::MachineSuspended { at: at(1), lasted: took },
            Event::StoreFailed { at: at(1), error: "disk full: 5 left".into() },
            Event::StoreRecovered { at: at(1) },
            Event::TaskAdded {
                at: at(1),
                task: task.clone(),
                definition: definition.clone(),
                renamed_from: Some(before.task.clone()),
            },
            Event::TaskAdded {
                at: at(1),
                task: task.clone(),
                definition: definition.clone(),
                renamed_from: None,
            },
            Event::TaskChanged { at: at(1), task: task.clone(), definition },
            Event::TaskRemoved { at: at(1), task: task.clone() },
            paused(None, None, None),
            paused(Some(task.clone()), Some(at(5)), Some("a reason of words")),
            Event::TaskResumed { at: at(1), task: None },
            Event::TaskResumed { at: at(1), task: Some(task.clone()) },
            passed(None, true),
            passed(Some(TriggerKind::Startup), false),
            starts(cause.clone()),
            starts(None),
            finished(ending(Outcome::Success, Some(0), None), None),
            finished(ending(failed.clone(), None, Some(9)), Some(at(12))),
        ];
        events.extend(WAITS.map(|reason| waits(cause.clone(), reason, None)));
        events.extend(WAITS.map(|reason| waits(None, reason, Some(at(4)))));
        events.extend(SKIPS.map(|reason| Event::FiringSkipped {
            at: at(1),
            run: run.clone(),
            trigger: TriggerKind::Manual,
            reason,
        }));
        events.extend([1, 2].map(|attempt| {
            let (at, run) = (at(1), run.clone());
            Event::AttemptStarted { at, run, attempt }
        }));
        events.extend([failed, Outcome::Failed(Failure::Code(3)), Outcome::TimedOut].map(
            |outcome| {
                let (at, run) = (at(9), run.clone());
                Event::RunFinished { at, run, started, took, attempts: 3, used, outcome }
            },
        ));
        for event in events {
            let about = About {
                at: event.at(),
                task: event.task().cloned(),
                due: event.run().map(|run| run.due),
            };
            let more = more(&event).unwrap_or_default();
            let mut text = |number| {
                assert_eq!(number, code::definition_number("{}"));
                "{}".into()
            };
            let read = super::event(code::kind_of(&event), about, &more, &mut text);
            assert_eq!(read.as_ref(), Some(&event), "{more}");
            // Whatever stands there instead is no reason to panic.
            for end in (0..more.len()).filter(|end| more.is_char_boundary(*end)) {
                let about = About { at: at(0), task: None, due: None };
                let _ = super::event(code::kind_of(&event), about, &more[..end], &mut |_| {
                    String::new()
                });
            }
        }
    }
}
