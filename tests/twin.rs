//! A second opinion on cron triggers where clocks change.
//!
//! The twin walks real half minutes with a wall clock in its hand and knows only the written
//! policy: a *fixed* trigger (its hour and minute do not start with `*`) fires once for each reading, at
//! the first pass of a fold, at the first instant after a gap; any other fires whenever the clock
//! shows a reading. It shares no code with the triggers but jiff's tables of offsets.
//!
//! `TASKD_PROOF=full` asks over 200,000 questions; otherwise a tenth of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use taskd::trigger::Cron;
use taskd::trigger::cron::{Crontab, Pattern, parse_crontab};
use taskd::zone::Zone;

/// Summer time of every kind, half hours, quarter hours, midnight gaps, skipped and repeated days,
/// double summer time, morning and afternoon changes, zones that changed their minds.
const ZONES: [&str; 48] = [
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/El_Aaiun",
    "Africa/Monrovia",
    "Africa/Windhoek",
    "America/Argentina/San_Luis",
    "America/Asuncion",
    "America/Bogota",
    "America/Caracas",
    "America/Chicago",
    "America/Godthab",
    "America/Havana",
    "America/Los_Angeles",
    "America/Metlakatla",
    "America/New_York",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/Scoresbysund",
    "America/St_Johns",
    "Antarctica/Casey",
    "Antarctica/Troll",
    "Asia/Amman",
    "Asia/Beirut",
    "Asia/Dhaka",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Asia/Tokyo",
    "Asia/Ulaanbaatar",
    "Asia/Vladivostok",
    "Atlantic/Azores",
    "Australia/Adelaide",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Europe/Berlin",
    "Europe/Dublin",
    "Europe/Istanbul",
    "Europe/Lisbon",
    "Europe/London",
    "Europe/Moscow",
    "Europe/Volgograd",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Easter",
    "Pacific/Fakaofo",
    "Pacific/Kwajalein",
];

/// Random numbers, the same in every run (xorshift64*).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let index = self.below(from.len() as u64);
        &from[usize::try_from(index).expect("an index")]
    }
}

/// What the twin knows of a field: which values match, and whether its text starts with `*`.
struct Field {
    text: String,
    values: BTreeSet<i64>,
    star: bool,
}

impl Field {
    fn any(least: i64, most: i64) -> Self {
        Self { text: "*".into(), values: (least..=most).collect(), star: true }
    }

    /// A field that says something, more often about the small hours if it is the hour.
    fn random(dice: &mut Dice, least: i64, most: i64, step: &[i64]) -> Self {
        let width = u64::try_from(most - least + 1).expect("small");
        let value = |dice: &mut Dice| least + i64::try_from(dice.below(width)).expect("small");
        match dice.below(6) {
            0 => Self::any(least, most),
            1 => {
                let step = *dice.pick(step);
                let values = (least..=most).filter(|value| (value - least) % step == 0).collect();
                Self { text: format!("*/{step}"), values, star: true }
            }
            2 => {
                let (a, b) = (value(dice), value(dice));
                let (from, to) = (a.min(b), a.max(b));
                Self { text: format!("{from}-{to}"), values: (from..=to).collect(), star: false }
            }
            3 => {
                let values: BTreeSet<_> = (0..3).map(|_| value(dice)).collect();
                let texts: Vec<_> = values.iter().map(ToString::to_string).collect();
                Self { text: texts.join(","), values, star: false }
            }
            _ => {
                let one = value(dice);
                Self { text: one.to_string(), values: BTreeSet::from([one]), star: false }
            }
        }
    }
}

struct Twin {
    minute: Field,
    hour: Field,
    day: Field,
    weekday: Field,
}

impl Twin {
    fn random(dice: &mut Dice) -> Self {
        // Clocks change in the small hours, so half of the hours are small.
        let late = if dice.below(2) == 0 { 4 } else { 23 };
        let mut hour = Field::random(dice, 0, late, &[1, 2, 3, 4]);
        if hour.star && late == 4 {
            hour = Field::any(0, 23);
        }
        let (mut day, mut weekday) = (Field::any(1, 31), Field::any(0, 6));
        match dice.below(8) {
            0 => day = Field::random(dice, 1, 31, &[2, 5]),
            1 => weekday = Field::random(dice, 0, 6, &[2, 3]),
            _ => {}
        }
        Self { minute: Field::random(dice, 0, 59, &[5, 15, 20, 30]), hour, day, weekday }
    }

    fn text(&self) -> String {
        let Self { minute, hour, day, weekday } = self;
        format!("{} {} {} * {}", minute.text, hour.text, day.text, weekday.text)
    }

    fn is_fixed(&self) -> bool {
        !self.hour.star && !self.minute.star
    }

    fn matches(&self, wall: DateTime) -> bool {
        let day = self.day.values.contains(&wall.day().into());
        let weekday = wall.weekday().to_sunday_zero_offset();
        let weekday = self.weekday.values.contains(&weekday.into());
        let days = if self.day.star || self.weekday.star { day && weekday } else { day || weekday };
        days && wall.second() == 0
            && self.hour.values.contains(&wall.hour().into())
            && self.minute.values.contains(&wall.minute().into())
    }

    /// Every firing from `from` to `to`, by walking.
    fn firings(&self, zone: &TimeZone, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
        const STEP: i64 = 30;
        let mut firings = Vec::new();
        let mut highest = zone.to_datetime(from - SignedDuration::from_secs(STEP));
        let mut second = from.as_second();
        while second <= to.as_second() {
            let at = Timestamp::from_second(second).expect("in range");
            let wall = zone.to_datetime(at);
            let fires = if self.is_fixed() {
                // Whatever the clock has come past since the highest reading so far: one reading, or
                // in a gap many; in a fold none, for they have been shown before.
                let mut passed = highest;
                let mut any = false;
                while passed < wall {
                    passed = passed.checked_add(STEP.seconds()).expect("in range");
                    any |= self.matches(passed);
                }
                any
            } else {
                self.matches(wall)
            };
            if fires {
                firings.push(at);
            }
            highest = highest.max(wall);
            second += STEP;
        }
        firings
    }
}

#[test]
fn the_trigger_agrees_with_a_twin_that_walks_real_time() {
    let full = std::env::var_os("TASKD_PROOF").is_some_and(|value| value == "full");
    let questions_a_window = if full { 100 } else { 50 };
    let windows_a_zone = if full { 50 } else { 8 };
    let mut dice = Dice(0x7461_736B_6421);
    let (mut asked, mut near_changes) = (0, 0);
    for name in ZONES {
        let zone = TimeZone::get(name).expect("a zone of the database");
        let begin: Timestamp = "1970-01-03T00:00:00Z".parse().expect("an instant");
        let end: Timestamp = "2037-12-25T00:00:00Z".parse().expect("an instant");
        let changes: Vec<_> = zone
            .following(begin)
            .map(|change| change.timestamp())
            .take_while(|at| *at < end)
            .collect();
        for _ in 0..windows_a_zone {
            let middle = if changes.is_empty() {
                begin
                    + SignedDuration::from_hours(i64::try_from(dice.below(500_000)).expect("small"))
            } else {
                near_changes += 1;
                *dice.pick(&changes)
            };
            // Two days back and three on, from a whole half minute.
            let from = middle.as_second() - 2 * 86_400;
            let from = Timestamp::from_second(from - from.rem_euclid(30)).expect("in range");
            let to = from + SignedDuration::from_hours(5 * 24);
            let twin = Twin::random(&mut dice);
            let text = twin.text();
            let firings = twin.firings(&zone, from, to);
            let Ok((Crontab::Pattern(expression), _)) = parse_crontab(&text) else {
                panic!("{text}")
            };
            let pattern = Arc::new(Pattern::new(expression).expect("it fires"));
            let cron = Cron::new(pattern, Zone::new(zone.clone()));
            for _ in 0..questions_a_window {
                // Within the window, more often than not at a whole minute or a second beside it.
                let offset = i64::try_from(dice.below(4 * 86_400)).expect("small");
                let offset = match dice.below(4) {
                    0 => offset,
                    1 => offset / 60 * 60 - 1,
                    _ => offset / 60 * 60,
                };
                let after = from + SignedDuration::from_secs(offset.max(0) + 60);
                let answer = cron.next_after(after);
                let expected = firings.iter().find(|at| **at > after).copied();
                let within = answer.filter(|at| *at <= to);
                assert_eq!(within, expected, "`{text}` in {name} after {after}");
                asked += 1;
            }
        }
    }
    println!("{asked} questions in {} zones, {near_changes} windows around changes", ZONES.len());
    assert!(asked >= if full { 200_000 } else { 19_000 });
}
