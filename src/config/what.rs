//! The keys that say what a task runs.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::inherit::{Found, KeySet, Layers};
use super::keys;
use super::problem::Problem;
use super::validate::Reader;
use super::value::{Node, Value};
use super::{RustTask, What};
use crate::name::Name;
use crate::runner::{CommandTask, Execution, FromHome};
use crate::zone::Zone;

/// What a command text goes to.
const SHELL: [&str; 2] = ["/bin/sh", "-c"];

/// What says how a command is run.
pub(super) const EXECUTION: [&str; 14] = [
    "cwd",
    "env",
    "env_file",
    "group",
    "inherit_env",
    "limits",
    "nice",
    "output",
    "stdin",
    "stop_signal",
    "success_codes",
    "timezone",
    "umask",
    "user",
];

const COMMAND: &str = "a text or a list of texts, write `command = \"echo hello\"` or `command = [\"echo\", \"hello\"]`";

impl Reader<'_> {
    /// Reads all that says what; `missing` is where to tell that there is no command, if there
    /// ought to be one. `None` if something of it is wrong.
    pub(super) fn read_what(
        &mut self,
        layers: &Layers<'_>,
        zone: &Zone,
        file: usize,
        missing: Option<&Range<usize>>,
    ) -> Option<What> {
        if let Some(found) = layers.get("task") {
            return self.rust_task(layers, found);
        }
        if let Some(found) = layers.get("params").filter(|_| missing.is_some()) {
            let problem = Problem::OnlyFor("params".into(), "task");
            self.complain(found.file, found.key.span.clone(), problem);
        }
        self.command(layers, zone, file, missing).map(|command| What::Command(command.into()))
    }

    /// Reads what a file says of a task of a program.
    fn rust_task(&mut self, layers: &Layers<'_>, found: Found<'_>) -> Option<What> {
        let expected = "the name of a task of a program, write `task = \"cleanup\"`";
        let text = self.text(found, found.node, expected)?;
        if layers.get("command").is_some() {
            self.complain(found.file, found.key.span.clone(), Problem::TaskAndCommand);
            return None;
        }
        let misplaced = layers.own().filter(|own| {
            keys::COMMAND.contains(&own.key.name.as_str())
                && own.node.value != Value::Boolean(false)
        });
        for own in misplaced {
            let problem = Problem::OnlyFor(own.key.name.clone(), "command");
            self.complain(own.file, own.key.span.clone(), problem);
        }
        let params =
            self.free_table(layers, "params", "a table, write `params = { days_to_keep = 30 }`");
        let params = Node { value: Value::Table(params), span: 0..0 };
        let output = self.output(layers)?;
        let name = match Name::new(text) {
            Ok(name) => name,
            Err(bad) => {
                let problem = Problem::BadName(text.into(), bad);
                self.complain(found.file, found.node.span.clone(), problem);
                return None;
            }
        };
        self.complain(found.file, found.node.span.clone(), Problem::RustTask(text.into()));
        // Every value of TOML is one of JSON, but for infinity.
        let params = serde_json::to_value(&params).unwrap_or_default();
        Some(What::Rust(Box::new(RustTask { name, params, output })))
    }

    /// Reads the command of a task.
    fn command(
        &mut self,
        layers: &Layers<'_>,
        zone: &Zone,
        file: usize,
        missing: Option<&Range<usize>>,
    ) -> Option<CommandTask> {
        let execution = self.shared(
            layers,
            const { KeySet::of(&EXECUTION) },
            |own| &mut own.executions,
            |own| own.execution(layers, zone, file),
        );
        let shell = self.shared(
            layers,
            const { KeySet::of(&["shell"]) },
            |own| &mut own.shells,
            |own| own.or(layers, "shell", SHELL.map(Arc::from).to_vec(), Self::shell),
        );
        let Some(found) = layers.get("command") else {
            if let Some(span) = missing {
                self.complain(file, span.clone(), Problem::NoCommand);
            }
            return None;
        };
        // What is wrong with the command is told even if the shell is wrong.
        let before = match &found.node.value {
            Value::Text(_) => shell.as_ref().map(|shell| shell.as_slice()),
            _ => Some([].as_slice()),
        };
        let words = self.words(found, "command", COMMAND, before.unwrap_or_default());
        before?;
        Some(CommandTask { arguments: words?, execution: execution? })
    }

    /// Reads how a command is run.
    fn execution(&mut self, layers: &Layers<'_>, zone: &Zone, file: usize) -> Option<Execution> {
        let directory = match layers.get("cwd") {
            Some(found) => self.working_directory(layers, found),
            None if layers.get("user").is_some() => Some(FromHome::Home(PathBuf::new())),
            None => Some(FromHome::Absolute(self.sources[file].directory.clone())),
        };
        let identity = self.identity(layers);
        let bounds = self.bounds(layers);
        let inherit = self.inherit_env(layers);
        let env_files = self.env_files(layers);
        let stdin = self.or(layers, "stdin", None, |own, found| {
            let text = own.text(found, found.node, "a text, write `stdin = \"yes\\n\"`")?;
            Some(Some(text.to_string()))
        });
        let environment = self.environment(layers);
        let stop_signal = self.stop_signal(layers);
        let output = self.output(layers);
        let success_codes = self.success_codes(layers);
        Some(Execution {
            directory: directory?,
            inherit: inherit?,
            env_files: env_files?,
            stdin: stdin?,
            bounds: bounds?,
            identity: identity?,
            environment: environment?,
            zone: zone.clone(),
            stop_signal: stop_signal?,
            success_codes: success_codes?,
            output: output?,
            search: self.setting.search.clone(),
        })
    }

    fn shell(&mut self, found: Found<'_>) -> Option<Vec<Arc<str>>> {
        const SHELL: &str = "a list of texts, write `shell = [\"/bin/bash\", \"-c\"]`";
        // A shell alone would take the command for the name of a script.
        if matches!(found.node.value, Value::Text(_)) {
            self.wrong_type(found, found.node, SHELL);
            return None;
        }
        self.words(found, "shell", SHELL, &[])
    }

    /// A program and its arguments, or a single text, behind those `before` it.
    fn words(
        &mut self,
        found: Found<'_>,
        what: &'static str,
        expected: &'static str,
        before: &[Arc<str>],
    ) -> Option<Vec<Arc<str>>> {
        let words = self.texts(found, expected);
        let written = match &found.node.value {
            Value::List(items) => items.len(),
            _ => 1,
        };
        if words.len() != written {
            return None;
        }
        if words.first().is_none_or(|(word, _)| word.trim().is_empty()) {
            self.complain(found.file, found.node.span.clone(), Problem::Empty(what));
            return None;
        }
        for (word, node) in &words {
            self.no_zero_byte(found, node, word, what)?;
        }
        let words = words.into_iter().map(|(word, _)| word.into());
        Some(before.iter().cloned().chain(words).collect())
    }

    fn no_zero_byte(
        &mut self,
        found: Found<'_>,
        node: &Node,
        text: &str,
        what: &'static str,
    ) -> Option<()> {
        if text.contains('\0') {
            self.complain(found.file, node.span.clone(), Problem::ZeroByte(what));
            return None;
        }
        Some(())
    }

    fn working_directory(&mut self, layers: &Layers<'_>, found: Found<'_>) -> Option<FromHome> {
        let text = self.path_text(found, "a path, write `cwd = \"/srv/app\"`")?;
        Some(self.path_from_home(layers, found.file, text))
    }

    /// The path that the daemon uses for `what`; a relative one starts at the directory of the file.
    pub(super) fn path(&mut self, found: Found<'_>, what: &'static str) -> Option<PathBuf> {
        let expected = match what {
            "state_dir" => "a path, write `state_dir = \"/var/lib/taskd/app\"`",
            _ => "a path, write `socket = \"/run/taskd/app.sock\"`",
        };
        let text = self.path_text(found, expected)?;
        match self.path_from_home(&Layers::default(), found.file, text) {
            FromHome::Absolute(path) | FromHome::Home(path) => Some(path),
        }
    }

    fn path_text<'n>(&mut self, found: Found<'n>, expected: &'static str) -> Option<&'n str> {
        let text = self.text(found, found.node, expected)?;
        if text.is_empty() {
            self.complain(found.file, found.node.span.clone(), Problem::Empty("path"));
            return None;
        }
        self.no_zero_byte(found, found.node, text, "path")?;
        Some(text)
    }

    fn environment(&mut self, layers: &Layers<'_>) -> Option<Vec<(String, String)>> {
        if let Some(found) = layers.get("env")
            && !matches!(found.node.value, Value::Table(_))
        {
            self.wrong_type(found, found.node, "a table, write `env = { NAME = \"value\" }`");
            return None;
        }
        // `NAME = false` takes an inherited one away.
        let kept = layers
            .merged("env")
            .into_iter()
            .filter(|found| found.node.value != Value::Boolean(false));
        let read: Vec<_> = kept.map(|found| self.variable(found)).collect();
        read.into_iter().collect()
    }

    fn variable(&mut self, found: Found<'_>) -> Option<(String, String)> {
        let name = &found.key.name;
        if name.is_empty() || name.contains(['=', '\0']) {
            self.complain(found.file, found.key.span.clone(), Problem::BadVariable(name.clone()));
            return None;
        }
        let value = self.text(found, found.node, "a text, write it in quotes")?;
        self.no_zero_byte(found, found.node, value, "value")?;
        if let Some(dollar) = dollar(value) {
            let span = self.sources[found.file].within(&found.node.span, value, &dollar);
            let literal = value[dollar].to_string();
            self.complain(found.file, span, Problem::LiteralDollar(literal));
        }
        Some((name.clone(), value.to_string()))
    }
}

/// Where `$NAME` or `${NAME}` stands in `value`.
fn dollar(value: &str) -> Option<Range<usize>> {
    value.match_indices('$').find_map(|(at, _)| {
        let rest = &value[at + 1..];
        let braced = rest.starts_with('{');
        let name = rest.strip_prefix('{').unwrap_or(rest);
        let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let length =
            name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
        let closed = name[length..].starts_with('}');
        let end = at + 1 + usize::from(braced) + length + usize::from(braced && closed);
        (starts && (!braced || closed)).then_some(at..end)
    })
}
