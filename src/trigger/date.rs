//! Single instants, and how people write them down.

use std::fmt;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan};

use super::{FIRST_YEAR, LAST_YEAR};
use crate::zone::Zone;

/// Fires once at each of its instants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dates(Vec<Timestamp>);

impl Dates {
    /// Fires at `instants`, in whatever order they come; one named twice fires once.
    #[must_use]
    pub fn new(mut instants: Vec<Timestamp>) -> Self {
        instants.sort_unstable();
        instants.dedup();
        Self(instants)
    }

    /// The instants, in order.
    #[must_use]
    pub fn instants(&self) -> &[Timestamp] {
        &self.0
    }

    /// Returns the first firing strictly after `after`, or `None` if there will be no more.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        self.0.get(self.0.partition_point(|at| *at <= after)).copied()
    }
}

/// A point in time as a person writes it: `2026-12-31 23:59:59`, with more or less of it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    wall: DateTime,
    offset: Option<Offset>,
    whole_day: bool,
}

impl Moment {
    /// Reads `YYYY-MM-DD`, then perhaps a `T` or a blank and `HH:MM`, seconds, a fraction, and an
    /// offset (`Z`, `+02:00`). What is finer than a microsecond is cut off.
    ///
    /// # Errors
    ///
    /// Returns [`BadMoment`] if `text` is written otherwise or names no real date or time.
    pub fn parse(text: &str) -> Result<Self, BadMoment> {
        let mut rest = Cursor(text.trim_matches([' ', '\t']));
        let date = rest.date()?;
        if rest.is_empty() {
            return Ok(Self { wall: date.at(0, 0, 0, 0), offset: None, whole_day: true });
        }
        if !rest.skip(&['T', 't', ' ']) {
            return Err(BadMoment::Form);
        }
        let time = rest.time()?;
        let offset = rest.offset()?;
        if !rest.is_empty() {
            return Err(BadMoment::Form);
        }
        Ok(Self { wall: date.to_datetime(time), offset, whole_day: false })
    }

    /// What the wall clock reads then.
    #[must_use]
    pub fn wall(&self) -> DateTime {
        self.wall
    }

    /// Whether it is a date alone.
    #[must_use]
    pub fn is_whole_day(&self) -> bool {
        self.whole_day
    }

    /// Whether an offset was written, so that no zone is needed.
    #[must_use]
    pub fn has_offset(&self) -> bool {
        self.offset.is_some()
    }

    /// The instant it means in `zone`; a bare date is its midnight. `None` beyond the end of time.
    #[must_use]
    pub fn instant(&self, zone: &Zone) -> Option<Timestamp> {
        match self.offset {
            Some(offset) => offset.to_timestamp(self.wall).ok(),
            None => zone.instant(self.wall),
        }
    }

    /// The last instant it means in `zone`: of a bare date the last microsecond of that day.
    #[must_use]
    pub fn last_instant(&self, zone: &Zone) -> Option<Timestamp> {
        if !self.whole_day {
            return self.instant(zone);
        }
        let tomorrow = self.wall.checked_add(1.day()).ok()?;
        zone.instant(tomorrow)?.checked_sub(1.microsecond()).ok()
    }
}

/// Reads a text from its start, piece by piece.
struct Cursor<'a>(&'a str);

impl Cursor<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn skip(&mut self, any: &[char]) -> bool {
        let rest = self.0.strip_prefix(any);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// Exactly `width` digits. (Rust's own `parse` would take a sign.)
    fn digits(&mut self, width: usize) -> Result<i16, BadMoment> {
        let (digits, rest) = self.0.split_at_checked(width).ok_or(BadMoment::Form)?;
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(BadMoment::Form);
        }
        self.0 = rest;
        digits.parse().map_err(|_| BadMoment::Form)
    }

    fn date(&mut self) -> Result<Date, BadMoment> {
        let year = self.digits(4)?;
        let month = self.after('-')?;
        let day = self.after('-')?;
        if !(FIRST_YEAR..=LAST_YEAR).contains(&year) {
            return Err(BadMoment::Year(year));
        }
        if !(1..=12).contains(&month) {
            return Err(BadMoment::Month(month));
        }
        Date::new(year, month, day).map_err(|_| BadMoment::Day { year, month, day })
    }

    fn after(&mut self, separator: char) -> Result<i8, BadMoment> {
        if !self.skip(&[separator]) {
            return Err(BadMoment::Form);
        }
        self.two_digits()
    }

    fn two_digits(&mut self) -> Result<i8, BadMoment> {
        self.digits(2).and_then(|number| i8::try_from(number).map_err(|_| BadMoment::Form))
    }

    fn time(&mut self) -> Result<Time, BadMoment> {
        let hour = self.two_digits()?;
        if hour > 23 {
            return Err(BadMoment::Hour(hour));
        }
        let minute = self.after(':')?;
        if minute > 59 {
            return Err(BadMoment::Minute(minute));
        }
        let (mut second, mut micros) = (0, 0);
        if self.skip(&[':']) {
            second = self.two_digits()?;
            if second > 59 {
                return Err(BadMoment::Second(second));
            }
            if self.skip(&['.', ',']) {
                micros = self.fraction()?;
            }
        }
        Time::new(hour, minute, second, micros * 1000).map_err(|_| BadMoment::Form)
    }

    /// The digits of a fraction, as microseconds.
    fn fraction(&mut self) -> Result<i32, BadMoment> {
        let width = self.0.bytes().take_while(u8::is_ascii_digit).count();
        if width == 0 {
            return Err(BadMoment::Form);
        }
        let (digits, rest) = self.0.split_at(width);
        self.0 = rest;
        let padded = digits.bytes().chain(std::iter::repeat(b'0')).take(6);
        Ok(padded.fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0')))
    }

    fn offset(&mut self) -> Result<Option<Offset>, BadMoment> {
        self.0 = self.0.trim_start_matches([' ', '\t']);
        if self.is_empty() {
            return Ok(None);
        }
        if self.skip(&['Z', 'z']) {
            return Ok(Some(Offset::UTC));
        }
        let sign = if self.skip(&['+']) {
            1
        } else if self.skip(&['-']) {
            -1
        } else {
            return Err(BadMoment::Form);
        };
        let hours = self.two_digits()?;
        let minutes = self.after(':')?;
        if hours > 23 || minutes > 59 {
            return Err(BadMoment::Offset);
        }
        let seconds = sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60);
        Offset::from_seconds(seconds).map(Some).map_err(|_| BadMoment::Offset)
    }
}

/// Why a text names no point in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadMoment {
    /// It is not written as a date is.
    Form,
    /// The year is not one of taskd's.
    Year(i16),
    /// There is no such month.
    Month(i8),
    /// The month has no such day.
    Day {
        /// The year.
        year: i16,
        /// The month.
        month: i8,
        /// The day it does not have.
        day: i8,
    },
    /// There is no such hour.
    Hour(i8),
    /// There is no such minute.
    Minute(i8),
    /// There is no such second.
    Second(i8),
    /// No clock is that far from UTC.
    Offset,
}

impl fmt::Display for BadMoment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => write!(f, "this is not a date as `2026-12-31 23:59:59`"),
            Self::Year(year) => write!(f, "the year {year} is not in {FIRST_YEAR} to {LAST_YEAR}"),
            Self::Month(month) => write!(f, "there is no month {month}"),
            Self::Day { year, month, day } => write!(f, "{year}-{month:02} has no day {day}"),
            Self::Hour(hour) => write!(f, "there is no hour {hour}"),
            Self::Minute(minute) => write!(f, "there is no minute {minute}"),
            Self::Second(second) => write!(f, "there is no second {second}"),
            Self::Offset => write!(f, "an offset is at most 23:59"),
        }
    }
}

impl std::error::Error for BadMoment {}

impl BadMoment {
    /// What to write instead.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Form => {
                "write `2026-12-31`, `2026-12-31 23:59`, `2026-12-31 23:59:59` or `2026-12-31T23:59:59+01:00`"
            }
            Self::Year(_) => "taskd's calendar goes from 1970 to 2199",
            Self::Month(_) => "months go from 01 to 12",
            Self::Day { .. } => "look at a calendar for that month",
            Self::Hour(_) => "hours go from 00 to 23; midnight is `00:00` of the next day",
            Self::Minute(_) => "minutes go from 00 to 59",
            Self::Second(_) => "seconds go from 00 to 59; there are no leap seconds here",
            Self::Offset => "write an offset as `Z`, `+02:00` or `-05:30`",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    #[test]
    fn a_moment_is_read_as_people_write_it() {
        let berlin = Zone::new(TimeZone::get("Europe/Berlin").expect("a zone of the database"));
        for (text, first, last) in [
            // A bare date is a whole day, 23 hours long as the clocks go forward.
            ("2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T21:59:59.999999Z"),
            ("2026-12-31 23:59", "2026-12-31T22:59:00Z", "2026-12-31T22:59:00Z"),
            ("2026-12-31T23:59:59", "2026-12-31T22:59:59Z", "2026-12-31T22:59:59Z"),
            // A fraction is cut to microseconds.
            (
                "2026-12-31t00:00:00.1234567",
                "2026-12-30T23:00:00.123456Z",
                "2026-12-30T23:00:00.123456Z",
            ),
            // An offset needs no zone.
            ("2026-12-31 23:59:59Z", "2026-12-31T23:59:59Z", "2026-12-31T23:59:59Z"),
            ("2026-12-31 23:59 -23:59", "2027-01-01T23:58:00Z", "2027-01-01T23:58:00Z"),
            // In a gap the offset before it holds, in a fold the first pass.
            ("2026-03-29 02:30", "2026-03-29T01:30:00Z", "2026-03-29T01:30:00Z"),
            ("2026-10-25 02:30", "2026-10-25T00:30:00Z", "2026-10-25T00:30:00Z"),
        ] {
            let moment = Moment::parse(text).expect(text);
            let expected: (Timestamp, Timestamp) =
                (first.parse().expect("an instant"), last.parse().expect("an instant"));
            let actual = (moment.instant(&berlin), moment.last_instant(&berlin));
            assert_eq!(actual, (Some(expected.0), Some(expected.1)), "{text}");
        }
    }

    #[test]
    fn an_impossible_moment_is_refused() {
        for (text, expected) in [
            ("", BadMoment::Form),
            ("tomorrow", BadMoment::Form),
            ("2026-1-1", BadMoment::Form),
            ("+026-01-01", BadMoment::Form),
            ("2026-01-01 10", BadMoment::Form),
            ("2026-01-01 10:00:00.", BadMoment::Form),
            ("2026-01-01 10:00 Europe/Berlin", BadMoment::Form),
            ("2026-01-01 10:00+0200", BadMoment::Form),
            ("２０２６-01-01", BadMoment::Form),
            ("1969-12-31", BadMoment::Year(1969)),
            ("2200-01-01", BadMoment::Year(2200)),
            ("2026-13-01", BadMoment::Month(13)),
            ("2026-02-29", BadMoment::Day { year: 2026, month: 2, day: 29 }),
            ("2026-01-01 24:00", BadMoment::Hour(24)),
            ("2026-01-01 23:60", BadMoment::Minute(60)),
            // A leap second would silently become another second.
            ("2026-06-30 23:59:60", BadMoment::Second(60)),
            ("2026-01-01 10:00+24:00", BadMoment::Offset),
            ("2026-01-01 10:00+25:59", BadMoment::Offset),
        ] {
            assert_eq!(Moment::parse(text), Err(expected), "{text:?}");
        }
    }
}
