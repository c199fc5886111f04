//! Events of `saphyr-parser` -> trees. Not recursive, and bounded in depth and in values with all aliases written out.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::tree::{Data, Node, Scalar, Style};
use crate::config::finding::{Findings, Reported};
use crate::config::text::{Place, SourceText};

/// The grammar needs 8.
const DEPTH_MAX: usize = 32;
/// A pipeline has some hundred; the aliases of a bomb have billions.
const NODES_MAX: usize = 50_000;

/// Reads the trees of all documents.
pub(super) fn read(
    source: &Arc<SourceText>,
    findings: &mut Findings,
) -> Result<Vec<Arc<Node>>, Reported> {
    let mut reader = Reader {
        source,
        bytes: CharBytes::new(source.text()),
        open: Vec::new(),
        anchors: BTreeMap::new(),
        nodes: 0,
        documents: Vec::new(),
    };
    let mut parser = Parser::new_from_str(source.text());
    while let Some(event) = parser.next_event() {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => return Err(reader.syntax(&error, findings)),
        };
        reader.take(event, span, findings)?;
    }
    Ok(reader.documents)
}

const TAB: &str = "indent with spaces; YAML allows no tabs there";

/// What mostly stands behind an error of the parser, by words of its text.
const HINTS: &[(&str, &str)] = &[
    ("mapping values are not allowed", "quote a text with `: ` in it, and check the indentation"),
    (
        "did not find expected key",
        "indent this line as its neighbours, and close brackets and quotes above",
    ),
    ("did not find expected node content", "a value is missing here, or a comma is too many"),
    ("',' or ']'", "close the list with `]`, and put commas between its items"),
    ("',' or '}'", "close the map with `}`, and put commas between its fields"),
    ("unknown anchor", "define it above: `&name` in front of a value"),
    ("quoted scalar", "close this quote"),
    ("illegal placement of ':'", "close brackets and quotes above"),
    ("indentation", "indent this line as its neighbours"),
];

struct Reader<'a> {
    source: &'a Arc<SourceText>,
    bytes: CharBytes,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Arc<Node>>,
    /// So far, in all documents.
    nodes: usize,
    documents: Vec<Arc<Node>>,
}

/// A list or map whose end was not yet seen.
struct Open {
    start: usize,
    anchor: usize,
    tag: Option<String>,
    kind: Kind,
    children: Vec<Arc<Node>>,
}

#[derive(Clone, Copy)]
enum Kind {
    List,
    Map,
}

impl Open {
    fn new(kind: Kind, at: &Range<usize>, anchor: usize, tag: Option<Cow<'_, Tag>>) -> Self {
        Self { start: at.start, anchor, tag: tag_text(tag), kind, children: Vec::new() }
    }
}

impl Reader<'_> {
    fn take(
        &mut self,
        event: Event<'_>,
        span: Span,
        findings: &mut Findings,
    ) -> Result<(), Reported> {
        let bytes = self.bytes.range(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let scalar = Scalar { text: text.into_owned(), style: style_of(style) };
                let bytes = quoted(self.source.text(), bytes);
                let node = Node::new(bytes, tag_text(tag), Data::Scalar(scalar));
                self.add(node.into(), anchor, 1, findings)
            }
            Event::SequenceStart(anchor, tag) => {
                self.begin(Open::new(Kind::List, &bytes, anchor, tag), findings)
            }
            Event::MappingStart(anchor, tag) => {
                self.begin(Open::new(Kind::Map, &bytes, anchor, tag), findings)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(bytes, findings),
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(node) => {
                    let node = Arc::clone(node);
                    let count = node.size;
                    self.add(node, 0, count, findings)
                }
                None => Err(findings.alias_of_itself(Place::new(self.source, bytes))),
            },
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn begin(&mut self, open: Open, findings: &mut Findings) -> Result<(), Reported> {
        if self.open.len() >= DEPTH_MAX {
            let place = Place::new(self.source, open.start..open.start);
            return Err(findings.too_deep(place, DEPTH_MAX));
        }
        self.open.push(open);
        Ok(())
    }

    fn end(&mut self, bytes: Range<usize>, findings: &mut Findings) -> Result<(), Reported> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        // The end of a block is seen only at what follows it.
        let last = open.children.last().map_or(open.start, |node| node.span.end);
        let end = if bytes.is_empty() { last } else { bytes.end };
        let span = open.start..end.max(open.start);
        let data = match open.kind {
            Kind::Map => Data::Map(pairs(open.children)),
            Kind::List => Data::List(open.children),
        };
        self.add(Node::new(span, open.tag, data).into(), open.anchor, 1, findings)
    }

    /// Of an alias, all that it stands for counts; of everything else, what is in it was counted before.
    fn add(
        &mut self,
        node: Arc<Node>,
        anchor: usize,
        count: usize,
        findings: &mut Findings,
    ) -> Result<(), Reported> {
        let place = || Place::new(self.source, node.span.clone());
        if self.open.len().saturating_add(node.depth) > DEPTH_MAX.saturating_add(1) {
            return Err(findings.too_deep(place(), DEPTH_MAX));
        }
        if node.size > NODES_MAX || self.nodes > NODES_MAX {
            return Err(findings.too_many_nodes(place(), NODES_MAX));
        }
        self.nodes = self.nodes.saturating_add(count);
        if anchor != 0 {
            self.anchors.insert(anchor, Arc::clone(&node));
        }
        match self.open.last_mut() {
            Some(open) => open.children.push(node),
            None => self.documents.push(node),
        }
        Ok(())
    }

    fn syntax(&self, error: &ScanError, findings: &mut Findings) -> Reported {
        let at = self.bytes.of(error.marker().index());
        let place = Place::new(self.source, at..at.saturating_add(1));
        let rest = self.source.text().get(place.span().start..).unwrap_or_default();
        if error.info().contains("recursion limit") {
            return findings.too_deep(place, DEPTH_MAX);
        }
        let is_tab = rest.starts_with('\t') || error.info().contains("tab");
        let hint =
            HINTS.iter().find(|(info, _)| error.info().contains(info)).map(|(_, hint)| *hint);
        let hint = if is_tab { Some(TAB) } else { hint };
        findings.yaml_syntax(place, error.info(), hint)
    }
}

fn pairs(children: Vec<Arc<Node>>) -> Vec<(Arc<Node>, Arc<Node>)> {
    let mut entries = Vec::new();
    let mut children = children.into_iter();
    while let (Some(key), Some(value)) = (children.next(), children.next()) {
        entries.push((key, value));
    }
    entries
}

fn style_of(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::SingleQuoted,
        ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
        ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
    }
}

/// Of a quoted scalar, what ends with its closing quote: the parser's end is where the next token begins, behind a comment.
fn quoted(text: &str, span: Range<usize>) -> Range<usize> {
    let raw = text.get(span.clone()).unwrap_or_default();
    let mut rest = raw;
    while rest.starts_with(['&', '!']) {
        // An anchor, or a tag.
        rest = rest.trim_start_matches(|c: char| !c.is_whitespace()).trim_start();
    }
    let mut bytes = rest.bytes().enumerate().peekable();
    let Some((_, quote @ (b'"' | b'\''))) = bytes.next() else { return span };
    while let Some((at, byte)) = bytes.next() {
        match (quote, byte) {
            (b'"', b'\\') => _ = bytes.next(),
            (b'\'', b'\'') if bytes.peek().is_some_and(|(_, next)| *next == byte) => {
                _ = bytes.next();
            }
            _ if byte == quote => {
                let behind = rest.len().saturating_sub(at.saturating_add(1));
                return span.start..span.end.saturating_sub(behind);
            }
            _ => {}
        }
    }
    span
}

fn tag_text(tag: Option<Cow<'_, Tag>>) -> Option<String> {
    tag.map(|tag| {
        let handle = if tag.is_yaml_core_schema() { "!!" } else { &tag.handle };
        format!("{handle}{}", tag.suffix)
    })
}

/// Markers count characters, everything else here counts bytes.
enum CharBytes {
    Ascii,
    Table(Vec<usize>),
}

impl CharBytes {
    fn new(text: &str) -> Self {
        if text.is_ascii() {
            return Self::Ascii;
        }
        Self::Table(text.char_indices().map(|(at, _)| at).chain([text.len()]).collect())
    }

    fn of(&self, char: usize) -> usize {
        match self {
            Self::Ascii => char,
            Self::Table(table) => table.get(char).or(table.last()).copied().unwrap_or(0),
        }
    }

    fn range(&self, span: Span) -> Range<usize> {
        let start = self.of(span.start.index());
        start..self.of(span.end.index()).max(start)
    }
}
