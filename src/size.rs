//! Sizes as people write them: `512K`, `1MiB`, `2 GiB`.

use std::fmt;

/// Reads a whole number of `KiB`, `MiB` or `GiB` (or `K`, `M`, `G`, the same), in bytes.
///
/// # Errors
///
/// Returns [`BadSize`] if it is written otherwise, or is nothing, or more than anybody has.
pub fn parse(text: &str) -> Result<u64, BadSize> {
    let text = text.trim_matches(' ');
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim_start_matches(' ').to_ascii_lowercase().as_str() {
        "k" | "kib" => 10,
        "m" | "mib" => 20,
        "g" | "gib" => 30,
        _ => return Err(BadSize::Form),
    };
    if number.is_empty() {
        return Err(BadSize::Form);
    }
    let number: u64 = number.parse().map_err(|_| BadSize::OutOfRange)?;
    let size = number.checked_mul(1 << shift).filter(|size| *size > 0 && *size <= MOST);
    size.ok_or(BadSize::OutOfRange)
}

/// Prints a size so that [`parse`] gives it back.
#[must_use]
pub fn print(size: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let unit = units.into_iter().find(|(shift, _)| size.is_multiple_of(1 << shift));
    unit.map_or_else(|| format!("{size} bytes"), |(shift, unit)| format!("{}{unit}", size >> shift))
}

/// A tebibyte.
const MOST: u64 = 1 << 40;

/// Why a text is no size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadSize {
    /// It is not written as a size is.
    Form,
    /// It is nothing, or more than anybody has.
    OutOfRange,
}

impl fmt::Display for BadSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => write!(f, "this is not a size as `1MiB`"),
            Self::OutOfRange => write!(f, "a size goes from `1KiB` to `1024GiB`"),
        }
    }
}

impl std::error::Error for BadSize {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_a_unit() {
        for (text, expected) in [
            ("1K", Ok(1 << 10)),
            ("1KiB", Ok(1 << 10)),
            ("10 MiB", Ok(10 << 20)),
            ("2g", Ok(2 << 30)),
            ("0K", Err(BadSize::OutOfRange)),
            ("1025GiB", Err(BadSize::OutOfRange)),
            ("99999999999999999999K", Err(BadSize::OutOfRange)),
            // Of what?
            ("1024", Err(BadSize::Form)),
            // Decimal ones are none of ours: nobody would know which.
            ("1MB", Err(BadSize::Form)),
            ("1.5M", Err(BadSize::Form)),
            ("-1K", Err(BadSize::Form)),
            ("K", Err(BadSize::Form)),
            ("", Err(BadSize::Form)),
        ] {
            assert_eq!(parse(text), expected, "{text:?}");
            if let Ok(size) = expected {
                assert_eq!(parse(&print(size)), Ok(size), "{text:?}");
            }
        }
    }
}
