//! Lengths of time as people write them: humantime's words, months and years left out, for
//! nobody knows how long those are.

use std::fmt;

use jiff::SignedDuration;

/// Reads `1h 30m`, `90s`, `1500ms`, …: a length of zero or more, in whole microseconds.
///
/// # Errors
///
/// Returns [`BadDuration`] if it is written otherwise, has no exact length, or is too long.
pub fn parse(text: &str) -> Result<SignedDuration, BadDuration> {
    let mut units = text.split(|c: char| !c.is_ascii_alphabetic()).filter(|unit| !unit.is_empty());
    if let Some(unit) = units.find(|unit| {
        matches!(*unit, "M" | "month" | "months" | "y" | "yr" | "yrs" | "year" | "years")
    }) {
        return Err(BadDuration::NotExact(unit.into()));
    }
    if text.contains('+') {
        return Err(BadDuration::Form);
    }
    let length = humantime::parse_duration(text).map_err(|error| match error {
        humantime::DurationError::NumberOverflow => BadDuration::TooLong,
        _ => BadDuration::Form,
    })?;
    let micros = i64::try_from(length.as_micros()).map_err(|_| BadDuration::TooLong)?;
    Ok(SignedDuration::from_micros(micros))
}

/// Prints a length so that [`parse`] gives it back: `1h 30m`.
#[must_use]
pub fn print(length: SignedDuration) -> String {
    let days = length.as_hours() / 24;
    let within_day = length - SignedDuration::from_hours(days * 24);
    // humantime goes on to months, which it would not be allowed to read again.
    let rest = humantime::format_duration(within_day.unsigned_abs()).to_string();
    match (days, within_day.is_zero()) {
        (0, _) => rest,
        (_, true) => format!("{days}d"),
        _ => format!("{days}d {rest}"),
    }
}

/// Why a text is no length of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadDuration {
    /// It is not written as a duration is.
    Form,
    /// It names a unit without an exact length.
    NotExact(String),
    /// It is longer than taskd can count.
    TooLong,
}

impl fmt::Display for BadDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => write!(f, "this is not a duration as `1h 30m`"),
            Self::NotExact(unit) => write!(f, "`{unit}` has no exact length"),
            Self::TooLong => write!(f, "this is longer than taskd can count"),
        }
    }
}

impl std::error::Error for BadDuration {}

impl BadDuration {
    /// What to write instead.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Form => "write numbers with units, as in `10s`, `5m`, `1h 30m` or `2days`",
            Self::NotExact(_) => {
                "write it in weeks or days; for calendar months and years use `cron`"
            }
            Self::TooLong => "write a shorter one",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_what_humantime_reads_and_has_an_exact_length() {
        for (text, expected) in [
            ("10s", Ok(10_000)),
            ("1h 30m", Ok(5_400_000)),
            ("1h30m", Ok(5_400_000)),
            ("2days", Ok(172_800_000)),
            ("1w", Ok(604_800_000)),
            ("1500ms", Ok(1_500)),
            ("0s", Ok(0)),
            ("", Err(BadDuration::Form)),
            ("10", Err(BadDuration::Form)),
            ("-5s", Err(BadDuration::Form)),
            ("+5s", Err(BadDuration::Form)),
            ("5 parsecs", Err(BadDuration::Form)),
            // `M` is a month, and humantime takes it for 30.44 days.
            ("1M", Err(BadDuration::NotExact("M".into()))),
            ("1year", Err(BadDuration::NotExact("year".into()))),
            ("99999999999999999999s", Err(BadDuration::TooLong)),
            ("9999999999999999s", Err(BadDuration::TooLong)),
        ] {
            assert_eq!(parse(text), expected.map(SignedDuration::from_millis), "{text:?}");
        }
    }

    #[test]
    fn what_is_printed_is_read_again() {
        for (millis, expected) in [
            (10_000, "10s"),
            (5_400_000, "1h 30m"),
            (172_800_000, "2d"),
            // Longer than humantime's month.
            (90 * 86_400_000 + 1_500, "90d 1s 500ms"),
            (0, "0s"),
        ] {
            let length = SignedDuration::from_millis(millis);
            assert_eq!(print(length), expected);
            assert_eq!(parse(expected), Ok(length));
        }
    }
}
