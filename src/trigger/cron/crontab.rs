//! Crontab text: five fields; six with the second first; seven with the year last; nicknames.

use super::advice;
use super::expression::{Dialect, Expression};
use super::fault::{Fault, Problem};
use super::field::Field;
use super::item::Item;
use super::parse::{parse_items, words};
use crate::duration;
use crate::trigger::Interval;

/// What a crontab text can be.
#[derive(Clone, Debug, PartialEq)]
pub enum Crontab {
    /// A pattern.
    Pattern(Expression),
    /// `@every 5m`.
    Every(Interval),
    /// `@reboot`.
    Reboot,
}

/// Reads a crontab text; also tells what in it may not be meant.
///
/// # Errors
///
/// Returns every [`Fault`], each with the bytes of `text` that are wrong.
pub fn parse_crontab(text: &str) -> Result<(Crontab, Vec<Fault>), Vec<Fault>> {
    let words = words(text);
    let Some(first) = words.first() else {
        return Err(vec![Fault::new(Problem::Empty, 0..text.len())]);
    };
    if text[first.clone()].starts_with('@') {
        return parse_nickname(text)
            .map_err(|fault| vec![fault])
            .map(|crontab| (crontab, Vec::new()));
    }
    let fields: &[Field] = {
        use Field::{Day, DayOfWeek, Hour, Minute, Month, Second, Year};
        match words.len() {
            5 => &[Minute, Hour, Day, Month, DayOfWeek],
            6 => &[Second, Minute, Hour, Day, Month, DayOfWeek],
            7 => &[Second, Minute, Hour, Day, Month, DayOfWeek, Year],
            count => {
                let end = words.last().map_or(first.end, |last| last.end);
                return Err(vec![Fault::new(Problem::FieldCount(count), first.start..end)]);
            }
        }
    };
    let mut expression = Expression::any(Dialect::Crontab);
    expression.set(Field::Second, &[Item::One(0)]);
    let (mut faults, mut warnings) = (Vec::new(), Vec::new());
    for (field, word) in fields.iter().zip(&words) {
        let written = &text[word.clone()];
        let shifted = |fault: Fault| fault.shifted(word.start, *field);
        match parse_items(written, *field, Dialect::Crontab) {
            Ok(items) => {
                let advice = advice::about_items(&items, *field, Dialect::Crontab, written);
                warnings.extend(advice.into_iter().map(shifted));
                let items: Vec<_> = items.into_iter().map(|(item, _)| item).collect();
                expression.set(*field, &items);
            }
            Err(wrong) => faults.extend(wrong.into_iter().map(shifted)),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    if advice::ors_days(&expression) {
        let index = fields.iter().position(|field| *field == Field::DayOfWeek);
        let span = index.map_or(0..text.len(), |index| words[index].clone());
        warnings.push(Fault::new(Problem::DaysOred, span));
    }
    Ok((Crontab::Pattern(expression), warnings))
}

fn parse_nickname(text: &str) -> Result<Crontab, Fault> {
    let start = text.len() - text.trim_ascii_start().len();
    let nickname = text.trim_ascii();
    let wrong = |problem| Fault::new(problem, start..start + nickname.len());
    let lower = nickname.to_ascii_lowercase();
    let mut expression = Expression::any(Dialect::Crontab);
    let mut only = |field, value| expression.set(field, &[Item::One(value)]);
    only(Field::Second, 0);
    only(Field::Minute, 0);
    if lower != "@hourly" {
        only(Field::Hour, 0);
    }
    match lower.as_str() {
        "@yearly" | "@annually" => {
            only(Field::Day, 1);
            only(Field::Month, 1);
        }
        "@monthly" => only(Field::Day, 1),
        "@weekly" => only(Field::DayOfWeek, 0),
        "@daily" | "@midnight" | "@hourly" => {}
        "@reboot" => return Ok(Crontab::Reboot),
        other => {
            let blank = |rest: &&str| rest.is_empty() || rest.starts_with([' ', '\t']);
            let Some(length) = other.strip_prefix("@every").filter(blank) else {
                return Err(wrong(Problem::Nickname(nickname.into())));
            };
            return parse_every(length.trim()).map(Crontab::Every).map_err(wrong);
        }
    }
    Ok(Crontab::Pattern(expression))
}

fn parse_every(length: &str) -> Result<Interval, Problem> {
    let length = duration::parse(length).map_err(|_| Problem::Every(None))?;
    Interval::new(length).map_err(|bad| Problem::Every(Some(bad)))
}
