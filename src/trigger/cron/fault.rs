//! What can be wrong with a pattern, and where in its text.

use std::fmt;
use std::ops::Range;

use super::field::Field;
use crate::trigger::{BadInterval, FIRST_YEAR, LAST_YEAR};

/// Something wrong in a pattern, and the bytes of its text that the reader should look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What.
    pub problem: Problem,
    /// Where: in the crontab text, or in the text of `field`.
    pub span: Range<usize>,
    /// The field, where one is at fault.
    pub field: Option<Field>,
}

impl Fault {
    pub(super) fn new(problem: Problem, span: Range<usize>) -> Self {
        Self { problem, span, field: None }
    }

    pub(super) fn shifted(mut self, by: usize, field: Field) -> Self {
        self.span = self.span.start + by..self.span.end + by;
        self.field = Some(field);
        self
    }
}

/// What is wrong with a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// There is nothing.
    Empty,
    /// A crontab text has 5, 6 or 7 fields, and this one has so many.
    FieldCount(usize),
    /// No such nickname.
    Nickname(String),
    /// `@every` without a length that makes an interval.
    Every(Option<BadInterval>),
    /// Something that is not ASCII.
    NotAscii(char),
    /// Two commas with nothing between them, or one at an end.
    EmptyItem,
    /// A number with a sign.
    Sign,
    /// A number that the field does not have.
    OutOfRange {
        /// The number as it is written.
        number: String,
        /// The field.
        field: Field,
    },
    /// A step of zero.
    ZeroStep,
    /// A name of another field.
    NameOfAnother {
        /// The name.
        name: String,
        /// Where it stands.
        field: Field,
        /// Where it belongs.
        belongs: Field,
    },
    /// Nothing that the field understands.
    Unreadable {
        /// The item.
        item: String,
        /// The field.
        field: Field,
    },
    /// A range of years that runs backwards.
    YearsBackwards,
    /// It fires in no year at all.
    Never,

    // Warnings.
    /// A step that only the least value of the field matches.
    WideStep(u16, Field),
    /// A step that does not go into the field evenly.
    UnevenStep(u16, Field),
    /// It fires in every second.
    EverySecond,
    /// Day of month or day of week.
    DaysOred,
    /// Numbers for weekdays; as names.
    WeekdayNumber(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "there is no pattern here"),
            Self::FieldCount(count) => {
                write!(f, "a crontab text has 5, 6 or 7 fields, and this one has {count}")
            }
            Self::Nickname(name) => write!(f, "unknown nickname `{}`", name.escape_debug()),
            Self::Every(None) => write!(f, "`@every` wants a duration"),
            Self::Every(Some(bad)) => write!(f, "{bad}"),
            Self::NotAscii(c) => write!(f, "`{}` has no meaning in a pattern", c.escape_debug()),
            Self::EmptyItem => write!(f, "an item is missing here"),
            Self::Sign => write!(f, "numbers have no sign here"),
            Self::OutOfRange { number, field } => {
                let (least, most) = field.bounds();
                write!(f, "the {field} `{number}` is not in {least} to {most}")
            }
            Self::ZeroStep => write!(f, "a step of 0 goes nowhere"),
            Self::NameOfAnother { name, field, belongs } => {
                write!(f, "`{name}` is a name for the {belongs}, and this is the {field}")
            }
            Self::Unreadable { item, field } => {
                write!(f, "`{}` is no {field}", item.escape_debug())
            }
            Self::YearsBackwards => write!(f, "these years run backwards"),
            Self::Never => write!(f, "this never fires"),
            Self::WideStep(step, field) => {
                write!(f, "a step of {step} is wider than the {field}, so only its start matches")
            }
            Self::UnevenStep(step, field) => {
                let (unit, whole) = match field {
                    Field::Second => ("seconds", "each minute"),
                    Field::Minute => ("minutes", "each hour"),
                    Field::Hour => ("hours", "each day"),
                    Field::Month => ("months", "each year"),
                    Field::DayOfWeek | Field::Week => ("days", "each week"),
                    Field::Day | Field::Year => ("days", "each month"),
                };
                write!(
                    f,
                    "every {step} {unit} starts afresh with {whole}, so the last step is shorter"
                )
            }
            Self::EverySecond => write!(f, "this fires in every second"),
            Self::DaysOred => {
                write!(
                    f,
                    "this fires on these days of the month, and also on these days of the week"
                )
            }
            Self::WeekdayNumber(_) => write!(f, "weekdays as numbers count from 0, sunday"),
        }
    }
}

impl Problem {
    /// The code of the warning, if it is only one.
    #[must_use]
    pub fn warning(&self) -> Option<&'static str> {
        Some(match self {
            Self::WideStep(..) => "wide-step",
            Self::UnevenStep(..) => "uneven-step",
            Self::EverySecond => "every-second",
            Self::DaysOred => "days-ored",
            Self::WeekdayNumber(_) => "weekday-number",
            _ => return None,
        })
    }

    /// What to write instead.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Empty | Self::FieldCount(_) => {
                "write minute, hour, day of month, month and day of week, as in `30 9 * * mon-fri`; a sixth field in front is the second, a seventh at the end the year".into()
            }
            Self::Nickname(_) => {
                "the nicknames are `@yearly`, `@monthly`, `@weekly`, `@daily`, `@midnight`, `@hourly`, `@reboot` and `@every 5m`".into()
            }
            Self::Every(_) => "write `@every 5m`, or better `interval = \"5m\"`".into(),
            Self::NotAscii(_) => "write digits, names, `*`, `-`, `/` and `,`".into(),
            Self::EmptyItem => "write an item between the commas, or take one comma away".into(),
            Self::Sign => "write the number alone; a `-` stands between the two ends of a range".into(),
            Self::OutOfRange { field, .. } => match field {
                Field::Hour => "hours go from 0 to 23; midnight is 0".into(),
                Field::DayOfWeek => "write a name: `sun`, `mon`, … `sat`".into(),
                Field::Year => format!("taskd's calendar goes from {FIRST_YEAR} to {LAST_YEAR}"),
                Field::Second | Field::Minute | Field::Day | Field::Month | Field::Week => {
                    let (least, most) = field.bounds();
                    format!("write a number from {least} to {most}")
                }
            },
            Self::ZeroStep => "write a step of 1 or more, or none".into(),
            Self::NameOfAnother { belongs, .. } => {
                format!("move it to the field of the {belongs}")
            }
            Self::Unreadable { field, .. } => field.grammar().into(),
            Self::YearsBackwards => "write the earlier year first".into(),
            Self::Never => "no year from 1970 to 2199 has such a day".into(),
            Self::WideStep(..) => "write the value alone, or a smaller step".into(),
            Self::UnevenStep(step, Field::Day) => {
                format!("for every {step} days, write `interval = \"{step}d\"` with a `start`")
            }
            Self::UnevenStep(step, Field::DayOfWeek | Field::Month) => {
                format!("write the values one by one instead of every {step}")
            }
            Self::UnevenStep(step, field) => {
                let unit = field.key().chars().next().unwrap_or('m');
                format!("for every {step} {field}s whatever the clock reads, write `interval = \"{step}{unit}\"`")
            }
            Self::EverySecond => "the first of six fields is the second; write `0` there for once a minute, or `interval = \"1s\"` if every second is meant".into(),
            Self::DaysOred => "so it is in cron; for days that are both, write fields as `cron = { day = 13, day_of_week = \"fri\" }`".into(),
            Self::WeekdayNumber(names) => format!("write `{names}`"),
        }
    }
}
