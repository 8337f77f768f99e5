//! A time zone, as a value: what the wall clock reads, and which instant a reading means.
//!
//! An instant is a [`Timestamp`], a wall-clock reading a civil [`DateTime`]; only this file
//! turns one into the other. Some readings come twice (a *fold*, as clocks go back), some never
//! (a *gap*, as they go forward).

use std::fmt;
use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp, ZonedDateTime};

use crate::hash;

/// A time zone and the name it goes by. Cheap to clone.
#[derive(Clone)]
pub struct Zone(Arc<Shared>);

/// What all copies have in common.
struct Shared {
    zone: TimeZone,
    name: Box<str>,
    /// What follows is worked out when somebody asks.
    rules: OnceLock<u64>,
    stretches: OnceLock<Box<[Stretch]>>,
    /// Which of them was asked for last: the next question is mostly about the same.
    last: AtomicUsize,
}

/// A time in which the wall clock runs straight, in seconds since 1970: far enough from any jump that each
/// of its readings comes once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// From this second on.
    pub from: i64,
    /// Up to this second, exclusive.
    pub until: i64,
    /// So many seconds the wall clock is ahead of UTC.
    pub offset: i64,
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.zone == other.0.zone && self.0.name == other.0.name
    }
}

impl Eq for Zone {}

/// What a reading in a zone turns out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It comes once.
    Once(Timestamp),
    /// It comes twice; this is the first pass.
    Fold(Timestamp),
    /// It never comes: the clock jumps over it at this instant.
    Gap(Timestamp),
}

/// A wall clock jumps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jump {
    /// When.
    pub at: Timestamp,
    /// What it would have read.
    pub from: DateTime,
    /// What it reads: more after a gap, less after a fold.
    pub to: DateTime,
}

impl Zone {
    /// A zone by the name it has in the database of zones, or by its rules where it has none.
    #[must_use]
    pub fn new(zone: TimeZone) -> Self {
        let name = match zone.iana_name() {
            Some(name) => name.into(),
            None => match zone.to_fixed_offset() {
                Ok(offset) => offset.to_string().into(),
                Err(_) => "local".into(),
            },
        };
        let (rules, stretches) = (OnceLock::new(), OnceLock::new());
        Self(Arc::new(Shared { zone, name, rules, stretches, last: AtomicUsize::new(0) }))
    }

    /// Coordinated universal time.
    #[must_use]
    pub fn utc() -> Self {
        Self::new(TimeZone::UTC)
    }

    /// The name people know it by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// A number for its rules: equal ones change their clocks alike from 2020 to 2035.
    #[must_use]
    pub fn rules(&self) -> u64 {
        /// 2020-01-01 and 2036-01-01, in seconds since 1970.
        const FROM_TO: (i64, i64) = (1_577_836_800, 2_082_758_400);
        *self.0.rules.get_or_init(|| {
            let mut at = Timestamp::constant(FROM_TO.0, 0);
            let mut rules = self.offset(at).to_string();
            while let Some(change) =
                self.next_change(at).filter(|change| change.as_second() < FROM_TO.1)
            {
                // A text takes all that is written.
                let _ = write!(rules, " {}{}", change.as_second(), self.offset(change));
                at = change;
            }
            hash::stable(&[rules.as_bytes()])
        })
    }

    /// The stretch that `at`, in seconds since 1970, lies in; `None` close to a jump, and outside of the
    /// years from 1970 to 2199.
    #[must_use]
    pub fn stretch(&self, at: i64) -> Option<Stretch> {
        let all = self.0.stretches.get_or_init(|| self.stretches());
        let is_in = |stretch: &&Stretch| stretch.from <= at && at < stretch.until;
        let last = all.get(self.0.last.load(Ordering::Relaxed)).filter(is_in);
        if let Some(last) = last {
            return Some(*last);
        }
        let index = all.partition_point(|stretch| stretch.from <= at).checked_sub(1)?;
        let found = all.get(index).filter(is_in)?;
        self.0.last.store(index, Ordering::Relaxed);
        Some(*found)
    }

    /// All of them, in order.
    fn stretches(&self) -> Box<[Stretch]> {
        /// No clock jumps by more than a day and an hour.
        const APART: i64 = 2 * 86_400;
        /// 1970-01-01 and 2200-01-01.
        const FROM_TO: (i64, i64) = (0, 7_258_118_400);
        let begin = Timestamp::constant(FROM_TO.0, 0);
        let changes = self.0.zone.following(begin);
        let changes = changes.map(|change| (change.timestamp().as_second(), change.offset()));
        let end = (FROM_TO.1, self.0.zone.to_offset(begin));
        let changes = changes.take_while(|(at, _)| *at < FROM_TO.1).chain([end]);
        let (mut from, mut offset) = (FROM_TO.0, self.0.zone.to_offset(begin));
        let mut stretches = Vec::new();
        for (at, next) in changes {
            if next == offset && at < FROM_TO.1 {
                // Another name for the same time.
                continue;
            }
            let stretch =
                Stretch { from: from + APART, until: at - APART, offset: offset.seconds().into() };
            stretches.extend((stretch.from < stretch.until).then_some(stretch));
            (from, offset) = (at, next);
        }
        stretches.into()
    }

    /// `at` with what this zone knows about it: for people and for RFC 3339.
    #[must_use]
    pub fn zoned(&self, at: Timestamp) -> ZonedDateTime {
        at.to_zoned_datetime(self.0.zone.clone())
    }

    /// What the wall clock reads at `at`.
    #[must_use]
    pub fn wall(&self, at: Timestamp) -> DateTime {
        self.0.zone.to_datetime(at)
    }

    /// How far the wall clock is from UTC at `at`.
    #[must_use]
    pub fn offset(&self, at: Timestamp) -> Offset {
        let known = self.stretch(at.as_second()).and_then(|stretch| {
            let seconds = i32::try_from(stretch.offset).ok()?;
            Offset::from_seconds(seconds).ok()
        });
        known.unwrap_or_else(|| self.0.zone.to_offset(at))
    }

    /// The first instant after `after` at which the rules of this zone change, if any is known.
    #[must_use]
    pub fn next_change(&self, after: Timestamp) -> Option<Timestamp> {
        self.0.zone.following(after).next().map(|change| change.timestamp())
    }

    /// The instants after `after` at which the wall clock jumps, in order.
    pub fn jumps(&self, after: Timestamp) -> impl Iterator<Item = Jump> {
        let mut before = self.offset(after);
        self.0.zone.following(after).filter_map(move |change| {
            let (from, to) = (before, change.offset());
            before = to;
            let at = change.timestamp();
            (from != to).then(|| Jump { at, from: from.to_datetime(at), to: to.to_datetime(at) })
        })
    }

    /// Which instant the reading `wall` means, or `None` beyond the end of time (year 9999).
    #[must_use]
    pub fn read(&self, wall: DateTime) -> Option<Reading> {
        match self.0.zone.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Unambiguous { offset } => {
                offset.to_timestamp(wall).ok().map(Reading::Once)
            }
            AmbiguousOffset::Fold { before, .. } => {
                before.to_timestamp(wall).ok().map(Reading::Fold)
            }
            AmbiguousOffset::Gap { after, .. } => {
                // Read with the offset after the gap, the reading lies before the jump.
                let earlier = after.to_timestamp(wall).ok()?;
                self.0
                    .zone
                    .following(earlier)
                    .find(|change| change.offset().to_datetime(change.timestamp()) > wall)
                    .map(|change| Reading::Gap(change.timestamp()))
            }
        }
    }

    /// The instant of `wall` as people mean it: in a fold the first pass, in a gap as if the
    /// clock had not been changed yet. `None` beyond the end of time.
    #[must_use]
    pub fn instant(&self, wall: DateTime) -> Option<Timestamp> {
        self.0.zone.to_ambiguous_timestamp(wall).compatible().ok()
    }

    /// If `at` lies in the second pass of a fold: the reading at which that fold ends.
    #[must_use]
    pub fn second_pass_end(&self, at: Timestamp) -> Option<DateTime> {
        let wall = self.wall(at);
        let AmbiguousOffset::Fold { before, after } =
            self.0.zone.to_ambiguous_timestamp(wall).offset()
        else {
            return None;
        };
        if self.offset(at) != after {
            return None;
        }
        // `preceding` is exclusive, and `at` may be the very instant of the change.
        let next = at.checked_add(SignedDuration::from_nanos(1)).ok()?;
        let change = self
            .0
            .zone
            .preceding(next)
            .find(|change| before.to_datetime(change.timestamp()) > wall)?;
        Some(before.to_datetime(change.timestamp()))
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.0.name)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> Zone {
        Zone::new(TimeZone::get(name).expect("a zone of the database"))
    }

    fn ts(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    #[test]
    fn a_reading_comes_once_twice_or_never() {
        for (name, wall, expected) in [
            ("Europe/Berlin", "2026-06-01T12:00", Reading::Once(ts("2026-06-01T10:00:00Z"))),
            // Clocks go back from 03:00 to 02:00.
            ("Europe/Berlin", "2026-10-25T02:30", Reading::Fold(ts("2026-10-25T00:30:00Z"))),
            // Clocks go forward from 02:00 to 03:00: the gap ends at 01:00 UTC, wherever in it we ask.
            ("Europe/Berlin", "2026-03-29T02:00", Reading::Gap(ts("2026-03-29T01:00:00Z"))),
            ("Europe/Berlin", "2026-03-29T02:59:59", Reading::Gap(ts("2026-03-29T01:00:00Z"))),
            ("Europe/Berlin", "2026-03-29T03:00", Reading::Once(ts("2026-03-29T01:00:00Z"))),
            // Half an hour.
            ("Australia/Lord_Howe", "2026-10-04T02:15", Reading::Gap(ts("2026-10-03T15:30:00Z"))),
            // A whole day that never was.
            ("Pacific/Apia", "2011-12-30T12:00", Reading::Gap(ts("2011-12-30T10:00:00Z"))),
        ] {
            let wall = wall.parse().expect("a reading");
            assert_eq!(zone(name).read(wall), Some(expected), "{wall} in {name}");
        }
    }

    #[test]
    fn in_a_stretch_each_reading_comes_once() {
        for name in
            ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]
        {
            let zone = zone(name);
            let mut quiet = 0;
            // Every three hours or so, for sixty years.
            for at in (946_684_800..2_840_140_800).step_by(10_007) {
                let Some(Stretch { from, until, offset }) = zone.stretch(at) else { continue };
                quiet += 1;
                assert!((from..until).contains(&at), "{name} {at}");
                let at = Timestamp::from_second(at).expect("in range");
                assert_eq!(i64::from(zone.0.zone.to_offset(at).seconds()), offset, "{name} {at}");
                assert_eq!(zone.read(zone.wall(at)), Some(Reading::Once(at)), "{name}");
                assert_eq!(zone.second_pass_end(at), None, "{name} {at}");
            }
            assert!(quiet > 180_000, "{name}: {quiet} of 189,213");
        }
    }

    #[test]
    fn the_second_pass_of_a_fold_knows_its_end() {
        let berlin = zone("Europe/Berlin");
        for (at, expected) in [
            // The first pass, and the last microsecond of it.
            ("2026-10-25T00:30:00Z", None),
            ("2026-10-25T00:59:59.999999Z", None),
            // The second pass, from its first instant to its last.
            ("2026-10-25T01:00:00Z", Some("2026-10-25T03:00:00")),
            ("2026-10-25T01:59:59.999999Z", Some("2026-10-25T03:00:00")),
            ("2026-10-25T02:00:00Z", None),
        ] {
            let expected: Option<DateTime> = expected.map(|end| end.parse().expect("a reading"));
            assert_eq!(berlin.second_pass_end(ts(at)), expected, "{at}");
        }
    }
}
