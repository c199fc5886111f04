use super::scalar::{self, Core};
use super::*;

/// The text at the place of each character of `field`, as it is written.
fn written(text: &str, field: &str) -> Vec<String> {
    let source = SourceText::new("a.yaml", text);
    let mut findings = Findings::default();
    let documents = documents(&source, &mut findings).unwrap();
    let at = At::root(&source, &documents[0].root).field(field);
    let value = documents[0].value[field].as_str().unwrap().to_owned();
    value.char_indices().map(|(i, c)| at.inside(i..i + c.len_utf8()).text().to_owned()).collect()
}

fn place_of(text: &str, field: &str, part: &str) -> (usize, usize, String) {
    let source = SourceText::new("a.yaml", text);
    let documents = documents(&source, &mut Findings::default()).unwrap();
    let at = At::root(&source, &documents[0].root).field(field);
    let begin = documents[0].value[field].as_str().unwrap().find(part).unwrap();
    let place = at.inside(begin..begin + part.len());
    (place.begin().0, place.begin().1, place.text().to_owned())
}

#[test]
fn a_place_inside_a_plain_or_quoted_scalar_is_exact() {
    for text in [
        "a: x == 'é' && y\n",
        "a: 'x == \"é\"'\n",
        "a: \"x == 'é'\"\n",
        "ö: 1\na: x == 1 # comment\n",
    ] {
        for (c, at) in std::iter::zip(value(text).chars(), written(text, "a")) {
            assert_eq!(c.to_string(), at, "{text}");
        }
    }
}

fn value(text: &str) -> String {
    let source = SourceText::new("a.yaml", text);
    let documents = documents(&source, &mut Findings::default()).unwrap();
    documents[0].value["a"].as_str().unwrap().to_owned()
}

#[test]
fn the_place_of_a_quoted_scalar_ends_with_its_quotes() {
    for quoted in ["'x'", "'it''s'", "''''", r#""x""#, r#""a \" b \\""#, "'é'"] {
        for text in [
            format!("a: {quoted}\n"),
            format!("a: {quoted} # it's \"commented\"\nb: 'y'\n"),
            format!("a: &anchor !!str {quoted} # x\n"),
            format!("{{a: {quoted}   , b: 'y'}}\n"),
        ] {
            let source = SourceText::new("a.yaml", &text);
            let documents = documents(&source, &mut Findings::default()).unwrap();
            let place = At::root(&source, &documents[0].root).field("a").place();
            let written = place.text().trim_start_matches("&anchor !!str ");
            assert_eq!(written, quoted, "{text}");
        }
    }
}

#[test]
fn a_place_inside_a_quoted_scalar_sees_through_escapes() {
    let single = "a: 'key == ''x'' && vlue'\n";
    assert_eq!(place_of(single, "a", "vlue"), (1, 21, "vlue".to_owned()));
    let double = "a: \"key == \\\"x\\\" \\u00e9 \\x41 && vlue\"\n";
    assert_eq!(place_of(double, "a", "vlue"), (1, 33, "vlue".to_owned()));
}

#[test]
fn a_place_inside_a_scalar_of_several_lines_is_on_its_line() {
    let folded = "b: 1\na: >\n  key == 'x'\n  && vlue\n  && topic\n";
    assert_eq!(place_of(folded, "a", "vlue"), (4, 6, "vlue".to_owned()));
    assert_eq!(place_of(folded, "a", "topic"), (5, 6, "topic".to_owned()));
    let literal = "a: |-\n    key\n      && vlue\n\n    && topic\n";
    assert_eq!(place_of(literal, "a", "vlue"), (3, 10, "vlue".to_owned()));
    assert_eq!(place_of(literal, "a", "topic"), (5, 8, "topic".to_owned()));
    let plain = "a: key == 1\n  && vlue\n  && topic\n";
    assert_eq!(place_of(plain, "a", "vlue"), (2, 6, "vlue".to_owned()));
    let quoted = "a: \"key == 1\n\n  && vlue \\\n  && topic\"\n";
    assert_eq!(place_of(quoted, "a", "vlue"), (3, 6, "vlue".to_owned()));
    assert_eq!(place_of(quoted, "a", "topic"), (4, 6, "topic".to_owned()));
    let windows = "a: >-\r\n  key == 1\r\n  && vlue\r\n";
    assert_eq!(place_of(windows, "a", "vlue"), (3, 6, "vlue".to_owned()));
}

#[test]
fn plain_scalars_are_what_yaml_1_2_says() {
    for (text, expected) in [
        ("", Core::Null),
        ("~", Core::Null),
        ("true", Core::Bool(true)),
        ("yes", Core::Text),
        ("12", Core::Integer(12)),
        ("-12", Core::Integer(-12)),
        ("0899", Core::Integer(899)),
        ("0x1F", Core::Integer(31)),
        ("0o17", Core::Integer(15)),
        ("18446744073709551615", Core::Integer(u64::MAX.into())),
        ("18446744073709551616", Core::OutOfRange),
        ("999999999999999999999999999999999999999999", Core::OutOfRange),
        ("1.10", Core::Float(1.1)),
        ("1e3", Core::Float(1000.0)),
        (".5", Core::Float(0.5)),
        ("1e400", Core::OutOfRange),
        (".inf", Core::OutOfRange),
        ("inf", Core::Text),
        ("nan", Core::Text),
        ("infinity", Core::Text),
        ("1_000", Core::Text),
        ("2026-01-01", Core::Text),
        ("-", Core::Text),
        ("+", Core::Text),
    ] {
        assert_eq!(scalar::core(text), expected, "{text}");
    }
}

#[test]
fn what_other_readers_take_for_something_else_is_known_and_timestamps_are_not_meant() {
    for text in ["no", "On", "y", "0777", "1_000", "12:30:45", "0b1", "1:2"] {
        assert!(scalar::otherwise(text).is_some(), "{text}");
    }
    for text in
        ["none", "nope", "2026-01-01", "2026-01-01T00:00:00Z", "a:1", "12:99", "100ms", "0", "v1"]
    {
        assert!(scalar::otherwise(text).is_none(), "{text}");
    }
}

#[test]
fn an_alias_stands_for_what_it_names() {
    let text = "a: &x {k: 1}\nb: *x\n";
    let source = SourceText::new("a.yaml", text);
    let mut findings = Findings::default();
    let documents = documents(&source, &mut findings).unwrap();
    assert_eq!(documents[0].value["b"]["k"], 1);
    assert!(findings.sorted().is_empty());
    let at = At::root(&source, &documents[0].root).pointer("/b/k");
    assert_eq!(at.place().begin(), (1, 11));
}

#[test]
fn what_is_missing_has_the_place_of_what_would_hold_it() {
    let text = "source:\n  topics: [a]\nname: x\n";
    let source = SourceText::new("a.yaml", text);
    let documents = documents(&source, &mut Findings::default()).unwrap();
    let at = At::root(&source, &documents[0].root);
    assert_eq!(at.field("source").field("group").place().text(), "source");
    assert_eq!(at.field("source").field("group").field("deeper").place().text(), "source");
    assert_eq!(at.pointer("/source/topics/0").place().text(), "a");
    assert_eq!(at.pointer("/source/topics/7").place().text(), "topics");
}
