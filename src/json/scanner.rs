//! One pass over a document along the trie of paths.
//!
//! The walk has no stack: a container that a path leads into is exactly as deep as its node, and a node knows its parent and
//! its place in it. Whatever no path leads into is skipped by the cursor.

use super::cursor::{Cursor, DEPTH_MAX, Fail};
use super::text;
use super::trie::{Node, Place};
use super::{Check, Malformed, Paths, Scan, Slot, SlotId, Span};

/// The scanner that krouted uses.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scanner;

impl Scan for Scanner {
    fn scan(
        &self,
        paths: &Paths,
        value: &[u8],
        check: Check,
        slots: &mut [Slot],
    ) -> Result<(), Malformed> {
        slots.fill(Slot::Missing);
        if value.is_empty() {
            return Err(Malformed { what: "the value is empty", at: 0 });
        }
        if u32::try_from(value.len()).is_err() {
            return Err(Malformed { what: "the value has 4 GiB or more", at: 0 });
        }
        if check == Check::Whole {
            utf8(value)?;
        }
        let mut walk = Walk {
            paths,
            cursor: Cursor { bytes: value, at: 0 },
            slots,
            check,
            left: paths.wanted(),
            node: paths.root(),
            object: true,
            index: 0,
        };
        let result = walk.document();
        result.map_err(|fail| malformed(fail, &walk.cursor))
    }
}

fn utf8(value: &[u8]) -> Result<(), Malformed> {
    if simdutf8::basic::from_utf8(value).is_ok() {
        return Ok(());
    }
    let at = std::str::from_utf8(value).err().map_or(0, |e| e.valid_up_to());
    Err(Malformed { what: "the value is not UTF-8", at })
}

#[cold]
fn malformed(fail: Fail, cursor: &Cursor<'_>) -> Malformed {
    let ends = cursor.at >= cursor.bytes.len();
    Malformed { what: if ends { "the value ends too early" } else { fail.what() }, at: cursor.at }
}

struct Walk<'w> {
    paths: &'w Paths,
    cursor: Cursor<'w>,
    slots: &'w mut [Slot],
    check: Check,
    /// Slots that a path ends in and that are not filled yet.
    left: usize,
    /// The container that the cursor is in.
    node: &'w Node,
    /// Is it an object, or an array?
    object: bool,
    /// The element that comes next, in an array.
    index: u32,
}

/// What comes behind a value.
enum After {
    /// Another member or element.
    Next,
    /// Nothing that is looked for.
    End,
}

impl<'w> Walk<'w> {
    fn document(&mut self) -> Result<(), Fail> {
        let open = self.cursor.token();
        if self.paths.root().leads_into(open) {
            self.open(self.paths.root(), open);
            self.members()?;
        } else if self.check == Check::Whole {
            self.cursor.skip(0)?;
        }
        if self.check == Check::Lazy {
            return Ok(());
        }
        self.cursor.token();
        if self.cursor.at < self.cursor.bytes.len() { Err(Fail::Trailing) } else { Ok(()) }
    }

    /// From behind the opening bracket of the root to behind its closing one, or to the last slot that is filled.
    fn members(&mut self) -> Result<(), Fail> {
        let mut empty = self.is_empty();
        loop {
            if !empty {
                let child = self.child()?;
                let first = self.cursor.token();
                match child {
                    Some(child) if child.leads_into(first) => {
                        self.begin(child, first)?;
                        empty = self.is_empty();
                        continue;
                    }
                    Some(child) => self.fill(child, first)?,
                    None => self.cursor.skip(self.node.depth)?,
                }
            }
            match self.after()? {
                After::Next => empty = false,
                After::End => return Ok(()),
            }
        }
    }

    fn is_empty(&mut self) -> bool {
        self.cursor.token() == if self.object { b'}' } else { b']' }
    }

    /// The node of the next member or element, where a path leads into it; the cursor stands behind the colon.
    #[inline]
    fn child(&mut self) -> Result<Option<&'w Node>, Fail> {
        let id = if self.object {
            let (quote, end, escaped) = self.cursor.key()?;
            let key = self.cursor.bytes.get(quote + 1..end).unwrap_or_default();
            if escaped { self.escaped_member(key, quote)? } else { self.node.member(key) }
        } else {
            self.node.element(self.index)
        };
        let Some(id) = id else { return Ok(None) };
        let seen = self.slots.get(id.index()).is_none_or(|slot| *slot != Slot::Missing);
        match (seen, self.check) {
            (false, _) => Ok(Some(self.paths.node(id))),
            (true, Check::Whole) => Err(Fail::Duplicate),
            // The first occurrence wins.
            (true, Check::Lazy) => Ok(None),
        }
    }

    #[cold]
    fn escaped_member(&mut self, key: &[u8], quote: usize) -> Result<Option<SlotId>, Fail> {
        if text::has_lone_surrogate(key) {
            self.cursor.at = quote;
            return Err(Fail::Surrogate);
        }
        Ok(self.node.member_by(|own| text::says(key, own)))
    }

    /// Goes into a container that a path leads into; its slot keeps the start until it is closed.
    fn begin(&mut self, node: &'w Node, open: u8) -> Result<(), Fail> {
        if node.depth > DEPTH_MAX {
            return Err(Fail::Depth);
        }
        let start = offset(self.cursor.at);
        let span = Span { start, end: start };
        self.set(node, if open == b'{' { Slot::Object(span) } else { Slot::Array(span) });
        self.open(node, open);
        Ok(())
    }

    fn open(&mut self, node: &'w Node, open: u8) {
        self.node = node;
        self.object = open == b'{';
        self.index = 0;
        self.cursor.at += 1;
    }

    fn set(&mut self, node: &Node, value: Slot) {
        if let Some(slot) = node.slot.and_then(|id| self.slots.get_mut(id.index())) {
            *slot = value;
        }
    }

    /// Reads a value that no path leads into into its slot.
    #[inline]
    fn fill(&mut self, node: &Node, first: u8) -> Result<(), Fail> {
        let start = self.cursor.at;
        let value = match first {
            b'"' => self.text()?,
            b'{' => {
                self.cursor.skip(self.node.depth)?;
                Slot::Object(self.span(start))
            }
            b'[' => {
                self.cursor.skip(self.node.depth)?;
                Slot::Array(self.span(start))
            }
            b't' => self.cursor.word(b"true").map(|()| Slot::Bool(true))?,
            b'f' => self.cursor.word(b"false").map(|()| Slot::Bool(false))?,
            b'n' => self.cursor.word(b"null").map(|()| Slot::Null)?,
            b'-' | b'0'..=b'9' => {
                self.cursor.number()?;
                Slot::Number(self.span(start))
            }
            _ => return Err(Fail::Value),
        };
        self.set(node, value);
        self.left -= usize::from(node.wanted);
        Ok(())
    }

    fn text(&mut self) -> Result<Slot, Fail> {
        let start = self.cursor.at;
        let escaped = self.cursor.string()?;
        let span = Span { start: offset(start + 1), end: offset(self.cursor.at - 1) };
        if !escaped {
            return Ok(Slot::Plain(span));
        }
        if text::has_lone_surrogate(self.cursor.since(start + 1)) {
            self.cursor.at = start;
            return Err(Fail::Surrogate);
        }
        Ok(Slot::Escaped(span))
    }

    fn span(&self, start: usize) -> Span {
        Span { start: offset(start), end: offset(self.cursor.at) }
    }

    /// From behind a value to the next one, out of as many containers as end here.
    #[inline]
    fn after(&mut self) -> Result<After, Fail> {
        loop {
            if self.left == 0 && self.check == Check::Lazy {
                return Ok(After::End);
            }
            match self.cursor.token() {
                b',' => {
                    self.cursor.at += 1;
                    self.index = self.index.wrapping_add(1);
                    return Ok(After::Next);
                }
                b'}' if self.object => {}
                b']' if !self.object => {}
                _ => return Err(Fail::Comma),
            }
            self.cursor.at += 1;
            if self.node.slot.is_none() {
                return Ok(After::End);
            }
            self.close();
        }
    }

    /// Goes back to the container around the one that just ended.
    fn close(&mut self) {
        let end = offset(self.cursor.at);
        let slot = self.node.slot.and_then(|id| self.slots.get_mut(id.index()));
        if let Some(Slot::Object(span) | Slot::Array(span)) = slot {
            span.end = end;
        }
        self.left -= usize::from(self.node.wanted);
        match self.node.place {
            Place::Member => self.object = true,
            Place::Element(index) => (self.object, self.index) = (false, index),
        }
        self.node = self.paths.parent(self.node);
    }
}

/// A place in a value; a longer one was refused at the start.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "scan refuses values of 4 GiB or more"
)]
fn offset(at: usize) -> u32 {
    at as u32
}
