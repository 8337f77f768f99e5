//! Looking for the next firing: nanoseconds per answer beside croner's own zoned search, the slowest
//! answer of all patterns tried, the slowest text for `validate`, and what a task takes in memory.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use taskd::config::{Origin, Plan, Setting};
use taskd::name::Name;
use taskd::policy::Limits;
use taskd::schedule::Schedule;
use taskd::scheduler::{Input, Request, Scheduler};
use taskd::trigger::cron::{Crontab, Field, FieldText, Pattern, parse_crontab, parse_fields};
use taskd::trigger::{Cron, Trigger, When};
use taskd::zone::Zone;

/// A dozen, from the everyday to the rare.
const PATTERNS: [&str; 12] = [
    "* * * * *",
    "*/5 * * * *",
    "*/10 * * * * *",
    "0 * * * *",
    "30 9 * * mon-fri",
    "0 2 * * *",
    "15,45 8-18 * * *",
    "0 0 1 * *",
    "0 0 L * *",
    "0 0 * * fri#2",
    "0 0 1,15 * fri",
    "0 0 29 2 *",
];
const ZONES: [&str; 3] = ["UTC", "Europe/Berlin", "America/New_York"];
const ANSWERS: u32 = 2_000;
const ROUNDS: usize = 5;
const TASKS: u32 = 100_000;

/// The median over some rounds.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn timed(mut work: impl FnMut()) -> Duration {
    let mut times: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            work();
            began.elapsed()
        })
        .collect();
    times.sort();
    times[ROUNDS / 2]
}

fn zone(name: &str) -> Zone {
    Zone::new(TimeZone::get(name).expect("a zone of the database"))
}

fn pattern(text: &str) -> Option<Arc<Pattern>> {
    match parse_crontab(text) {
        Ok((Crontab::Pattern(expression), _)) => Pattern::new(expression).ok().map(Arc::new),
        _ => None,
    }
}

fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().expect("an instant")
}

/// The time of one answer, over `ANSWERS` of them or all there are.
fn ours(cron: &Cron) -> Duration {
    let mut found = 0;
    let took = timed(|| {
        let firings = std::iter::successors(cron.next_after(start()), |at| cron.next_after(*at));
        found = firings.take(ANSWERS as usize).map(black_box).count();
    });
    took / u32::try_from(found.max(1)).expect("small")
}

fn theirs(text: &str, name: &str) -> Duration {
    let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Optional).build();
    let cron = parser.parse(text).expect("croner reads it");
    let zone = jiff_of_croner::tz::TimeZone::get(name).expect("a zone of the database");
    let second = start().as_second();
    let from = jiff_of_croner::Timestamp::from_second(second).expect("in range").to_zoned(zone);
    let last = taskd::trigger::LAST_YEAR;
    let mut found = 0;
    let took = timed(|| {
        let firings = cron.iter_after(from.clone()).take_while(|at| at.year() <= last);
        found = firings.take(ANSWERS as usize).map(black_box).count();
    });
    took / u32::try_from(found.max(1)).expect("small")
}

fn beside_croner() {
    println!("{:<20} {:<18} {:>9} {:>9} {:>8}", "pattern", "zone", "taskd", "croner", "ratio");
    let mut product = 0.0;
    for text in PATTERNS {
        let pattern = pattern(text).expect("it fires");
        for name in ZONES {
            let (own, peer) = (ours(&Cron::new(pattern.clone(), zone(name))), theirs(text, name));
            let ratio = own.as_secs_f64() / peer.as_secs_f64();
            product += ratio.ln();
            println!("{text:<20} {name:<18} {own:>9.0?} {peer:>9.1?} {ratio:>8.3}");
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "three dozen")]
    let mean = (product / (PATTERNS.len() * ZONES.len()) as f64).exp();
    println!("taskd takes {mean:.3} of croner's time (geometric mean)");
}

/// Rare days far away, and random ones: no question may take long.
fn rare_patterns() -> Vec<(String, Arc<Pattern>)> {
    let rare = [
        "0 0 29 2 mon#5",
        "0 0 0 29 2 * 2196",
        "59 59 23 31 12 * 2199",
        "0 0 0 29 2 */7 1970-2199/4",
        "0 0 31W 2/2 sun#5",
        "59 59 23 L-30 * * 2199",
        "59 59 23 29 2 ? 2196",
        "* * 29 2 *",
        "* * * 29 2 * 2196",
        "59 23 L-28 2 *",
        "* 59 23 31 12 * 2199",
    ];
    let mut dice = 1_u64;
    let mut roll = move |sides: u64| {
        // Knuth's linear congruence: the same patterns every time.
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % sides
    };
    let mut texts: Vec<String> = rare.map(String::from).to_vec();
    for _ in 0..3_000 {
        let minute = ["*", "*/7", "0"][usize::try_from(roll(3)).expect("small")];
        let (hour, day, month) = (roll(24), roll(31) + 1, roll(12) + 1);
        let (weekday, year) = (roll(7), 1970 + roll(230));
        texts.push(format!("0 {minute} {hour} {day} {month} ? {year}"));
        texts.push(format!("0 {minute} * {day}W {month} */{} {year}/7", weekday + 1));
        texts.push(format!("0 {minute} {hour} ? {month} {weekday}#5 {year}/11"));
    }
    let mut patterns: Vec<_> = texts
        .into_iter()
        .filter_map(|text| pattern(&text).map(|pattern| (text, pattern)))
        .collect();
    for day in 1..=31 {
        for weekday in 0..7 {
            let texts = [
                (Field::Week, "53".to_string()),
                (Field::Day, day.to_string()),
                (Field::DayOfWeek, weekday.to_string()),
            ];
            let texts: Vec<_> =
                texts.iter().map(|(field, text)| FieldText { field: *field, text }).collect();
            let (expression, _) = parse_fields(&texts).expect("fine fields");
            if let Ok(pattern) = Pattern::new(expression) {
                patterns.push((pattern.expression().to_string(), Arc::new(pattern)));
            }
        }
    }
    patterns
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn slowest_answer() {
    let questions = ["1969-12-31T00:00:00Z", "2026-03-28T12:00:00Z", "2199-12-30T00:00:00Z"];
    let mut slowest = (Duration::ZERO, String::new());
    let mut asked = 0;
    for (text, pattern) in rare_patterns() {
        for (name, question) in ZONES.iter().flat_map(|name| questions.map(|at| (name, at))) {
            let cron = Cron::new(pattern.clone(), zone(name));
            let after: Timestamp = question.parse().expect("an instant");
            // The best of three: what the machine does meanwhile is not the pattern's doing.
            let took = (0..3).map(|_| {
                let began = Instant::now();
                black_box(cron.next_after(after));
                began.elapsed()
            });
            let took = took.min().expect("three of them");
            asked += 1;
            if took > slowest.0 {
                slowest = (took, format!("`{text}` in {name} after {question}"));
            }
        }
    }
    println!("slowest of {asked} questions: {:.1?}, {}", slowest.0, slowest.1);
}

/// Texts of a thousand characters that ask for the most work.
fn slowest_text() {
    let setting = Setting {
        zones: jiff::tz::db().clone(),
        zone: Ok(zone("UTC")),
        home: None,
        search: None,
        now: start(),
    };
    let mut rows: Vec<(Duration, &str, usize)> = Vec::new();
    for (what, item, end) in [
        ("fine items", "1,", "1 * * * *"),
        ("fine ranges", "0-59/2,", "1 * * * *"),
        ("hashes", "H/3,", "1 * * * *"),
        ("wrapped ranges", "59-1,", "1 * * * *"),
        ("steps that are too wide", "*/99,", "1 * * * *"),
        ("faulty items", "x,", "1 * * * *"),
        ("missing items", ",", "1 * * * *"),
        ("signs", "-1,", "1 * * * *"),
        ("blanks", " ", "* * * * *"),
        ("fields", "* ", "*"),
        ("never", "31,", "31 2 *"),
    ] {
        let start = if what == "never" { "0 0 " } else { "" };
        let items = (1_000 - start.len() - end.len()) / item.len();
        let text = format!("{start}{}{end}", item.repeat(items));
        let file = format!("[tasks.a]\ncommand = \"true\"\ncron = \"{text}\"\n");
        let mut told = 0;
        let took = timed(|| {
            let origin = Origin::Bytes("a.toml".into(), "/".into(), file.clone().into_bytes());
            let plan = Plan::load(origin, "/".as_ref(), &setting);
            told = plan.diagnostics.len();
            for diagnostic in &plan.diagnostics {
                black_box(diagnostic.render(&plan.sources[0], taskd::config::Colour::No));
            }
        });
        rows.push((took, what, told));
    }
    rows.sort_by(|a, b| b.cmp(a));
    println!("texts of 1,000 characters, read and told:");
    for (took, what, told) in rows {
        println!("  {what:<26} {took:>9.1?}  {told} problems");
    }
}

/// The resident size of this process in bytes.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux tells");
    let pages: u64 = text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number");
    pages * 4096
}

/// Tasks that share nothing, in the scheduler with their next firings.
fn memory() {
    let berlin = zone("Europe/Berlin");
    let before = resident();
    let schedules: Vec<_> = (0..TASKS)
        .map(|n| {
            let (minute, hour, day) = (n % 60, n / 60 % 24, n / 1440 % 28 + 1);
            let text = format!("{minute} {hour} {day} {} *", n / 40_320 % 12 + 1);
            let cron = Cron::new(pattern(&text).expect("it fires"), berlin.clone());
            let name = Name::new(&format!("task-{n}")).expect("a fine name");
            Schedule::new(name, When::new(vec![Trigger::Cron(cron)], None, None))
        })
        .collect();
    let mut scheduler = Scheduler::new(b"machine");
    let load = Input::Asked(Request::Load(schedules, Limits::default()));
    black_box(scheduler.step(start() + SignedDuration::from_secs(1), load));
    let bytes = (resident() - before) / u64::from(TASKS);
    println!("{TASKS} distinct tasks: {bytes} bytes each, next firing included");
    black_box(scheduler);
}

fn main() {
    beside_croner();
    slowest_answer();
    slowest_text();
    memory();
}
