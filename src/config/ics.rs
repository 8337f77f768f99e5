//! Days from an iCalendar file (RFC 5545): all-day and timed events, and yearly ones.

use std::fmt;

use ical::parser::ical::component::IcalEvent;
use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

use crate::trigger::{FIRST_YEAR, LAST_YEAR};

/// An event goes on for so many days at most: more is a mistake.
const LONGEST: i32 = 366;

/// The days of every event in `text`, and of every repetition of the yearly ones.
///
/// # Errors
///
/// Returns [`BadIcs`] if it is no iCalendar text, or has an event that cannot be read.
pub(super) fn dates(text: &str) -> Result<Vec<Date>, BadIcs> {
    let mut dates = Vec::new();
    let mut calendars = 0;
    for calendar in ical::IcalParser::new(text.as_bytes()) {
        let calendar = calendar.map_err(|_| BadIcs::Form)?;
        calendars += 1;
        for event in &calendar.events {
            dates.extend(days_of(event)?);
        }
    }
    if calendars == 0 { Err(BadIcs::Form) } else { Ok(dates) }
}

fn property<'a>(event: &'a IcalEvent, name: &str) -> Option<&'a str> {
    let found = event.properties.iter().find(|property| property.name == name)?;
    found.value.as_deref()
}

fn days_of(event: &IcalEvent) -> Result<Vec<Date>, BadIcs> {
    let start = property(event, "DTSTART").ok_or(BadIcs::NoStart)?;
    let (first, start_time) = date_time(start)?;
    let length = match property(event, "DTEND") {
        Some(end) => {
            let (last, end_time) = date_time(end)?;
            let days = first.until(last).map_err(|_| BadIcs::Date(end.into()))?.get_days();
            // The end is not part of it: a day at midnight is over.
            let over =
                end_time.is_none_or(|time| time == "000000") && (days > 0 || start_time.is_none());
            if over { days - 1 } else { days }
        }
        None => 0,
    };
    let length = length.max(0);
    if length > LONGEST {
        return Err(BadIcs::TooLong);
    }
    let starts = match property(event, "RRULE") {
        Some(rule) => Rule::parse(rule)?.dates(first),
        None => vec![first],
    };
    let exceptions = event.properties.iter().filter(|property| property.name == "EXDATE");
    let mut excluded = Vec::new();
    for list in exceptions.filter_map(|property| property.value.as_deref()) {
        for date in list.split(',') {
            excluded.push(date_time(date)?.0);
        }
    }
    let starts = starts.into_iter().filter(|date| !excluded.contains(date));
    let days = |start: Date| (0..=length).filter_map(move |day| start.checked_add(day.days()).ok());
    Ok(starts.flat_map(days).collect())
}

/// `20261225` or `20261225T093000Z`.
fn date_time(text: &str) -> Result<(Date, Option<&str>), BadIcs> {
    let wrong = || BadIcs::Date(text.into());
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time.trim_end_matches('Z'))),
        None => (text, None),
    };
    if date.len() != 8 || !date.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let number = |range: std::ops::Range<usize>| date[range].parse::<i16>().ok();
    let (year, month, day) = (number(0..4), number(4..6), number(6..8));
    let date = year.zip(month).zip(day).and_then(|((year, month), day)| {
        Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
    });
    Ok((date.ok_or_else(wrong)?, time))
}

/// A yearly rule.
struct Rule {
    interval: i16,
    count: Option<usize>,
    until: Option<Date>,
    months: Vec<i8>,
    days: Vec<i8>,
    /// The ordinal counts from the end if it is negative; 0 means every one in the month.
    weekdays: Vec<(i8, Weekday)>,
}

impl Rule {
    fn parse(text: &str) -> Result<Self, BadIcs> {
        let wrong = || BadIcs::Rule(text.into());
        let mut rule = Self {
            interval: 1,
            count: None,
            until: None,
            months: Vec::new(),
            days: Vec::new(),
            weekdays: Vec::new(),
        };
        let mut yearly = false;
        for part in text.split(';') {
            let (key, value) = part.split_once('=').ok_or_else(wrong)?;
            let numbers = || {
                value.split(',').map(|number| number.parse::<i8>().ok()).collect::<Option<Vec<_>>>()
            };
            match key {
                "FREQ" => yearly = value == "YEARLY",
                "INTERVAL" => {
                    rule.interval =
                        value.parse().ok().filter(|interval| *interval > 0).ok_or_else(wrong)?;
                }
                "COUNT" => rule.count = Some(value.parse().map_err(|_| wrong())?),
                "UNTIL" => rule.until = Some(date_time(value)?.0),
                "BYMONTH" => rule.months = numbers().ok_or_else(wrong)?,
                "BYMONTHDAY" => rule.days = numbers().ok_or_else(wrong)?,
                "BYDAY" => {
                    rule.weekdays =
                        value.split(',').map(weekday).collect::<Option<_>>().ok_or_else(wrong)?;
                }
                "WKST" => {}
                _ => return Err(wrong()),
            }
        }
        // Without a month, `BYDAY` would count in the year.
        let readable = yearly && (rule.weekdays.is_empty() || !rule.months.is_empty());
        if readable { Ok(rule) } else { Err(wrong()) }
    }

    /// The dates of the rule from `first` on, to the end of the calendar.
    fn dates(&self, first: Date) -> Vec<Date> {
        let years = (first.year().max(FIRST_YEAR)..=LAST_YEAR)
            .filter(|year| (year - first.year()) % self.interval == 0);
        let mut dates: Vec<Date> = years.flat_map(|year| self.dates_in(year, first)).collect();
        dates.retain(|date| *date >= first && self.until.is_none_or(|until| *date <= until));
        dates.sort_unstable();
        dates.dedup();
        dates.truncate(self.count.unwrap_or(usize::MAX));
        dates
    }

    fn dates_in(&self, year: i16, first: Date) -> Vec<Date> {
        let own = [first.month()];
        let months = if self.months.is_empty() { &own[..] } else { &self.months };
        let starts = months.iter().filter_map(|month| Date::new(year, *month, 1).ok());
        starts.flat_map(|start| self.dates_in_month(start, first)).collect()
    }

    fn dates_in_month(&self, start: Date, first: Date) -> Vec<Date> {
        let length = start.days_in_month();
        let day = |day: i8| {
            Date::new(start.year(), start.month(), if day < 0 { length + 1 + day } else { day })
                .ok()
        };
        let by_day: Vec<Date> = self.days.iter().filter_map(|number| day(*number)).collect();
        let by_weekday: Vec<Date> = self
            .weekdays
            .iter()
            .flat_map(|(nth, weekday)| nth_weekdays(start, *nth, *weekday))
            .collect();
        match (self.days.is_empty(), self.weekdays.is_empty()) {
            (true, true) => day(first.day()).into_iter().collect(),
            (false, true) => by_day,
            (true, false) => by_weekday,
            (false, false) => by_day.into_iter().filter(|date| by_weekday.contains(date)).collect(),
        }
    }
}

/// The `nth` of a weekday in the month that begins with `start`, or all of them for 0.
fn nth_weekdays(start: Date, nth: i8, weekday: Weekday) -> Vec<Date> {
    match nth {
        0 => (1..=5).filter_map(|nth| start.nth_weekday_of_month(nth, weekday).ok()).collect(),
        nth => start.nth_weekday_of_month(nth, weekday).into_iter().collect(),
    }
}

/// `MO`, `4TH` (the fourth Thursday), `-1MO` (the last Monday).
fn weekday(text: &str) -> Option<(i8, Weekday)> {
    let (nth, name) = text.split_at_checked(text.len().checked_sub(2)?)?;
    let weekday = match name {
        "MO" => Weekday::Monday,
        "TU" => Weekday::Tuesday,
        "WE" => Weekday::Wednesday,
        "TH" => Weekday::Thursday,
        "FR" => Weekday::Friday,
        "SA" => Weekday::Saturday,
        "SU" => Weekday::Sunday,
        _ => return None,
    };
    let nth = if nth.is_empty() { 0 } else { nth.parse().ok().filter(|nth| *nth != 0)? };
    Some((nth, weekday))
}

/// Why an iCalendar file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadIcs {
    /// It is not iCalendar at all.
    Form,
    /// An event does not say when it is.
    NoStart,
    /// Something that is no date.
    Date(String),
    /// A rule other than a yearly one.
    Rule(String),
    /// An event longer than a year.
    TooLong,
}

impl fmt::Display for BadIcs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => write!(f, "this is no iCalendar file"),
            Self::NoStart => write!(f, "an event has no `DTSTART`"),
            Self::Date(text) => write!(f, "`{}` is no date", text.escape_debug()),
            Self::Rule(text) => {
                write!(f, "the rule `{}` is not one taskd reads", text.escape_debug())
            }
            Self::TooLong => write!(f, "an event goes on for more than a year"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(events: &[&str]) -> String {
        let events: String = events
            .iter()
            .map(|event| format!("BEGIN:VEVENT\r\nUID:x\r\n{event}\r\nEND:VEVENT\r\n"))
            .collect();
        format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{events}END:VCALENDAR\r\n")
    }

    fn in_years(event: &str, from: i16, to: i16) -> Vec<String> {
        let dates = dates(&calendar(&[event])).expect(event);
        let dates = dates.into_iter().filter(|date| (from..=to).contains(&date.year()));
        dates.map(|date| date.to_string()).collect()
    }

    #[test]
    fn events_have_days() {
        for (event, expected) in [
            // The end of an all-day event is the day after it.
            (
                "DTSTART;VALUE=DATE:20261225\r\nDTEND;VALUE=DATE:20261227",
                &["2026-12-25", "2026-12-26"][..],
            ),
            ("DTSTART;VALUE=DATE:20261225", &["2026-12-25"]),
            // A timed one counts for every day it touches.
            ("DTSTART:20261224T120000Z\r\nDTEND:20261225T080000Z", &["2026-12-24", "2026-12-25"]),
            (
                "DTSTART;TZID=Europe/Berlin:20261224T120000\r\nDTEND;TZID=Europe/Berlin:20261225T000000",
                &["2026-12-24"],
            ),
            // A line goes on after a fold.
            ("DTSTART;VALUE=DATE:2026\r\n 1225", &["2026-12-25"]),
            // Every year, on the date.
            ("DTSTART;VALUE=DATE:20251225\r\nRRULE:FREQ=YEARLY", &["2026-12-25", "2027-12-25"]),
            ("DTSTART;VALUE=DATE:20251225\r\nRRULE:FREQ=YEARLY;INTERVAL=2", &["2027-12-25"]),
            ("DTSTART;VALUE=DATE:20251225\r\nRRULE:FREQ=YEARLY;COUNT=2", &["2026-12-25"]),
            ("DTSTART;VALUE=DATE:20251225\r\nRRULE:FREQ=YEARLY;UNTIL=20261231", &["2026-12-25"]),
            (
                "DTSTART;VALUE=DATE:20251225\r\nRRULE:FREQ=YEARLY\r\nEXDATE;VALUE=DATE:20261225",
                &["2027-12-25"],
            ),
            // Thanksgiving, Memorial Day, the 29th of February.
            (
                "DTSTART;VALUE=DATE:20251127\r\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH",
                &["2026-11-26", "2027-11-25"],
            ),
            (
                "DTSTART;VALUE=DATE:20250526\r\nRRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO",
                &["2026-05-25", "2027-05-31"],
            ),
            ("DTSTART;VALUE=DATE:20240229\r\nRRULE:FREQ=YEARLY", &[]),
        ] {
            assert_eq!(in_years(event, 2026, 2027), expected, "{event}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        for (text, expected) in [
            (String::new(), BadIcs::Form),
            ("hello".into(), BadIcs::Form),
            (calendar(&["SUMMARY:x"]), BadIcs::NoStart),
            (calendar(&["DTSTART:2026-12-25"]), BadIcs::Date("2026-12-25".into())),
            (calendar(&["DTSTART:20260230"]), BadIcs::Date("20260230".into())),
            (
                calendar(&["DTSTART:20260101\r\nRRULE:FREQ=WEEKLY"]),
                BadIcs::Rule("FREQ=WEEKLY".into()),
            ),
            (calendar(&["DTSTART:20260101\r\nDTEND:20290101"]), BadIcs::TooLong),
        ] {
            assert_eq!(dates(&text), Err(expected), "{text:?}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn no_text_breaks_the_reader(text in "(BEGIN:V(CALENDAR|EVENT)\r\n|END:V(CALENDAR|EVENT)\r\n|(DTSTART|DTEND|RRULE|EXDATE)(;VALUE=DATE)?:|FREQ=YEARLY;?|BY(DAY|MONTH)=|-?[0-9]{1,8}|MO|T|\r\n ?|.){0,40}") {
            let _ = dates(&text);
            let _ = dates(&calendar(&[&text]));
        }
    }
}
