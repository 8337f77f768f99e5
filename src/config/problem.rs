//! What can be wrong with a schedule file: the prose, the remedies and the codes.

use std::fmt;

use super::ics::BadIcs;
use super::keys;
use crate::duration::BadDuration;
use crate::name::{BadName, Name};
use crate::size::BadSize;
use crate::trigger::cron::{Fault, Problem as CronProblem};
use crate::trigger::{BadInterval, BadMoment};

/// Something wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The file cannot be read: why, and what to do.
    Unreadable(String, Option<&'static str>),
    /// Not TOML, in the words of the parser.
    Syntax(String),
    /// A key that nothing here has, and what to do.
    UnknownKey(String, String),
    /// A value of the wrong type.
    WrongType {
        /// The key it stands at.
        key: String,
        /// What belongs there, with an example.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// A key that cannot be a default.
    NoDefault(String),
    /// A number beyond 64 bits.
    TooLarge,
    /// A name that is no name.
    BadName(String, BadName),
    /// A name that stands already somewhere else: in this file and line.
    Duplicate {
        /// `task` or `template`.
        what: &'static str,
        /// The name.
        name: String,
        /// Where it stands.
        first: String,
    },
    /// More tasks than there may be.
    TooManyTasks(usize),
    /// A template that is not there, and the nearest that is.
    UnknownTemplate(String, Option<String>),
    /// A calendar that is not there, and the nearest that is.
    UnknownCalendar(String, Option<String>),
    /// A time in a calendar of days.
    WholeDays,
    /// An iCalendar file that cannot be read.
    Ics(String, BadIcs),
    /// Templates that take over from each other.
    TemplateCircle(String),
    /// A file that comes back to itself.
    IncludeCircle(String),
    /// A file that was included before.
    IncludedTwice(String),
    /// Not a pattern for files.
    BadInclude(String),
    /// No trigger.
    NoTrigger,
    /// No command.
    NoCommand,
    /// A command, and a task of a program as well.
    TaskAndCommand,
    /// A task of a program, which taskd itself cannot run.
    RustTask(String),
    /// A key that is for something else than what this task runs.
    OnlyFor(String, &'static str),
    /// A value with nothing in it.
    Empty(&'static str),
    /// A text that no program can be given: it holds a zero byte.
    ZeroByte(&'static str),
    /// Not a length of time.
    Duration(BadDuration),
    /// Not a length for an interval.
    Interval(BadInterval),
    /// A unit of an interval that is no number of them.
    BadUnit(String),
    /// Not a date.
    Date(BadMoment),
    /// A date-time without a date.
    TimeAlone,
    /// A pattern that is wrong.
    Cron(CronProblem),
    /// A zone that is not there, and the nearest that is.
    UnknownZone(String, Option<String>),
    /// An end before the start.
    EndBeforeStart,
    /// A `calendar` that is counted from nowhere.
    CalendarStart,
    /// A `calendar` with nothing or too much to count: what is wrong.
    CalendarUnits(&'static str),
    /// Not a time of day.
    TimeOfDay,
    /// A text that is none of those that may stand there.
    NoneOf(String, &'static [&'static str]),
    /// Not a name for an environment variable.
    BadVariable(String),
    /// Not a code of a warning, and what to do.
    UnknownCode(String, String),
    /// A pool that is not there, and the nearest that is.
    UnknownPool(String, Option<String>),
    /// A task that is not there, and the nearest that is.
    UnknownTask(String, Option<String>),
    /// Tasks that come after each other: their names.
    AfterCircle(Vec<String>),
    /// A task that was another, which is still there.
    StillThere(String),
    /// Two tasks that were one: the name of the other.
    RenamedTwice(String, Name),
    /// An `after` with both `all` and `any`.
    AllAndAny,
    /// A key that has to be there, and what to do.
    MissingKey(&'static str, &'static str),
    /// A number that is none of those that may stand there: which may.
    BadNumber(String),
    /// A length of time that is zero and may not be.
    NoTime,
    /// A size that is none.
    Size(BadSize),
    /// A target of output beside others.
    StandsAlone,
    /// A table that belongs in the main file.
    MainFileOnly,

    // Warnings.
    /// There is nothing to run.
    NoTasks,
    /// The zone of this machine is not known.
    NoZone(String),
    /// A `$NAME` that stays as it is.
    LiteralDollar(String),
    /// Nothing will fire any more.
    Past,
    /// Nothing fires between the start and the end.
    Outside,
    /// TOML of a later version than 1.0.
    LaterToml(&'static str),
    /// Something that this machine does not have.
    HostLacks(String),
    /// Somebody that only root may be.
    NotRoot(String),
    /// A reading that the clocks jump over, and how it is read.
    InGap(String, String),
    /// An interval of a day or more without a start, and where it falls.
    NoStart(String, String),
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file is not taken.
    Error,
    /// It is taken, but somebody should look.
    Warning,
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// The codes that `allow` may name: warnings about a single task.
pub(super) const ALLOWABLE: [&str; 12] = [
    "date-in-gap",
    "days-ored",
    "every-second",
    "host",
    "literal-dollar",
    "no-start",
    "not-root",
    "past",
    "rust-task",
    "uneven-step",
    "weekday-number",
    "wide-step",
];

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::Cron(fault.problem)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why, _) => f.write_str(why),
            Self::Syntax(what) => write!(f, "this is not TOML: {what}"),
            Self::UnknownKey(key, _) => write!(f, "unknown key `{}`", shown(key)),
            Self::WrongType { key, expected, found } => {
                let expected = expected.split(", ").next().unwrap_or(expected);
                write!(f, "`{key}` is {expected}, not {found}")
            }
            Self::NoDefault(key) => write!(f, "`{key}` belongs to a single task"),
            Self::TooLarge => write!(f, "this number is too large"),
            Self::BadName(_, bad) => write!(f, "{bad}"),
            Self::Duplicate { what, name, first } => {
                write!(f, "there is a {what} `{name}` already, in {first}")
            }
            Self::TooManyTasks(most) => write!(f, "there are more than {most} tasks"),
            Self::UnknownTemplate(name, _) => write!(f, "there is no template `{}`", shown(name)),
            Self::UnknownCalendar(name, _) => write!(f, "there is no calendar `{}`", shown(name)),
            Self::WholeDays => write!(f, "a calendar has whole days"),
            Self::Ics(path, bad) => write!(f, "`{path}`: {bad}"),
            Self::TemplateCircle(name) => write!(f, "the template `{name}` extends itself"),
            Self::IncludeCircle(file) => write!(f, "`{file}` includes itself"),
            Self::IncludedTwice(file) => write!(f, "`{file}` is included twice"),
            Self::BadInclude(why) => write!(f, "this is no pattern for files: {why}"),
            Self::NoTrigger => write!(f, "this task never says when to run"),
            Self::NoCommand => write!(f, "this task never says what to run"),
            Self::TaskAndCommand => write!(f, "`task` and `command` do not go together"),
            Self::RustTask(name) => {
                write!(f, "`{}` is a task of a program, which `taskd run` cannot run", shown(name))
            }
            Self::OnlyFor(key, what) => {
                write!(f, "`{key}` is for a `{what}`, and there is none here")
            }
            Self::Empty(what) => write!(f, "this {what} is empty"),
            Self::ZeroByte(what) => write!(f, "this {what} holds a zero byte"),
            Self::Duration(bad) => write!(f, "{bad}"),
            Self::Interval(bad) => write!(f, "{bad}"),
            Self::BadUnit(unit) => write!(f, "`{unit}` counts from zero up"),
            Self::Date(bad) => write!(f, "{bad}"),
            Self::TimeAlone => write!(f, "this time has no date"),
            Self::Cron(problem) => write!(f, "{problem}"),
            Self::UnknownZone(name, _) => write!(f, "there is no time zone `{}`", shown(name)),
            Self::CalendarStart => write!(f, "a `calendar` is counted from a `start`"),
            Self::CalendarUnits(what) => f.write_str(what),
            Self::TimeOfDay => write!(f, "this is not a time of day as `09:30`"),
            Self::NoneOf(text, _) => write!(f, "`{}` means nothing here", shown(text)),
            Self::EndBeforeStart => write!(f, "this end is before the start"),
            Self::BadVariable(name) => {
                write!(f, "`{}` is no name for an environment variable", name.escape_debug())
            }
            Self::UnknownCode(code, _) => {
                write!(f, "there is no warning `{}` about a task", shown(code))
            }
            Self::UnknownPool(name, _) => write!(f, "there is no pool `{}`", shown(name)),
            Self::UnknownTask(name, _) => write!(f, "there is no task `{}`", shown(name)),
            Self::AfterCircle(tasks) => match tasks.as_slice() {
                [one] => write!(f, "`{one}` comes after itself, at once and for ever"),
                [first, ..] => {
                    write!(f, "these tasks come after each other: {}, {first}", tasks.join(", "))
                }
                [] => Ok(()),
            },
            Self::StillThere(old) => write!(f, "the task `{old}` is still there"),
            Self::RenamedTwice(old, other) => {
                write!(f, "`{other}` has also been renamed from `{old}`")
            }
            Self::AllAndAny => write!(f, "`all` and `any` do not go together"),
            Self::MissingKey(key, _) => write!(f, "`{key}` is missing here"),
            Self::BadNumber(what) => write!(f, "this is not {what}"),
            Self::NoTime => write!(f, "this leaves no time at all"),
            Self::Size(bad) => write!(f, "{bad}"),
            Self::StandsAlone => write!(f, "`inherit` and `discard` stand alone"),
            Self::MainFileOnly => write!(f, "`[daemon]` belongs in the main file"),
            Self::NoTasks => write!(f, "this file declares no task"),
            Self::NoZone(why) => write!(f, "this machine's time zone is not known: {why}"),
            Self::LiteralDollar(name) => {
                write!(f, "`{name}` stays as it is in an environment value")
            }
            Self::Past => write!(f, "this will never fire again: all of it is past"),
            Self::Outside => write!(f, "nothing of this lies before its end"),
            Self::LaterToml(what) => write!(f, "TOML 1.0 has no {what}"),
            Self::HostLacks(what) => write!(f, "this machine has no {what}"),
            Self::NotRoot(who) => write!(f, "only root may run a command as `{}`", shown(who)),
            Self::InGap(wall, read) => {
                write!(f, "the clocks jump over {wall} here; it is read as {read}")
            }
            Self::NoStart(length, falls) => {
                write!(f, "without a `start`, every {length} falls on {falls}")
            }
        }
    }
}

impl Problem {
    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Self::NoTasks
            | Self::NoZone(_)
            | Self::LiteralDollar(_)
            | Self::Past
            | Self::Outside
            | Self::LaterToml(_)
            | Self::HostLacks(_)
            | Self::NotRoot(_)
            | Self::RustTask(_)
            | Self::InGap(..)
            | Self::NoStart(..) => Severity::Warning,
            Self::Cron(problem) if problem.warning().is_some() => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// The stable name of this kind of problem.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(..) => "unreadable",
            Self::Syntax(_) => "syntax",
            Self::UnknownKey(..) => "unknown-key",
            Self::WrongType { .. } => "wrong-type",
            Self::NoDefault(_) => "no-default",
            Self::TooLarge | Self::BadNumber(_) => "bad-number",
            Self::BadName(..) => "bad-name",
            Self::Duplicate { .. } => "duplicate-name",
            Self::TooManyTasks(_) => "too-many-tasks",
            Self::UnknownTemplate(..) => "unknown-template",
            Self::UnknownCalendar(..) => "unknown-calendar",
            Self::Ics(..) => "bad-ics",
            Self::TemplateCircle(_) => "template-circle",
            Self::IncludeCircle(_) => "include-circle",
            Self::IncludedTwice(_) => "included-twice",
            Self::BadInclude(_) => "bad-include",
            Self::NoTrigger => "no-trigger",
            Self::NoCommand => "no-command",
            Self::TaskAndCommand => "task-and-command",
            Self::RustTask(_) => "rust-task",
            Self::OnlyFor(..) => "misplaced-key",
            Self::Empty(_) => "empty",
            Self::ZeroByte(_) => "zero-byte",
            Self::Duration(_) | Self::NoTime => "bad-duration",
            Self::Interval(_) | Self::BadUnit(_) => "bad-interval",
            Self::Date(_) | Self::TimeAlone | Self::WholeDays => "bad-date",
            Self::Cron(CronProblem::Never) => "never-fires",
            Self::Cron(problem) => problem.warning().unwrap_or("bad-cron"),
            Self::UnknownZone(..) => "unknown-timezone",
            Self::EndBeforeStart => "end-before-start",
            Self::CalendarStart | Self::CalendarUnits(_) => "bad-calendar",
            Self::TimeOfDay => "bad-time",
            Self::NoneOf(..) => "bad-value",
            Self::BadVariable(_) => "bad-variable",
            Self::UnknownCode(..) => "unknown-code",
            Self::UnknownPool(..) => "unknown-pool",
            Self::UnknownTask(..) => "unknown-task",
            Self::AfterCircle(_) => "after-circle",
            Self::StillThere(..) | Self::RenamedTwice(..) => "bad-rename",
            Self::AllAndAny => "bad-after",
            Self::MissingKey(..) => "missing-key",
            Self::Size(_) => "bad-size",
            Self::StandsAlone => "bad-output",
            Self::MainFileOnly => "main-file-only",
            Self::NoTasks => "no-tasks",
            Self::NoZone(_) => "no-timezone",
            Self::LiteralDollar(_) => "literal-dollar",
            Self::Past | Self::Outside => "past",
            Self::LaterToml(_) => "toml-1.1",
            Self::HostLacks(_) => "host",
            Self::NotRoot(_) => "not-root",
            Self::InGap(..) => "date-in-gap",
            Self::NoStart(..) => "no-start",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        let nearest = |nearest: &Option<String>| {
            nearest.as_ref().map(|name| format!("did you mean `{name}`?"))
        };
        Some(match self {
            Self::Unreadable(_, help) => return help.map(Into::into),
            Self::TooManyTasks(most) => format!("one plan has at most {most}; run a second daemon for the rest"),
            Self::Syntax(what) => syntax_help(what).into(),
            Self::TooLarge => "whole numbers have 64 bits".into(),
            Self::UnknownKey(_, help) | Self::UnknownCode(_, help) => help.clone(),
            Self::WrongType { expected, .. } => {
                return expected.split_once(", ").map(|(_, example)| example.to_string());
            }
            Self::NoDefault(_) => "write it in the tasks, or in a template that they extend".into(),
            Self::BadName(text, BadName::Character('.')) => format!("write `{}`", text.replace('.', "-")),
            Self::BadName(..) => "a name is a letter, then letters, digits, `-` and `_`".into(),
            Self::Duplicate { .. } => "give one of them another name".into(),
            Self::UnknownTemplate(_, near) => nearest(near).unwrap_or_else(|| "write it as `[templates.NAME]`".into()),
            Self::UnknownCalendar(_, near) => nearest(near)
                .unwrap_or_else(|| "write it as `[calendars.NAME]`".into()),
            Self::WholeDays => "write the date alone, as `2026-12-25`".into(),
            Self::Ics(_, BadIcs::Rule(_)) => "taskd reads `FREQ=YEARLY` with `INTERVAL`, `COUNT`, `UNTIL`, `BYMONTH`, `BYMONTHDAY` and `BYDAY`; write other days as `dates`".into(),
            Self::Ics(..) => "export it again as iCalendar (`.ics`), or write the days as `dates`".into(),
            Self::TemplateCircle(_) => "take one `extends` of the circle away".into(),
            Self::IncludeCircle(_) => "take one `include` of the circle away".into(),
            Self::IncludedTwice(_) => "include it in one place".into(),
            Self::BadInclude(_) => "write a path as `conf.d/*.toml`".into(),
            Self::NoTrigger => "add `interval = \"1h\"`, `cron = \"30 9 * * mon-fri\"` or `date = \"2026-12-31 23:59\"`".into(),
            Self::NoCommand => "add `command = \"echo hello\"`".into(),
            Self::TaskAndCommand => "take one of them away, an inherited one by `false`".into(),
            Self::RustTask(_) => "write a `command`, or let the program that has it load this file".into(),
            Self::OnlyFor(..) => "take it away".into(),
            Self::Empty(_) => "write something in it, or take it away".into(),
            Self::ZeroByte(_) => "no program can be given one; take it away".into(),
            Self::Duration(bad) => bad.help().into(),
            Self::Interval(BadInterval::TooShort) => "write `1s` or more".into(),
            Self::Interval(BadInterval::TooLong) => "write a shorter one".into(),
            Self::BadUnit(_) => "write a number as `1` or `1.5`".into(),
            Self::Date(bad) => bad.help().into(),
            Self::TimeAlone => "write a date before it, as in `2026-12-31 23:59`; for every day use `cron`".into(),
            Self::Cron(problem) => problem.help(),
            Self::UnknownZone(_, near) => nearest(near).unwrap_or_else(|| "write a name as `Europe/Berlin`, `America/New_York` or `UTC`".into()),
            Self::CalendarStart => "add `start = \"2026-01-31\"`".into(),
            Self::CalendarUnits(_) => "write `{ months = 1 }`, `{ years = 1 }`, `{ weeks = 2 }` or `{ days = 10 }`".into(),
            Self::TimeOfDay => "write `09:30` or `09:30:15`".into(),
            Self::NoneOf(text, known) => match keys::nearest(text, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("write {}", known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ")),
            },
            Self::EndBeforeStart => "swap them, or take one away".into(),
            Self::BadVariable(_) => "a name has no `=` and no zero byte, and is not empty".into(),
            Self::UnknownPool(_, near) => nearest(near).unwrap_or_else(|| "write it as `[pools.NAME]` with `limit = 2`".into()),
            Self::UnknownTask(_, near) => nearest(near).unwrap_or_else(|| "write the name of a task of this file or its includes".into()),
            Self::AfterCircle(tasks) if tasks.len() == 1 => "add a `delay`: so long after its own end".into(),
            Self::AfterCircle(_) => "take one `after` of the circle away".into(),
            Self::StillThere(_) => "remove one of the two, or this key".into(),
            Self::RenamedTwice(..) => "only one of them goes on from where it was; remove the other key".into(),
            Self::AllAndAny => "write one of them, or two tasks".into(),
            Self::MissingKey(_, help) => (*help).into(),
            Self::BadNumber(_) => "write another number".into(),
            Self::NoTime => "write a longer one, or take it away for no limit".into(),
            Self::Size(_) => "write it as `512KiB`, `1MiB` or `2GiB`".into(),
            Self::StandsAlone => "write one of them, or `[\"log\", \"capture\"]`".into(),
            Self::MainFileOnly => "move it to the file that includes this one".into(),
            Self::NoTasks => "write `[tasks.hello]`, and below it `interval = \"10s\"` and `command = \"echo hello\"`".into(),
            Self::NoZone(_) => "times are read as UTC; write `timezone = \"Europe/Berlin\"` at the top of the file".into(),
            Self::LiteralDollar(_) => "nothing is filled in here; use it in the `command` instead, which a shell reads".into(),
            Self::Outside => "write a later `end`, or another trigger".into(),
            Self::Past => "write a later date, or take the task away".into(),
            Self::LaterToml(_) => "taskd reads it, but other tools may not".into(),
            Self::NotRoot(_) => "start taskd as root, or take `user` and `group` away".into(),
            Self::InGap(..) => "write a time that the clocks show, or one with an offset".into(),
            Self::NoStart(..) => {
                "write `start = \"2026-01-05 03:00\"`; for a time of day write `cron`".into()
            }
            Self::HostLacks(_) => "the run would end as `not-started`; put it in place, or correct the task".into(),
        })
    }
}

/// What to do about a complaint of the parser.
fn syntax_help(what: &str) -> &'static str {
    if what.contains("must be quoted") {
        "write texts in quotes, as in `interval = \"10s\"`"
    } else if what.contains("duplicate key") {
        "take one of the two away"
    } else if what.contains("invalid date") || what.contains("invalid time") {
        "look at a calendar; a date as text may be in quotes, `\"2026-12-31 23:59\"`"
    } else if what.contains("string") {
        "end the text with the quote it begins with; inside, write `\\\"` or use `'…'`"
    } else if what.contains("table") || what.contains(']') {
        "close it with `]`, as in `[tasks.backup]`"
    } else {
        "a line is `key = value` or `[table]`; what follows `#` is a comment"
    }
}

/// A word of somebody's file, fit for a message: in one line, and not for ever.
pub(super) fn shown(word: &str) -> String {
    const MOST: usize = 60;
    let escaped: String = word.chars().take(MOST).flat_map(char::escape_debug).collect();
    if word.chars().nth(MOST).is_some() { format!("{escaped}…") } else { escaped }
}
