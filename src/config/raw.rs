//! One file as tables: which entries there are, not yet what they mean.

use std::borrow::Cow;
use std::ops::Range;

use toml::de::DeTable;

use super::diagnostic::Diagnostic;
use super::keys::{self, remedy};
use super::problem::Problem;
use super::source::Source;
use super::tables::{self, Cut, Unread};
use super::value::{self, Flaws, Key, Node, Table, Value};
use crate::name::{BadName, Name};

/// A file as it is written.
#[cfg_attr(test, derive(PartialEq))]
#[derive(Debug, Default)]
pub(super) struct RawFile {
    pub timezone: Option<Node>,
    pub include: Option<Node>,
    pub defaults: Option<RawEntry>,
    pub templates: Vec<RawEntry>,
    pub calendars: Vec<RawEntry>,
    pub pools: Vec<RawEntry>,
    pub daemon: Option<RawEntry>,
    pub tasks: Tasks,
    /// The parser has complained, so that something may be missing that is really there.
    pub broken: bool,
    /// What is wrong with it.
    pub diagnostics: Vec<Diagnostic>,
}

/// The tasks of a file.
#[cfg_attr(test, derive(PartialEq))]
#[derive(Debug)]
pub(super) enum Tasks {
    /// Of a file that was read as a whole.
    Read(Vec<RawEntry>),
    /// Of one that was cut, each to be read by itself.
    Unread(Vec<Unread>),
}

/// A task, a template or the defaults, as written.
#[cfg_attr(test, derive(PartialEq))]
#[derive(Clone, Debug)]
pub(super) struct RawEntry {
    pub name: String,
    /// Where it begins, for what is missing in it.
    pub span: Range<usize>,
    pub table: Table,
    /// The parser has complained about something in it.
    pub broken: bool,
}

/// Collects the problems of one file.
struct Reader<'a> {
    file: usize,
    source: &'a Source,
    flaws: Flaws,
    diagnostics: Vec<Diagnostic>,
}

/// Reads the text of `source`, which is the file number `file`; its tasks may be left for later.
pub(super) fn parse(source: &Source, file: usize) -> RawFile {
    let Some(Cut { rest, tasks }) = tables::cut(source) else { return parse_whole(source, file) };
    let reader = Reader { file, source, flaws: Flaws::default(), diagnostics: Vec::new() };
    RawFile { tasks: Tasks::Unread(tasks), ..reader.file(rest) }
}

/// Reads the whole text of `source`, which is the file number `file`, and tells all that is no TOML.
pub(super) fn parse_whole(source: &Source, file: usize) -> RawFile {
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    let end = source.text.len();
    let at = |error: &toml::de::Error| error.span().unwrap_or(end..end);
    let flaws = Flaws::new(errors.iter().map(at).collect());
    let mut reader = Reader { file, source, flaws, diagnostics: Vec::new() };
    for error in &errors {
        reader.complain(Problem::Syntax(error.message().to_string()), at(error), None);
    }
    let table = value::table(table.into_inner(), 0, &mut reader.flaws);
    for span in std::mem::take(&mut reader.flaws.too_large) {
        reader.complain(Problem::TooLarge, span, None);
    }
    later_toml(&table, source, |what, span| reader.complain(Problem::LaterToml(what), span, None));
    reader.file(table)
}

impl Default for Tasks {
    fn default() -> Self {
        Self::Read(Vec::new())
    }
}

impl Tasks {
    /// So many of them; a name may be there twice.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Read(entries) => entries.len(),
            Self::Unread(tasks) => tasks.len(),
        }
    }

    /// The name of each and where it begins.
    pub(super) fn names<'a>(
        &'a self,
        source: &'a Source,
    ) -> Box<dyn Iterator<Item = (&'a str, Range<usize>)> + 'a> {
        match self {
            Self::Read(entries) => {
                Box::new(entries.iter().map(|entry| (entry.name.as_str(), entry.span.clone())))
            }
            Self::Unread(tasks) => {
                Box::new(tasks.iter().map(|task| (task.name(source), task.span())))
            }
        }
    }

    /// The task of this number; `None` if that cannot be told of a part of the file alone.
    pub(super) fn get<'a>(&'a self, index: usize, source: &Source) -> Option<Cow<'a, RawEntry>> {
        match self {
            Self::Read(entries) => entries.get(index).map(Cow::Borrowed),
            Self::Unread(tasks) => tasks.get(index)?.read(source).map(Cow::Owned),
        }
    }
}

impl Reader<'_> {
    fn complain(&mut self, problem: Problem, span: Range<usize>, task: Option<Name>) {
        self.diagnostics.push(Diagnostic { problem, file: self.file, span, task });
    }

    fn file(mut self, table: Table) -> RawFile {
        let mut file = RawFile { broken: !self.flaws.broken().is_empty(), ..RawFile::default() };
        for (key, node) in table {
            match key.name.as_str() {
                "timezone" => file.timezone = Some(node),
                "include" => file.include = Some(node),
                "defaults" => {
                    let expected = "a table, write `[defaults]` with its keys below";
                    file.defaults = self.entry(key, node, expected);
                }
                "templates" => {
                    let expected = "a table, write `[templates.NAME]` with its keys below";
                    file.templates = self.entries(&key, node, expected);
                }
                "calendars" => {
                    let expected = "a table, write `[calendars.NAME]` with `dates = [2026-12-25]`";
                    file.calendars = self.entries(&key, node, expected);
                }
                "pools" => {
                    let expected = "a table, write `[pools.NAME]` with `limit = 2`";
                    file.pools = self.entries(&key, node, expected);
                }
                "daemon" => {
                    let expected = "a table, write `[daemon]` with its keys below";
                    file.daemon = self.entry(key, node, expected);
                }
                "tasks" => {
                    let expected = "a table, write `[tasks.hello]` with its keys below";
                    file.tasks = Tasks::Read(self.entries(&key, node, expected));
                }
                // What stands in the ruins of a broken table is no key of the file.
                _ if file.broken => {}
                _ => {
                    let help = top_remedy(&key.name, &node);
                    self.complain(Problem::UnknownKey(key.name, help), key.span, None);
                }
            }
        }
        file.diagnostics = self.diagnostics;
        file
    }

    /// The entries of `[tasks]`, `[templates]`, `[calendars]` or `[pools]`.
    fn entries(&mut self, key: &Key, node: Node, expected: &'static str) -> Vec<RawEntry> {
        let Some(table) = self.table(key, node, expected) else {
            return Vec::new();
        };
        let named = |(key, node)| self.named(key, node, expected);
        let mut entries: Vec<_> = table.into_iter().filter_map(named).collect();
        self.mark_broken(&mut entries);
        entries
    }

    fn named(&mut self, key: Key, node: Node, expected: &'static str) -> Option<RawEntry> {
        let inner = dotted(&node);
        for inner in &inner {
            let text = format!("{}.{}", key.name, inner.name);
            let span = if inner.span.start < key.span.start {
                inner.span.clone()
            } else {
                key.span.start..inner.span.end
            };
            self.complain(Problem::BadName(text, BadName::Character('.')), span, None);
        }
        if !inner.is_empty() {
            return None;
        }
        if let Err(bad) = Name::new(&key.name) {
            self.complain(Problem::BadName(key.name, bad), key.span, None);
            return None;
        }
        self.entry(key, node, expected)
    }

    fn entry(&mut self, key: Key, node: Node, expected: &'static str) -> Option<RawEntry> {
        let header = self.source.text[node.span.clone()].starts_with('[');
        let span = if header { node.span.clone() } else { key.span.clone() };
        let table = self.table(&key, node, expected)?;
        Some(RawEntry { name: key.name, span, table, broken: false })
    }

    /// The table at `key`; what is none is told to be `expected`, and an example.
    fn table(&mut self, key: &Key, node: Node, expected: &'static str) -> Option<Table> {
        match node.value {
            Value::Table(table) => return Some(table),
            Value::Broken => {}
            other => {
                let key = key.name.clone();
                self.complain(
                    Problem::WrongType { key, expected, found: other.kind() },
                    node.span,
                    None,
                );
            }
        }
        None
    }

    /// Marks the entries in which the parser has stumbled: what seems missing there may not be.
    fn mark_broken(&self, entries: &mut [RawEntry]) {
        let mut starts: Vec<_> =
            entries.iter().enumerate().map(|(index, entry)| (entry.span.start, index)).collect();
        starts.sort_unstable();
        for bad in self.flaws.broken() {
            let before = starts.partition_point(|(start, _)| *start <= bad.start);
            if before > 0 {
                entries[starts[before - 1].1].broken = true;
            }
        }
    }
}

/// The names inside what should be a task: `[tasks.db.backup]` is a table in a table, where nobody
/// meant one.
pub(super) fn dotted(node: &Node) -> Vec<Key> {
    let Value::Table(table) = &node.value else { return Vec::new() };
    let is_task = |(key, node): &(Key, Node)| {
        matches!(node.value, Value::Table(_)) && !keys::is_task_word(&key.name)
    };
    if table.iter().all(is_task) {
        table.iter().map(|(key, _)| key.clone()).collect()
    } else {
        Vec::new()
    }
}

fn top_remedy(key: &str, node: &Node) -> String {
    let looks_like_a_task = matches!(&node.value, Value::Table(table)
        if table.iter().any(|(key, _)| keys::TASK.contains(&key.name.as_str())));
    if looks_like_a_task && keys::nearest(key, keys::TOP).is_none() {
        return format!("for a task, write `[tasks.{key}]`");
    }
    if keys::TASK.contains(&key) {
        return format!("write `{key}` in a task, or in `[defaults]` for all of them");
    }
    remedy(key, &keys::TOP)
}

/// Finds what only later versions of TOML have.
pub(super) fn later_toml(
    table: &Table,
    source: &Source,
    mut found: impl FnMut(&'static str, Range<usize>),
) {
    let mut rest: Vec<&Node> = table.iter().map(|(_, node)| node).collect();
    while let Some(node) = rest.pop() {
        let text = source.text.get(node.span.clone()).unwrap_or_default();
        match &node.value {
            Value::Table(inner) => {
                let brace = node.span.start..node.span.start + 1;
                if text.starts_with('{') && has_own_newline(text, inner, node.span.start) {
                    found("inline table over several lines", brace);
                } else if text.starts_with('{')
                    && text.trim_end_matches('}').trim_end().ends_with(',')
                {
                    found("comma at the end of an inline table", brace);
                }
                rest.extend(inner.iter().map(|(_, node)| node));
            }
            Value::List(items) => rest.extend(items),
            Value::Text(_) if text.starts_with('"') && has_later_escape(text) => {
                found("`\\e` or `\\x` in a text", node.span.clone());
            }
            Value::Date(_) if lacks_seconds(text) => {
                found("time without seconds", node.span.clone());
            }
            _ => {}
        }
    }
}

/// Whether a newline is the inline table's own, and not one of a value in it.
fn has_own_newline(text: &str, inner: &Table, start: usize) -> bool {
    let in_a_value = |at: usize| inner.iter().any(|(_, node)| node.span.contains(&at));
    text.match_indices('\n').any(|(at, _)| !in_a_value(start + at))
}

/// Whether a date-time has only hours and minutes.
fn lacks_seconds(text: &str) -> bool {
    let time = text.split_once(['T', 't', ' ']).map_or(text, |(_, time)| time);
    let time = time.split(['Z', 'z', '+', '-']).next().unwrap_or(time);
    time.matches(':').count() == 1
}

fn has_later_escape(text: &str) -> bool {
    let mut escaped = false;
    text.chars().any(|c| {
        let later = escaped && matches!(c, 'e' | 'x');
        escaped = c == '\\' && !escaped;
        later
    })
}
