//! What one part of an expression is worth for one record.

use std::cmp::Ordering;
use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::ast::Comparison;
use super::buffer::Buffer;
use super::error::EvalError;
use crate::json::{self, Number};

/// A value, borrowed from the record or the expression.
#[derive(Debug)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Text<'a>),
    /// A string that was made.
    Built(Buffer),
    Timestamp(Moment),
    Object,
    Array,
}

/// A point in time: milliseconds since 1970, as records have them, and nanoseconds behind those.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    milliseconds: i64,
    nanoseconds: i32,
}

impl Moment {
    pub(super) fn of_record(milliseconds: i64) -> Self {
        Self { milliseconds, nanoseconds: 0 }
    }

    pub(super) fn of(time: &Timestamp) -> Self {
        // Both parts are negative before 1970.
        let (milliseconds, rest) = (time.as_millisecond(), time.subsec_nanosecond() % 1_000_000);
        if rest < 0 {
            return Self { milliseconds: milliseconds - 1, nanoseconds: rest + 1_000_000 };
        }
        Self { milliseconds, nanoseconds: rest }
    }

    /// Whole seconds since 1970, before it rounded down.
    pub(super) fn seconds(self) -> i64 {
        self.milliseconds.div_euclid(1000)
    }

    /// `None` where no calendar has it.
    pub(super) fn timestamp(self) -> Option<Timestamp> {
        let whole = Timestamp::from_millisecond(self.milliseconds).ok()?;
        whole.checked_add(SignedDuration::from_nanos(self.nanoseconds.into())).ok()
    }
}

/// Text as it stands in the record.
#[derive(Clone, Copy, Debug)]
pub(super) enum Text<'a> {
    /// The bytes are the text.
    Plain(&'a [u8]),
    /// The bytes are a JSON string's with escapes.
    Escaped(&'a [u8]),
}

/// What a value is, for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`, or a key or header that is null
    Null,
    /// `true` or `false`
    Bool,
    /// Any number.
    Number,
    /// A string, a key, a header.
    Text,
    /// A point in time.
    Timestamp,
    /// An object.
    Object,
    /// An array.
    Array,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Bool => "a bool",
            Self::Number => "a number",
            Self::Text => "a string",
            Self::Timestamp => "a timestamp",
            Self::Object => "an object",
            Self::Array => "an array",
        })
    }
}

impl Value<'_> {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Null => Kind::Null,
            Self::Bool(_) => Kind::Bool,
            Self::Number(_) => Kind::Number,
            Self::Text(_) | Self::Built(_) => Kind::Text,
            Self::Timestamp(_) => Kind::Timestamp,
            Self::Object => Kind::Object,
            Self::Array => Kind::Array,
        }
    }

    /// What it says, where it is a string.
    #[inline]
    pub(super) fn text(&self) -> Option<Text<'_>> {
        match self {
            Self::Text(text) => Some(*text),
            Self::Built(buffer) => Some(Text::Plain(&buffer.0)),
            Self::Null
            | Self::Bool(_)
            | Self::Number(_)
            | Self::Timestamp(_)
            | Self::Object
            | Self::Array => None,
        }
    }
}

/// Compares two values.
#[inline]
pub(super) fn compare(
    operator: Comparison,
    left: &Value<'_>,
    right: &Value<'_>,
) -> Result<bool, EvalError> {
    let incomparable =
        || EvalError::Incomparable { operator, left: left.kind(), right: right.kind() };
    if let (Some(a), Some(b)) = (left.text(), right.text()) {
        if operator.is_equality() {
            return Ok(same_text(a, b) == (operator == Comparison::Equal));
        }
        return Ok(holds(operator, order_texts(a, b)));
    }
    let ordering = match (left, right) {
        (Value::Number(a), Value::Number(b)) => a.compare(*b),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Timestamp(a), Value::Timestamp(b)) => Some(a.cmp(b)),
        // Equal or not, but neither is the greater one.
        (Value::Null, Value::Null) if operator.is_equality() => Some(Ordering::Equal),
        // Two of these would have to be compared in depth, which this language does not do.
        (Value::Object, Value::Object) | (Value::Array, Value::Array) => None,
        _ if operator.is_equality() => return Ok(operator == Comparison::NotEqual),
        _ => None,
    };
    ordering.map(|ordering| holds(operator, ordering)).ok_or_else(incomparable)
}

pub(super) fn holds(operator: Comparison, ordering: Ordering) -> bool {
    match operator {
        Comparison::Equal => ordering.is_eq(),
        Comparison::NotEqual => ordering.is_ne(),
        Comparison::Less => ordering.is_lt(),
        Comparison::LessOrEqual => ordering.is_le(),
        Comparison::Greater => ordering.is_gt(),
        Comparison::GreaterOrEqual => ordering.is_ge(),
    }
}

#[inline]
pub(super) fn same_text(left: Text<'_>, right: Text<'_>) -> bool {
    match (left, right) {
        (Text::Plain(a), Text::Plain(b)) => a == b,
        (Text::Escaped(a), Text::Plain(b)) | (Text::Plain(b), Text::Escaped(a)) => json::says(a, b),
        (Text::Escaped(a), Text::Escaped(b)) => json::Unescaped::new(a).eq(json::Unescaped::new(b)),
    }
}

/// By UTF-8 bytes, which is also the order of code points.
pub(super) fn order_texts(left: Text<'_>, right: Text<'_>) -> Ordering {
    match (left, right) {
        (Text::Plain(a), Text::Plain(b)) => a.cmp(b),
        (Text::Escaped(a), Text::Plain(b)) => json::order(a, b),
        (Text::Plain(a), Text::Escaped(b)) => json::order(b, a).reverse(),
        (Text::Escaped(a), Text::Escaped(b)) => {
            json::Unescaped::new(a).cmp(json::Unescaped::new(b))
        }
    }
}
