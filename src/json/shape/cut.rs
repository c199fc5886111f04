//! A document cut into its values and the pieces between them.

use super::{Edge, Mark, NONE, TEXT_MAX, Then};
use crate::json::Slot;
use crate::json::token::{Window, byte, scalar, string};
use crate::json::walk::offset;

/// What a cut needs room for; kept by whoever cuts the next one.
#[derive(Clone, Debug, Default)]
pub(super) struct Buffers {
    /// Where the values with a slot begin, and the slot, the last one first.
    starts: Vec<(usize, u32)>,
    /// The slots of the containers that are open, the innermost last; [`NONE`] for those without.
    open: Vec<u32>,
    marks: Vec<Mark>,
}

/// A document on its way into pieces.
pub(super) struct Cut<'d> {
    bytes: &'d [u8],
    window: Window,
    /// Where the piece begins.
    start: usize,
    at: usize,
    /// The lowest bit: the innermost container is an object.
    objects: u128,
    key_is_due: bool,
    buffers: Buffers,
}

pub(super) struct Piece<'d> {
    pub(super) text: &'d [u8],
    pub(super) then: Then,
    /// Of the value behind it.
    pub(super) slot: u32,
}

impl<'d> Cut<'d> {
    /// Of a document that was found well-formed, and whose slots are these.
    pub(super) fn new(bytes: &'d [u8], slots: &[Slot], mut buffers: Buffers) -> Self {
        let starts = slots.iter().zip(0..).filter_map(|(slot, n)| Some((slot.range()?.start, n)));
        buffers.starts.clear();
        buffers.starts.extend(starts);
        buffers.starts.sort_unstable_by(|one, other| other.cmp(one));
        buffers.open.clear();
        let window = Window::new(bytes);
        Self { bytes, window, start: 0, at: 0, objects: 0, key_is_due: false, buffers }
    }

    /// The edges with a slot in the piece that was cut off last.
    pub(super) fn marks(&self) -> &[Mark] {
        &self.buffers.marks
    }

    pub(super) fn into_buffers(self) -> Buffers {
        self.buffers
    }

    /// The next piece; `None` where it is too long to be kept, or the document is not well-formed, which it was said to be.
    pub(super) fn next(&mut self) -> Option<Piece<'d>> {
        self.buffers.marks.clear();
        loop {
            let at = self.at;
            if at - self.start > TEXT_MAX {
                return None;
            }
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
                    let slot = self.slot_at(at);
                    self.buffers.open.push(slot);
                    self.mark(slot, if open == b'{' { Edge::Object } else { Edge::Array }, at);
                }
                b'}' | b']' => {
                    self.objects >>= 1;
                    let slot = self.buffers.open.pop()?;
                    self.mark(slot, Edge::End, at + 1);
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

    /// The slot of the value that begins there; asked for one place behind the other.
    fn slot_at(&mut self, at: usize) -> u32 {
        match self.buffers.starts.pop_if(|(start, _)| *start == at) {
            Some((_, slot)) => slot,
            None => NONE,
        }
    }

    fn mark(&mut self, slot: u32, edge: Edge, place: usize) {
        if slot != NONE {
            self.buffers.marks.push(Mark { slot, at: offset(place - self.start), edge });
        }
    }
}

fn is_scalar(first: u8) -> bool {
    matches!(first, b'-' | b'0'..=b'9' | b't' | b'f' | b'n')
}
