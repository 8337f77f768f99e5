//! The key `output`: `"log"`, `["log", "capture"]`, `{ to = "capture", keep = 5, max_size = "10MiB" }`.

use super::inherit::{Found, Layers};
use super::keys::remedy;
use super::problem::Problem;
use super::validate::Reader;
use super::value::Value;
use crate::runner::{Output, Target};

const KEYS: [&str; 3] = ["to", "keep", "max_size"];
const TARGETS: &[&str] = &["log", "capture", "inherit", "discard"];
const OUTPUT: &str = "a word, a list of words or a table, write `output = [\"log\", \"capture\"]` or `output = { to = \"capture\", keep = 5 }`";

impl Reader<'_> {
    /// Reads `output`; its table is merged key by key, as every table.
    pub(super) fn output(&mut self, layers: &Layers<'_>) -> Option<Output> {
        let mut output = Output::default();
        let Some(found) = layers.get("output") else { return Some(output) };
        if !matches!(found.node.value, Value::Table(_)) {
            output.to = self.targets(found)?;
            return Some(output);
        }
        let mut complete = true;
        for found in layers.merged("output") {
            if found.node.value == Value::Boolean(false) {
                continue;
            }
            let read = match found.key.name.as_str() {
                "to" => self.targets(found).map(|to| output.to = to),
                "keep" => self.count(found).map(|keep| output.keep = keep.get()),
                "max_size" => self.size(found).map(|size| output.max_size = size),
                other => {
                    let problem = Problem::UnknownKey(other.into(), remedy(other, &KEYS));
                    self.complain(found.file, found.key.span.clone(), problem);
                    None
                }
            };
            complete &= read.is_some();
        }
        complete.then_some(output)
    }

    fn targets(&mut self, found: Found<'_>) -> Option<Target> {
        let written = match &found.node.value {
            Value::List(items) => items.len(),
            _ => 1,
        };
        let words = self.texts(found, OUTPUT);
        if words.is_empty() && written == 0 {
            self.complain(found.file, found.node.span.clone(), Problem::Empty("list of targets"));
        }
        let mut known = words.len() == written && written > 0;
        for (word, node) in &words {
            if !TARGETS.contains(word) {
                let problem = Problem::NoneOf((*word).into(), TARGETS);
                self.complain(found.file, node.span.clone(), problem);
                known = false;
            }
        }
        if !known {
            return None;
        }
        let has = |target: &str| words.iter().any(|(word, _)| *word == target);
        match words.as_slice() {
            [("inherit", _)] => Some(Target::Inherit),
            [("discard", _)] => Some(Target::Discard),
            _ if has("inherit") || has("discard") => {
                self.complain(found.file, found.node.span.clone(), Problem::StandsAlone);
                None
            }
            _ => Some(Target::Kept { log: has("log"), capture: has("capture") }),
        }
    }
}
