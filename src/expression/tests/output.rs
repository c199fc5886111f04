//! The text of a value.

use super::{scanned, value_of, with_record};
use crate::expression::{Scope, ValueError};

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
fn missing_is_an_error() {
    assert_eq!(text("value.x"), Err(ValueError::Missing));
    assert_eq!(text(r#"headers["x"]"#), Err(ValueError::Missing));
    let error = text("value.s < 1").unwrap_err().to_string();
    assert_eq!(error, "`<` compares a string with a number");
}
