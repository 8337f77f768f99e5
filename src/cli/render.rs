//! Tables that read well.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

/// Rows under headings. The widest column that may shrink does, where a terminal is too narrow.
pub struct Grid {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    /// The column that may be cut.
    elastic: usize,
}

/// What stands between two columns.
const GAP: usize = 2;
/// No column is cut to less.
const NARROWEST: usize = 16;

impl Grid {
    /// An empty table; the column number `elastic` may be cut.
    pub fn new(headings: &[&'static str], elastic: usize) -> Self {
        Self { headings: headings.to_vec(), rows: Vec::new(), elastic }
    }

    /// Adds a row with a cell for every heading.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Writes the table to `out`, cut to `width` if there is one, below its headings or without.
    ///
    /// # Errors
    ///
    /// Returns what `out` says.
    pub fn write(
        &self,
        out: &mut impl Write,
        width: Option<usize>,
        with_headings: bool,
    ) -> io::Result<()> {
        let mut widths: Vec<_> = self.headings.iter().map(|heading| cell_width(heading)).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell_width(cell).max(*width);
            }
        }
        if let Some(most) = width {
            let all = widths.iter().sum::<usize>() + GAP * (widths.len() - 1);
            let elastic = &mut widths[self.elastic];
            *elastic =
                elastic.saturating_sub(all.saturating_sub(most)).max(NARROWEST.min(*elastic));
        }
        let headings: Vec<_> = self.headings.iter().map(ToString::to_string).collect();
        let headings = with_headings.then_some(&headings);
        let mut line = String::new();
        for row in headings.into_iter().chain(&self.rows) {
            line.clear();
            for (cell, width) in row.iter().zip(&widths) {
                let cell = cut(cell, *width);
                line.push_str(&cell);
                line.extend(std::iter::repeat_n(' ', GAP + width - cell_width(&cell)));
            }
            out.write_all(line.trim_end().as_bytes())?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }
}

fn cell_width(cell: &str) -> usize {
    if cell.is_ascii() { cell.len() } else { cell.chars().count() }
}

fn cut(cell: &str, width: usize) -> Cow<'_, str> {
    if cell_width(cell) <= width {
        return cell.into();
    }
    let kept: String = cell.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end()).into()
}

/// How wide standard output is, if it is a terminal.
pub fn width() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some(if size.ws_col == 0 { 80 } else { size.ws_col.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_elastic_column_gives_way() {
        let mut grid = Grid::new(&["TASK", "WHEN", "NEXT"], 1);
        grid.row(vec!["backup".into(), "at 02:00 every day".into(), "in 3h".into()]);
        grid.row(vec!["x".into(), "at 09:30 on monday to friday".into(), "-".into()]);
        let lines = |width| {
            let mut out = Vec::new();
            grid.write(&mut out, width, true).expect("memory takes it");
            String::from_utf8(out).expect("it is text")
        };
        assert_eq!(
            lines(None),
            "TASK    WHEN                          NEXT\nbackup  at 02:00 every day            in 3h\nx       at 09:30 on monday to friday  -\n"
        );
        assert_eq!(
            lines(Some(36)),
            "TASK    WHEN                   NEXT\nbackup  at 02:00 every day     in 3h\nx       at 09:30 on monday t…  -\n"
        );
    }
}
