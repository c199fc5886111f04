//! What steps do, said by the cases of files in `tests/data/cases`; and records that are made to hurt.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use krouted::case::{Actual, Case, End, Given};
use krouted::config::{self, AnyProperty, Checked, Environment, Output, Snapshot};
use krouted::model::Stage;
use krouted::pipeline::Pipeline;
use krouted::program::{Outcome, Program};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cases")
}

fn checked(paths: &[PathBuf]) -> Checked {
    let snapshot = Snapshot::read_with(paths, Some(&folder().join("schemas"))).unwrap();
    let checked = config::check(&snapshot, None, &Environment::Unknown, &AnyProperty);
    let findings = config::render(&checked.findings, checked.counts, Output::Text);
    assert!(checked.findings.is_empty(), "{findings}");
    checked
}

fn pipeline(text: &str) -> Arc<Pipeline> {
    let file = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    let head =
        "version: 1\nname: one\nsource: {topics: [in], start: earliest}\ndelivery: exactly_once\n";
    std::fs::write(file.path(), format!("{head}{text}")).unwrap();
    checked(&[file.path().to_owned()]).pipelines.remove(0)
}

#[test]
fn every_case_of_the_steps_passes() {
    let paths = ["edits.yaml", "validate.yaml"].map(|name| folder().join(name));
    let checked = checked(&paths);
    let (mut ran, mut wrong) = (0, Vec::new());
    for (pipeline, cases) in checked.pipelines.iter().zip(&checked.cases) {
        let program = Program::new(pipeline);
        for placed in cases {
            let Case { name, .. } = &placed.case;
            let verdict = placed.case.run(pipeline, &program);
            ran += 1;
            if !verdict.differences.is_empty() {
                wrong.push(format!("{}: {name}: {:?}", pipeline.name, verdict.differences));
            }
        }
    }
    assert!(ran >= 25, "{ran} cases");
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn a_record_that_is_made_to_hurt_is_rejected_or_passes_and_never_stops_the_process() {
    let pipeline = pipeline(
        "steps: [{validate: {schema: order.json}}, {set: {value.seen: '1'}}, {remove: [value.pad]}]\nsinks: {out: {kafka: {topic: out}}}\ndead_letter: {topic: dlq}\n",
    );
    let program = Program::new(&pipeline);
    let nested = |n: usize| {
        format!("{{\"id\":\"a-1\",\"amount\":1,\"x\":{}{}}}", "[".repeat(n), "]".repeat(n))
    };
    let large = format!("{{\"id\":\"a-1\",\"amount\":1,\"pad\":\"{}\"}}", "x".repeat(10_000_000));
    let cases: [(&str, Vec<u8>, Option<Stage>); 8] = [
        ("10 MB", large.into_bytes(), None),
        ("100 000 open brackets", vec![b'['; 100_000], Some(Stage::Decode)),
        ("100 000 nested brackets", nested(100_000).into_bytes(), Some(Stage::Decode)),
        ("128 nested brackets", nested(127).into_bytes(), Some(Stage::Validate)),
        ("100 nested brackets", nested(100).into_bytes(), None),
        ("no UTF-8", b"{\"id\":\"a-1\",\"amount\":1,\"x\":\"\xff\"}".to_vec(), Some(Stage::Decode)),
        (
            "half a surrogate pair",
            br#"{"id":"a-1","amount":1,"x":"\ud800"}"#.to_vec(),
            Some(Stage::Validate),
        ),
        ("a NUL", b"\0".to_vec(), Some(Stage::Decode)),
    ];
    for (name, value, stage) in cases {
        let given = Given { topic: "in".to_owned(), value: Some(value), ..Given::default() };
        let found = match Actual::of(&given, &pipeline, &program).end {
            End::Sent(outputs) => {
                let value = outputs[0].value.as_deref().unwrap();
                assert!(serde_json::from_slice::<serde_json::Value>(value).is_ok(), "{name}");
                None
            }
            End::DeadLetter(rejection) => Some(rejection.stage),
            End::Filtered(_) | End::Dropped(_) | End::Stopped(_) => panic!("{name}"),
        };
        assert_eq!(found, stage, "{name}");
    }
}

#[test]
fn routes_that_are_looked_up_decide_as_those_that_are_asked_one_by_one() {
    let pipeline = pipeline(
        "sinks: {a: {kafka: {topic: a}}, b: {kafka: {topic: b}}, c: {kafka: {topic: c}}}\nroutes:\n  - {name: a, when: 'value.t in [\"x\", \"y\"]', to: [a]}\n  - {name: b, when: 'value.t == \"z\"', to: [b]}\n  - {name: c, to: [c]}\nunmatched: drop\n",
    );
    let program = Program::new(&pipeline);
    let values =
        ["\"x\"", "\"y\"", "\"z\"", "\"\\u0078\"", "\"\"", "1", "null", "true", "[]", "{}"];
    let values = values.iter().map(|v| format!("{{\"t\":{v}}}")).chain(["{}".into(), "[1]".into()]);
    for value in values {
        let bytes = Some(value.clone().into_bytes());
        let given = Given { topic: "in".to_owned(), value: bytes, ..Given::default() };
        let mut state = program.state();
        let quick = match program.run(&mut state, &given.record()) {
            Outcome::Send => state.outputs().iter().map(|o| o.sink).collect::<Vec<_>>(),
            other @ (Outcome::Filtered | Outcome::Rejected(_)) => panic!("{value}: {other:?}"),
        };
        let End::Sent(outputs) = Actual::of(&given, &pipeline, &program).end else {
            panic!("{value}")
        };
        let sinks = ["a", "b", "c"];
        let slow: Vec<_> =
            outputs.iter().map(|o| sinks.iter().position(|s| *s == o.sink).unwrap()).collect();
        assert_eq!(quick, slow, "{value}");
    }
}
