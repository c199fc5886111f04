//! What is expected beside what came, as lines that people read.

use std::cmp::Ordering;

use serde_json::Value;

use super::shown::{self, Null, printable};
use super::{
    Actual, ActualOutput, End, Expect, ExpectHeaders, ExpectOutput, ExpectRejection, ExpectValue,
};
use crate::json::Number;
use crate::model::Rejection;

/// A line for each difference.
pub(super) fn differences(expect: &[Expect], actual: &Actual) -> Vec<String> {
    let mut said = Vec::new();
    match &actual.end {
        End::Sent(outputs) => sent(expect, outputs, &mut said),
        End::Filtered(_) | End::Dropped(_) => {
            said.extend(expect.iter().map(|e| format!("expected {}, got nothing", wanted(e))));
        }
        End::DeadLetter(rejection) => match expect {
            [Expect::DeadLetter(wanted)] => refused(wanted, rejection, &mut said),
            other => said.push(format!("expected {}, got a dead letter", all(other))),
        },
        End::Stopped(rejection) => match expect {
            [Expect::Stop(wanted)] => refused(wanted, rejection, &mut said),
            other => said.push(format!("expected {}, got a halt of the pipeline", all(other))),
        },
    }
    said
}

fn sent(expect: &[Expect], outputs: &[ActualOutput], said: &mut Vec<String>) {
    for index in 0..expect.len().max(outputs.len()) {
        let number = index.saturating_add(1);
        match (expect.get(index), outputs.get(index)) {
            (Some(Expect::Sink(wanted)), Some(output)) if wanted.sink == output.sink => {
                compare(wanted, output, &format!("output {number} (sink {})", output.sink), said);
            }
            (Some(other), Some(output)) => said.push(format!(
                "output {number}: expected {}, got one to the sink {}",
                wanted(other),
                output.sink
            )),
            (Some(other), None) => {
                said.push(format!("output {number}: expected {}, got nothing", wanted(other)));
            }
            (None, Some(output)) => said.push(format!(
                "output {number}: expected nothing more, got one to the sink {}",
                output.sink
            )),
            (None, None) => {}
        }
    }
}

fn compare(expect: &ExpectOutput, output: &ActualOutput, what: &str, said: &mut Vec<String>) {
    let mut differ = |field: &str, expected: String, got: String| {
        said.push(format!("{what}: {field}\n  expected {expected}\n  got      {got}"));
    };
    if let Some(topic) = expect.topic.as_ref().filter(|topic| **topic != output.topic) {
        differ("topic", printable(topic).into_owned(), output.topic.clone());
    }
    if let Some(key) = &expect.key
        && key.as_deref().map(str::as_bytes) != output.key.as_deref()
    {
        let wanted = key.as_deref().map(str::as_bytes);
        let (expected, got) = shown::apart(wanted, output.key.as_deref(), Null::Key);
        differ("key", expected, got);
    }
    if let Some((expected, got)) = expect.value.as_ref().and_then(|v| value(v, output)) {
        differ("value", expected, got);
    }
    if let Some((expected, got)) = expect.headers.as_ref().and_then(|h| headers(h, output)) {
        differ("headers", expected, got);
    }
}

/// What was expected and what came, where they differ.
fn value(expect: &ExpectValue, output: &ActualOutput) -> Option<(String, String)> {
    let got = output.value.as_deref();
    match expect {
        ExpectValue::Json(wanted) => {
            json(got, |own| same(wanted, own)).map(|got| (wanted.to_string(), got))
        }
        ExpectValue::Contains(wanted) => {
            json(got, |own| contains(own, wanted)).map(|got| (format!("one with {wanted}"), got))
        }
        ExpectValue::Bytes(wanted) => {
            (got != Some(wanted)).then(|| shown::apart(Some(wanted), got, Null::Value))
        }
        ExpectValue::Tombstone(wanted) => (got.is_none() != *wanted).then(|| {
            let expected = if *wanted { "a tombstone" } else { "no tombstone" };
            (expected.to_owned(), shown::text(got, Null::Value))
        }),
    }
}

/// What came, where it is no JSON that fits.
fn json(got: Option<&[u8]>, fits: impl FnOnce(&Value) -> bool) -> Option<String> {
    let shown = shown::text(got, Null::Value);
    let Some(bytes) = got else { return Some(shown) };
    match serde_json::from_slice(bytes) {
        Ok(own) => (!fits(&own)).then_some(shown),
        Err(error) => Some(format!("{shown}\n  which cannot be compared as JSON: {error}")),
    }
}

/// Numbers are the same where they are worth the same; the order of keys does not count.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => {
            worth(x).zip(worth(y)).and_then(|(x, y)| x.compare(y)).is_some_and(Ordering::is_eq)
        }
        (Value::Array(x), Value::Array(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(x, y))
        }
        (Value::Object(x), Value::Object(y)) => {
            let has = |key: &String, value: &Value| y.get(key).is_some_and(|own| same(value, own));
            x.len() == y.len() && x.iter().all(|(key, value)| has(key, value))
        }
        (
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_),
            _,
        ) => a == b,
    }
}

fn worth(number: &serde_json::Number) -> Option<Number> {
    let signed = number.as_i64().map(Number::Int);
    let unsigned = || number.as_u64().map(Number::Uint);
    signed.or_else(unsigned).or_else(|| number.as_f64().map(Number::Float))
}

/// An object has the fields of the part, each with its part; an array has each item of the part somewhere.
fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(fields), Value::Object(wanted)) => wanted
            .iter()
            .all(|(key, value)| fields.get(key).is_some_and(|own| contains(own, value))),
        (Value::Array(items), Value::Array(wanted)) => {
            wanted.iter().all(|value| items.iter().any(|own| contains(own, value)))
        }
        (
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_),
            _,
        ) => same(whole, part),
    }
}

fn headers(expect: &ExpectHeaders, output: &ActualOutput) -> Option<(String, String)> {
    type Bytes = (Vec<u8>, Option<Vec<u8>>);
    let bytes = |list: &[(String, Option<String>)]| -> Vec<Bytes> {
        let one = |(name, value): &(String, Option<String>)| {
            (name.clone().into_bytes(), value.clone().map(String::into_bytes))
        };
        list.iter().map(one).collect()
    };
    let (mut wanted, mut got) = match expect {
        ExpectHeaders::List(list) | ExpectHeaders::Map(list) => {
            (bytes(list), output.headers.clone())
        }
    };
    if matches!(expect, ExpectHeaders::Map(_)) {
        wanted.sort();
        got.sort();
    }
    (wanted != got).then(|| {
        let show = |how: fn(Option<&[u8]>) -> String| {
            (header_text(&wanted, how), header_text(&output.headers, how))
        };
        let (expected, got) = show(|bytes| shown::text(bytes, Null::Header));
        if expected == got {
            show(|bytes| shown::base64(bytes, Null::Header))
        } else {
            (expected, got)
        }
    })
}

fn header_text(
    list: &[(Vec<u8>, Option<Vec<u8>>)],
    show: impl Fn(Option<&[u8]>) -> String,
) -> String {
    let one = |(name, value): &(Vec<u8>, Option<Vec<u8>>)| {
        format!("{}: {}", show(Some(name)), show(value.as_deref()))
    };
    format!("[{}]", list.iter().map(one).collect::<Vec<_>>().join(", "))
}

fn refused(expect: &ExpectRejection, rejection: &Rejection, said: &mut Vec<String>) {
    if let Some(stage) = expect.stage.filter(|stage| *stage != rejection.stage) {
        said.push(format!("stage\n  expected {stage}\n  got      {}", rejection.stage));
    }
    if let Some(reason) = expect.reason.as_ref().filter(|r| !rejection.reason.contains(*r)) {
        let (reason, got) = (printable(reason), printable(&rejection.reason));
        said.push(format!("reason\n  expected one with `{reason}`\n  got      {got}"));
    }
}

fn all(expect: &[Expect]) -> String {
    match expect {
        [] => "nothing".to_owned(),
        several => several.iter().map(wanted).collect::<Vec<_>>().join(" and "),
    }
}

fn wanted(expect: &Expect) -> String {
    match expect {
        Expect::Sink(output) => format!("an output to the sink {}", output.sink),
        Expect::DeadLetter(_) => "a dead letter".to_owned(),
        Expect::Stop(_) => "a halt of the pipeline".to_owned(),
    }
}
