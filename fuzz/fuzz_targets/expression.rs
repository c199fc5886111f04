//! Any text as an expression, on a record that holds each kind of value: nothing may panic, and every place must lie in the text.
#![no_main]

use krouted::expression::{Predicate, Problem, Scope, ValueExpression};
use krouted::json::{Check, Paths, Slot, scan};
use krouted::model::{NoHeaders, Record};
use libfuzzer_sys::fuzz_target;

const VALUE: &[u8] = br#"{"a": 1, "b": -1.5e3, "c": "x\u00e9", "d": "y", "e": null, "f": true, "g": {"a": [1, {"b": 2}]},
    "h": [1, "x", null, {"a": "\uD83D\uDE00"}], "i": 18446744073709551615, "j": 1e999}"#;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let record = Record {
        topic: "t",
        partition: 1,
        offset: i64::MAX,
        timestamp: Some(i64::MIN),
        key: Some(b"\xffkey"),
        value: Some(VALUE),
        headers: &NoHeaders,
    };
    let mut paths = Paths::default();
    let predicate = checked(text, Predicate::parse(text).map(|checked| checked.value)).map(|own| own.bind(&mut paths));
    let value = checked(text, ValueExpression::parse(text).map(|checked| checked.value)).map(|own| own.bind(&mut paths));
    let mut slots = vec![Slot::Missing; paths.len()];
    scan(&paths, VALUE, Check::Whole, &mut slots).expect("a sound record");
    let scope = Scope { record: &record, slots: &slots };
    if let Some(predicate) = predicate {
        std::hint::black_box(predicate.eval(&scope));
    }
    if let Some(value) = value {
        let mut scratch = Vec::new();
        if let Ok(json) = value.json(&scope, &mut scratch) {
            let json = json.bytes(&scratch).expect("never null");
            scan(&Paths::default(), json, Check::Whole, &mut []).expect("the JSON of a value is JSON");
        }
        std::hint::black_box(value.eval(&scope, &mut scratch).is_ok());
    }
});

fn checked<T>(text: &str, result: Result<T, Vec<Problem>>) -> Option<T> {
    for problem in result.as_ref().err().into_iter().flatten() {
        assert!(text.get(problem.span.clone()).is_some(), "{problem:?}");
    }
    result.ok()
}
