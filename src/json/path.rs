//! Paths into a JSON document.

use std::fmt::{self, Write as _};

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

impl Path {
    /// Whether a value at `other` is a part of what lies at this path, or the same.
    pub fn is_prefix_of(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }
}

impl fmt::Display for Path {
    /// As an expression writes it: `value.a["@b"][0]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("value")?;
        self.0.iter().try_for_each(|segment| write!(f, "{segment}"))
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Key(key) if is_identifier(key) => write!(f, ".{key}"),
            Self::Key(key) => {
                f.write_str("[\"")?;
                for c in key.chars() {
                    if matches!(c, '"' | '\\') {
                        f.write_char('\\')?;
                    }
                    f.write_char(c)?;
                }
                f.write_str("\"]")
            }
        }
    }
}

fn is_identifier(key: &str) -> bool {
    let first = key.bytes().next().is_some_and(|b| b == b'_' || b.is_ascii_alphabetic());
    first && key.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric())
}
