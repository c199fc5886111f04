//! Evaluation over one record and its filled slots.

use super::ast::Comparison;
use super::program::{Operand, Source, Test, Texts};
use super::value::{self, EvalError, Moment, Text, Value};
use crate::json::{Number, Slot, SlotId, Span};
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
            Self::Text { field, text, equal } => match field.text(scope) {
                Ok(Some(own)) => (value::same_text(own, Text::Plain(text)) == *equal).into(),
                Ok(None) => Verdict::from(!*equal),
                Err(gap) => gap.into(),
            },
            Self::Number { comparison, slot, number } => {
                compare_number(*comparison, *slot, *number, scope)
            }
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
    match field.text(scope) {
        Ok(Some(own)) => texts.contains(own).into(),
        Ok(None) => Verdict::False,
        Err(gap) => gap.into(),
    }
}

#[inline]
fn compare_number(
    comparison: Comparison,
    slot: SlotId,
    number: Number,
    scope: &Scope<'_>,
) -> Verdict {
    let bytes = scope.record.value.unwrap_or_default();
    let slot = scope.slots.get(slot.index()).unwrap_or(&Slot::Missing);
    if let Slot::Number(span) = slot
        && let Some(ordering) = Number::parse(span.of(bytes)).and_then(|own| own.compare(number))
    {
        return value::holds(comparison, ordering).into();
    }
    match in_value(slot, bytes).map(|own| value::compare(comparison, &own, &Value::Number(number)))
    {
        Ok(Ok(holds)) => holds.into(),
        Ok(Err(error)) => Verdict::Error(error),
        Err(gap) => gap.into(),
    }
}

fn same(left: &Value<'_>, right: &Value<'_>) -> bool {
    value::compare(Comparison::Equal, left, right) == Ok(true)
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
            Self::Timestamp => {
                Value::Timestamp(Moment::of_record(record.timestamp.ok_or(Gap::Missing)?))
            }
            Self::Header(name) => {
                record.headers.last(name).ok_or(Gap::Missing)?.map_or(Value::Null, text)
            }
            Self::Slot(id) => {
                let slot = scope.slots.get(id.index()).ok_or(Gap::Missing)?;
                return in_value(slot, record.value.unwrap_or_default());
            }
        })
    }

    /// The text of a field; `None` where it is something else.
    #[inline]
    fn text<'a>(&self, scope: &Scope<'a>) -> Result<Option<Text<'a>>, Gap> {
        let record = scope.record;
        match self {
            Self::Key => Ok(record.key.map(Text::Plain)),
            Self::Topic => Ok(Some(Text::Plain(record.topic.as_bytes()))),
            Self::Partition | Self::Offset => Ok(None),
            Self::Timestamp => record.timestamp.map(|_| None).ok_or(Gap::Missing),
            Self::Header(name) => {
                Ok(record.headers.last(name).ok_or(Gap::Missing)?.map(Text::Plain))
            }
            Self::Slot(id) => {
                let bytes = record.value.unwrap_or_default();
                match scope.slots.get(id.index()).unwrap_or(&Slot::Missing) {
                    Slot::Plain(span) => Ok(Some(Text::Plain(span.of(bytes)))),
                    Slot::Escaped(span) => Ok(Some(Text::Escaped(span.of(bytes)))),
                    Slot::Missing => Err(Gap::Missing),
                    Slot::Null(_)
                    | Slot::Bool(..)
                    | Slot::Number(_)
                    | Slot::Object(_)
                    | Slot::Array(_) => Ok(None),
                }
            }
        }
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

#[inline]
fn in_value<'a>(slot: &Slot, bytes: &'a [u8]) -> Result<Value<'a>, Gap> {
    let of = |span: &Span| span.of(bytes);
    Ok(match slot {
        Slot::Missing => return Err(Gap::Missing),
        Slot::Null(_) => Value::Null,
        Slot::Bool(value, _) => Value::Bool(*value),
        // A scan lets nothing through that is no number.
        Slot::Number(span) => Value::Number(Number::parse(of(span)).ok_or(Gap::Missing)?),
        Slot::Plain(span) => Value::Text(Text::Plain(of(span))),
        Slot::Escaped(span) => Value::Text(Text::Escaped(of(span))),
        Slot::Object(_) => Value::Object,
        Slot::Array(_) => Value::Array,
    })
}
