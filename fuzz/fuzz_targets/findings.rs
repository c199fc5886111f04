//! Any text -> findings, rendered in every form: nothing may panic, and every place must lie in the text.
#![no_main]

use krouted::config::{self, AnyProperty, Environment, Output, SchemaFiles, Snapshot, SnapshotFile};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let file = SnapshotFile { path: "fuzz.yaml".to_owned(), content: Ok(bytes.to_vec()) };
    let snapshot = Snapshot { files: vec![file], schemas: SchemaFiles::default() };
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
