//! What holds for every text that people may write, however odd.
//!
//! `cargo fuzz` looks for texts that break it, `tests/inputs.rs` tries some in every test run.

use std::ops::Range;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use taskd::config::{Colour, Origin, Plan, Setting};
use taskd::duration;
use taskd::hash;
use taskd::trigger::cron::{
    Crontab, Expression, Fault, Field, FieldText, Pattern, parse_crontab, parse_fields,
};
use taskd::trigger::{Cron, Dates, Interval, Moment, Trigger, When};
use taskd::zone::Zone;

/// Longer texts only take longer.
const LONGEST: usize = 4096;

/// A crontab text.
pub fn crontab(text: &str) {
    if text.len() > LONGEST {
        return;
    }
    match parse_crontab(text) {
        Ok((crontab, warnings)) => {
            told_in_place(&warnings, |_| Some(text));
            match crontab {
                Crontab::Pattern(expression) => {
                    let printed = expression.to_string();
                    let again = parse_crontab(&printed).map(|(again, _)| again);
                    let expected = Ok(Crontab::Pattern(expression.clone()));
                    assert_eq!(again, expected, "{text:?} is printed as {printed:?}");
                    pattern(expression);
                }
                Crontab::Every(interval) => obeys_the_laws(Trigger::Interval(interval)),
                Crontab::Reboot => {}
            }
        }
        Err(faults) => told_in_place(&faults, |_| Some(text)),
    }
}

/// Fields: each line is one, `hour 9-17`.
pub fn fields(text: &str) {
    if text.len() > LONGEST {
        return;
    }
    let mut texts: Vec<FieldText<'_>> = Vec::new();
    for line in text.lines() {
        let (key, text) = line.split_once(' ').unwrap_or((line, ""));
        let field = Field::ALL.into_iter().find(|field| field.key() == key);
        if let Some(field) = field.filter(|field| texts.iter().all(|text| text.field != *field)) {
            texts.push(FieldText { field, text });
        }
    }
    let of = |field| texts.iter().find(|text| Some(text.field) == field).map(|text| text.text);
    match parse_fields(&texts) {
        Ok((expression, warnings)) => {
            told_in_place(&warnings, of);
            let printed = expression.fields();
            let printed: Vec<_> =
                printed.iter().map(|(field, text)| FieldText { field: *field, text }).collect();
            let again = parse_fields(&printed).map(|(again, _)| again);
            assert_eq!(again.as_ref(), Ok(&expression), "{text:?} is printed as {printed:?}");
            pattern(expression);
        }
        Err(faults) => told_in_place(&faults, of),
    }
}

/// A date, with or without a time.
pub fn date(text: &str) {
    let Ok(moment) = Moment::parse(text) else { return };
    for zone in zones() {
        let (Some(at), Some(last)) = (moment.instant(&zone), moment.last_instant(&zone)) else {
            continue;
        };
        assert!(at <= last, "{text:?} in {zone}: from {at} to {last}");
        obeys_the_laws(Trigger::Dates(Dates::new(vec![at, last])));
        // What it says is what a clock reads then, but in a gap.
        if !moment.has_offset() && zone.wall(at) != moment.wall() {
            let read = zone.read(moment.wall());
            assert!(matches!(read, Some(taskd::zone::Reading::Gap(_))), "{text:?} in {zone}");
        }
    }
}

/// A length of time.
pub fn duration(text: &str) {
    let Ok(length) = duration::parse(text) else { return };
    assert!(!length.is_negative(), "{text:?} is {length}");
    let printed = duration::print(length);
    assert_eq!(duration::parse(&printed), Ok(length), "{text:?} is printed as {printed:?}");
    if let Ok(interval) = Interval::new(length) {
        obeys_the_laws(Trigger::Interval(interval));
    }
}

/// A whole schedule file.
pub fn file(text: &str) {
    // Other files are not what is tried here, and might be anything.
    if ["include", "file", "\\"].iter().any(|word| text.contains(word)) {
        return;
    }
    let nowhere = Path::new("/nonexistent");
    let origin = Origin::Bytes("fuzz.toml".into(), nowhere.into(), text.as_bytes().to_vec());
    let setting = Setting {
        zones: jiff::tz::db().clone(),
        zone: Ok(berlin()),
        home: None,
        search: None,
        now: ts("2026-03-28T12:00:00Z"),
    };
    let plan = Plan::load(origin, nowhere, &setting);
    for diagnostic in &plan.diagnostics {
        let source = &plan.sources[diagnostic.file];
        let Range { start, end } = diagnostic.span;
        assert!(source.text.get(start..end).is_some(), "{diagnostic:?} points into nothing");
        let shown = diagnostic.render(source, Colour::No);
        assert!(!shown.is_empty() && shown.contains(diagnostic.problem.code()), "{shown}");
    }
    for entry in &plan.tasks {
        when_obeys_the_laws(&entry.schedule.when);
        let _ = entry.schedule.in_words(&entry.zone);
        let _ = plan.keys_in_force(&entry.schedule.name);
    }
}

/// Every fault points at something of the text, and can be told with its remedy.
fn told_in_place<'a>(faults: &[Fault], of: impl Fn(Option<Field>) -> Option<&'a str>) {
    for fault in faults {
        let text = of(fault.field).unwrap_or_default();
        assert!(text.get(fault.span.clone()).is_some(), "{fault:?} points out of {text:?}");
        assert!(!fault.problem.to_string().is_empty() && !fault.problem.help().is_empty());
    }
}

fn pattern(expression: Expression) {
    let settled = expression.settled(|field| hash::stable(&[b"task", field.key().as_bytes()]));
    let _ = settled.in_words();
    let Ok(pattern) = Pattern::new(settled) else { return };
    let pattern = std::sync::Arc::new(pattern);
    for zone in zones() {
        obeys_the_laws(Trigger::Cron(Cron::new(pattern.clone(), zone)));
    }
}

fn obeys_the_laws(trigger: Trigger) {
    when_obeys_the_laws(&When::new(vec![trigger], None, None));
}

/// An answer is later than its question, the same until it comes, and the last of many is found.
fn when_obeys_the_laws(when: &When) {
    for question in ["2026-03-28T12:00:00Z", "2026-10-24T12:00:00.5Z", "2198-12-30T00:00:00Z"] {
        let question = ts(question);
        let mut after = question;
        for _ in 0..8 {
            let Some(firing) = when.next_after(after) else { break };
            assert!(firing.due > after, "{} is not after {after}", firing.due);
            let just_before = firing.due - SignedDuration::from_micros(1);
            let between = after + after.duration_until(firing.due) / 2;
            for again in [between, just_before] {
                assert_eq!(when.next_after(again), Some(firing), "asked at {after} and {again}");
            }
            assert_eq!(when.last_until(after, firing.due), Some(firing));
            after = firing.due;
        }
    }
}

fn zones() -> [Zone; 2] {
    [Zone::utc(), berlin()]
}

fn berlin() -> Zone {
    Zone::new(jiff::tz::TimeZone::get("Europe/Berlin").expect("a zone of the database"))
}

fn ts(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}
