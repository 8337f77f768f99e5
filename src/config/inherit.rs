//! What a task has of its own, of the templates it extends and of the defaults.
//!
//! Strength: task > `extends` (a later one wins) > `[defaults]` of the task's own file > that of
//! the including file. Tables merge by key, lists replace, `false` takes an inherited value away.

use std::collections::HashMap;

use super::keys;
use super::problem::Problem;
use super::raw::{RawEntry, RawFile};
use super::value::{Key, Node, Value};

/// One place from which a task has keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layer<'a> {
    pub file: usize,
    pub kind: LayerKind<'a>,
    pub table: &'a [(Key, Node)],
}

/// What a layer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LayerKind<'a> {
    /// The entry itself.
    Own,
    /// A template by its name.
    Template(&'a str),
    /// The defaults of a file.
    Defaults,
}

/// A value, with the file in which it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'a> {
    pub file: usize,
    pub layer: LayerKind<'a>,
    pub key: &'a Key,
    pub node: &'a Node,
}

/// All that an entry has, the strongest layer first.
#[derive(Debug, Default)]
pub(super) struct Layers<'a> {
    layers: Vec<Layer<'a>>,
    /// The keys of all of them.
    keys: KeySet,
    /// The keys of the strongest.
    own_keys: KeySet,
    /// The defaults of its file are among them.
    with_defaults: bool,
}

/// A rough set of keys: most tasks have few, and most questions are about others. What it lacks is
/// not there; what it has may be another key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct KeySet(u64);

impl KeySet {
    /// The set of `keys`.
    pub(super) const fn of(keys: &[&str]) -> Self {
        let (mut set, mut index) = (0, 0);
        while index < keys.len() {
            set |= Self::bit(keys[index]);
            index += 1;
        }
        Self(set)
    }

    /// Of the keys that a task may have few share one, and none of those that most tasks say for
    /// themselves shares one with those that defaults say for them.
    const fn bit(key: &str) -> u64 {
        let key = key.as_bytes();
        let length = key.len();
        if length == 0 {
            return 1;
        }
        let (first, middle) = (key[0] as usize, key[length / 2] as usize);
        let last = key[length - 1] as usize;
        1 << ((27 * length + 17 * first + 3 * middle + 5 * last) % 64)
    }

    /// Whether `key` may be in it.
    #[inline]
    pub(super) const fn may_have(self, key: &str) -> bool {
        self.0 & Self::bit(key) != 0
    }

    /// Those keys of a task that may be in it, in the order of the manual.
    pub(super) fn task_keys(self) -> impl Iterator<Item = &'static str> {
        const SETS: [KeySet; keys::TASK.len()] = {
            let mut sets = [KeySet(0); keys::TASK.len()];
            let mut index = 0;
            while index < sets.len() {
                sets[index] = KeySet::of(&[keys::TASK[index]]);
                index += 1;
            }
            sets
        };
        let all = keys::TASK.into_iter().zip(SETS);
        all.filter_map(move |(key, set)| (!set.is_disjoint(self)).then_some(key))
    }

    /// Whether no key is in both.
    pub(super) const fn is_disjoint(self, other: Self) -> bool {
        self.0 & other.0 == 0
    }

    fn add(&mut self, table: &[(Key, Node)]) {
        for (key, _) in table {
            self.0 |= Self::bit(&key.name);
        }
    }
}

/// The templates and defaults of all files.
pub(super) struct Heritage<'a> {
    files: &'a [RawFile],
    parents: &'a [Option<usize>],
    templates: HashMap<&'a str, (usize, &'a RawEntry)>,
}

impl<'a> Heritage<'a> {
    pub(super) fn new(files: &'a [RawFile], parents: &'a [Option<usize>]) -> Self {
        let all = files.iter().enumerate().flat_map(|(file, raw)| {
            raw.templates.iter().map(move |template| (template.name.as_str(), (file, template)))
        });
        // Of two with one name, which is an error, the first counts.
        let mut templates = HashMap::new();
        for (name, template) in all {
            templates.entry(name).or_insert(template);
        }
        Self { files, parents, templates }
    }

    /// The layers of `entry`, which stands in `file`; what is wrong with its `extends` is told to
    /// `complain`.
    pub(super) fn layers(
        &self,
        file: usize,
        entry: &'a RawEntry,
        complain: &mut dyn FnMut(Found<'_>, &Node, Problem),
    ) -> Layers<'a> {
        let mut layers = Layers { with_defaults: true, ..Layers::default() };
        self.extend(file, entry, &mut layers, &mut Vec::new(), complain);
        for ancestor in std::iter::successors(Some(file), |file| self.parents[*file]) {
            if let Some(defaults) = &self.files[ancestor].defaults {
                let kind = LayerKind::Defaults;
                layers.push(Layer { file: ancestor, kind, table: &defaults.table });
            }
        }
        layers
    }

    fn extend(
        &self,
        file: usize,
        entry: &'a RawEntry,
        layers: &mut Layers<'a>,
        path: &mut Vec<&'a str>,
        complain: &mut dyn FnMut(Found<'_>, &Node, Problem),
    ) {
        let kind = if layers.layers.is_empty() {
            LayerKind::Own
        } else {
            LayerKind::Template(&entry.name)
        };
        let own = Layer { file, kind, table: &entry.table };
        layers.push(own);
        let Some(found) = own.get("extends") else {
            return;
        };
        let names = match &found.node.value {
            Value::List(names) => names.as_slice(),
            _ => std::slice::from_ref(found.node),
        };
        // A later one wins, so it is the stronger layer.
        for name in names.iter().rev() {
            let Value::Text(text) = &name.value else {
                if name.value != Value::Broken {
                    let expected =
                        "the name of a template or a list of them, write `extends = \"NAME\"`";
                    let problem = Problem::WrongType {
                        key: "extends".into(),
                        expected,
                        found: name.value.kind(),
                    };
                    complain(found, name, problem);
                }
                continue;
            };
            match self.templates.get(text.as_str()) {
                Some((_, template)) if path.contains(&template.name.as_str()) => {
                    complain(found, name, Problem::TemplateCircle(text.clone()));
                }
                // Taken already, and there it is stronger.
                Some((_, template)) if layers.has(template) => {}
                Some((file, template)) => {
                    path.push(&template.name);
                    self.extend(*file, template, layers, path, complain);
                    path.pop();
                }
                // A broken file may hold it after all.
                None if self.files.iter().any(|file| file.broken) => {}
                None => {
                    let near = keys::nearest(text, self.templates.keys().copied());
                    let problem = Problem::UnknownTemplate(text.clone(), near.map(Into::into));
                    complain(found, name, problem);
                }
            }
        }
    }

    /// The `timezone` of `file`, or else of the file that includes it.
    pub(super) fn timezone(&self, file: usize) -> Option<(usize, &'a Node)> {
        std::iter::successors(Some(file), |file| self.parents[*file])
            .find_map(|file| Some((file, self.files[file].timezone.as_ref()?)))
    }
}

impl<'a> Layer<'a> {
    fn get(&self, key: &str) -> Option<Found<'a>> {
        let (key, node) = self.table.iter().find(|(candidate, _)| candidate.name == key)?;
        Some(Found { file: self.file, layer: self.kind, key, node })
    }
}

impl<'a> Layers<'a> {
    /// A template or defaults alone.
    pub(super) fn alone(file: usize, entry: &'a RawEntry) -> Self {
        let mut layers = Self::default();
        layers.push(Layer { file, kind: LayerKind::Own, table: &entry.table });
        layers
    }

    /// The keys that any of them may have.
    pub(super) fn keys(&self) -> KeySet {
        self.keys
    }

    fn push(&mut self, layer: Layer<'a>) {
        self.keys.add(layer.table);
        if self.layers.is_empty() {
            self.own_keys = self.keys;
        }
        self.layers.push(layer);
    }

    /// The file whose defaults say all that there is of the keys `of`.
    pub(super) fn usual(&self, of: KeySet) -> Option<usize> {
        let [own, below @ ..] = self.layers.as_slice() else { return None };
        let are_defaults = below.iter().all(|layer| layer.kind == LayerKind::Defaults);
        (self.with_defaults && are_defaults && self.own_keys.is_disjoint(of)).then_some(own.file)
    }

    /// The keys of the strongest layer: what the entry itself says.
    pub(super) fn own(&self) -> impl Iterator<Item = Found<'a>> + use<'a> {
        let own = self.layers.first().copied();
        own.into_iter().flat_map(|layer| {
            layer.table.iter().map(move |(key, node)| Found {
                file: layer.file,
                layer: layer.kind,
                key,
                node,
            })
        })
    }

    /// The strongest value of `key`; `false` is none.
    pub(super) fn get(&self, key: &str) -> Option<Found<'a>> {
        self.get_or_false(key).filter(|found| found.node.value != Value::Boolean(false))
    }

    /// The strongest value of a key that may be `false`.
    pub(super) fn get_or_false(&self, key: &str) -> Option<Found<'a>> {
        if !self.keys.may_have(key) {
            return None;
        }
        self.layers.iter().find_map(|layer| layer.get(key))
    }

    fn has(&self, entry: &RawEntry) -> bool {
        self.layers.iter().any(|layer| std::ptr::eq(layer.table, entry.table.as_slice()))
    }

    /// The entries of a table that is merged from all layers, each in its strongest form; also
    /// those that are `false`.
    pub(super) fn merged(&self, key: &str) -> Vec<Found<'a>> {
        let mut merged: Vec<Found<'a>> = Vec::new();
        if !self.keys.may_have(key) {
            return merged;
        }
        for layer in &self.layers {
            let Some(found) = layer.get(key) else {
                continue;
            };
            let Value::Table(table) = &found.node.value else {
                break;
            };
            for (key, node) in table {
                if !merged.iter().any(|stronger| stronger.key.name == key.name) {
                    merged.push(Found { file: layer.file, layer: layer.kind, key, node });
                }
            }
        }
        merged
    }

    /// The triggers: all from the strongest layer that names any, less what is taken away.
    pub(super) fn triggers(&self) -> Vec<Found<'a>> {
        const TRIGGERS: KeySet = KeySet::of(&keys::TRIGGERS);
        if TRIGGERS.is_disjoint(self.keys) {
            return Vec::new();
        }
        let named = |layer: &Layer<'a>| {
            let keys = keys::TRIGGERS.iter().filter(|key| self.keys.may_have(key));
            let found: Vec<_> = keys.filter_map(|key| layer.get(key)).collect();
            let any = found.iter().any(|found| found.node.value != Value::Boolean(false));
            any.then_some(found)
        };
        let mut triggers = self.layers.iter().find_map(named).unwrap_or_default();
        triggers.retain(|found| {
            self.get(&found.key.name)
                .is_some_and(|strongest| std::ptr::eq(strongest.node, found.node))
        });
        triggers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{about, how, what};

    #[test]
    fn what_tasks_say_for_themselves_is_not_taken_for_what_they_share() {
        let own = ["after", "calendar", "command", "cron", "date", "enabled", "interval", "task"];
        for shared in [&what::EXECUTION[..], &how::POLICY, &about::ABOUT, &["shell"]] {
            assert!(KeySet::of(shared).is_disjoint(KeySet::of(&own)), "{shared:?}");
        }
    }
}
