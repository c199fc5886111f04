//! What looking into a record costs: `cargo bench --bench json [NAME]`. Medians over 256 generated records, hot cache, beside
//! `serde_json` on the same records. The budget is in EXPRESSIONS.md: checked 160 / 450 ns, lazy 100 / 220 ns.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a bench that panics is seen at once"
)]

#[path = "shared/records.rs"]
mod records;

use std::hint::black_box;
use std::sync::Arc;

use krouted::expression::{Predicate, Scope, Verdict};
use krouted::json::{Check, Paths, Scanner, Slot, scan};
use records::{Bench, RECORDS, record};

/// `type` stands early, `amount` in the middle, `country` late, behind nested arrays; about a quarter matches.
const PREDICATE: &str =
    r#"value.type == "user.created" && value.amount > 100 && value.country in ["DE", "FR"]"#;

fn main() {
    Bench::each_size(|bench| {
        validation(bench);
        slots(bench);
        shapes(bench);
        predicates(bench);
    });
}

fn validation(bench: &Bench) {
    let none = Paths::default();
    bench.time("validate", |value| {
        black_box(scan(&none, value, Check::Whole, &mut []).is_ok());
    });
    bench.time("validate: simdutf8 alone", |value| {
        black_box(simdutf8::basic::from_utf8(value).is_ok());
    });
    bench.time("validate: serde_json IgnoredAny", |value| {
        black_box(serde_json::from_slice::<serde::de::IgnoredAny>(value).is_ok());
    });
    bench.time("validate: serde_json Value", |value| {
        black_box(serde_json::from_slice::<serde_json::Value>(value).is_ok());
    });
}

fn slots(bench: &Bench) {
    for (name, text) in [
        ("1 early path", r#"value.type == """#),
        ("1 late path", r#"value.country == """#),
        ("1 missing path", r#"value.none == """#),
        ("3 paths", PREDICATE),
    ] {
        let mut paths = Paths::default();
        Predicate::parse(text).expect("legal").value.bind(&mut paths);
        let mut slots = vec![Slot::Missing; paths.len()];
        for (word, check) in [("checked", Check::Whole), ("lazy", Check::Lazy)] {
            bench.time(&format!("{name}, {word}"), |value| {
                let _result = black_box(scan(&paths, value, check, &mut slots));
                black_box(&slots);
            });
        }
    }
}

/// A scanner that remembers how documents are built, where they are built alike, in eight ways, where one of four is built in its
/// own way, and where each is: then it mostly pauses. The difference is in the last member.
fn shapes(bench: &Bench) {
    let mut paths = Paths::default();
    Predicate::parse(PREDICATE).expect("legal").value.bind(&mut paths);
    let mut slots = vec![Slot::Missing; paths.len()];
    let paths = Arc::new(paths);
    let ways = [
        ("alike", (|_| 0) as fn(usize) -> usize),
        ("in 8 ways", |n| n % 8),
        ("anew, 1 of 4", |n| if n % 4 == 0 { n } else { 1 }),
        ("anew, each", |n| n),
    ];
    for (name, way) in ways {
        let with_end = |(n, value): (usize, &Vec<u8>)| {
            let mut value = value.clone();
            value.pop();
            value.extend(format!(r#","way{:03}":1}}"#, way(n)).as_bytes());
            value
        };
        let mut bench = bench.clone();
        bench.values = bench.values.iter().enumerate().map(with_end).collect();
        let mut scanner = Scanner::new(Arc::clone(&paths));
        bench.time(&format!("3 paths, checked, built {name}"), |value| {
            let _result = black_box(scanner.scan(value, Check::Whole, &mut slots));
            black_box(&slots);
        });
        bench.time(&format!("the same, built {name}, each scanned alone"), |value| {
            let _result = black_box(scan(&paths, value, Check::Whole, &mut slots));
            black_box(&slots);
        });
    }
}

fn predicates(bench: &Bench) {
    let mut paths = Paths::default();
    let predicate = Predicate::parse(PREDICATE).expect("legal").value.bind(&mut paths);
    let mut slots = vec![Slot::Missing; paths.len()];
    let mut passed = 0;
    for value in &bench.values {
        let own = decide(&paths, &predicate, value, Check::Whole, &mut slots);
        assert_eq!(own, reference(value), "{}", String::from_utf8_lossy(value));
        passed += usize::from(own);
    }
    bench.say(&format!("{passed} of {RECORDS} pass"));
    for (name, check) in [("checked", Check::Whole), ("lazy", Check::Lazy)] {
        bench.time(&format!("predicate on 3 paths, {name}"), |value| {
            black_box(decide(&paths, &predicate, value, check, &mut slots));
        });
    }
    scan(&paths, &bench.values[0], Check::Whole, &mut slots).expect("legal");
    bench.time("predicate on 3 paths, slots filled", |_| {
        let record = record(&bench.values[0]);
        black_box(predicate.eval(&Scope { record: &record, slots: black_box(&slots) }));
    });
    let mut none = Paths::default();
    let by_key = Predicate::parse(r#"key == "user-7" && topic == "orders""#).expect("legal");
    let by_key = by_key.value.bind(&mut none);
    bench.time("predicate on key and topic", |value| {
        black_box(by_key.eval(&Scope { record: black_box(&record(value)), slots: &[] }));
    });
    bench.time("predicate by serde_json Value", |value| {
        black_box(reference(value));
    });
}

fn decide(
    paths: &Paths,
    predicate: &krouted::expression::BoundPredicate,
    value: &[u8],
    check: Check,
    slots: &mut [Slot],
) -> bool {
    let ok = scan(paths, value, check, slots).is_ok();
    let scope = Scope { record: &record(value), slots };
    ok && predicate.eval(&scope) == Verdict::True
}

fn reference(value: &[u8]) -> bool {
    let value: serde_json::Value = serde_json::from_slice(value).expect("legal");
    value["type"] == "user.created"
        && value["amount"].as_f64().is_some_and(|amount| amount > 100.0)
        && value["country"].as_str().is_some_and(|country| ["DE", "FR"].contains(&country))
}
