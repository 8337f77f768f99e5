//! What a printer has changed, taken over into the text that it has read.

use std::collections::BTreeMap;
use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};
use toml_edit::{Document, DocumentMut, Item, Table};

use super::EditError;

/// `text` with what makes `after` of `before`, which is `text` as it is printed: with other line ends,
/// and with the dotted keys of a table together where others stand between them.
///
/// # Errors
///
/// Returns [`EditError::Unfaithful`] if what comes of it does not say the same as `after`.
pub(super) fn grafted(text: &str, before: &str, after: &str) -> Result<String, EditError> {
    if let Some(text) = text.strip_prefix(MARK) {
        // It stays at the head, whatever comes to stand there.
        return Ok(format!("{MARK}{}", grafted(text, before, after)?));
    }
    let written: Vec<&str> = text.split_inclusive('\n').collect();
    let (old, new, places) = if are_alike(text, before) {
        (lines(before), lines(after), (0..written.len()).collect())
    } else {
        let (text, old, new) = (Statements::of(text)?, Statements::of(before)?, after);
        let places = old.places_in(&text).ok_or(EditError::Unfaithful)?;
        (old.lines(before), Statements::of(new)?.lines(new), places)
    };
    let grafted = merged(&written, &old, &new, &places);
    // What is no TOML any more is not the fault of the file.
    let is_faithful = says(&grafted).ok() == Some(says(after)?);
    if is_faithful { Ok(grafted) } else { Err(EditError::Unfaithful) }
}

/// The byte order mark.
const MARK: char = '\u{feff}';

/// A line, and the statement it belongs to.
type Line = (Vec<String>, String);

fn lines(text: &str) -> Vec<Line> {
    text.split_inclusive('\n').map(|line| (Vec::new(), without_end(line).into())).collect()
}

fn without_end(line: &str) -> &str {
    line.trim_end_matches(['\r', '\n'])
}

/// The lines that are written, with those that `new` has in place of some `old` ones; `places` says
/// where each old line is written.
fn merged(written: &[&str], old: &[Line], new: &[Line], places: &[usize]) -> String {
    let mut kept = vec![true; written.len()];
    // What comes before each line that is written, and behind the last one.
    let mut added: Vec<Vec<&str>> = vec![Vec::new(); written.len() + 1];
    for change in capture_diff_slices(Algorithm::Myers, old, new) {
        if matches!(change, DiffOp::Equal { .. }) {
            continue;
        }
        let (gone, come) = (change.old_range(), change.new_range());
        for line in &places[gone.clone()] {
            kept[*line] = false;
        }
        let is_line_by_line = gone.len() == come.len();
        for (index, (_, line)) in new[come].iter().enumerate() {
            let place = match places.get(gone.start) {
                Some(_) if is_line_by_line => places[gone.start + index],
                Some(first) if !gone.is_empty() => *first,
                // Among the keys of its table, wherever the next one is printed.
                Some(_) if gone.start > 0 => places[gone.start - 1] + 1,
                Some(first) => *first,
                None => written.len(),
            };
            added[place].push(line);
        }
    }
    let end =
        if written.first().is_some_and(|line| line.ends_with("\r\n")) { "\r\n" } else { "\n" };
    let mut merged = String::new();
    for (index, added) in added.iter().enumerate() {
        for line in added {
            if !merged.is_empty() && !merged.ends_with('\n') {
                merged.push_str(end);
            }
            merged.push_str(line);
            merged.push_str(end);
        }
        if kept.get(index).is_some_and(|kept| *kept) {
            merged.push_str(written[index]);
        }
    }
    merged
}

/// Whether two texts have the same lines, but for how they are laid out.
fn are_alike(one: &str, other: &str) -> bool {
    let lines = |text: &'_ str| -> Vec<String> { unmarked(text).lines().map(bare).collect() };
    lines(one) == lines(other)
}

/// A text without its byte order mark.
fn unmarked(text: &str) -> &str {
    text.trim_start_matches(MARK)
}

/// A line without blanks and quotes, in which a repeated key may be printed as it was written first.
fn bare(line: &str) -> String {
    line.chars().filter(|c| !c.is_whitespace() && !"\"'".contains(*c)).collect()
}

/// What a text says: each key with its value.
fn says(text: &str) -> Result<BTreeMap<Vec<String>, String>, EditError> {
    // Printed, so that keys of one table in a line stand together.
    let printed = text.replace("\r\n", "\n").parse::<DocumentMut>()?.to_string();
    let mut found = Vec::new();
    collect(Document::parse(printed.as_str())?.as_table(), &[], &mut found);
    Ok(found.into_iter().map(|(path, span)| (path, bare(&printed[span]))).collect())
}

/// The keys that have a value, and where it stands.
fn collect(table: &Table, path: &[String], found: &mut Vec<(Vec<String>, Range<usize>)>) {
    for (key, item) in table {
        let path = [path, &[key.to_string()]].concat();
        match item {
            Item::Value(value) => found.extend(value.span().map(|span| (path, span))),
            Item::Table(inner) => collect(inner, &path, found),
            Item::ArrayOfTables(inner) => {
                for (index, inner) in inner.iter().enumerate() {
                    collect(inner, &[&path[..], &[index.to_string()]].concat(), found);
                }
            }
            Item::None => {}
        }
    }
}

/// The lines of each statement, its key and value with what stands above; those at the end of the
/// text belong to none.
struct Statements(BTreeMap<Vec<String>, Range<usize>>);

impl Statements {
    fn of(text: &str) -> Result<Self, EditError> {
        let text = unmarked(text).replace("\r\n", "\n");
        let mut found = Vec::new();
        collect(Document::parse(text.as_str())?.as_table(), &[], &mut found);
        found.sort_by_key(|(_, span)| span.end);
        let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
        let mut start = 0;
        let mut statements = BTreeMap::new();
        for (path, span) in found {
            let end = ends.partition_point(|end| *end < span.end) + 1;
            statements.insert(path, start..end);
            start = end;
        }
        statements.insert(Vec::new(), start..text.split_inclusive('\n').count().max(start));
        Ok(Self(statements))
    }

    /// Where each of its lines is in another order of the same statements.
    fn places_in(&self, other: &Self) -> Option<Vec<usize>> {
        let mut places = BTreeMap::new();
        for (path, lines) in &self.0 {
            let there = other.0.get(path).filter(|there| there.len() == lines.len())?;
            places.extend(lines.clone().zip(there.clone()));
        }
        Some(places.into_values().collect())
    }

    fn lines(&self, text: &str) -> Vec<Line> {
        let mut lines = lines(text);
        for (path, range) in &self.0 {
            for (owner, _) in &mut lines[range.clone()] {
                owner.clone_from(path);
            }
        }
        lines
    }
}
