//! The keys that say as whom a command runs, within which limits, and with which environment.

use std::path::Path;

use super::inherit::{Found, Layers};
use super::keys::remedy;
use super::problem::Problem;
use super::validate::Reader;
use super::value::Value;
use crate::runner::{Bounds, EnvFile, EnvPlace, FromHome, Identity, Inherit, Limited};
use crate::size;

const LIMITS: &str = "a table, write `limits = { open_files = 1024, address_space = \"2GiB\" }`";
/// Limits on all that a task starts together.
const BOUNDS: [&str; 3] = ["memory", "cpu", "tasks"];
const FILES: &str = "a path or a list of paths, write `env_file = \"app.env\"`";
const INHERIT: &str =
    "`true` or `false` or a list of names, write `inherit_env = [\"LANG\", \"HOME\"]`";

impl Reader<'_> {
    /// Reads `user`, `group`, `umask`, `nice` and `limits`.
    pub(super) fn identity(&mut self, layers: &Layers<'_>) -> Option<Identity> {
        let mut complete = true;
        let mut name = |own: &mut Self, key: &str, example| {
            let found = layers.get(key)?;
            let text = own.text(found, found.node, example);
            let text = text.filter(|text| {
                let fine = !text.is_empty() && !text.contains('\0');
                if !fine {
                    own.complain(found.file, found.node.span.clone(), Problem::Empty("name"));
                }
                fine
            });
            complete &= text.is_some();
            text.map(Into::into)
        };
        let user = name(self, "user", "a name, write `user = \"postgres\"`");
        let group = name(self, "group", "a name, write `group = \"backup\"`");
        let umask = self.or(layers, "umask", None, |own, found| own.umask(found).map(Some));
        let nice = self.or(layers, "nice", None, |own, found| own.nice(found).map(Some));
        let limits = self.or(layers, "limits", Vec::new(), |own, found| own.limits(layers, found));
        let (umask, nice, limits) = (umask?, nice?, limits?);
        complete.then_some(Identity { user, group, umask, nice, limits })
    }

    fn umask(&mut self, found: Found<'_>) -> Option<u16> {
        let text = self.text(found, found.node, "octal digits, write `umask = \"027\"`")?;
        let octal =
            (3..=4).contains(&text.len()) && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
        let umask = u16::from_str_radix(text, 8).ok().filter(|umask| octal && *umask <= 0o777);
        if umask.is_none() {
            let problem = Problem::BadNumber("three octal digits as `027`".into());
            self.complain(found.file, found.node.span.clone(), problem);
        }
        umask
    }

    fn nice(&mut self, found: Found<'_>) -> Option<i8> {
        let number = self.number(found, -20.0..=19.0, "a whole number")?;
        #[expect(clippy::cast_possible_truncation, reason = "within bounds")]
        let nice = number as i8;
        if f64::from(nice).to_bits() != number.to_bits() && number != 0.0 {
            let problem = Problem::BadNumber("a whole number".into());
            self.complain(found.file, found.node.span.clone(), problem);
            return None;
        }
        Some(nice)
    }

    fn limits(&mut self, layers: &Layers<'_>, whole: Found<'_>) -> Option<Vec<(Limited, u64)>> {
        if !matches!(whole.node.value, Value::Table(_)) {
            self.wrong_type(whole, whole.node, LIMITS);
            return None;
        }
        let words = [&Limited::ALL.map(Limited::word)[..], &BOUNDS].concat();
        let mut limits = Vec::new();
        for found in layers.merged("limits") {
            if found.node.value == Value::Boolean(false) {
                continue;
            }
            let word = found.key.name.as_str();
            let limit = match Limited::ALL.into_iter().find(|limited| limited.word() == word) {
                Some(what) => self.limit(what, found).map(|most| (what, most)),
                // Those of the control group are read by themselves.
                None if BOUNDS.contains(&word) => continue,
                None => {
                    let help = remedy(word, &words);
                    let problem = Problem::UnknownKey(word.into(), help);
                    self.complain(found.file, found.key.span.clone(), problem);
                    None
                }
            };
            limits.push(limit);
        }
        limits.into_iter().collect()
    }

    /// Reads those limits that are on all that a task starts together.
    pub(super) fn bounds(&mut self, layers: &Layers<'_>) -> Option<Bounds> {
        let mut bounds = Bounds::default();
        let mut complete = true;
        for found in layers.merged("limits") {
            if found.node.value == Value::Boolean(false) {
                continue;
            }
            let read = match found.key.name.as_str() {
                "memory" => self.size(found).map(|most| bounds.memory = Some(most)),
                "tasks" => self.whole(found, 1).map(|most| bounds.tasks = Some(most.into())),
                "cpu" => self.processors(found).map(|cpu| bounds.cpu = Some(cpu)),
                _ => continue,
            };
            complete &= read.is_some();
        }
        complete.then_some(bounds)
    }

    /// A number of processors, in thousandths.
    fn processors(&mut self, found: Found<'_>) -> Option<u32> {
        let number = self.number(found, 0.01..=10_000.0, "a number of processors")?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked to be small"
        )]
        Some((number * 1000.0).round() as u32)
    }

    fn limit(&mut self, what: Limited, found: Found<'_>) -> Option<u64> {
        match what {
            Limited::AddressSpace | Limited::FileSize => self.size(found),
            Limited::OpenFiles | Limited::Processes => self.whole(found, 0).map(Into::into),
            Limited::CpuTime => {
                let length = self.length_above_zero(found)?.unsigned_abs();
                // The kernel counts whole seconds.
                Some(length.as_secs() + u64::from(length.subsec_nanos() > 0))
            }
        }
    }

    /// A size, as `1MiB`.
    pub(super) fn size(&mut self, found: Found<'_>) -> Option<u64> {
        let text = self.text(found, found.node, "a size, write it as `\"1MiB\"`")?;
        match size::parse(text) {
            Ok(size) => Some(size),
            Err(bad) => {
                self.complain(found.file, found.node.span.clone(), Problem::Size(bad));
                None
            }
        }
    }

    /// Reads `inherit_env`; where it is missing, another user inherits nothing.
    pub(super) fn inherit_env(&mut self, layers: &Layers<'_>) -> Option<Inherit> {
        let nothing = || Inherit::Only(Vec::new());
        let Some(found) = layers.get_or_false("inherit_env") else {
            let other = layers.get("user").is_some();
            return Some(if other { nothing() } else { Inherit::All });
        };
        match &found.node.value {
            Value::Boolean(true) => Some(Inherit::All),
            Value::Boolean(false) => Some(nothing()),
            Value::List(items) => {
                let names = self.texts(found, INHERIT);
                if names.len() != items.len() {
                    return None;
                }
                Some(Inherit::Only(names.into_iter().map(|(name, _)| name.into()).collect()))
            }
            _ => {
                self.wrong_type(found, found.node, INHERIT);
                None
            }
        }
    }

    /// Reads `env_file`: paths, each with a `?` before it if it may be absent, or `credential:NAME`.
    pub(super) fn env_files(&mut self, layers: &Layers<'_>) -> Option<Vec<EnvFile>> {
        let Some(found) = layers.get("env_file") else { return Some(Vec::new()) };
        let written = match &found.node.value {
            Value::List(items) => items.len(),
            _ => 1,
        };
        let texts = self.texts(found, FILES);
        let mut files = Vec::new();
        for (text, node) in &texts {
            let (optional, text) = match text.strip_prefix('?') {
                Some(rest) => (true, rest),
                None => (false, *text),
            };
            let name = text.strip_prefix("credential:");
            if text.is_empty()
                || text.contains('\0')
                || name.is_some_and(|name| name.is_empty() || name.contains('/'))
            {
                self.complain(found.file, node.span.clone(), Problem::Empty("path"));
                continue;
            }
            let place = match name {
                Some(name) => EnvPlace::Credential(name.into()),
                None => EnvPlace::Path(self.path_from_home(layers, found.file, text)),
            };
            files.push(EnvFile { place, optional });
        }
        (files.len() == written).then_some(files)
    }

    /// The path `text`, written in the file number `file`: a relative one starts at its directory, a
    /// leading `~` is the home of the task's user.
    pub(super) fn path_from_home(&self, layers: &Layers<'_>, file: usize, text: &str) -> FromHome {
        let below = text.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let below = below.map(|rest| rest.trim_start_matches('/'));
        match (below, &self.setting.home) {
            (Some(below), _) if layers.get("user").is_some() => FromHome::Home(below.into()),
            (Some(below), Some(home)) => FromHome::Absolute(home.join(below)),
            _ => FromHome::Absolute(self.sources[file].directory.join(Path::new(text))),
        }
    }
}
