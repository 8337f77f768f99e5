//! A firing: what names it, and what becomes of it.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};

use crate::name::Name;

/// What made a task fire, in the order that names an instant which two triggers share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TriggerKind {
    /// Every so much elapsed time.
    Interval,
    /// A pattern of wall-clock readings.
    Cron,
    /// A single instant.
    Date,
    /// Every so many months or days of the calendar.
    Calendar,
    /// The daemon starts.
    Startup,
    /// A run of another task has ended.
    After,
    /// Somebody asks for it.
    Manual,
}

impl TriggerKind {
    /// The word for it, which is the key in a file.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Interval => "interval",
            Self::Cron => "cron",
            Self::Date => "date",
            Self::Calendar => "calendar",
            Self::Startup => "startup",
            Self::After => "after",
            Self::Manual => "manual",
        }
    }
}

impl TriggerKind {
    /// Whether a clock names its firings, so that they can be told beforehand.
    #[must_use]
    pub fn is_clock(self) -> bool {
        matches!(self, Self::Interval | Self::Cron | Self::Date | Self::Calendar)
    }
}

impl fmt::Display for TriggerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A firing and the run it led to: `backup@20260105T083000Z`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId {
    /// The task.
    pub task: Name,
    /// The nominal instant, in whole microseconds.
    pub due: Timestamp,
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format =
            if self.due.subsec_nanosecond() == 0 { "%Y%m%dT%H%M%SZ" } else { "%Y%m%dT%H%M%S.%6fZ" };
        let due = self.due.to_zoned_datetime(TimeZone::UTC).datetime();
        write!(f, "{}@{}", self.task, due.strftime(format))
    }
}

/// Reads what is printed.
impl FromStr for RunId {
    type Err = BadRunId;

    fn from_str(text: &str) -> Result<Self, BadRunId> {
        let (task, due) = text.split_once('@').ok_or(BadRunId)?;
        let task = Name::new(task).map_err(|_| BadRunId)?;
        let digits = due.strip_suffix('Z').ok_or(BadRunId)?;
        let plain =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || b"T.".contains(&byte));
        let format = match digits.len() {
            15 => "%Y%m%dT%H%M%S",
            22 => "%Y%m%dT%H%M%S.%6f",
            _ => return Err(BadRunId),
        };
        let wall = DateTime::strptime(format, digits).map_err(|_| BadRunId)?;
        let due = TimeZone::UTC.to_timestamp(wall).map_err(|_| BadRunId)?;
        let run = Self { task, due };
        // One name for each: no other spelling of it.
        if plain(digits) && run.to_string() == text { Ok(run) } else { Err(BadRunId) }
    }
}

/// A text is not the name of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadRunId;

impl fmt::Display for BadRunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this is not the name of a run as `backup@20260105T083000Z`")
    }
}

impl std::error::Error for BadRunId {}

impl Serialize for RunId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The run that a firing came after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// Which.
    pub run: RunId,
    /// How it ended: the word.
    pub outcome: &'static str,
}

/// Why a single firing that was due did not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    /// The previous run still went on.
    Overlap,
    /// A calendar excludes the day.
    Calendar,
    /// It waited, and a newer one took its place.
    Replaced,
    /// It waited, and somebody called it off.
    Cancelled,
    /// It waited, and its task left the plan.
    Removed,
}

impl SkipReason {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Overlap => "overlap",
            Self::Calendar => "calendar",
            Self::Replaced => "replaced",
            Self::Cancelled => "cancelled",
            Self::Removed => "removed",
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What became of a stretch of firings none of which runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Passed {
    /// Nobody was there when they were due.
    Missed,
    /// A newer one runs for them all.
    Coalesced,
    /// The task, or everything, was paused.
    Paused,
    /// A calendar excludes their days.
    Calendar,
}

impl Passed {
    /// The verdict, and its reason where it has one.
    #[must_use]
    pub fn verdict(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Missed => ("missed", None),
            Self::Coalesced => ("coalesced", None),
            Self::Paused => ("paused", None),
            Self::Calendar => ("skipped", Some(SkipReason::Calendar.word())),
        }
    }
}

/// What a firing waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaitReason {
    /// The end of its delay.
    Delay,
    /// The end of the run before it.
    Turn,
    /// A free place in its pool.
    Pool,
    /// That fewer runs go on.
    Cap,
}

impl WaitReason {
    /// What it is called.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Delay => "delay",
            Self::Turn => "turn",
            Self::Pool => "pool",
            Self::Cap => "max_runs",
        }
    }
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A number of firings, counted no further than anybody needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// So many were counted.
    pub counted: u64,
    /// There are more than that.
    pub more: bool,
}

impl Count {
    /// Nobody needs to know more exactly than this.
    pub const LIMIT: u64 = 1_000_000;

    /// Exactly so many, or more than [`Count::LIMIT`].
    #[must_use]
    pub fn of(count: u64) -> Self {
        Self { counted: count.min(Self::LIMIT), more: count > Self::LIMIT }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.more { "more than " } else { "" }, self.counted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_named_by_its_task_and_due_in_utc() {
        for (due, expected) in [
            ("2026-01-05T09:30:00+01:00", "backup@20260105T083000Z"),
            // Only what no clock names has a fraction, and then all of it.
            ("2026-01-05T08:30:00.5Z", "backup@20260105T083000.500000Z"),
        ] {
            let run = RunId {
                task: Name::new("backup").expect("a fine name"),
                due: due.parse().expect("an instant"),
            };
            assert_eq!(run.to_string(), expected);
            assert_eq!(expected.parse(), Ok(run));
        }
    }

    #[test]
    fn what_names_no_run_is_refused() {
        for text in [
            "",
            "backup",
            "backup@",
            "backup@20260105T083000",
            "backup@20260105T083000+01",
            "backup@20260230T083000Z",
            "backup@20260105T083000.5Z",
            // It would be another spelling of the name without a fraction.
            "backup@20260105T083000.000000Z",
            "../x@20260105T083000Z",
        ] {
            assert_eq!(text.parse::<RunId>(), Err(BadRunId), "{text}");
        }
    }
}
