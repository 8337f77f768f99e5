//! The layers hold: a module names only what stands above it.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules of layers 0 to 2, from the top down; each may name those above it.
const PURE: [&str; 13] = [
    "name",
    "duration",
    "size",
    "hash",
    "event",
    "task",
    "policy",
    "zone",
    "trigger",
    "schedule",
    "timetable",
    "scheduler",
    "lib",
];

/// The edges, and which other edges each may name.
const EDGES: [(&str, &[&str]); 8] = [
    ("clock", &[]),
    ("config", &["runner"]),
    ("runner", &[]),
    ("store", &[]),
    ("observe", &[]),
    ("engine", &["clock", "store", "observe"]),
    ("control", &["engine"]),
    ("embed", &["clock", "config", "runner", "store", "observe", "engine"]),
];

/// Words of layer 0 that name each other: a context names its run, an event its outcome.
const WORDS: [&str; 7] = ["name", "duration", "size", "hash", "event", "task", "policy"];

fn may_name(module: &str, other: &str) -> bool {
    if module == other || module == "lib" || module == "cli" || module == "main" {
        return true;
    }
    let rank = |name: &str| PURE.iter().position(|pure| *pure == name);
    match (rank(module), rank(other)) {
        (Some(_), Some(_)) if WORDS.contains(&module) => WORDS.contains(&other),
        (Some(module), Some(other)) => other < module,
        (Some(_), None) => false,
        (None, Some(_)) => true,
        (None, None) => {
            let edge = EDGES.iter().find(|(name, _)| *name == module);
            edge.unwrap_or_else(|| panic!("`{module}` has no place in the house"))
                .1
                .contains(&other)
        }
    }
}

/// Every Rust file below `folder`.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("it is there") {
        let path = entry.expect("it is readable").path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Whether a file is there for tests alone.
fn is_test(file: &Path) -> bool {
    let name = |component: &std::ffi::OsStr| {
        ["tests", "exercise", "laws"].iter().any(|test| component == *test)
    };
    file.with_extension("").iter().any(name)
}

/// The name of the top-level module that a file belongs to.
fn module(file: &Path) -> String {
    let below = file.strip_prefix("src").expect("it lies below `src`");
    let first = below.components().next().expect("it has a name").as_os_str();
    Path::new(first).file_stem().expect("it has a name").to_string_lossy().into_owned()
}

/// The modules that a line names by `crate::`.
fn named(line: &str) -> Vec<&str> {
    let after = line.split("crate::").skip(1);
    after
        .map(|rest| rest.split(|c: char| !c.is_ascii_lowercase() && c != '_').next().unwrap_or(""))
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn a_module_names_only_what_stands_above_it() {
    let mut broken = Vec::new();
    let mut seen = 0;
    for file in sources(Path::new("src")) {
        let module = module(&file);
        let text = fs::read_to_string(&file).expect("it is text");
        // The tests of a module may set up a world around it.
        let is_test = is_test(&file);
        let code = text.split("#[cfg(test)]\nmod tests {").next().expect("there is always a first");
        assert!(!code.contains("use crate::{"), "{}: one module a line", file.display());
        for (number, line) in code.lines().enumerate().filter(|_| !is_test) {
            for other in named(line) {
                seen += 1;
                if !may_name(&module, other) {
                    broken.push(format!(
                        "{}:{}: {module} names {other}",
                        file.display(),
                        number + 1
                    ));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(seen > 100, "the search itself works: {seen}");
}

#[test]
fn only_the_command_line_prints_exits_and_reads_the_environment() {
    let forbidden = [
        "println!(",
        "print!(",
        "dbg!(",
        "process::exit",
        "anyhow::",
        "std::env::args",
        "env::var",
    ];
    for file in sources(Path::new("src")) {
        if module(&file) == "cli" || is_test(&file) {
            continue;
        }
        let text = fs::read_to_string(&file).expect("it is text");
        // What an example does is the business of who reads it.
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            for word in forbidden {
                // What commands of a program's own files inherit, and where they are searched.
                let is_handed_on = module(&file) == "embed" && *word == *"env::var";
                let is_fine = is_handed_on || !line.contains(word);
                assert!(is_fine, "{} has `{word}`", file.display());
            }
        }
    }
}

#[test]
fn the_house_rule_can_be_broken() {
    for (module, other, allowed) in [
        ("trigger", "zone", true),
        ("zone", "trigger", false),
        ("scheduler", "clock", false),
        ("engine", "store", true),
        ("store", "engine", false),
        ("config", "runner", true),
        ("runner", "config", false),
        ("cli", "engine", true),
        ("engine", "cli", false),
        ("policy", "schedule", false),
    ] {
        assert_eq!(may_name(module, other), allowed, "{module} names {other}");
    }
}
