//! Documents that are built like one that came before: records of one topic mostly are.
//!
//! A document is cut into its values (texts, numbers, words) and what lies between two of them: brackets, keys, commas, blanks,
//! the quotes of texts. What lies between is kept as a tree, from one document to the next. A document whose pieces are all
//! found in the tree, and whose values are values, is well-formed, since the document that the pieces come from was, and each
//! path leads to the same place in it. Comparing a piece takes a few instructions, reading it takes a hundred.
//!
//! ```text
//! {"id":7,"name":"a"}    {"id":   7   ,"name":"   a   "}
//! {"id":8,"name":null}             8   ,"name":   null   }
//! ```

mod cut;

use std::ops::Range;

use cut::{Buffers, Cut, Piece};

use super::block::{self, Kinds};
use super::text::has_lone_surrogate;
use super::token::{self, Window, byte, rest_of_string};
use super::walk::offset;
use super::{Slot, Span};

/// Pieces that are kept, of all documents together. One has some dozens; one with more than these is never kept.
pub(super) const NODES_MAX: usize = 1024;
/// Pieces that may follow one piece and its value. A member that is not in every document makes two.
pub(super) const WAYS_MAX: usize = 8;
/// Bytes that are kept beyond the first [`PART`] of each piece, about. A single piece has no more either.
pub(super) const TEXT_MAX: usize = 64 * 1024;
/// Learning takes about two walks, so not every document that is not known is learned: the first ones, and then one of so many.
const LEARNED_AT_FIRST: u32 = 16;
const LEARNED_OF: u32 = 8;
/// After so many documents that found no room, all is forgotten, to make room for what comes now; each time after twice as many,
/// up to 2^[`ROOM_MADE_MAX`] times these.
const LEFT_OUT: u32 = 16;
const ROOM_MADE_MAX: u32 = 6;
/// Bytes that are compared at once.
const PART: usize = 16;
const NONE: u32 = u32::MAX;

/// All that was learned.
#[derive(Clone, Debug, Default)]
pub(super) struct Shapes {
    nodes: Vec<Node>,
    parts: Vec<Part>,
    marks: Vec<Mark>,
    /// Documents that were not known, since all was forgotten.
    unknown: u32,
    /// Documents that were to be learned and found no room, since then.
    left_out: u32,
    /// How often all was forgotten to make room.
    room_made: u32,
    /// Reused from one document to the next.
    buffers: Buffers,
}

/// Up to [`PART`] bytes of a piece.
#[derive(Clone, Copy, Debug)]
struct Part {
    bytes: [u8; PART],
    /// Bit n: byte n counts.
    counts: u32,
}

/// A piece, and what comes behind it. The first node is the first piece of some document.
#[derive(Clone, Debug)]
#[repr(align(64))] // one line of the processor's cache each
struct Node {
    head: Part,
    /// The parts behind `head`.
    rest: Run,
    /// Whether the value behind it has a slot, or a container whose edge is in it.
    is_read: bool,
    length: u32,
    then: Then,
    /// Of the value behind it; [`NONE`] where nobody reads it.
    slot: u32,
    /// The edges in it of containers that have a slot.
    marks: Run,
    /// The first of the pieces that may follow its value, and the next of those that may stand here instead.
    child: u32,
    sibling: u32,
}

/// A range of a vector.
#[derive(Clone, Copy, Debug)]
struct Run {
    start: u32,
    end: u32,
}

/// What became of a document that was to be learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Whole,
    /// Others take up the room.
    NoRoom,
    /// It has more or longer pieces than there is room for.
    Never,
}

/// What comes behind a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// A text, whose quotes belong to the pieces around it.
    Text,
    /// A number, `true`, `false` or `null`.
    Scalar,
    /// Nothing.
    End,
}

/// Where in a piece a container begins or ends that has a slot.
#[derive(Clone, Copy, Debug)]
struct Mark {
    slot: u32,
    /// From the piece's first byte on.
    at: u32,
    edge: Edge,
}

#[derive(Clone, Copy, Debug)]
enum Edge {
    Object,
    Array,
    End,
}

impl Shapes {
    /// Whether the document's pieces are all known, and its values are values. Then the slots, all missing before, are filled;
    /// else what is in them means nothing.
    ///
    /// UTF-8 is not checked here, as elsewhere in the walk.
    #[inline(never)]
    pub(super) fn fill(&self, bytes: &[u8], kinds: Kinds, slots: &mut [Slot]) -> bool {
        // What is left of the document instead of a place in it: one comparison bounds both.
        let (mut left, mut next) = (bytes, 0);
        loop {
            let Some(node) = self.nodes.get(index(next)) else { return false };
            let Some(value) = self.behind(node, left) else {
                next = node.sibling;
                continue;
            };
            let read = match node.then {
                Then::Text if kinds.control => any_text(value),
                Then::Text => text(value),
                // A piece may be the beginning of another one, which goes on to a bracket or a quote.
                Then::Scalar => {
                    let read = scalar(value);
                    if read.is_none() {
                        next = node.sibling;
                        continue;
                    }
                    read
                }
                Then::End if value.is_empty() => {
                    self.set_marks(node, bytes.len() - left.len(), slots);
                    return true;
                }
                Then::End => {
                    next = node.sibling;
                    continue;
                }
            };
            let Some(read) = read else { return false };
            let Some(behind) = value.get(read.length..) else { return false };
            if node.is_read {
                self.set_marks(node, bytes.len() - left.len(), slots);
                if !set_value(node, bytes.len() - value.len(), read, bytes, slots) {
                    return false;
                }
            }
            left = behind;
            next = node.child;
        }
    }

    /// What comes behind the piece, where it stands at the beginning.
    #[expect(clippy::inline_always, reason = "places stay in registers")]
    #[inline(always)]
    fn behind<'d>(&self, node: &Node, left: &'d [u8]) -> Option<&'d [u8]> {
        let length = index(node.length);
        let stands = node.head.stands(left) && (length <= PART || self.rest_stands(node, left));
        if stands { left.get(length..) } else { None }
    }

    #[inline(never)]
    fn rest_stands(&self, node: &Node, left: &[u8]) -> bool {
        let rest = self.parts.get(node.rest.range()).unwrap_or_default();
        let mut left = left.get(PART..).unwrap_or_default();
        rest.iter().all(|part| {
            let stands = part.stands(left);
            left = left.get(PART..).unwrap_or_default();
            stands
        })
    }

    /// Fills the slots of the containers that begin or end in a piece, which stands there.
    #[inline(never)]
    fn set_marks(&self, node: &Node, start: usize, slots: &mut [Slot]) {
        for mark in self.marks.get(node.marks.range()).unwrap_or_default() {
            let Some(slot) = slots.get_mut(index(mark.slot)) else { continue };
            let place = offset(start) + mark.at;
            match (mark.edge, slot) {
                (Edge::Object, slot) => *slot = Slot::Object(Span { start: place, end: place }),
                (Edge::Array, slot) => *slot = Slot::Array(Span { start: place, end: place }),
                (Edge::End, Slot::Object(span) | Slot::Array(span)) => span.end = place,
                (
                    Edge::End,
                    Slot::Missing
                    | Slot::Null(_)
                    | Slot::Bool(..)
                    | Slot::Number(_)
                    | Slot::Plain(_)
                    | Slot::Escaped(_),
                ) => {}
            }
        }
    }

    /// Keeps the pieces of a document that was found well-formed, and whose slots are these: all of them or none. Of many unknown
    /// documents it is only one in [`LEARNED_OF`].
    pub(super) fn learn(&mut self, bytes: &[u8], slots: &[Slot]) {
        self.unknown = self.unknown.wrapping_add(1);
        if self.unknown > LEARNED_AT_FIRST && !self.unknown.is_multiple_of(LEARNED_OF) {
            return;
        }
        let before = (self.nodes.len(), self.parts.len(), self.marks.len());
        let mut cut = Cut::new(bytes, slots, std::mem::take(&mut self.buffers));
        let kept = self.keep(&mut cut);
        self.buffers = cut.into_buffers();
        if kept == Kept::Whole {
            return;
        }
        if self.nodes.len() > before.0 {
            self.nodes.truncate(before.0);
            self.parts.truncate(before.1);
            self.marks.truncate(before.2);
            // Documents are kept whole, so what was there ended in all its branches: what was added hung on a sibling.
            let first = count(before.0);
            if let Some(node) = self.nodes.iter_mut().find(|node| node.sibling == first) {
                node.sibling = NONE;
            }
        }
        if kept == Kept::NoRoom {
            self.left_out += 1;
            if self.left_out >= LEFT_OUT << self.room_made {
                self.room_made = (self.room_made + 1).min(ROOM_MADE_MAX);
                self.clear();
            }
        }
    }

    fn keep(&mut self, cut: &mut Cut<'_>) -> Kept {
        let (mut parent, mut pieces, mut bytes) = (Some(NONE), 0, 0);
        loop {
            let Some(piece) = cut.next() else { return Kept::Never };
            (pieces, bytes) = (pieces + 1, bytes + piece.text.len());
            if pieces > NODES_MAX || bytes > TEXT_MAX {
                return Kept::Never;
            }
            let node = parent.and_then(|parent| {
                self.known(parent, &piece).or_else(|| self.add(parent, &piece, cut.marks()))
            });
            if piece.then == Then::End {
                return if node.is_some() { Kept::Whole } else { Kept::NoRoom };
            }
            parent = node;
        }
    }

    fn first_behind(&self, parent: u32) -> u32 {
        match self.nodes.get(index(parent)) {
            Some(parent) => parent.child,
            None if self.nodes.is_empty() => NONE,
            None => 0,
        }
    }

    fn ways(&self, parent: u32) -> impl Iterator<Item = u32> {
        let some = |at: u32| (at != NONE).then_some(at);
        let next = move |at: &u32| self.nodes.get(index(*at)).and_then(|node| some(node.sibling));
        std::iter::successors(some(self.first_behind(parent)), next)
    }

    fn known(&self, parent: u32, piece: &Piece<'_>) -> Option<u32> {
        self.ways(parent).find(|at| {
            self.nodes.get(index(*at)).is_some_and(|node| {
                index(node.length) == piece.text.len()
                    && node.then == piece.then
                    && node.head.stands(piece.text)
                    && self.rest_stands(node, piece.text)
            })
        })
    }

    /// A piece behind another one, where there is room.
    fn add(&mut self, parent: u32, piece: &Piece<'_>, marks: &[Mark]) -> Option<u32> {
        let last = self.ways(parent).last();
        let has_room = self.nodes.len() < NODES_MAX
            && self.ways(parent).count() < WAYS_MAX
            && self.parts.len() * PART + piece.text.len() <= TEXT_MAX + PART;
        if !has_room {
            return None;
        }
        let own = count(self.nodes.len());
        let (head, rest) = piece.text.split_at_checked(PART).unwrap_or((piece.text, &[]));
        let start = self.parts.len();
        self.parts.extend(rest.chunks(PART).map(Part::of));
        let parts = Run { start: count(start), end: count(self.parts.len()) };
        let start = self.marks.len();
        self.marks.extend_from_slice(marks);
        let is_read = piece.slot != NONE || !marks.is_empty();
        let marks = Run { start: count(start), end: count(self.marks.len()) };
        self.nodes.push(Node {
            head: Part::of(head),
            rest: parts,
            is_read,
            length: count(piece.text.len()),
            then: piece.then,
            slot: piece.slot,
            marks,
            child: NONE,
            sibling: NONE,
        });
        match (last, self.nodes.get_mut(index(last.unwrap_or(parent)))) {
            (Some(_), Some(before)) => before.sibling = own,
            (None, Some(parent)) => parent.child = own,
            (_, None) => {}
        }
        Some(own)
    }

    /// As if nothing had been seen.
    pub(super) fn forget(&mut self) {
        self.clear();
        self.room_made = 0;
    }

    fn clear(&mut self) {
        self.nodes.clear();
        self.parts.clear();
        self.marks.clear();
        (self.unknown, self.left_out) = (0, 0);
    }
}

impl Part {
    fn of(text: &[u8]) -> Self {
        let mut bytes = [0; PART];
        bytes.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
        let counts = (1_u32 << text.len().min(PART)) - 1;
        Self { bytes, counts }
    }

    #[expect(clippy::inline_always, reason = "places stay in registers")]
    #[inline(always)]
    fn stands(&self, left: &[u8]) -> bool {
        match left.first_chunk() {
            Some(chunk) => !block::same(chunk, &self.bytes) & self.counts == 0,
            None => self.ends(left),
        }
    }

    /// The same at the document's end.
    #[inline(never)]
    fn ends(&self, rest: &[u8]) -> bool {
        let length = index(self.counts.trailing_ones());
        rest.get(..length).is_some_and(|rest| self.bytes.get(..length) == Some(rest))
    }
}

/// What is known of a value that was read.
#[derive(Clone, Copy)]
struct Value {
    /// Without the quotes of a text.
    length: usize,
    /// A text with an escape in it.
    escaped: bool,
}

impl Value {
    /// Of so many bytes, without any escape.
    #[inline]
    fn plain(length: usize) -> Self {
        Self { length, escaped: false }
    }
}

/// Reads a text from behind its opening quote on, in a document without control characters.
#[expect(clippy::inline_always, reason = "places stay in registers")]
#[inline(always)]
fn text(value: &[u8]) -> Option<Value> {
    let Some(half) = value.first_chunk() else { return any_text(value) };
    let ends = block::quotes_and_backslashes(half);
    if ends == 0 {
        return long_text(value, half.len());
    }
    let length = block::lowest(ends);
    if value.get(length) == Some(&b'"') { Some(Value::plain(length)) } else { any_text(value) }
}

/// The same where the first bytes do not end it.
#[inline(never)]
fn long_text(value: &[u8], seen: usize) -> Option<Value> {
    let length = seen + memchr::memchr2(b'"', b'\\', value.get(seen..)?)?;
    if value.get(length) == Some(&b'"') { Some(Value::plain(length)) } else { any_text(value) }
}

#[inline(never)]
fn any_text(value: &[u8]) -> Option<Value> {
    let mut window = Window::new(value);
    let end = window.next(value, 0);
    if byte(value, end) == b'"' {
        return Some(Value::plain(end));
    }
    let behind = rest_of_string(value, end, window).ok()?;
    Some(Value { length: (behind >> 1) - 1, escaped: behind & 1 == 1 })
}

/// Reads a number, `true`, `false` or `null`. What comes behind it is compared with a piece, which begins with nothing that could
/// belong to it.
#[expect(clippy::inline_always, reason = "places stay in registers")]
#[inline(always)]
fn scalar(value: &[u8]) -> Option<Value> {
    match value.first_chunk().and_then(token::short_number) {
        Some(length) => Some(Value::plain(length)),
        None => any_scalar(value),
    }
}

#[inline(never)]
fn any_scalar(value: &[u8]) -> Option<Value> {
    token::scalar(value, (byte(value, 0), 0)).ok().map(Value::plain)
}

/// Fills the slot of a value that stands there. Half of a surrogate pair may not be read: the walk says so.
#[inline(never)]
fn set_value(node: &Node, start: usize, read: Value, bytes: &[u8], slots: &mut [Slot]) -> bool {
    let Some(slot) = slots.get_mut(index(node.slot)) else { return true };
    let span = Span { start: offset(start), end: offset(start + read.length) };
    let value = span.of(bytes);
    if read.escaped && has_lone_surrogate(value) {
        return false;
    }
    *slot = match (node.then, value.first()) {
        (Then::Text, _) if read.escaped => Slot::Escaped(span),
        (Then::Text, _) => Slot::Plain(span),
        (Then::Scalar | Then::End, Some(first @ (b't' | b'f'))) => Slot::Bool(*first == b't', span),
        (Then::Scalar | Then::End, Some(b'n')) => Slot::Null(span),
        (Then::Scalar | Then::End, _) => Slot::Number(span),
    };
    true
}

impl Run {
    fn range(self) -> Range<usize> {
        index(self.start)..index(self.end)
    }
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Of something that the constants above bound.
fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(NONE)
}
