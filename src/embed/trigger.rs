//! When a task fires, said in Rust: builders that mirror the file.

use jiff::{SignedDuration, Timestamp};

use crate::trigger::cron::Field;
use crate::trigger::{AfterEnd, Function, MonthEnd, Start};

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
    pub(super) parts: Vec<Part>,
    pub(super) zone: Option<String>,
    pub(super) start: Option<String>,
    pub(super) end: Option<String>,
}

/// One of those that name instants.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Interval(SignedDuration),
    Cron(String),
    Fields(Vec<(Field, String)>),
    Date(String),
    At(Timestamp),
    Calendar(CalendarPart),
    Startup(Start, SignedDuration),
    After(AfterPart),
    Function(Function),
    /// Something that was said of another kind of trigger than it is about, and what has it.
    Misplaced(&'static str, &'static str),
}

/// What is said of a calendar.
#[derive(Clone, Debug, Default)]
pub(super) struct CalendarPart {
    pub months: u32,
    pub days: u32,
    pub at: Option<String>,
    pub month_end: MonthEnd,
}

/// What is said of others that come first.
#[derive(Clone, Debug)]
pub(super) struct AfterPart {
    /// Their names, or `*`.
    pub tasks: Vec<String>,
    /// Each of them, or any.
    pub all: bool,
    pub on: AfterEnd,
    pub delay: SignedDuration,
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

    /// Says something of the calendar that was begun last.
    fn of_calendar(mut self, what: &'static str, say: impl FnOnce(&mut CalendarPart)) -> Self {
        match self.parts.last_mut() {
            Some(Part::Calendar(calendar)) => say(calendar),
            _ => self.parts.push(Part::Misplaced(what, "calendar")),
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

    /// An interval or a calendar: so many weeks more.
    pub fn weeks(self, count: u32) -> Self {
        self.days(count.saturating_mul(7))
    }

    /// An interval: so many days of 24 hours more. A calendar: so many of its days, however long they are.
    pub fn days(self, count: u32) -> Self {
        match self.parts.last() {
            Some(Part::Calendar(_)) => self.of_calendar("days", |calendar| {
                calendar.days = calendar.days.saturating_add(count);
            }),
            _ => self.plus("days", count, 24 * 3600),
        }
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

    /// Every so many months, or days, of the calendar: on the date of [`Trigger::start`], and then so much
    /// later each time, counted from there.
    ///
    /// ```
    /// # use taskd::Trigger;
    /// use taskd::MonthEnd;
    ///
    /// Trigger::calendar().months(1).at_time("09:30").month_end(MonthEnd::Clamp).start("2026-01-31");
    /// ```
    pub fn calendar() -> Self {
        Self::of(Part::Calendar(CalendarPart::default()))
    }

    /// A calendar: so many months more.
    pub fn months(self, count: u32) -> Self {
        self.of_calendar("months", |calendar| {
            calendar.months = calendar.months.saturating_add(count);
        })
    }

    /// A calendar: so many years more.
    pub fn years(self, count: u32) -> Self {
        self.months(count.saturating_mul(12))
    }

    /// A calendar: at this time of day, `09:30` or `09:30:15`, else at that of its start.
    pub fn at_time(self, time: impl Into<String>) -> Self {
        self.of_calendar("at_time", |calendar| calendar.at = Some(time.into()))
    }

    /// A calendar: what happens in a month that does not have the day of the start.
    pub fn month_end(self, month_end: MonthEnd) -> Self {
        self.of_calendar("month_end", |calendar| calendar.month_end = month_end)
    }

    /// When a run of this task has ended well, after its last attempt.
    ///
    /// ```
    /// # use taskd::Trigger;
    /// use std::time::Duration;
    /// use taskd::AfterEnd;
    ///
    /// Trigger::after("backup");
    /// // An alert: after any other task that has failed.
    /// Trigger::after_any(["*"]).on(AfterEnd::Failure);
    /// // Again, so long after its own end.
    /// Trigger::any_of([
    ///     Trigger::startup(),
    ///     Trigger::after("poll").on(AfterEnd::Finish).delay(Duration::from_secs(5)),
    /// ]);
    /// ```
    pub fn after(task: impl Into<String>) -> Self {
        Self::after_all([task])
    }

    /// When each of these has ended so since this task's last such firing.
    pub fn after_all<T: Into<String>>(tasks: impl IntoIterator<Item = T>) -> Self {
        Self::after_tasks(tasks, true)
    }

    /// When any of these has ended so; `*` is every other task but those that come after this one.
    pub fn after_any<T: Into<String>>(tasks: impl IntoIterator<Item = T>) -> Self {
        Self::after_tasks(tasks, false)
    }

    fn after_tasks<T: Into<String>>(tasks: impl IntoIterator<Item = T>, all: bool) -> Self {
        let tasks = tasks.into_iter().map(Into::into).collect();
        let (on, delay) = (AfterEnd::default(), SignedDuration::ZERO);
        Self::of(Part::After(AfterPart { tasks, all, on, delay }))
    }

    /// After others: after which ends.
    pub fn on(mut self, end: AfterEnd) -> Self {
        match self.parts.last_mut() {
            Some(Part::After(after)) => after.on = end,
            _ => self.parts.push(Part::Misplaced("on", "after")),
        }
        self
    }

    /// After others, or after a start: so much later.
    pub fn delay(mut self, delay: std::time::Duration) -> Self {
        let later = SignedDuration::try_from(delay).unwrap_or(SignedDuration::MAX);
        match self.parts.last_mut() {
            Some(Part::After(AfterPart { delay, .. }) | Part::Startup(_, delay)) => *delay = later,
            _ => self.parts.push(Part::Misplaced("delay", "after")),
        }
        self
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
        Self::of(Part::Startup(Start::Every, SignedDuration::ZERO))
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
}
