use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::config::{self, Finding, Snapshot, SnapshotFile, settings};
use crate::kafka::Librdkafka;

/// All codes that the sources give.
fn given_codes() -> BTreeSet<String> {
    let folder = format!("{}/src/config/finding", env!("CARGO_MANIFEST_DIR"));
    let mut codes = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("tests.rs") {
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap();
        for (at, _) in text.match_indices("\"K") {
            let code = text.get(at + 1..at + 6).unwrap();
            codes.extend(is_code(code).then(|| code.to_owned()));
        }
    }
    codes
}

fn findings(example: &Example, environment: &Environment) -> Vec<Finding> {
    let text = example.whole();
    if example.kind == ExampleKind::Settings {
        let file = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
        std::fs::write(file.path(), text).unwrap();
        return settings::load(Some(file.path()), environment, &Librdkafka)
            .err()
            .unwrap_or_default();
    }
    let file = SnapshotFile { path: "example.yaml".to_owned(), content: Ok(text.into_bytes()) };
    let mut snapshot = Snapshot { files: vec![file], ..Snapshot::default() };
    for (name, text) in example.schemas() {
        snapshot.schemas.files.insert(name.to_owned(), Ok(text.as_bytes().to_vec()));
    }
    let settings = settings::load(None, &Environment::Unknown, &Librdkafka).unwrap().settings;
    let mut checked = config::check(&snapshot, Some(&settings), environment, &Librdkafka);
    checked.refuse_failing();
    checked.findings
}

#[test]
fn every_code_is_explained_once_and_no_other() {
    let explained: Vec<_> = explanations().iter().map(|e| e.code.to_owned()).collect();
    let given: Vec<_> = given_codes().into_iter().collect();
    assert_eq!(explained, given);
}

#[test]
fn every_bad_example_gives_its_code_and_every_good_one_gives_none() {
    // These need a file system, a host or a bug of ours to come about; the last one a schema of pages.
    let situations =
        ["K0101", "K0102", "K0103", "K0113", "K0114", "K0208", "K0507", "K0606", "K1002", "K1015"];
    let mut wrong = Vec::new();
    let mut without = Vec::new();
    for Explanation { code, bad, good, .. } in explanations() {
        if bad.kind == ExampleKind::Situation {
            // What a cluster says, no file does; `config::online` has a test for each.
            if !code.starts_with("K11") {
                without.push(code.to_owned());
            }
            continue;
        }
        // One is about not looking them up.
        let environment = match code {
            "K0908" => Environment::Unknown,
            _ => Environment::Known(BTreeMap::new()),
        };
        let of_bad: Vec<_> = findings(&bad, &environment).iter().map(|f| f.code).collect();
        if !of_bad.contains(&code) {
            wrong.push(format!("{code}: the bad example gives {of_bad:?}"));
        }
        let of_good: Vec<_> =
            findings(&good, &environment).iter().map(|f| (f.code, f.message.clone())).collect();
        if !of_good.is_empty() {
            wrong.push(format!("{code}: the good example gives {of_good:?}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(without, situations.map(str::to_owned));
}
