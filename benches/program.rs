//! What the whole decision for a record costs, without any client: scan, steps, routes, edits; and what holding a value against a
//! schema costs. `cargo bench --bench program [NAME]`; the pipelines and the schema are in `benches/data`.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    reason = "a bench that panics is seen at once"
)]

#[path = "shared/records.rs"]
mod records;

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use krouted::config::{Environment, Snapshot, check};
use krouted::kafka::Librdkafka;
use krouted::pipeline::{Pipeline, Step};
use krouted::program::schema::CompiledSchema;
use krouted::program::{Outcome, Program};
use records::{Bench, RECORDS, record};
use serde_json::Value;

fn main() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/data");
    let files = [data.join("pipelines")];
    let snapshot = Snapshot::read_with(&files, Some(&data.join("schemas"))).expect("readable");
    let checked = check(&snapshot, None, &Environment::Unknown, &Librdkafka);
    assert!(checked.findings.is_empty(), "{:?}", checked.findings);
    Bench::each_size(|bench| {
        for pipeline in &checked.pipelines {
            program(bench, pipeline);
        }
        checked.pipelines.iter().for_each(|pipeline| schemas(bench, pipeline));
    });
}

fn program(bench: &Bench, pipeline: &Arc<Pipeline>) {
    let program = Program::new(pipeline);
    let mut state = program.state();
    let mut passed = 0;
    for value in &bench.values {
        match program.run(&mut state, &record(value)) {
            Outcome::Send => passed += 1,
            Outcome::Filtered => {}
            Outcome::Rejected(rejection) => panic!("{}: {rejection}", pipeline.name),
        }
    }
    let name = &pipeline.name;
    bench.time(&format!("{name}, {} of 10 pass", passed * 10 / RECORDS), |value| {
        black_box(program.run(&mut state, &record(value)));
        black_box(state.outputs().len());
    });
}

/// Beside the same validator on the tree that most programs read a value into.
fn schemas(bench: &Bench, pipeline: &Pipeline) {
    for step in &pipeline.steps {
        let Step::Validate(schema) = step else { continue };
        let (own, _) = CompiledSchema::new(schema).expect("compiles");
        bench.time("schema alone", |value| {
            black_box(own.check(value, "steps[0]").is_ok());
        });
        let other = jsonschema::validator_for(&schema.root).expect("compiles");
        bench.time("schema alone: serde_json Value", |value| {
            let value: Value = serde_json::from_slice(value).expect("legal");
            black_box(other.is_valid(&value));
        });
    }
}
