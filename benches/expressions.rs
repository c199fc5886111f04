//! What expressions, routes and edits cost: `cargo bench --bench expressions [NAME]`, beside `serde_json::Value` and the crate
//! `cel` on the same records. The budget is in EXPRESSIONS.md: key filter 2-40 ns, each further route 7.5 ns, or 13 ns for a
//! lookup of any size, splice 160 / 260 ns.

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

use krouted::expression::{Found, Lookup, Predicate, Scope, Target, ValueExpression, Verdict};
use krouted::json::{Check, Edit, Edits, Path, Paths, Slot, Splices, scan};
use records::{Bench, record};

const PREDICATE: &str =
    r#"value.type == "user.created" && value.amount > 100 && value.country in ["DE", "FR"]"#;

fn main() {
    Bench::each_size(|bench| {
        filters(bench);
        functions(bench);
        references(bench);
        for count in [1, 10, 100] {
            routes(bench, count);
        }
        edits(bench);
    });
}

fn parsed(text: &str) -> Predicate {
    Predicate::parse(text).expect("legal").value
}

fn predicate(bench: &Bench, name: &str, text: &str, check: Check) {
    let mut paths = Paths::default();
    let own = parsed(text).bind(&mut paths);
    let mut slots = vec![Slot::Missing; paths.len()];
    bench.time(name, |value| {
        let sound = scan(&paths, value, check, &mut slots).is_ok();
        let verdict = own.eval(&Scope { record: &record(value), slots: &slots });
        black_box(sound && verdict == Verdict::True);
    });
}

fn filters(bench: &Bench) {
    for (name, text) in [
        ("filter on the key", r#"key == "user-8""#),
        ("filter on the key's start", r#"key.startsWith("user-")"#),
        ("filter on the key by regex", r#"key.matches("^user-[0-9]+$")"#),
    ] {
        let filter = parsed(text).bind(&mut Paths::default());
        bench.time(name, |value| {
            black_box(filter.eval(&Scope { record: black_box(&record(value)), slots: &[] }));
        });
    }
    predicate(bench, "three paths, checked", PREDICATE, Check::Whole);
    predicate(bench, "three paths, lazy", PREDICATE, Check::Lazy);
}

fn functions(bench: &Bench) {
    for (name, text) in [
        ("calculation, checked", "value.amount * 2 + 1 > 100"),
        ("lower case, checked", r#"value.country.lowerAscii() == "de""#),
        (
            "elements, checked",
            r#"value.items.exists(x, x.price < 10) || value.tags.exists(x, x == "b")"#,
        ),
    ] {
        predicate(bench, name, text, Check::Whole);
    }
}

fn references(bench: &Bench) {
    bench.time("three paths: serde_json Value", |value| {
        let value: serde_json::Value = serde_json::from_slice(value).expect("legal");
        let passes = value["type"] == "user.created"
            && value["amount"].as_f64().is_some_and(|amount| amount > 100.0)
            && value["country"].as_str().is_some_and(|country| ["DE", "FR"].contains(&country));
        black_box(passes);
    });
    let env = Arc::new(cel::Env::stdlib());
    let program = env.compile(PREDICATE).expect("legal");
    let key = env.compile(r#"key == "user-8""#).expect("legal");
    bench.time("filter on the key: cel", |value| {
        let mut context = cel::Context::with_env(Arc::clone(&env));
        let key_of = record(value).key.map(|key| str::from_utf8(key).expect("text"));
        context.add_variable_from_value("key", key_of.expect("there"));
        black_box(key.execute(&context).is_ok());
    });
    bench.time("three paths: cel", |value| {
        let value: serde_json::Value = serde_json::from_slice(value).expect("legal");
        let mut context = cel::Context::with_env(Arc::clone(&env));
        context.add_variable_from_value("value", cel::to_value(value).expect("legal"));
        black_box(program.execute(&context).is_ok());
    });
}

/// No route matches: all are asked. The scan of the value is included, checked.
fn routes(bench: &Bench, count: usize) {
    let texts: Vec<_> = (0..count).map(|i| format!(r#"value.country == "X{i}""#)).collect();
    let predicates: Vec<_> = texts.iter().map(|text| parsed(text)).collect();
    let mut paths = Paths::default();
    let bound: Vec<_> = predicates.iter().map(|own| own.bind(&mut paths)).collect();
    let mut slots = vec![Slot::Missing; paths.len()];
    bench.time(&format!("{count} routes, one by one"), |value| {
        let sound = scan(&paths, value, Check::Whole, &mut slots).is_ok();
        let record = record(value);
        let scope = Scope { record: &record, slots: &slots };
        black_box(sound && bound.iter().any(|own| own.eval(&scope) == Verdict::True));
    });
    let env = Arc::new(cel::Env::stdlib());
    let literals: Vec<_> = (0..count).map(|i| format!("X{i}")).collect();
    let theirs: Vec<_> = texts.iter().map(|text| env.compile(text).expect("legal")).collect();
    bench.time(&format!("{count} routes: cel"), |value| {
        let value: serde_json::Value = serde_json::from_slice(value).expect("legal");
        let mut context = cel::Context::with_env(Arc::clone(&env));
        context.add_variable_from_value("value", cel::to_value(value).expect("legal"));
        black_box(theirs.iter().any(|own| own.execute(&context) == Ok(true.into())));
    });
    bench.time(&format!("{count} routes: serde_json Value"), |value| {
        let value: serde_json::Value = serde_json::from_slice(value).expect("legal");
        let country = value["country"].as_str();
        black_box(literals.iter().any(|own| country == Some(own.as_str())));
    });
    let Some(lookup) = Lookup::of(&predicates.iter().map(Some).collect::<Vec<_>>()) else { return };
    let lookup = lookup.bind(&mut paths);
    bench.time(&format!("{count} routes, one lookup"), |value| {
        let sound = scan(&paths, value, Check::Whole, &mut slots).is_ok();
        let record = record(value);
        let found = lookup.eval(&Scope { record: &record, slots: &slots });
        black_box(sound && found != Found::NoMatch);
    });
}

fn path(text: &str) -> Path {
    let Ok(Target::Value(path)) = Target::parse(text) else { unreachable!("{text}") };
    path
}

/// Sets one field and removes another one.
fn edits(bench: &Bench) {
    let mut paths = Paths::default();
    let list = vec![(path("value.currency"), Edit::Set), (path("value.source"), Edit::Remove)];
    let edits = Edits::new(list).bind(&mut paths);
    let new = ValueExpression::parse("value.country").expect("legal").value.bind(&mut paths);
    let mut slots = vec![Slot::Missing; paths.len()];
    let (mut scratch, mut out, mut splices) = (Vec::new(), Vec::new(), Splices::default());
    for (word, check) in [("checked", Check::Whole), ("lazy", Check::Lazy)] {
        bench.time(&format!("set and remove, {word}"), |value| {
            scan(&paths, value, check, &mut slots).expect("legal");
            let record = record(value);
            scratch.clear();
            out.clear();
            let text = new.json(&Scope { record: &record, slots: &slots }, &mut scratch);
            let text = text.expect("there");
            let replacement = |_| text.bytes(&scratch).unwrap_or_default();
            edits.apply(value, &slots, replacement, &mut splices, &mut out).expect("possible");
            black_box(&out);
        });
    }
    bench.time("set and remove: serde_json Value", |value| {
        let mut value: serde_json::Value = serde_json::from_slice(value).expect("legal");
        let country = value["country"].clone();
        let members = value.as_object_mut().expect("an object");
        members.insert("currency".to_owned(), country);
        members.shift_remove("source");
        black_box(serde_json::to_vec(&value).expect("writes"));
    });
}
