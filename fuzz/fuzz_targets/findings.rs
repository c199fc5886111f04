//! Any text -> findings, rendered in every form: nothing may panic, and every place must lie in the text.
//!
//! The modules are links to the package's: librdkafka and OpenSSL need not be built for this.
#![no_main]
#![allow(dead_code, unused_imports, reason = "the layers above use the rest")]

mod config;
mod expression;
mod json;
mod model;
mod pipeline;

use config::{AnyProperty, Environment, Output, Snapshot, SnapshotFile};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let file = SnapshotFile { path: "fuzz.yaml".to_owned(), content: Ok(bytes.to_vec()) };
    let snapshot = Snapshot { files: vec![file] };
    for environment in [Environment::Unknown, Environment::Known([].into())] {
        let checked = config::check(&snapshot, None, &environment, &AnyProperty);
        for output in [Output::Text, Output::Json, Output::Github] {
            let text = config::render(&checked.findings, checked.counts, output);
            std::hint::black_box(text);
        }
        for finding in &checked.findings {
            let text = finding.place.source().text();
            assert!(text.get(finding.place.span()).is_some(), "{finding:?}");
        }
    }
});
