//! A pattern as a table: `{ day_of_week = "mon-fri", hour = 9, minute = 30 }`.

use super::advice;
use super::expression::{Dialect, Expression};
use super::fault::{Fault, Problem};
use super::field::Field;
use super::item::Item;
use super::parse::parse_items;

/// What was written for a field: its number or text, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldText<'a> {
    /// The field.
    pub field: Field,
    /// What was written for it.
    pub text: &'a str,
}

/// From coarse to fine. `week` and `day_of_week` stand aside: they fill nothing in.
const COARSE_TO_FINE: [Field; 6] =
    [Field::Year, Field::Month, Field::Day, Field::Hour, Field::Minute, Field::Second];

/// Puts fields together; also tells what in them may not be meant. What is finer than the finest one given takes its least value (`hour =
/// 9` is 09:00:00); what is coarser matches always.
///
/// # Errors
///
/// Returns every [`Fault`], each with its field and the bytes of that field's text that are wrong.
pub fn parse_fields(fields: &[FieldText<'_>]) -> Result<(Expression, Vec<Fault>), Vec<Fault>> {
    if fields.is_empty() {
        return Err(vec![Fault::new(Problem::Empty, 0..0)]);
    }
    let mut expression = Expression::any(Dialect::Fields);
    let (mut faults, mut warnings) = (Vec::new(), Vec::new());
    for FieldText { field, text } in fields {
        let shifted = |fault: Fault| fault.shifted(0, *field);
        match parse_items(text, *field, Dialect::Fields) {
            Ok(items) => {
                let advice = advice::about_items(&items, *field, Dialect::Fields, text);
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
    let given = |field: &Field| fields.iter().any(|text| text.field == *field);
    // With a week or a day of week alone, the day is as good as given: the time is what is left.
    let finest = COARSE_TO_FINE.iter().rposition(given);
    let days_alone = given(&Field::Week) || given(&Field::DayOfWeek);
    let day = COARSE_TO_FINE.iter().position(|field| *field == Field::Day);
    let finest = if days_alone { finest.max(day) } else { finest };
    for field in COARSE_TO_FINE.iter().skip(finest.map_or(0, |finest| finest + 1)) {
        expression.set(*field, &[Item::One(field.bounds().0)]);
    }
    Ok((expression, warnings))
}
