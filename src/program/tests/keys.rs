//! Keys from expressions.

use super::{headers, program, record, run, run_on};
use crate::model::Stage;
use crate::pipeline::{Matching, OnReject, sample};

fn keyed(text: &str) -> crate::program::Program {
    program(|p| p.sinks = vec![sample::sink("a", Some(text)), sample::sink("b", None)])
}

#[test]
fn a_number_stands_in_the_key_as_it_stands_in_the_record() {
    for number in ["123", "1.50", "-0", "1e3", "12345678901234567890123", "0.10"] {
        let ran = run(&keyed("value.id"), Some(&format!(r#"{{"id": {number}}}"#)));
        assert_eq!(ran.outputs[0].1.as_deref(), Some(number.as_bytes()));
        assert_eq!(ran.outputs[1].1.as_deref(), Some(&b"k"[..]), "the other sink keeps the key");
    }
}

#[test]
fn a_text_is_the_key_without_quotes_and_escapes() {
    for (json, key) in [(r#""a b""#, "a b"), (r#""\u00e9\n""#, "\u{e9}\n"), (r#""""#, "")] {
        let ran = run(&keyed("value.id"), Some(&format!(r#"{{"id": {json}}}"#)));
        assert_eq!(ran.outputs[0].1.as_deref(), Some(key.as_bytes()), "{json}");
    }
}

#[test]
fn null_is_a_null_key() {
    let ran = run(&keyed("value.id"), Some(r#"{"id": null}"#));
    assert_eq!(ran.outputs[0], (0, None));
}

#[test]
fn a_key_of_a_header_or_of_the_topic_needs_no_value() {
    for (text, key) in [
        (r#"headers["region"]"#, Some("eu")),
        (r#"headers["nothing"]"#, None),
        ("topic", Some("in")),
        ("offset", Some("41")),
        ("key", Some("k")),
    ] {
        let ran = run(&keyed(text), Some("no json"));
        assert_eq!(ran.outputs[0].1.as_deref(), key.map(str::as_bytes), "{text}");
    }
}

#[test]
fn a_missing_key_rejects_the_record_and_names_the_sink() {
    for value in [Some("{}"), None] {
        let ran = run(&keyed("value.id"), value);
        let rejection = ran.rejection();
        assert_eq!(rejection.stage, Stage::Expression);
        assert_eq!(rejection.rule, "sink a");
        assert_eq!(rejection.reason, "key: the field is missing");
    }
}

#[test]
fn only_the_keys_of_sinks_that_get_the_record_are_asked_for() {
    let program = program(|p| {
        p.sinks = vec![sample::sink("a", Some("value.id")), sample::sink("b", None)];
        p.routing = sample::routes(
            Matching::First,
            vec![sample::route("a", Some("value.n > 1"), &[0]), sample::route("rest", None, &[1])],
            OnReject::Drop,
        );
    });
    assert_eq!(run(&program, Some("{}")).sinks(), [1]);
}

#[test]
fn several_keys_of_one_record_do_not_run_into_each_other() {
    let program = program(|p| {
        p.sinks = vec![
            sample::sink("a", Some("value.first")),
            sample::sink("b", Some("value.second")),
            sample::sink("c", Some("value.third")),
            sample::sink("d", Some("value.first")),
        ];
    });
    let ran = run(&program, Some(r#"{"first": "x\ty", "second": 22, "third": null}"#));
    let keys: Vec<_> = ran.outputs.into_iter().map(|(_, key)| key).collect();
    assert_eq!(keys, [Some(b"x\ty".to_vec()), Some(b"22".to_vec()), None, Some(b"x\ty".to_vec())]);
}

#[test]
fn a_null_and_an_empty_key_stay_what_they_are() {
    let headers = headers();
    for key in [None, Some(&b""[..]), Some(&b"\xff\x00"[..])] {
        let ran = run_on(&program(|_| {}), &record(key, None, &headers));
        assert_eq!(ran.outputs[0].1.as_deref(), key);
    }
}
