use serde_json::{Value, json};

use super::differ::differences;
use super::{
    Actual, ActualOutput, End, Expect, ExpectHeaders, ExpectOutput, ExpectValue, Trace,
    from_base64, to_base64,
};

#[test]
fn base64_is_that_of_rfc_4648() {
    // The test vectors of its section 10, and bytes that need the last two letters.
    for (bytes, text) in [
        (&b""[..], ""),
        (b"f", "Zg=="),
        (b"fo", "Zm8="),
        (b"foo", "Zm9v"),
        (b"foob", "Zm9vYg=="),
        (b"fooba", "Zm9vYmE="),
        (b"foobar", "Zm9vYmFy"),
        (b"\xfb\xff\xbf", "+/+/"),
    ] {
        assert_eq!(to_base64(bytes), text);
        assert_eq!(from_base64(text).as_deref(), Some(bytes), "{text}");
    }
}

#[test]
fn what_is_no_base64_is_refused() {
    // Padding may be left out, but not be wrong.
    for text in ["Z", "Z===", "Zm9v!", "====", "Zg==Zg==", "é"] {
        assert_eq!(from_base64(text), None, "{text}");
    }
}

#[test]
fn any_bytes_come_back() {
    let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
    for end in 0..bytes.len() {
        assert_eq!(from_base64(&to_base64(&bytes[..end])).as_deref(), Some(&bytes[..end]));
    }
}

fn output(key: Option<&[u8]>, value: Option<&[u8]>) -> ActualOutput {
    ActualOutput {
        sink: "a".to_owned(),
        topic: "a".to_owned(),
        route: None,
        key: key.map(<[u8]>::to_vec),
        value: value.map(<[u8]>::to_vec),
        headers: Vec::new(),
    }
}

fn said(expect: ExpectOutput, output: ActualOutput) -> Vec<String> {
    let expect = Expect::Sink(Box::new(ExpectOutput { sink: "a".to_owned(), ..expect }));
    let actual = Actual { end: End::Sent(vec![output]), trace: Trace::default() };
    differences(&[expect], &actual)
}

fn of_value(expect: ExpectValue, value: Option<&[u8]>) -> Vec<String> {
    said(ExpectOutput { value: Some(expect), ..ExpectOutput::default() }, output(None, value))
}

/// What is said of the field: expected, got.
fn sides(said: &[String], field: &str) -> (String, String) {
    let [one] = said else { panic!("{said:?}") };
    let rest = one.strip_prefix(&format!("output 1 (sink a): {field}\n  expected ")).unwrap();
    let (expected, got) = rest.split_once("\n  got      ").unwrap();
    (expected.to_owned(), got.to_owned())
}

#[test]
fn what_differs_never_looks_alike() {
    for (expect, value, expected, got) in [
        (ExpectValue::Json(Value::Null), None, "null", "a tombstone"),
        (ExpectValue::Bytes(b"null".to_vec()), None, "null", "a tombstone"),
        (ExpectValue::Tombstone(true), Some(&b"null"[..]), "a tombstone", "null"),
        (
            ExpectValue::Bytes(b"a tombstone".to_vec()),
            None,
            "(base64) YSB0b21ic3RvbmU=",
            "a tombstone",
        ),
        (ExpectValue::Bytes(br"a\n".to_vec()), Some(b"a\n"), "(base64) YVxu", "(base64) YQo="),
        (ExpectValue::Bytes(b"a".to_vec()), Some(b"\xff"), "a", "(base64) /w=="),
        (
            ExpectValue::Contains(json!({"a": 1})),
            Some(br#"{"a":1,"h":1e999}"#),
            r#"one with {"a":1}"#,
            "{\"a\":1,\"h\":1e999}\n  which cannot be compared as JSON: number out of range at line 1 column 16",
        ),
        (
            ExpectValue::Json(json!(1)),
            Some(b"{"),
            "1",
            "{\n  which cannot be compared as JSON: EOF while parsing an object at line 1 column 1",
        ),
    ] {
        let said = of_value(expect.clone(), value);
        assert_eq!(sides(&said, "value"), (expected.to_owned(), got.to_owned()), "{expect:?}");
    }
}

#[test]
fn keys_and_headers_that_differ_never_look_alike() {
    let null = || Some(b"null".to_vec());
    for (expect, key, expected, got) in [
        (Some("null"), None, "null", "a null key"),
        (None, Some(&b"null"[..]), "a null key", "null"),
        (Some("a null key"), None, "(base64) YSBudWxsIGtleQ==", "a null key"),
        (Some("k"), Some(b"k\nFAKE"), "k", r"k\nFAKE"),
    ] {
        let expect =
            ExpectOutput { key: Some(expect.map(str::to_owned)), ..ExpectOutput::default() };
        let said = said(expect, output(key, None));
        assert_eq!(sides(&said, "key"), (expected.to_owned(), got.to_owned()));
    }
    for (expect, headers, expected, got) in [
        (vec![("h", Some("null"))], vec![("h", None)], "[h: null]", "[h: a null value]"),
        (vec![("h", None)], vec![("h", null())], "[h: a null value]", "[h: null]"),
        (
            vec![("h", Some("1, i: 2"))],
            vec![("h", Some(b"1".to_vec())), ("i", Some(b"2".to_vec()))],
            "[(base64) aA==: (base64) MSwgaTogMg==]",
            "[(base64) aA==: (base64) MQ==, (base64) aQ==: (base64) Mg==]",
        ),
        (vec![], vec![("\u{1b}[2J", null())], "[]", r"[\u{1b}[2J: null]"),
    ] {
        let expect = expect.into_iter().map(|(n, v)| (n.to_owned(), v.map(str::to_owned)));
        let expect = ExpectOutput {
            headers: Some(ExpectHeaders::List(expect.collect())),
            ..ExpectOutput::default()
        };
        let headers = headers.into_iter().map(|(name, value)| (name.as_bytes().to_vec(), value));
        let output = ActualOutput { headers: headers.collect(), ..output(None, None) };
        let said = said(expect, output);
        assert_eq!(sides(&said, "headers"), (expected.to_owned(), got.to_owned()));
    }
}

#[test]
fn numbers_are_the_same_where_they_are_worth_the_same() {
    for (expected, got, same) in [
        (json!(1), "1.0", true),
        (json!(1.0), "1", true),
        (json!(9_007_199_254_740_992.0), "9007199254740992", true),
        (json!(9_007_199_254_740_992.0), "9007199254740993", false),
        (json!(9_007_199_254_740_993_i64), "9007199254740992.0", false),
        (json!(9_007_199_254_740_993_i64), "9007199254740993", true),
        (json!(u64::MAX), "18446744073709551615", true),
        (json!(u64::MAX), "18446744073709551616.0", false),
        (json!(-1), "18446744073709551615", false),
        (json!([0.5, {"a": 2}]), "[5e-1, {\"a\": 2e0}]", true),
    ] {
        for expect in [ExpectValue::Json(expected.clone()), ExpectValue::Contains(expected.clone())]
        {
            let said = of_value(expect, Some(got.as_bytes()));
            assert_eq!(said.is_empty(), same, "{expected} and {got}: {said:?}");
        }
    }
}
