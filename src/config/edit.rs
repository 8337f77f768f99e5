//! Changes of a schedule file's text that leave everything else as it is: comments, order, layout,
//! line ends.
//!
//! `toml_edit` knows where a key belongs, however its table is spelt. What it writes is compared with
//! what it has read, and only the lines that differ are taken over: all others stay byte for byte.

mod graft;

use std::collections::BTreeSet;
use std::fmt;

use toml_edit::{
    DocumentMut, InlineTable, Item, Key, RawString, Table, TableLike, TomlError, Value, visit_mut,
};

use crate::name::Name;

#[cfg(test)]
mod tests;

/// A change of what a file says.
#[derive(Clone, Debug)]
pub enum Edit {
    /// Another task.
    Add(Name),
    /// A key of a task says this, whatever it says now; tables on the way are made.
    Set(Name, Vec<String>, Value),
    /// A key of a task is not there any more.
    Unset(Name, Vec<String>),
    /// A task is not there any more.
    Remove(Name),
}

/// Why a text cannot be changed so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditError {
    /// It is no TOML, as the parser says.
    Syntax(String),
    /// There is such a task already.
    Exists(Name),
    /// There is no such task.
    NoTask(Name),
    /// The task has no such key.
    NoKey(Name, String),
    /// What should have the key is no table: its name.
    NoTable(String),
    /// What would be written does not say what was wanted.
    Unfaithful,
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(why) => write!(f, "this is no TOML: {why}"),
            Self::Exists(task) => write!(f, "there is a task `{task}` already"),
            Self::NoTask(task) => write!(f, "there is no task `{task}`"),
            Self::NoKey(task, key) => write!(f, "`{task}` has no key `{key}` of its own"),
            Self::Unfaithful => {
                write!(f, "it is spelt in a way that cannot be changed without touching the rest")
            }
            Self::NoTable(key) => write!(f, "`{key}` is no table, and has no keys"),
        }
    }
}

impl std::error::Error for EditError {}

impl From<TomlError> for EditError {
    fn from(error: TomlError) -> Self {
        Self::Syntax(error.message().into())
    }
}

/// The names of the tasks that `text` has, in its order.
///
/// # Errors
///
/// Returns [`EditError::Syntax`] if it is no TOML.
pub fn tasks(text: &str) -> Result<Vec<String>, EditError> {
    let document: DocumentMut = text.parse()?;
    let tasks = document.get("tasks").and_then(Item::as_table_like);
    Ok(tasks.map_or_else(Vec::new, |tasks| tasks.iter().map(|(name, _)| name.into()).collect()))
}

/// The path of keys that `text` names: `env.PATH`.
#[must_use]
pub fn path(text: &str) -> Option<Vec<String>> {
    let keys = Key::parse(text).ok()?;
    Some(keys.iter().map(|key| key.get().into()).collect())
}

/// What a person may mean by `word` as a value: what it is as TOML, then the word itself.
#[must_use]
pub fn readings(word: &str) -> Vec<Value> {
    let text = Value::from(word);
    let read: Option<Value> = word.trim().parse().ok();
    read.into_iter().map(plain).chain([text]).collect()
}

/// A value without the blanks around it.
fn plain(mut value: Value) -> Value {
    value.decor_mut().clear();
    value
}

/// `text` after all `edits`, one after the other.
///
/// # Errors
///
/// Returns [`EditError`] if one of them cannot be made.
pub fn edited(text: &str, edits: &[Edit]) -> Result<String, EditError> {
    let mut document: DocumentMut = text.replace("\r\n", "\n").parse()?;
    let before = document.to_string();
    for edit in edits {
        match edit {
            Edit::Add(task) => add(&mut document, task)?,
            Edit::Set(task, path, value) => set(of(&mut document, task)?, path, value)?,
            Edit::Unset(task, path) => {
                let missing = || EditError::NoKey(task.clone(), path.join("."));
                unset(of(&mut document, task)?, path).ok_or_else(missing)?;
            }
            Edit::Remove(task) => remove(&mut document, task)?,
        }
    }
    let after = document.to_string();
    // What stands first now has nothing to be parted from.
    let after = if before.starts_with('\n') { &after } else { after.trim_start_matches('\n') };
    graft::grafted(text, &before, after)
}

/// The table of a task.
fn of<'a>(document: &'a mut DocumentMut, task: &Name) -> Result<Place<'a>, EditError> {
    let tasks = document.get_mut("tasks").and_then(Item::as_table_like_mut);
    let item = tasks.and_then(|tasks| tasks.get_mut(task.as_str()));
    item.and_then(Place::of).ok_or_else(|| EditError::NoTask(task.clone()))
}

fn add(document: &mut DocumentMut, task: &Name) -> Result<(), EditError> {
    let position = last_position(document) + 1;
    let end = document.trailing().as_str().unwrap_or_default().to_string();
    let is_first = document.is_empty();
    let tasks = document.entry("tasks").or_insert_with(|| {
        let mut tasks = Table::new();
        tasks.set_implicit(true);
        Item::Table(tasks)
    });
    // Where all are lines, it is one, too.
    let are_lines = tasks.as_table_like().is_some_and(|tasks| {
        let is_line = |item: &Item| item.as_table().is_none_or(Table::is_dotted);
        !tasks.is_empty() && tasks.iter().all(|(_, item)| is_line(item))
    });
    let Some(mut place) = Place::of(tasks) else {
        return Err(EditError::NoTable("tasks".into()));
    };
    if place.table.contains_key(task.as_str()) {
        return Err(EditError::Exists(task.clone()));
    }
    if place.is_inline || are_lines {
        insert(&mut place, task.as_str(), InlineTable::new().into());
        return Ok(());
    }
    let mut table = Table::new();
    table.set_position(Some(position));
    // What stands at the end of the file stays before it.
    let gap = if end.is_empty() && is_first { "" } else { "\n" };
    table.decor_mut().set_prefix(format!("{end}{gap}"));
    place.table.insert(task.as_str(), Item::Table(table));
    document.set_trailing("");
    Ok(())
}

/// The position of the last table that has a header.
fn last_position(document: &mut DocumentMut) -> isize {
    struct Last(isize);
    impl visit_mut::VisitMut for Last {
        fn visit_table_mut(&mut self, table: &mut Table) {
            self.0 = self.0.max(table.position().unwrap_or(0));
            visit_mut::visit_table_mut(self, table);
        }
    }
    let mut last = Last(0);
    visit_mut::VisitMut::visit_document_mut(&mut last, document);
    last.0
}

fn set(mut place: Place<'_>, path: &[String], value: &Value) -> Result<(), EditError> {
    let Some((key, rest)) = path.split_first() else { return Ok(()) };
    match (place.table.get_mut(key), rest) {
        (Some(Item::Value(there)), []) => {
            // What stands around it stays.
            let decor = there.decor().clone();
            *there = value.clone();
            *there.decor_mut() = decor;
        }
        (Some(item), []) if !item.is_none() => *item = Item::Value(value.clone()),
        (Some(item), rest) if !item.is_none() => {
            let inner = Place::of(item);
            set(inner.ok_or_else(|| EditError::NoTable(key.clone()))?, rest, value)?;
        }
        (_, []) => insert(&mut place, key, value.clone()),
        (_, rest) => {
            let mut inner = InlineTable::new();
            set(Place { table: &mut inner, is_inline: true }, rest, value)?;
            insert(&mut place, key, inner.into());
        }
    }
    Ok(())
}

/// What a change is made in.
struct Place<'a> {
    table: &'a mut dyn TableLike,
    /// Whether it stands in a line: blanks before its end belong to its last value.
    is_inline: bool,
}

impl<'a> Place<'a> {
    fn of(item: &'a mut Item) -> Option<Self> {
        let is_inline = item.is_inline_table();
        Some(Self { table: item.as_table_like_mut()?, is_inline })
    }

    /// The blanks before the end of a table in a line, which is then without.
    fn take_blanks(&mut self) -> Option<RawString> {
        let last = self.table.iter_mut().last().and_then(|(_, item)| item.as_value_mut());
        let decor = last.filter(|_| self.is_inline)?.decor_mut();
        let blanks = decor.suffix().cloned();
        decor.set_suffix("");
        blanks
    }

    fn put_blanks(&mut self, blanks: Option<RawString>) {
        let last = self.table.iter_mut().last().and_then(|(_, item)| item.as_value_mut());
        if let (Some(last), Some(blanks)) = (last, blanks) {
            last.decor_mut().set_suffix(blanks);
        }
    }
}

/// Inserts a new key; where the others have their `=` below each other, it has it there, too.
fn insert(place: &mut Place<'_>, key: &str, value: Value) {
    let table = &mut *place.table;
    let widths: Vec<usize> = table
        .get_values()
        .iter()
        .filter_map(|(path, _)| {
            let [key] = path.as_slice() else { return None };
            let blanks = key.leaf_decor().suffix().and_then(|blanks| blanks.as_str());
            Some(key.display_repr().len() + blanks.map_or(1, str::len))
        })
        .collect();
    let lengths: BTreeSet<usize> = table.iter().map(|(key, _)| key.len()).collect();
    let is_aligned = widths.iter().all(|width| *width == widths[0]);
    let are_aligned = widths.len() > 1 && is_aligned && lengths.len() > 1;
    let own = Key::new(key).display_repr().len();
    let mut name = Key::new(key);
    if are_aligned && own < widths[0] {
        name.leaf_decor_mut().set_suffix(" ".repeat(widths[0] - own));
    }
    let blanks = place.take_blanks();
    place.table.entry_format(&name).or_insert(Item::Value(value));
    place.put_blanks(blanks);
}

fn unset(mut place: Place<'_>, path: &[String]) -> Option<()> {
    let (key, rest) = path.split_first()?;
    if !rest.is_empty() {
        return unset(Place::of(place.table.get_mut(key)?)?, rest);
    }
    if !place.table.contains_key(key) {
        return None;
    }
    let blanks = place.take_blanks();
    place.table.remove(key);
    place.put_blanks(blanks);
    Some(())
}

fn remove(document: &mut DocumentMut, task: &Name) -> Result<(), EditError> {
    let missing = || EditError::NoTask(task.clone());
    let tasks = document.get_mut("tasks").and_then(Item::as_table_like_mut).ok_or_else(missing)?;
    let removed = tasks.remove(task.as_str()).ok_or_else(missing)?;
    if let Item::Table(table) = removed
        && let Some(position) = table.position()
    {
        let prefix = table.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default();
        // Comments that a blank line parts from it are not about it.
        let kept = prefix.rfind("\n\n").map_or("", |blank| &prefix[..=blank]);
        keep_before_next(document, position, kept);
    }
    Ok(())
}

/// Puts a comment before the first table whose header stands behind `position`, or at the end.
fn keep_before_next(document: &mut DocumentMut, position: isize, comment: &str) {
    struct Next<'a> {
        after: isize,
        first: Option<isize>,
        comment: Option<&'a str>,
    }
    impl visit_mut::VisitMut for Next<'_> {
        fn visit_table_mut(&mut self, table: &mut Table) {
            if let Some(at) = table.position().filter(|at| *at > self.after) {
                match self.comment {
                    Some(comment) if self.first == Some(at) => {
                        let prefix = table.decor().prefix().and_then(|prefix| prefix.as_str());
                        let prefix = format!("{comment}{}", prefix.unwrap_or_default());
                        table.decor_mut().set_prefix(prefix);
                    }
                    _ => self.first = Some(self.first.map_or(at, |first| first.min(at))),
                }
            }
            visit_mut::visit_table_mut(self, table);
        }
    }
    let mut next = Next { after: position, first: None, comment: None };
    visit_mut::VisitMut::visit_document_mut(&mut next, document);
    if next.first.is_some() {
        next.comment = Some(comment);
        visit_mut::VisitMut::visit_document_mut(&mut next, document);
    } else {
        let end = document.trailing().as_str().unwrap_or_default();
        document.set_trailing(format!("{comment}{end}"));
    }
}
