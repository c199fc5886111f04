//! What is expected beside what came, as lines that people read.

use serde_json::Value;

use super::{
    Actual, ActualOutput, End, Expect, ExpectHeaders, ExpectOutput, ExpectRejection, ExpectValue,
    to_base64,
};
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
        differ("topic", topic.clone(), output.topic.clone());
    }
    if let Some(key) = &expect.key
        && key.as_deref().map(str::as_bytes) != output.key.as_deref()
    {
        differ("key", text(key.as_deref().map(str::as_bytes)), text(output.key.as_deref()));
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
    let json = || got.and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok());
    let (holds, expected) = match expect {
        ExpectValue::Json(wanted) => {
            (json().is_some_and(|own| same(wanted, &own)), wanted.to_string())
        }
        ExpectValue::Contains(wanted) => {
            (json().is_some_and(|own| contains(&own, wanted)), format!("one with {wanted}"))
        }
        ExpectValue::Bytes(wanted) => (got == Some(wanted), text(Some(wanted))),
        ExpectValue::Tombstone(wanted) => {
            let expected = if *wanted { "a tombstone" } else { "no tombstone" };
            (got.is_none() == *wanted, expected.to_owned())
        }
    };
    (!holds).then(|| (expected, text(got)))
}

/// Numbers are the same where they are worth the same; the order of keys does not count.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => {
            x == y || (is_float(x, y) && x.as_f64() == y.as_f64())
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

fn is_float(x: &serde_json::Number, y: &serde_json::Number) -> bool {
    x.is_f64() || y.is_f64()
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
    (wanted != got).then(|| (header_text(&wanted), header_text(&output.headers)))
}

fn header_text(list: &[(Vec<u8>, Option<Vec<u8>>)]) -> String {
    let one = |(name, value): &(Vec<u8>, Option<Vec<u8>>)| {
        format!("{}: {}", String::from_utf8_lossy(name), text(value.as_deref()))
    };
    format!("[{}]", list.iter().map(one).collect::<Vec<_>>().join(", "))
}

fn refused(expect: &ExpectRejection, rejection: &Rejection, said: &mut Vec<String>) {
    if let Some(stage) = expect.stage.filter(|stage| *stage != rejection.stage) {
        said.push(format!("stage\n  expected {stage}\n  got      {}", rejection.stage));
    }
    if let Some(reason) = expect.reason.as_ref().filter(|r| !rejection.reason.contains(*r)) {
        let got = &rejection.reason;
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

/// Bytes as text, where they are text.
pub(super) fn text(bytes: Option<&[u8]>) -> String {
    match bytes.map(|bytes| (std::str::from_utf8(bytes), bytes)) {
        None => "null".to_owned(),
        Some((Ok(text), _)) => text.to_owned(),
        Some((Err(_), bytes)) => format!("(base64) {}", to_base64(bytes)),
    }
}
