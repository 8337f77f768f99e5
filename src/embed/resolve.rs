//! What a trigger that is said in Rust means.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Entry;
use super::error::SchedulerError;
use super::trigger::{AfterPart, CalendarPart, Part, Trigger};
use crate::hash;
use crate::name::Name;
use crate::trigger::cron::{Crontab, Expression, Field, FieldText, Pattern};
use crate::trigger::cron::{parse_crontab, parse_fields};
use crate::trigger::{self, After, AfterTasks, Calendar, Cron, Dates, Moment, Start, Startup};
use crate::trigger::{Unit, When};
use crate::zone::Zone;

impl Trigger {
    /// What it means for the task `name`, where nobody says another zone than `zone`; and the zone.
    pub(super) fn resolve(&self, name: &Name, zone: &Zone) -> Result<(When, Zone), SchedulerError> {
        let zone = match &self.zone {
            None => zone.clone(),
            Some(named) => zone_of(named)?,
        };
        let start = self.start.as_deref().map(|text| moment(text)?.instant_in(&zone, text));
        let start = start.transpose()?;
        let end = self.end.as_deref().map(|text| {
            let end = moment(text)?.last_instant(&zone);
            end.ok_or_else(|| SchedulerError::bad_trigger(text, "it is out of range"))
        });
        let end = end.transpose()?;
        if let (Some(start), Some(end)) = (start, end)
            && end < start
        {
            return Err(SchedulerError::bad_trigger("end", "it lies before the start"));
        }
        if self.parts.is_empty() {
            return Err(SchedulerError::bad_trigger("any_of", "there is none in it"));
        }
        for part in &self.parts {
            if let Part::Misplaced(what, of) = part {
                let why = format!("it is said of `Trigger::{of}()` alone");
                return Err(SchedulerError::bad_trigger(what, why));
            }
        }
        let mut triggers = Vec::new();
        let mut dates = Vec::new();
        for part in &self.parts {
            match part {
                Part::Interval(length) => triggers.push(interval(*length, start)?),
                Part::Cron(text) => triggers.push(crontab(text, name, &zone, start)?),
                Part::Fields(fields) => triggers.push(cron_fields(fields, name, &zone)?),
                Part::Date(text) => dates.push(moment(text)?.instant_in(&zone, text)?),
                Part::At(instant) => dates.push(whole(*instant)),
                Part::Startup(start, delay) => {
                    bounded("startup", *delay)?;
                    triggers.push(startup(*start, *delay));
                }
                Part::Calendar(part) => {
                    triggers.push(calendar(part, self.start.as_deref(), &zone)?);
                }
                Part::After(part) => triggers.push(after(part, name)?),
                Part::Function(function) => {
                    triggers.push(trigger::Trigger::Function(function.clone()));
                }
                // Told above.
                Part::Misplaced(..) => {}
            }
        }
        if !dates.is_empty() {
            triggers.push(trigger::Trigger::Dates(Dates::new(dates)));
        }
        Ok((When::new(triggers, start, end), zone))
    }
}

/// The zone of this name.
pub(super) fn zone_of(name: &str) -> Result<Zone, SchedulerError> {
    let zone = jiff::tz::db().get(name);
    zone.map(Zone::new).map_err(|_| SchedulerError::NoZone(name.into()))
}

/// A delay that instants can bear.
fn bounded(what: &str, delay: SignedDuration) -> Result<(), SchedulerError> {
    const MOST: SignedDuration = SignedDuration::from_hours(24 * 365 * 100);
    let is_too_long = delay > MOST;
    let wrong = || SchedulerError::bad_trigger(what, "its delay is longer than a hundred years");
    if is_too_long { Err(wrong()) } else { Ok(()) }
}

/// Whether the task `name` comes after itself by way of others, at once each.
pub(super) fn comes_after_itself(name: &Name, tasks: &BTreeMap<Name, Entry>) -> bool {
    let mut seen = BTreeSet::new();
    let mut left = vec![name];
    while let Some(task) = left.pop() {
        let Some(entry) = tasks.get(task) else { continue };
        for (_, after) in entry.schedule.when.afters() {
            for before in after.tasks.named() {
                // It may come after itself, a while later.
                let is_own_loop = before == task && !after.delay.is_zero();
                if before == name && !is_own_loop {
                    return true;
                }
                if seen.insert(before) {
                    left.push(before);
                }
            }
        }
    }
    false
}

fn startup(start: Start, delay: SignedDuration) -> trigger::Trigger {
    trigger::Trigger::Startup(Startup { on: start, delay })
}

fn calendar(
    part: &CalendarPart,
    start: Option<&str>,
    zone: &Zone,
) -> Result<trigger::Trigger, SchedulerError> {
    let wrong = |why: &str| SchedulerError::bad_trigger("calendar", why);
    let few = |count: u32| u16::try_from(count).map_err(|_| wrong("it is out of range"));
    let unit = match (few(part.months)?, few(part.days)?) {
        (0, 0) => Err(wrong("it says not how far apart; write `months(1)` or `days(10)`")),
        (months, 0) => Ok(Unit::Months(months, part.month_end)),
        (0, days) => Ok(Unit::Days(days)),
        _ => Err(wrong("months and days do not go together")),
    }?;
    let text =
        start.ok_or_else(|| wrong("it is counted from a start; write `start(\"2026-01-31\")`"))?;
    let start = moment(text)?;
    // With an offset, the start is another reading here.
    let wall =
        if start.has_offset() { zone.wall(start.instant_in(zone, text)?) } else { start.wall() };
    let at = match &part.at {
        None => wall.time(),
        Some(text) => {
            // The time of a date is written and checked in the same way.
            let read = Moment::parse(&format!("1970-01-01 {text}"));
            let read = read.ok().filter(|read| text.contains(':') && !read.has_offset());
            let bad = || SchedulerError::bad_trigger(text, "write a time of day as `09:30`");
            read.ok_or_else(bad)?.wall().time()
        }
    };
    let calendar = Calendar::new(wall.date(), at, unit, zone.clone());
    Ok(trigger::Trigger::Calendar(calendar))
}

fn after(part: &AfterPart, own: &Name) -> Result<trigger::Trigger, SchedulerError> {
    let wrong = |why: String| SchedulerError::bad_trigger("after", why);
    let tasks = if !part.all && part.tasks.iter().any(|task| task == "*") {
        AfterTasks::Every
    } else {
        let name = |text: &String| {
            Name::new(text).map_err(|bad| wrong(format!("`{text}` names no task: {bad}")))
        };
        let mut names = part.tasks.iter().map(name).collect::<Result<Vec<_>, _>>()?;
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            return Err(wrong("there is no task in it".into()));
        }
        if part.all { AfterTasks::All(names) } else { AfterTasks::Any(names) }
    };
    bounded("after", part.delay)?;
    if part.delay.is_zero() && tasks.named().contains(own) {
        return Err(wrong(format!(
            "`{own}` comes after itself, at once and for ever; say a `delay`"
        )));
    }
    Ok(trigger::Trigger::After(After { tasks, on: part.on, delay: part.delay }))
}

/// Instants are whole microseconds.
fn whole(instant: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(instant.as_microsecond()).unwrap_or(instant)
}

fn interval(
    length: SignedDuration,
    start: Option<Timestamp>,
) -> Result<trigger::Trigger, SchedulerError> {
    let interval = trigger::Interval::new(length)
        .map_err(|bad| SchedulerError::bad_trigger("interval", bad.to_string()))?;
    Ok(trigger::Trigger::Interval(match start {
        Some(start) => interval.starting(start),
        None => interval,
    }))
}

fn moment(text: &str) -> Result<Moment, SchedulerError> {
    Moment::parse(text)
        .map_err(|bad| SchedulerError::bad_trigger(text, format!("{bad}; {}", bad.help())))
}

/// A moment as an instant.
trait InstantIn {
    fn instant_in(&self, zone: &Zone, text: &str) -> Result<Timestamp, SchedulerError>;
}

impl InstantIn for Moment {
    fn instant_in(&self, zone: &Zone, text: &str) -> Result<Timestamp, SchedulerError> {
        let instant = self.instant(zone);
        instant.ok_or_else(|| SchedulerError::bad_trigger(text, "it is out of range"))
    }
}

fn crontab(
    text: &str,
    name: &Name,
    zone: &Zone,
    start: Option<Timestamp>,
) -> Result<trigger::Trigger, SchedulerError> {
    let faults = |faults: Vec<crate::trigger::cron::Fault>| wrong(text, &faults);
    let (crontab, _) = parse_crontab(text).map_err(faults)?;
    match crontab {
        Crontab::Pattern(expression) => pattern(expression, text, name, zone),
        Crontab::Every(interval) => Ok(trigger::Trigger::Interval(match start {
            Some(start) => interval.starting(start),
            None => interval,
        })),
        Crontab::Reboot => Ok(startup(Start::Boot, SignedDuration::ZERO)),
    }
}

fn cron_fields(
    fields: &[(Field, String)],
    name: &Name,
    zone: &Zone,
) -> Result<trigger::Trigger, SchedulerError> {
    let texts: Vec<FieldText<'_>> =
        fields.iter().map(|(field, text)| FieldText { field: *field, text }).collect();
    let (expression, _) = parse_fields(&texts).map_err(|faults| wrong("cron_fields", &faults))?;
    pattern(expression, "cron_fields", name, zone)
}

fn pattern(
    expression: Expression,
    text: &str,
    name: &Name,
    zone: &Zone,
) -> Result<trigger::Trigger, SchedulerError> {
    // As in a file: `H` spreads tasks, the same on every machine.
    let drawn = |field: Field| hash::stable(&[name.as_str().as_bytes(), field.key().as_bytes()]);
    let pattern = Pattern::new(expression.settled(drawn));
    let pattern = pattern.map_err(|fault| wrong(text, &[fault]))?;
    Ok(trigger::Trigger::Cron(Cron::new(Arc::new(pattern), zone.clone())))
}

fn wrong(text: &str, faults: &[crate::trigger::cron::Fault]) -> SchedulerError {
    let why: Vec<_> =
        faults.iter().map(|fault| format!("{}; {}", fault.problem, fault.problem.help())).collect();
    SchedulerError::bad_trigger(text, why.join("; "))
}
