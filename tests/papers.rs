//! The papers agree with the code: README, example, completions, manual page.
//!
//! `SNAPSHOTS=overwrite cargo test --test papers` writes the generated ones anew.

mod support;

use std::fs;
use std::path::Path;

use snapbox::Data;
use support::{Place, text};

fn assert_generated(arguments: &[&str], file: &str) {
    let output = Place::new().taskd(arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    snapbox::Assert::new()
        .action_env(snapbox::assert::DEFAULT_ACTION_ENV)
        .eq(text(&output.stdout), Data::read_from(Path::new(file), None).raw());
}

#[test]
fn the_completions_are_those_of_this_version() {
    assert_generated(&["completions", "bash"], "completions/taskd.bash");
    assert_generated(&["completions", "zsh"], "completions/_taskd");
    assert_generated(&["completions", "fish"], "completions/taskd.fish");
}

#[test]
fn the_manual_page_is_that_of_this_version() {
    assert_generated(&["man"], "contrib/man/taskd.1");
    let verbs = verbs();
    for verb in &verbs {
        assert_generated(&["man", verb], &format!("contrib/man/taskd-{verb}.1"));
    }
    let pages = fs::read_dir("contrib/man").expect("it is there").count();
    assert_eq!(pages, verbs.len() + 1, "there is a page for each, and no other");
}

/// A file as editors hand it to a validator of schemas: times are texts there.
fn as_json(text: &str) -> serde_json::Value {
    fn json(value: toml::Value) -> serde_json::Value {
        match value {
            toml::Value::Datetime(time) => time.to_string().into(),
            toml::Value::Array(items) => items.into_iter().map(json).collect(),
            toml::Value::Table(table) => {
                table.into_iter().map(|(key, value)| (key, json(value))).collect()
            }
            other => serde_json::to_value(other).expect("it is plain"),
        }
    }
    json(toml::Value::Table(toml::from_str(text).expect("it is TOML")))
}

#[test]
fn the_schema_is_that_of_this_version_and_knows_right_from_wrong() {
    assert_generated(&["schema"], "contrib/taskd.schema.json");
    let schema = fs::read_to_string("contrib/taskd.schema.json").expect("it is there");
    let schema: serde_json::Value = serde_json::from_str(&schema).expect("it is JSON");
    assert!(jsonschema::meta::is_valid(&schema), "it is a schema");
    let validator = jsonschema::validator_for(&schema).expect("it is a schema");
    let judge = |text: &str| -> Vec<String> {
        let file = as_json(text);
        validator.iter_errors(&file).map(|error| error.to_string()).collect()
    };
    let example = fs::read_to_string("schedules.example.toml").expect("it is there");
    assert_eq!(judge(&example), [""; 0]);
    assert!(example.starts_with("#:schema ./contrib/taskd.schema.json\n"), "editors find it");
    for block in blocks("toml") {
        assert_eq!(judge(&block), [""; 0], "{block}");
    }
    for wrong in [
        "[tasks.a]\ncomand = 'x'",
        "[tasks.a]\ncron = 5",
        "[tasks.a]\noverlap = 'sometimes'",
        "[tasks.a]\nretry = { most = 3 }",
        "[defaults]\ncron = '@daily'",
        "[pools.x]\nlimit = 0",
        "[daemon]\nwatch = 'yes'",
        "tasks = 3",
    ] {
        assert!(!judge(wrong).is_empty(), "{wrong}");
    }
}

#[test]
fn the_example_is_valid_under_the_strictest_rules() {
    let example = fs::canonicalize("schedules.example.toml").expect("it is there");
    let output =
        Place::new().taskd(["validate".as_ref(), "--strict".as_ref(), example.as_os_str()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(
        text(&output.stdout).contains("21 tasks in 1 file are fine"),
        "{}",
        text(&output.stdout)
    );
}

/// The verbs that `--help` lists.
fn verbs() -> Vec<String> {
    let help = text(&Place::new().taskd(["--help"]).stdout);
    let commands = help.split("Commands:").nth(1).expect("it lists them");
    let commands = commands.split("Options:").next().expect("it ends");
    let own = commands.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    own.map(|line| line.split_whitespace().next().expect("a word").into()).collect()
}

/// The fenced blocks of a language in the README.
fn blocks(language: &str) -> Vec<String> {
    let readme = fs::read_to_string("README.md").expect("it is there");
    let fence = format!("```{language}\n");
    let after = readme.split(&fence).skip(1);
    after.map(|rest| rest.split("```").next().expect("it ends").to_string()).collect()
}

#[test]
fn every_schedule_in_the_readme_is_valid() {
    let blocks = blocks("toml");
    assert!(blocks.len() >= 2, "{blocks:?}");
    for block in blocks {
        let place = Place::with("schedules.toml", &block);
        // One for a program is warned of.
        let strict = (!block.contains("\ntask ")).then_some("--strict");
        let output = place.taskd(["validate"].into_iter().chain(strict));
        assert_eq!(output.status.code(), Some(0), "{block}\n{}", text(&output.stderr));
    }
}

#[test]
fn every_verb_and_exit_code_is_in_the_readme() {
    let readme = fs::read_to_string("README.md").expect("it is there");
    for verb in verbs() {
        assert!(readme.contains(&format!("`taskd {verb}")), "the README tells of `{verb}`");
    }
    for code in [0, 1, 2, 3, 69, 75, 78] {
        assert!(readme.contains(&format!("\n| {code} | ")), "the README tells of {code}");
    }
}
