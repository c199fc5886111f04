use proptest::prelude::*;

use super::*;

fn line_of(envelope: &Envelope) -> String {
    let record = Record {
        topic: "t",
        partition: 3,
        offset: 7,
        timestamp: envelope.timestamp,
        key: envelope.key.as_deref(),
        value: envelope.value.as_deref(),
        headers: &envelope.headers,
    };
    let mut out = Vec::new();
    let mut each = |visit: &mut VisitHeader<'_>| {
        for (name, value) in &envelope.headers.0 {
            visit(name, value.as_deref());
        }
    };
    write(&record, &mut each, &mut out);
    String::from_utf8(out).unwrap()
}

fn valued(value: Option<&[u8]>) -> Envelope {
    Envelope { value: value.map(<[u8]>::to_vec), partition: Some(3), ..Envelope::default() }
}

#[test]
fn a_line_shows_text_as_text_json_as_json_and_the_rest_as_base64() {
    let headers = vec![
        (b"a".to_vec(), Some(b"1".to_vec())),
        (b"a".to_vec(), None),
        (b"b".to_vec(), Some(b"\xff\xfe".to_vec())),
        (b"\xff".to_vec(), Some(b"x".to_vec())),
    ];
    let envelope = Envelope {
        key: Some(b"k".to_vec()),
        timestamp: Some(1_767_225_600_123),
        headers: HeaderList(headers),
        ..valued(Some(br#"{"n": 1.50}"#))
    };
    assert_eq!(
        line_of(&envelope),
        r#"{"topic":"t","partition":3,"offset":7,"timestamp":"2026-01-01T00:00:00.123Z","key":"k","value":{"n": 1.50},"headers":[{"a":"1"},{"a":null},{"name":"b","value_base64":"//4="},{"name_base64":"/w==","value":"x"}]}
"#
    );
    for (value, shown) in [
        (None, r#""tombstone":true"#),
        (Some(&b""[..]), r#""value_text":"""#),
        (Some(b"null"), r#""value_text":"null""#),
        (Some(b"{\n}"), r#""value_text":"{\n}""#),
        (Some(b" 1"), r#""value_text":" 1""#),
        (Some(b"\x80"), r#""value_base64":"gA==""#),
    ] {
        let line = line_of(&valued(value));
        assert!(line.contains(shown), "{line}");
    }
}

#[test]
fn a_text_that_takes_far_more_room_than_its_bytes_is_base64() {
    let nuls = vec![0; 5000];
    let line = line_of(&valued(Some(&nuls)));
    assert!(line.contains(r#""value_base64":"AAAA"#) && line.len() < 7000, "{}", line.len());
    let quotes = vec![b'"'; 5000];
    assert!(line_of(&valued(Some(&quotes))).contains(r#""value_base64":"#));
    let long = vec![b'x'; 5000];
    assert!(line_of(&valued(Some(&long))).contains(r#""value_text":"xxx"#));
    assert!(line_of(&valued(Some(&nuls[..10]))).contains(r#""value_text":"\u0000"#));
}

#[test]
fn what_has_two_meanings_or_none_is_refused() {
    for (line, why) in [
        ("{}", "no value is here"),
        (r#"{"value":null}"#, "two meanings"),
        (r#"{"value":1,"tombstone":true}"#, "several of"),
        (r#"{"value":1,"key":"a","key_base64":"YQ=="}"#, "are both here"),
        (r#"{"value_base64":"a"}"#, "`value_base64` is no base64"),
        (r#"{"vlaue":1}"#, "unknown field `vlaue`"),
        (r#"{"value":1,"value":2}"#, "duplicate field `value`"),
        (r#"{"value":1"#, "EOF while parsing an object at column 10"),
        (r#"{"value":1} x"#, "trailing characters"),
        (r#"{"value":1,"timestamp":0}"#, "takes it for now"),
        (r#"{"value":1,"timestamp":-5}"#, "before 1970"),
        (r#"{"value":1,"timestamp":"yesterday"}"#, "is no time"),
        (r#"{"value":1,"headers":[{}]}"#, "a header is"),
        (r#"{"value":1,"headers":[{"name":"a","values":"b"}]}"#, "a header is"),
        (r#"{"value":1,"headers":[{"a\u0000b":"c"}]}"#, "zero byte"),
        ("1", r#"integer `1`, expected an envelope such as {"key":"k-1","value":{"a":1}}"#),
    ] {
        let said = Envelope::read(line.as_bytes()).expect_err(line);
        assert!(said.contains(why), "{line}: {said}");
    }
}

#[test]
fn people_may_write_a_map_of_headers_and_leave_the_key_out() {
    let read =
        Envelope::read(br#"{"value": {"a" : 1}, "headers": {"b": "1", "c": null}}"#).unwrap();
    let headers = vec![(b"b".to_vec(), Some(b"1".to_vec())), (b"c".to_vec(), None)];
    let wanted = Envelope {
        headers: HeaderList(headers),
        value: Some(br#"{"a" : 1}"#.to_vec()),
        ..Envelope::default()
    };
    assert_eq!(read, wanted);
}

/// Bytes of all kinds: JSON, text, and neither.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        any::<String>().prop_map(String::into_bytes),
        "[ \\n]?(\\{\"a\": ?[0-9]{1,20}(\\.5)?\\}|\\[1, \"\\\\\\\\ud800\"\\]|null|true|\"x\")[ \\r]?"
            .prop_map(String::into_bytes),
    ]
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    bytes().prop_map(|bytes| bytes.into_iter().filter(|b| *b != 0).collect())
}

proptest! {
    #[test]
    fn a_line_that_was_written_reads_as_the_same_record(
        key in prop::option::of(bytes()),
        value in prop::option::of(bytes()),
        headers in prop::collection::vec((name(), prop::option::of(bytes())), 0..5),
        timestamp in prop::option::of(1..i64::MAX),
    ) {
        let headers = HeaderList(headers);
        let (topic, partition, offset) = (Some("t".to_owned()), Some(3), Some(7));
        let envelope = Envelope { key, value, headers, timestamp, topic, partition, offset };
        let line = line_of(&envelope);
        prop_assert_eq!(line.matches('\n').count(), 1, "{}", line);
        prop_assert_eq!(Envelope::read(line.trim_end_matches('\n').as_bytes()), Ok(envelope));
    }
}
