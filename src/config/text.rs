//! One file's text and places in it: what every finding points with.

use std::ops::Range;
use std::sync::Arc;

pub(super) use crate::expression::nearest;

#[cfg(test)]
mod tests;

/// The text of one file, with its path as an operator would type it.
#[derive(Debug, PartialEq, Eq)]
pub struct SourceText {
    path: String,
    text: String,
    /// Byte offsets at which lines begin.
    lines: Vec<usize>,
}

impl SourceText {
    /// Keeps a text; a byte order mark is not part of it.
    pub fn new(path: &str, text: &str) -> Arc<Self> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        let breaks = text.match_indices('\n').map(|(at, _)| at.saturating_add(1));
        let lines = std::iter::once(0).chain(breaks).collect();
        Arc::new(Self { path: path.to_owned(), text, lines })
    }

    /// The path, relative to where the command was given.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The text without a byte order mark; all byte offsets count in it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Line and column of a byte, both from 1, the column in characters.
    pub fn position(&self, byte: usize) -> (usize, usize) {
        let line = self.line(byte);
        let begin = self.line_begin(line);
        let before = self.text.get(begin..self.floor(byte)).unwrap_or_default();
        (line, before.chars().count().saturating_add(1))
    }

    /// The line of a byte, from 1; unlike its column, found without looking at the line.
    fn line(&self, byte: usize) -> usize {
        self.lines.partition_point(|begin| *begin <= byte).max(1)
    }

    /// The first byte of a line, counted from 1.
    pub fn line_begin(&self, line: usize) -> usize {
        self.lines.get(line.saturating_sub(1)).copied().unwrap_or(self.text.len())
    }

    /// The byte behind the last of a line, its line break left out.
    pub fn line_end(&self, line: usize) -> usize {
        let begin = self.line_begin(line);
        let end = self.lines.get(line).copied().unwrap_or(self.text.len());
        let text = self.text.get(begin..end).unwrap_or_default();
        begin.saturating_add(text.trim_end_matches(['\n', '\r']).len())
    }

    /// The last boundary between characters that is not behind the byte.
    fn floor(&self, byte: usize) -> usize {
        let byte = byte.min(self.text.len());
        (0..=byte).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0)
    }

    fn ceil(&self, byte: usize) -> usize {
        let len = self.text.len();
        (byte.min(len)..=len).find(|at| self.text.is_char_boundary(*at)).unwrap_or(len)
    }
}

/// A range in a file's text. It ends on the line on which it begins, or begins where the file has no text at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    source: Arc<SourceText>,
    span: Range<usize>,
}

impl Place {
    /// Takes the range into the text's bounds and cuts it at the end of its first line.
    pub fn new(source: &Arc<SourceText>, span: Range<usize>) -> Self {
        let start = source.floor(span.start);
        let line = source.line(start);
        let line_end = source.line_end(line).max(start);
        let end = source.ceil(span.end).clamp(start, line_end);
        Self { source: Arc::clone(source), span: start..end }
    }

    /// The file.
    pub fn source(&self) -> &Arc<SourceText> {
        &self.source
    }

    /// Bytes in [`SourceText::text`].
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Line and column of the first character, both from 1.
    pub fn begin(&self) -> (usize, usize) {
        self.source.position(self.span.start)
    }

    /// Line and column behind the last character, both from 1.
    pub fn end(&self) -> (usize, usize) {
        self.source.position(self.span.end)
    }

    /// The text in it.
    pub fn text(&self) -> &str {
        self.source.text.get(self.span.clone()).unwrap_or_default()
    }
}

/// A text between backticks for a message: control characters escaped, cut where it is long.
pub(super) fn quote(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    let mut out = String::from("`");
    for c in text.chars().take(CHARS_MAX) {
        match c {
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    if text.chars().nth(CHARS_MAX).is_some() {
        out.push('…');
    }
    out.push('`');
    out
}

/// "`a`, `b` or `c`" for a message.
pub(super) fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    joined(words, "or")
}

/// "`a`, `b` and `c`" for a message.
pub(super) fn listed_all<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    joined(words, "and")
}

fn joined<'a>(words: impl IntoIterator<Item = &'a str>, last_by: &str) -> String {
    let words: Vec<_> = words.into_iter().map(|w| format!("`{w}`")).collect();
    match words.split_last() {
        None => "nothing".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} {last_by} {last}", rest.join(", ")),
    }
}
