//! A pattern as it was written: the items of each field.

use std::fmt;
use std::ops::Range;

use super::field::Field;
use super::item::Item;

/// How a pattern is written, which also decides how the fields of days go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// One text. Day of month and day of week are ORed, unless either starts with `*`.
    Crontab,
    /// A table with a key for each field. All of them must match.
    Fields,
}

/// A pattern as it was written, with what was left out filled in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Expression {
    pub(super) dialect: Dialect,
    /// The items of all fields, one field behind the other: most have one each.
    items: Vec<Item>,
    /// Where those of each field end.
    ends: [usize; Field::ALL.len()],
}

/// The items of a field that says nothing.
pub(super) const ANY: Item = Item::Every { step: 1 };

impl Expression {
    /// A pattern that matches every second.
    pub(super) fn any(dialect: Dialect) -> Self {
        Self { dialect, items: vec![ANY; Field::ALL.len()], ends: [1, 2, 3, 4, 5, 6, 7, 8] }
    }

    /// Where the items of `field` stand.
    fn place(&self, field: Field) -> Range<usize> {
        let index = field as usize;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        start..self.ends[index]
    }

    pub(super) fn field(&self, field: Field) -> &[Item] {
        &self.items[self.place(field)]
    }

    pub(super) fn set(&mut self, field: Field, items: &[Item]) {
        let place = self.place(field);
        for end in &mut self.ends[field as usize..] {
            *end = *end - place.len() + items.len();
        }
        self.items.splice(place, items.iter().copied());
    }

    /// The same, in no more room than it takes.
    pub(super) fn packed(mut self) -> Self {
        self.items.shrink_to_fit();
        self
    }

    /// Whether the text of `field` starts with `*`.
    pub(super) fn starts_with_star(&self, field: Field) -> bool {
        matches!(self.field(field).first(), Some(Item::Every { .. }))
    }

    /// Whether it says nothing about `field`.
    pub(super) fn is_any(&self, field: Field) -> bool {
        self.field(field).contains(&ANY)
    }

    /// Whether its readings are fixed points of the day, and not a rhythm of real time.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        !self.starts_with_star(Field::Hour) && !self.starts_with_star(Field::Minute)
    }

    /// Whether a day must match both its fields; else either will do.
    pub(super) fn joins_days(&self) -> bool {
        self.dialect == Dialect::Fields
            || self.starts_with_star(Field::Day)
            || self.starts_with_star(Field::DayOfWeek)
    }

    /// The pattern with every `H` settled, by `hash` of the field.
    #[must_use]
    pub fn settled(mut self, hash: impl Fn(Field) -> u64) -> Self {
        use Field::{Day, DayOfWeek, Hour, Minute, Month, Second};
        for field in [Second, Minute, Hour, Day, Month, DayOfWeek] {
            if self.field(field).iter().any(|item| matches!(item, Item::Hash { .. })) {
                let items = self.field(field).iter().map(|item| item.settled(hash(field)));
                let items: Vec<_> = items.collect();
                self.set(field, &items);
            }
        }
        self
    }

    /// What each field says, from coarse to fine; `week` only if it says something.
    #[must_use]
    pub fn fields(&self) -> Vec<(Field, String)> {
        Field::ALL
            .into_iter()
            .filter(|field| *field != Field::Week || self.field(Field::Week) != [ANY])
            .map(|field| (field, self.print(field)))
            .collect()
    }

    fn print(&self, field: Field) -> String {
        let items = self.field(field).iter().map(|item| item.print(field, self.dialect));
        items.collect::<Vec<_>>().join(",")
    }
}

/// Prints the pattern so that parsing gives it back: a crontab text, or the fields that say
/// something as a TOML table.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Field::{Day, DayOfWeek, Hour, Minute, Month, Second, Year};
        if self.dialect == Dialect::Fields {
            let said = Field::ALL
                .into_iter()
                .filter(|field| self.field(*field) != [ANY] || *field == Second)
                .map(|field| format!("{} = \"{}\"", field.key(), self.print(field)));
            return write!(f, "{{ {} }}", said.collect::<Vec<_>>().join(", "));
        }
        let mut fields = vec![Minute, Hour, Day, Month, DayOfWeek];
        let with_year = self.field(Year) != [ANY];
        if with_year || self.field(Second) != [Item::One(0)] {
            fields.insert(0, Second);
        }
        if with_year {
            fields.push(Year);
        }
        let texts: Vec<_> = fields.into_iter().map(|field| self.print(field)).collect();
        f.write_str(&texts.join(" "))
    }
}
