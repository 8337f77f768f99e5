//! A pattern ready to be searched: a set of bits for each field.

use std::fmt::Debug;

use croner::parser::{CronParser, Seconds, Year};
use foldhash::HashMap;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

use super::civil::{self, Civil};
use super::expression::Expression;
use super::fault::{Fault, Problem};
use super::field::Field;
use super::item::Item;
use crate::trigger::{FIRST_YEAR, LAST_YEAR};

/// Matches wall-clock readings, to the second. It knows no zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    seconds: u64,
    minutes: u64,
    hours: u32,
    /// Numbers of days of a month, bit 1 is the first.
    days: u32,
    /// Bit 1 is the first.
    months: u16,
    /// Bit 0 is Sunday.
    weekdays: u8,
    /// Whether a day must be in both fields of days; else in either.
    joins_days: bool,
    /// Where nothing but the day of the week decides on a date: those days, bit 0 is Sunday.
    only_weekdays: Option<u8>,
    rare: Option<Box<Rare>>,
    expression: Box<Expression>,
}

/// What few patterns say.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rare {
    /// ISO weeks; all bits where every week will do.
    weeks: u64,
    years: Years,
    /// Of the field of days of a month, and of that of days of a week.
    days: [DaySet; 2],
}

/// Seconds of a day.
const DAY: i64 = 86_400;
/// All months, bit 1 is the first; all days of a month likewise.
const MONTHS: u16 = 0x1FFE;
const NUMBERS: u32 = 0xFFFF_FFFE;
/// 2199-12-31, in days since 1970.
const LAST_DAY: i32 = 84_005;

/// Days that depend on the month.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct DaySet {
    /// Bit 0 is the last day, bit 1 the one before it.
    before_last: u64,
    /// Bit 1 is the first: Monday to Friday nearest to it.
    near_workdays: u64,
    /// The last of Monday to Friday.
    last_workday: bool,
    /// Of the first, second, … of each weekday in the month; bit 0 is Sunday.
    nth: [u64; 5],
    /// The same for the last of each in the month.
    last: u64,
}

/// The years 1970 to 2199.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Years([u64; 4]);

impl Pattern {
    /// Makes a pattern of what was written.
    ///
    /// # Errors
    ///
    /// Returns a [`Fault`] without a place if it fires in no year at all.
    pub fn new(expression: Expression) -> Result<Self, Fault> {
        Self::read(expression, &mut Readings::default())
    }

    /// The same, where others have been made by these `readings`.
    ///
    /// # Errors
    ///
    /// Returns a [`Fault`] without a place if it fires in no year at all.
    pub fn read(expression: Expression, readings: &mut Readings) -> Result<Self, Fault> {
        let mut of = |field| {
            let read = readings.of(&expression, field);
            read.map_err(|problem| Fault::new(problem, 0..0))
        };
        let (hours, days, months, weekdays) = (
            of(Field::Hour)?[0],
            of(Field::Day)?[0],
            of(Field::Month)?[0],
            of(Field::DayOfWeek)?[0],
        );
        let mut pattern = Self {
            seconds: of(Field::Second)?[0],
            minutes: of(Field::Minute)?[0],
            hours: small(hours),
            days: small(days),
            months: small(months),
            weekdays: small(weekdays),
            joins_days: expression.joins_days(),
            only_weekdays: None,
            rare: Rare::of(&expression, of(Field::Week)?[0], of(Field::Year)?).map(Box::new),
            expression: Box::new(expression.packed()),
        };
        pattern.only_weekdays = pattern.weekdays_alone();
        match pattern.next_reading(DateTime::constant(FIRST_YEAR, 1, 1, 0, 0, 0, 0)) {
            Some(_) => Ok(pattern),
            None => Err(Fault::new(Problem::Never, 0..0)),
        }
    }

    /// What was written.
    #[must_use]
    pub fn expression(&self) -> &Expression {
        &self.expression
    }

    /// Whether its readings are fixed points of the day, and not a rhythm of real time.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.expression.is_fixed()
    }

    /// The first reading that matches at or after `from`, which must be a whole second.
    #[must_use]
    pub fn next_reading(&self, from: DateTime) -> Option<DateTime> {
        let from = Offset::UTC.to_timestamp(from).ok()?.as_second();
        let next = Timestamp::from_second(self.next_match(from)?).ok()?;
        Some(Offset::UTC.to_datetime(next))
    }

    /// The same with readings as seconds that a clock of UTC would show so since 1970.
    pub(super) fn next_match(&self, from: i64) -> Option<i64> {
        let at = i32::try_from(from.div_euclid(DAY)).ok()?;
        let day = self.next_day(at)?;
        if day == at
            && let Some(second) = self.next_time(from.rem_euclid(DAY))
        {
            return Some(i64::from(day) * DAY + second);
        }
        let day = if day == at { self.next_day(at + 1)? } else { day };
        Some(i64::from(day) * DAY + self.next_time(0)?)
    }

    /// How many times of day match at or after `from`.
    pub(super) fn times_from(&self, from: Time) -> u64 {
        let at_or_after =
            |bits: u64, from: i8| bits.checked_shr(from.unsigned_abs().into()).unwrap_or(0);
        let count = |bits: u64, from: i8| u64::from(at_or_after(bits, from).count_ones());
        let has = |bits: u64, at: i8| at_or_after(bits, at) & 1;
        let (hour, minute, second) = (from.hour(), from.minute(), from.second());
        let in_hour = count(self.minutes, minute + 1) * count(self.seconds, 0)
            + has(self.minutes, minute) * count(self.seconds, second);
        count(self.hours.into(), hour + 1) * count(self.minutes, 0) * count(self.seconds, 0)
            + has(self.hours.into(), hour) * in_hour
    }

    /// The first second of the day that matches at or after `from`.
    fn next_time(&self, from: i64) -> Option<i64> {
        let from = u32::try_from(from).ok()?;
        let (mut hour, mut minute, mut second) = (from / 3600, from / 60 % 60, from % 60);
        loop {
            let next = next_bit(self.hours.into(), hour)?;
            if next != hour {
                (hour, minute, second) = (next, 0, 0);
            }
            while let Some(next) = next_bit(self.minutes, minute) {
                if next != minute {
                    (minute, second) = (next, 0);
                }
                if let Some(second) = next_bit(self.seconds, second) {
                    return Some((hour * 3600 + minute * 60 + second).into());
                }
                (minute, second) = (minute + 1, 0);
            }
            (hour, minute, second) = (hour + 1, 0, 0);
        }
    }

    /// The first day that matches at or after `from`, both in days since 1970.
    fn next_day(&self, from: i32) -> Option<i32> {
        let from = from.max(0);
        if let Some(weekdays) = self.only_weekdays {
            // Of two weeks on end, those from today on.
            let ahead = (u32::from(weekdays) | u32::from(weekdays) << 7) >> civil::weekday(from);
            let day = from + ahead.trailing_zeros().cast_signed();
            return (day <= LAST_DAY).then_some(day);
        }
        let Civil { mut year, mut month, mut day } = Civil::of_days(from);
        loop {
            let next = self.next_year(year)?;
            if next != year {
                (year, month, day) = (next, 1, 1);
            }
            while let Some(next) = next_bit(self.months.into(), month) {
                if next != month {
                    (month, day) = (next, 1);
                }
                let first = Civil { year, month, day: 1 };
                if let Some(day) = next_bit(self.days_of_month(first), day) {
                    return Some(Civil { year, month, day }.to_days());
                }
                (month, day) = (month + 1, 1);
            }
            (year, month, day) = (year + 1, 1, 1);
        }
    }

    /// The first year that matches at or after `from`.
    fn next_year(&self, from: i32) -> Option<i32> {
        match &self.rare {
            Some(rare) => rare.years.next(from),
            None => Some(from.max(FIRST_YEAR.into())).filter(|year| *year <= LAST_YEAR.into()),
        }
    }

    /// The days that match in the month that begins with `first`; bit 1 is the first.
    fn days_of_month(&self, first: Civil) -> u64 {
        let month = Month::new(first);
        let mut days = u64::from(self.days) & month.all();
        let mut weekdays = month.weekdays(self.weekdays.into());
        if let Some(rare) = &self.rare {
            let [of_days, of_weekdays] = &rare.days;
            days |= of_days.in_month(&month);
            weekdays |= of_weekdays.in_month(&month);
        }
        let either = if self.joins_days { days & weekdays } else { days | weekdays };
        match &self.rare {
            Some(rare) if rare.weeks != u64::MAX => in_weeks(rare.weeks, first, either),
            _ => either,
        }
    }

    /// The weekdays that match, bit 0 is Sunday, where nothing else of a date decides.
    fn weekdays_alone(&self) -> Option<u8> {
        let any_date = self.months & MONTHS == MONTHS && self.days & NUMBERS == NUMBERS;
        let weekdays = self.weekdays & 0x7F;
        let alone = self.rare.is_none() && any_date && self.joins_days && weekdays != 0;
        alone.then_some(weekdays)
    }
}

impl Rare {
    /// What of it `expression` says, with these `weeks` and `years`.
    fn of(expression: &Expression, weeks: u64, years: [u64; 4]) -> Option<Self> {
        let days = [Field::Day, Field::DayOfWeek].map(|field| DaySet::of(expression.field(field)));
        let is_plain = expression.is_any(Field::Year)
            && expression.is_any(Field::Week)
            && days.iter().all(|days| *days == DaySet::default());
        (!is_plain).then_some(Self { weeks, years: Years(years), days })
    }
}

/// What a search needs to know about a month.
struct Month {
    length: u32,
    /// 0 is Sunday.
    first_weekday: u32,
}

impl Month {
    fn new(first: Civil) -> Self {
        Self { length: first.days_in_month(), first_weekday: civil::weekday(first.to_days()) }
    }

    fn all(&self) -> u64 {
        ((1 << self.length) - 1) << 1
    }

    /// The first day of the month that is this weekday.
    fn first(&self, weekday: u32) -> u32 {
        1 + (weekday + 7 - self.first_weekday) % 7
    }

    /// The days of the month that are these weekdays, bit 0 is Sunday.
    fn weekdays(&self, weekdays: u64) -> u64 {
        // The week as it begins in this month, five times; `all` cuts off what the month does not have.
        let week = (weekdays | weekdays << 7) >> self.first_weekday & 0x7F;
        (week * 0x1020_4081) << 1 & self.all()
    }

    fn weekday(&self, day: u32) -> u32 {
        (self.first_weekday + day - 1) % 7
    }

    /// Of Monday to Friday in this month the nearest to `day`.
    fn workday_near(&self, day: u32) -> u32 {
        match self.weekday(day) {
            6 if day == 1 => 3,
            6 => day - 1,
            0 if day == self.length => day - 2,
            0 => day + 1,
            _ => day,
        }
    }
}

impl DaySet {
    /// Those that `items` name; croner reads the plain numbers.
    fn of(items: &[Item]) -> Self {
        let mut set = Self::default();
        for item in items {
            match item {
                Item::LastBut(before) => set.before_last |= 1 << before,
                Item::LastWorkday => set.last_workday = true,
                Item::NearestWorkday(day) => set.near_workdays |= 1 << day,
                Item::Nth { weekday, nth } => set.nth[usize::from(*nth - 1)] |= 1 << weekday,
                Item::LastOf(weekday) => set.last |= 1 << weekday,
                Item::Every { .. }
                | Item::One(_)
                | Item::Span { .. }
                | Item::From { .. }
                | Item::Hash { .. } => {}
            }
        }
        set
    }

    fn in_month(&self, month: &Month) -> u64 {
        let mut days = self.before_last.reverse_bits() >> (63 - month.length);
        if self.last_workday {
            let last = month.length;
            days |= 1 << month.workday_near(last).min(last);
        }
        for day in ones(self.near_workdays).filter(|day| *day <= month.length) {
            days |= 1 << month.workday_near(day);
        }
        for (weeks, set) in (0..).zip(self.nth) {
            for weekday in ones(set) {
                days |= 1 << (month.first(weekday) + 7 * weeks);
            }
        }
        for weekday in ones(self.last) {
            let first = month.first(weekday);
            days |= 1 << (first + (month.length - first) / 7 * 7);
        }
        days & month.all()
    }
}

/// Of the `days` of the month beginning with `first` those that lie in one of the ISO weeks `weeks`.
fn in_weeks(weeks: u64, first: Civil, days: u64) -> u64 {
    let number = |number: u32| i8::try_from(number).unwrap_or(i8::MAX);
    let is_in = |day: &u32| {
        let year = i16::try_from(first.year).unwrap_or(i16::MAX);
        let date = Date::new(year, number(first.month), number(*day));
        date.is_ok_and(|date| weeks & (1 << date.iso_week_date().week()) != 0)
    };
    ones(days).filter(is_in).fold(0, |days, day| days | 1 << day)
}

impl Years {
    /// The first of these years at or after `from`.
    fn next(&self, from: i32) -> Option<i32> {
        (from.max(FIRST_YEAR.into())..=LAST_YEAR.into()).find(|year| self.has(*year))
    }

    fn has(&self, year: i32) -> bool {
        let index = (year - i32::from(FIRST_YEAR)).unsigned_abs() as usize;
        self.0[index / 64] & (1 << (index % 64)) != 0
    }
}

/// The plain numbers of fields, as croner reads them: each distinct one once.
#[derive(Clone, Debug, Default)]
pub struct Readings([HashMap<Vec<Item>, [u64; 4]>; Field::ALL.len()]);

impl Readings {
    /// The numbers of `field` in a set of bits; of years, those since 1970.
    fn of(&mut self, expression: &Expression, field: Field) -> Result<[u64; 4], Problem> {
        let items = expression.field(field);
        let known = &mut self.0[field as usize];
        if let Some(known) = known.get(items) {
            return Ok(*known);
        }
        let plain: Vec<_> = items.iter().filter_map(|item| item.plain(field)).collect();
        let values = match field {
            // Days that depend on the month alone.
            _ if plain.is_empty() => Vec::new(),
            // Asking croner for all its five thousand years takes longer than all the rest.
            Field::Year if expression.is_any(field) => {
                (FIRST_YEAR.unsigned_abs()..=LAST_YEAR.unsigned_abs()).collect()
            }
            // There are 53 weeks at most; all bits stand for every week.
            Field::Week if expression.is_any(field) => (0..64).collect(),
            field => read(field, &plain.join(","))?,
        };
        let base = if field == Field::Year { FIRST_YEAR.unsigned_abs() } else { 0 };
        let mut set = [0; 4];
        for value in values {
            let index = value - base;
            set[usize::from(index / 64)] |= 1 << (index % 64);
        }
        known.insert(items.to_vec(), set);
        Ok(set)
    }
}

/// The values that `text` means in `field`.
fn read(field: Field, text: &str) -> Result<Vec<u16>, Problem> {
    let with = |at: usize| {
        let mut fields = ["0", "0", "0", "1", "1", "*", "1970"];
        fields[at] = text;
        croner(&fields.join(" ")).map(|cron| cron.pattern)
    };
    Ok(match field {
        Field::Second => with(0)?.seconds.values(),
        // croner has no field for weeks; that of minutes reads the same numbers.
        Field::Minute | Field::Week => with(1)?.minutes.values(),
        Field::Hour => with(2)?.hours.values(),
        Field::Day => with(3)?.days.values(),
        Field::Month => with(4)?.months.values(),
        Field::DayOfWeek => with(5)?.days_of_week.values(),
        Field::Year => with(6)?.years.values(),
    })
}

fn croner(text: &str) -> Result<croner::Cron, Problem> {
    let parser = CronParser::builder().seconds(Seconds::Required).year(Year::Required).build();
    parser.parse(text).map_err(|error| Problem::Unreadable {
        item: format!("{text}: {error}"),
        field: Field::Minute,
    })
}

/// A set of the numbers of a small field.
fn small<T: TryFrom<u64, Error: Debug>>(bits: u64) -> T {
    T::try_from(bits).expect("croner reads no number that its field does not have")
}

/// The lowest bit of `bits` at or above `from`.
fn next_bit(bits: u64, from: u32) -> Option<u32> {
    let rest = bits.checked_shr(from)?;
    (rest != 0).then(|| from + rest.trailing_zeros())
}

/// The positions of the bits that are set.
fn ones(mut bits: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let lowest = (bits != 0).then(|| bits.trailing_zeros())?;
        bits &= bits - 1;
        Some(lowest)
    })
}
