//! What happened: one enum that log, metrics, history and live views all read.
//!
//! An event is a fact, complete in itself: it says when, and names all it is about.

use std::fmt;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer};

use crate::name::Name;
use crate::task::Outcome;

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
        }
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

impl Serialize for RunId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why a firing that was due did not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    /// The previous run still went on.
    Overlap,
    /// A calendar excludes the day.
    Calendar,
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Overlap => "overlap",
            Self::Calendar => "calendar",
        })
    }
}

/// A fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The daemon began.
    DaemonStarted {
        /// When.
        at: Timestamp,
    },
    /// The daemon ended cleanly.
    DaemonStopped {
        /// When.
        at: Timestamp,
    },
    /// The wall clock was set.
    ClockStepped {
        /// When, on the new clock.
        at: Timestamp,
        /// By how much; negative is backwards.
        by: SignedDuration,
    },
    /// A task came into the plan.
    TaskAdded {
        /// When.
        at: Timestamp,
        /// Which.
        task: Name,
    },
    /// The definition of a task changed.
    TaskChanged {
        /// When.
        at: Timestamp,
        /// Which.
        task: Name,
    },
    /// A task left the plan.
    TaskRemoved {
        /// When.
        at: Timestamp,
        /// Which.
        task: Name,
    },
    /// A firing was due, but does not run.
    FiringSkipped {
        /// When that was decided.
        at: Timestamp,
        /// The firing.
        run: RunId,
        /// Why.
        reason: SkipReason,
    },
    /// A stretch of firings was missed: nobody was there when they were due.
    FiringsMissed {
        /// When that was found.
        at: Timestamp,
        /// Whose.
        task: Name,
        /// The first of them.
        first: Timestamp,
        /// The last of them.
        last: Timestamp,
        /// How many.
        count: Count,
    },
    /// A run begins.
    RunStarted {
        /// When that was decided.
        at: Timestamp,
        /// Which.
        run: RunId,
        /// What made it fire.
        trigger: TriggerKind,
    },
    /// A run ended.
    RunFinished {
        /// When.
        at: Timestamp,
        /// Which.
        run: RunId,
        /// When it began, on the wall clock.
        started: Timestamp,
        /// How long it took, whatever the wall clock did.
        took: SignedDuration,
        /// How it ended.
        outcome: Outcome,
    },
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
        }
    }
}
