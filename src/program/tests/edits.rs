//! Steps that edit the value, one behind the other: the slots of a scan move with the bytes.

use proptest::prelude::*;

use super::{headers, program, record};
use crate::expression::ValueExpression;
use crate::json::{Path, Segment};
use crate::model::Stage;
use crate::pipeline::{Assignment, Matching, OnReject, Step, Target, sample};
use crate::program::{Outcome, Program};

fn path(text: &str) -> Path {
    let segment =
        |part: &str| part.parse().map_or_else(|_| Segment::Key(part.into()), Segment::Index);
    Path(text.split('.').map(segment).collect())
}

/// `a = value.b` sets, `-a` removes; each may have several parts, of which a comma stands between.
fn step(text: &str) -> Step {
    let removed: Option<Vec<_>> = text.split(", ").map(|part| part.strip_prefix('-')).collect();
    if let Some(removed) = removed {
        return Step::Remove(removed.into_iter().map(|p| Target::Value(path(p))).collect());
    }
    let set = text.split(", ").map(|part| {
        let (target, value) = part.split_once(" = ").unwrap();
        let value = ValueExpression::parse(value).unwrap().value;
        Assignment { target: Target::Value(path(target)), value }
    });
    Step::Set(set.collect())
}

fn of_steps(steps: &[&str]) -> Program {
    program(|p| p.steps = steps.iter().map(|text| step(text)).collect())
}

/// Its routes tell by their sinks what they see in the value.
fn of_steps_and_routes(steps: &[&str]) -> Program {
    program(|p| {
        p.steps = steps.iter().map(|text| step(text)).collect();
        let routes = vec![
            sample::route("b", Some("has(value.b) && value.b != 1"), &[0]),
            sample::route("x", Some("has(value.c.x)"), &[1]),
            sample::route("rest", None, &[0]),
        ];
        p.routing = sample::routes(Matching::All, routes, OnReject::Drop);
    })
}

/// The value behind the steps, and where it goes; or the stage that refuses it.
fn through(program: &Program, value: &str) -> Result<(String, Vec<usize>), Stage> {
    let (mut state, headers) = (program.state(), headers());
    let record = record(None, Some(value.as_bytes()), &headers);
    match program.run(&mut state, &record) {
        Outcome::Send => {
            let value = String::from_utf8(state.value(&record).unwrap().to_vec()).unwrap();
            Ok((value, state.outputs().iter().map(|output| output.sink).collect()))
        }
        Outcome::Rejected(rejection) => Err(rejection.stage),
        Outcome::Filtered => panic!("there is no filter"),
    }
}

const STEPS: [&str; 14] = [
    "-a",
    "-b",
    "-c",
    "-c.x",
    "-c.y, -b",
    "a = has(value.b) ? value.b : 'none'",
    "b = 'a longer text than before'",
    "c.x = 1",
    "d = has(value.c.x) ? value.c.x : 'none'",
    "d.e = has(value.a) ? value.a : 'none'",
    "d.f = 2, a = has(value.d) ? value.d : 'none'",
    "e = value.a",
    "-d.e, -e",
    "c = null",
];

const VALUES: [&str; 5] = [
    r#"{"a":1,"b":"x","c":{"x":[1,2],"y":"\n"},"d":{}}"#,
    r#" { "c" : { "x" : { } } , "b" : 1 , "a" : "\u00e9" } "#,
    r#"{"z":0,"a":null,"e":false,"d":{"e":1,"f":2}}"#,
    r#"{"b":{"c":1},"c":{"y":1,"x":2},"zz":[{"a":1}]}"#,
    "{}",
];

proptest! {
    /// Many steps give what each of them gives alone, where every one scans what the one before made.
    #[test]
    fn steps_behind_each_other_see_what_the_ones_before_made(
        steps in proptest::sample::subsequence(STEPS.to_vec(), 1..6).prop_shuffle(),
        value in proptest::sample::select(VALUES.to_vec()),
    ) {
        let alone = steps.iter().try_fold(value.to_owned(), |value, step| {
            through(&of_steps(&[step]), &value).map(|(value, _)| value)
        });
        let alone = alone.and_then(|value| through(&of_steps_and_routes(&[]), &value));
        let together = through(&of_steps_and_routes(&steps), value);
        prop_assert_eq!(together, alone, "{:?}", steps);
    }
}
