//! What expressions mean, one line each.

mod arithmetic;
mod cel;
mod elements;
mod functions;
mod language;
mod lookup;
mod meaning;
mod near;
mod output;
mod refusals;
mod times;

use super::{BoundPredicate, BoundValue, Predicate, Problem, Scope, ValueExpression, Verdict};
use crate::json::{Check, Paths, Slot, scan};
use crate::model::{HeaderList, Record};

/// The record of most tests; `value` is JSON, `None` a tombstone.
fn with_record<T>(value: Option<&str>, ask: impl FnOnce(&Record<'_>) -> T) -> T {
    let header = |name: &str, value: Option<&str>| {
        (name.as_bytes().to_vec(), value.map(|value| value.as_bytes().to_vec()))
    };
    let headers = HeaderList(vec![
        header("region", Some("us")),
        header("region", Some("eu")),
        header("nothing", None),
    ]);
    ask(&Record {
        topic: "orders",
        partition: 3,
        offset: 9_007_199_254_740_993,
        timestamp: Some(1_767_225_600_000),
        key: Some(b"user-7"),
        value: value.map(str::as_bytes),
        headers: &headers,
    })
}

fn scanned(paths: &Paths, record: &Record<'_>) -> Vec<Slot> {
    let mut slots = vec![Slot::Missing; paths.len()];
    if let Some(value) = record.value {
        scan(paths, value, Check::Whole, &mut slots).unwrap();
    }
    slots
}

fn predicate(text: &str) -> (BoundPredicate, Paths) {
    let mut paths = Paths::default();
    let parsed = Predicate::parse(text).unwrap_or_else(|e| panic!("{text}: {e:?}"));
    (parsed.value.bind(&mut paths), paths)
}

fn value_of(text: &str) -> (BoundValue, Paths) {
    let mut paths = Paths::default();
    let parsed = ValueExpression::parse(text).unwrap_or_else(|e| panic!("{text}: {e:?}"));
    (parsed.value.bind(&mut paths), paths)
}

fn eval_on(text: &str, record: &Record<'_>) -> Verdict {
    let (predicate, paths) = predicate(text);
    let slots = scanned(&paths, record);
    predicate.eval(&Scope { record, slots: &slots })
}

fn eval(text: &str, value: Option<&str>) -> Verdict {
    with_record(value, |record| eval_on(text, record))
}

/// `T`, `F`, `M` or the text of the error.
fn short(verdict: Verdict) -> String {
    match verdict {
        Verdict::True => "T".to_owned(),
        Verdict::False => "F".to_owned(),
        Verdict::Missing => "M".to_owned(),
        Verdict::Error(error) => error.to_string(),
    }
}

fn problems(text: &str) -> Vec<Problem> {
    Predicate::parse(text).map_or_else(|problems| problems, |_| panic!("{text}: was accepted"))
}
