//! `init` and `schema`: what they write passes `check`, and nothing that is there is touched.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::Hand;

/// All files below a folder, by their paths.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = Vec::new();
    crate::tidy::files(folder, &["yaml", "json"], &mut found);
    let text = |path: &Path| fs::read_to_string(path).unwrap();
    let name = |path: &Path| path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
    found.iter().map(|path| (name(path), text(path))).collect()
}

#[test]
fn what_init_writes_passes_check_and_its_own_tests() {
    let hand = Hand::bare();
    let said = hand.run(&["init", "payments"]).good();
    assert_eq!(
        said.lines()[..5],
        [
            "wrote schemas/pipeline.v1.schema.json",
            "wrote schemas/settings.v1.schema.json",
            "wrote krouted.yaml",
            "wrote schemas/payments.json",
            "wrote pipelines/payments.yaml",
        ]
    );
    let checked = hand.run(&["check", "--env"]);
    assert_eq!(
        (checked.code, checked.err.as_str()),
        (Some(0), "checked 1 file: 1 pipeline, 0 errors, 0 warnings\n")
    );
    let tested = hand.run(&["test"]).good();
    assert!(tested.text().contains("4 passed"), "{}", tested.text());
    // Each file names the schema that editors check it with, by a way that leads there.
    let files = files(hand.path());
    let is_yaml = |path: &str| Path::new(path).extension().is_some_and(|e| e == "yaml");
    for (path, text) in files.iter().filter(|(path, _)| is_yaml(path)) {
        let line = text.lines().next().unwrap();
        let schema = line.strip_prefix("# yaml-language-server: $schema=").unwrap();
        let schema = hand.path().join(path).parent().unwrap().join(schema);
        assert!(schema.exists(), "{path}: {}", schema.display());
        assert!(!text.contains("{name}"), "{path}");
    }
    assert_eq!(files["schemas/pipeline.v1.schema.json"], hand.run(&["schema"]).good().text());
}

#[test]
fn a_name_that_yaml_takes_for_something_else_is_a_name_all_the_same() {
    for name in ["123", "no", "true", "null", "1e5", "0x1f", "1.5"] {
        let hand = Hand::bare();
        hand.run(&["init", name]).good();
        let checked = hand.run(&["check", "--env"]);
        assert_eq!(checked.code, Some(0), "{name}: {}", checked.err);
        let tested = hand.run(&["test"]).good();
        assert!(tested.text().contains("4 passed"), "{name}: {}", tested.text());
    }
}

#[test]
fn what_init_writes_is_for_a_cluster_that_the_settings_have() {
    let hand = Hand::bare();
    hand.write(
        "krouted.yaml",
        "version: 1\nclusters: {east: {bootstrap_servers: 'localhost:9'}}\n",
    );
    hand.run(&["init"]).good();
    assert!(files(hand.path())["pipelines/orders.yaml"].contains("\ncluster: 'east'"));
    let checked = hand.run(&["check"]);
    assert_eq!(checked.code, Some(0), "{}", checked.err);
}

#[test]
fn a_name_that_another_file_has_is_refused_with_that_file() {
    let hand = Hand::bare();
    hand.run(&["init"]).good();
    let folder = hand.path().join("pipelines");
    fs::create_dir(folder.join("shop")).unwrap();
    fs::rename(folder.join("orders.yaml"), folder.join("shop/all.yml")).unwrap();
    let before = files(hand.path());
    hand.run(&["init"])
        .said(1, &["shop/all.yml has a pipeline orders already: nothing was written"]);
    assert_eq!(files(hand.path()), before);
}

#[test]
fn init_never_overwrites() {
    let hand = Hand::bare();
    hand.run(&["init"]).good();
    let mine = "# mine\nversion: 1\n";
    for file in ["krouted.yaml", "schemas/orders.json"] {
        hand.write(file, mine);
    }
    let before = files(hand.path());
    let refused = hand.run(&["init"]);
    refused.said(1, &["pipelines/orders.yaml is there already: nothing was written"]);
    assert_eq!(files(hand.path()), before);
    fs::remove_file(hand.path().join("pipelines/orders.yaml")).unwrap();
    hand.run(&["init"]).said(1, &["schemas/orders.json is there already: nothing was written"]);
    let second = hand.run(&["init", "refunds"]).good();
    assert!(second.text().contains("wrote pipelines/refunds.yaml\n"), "{}", second.text());
    assert!(second.text().contains("kept  krouted.yaml\n"), "{}", second.text());
    let after = files(hand.path());
    assert_eq!(
        (after["krouted.yaml"].as_str(), after["schemas/orders.json"].as_str()),
        (mine, mine)
    );
    hand.run(&["init", "../orders"]).said(64, &["the name ../orders: begins with '.'"]);
}

#[test]
fn a_name_whose_schema_would_be_a_grammar_is_refused_before_anything_is_written() {
    for name in ["pipeline.v1.schema", "settings.v1.schema"] {
        let hand = Hand::bare();
        let grammar = format!("schemas/{name}.json, which is the grammar of krouted's own files");
        hand.run(&["init", name]).said(64, &[&grammar, "nothing was written"]);
        assert_eq!(fs::read_dir(hand.path()).unwrap().count(), 0);
        // Where the grammars are there already, too.
        hand.run(&["init"]).good();
        let before = files(hand.path());
        hand.run(&["init", name]).said(64, &[&grammar]);
        assert_eq!(files(hand.path()), before);
    }
}

#[test]
fn what_init_writes_beside_settings_that_are_there_is_where_they_look_for_it() {
    let hand = Hand::bare();
    let settings = "version: 1\npipelines: rules/live/\nschemas: forms\n";
    hand.write("krouted.yaml", settings);
    let said = hand.run(&["init", "refunds"]).good();
    let lines = said.lines();
    assert_eq!(
        lines[..5],
        [
            "wrote forms/pipeline.v1.schema.json",
            "wrote forms/settings.v1.schema.json",
            "kept  krouted.yaml",
            "wrote forms/refunds.json",
            "wrote rules/live/refunds.yaml",
        ]
    );
    // The next steps, as they stand there, lead on.
    let next = lines[6].strip_prefix("Next: krouted check, krouted test; ").unwrap();
    assert!(next.ends_with("; krouted run"), "{next}");
    let checked = hand.run(&["check"]);
    checked.said(0, &["checked 1 file: 1 pipeline, 0 errors, 0 warnings"]);
    assert!(hand.run(&["test"]).good().text().contains("4 passed"));
    let text = fs::read_to_string(hand.path().join("rules/live/refunds.yaml")).unwrap();
    let line = text.lines().next().unwrap();
    assert_eq!(line, "# yaml-language-server: $schema=../../forms/pipeline.v1.schema.json");
    assert!(hand.path().join("rules/live/../../forms/pipeline.v1.schema.json").exists());
    assert!(text.contains(" # forms/refunds.json\n"), "{text}");

    let broken = Hand::bare();
    broken.write("krouted.yaml", "version: 1\npiplines: rules\n");
    broken.run(&["init"]).said(78, &["did you mean `pipelines`?", "nothing was written"]);
    assert_eq!(files(broken.path()).len(), 1);
}

#[test]
fn an_init_that_did_not_come_to_its_end_is_ended_by_the_next_one() {
    let hand = Hand::bare();
    hand.run(&["init"]).good();
    let whole = files(hand.path());
    // The pipeline is written last.
    fs::remove_file(hand.path().join("pipelines/orders.yaml")).unwrap();
    let again = hand.run(&["init"]).good();
    assert!(again.text().contains("kept  schemas/orders.json\nwrote pipelines/orders.yaml\n"));
    assert_eq!(files(hand.path()), whole);
    // A folder that takes no file: what was written until then is said.
    let hand = Hand::bare();
    hand.write("pipelines", "a file");
    let refused = hand.run(&["init"]);
    refused.said(1, &["error: pipelines/orders.yaml: "]);
    assert!(refused.text().ends_with("wrote schemas/orders.json\n"), "{}", refused.text());
}

#[test]
fn schema_prints_what_the_committed_files_hold() {
    let committed = |name: &str| {
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(name))
            .unwrap()
    };
    let hand = Hand::bare();
    assert_eq!(hand.run(&["schema"]).good().text(), committed("pipeline.v1.schema.json"));
    assert_eq!(
        hand.run(&["schema", "settings"]).good().text(),
        committed("settings.v1.schema.json")
    );
    hand.run(&["schema", "record"]).said(64, &["pipeline", "settings"]);
}
