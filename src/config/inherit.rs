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
pub(super) struct Layers<'a>(Vec<Layer<'a>>);

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
        let mut layers = Layers::default();
        self.extend(file, entry, &mut layers, &mut Vec::new(), complain);
        for ancestor in std::iter::successors(Some(file), |file| self.parents[*file]) {
            if let Some(defaults) = &self.files[ancestor].defaults {
                let kind = LayerKind::Defaults;
                layers.0.push(Layer { file: ancestor, kind, table: &defaults.table });
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
        let kind =
            if layers.0.is_empty() { LayerKind::Own } else { LayerKind::Template(&entry.name) };
        let own = Layer { file, kind, table: &entry.table };
        layers.0.push(own);
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
        Self(vec![Layer { file, kind: LayerKind::Own, table: &entry.table }])
    }

    /// The keys of the strongest layer: what the entry itself says.
    pub(super) fn own(&self) -> impl Iterator<Item = Found<'a>> + use<'a> {
        let own = self.0.first().copied();
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
        self.0.iter().find_map(|layer| layer.get(key))
    }

    fn has(&self, entry: &RawEntry) -> bool {
        self.0.iter().any(|layer| std::ptr::eq(layer.table, entry.table.as_slice()))
    }

    /// The entries of a table that is merged from all layers, each in its strongest form; also
    /// those that are `false`.
    pub(super) fn merged(&self, key: &str) -> Vec<Found<'a>> {
        let mut merged: Vec<Found<'a>> = Vec::new();
        for layer in &self.0 {
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
        let named = |layer: &Layer<'a>| {
            let found: Vec<_> = keys::TRIGGERS.iter().filter_map(|key| layer.get(key)).collect();
            let any = found.iter().any(|found| found.node.value != Value::Boolean(false));
            any.then_some(found)
        };
        let mut triggers = self.0.iter().find_map(named).unwrap_or_default();
        triggers.retain(|found| {
            self.get(&found.key.name)
                .is_some_and(|strongest| std::ptr::eq(strongest.node, found.node))
        });
        triggers
    }
}
