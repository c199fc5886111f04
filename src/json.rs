//! Field extraction from raw JSON: one pass over a record's value fills the slots of all paths. No allocation, no recursion.
//!
//! `expression` asks for paths when it is bound, `program` scans each record once, and every expression then reads the slots.
//!
//! [`scan`] is the pass. A [`Scanner`] gives the same, and first compares a value with the shapes of those before it, which is
//! quicker where a topic's values are built alike: `shape` says how. It allocates only when it learns one, within bounds.
//!
//! | in a value | [`Check::Whole`] | [`Check::Lazy`] |
//! |---|---|---|
//! | 0 bytes, or 4 GiB and more | malformed | malformed |
//! | grammar of RFC 8259, depth 128 | all of it | the members on the way to the last path that is read; what lies in an object or array that no path leads into is only searched for its end |
//! | UTF-8 | all of it | not checked: strings compare as bytes |
//! | a key on a path that is read occurs twice in its object | malformed | the first one counts |
//! | half of a surrogate pair as an escape, in a string that is read or a key that is compared | malformed | malformed |
//! | the same anywhere else | legal, as in RFC 8259 | legal |
//! | a number that no double can hold (`1e999`) | legal: it is infinite | the same |
//! | a byte order mark | malformed | malformed |
//! | no object at the top, but a path begins with a key | all slots are missing | the same |

mod block;
mod edit;
mod elements;
mod fail;
mod jump;
mod number;
mod path;
mod scanner;
mod shape;
#[cfg(test)]
mod tests;
mod text;
mod token;
mod trie;
mod walk;

pub use edit::{BoundEdits, Edit, EditError, Edits, Splices};
pub use elements::{Elements, count, nesting};
pub use number::Number;
pub use path::{Path, Segment};
pub use scanner::Scanner;
pub use text::{Unescaped, order, quote, says, unescape};
pub use trie::{Paths, SlotId};
pub use walk::scan;

/// Objects and arrays that may lie within each other; a path has no more segments.
pub const DEPTH: usize = 128;

/// What was found at one path; spans are byte ranges of the record's value, so a slot borrows nothing and buffers are reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Slot {
    /// The path leads nowhere in this record.
    #[default]
    Missing,
    /// `null`
    Null(Span),
    /// `true` or `false`
    Bool(bool, Span),
    /// A number as it stands.
    Number(Span),
    /// A string's text between its quotes, without any escape in it.
    Plain(Span),
    /// A string's text between its quotes; at least one escape is in it.
    Escaped(Span),
    /// An object, braces included.
    Object(Span),
    /// An array, brackets included.
    Array(Span),
}

/// A byte range of the record's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte behind the last.
    pub end: u32,
}

impl Slot {
    /// The bytes of `value` that it stands for, quotes included; `None` where it is missing.
    pub fn raw(self, value: &[u8]) -> Option<&[u8]> {
        self.range().and_then(|range| value.get(range))
    }

    /// The place of [`Self::raw`].
    pub(crate) fn range(self) -> Option<std::ops::Range<usize>> {
        let (span, quotes) = match self {
            Self::Missing => return None,
            Self::Null(span)
            | Self::Bool(_, span)
            | Self::Number(span)
            | Self::Object(span)
            | Self::Array(span) => (span, 0),
            Self::Plain(span) | Self::Escaped(span) => (span, 1),
        };
        let at = |place| usize::try_from(place).unwrap_or(usize::MAX);
        Some(at(span.start.saturating_sub(quotes))..at(span.end.saturating_add(quotes)))
    }
}

impl Span {
    /// The bytes of `value` that it names; none where it does not fit.
    #[inline]
    pub fn of(self, value: &[u8]) -> &[u8] {
        let at = |place| usize::try_from(place).unwrap_or(usize::MAX);
        value.get(at(self.start)..at(self.end)).unwrap_or_default()
    }
}

/// How much of a value is looked at before anything is decided on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// All of it: grammar, UTF-8, depth, no duplicate key on a path that is read.
    Whole,
    /// No further than the last path that is read: damage behind it goes unseen.
    Lazy,
}

/// Why a value is no JSON that can be decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub struct Malformed {
    /// What is wrong, in words without anything of the payload.
    pub what: &'static str,
    /// Byte offset in the value, from 0.
    pub at: usize,
}
