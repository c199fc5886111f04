//! `krouted plan --against` as a pull request runs it.

use std::path::Path;
use std::process::Command;

const GOOD: &str = include_str!("../data/config/smallest.good.yaml");

/// The exit code and what was said, for two folders of files.
fn planned(is: &[(&str, &str)], shall: &[(&str, &str)], more: &[&str]) -> (i32, String, String) {
    let place = tempfile::tempdir().unwrap();
    for (folder, files) in [("is", is), ("shall", shall)] {
        std::fs::create_dir(place.path().join(folder)).unwrap();
        for (name, text) in files {
            std::fs::write(place.path().join(folder).join(name), text).unwrap();
        }
    }
    run(place.path(), &[&["plan", "shall", "--against", "is"], more].concat())
}

fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_krouted"));
    let output = command.args(arguments).current_dir(folder).env_clear().output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn two_folders_that_mean_the_same_are_code_0() {
    let same = format!("# a comment\n{GOOD}");
    let said = planned(&[("a.yaml", GOOD)], &[("renamed.yaml", &same)], &[]);
    assert_eq!(said, (0, "1 unchanged\n".to_owned(), String::new()));
}

#[test]
fn a_change_is_code_2_and_says_what_it_does() {
    let changed = GOOD.replace("topics: [orders]", "topics: [orders, returns]");
    let (code, text, findings) = planned(&[("a.yaml", GOOD)], &[("a.yaml", &changed)], &[]);
    assert_eq!((code, findings.as_str()), (2, ""));
    assert!(text.starts_with("restart   orders\n          by source.topics\n"), "{text}");
    assert!(text.contains("`returns` is read from its beginning"), "{text}");
}

#[test]
fn json_is_one_document_with_a_version() {
    let changed = GOOD.replace("orders-eu", "orders-de");
    let (code, text, _) = planned(&[("a.yaml", GOOD)], &[("a.yaml", &changed)], &["-o", "json"]);
    assert_eq!(code, 2);
    let plan: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(plan["version"], 1);
    assert_eq!(plan["changes"][0]["kind"], "swap");
    assert_eq!(plan["changes"][0]["fields"][0], "sinks.out.topic");
}

#[test]
fn a_finding_is_code_1_and_its_pipeline_stays_as_it_is() {
    let bad = GOOD.replace("start: earliest", "start: erliest");
    let (code, text, findings) = planned(&[("a.yaml", GOOD)], &[("a.yaml", &bad)], &[]);
    assert_eq!((code, text.as_str()), (1, "1 unchanged\n"));
    assert!(findings.contains("shall/a.yaml:5:"), "{findings}");
}

#[test]
fn a_file_that_does_not_say_its_name_holds_back_removals_and_that_is_said() {
    let other = GOOD.replace("orders", "returns");
    let is = [("a.yaml", GOOD), ("b.yaml", &other)];
    let (code, text, findings) = planned(&is, &[("a.yaml", "name: [")], &[]);
    assert_eq!((code, text.as_str()), (1, "2 unchanged\n"));
    let note =
        "note: nothing is removed: shall/a.yaml does not say its name, so returns may be in it";
    assert!(findings.contains(note), "{findings}");
}

#[test]
fn variables_stand_for_themselves_unless_the_environment_is_asked() {
    let with = |name: &str| GOOD.replace("topic: orders-eu", &format!("topic: '${{{name}}}'"));
    let (one, other) = (with("ONE"), with("OTHER"));
    assert_eq!(planned(&[("a.yaml", &one)], &[("a.yaml", &one)], &[]).0, 0);
    assert_eq!(planned(&[("a.yaml", &one)], &[("a.yaml", &other)], &[]).0, 2);
    assert_eq!(planned(&[("a.yaml", &one)], &[("a.yaml", &other)], &["--env"]).0, 1);
}

#[test]
fn an_empty_folder_would_be_held() {
    let (code, text, _) = planned(&[("a.yaml", GOOD)], &[], &[]);
    assert_eq!(code, 2);
    assert!(text.contains("held: it would stop 1 of 1 running pipelines"), "{text}");
}

#[test]
fn a_folder_that_is_not_there_is_code_64_and_the_settings_one_78() {
    let place = tempfile::tempdir().unwrap();
    let (code, _, errors) = run(place.path(), &["plan", "here", "--against", "there"]);
    assert_eq!(code, 64);
    assert!(errors.contains("cannot read there"), "{errors}");
    std::fs::create_dir(place.path().join("there")).unwrap();
    for (arguments, expected) in
        [(&["plan", "here", "--against", "there"][..], 64), (&["plan", "--against", "there"], 78)]
    {
        let (code, _, errors) = run(place.path(), arguments);
        assert_eq!(code, expected, "{errors}");
        assert!(errors.contains("cannot read "), "{errors}");
    }
}

#[test]
fn a_changed_schema_beside_the_folders_is_named() {
    let place = tempfile::tempdir().unwrap();
    let file = GOOD.replace("sinks:", "steps: [{validate: {schema: order.json}}]\nsinks:");
    for (side, schema) in [("is", "{}"), ("shall", r#"{"type": "object"}"#)] {
        let side = place.path().join(side);
        std::fs::create_dir_all(side.join("pipelines")).unwrap();
        std::fs::create_dir_all(side.join("schemas")).unwrap();
        std::fs::write(side.join("pipelines/a.yaml"), &file).unwrap();
        std::fs::write(side.join("schemas/order.json"), schema).unwrap();
    }
    let against = ["plan", "shall/pipelines", "--against", "is/pipelines"];
    let (code, text, findings) = run(place.path(), &against);
    assert_eq!((code, findings.as_str()), (2, ""));
    assert!(text.starts_with("swap      orders\n          by schemas/order.json\n"), "{text}");

    // With settings of one side, the other's schemas are in the same place beside it.
    std::fs::write(place.path().join("shall/krouted.yaml"), "version: 1\n").unwrap();
    let with = [&against[..], &["--config", "shall/krouted.yaml"]].concat();
    assert_eq!(run(place.path(), &with).0, 2);
}

#[test]
fn a_test_that_fails_is_code_1_and_its_pipeline_stays_as_it_is() {
    let fails = "tests: [{name: it goes nowhere, given: {value: {}}, expect: []}]\n";
    let bad = format!("{}{fails}", GOOD.replace("orders-eu", "orders-de"));
    let (code, text, findings) = planned(&[("a.yaml", GOOD)], &[("a.yaml", &bad)], &[]);
    assert_eq!((code, text.as_str()), (1, "1 unchanged\n"));
    assert!(findings.contains("it goes nowhere"), "{findings}");
}
