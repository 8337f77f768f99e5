//! What a task is, beside when, how and what: whether it is there, what it was, what people say of it.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::About;
use super::diagnostic::Diagnostic;
use super::inherit::{KeySet, Layers};
use super::keys::remedy;
use super::problem::{ALLOWABLE, Problem, Severity};
use super::validate::{Known, Reader};
use super::value::{Node, Table, Value};
use crate::name::Name;

/// What people say of a task.
pub(super) const ABOUT: [&str; 3] = ["description", "metadata", "tags"];

/// A task has another name now.
pub(super) struct Rename {
    task: Name,
    old: Name,
    file: usize,
    span: Range<usize>,
}

impl Reader<'_> {
    /// What the name of the task was before. Whether that is another's is judged at the end.
    pub(super) fn renamed_from(&mut self, layers: &Layers<'_>) -> Option<Name> {
        let found = layers.get("renamed_from")?;
        let expected = "the former name of this task, write `renamed_from = \"backup\"`";
        let text = self.text(found, found.node, expected)?;
        let span = found.node.span.clone();
        match Name::new(text) {
            Ok(old) => {
                if let Some(task) = self.task.clone() {
                    self.renames.push(Rename { task, old: old.clone(), file: found.file, span });
                }
                Some(old)
            }
            Err(bad) => {
                self.complain(found.file, span, Problem::BadName(text.into(), bad));
                None
            }
        }
    }

    /// Complains about tasks that were another which is still there, or that were the same.
    pub(super) fn judge_renames(&mut self, known: &Known<'_>) {
        let mut seen: HashMap<Name, Name> = HashMap::new();
        for Rename { task, old, file, span } in std::mem::take(&mut self.renames) {
            let problem = if known.contains_key(old.as_str()) {
                Problem::StillThere(old.to_string())
            } else if let Some(other) = seen.insert(old.clone(), task.clone()) {
                Problem::RenamedTwice(old.to_string(), other)
            } else {
                continue;
            };
            self.task = Some(task);
            self.complain(file, span, problem);
        }
        self.task = None;
    }

    pub(super) fn enabled(&mut self, layers: &Layers<'_>) -> bool {
        let Some(found) = layers.get_or_false("enabled") else {
            return true;
        };
        match found.node.value {
            Value::Boolean(enabled) => enabled,
            _ => {
                self.wrong_type(found, found.node, "`true` or `false`, write `enabled = false`");
                true
            }
        }
    }

    /// Reads what people say of it.
    pub(super) fn read_about(&mut self, layers: &Layers<'_>) -> Arc<About> {
        let of = const { KeySet::of(&ABOUT) };
        let read = |own: &mut Self| Some(own.about(layers));
        self.shared(layers, of, |own| &mut own.abouts, read).unwrap_or_default()
    }

    fn about(&mut self, layers: &Layers<'_>) -> About {
        let description = layers.get("description").and_then(|found| {
            self.text(found, found.node, "a text, write `description = \"what it is for\"`")
        });
        let tags = layers.get("tags").map(|found| {
            self.texts(found, "a text or a list of texts, write `tags = [\"nightly\"]`")
        });
        let expected = "a table, write `metadata = { owner = \"ops\" }`";
        let metadata = self.free_table(layers, "metadata", expected);
        About {
            description: description.map(Into::into),
            tags: tags.unwrap_or_default().into_iter().map(|(tag, _)| tag.into()).collect(),
            metadata: (!metadata.is_empty())
                .then_some(Node { value: Value::Table(metadata), span: 0..0 }),
        }
    }

    /// A table of the user's own at `key`, merged from all layers.
    pub(super) fn free_table(
        &mut self,
        layers: &Layers<'_>,
        key: &str,
        expected: &'static str,
    ) -> Table {
        if let Some(found) = layers.get(key)
            && !matches!(found.node.value, Value::Table(_))
        {
            self.wrong_type(found, found.node, expected);
        }
        let merged = layers.merged(key).into_iter();
        merged.map(|found| (found.key.clone(), found.node.clone())).collect()
    }

    /// Takes back the warnings since `mark` that the entry allows, and returns their codes.
    pub(super) fn allow(&mut self, layers: &Layers<'_>, mark: usize) -> Box<[String]> {
        let Some(found) = layers.get("allow") else {
            return Box::default();
        };
        let allowed = self
            .texts(found, "the code of a warning or a list of them, write `allow = [\"past\"]`");
        for (code, node) in &allowed {
            if !ALLOWABLE.contains(code) {
                let help = remedy(code, &ALLOWABLE);
                self.complain(
                    found.file,
                    node.span.clone(),
                    Problem::UnknownCode((*code).into(), help),
                );
            }
        }
        let is_allowed = |diagnostic: &Diagnostic| {
            diagnostic.problem.severity() == Severity::Warning
                && allowed.iter().any(|(code, _)| *code == diagnostic.problem.code())
        };
        let since = self.diagnostics.split_off(mark);
        self.diagnostics.extend(since.into_iter().filter(|diagnostic| !is_allowed(diagnostic)));
        allowed.into_iter().map(|(code, _)| code.into()).collect()
    }
}
