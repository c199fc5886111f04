//! The text of a value, as a key, a header or a string.

use std::io::Write as _;
use std::ops::Range;

use super::error::EvalError;
use super::eval::{Env, Gap, branch};
use super::program::Operand;
use super::value::{Text as RawText, Value};
use crate::json::{self, Number, Slot};

/// The text of a value, wherever its bytes lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text<'a> {
    /// A null key or header.
    Null,
    /// Bytes of the record.
    Borrowed(&'a [u8]),
    /// A part of the scratch buffer that the evaluation was given.
    Scratch(Range<usize>),
}

impl<'a> Text<'a> {
    /// The bytes; `scratch` is the buffer that the evaluation was given.
    pub fn bytes<'b>(&self, scratch: &'b [u8]) -> Option<&'b [u8]>
    where
        'a: 'b,
    {
        match self {
            Self::Null => None,
            Self::Borrowed(bytes) => Some(bytes),
            Self::Scratch(range) => Some(scratch.get(range.clone()).unwrap_or_default()),
        }
    }
}

/// Why there is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// The record is without a field that is asked for.
    #[error("the field is missing")]
    Missing,
    /// The expression cannot be evaluated on this record.
    #[error(transparent)]
    Error(EvalError),
}

impl From<Gap> for ValueError {
    fn from(gap: Gap) -> Self {
        match gap {
            Gap::Missing => Self::Missing,
            Gap::Error(error) => Self::Error(error),
        }
    }
}

impl Operand {
    /// Appends to `scratch` only what does not stand in the record as it is.
    pub(super) fn text<'a>(&self, env: &Env<'a>, scratch: &mut Vec<u8>) -> Result<Text<'a>, Gap> {
        match self {
            Self::If(parts) => return branch(parts, env)?.text(env, scratch),
            Self::Field(source) if source.is_slot() => {
                let (slot, bytes) = source.slot(env);
                return slot_text(&slot, bytes, scratch);
            }
            Self::Field(source) => {
                if let Some(RawText::Plain(bytes)) = source.text(env)? {
                    return Ok(Text::Borrowed(bytes));
                }
            }
            Self::Literal(_)
            | Self::Test(_)
            | Self::Calculate(..)
            | Self::Negative(_)
            | Self::Call(..) => {}
        }
        let start = scratch.len();
        match self.value(env)? {
            Value::Null => return Ok(Text::Null),
            Value::Bool(value) => return Ok(value.into()),
            Value::Text(RawText::Plain(bytes)) => scratch.extend_from_slice(bytes),
            Value::Text(RawText::Escaped(raw)) => json::unescape(raw, scratch),
            Value::Built(buffer) => scratch.extend_from_slice(&buffer.0),
            Value::Number(number) => write_number(number, scratch),
            Value::Timestamp(moment) => {
                let Some(time) = moment.timestamp() else {
                    return Err(Gap::Error(EvalError::TimestampOutOfRange));
                };
                let _infallible = write!(scratch, "{time}");
            }
            // Only slots are objects and arrays.
            Value::Object | Value::Array => return Err(Gap::Missing),
        }
        Ok(Text::Scratch(start..scratch.len()))
    }
}

impl Operand {
    /// The JSON text; appended to `scratch` where it does not stand in the record as it is.
    pub(super) fn json<'a>(&self, env: &Env<'a>, scratch: &mut Vec<u8>) -> Result<Text<'a>, Gap> {
        if let Self::If(parts) = self {
            return branch(parts, env)?.json(env, scratch);
        }
        if let Self::Field(source) = self
            && source.is_slot()
        {
            let (slot, bytes) = source.slot(env);
            return slot.raw(bytes).map(Text::Borrowed).ok_or(Gap::Missing);
        }
        let start = scratch.len();
        match self.value(env)? {
            Value::Null => return Ok(Text::Borrowed(b"null")),
            Value::Bool(value) => return Ok(value.into()),
            Value::Text(RawText::Plain(bytes)) => json::quote(utf8(bytes)?, scratch),
            Value::Built(buffer) => json::quote(utf8(&buffer.0)?, scratch),
            Value::Text(RawText::Escaped(raw)) => {
                scratch.push(b'"');
                scratch.extend_from_slice(raw);
                scratch.push(b'"');
            }
            Value::Number(Number::Float(value)) if !value.is_finite() => {
                return Err(Gap::Error(EvalError::NotFinite));
            }
            Value::Number(number) => write_number(number, scratch),
            Value::Timestamp(moment) => {
                let Some(time) = moment.timestamp() else {
                    return Err(Gap::Error(EvalError::TimestampOutOfRange));
                };
                let _infallible = write!(scratch, "\"{time}\"");
            }
            // Only slots are objects and arrays.
            Value::Object | Value::Array => return Err(Gap::Missing),
        }
        Ok(Text::Scratch(start..scratch.len()))
    }
}

pub(super) fn utf8(bytes: &[u8]) -> Result<&str, Gap> {
    simdutf8::basic::from_utf8(bytes).or(Err(Gap::Error(EvalError::NotUtf8)))
}

fn slot_text<'a>(slot: &Slot, value: &'a [u8], scratch: &mut Vec<u8>) -> Result<Text<'a>, Gap> {
    Ok(match slot {
        Slot::Missing => return Err(Gap::Missing),
        Slot::Null(_) => Text::Null,
        Slot::Bool(value, _) => (*value).into(),
        Slot::Number(span) | Slot::Plain(span) | Slot::Object(span) | Slot::Array(span) => {
            Text::Borrowed(span.of(value))
        }
        Slot::Escaped(span) => {
            let start = scratch.len();
            json::unescape(span.of(value), scratch);
            Text::Scratch(start..scratch.len())
        }
    })
}

impl From<bool> for Text<'_> {
    fn from(value: bool) -> Self {
        Self::Borrowed(if value { b"true" } else { b"false" })
    }
}

/// Writing to a vector cannot fail.
fn write_number(number: Number, out: &mut Vec<u8>) {
    let _infallible = match number {
        Number::Int(value) => write!(out, "{value}"),
        Number::Uint(value) => write!(out, "{value}"),
        // Beyond these it would be a long row of zeros.
        Number::Float(value) if value != 0.0 && !(1e-5..1e16).contains(&value.abs()) => {
            write!(out, "{value:?}")
        }
        Number::Float(value) => write!(out, "{value}"),
    };
}
