//! Evaluation: types, missing fields, errors.

use super::{Verdict, eval, eval_on, short, with_record};
use crate::model::{NoHeaders, Record};

const VALUE: &str = r#"{
    "type": "user.created", "amount": 12, "price": 9.5, "big": 18446744073709551615, "low": -9223372036854775808,
    "huge": 1e999, "ok": true, "no": false, "nil": null, "text": "Jos\u00e9", "key": "user-7",
    "a": {"b": {"c": 1}, "@x": "at", "e\"q": 5}, "items": [10, {"sku": "A"}, []], "odd": 9007199254740993
}"#;

/// `(expression, result)`; results are `T`, `F`, `M` for missing, or the text of the error.
fn table(rows: &[(&str, &str)]) {
    for (text, expected) in rows {
        assert_eq!(short(eval(text, Some(VALUE))), *expected, "{text}");
    }
}

#[test]
fn values_compare_by_type() {
    table(&[
        (r#"value.type == "user.created""#, "T"),
        (r#"value.type != "user.created""#, "F"),
        (r#""user.created" == value.type"#, "T"),
        (r#"value.type < "user.d""#, "T"),
        (r#""user.d" > value.type"#, "T"),
        (r"value.type == 1", "F"),
        (r"value.type != 1", "T"),
        (r"value.type < 1", "`<` compares a string with a number"),
        (r"1 < value.type", "`<` compares a number with a string"),
        (r#"value.text == "José""#, "T"),
        (r"value.text == 'Jos\u00e9'", "T"),
        (r#"value.text in ["x", "José"]"#, "T"),
        (r#"value.text > "Jos""#, "T"),
        (r#""Jos" < value.text"#, "T"),
        (r"value.text == value.text", "T"),
        (r"value.text >= value.text", "T"),
        (r"value.type > value.text", "T"),
        (r"value.text < value.type", "T"),
        (r"value.ok", "T"),
        (r"value.ok == true", "T"),
        (r"value.no < value.ok", "T"),
        (r"value.ok == (value.amount > 1)", "T"),
        (r"value.amount", "a condition is true or false, and this is a number"),
        (r"value.a == 1", "F"),
        (r"value.a == value.a", "`==` compares an object with an object"),
        (r"value.a < 1", "`<` compares an object with a number"),
        (r"value.items == value.items", "`==` compares an array with an array"),
        (r"value.a == value.items", "F"),
        (r"true", "T"),
        (r"1 == 1.0", "T"),
    ]);
}

#[test]
fn numbers_compare_exactly() {
    table(&[
        ("value.amount == 12", "T"),
        ("value.amount == 12.0", "T"),
        ("value.amount == 12u", "T"),
        ("value.amount == 0x0c", "T"),
        ("value.amount > -1", "T"),
        ("value.price > 9", "T"),
        ("value.price < 10", "T"),
        ("value.price == 9.5", "T"),
        ("value.price in [1, 9.5]", "T"),
        ("value.big == 18446744073709551615u", "T"),
        ("value.big > 9223372036854775807", "T"),
        ("value.big == 18446744073709551615.0", "F"),
        ("value.big < 18446744073709551616.0", "T"),
        ("value.low == -9223372036854775808", "T"),
        ("value.low < 0u", "T"),
        ("value.huge > 1.7e308", "T"),
        ("value.odd == 9007199254740993", "T"),
        ("value.odd == 9007199254740992.0", "F"),
        ("value.odd > 9007199254740992.0", "T"),
        ("offset == 9007199254740993", "T"),
        ("offset == 9007199254740992.0", "F"),
        ("offset == value.odd", "T"),
        ("partition in [1, 2, 3]", "T"),
        ("partition != 3", "F"),
    ]);
}

#[test]
fn null_is_equal_to_null_only() {
    table(&[
        ("value.nil == null", "T"),
        ("value.nil != null", "F"),
        ("value.amount == null", "F"),
        ("value.amount != null", "T"),
        ("value.nil == 0", "F"),
        ("value.nil < 1", "`<` compares null with a number"),
        ("value.nil in [null, 1]", "T"),
        ("value.nil", "a condition is true or false, and this is null"),
        ("has(value.nil)", "T"),
        ("null == null", "T"),
        (r#"headers["nothing"] == null"#, "T"),
        (r#"headers["nothing"] == "x""#, "F"),
        (r#"headers["nothing"] < "x""#, "`<` compares null with a string"),
        (r#"headers["region"] != null"#, "T"),
    ]);
}

#[test]
fn missing_is_carried_on() {
    table(&[
        ("value.none == 1", "M"),
        ("value.none != 1", "M"),
        ("value.none < 1", "M"),
        ("value.none == null", "M"),
        ("value.none == value.gone", "M"),
        ("!(value.none == 1)", "M"),
        ("value.none", "M"),
        ("value.none in [1, 2]", "M"),
        ("value.none in []", "M"),
        ("value.amount in []", "F"),
        (r#"value.none in ["a"]"#, "M"),
        ("value.none == 1 && false", "F"),
        ("false && value.none == 1", "F"),
        ("value.none == 1 && true", "M"),
        ("value.none == 1 || true", "T"),
        ("true || value.none == 1", "T"),
        ("value.none == 1 || false", "M"),
        ("value.none == 1 || !(value.none == 1)", "M"),
        ("has(value.none)", "F"),
        ("!has(value.none)", "T"),
        ("!has(value.none) || value.none == 1", "T"),
        ("has(value.a.b.c)", "T"),
        ("has(value.a.b.c.d)", "F"),
        ("has(value.type.x)", "F"),
        ("value.type.x == 1", "M"),
        (r#"headers["none"] == "x""#, "M"),
        (r#""none" in headers"#, "F"),
        (r#""region" in headers"#, "T"),
        (r#"has(headers["nothing"])"#, "T"),
    ]);
}

#[test]
fn errors_are_carried_on_as_in_cel() {
    let error = "`<` compares a string with a number";
    table(&[
        ("value.type < 1 && false", "F"),
        ("false && value.type < 1", "F"),
        ("value.type < 1 && true", error),
        ("value.type < 1 || true", "T"),
        ("value.type < 1 || false", error),
        ("!(value.type < 1)", error),
        ("value.type < 1 && value.none == 1", error),
        ("value.none == 1 && value.type < 1", error),
        ("value.none == 1 || value.type < 1", error),
        ("(value.none == 1) == (value.type < 1)", error),
        ("(value.type < 1) == (value.none == 1)", error),
        ("value.none == 1 && value.type < 1 && false", "F"),
        ("value.none == 1 || value.type < 1 || true", "T"),
    ]);
}

#[test]
fn parts_of_the_record_are_roots() {
    table(&[
        (r#"key == "user-7""#, "T"),
        (r"key == value.key", "T"),
        (r#"key in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "user-7"]"#, "T"),
        (r#"key in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]"#, "F"),
        (r#"value.text in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "José"]"#, "T"),
        (r"key != null", "T"),
        (r#"topic == "orders""#, "T"),
        (r#"headers["region"] == "eu""#, "T"),
        (r#"timestamp == timestamp("2026-01-01T00:00:00Z")"#, "T"),
        (r#"timestamp == timestamp("2026-01-01T01:00:00+01:00")"#, "T"),
        (r#"timestamp < timestamp("2026-01-01T00:00:00.000000001Z")"#, "T"),
        (r#"timestamp >= timestamp("2026-01-01T00:00:00.000000001Z")"#, "F"),
        (r#"timestamp in [timestamp("2026-01-01T00:00:00Z")]"#, "T"),
        ("has(timestamp)", "T"),
        ("value.a.b.c == 1", "T"),
        (r#"value.a["@x"] == "at""#, "T"),
        (r#"value["a"]['@x'] == "at""#, "T"),
        (r#"value.a["e\"q"] == 5"#, "T"),
        ("value.items[0] == 10", "T"),
        (r#"value.items[1].sku == "A""#, "T"),
        ("has(value.items[2][0])", "F"),
        ("value.items[3] == 1", "M"),
        ("value.items.sku == 1", "M"),
        ("value.a[0] == 1", "M"),
    ]);
}

#[test]
fn what_has_no_fields_misses_all() {
    for value in [None, Some("1"), Some("[1]"), Some("\"a\""), Some("null"), Some("{}")] {
        assert_eq!(eval("value.a == 1", value), Verdict::Missing, "{value:?}");
        assert_eq!(eval("has(value.a)", value), Verdict::False, "{value:?}");
        assert_eq!(eval(r#"topic == "orders""#, value), Verdict::True, "{value:?}");
    }
    assert_eq!(eval("value[0] == 1", Some("[1]")), Verdict::True);
}

#[test]
fn times_compare_to_the_nanosecond_before_1970_too() {
    with_record(None, |record| {
        let early = Record { timestamp: Some(-1500), ..*record };
        for (text, expected) in [
            (r#"timestamp == timestamp("1969-12-31T23:59:58.5Z")"#, "T"),
            (r#"timestamp > timestamp("1969-12-31T23:59:58.499999999Z")"#, "T"),
            (r#"timestamp < timestamp("1969-12-31T23:59:58.500000001Z")"#, "T"),
            (r#"timestamp < timestamp("1970-01-01T00:00:00Z")"#, "T"),
        ] {
            assert_eq!(short(eval_on(text, &early)), expected, "{text}");
        }
    });
}

/// Whatever the order of the terms, and however they are nested, the result is that of the table of the module.
#[test]
fn chains_do_not_depend_on_their_order() {
    let terms = [
        ("topic == \"orders\"", 'T'),
        ("value.no", 'F'),
        ("value.x == 1", 'M'),
        ("value.type < 1", 'E'),
    ];
    let letter = |text: &str| {
        let result = short(eval(text, Some(VALUE)));
        if result.len() == 1 { result } else { "E".to_owned() }
    };
    for (a, one) in terms {
        for (b, two) in terms {
            for (c, three) in terms {
                let has = |letter| [one, two, three].contains(&letter);
                let all = ['F', 'E', 'M', 'T'].into_iter().find(|l| has(*l)).unwrap();
                let any = ['T', 'E', 'M', 'F'].into_iter().find(|l| has(*l)).unwrap();
                assert_eq!(letter(&format!("{a} && {b} && {c}")), all.to_string(), "{a} {b} {c}");
                assert_eq!(letter(&format!("{a} || ({b} || {c})")), any.to_string(), "{a} {b} {c}");
            }
        }
    }
}

#[test]
fn a_bare_record_has_neither_key_nor_time() {
    with_record(None, |record| {
        let bare = Record { key: None, timestamp: None, headers: &NoHeaders, ..*record };
        for (text, expected) in [
            ("key == null", "T"),
            ("key != null", "F"),
            (r#"key == "a""#, "F"),
            (r#"key != "a""#, "T"),
            (r#"key in ["a"]"#, "F"),
            (r#"key < "a""#, "`<` compares null with a string"),
            (r#"timestamp > timestamp("2026-01-01T00:00:00Z")"#, "M"),
            ("has(timestamp)", "F"),
            (r#""region" in headers"#, "F"),
        ] {
            assert_eq!(short(eval_on(text, &bare)), expected, "{text}");
        }
        let empty = Record { key: Some(b""), ..bare };
        assert_eq!(eval_on(r#"key == """#, &empty), Verdict::True);
        assert_eq!(eval_on("key == null", &empty), Verdict::False);
        let bytes = Record { key: Some(b"\xff"), ..bare };
        assert_eq!(eval_on(r#"key > "zz""#, &bytes), Verdict::True);
        assert_eq!(eval_on(r#"key == "\u00ff""#, &bytes), Verdict::False);
    });
}
