//! The items of one field: numbers, names, ranges, steps, and the days that depend on the month.

use std::fmt;
use std::ops::Range;

use super::expression::Dialect;
use super::fault::{Fault, Problem};
use crate::trigger::{FIRST_YEAR, LAST_YEAR};

/// A field of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// 0 to 59.
    Second,
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// The day of the month, 1 to 31.
    Day,
    /// 1 to 12, or a name.
    Month,
    /// 0 (Sunday) to 7 (Sunday again), or a name.
    DayOfWeek,
    /// The ISO week, 1 to 53.
    Week,
    /// 1970 to 2199.
    Year,
}

const WEEKDAYS: [&str; 7] =
    ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

impl Field {
    /// The least and the greatest number it takes.
    #[must_use]
    pub fn bounds(self) -> (u16, u16) {
        match self {
            Self::Second | Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::Day => (1, 31),
            Self::Month => (1, 12),
            Self::DayOfWeek => (0, 7),
            Self::Week => (1, 53),
            Self::Year => (FIRST_YEAR.unsigned_abs(), LAST_YEAR.unsigned_abs()),
        }
    }

    /// Where `*` and `a/n` end: 7 is only another way to write Sunday.
    pub(super) fn last(self) -> u16 {
        if self == Self::DayOfWeek { 6 } else { self.bounds().1 }
    }

    /// Its key in a table of fields.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
            Self::DayOfWeek => "day_of_week",
            Self::Week => "week",
            Self::Year => "year",
        }
    }

    pub(super) fn names(self) -> &'static [&'static str] {
        match self {
            Self::Month => &MONTHS,
            Self::DayOfWeek => &WEEKDAYS,
            _ => &[],
        }
    }

    /// The full name of one of its values, or the number.
    pub(super) fn name_of(self, value: u16) -> String {
        let index = match self {
            Self::Month => usize::from(value).wrapping_sub(1),
            _ => usize::from(value % 7),
        };
        self.names().get(index).map_or_else(|| value.to_string(), ToString::to_string)
    }

    /// The value of a name: the first three letters or all of them.
    fn named(self, text: &str) -> Option<u16> {
        let matches =
            |name: &&str| text.eq_ignore_ascii_case(name) || text.eq_ignore_ascii_case(&name[..3]);
        let index = self.names().iter().position(matches)?;
        let least = u16::from(self == Self::Month);
        u16::try_from(index).ok().map(|index| index + least)
    }

    pub(super) fn grammar(self) -> &'static str {
        match self {
            Self::Day => {
                "write `15`, `1-7`, `*/2` or `1,15`; the last day is `L` in a crontab text and `last` in a field"
            }
            Self::Month => "write `1` to `12` or `jan` to `dec`, `jun-aug`, `*/3` or `jan,jul`",
            Self::DayOfWeek => "write `sun` to `sat`, `mon-fri` or `sat,sun`",
            _ => "write a number, a range as `1-5`, a step as `*/2` or a list as `1,3,5`",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DayOfWeek => "day of week",
            Self::Day => "day of month",
            other => other.key(),
        })
    }
}

/// One item of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Item {
    /// `*`, `*/n`, and `?` in the fields of days.
    Every { step: u16 },
    /// `a`.
    One(u16),
    /// `a-b`, `a-b/n`; where `a` is greater than `b`, over the end and on from the start.
    Span { from: u16, to: u16, step: u16 },
    /// `a/n`: from `a` to the end.
    From { from: u16, step: u16 },
    /// `L`, `L-n`, `last`: the last day of the month, or so many before it.
    LastBut(u16),
    /// `LW`: the last of Monday to Friday in the month.
    LastWorkday,
    /// `15W`: of Monday to Friday in that month the nearest.
    NearestWorkday(u16),
    /// `fri#2`, `2nd fri`.
    Nth { weekday: u16, nth: u16 },
    /// `friL`, `last fri`.
    LastOf(u16),
}

/// Splits the text of a field into its items.
pub(super) fn parse_items(text: &str, field: Field, dialect: Dialect) -> Result<Vec<Item>, Fault> {
    if let Some((at, stranger)) = text.char_indices().find(|(_, c)| !c.is_ascii()) {
        let span = at..at + stranger.len_utf8();
        return Err(Fault::new(Problem::NotAscii(stranger), span));
    }
    let mut start = 0;
    text.split(',')
        .map(|piece| {
            let blanks = piece.len() - piece.trim_start_matches([' ', '\t']).len();
            let item = piece.trim_matches([' ', '\t']);
            let at = start + blanks;
            // Where nothing stands, the caret shows the comma before it or the whole field.
            let span = if item.is_empty() {
                start.saturating_sub(1)..start.max(1).min(text.len())
            } else {
                at..at + item.len()
            };
            start += piece.len() + 1;
            parse_item(item, field, dialect).map_err(|problem| Fault::new(problem, span))
        })
        .collect()
}

fn parse_item(item: &str, field: Field, dialect: Dialect) -> Result<Item, Problem> {
    if item.is_empty() {
        return Err(Problem::EmptyItem);
    }
    if item.starts_with(['+', '-']) {
        return Err(Problem::Sign);
    }
    let special = match dialect {
        Dialect::Crontab => crontab_day(item, field)?,
        Dialect::Fields => fields_day(item, field)?,
    };
    if let Some(special) = special {
        return Ok(special);
    }
    let (range, step) = match item.split_once('/') {
        Some((range, step)) => (range, Some(parse_step(step, item, field)?)),
        None => (item, None),
    };
    if range == "*" {
        return Ok(Item::Every { step: step.unwrap_or(1) });
    }
    if let Some((from, to)) = range.split_once('-') {
        let (from, to) = (value(from, item, field)?, value(to, item, field)?);
        if field == Field::Year && from > to {
            return Err(Problem::YearsBackwards);
        }
        return Ok(Item::Span { from, to, step: step.unwrap_or(1) });
    }
    let from = value(range, item, field)?;
    Ok(match step {
        Some(step) => Item::From { from, step },
        None => Item::One(from),
    })
}

/// `L`, `L-3`, `LW`, `15W` and `?` of a day of month; `fri#2`, `friL` and `?` of a day of week.
fn crontab_day(item: &str, field: Field) -> Result<Option<Item>, Problem> {
    if !matches!(field, Field::Day | Field::DayOfWeek) {
        return Ok(None);
    }
    if item == "?" {
        return Ok(Some(Item::Every { step: 1 }));
    }
    if field == Field::Day {
        let upper = item.to_ascii_uppercase();
        return Ok(match upper.as_str() {
            "L" => Some(Item::LastBut(0)),
            "LW" | "WL" => Some(Item::LastWorkday),
            _ => {
                if let Some(before) = upper.strip_prefix("L-") {
                    let before = number(before, item, field)?;
                    if before > 30 {
                        return Err(out_of_range(item, field));
                    }
                    Some(Item::LastBut(before))
                } else if let Some(day) = upper.strip_suffix('W') {
                    Some(Item::NearestWorkday(value(day, item, field)?))
                } else {
                    None
                }
            }
        });
    }
    if let Some((weekday, nth)) = item.split_once('#') {
        let weekday = value(weekday, item, field)? % 7;
        if nth.eq_ignore_ascii_case("l") {
            return Ok(Some(Item::LastOf(weekday)));
        }
        return match number(nth, item, field)? {
            nth @ 1..=5 => Ok(Some(Item::Nth { weekday, nth })),
            _ => Err(unreadable(item, field)),
        };
    }
    let last_of = item.strip_suffix(['L', 'l']).filter(|weekday| !weekday.is_empty());
    match last_of {
        Some(weekday) => Ok(Some(Item::LastOf(value(weekday, item, field)? % 7))),
        None => Ok(None),
    }
}

/// `last`, `2nd fri` and `last fri` of a day.
fn fields_day(item: &str, field: Field) -> Result<Option<Item>, Problem> {
    if field != Field::Day {
        return Ok(None);
    }
    if item.eq_ignore_ascii_case("last") {
        return Ok(Some(Item::LastBut(0)));
    }
    let Some((which, weekday)) = item.split_once([' ', '\t']) else {
        return Ok(None);
    };
    let weekday = weekday.trim_matches([' ', '\t']);
    let weekday = Field::DayOfWeek.named(weekday).ok_or_else(|| unreadable(item, field))?;
    let nth = match which.to_ascii_lowercase().as_str() {
        "last" => return Ok(Some(Item::LastOf(weekday))),
        "1st" => 1,
        "2nd" => 2,
        "3rd" => 3,
        "4th" => 4,
        "5th" => 5,
        _ => return Err(unreadable(item, field)),
    };
    Ok(Some(Item::Nth { weekday, nth }))
}

fn parse_step(text: &str, item: &str, field: Field) -> Result<u16, Problem> {
    if text.starts_with(['+', '-']) {
        return Err(Problem::Sign);
    }
    match number(text, item, field)? {
        0 => Err(Problem::ZeroStep),
        step => Ok(step),
    }
}

/// A number within the bounds of the field, or one of its names.
fn value(text: &str, item: &str, field: Field) -> Result<u16, Problem> {
    if let Some(value) = field.named(text) {
        return Ok(value);
    }
    for belongs in [Field::Month, Field::DayOfWeek] {
        if belongs != field && belongs.named(text).is_some() {
            return Err(Problem::NameOfAnother { name: text.into(), field, belongs });
        }
    }
    if text.starts_with(['+', '-']) {
        return Err(Problem::Sign);
    }
    let value = number(text, item, field)?;
    let (least, most) = field.bounds();
    if (least..=most).contains(&value) { Ok(value) } else { Err(out_of_range(text, field)) }
}

/// Digits only: Rust's own `parse` would take a sign.
fn number(text: &str, item: &str, field: Field) -> Result<u16, Problem> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(unreadable(item, field));
    }
    text.parse().map_err(|_| out_of_range(text, field))
}

fn unreadable(item: &str, field: Field) -> Problem {
    Problem::Unreadable { item: item.into(), field }
}

fn out_of_range(number: &str, field: Field) -> Problem {
    Problem::OutOfRange { number: number.into(), field }
}

impl Item {
    /// Prints the item so that parsing gives it back.
    pub(super) fn print(self, field: Field, dialect: Dialect) -> String {
        let short = |value: u16| field.name_of(value)[..3].to_string();
        let weekday = |value: u16| Field::DayOfWeek.name_of(value)[..3].to_string();
        // 7 is Sunday, but `0-7` is not `sun-sun`.
        let nameless =
            |value| field.names().is_empty() || (field == Field::DayOfWeek && value == 7);
        let show = |value: u16| {
            if nameless(value) { value.to_string() } else { short(value) }
        };
        let with_step = |range: String, step: u16| {
            if step == 1 { range } else { format!("{range}/{step}") }
        };
        match self {
            Self::Every { step } => with_step("*".into(), step),
            Self::One(value) => show(value),
            Self::Span { from, to, step } => {
                with_step(format!("{}-{}", show(from), show(to)), step)
            }
            Self::From { from, step } => format!("{}/{step}", show(from)),
            Self::LastBut(0) if dialect == Dialect::Fields => "last".into(),
            Self::LastBut(0) => "L".into(),
            Self::LastBut(before) => format!("L-{before}"),
            Self::LastWorkday => "LW".into(),
            Self::NearestWorkday(day) => format!("{day}W"),
            Self::Nth { weekday: day, nth } if dialect == Dialect::Fields => {
                format!("{} {}", ordinal(nth), weekday(day))
            }
            Self::Nth { weekday: day, nth } => format!("{}#{nth}", weekday(day)),
            Self::LastOf(day) if dialect == Dialect::Fields => format!("last {}", weekday(day)),
            Self::LastOf(day) => format!("{}L", weekday(day)),
        }
    }

    /// The plain numbers it stands for, in crontab's own words without names or wrapped ranges,
    /// as croner reads them; `None` for days that depend on the month.
    pub(super) fn plain(self, field: Field) -> Option<String> {
        let (least, last) = (field.bounds().0, field.last());
        Some(match self {
            Self::Every { step } => format!("{least}-{last}/{step}"),
            Self::One(value) => value.to_string(),
            Self::Span { from, to, step } if from <= to => format!("{from}-{to}/{step}"),
            Self::Span { from, to, step } => {
                let from = if field == Field::DayOfWeek { from % 7 } else { from };
                let end = if from > to { last + 1 + to - least } else { to };
                let wrapped = (from..=end).step_by(step.into());
                let values = wrapped
                    .map(|value| if value > last { value - last - 1 + least } else { value });
                values.map(|value| value.to_string()).collect::<Vec<_>>().join(",")
            }
            // 7 is the end of its week and Sunday at once.
            Self::From { from, step } => format!("{from}-{}/{step}", last.max(from)),
            _ => return None,
        })
    }
}

pub(super) fn ordinal(n: u16) -> String {
    let ending = match (n % 10, n % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{n}{ending}")
}

/// Where in `text` the words between blanks stand.
pub(super) fn words(text: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, byte) in text.bytes().enumerate() {
        let blank = matches!(byte, b' ' | b'\t');
        match start {
            None if !blank => start = Some(at),
            Some(from) if blank => {
                words.push(from..at);
                start = None;
            }
            _ => {}
        }
    }
    if let Some(from) = start {
        words.push(from..text.len());
    }
    words
}
