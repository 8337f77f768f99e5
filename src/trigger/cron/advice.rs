//! Warnings about patterns that can be read, but may not say what somebody meant.

use super::expression::{Dialect, Expression};
use super::fault::{Fault, Problem};
use super::field::Field;
use super::item::Item;
use super::parse::Items;

/// What to tell about the items of a field, of which `text` is what was written.
pub(super) fn about_items(items: &Items, field: Field, dialect: Dialect, text: &str) -> Vec<Fault> {
    let warning = |(item, span): &(Item, std::ops::Range<usize>)| {
        let problem = about_item(*item, field, dialect, &text[span.clone()])?;
        Some(Fault::new(problem, span.clone()))
    };
    items.iter().filter_map(warning).collect()
}

fn about_item(item: Item, field: Field, dialect: Dialect, text: &str) -> Option<Problem> {
    let (least, last) = (field.bounds().0, field.last());
    // A range may run over the end; 7 is Sunday, which is 0 as well.
    let round = last - least + 1;
    let width =
        |from: u16, to: u16| if from <= to { to - from } else { (round + to).saturating_sub(from) };
    match item {
        Item::Every { step: 1 } if field == Field::Second => Some(Problem::EverySecond),
        Item::Every { step } if step > last - least => Some(Problem::WideStep(step, field)),
        Item::Span { from, to, step } if step > 1 && step > width(from, to) => {
            Some(Problem::WideStep(step, field))
        }
        Item::From { from, step } if step > 1 && step > last.saturating_sub(from) => {
            Some(Problem::WideStep(step, field))
        }
        Item::Every { step } if !divides(step, field) => Some(Problem::UnevenStep(step, field)),
        Item::One(_) | Item::Span { .. } | Item::From { .. }
            if field == Field::DayOfWeek
                && dialect == Dialect::Fields
                && starts_with_digit(text) =>
        {
            Some(Problem::WeekdayNumber(item.print(field, dialect)))
        }
        _ => None,
    }
}

/// Whether steps of this width come round evenly. Years and weeks do not come round.
fn divides(step: u16, field: Field) -> bool {
    match field {
        Field::Year | Field::Week => true,
        // Months have no one length.
        Field::Day => step == 1,
        Field::Second | Field::Minute | Field::Hour | Field::Month | Field::DayOfWeek => {
            (field.last() - field.bounds().0 + 1).is_multiple_of(step)
        }
    }
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

/// Whether a text names days of the month and days of the week, which cron takes for either.
pub(super) fn ors_days(expression: &Expression) -> bool {
    expression.dialect == Dialect::Crontab && !expression.joins_days()
}
