//! Where results and complaints go.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use crate::config::Colour;

/// Standard output for results: buffered, so that a long list is not a call a line.
pub fn results() -> BufWriter<StdoutLock<'static>> {
    BufWriter::with_capacity(1 << 16, io::stdout().lock())
}

/// Writes a line to standard error. Where that is closed, there is nobody to tell.
pub fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Whether standard error may have colours: on a terminal, and without `NO_COLOR`.
pub fn colour() -> Colour {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if io::stderr().is_terminal() && !refused { Colour::Yes } else { Colour::No }
}

/// Writes `row` as one line of JSON.
///
/// # Errors
///
/// Returns what `out` says.
pub fn json_line(out: &mut impl Write, row: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, row)?;
    writeln!(out)
}
