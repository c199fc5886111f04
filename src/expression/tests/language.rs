//! What is accepted, and how the rest is refused.

use proptest::prelude::*;

use super::{Predicate, problems};
use crate::expression::ValueExpression;

#[test]
fn the_text_is_kept() {
    let checked = Predicate::parse("  key == \"a\" ").unwrap();
    assert_eq!(checked.value.text(), "  key == \"a\" ");
    assert!(checked.warnings.is_empty());
}

#[test]
fn only_paths_read_the_value() {
    for (text, reads) in [
        ("key == \"a\" && \"h\" in headers && partition == 1", false),
        ("key == \"a\" || has(value.x)", true),
        ("!(topic in [\"a\"] && value.x == 1)", true),
        ("true", false),
    ] {
        assert_eq!(Predicate::parse(text).unwrap().value.reads_value(), reads, "{text}");
    }
    assert!(ValueExpression::parse("value.id").unwrap().value.reads_value());
    assert!(!ValueExpression::parse("headers[\"id\"]").unwrap().value.reads_value());
}

/// `(expression, what is marked in it, message, hint)`
pub(super) fn refusals(rows: &[(&str, &str, &str, &str)]) {
    for (text, marked, message, hint) in rows {
        let found = problems(text);
        let [problem] = found.as_slice() else { panic!("{text}: {found:?}") };
        let span = text.get(problem.span.clone()).unwrap_or("no place in the text");
        let own = (span, problem.message.as_str(), problem.hint.as_deref().unwrap_or(""));
        assert_eq!(own, (*marked, *message, *hint), "{text}");
    }
}

#[test]
fn unknown_names_say_what_was_meant() {
    let roots =
        "the roots are `value`, `key`, `headers`, `topic`, `partition`, `offset`, `timestamp`";
    refusals(&[
        ("json.a == 1", "json", "unknown root `json`", "did you mean `value`?"),
        ("valeu.a == 1", "valeu", "unknown root `valeu`", "did you mean `value`?"),
        ("header[\"a\"] == \"b\"", "header", "unknown root `header`", "did you mean `headers`?"),
        ("Topic == \"b\"", "Topic", "unknown root `Topic`", "did you mean `topic`?"),
        ("value.a == True", "True", "unknown root `True`", "did you mean `true`?"),
        ("value.a == DE", "DE", "unknown root `DE`", roots),
        ("foo(value.a)", "foo", "unknown function `foo`", ""),
        ("hes(value.a)", "hes", "unknown function `hes`", "did you mean `has`?"),
        ("value.a.map(x, x) == 1", "map", "`map()` is not supported", ""),
        (
            "startWith(value.a)",
            "startWith",
            "unknown function `startWith`",
            "did you mean `startsWith`?",
        ),
        (
            "value == 1",
            "value",
            "the whole value cannot be used here",
            "name a field of it, such as `value.id`",
        ),
        (
            "headers.a == \"b\"",
            "headers.a",
            "a header is named in brackets",
            "did you mean `headers[\"a\"]`?",
        ),
        ("headers[\"a\"].b == \"b\"", "headers[\"a\"].b", "a header has no fields", ""),
        ("headers[key] == \"b\"", "key", "a header is named by a string, such as `\"region\"`", ""),
        ("key.a == \"b\"", "key.a", "`key` has no fields", ""),
        ("has(key)", "has(key)", "every record has `key`", "did you mean `key != null`?"),
        ("has(offset)", "has(offset)", "every record has `offset`", ""),
        ("has(1)", "1", "a path was expected here, such as `value.a`", ""),
        ("has()", "has()", "`has()` takes one path, such as `has(value.a)`", ""),
        (
            "value.in == 1",
            "in",
            "`in` is a word of the language",
            "as a field it is written `[\"in\"]`",
        ),
        (
            "value.a[-1] == 1",
            "-1",
            "an index is a number from 0, or a string, and nothing that is computed",
            "",
        ),
        (
            "value[value.a] == 1",
            "value.a",
            "an index is a number from 0, or a string, and nothing that is computed",
            "",
        ),
        ("value.user-id == 1", "id", "unknown root `id`", "did you mean `[\"user-id\"]`?"),
    ]);
}

#[test]
fn types_that_cannot_compare_are_refused() {
    let text_hint = "keys and headers are text: compare with a string, such as `\"1\"`";
    let seconds_hint = "`int()` of a timestamp is its seconds since 1970";
    let time_hint = "a timestamp is written `timestamp(\"2026-01-01T00:00:00Z\")`, or made of a string by `timestamp(value.a)`";
    refusals(&[
        ("\"a\" > 1", "\"a\" > 1", "`>` compares a string with a number", ""),
        ("key == 1", "key == 1", "`==` compares a string or null with a number", text_hint),
        ("key in [1]", "1", "`==` compares a string or null with a number", text_hint),
        ("offset > \"1\"", "offset > \"1\"", "`>` compares a number with a string", ""),
        ("topic == null", "topic == null", "`==` compares a string with null", ""),
        ("key < null", "key < null", "`<` compares a string or null with null", ""),
        ("value.a < null", "value.a < null", "`<` compares a JSON value with null", ""),
        ("timestamp > 1", "timestamp > 1", "`>` compares a timestamp with a number", seconds_hint),
        (
            "offset < timestamp",
            "offset < timestamp",
            "`<` compares a number with a timestamp",
            seconds_hint,
        ),
        (
            "timestamp > \"2026-01-01T00:00:00Z\"",
            "timestamp > \"2026-01-01T00:00:00Z\"",
            "`>` compares a timestamp with a string",
            "did you mean `timestamp(\"2026-01-01T00:00:00Z\")`?",
        ),
        (
            "timestamp > \"yesterday\"",
            "timestamp > \"yesterday\"",
            "`>` compares a timestamp with a string",
            time_hint,
        ),
        ("timestamp in [true]", "true", "`==` compares a timestamp with a bool", time_hint),
        (
            "headers[\"t\"] < timestamp",
            "headers[\"t\"] < timestamp",
            "`<` compares a string or null with a timestamp",
            "did you mean `timestamp(headers[\"t\"])`?",
        ),
        (
            "value.t > timestamp(\"2026-01-01T00:00:00Z\")",
            "value.t > timestamp(\"2026-01-01T00:00:00Z\")",
            "`>` compares a JSON value with a timestamp",
            "did you mean `timestamp(value.t)`?",
        ),
        (
            "key",
            "key",
            "a condition is true or false, and this is a string or null",
            "compare it with something",
        ),
        (
            "true && 1",
            "1",
            "a condition is true or false, and this is a number",
            "compare it with something",
        ),
        (
            "!\"a\"",
            "\"a\"",
            "a condition is true or false, and this is a string",
            "compare it with something",
        ),
        (
            "timestamp > timestamp(\"yesterday\")",
            "\"yesterday\"",
            "this is no time in RFC 3339",
            "write `timestamp(\"2026-01-01T00:00:00Z\")`",
        ),
    ]);
}

#[test]
fn other_syntax_is_named() {
    refusals(&[
        ("", "", "the expression is empty", ""),
        (
            "key = \"a\"",
            "=",
            "`=` is no operator",
            "an expression compares and never assigns: did you mean `==`?",
        ),
        ("key === \"a\"", "===", "`===` is no operator", "did you mean `==`?"),
        ("key <> \"a\"", "<>", "`<>` is no operator", "did you mean `!=`?"),
        ("true & true", "&", "`&` is no operator", "did you mean `&&`?"),
        ("true | true", "|", "`|` is no operator", "did you mean `||`?"),
        ("true and true", "and", "an operator was expected here", "did you mean `&&`?"),
        ("(true or true)", "or", "an operator was expected here", "did you mean `||`?"),
        ("value.a 1", "1", "an operator was expected here", ""),
        (
            "value.@a == 1",
            "@",
            "`@` is no operator",
            "a name with other characters is written `value[\"@name\"]`",
        ),
        (
            "value. == 1",
            "==",
            "a name was expected behind `.`",
            "a name with other characters is written `value[\"@name\"]`",
        ),
        ("key == “a”", "“", "`“` is no operator", "strings stand in straight quotes: `\"` or `'`"),
        ("true # x", "#", "`#` does not belong here", ""),
        ("true // x", "//", "an expression holds no comments", "write comments in YAML, with `#`"),
        ("key == \"a", "\"a", "the string has no closing `\"`", ""),
        (
            "key == \"\\q\"",
            "\\q",
            "unknown escape",
            "a backslash itself is written `\\\\`, or the string as `r\"…\"`",
        ),
        (
            "key == b\"a\"",
            "b\"",
            "literals of bytes are not supported",
            "write a string: keys and headers compare with strings",
        ),
    ]);
}

#[test]
fn what_is_left_open_or_not_supported_is_named() {
    let list = "the right side of `in` is a list of literals, or `headers`";
    refusals(&[
        ("(true", "(", "`)` is missing to close this", ""),
        ("(true]", "]", "`)` was expected here", ""),
        ("value.a in [1, 2", "[", "`]` is missing to close this", ""),
        ("true &&", "", "the expression ends too early", ""),
        ("== 1", "==", "a value was expected here, and there is `==`", ""),
        ("in [1]", "in", "something to look for is missing before `in`", ""),
        (
            "value.a in value.b",
            "value.b",
            list,
            "to look into an array write `value.list.exists(x, x == \"a\")`",
        ),
        ("value.a in key", "key", list, ""),
        ("{} == 1", "{}", "`{ }` is not supported", ""),
        ("{\"a\": {\"b\": [1]}} == value.a", "{\"a\": {\"b\": [1]}}", "`{ }` is not supported", ""),
        ("value.a == {\"a\": 1}", "{\"a\": 1}", "`{ }` is not supported", ""),
        ("value.a == {\"a\": {", "{", "`}` is missing to close this", ""),
        ("{} 1", "1", "an operator was expected here", ""),
        (
            "value.a in [value.b]",
            "value.b",
            "a list holds literals only",
            "join comparisons with `||`",
        ),
        (
            "[1] == value.a",
            "[1]",
            "a list stands only on the right of `in`",
            "write `value.a in [\"x\", \"y\"]`",
        ),
        (
            "value.a == 9223372036854775808",
            "9223372036854775808",
            "this is no integer of 64 bits",
            "write `9223372036854775808u` for an unsigned one",
        ),
        (
            "value.a == 99999999999999999999",
            "99999999999999999999",
            "`99999999999999999999` is no number of 64 bits",
            "",
        ),
        ("value.a == 1e999", "1e999", "`1e999` is greater than any double", ""),
        ("value.a == 12abc", "12abc", "`12abc` is no number", ""),
    ]);
}

#[test]
fn all_problems_come_at_once() {
    let found = problems("json.a == 1 && key > 1 && foo(2) || !\"x\"");
    assert_eq!(found.len(), 4, "{found:?}");
}

/// `(expression, what is marked in it)`
#[test]
fn negations_over_unguarded_fields_are_warned_of() {
    for (text, marked) in [
        ("value.a != 1", vec!["value.a"]),
        ("!(value.a == 1 || value.b == 2)", vec!["value.a", "value.b"]),
        ("!value.a", vec!["value.a"]),
        ("!(value.a in [1])", vec!["value.a"]),
        ("value.a != 1 && value.a != 2", vec!["value.a"]),
        ("headers[\"h\"] != \"x\"", vec!["headers[\"h\"]"]),
        ("\"h\" in headers && headers[\"h\"] != \"x\"", vec![]),
        ("!has(value.a) || value.a != 1", vec![]),
        ("has(value.a.b) && value.a.b != 1 && value.a != null", vec![]),
        ("has(value.a) && value.a.b != 1", vec!["value.a.b"]),
        ("key != \"a\" && !(topic == \"b\")", vec![]),
        ("!has(value.a)", vec![]),
        ("value.a == 1", vec![]),
        ("!value.a.exists(x, x == 1)", vec!["value.a"]),
        ("value.a.all(x, x == 1) != true", vec!["value.a"]),
        ("!value.a.exists(x, x.b == 1)", vec!["value.a", "x.b"]),
        ("!has(value.a) || !value.a.exists(x, x == 1)", vec![]),
        ("value.a.exists(x, x == 1)", vec![]),
        ("!(size(value.a) == 1)", vec!["value.a"]),
        // Only a `has()` that decides whether it is asked is one.
        ("has(value.a) || value.a != 1", vec!["value.a"]),
        ("!has(value.a) && value.a != 1", vec!["value.a"]),
        ("value.a != 1 || (value.b == 1 && has(value.a))", vec!["value.a"]),
        ("value.a != 1 && has(value.a)", vec![]),
        ("!(has(value.a) && value.a == 1)", vec![]),
        ("!(!has(value.a) || value.a == 1)", vec![]),
        ("(has(value.a) && value.b == 1) && (value.c == 1 || value.a != 1)", vec![]),
        ("has(value.a) ? value.a != 1 : value.b != 1", vec!["value.b"]),
        ("!has(value.a) ? value.a != 1 : value.a != 2", vec!["value.a"]),
    ] {
        let warnings = Predicate::parse(text).unwrap().warnings;
        let own: Vec<_> = warnings.iter().map(|w| text.get(w.span.clone()).unwrap()).collect();
        assert_eq!(own, marked, "{text}");
    }
    let warnings = Predicate::parse("value.a != 1").unwrap().warnings;
    assert_eq!(warnings[0].message, "a record without `value.a` does not pass this `!=`");
    let hint =
        "say which you mean: `!has(value.a) || …` lets it pass, `has(value.a) && …` does not";
    assert_eq!(warnings[0].hint.as_deref(), Some(hint));
}

/// What `set` and `key` do with a record without the field is not what a filter does.
#[test]
fn of_a_value_the_warning_says_that_the_record_is_rejected() {
    let warned = |text: &str| ValueExpression::parse(text).unwrap().warnings.remove(0);
    let rejects = "is missing, and what is missing rejects the record";
    for (text, whose, sign, has) in [
        ("value.a != 1", "a record without `value.a`", "!=", "has(value.a)"),
        ("!value.a ? 1 : 2", "a record without `value.a`", "!", "has(value.a)"),
        ("value.l.all(x, x.b != 1)", "an element without `x.b`", "!=", "has(x.b)"),
    ] {
        let warning = warned(text);
        assert_eq!(warning.message, format!("of {whose} this `{sign}` {rejects}"), "{text}");
        let hint =
            format!("say which you mean: `!{has} || …` is true of it, `{has} && …` is false");
        assert_eq!(warning.hint, Some(hint), "{text}");
    }
    assert!(ValueExpression::parse("value.a + 1").unwrap().warnings.is_empty());
}

#[test]
fn strings_have_the_escapes_of_cel() {
    for (literal, expected) in [
        (r#""a\"b""#, "a\"b"),
        (r"'a\'b'", "a'b"),
        (r#""\x41\101\u00e9\U0001F600\n\\""#, "AA\u{e9}\u{1f600}\n\\"),
        (r#"r"a\n""#, r"a\n"),
        (r"R'\d+'", r"\d+"),
        (r#""é😀""#, "é😀"),
        ("''", ""),
    ] {
        let (value, paths) = super::value_of(literal);
        let text = super::with_record(None, |record| {
            let slots = super::scanned(&paths, record);
            let mut scratch = Vec::new();
            value.eval(&super::Scope { record, slots: &slots }, &mut scratch).unwrap();
            String::from_utf8(scratch).unwrap()
        });
        assert_eq!(text, expected, "{literal}");
    }
}

#[test]
fn depth_and_length_are_limited() {
    let nested = |n: usize| format!("{}true{}", "(".repeat(n), ")".repeat(n));
    assert!(Predicate::parse(&nested(64)).is_ok());
    let deep = "the expression is nested deeper than 64 levels";
    assert_eq!(problems(&nested(65))[0].message, deep);
    assert_eq!(problems(&format!("{}true", "!".repeat(65)))[0].message, deep);
    assert!(Predicate::parse(&format!("{}true", "!".repeat(64))).is_ok());
    assert_eq!(problems(&format!("1{}", "+1".repeat(65)))[0].message, deep);
    assert_eq!(problems(&format!("a{}", ".b()".repeat(200)))[0].message, deep);
    assert_eq!(problems(&format!("value{}", "[[".repeat(200)))[0].message, deep);
    let long = |n: usize| format!("key == \"{}\"", "x".repeat(n - 9));
    assert!(Predicate::parse(&long(4096)).is_ok());
    let message = "the expression has 4097 bytes, at most 4096 are legal";
    assert_eq!(problems(&long(4097))[0].message, message);
    // Flat chains are no nesting.
    assert!(Predicate::parse(&vec!["true"; 500].join("||")).is_ok());
    assert!(Predicate::parse(&format!("has(value{})", ".a".repeat(2000))).is_ok());
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in ".{0,200}") {
        let _anything = Predicate::parse(&text);
    }

    #[test]
    fn arbitrary_tokens_never_panic(words in proptest::collection::vec(proptest::sample::select(WORDS), 0..40)) {
        let text = words.concat();
        for problem in Predicate::parse(&text).err().unwrap_or_default() {
            prop_assert!(text.get(problem.span.clone()).is_some(), "{text}: {problem:?}");
        }
        if let Err(problems) = ValueExpression::parse(&text) {
            prop_assert!(!problems.is_empty());
        }
    }
}

const WORDS: &[&str] = &[
    "value",
    "key",
    "headers",
    "topic",
    "timestamp",
    ".",
    "a",
    "[",
    "]",
    "(",
    ")",
    "\"x\"",
    "'é'",
    "1",
    "1u",
    "1.5",
    "0x1f",
    "==",
    "!=",
    "<",
    "<=",
    " in ",
    "&&",
    "||",
    "!",
    "-",
    "+",
    "?",
    ":",
    ",",
    " ",
    "has(",
    "timestamp(",
    "null",
    "true",
    "r'\\'",
    "\"\\u00e9\"",
    "{",
    "}",
    ".exists(x, ",
    "x.b",
    ".size()",
    "size(",
    ".matches(\"a+\")",
    "%",
    "/",
    "*",
    "\"",
    "é",
];
