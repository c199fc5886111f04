//! `exists()` and `all()`.

use super::{eval, short};

const VALUE: &str = r#"{"limit": 10, "no": [], "o": {"a": [true]}, "nil": null, "tags": ["a", "b\u00e9", "c"], "mixed": [1, "x", null, [1]],
    "items": [{"sku": "x", "price": 5, "of": {"tags": [7, 8]}}, {"sku": "y", "price": 20}, {"sku": "z"}],
    "twice": [{"sku": "x", "sku": "y"}]}"#;

#[test]
fn conditions_hold_for_elements() {
    for (text, expected) in [
        (r#"value.tags.exists(t, t == "c")"#, "T"),
        (r#"value.tags.exists(t, t == "bé")"#, "T"),
        (r#"value.tags.exists(t, t == "d")"#, "F"),
        (r#"value.tags.exists(t, t in ["d", "a"])"#, "T"),
        (r#"value.tags.exists(t, t.startsWith("b") && size(t) == 2)"#, "T"),
        ("value.tags.all(t, size(t) < 3)", "T"),
        ("value.tags.all(t, size(t) < 2)", "F"),
        ("value.no.exists(x, true)", "F"),
        ("value.no.all(x, false)", "T"),
        (r#"value.items.exists(i, i.sku == "y" && i.price > value.limit)"#, "T"),
        (r#"value.items.exists(i, i.sku == "x" && i.price > value.limit)"#, "F"),
        (r#"value.items.exists(i, i.sku == "x" && topic == "orders")"#, "T"),
        ("value.items.exists(i, i.of.tags[1] == 8)", "T"),
        ("value.items.all(i, has(i.sku))", "T"),
        ("value.items.all(i, has(i.price))", "F"),
        ("size(value.items[0].of.tags) == 2 && value.items.exists(i, size(i.of.tags) == 2)", "T"),
        ("value.o.a.all(x, x)", "T"),
        ("!value.no.exists(x, true) && value.items[0].of.tags.exists(x, x == 8)", "T"),
        ("value.items.exists(i, string(i) == '{\"sku\": \"z\"}')", "T"),
        ("value.mixed.exists(m, m == null) && value.mixed.exists(m, size(m) == 1)", "T"),
    ] {
        assert_eq!(short(eval(text, Some(VALUE))), expected, "{text}");
    }
}

/// As in a chain of `||` or `&&` over the elements.
#[test]
fn missing_and_errors_are_carried_on() {
    for (text, expected) in [
        ("value.x.exists(x, true)", "M"),
        ("value.items.exists(i, i.price == 20)", "T"),
        ("value.items.exists(i, i.price == 21)", "M"),
        ("value.items.all(i, i.price > 1)", "M"),
        ("value.items.all(i, i.price > 5)", "F"),
        ("value.mixed.exists(m, m < 2)", "T"),
        ("value.mixed.exists(m, m > 2)", "`>` compares a string with a number"),
        ("value.mixed.all(m, m < 1)", "F"),
        ("value.nil.exists(x, true)", "`exists` does not take null"),
        ("value.o.all(x, true)", "`all` does not take an object"),
        ("value.limit.all(x, true)", "`all` does not take a number"),
        (
            "value.twice.exists(i, i.sku == \"x\")",
            "an element cannot be read: it is damaged, or a key that is read occurs twice",
        ),
        ("value.twice.exists(i, has(i.other))", "F"),
    ] {
        assert_eq!(short(eval(text, Some(VALUE))), expected, "{text}");
    }
    assert_eq!(short(eval("value.a.exists(x, true)", None)), "M");
    for halves in [r#"["\ud800", "a"]"#, r#"["a", "\ud800"]"#] {
        let value = format!("{{\"t\": {halves}}}");
        assert_eq!(short(eval(r#"value.t.exists(t, t == "a")"#, Some(&value))), "T", "{halves}");
        let error = "an element cannot be read: it is damaged, or a key that is read occurs twice";
        assert_eq!(short(eval(r#"value.t.exists(t, t == "b")"#, Some(&value))), error, "{halves}");
    }
}
