//! Crontab text: five fields; six with the second first; seven with the year last; nicknames.

use super::expression::{Dialect, Expression};
use super::fault::{Fault, Problem};
use super::item::{Field, Item, parse_items, words};
use crate::duration;
use crate::trigger::Interval;

/// What a crontab text can be.
#[derive(Clone, Debug, PartialEq)]
pub enum Crontab {
    /// A pattern.
    Pattern(Expression),
    /// `@every 5m`.
    Every(Interval),
}

/// Reads a crontab text.
///
/// # Errors
///
/// Returns the first [`Fault`], with the bytes of `text` that are wrong.
pub fn parse_crontab(text: &str) -> Result<Crontab, Fault> {
    let words = words(text);
    let Some(first) = words.first() else {
        return Err(Fault::new(Problem::Empty, 0..text.len()));
    };
    if text[first.clone()].starts_with('@') {
        return parse_nickname(text);
    }
    let fields: &[Field] = {
        use Field::{Day, DayOfWeek, Hour, Minute, Month, Second, Year};
        match words.len() {
            5 => &[Minute, Hour, Day, Month, DayOfWeek],
            6 => &[Second, Minute, Hour, Day, Month, DayOfWeek],
            7 => &[Second, Minute, Hour, Day, Month, DayOfWeek, Year],
            count => {
                let end = words.last().map_or(first.end, |last| last.end);
                return Err(Fault::new(Problem::FieldCount(count), first.start..end));
            }
        }
    };
    let mut expression = Expression::any(Dialect::Crontab);
    expression.second = vec![Item::One(0)];
    for (field, word) in fields.iter().zip(words) {
        let start = word.start;
        let items = parse_items(&text[word], *field, Dialect::Crontab)
            .map_err(|fault| fault.shifted(start, *field))?;
        expression.set(*field, items);
    }
    Ok(Crontab::Pattern(expression))
}

fn parse_nickname(text: &str) -> Result<Crontab, Fault> {
    let start = text.len() - text.trim_start_matches([' ', '\t']).len();
    let nickname = text.trim_matches([' ', '\t']);
    let span = start..start + nickname.len();
    let lower = nickname.to_ascii_lowercase();
    let crontab = match lower.as_str() {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * sun",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        _ => {
            let Some(length) = lower
                .strip_prefix("@every")
                .filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
            else {
                return Err(Fault::new(Problem::Nickname(nickname.into()), span));
            };
            return parse_every(length.trim()).map_err(|problem| Fault::new(problem, span));
        }
    };
    parse_crontab(crontab)
}

fn parse_every(length: &str) -> Result<Crontab, Problem> {
    let length = duration::parse(length).map_err(|_| Problem::Every(None))?;
    match Interval::new(length) {
        Ok(interval) => Ok(Crontab::Every(interval)),
        Err(bad) => Err(Problem::Every(Some(bad))),
    }
}
