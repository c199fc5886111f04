//! Why an expression has no result.

use std::borrow::Cow;

use super::ast::{Arithmetic, Comparison};
use super::value::Kind;

/// Why an expression has no result for a record; nothing of the payload is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// Two types that the operator does not take.
    #[error("`{}` compares {left} with {right}", .operator.sign())]
    Incomparable {
        /// The operator.
        operator: Comparison,
        /// What stands on its left.
        left: Kind,
        /// What stands on its right.
        right: Kind,
    },
    /// Something else than `true` or `false` where one of them is needed.
    #[error("a condition is true or false, and this is {0}")]
    NoCondition(Kind),
    /// Two types that the operator cannot calculate with.
    #[error("`{}` stands between {left} and {right}", .operator.sign())]
    NotCalculable {
        /// The operator.
        operator: Arithmetic,
        /// What stands on its left.
        left: Kind,
        /// What stands on its right.
        right: Kind,
    },
    /// The result is no integer of 64 bits, or no finite double.
    #[error("the result of `{}` is too great", .0.sign())]
    Overflow(Arithmetic),
    /// The divisor is zero.
    #[error("`{}` divides by zero", .0.sign())]
    DivisionByZero(Arithmetic),
    /// `%` with something that is no integer.
    #[error("`%` takes integers only")]
    NoInteger,
    /// A type that the function does not take.
    #[error("`{}` does not take {kind}", .function.name())]
    NotTaken {
        /// The function.
        function: Called,
        /// What it was given.
        kind: Kind,
    },
    /// A text, or a number, that the function cannot turn into what it returns.
    #[error("`{}` cannot convert this {}", .function.name(), word(*.kind))]
    NotConvertible {
        /// The function.
        function: Called,
        /// What it was given.
        kind: Kind,
    },
    /// An element of an array that cannot be read.
    #[error("an element cannot be read: it is damaged, or a key that is read occurs twice")]
    Element,
    /// A key or header that is no text, where one is needed.
    #[error("the bytes are not UTF-8")]
    NotUtf8,
    /// A number that JSON cannot write.
    #[error("the result is infinite, or not a number")]
    NotFinite,
    /// A record's time that no calendar has.
    #[error("the record's timestamp is out of range")]
    TimestampOutOfRange,
}

/// What is called by name, in one byte: a verdict has to fit into a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Called {
    /// `size()`
    Size,
    /// `lowerAscii()`
    LowerAscii,
    /// `string()`
    String,
    /// `int()`
    Int,
    /// `double()`
    Double,
    /// `timestamp()`
    Timestamp,
    /// `startsWith()`
    StartsWith,
    /// `endsWith()`
    EndsWith,
    /// `contains()`
    Contains,
    /// `matches()`
    Matches,
    /// `exists()`
    Exists,
    /// `all()`
    All,
    /// `-`
    Negative,
}

impl Called {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::LowerAscii => "lowerAscii",
            Self::String => "string",
            Self::Int => "int",
            Self::Double => "double",
            Self::Timestamp => "timestamp",
            Self::StartsWith => "startsWith",
            Self::EndsWith => "endsWith",
            Self::Contains => "contains",
            Self::Matches => "matches",
            Self::Exists => "exists",
            Self::All => "all",
            Self::Negative => "-",
        }
    }
}

/// Without its article.
fn word(kind: Kind) -> String {
    let name = kind.to_string();
    name.split_once(' ').map_or(name.clone(), |(_, word)| word.to_owned())
}

impl From<EvalError> for Cow<'static, str> {
    fn from(error: EvalError) -> Self {
        Self::Owned(error.to_string())
    }
}
