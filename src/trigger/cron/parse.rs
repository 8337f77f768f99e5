//! Reading the items of a field: numbers, names, ranges, steps, and the days that depend on the
//! month.

use std::ops::Range;

use super::expression::Dialect;
use super::fault::{Fault, Problem};
use super::field::Field;
use super::item::Item;

/// The items of a field, each with the bytes of the text at which it stands.
pub(super) type Items = Vec<(Item, Range<usize>)>;

/// Splits the text of a field into its items.
pub(super) fn parse_items(text: &str, field: Field, dialect: Dialect) -> Result<Items, Vec<Fault>> {
    if let Some((at, stranger)) = text.char_indices().find(|(_, c)| !c.is_ascii()) {
        let span = at..at + stranger.len_utf8();
        return Err(vec![Fault::new(Problem::NotAscii(stranger), span)]);
    }
    let (mut items, mut faults) = (Vec::new(), Vec::new());
    let mut start = 0;
    for piece in text.split(',') {
        let blanks = piece.len() - piece.trim_start_matches([' ', '\t']).len();
        let item = piece.trim_matches([' ', '\t']);
        let at = start + blanks;
        let span = if item.is_empty() {
            // Where nothing stands, the caret shows the comma before it or the whole field.
            start.saturating_sub(1)..start.max(1).min(text.len())
        } else {
            at..at + item.len()
        };
        start += piece.len() + 1;
        match parse_item(item, field, dialect) {
            Ok(item) => items.push((item, span)),
            Err(problem) => faults.push(Fault::new(problem, span)),
        }
    }
    if faults.is_empty() { Ok(items) } else { Err(faults) }
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
    if dialect == Dialect::Crontab
        && let Some(hashed) = hashed(item, field)?
    {
        return Ok(hashed);
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

/// `H`, `H/n`, `H(a-b)` and `H(a-b)/n`: somewhere in the field or the range, by the task's name.
fn hashed(item: &str, field: Field) -> Result<Option<Item>, Problem> {
    let Some(rest) = item.strip_prefix(['H', 'h']) else { return Ok(None) };
    let (range, step) = match rest.split_once('/') {
        Some((range, step)) => (range, Some(parse_step(step, item, field)?)),
        None => (rest, None),
    };
    let whole = Item::whole_hash(field).ok_or_else(|| unreadable(item, field))?;
    if range.is_empty() {
        let (from, to) = whole;
        return Ok(Some(Item::Hash { from, to, step }));
    }
    let inner = range.strip_prefix('(').and_then(|range| range.strip_suffix(')'));
    let (from, to) =
        inner.and_then(|inner| inner.split_once('-')).ok_or_else(|| unreadable(item, field))?;
    let (from, to) = (value(from, item, field)?, value(to, item, field)?);
    if from > to {
        return Err(unreadable(item, field));
    }
    Ok(Some(Item::Hash { from, to, step }))
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
    if text.starts_with(['+', '-']) {
        return Err(Problem::Sign);
    }
    for belongs in [Field::Month, Field::DayOfWeek] {
        let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic());
        if is_word && belongs != field && belongs.named(text).is_some() {
            return Err(Problem::NameOfAnother { name: text.into(), field, belongs });
        }
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

/// Where in `text` the words between blanks stand.
pub(super) fn words(text: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, byte) in text.bytes().enumerate() {
        let blank = byte.is_ascii_whitespace();
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
