//! The name of a task.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// The longest name, in characters.
pub const LONGEST: usize = 128;

/// The name of a task: a letter, then letters, digits, `_` and `-`; 128 characters at most.
///
/// Cheap to clone: every event and every run carries one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// Makes a name of `text`.
    ///
    /// # Errors
    ///
    /// Returns [`BadName`] if `text` does not match `[A-Za-z][A-Za-z0-9_-]{0,127}`.
    pub fn new(text: &str) -> Result<Self, BadName> {
        Self::check(text)?;
        Ok(Self(text.into()))
    }

    /// Whether `text` may be a name.
    ///
    /// # Errors
    ///
    /// Returns [`BadName`] if it may not.
    pub fn check(text: &str) -> Result<(), BadName> {
        let Some(first) = text.chars().next() else {
            return Err(BadName::Empty);
        };
        if !first.is_ascii_alphabetic() {
            return Err(BadName::Start(first));
        }
        if let Some(stranger) = text.chars().find(|c| !is_name_character(*c)) {
            return Err(BadName::Character(stranger));
        }
        if text.len() > LONGEST {
            return Err(BadName::TooLong(text.len()));
        }
        Ok(())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Why a text is no name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadName {
    /// There is nothing.
    Empty,
    /// It starts with something other than a letter.
    Start(char),
    /// It holds something other than letters, digits, `_` and `-`.
    Character(char),
    /// It has so many characters.
    TooLong(usize),
}

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "a name cannot be empty"),
            Self::Start(c) => {
                write!(f, "a name starts with a letter, not with `{}`", c.escape_debug())
            }
            Self::Character(c) => write!(f, "a name cannot hold `{}`", c.escape_debug()),
            Self::TooLong(length) => {
                write!(f, "a name has at most {LONGEST} characters, not {length}")
            }
        }
    }
}

impl std::error::Error for BadName {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_letter_then_letters_digits_dashes_and_underscores() {
        let longest = "a".repeat(LONGEST);
        let too_long = "a".repeat(LONGEST + 1);
        for (text, expected) in [
            ("backup", Ok(())),
            ("Nightly_backup-2", Ok(())),
            (longest.as_str(), Ok(())),
            (too_long.as_str(), Err(BadName::TooLong(LONGEST + 1))),
            ("", Err(BadName::Empty)),
            // A digit first would read as a number or a date where names and times stand together.
            ("2nd", Err(BadName::Start('2'))),
            ("-rf", Err(BadName::Start('-'))),
            // A dot marks a file on the command line, an `@` a run.
            ("db.backup", Err(BadName::Character('.'))),
            ("a@b", Err(BadName::Character('@'))),
            ("größe", Err(BadName::Character('ö'))),
            ("a b", Err(BadName::Character(' '))),
        ] {
            assert_eq!(Name::new(text).map(|_| ()), expected, "{text:?}");
        }
    }
}
