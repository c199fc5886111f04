//! Evaluation over one record and its filled slots.

use super::ast::Comparison;
use super::error::EvalError;
use super::functions;
use super::program::{Operand, Source, Test, Texts};
use super::value::{self, Moment, Text, Value};
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

/// What the parts of an expression are evaluated on.
#[derive(Clone, Copy)]
pub(super) struct Env<'a> {
    pub(super) record: &'a Record<'a>,
    pub(super) slots: &'a [Slot],
    /// The element that `exists()` or `all()` looks at.
    pub(super) element: Option<Element<'a>>,
}

/// One element of an array.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) whole: Slot,
    pub(super) slots: &'a [Slot],
}

impl<'a> Env<'a> {
    #[inline]
    pub(super) fn new(scope: &Scope<'a>) -> Self {
        Self { record: scope.record, slots: scope.slots, element: None }
    }
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
    pub(super) fn eval(&self, env: &Env<'_>) -> Verdict {
        match self {
            Self::All(tests) => chain(tests, env, Verdict::False, Verdict::True),
            Self::Any(tests) => chain(tests, env, Verdict::True, Verdict::False),
            Self::Not(test) => match test.eval(env) {
                Verdict::True => Verdict::False,
                Verdict::False => Verdict::True,
                gap @ (Verdict::Missing | Verdict::Error(_)) => gap,
            },
            Self::Has(source) => source.is_there(env).into(),
            Self::Text { field, text, equal } => match field.text(env) {
                Ok(Some(own)) => (value::same_text(own, Text::Plain(text)) == *equal).into(),
                Ok(None) => Verdict::from(!*equal),
                Err(gap) => gap.into(),
            },
            Self::Number { comparison, slot, number } => {
                compare_number(*comparison, *slot, *number, env)
            }
            Self::Texts { field, texts } => among_texts(field, texts, env),
            Self::Compare(comparison, left, right) => {
                match both(left.value(env), right.value(env)) {
                    Ok((left, right)) => match value::compare(*comparison, &left, &right) {
                        Ok(holds) => holds.into(),
                        Err(error) => Verdict::Error(error),
                    },
                    Err(gap) => gap.into(),
                }
            }
            Self::In(operand, literals) => match operand.value(env) {
                Ok(value) => literals.iter().any(|own| same(&value, &own.value())).into(),
                Err(gap) => gap.into(),
            },
            Self::Search(search, text, part) => search.eval(text, part, env),
            Self::Matches(text, regex) => functions::matches(text, regex, env),
            Self::Each(quantifier, each) => each.eval(*quantifier, env),
            Self::Truth(operand) => match operand.value(env) {
                Ok(Value::Bool(value)) => value.into(),
                Ok(other) => Verdict::Error(EvalError::NoCondition(other.kind())),
                Err(gap) => gap.into(),
            },
        }
    }
}

/// `decides` ends a chain; without it an error goes before missing, and missing before `otherwise`.
#[inline]
fn chain(tests: &[Test], env: &Env<'_>, decides: Verdict, otherwise: Verdict) -> Verdict {
    let mut result = otherwise;
    for test in tests {
        let verdict = test.eval(env);
        if verdict == decides {
            return verdict;
        }
        result = worse(result, verdict);
    }
    result
}

/// What two terms are together of which none decides: an error goes before missing, and missing before the rest.
#[inline]
pub(super) fn worse(so_far: Verdict, next: Verdict) -> Verdict {
    match (so_far, next) {
        (Verdict::True | Verdict::False | Verdict::Missing, Verdict::Error(_))
        | (Verdict::True | Verdict::False, Verdict::Missing) => next,
        _ => so_far,
    }
}

fn among_texts(field: &Source, texts: &Texts, env: &Env<'_>) -> Verdict {
    match field.text(env) {
        Ok(Some(own)) => texts.contains(own).into(),
        Ok(None) => Verdict::False,
        Err(gap) => gap.into(),
    }
}

#[inline]
fn compare_number(comparison: Comparison, slot: SlotId, number: Number, env: &Env<'_>) -> Verdict {
    let bytes = env.record.value.unwrap_or_default();
    let slot = env.slots.get(slot.index()).unwrap_or(&Slot::Missing);
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
pub(super) fn both<'a>(
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
    pub(super) fn value<'a>(&'a self, env: &Env<'a>) -> Result<Value<'a>, Gap> {
        match self {
            Self::Literal(literal) => Ok(literal.value()),
            Self::Field(source) => source.value(env),
            Self::Test(test) => match test.eval(env) {
                Verdict::True => Ok(Value::Bool(true)),
                Verdict::False => Ok(Value::Bool(false)),
                Verdict::Missing => Err(Gap::Missing),
                Verdict::Error(error) => Err(Gap::Error(error)),
            },
            Self::If(parts) => branch(parts, env)?.value(env),
            Self::Calculate(operator, sides) => {
                let [left, right] = sides.as_ref();
                let (left, right) = both(left.value(env), right.value(env))?;
                functions::calculate(*operator, &left, &right)
            }
            Self::Negative(inner) => functions::negative(&inner.value(env)?),
            Self::Call(function, inner) => function.call(inner, env),
        }
    }
}

/// The one that a condition chooses.
pub(super) fn branch<'p>(
    (condition, yes, no): &'p (Test, Operand, Operand),
    env: &Env<'_>,
) -> Result<&'p Operand, Gap> {
    match condition.eval(env) {
        Verdict::True => Ok(yes),
        Verdict::False => Ok(no),
        Verdict::Missing => Err(Gap::Missing),
        Verdict::Error(error) => Err(Gap::Error(error)),
    }
}

impl Source {
    #[inline]
    pub(super) fn value<'a>(&self, env: &Env<'a>) -> Result<Value<'a>, Gap> {
        let record = env.record;
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
            Self::Slot(_) | Self::Element | Self::InElement(_) => {
                let (slot, bytes) = self.slot(env);
                return in_value(&slot, bytes);
            }
        })
    }

    /// What a scan found there, and in which bytes; missing for what is no part of a value.
    #[inline]
    pub(super) fn slot<'a>(&self, env: &Env<'a>) -> (Slot, &'a [u8]) {
        let at = |slots: &[Slot], id: &SlotId| slots.get(id.index()).copied().unwrap_or_default();
        match (self, env.element) {
            (Self::Slot(id), _) => (at(env.slots, id), env.record.value.unwrap_or_default()),
            (Self::Element, Some(element)) => (element.whole, element.bytes),
            (Self::InElement(id), Some(element)) => (at(element.slots, id), element.bytes),
            _ => (Slot::Missing, &[]),
        }
    }

    /// Whether it is a part of a value.
    pub(super) fn is_slot(&self) -> bool {
        matches!(self, Self::Slot(_) | Self::Element | Self::InElement(_))
    }

    /// The text of a field; `None` where it is something else.
    #[inline]
    pub(super) fn text<'a>(&self, env: &Env<'a>) -> Result<Option<Text<'a>>, Gap> {
        let record = env.record;
        match self {
            Self::Key => Ok(record.key.map(Text::Plain)),
            Self::Topic => Ok(Some(Text::Plain(record.topic.as_bytes()))),
            Self::Partition | Self::Offset => Ok(None),
            Self::Timestamp => record.timestamp.map(|_| None).ok_or(Gap::Missing),
            Self::Header(name) => {
                Ok(record.headers.last(name).ok_or(Gap::Missing)?.map(Text::Plain))
            }
            Self::Slot(_) | Self::Element | Self::InElement(_) => {
                let (slot, bytes) = self.slot(env);
                match &slot {
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
    fn is_there(&self, env: &Env<'_>) -> bool {
        match self {
            Self::Key | Self::Topic | Self::Partition | Self::Offset => true,
            Self::Timestamp => env.record.timestamp.is_some(),
            Self::Header(name) => env.record.headers.last(name).is_some(),
            Self::Slot(_) | Self::Element | Self::InElement(_) => self.slot(env).0 != Slot::Missing,
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
