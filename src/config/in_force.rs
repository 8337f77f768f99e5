//! Every key that holds for a task, and where it was set.

use super::Plan;
use super::inherit::{Found, Heritage, LayerKind};
use super::keys;
use super::raw;
use crate::name::Name;

/// A key that holds for a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInForce {
    /// `cron`, `env.PATH`, …
    pub key: String,
    /// As it is written; an environment value is never shown.
    pub value: String,
    /// Where it was set, for people: `the task`, `template nightly`, `defaults`, `the file`.
    pub set_by: String,
    /// The file, as an index into the sources of the plan.
    pub file: usize,
    /// Where in it, in bytes.
    pub offset: usize,
}

impl Plan {
    /// Every key that holds for the task `name`, in the order of the manual.
    #[must_use]
    pub fn keys_in_force(&self, name: &Name) -> Vec<KeyInForce> {
        let sources = self.sources.iter().enumerate();
        let files: Vec<_> =
            sources.map(|(index, source)| raw::parse_whole(source, index)).collect();
        let heritage = Heritage::new(&files, &self.parents);
        let place =
            files.iter().zip(&self.sources).enumerate().find_map(|(file, (raw, source))| {
                let index = raw.tasks.names(source).position(|(task, _)| task == name.as_str())?;
                Some((file, raw.tasks.get(index, source)?))
            });
        let Some((file, task)) = place else { return Vec::new() };
        let layers = heritage.layers(file, &task, &mut |_, _, _| {});
        let mut in_force = Vec::new();
        for key in keys::TASK {
            let found = match key {
                "env" | "metadata" | "params" => layers.merged(key),
                key if keys::TRIGGERS.contains(&key) => {
                    layers.triggers().into_iter().filter(|found| found.key.name == key).collect()
                }
                key => layers.get_or_false(key).into_iter().collect(),
            };
            in_force.extend(found.into_iter().map(|found| self.key_in_force(key, found)));
        }
        if let Some((file, node)) = heritage.timezone(file)
            && layers.get("timezone").is_none()
        {
            let value = self.sources[file].text.get(node.span.clone()).unwrap_or_default().into();
            let (key, set_by) = ("timezone".into(), "the file".into());
            in_force.push(KeyInForce { key, value, set_by, file, offset: node.span.start });
        }
        in_force
    }

    fn key_in_force(&self, key: &str, found: Found<'_>) -> KeyInForce {
        let written =
            self.sources[found.file].text.get(found.node.span.clone()).unwrap_or_default();
        let inner = matches!(key, "env" | "metadata" | "params");
        KeyInForce {
            key: if inner { format!("{key}.{}", found.key.name) } else { key.into() },
            value: if key == "env" { "…".into() } else { written.into() },
            set_by: match found.layer {
                LayerKind::Own => "the task".into(),
                LayerKind::Template(name) => format!("template {name}"),
                LayerKind::Defaults => "defaults".into(),
            },
            file: found.file,
            offset: found.key.span.start,
        }
    }
}
