//! The typed expression: what is left of a text once names, types and literals are checked.

use jiff::Timestamp;
use regex::bytes::Regex;

use super::ast::{Arithmetic, Comparison, Junction};
use super::error::Called;
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
    /// `a ? b : c`
    If(Box<[Term; 3]>),
    /// `a + b`
    Calculate(Arithmetic, Box<[Term; 2]>),
    /// `-a`
    Negative(Box<Term>),
    /// `size(a)`
    Call(Function, Box<Term>),
    /// `a.startsWith(b)`
    Search(Search, Box<[Term; 2]>),
    /// `a.matches("b")`
    Matches(Box<Term>, Regex),
    /// `a.exists(x, b)`
    Each(Quantifier, Box<Each>),
}

/// A condition on the elements of an array.
#[derive(Clone, Debug)]
pub(super) struct Each {
    pub(super) array: Field,
    pub(super) condition: Term,
}

/// How many elements a condition must hold for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantifier {
    Exists,
    All,
}

/// A function of one argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Size,
    LowerAscii,
    String,
    Int,
    Double,
    Timestamp,
}

/// Where in a string another one is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Search {
    StartsWith,
    EndsWith,
    Contains,
}

impl Quantifier {
    pub(super) fn called(self) -> Called {
        match self {
            Self::Exists => Called::Exists,
            Self::All => Called::All,
        }
    }

    pub(super) fn name(self) -> &'static str {
        self.called().name()
    }
}

impl Function {
    pub(super) fn called(self) -> Called {
        match self {
            Self::Size => Called::Size,
            Self::LowerAscii => Called::LowerAscii,
            Self::String => Called::String,
            Self::Int => Called::Int,
            Self::Double => Called::Double,
            Self::Timestamp => Called::Timestamp,
        }
    }

    pub(super) fn name(self) -> &'static str {
        self.called().name()
    }

    /// What it makes of what it takes.
    fn types(self) -> Types {
        match self {
            Self::Size | Self::Int | Self::Double => Types::NUMBER,
            Self::LowerAscii | Self::String => Types::TEXT,
            Self::Timestamp => Types::TIMESTAMP,
        }
    }
}

impl Search {
    pub(super) fn called(self) -> Called {
        match self {
            Self::StartsWith => Called::StartsWith,
            Self::EndsWith => Called::EndsWith,
            Self::Contains => Called::Contains,
        }
    }

    pub(super) fn name(self) -> &'static str {
        self.called().name()
    }
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
    /// A part of the element that `exists()` or `all()` looks at, by the name that the text gives it; without a path all of it.
    Element(Box<str>, Path),
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
            Self::Path(_) | Self::Element(..) => Types::JSON,
        }
    }

    /// Whether a record can be without it.
    pub(super) fn can_be_missing(&self) -> bool {
        match self {
            Self::Key | Self::Topic | Self::Partition | Self::Offset => false,
            Self::Timestamp | Self::Header(_) | Self::Path(_) => true,
            Self::Element(_, path) => !path.0.is_empty(),
        }
    }

    /// Whether `has()` of this says that `other` is there too.
    pub(super) fn guards(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Path(own), Self::Path(other))
            | (Self::Element(_, own), Self::Element(_, other)) => other.is_prefix_of(own),
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
            | Self::Path(_)
            | Self::Element(..) => format!("has({self})"),
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
            Self::Element(name, path) => {
                f.write_str(name)?;
                path.0.iter().try_for_each(|segment| write!(f, "{segment}"))
            }
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
    /// Fields that are there wherever a chain with this in it depends on its other terms: under `&&` where this is true, under
    /// `||` where it is false.
    pub(super) fn says_there(&self, within: Junction) -> Vec<&Field> {
        match self {
            Self::Has(field) if within == Junction::And => vec![field],
            Self::Not(inner) => inner.says_there(within.other()),
            Self::Chain(own, terms) if *own == within => {
                terms.iter().flat_map(|term| term.says_there(within)).collect()
            }
            Self::Has(_)
            | Self::Chain(..)
            | Self::Literal(_)
            | Self::Field(_)
            | Self::Compare(..)
            | Self::In(..)
            | Self::If(_)
            | Self::Calculate(..)
            | Self::Negative(_)
            | Self::Call(..)
            | Self::Search(..)
            | Self::Matches(..)
            | Self::Each(..) => vec![],
        }
    }

    pub(super) fn types(&self) -> Types {
        match self {
            Self::Literal(literal) => literal.types(),
            Self::Field(field) => field.types(),
            Self::Has(_)
            | Self::Not(_)
            | Self::Chain(..)
            | Self::Compare(..)
            | Self::In(..)
            | Self::Search(..)
            | Self::Matches(..)
            | Self::Each(..) => Types::BOOL,
            Self::If(parts) => {
                let [_, yes, no] = parts.as_ref();
                yes.types().or(no.types())
            }
            Self::Calculate(operator, sides) => {
                let [left, right] = sides.as_ref();
                left.types().and(right.types()).and(operator.takes())
            }
            Self::Negative(_) => Types::NUMBER,
            Self::Call(function, _) => function.types(),
        }
    }

    /// Calls `visit` with all fields that are read or asked for.
    pub(super) fn fields<'t>(&'t self, visit: &mut impl FnMut(&'t Field)) {
        match self {
            Self::Literal(_) => {}
            Self::Field(field) | Self::Has(field) => visit(field),
            Self::Not(term)
            | Self::In(term, _)
            | Self::Negative(term)
            | Self::Call(_, term)
            | Self::Matches(term, _) => term.fields(visit),
            Self::Chain(_, terms) => terms.iter().for_each(|term| term.fields(visit)),
            Self::Compare(_, sides) | Self::Calculate(_, sides) | Self::Search(_, sides) => {
                sides.iter().for_each(|side| side.fields(visit));
            }
            Self::If(parts) => parts.iter().for_each(|part| part.fields(visit)),
            Self::Each(_, each) => {
                visit(&each.array);
                each.condition.fields(visit);
            }
        }
    }

    /// Whether it looks into the value.
    pub(super) fn reads_value(&self) -> bool {
        let mut reads = false;
        self.fields(&mut |field| reads |= matches!(field, Field::Path(_)));
        reads
    }
}

impl Arithmetic {
    /// What may stand on both sides.
    pub(super) fn takes(self) -> Types {
        match self {
            Self::Add => Types::NUMBER.or(Types::TEXT),
            Self::Subtract | Self::Multiply | Self::Divide | Self::Remainder => Types::NUMBER,
        }
    }
}
