//! What a person sees of a broken file: `tests/broken/NAME.toml` and beside it `NAME.txt`.
//!
//! `SNAPSHOTS=overwrite cargo test --test diagnostics` writes them anew.

use std::path::Path;
use std::process::Command;

use snapbox::Data;

fn validate(file: &str, options: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_taskd"))
        .arg("validate")
        .args(options)
        .arg(file)
        .current_dir("tests/broken")
        .env_clear()
        .env("TZ", "UTC")
        .output()
        .expect("taskd starts")
}

fn files() -> Vec<String> {
    let names = std::fs::read_dir("tests/broken")
        .expect("it is there")
        .map(|entry| entry.expect("it is readable").file_name().into_string().expect("it is text"));
    let mut names: Vec<_> = names.filter(|name| !name.ends_with("txt")).collect();
    names.sort();
    names
}

#[test]
fn every_broken_file_is_shown_as_expected() {
    let files = files();
    assert!(files.len() >= 9, "{files:?}");
    for file in files {
        let output = validate(&file, &[]);
        let shown = String::from_utf8(output.stderr).expect("it is text");
        let expected = Path::new("tests/broken").join(&file).with_extension("txt");
        snapbox::Assert::new()
            .action_env(snapbox::assert::DEFAULT_ACTION_ENV)
            .eq(shown.trim_end().to_string() + "\n", Data::read_from(&expected, None).raw());
        // Warnings alone are told and taken.
        let has_errors = shown.contains("error[");
        assert_eq!(output.status.code(), Some(if has_errors { 78 } else { 0 }), "{file}");
        let strict = validate(&file, &["--strict"]);
        assert_eq!(strict.status.code(), Some(78), "{file} under --strict");
    }
}

#[test]
fn five_faults_give_five_diagnostics() {
    let output = validate("five-faults.toml", &["--json"]);
    let text = String::from_utf8(output.stdout).expect("it is text");
    let codes: Vec<_> = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("it is JSON"))
        .map(|row| {
            format!("{}:{} {}", row["line"], row["column"], row["code"].as_str().expect("text"))
        })
        .collect();
    let expected = [
        "1:12 unknown-timezone",
        "4:1 unknown-key",
        "8:11 bad-cron",
        "12:12 bad-duration",
        "15:8 bad-name",
    ];
    assert_eq!(codes, expected);
}

#[test]
fn a_diagnostic_in_json_has_every_field() {
    let output = validate("unknown-key.toml", &["--json"]);
    assert_eq!(output.status.code(), Some(78));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "all of it goes to standard output");
    let expected = serde_json::json!({
        "severity": "error",
        "code": "unknown-key",
        "message": "unknown key `comand`",
        "help": "did you mean `command`?",
        "file": "unknown-key.toml",
        "line": 3,
        "column": 1,
        "task": "backup",
    });
    let row: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one line of JSON");
    assert_eq!(row, expected);
}
