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

fn json(expression: &str) -> Result<String, String> {
    with_record(Some(VALUE), |record| {
        let record = Record { key: Some(b"a\"\n\x01\xc3\xa9"), ..*record };
        let (value, paths) = value_of(expression);
        let slots = scanned(&paths, &record);
        let mut scratch = b"before".to_vec();
        let text = value.json(&Scope { record: &record, slots: &slots }, &mut scratch);
        let text = text.map_err(|error| error.to_string())?;
        Ok(String::from_utf8(text.bytes(&scratch).unwrap().to_vec()).unwrap())
    })
}

#[test]
fn json_of_a_path_is_its_own_bytes() {
    for (expression, expected) in [
        ("value.s", r#""a b""#),
        ("value.e", r#""x\u00e9\n\"""#),
        ("value.n", "1.50e3"),
        ("value.i", "18446744073709551616"),
        ("value.t", "true"),
        ("value.nil", "null"),
        ("value.o", r#"{"a" : [1]}"#),
        ("value.l", "[ 1, 2 ]"),
        ("value.l[1]", "2"),
    ] {
        assert_eq!(json(expression), Ok(expected.to_owned()), "{expression}");
    }
}

#[test]
fn json_of_anything_else_is_written() {
    for (expression, expected) in [
        ("key", r#""a\"\n\u0001é""#),
        ("topic", r#""orders""#),
        ("partition", "3"),
        ("offset", "9007199254740993"),
        ("timestamp", r#""2026-01-01T00:00:00Z""#),
        (r#"headers["region"]"#, r#""eu""#),
        (r#"headers["nothing"]"#, "null"),
        ("null", "null"),
        (r#""f\"x""#, r#""f\"x""#),
        ("-12", "-12"),
        ("18446744073709551615u", "18446744073709551615"),
        ("1.5", "1.5"),
        ("1e300", "1e300"),
        ("2.0", "2"),
        ("1e-7", "1e-7"),
        ("has(value.x)", "false"),
    ] {
        assert_eq!(json(expression), Ok(expected.to_owned()), "{expression}");
    }
    assert_eq!(json("value.x"), Err("the field is missing".to_owned()));
}

#[test]
fn bytes_that_are_no_text_have_no_json() {
    with_record(None, |record| {
        let record = Record { key: Some(b"\xff"), ..*record };
        let (value, _) = value_of("key");
        let result = value.json(&Scope { record: &record, slots: &[] }, &mut Vec::new());
        assert_eq!(result.unwrap_err().to_string(), "the bytes are not UTF-8");
    });
}
