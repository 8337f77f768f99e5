//! One item of a field: what it says, and how it is printed.

use super::expression::Dialect;
use super::field::Field;

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
    /// `H`, `H(a-b)`: one value from `from` to `to`, by the task's name; with a step, the first of
    /// such values.
    Hash { from: u16, to: u16, step: Option<u16> },
}

impl Item {
    /// What `H` alone may become: no month has a 29th, 30th and 31st in every year, and a week has
    /// one Sunday. Years are not spread.
    pub(super) fn whole_hash(field: Field) -> Option<(u16, u16)> {
        match field {
            Field::Day => Some((1, 28)),
            Field::Year | Field::Week => None,
            other => Some((other.bounds().0, other.last())),
        }
    }

    /// The item with `H` settled by the hash of a name; others stay as they are.
    pub(super) fn settled(self, hash: u64) -> Self {
        let Self::Hash { from, to, step } = self else { return self };
        let pick = |count: u16| {
            let picked = hash % u64::from(count.max(1));
            from + u16::try_from(picked).expect("less than `count`, which is a u16")
        };
        let count = to - from + 1;
        match step {
            None => Self::One(pick(count)),
            Some(step) => Self::Span { from: pick(step.min(count)), to, step },
        }
    }

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
            Self::Hash { from, to, step } => {
                let whole = Self::whole_hash(field) == Some((from, to));
                let range = if whole { String::new() } else { format!("({from}-{to})") };
                let step = step.map_or_else(String::new, |step| format!("/{step}"));
                format!("H{range}{step}")
            }
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
