//! The key `calendar`: `{ months = 1, at = "09:30", month_end = "clamp" }`.

use jiff::civil::Time;

use super::inherit::Found;
use super::keys::remedy;
use super::problem::Problem;
use super::validate::Reader;
use super::value::{Table, Value};
use crate::trigger::{Calendar, Moment, MonthEnd, Trigger, Unit};
use crate::zone::Zone;

const KEYS: [&str; 6] = ["years", "months", "weeks", "days", "at", "month_end"];
const MONTH_ENDS: &[&str] = &["skip", "clamp"];

/// What the keys of the table say, as far as they are right.
#[derive(Default)]
struct Parts {
    months: Option<u16>,
    days: Option<u16>,
    at: Option<Time>,
    end: MonthEnd,
}

impl Reader<'_> {
    /// Reads a `calendar`, counted from `start` if there is one.
    pub(super) fn calendar(
        &mut self,
        found: Found<'_>,
        start: Option<Moment>,
        zone: &Zone,
    ) -> Option<Trigger> {
        let Value::Table(table) = &found.node.value else {
            self.wrong_type(
                found,
                found.node,
                "a table, write `calendar = { months = 1, at = \"09:30\" }`",
            );
            return None;
        };
        let parts = self.parts(found, table)?;
        let wrong = |what| Problem::CalendarUnits(what);
        let unit = match (parts.months, parts.days) {
            (Some(_), Some(_)) => Err(wrong(
                "months and days do not go together: none has a fixed number of the other",
            )),
            (None, None) => Err(wrong("this says not how far apart")),
            (Some(0), _) | (_, Some(0)) => Err(wrong("nothing lies between the dates")),
            (Some(months), None) => Ok(Unit::Months(months, parts.end)),
            (None, Some(days)) => Ok(Unit::Days(days)),
        };
        let start = match (unit, start) {
            (Err(problem), _) => Err(problem),
            // A template may leave it to the tasks.
            (Ok(_), None) if self.task.is_none() => return None,
            (Ok(_), None) => Err(Problem::CalendarStart),
            (Ok(unit), Some(start)) => Ok((unit, start)),
        };
        match start {
            Ok((unit, start)) => {
                // With an offset, the start is another reading here.
                let wall =
                    if start.has_offset() { zone.wall(start.instant(zone)?) } else { start.wall() };
                let at = parts.at.unwrap_or(wall.time());
                Some(Trigger::Calendar(Calendar::new(wall.date(), at, unit, zone.clone())))
            }
            Err(problem) => {
                self.complain(found.file, found.node.span.clone(), problem);
                None
            }
        }
    }

    /// Reads every key, and tells all that is wrong before it gives up.
    fn parts(&mut self, found: Found<'_>, table: &Table) -> Option<Parts> {
        let mut parts = Parts::default();
        let mut complete = true;
        for (key, node) in table {
            let found = Found { key, node, ..found };
            let read = match key.name.as_str() {
                "years" => self.add(found, &mut parts.months, 12),
                "months" => self.add(found, &mut parts.months, 1),
                "weeks" => self.add(found, &mut parts.days, 7),
                "days" => self.add(found, &mut parts.days, 1),
                "at" => self.time_of_day(found).map(|at| parts.at = Some(at)),
                "month_end" => self.month_end(found).map(|end| parts.end = end),
                _ => {
                    let unknown = Problem::UnknownKey(key.name.clone(), remedy(&key.name, &KEYS));
                    self.complain(found.file, key.span.clone(), unknown);
                    None
                }
            };
            complete &= read.is_some();
        }
        complete.then_some(parts)
    }

    /// Adds so many times `unit` to `sum`.
    fn add(&mut self, found: Found<'_>, sum: &mut Option<u16>, unit: u16) -> Option<()> {
        let count = match found.node.value {
            Value::Integer(count) => u16::try_from(count).ok(),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked to be small and whole"
            )]
            Value::Float(count) if count.fract() == 0.0 && (0.0..65_536.0).contains(&count) => {
                Some(count as u16)
            }
            Value::Float(_) => None,
            _ => {
                self.wrong_type(found, found.node, "a whole number, write `months = 1`");
                return None;
            }
        };
        let added = count.and_then(|count| count.checked_mul(unit)?.checked_add(sum.unwrap_or(0)));
        if added.is_none() {
            let bad = Problem::BadUnit(found.key.name.clone());
            self.complain(found.file, found.node.span.clone(), bad);
        }
        *sum = Some(added?);
        Some(())
    }

    fn time_of_day(&mut self, found: Found<'_>) -> Option<Time> {
        let (Value::Text(text) | Value::Date(text)) = &found.node.value else {
            self.wrong_type(found, found.node, "a time of day, write `at = \"09:30\"`");
            return None;
        };
        // The time of a date is written and checked in the same way.
        let moment = Moment::parse(&format!("1970-01-01 {text}"));
        match moment.ok().filter(|moment| text.contains(':') && !moment.has_offset()) {
            Some(moment) => Some(moment.wall().time()),
            None => {
                self.complain(found.file, found.node.span.clone(), Problem::TimeOfDay);
                None
            }
        }
    }

    fn month_end(&mut self, found: Found<'_>) -> Option<MonthEnd> {
        let text = self.text(found, found.node, "a text, write `month_end = \"clamp\"`")?;
        match text {
            "skip" => Some(MonthEnd::Skip),
            "clamp" => Some(MonthEnd::Clamp),
            _ => {
                self.complain(
                    found.file,
                    found.node.span.clone(),
                    Problem::NoneOf(text.into(), MONTH_ENDS),
                );
                None
            }
        }
    }
}
