//! What operators and functions make of their arguments.

use regex::bytes::Regex;

use super::arithmetic;
use super::ast::Arithmetic;
use super::buffer::Buffer;
use super::error::{Called, EvalError};
use super::eval::{Env, Gap, Verdict, both};
use super::output::{self, Text as Output};
use super::program::{Operand, Source};
use super::term::{Function, Search};
use super::time::rfc3339;
use super::value::{Kind, Moment, Text, Value};
use crate::json::{self, Number, Slot};

type Evaluated<'a> = Result<Value<'a>, Gap>;

/// Numbers are calculated with; `+` joins two strings.
pub(super) fn calculate<'a>(
    operator: Arithmetic,
    left: &Value<'_>,
    right: &Value<'_>,
) -> Evaluated<'a> {
    if let (Value::Number(left), Value::Number(right)) = (left, right) {
        let number = arithmetic::calculate(operator, *left, *right);
        return number.map(Value::Number).map_err(Gap::Error);
    }
    if let (Arithmetic::Add, Some(left), Some(right)) = (operator, left.text(), right.text()) {
        let mut buffer = Buffer::take();
        append(left, &mut buffer.0);
        append(right, &mut buffer.0);
        return Ok(Value::Built(buffer));
    }
    let (left, right) = (left.kind(), right.kind());
    Err(Gap::Error(EvalError::NotCalculable { operator, left, right }))
}

pub(super) fn negative<'a>(value: &Value<'_>) -> Evaluated<'a> {
    let Value::Number(number) = value else {
        return Err(not_taken(Called::Negative, value.kind()));
    };
    arithmetic::negative(*number).map(Value::Number).map_err(Gap::Error)
}

fn append(text: Text<'_>, out: &mut Vec<u8>) {
    match text {
        Text::Plain(bytes) => out.extend_from_slice(bytes),
        Text::Escaped(raw) => json::unescape(raw, out),
    }
}

fn not_taken(function: Called, kind: Kind) -> Gap {
    Gap::Error(EvalError::NotTaken { function, kind })
}

/// Runs with the bytes that a text says.
fn with_bytes<T>(text: Text<'_>, run: impl FnOnce(&[u8]) -> T) -> T {
    match text {
        Text::Plain(bytes) => run(bytes),
        Text::Escaped(raw) => {
            let mut buffer = Buffer::take();
            json::unescape(raw, &mut buffer.0);
            run(&buffer.0)
        }
    }
}

/// Whether a regex finds something anywhere in a string.
pub(super) fn matches(operand: &Operand, regex: &Regex, env: &Env<'_>) -> Verdict {
    match operand.value(env) {
        Ok(value) => match value.text() {
            Some(text) => with_bytes(text, |bytes| regex.is_match(bytes)).into(),
            None => not_taken(Called::Matches, value.kind()).into(),
        },
        Err(gap) => gap.into(),
    }
}

impl Search {
    pub(super) fn eval(self, text: &Operand, part: &Operand, env: &Env<'_>) -> Verdict {
        let (text, part) = match both(text.value(env), part.value(env)) {
            Ok(both) => both,
            Err(gap) => return gap.into(),
        };
        match (text.text(), part.text()) {
            (Some(text), Some(part)) => {
                with_bytes(text, |text| with_bytes(part, |part| self.finds(text, part))).into()
            }
            (Some(_), None) => not_taken(self.called(), part.kind()).into(),
            (None, _) => not_taken(self.called(), text.kind()).into(),
        }
    }

    fn finds(self, text: &[u8], part: &[u8]) -> bool {
        match self {
            Self::StartsWith => text.starts_with(part),
            Self::EndsWith => text.ends_with(part),
            Self::Contains => memchr::memmem::find(text, part).is_some(),
        }
    }
}

impl Function {
    pub(super) fn call<'a>(self, operand: &'a Operand, env: &Env<'a>) -> Evaluated<'a> {
        if let (Self::Size, Operand::Field(source)) = (self, operand)
            && let Some(size) = container_size(source, env)
        {
            return size;
        }
        if self == Self::String {
            return string(operand, env);
        }
        let value = operand.value(env)?;
        match (self, &value) {
            (Self::Size, _) => self.of_text(&value, |text| Ok(Value::Number(length(text)))),
            (Self::LowerAscii, _) => self.of_text(&value, |text| {
                let mut buffer = Buffer::take();
                append(text, &mut buffer.0);
                buffer.0.make_ascii_lowercase();
                Ok(Value::Built(buffer))
            }),
            (Self::Int, Value::Number(Number::Float(double))) => {
                self.made(arithmetic::truncated(*double), Kind::Number)
            }
            (Self::Double, Value::Number(number)) => {
                Ok(Value::Number(Number::Float(arithmetic::double(*number))))
            }
            (Self::Int, Value::Number(number)) => Ok(Value::Number(*number)),
            (Self::Int, Value::Timestamp(moment)) => {
                Ok(Value::Number(Number::Int(moment.seconds())))
            }
            (Self::Timestamp, Value::Timestamp(moment)) => Ok(Value::Timestamp(*moment)),
            (Self::Int | Self::Double | Self::Timestamp, _) => {
                self.of_text(&value, |text| with_bytes(text, |bytes| self.parsed(bytes)))
            }
            (Self::String, _) => Err(not_taken(self.called(), value.kind())),
        }
    }

    fn of_text<'a>(
        self,
        value: &Value<'_>,
        make: impl FnOnce(Text<'_>) -> Evaluated<'a>,
    ) -> Evaluated<'a> {
        match value.text() {
            Some(text) => make(text),
            None => Err(not_taken(self.called(), value.kind())),
        }
    }

    fn parsed<'a>(self, bytes: &[u8]) -> Evaluated<'a> {
        let text = output::utf8(bytes)?;
        if self == Self::Timestamp {
            return match rfc3339(text) {
                Some(time) => Ok(Value::Timestamp(Moment::of(&time))),
                None => self.made(None, Kind::Text),
            };
        }
        // Rust reads more as a number than people write: `inf`, `+1`.
        let first = text.strip_prefix('-').unwrap_or(text).bytes().next();
        if !first.is_some_and(|first| first.is_ascii_digit()) {
            return self.made(None, Kind::Text);
        }
        let number = if self == Self::Int {
            text.parse().ok().and_then(arithmetic::integer)
        } else {
            text.parse().ok().filter(|double: &f64| double.is_finite()).map(Number::Float)
        };
        self.made(number, Kind::Text)
    }

    fn made<'a>(self, number: Option<Number>, kind: Kind) -> Evaluated<'a> {
        let error = EvalError::NotConvertible { function: self.called(), kind };
        number.map(Value::Number).ok_or(Gap::Error(error))
    }
}

/// The number of elements or members, where the source is an array or object.
fn container_size<'a>(source: &Source, env: &Env<'_>) -> Option<Evaluated<'a>> {
    let (slot, bytes) = source.slot(env);
    match slot {
        Slot::Object(span) | Slot::Array(span) => {
            let size = json::count(span.of(bytes)).map(number);
            Some(size.or(Err(Gap::Error(EvalError::Element))))
        }
        Slot::Missing
        | Slot::Null(_)
        | Slot::Bool(..)
        | Slot::Number(_)
        | Slot::Plain(_)
        | Slot::Escaped(_) => None,
    }
}

/// The length in code points; of bytes that are no text, in bytes.
fn length(text: Text<'_>) -> Number {
    let begins = |byte: &u8| *byte & 0xc0 != 0x80;
    let count = match text {
        Text::Plain(bytes) => match simdutf8::basic::from_utf8(bytes) {
            Ok(_) => bytes.iter().filter(|byte| begins(byte)).count(),
            Err(_) => bytes.len(),
        },
        Text::Escaped(raw) => json::Unescaped::new(raw).filter(begins).count(),
    };
    Number::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

fn number<'a>(count: usize) -> Value<'a> {
    Value::Number(Number::Int(i64::try_from(count).unwrap_or(i64::MAX)))
}

/// What a key or header would be, as a string: a number as it stands in the record.
fn string<'a>(operand: &'a Operand, env: &Env<'a>) -> Evaluated<'a> {
    let mut buffer = Buffer::take();
    match operand.text(env, &mut buffer.0)? {
        Output::Null => Err(not_taken(Called::String, Kind::Null)),
        Output::Borrowed(bytes) => {
            output::utf8(bytes)?;
            Ok(Value::Text(Text::Plain(bytes)))
        }
        Output::Scratch(_) => {
            output::utf8(&buffer.0)?;
            Ok(Value::Built(buffer))
        }
    }
}
