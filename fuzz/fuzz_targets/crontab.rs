#![no_main]

#[path = "../properties.rs"]
#[expect(dead_code, reason = "each target takes one of them")]
mod properties;

libfuzzer_sys::fuzz_target!(|text: &str| properties::crontab(text));
