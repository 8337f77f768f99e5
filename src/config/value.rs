//! The values of a file, each with its place.

use std::ops::Range;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value and the bytes of the file at which it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What.
    pub value: Value,
    /// Where.
    pub span: Range<usize>,
}

/// The key of a table and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// What.
    pub name: String,
    /// Where.
    pub span: Range<usize>,
}

/// A table, in the order of the file.
pub type Table = Vec<(Key, Node)>;

/// A value of TOML.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A string.
    Text(String),
    /// An integer.
    Integer(i64),
    /// A float.
    Float(f64),
    /// A boolean.
    Boolean(bool),
    /// A date, a time, or both, as it is written.
    Date(String),
    /// An array.
    List(Vec<Node>),
    /// A table.
    Table(Table),
    /// Something that the parser has complained about already.
    Broken,
}

impl Value {
    /// What it is, for people.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Integer(_) | Self::Float(_) => "a number",
            Self::Boolean(false) => "`false`",
            Self::Boolean(true) => "`true`",
            Self::Date(_) => "a date",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Broken => "nothing readable",
        }
    }
}

/// What the parser has complained about, and what it has not.
#[derive(Debug, Default)]
pub(super) struct Flaws {
    /// Where the parser has complained, in the order of the file.
    broken: Vec<Range<usize>>,
    /// Numbers that are too large for anybody.
    pub too_large: Vec<Range<usize>>,
}

impl Flaws {
    pub(super) fn new(mut broken: Vec<Range<usize>>) -> Self {
        broken.sort_by_key(|span| span.start);
        Self { broken, too_large: Vec::new() }
    }

    pub(super) fn broken(&self) -> &[Range<usize>] {
        &self.broken
    }

    fn touches(&self, span: &Range<usize>) -> bool {
        let before = self.broken.partition_point(|bad| bad.start <= span.end);
        before > 0 && self.broken[before - 1].end >= span.start
    }

    fn too_large(&mut self, span: &Range<usize>) -> Value {
        self.too_large.push(span.clone());
        Value::Broken
    }
}

/// Takes over what was parsed of a text that begins at the byte `start` of the file.
pub(super) fn table(table: DeTable<'_>, start: usize, flaws: &mut Flaws) -> Table {
    let mut entries: Table = table
        .into_iter()
        .map(|(key, value)| {
            let key = Key { span: moved(key.span(), start), name: key.into_inner().into_owned() };
            (key, node(value, start, flaws))
        })
        .collect();
    entries.sort_by_key(|(key, _)| key.span.start);
    entries
}

fn moved(span: Range<usize>, start: usize) -> Range<usize> {
    span.start + start..span.end + start
}

fn node(value: Spanned<DeValue<'_>>, start: usize, flaws: &mut Flaws) -> Node {
    let span = moved(value.span(), start);
    let value = match value.into_inner() {
        DeValue::Table(inner) => Value::Table(table(inner, start, flaws)),
        DeValue::Array(items) => {
            Value::List(items.into_iter().map(|item| node(item, start, flaws)).collect())
        }
        // Only single values are broken as such: a table may have one bad entry among good ones.
        _ if flaws.touches(&span) => Value::Broken,
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Boolean(is) => Value::Boolean(is),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Integer(number),
            Err(_) => flaws.too_large(&span),
        },
        DeValue::Float(number) => match number.as_str().parse() {
            Ok(number) => Value::Float(number),
            Err(_) => flaws.too_large(&span),
        },
    };
    Node { value, span }
}

/// As it would be in JSON.
impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            Value::Text(text) | Value::Date(text) => serializer.serialize_str(text),
            Value::Integer(number) => serializer.serialize_i64(*number),
            Value::Float(number) => serializer.serialize_f64(*number),
            Value::Boolean(is) => serializer.serialize_bool(*is),
            Value::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(item))?;
                list.end()
            }
            Value::Table(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                entries.iter().try_for_each(|(key, node)| map.serialize_entry(&key.name, node))?;
                map.end()
            }
            Value::Broken => serializer.serialize_unit(),
        }
    }
}
