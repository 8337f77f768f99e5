//! A problem and its place, and how a person is shown both.

use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::problem::{Problem, Severity};
use super::source::Source;
use crate::name::Name;

/// Something wrong in a schedule file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What.
    pub problem: Problem,
    /// The file, as an index into the sources of the plan.
    pub file: usize,
    /// The bytes that the reader should look at.
    pub span: Range<usize>,
    /// The task it is about, if it is about one.
    pub task: Option<Name>,
}

/// Whether a text may have colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// For a terminal.
    Yes,
    /// For everything else.
    No,
}

impl Diagnostic {
    /// Shows the problem with its line, a caret and the remedy, over several lines.
    #[must_use]
    pub fn render(&self, source: &Source, colour: Colour) -> String {
        let (level, severity) = match self.problem.severity() {
            Severity::Error => (Level::ERROR, "error"),
            Severity::Warning => (Level::WARNING, "warning"),
        };
        let path = source.path.display().to_string();
        let message = self.problem.to_string();
        let title =
            level.clone().with_name(severity).primary_title(message).id(self.problem.code());
        let mut groups = vec![if source.text.is_empty() {
            title.element(Origin::path(path))
        } else {
            let (excerpt, offset) = excerpt(&source.text, &self.span);
            let span = self.span.start - offset..self.span.end.min(offset + excerpt.len()) - offset;
            let line = source.position(offset).line;
            let caret = AnnotationKind::Primary.span(span);
            title.element(Snippet::source(excerpt).path(path).line_start(line).annotation(caret))
        }];
        if let Some(help) = self.problem.help() {
            groups.push(Group::with_title(Level::HELP.secondary_title(help)));
        }
        let renderer = match colour {
            Colour::Yes => Renderer::styled(),
            Colour::No => Renderer::plain(),
        };
        renderer.decor_style(DecorStyle::Ascii).render(&groups)
    }
}

/// The lines of `text` that `span` lies in (the first of them, if they are many), and where they
/// begin. The renderer reads all it is given, which must not be 64 MiB.
fn excerpt<'a>(text: &'a str, span: &Range<usize>) -> (&'a str, usize) {
    const MOST: usize = 4096;
    let at = text.floor_char_boundary(span.start);
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text.floor_char_boundary(span.end.clamp(at, at + MOST));
    let end = text[end..].find('\n').map_or(text.len(), |newline| end + newline);
    (text[start..end].trim_end_matches('\r'), start)
}
