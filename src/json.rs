//! Field extraction from raw JSON: one pass over a record's value fills the slots of all paths. No allocation, no recursion.
//!
//! `expression` asks for paths when it is bound, `program` scans each record once, and every expression then reads the slots.

mod path;

pub use path::{Path, Segment, SlotId};

/// What was found at one path; spans are byte ranges of the record's value, so a slot borrows nothing and buffers are reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Slot {
    /// The path leads nowhere in this record.
    #[default]
    Missing,
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
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
