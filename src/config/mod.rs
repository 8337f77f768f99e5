//! Schedule files: from text to schedules and commands, with every problem on the way.
//!
//! The way: text (`source`) → tables with places (`raw`, `value`) → all included files (`include`)
//! → what each task inherits (`inherit`) → schedules and commands (`validate`, `when`, `what`).
//! Problems are values with a place; nothing is printed here, and the first one stops nothing.

mod about;
mod after;
mod calendar;
mod daemon;
mod days;
mod definition;
mod diagnostic;
pub mod edit;
mod how;
mod ics;
mod in_force;
mod include;
mod inherit;
mod keys;
mod output;
mod parallel;
mod patterns;
mod problem;
mod raw;
mod schema;
mod source;
mod startup;
mod tables;
mod validate;
mod value;
mod what;
mod when;
mod who;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;
use serde::Serialize;

use crate::name::Name;
use crate::runner::{CommandTask, Output};
use crate::schedule::Schedule;
use crate::zone::Zone;

pub use daemon::Daemon;
pub use definition::recall;
pub use diagnostic::{Colour, Diagnostic};
pub use in_force::KeyInForce;
pub use keys::nearest;
pub use problem::{Problem, Severity};
pub use schema::schema;
pub use source::{LARGEST, Position, ReadError, Source};
pub use value::{Key, Node, Table, Value};

/// The most tasks that a plan may have.
pub const MOST_TASKS: usize = 1_000_000;

/// What a file's meaning depends on beside its text.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The database of zones.
    pub zones: TimeZoneDatabase,
    /// The zone of this machine, or why it is not known.
    pub zone: Result<Zone, String>,
    /// What a leading `~` stands for.
    pub home: Option<PathBuf>,
    /// Where programs are searched.
    pub search: Option<OsString>,
    /// What is past.
    pub now: Timestamp,
}

/// Where a file comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A file by its path.
    File(PathBuf),
    /// Bytes that were read from elsewhere, under a name for people; relative paths start at the
    /// directory.
    Bytes(PathBuf, PathBuf, Vec<u8>),
}

/// All that a schedule file and its includes say.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The tasks without errors, in the order of the files.
    pub tasks: Vec<Entry>,
    /// Every problem, in the order of the files.
    pub diagnostics: Vec<Diagnostic>,
    /// The files, the main one first.
    pub sources: Vec<Source>,
    /// The file that includes each of them.
    pub(crate) parents: Vec<Option<usize>>,
    /// Where its files lie, and others that it includes may come to lie.
    pub directories: BTreeSet<PathBuf>,
    /// The zone of the main file, for times that people type.
    pub zone: Zone,
    /// How the daemon itself works.
    pub daemon: Daemon,
    /// Every zone it names, and that of the machine.
    pub(crate) zones: Vec<Zone>,
}

/// A task of a schedule file.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When and how.
    pub schedule: Schedule,
    /// What.
    pub what: What,
    /// Whose wall clock its times are told in.
    pub zone: Zone,
    /// For people.
    pub about: Arc<About>,
    /// The codes of warnings that are meant.
    pub allow: Box<[String]>,
    /// The file, as an index into the sources of the plan.
    pub file: usize,
    /// Where in it: its header.
    pub place: Range<usize>,
}

/// What a task of a schedule file runs.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A command line.
    Command(Arc<CommandTask>),
    /// A task of the program that loads the file.
    Rust(Box<RustTask>),
}

/// A task of a program, as a file says it.
#[derive(Clone, Debug, PartialEq)]
pub struct RustTask {
    /// The name by which the program has it.
    pub name: Name,
    /// What it is given: an object.
    pub params: serde_json::Value,
    /// Where its output goes.
    pub output: Output,
}

impl AsRef<Schedule> for Entry {
    fn as_ref(&self) -> &Schedule {
        &self.schedule
    }
}

impl Entry {
    /// The command, if it is one that the task runs.
    #[must_use]
    pub fn command(&self) -> Option<&Arc<CommandTask>> {
        match &self.what {
            What::Command(command) => Some(command),
            What::Rust(_) => None,
        }
    }
}

/// What a task says about itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct About {
    /// For people.
    pub description: Option<String>,
    /// For `--tag`.
    pub tags: Vec<String>,
    /// A free table.
    pub metadata: Option<Node>,
}

/// The names of all tasks of the file at `path` and its includes, right or wrong: quicker than a plan.
#[must_use]
pub fn task_names(path: &std::path::Path, directory: &std::path::Path) -> Vec<String> {
    let mut files = include::load(Origin::File(path.into()), directory);
    if !files.tell_alone() {
        files.read_whole();
    }
    let all = files.raw.iter().zip(&files.sources);
    let names = all.flat_map(|(raw, source)| raw.tasks.names(source).map(|(name, _)| name.into()));
    names.collect()
}

/// What a task may hold.
#[must_use]
pub fn task_keys() -> &'static [&'static str] {
    &keys::TASK
}

impl Plan {
    /// Reads `origin` and all it includes; `directory` is where relative paths start.
    #[must_use]
    pub fn load(origin: Origin, directory: &std::path::Path, setting: &Setting) -> Self {
        let files = include::load(origin, directory);
        validate::validate(files, setting)
    }

    /// Judges the same text again in `setting`: zones may have other rules by now.
    #[must_use]
    pub fn again(&self, setting: &Setting) -> Self {
        let again = validate::validate(include::again(&self.sources, &self.parents), setting);
        Self { directories: self.directories.clone(), ..again }
    }

    /// The plan as it would be if some of its files, by their numbers, had these texts.
    #[must_use]
    pub fn instead(&self, texts: &BTreeMap<usize, String>, setting: &Setting) -> Self {
        let mut plan = self.clone();
        for (file, text) in texts {
            let Source { path, directory, .. } = &self.sources[*file];
            let text = text.strip_prefix('\u{feff}').unwrap_or(text);
            plan.sources[*file] = Source::of_text(path, directory.clone(), text.into());
        }
        plan.again(setting)
    }

    /// Whether a zone it names, or that of the machine, has other rules in `setting` than it had.
    #[must_use]
    pub fn is_outdated(&self, setting: &Setting) -> bool {
        let machine = setting.zone.as_ref().ok();
        let is_outdated = |zone: &Zone| match setting.zones.get(zone.name()) {
            Ok(now) => Zone::new(now) != *zone,
            // One without a name, or that has been taken away: what is known still holds.
            Err(_) => false,
        };
        self.zones.iter().any(is_outdated) || machine.is_some_and(|zone| !self.zones.contains(zone))
    }

    /// Whether nothing is wrong; warnings are not wrong.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.count(Severity::Error) == 0
    }

    /// How many problems of this severity there are.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        let alike = |diagnostic: &&Diagnostic| diagnostic.problem.severity() == severity;
        self.diagnostics.iter().filter(alike).count()
    }
}
