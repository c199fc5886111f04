//! Calculation, and the choice of `? :`.

use super::{eval, short};

const VALUE: &str = r#"{"i": 7, "j": -2, "max": 18446744073709551615, "min": -9223372036854775808, "d": 1.5, "one": 1.0,
    "zero": 0, "nothing": 0.0, "huge": 1e308, "inf": 1e999, "s": "a", "e": "\u00e9", "nil": null, "t": true, "o": {}}"#;

/// `(expression, result)`
fn table(rows: &[(&str, &str)]) {
    for (text, expected) in rows {
        assert_eq!(short(eval(text, Some(VALUE))), *expected, "{text}");
    }
}

#[test]
fn integers_are_exact() {
    table(&[
        ("value.i + value.j == 5", "T"),
        ("value.i - value.j == 9", "T"),
        ("value.i * value.j == -14", "T"),
        ("value.i / value.j == -3", "T"),
        ("value.i % value.j == 1", "T"),
        ("-7 % 2 == -1", "T"),
        ("-value.j == 2", "T"),
        ("-value.min == 9223372036854775808u", "T"),
        ("offset + 1 == 9007199254740994", "T"),
        ("9223372036854775807 + 1 == 9223372036854775808u", "T"),
        ("1 + 2 * 3 == 7 && (1 + 2) * 3 == 9 && 7 - 2 - 1 == 4", "T"),
        ("value.max + 1 > 0", "the result of `+` is too great"),
        ("value.max * value.max > 0", "the result of `*` is too great"),
        ("value.min - 1 < 0", "the result of `-` is too great"),
        ("-value.max < 0", "the result of `-` is too great"),
        ("value.i / value.zero == 1", "`/` divides by zero"),
        ("value.i % value.zero == 1", "`%` divides by zero"),
    ]);
}

#[test]
fn with_a_double_both_are_doubles() {
    table(&[
        ("value.i + value.d == 8.5", "T"),
        ("value.i / 2 == 3 && value.i / 2.0 == 3.5", "T"),
        ("value.one + 1 == 2", "T"),
        ("-value.d == -1.5", "T"),
        ("value.d / value.nothing > 0", "`/` divides by zero"),
        ("value.huge * 10 > 0", "the result of `*` is too great"),
        ("value.inf - 1 > 0", "the result of `-` is too great"),
        ("value.inf > 1", "T"),
        ("value.d % value.i == 1", "`%` takes integers only"),
    ]);
}

#[test]
fn strings_are_joined() {
    table(&[
        (r#"value.s + "b" == "ab""#, "T"),
        (r#"topic + "-" + value.e == "orders-é""#, "T"),
        (r#"value.s + value.s > "a""#, "T"),
        (r#"key + "" in ["user-7"]"#, "T"),
        ("value.s + value.i == 1", "`+` stands between a string and a number"),
        ("value.s - value.s == 1", "`-` stands between a string and a string"),
        ("value.nil + 1 == 1", "`+` stands between null and a number"),
        ("-value.s == 1", "`-` does not take a string"),
        ("value.o + 1 == 1", "`+` stands between an object and a number"),
    ]);
}

#[test]
fn missing_is_carried_through_calculation() {
    table(&[
        ("value.x + 1 == 1", "M"),
        ("-value.x == 1", "M"),
        ("value.x / value.zero == 1", "M"),
        ("value.x + value.i / value.zero == 1", "`/` divides by zero"),
        ("value.x + 1 == 1 || true", "T"),
        ("value.i / value.zero == 1 && false", "F"),
    ]);
}

#[test]
fn a_condition_chooses() {
    table(&[
        ("(value.i == 7 ? value.t : value.x)", "T"),
        ("(value.i == 8 ? value.x : !value.t)", "F"),
        ("(has(value.x) ? value.x : value.i) == 7", "T"),
        (r#"(value.t ? "a" : "b") == "a""#, "T"),
        ("value.t ? false : true ? true : true", "F"),
        ("(value.x == 1 ? 1 : 2) == 2", "M"),
        ("(value.s < 1 ? 1 : 2) == 2", "`<` compares a string with a number"),
        ("(value.i ? 1 : 2) == 2", "a condition is true or false, and this is a number"),
        ("(true ? 1 : value.i / value.zero) == 1", "T"),
        ("value.t ? value.x : true", "M"),
    ]);
}
