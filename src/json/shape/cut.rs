//! A document cut into its values and the pieces between them.

use super::{Edge, Mark, NONE, Then, count, is_scalar};
use crate::json::Slot;
use crate::json::token::{Window, byte, scalar, string};
use crate::json::walk::offset;

/// A document on its way into pieces.
pub(super) struct Cut<'d> {
    bytes: &'d [u8],
    slots: &'d [Slot],
    window: Window,
    /// Where the piece begins.
    start: usize,
    at: usize,
    /// The lowest bit: the innermost container is an object.
    objects: u128,
    key_is_due: bool,
    /// Of the piece that was cut off last.
    pub(super) marks: Vec<Mark>,
}

pub(super) struct Piece<'d> {
    pub(super) text: &'d [u8],
    pub(super) then: Then,
    /// Of the value behind it.
    pub(super) slot: u32,
}

impl<'d> Cut<'d> {
    /// Of a document that was found well-formed, and whose slots are these.
    pub(super) fn new(bytes: &'d [u8], slots: &'d [Slot]) -> Self {
        let (window, marks) = (Window::new(bytes), Vec::new());
        Self { bytes, slots, window, start: 0, at: 0, objects: 0, key_is_due: false, marks }
    }

    /// The next piece; `None` where the document is not well-formed, which it was said to be.
    pub(super) fn next(&mut self) -> Option<Piece<'d>> {
        self.marks.clear();
        loop {
            let at = self.at;
            match byte(self.bytes, at) {
                _ if at == self.bytes.len() => {
                    return Some(Piece {
                        text: self.bytes.get(self.start..)?,
                        then: Then::End,
                        slot: NONE,
                    });
                }
                open @ (b'{' | b'[') => {
                    self.objects = self.objects << 1 | u128::from(open == b'{');
                    self.key_is_due = open == b'{';
                    self.mark(if open == b'{' { Edge::Object } else { Edge::Array }, at);
                }
                b'}' | b']' => {
                    self.objects >>= 1;
                    self.mark(Edge::End, at + 1);
                }
                b',' => self.key_is_due = self.objects & 1 == 1,
                b'"' if self.key_is_due => {
                    self.key_is_due = false;
                    self.at = string(self.bytes, at, &mut self.window).ok()?.0;
                    continue;
                }
                b'"' => {
                    let piece = Piece {
                        text: self.bytes.get(self.start..=at)?,
                        then: Then::Text,
                        slot: self.slot_at(at),
                    };
                    self.at = string(self.bytes, at, &mut self.window).ok()?.0;
                    self.start = self.at - 1;
                    return Some(piece);
                }
                first if is_scalar(first) => {
                    let piece = Piece {
                        text: self.bytes.get(self.start..at)?,
                        then: Then::Scalar,
                        slot: self.slot_at(at),
                    };
                    self.at = scalar(self.bytes, (first, at)).ok()?;
                    self.start = self.at;
                    return Some(piece);
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    /// The slot of the value that begins there.
    fn slot_at(&self, at: usize) -> u32 {
        self.slots
            .iter()
            .position(|slot| slot.range().is_some_and(|range| range.start == at))
            .map_or(NONE, count)
    }

    fn mark(&mut self, edge: Edge, place: usize) {
        let slot = match edge {
            Edge::Object | Edge::Array => self.slot_at(place),
            Edge::End => {
                let ends = |slot: &Slot| match slot {
                    Slot::Object(span) | Slot::Array(span) => span.end == offset(place),
                    Slot::Missing
                    | Slot::Null(_)
                    | Slot::Bool(..)
                    | Slot::Number(_)
                    | Slot::Plain(_)
                    | Slot::Escaped(_) => false,
                };
                self.slots.iter().position(ends).map_or(NONE, count)
            }
        };
        if slot != NONE {
            self.marks.push(Mark { slot, at: offset(place - self.start), edge });
        }
    }
}
