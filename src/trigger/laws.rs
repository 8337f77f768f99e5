//! The laws, over any triggers of a task together: all kinds, all zones, any start and end.

use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp, ToSpan};
use proptest::prelude::*;

use super::cron::tests::{any_instant, any_pattern, any_zone};
use super::{Calendar, Cron, Dates, Firing, Interval, MonthEnd, Trigger, Unit, When};
use crate::zone::Zone;

/// So many firings of a stretch are looked at.
const MOST: usize = 2_000;

fn any_trigger(zone: &Zone) -> impl Strategy<Value = Trigger> + use<> {
    let zone = zone.clone();
    let interval = (1..10_000_000_i64, any_instant(&zone)).prop_map(|(seconds, start)| {
        let interval = Interval::new(SignedDuration::from_secs(seconds)).expect("a second or more");
        Trigger::Interval(interval.starting(start))
    });
    let instants = proptest::collection::vec(any_instant(&zone), 1..4);
    let dates = instants.prop_map(|instants| Trigger::Dates(Dates::new(instants)));
    let unit = prop_oneof![
        (1..40_u16, any::<bool>()).prop_map(|(months, clamp)| {
            Unit::Months(months, if clamp { MonthEnd::Clamp } else { MonthEnd::Skip })
        }),
        (1..400_u16).prop_map(Unit::Days),
    ];
    let of = zone.clone();
    let calendar = (any_instant(&zone), 0..24_i8, unit).prop_map(move |(start, hour, unit)| {
        let (start, at) = (of.wall(start).date(), Time::constant(hour, 30, 0, 0));
        Trigger::Calendar(Calendar::new(start, at, unit, of.clone()))
    });
    let cron =
        any_pattern().prop_map(move |pattern| Trigger::Cron(Cron::new(pattern, zone.clone())));
    prop_oneof![interval, dates, calendar, cron]
}

/// Some triggers in one zone, between a start and an end or neither, and two instants in order.
fn a_question() -> impl Strategy<Value = (When, Timestamp, Timestamp)> {
    any_zone().prop_flat_map(|zone| {
        let triggers = proptest::collection::vec(any_trigger(&zone), 1..4);
        let bound = || proptest::option::weighted(0.3, any_instant(&zone));
        let instants = (any_instant(&zone), any_instant(&zone));
        (triggers, bound(), bound(), instants).prop_map(|(triggers, start, end, (a, b))| {
            (When::new(triggers, start, end), a.min(b), a.max(b))
        })
    })
}

fn firings(when: &When, from: Timestamp, to: Timestamp) -> Vec<Firing> {
    let all = std::iter::successors(when.next_after(from), |firing| when.next_after(firing.due));
    all.take_while(|firing| firing.due <= to).take(MOST).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_answer_is_strictly_later_and_the_same_until_it_comes((when, after, _) in a_question(), part in 0.0..1.0_f64) {
        if let Some(firing) = when.next_after(after) {
            prop_assert!(firing.due > after, "{} is not after {after}", firing.due);
            let between = after + after.duration_until(firing.due).mul_f64(part);
            for again in [between.min(firing.due - 1.microsecond()), firing.due - 1.microsecond()] {
                prop_assert_eq!(when.next_after(again), Some(firing), "asked at {}", again);
            }
        }
    }

    #[test]
    fn a_later_question_never_gets_an_earlier_answer((when, earlier, later) in a_question()) {
        let due = |after| when.next_after(after).map(|firing| firing.due);
        match (due(earlier), due(later)) {
            (Some(first), Some(second)) => prop_assert!(first <= second, "{first} {second}"),
            (None, Some(second)) => prop_assert!(false, "nothing, then {second}"),
            (_, None) => {}
        }
    }

    #[test]
    fn firings_add_up((when, from, _) in a_question(), first in 1..4_000_000_i64, second in 1..4_000_000_i64) {
        let middle = from + SignedDuration::from_secs(first);
        let to = middle + SignedDuration::from_secs(second);
        let mut parts = firings(&when, from, middle);
        if parts.len() == MOST {
            return Ok(());
        }
        parts.extend(firings(&when, middle, to));
        parts.truncate(MOST);
        prop_assert_eq!(firings(&when, from, to), parts);
    }

    /// What a sleeping machine owes: the newest firing is found without walking to it.
    #[test]
    fn the_last_firing_is_found_by_halving((when, from, _) in a_question(), seconds in 1..400_000_i64) {
        let to = from + SignedDuration::from_secs(seconds);
        let all = firings(&when, from, to);
        if all.len() < MOST {
            prop_assert_eq!(when.last_until(from, to), all.last().copied());
        }
    }
}
