//! Filters and routes.

use super::{program, record, run, run_on};
use crate::model::{HeaderList, Stage};
use crate::pipeline::{Matching, OnReject, sample};
use crate::program::Outcome;

#[test]
fn without_steps_and_routes_a_record_goes_to_all_sinks_in_their_order() {
    let ran = run(&program(|_| {}), Some("{}"));
    assert_eq!(ran.outputs, [(0, Some(b"k".to_vec())), (1, Some(b"k".to_vec()))]);
}

#[test]
fn a_filter_lets_the_true_ones_pass_and_counts_the_missing() {
    let program = program(|p| p.steps = vec![sample::filter("value.n > 1")]);
    for (value, short, missing) in [
        (r#"{"n": 2}"#, "01", false),
        (r#"{"n": 1}"#, "F", false),
        (r#"{"m": 2}"#, "F", true),
        (r#"{"n": "x"}"#, "expression", false),
        ("{", "decode", false),
    ] {
        let ran = run(&program, Some(value));
        assert_eq!((ran.short().as_str(), ran.missing), (short, missing), "{value}");
    }
}

#[test]
fn a_tombstone_is_missing_to_a_filter_and_never_an_error() {
    let program = program(|p| p.steps = vec![sample::filter("value.n > 1")]);
    let ran = run(&program, None);
    assert_eq!((ran.outcome, ran.missing), (Outcome::Filtered, true));
}

#[test]
fn missing_is_said_of_the_last_record_only() {
    let program = program(|p| p.steps = vec![sample::filter("value.n > 1")]);
    let mut state = program.state();
    let headers = HeaderList::default();
    for (value, missing) in [("{}", true), (r#"{"n": 5}"#, false), ("{}", true), ("{", false)] {
        program.run(&mut state, &record(None, Some(value.as_bytes()), &headers));
        assert_eq!(state.missing(), missing, "{value}");
    }
}

#[test]
fn every_filter_has_to_let_it_pass() {
    let program = program(|p| {
        p.steps = vec![
            sample::filter(r#"key == "k""#),
            sample::filter("value.a"),
            sample::filter("partition == 2"),
            sample::filter("value.b"),
        ];
    });
    for (value, short) in [
        (r#"{"a": true, "b": true}"#, "01"),
        (r#"{"a": false, "b": true}"#, "F"),
        (r#"{"a": true, "b": false}"#, "F"),
    ] {
        assert_eq!(run(&program, Some(value)).short(), short, "{value}");
    }
}

#[test]
fn a_rejection_names_the_step_that_found_it() {
    let program = program(|p| {
        p.steps = vec![sample::filter(r#"key == "k""#), sample::filter(r#"value.n < "x""#)];
    });
    let ran = run(&program, Some(r#"{"n": 1}"#));
    assert_eq!(ran.rejection().stage, Stage::Expression);
    assert_eq!(ran.rejection().rule, "steps[1]");
}

fn routed(matching: Matching) -> crate::program::Program {
    program(|p| {
        p.sinks.push(sample::sink("c", None));
        p.routing = sample::routes(
            matching,
            vec![
                sample::route("big", Some("value.n > 10"), &[2, 0]),
                sample::route("some", Some("value.n > 5"), &[0, 1]),
                sample::route("eu", Some(r#"value.country == "DE""#), &[1]),
            ],
            OnReject::DeadLetter,
        );
    })
}

#[test]
fn the_first_matching_route_wins() {
    let program = routed(Matching::First);
    for (value, sinks) in [
        (r#"{"n": 11, "country": "DE"}"#, &[2, 0][..]),
        (r#"{"n": 6, "country": "DE"}"#, &[0, 1]),
        (r#"{"n": 1, "country": "DE"}"#, &[1]),
    ] {
        assert_eq!(run(&program, Some(value)).sinks(), sinks, "{value}");
    }
}

#[test]
fn all_matching_routes_count_and_a_sink_gets_a_record_once() {
    let program = routed(Matching::All);
    for (value, sinks) in [
        (r#"{"n": 11, "country": "DE"}"#, &[2, 0, 1][..]),
        (r#"{"n": 6, "country": "DE"}"#, &[0, 1]),
        (r#"{"n": 1, "country": "DE"}"#, &[1]),
        (r#"{"n": 11, "country": "FR"}"#, &[2, 0, 1]),
    ] {
        assert_eq!(run(&program, Some(value)).sinks(), sinks, "{value}");
    }
}

#[test]
fn the_routes_that_took_a_record_are_told() {
    let (first, all) = (routed(Matching::First), routed(Matching::All));
    for (value, by_first, by_all) in [
        (r#"{"n": 11, "country": "DE"}"#, &[0][..], &[0, 1, 2][..]),
        (r#"{"n": 6, "country": "FR"}"#, &[1], &[1]),
        (r#"{"n": 1, "country": "DE"}"#, &[2], &[2]),
        (r#"{"n": 1, "country": "FR"}"#, &[], &[]),
    ] {
        assert_eq!(run(&first, Some(value)).matched, by_first, "{value}");
        assert_eq!(run(&all, Some(value)).matched, by_all, "{value}");
    }
    // The shorter way, by a table of what one field is compared with.
    let country = |name: &str, when: &str| sample::route(name, Some(when), &[0]);
    let looked_up = program(|p| {
        let routes = vec![
            country("de", r#"value.country == "DE""#),
            country("fr", r#"value.country == "FR""#),
            sample::route("rest", None, &[1]),
        ];
        p.routing = sample::routes(Matching::First, routes, OnReject::Stop);
    });
    for (value, route) in [("DE", 0), ("FR", 1), ("IT", 2)] {
        let value = format!(r#"{{"country": "{value}"}}"#);
        assert_eq!(run(&looked_up, Some(&value)).matched, [route], "{value}");
    }
    assert_eq!(run(&looked_up, None).matched, [2]);
    assert_eq!(run(&program(|_| {}), Some("{}")).matched, [0_usize; 0], "it has no routes");
    // What is there of one record is gone with the next.
    let (mut state, headers) = (all.state(), HeaderList::default());
    for (value, matched) in
        [(r#"{"n": 11, "country": "DE"}"#, 3), (r#"{"n": 6, "country": ""}"#, 1)]
    {
        let record = record(None, Some(value.as_bytes()), &headers);
        assert_eq!(all.run(&mut state, &record), Outcome::Send);
        assert_eq!(state.matched().len(), matched);
    }
}

#[test]
fn a_record_that_no_route_takes_is_unmatched() {
    for matching in [Matching::First, Matching::All] {
        for value in [Some(r#"{"n": 1, "country": "FR"}"#), Some("{}"), None] {
            let ran = run(&routed(matching), value);
            assert_eq!(ran.rejection().stage, Stage::Unmatched, "{value:?}");
        }
    }
}

#[test]
fn a_missing_field_of_a_route_is_counted_and_the_next_route_is_asked() {
    let ran = run(&routed(Matching::First), Some(r#"{"country": "DE"}"#));
    assert!(ran.missing);
    assert_eq!(ran.sinks(), [1]);
}

#[test]
fn an_error_in_a_route_rejects_the_record_and_names_the_route() {
    let ran = run(&routed(Matching::First), Some(r#"{"n": "x", "country": "DE"}"#));
    assert_eq!(ran.rejection().rule, "route big");
    assert_eq!(ran.rejection().stage, Stage::Expression);
}

#[test]
fn a_route_without_a_condition_takes_what_is_left() {
    let program = program(|p| {
        p.routing = sample::routes(
            Matching::First,
            vec![sample::route("a", Some("value.n > 1"), &[0]), sample::route("rest", None, &[1])],
            OnReject::Stop,
        );
    });
    assert_eq!(run(&program, Some(r#"{"n": 2}"#)).sinks(), [0]);
    assert_eq!(run(&program, Some("{}")).sinks(), [1]);
    assert_eq!(run(&program, None).sinks(), [1]);
}

#[test]
fn each_stage_has_its_policy() {
    let program = program(|p| {
        p.on_error.decode = OnReject::Stop;
        p.on_error.sink = OnReject::Drop;
        p.routing = sample::routes(
            Matching::First,
            vec![sample::route("a", None, &[0, 1])],
            OnReject::Drop,
        );
    });
    assert_eq!(
        Stage::ALL.map(|stage| program.policy(stage)),
        [
            OnReject::Stop,
            OnReject::DeadLetter,
            OnReject::DeadLetter,
            OnReject::Drop,
            OnReject::Drop
        ],
    );
    assert!(!program.never_stops());
    assert!(super::program(|_| {}).never_stops());
}

#[test]
fn headers_topic_and_time_decide_without_a_value() {
    let headers = super::headers();
    for (filter, passes) in [
        (r#"headers["region"] == "eu""#, true),
        (r#"headers["none"] == "eu""#, false),
        (r#"topic == "in" && partition == 2 && offset == 41"#, true),
        (r#"timestamp < timestamp("2026-01-01T00:00:01Z")"#, true),
    ] {
        let program = program(|p| p.steps = vec![sample::filter(filter)]);
        let ran = run_on(&program, &record(None, Some(b"no json"), &headers));
        assert_eq!(ran.outcome == Outcome::Send, passes, "{filter}");
    }
}
