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
        let Some(scalar) = self.scalar() else { return self.place() };
        let written = self.source.text().get(self.node.span.clone()).unwrap_or_default();
        let map = offsets(scalar, written);
        let of = |at: usize| {
            let offset = map.get(at).or(map.last()).copied().unwrap_or(0);
            self.node.span.start.saturating_add(offset)
        };
        let start = of(span.start);
        let last = of(span.end.saturating_sub(1).max(span.start));
        let end = if span.end > span.start {
            self.source.text().get(last..).and_then(|t| t.chars().next()).map_or(last, |c| last.saturating_add(c.len_utf8()))
        } else {
            start
        };
        Place::new(self.source, start..end.max(start))
    }
}

/// For each byte of a scalar's text, and for its end, the offset of what it is written as.
fn offsets(scalar: &Scalar, written: &str) -> Vec<usize> {
    let mut cursor = Cursor { written, at: 0, indent: 0, style: scalar.style };
    cursor.open();
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

    /// Past the quote, or past a block's header and first indentation.
    fn open(&mut self) {
        match self.style {
            Style::Plain => {}
            Style::SingleQuoted | Style::DoubleQuoted => self.skip(1),
            Style::Block => {
                self.skip_while(|c| c != '\n');
                self.skip(1);
                let begin = self.at;
                self.skip_while(|c| c == ' ');
                self.indent = self.at.saturating_sub(begin);
            }
        }
    }

    /// The offset of one character of the text, and past it.
    fn next(&mut self, c: char) -> usize {
        let at = self.at;
        match (self.style, self.peek()) {
            (Style::Block, Some('\n' | '\r')) if matches!(c, ' ' | '\n') => {
                self.skip_while(|c| c == '\r');
                self.skip(1);
                let spaces = self.rest().bytes().take_while(|b| *b == b' ').count();
                self.skip(spaces.min(self.indent));
                if c == ' ' {
                    self.skip_while(|c| c == '\n');
                }
            }
            (Style::SingleQuoted, Some('\'')) => self.skip(2),
            (Style::DoubleQuoted, Some('\\')) => self.skip(escape_len(self.rest())),
            (Style::Plain | Style::SingleQuoted | Style::DoubleQuoted, Some(w)) if c == ' ' && w.is_whitespace() => {
                let folded = self.rest().len().saturating_sub(self.rest().trim_start().len());
                let is_fold = self.rest().get(..folded).is_some_and(|t| t.contains('\n'));
                self.skip(if is_fold { folded } else { 1 });
            }
            (_, Some(w)) => self.skip(w.len_utf8()),
            (_, None) => {}
        }
        at
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
