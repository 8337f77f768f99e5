//! No text that people may write breaks anything: the properties that `fuzz/` looks for longer.
//!
//! Texts are put together from words that have a meaning, so that many of them nearly do.

#[path = "../fuzz/properties.rs"]
mod properties;

use std::fmt::Write;

use proptest::prelude::*;
use taskd::trigger::cron::Field;

/// What crontab texts and fields are made of.
const PATTERN: [&str; 33] = [
    "*", "*/", "/", "-", ",", " ", "0", "1", "7", "9", "30", "59", "60", "31", "99999", "2030",
    "L", "L-3", "W", "15W", "#2", "?", "H", "H(1-5)", "mon", "friday", "jan", "last", "2nd fri",
    "@every", "@daily", "@", "ä",
];

/// What dates and durations are made of.
const MOMENT: [&str; 16] = [
    "2026-03-29",
    "02:30",
    ":",
    "T",
    "Z",
    "+02:00",
    ".",
    "-",
    " ",
    "1",
    "59",
    "h",
    "ms",
    "days",
    "M",
    "ä",
];

/// What files are made of.
const FILE: [&str; 40] = [
    "[tasks.a]\n",
    "[tasks.b]\n",
    "[tasks]\n",
    "[defaults]\n",
    "[templates.t]\n",
    "[calendars.c]\n",
    "interval = \"1h\"\n",
    "interval = { days = 1.5 }\n",
    "cron = \"30 2 * * *\"\n",
    "cron = \"* * 31 2 *\"\n",
    "cron = { hour = 9, day = \"last fri\" }\n",
    "cron = [\"@daily\", \"x\"]\n",
    "date = 2026-03-29T02:30:00\n",
    "date = [\"2026-02-30\"]\n",
    "calendar = { months = 1 }\n",
    "startup = \"boot\"\n",
    "startup = { on = \"start\", delay = \"1m\" }\n",
    "start = 2026-01-31\n",
    "end = \"2020-01-01\"\n",
    "timezone = \"Europe/Berlin\"\n",
    "timezone = \"Nowhere\"\n",
    "command = \"true\"\n",
    "command = [\"echo\", \"ä\"]\n",
    "extends = \"t\"\n",
    "extends = [1, \"x\"]\n",
    "skip_on = \"c\"\n",
    "only_on = [\"d\"]\n",
    "dates = [2026-12-25]\n",
    "weekdays = [\"sat\", \"x\"]\n",
    "jitter = \"5m\"\n",
    "allow = [\"past\", \"nothing\"]\n",
    "env = { A = 1, B = \"$x\" }\n",
    "cron = false\n",
    "every = 5\n",
    "a.b = 1\n",
    "\"",
    "'''",
    "{",
    "]\n",
    "x = 99999999999999999999\n",
];

fn text_of(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    let word = prop_oneof![
        20 => proptest::sample::select(words).prop_map(String::from),
        1 => any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(word, 0..16).prop_map(|words| words.concat())
}

/// Five to seven fields more often than not.
fn crontab() -> impl Strategy<Value = String> {
    let field = proptest::collection::vec(proptest::sample::select(&PATTERN[..]), 1..4);
    let fields = proptest::collection::vec(field, 5..8);
    let fields = fields
        .prop_map(|fields| fields.iter().map(|field| field.concat()).collect::<Vec<_>>().join(" "));
    prop_oneof![fields, text_of(&PATTERN)]
}

fn fields() -> impl Strategy<Value = String> {
    let key = proptest::sample::select(&Field::ALL[..]).prop_map(Field::key);
    let field = (key, proptest::collection::vec(proptest::sample::select(&PATTERN[..]), 1..4));
    proptest::collection::vec(field, 0..5).prop_map(|fields| {
        fields.into_iter().fold(String::new(), |mut text, (key, words)| {
            writeln!(text, "{key} {}", words.concat()).expect("a text takes all");
            text
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_crontab_text_breaks_anything(text in crontab()) {
        properties::crontab(&text);
    }

    #[test]
    fn no_fields_break_anything(text in fields()) {
        properties::fields(&text);
    }

    #[test]
    fn no_date_breaks_anything(text in text_of(&MOMENT)) {
        properties::date(&text);
    }

    #[test]
    fn no_duration_breaks_anything(text in text_of(&MOMENT)) {
        properties::duration(&text);
    }

    #[test]
    fn no_file_breaks_anything(text in text_of(&FILE)) {
        properties::file(&text);
    }
}
