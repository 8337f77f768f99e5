//! The numbers and texts that stand for words in the file. They never change.

use jiff::Timestamp;

use crate::event::{Cause, Event, Passed, SkipReason, TriggerKind};
use crate::hash;
use crate::task::{Failure, Given, Outcome};

/// What names firings, by its number.
const TRIGGERS: [TriggerKind; 7] = [
    TriggerKind::Interval,
    TriggerKind::Cron,
    TriggerKind::Date,
    TriggerKind::Calendar,
    TriggerKind::Startup,
    TriggerKind::After,
    TriggerKind::Manual,
];

/// Verdicts with their reasons, by their numbers.
pub(super) const VERDICTS: [(&str, Option<&str>); 9] = [
    ("run", None),
    ("skipped", Some("overlap")),
    ("skipped", Some("calendar")),
    ("skipped", Some("replaced")),
    ("skipped", Some("cancelled")),
    ("skipped", Some("removed")),
    ("missed", None),
    ("coalesced", None),
    ("paused", None),
];

/// What may become of stretches.
pub(super) const PASSED: [Passed; 4] =
    [Passed::Missed, Passed::Coalesced, Passed::Paused, Passed::Calendar];

/// The number of the verdict to run.
pub(super) const RUN: i64 = 0;

/// Outcomes, by their numbers.
pub(super) const OUTCOMES: [&str; 6] =
    ["success", "failed", "timed-out", "stopped", "not-started", "lost"];

fn number<T: PartialEq>(all: &[T], one: &T) -> i64 {
    // Each word has one.
    all.iter().position(|other| other == one).and_then(|at| i64::try_from(at).ok()).unwrap_or(-1)
}

pub(super) fn at<T: Copy>(all: &[T], number: i64) -> Option<T> {
    all.get(usize::try_from(number).ok()?).copied()
}

pub(super) fn of_trigger(trigger: TriggerKind) -> i64 {
    number(&TRIGGERS, &trigger)
}

pub(super) fn trigger(number: i64) -> TriggerKind {
    at(&TRIGGERS, number).unwrap_or(TriggerKind::Manual)
}

pub(super) fn of_skip(reason: SkipReason) -> i64 {
    number(&VERDICTS, &("skipped", Some(reason.word())))
}

pub(super) fn of_passed(passed: Passed) -> i64 {
    number(&VERDICTS, &passed.verdict())
}

pub(super) fn passed(number: i64) -> Passed {
    PASSED.into_iter().find(|passed| of_passed(*passed) == number).unwrap_or(Passed::Missed)
}

pub(super) fn of_outcome(outcome: &Outcome) -> i64 {
    number(&OUTCOMES, &outcome.word())
}

/// An outcome as one text.
pub(super) fn outcome_text(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Failed(Failure::Code(code)) => format!("failed code {code}"),
        Outcome::Failed(Failure::Signal(signal)) => format!("failed signal {signal}"),
        Outcome::Failed(Failure::Broken(why)) => format!("failed broken {why}"),
        other => match other.detail() {
            Some(detail) => format!("{} {detail}", other.word()),
            None => other.word().into(),
        },
    }
}

/// Reads such a text.
pub(super) fn outcome(text: &str) -> Outcome {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let number = |kind: &str| rest.strip_prefix(kind)?.trim().parse().ok();
    match word {
        "success" => Outcome::Success,
        "timed-out" => Outcome::TimedOut,
        "stopped" => Outcome::Stopped,
        "not-started" => Outcome::NotStarted(rest.into()),
        "lost" => Outcome::Lost(rest.into()),
        _ => Outcome::Failed(match (number("code "), number("signal ")) {
            (Some(code), _) => Failure::Code(code),
            (_, Some(signal)) => Failure::Signal(signal),
            _ => Failure::Broken(rest.strip_prefix("broken ").unwrap_or(rest).into()),
        }),
    }
}

/// A cause as one text: the outcome and the run.
pub(super) fn cause_text(cause: &Cause) -> String {
    format!("{} {}", cause.outcome, cause.run)
}

pub(super) fn cause(text: &str) -> Option<Cause> {
    let (word, run) = text.split_once(' ')?;
    let outcome = OUTCOMES.into_iter().find(|outcome| *outcome == word)?;
    Some(Cause { run: run.parse().ok()?, outcome })
}

/// What a person has given to a run as one text: whether it was forced, then its variables. No variable
/// has a zero byte.
pub(super) fn given_text(given: &Given) -> Option<String> {
    let force = if given.force { "force" } else { "" };
    let variables = given.env.iter().map(|(name, value)| format!("\0{name}={value}"));
    (*given != Given::default()).then(|| std::iter::once(force.into()).chain(variables).collect())
}

/// Reads such a text.
pub(super) fn given(text: &str) -> Given {
    let mut parts = text.split('\0');
    let force = parts.next() == Some("force");
    let variables = parts.filter_map(|variable| variable.split_once('='));
    let env = variables.map(|(name, value)| (name.into(), value.into())).collect();
    Given { env, force }
}

pub(super) fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}

/// The kinds of events, by their numbers.
pub(super) mod kind {
    pub const DAEMON_STARTED: i64 = 0;
    pub const DAEMON_STOPPED: i64 = 1;
    pub const CLOCK_STEPPED: i64 = 2;
    pub const STORE_FAILED: i64 = 3;
    pub const STORE_RECOVERED: i64 = 4;
    pub const TASK_ADDED: i64 = 5;
    pub const TASK_CHANGED: i64 = 6;
    pub const TASK_REMOVED: i64 = 7;
    pub const TASK_PAUSED: i64 = 8;
    pub const TASK_RESUMED: i64 = 9;
    pub const FIRING_WAITING: i64 = 10;
    pub const FIRING_SKIPPED: i64 = 11;
    pub const FIRINGS_PASSED: i64 = 12;
    pub const RUN_STARTED: i64 = 13;
    pub const ATTEMPT_STARTED: i64 = 14;
    pub const ATTEMPT_FINISHED: i64 = 15;
    pub const RUN_FINISHED: i64 = 16;
    pub const MACHINE_SUSPENDED: i64 = 17;
}

/// The number of the kind of an event.
pub(super) fn kind_of(event: &Event) -> i64 {
    match event {
        Event::DaemonStarted { .. } => kind::DAEMON_STARTED,
        Event::DaemonStopped { .. } => kind::DAEMON_STOPPED,
        Event::ClockStepped { .. } => kind::CLOCK_STEPPED,
        Event::MachineSuspended { .. } => kind::MACHINE_SUSPENDED,
        Event::StoreFailed { .. } => kind::STORE_FAILED,
        Event::StoreRecovered { .. } => kind::STORE_RECOVERED,
        Event::TaskAdded { .. } => kind::TASK_ADDED,
        Event::TaskChanged { .. } => kind::TASK_CHANGED,
        Event::TaskRemoved { .. } => kind::TASK_REMOVED,
        Event::TaskPaused { .. } => kind::TASK_PAUSED,
        Event::TaskResumed { .. } => kind::TASK_RESUMED,
        Event::FiringWaiting { .. } => kind::FIRING_WAITING,
        Event::FiringSkipped { .. } => kind::FIRING_SKIPPED,
        Event::FiringsPassed { .. } => kind::FIRINGS_PASSED,
        Event::RunStarted { .. } => kind::RUN_STARTED,
        Event::AttemptStarted { .. } => kind::ATTEMPT_STARTED,
        Event::AttemptFinished { .. } => kind::ATTEMPT_FINISHED,
        Event::RunFinished { .. } => kind::RUN_FINISHED,
    }
}

/// A definition is known by what it says.
pub(super) fn definition_number(text: &str) -> i64 {
    hash::stable(&[text.as_bytes()]).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for all in TRIGGERS {
            assert_eq!(trigger(of_trigger(all)), all);
        }
        for all in [
            Outcome::Success,
            Outcome::TimedOut,
            Outcome::Stopped,
            Outcome::NotStarted("no such program: `x`".into()),
            Outcome::Lost("ended unseen".into()),
            Outcome::Failed(Failure::Code(3)),
            Outcome::Failed(Failure::Signal(9)),
            Outcome::Failed(Failure::Broken("it panicked".into())),
            // It only looks like one of the others.
            Outcome::Failed(Failure::Broken("code 3".into())),
        ] {
            assert_eq!(outcome(&outcome_text(&all)), all);
            assert!(of_outcome(&all) >= 0);
        }
        for all in PASSED {
            assert_eq!(passed(of_passed(all)), all);
        }
        for reason in [
            SkipReason::Overlap,
            SkipReason::Calendar,
            SkipReason::Replaced,
            SkipReason::Cancelled,
            SkipReason::Removed,
        ] {
            let verdict = at(&VERDICTS, of_skip(reason));
            assert_eq!(verdict, Some(("skipped", Some(reason.word()))));
        }
        let run = "a@20260105T083000Z".parse().expect("a fine name");
        let because = Cause { run, outcome: "failed" };
        assert_eq!(cause(&cause_text(&because)), Some(because));
        let variables = |all: &[(&str, &str)]| {
            all.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
        };
        for (all, force) in
            [(variables(&[]), true), (variables(&[("A", "b=c\nd"), ("E", "")]), false)]
        {
            let all = Given { env: all, force };
            assert_eq!(given(&given_text(&all).expect("something is given")), all);
        }
        assert_eq!(given_text(&Given::default()), None);
    }
}
