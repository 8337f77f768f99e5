use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use oracle::FromSeven;

fn zone(name: &str) -> Zone {
    Zone::new(TimeZone::get(name).expect("a zone of the database"))
}

fn ts(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn pattern(text: &str) -> Arc<Pattern> {
    match parse_crontab(text) {
        Ok((Crontab::Pattern(expression), _)) => Arc::new(Pattern::new(expression).expect(text)),
        other => panic!("{text:?} is {other:?}"),
    }
}

fn fields(texts: &[(Field, &str)]) -> Expression {
    let texts: Vec<_> =
        texts.iter().map(|(field, text)| FieldText { field: *field, text }).collect();
    parse_fields(&texts).expect("fine fields").0
}

fn reading(text: &str) -> DateTime {
    text.parse().expect("a reading")
}

#[test]
fn a_pattern_matches_readings_of_the_wall_clock() {
    for (text, from, expected) in [
        // Five fields: the second is 0. The reading asked from may itself match.
        ("30 9 * * *", "2026-01-01T09:30", Some("2026-01-01T09:30:00")),
        ("30 9 * * *", "2026-01-01T09:30:01", Some("2026-01-02T09:30:00")),
        // Six: the second first. Seven: the year last.
        ("*/20 * * * * *", "2026-01-01T00:00:21", Some("2026-01-01T00:00:40")),
        ("0 0 0 1 1 * 2030-2040/4", "2031-01-01T00:00:00", Some("2034-01-01T00:00:00")),
        // Steps of years and months count from the least.
        ("0 0 0 1 */5 * */100", "2026-01-01T00:00", Some("2070-01-01T00:00:00")),
        // Either day, unless one starts with a star.
        ("0 0 13 * fri", "2026-03-01T00:00", Some("2026-03-06T00:00:00")),
        ("0 0 */2 * fri", "2026-03-01T00:00", Some("2026-03-13T00:00:00")),
        ("0 0 ? * fri", "2026-03-01T00:00", Some("2026-03-06T00:00:00")),
        // 7 is Sunday again, also at the end of a range.
        ("0 0 * * 7", "2026-03-02T00:00", Some("2026-03-08T00:00:00")),
        ("0 0 * * 6-7", "2026-03-08T00:00", Some("2026-03-08T00:00:00")),
        // Ranges wrap.
        ("0 22-2/2 * * *", "2026-01-01T02:01", Some("2026-01-01T22:00:00")),
        ("0 0 * * fri-mon", "2026-03-03T00:00", Some("2026-03-06T00:00:00")),
        ("0 0 1 nov-feb *", "2026-03-01T00:00", Some("2026-11-01T00:00:00")),
        // From a number to the end.
        ("50/5 * * * *", "2026-01-01T00:56", Some("2026-01-01T01:50:00")),
        // Names in full, in any case.
        ("0 0 * FEBRUARY Sunday", "2026-01-01T00:00", Some("2026-02-01T00:00:00")),
        // The last day and its neighbours.
        ("0 0 L * *", "2028-02-01T00:00", Some("2028-02-29T00:00:00")),
        ("0 0 L-3 * *", "2026-02-01T00:00", Some("2026-02-25T00:00:00")),
        ("0 0 LW * *", "2026-05-01T00:00", Some("2026-05-29T00:00:00")),
        // croner takes these two together for `LW`.
        ("0 0 L,15W * *", "2026-05-16T00:00", Some("2026-05-31T00:00:00")),
        // Saturday goes to Friday, Sunday to Monday, and never out of the month.
        ("0 0 15W * *", "2026-08-01T00:00", Some("2026-08-14T00:00:00")),
        ("0 0 1W * *", "2026-08-01T00:00", Some("2026-08-03T00:00:00")),
        ("0 0 31W * *", "2026-05-01T00:00", Some("2026-05-29T00:00:00")),
        ("0 0 * * fri#2", "2026-03-01T00:00", Some("2026-03-13T00:00:00")),
        ("0 0 * * fri#5", "2026-03-01T00:00", Some("2026-05-29T00:00:00")),
        ("0 0 * * friL", "2026-02-01T00:00", Some("2026-02-27T00:00:00")),
        // Rare days, over a century that is no leap year.
        ("0 0 29 2 *", "2097-01-01T00:00", Some("2104-02-29T00:00:00")),
        // The calendar ends.
        ("0 0 1 1 *", "2199-01-01T00:00:01", None),
    ] {
        let found = pattern(text).next_reading(reading(from));
        assert_eq!(found, expected.map(reading), "{text} from {from}");
    }
}

#[test]
fn fields_fill_in_what_is_finer_and_leave_what_is_coarser() {
    use Field::{Day, DayOfWeek, Hour, Minute, Month, Second, Week, Year};
    for (texts, from, expected) in [
        (&[(Hour, "9")][..], "2026-01-01T10:00", Some("2026-01-02T09:00:00")),
        (&[(Minute, "30")], "2026-01-01T10:31", Some("2026-01-01T11:30:00")),
        (&[(Second, "*/15")], "2026-01-01T10:31:01", Some("2026-01-01T10:31:15")),
        (&[(Month, "6")], "2026-01-01T00:00", Some("2026-06-01T00:00:00")),
        (&[(Year, "2030")], "2026-01-01T00:00", Some("2030-01-01T00:00:00")),
        // The day of the week alone: midnight.
        (&[(DayOfWeek, "mon-fri")], "2026-01-03T00:00", Some("2026-01-05T00:00:00")),
        (&[(DayOfWeek, "mon"), (Month, "feb")], "2026-01-01T00:00", Some("2026-02-02T00:00:00")),
        // Fields are always ANDed: a Friday the 13th.
        (&[(Day, "13"), (DayOfWeek, "fri")], "2026-04-01T00:00", Some("2026-11-13T00:00:00")),
        // ISO weeks: the first of 2027 begins on 4 January 2027, week 53 of 2026 ends the year.
        (&[(Week, "1"), (DayOfWeek, "mon")], "2026-01-02T00:00", Some("2027-01-04T00:00:00")),
        (&[(Week, "53"), (DayOfWeek, "fri")], "2026-01-01T00:00", Some("2027-01-01T00:00:00")),
        (&[(Day, "last")], "2026-02-01T00:00", Some("2026-02-28T00:00:00")),
        (
            &[(Day, "2nd fri, last  MON"), (Hour, "8")],
            "2026-03-14T00:00",
            Some("2026-03-30T08:00:00"),
        ),
    ] {
        let pattern = Pattern::new(fields(texts)).expect("it fires");
        assert_eq!(
            pattern.next_reading(reading(from)),
            expected.map(reading),
            "{texts:?} from {from}"
        );
    }
}

#[test]
fn clocks_change_by_the_written_policy() {
    for (text, name, after, expected) in [
        // Spring forward: 02:30 does not exist, so it fires as the gap ends; and the day after as ever.
        (
            "30 2 * * *",
            "America/New_York",
            "2026-03-08T05:00:00Z",
            &["2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"][..],
        ),
        // Several readings in one gap are one firing.
        (
            "0,15,30 2 * * *",
            "America/New_York",
            "2026-03-08T05:00:00Z",
            &["2026-03-08T07:00:00Z", "2026-03-09T06:00:00Z"],
        ),
        // Fall back: 01:30 comes twice, and fires once, at the first pass.
        (
            "30 1 * * *",
            "America/New_York",
            "2026-11-01T04:00:00Z",
            &["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"],
        ),
        // Asked in the second pass, too.
        ("30 1 * * *", "America/New_York", "2026-11-01T06:10:00Z", &["2026-11-02T06:30:00Z"]),
        // A rhythm follows real time: nothing in the gap, both passes of the fold.
        (
            "*/30 * * * *",
            "America/New_York",
            "2026-03-08T06:00:00Z",
            &["2026-03-08T06:30:00Z", "2026-03-08T07:00:00Z"],
        ),
        (
            "*/30 1 * * *",
            "America/New_York",
            "2026-11-01T05:00:00Z",
            &[
                "2026-11-01T05:30:00Z",
                "2026-11-01T06:00:00Z",
                "2026-11-01T06:30:00Z",
                "2026-11-02T06:00:00Z",
            ],
        ),
        (
            "30 * * * *",
            "America/New_York",
            "2026-11-01T05:00:00Z",
            &["2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z", "2026-11-01T07:30:00Z"],
        ),
        ("*/15 2 * * *", "America/New_York", "2026-03-08T05:00:00Z", &["2026-03-09T06:00:00Z"]),
        // Half an hour, on Lord Howe.
        (
            "15 2 * * *",
            "Australia/Lord_Howe",
            "2026-10-03T00:00:00Z",
            &["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"],
        ),
        // Midnight itself is missing in Beirut.
        (
            "0 0 * * *",
            "Asia/Beirut",
            "2026-03-28T12:00:00Z",
            &["2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z"],
        ),
        // 30 December 2011 never was in Samoa: it fires as the 31st begins, and again at its own time.
        (
            "0 9 * * *",
            "Pacific/Apia",
            "2011-12-29T20:00:00Z",
            &["2011-12-30T10:00:00Z", "2011-12-30T19:00:00Z"],
        ),
        (
            "0 * * * *",
            "Pacific/Apia",
            "2011-12-30T09:30:00Z",
            &["2011-12-30T10:00:00Z", "2011-12-30T11:00:00Z"],
        ),
        // Kwajalein skipped 21 August 1993; Manila repeated nothing since, but Alaska of old did.
        (
            "0 12 21 8 *",
            "Pacific/Kwajalein",
            "1993-08-01T00:00:00Z",
            &["1993-08-21T12:00:00Z", "1994-08-21T00:00:00Z"],
        ),
    ] {
        let cron = Cron::new(pattern(text), zone(name));
        let mut at = ts(after);
        for next in expected {
            let due = cron.next_after(at);
            assert_eq!(due, Some(ts(next)), "{text} in {name} after {at}");
            at = ts(next);
        }
    }
}

#[test]
fn a_wrong_pattern_is_refused_where_it_is_wrong() {
    use Field::{Day, DayOfWeek, Hour, Minute, Month};
    let out = |number: &str, field| Problem::OutOfRange { number: number.into(), field };
    let unreadable = |item: &str, field| Problem::Unreadable { item: item.into(), field };
    for (text, span, problem) in [
        ("", 0..0, Problem::Empty),
        (" \t ", 0..3, Problem::Empty),
        ("* * * *", 0..7, Problem::FieldCount(4)),
        ("* * * * * * * *", 0..15, Problem::FieldCount(8)),
        ("61 2 * * *", 0..2, out("61", Minute)),
        ("0 24 * * *", 2..4, out("24", Hour)),
        ("0 0 0 * *", 4..5, out("0", Day)),
        ("0 0 * 13 *", 6..8, out("13", Month)),
        ("0 0 * * 8", 8..9, out("8", DayOfWeek)),
        ("99999999 * * * *", 0..8, out("99999999", Minute)),
        // The item, not the field.
        ("0 9,25,17 * * *", 4..6, out("25", Hour)),
        ("0,,5 * * * *", 1..2, Problem::EmptyItem),
        (",5 * * * *", 0..1, Problem::EmptyItem),
        ("5, * * * *", 1..2, Problem::EmptyItem),
        ("*/0 * * * *", 0..3, Problem::ZeroStep),
        ("+5 * * * *", 0..2, Problem::Sign),
        ("-5 * * * *", 0..2, Problem::Sign),
        ("*/+5 * * * *", 0..4, Problem::Sign),
        ("1-+5 * * * *", 0..4, Problem::Sign),
        ("٣ * * * *", 0..2, Problem::NotAscii('٣')),
        (
            "0 mon * * *",
            2..5,
            Problem::NameOfAnother { name: "mon".into(), field: Hour, belongs: DayOfWeek },
        ),
        (
            "0 0 * tue *",
            6..9,
            Problem::NameOfAnother { name: "tue".into(), field: Month, belongs: DayOfWeek },
        ),
        ("0 0 * * moon", 8..12, unreadable("moon", DayOfWeek)),
        ("0 0 * * mon#6", 8..13, unreadable("mon#6", DayOfWeek)),
        ("0 L * * *", 2..3, unreadable("L", Hour)),
        ("/5 * * * *", 0..2, unreadable("/5", Minute)),
        ("5/ * * * *", 0..2, unreadable("5/", Minute)),
        ("1-2-3 * * * *", 0..5, unreadable("1-2-3", Minute)),
        ("0 0 L-31 * *", 4..8, out("L-31", Day)),
        ("0 0 0 1 1 * 2030-2020", 12..21, Problem::YearsBackwards),
        ("0 0 0 1 1 * 2200", 12..16, out("2200", Field::Year)),
        ("@noon", 0..5, Problem::Nickname("@noon".into())),
        ("@every", 0..6, Problem::Every(None)),
        ("@every 1month", 0..13, Problem::Every(None)),
        ("@every 10ms", 0..11, Problem::Every(Some(crate::trigger::BadInterval::TooShort))),
    ] {
        let mut faults = parse_crontab(text).expect_err(text);
        assert_eq!(faults.len(), 1, "{text:?}");
        let fault = faults.remove(0);
        assert_eq!((fault.span, fault.problem), (span, problem), "{text:?}");
    }
}

#[test]
fn a_pattern_that_may_not_be_meant_is_warned_of_where_it_stands() {
    use Field::{Day, DayOfWeek, Hour, Minute};
    for (text, expected) in [
        ("*/15 */6 * */3 *", vec![]),
        ("0 0 1 * mon", vec![(8..11, Problem::DaysOred)]),
        // Nothing is ORed where one starts with a star.
        ("0 0 */10 * mon", vec![(4..8, Problem::UnevenStep(10, Day))]),
        ("*/7 * * * *", vec![(0..3, Problem::UnevenStep(7, Minute))]),
        ("0 */5 * * *", vec![(2..5, Problem::UnevenStep(5, Hour))]),
        ("*/90 * * * *", vec![(0..4, Problem::WideStep(90, Minute))]),
        ("0 9-17/12 * * *", vec![(2..9, Problem::WideStep(12, Hour))]),
        ("50/15 * * * *", vec![(0..5, Problem::WideStep(15, Minute))]),
        // Somebody took the first of six fields for the minute.
        ("* 30 9 * * *", vec![(0..1, Problem::EverySecond)]),
        // Numbers are crontab's own here.
        ("0 0 * * 1-5", vec![]),
    ] {
        let (_, warnings) = parse_crontab(text).expect(text);
        let found: Vec<_> = warnings.into_iter().map(|fault| (fault.span, fault.problem)).collect();
        assert_eq!(found, expected, "{text}");
    }
    let (_, warnings) =
        parse_fields(&[FieldText { field: DayOfWeek, text: "sat, 1-5" }]).expect("fine fields");
    let found: Vec<_> = warnings.into_iter().map(|fault| (fault.span, fault.problem)).collect();
    assert_eq!(found, [(5..8, Problem::WeekdayNumber("mon-fri".into()))]);
}

#[test]
fn every_fault_of_a_pattern_is_told() {
    let faults = parse_crontab("60,5,x 24 * jan mon,foo").expect_err("it is wrong");
    let spans: Vec<_> = faults.into_iter().map(|fault| fault.span).collect();
    assert_eq!(spans, [0..2, 5..6, 7..9, 20..23]);
}

#[test]
fn a_firing_as_a_gap_ends_counts_though_no_clock_shows_its_reading() {
    // Midnight itself was missing, and minute 30 of the hour after it.
    let cron = Cron::new(pattern("30 0-23 * * *"), zone("America/Argentina/Tucuman"));
    let gap = ts("2007-12-30T03:00:00Z");
    assert_eq!(cron.next_after(gap - 1.microsecond()), Some(gap));
    assert_eq!(cron.count(gap, gap, 10), 1);
    assert_eq!(cron.count(gap, ts("2007-12-30T03:30:00Z"), 10), 2);
    assert_eq!(cron.count(gap, ts("2007-12-31T03:30:00Z"), 100), 26);
}

#[test]
fn a_hash_spreads_tasks_and_stays_where_it_is() {
    let settled = |text: &str, name: &str| {
        let Ok((Crontab::Pattern(expression), _)) = parse_crontab(text) else {
            panic!("{text} is readable")
        };
        let field = |field: Field| crate::hash::stable(&[name.as_bytes(), field.key().as_bytes()]);
        expression.settled(field).to_string()
    };
    for (text, name, expected) in [
        // These never change.
        ("H 3 * * *", "backup", "34 3 * * *"),
        ("H H * * *", "backup", "34 8 * * *"),
        ("H(0-29)/10 * * * *", "backup", "4-29/10 * * * *"),
        ("H/15 * * * *", "backup", "4-59/15 * * * *"),
        ("0 0 H * H", "backup", "0 0 26 * mon"),
        ("0 0 H(1-7) * *", "report", "0 0 4 * *"),
    ] {
        assert_eq!(settled(text, name), expected, "{text} of {name}");
    }
    let minutes: std::collections::BTreeSet<_> =
        (0..600).map(|n| settled("H * * * *", &format!("task-{n}"))).collect();
    assert_eq!(minutes.len(), 60, "every minute has its tasks");
}

#[test]
fn what_fires_in_no_year_is_refused_at_once() {
    for text in
        ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 0 29 2 * 2027", "0 0 30-31 2 *", "0 0 L-30 2 *"]
    {
        let Ok((Crontab::Pattern(expression), _)) = parse_crontab(text) else {
            panic!("{text} is readable")
        };
        assert_eq!(
            Pattern::new(expression).map_err(|fault| fault.problem),
            Err(Problem::Never),
            "{text}"
        );
    }
}

#[test]
fn a_pattern_is_told_in_words() {
    for (text, expected) in [
        ("* * * * *", "every minute"),
        ("*/5 * * * *", "every 5 minutes"),
        ("* * * * * *", "every second"),
        ("@hourly", "every hour"),
        ("30 * * * *", "at minute 30 of every hour"),
        ("0 */2 * * *", "every 2 hours"),
        ("@daily", "at 00:00 every day"),
        ("30 9 * * mon-fri", "at 09:30 on monday to friday"),
        ("0 8,12 * * *", "at 08:00 and 12:00 every day"),
        ("15 0 2 1 * *", "at 02:00:15 on day 1"),
        ("0 0 L * *", "at 00:00 on the last day"),
        ("0 0 * * fri#2", "at 00:00 on the 2nd friday"),
        ("0 0 1,15 * fri", "at 00:00 on day 1 and 15 and also on friday"),
        ("0 0 1 jan,jul *", "at 00:00 on day 1 in january and july"),
        ("*/10 9-17 * * *", "at every 10 minutes of hour 9 to 17"),
        // What starts afresh is no rhythm, and a step too wide is none at all.
        ("*/7 * * * *", "every 7 minutes from the start of each hour"),
        ("*/100 * * * *", "at minute 0 of every hour"),
        ("0 0 * * 7-7", "at 00:00 on sunday"),
        ("0 0 * * */2", "at 00:00 on every 2 days of the week"),
    ] {
        assert_eq!(pattern(text).expression().in_words(), expected, "{text}");
    }
}

/// Any item of any field, also such as never fires.
fn any_crontab() -> impl Strategy<Value = String> {
    fn field(
        least: u16,
        most: u16,
        wraps: bool,
        extra: &'static [&'static str],
    ) -> BoxedStrategy<String> {
        let value = least..=most;
        let range = (value.clone(), value.clone()).prop_map(move |(a, b)| {
            if wraps || a <= b { format!("{a}-{b}") } else { format!("{b}-{a}") }
        });
        let plain = prop_oneof![
            4 => Just("*".to_string()),
            2 => value.clone().prop_map(|a| a.to_string()),
            2 => range.clone(),
            1 => (range, 1..20u16).prop_map(|(range, step)| format!("{range}/{step}")),
            1 => (1..20u16).prop_map(|step| format!("*/{step}")),
            1 => (value, 1..20u16).prop_map(|(a, step)| format!("{a}/{step}")),
        ];
        let item = if extra.is_empty() {
            plain.boxed()
        } else {
            prop_oneof![6 => plain, 1 => proptest::sample::select(extra).prop_map(String::from)]
                .boxed()
        };
        proptest::collection::vec(item, 1..3).prop_map(|items| items.join(",")).boxed()
    }
    (
        field(0, 59, true, &[]),
        field(0, 59, true, &[]),
        field(0, 23, true, &[]),
        field(1, 31, true, &["L", "L-2", "LW", "15W", "1W", "31W", "?", "H", "H(3-9)/2"]),
        field(1, 12, true, &["jan", "June", "nov-feb"]),
        field(0, 7, true, &["sun", "fri-mon", "mon#1", "tue#5", "friL", "?"]),
        field(1970, 2199, false, &["*"]),
    )
        .prop_map(|(s, mi, h, d, mo, w, y)| format!("{s} {mi} {h} {d} {mo} {w} {y}"))
}

/// One to all of the fields, as texts.
fn any_fields() -> impl Strategy<Value = Vec<(Field, String)>> {
    let field = proptest::sample::select(&Field::ALL[..]).prop_flat_map(|field| {
        let (least, most) = field.bounds();
        let value = prop_oneof![
            3 => (least..=most).prop_map(|value| value.to_string()),
            1 => (least..=most).prop_map(move |value| field.name_of(value)),
        ];
        let range = (least..=most, least..=most).prop_map(move |(a, b)| {
            if field == Field::Year {
                format!("{}-{}", a.min(b), a.max(b))
            } else {
                format!("{a}-{b}")
            }
        });
        let days =
            if field == Field::Day { &["last", "2nd fri", "Last  monday"][..] } else { &["*"] };
        let item = prop_oneof![
            1 => Just("*".to_string()),
            3 => value.clone(),
            2 => range.clone(),
            1 => (range, 1..20u16).prop_map(|(range, step)| format!("{range}/{step}")),
            1 => (1..20u16).prop_map(|step| format!("*/{step}")),
            1 => (value, 1..20u16).prop_map(|(from, step)| format!("{from}/{step}")),
            1 => proptest::sample::select(days).prop_map(String::from),
        ];
        let items = proptest::collection::vec(item, 1..4).prop_map(|items| items.join(" , "));
        items.prop_map(move |text| (field, text))
    });
    let fields = proptest::collection::vec(field, 1..8);
    fields.prop_map(|fields| fields.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect())
}

/// A pattern that fires at all.
pub(in crate::trigger) fn any_pattern() -> impl Strategy<Value = Arc<Pattern>> {
    any_crontab().prop_filter_map("it never fires", |text| match parse_crontab(&text) {
        Ok((Crontab::Pattern(expression), _)) => Pattern::new(expression).ok().map(Arc::new),
        other => panic!("{text:?} is {other:?}"),
    })
}

pub(in crate::trigger) fn any_zone() -> impl Strategy<Value = Zone> {
    let names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    proptest::sample::select(names)
        .prop_filter_map("not a zone", |name| TimeZone::get(&name).ok().map(Zone::new))
}

/// An instant, more often than not close to a change of the clocks in `zone`.
pub(in crate::trigger) fn any_instant(zone: &Zone) -> impl Strategy<Value = Timestamp> + use<> {
    let zone = zone.clone();
    (0..6_000_000_000_i64, -100_000..100_000_i64, any::<bool>()).prop_map(
        move |(second, near, close)| {
            let any = Timestamp::from_second(second).expect("in range");
            let change = zone.next_change(any).filter(|_| close);
            let near = change.map_or(second, |change| change.as_second() + near);
            Timestamp::from_second(near).expect("in range")
        },
    )
}

fn a_question() -> impl Strategy<Value = (Cron, Timestamp, Timestamp)> {
    (any_pattern(), any_zone()).prop_flat_map(|(pattern, zone)| {
        let instants = (any_instant(&zone), any_instant(&zone));
        (Just(Cron::new(pattern, zone)), instants)
            .prop_map(|(cron, (a, b))| (cron, a.min(b), a.max(b)))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_answer_is_strictly_later_than_its_question((cron, after, _) in a_question()) {
        if let Some(due) = cron.next_after(after) {
            prop_assert!(due > after, "{due} is not after {after}");
        }
    }

    #[test]
    fn a_later_question_never_gets_an_earlier_answer((cron, earlier, later) in a_question()) {
        match (cron.next_after(earlier), cron.next_after(later)) {
            (Some(first), Some(second)) => prop_assert!(first <= second, "{first} {second}"),
            (None, Some(second)) => prop_assert!(false, "nothing, then {second}"),
            (_, None) => {}
        }
    }

    #[test]
    fn asking_again_before_the_answer_gives_the_same_answer((cron, after, _) in a_question(), part in 0.0..1.0_f64) {
        if let Some(due) = cron.next_after(after) {
            let between = after + after.duration_until(due).mul_f64(part);
            prop_assert_eq!(cron.next_after(between.min(due - 1.microsecond())), Some(due), "asked at {}", between);
        }
    }

    /// The firings of a stretch are those of its parts.
    #[test]
    fn firings_add_up((cron, from, _) in a_question(), first in 1..400_000_i64, second in 1..400_000_i64) {
        let firings = |from: Timestamp, to: Timestamp| {
            let all = std::iter::successors(cron.next_after(from), |due| cron.next_after(*due));
            all.take_while(|due| *due <= to).take(5_000).collect::<Vec<_>>()
        };
        let middle = from + SignedDuration::from_secs(first);
        let to = middle + SignedDuration::from_secs(second);
        let mut parts = firings(from, middle);
        prop_assume!(parts.len() < 5_000);
        parts.extend(firings(middle, to));
        let whole = firings(from, to);
        let shorter = whole.len().min(parts.len());
        prop_assert_eq!(&whole[..shorter], &parts[..shorter]);
        prop_assert!(whole.len() >= 5_000 || whole.len() == parts.len());
    }

    /// Counting by days is counting one by one.
    #[test]
    fn firings_are_counted_right((cron, from, _) in a_question(), hours in 1..100_i64) {
        let until = from + SignedDuration::from_hours(hours);
        let one_by_one = std::iter::successors(cron.next_after(from), |due| cron.next_after(*due));
        let firings: Vec<_> = one_by_one.take_while(|due| *due <= until).take(20_000).collect();
        if let (Some(first), Some(last)) = (firings.first(), firings.last()) {
            let expected = u64::try_from(firings.len()).expect("small");
            prop_assert_eq!(cron.count(*first, *last, 1_000_000), expected, "{} to {}", first, last);
        }
    }

    #[test]
    fn what_is_printed_is_read_again(text in any_crontab()) {
        let Ok((Crontab::Pattern(expression), _)) = parse_crontab(&text) else { panic!("{text} is readable") };
        let printed = expression.to_string();
        let again = parse_crontab(&printed).map(|(crontab, _)| crontab);
        prop_assert_eq!(again, Ok(Crontab::Pattern(expression)), "{}", printed);
    }

    #[test]
    fn fields_that_are_printed_are_read_again(texts in any_fields()) {
        let texts: Vec<_> = texts.iter().map(|(field, text)| (*field, text.as_str())).collect();
        let expression = fields(&texts);
        let printed = expression.to_string();
        let table: toml::Table = format!("cron = {printed}").parse().expect("a table of TOML");
        let again: Vec<_> = Field::ALL
            .into_iter()
            .filter_map(|field| Some((field, table["cron"].get(field.key())?.as_str()?)))
            .collect();
        prop_assert_eq!(fields(&again), expression, "{}", printed);
    }

    /// croner is the judge of what it reads; it has no `L-2`, no wrapped ranges and no `a/n`.
    #[test]
    fn the_search_agrees_with_croner(text in any_crontab(), second in 0..6_000_000_000_i64) {
        let Ok((Crontab::Pattern(expression), _)) = parse_crontab(&text) else { panic!("{text} is readable") };
        let Ok(croner) = croner::Cron::from_str_seven(&text, expression.joins_days()) else { return Ok(()) };
        let Ok(pattern) = Pattern::new(expression) else { return Ok(()) };
        let from = Zone::utc().wall(Timestamp::from_second(second).expect("in range"));
        let theirs = croner.find_next_occurrence(&oracle::Wall(from), true).ok().map(|wall| wall.0);
        let theirs = theirs.filter(|wall| wall.year() <= super::super::LAST_YEAR);
        prop_assert_eq!(pattern.next_reading(from), theirs, "{} from {}", text, from);
    }
}

/// croner's own search over our wall-clock readings.
mod oracle {
    use std::cmp::Ordering;

    use croner::errors::CronError;
    use croner::parser::{CronParser, Seconds, Year};
    use croner::time::{CivilDateTime, CronDateTime, Resolution, Weekday};
    use jiff::SignedDuration;
    use jiff::civil::DateTime;

    #[derive(Clone)]
    pub struct Wall(pub DateTime);

    pub trait FromSeven: Sized {
        fn from_str_seven(text: &str, joins_days: bool) -> Result<Self, CronError>;
    }

    impl FromSeven for croner::Cron {
        fn from_str_seven(text: &str, joins_days: bool) -> Result<Self, CronError> {
            // Both of these croner takes for the last weekday.
            if text.contains('L') && text.contains('W') {
                return Err(CronError::EmptyPattern);
            }
            // `*/7` counts from year 1 there.
            if text.rsplit(' ').next().is_some_and(|year| year.contains("*/")) {
                return Err(CronError::EmptyPattern);
            }
            let parser = CronParser::builder().seconds(Seconds::Required).year(Year::Required);
            parser.dom_and_dow(joins_days).build().parse(text)
        }
    }

    fn number(value: i8) -> u32 {
        u32::from(value.unsigned_abs())
    }

    fn jiff(civil: CivilDateTime) -> Result<DateTime, CronError> {
        let year = i16::try_from(civil.year()).map_err(|_| CronError::InvalidDate)?;
        let small = |value: u32| i8::try_from(value).map_err(|_| CronError::InvalidDate);
        let (month, day) = (small(civil.month())?, small(civil.day())?);
        let (hour, minute, second) =
            (small(civil.hour())?, small(civil.minute())?, small(civil.second())?);
        DateTime::new(year, month, day, hour, minute, second, 0).map_err(|_| CronError::InvalidDate)
    }

    impl CronDateTime for Wall {
        fn to_civil(&self) -> CivilDateTime {
            let wall = self.0;
            CivilDateTime::from_ymd_hms_opt(
                wall.year().into(),
                number(wall.month()),
                number(wall.day()),
                number(wall.hour()),
                number(wall.minute()),
                number(wall.second()),
            )
            .expect("jiff keeps every part in its range")
        }

        fn civil_weekday(&self) -> Weekday {
            Weekday::from_days_from_sunday(number(self.0.weekday().to_sunday_zero_offset()))
        }

        fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
            Ok(Resolution::Single(Self(jiff(civil)?)))
        }

        fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
            self.0.checked_add(SignedDuration::from_secs(seconds)).ok().map(Self)
        }

        fn cmp_instant(&self, other: &Self) -> Ordering {
            self.0.cmp(&other.0)
        }
    }
}

#[test]
fn a_pattern_ready_to_be_searched_is_small() {
    // Thousands of tasks may have as many.
    assert!(size_of::<Pattern>() <= 64, "{}", size_of::<Pattern>());
}
