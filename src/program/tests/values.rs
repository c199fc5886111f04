//! When a value is looked at, and what is said of one that is no JSON.

use proptest::prelude::*;

use super::{headers, program, record, run, run_on};
use crate::json::Check;
use crate::model::Stage;
use crate::pipeline::{Format, Pipeline, sample};
use crate::program::{Outcome, Program};

fn reads(pipeline: &mut Pipeline) {
    pipeline.steps = vec![sample::filter("has(value.secret)")];
}

#[test]
fn a_program_that_never_names_the_value_takes_any() {
    let program = program(|p| p.steps = vec![sample::filter(r#"key == "k""#)]);
    for value in [Some("no json"), Some(""), Some("{"), None] {
        assert_eq!(run(&program, value).sinks(), [0, 1], "{value:?}");
    }
}

#[test]
fn format_bytes_never_touches_the_value() {
    let program = program(|p| {
        p.source.format = Format::Bytes;
        p.steps = vec![sample::filter(r#"key == "k""#)];
    });
    let headers = headers();
    for value in [&b"\xff\xfe\x00"[..], b"{", b""] {
        assert_eq!(run_on(&program, &record(Some(b"k"), Some(value), &headers)).sinks(), [0, 1]);
    }
}

#[test]
fn a_record_that_a_leading_filter_stops_is_not_decoded() {
    let program = program(|p| {
        p.steps = vec![sample::filter(r#"key == "other""#), sample::filter("value.n > 1")];
    });
    assert_eq!(run(&program, Some("no json")).outcome, Outcome::Filtered);
}

#[test]
fn a_record_is_checked_whole_whichever_route_it_takes() {
    let program = program(|p| p.sinks = vec![sample::sink("a", Some("value.id"))]);
    let ran = run(&program, Some(r#"{"id": 1, "rest": }"#));
    assert_eq!(ran.rejection().stage, Stage::Decode);
}

#[test]
fn a_lazy_check_goes_no_further_than_the_last_path() {
    let program = program(|p| {
        p.source.format = Format::Json(Check::Lazy);
        p.sinks = vec![sample::sink("a", Some("value.id"))];
    });
    assert_eq!(run(&program, Some(r#"{"id": 1, "rest": }"#)).sinks(), [0]);
}

#[test]
fn an_empty_value_is_no_json_and_no_tombstone() {
    assert_eq!(run(&program(reads), Some("")).rejection().stage, Stage::Decode);
    assert_eq!(run(&program(reads), None).outcome, Outcome::Filtered);
}

#[test]
fn a_slot_of_the_record_before_is_never_read_again() {
    let program = program(|p| p.steps = vec![sample::filter("value.n == 1")]);
    let mut state = program.state();
    let headers = headers();
    for (value, passes) in [
        (Some(r#"{"n": 1}"#), true),
        (None, false),
        (Some("{}"), false),
        (Some(r#"{"n":1}"#), true),
    ] {
        let record = record(None, value.map(str::as_bytes), &headers);
        let outcome = program.run(&mut state, &record);
        assert_eq!(outcome == Outcome::Send, passes, "{value:?}");
    }
}

/// The reason of a rejection goes to headers and logs: nothing of the payload may be in it.
fn says_nothing_of(program: &Program, value: &[u8], secret: &str) {
    let headers = headers();
    let ran = run_on(program, &record(Some(b"k"), Some(value), &headers));
    if let Outcome::Rejected(rejection) = ran.outcome {
        let text = rejection.to_string();
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn a_decode_rejection_holds_nothing_of_the_payload() {
    let program = program(reads);
    for value in [
        "Hunter2pw",
        r#"{"secret": Hunter2pw}"#,
        r#"{"secret": "Hunter2pw"#,
        r#"{"secret": "Hunter2pw", "secret": "Hunter2pw"}"#,
        r#"{"Hunter2pw": 1e, "secret": 1}"#,
        r#"{"secret": "\ud800Hunter2pw"}"#,
    ] {
        let ran = run(&program, Some(value));
        assert_eq!(ran.rejection().stage, Stage::Decode, "{value}");
        says_nothing_of(&program, value.as_bytes(), "Hunter2pw");
    }
    let found = run(&program, Some(r#"{"secret": tru}"#)).rejection().reason.clone();
    assert!(found.contains(" at byte 1"), "{found}");
}

#[test]
fn an_expression_rejection_holds_nothing_of_the_payload() {
    let program = program(|p| p.steps = vec![sample::filter("value.secret > 1")]);
    for value in [r#"{"secret": "Hunter2pw"}"#, r#"{"secret": ["Hunter2pw"]}"#] {
        assert_eq!(run(&program, Some(value)).rejection().stage, Stage::Expression);
        says_nothing_of(&program, value.as_bytes(), "Hunter2pw");
    }
}

proptest! {
    #[test]
    fn no_value_makes_it_panic_or_say_what_is_in_it(
        before in "[ \\[\\]{}:,\"a-z0-9\\\\]{0,20}",
        after in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let program = program(|p| {
            p.steps = vec![sample::filter("value.a > 1 || value.b[0] == \"x\"")];
            p.sinks = vec![sample::sink("a", Some("value.c"))];
        });
        let mut value = before.into_bytes();
        value.extend(b"SECRET");
        value.extend(after);
        says_nothing_of(&program, &value, "SECRET");
    }
}
