//! Paths into a JSON document, and the trie that unites those of one pipeline.

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// A member of an object, by its unescaped key.
    Key(Box<str>),
    /// An element of an array, from 0.
    Index(u32),
}

/// From the top of the value down to one field: `value.a.b`. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(pub Vec<Segment>);

/// Index of a path's slot in the buffer that a scan fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SlotId(pub u16);
