//! A pattern in plain English.

use super::expression::Expression;
use super::field::Field;
use super::item::{Item, ordinal};

/// More points of the day than this are not listed one by one.
const MOST_TIMES: usize = 4;

impl Expression {
    /// Says in words when it fires: `at 09:30 on monday to friday`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let mut words = self.time_in_words();
        let days = self.days_in_words();
        if days.is_empty() {
            if self.is_fixed() {
                words.push_str(" every day");
            }
        } else {
            words.push(' ');
            words.push_str(&days);
        }
        for field in [Field::Week, Field::Month, Field::Year] {
            if !self.is_any(field) {
                words.push_str(" in ");
                words.push_str(&self.field_in_words(field));
            }
        }
        words
    }

    fn time_in_words(&self) -> String {
        if let Some(times) = self.times_of_day() {
            return format!("at {}", list(&times, "and"));
        }
        let on_the_minute = self.field(Field::Second) == [Item::One(0)];
        match (self.field(Field::Hour), self.field(Field::Minute), self.field(Field::Second)) {
            ([Item::Every { step: 1 }], [Item::Every { step: 1 }], [Item::Every { step }]) => {
                rhythm(*step, Field::Second)
            }
            ([Item::Every { step: 1 }], [Item::Every { step }], _) if on_the_minute => {
                rhythm(*step, Field::Minute)
            }
            ([Item::Every { step }], [Item::One(0)], _) if on_the_minute => {
                rhythm(*step, Field::Hour)
            }
            ([Item::Every { step: 1 }], [Item::One(minute)], _) if on_the_minute => {
                format!("at minute {minute} of every hour")
            }
            _ => {
                let mut parts = Vec::new();
                if !on_the_minute {
                    parts.push(self.field_in_words(Field::Second));
                }
                parts.push(self.field_in_words(Field::Minute));
                if !self.is_any(Field::Hour) {
                    parts.push(self.field_in_words(Field::Hour));
                }
                format!("at {}", parts.join(" of "))
            }
        }
    }

    /// The points of the day, if they are few.
    fn times_of_day(&self) -> Option<Vec<String>> {
        let (hours, minutes, seconds) = (
            ones(self.field(Field::Hour))?,
            ones(self.field(Field::Minute))?,
            ones(self.field(Field::Second))?,
        );
        if hours.len() * minutes.len() * seconds.len() > MOST_TIMES {
            return None;
        }
        let mut times = Vec::new();
        for hour in &hours {
            for minute in &minutes {
                for second in &seconds {
                    let second =
                        if seconds == [0] { String::new() } else { format!(":{second:02}") };
                    times.push(format!("{hour:02}:{minute:02}{second}"));
                }
            }
        }
        times.sort();
        Some(times)
    }

    fn days_in_words(&self) -> String {
        let said = |field| {
            let text = if self.is_any(field) { String::new() } else { self.field_in_words(field) };
            (!text.is_empty()).then_some(text)
        };
        match (said(Field::Day), said(Field::DayOfWeek)) {
            (None, None) => String::new(),
            (Some(days), None) | (None, Some(days)) => format!("on {days}"),
            (Some(days), Some(weekdays)) if self.joins_days() => {
                format!("on {days} if that is {weekdays}")
            }
            (Some(days), Some(weekdays)) => format!("on {days} and also on {weekdays}"),
        }
    }

    fn field_in_words(&self, field: Field) -> String {
        let items = self.field(field);
        let plain =
            items.iter().all(|item| matches!(item, Item::One(_) | Item::Span { step: 1, .. }));
        let unit = match field {
            Field::Day => "day",
            Field::DayOfWeek | Field::Month | Field::Year => "",
            other => other.key(),
        };
        let words: Vec<_> = items.iter().map(|item| item_in_words(*item, field)).collect();
        let words = list(&words, "and");
        if plain && !unit.is_empty() {
            return format!("{unit} {words}");
        }
        words
    }
}

fn item_in_words(item: Item, field: Field) -> String {
    let name = |value| field.name_of(value);
    let weekday = |value| Field::DayOfWeek.name_of(value);
    let unit = if field == Field::DayOfWeek { "day of the week" } else { field.key() };
    match item {
        Item::Every { step } => every(step, unit),
        Item::One(value) => name(value),
        Item::Span { from, to, .. } if from == to => name(from),
        Item::Span { from: 0, to: 7, step: 1 } if field == Field::DayOfWeek => {
            "every day of the week".into()
        }
        Item::Span { from, to, step: 1 } => format!("{} to {}", name(from), name(to)),
        Item::Span { from, to, step } => {
            format!("{} from {} to {}", every(step, unit), name(from), name(to))
        }
        Item::From { from, step } => format!("{} from {}", every(step, unit), name(from)),
        Item::LastBut(0) => "the last day".into(),
        Item::LastBut(1) => "the day before the last".into(),
        Item::LastBut(before) => format!("the day {before} days before the last"),
        Item::LastWorkday => "the last weekday (monday to friday)".into(),
        Item::NearestWorkday(day) => format!("the weekday (monday to friday) nearest to day {day}"),
        Item::Nth { weekday: day, nth } => format!("the {} {}", ordinal(nth), weekday(day)),
        Item::LastOf(day) => format!("the last {}", weekday(day)),
        Item::Hash { from, to, .. } => format!("some {unit} from {} to {}", name(from), name(to)),
    }
}

/// `every 5 minutes`; where that starts afresh with each hour, so it is said.
fn rhythm(step: u16, field: Field) -> String {
    let whole = match field {
        Field::Second => "minute",
        Field::Minute => "hour",
        _ => "day",
    };
    let round = field.last() - field.bounds().0 + 1;
    if step >= round {
        let start =
            if field == Field::Hour { "at 00:00".into() } else { format!("at {} 0", field.key()) };
        return if field == Field::Hour { start } else { format!("{start} of every {whole}") };
    }
    let words = every(step, field.key());
    if round.is_multiple_of(step) {
        words
    } else {
        format!("{words} from the start of each {whole}")
    }
}

fn every(step: u16, unit: &str) -> String {
    match (step, unit) {
        (1, _) => format!("every {unit}"),
        (_, "day of the week") => format!("every {step} days of the week"),
        _ => format!("every {step} {unit}s"),
    }
}

/// The values of a field that names nothing but single ones.
fn ones(items: &[Item]) -> Option<Vec<u16>> {
    let one = |item: &Item| match item {
        Item::One(value) => Some(*value),
        _ => None,
    };
    items.iter().map(one).collect()
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list(words: &[String], last: &str) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., end] => format!("{} {last} {end}", most.join(", ")),
    }
}
