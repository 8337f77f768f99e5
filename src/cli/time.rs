//! Times as people type and read them.

use std::fmt::Write;

use jiff::{SignedDuration, Timestamp, ToSpan};

use super::exit::{Exit, Failure};
use crate::duration;
use crate::trigger::Moment;
use crate::zone::Zone;

/// Where a time that was typed stands: it decides which 09:00 is meant, and which end of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// What comes after it.
    After,
    /// What comes until it.
    Until,
}

/// Reads RFC 3339; `YYYY-MM-DD[ HH:MM[:SS]]` or the next `HH:MM[:SS]` in `zone`; or a length of
/// time from `now` on.
///
/// # Errors
///
/// Ends with 2 if it is none of these.
pub fn parse(text: &str, bound: Bound, zone: &Zone, now: Timestamp) -> Result<Timestamp, Failure> {
    let meant = match Moment::parse(text) {
        Ok(moment) if bound == Bound::After => moment.instant(zone),
        Ok(moment) => moment.last_instant(zone),
        Err(bad) => match (next_time(text, zone, now), duration::parse(text)) {
            (Some(time), _) => Some(time),
            (None, Ok(length)) => now.checked_add(length).ok(),
            // Something that begins like a date is a wrong date.
            (None, Err(_))
                if text.starts_with(|c: char| c.is_ascii_digit()) && text.contains('-') =>
            {
                return Err(Failure::new(Exit::Usage, format!("`{text}`: {bad}")).help(bad.help()));
            }
            (None, Err(_)) => None,
        },
    };
    meant.ok_or_else(|| {
        Failure::new(Exit::Usage, format!("`{text}` is no time")).help(
            "write `2026-12-31T23:59:59+01:00`, `2026-12-31 23:59`, `23:59` or a length as `2h`",
        )
    })
}

/// Reads a time that lies behind: RFC 3339; `YYYY-MM-DD[ HH:MM[:SS]]` or the latest `HH:MM[:SS]` in
/// `zone`; or a length of time until `now`. A date alone is its beginning as a bound after, its end
/// as a bound until.
///
/// # Errors
///
/// Ends with 2 if it is none of these.
pub fn parse_past(
    text: &str,
    bound: Bound,
    zone: &Zone,
    now: Timestamp,
) -> Result<Timestamp, Failure> {
    if let Some(latest) = latest_time(text, zone, now) {
        return Ok(latest);
    }
    match duration::parse(text) {
        Ok(length) => Ok(now.checked_sub(length).unwrap_or(Timestamp::MIN)),
        Err(_) => parse(text, bound, zone, now),
    }
}

/// The latest time at which the clock read `HH:MM[:SS]`.
fn latest_time(text: &str, zone: &Zone, now: Timestamp) -> Option<Timestamp> {
    if !text.contains(':') {
        return None;
    }
    let today = zone.wall(now).date();
    let yesterday = today.checked_sub(1.day()).ok()?;
    [today, yesterday].into_iter().find_map(|date| {
        let moment = Moment::parse(&format!("{date} {text}")).ok()?;
        moment.instant(zone).filter(|at| *at <= now)
    })
}

/// The next time at which the clock reads `HH:MM[:SS]`.
fn next_time(text: &str, zone: &Zone, now: Timestamp) -> Option<Timestamp> {
    if !text.contains(':') {
        return None;
    }
    let today = zone.wall(now).date();
    let tomorrow = today.checked_add(1.day()).ok()?;
    [today, tomorrow].into_iter().find_map(|date| {
        let moment = Moment::parse(&format!("{date} {text}")).ok()?;
        moment.instant(zone).filter(|at| *at > now)
    })
}

/// `at` in RFC 3339, as the wall clock of `zone` reads.
pub fn rfc3339(at: Timestamp, zone: &Zone) -> String {
    at.display_with_offset(zone.offset(at)).to_string()
}

/// How far away `at` is, for people: `in 3m`, `in 2h 5m`, `in 3d 4h`.
pub fn relative(at: Timestamp, now: Timestamp) -> String {
    let away = at.duration_since(now);
    let mut words = String::with_capacity(16);
    if away.is_negative() {
        rough(&mut words, away.abs());
        words.push_str(" ago");
    } else {
        words.push_str("in ");
        rough(&mut words, away);
    }
    words
}

/// A length in its two largest units.
fn rough(words: &mut String, length: SignedDuration) {
    let seconds = length.as_secs();
    let units = [
        (seconds / 86_400, "d"),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let first = units.iter().position(|(count, _)| *count > 0).unwrap_or(3);
    for (index, (count, unit)) in units[first..].iter().take(2).enumerate() {
        if index > 0 && *count == 0 {
            continue;
        }
        let gap = if index > 0 { " " } else { "" };
        // A text takes all that is written.
        let _ = write!(words, "{gap}{count}{unit}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    fn ts(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    #[test]
    fn times_are_read_in_the_zone_of_the_file() {
        let berlin = Zone::new(TimeZone::get("Europe/Berlin").expect("a zone of the database"));
        let now = ts("2026-01-05T12:00:00Z");
        for (text, after, until) in [
            ("2026-01-05T09:30:00+05:00", "2026-01-05T04:30:00Z", "2026-01-05T04:30:00Z"),
            ("2026-01-05 09:30", "2026-01-05T08:30:00Z", "2026-01-05T08:30:00Z"),
            // Until a day means until its end.
            ("2026-01-05", "2026-01-04T23:00:00Z", "2026-01-05T22:59:59.999999Z"),
            // 13:00 is now in Berlin; the next is tomorrow's.
            ("13:00", "2026-01-06T12:00:00Z", "2026-01-06T12:00:00Z"),
            ("13:00:01", "2026-01-05T12:00:01Z", "2026-01-05T12:00:01Z"),
            ("2h", "2026-01-05T14:00:00Z", "2026-01-05T14:00:00Z"),
        ] {
            assert_eq!(
                parse(text, Bound::After, &berlin, now).ok(),
                Some(ts(after)),
                "after {text}"
            );
            assert_eq!(
                parse(text, Bound::Until, &berlin, now).ok(),
                Some(ts(until)),
                "until {text}"
            );
        }
        for text in ["", "tomorrow", "25:00", "2026-02-30", "1month"] {
            assert!(parse(text, Bound::After, &berlin, now).is_err(), "{text}");
        }
    }

    #[test]
    fn times_that_lie_behind_are_the_latest_such() {
        let berlin = Zone::new(TimeZone::get("Europe/Berlin").expect("a zone of the database"));
        let now = ts("2026-01-05T12:00:00Z");
        for (text, expected) in [
            ("24h", "2026-01-04T12:00:00Z"),
            // 13:00 is now in Berlin, and 13:01 was yesterday.
            ("13:00", "2026-01-05T12:00:00Z"),
            ("13:01", "2026-01-04T12:01:00Z"),
            ("2026-01-05", "2026-01-04T23:00:00Z"),
            ("2026-01-05T09:30:00+05:00", "2026-01-05T04:30:00Z"),
        ] {
            let read = parse_past(text, Bound::After, &berlin, now).ok();
            assert_eq!(read, Some(ts(expected)), "{text}");
        }
        assert!(parse_past("yesterday", Bound::After, &berlin, now).is_err());
    }

    #[test]
    fn people_are_told_two_units() {
        let now = ts("2026-01-05T12:00:00Z");
        for (seconds, expected) in [
            (0, "in 0s"),
            (59, "in 59s"),
            (180, "in 3m"),
            (7_500, "in 2h 5m"),
            (7_205, "in 2h"),
            (3 * 86_400 + 4 * 3600 + 59, "in 3d 4h"),
            (-90, "1m 30s ago"),
        ] {
            assert_eq!(relative(now + SignedDuration::from_secs(seconds), now), expected);
        }
    }
}
