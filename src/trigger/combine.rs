//! Several triggers as one, between a start and an end.

use std::sync::Arc;

use jiff::{Timestamp, ToSpan};

use super::{After, Calendar, Cron, Dates, Function, Interval, Startup};
use crate::event::{Count, TriggerKind};

/// One way of saying when.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    /// Every so much elapsed time.
    Interval(Interval),
    /// A pattern of wall-clock readings in a zone.
    Cron(Cron),
    /// Single instants.
    Dates(Dates),
    /// Every so many months or days.
    Calendar(Calendar),
    /// Once when the daemon starts.
    Startup(Startup),
    /// When runs of other tasks have ended.
    After(After),
    /// When a function of a program says so.
    Function(Function),
}

impl Trigger {
    /// The word for its kind.
    #[must_use]
    pub fn kind(&self) -> TriggerKind {
        match self {
            Self::Interval(_) => TriggerKind::Interval,
            Self::Cron(_) => TriggerKind::Cron,
            // Single instants, whoever names them.
            Self::Dates(_) | Self::Function(_) => TriggerKind::Date,
            Self::Calendar(_) => TriggerKind::Calendar,
            Self::Startup(_) => TriggerKind::Startup,
            Self::After(_) => TriggerKind::After,
        }
    }

    /// Returns the first firing strictly after `after`, or `None` if there will be no more.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Interval(interval) => interval.next_after(after),
            Self::Cron(cron) => cron.next_after(after),
            Self::Dates(dates) => dates.next_after(after),
            Self::Calendar(calendar) => calendar.next_after(after),
            Self::Function(function) => function.next_after(after),
            // No clock names it.
            Self::Startup(_) | Self::After(_) => None,
        }
    }
}

/// A trigger coming due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Firing {
    /// The nominal instant.
    pub due: Timestamp,
    /// What names it; where several do, the first kind.
    pub kind: TriggerKind,
}

/// All that says when a task fires: any of its triggers, from a start to an end. Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct When(Arc<Rule>);

#[derive(Debug, PartialEq)]
struct Rule {
    triggers: Box<[Trigger]>,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
}

impl When {
    /// Fires when any of `triggers` does, not before `start` and not after `end`.
    #[must_use]
    pub fn new(triggers: Vec<Trigger>, start: Option<Timestamp>, end: Option<Timestamp>) -> Self {
        Self(Arc::new(Rule { triggers: triggers.into(), start, end }))
    }

    /// The triggers, as they were given.
    #[must_use]
    pub fn triggers(&self) -> &[Trigger] {
        &self.0.triggers
    }

    /// Before this instant, nothing fires.
    #[must_use]
    pub fn start(&self) -> Option<Timestamp> {
        self.0.start
    }

    /// After this instant, nothing fires.
    #[must_use]
    pub fn end(&self) -> Option<Timestamp> {
        self.0.end
    }

    /// Whether a clock names any of its firings.
    #[must_use]
    pub fn has_clock(&self) -> bool {
        let arises = |trigger: &Trigger| matches!(trigger, Trigger::Startup(_) | Trigger::After(_));
        !self.0.triggers.iter().all(arises)
    }

    /// Whether any trigger fires by something else than a clock.
    #[must_use]
    pub fn arises(&self) -> bool {
        let arises = |trigger: &Trigger| matches!(trigger, Trigger::Startup(_) | Trigger::After(_));
        self.0.triggers.iter().any(arises)
    }

    /// The triggers that fire when the daemon starts.
    pub fn startups(&self) -> impl Iterator<Item = Startup> {
        self.0.triggers.iter().filter_map(|trigger| match trigger {
            Trigger::Startup(startup) => Some(*startup),
            _ => None,
        })
    }

    /// The triggers that fire after other tasks, each with its place among all triggers.
    pub fn afters(&self) -> impl Iterator<Item = (usize, &After)> {
        self.0.triggers.iter().enumerate().filter_map(|(index, trigger)| match trigger {
            Trigger::After(after) => Some((index, after)),
            _ => None,
        })
    }

    /// Whether `at` lies between start and end, both inclusive.
    #[must_use]
    pub fn covers(&self, at: Timestamp) -> bool {
        self.0.start.is_none_or(|start| start <= at) && self.0.end.is_none_or(|end| at <= end)
    }

    /// Returns the first firing strictly after `after`, or `None` if there will be no more.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Firing> {
        // The start itself may fire, so ask from just before it.
        let after = match self.0.start {
            Some(start) if after < start => start.checked_sub(1.microsecond()).unwrap_or(start),
            _ => after,
        };
        self.0
            .triggers
            .iter()
            .filter_map(|trigger| {
                let due = trigger.next_after(after)?;
                Some(Firing { due, kind: trigger.kind() })
            })
            .min_by_key(|firing| (firing.due, firing.kind))
            .filter(|firing| self.0.end.is_none_or(|end| firing.due <= end))
    }

    /// The last firing in `(after, now]`, found by halving: the laws allow it.
    #[must_use]
    pub fn last_until(&self, after: Timestamp, now: Timestamp) -> Option<Firing> {
        let due_by_now = |question: i64| {
            let question = Timestamp::from_microsecond(question).ok()?;
            self.next_after(question).filter(|firing| firing.due <= now)
        };
        let (mut low, mut high) = (after.as_microsecond(), now.as_microsecond());
        let mut last = due_by_now(low)?;
        // Between `low`, whose answer is due by now, and `high`, whose answer is not.
        while high - low > 1 {
            low = last.due.as_microsecond();
            let Some(next) = due_by_now(low) else { break };
            last = next;
            let middle = low + (high - low) / 2;
            match due_by_now(middle) {
                Some(later) => last = later,
                None => high = middle,
            }
        }
        Some(last)
    }

    /// How many firings lie in `first..=last`, both of them firings; counted no further than
    /// [`Count::LIMIT`], and one by one, where there is no better way, not even so far: it must not
    /// take long.
    #[must_use]
    pub fn count(&self, first: Timestamp, last: Timestamp) -> Count {
        const MOST_STEPS: u64 = 10_000;
        match self.triggers() {
            [Trigger::Interval(interval)] => return Count::of(interval.count(first, last)),
            [Trigger::Cron(cron)] => return Count::of(cron.count(first, last, Count::LIMIT)),
            _ => {}
        }
        let mut counted = 1;
        let mut at = first;
        while at < last {
            if counted == MOST_STEPS {
                return Count { counted, more: true };
            }
            let Some(next) = self.next_after(at) else { break };
            at = next.due;
            counted += 1;
        }
        Count { counted, more: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    fn ts(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    fn every(seconds: i64) -> Trigger {
        let length = SignedDuration::from_secs(seconds);
        Trigger::Interval(Interval::new(length).expect("a fine length"))
    }

    fn at(text: &str) -> Trigger {
        Trigger::Dates(Dates::new(vec![ts(text)]))
    }

    #[test]
    fn any_trigger_fires_between_start_and_end() {
        let bounded = When::new(
            vec![every(3600), at("2026-01-01T00:30:00Z"), at("2026-01-01T01:00:00Z")],
            Some(ts("2026-01-01T00:00:00Z")),
            Some(ts("2026-01-01T02:00:00Z")),
        );
        for (after, expected) in [
            // The start is inclusive.
            ("2025-06-01T00:00:00Z", Some(("2026-01-01T00:00:00Z", TriggerKind::Interval))),
            // The nearest wins.
            ("2026-01-01T00:00:00Z", Some(("2026-01-01T00:30:00Z", TriggerKind::Date))),
            // An instant named twice is one firing, under the first kind.
            ("2026-01-01T00:30:00Z", Some(("2026-01-01T01:00:00Z", TriggerKind::Interval))),
            // The end is inclusive, and final.
            ("2026-01-01T01:00:00Z", Some(("2026-01-01T02:00:00Z", TriggerKind::Interval))),
            ("2026-01-01T02:00:00Z", None),
        ] {
            let expected = expected.map(|(due, kind)| Firing { due: ts(due), kind });
            assert_eq!(bounded.next_after(ts(after)), expected, "after {after}");
        }
    }

    #[test]
    fn the_last_firing_owed_is_found_and_the_others_counted() {
        let often = When::new(vec![every(1)], None, None);
        let mixed = When::new(vec![every(3600), at("2026-01-01T00:30:00Z")], None, None);
        for (when, after, now, last, count) in [
            // Two weeks of seconds, in a few dozen questions.
            (
                &often,
                "2026-01-01T00:00:00Z",
                "2026-01-15T00:00:00Z",
                Some("2026-01-15T00:00:00Z"),
                1_000_001,
            ),
            (&often, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.9Z", None, 0),
            (
                &often,
                "2026-01-01T00:00:00Z",
                "2026-01-01T00:00:01Z",
                Some("2026-01-01T00:00:01Z"),
                1,
            ),
            (
                &mixed,
                "2026-01-01T00:00:00Z",
                "2026-01-01T00:59:59Z",
                Some("2026-01-01T00:30:00Z"),
                1,
            ),
            (
                &mixed,
                "2026-01-01T00:00:00Z",
                "2026-01-01T02:00:00Z",
                Some("2026-01-01T02:00:00Z"),
                3,
            ),
        ] {
            let found = when.last_until(ts(after), ts(now)).map(|firing| firing.due);
            assert_eq!(found, last.map(ts), "{after} to {now}");
            let Some(last) = found else { continue };
            let first = when.next_after(ts(after)).expect("there is a last one").due;
            assert_eq!(when.count(first, last), Count::of(count), "{after} to {now}");
        }
    }
}
