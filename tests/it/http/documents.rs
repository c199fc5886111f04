//! docs/metrics.md against what is exposed, and against what the code says of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use regex::Regex;

use krouted::supervisor::reload::Outcome;
use krouted::telemetry::metrics::ALL;

/// A row of the document's table: type, labels, meaning, by the metric's name.
type Rows = BTreeMap<String, (String, Vec<String>, String)>;

fn documented() -> Rows {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let text = fs::read_to_string(path).unwrap();
    let mut rows = Rows::new();
    for line in text.lines().filter(|line| line.starts_with("| `krouted_")) {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [name, kind, labels, meaning] = cells[..] else { panic!("not four cells: {line}") };
        let labels = labels.split(", ").map(|l| l.trim_matches('`').to_owned());
        let labels = labels.filter(|l| !l.is_empty()).collect();
        let row = (kind.to_owned(), labels, meaning.to_owned());
        let before = rows.insert(name.trim_matches('`').to_owned(), row);
        assert_eq!(before, None, "{name} is documented twice");
    }
    rows
}

#[test]
fn every_metric_is_documented_as_the_code_says_and_no_other() {
    let in_code: Rows = ALL
        .iter()
        .map(|m| {
            let labels = m.labels.iter().map(|l| (*l).to_owned()).collect();
            (m.name.to_owned(), (m.kind.as_str().to_owned(), labels, m.help.to_owned()))
        })
        .collect();
    assert_eq!(documented(), in_code);
}

#[test]
fn every_documented_metric_is_exposed_with_its_labels_and_no_other() {
    let (text, exposed) = super::exposed();
    let samples = super::exposition::read(&text).unwrap().samples;
    let label = Regex::new("[{,]([a-zA-Z_]+)=").unwrap();
    let documented = documented();
    let names = |all: Vec<&String>| all.into_iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(exposed.keys().collect()), names(documented.keys().collect()), "{text}");
    for (name, family) in &exposed {
        let (kind, labels, meaning) = &documented[name];
        assert_eq!((&family.kind, &family.help), (kind, meaning), "{name}");
        let fixed = family.labels.iter().filter(|label| !label.starts_with("label_"));
        let fixed: BTreeSet<_> = fixed.collect();
        assert_eq!(fixed, labels.iter().collect(), "{name}");
        // Each series by itself too, in the order of the document.
        for series in samples.keys().filter(|key| key.split('{').next() == Some(name)) {
            let found = label.captures_iter(series).map(|c| c[1].to_owned());
            let found: Vec<_> = found.filter(|label| !label.starts_with("label_")).collect();
            assert_eq!(&found, labels, "{series}");
        }
    }
    // A broker that is away hides none of what the file names.
    for series in [
        "records_consumed_total{pipeline=\"copy\",topic=\"a\"}",
        "records_routed_total{pipeline=\"copy\",route=\"(all)\"}",
        "records_produced_total{pipeline=\"copy\",topic=\"b\"}",
        "consumer_lag{pipeline=\"copy\",group=\"krouted.copy\",topic=\"a\"}",
    ] {
        assert_eq!(samples.get(&format!("krouted_{series}")), Some(&0.0), "{series}: {text}");
    }
    assert!(exposed["krouted_pipeline_info"].labels.contains("label_team"), "{text}");
}

#[test]
fn every_outcome_of_a_reading_is_documented_and_no_other() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let text = fs::read_to_string(path).unwrap();
    let row = text.lines().find_map(|line| line.strip_prefix("| `result` | ")).unwrap();
    let words: Vec<_> = row.trim_end_matches(" |").split(", ").collect();
    let in_code: Vec<_> = Outcome::WORDS.iter().map(|word| format!("`{word}`")).collect();
    assert_eq!(words, in_code);
}
