//! Functions and methods.

use super::{eval, eval_on, short, with_record};
use crate::model::Record;

const VALUE: &str = r#"{"s": "Ab c", "e": "x\u00e9\uD83D\uDE00\n", "i": 7, "d": -2.9, "big": 1e30, "n": 1.50, "nil": null,
    "t": true, "o": {"a": 1, "b": [1, {"c": 2}]}, "l": [1, "a,]", [2, 3]], "no": [], "num": "-12", "dbl": "1.5e2",
    "at": "2026-01-01T01:00:00+01:00", "late": "yesterday"}"#;

/// `(expression, result)`
fn table(rows: &[(&str, &str)]) {
    for (text, expected) in rows {
        assert_eq!(short(eval(text, Some(VALUE))), *expected, "{text}");
    }
}

#[test]
fn sizes_are_counted() {
    table(&[
        ("size(value.s) == 4", "T"),
        ("value.e.size() == 4", "T"),
        ("size(value.o) == 2 && size(value.o.b) == 2", "T"),
        ("size(value.l) == 3", "T"),
        ("size(value.no) == 0", "T"),
        ("size(key) == 6 && size(topic) == 6", "T"),
        (r#"size("é") == 1"#, "T"),
        ("size(value.s + value.e) == 8", "T"),
        ("size(value.x) == 0", "M"),
        ("size(value.i) == 0", "`size` does not take a number"),
        ("size(value.nil) == 0", "`size` does not take null"),
        (r#"size(headers["nothing"]) == 0"#, "`size` does not take null"),
    ]);
    with_record(None, |record| {
        let record = Record { key: Some(b"\xff\xfe"), ..*record };
        assert_eq!(short(eval_on("size(key) == 2", &record)), "T");
    });
}

#[test]
fn strings_are_searched() {
    table(&[
        (r#"value.s.startsWith("Ab")"#, "T"),
        (r#"value.s.startsWith("b")"#, "F"),
        (r#"value.s.endsWith(" c")"#, "T"),
        (r#"value.s.contains("b ")"#, "T"),
        (r#"value.s.contains("")"#, "T"),
        (r#"value.e.startsWith("xé")"#, "T"),
        (r#"value.e.endsWith("😀\n")"#, "T"),
        (r#"value.e.contains("\\u")"#, "F"),
        (r#"key.startsWith("user-") && topic.endsWith("rs")"#, "T"),
        (r#"headers["region"].contains("u")"#, "T"),
        (r#"("x" + value.s).startsWith("xA")"#, "T"),
        ("topic.contains(value.s)", "F"),
        (r#"value.x.contains("a")"#, "M"),
        (r#"headers["x"].contains("a")"#, "M"),
        (r#"headers["nothing"].contains("a")"#, "`contains` does not take null"),
        (r#"value.i.contains("a")"#, "`contains` does not take a number"),
        ("value.s.contains(value.i)", "`contains` does not take a number"),
        (
            r#"value.x.contains(value.s - 1 == 0 ? "a" : "b")"#,
            "`-` stands between a string and a number",
        ),
    ]);
}

#[test]
fn regexes_find_anywhere() {
    table(&[
        (r#"value.s.matches("b c$")"#, "T"),
        (r#"value.s.matches("^b")"#, "F"),
        (r#"value.s.matches(r"(?i)^AB\sC$")"#, "T"),
        (r#"value.e.matches("^x\\p{L}.\n$")"#, "T"),
        (r#"key.matches("^user-[0-9]+$")"#, "T"),
        (r#"value.x.matches("a")"#, "M"),
        (r#"value.i.matches("a")"#, "`matches` does not take a number"),
    ]);
    with_record(None, |record| {
        let record = Record { key: Some(b"\xffab"), ..*record };
        assert_eq!(short(eval_on("key.matches('b$')", &record)), "T");
        assert_eq!(short(eval_on("key.matches('^.ab$')", &record)), "F");
    });
}

#[test]
fn letters_become_small() {
    table(&[
        (r#"value.s.lowerAscii() == "ab c""#, "T"),
        (r#""ÄB".lowerAscii() == "Äb""#, "T"),
        ("value.e.lowerAscii() == value.e", "T"),
        (r#"headers["region"].lowerAscii() in ["eu"]"#, "T"),
        (r#"value.i.lowerAscii() == """#, "`lowerAscii` does not take a number"),
        (r#"value.x.lowerAscii() == """#, "M"),
    ]);
}

#[test]
fn what_is_no_string_becomes_one() {
    table(&[
        (r#"string(value.n) == "1.50""#, "T"),
        (r#"string(value.i) == "7""#, "T"),
        (r#"string(value.t) == "true""#, "T"),
        (r#"string(value.l) == '[1, "a,]", [2, 3]]'"#, "T"),
        ("string(value.e) == value.e", "T"),
        (r#"string(timestamp) == "2026-01-01T00:00:00Z""#, "T"),
        (r#"string(offset) == "9007199254740993""#, "T"),
        (r#"string(value.i + 1) == "8""#, "T"),
        (r#"string(headers["region"]) == "eu""#, "T"),
        (r#"string(value.nil) == """#, "`string` does not take null"),
        (r#"string(value.x) == """#, "M"),
    ]);
    with_record(None, |record| {
        let record = Record { key: Some(b"\xff"), ..*record };
        assert_eq!(short(eval_on("string(key) == ''", &record)), "the bytes are not UTF-8");
        assert_eq!(short(eval_on("int(key) == 1", &record)), "the bytes are not UTF-8");
    });
}

#[test]
fn what_is_no_number_becomes_one() {
    table(&[
        ("int(value.d) == -2", "T"),
        ("int(value.num) == -12", "T"),
        ("int(timestamp) == 1767225600", "T"),
        ("int(value.i) == 7", "T"),
        ("int('18446744073709551615') == 18446744073709551615u", "T"),
        ("int('18446744073709551616') == 1", "`int` cannot convert this string"),
        ("int(value.big) == 1", "`int` cannot convert this number"),
        ("int(key) == 1", "`int` cannot convert this string"),
        ("int('+1') == 1", "`int` cannot convert this string"),
        ("int('1.5') == 1", "`int` cannot convert this string"),
        ("int('') == 1", "`int` cannot convert this string"),
        ("int(value.t) == 1", "`int` does not take a bool"),
        ("int(value.x) == 1", "M"),
        ("double(value.dbl) == 150", "T"),
        ("double(value.i) / 2 == 3.5", "T"),
        ("double('inf') == 1", "`double` cannot convert this string"),
        ("double('1e999') == 1", "`double` cannot convert this string"),
        ("double(value.o) == 1", "`double` does not take an object"),
    ]);
}

#[test]
fn texts_become_times() {
    table(&[
        ("timestamp(value.at) == timestamp", "T"),
        ("timestamp(value.at) < timestamp('2026-01-02T00:00:00Z')", "T"),
        ("timestamp(timestamp) == timestamp", "T"),
        ("timestamp(value.late) == timestamp", "`timestamp` cannot convert this string"),
        ("timestamp(value.i) == timestamp", "`timestamp` does not take a number"),
        ("timestamp(value.x) == timestamp", "M"),
    ]);
}
