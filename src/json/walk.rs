//! One pass over a document along the trie of paths.
//!
//! The walk has no stack: a container that a path leads into is exactly as deep as its node, and a node knows its parent and
//! its place in it. Whatever no path leads into is skipped by [`token`], or by [`jump`] where nobody asked for a check.

use super::fail::{Fail, Reason};
use super::token::{
    DEPTH_MAX, Read, Token, Window, behind, key, number, string, token, value, word,
};
use super::trie::{Node, Place};
use super::{Check, Malformed, Paths, Slot, SlotId, Span, jump, text};

/// Fills the slots of all paths in one pass over a value: resets all to [`Slot::Missing`], then fills those that the value has.
/// Without any path and with [`Check::Whole`] it only validates. After an error the slots mean nothing.
///
/// Shape: `slots.len() == paths.len()`.
///
/// ```
/// use krouted::json::{Check, Path, Paths, Segment, Slot, Span, scan};
/// let mut paths = Paths::default();
/// let country = paths.add(&Path(vec![Segment::Key("country".into())]));
/// let mut slots = vec![Slot::Missing; paths.len()];
/// scan(&paths, br#"{"id": 1, "country": "DE"}"#, Check::Whole, &mut slots)?;
/// assert_eq!(slots[country.index()], Slot::Plain(Span { start: 22, end: 24 }));
/// # Ok::<(), krouted::json::Malformed>(())
/// ```
pub fn scan(
    paths: &Paths,
    value: &[u8],
    check: Check,
    slots: &mut [Slot],
) -> Result<(), Malformed> {
    size(value)?;
    if check == Check::Whole {
        utf8(value)?;
    }
    walk(paths, value, check, slots)
}

/// Refuses what has no size for a document.
#[inline]
pub(super) fn size(value: &[u8]) -> Result<(), Malformed> {
    if value.is_empty() {
        return Err(Malformed { what: "the value is empty", at: 0 });
    }
    if u32::try_from(value.len()).is_err() {
        return Err(Malformed { what: "the value has 4 GiB or more", at: 0 });
    }
    Ok(())
}

/// The walk through a value whose size is right, and whose UTF-8 too, where that is to be checked.
pub(super) fn walk(
    paths: &Paths,
    value: &[u8],
    check: Check,
    slots: &mut [Slot],
) -> Result<(), Malformed> {
    slots.fill(Slot::Missing);
    let mut walk = Walk {
        paths,
        bytes: value,
        slots,
        check,
        left: paths.wanted(),
        node: paths.root(),
        object: true,
        index: 0,
        window: Window::new(value),
    };
    walk.document().map_err(|fail| fail.malformed(value.len()))
}

pub(super) fn utf8(value: &[u8]) -> Result<(), Malformed> {
    if simdutf8::basic::from_utf8(value).is_ok() {
        return Ok(());
    }
    let at = std::str::from_utf8(value).err().map_or(0, |e| e.valid_up_to());
    Err(Malformed { what: "the value is not UTF-8", at })
}

struct Walk<'w> {
    paths: &'w Paths,
    bytes: &'w [u8],
    slots: &'w mut [Slot],
    check: Check,
    /// Slots that a path ends in and that are not filled yet.
    left: usize,
    /// The container that the walk is in.
    node: &'w Node,
    /// Is it an object, or an array?
    object: bool,
    /// The element that comes next, in an array.
    index: u32,
    window: Window,
}

/// What comes behind a value.
enum After {
    /// Another member or element, which begins with this.
    Next(Token),
    /// Nothing that is looked for.
    End(usize),
}

impl<'w> Walk<'w> {
    fn document(&mut self) -> Result<(), Fail> {
        let first @ (open, at) = token(self.bytes, 0);
        let end = if self.paths.root().leads_into(open) {
            self.open(self.paths.root(), open);
            self.members(token(self.bytes, at + 1))?
        } else if self.check == Check::Whole {
            value(self.bytes, first, 0, &mut self.window)?
        } else {
            at
        };
        if self.check == Check::Lazy {
            return Ok(());
        }
        let (_, end) = token(self.bytes, end);
        if end < self.bytes.len() { Err(Fail::new(Reason::Trailing, end)) } else { Ok(()) }
    }

    /// From the first token behind the opening bracket of the root to behind its closing one, or to the last slot that is
    /// filled.
    fn members(&mut self, mut next: Token) -> Read {
        let mut empty = self.ends_with(next);
        loop {
            let mut at = next.1;
            if !empty {
                let (child, first) = self.child(next)?;
                at = match child {
                    Some(child) if child.leads_into(first.0) => {
                        self.begin(child, first)?;
                        next = token(self.bytes, first.1 + 1);
                        empty = self.ends_with(next);
                        continue;
                    }
                    Some(child) => self.fill(child, first)?,
                    None => self.skip(first)?,
                };
            }
            next = match self.after(at)? {
                After::Next(next) => next,
                After::End(at) => return Ok(at),
            };
            empty = false;
        }
    }

    /// Whether this is where the container ends.
    fn ends_with(&self, (close, _): Token) -> bool {
        close == if self.object { b'}' } else { b']' }
    }

    /// The node of the next member or element, where a path leads into it, and what its value begins with.
    #[expect(clippy::inline_always, reason = "places stay in registers")]
    #[inline(always)]
    fn child(&mut self, first: Token) -> Result<(Option<&'w Node>, Token), Fail> {
        let start = first.1;
        let (id, value) = if self.object {
            let key = key(self.bytes, first, &mut self.window)?;
            let length = key.end - start - 1;
            let id = if key.escaped {
                let text = self.bytes.get(start + 1..key.end).unwrap_or_default();
                self.escaped_member(text, start)?
            } else if self.node.has_key_as_long_as(length) {
                self.node.member(self.bytes.get(start + 1..).unwrap_or_default(), length)
            } else {
                None
            };
            (id, key.value)
        } else {
            (self.node.element(self.index), first)
        };
        let Some(id) = id else { return Ok((None, value)) };
        let seen = self.slots.get(id.index()).is_none_or(|slot| *slot != Slot::Missing);
        match (seen, self.check) {
            (false, _) => Ok((Some(self.paths.node(id)), value)),
            (true, Check::Whole) => Err(Fail::new(Reason::Duplicate, start)),
            // The first occurrence wins.
            (true, Check::Lazy) => Ok((None, value)),
        }
    }

    #[cold]
    fn escaped_member(&self, key: &[u8], quote: usize) -> Result<Option<SlotId>, Fail> {
        if text::has_lone_surrogate(key) {
            return Err(Fail::new(Reason::Surrogate, quote));
        }
        Ok(self.node.member_by(|own| text::says(key, own)))
    }

    /// Goes into a container that a path leads into; its slot keeps the start until it is closed.
    fn begin(&mut self, node: &'w Node, (open, at): Token) -> Result<(), Fail> {
        if node.depth > DEPTH_MAX {
            return Err(Fail::new(Reason::Depth, at));
        }
        let span = Span { start: offset(at), end: offset(at) };
        self.set(node, if open == b'{' { Slot::Object(span) } else { Slot::Array(span) });
        self.open(node, open);
        Ok(())
    }

    fn open(&mut self, node: &'w Node, open: u8) {
        self.node = node;
        self.object = open == b'{';
        self.index = 0;
    }

    #[inline]
    fn set(&mut self, node: &Node, value: Slot) {
        if let Some(slot) = node.slot.and_then(|id| self.slots.get_mut(id.index())) {
            *slot = value;
        }
    }

    /// Skips a value that nobody reads.
    #[expect(clippy::inline_always, reason = "places stay in registers")]
    #[inline(always)]
    fn skip(&mut self, first: Token) -> Read {
        let (open, at) = first;
        if self.check == Check::Lazy && matches!(open, b'{' | b'[') {
            let length = jump::over_container(self.bytes.get(at..).unwrap_or_default());
            return length
                .map(|length| at + length)
                .ok_or(Fail::new(Reason::Comma, self.bytes.len()));
        }
        value(self.bytes, first, self.node.depth, &mut self.window)
    }

    /// Reads a value that no path leads into into its slot.
    #[expect(clippy::inline_always, reason = "places stay in registers")]
    #[inline(always)]
    fn fill(&mut self, node: &Node, first: Token) -> Read {
        let bytes = self.bytes;
        let (byte, at) = first;
        let span = |end: usize| Span { start: offset(at), end: offset(end) };
        let (slot, end) = match byte {
            b'"' => self.text(at)?,
            b'{' => self.skip(first).map(|end| (Slot::Object(span(end)), end))?,
            b'[' => self.skip(first).map(|end| (Slot::Array(span(end)), end))?,
            b't' => word(bytes, at, b"true").map(|end| (Slot::Bool(true, span(end)), end))?,
            b'f' => word(bytes, at, b"false").map(|end| (Slot::Bool(false, span(end)), end))?,
            b'n' => word(bytes, at, b"null").map(|end| (Slot::Null(span(end)), end))?,
            b'-' | b'0'..=b'9' => number(bytes, at).map(|end| (Slot::Number(span(end)), end))?,
            _ => return Err(Fail::new(Reason::Value, at)),
        };
        self.set(node, slot);
        self.left -= usize::from(node.wanted);
        Ok(end)
    }

    #[expect(clippy::inline_always, reason = "places stay in registers")]
    #[inline(always)]
    fn text(&mut self, at: usize) -> Result<(Slot, usize), Fail> {
        let (behind, escaped) = string(self.bytes, at, &mut self.window)?;
        let span = Span { start: offset(at + 1), end: offset(behind - 1) };
        if !escaped {
            return Ok((Slot::Plain(span), behind));
        }
        if text::has_lone_surrogate(span.of(self.bytes)) {
            return Err(Fail::new(Reason::Surrogate, at));
        }
        Ok((Slot::Escaped(span), behind))
    }

    /// From behind a value to the next one, out of as many containers as end here.
    #[expect(clippy::inline_always, reason = "places stay in registers")]
    #[inline(always)]
    fn after(&mut self, mut at: usize) -> Result<After, Fail> {
        loop {
            if self.left == 0 && self.check == Check::Lazy {
                return Ok(After::End(at));
            }
            if let Some(next) = behind(self.bytes, at, b',') {
                self.index = self.index.wrapping_add(1);
                return Ok(After::Next(next));
            }
            let close = token(self.bytes, at);
            if !self.ends_with(close) {
                return Err(Fail::new(Reason::Comma, close.1));
            }
            at = close.1 + 1;
            if self.node.slot.is_none() {
                return Ok(After::End(at));
            }
            self.close(at);
        }
    }

    /// Goes back to the container around the one that just ended.
    fn close(&mut self, end: usize) {
        let slot = self.node.slot.and_then(|id| self.slots.get_mut(id.index()));
        if let Some(Slot::Object(span) | Slot::Array(span)) = slot {
            span.end = offset(end);
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
#[inline]
pub(super) fn offset(at: usize) -> u32 {
    at as u32
}
