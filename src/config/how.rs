//! The keys that say how a task is run: its policy.

use std::num::NonZeroU32;
use std::sync::Arc;

use jiff::SignedDuration;
use rustix::process::Signal;

use super::inherit::{Found, KeySet, Layers};
use super::keys::{self, remedy};
use super::problem::Problem;
use super::validate::Reader;
use super::value::Value;
use crate::duration;
use crate::policy::{Missed, OnLost, Overlap, Policy, Retry};

/// What says how.
pub(super) const POLICY: [&str; 11] = [
    "grace",
    "jitter",
    "max_catch_up",
    "max_parallel",
    "missed",
    "on_lost",
    "overlap",
    "pool",
    "retry",
    "stop_grace",
    "timeout",
];

const OVERLAPS: &[&str] = &["skip", "queue", "replace", "parallel"];
const MISSED: &[&str] = &["skip", "latest", "all"];
const ON_LOST: &[&str] = &["leave", "rerun"];
const RETRY: [&str; 5] = ["max", "delay", "backoff", "max_delay", "jitter"];

/// The signals that ask a process to end.
const SIGNALS: &[&str] = &["TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "KILL"];

impl Reader<'_> {
    /// Reads all that says how; `None` if something of it is wrong.
    pub(super) fn read_how(&mut self, layers: &Layers<'_>) -> Option<Arc<Policy>> {
        let of = const { KeySet::of(&POLICY) };
        self.shared(layers, of, |own| &mut own.policies, |own| own.policy(layers))
    }

    fn policy(&mut self, layers: &Layers<'_>) -> Option<Policy> {
        let default = Policy::default();
        let overlap = self.overlap(layers);
        let missed = self.missed(layers);
        let grace = self.or(layers, "grace", default.grace, Self::length);
        let jitter = self.or(layers, "jitter", default.jitter, Self::length);
        let stop_grace = self.or(layers, "stop_grace", default.stop_grace, Self::length);
        let timeout =
            self.or(layers, "timeout", None, |own, found| own.length_above_zero(found).map(Some));
        let retry = self.or(layers, "retry", None, |own, found| own.retry(found).map(Some));
        let pool = self.or(layers, "pool", None, |own, found| own.pool(found).map(Some));
        let on_lost = self.or(layers, "on_lost", "leave", |own, found| own.word_of(found, ON_LOST));
        let on_lost = on_lost.map(|word| match word {
            "rerun" => OnLost::Rerun,
            _ => OnLost::Leave,
        });
        Some(Policy {
            overlap: overlap?,
            missed: missed?,
            grace: grace?,
            jitter: jitter?,
            stop_grace: stop_grace?,
            timeout: timeout?,
            retry: retry?,
            pool: pool?,
            on_lost: on_lost?,
        })
    }

    /// What `read` makes of `key`, or `default` where it is missing.
    pub(super) fn or<'l, T>(
        &mut self,
        layers: &Layers<'l>,
        key: &str,
        default: T,
        read: impl FnOnce(&mut Self, Found<'l>) -> Option<T>,
    ) -> Option<T> {
        layers.get(key).map_or(Some(default), |found| read(self, found))
    }

    fn overlap(&mut self, layers: &Layers<'_>) -> Option<Overlap> {
        let most = self.or(layers, "max_parallel", Overlap::MOST_PARALLEL, Self::count);
        let word = self.or(layers, "overlap", "skip", |own, found| own.word_of(found, OVERLAPS));
        let most = most?;
        Some(match word? {
            "queue" => Overlap::Queue,
            "replace" => Overlap::Replace,
            "parallel" => Overlap::Parallel(most),
            _ => Overlap::Skip,
        })
    }

    fn missed(&mut self, layers: &Layers<'_>) -> Option<Missed> {
        let most = self.or(layers, "max_catch_up", Missed::MOST_CAUGHT_UP, Self::count);
        let word = self.or(layers, "missed", "skip", |own, found| own.word_of(found, MISSED));
        let most = most?;
        Some(match word? {
            "latest" => Missed::Latest,
            "all" => Missed::All(most),
            _ => Missed::Skip,
        })
    }

    /// One of `known`.
    pub(super) fn word_of<'n>(
        &mut self,
        found: Found<'n>,
        known: &'static [&'static str],
    ) -> Option<&'n str> {
        let text = self.text(found, found.node, "a word, write it in quotes")?;
        if known.contains(&text) {
            return Some(text);
        }
        let problem = Problem::NoneOf(text.into(), known);
        self.complain(found.file, found.node.span.clone(), problem);
        None
    }

    /// A length of time that may be zero.
    pub(super) fn length(&mut self, found: Found<'_>) -> Option<SignedDuration> {
        let text = self.text(found, found.node, "a duration, write it as `\"30s\"`")?;
        match duration::parse(text) {
            Ok(length) => Some(length),
            Err(bad) => {
                self.complain(found.file, found.node.span.clone(), Problem::Duration(bad));
                None
            }
        }
    }

    /// A length of time that may not be zero.
    pub(super) fn length_above_zero(&mut self, found: Found<'_>) -> Option<SignedDuration> {
        let length = self.length(found)?;
        if length.is_zero() {
            self.complain(found.file, found.node.span.clone(), Problem::NoTime);
            return None;
        }
        Some(length)
    }

    /// A number from one up.
    pub(super) fn count(&mut self, found: Found<'_>) -> Option<NonZeroU32> {
        let number = self.whole(found, 1)?;
        NonZeroU32::new(number)
    }

    /// A whole number from `least` up, with or without a fraction of nothing.
    pub(super) fn whole(&mut self, found: Found<'_>, least: u32) -> Option<u32> {
        let number =
            self.number(found, f64::from(least)..=f64::from(u32::MAX), "a whole number")?;
        if number.fract() != 0.0 {
            let problem = Problem::BadNumber("a whole number".into());
            self.complain(found.file, found.node.span.clone(), problem);
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "within bounds"
        )]
        Some(number as u32)
    }

    pub(super) fn number(
        &mut self,
        found: Found<'_>,
        bounds: std::ops::RangeInclusive<f64>,
        what: &str,
    ) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "far beyond the bounds")]
        let number = match found.node.value {
            Value::Integer(number) => number as f64,
            Value::Float(number) => number,
            _ => {
                self.wrong_type(found, found.node, "a number, write it without quotes");
                return None;
            }
        };
        if bounds.contains(&number) {
            return Some(number);
        }
        let (least, most) = (bounds.start(), bounds.end());
        let range = if *most >= f64::from(u32::MAX) {
            format!("{what} from {least} up")
        } else {
            format!("{what} from {least} to {most}")
        };
        self.complain(found.file, found.node.span.clone(), Problem::BadNumber(range));
        None
    }

    fn retry(&mut self, found: Found<'_>) -> Option<Retry> {
        let Value::Table(table) = &found.node.value else {
            if !matches!(found.node.value, Value::Integer(_) | Value::Float(_)) {
                self.wrong_type(
                    found,
                    found.node,
                    "a number or a table, write `retry = 3` or `retry = { max = 3, delay = \"10s\" }`",
                );
                return None;
            }
            return self.whole(found, 0).map(Retry::new);
        };
        let mut retry = Retry::new(0);
        let (mut max, mut longest) = (None, None);
        let mut complete = true;
        for (key, node) in table {
            let found = Found { key, node, ..found };
            let read = match key.name.as_str() {
                "max" => self.whole(found, 0).map(|read| max = Some(read)),
                "delay" => self.length(found).map(|read| retry.delay = read),
                "max_delay" => self.length(found).map(|read| longest = Some(read)),
                "backoff" => {
                    self.number(found, 1.0..=100.0, "a number").map(|read| retry.backoff = read)
                }
                "jitter" => {
                    self.number(found, 0.0..=1.0, "a number").map(|read| retry.jitter = read)
                }
                other => {
                    let problem = Problem::UnknownKey(other.into(), remedy(other, &RETRY));
                    self.complain(found.file, key.span.clone(), problem);
                    None
                }
            };
            complete &= read.is_some();
        }
        let Some(max) = max else {
            if complete {
                let problem = Problem::MissingKey("max", "add `max = 3`: so many attempts more");
                self.complain(found.file, found.node.span.clone(), problem);
            }
            return None;
        };
        // A delay that is longer than the usual longest is meant so.
        let max_delay = longest.unwrap_or(retry.max_delay.max(retry.delay));
        complete.then_some(Retry { max, max_delay, ..retry })
    }

    fn pool(&mut self, found: Found<'_>) -> Option<crate::name::Name> {
        let text = self.text(found, found.node, "the name of a pool, write `pool = \"NAME\"`")?;
        if let Some((name, _)) = self.pools.get_key_value(text) {
            return Some(name.clone());
        }
        let near = keys::nearest(text, self.pools.keys().map(crate::name::Name::as_str));
        let problem = Problem::UnknownPool(text.into(), near.map(Into::into));
        self.complain(found.file, found.node.span.clone(), problem);
        None
    }

    /// Reads `stop_signal`.
    pub(super) fn stop_signal(&mut self, layers: &Layers<'_>) -> Option<Signal> {
        let Some(found) = layers.get("stop_signal") else { return Some(Signal::TERM) };
        let text = self.text(found, found.node, "a signal, write `stop_signal = \"INT\"`")?;
        let upper = text.to_ascii_uppercase();
        Some(match upper.strip_prefix("SIG").unwrap_or(&upper) {
            "TERM" => Signal::TERM,
            "INT" => Signal::INT,
            "QUIT" => Signal::QUIT,
            "HUP" => Signal::HUP,
            "USR1" => Signal::USR1,
            "USR2" => Signal::USR2,
            "KILL" => Signal::KILL,
            _ => {
                let problem = Problem::NoneOf(text.into(), SIGNALS);
                self.complain(found.file, found.node.span.clone(), problem);
                return None;
            }
        })
    }

    /// Reads `success_codes`.
    pub(super) fn success_codes(&mut self, layers: &Layers<'_>) -> Option<Vec<u8>> {
        let Some(found) = layers.get("success_codes") else { return Some(vec![0]) };
        let nodes = match &found.node.value {
            Value::List(nodes) => nodes.as_slice(),
            _ => std::slice::from_ref(found.node),
        };
        if nodes.is_empty() {
            self.complain(found.file, found.node.span.clone(), Problem::Empty("list of codes"));
            return None;
        }
        let mut codes = Vec::new();
        for node in nodes {
            let found = Found { node, ..found };
            let code =
                self.number(found, 0.0..=255.0, "an exit code").filter(|code| code.fract() == 0.0);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "within bounds"
            )]
            codes.push(code.map(|code| code as u8));
        }
        codes.into_iter().collect()
    }
}
