//! The key `startup`.

use jiff::SignedDuration;

use super::inherit::Found;
use super::keys::remedy;
use super::problem::Problem;
use super::validate::Reader;
use super::value::Value;
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
        Some(match self.word_of(found, STARTS)? {
            "boot" => Start::Boot,
            _ => Start::Every,
        })
    }
}
