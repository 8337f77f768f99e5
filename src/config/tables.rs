//! A file cut into its tables, so that each task is read by itself and no tree of the whole file is
//! made.
//!
//! It is cut where a line begins with `[`. That is wrong where such a line is part of a value over
//! several lines; but then what stands before the cut lacks the end of that value and is no TOML.
//! So whatever is complained about, and whatever a table alone does not tell, is left to a reading
//! of the whole file: [`None`] everywhere here.

use std::ops::Range;

use toml::de::DeTable;

use super::keys;
use super::raw::{RawEntry, dotted, later_toml};
use super::source::Source;
use super::value::{self, Flaws, Key, Node, Table, Value};
use crate::name::Name;

const HEADER: &str = "[tasks.";

/// A file with its tasks apart.
pub(super) struct Cut {
    /// All but the tasks.
    pub rest: Table,
    pub tasks: Vec<Unread>,
}

/// A task `[tasks.NAME]` that is not read yet: places in the text, which has less than 4 GiB.
#[cfg_attr(test, derive(PartialEq))]
#[derive(Clone, Copy, Debug)]
pub(super) struct Unread {
    /// Of the header.
    start: u32,
    /// Behind the header.
    body: u32,
    /// Behind the last line.
    end: u32,
}

/// Cuts the text of `source`.
pub(super) fn cut(source: &Source) -> Option<Cut> {
    let text = source.text.as_str();
    let mut cut = Cut { rest: Table::new(), tasks: Vec::new() };
    let mut rest = Some(0);
    for start in headers(text) {
        let header = &text[start..];
        let Some(named) = header.strip_prefix(HEADER) else {
            // `[tasks]`, `[[tasks]]`, `[ tasks.x ]` and the like are not told apart here: the rest
            // may not have them.
            if rest.is_none() {
                end(&mut cut.tasks, start);
                rest = Some(start);
            }
            continue;
        };
        let length = named.bytes().take_while(|byte| is_bare(*byte)).count();
        let (name, behind) = named.split_at(length);
        let last = cut.tasks.last().filter(|_| rest.is_none());
        if behind.starts_with('.') && last.is_some_and(|last| last.name(source) == name) {
            continue;
        }
        let line = behind.strip_prefix(']')?.lines().next().unwrap_or_default();
        let line = line.trim_start_matches(BLANK);
        if !(line.is_empty() || line.starts_with('#')) || Name::check(name).is_err() {
            return None;
        }
        match rest.take() {
            Some(from) => read_rest(source, from..start, &mut cut.rest)?,
            None => end(&mut cut.tasks, start),
        }
        let body = start + HEADER.len() + length + 1;
        let place = |at| u32::try_from(at).ok();
        cut.tasks.push(Unread { start: place(start)?, body: place(body)?, end: 0 });
    }
    match rest {
        Some(from) => read_rest(source, from..text.len(), &mut cut.rest)?,
        None => end(&mut cut.tasks, text.len()),
    }
    Some(cut)
}

/// Where lines begin with `[`.
fn headers(text: &str) -> impl Iterator<Item = usize> {
    let lines = text.match_indices('\n').map(|(at, _)| at + 1);
    std::iter::once(0).chain(lines).filter(|at| text.as_bytes().get(*at) == Some(&b'['))
}

/// The last of `tasks` ends at `at`, within a text that is known to be short enough.
fn end(tasks: &mut [Unread], at: usize) {
    if let Some(last) = tasks.last_mut() {
        last.end = u32::try_from(at).unwrap_or(u32::MAX);
    }
}

/// Adds to `rest` what stands in `place`, which is no task.
fn read_rest(source: &Source, place: Range<usize>, rest: &mut Table) -> Option<()> {
    let is_first = place.start == 0;
    for (key, node) in read(source, place)? {
        let is_known = rest.iter().any(|(known, _)| known.name == key.name);
        // More keys than there are; and what includes others has its effect before all is read, so
        // it must stand where no cut can have been wrong.
        let is_strange = rest.len() >= keys::TOP.len() || key.name == "include" && !is_first;
        if key.name == "tasks" || is_known || is_strange {
            return None;
        }
        rest.push((key, node));
    }
    Some(())
}

/// Reads a part of the text that is TOML by itself.
fn read(source: &Source, place: Range<usize>) -> Option<Table> {
    let (table, errors) = DeTable::parse_recoverable(&source.text[place.clone()]);
    let mut flaws = Flaws::default();
    let table = value::table(table.into_inner(), place.start, &mut flaws);
    let mut sound = errors.is_empty() && flaws.too_large.is_empty();
    later_toml(&table, source, |_, _| sound = false);
    sound.then_some(table)
}

impl Unread {
    fn text(self, source: &Source) -> &str {
        &source.text[self.body as usize..self.end as usize]
    }

    /// Its name.
    pub(super) fn name(self, source: &Source) -> &str {
        &source.text[self.start as usize + HEADER.len()..self.body as usize - 1]
    }

    /// Its header.
    pub(super) fn span(self) -> Range<usize> {
        self.start as usize..self.body as usize
    }

    /// Reads it.
    pub(super) fn read(self, source: &Source) -> Option<RawEntry> {
        let body = self.body as usize;
        let table = match plain(self.text(source), body) {
            Some(table) => table,
            None => self.read_all(source)?,
        };
        let name = self.name(source).to_string();
        let node = Node { value: Value::Table(table), span: self.span() };
        if !dotted(&node).is_empty() {
            return None;
        }
        let Value::Table(table) = node.value else { return None };
        Some(RawEntry { name, span: node.span, table, broken: false })
    }

    /// Reads it by the parser of TOML.
    fn read_all(self, source: &Source) -> Option<Table> {
        let (start, body, end) = (self.start as usize, self.body as usize, self.end as usize);
        let line_of_table = |line: &str| line.trim_start().starts_with('[');
        if !self.text(source).lines().any(line_of_table) {
            return read(source, body..end);
        }
        // There may be tables of this task, `[tasks.NAME.env]`, or of others, behind blanks.
        let inner = |table: Table, name: &str| {
            let [(key, node)]: [_; 1] = table.try_into().ok()?;
            match node.value {
                Value::Table(table) if key.name == name => Some(table),
                _ => None,
            }
        };
        inner(inner(read(source, start..end)?, "tasks")?, self.name(source))
    }
}

/// Reads lines of `key = "text"`, and the other values that are plain enough to be read without a
/// parser; `None` if there is anything else. The text begins at the byte `start` of the file.
fn plain(text: &str, start: usize) -> Option<Table> {
    let mut table = Table::new();
    let mut at = start;
    for line in text.split_inclusive('\n') {
        let place = at;
        at += line.len();
        let line =
            line.strip_suffix('\n').map_or(line, |line| line.strip_suffix('\r').unwrap_or(line));
        let begun = line.trim_start_matches(BLANK);
        if ends(begun)? {
            continue;
        }
        let length = begun.bytes().take_while(|byte| is_bare(*byte)).count();
        let (name, rest) = begun.split_at(length);
        let value = rest.trim_start_matches(BLANK).strip_prefix('=')?.trim_start_matches(BLANK);
        let has_many = table.len() >= keys::TASK.len();
        if name.is_empty() || has_many || table.iter().any(|(key, _)| key.name == name) {
            return None;
        }
        let (read, rest) = plain_value(value)?;
        if !ends(rest.trim_start_matches(BLANK))? {
            return None;
        }
        // Where the rest of the line stands that begins with this.
        let offset = |rest: &str| place + (line.len() - rest.len());
        let key = Key { name: name.into(), span: offset(begun)..offset(begun) + length };
        table.push((key, Node { value: read, span: offset(value)..offset(rest) }));
    }
    Some(table)
}

const BLANK: [char; 2] = [' ', '\t'];

fn is_bare(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Whether nothing but a comment is left of a line; `None` if the comment is not plain.
fn ends(rest: &str) -> Option<bool> {
    match rest.as_bytes().first() {
        None => Some(true),
        Some(b'#') => is_printed(rest).then_some(true),
        Some(_) => Some(false),
    }
}

/// Whether no control character is in `text`, but for tabs.
fn is_printed(text: &str) -> bool {
    !text.bytes().any(|byte| byte != b'\t' && byte.is_ascii_control())
}

/// The value at the start of `text`, and what follows it.
fn plain_value(text: &str) -> Option<(Value, &str)> {
    if let Some(rest) = text.strip_prefix('"') {
        let (inner, rest) = rest.split_once('"')?;
        let plain = !inner.contains('\\') && is_printed(inner);
        return plain.then(|| (Value::Text(inner.into()), rest));
    }
    for (word, is) in [("true", true), ("false", false)] {
        if let Some(rest) = text.strip_prefix(word) {
            return Some((Value::Boolean(is), rest));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::super::raw::{RawFile, Tasks, parse, parse_whole};
    use super::*;

    fn source(text: &str) -> Source {
        Source::of_text("x.toml".as_ref(), "/".into(), text.into())
    }

    /// The file by its parts, if they tell it.
    fn by_parts(source: &Source) -> Option<RawFile> {
        cut(source)?;
        let file = parse(source, 0);
        let mut names = HashSet::new();
        if !file.tasks.names(source).all(|(name, _)| names.insert(name)) {
            return None;
        }
        let all = 0..file.tasks.len();
        let read = all.map(|index| Some(file.tasks.get(index, source)?.into_owned()));
        let tasks = Tasks::Read(read.collect::<Option<_>>()?);
        Some(RawFile { tasks, ..file })
    }

    #[test]
    fn a_file_is_cut_where_its_tables_tell_all() {
        for (text, expected) in [
            // What most files look like.
            ("timezone = 'UTC'\n\n[tasks.a]\ncron = \"* * * * *\" # why\n[tasks.b]\n", true),
            ("[tasks.a]\r\ncron = \"* * * * *\"\r\ncommand = [\"x\", \"y\"]\r\n", true),
            // A table of the task itself, and one behind blanks.
            ("[tasks.a]\n[tasks.a.env]\nX = \"1\"\n\n[tasks.b]\nx = 1\n", true),
            ("[tasks.a]\n  [tasks.a.env]\n", true),
            // Another task behind blanks.
            ("[tasks.a]\n  [tasks.b]\n", false),
            // A value over several lines, with a line that looks like a header.
            ("[tasks.a]\nstdin = \"\"\"\n[tasks.b]\n\"\"\"\n", false),
            ("[tasks.a]\ntags = [\n[tasks.b]\n]\n", false),
            ("[defaults]\ntags = [\n['x']\n]\n[tasks.a]\n", true),
            ("[defaults]\ntags = [\n[tasks.a]\n]\n", false),
            // Twice, and in other words.
            ("[tasks.a]\n[tasks.b]\n[tasks.a.env]\n", false),
            ("[tasks]\na.cron = '* * * * *'\n", false),
            ("tasks.a.cron = '* * * * *'\n[tasks.b]\n", false),
            ("[tasks.'a']\n", false),
            // No TOML.
            ("[tasks.a] x = 1\n", false),
            ("[tasks.a]\nx = 1 1\n", false),
            ("[tasks.a]\nx = 1\nx = 2\n", false),
            ("[tasks.a]\n# \u{1}\n", false),
            // The tables of the file in two places, which are one, and which are not.
            ("[templates.a]\n[tasks.a]\n[templates.b]\n", false),
            ("[templates.a]\n[tasks.a]\n[defaults]\n", true),
        ] {
            assert_eq!(by_parts(&source(text)).is_some(), expected, "{text}");
        }
    }

    /// Lines of which files are put together, mostly well.
    const LINES: &[&str] = &[
        "[tasks.a]",
        "[tasks.b] # why",
        "[tasks.c]",
        "[tasks.d]",
        "[tasks.e]",
        "[tasks.a.env]",
        "cron = \"0 9 * * *\"",
        "command = 'x'",
        "command = [\"a\", \"b\"]",
        "stdin = \"a\\tb\"",
        "",
        "# [tasks.a]",
        "enabled = true",
    ];

    /// Other lines.
    const OTHERS: &[&str] = &[
        " \t",
        "  [tasks.b]",
        "\t[tasks.a.env]",
        "[tasks]",
        "[[tasks]]",
        "[[tasks.a]]",
        "[ tasks.b ]",
        "[\"tasks\".b]",
        "[tasks.\"c\"]",
        "[tasks.a.b.c]",
        "[defaults]",
        "[defaults.retry]",
        "[templates.x]",
        "[other]",
        "timezone = \"UTC\"",
        "cron=\"\"# none",
        "stdin = \"\"\"",
        "\"\"\"",
        "x = '''",
        "'''",
        "tags = [",
        "[1]",
        "[\"tasks.a\"]",
        "]",
        "env = { A = \"1\" }",
        "env = {",
        "}",
        "env.B = \"2\"",
        "enabled = truest",
        "enabled = false # for now",
        "interval = 1",
        "interval = 99999999999999999999",
        "start = 2026-01-01",
        "\"quoted\" = \"x\"",
        "\"x\"",
        "x = \"\u{7f}\"",
        "x = \"\u{e9}\"",
        "y = \"\\e\"",
        "= 1",
        "a = ",
        "\r",
    ];

    fn line() -> impl Strategy<Value = &'static str> {
        prop_oneof![4 => prop::sample::select(LINES), 1 => prop::sample::select(OTHERS)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        /// Whatever a file is put together of: by its parts it says what it says as a whole.
        #[test]
        fn a_file_by_its_parts_is_the_file_as_a_whole(
            lines in proptest::collection::vec((line(), prop::bool::weighted(0.1)), 0..12),
        ) {
            let line = |(line, carriage): (&str, bool)| {
                format!("{line}{}", if carriage { "\r\n" } else { "\n" })
            };
            let text: String = lines.into_iter().map(line).collect();
            for text in [text.as_str(), text.trim_end_matches('\n')] {
                let source = source(text);
                if let Some(file) = by_parts(&source) {
                    prop_assert_eq!(file, parse_whole(&source, 0), "{}", text);
                }
            }
        }
    }
}
