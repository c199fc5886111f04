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
    #[error("`{function}` does not take {kind}")]
    NotTaken {
        /// The function.
        function: &'static str,
        /// What it was given.
        kind: Kind,
    },
    /// A text, or a number, that the function cannot turn into what it returns.
    #[error("`{function}` cannot convert this {kind}", kind = word(*.kind))]
    NotConvertible {
        /// The function.
        function: &'static str,
        /// What it was given.
        kind: Kind,
    },
    /// An element of an array that cannot be read.
    #[error("an element cannot be read: {0}")]
    Element(&'static str),
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
