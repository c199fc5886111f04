//! The text of a value.

use super::{scanned, value_of, with_record};
use crate::expression::{Scope, ValueError};
use crate::model::Record;

const VALUE: &str = r#"{"s": "a b", "e": "x\u00e9\n\"", "n": 1.50e3, "i": 18446744073709551616, "t": true, "nil": null,
    "o": {"a" : [1]}, "l": [ 1, 2 ]}"#;

fn text(expression: &str) -> Result<Option<Vec<u8>>, ValueError> {
    with_record(Some(VALUE), |record| {
        let (value, paths) = value_of(expression);
        let slots = scanned(&paths, record);
        let mut scratch = b"before".to_vec();
        let text = value.eval(&Scope { record, slots: &slots }, &mut scratch)?;
        Ok(text.bytes(&scratch).map(<[u8]>::to_vec))
    })
}

#[test]
fn texts_are_what_stands_in_the_record() {
    for (expression, expected) in [
        ("value.s", "a b"),
        ("value.e", "x\u{e9}\n\""),
        ("value.n", "1.50e3"),
        ("value.i", "18446744073709551616"),
        ("value.t", "true"),
        ("value.o", r#"{"a" : [1]}"#),
        ("value.o.a", "[1]"),
        ("value.l", "[ 1, 2 ]"),
        ("value.l[1]", "2"),
        ("key", "user-7"),
        ("topic", "orders"),
        ("partition", "3"),
        ("offset", "9007199254740993"),
        ("timestamp", "2026-01-01T00:00:00Z"),
        (r#"headers["region"]"#, "eu"),
        (r#""fix""#, "fix"),
        ("12", "12"),
        ("-1.5", "-1.5"),
        ("value.t == true", "true"),
        ("has(value.x)", "false"),
    ] {
        assert_eq!(text(expression), Ok(Some(expected.as_bytes().to_vec())), "{expression}");
    }
}

#[test]
fn null_is_a_null_key() {
    assert_eq!(text("value.nil"), Ok(None));
    assert_eq!(text("null"), Ok(None));
    assert_eq!(text(r#"headers["nothing"]"#), Ok(None));
}

#[test]
fn what_is_in_the_record_is_not_copied() {
    with_record(Some(VALUE), |record| {
        for (expression, copied) in [("value.s", 0), ("value.n", 0), ("key", 0), ("value.e", 5)] {
            let (value, paths) = value_of(expression);
            let slots = scanned(&paths, record);
            let mut scratch = Vec::new();
            value.eval(&Scope { record, slots: &slots }, &mut scratch).unwrap();
            assert_eq!(scratch.len(), copied, "{expression}");
        }
    });
}

#[test]
fn times_before_1970_and_beyond_the_calendar() {
    for (timestamp, expected) in [
        (-1, Ok("1969-12-31T23:59:59.999Z")),
        (0, Ok("1970-01-01T00:00:00Z")),
        (i64::MAX, Err("the record's timestamp is out of range")),
    ] {
        with_record(None, |record| {
            let record = Record { timestamp: Some(timestamp), ..*record };
            let (value, _) = value_of("timestamp");
            let mut scratch = Vec::new();
            let text = value.eval(&Scope { record: &record, slots: &[] }, &mut scratch);
            let text = text.map(|text| text.bytes(&scratch).map(<[u8]>::to_vec).unwrap());
            let expected = expected.map(|text: &str| text.as_bytes().to_vec());
            assert_eq!(text.map_err(|error| error.to_string()), expected.map_err(str::to_owned));
        });
    }
}

#[test]
fn missing_is_an_error() {
    assert_eq!(text("value.x"), Err(ValueError::Missing));
    assert_eq!(text(r#"headers["x"]"#), Err(ValueError::Missing));
    let error = text("value.s < 1").unwrap_err().to_string();
    assert_eq!(error, "`<` compares a string with a number");
}
