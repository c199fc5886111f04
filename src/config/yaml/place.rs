//! Walking a document: from a field's name to its place, also where the field is missing.

use std::sync::Arc;

use super::tree::{Data, Node, Scalar, Style};
use crate::config::text::{Place, SourceText};

/// Somewhere in a document. Of what is missing, the place is that of the nearest that is there.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct At<'a> {
    source: &'a Arc<SourceText>,
    /// The key that names it, or the one that names what holds it.
    key: Option<&'a Node>,
    node: &'a Node,
    /// Whether `node` is the thing itself.
    is_there: bool,
    is_top: bool,
}

impl<'a> At<'a> {
    /// The top of a document.
    pub(in crate::config) fn root(source: &'a Arc<SourceText>, node: &'a Node) -> Self {
        Self { source, key: None, node, is_there: true, is_top: true }
    }

    /// A field of a map.
    pub(in crate::config) fn field(self, name: &str) -> Self {
        match self.node.entry(name).filter(|_| self.is_there) {
            Some((key, node)) => Self { key: Some(key), node, is_top: false, ..self },
            None => Self { is_there: false, ..self },
        }
    }

    /// An item of a list.
    pub(in crate::config) fn item(self, index: usize) -> Self {
        match self.node.item(index).filter(|_| self.is_there) {
            Some(node) => Self { key: None, node, is_top: false, ..self },
            None => Self { is_there: false, ..self },
        }
    }

    /// This, or where it is missing the other.
    pub(in crate::config) fn or(self, other: Self) -> Self {
        if self.is_there { self } else { other }
    }

    /// Where a JSON pointer leads.
    pub(in crate::config) fn pointer(self, pointer: &str) -> Self {
        pointer.split('/').skip(1).fold(self, |at, token| {
            let token = token.replace("~1", "/").replace("~0", "~");
            match (&at.node.data, token.parse()) {
                (Data::List(_), Ok(index)) => at.item(index),
                _ => at.field(&token),
            }
        })
    }

    /// The value's place: a scalar's own, else the key's; the nearest where it is missing.
    pub(in crate::config) fn place(self) -> Place {
        let is_shown = self.is_there && !self.node.span.is_empty() && self.node.scalar().is_some();
        match self.key {
            Some(key) if !is_shown => Place::new(self.source, key.span.clone()),
            _ => Place::new(self.source, self.node.span.clone()),
        }
    }

    /// The key's place, else the value's; at the top, its beginning.
    pub(in crate::config) fn key(self) -> Place {
        let span = match self.key {
            Some(key) => key.span.clone(),
            None if self.is_top => self.node.span.start..self.node.span.start,
            None => self.node.span.clone(),
        };
        Place::new(self.source, span)
    }

    /// The scalar, where one is there.
    pub(in crate::config) fn scalar(self) -> Option<&'a Scalar> {
        self.node.scalar().filter(|_| self.is_there)
    }

    /// The place of a byte range of a scalar's text: exact where it is plain or quoted, the line in a block.
    pub(in crate::config) fn inside(self, span: std::ops::Range<usize>) -> Place {
        let Some(scalar) = self.scalar().filter(|s| !s.text.is_empty()) else {
            return self.place();
        };
        let written = self.source.text().get(self.node.span.clone()).unwrap_or_default();
        let line = Place::new(self.source, self.node.span.clone()).begin().0;
        let indent = self.node.span.start.saturating_sub(self.source.line_begin(line));
        let map = offsets(scalar, written, indent);
        let of = |at: usize| {
            let offset = map.get(at).or(map.last()).copied().unwrap_or(0);
            self.node.span.start.saturating_add(offset)
        };
        let start = of(span.start);
        let last = of(span.end.saturating_sub(1).max(span.start));
        let end = if span.end > span.start {
            self.source
                .text()
                .get(last..)
                .and_then(|t| t.chars().next())
                .map_or(last, |c| last.saturating_add(c.len_utf8()))
        } else {
            start
        };
        Place::new(self.source, start..end.max(start))
    }
}

/// For each byte of a scalar's text, and for its end, the offset of what it is written as.
///
/// The span of a block begins at its content, so the column there is the indentation of all its lines.
fn offsets(scalar: &Scalar, written: &str, indent: usize) -> Vec<usize> {
    let mut cursor = Cursor { written, at: 0, indent, style: scalar.style };
    if matches!(scalar.style, Style::SingleQuoted | Style::DoubleQuoted) {
        cursor.skip(1);
    }
    let mut map = Vec::with_capacity(scalar.text.len().saturating_add(1));
    for c in scalar.text.chars() {
        let at = cursor.next(c);
        map.extend(std::iter::repeat_n(at, c.len_utf8()));
    }
    map.push(cursor.at.min(written.len()));
    map
}

/// Walks what is written while the text that it stands for goes by.
struct Cursor<'a> {
    written: &'a str,
    at: usize,
    /// Of a block's lines.
    indent: usize,
    style: Style,
}

impl Cursor<'_> {
    fn rest(&self) -> &str {
        self.written.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes).min(self.written.len());
    }

    fn skip_while(&mut self, what: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.skip(rest.len().saturating_sub(rest.trim_start_matches(what).len()));
    }

    /// The offset of one character of the text, and past it.
    fn next(&mut self, c: char) -> usize {
        while self.style == Style::DoubleQuoted && self.is_at_joined_line() {
            self.skip(1);
            self.skip_while(char::is_whitespace);
        }
        let at = self.at;
        let Some(w) = self.peek() else { return at };
        match self.style {
            Style::Block if matches!(w, '\n' | '\r') => self.next_line_of_block(c),
            Style::SingleQuoted if w == '\'' => self.skip(2),
            Style::DoubleQuoted if w == '\\' => self.skip(escape_len(self.rest())),
            Style::Plain | Style::SingleQuoted | Style::DoubleQuoted if c.is_whitespace() => {
                self.fold(c, w);
            }
            Style::Block | Style::Plain | Style::SingleQuoted | Style::DoubleQuoted => {
                self.skip(w.len_utf8());
            }
        }
        at
    }

    /// A backslash at the end of a line, which joins it with the next.
    fn is_at_joined_line(&self) -> bool {
        self.rest().starts_with("\\\n") || self.rest().starts_with("\\\r\n")
    }

    /// Past the line breaks that a line break or space of the text stands for, and the next line's indentation.
    fn next_line_of_block(&mut self, c: char) {
        self.skip_while(|c| c == '\r');
        self.skip(1);
        if c == ' ' {
            self.skip_while(|c| c == '\n');
        }
        let spaces = self.rest().bytes().take_while(|b| *b == b' ').count();
        self.skip(spaces.min(self.indent));
    }

    /// Past all the space around a line break, where one is there; its further line breaks stand for nothing more.
    fn fold(&mut self, c: char, w: char) {
        let rest = self.rest();
        let len = rest.len().saturating_sub(rest.trim_start().len());
        let is_fold = rest.get(..len).is_some_and(|space| space.contains('\n'));
        match w.is_whitespace() {
            true if is_fold => self.skip(len),
            true => self.skip(w.len_utf8()),
            false if c == '\n' => {}
            false => self.skip(w.len_utf8()),
        }
    }
}

/// Bytes of the escape at which a double-quoted text stands.
fn escape_len(rest: &str) -> usize {
    match rest.chars().nth(1) {
        Some('x') => 4,
        Some('u') => 6,
        Some('U') => 10,
        Some(c) => c.len_utf8().saturating_add(1),
        None => 1,
    }
}
