//! The fields of a pattern: their bounds, their names and how they are written.

use std::fmt;

use crate::trigger::{FIRST_YEAR, LAST_YEAR};

/// A field of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// 0 to 59.
    Second,
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// The day of the month, 1 to 31.
    Day,
    /// 1 to 12, or a name.
    Month,
    /// 0 (Sunday) to 7 (Sunday again), or a name.
    DayOfWeek,
    /// The ISO week, 1 to 53.
    Week,
    /// 1970 to 2199.
    Year,
}

const WEEKDAYS: [&str; 7] =
    ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

impl Field {
    /// All of them, from coarse to fine.
    pub const ALL: [Self; 8] = [
        Self::Year,
        Self::Month,
        Self::Day,
        Self::Week,
        Self::DayOfWeek,
        Self::Hour,
        Self::Minute,
        Self::Second,
    ];

    /// The least and the greatest number it takes.
    #[must_use]
    pub fn bounds(self) -> (u16, u16) {
        match self {
            Self::Second | Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::Day => (1, 31),
            Self::Month => (1, 12),
            Self::DayOfWeek => (0, 7),
            Self::Week => (1, 53),
            Self::Year => (FIRST_YEAR.unsigned_abs(), LAST_YEAR.unsigned_abs()),
        }
    }

    /// Where `*` and `a/n` end: 7 is only another way to write Sunday.
    pub(super) fn last(self) -> u16 {
        if self == Self::DayOfWeek { 6 } else { self.bounds().1 }
    }

    /// Its key in a table of fields.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
            Self::DayOfWeek => "day_of_week",
            Self::Week => "week",
            Self::Year => "year",
        }
    }

    pub(super) fn names(self) -> &'static [&'static str] {
        match self {
            Self::Month => &MONTHS,
            Self::DayOfWeek => &WEEKDAYS,
            _ => &[],
        }
    }

    /// The full name of one of its values, or the number.
    pub(super) fn name_of(self, value: u16) -> String {
        let index = match self {
            Self::Month => usize::from(value).wrapping_sub(1),
            _ => usize::from(value % 7),
        };
        self.names().get(index).map_or_else(|| value.to_string(), ToString::to_string)
    }

    /// The value of a name: the first three letters or all of them.
    pub(super) fn named(self, text: &str) -> Option<u16> {
        let matches =
            |name: &&str| text.eq_ignore_ascii_case(name) || text.eq_ignore_ascii_case(&name[..3]);
        let index = self.names().iter().position(matches)?;
        let least = u16::from(self == Self::Month);
        u16::try_from(index).ok().map(|index| index + least)
    }

    pub(super) fn grammar(self) -> &'static str {
        match self {
            Self::Day => {
                "write `15`, `1-7`, `*/2` or `1,15`; the last day is `L` in a crontab text; in a field `last`, `2nd fri` and `last fri` go, too"
            }
            Self::Month => "write `1` to `12` or `jan` to `dec`, `jun-aug`, `*/3` or `jan,jul`",
            Self::DayOfWeek => "write `sun` to `sat`, `mon-fri` or `sat,sun`",
            _ => "write a number, a range as `1-5`, a step as `*/2` or a list as `1,3,5`",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DayOfWeek => "day of week",
            Self::Day => "day of month",
            other => other.key(),
        })
    }
}
