//! How calls and operators are refused, and what is told of paths.

use super::Predicate;
use super::language::refusals;
use crate::expression::PathUse;

#[test]
fn functions_say_what_they_take() {
    refusals(&[
        (
            "size(1) > 1",
            "1",
            "`size()` takes a string, an array or an object, and this is a number",
            "",
        ),
        (
            "value.startsWith(\"x\")",
            "value",
            "the whole value cannot be used here",
            "name a field of it, such as `value.id`",
        ),
        (
            "offset.startsWith(\"x\")",
            "offset",
            "`startsWith()` takes a string, and this is a number",
            "",
        ),
        ("key.contains(1)", "1", "`contains()` takes a string, and this is a number", ""),
        (
            "startsWith(key, \"x\")",
            "startsWith(key, \"x\")",
            "`startsWith()` is called in another way",
            "write `value.a.startsWith(\"x\")`",
        ),
        ("key.int() == 1", "key.int()", "`int()` is called in another way", "write `int(value.a)`"),
        (
            "string(null) == \"\"",
            "null",
            "`string()` takes anything but null, and this is null",
            "",
        ),
        (
            "double(timestamp) > 1.0",
            "timestamp",
            "`double()` takes a number or a string, and this is a timestamp",
            "",
        ),
    ]);
}

#[test]
fn operators_and_regexes_say_what_they_take() {
    refusals(&[
        (
            "key.matches(value.a)",
            "value.a",
            "`matches()` takes a literal",
            "a regex is compiled once, when the file is loaded",
        ),
        ("key.matches(\"a(b\")", "\"a(b\"", "this is no regex: unclosed group", ""),
        (
            "key.matches(r\"(a)\\1\")",
            "r\"(a)\\1\"",
            "this is no regex: backreferences are not supported",
            "",
        ),
        (
            "key.matches(\"(?=a)\")",
            "\"(?=a)\"",
            "this is no regex: look-around, including look-ahead and look-behind, is not supported",
            "",
        ),
        (
            "key.matches(\"((a{100}){100}){100}\")",
            "\"((a{100}){100}){100}\"",
            "the regex is too large once compiled",
            "",
        ),
        (
            "offset + \"a\" == 1",
            "offset + \"a\"",
            "`+` takes two numbers or two strings, and these are a number and a string",
            "",
        ),
        (
            "key - 1 == 1",
            "key - 1",
            "`-` takes two numbers, and these are a string or null and a number",
            "",
        ),
        ("-key == 1", "key", "`-` stands before a number, and this is a string or null", ""),
        ("offset / 0 == 1", "0", "the divisor is zero", ""),
        ("offset % 1.5 == 1", "1.5", "`%` takes integers only", ""),
        (
            "offset ? true : false",
            "offset",
            "a condition is true or false, and this is a number",
            "compare it with something",
        ),
        (
            "true ? 1 : 2",
            "true ? 1 : 2",
            "a condition is true or false, and this is a number",
            "compare it with something",
        ),
        (
            "size(value.a) == \"1\"",
            "size(value.a) == \"1\"",
            "`==` compares a number with a string",
            "",
        ),
    ]);
}

#[test]
fn elements_have_a_name_of_their_own() {
    refusals(&[
        (
            "key.exists(x, true)",
            "key",
            "`exists()` goes over an array in the value, such as `value.items`",
            "",
        ),
        ("value.a.all(1, true)", "1", "an element needs a name, such as `x`", ""),
        (
            "value.a.all(key, true)",
            "key",
            "`key` is a part of the record already",
            "name the element otherwise, such as `x`",
        ),
        (
            "value.a.exists(x, x.b.all(y, y))",
            "x.b.all(y, y)",
            "`all()` within `exists()` or `all()` is not supported",
            "",
        ),
        (
            "value.a.exists(x, value.b.all(y, y))",
            "value.b.all(y, y)",
            "`all()` within `exists()` or `all()` is not supported",
            "",
        ),
        (
            "value.a.exists(x, x == 1) && x == 2",
            "x",
            "unknown root `x`",
            "the roots are `value`, `key`, `headers`, `topic`, `partition`, `offset`, `timestamp`",
        ),
        ("value.a.exists(x, has(x))", "has(x)", "every element has `x`", ""),
        (
            "value.a.exists(x, 1)",
            "1",
            "a condition is true or false, and this is a number",
            "compare it with something",
        ),
        (
            "value.a.exists(true)",
            "value.a.exists(true)",
            "`exists()` is called in another way",
            "write `value.list.exists(x, x == 1)`",
        ),
        ("value.a.filter(x, true)", "filter", "`filter()` is not supported", ""),
    ]);
    let warnings = Predicate::parse("value.a.all(x, x.b != 1)").unwrap().warnings;
    assert_eq!(warnings[0].message, "an element without `x.b` does not pass this `!=`");
    assert!(Predicate::parse("value.a.all(x, !has(x.b) || x.b != 1)").unwrap().warnings.is_empty());
}

#[test]
fn paths_are_told_with_what_they_are_compared_with() {
    let shown = |text: &str| {
        let predicate = Predicate::parse(text).unwrap().value;
        let shown = |own: &PathUse| {
            let with: Vec<_> = own.compared_with.iter().map(ToString::to_string).collect();
            let with = if with.is_empty() { "?".to_owned() } else { with.join(" or ") };
            let path = own.to_string();
            assert_eq!(text.get(own.span.clone()), Some(path.as_str()));
            match &own.element {
                Some(_) => format!("{path} of {} {with}", own.path),
                None => format!("{path} {with}"),
            }
        };
        predicate.paths().iter().map(shown).collect::<Vec<_>>().join(", ")
    };
    for (text, expected) in [
        ("value.a == 1", "value.a a number"),
        ("\"x\" == value.a", "value.a a string"),
        ("value.a == value.b", "value.a ?, value.b ?"),
        ("has(value.a.b) && value.a in [\"x\"]", "value.a.b ?, value.a a string"),
        ("value.a", "value.a a bool"),
        ("value.a.startsWith(\"x\") || size(value.b) > 1", "value.a a string, value.b ?"),
        ("value.a + 1 > value.b * 2", "value.a a number, value.b a number"),
        ("value.a.exists(x, x.b == 1)", "value.a an array, x.b of value.a a number"),
        (
            "value.a.all(x, x == \"y\" && has(x.b[0]) && value.c)",
            "value.a an array, x of value.a a string, x.b[0] of value.a ?, value.c a bool",
        ),
        ("value.a in [\"x\", 1, \"y\", null]", "value.a a string or a number or null"),
        ("value.a in []", "value.a ?"),
        ("timestamp(value.t) > timestamp", "value.t a string"),
        ("value.a == null", "value.a null"),
        ("key == \"a\" ? value.a : !value.b", "value.a ?, value.b a bool"),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
}
