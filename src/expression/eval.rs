//! Evaluation over one record and its filled slots.

use super::program::{Operand, Source, Test, Texts};
use super::value::{self, EvalError, Text, Value};
use crate::json::{Number, Slot, Span};
use crate::model::Record;

/// What an expression is evaluated on.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The record.
    pub record: &'a Record<'a>,
    /// What a scan of its value with the pipeline's paths has filled. All missing where the record is a tombstone, or where
    /// nothing reads the value.
    pub slots: &'a [Slot],
}

/// The result of a predicate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The record passes.
    True,
    /// It does not.
    False,
    /// A field that decides is missing: it does not pass, and is counted apart.
    Missing,
    /// The predicate cannot be evaluated on this record.
    Error(EvalError),
}

/// Why a part of an expression has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    Missing,
    Error(EvalError),
}

impl From<bool> for Verdict {
    #[inline]
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}

impl From<Gap> for Verdict {
    #[inline]
    fn from(gap: Gap) -> Self {
        match gap {
            Gap::Missing => Self::Missing,
            Gap::Error(error) => Self::Error(error),
        }
    }
}

impl Test {
    #[inline]
    pub(super) fn eval(&self, scope: &Scope<'_>) -> Verdict {
        match self {
            Self::All(tests) => chain(tests, scope, Verdict::False, Verdict::True),
            Self::Any(tests) => chain(tests, scope, Verdict::True, Verdict::False),
            Self::Not(test) => match test.eval(scope) {
                Verdict::True => Verdict::False,
                Verdict::False => Verdict::True,
                gap @ (Verdict::Missing | Verdict::Error(_)) => gap,
            },
            Self::Has(source) => source.is_there(scope).into(),
            Self::Text { field, text, equal } => match field.value(scope) {
                Ok(Value::Text(own)) => (value::same_text(own, Text::Plain(text)) == *equal).into(),
                Ok(_) => Verdict::from(!*equal),
                Err(gap) => gap.into(),
            },
            Self::Texts { field, texts } => among_texts(field, texts, scope),
            Self::Compare(comparison, left, right) => {
                match both(left.value(scope), right.value(scope)) {
                    Ok((left, right)) => match value::compare(*comparison, &left, &right) {
                        Ok(holds) => holds.into(),
                        Err(error) => Verdict::Error(error),
                    },
                    Err(gap) => gap.into(),
                }
            }
            Self::In(operand, literals) => match operand.value(scope) {
                Ok(value) => literals.iter().any(|own| same(&value, &own.value())).into(),
                Err(gap) => gap.into(),
            },
            Self::Truth(operand) => match operand.value(scope) {
                Ok(Value::Bool(value)) => value.into(),
                Ok(other) => Verdict::Error(EvalError::NoCondition(other.kind())),
                Err(gap) => gap.into(),
            },
        }
    }
}

/// `decides` ends a chain; without it an error goes before missing, and missing before `otherwise`.
#[inline]
fn chain(tests: &[Test], scope: &Scope<'_>, decides: Verdict, otherwise: Verdict) -> Verdict {
    let mut result = otherwise;
    for test in tests {
        match (test.eval(scope), result) {
            (verdict, _) if verdict == decides => return verdict,
            (Verdict::Error(error), Verdict::True | Verdict::False | Verdict::Missing) => {
                result = Verdict::Error(error);
            }
            (Verdict::Missing, Verdict::True | Verdict::False) => result = Verdict::Missing,
            _ => {}
        }
    }
    result
}

fn among_texts(field: &Source, texts: &Texts, scope: &Scope<'_>) -> Verdict {
    match field.value(scope) {
        Ok(Value::Text(own)) => texts.contains(own).into(),
        Ok(_) => Verdict::False,
        Err(gap) => gap.into(),
    }
}

fn same(left: &Value<'_>, right: &Value<'_>) -> bool {
    value::compare(super::Comparison::Equal, left, right) == Ok(true)
}

/// Error and missing together are an error.
#[inline]
fn both<'a>(
    left: Result<Value<'a>, Gap>,
    right: Result<Value<'a>, Gap>,
) -> Result<(Value<'a>, Value<'a>), Gap> {
    match (left, right) {
        (Ok(left), Ok(right)) => Ok((left, right)),
        (Err(error @ Gap::Error(_)), _) | (_, Err(error @ Gap::Error(_))) => Err(error),
        (Err(Gap::Missing), _) | (_, Err(Gap::Missing)) => Err(Gap::Missing),
    }
}

impl Operand {
    #[inline]
    pub(super) fn value<'a>(&'a self, scope: &Scope<'a>) -> Result<Value<'a>, Gap> {
        match self {
            Self::Literal(literal) => Ok(literal.value()),
            Self::Field(source) => source.value(scope),
            Self::Test(test) => match test.eval(scope) {
                Verdict::True => Ok(Value::Bool(true)),
                Verdict::False => Ok(Value::Bool(false)),
                Verdict::Missing => Err(Gap::Missing),
                Verdict::Error(error) => Err(Gap::Error(error)),
            },
        }
    }
}

impl Source {
    #[inline]
    pub(super) fn value<'a>(&self, scope: &Scope<'a>) -> Result<Value<'a>, Gap> {
        let record = scope.record;
        let text = |bytes| Value::Text(Text::Plain(bytes));
        Ok(match self {
            Self::Key => record.key.map_or(Value::Null, text),
            Self::Topic => text(record.topic.as_bytes()),
            Self::Partition => Value::Number(Number::Int(record.partition.into())),
            Self::Offset => Value::Number(Number::Int(record.offset)),
            Self::Timestamp => Value::Timestamp(nanoseconds(record.timestamp)?),
            Self::Header(name) => {
                record.headers.last(name).ok_or(Gap::Missing)?.map_or(Value::Null, text)
            }
            Self::Slot(id) => {
                let slot = scope.slots.get(id.index()).ok_or(Gap::Missing)?;
                return in_value(slot, record.value.unwrap_or_default());
            }
        })
    }

    #[inline]
    fn is_there(&self, scope: &Scope<'_>) -> bool {
        match self {
            Self::Key | Self::Topic | Self::Partition | Self::Offset => true,
            Self::Timestamp => scope.record.timestamp.is_some(),
            Self::Header(name) => scope.record.headers.last(name).is_some(),
            Self::Slot(id) => scope.slots.get(id.index()).is_some_and(|s| *s != Slot::Missing),
        }
    }
}

fn nanoseconds(milliseconds: Option<i64>) -> Result<i128, Gap> {
    milliseconds.map(|time| i128::from(time) * 1_000_000).ok_or(Gap::Missing)
}

#[inline]
fn in_value<'a>(slot: &Slot, bytes: &'a [u8]) -> Result<Value<'a>, Gap> {
    let of = |span: &Span| span.of(bytes);
    Ok(match slot {
        Slot::Missing => return Err(Gap::Missing),
        Slot::Null => Value::Null,
        Slot::Bool(value) => Value::Bool(*value),
        // A scan lets nothing through that is no number.
        Slot::Number(span) => Value::Number(Number::parse(of(span)).ok_or(Gap::Missing)?),
        Slot::Plain(span) => Value::Text(Text::Plain(of(span))),
        Slot::Escaped(span) => Value::Text(Text::Escaped(of(span))),
        Slot::Object(_) => Value::Object,
        Slot::Array(_) => Value::Array,
    })
}
