//! The keys `startup` and `jitter`.

use jiff::SignedDuration;

use super::inherit::{Found, Layers};
use super::keys::remedy;
use super::problem::Problem;
use super::validate::Reader;
use super::value::Value;
use crate::duration;
use crate::trigger::{Start, Startup, Trigger};

const STARTS: &[&str] = &["start", "boot"];
const STARTUP: &str =
    "`\"start\"` or `\"boot\"` or a table, write `startup = { on = \"boot\", delay = \"30s\" }`";

impl Reader<'_> {
    /// Reads `startup = "boot"` or `startup = { on = "boot", delay = "30s" }`.
    pub(super) fn startup(&mut self, found: Found<'_>) -> Option<Trigger> {
        let (mut on, mut delay) = (None, SignedDuration::ZERO);
        match &found.node.value {
            Value::Text(_) => on = Some(self.start(found)?),
            Value::Table(table) => {
                let mut complete = true;
                for (key, node) in table {
                    let found = Found { key, node, ..found };
                    let read = match key.name.as_str() {
                        "on" => self.start(found).map(|start| on = Some(start)),
                        "delay" => self.length(found).map(|length| delay = length),
                        _ => {
                            let help = remedy(&key.name, &["on", "delay"]);
                            let unknown = Problem::UnknownKey(key.name.clone(), help);
                            self.complain(found.file, key.span.clone(), unknown);
                            None
                        }
                    };
                    complete &= read.is_some();
                }
                if !complete {
                    return None;
                }
            }
            _ => {
                self.wrong_type(found, found.node, STARTUP);
                return None;
            }
        }
        let Some(on) = on else {
            self.wrong_type(found, found.node, STARTUP);
            return None;
        };
        Some(Trigger::Startup(Startup { on, delay }))
    }

    fn start(&mut self, found: Found<'_>) -> Option<Start> {
        match self.text(found, found.node, STARTUP)? {
            "start" => Some(Start::Every),
            "boot" => Some(Start::Boot),
            other => {
                let problem = Problem::NoneOf(other.into(), STARTS);
                self.complain(found.file, found.node.span.clone(), problem);
                None
            }
        }
    }

    /// Reads `jitter`; none is zero.
    pub(super) fn jitter(&mut self, layers: &Layers<'_>) -> Option<SignedDuration> {
        layers.get("jitter").map_or(Some(SignedDuration::ZERO), |found| self.length(found))
    }

    /// A length of time that may be zero.
    fn length(&mut self, found: Found<'_>) -> Option<SignedDuration> {
        let text = self.text(found, found.node, "a duration, write it as `\"30s\"`")?;
        match duration::parse(text) {
            Ok(length) => Some(length),
            Err(bad) => {
                self.complain(found.file, found.node.span.clone(), Problem::Duration(bad));
                None
            }
        }
    }
}
