//! The typed expression: what is left of a text once names, types and literals are checked.

use jiff::Timestamp;

use super::ast::{Comparison, Junction};
use super::value::Kind;
use crate::json::{Number, Path};

/// A typed part of an expression.
#[derive(Clone, Debug)]
pub(super) enum Term {
    /// A constant.
    Literal(Literal),
    /// A part of the record, or a path into its value.
    Field(Field),
    /// Whether a field is there.
    Has(Field),
    /// `!a`
    Not(Box<Term>),
    /// `a && b`, `a || b`
    Chain(Junction, Vec<Term>),
    /// `a < b`
    Compare(Comparison, Box<[Term; 2]>),
    /// `a in [1, 2]`
    In(Box<Term>, Vec<Literal>),
}

/// What can be asked of a record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    Key,
    Topic,
    Partition,
    Offset,
    Timestamp,
    /// The last header of that name.
    Header(Box<str>),
    Path(Path),
}

/// A constant.
#[derive(Clone, Debug)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Number(Number),
    Text(Box<str>),
    Timestamp(Timestamp),
}

/// The types that a part can have: a set of kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Types(u8);

impl Types {
    pub(super) const NULL: Self = Self(1);
    pub(super) const BOOL: Self = Self(2);
    pub(super) const NUMBER: Self = Self(4);
    pub(super) const TEXT: Self = Self(8);
    pub(super) const TIMESTAMP: Self = Self(16);
    /// Whatever JSON has. Objects and arrays are in it without being a kind of their own: nothing but a path can be one.
    pub(super) const JSON: Self = Self(1 | 2 | 4 | 8);

    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) fn without_null(self) -> Self {
        Self(self.0 & !Self::NULL.0)
    }

    pub(super) fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The kind, where there is only one.
    pub(super) fn kind(self) -> Option<Kind> {
        match self {
            Self::NULL => Some(Kind::Null),
            Self::BOOL => Some(Kind::Bool),
            Self::NUMBER => Some(Kind::Number),
            Self::TEXT => Some(Kind::Text),
            Self::TIMESTAMP => Some(Kind::Timestamp),
            _ => None,
        }
    }

    /// For messages: `a string`, `a string or null`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::NULL => "null",
            Self::BOOL => "a bool",
            Self::NUMBER => "a number",
            Self::TEXT => "a string",
            Self::TIMESTAMP => "a timestamp",
            Self::JSON => "a JSON value",
            other if other == Self::TEXT.or(Self::NULL) => "a string or null",
            _ => "a value",
        }
    }
}

impl Field {
    pub(super) fn types(&self) -> Types {
        match self {
            Self::Key | Self::Header(_) => Types::TEXT.or(Types::NULL),
            Self::Topic => Types::TEXT,
            Self::Partition | Self::Offset => Types::NUMBER,
            Self::Timestamp => Types::TIMESTAMP,
            Self::Path(_) => Types::JSON,
        }
    }

    /// Whether a record can be without it.
    pub(super) fn can_be_missing(&self) -> bool {
        match self {
            Self::Key | Self::Topic | Self::Partition | Self::Offset => false,
            Self::Timestamp | Self::Header(_) | Self::Path(_) => true,
        }
    }

    /// Whether `has()` of this says that `other` is there too.
    pub(super) fn guards(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Path(own), Self::Path(other)) => other.is_prefix_of(own),
            _ => self == other,
        }
    }

    /// The question whether it is there, as an expression asks it.
    pub(super) fn has(&self) -> String {
        match self {
            Self::Header(name) => format!("{name:?} in headers"),
            Self::Key
            | Self::Topic
            | Self::Partition
            | Self::Offset
            | Self::Timestamp
            | Self::Path(_) => format!("has({self})"),
        }
    }
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key => f.write_str("key"),
            Self::Topic => f.write_str("topic"),
            Self::Partition => f.write_str("partition"),
            Self::Offset => f.write_str("offset"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Header(name) => write!(f, "headers[{name:?}]"),
            Self::Path(path) => path.fmt(f),
        }
    }
}

impl Literal {
    pub(super) fn types(&self) -> Types {
        match self {
            Self::Null => Types::NULL,
            Self::Bool(_) => Types::BOOL,
            Self::Number(_) => Types::NUMBER,
            Self::Text(_) => Types::TEXT,
            Self::Timestamp(_) => Types::TIMESTAMP,
        }
    }
}

impl Term {
    pub(super) fn types(&self) -> Types {
        match self {
            Self::Literal(literal) => literal.types(),
            Self::Field(field) => field.types(),
            Self::Has(_) | Self::Not(_) | Self::Chain(..) | Self::Compare(..) | Self::In(..) => {
                Types::BOOL
            }
        }
    }

    /// Calls `visit` with all fields that are read or asked for.
    pub(super) fn fields<'t>(&'t self, visit: &mut impl FnMut(&'t Field)) {
        match self {
            Self::Literal(_) => {}
            Self::Field(field) | Self::Has(field) => visit(field),
            Self::Not(term) | Self::In(term, _) => term.fields(visit),
            Self::Chain(_, terms) => terms.iter().for_each(|term| term.fields(visit)),
            Self::Compare(_, sides) => sides.iter().for_each(|side| side.fields(visit)),
        }
    }

    /// Whether it looks into the value.
    pub(super) fn reads_value(&self) -> bool {
        let mut reads = false;
        self.fields(&mut |field| reads |= matches!(field, Field::Path(_)));
        reads
    }
}
