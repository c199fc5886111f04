//! Every kind of document: what RFC 8259 accepts, what it does not, and what it leaves to us, with what we do.

use super::{Check, is_valid, read};

/// A kind, and documents of it.
type Kind = (&'static str, &'static [&'static str]);

const ACCEPTED: &[Kind] = &[
    ("a scalar at the top", &["0", "\"\"", "true", "false", "null"]),
    ("an empty container", &["[]", "{}", " [ ] "]),
    ("containers within each other", &["[1,2]", "[[],{}]", "{\"a\":{\"a\":1},\"b\":[{}]}"]),
    ("each white space, between all tokens", &["\t{\r\n}\n", "[1 , 2 ,\n3]", " { \"a\" : 1 } "]),
    ("numbers in each form", &["-0", "0.5", "1.5e+10", "1E-7", "-1e0"]),
    ("each escape", &[r#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#]),
    ("characters as they are, also DEL", &["\"\u{7f}\u{e9}\u{1f600}\""]),
    ("an empty key", &["{\"\":1}"]),
];

const REJECTED: &[Kind] = &[
    ("nothing", &["", " "]),
    ("a number in another form", &["01", "-", "+1", "1.", ".5", "1e", "1e+", "-a", "0x1", "1_0"]),
    ("a number that is none", &["NaN", "Infinity", "-Infinity"]),
    ("a word that is none", &["tru", "truex", "True", "nul", "undefined"]),
    ("a string without an end", &["\"", "\"\\\"", "\"a", "{\"a"]),
    ("an escape that is none", &["\"\\x\"", "\"\\u12g4\"", "\"\\u12\"", "\"\\u{41}\"", "\"\\'\""]),
    ("a control character in a string", &["\"a\nb\"", "\"\u{1}\"", "\"\t\"", "\"\0\""]),
    ("other quotes, or none", &["'a'", "{a:1}", "{'a':1}", "{1:2}"]),
    ("a container without an end", &["[", "{", "[1", "{\"a\":1", "[[]"]),
    ("an end without a beginning", &["]", "}", "[]]"]),
    ("an end of another kind", &["[1}", "{\"a\":1]"]),
    ("a comma too many", &["[1,]", "[,1]", "{\"a\":1,}", "{,}", "[1,,2]"]),
    ("a comma or colon too few", &["[1 2]", "{\"a\" 1}", "{\"a\":1 \"b\":2}"]),
    ("a member without a part", &["{\"a\"}", "{\"a\":}", "{:1}"]),
    ("more than one document", &["1 2", "{} {}", "[1]\0"]),
    ("white space of others", &["\u{a0}1", "\u{b}1", "\u{c}1", "\u{2028}1"]),
    ("a byte order mark", &["\u{feff}{}"]),
    ("a comment", &["// x\n1", "[1,/*x*/2]", "# x\n1"]),
    ("a zero byte", &["\0"]),
];

/// Bytes that are no UTF-8, in a string.
const NO_UTF8: &[(&str, &[u8])] = &[
    ("a byte that never occurs", b"\"\xff\""),
    ("a surrogate", b"\"\xed\xa0\x80\""),
    ("an overlong form", b"\"\xc0\xaf\""),
    ("a part of a character", b"\"\xe2\x82\""),
    ("beyond the last character", b"\"\xf4\x90\x80\x80\""),
];

/// `(kind, document, what a checked scan finds at "a", and a lazy one)`
type Ours = (
    &'static str,
    &'static str,
    Result<&'static str, &'static str>,
    Result<&'static str, &'static str>,
);

const HALF: Result<&str, &str> = Err("a string that is read holds half of a surrogate pair");
const TWICE: Result<&str, &str> = Err("a key that is read occurs twice");

/// What RFC 8259 leaves to its readers.
const OURS: &[Ours] = &[
    (
        "an integer beyond 64 bits stays as it stands",
        r#"{"a":123456789012345678901234567890}"#,
        Ok("123456789012345678901234567890"),
        Ok("123456789012345678901234567890"),
    ),
    ("a number beyond all doubles stays as it stands", r#"{"a":1E400}"#, Ok("1E400"), Ok("1E400")),
    ("a repeated key that is read", r#"{"a":1,"a":2}"#, TWICE, Ok("1")),
    ("a repeated key in other words", r#"{"a":1,"\u0061":2}"#, TWICE, Ok("1")),
    ("a repeated key that nobody reads", r#"{"b":1,"b":2,"a":3}"#, Ok("3"), Ok("3")),
    ("half of a surrogate pair that is read", r#"{"a":"\ud83d"}"#, HALF, HALF),
    ("halves in the wrong order", r#"{"a":"\ude00\ud83d"}"#, HALF, HALF),
    ("half of a surrogate pair that nobody reads", r#"{"b":"\ud83d","a":1}"#, Ok("1"), Ok("1")),
    ("half of a surrogate pair in a key beside it", r#"{"\udc00":1,"a":2}"#, HALF, HALF),
    ("an escaped zero", r#"{"a":"\u0000"}"#, Ok("'\0'"), Ok("'\0'")),
    ("a key with escapes", r#"{"\u0061":1}"#, Ok("1"), Ok("1")),
    ("damage behind what is read", r#"{"a":1,}"#, Err("a key was expected"), Ok("1")),
];

#[test]
fn what_is_json_is_accepted() {
    for (kind, documents) in ACCEPTED {
        for text in *documents {
            assert!(is_valid(text.as_bytes()), "{kind}: {text}");
            assert!(serde_json::from_str::<serde_json::Value>(text).is_ok(), "{kind}: {text}");
        }
    }
}

#[test]
fn what_is_no_json_is_rejected() {
    for (kind, documents) in REJECTED {
        for text in *documents {
            assert!(!is_valid(text.as_bytes()), "{kind}: {text}");
        }
    }
    for (kind, bytes) in NO_UTF8 {
        assert!(!is_valid(bytes), "{kind}");
    }
}

#[test]
fn what_the_grammar_leaves_open_is_done_as_the_table_says() {
    for (kind, text, checked, lazy) in OURS {
        for (check, expected) in [(Check::Whole, checked), (Check::Lazy, lazy)] {
            let found = read(text, &["a"], check).map(|mut found| found.remove(0));
            assert_eq!(
                found.as_deref().map_err(|what| *what),
                *expected,
                "{kind}: {text}, {check:?}"
            );
        }
    }
}
