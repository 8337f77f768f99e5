//! The keys that say when a task fires.

use std::cell::Cell;

use jiff::{SignedDuration, Timestamp};

use super::inherit::{Found, Layers};
use super::keys::{self, remedy};
use super::problem::Problem;
use super::validate::Reader;
use super::value::{Node, Table, Value};
use crate::duration;
use crate::hash;
use crate::trigger::cron::{Crontab, Expression, Field, FieldText, parse_crontab, parse_fields};
use crate::trigger::{Dates, Interval, Moment, Start, Startup, Trigger, When};
use crate::zone::{Reading, Zone};

/// From here on people think of a time of day.
const DAY: SignedDuration = SignedDuration::from_hours(24);

const DURATION: &str = "a duration or units, write `interval = \"1h 30m\"` or `interval = { hours = 1, minutes = 30 }`";
const CRON: &str = "a crontab text or fields or a list of these, write `cron = \"30 9 * * mon-fri\"` or `cron = { hour = 9, minute = 30 }`";
const DATE: &str = "a date, write `2026-12-31` or `\"2026-12-31 23:59:59\"`";

impl Reader<'_> {
    /// Reads all that says when a task fires; `None` if something of it is wrong or there is no trigger.
    pub(super) fn read_when(
        &mut self,
        layers: &Layers<'_>,
        triggers: &[Found<'_>],
        zone: &Zone,
    ) -> Option<When> {
        let start = layers.get("start").map(|found| self.moment(found, found.node, zone));
        let end = layers.get("end").map(|found| self.moment(found, found.node, zone));
        let counted_from = start.flatten();
        let start = start.map(|moment| moment?.instant(zone));
        let end = end.map(|moment| moment?.last_instant(zone));
        if let (Some(Some(from)), Some(Some(to)), Some(found)) = (start, end, layers.get("end"))
            && to < from
        {
            self.complain(found.file, found.node.span.clone(), Problem::EndBeforeStart);
        }
        if let [found] = *triggers
            && start.is_none()
            && end.is_none()
            && found.key.name == "cron"
            && let Value::Text(text) = &found.node.value
            && let Some(when) = self.patterns.plain(text, zone)
        {
            return Some(when);
        }
        let mut all = Some(Vec::new());
        for found in triggers.iter().copied() {
            let read = match found.key.name.as_str() {
                "interval" => {
                    self.interval(found, start.flatten(), zone).map(|trigger| vec![trigger])
                }
                "cron" => self.crons(found, zone, start.flatten()),
                "calendar" if start == Some(None) => None,
                "calendar" => self.calendar(found, counted_from, zone).map(|trigger| vec![trigger]),
                "after" => self.after(found).map(|trigger| vec![trigger]),
                "startup" => self.startup(found).map(|trigger| vec![trigger]),
                _ => self.dates(found, zone).map(|trigger| vec![trigger]),
            };
            all = all.zip(read).map(|(mut all, read)| {
                all.extend(read);
                all
            });
        }
        let all = all.filter(|all| !all.is_empty())?;
        // What was written and is wrong is not as good as nothing.
        if start == Some(None) || end == Some(None) {
            return None;
        }
        Some(When::new(all, start.flatten(), end.flatten()))
    }

    fn moment(&mut self, found: Found<'_>, node: &Node, zone: &Zone) -> Option<Moment> {
        let text = match &node.value {
            Value::Date(text) if text.as_bytes().get(2) == Some(&b':') => {
                self.complain(found.file, node.span.clone(), Problem::TimeAlone);
                return None;
            }
            Value::Text(text) | Value::Date(text) => text,
            _ => {
                self.wrong_type(found, node, DATE);
                return None;
            }
        };
        match Moment::parse(text) {
            Ok(moment) => {
                if !moment.has_offset()
                    && let Some(Reading::Gap(_)) = zone.read(moment.wall())
                    && let Some(meant) = moment.instant(zone)
                {
                    let read = zone.wall(meant).strftime("%F %T").to_string();
                    let problem = Problem::InGap(moment.wall().strftime("%F %T").to_string(), read);
                    self.complain(found.file, node.span.clone(), problem);
                }
                Some(moment)
            }
            Err(bad) => {
                self.complain(found.file, node.span.clone(), Problem::Date(bad));
                None
            }
        }
    }

    fn dates(&mut self, found: Found<'_>, zone: &Zone) -> Option<Trigger> {
        let nodes = match &found.node.value {
            Value::List(nodes) => nodes.as_slice(),
            _ => std::slice::from_ref(found.node),
        };
        self.not_empty(found, nodes.len(), "list of dates")?;
        let instants: Vec<Option<Timestamp>> =
            nodes.iter().map(|node| self.moment(found, node, zone)?.instant(zone)).collect();
        let instants: Option<Vec<_>> = instants.into_iter().collect();
        Some(Trigger::Dates(Dates::new(instants?)))
    }

    fn not_empty(&mut self, found: Found<'_>, length: usize, what: &'static str) -> Option<()> {
        if length == 0 {
            self.complain(found.file, found.node.span.clone(), Problem::Empty(what));
            return None;
        }
        Some(())
    }

    fn interval(
        &mut self,
        found: Found<'_>,
        start: Option<Timestamp>,
        zone: &Zone,
    ) -> Option<Trigger> {
        let length = match &found.node.value {
            Value::Text(text) => match duration::parse(text) {
                Ok(length) => length,
                Err(bad) => {
                    self.complain(found.file, found.node.span.clone(), Problem::Duration(bad));
                    return None;
                }
            },
            Value::Table(units) => self.units(found, units)?,
            _ => {
                self.wrong_type(found, found.node, DURATION);
                return None;
            }
        };
        match Interval::new(length) {
            Ok(interval) => {
                if start.is_none()
                    && length >= DAY
                    && let Some(next) = interval.next_after(self.setting.now)
                {
                    let falls = zone.wall(next).strftime("%A %H:%M").to_string().to_lowercase();
                    let problem = Problem::NoStart(duration::print(length), falls);
                    self.complain(found.file, found.node.span.clone(), problem);
                }
                Some(Trigger::Interval(anchored(interval, start)))
            }
            Err(bad) => {
                self.complain(found.file, found.node.span.clone(), Problem::Interval(bad));
                None
            }
        }
    }

    /// The sum of `{ hours = 1, minutes = 30 }`.
    fn units(&mut self, found: Found<'_>, units: &Table) -> Option<SignedDuration> {
        let known = keys::UNITS.map(|(unit, _)| unit);
        let mut sum = Some(SignedDuration::ZERO);
        for (key, node) in units {
            let found = Found { key, node, ..found };
            let Some((_, seconds)) = keys::UNITS.iter().find(|(unit, _)| *unit == key.name) else {
                let help = remedy(&key.name, &known);
                self.complain(
                    found.file,
                    key.span.clone(),
                    Problem::UnknownKey(key.name.clone(), help),
                );
                sum = None;
                continue;
            };
            let length = self.number_of(found, *seconds);
            sum = sum.zip(length).and_then(|(sum, length)| sum.checked_add(length));
        }
        sum
    }

    /// So many of a unit that has so many seconds.
    fn number_of(&mut self, found: Found<'_>, seconds: i64) -> Option<SignedDuration> {
        /// More of them no interval has, even of seconds.
        const MOST: f64 = 1e12;
        #[expect(clippy::cast_precision_loss, reason = "far beyond what an interval may have")]
        let number = match found.node.value {
            Value::Integer(number) => number as f64,
            Value::Float(number) => number,
            _ => {
                self.wrong_type(found, found.node, "a number, write `hours = 1`");
                return None;
            }
        };
        if !(0.0..).contains(&number) || !number.is_finite() {
            let bad = Problem::BadUnit(found.key.name.clone());
            self.complain(found.file, found.node.span.clone(), bad);
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "bounded by `MOST`")]
        let micros = (number.min(MOST) * 1e6).round() as i64;
        SignedDuration::from_micros(micros).checked_mul(i32::try_from(seconds).ok()?)
    }

    fn crons(
        &mut self,
        found: Found<'_>,
        zone: &Zone,
        start: Option<Timestamp>,
    ) -> Option<Vec<Trigger>> {
        let nodes = match &found.node.value {
            Value::List(nodes) => nodes.as_slice(),
            _ => std::slice::from_ref(found.node),
        };
        self.not_empty(found, nodes.len(), "list of patterns")?;
        // All of them are read, and all their problems told, before one decides.
        let read: Vec<_> = nodes.iter().map(|node| self.cron(found, node, zone, start)).collect();
        read.into_iter().collect()
    }

    fn cron(
        &mut self,
        found: Found<'_>,
        node: &Node,
        zone: &Zone,
        start: Option<Timestamp>,
    ) -> Option<Trigger> {
        let told = self.diagnostics.len();
        let expression = match &node.value {
            Value::Text(text) if let Some(when) = self.patterns.plain(text, zone) => {
                return when.triggers().first().cloned();
            }
            Value::Text(text) => match self.crontab(found, node, text)? {
                Crontab::Pattern(expression) => expression,
                Crontab::Reboot => {
                    let delay = SignedDuration::ZERO;
                    return Some(Trigger::Startup(Startup { on: Start::Boot, delay }));
                }
                Crontab::Every(interval) => {
                    return Some(Trigger::Interval(anchored(interval, start)));
                }
            },
            Value::Table(table) => self.fields(found, node, table)?,
            _ => {
                self.wrong_type(found, node, CRON);
                return None;
            }
        };
        let name = self.task.as_ref().map_or("", |name| name.as_str());
        let is_spread = Cell::new(false);
        let spread = |field: Field| {
            is_spread.set(true);
            hash::stable(&[name.as_bytes(), field.key().as_bytes()])
        };
        let expression = expression.settled(spread);
        let is_plain = !is_spread.get() && self.diagnostics.len() == told;
        let text = match &node.value {
            Value::Text(text) if is_plain => Some(text.as_str()),
            _ => None,
        };
        match self.patterns.get(expression, text, zone) {
            Ok(trigger) => Some(trigger),
            Err(fault) => {
                self.complain(found.file, node.span.clone(), fault.into());
                None
            }
        }
    }

    fn crontab(&mut self, found: Found<'_>, node: &Node, text: &str) -> Option<Crontab> {
        let (crontab, faults) = match parse_crontab(text) {
            Ok((crontab, warnings)) => (Some(crontab), warnings),
            Err(faults) => (None, faults),
        };
        for fault in faults {
            let span = self.sources[found.file].within(&node.span, text, &fault.span);
            self.complain(found.file, span, fault.into());
        }
        crontab
    }

    fn fields(&mut self, found: Found<'_>, node: &Node, table: &Table) -> Option<Expression> {
        let mut texts: Vec<(Field, String, &Node)> = Vec::new();
        let mut complete = true;
        for (key, node) in table {
            let Some(field) = Field::ALL.into_iter().find(|field| field.key() == key.name) else {
                let help = remedy(&key.name, &Field::ALL.map(Field::key));
                self.complain(
                    found.file,
                    key.span.clone(),
                    Problem::UnknownKey(key.name.clone(), help),
                );
                complete = false;
                continue;
            };
            match field_text(&node.value) {
                Some(text) => texts.push((field, text, node)),
                None => {
                    let found = Found { key, node, ..found };
                    self.wrong_type(
                        found,
                        node,
                        "a whole number or a text, write `hour = 9` or `hour = \"9-17\"`",
                    );
                    complete = false;
                }
            }
        }
        if texts.is_empty() && !complete {
            return None;
        }
        let fields: Vec<_> =
            texts.iter().map(|(field, text, _)| FieldText { field: *field, text }).collect();
        let (expression, faults) = match parse_fields(&fields) {
            Ok((expression, warnings)) => (Some(expression), warnings),
            Err(faults) => (None, faults),
        };
        for fault in faults {
            let at = texts.iter().find(|(field, ..)| Some(*field) == fault.field);
            let span = at.map_or(node.span.clone(), |(_, text, node)| {
                self.sources[found.file].within(&node.span, text, &fault.span)
            });
            self.complain(found.file, span, fault.into());
        }
        expression.filter(|_| complete)
    }
}

/// What stands for a field: a text, or a number with or without a fraction of nothing.
fn field_text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) if number.fract() == 0.0 => Some(format!("{number:.0}")),
        _ => None,
    }
}

fn anchored(interval: Interval, start: Option<Timestamp>) -> Interval {
    match start {
        Some(start) => interval.starting(start),
        None => interval,
    }
}
