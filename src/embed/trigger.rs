//! When a task fires, said in Rust: builders that mirror the file.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::error::SchedulerError;
use crate::hash;
use crate::name::Name;
use crate::trigger::cron::{Crontab, Expression, Field, FieldText, Pattern};
use crate::trigger::cron::{parse_crontab, parse_fields};
use crate::trigger::{self, Cron, Dates, Function, Moment, Start, Startup, When};
use crate::zone::Zone;

/// When a task fires. Several may stand together: [`Trigger::any_of`].
///
/// ```
/// use taskd::Trigger;
///
/// let often = Trigger::interval().hours(1).minutes(5);
/// let mornings = Trigger::cron("0 9 * * mon-fri");
/// let same = Trigger::cron_fields().day_of_week("mon-fri").hour(9).minute(0);
/// let once = Trigger::date("2026-12-31 23:59:59");
/// let all = Trigger::any_of([often, mornings, same, once]).timezone("Europe/Berlin");
/// ```
///
/// What is wrong with it is told when it is scheduled.
#[derive(Clone, Debug)]
#[must_use = "a trigger fires nothing before it is scheduled"]
pub struct Trigger {
    parts: Vec<Part>,
    zone: Option<String>,
    start: Option<String>,
    end: Option<String>,
}

/// One of those that name instants.
#[derive(Clone, Debug)]
enum Part {
    Interval(SignedDuration),
    Cron(String),
    Fields(Vec<(Field, String)>),
    Date(String),
    At(Timestamp),
    Startup(Start),
    Function(Function),
    /// Something that was said of another kind of trigger than it is about, and what has it.
    Misplaced(&'static str, &'static str),
}

impl Trigger {
    fn of(part: Part) -> Self {
        Self { parts: vec![part], zone: None, start: None, end: None }
    }

    /// Every so much elapsed time: a sum of units, a second at least. Without [`Trigger::start`] it fires
    /// at multiples counted from 1970, the same after a restart.
    pub fn interval() -> Self {
        Self::of(Part::Interval(SignedDuration::ZERO))
    }

    /// Every `length` of elapsed time.
    pub fn every(length: std::time::Duration) -> Self {
        let length = SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX);
        Self::of(Part::Interval(length))
    }

    fn plus(mut self, unit: &'static str, count: u32, seconds: i64) -> Self {
        let more = SignedDuration::from_secs(i64::from(count) * seconds);
        match self.parts.last_mut() {
            Some(Part::Interval(length)) => *length = length.saturating_add(more),
            _ => self.parts.push(Part::Misplaced(unit, "interval")),
        }
        self
    }

    #[expect(clippy::needless_pass_by_value, reason = "`hour(9)` reads better than `hour(&9)`")]
    fn with(mut self, field: Field, value: impl ToString) -> Self {
        match self.parts.last_mut() {
            Some(Part::Fields(fields)) => fields.push((field, value.to_string())),
            _ => self.parts.push(Part::Misplaced(field.key(), "cron_fields")),
        }
        self
    }

    /// An interval: so many weeks more.
    pub fn weeks(self, count: u32) -> Self {
        self.plus("weeks", count, 7 * 24 * 3600)
    }

    /// An interval: so many days of 24 hours more.
    pub fn days(self, count: u32) -> Self {
        self.plus("days", count, 24 * 3600)
    }

    /// An interval: so many hours more.
    pub fn hours(self, count: u32) -> Self {
        self.plus("hours", count, 3600)
    }

    /// An interval: so many minutes more.
    pub fn minutes(self, count: u32) -> Self {
        self.plus("minutes", count, 60)
    }

    /// An interval: so many seconds more.
    pub fn seconds(self, count: u32) -> Self {
        self.plus("seconds", count, 1)
    }

    /// When the wall clock reads what a crontab text says: 5 fields, 6 with seconds first, 7 with the
    /// year last, or a nickname.
    pub fn cron(text: impl Into<String>) -> Self {
        Self::of(Part::Cron(text.into()))
    }

    /// When the wall clock reads what fields say. What is finer than the finest given takes its least
    /// value, what is coarser is any.
    ///
    /// ```
    /// # use taskd::Trigger;
    /// Trigger::cron_fields().day_of_week("mon-fri").hour(9).minute(30);
    /// ```
    pub fn cron_fields() -> Self {
        Self::of(Part::Fields(Vec::new()))
    }

    /// A field of a cron trigger: `2026`, `2026-2030`, `*/2`.
    pub fn year(self, value: impl ToString) -> Self {
        self.with(Field::Year, value)
    }

    /// A field of a cron trigger: `1`–`12`, `jan`–`dec`.
    pub fn month(self, value: impl ToString) -> Self {
        self.with(Field::Month, value)
    }

    /// A field of a cron trigger: `1`–`31`, `last`, `2nd fri`, `last fri`.
    pub fn day(self, value: impl ToString) -> Self {
        self.with(Field::Day, value)
    }

    /// A field of a cron trigger: the week of ISO 8601.
    pub fn week(self, value: impl ToString) -> Self {
        self.with(Field::Week, value)
    }

    /// A field of a cron trigger: `mon-fri`, `sat,sun`; as in a crontab, 0 and 7 are Sunday.
    pub fn day_of_week(self, value: impl ToString) -> Self {
        self.with(Field::DayOfWeek, value)
    }

    /// A field of a cron trigger: `9`, `9-17`, `*/2`.
    pub fn hour(self, value: impl ToString) -> Self {
        self.with(Field::Hour, value)
    }

    /// A field of a cron trigger: `30`, `*/15`.
    pub fn minute(self, value: impl ToString) -> Self {
        self.with(Field::Minute, value)
    }

    /// A field of a cron trigger: `0`, `*/10`.
    pub fn second(self, value: impl ToString) -> Self {
        self.with(Field::Second, value)
    }

    /// Once: `2026-12-31 23:59:59`, with or without time, seconds or an offset.
    pub fn date(text: impl Into<String>) -> Self {
        Self::of(Part::Date(text.into()))
    }

    /// Once, at an instant.
    pub fn at(instant: Timestamp) -> Self {
        Self::of(Part::At(instant))
    }

    /// When `next` says so, which tells the first instant strictly after another. It has to be pure: the
    /// same answer to the same question, and no earlier one to a later question. By its `name` it is
    /// known to be the same after a restart.
    ///
    /// ```
    /// # use taskd::Trigger;
    /// use jiff::Timestamp;
    ///
    /// // At each whole minute of a year.
    /// let end: Timestamp = "2027-01-01T00:00:00Z".parse().expect("an instant");
    /// Trigger::function("minutes", move |after| {
    ///     let next = Timestamp::from_second((after.as_second() / 60 + 1) * 60).ok()?;
    ///     (next <= end).then_some(next)
    /// });
    /// ```
    pub fn function(
        name: &str,
        next: impl Fn(Timestamp) -> Option<Timestamp> + Send + Sync + 'static,
    ) -> Self {
        Self::of(Part::Function(Function::new(name, next)))
    }

    /// At each start of the scheduler.
    pub fn startup() -> Self {
        Self::of(Part::Startup(Start::Every))
    }

    /// When any of these says so; an instant that several name is one firing. They share the zone and
    /// the bounds of the first that has some.
    pub fn any_of(all: impl IntoIterator<Item = Self>) -> Self {
        let mut any = Self { parts: Vec::new(), zone: None, start: None, end: None };
        for one in all {
            any.parts.extend(one.parts);
            any.zone = any.zone.or(one.zone);
            any.start = any.start.or(one.start);
            any.end = any.end.or(one.end);
        }
        any
    }

    /// The zone of its wall clock, else that of the scheduler.
    pub fn timezone(mut self, name: impl Into<String>) -> Self {
        self.zone = Some(name.into());
        self
    }

    /// Nothing fires before that, written as a date is; an interval counts from it.
    pub fn start(mut self, text: impl Into<String>) -> Self {
        self.start = Some(text.into());
        self
    }

    /// Nothing fires after that; a bare date means all of that day.
    pub fn end(mut self, text: impl Into<String>) -> Self {
        self.end = Some(text.into());
        self
    }

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
                Part::Startup(start) => triggers.push(startup(*start)),
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

fn startup(start: Start) -> trigger::Trigger {
    trigger::Trigger::Startup(Startup { on: start, delay: SignedDuration::ZERO })
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
        Crontab::Reboot => Ok(startup(Start::Boot)),
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
