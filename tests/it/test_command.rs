//! `krouted test` as an operator runs it.

use std::process::Command;

const GOOD: &str = include_str!("../data/config/smallest.good.yaml");

const TESTS: &str = "tests:
  - name: a record passes
    given: {key: k, value: {a: 1}}
    expect: [{sink: SINK, key: k, value: {a: 1}}]
  - name: \"<wrong> & 'odd'\"
    given: {key: k, value: {a: 1}, headers: {h: '1'}}
    expect: [{sink: SINK, key: other, contains: {a: 2}, headers: {}}, {sink: SINK}]
";

fn run(arguments: &[&str], text: &str) -> (i32, String, String) {
    run_with(arguments, text, &[])
}

fn run_with(arguments: &[&str], text: &str, environment: &[(&str, &str)]) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pipelines")).unwrap();
    std::fs::write(folder.path().join("pipelines/a.yaml"), text).unwrap();
    std::fs::create_dir(folder.path().join("schemas")).unwrap();
    std::fs::write(folder.path().join("schemas/id.json"), "{\"required\": [\"id\"]}").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_krouted"));
    command.args(arguments).current_dir(folder.path()).env_clear();
    let output = command.envs(environment.iter().copied()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn with_tests() -> String {
    let sink = GOOD.lines().skip_while(|l| !l.starts_with("sinks:")).nth(1).unwrap();
    let sink = sink.trim().split(':').next().unwrap();
    format!("{GOOD}{}", TESTS.replace("SINK", sink))
}

#[test]
fn a_failing_test_shows_the_difference_and_the_rule_and_is_code_1() {
    let (code, out, err) = run(&["test"], &with_tests());
    assert_eq!((code, err.as_str()), (1, ""), "{out}");
    assert!(out.contains("ok   orders: a record passes"), "{out}");
    assert!(out.contains("FAIL orders: <wrong> & 'odd'"), "{out}");
    for line in ["expected other", "got      k", "expected one with {\"a\":2}", "got      [h: 1]"] {
        assert!(out.contains(line), "{line}: {out}");
    }
    assert!(out.contains("got nothing"), "{out}");
    assert!(out.ends_with("2 tests in 1 pipeline: 1 passed, 1 failed\n"), "{out}");
}

#[test]
fn tests_that_need_variables_are_not_passed_over_in_silence() {
    let text = with_tests().replace("topics: [orders]", "topics: [\"${TOPIC}\"]");
    assert_ne!(text, with_tests());
    let (code, out, err) = run_with(&["test"], &text, &[("TOPIC", "orders")]);
    assert_eq!(code, 1, "{out}");
    assert!(err.contains("warning[K0908]: these tests are not run"), "{err}");
    let (code, out, _) = run_with(&["test", "--env"], &text, &[("TOPIC", "orders")]);
    assert_eq!(code, 1);
    assert!(out.ends_with("2 tests in 1 pipeline: 1 passed, 1 failed\n"), "{out}");
    let (code, _, err) = run_with(&["check"], &text, &[]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("warning[K0908]"), "{err}");
    let (code, _, err) = run_with(&["check", "--no-tests"], &text, &[]);
    assert_eq!((code, err.contains("K0908")), (0, false), "{err}");
}

#[test]
fn json_and_junit_say_the_same() {
    let (code, out, _) = run(&["test", "-o", "json", "--coverage"], &with_tests());
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &document["tests"], &document["failed"]), (1, &2.into(), &1.into()));
    assert_eq!(document["pipelines"][0]["tests"][0]["passed"], true);
    let (code, out, _) = run(&["test", "-o", "junit"], &with_tests());
    assert_eq!(code, 1);
    assert!(out.contains("<testsuites tests=\"2\" failures=\"1\" errors=\"0\">"), "{out}");
    assert!(out.contains("name=\"&lt;wrong&gt; &amp; 'odd'\""), "{out}");
    assert!(out.contains("<failure message="), "{out}");
}

#[test]
fn a_report_holds_the_files_whose_tests_could_not_run() {
    let broken = with_tests().replace("delivery: exactly_once", "delivery: twice");
    let (code, out, _) = run(&["test", "-o", "junit"], &broken);
    assert_eq!(code, 1);
    assert!(out.contains("<testsuites tests=\"1\" failures=\"0\" errors=\"1\">"), "{out}");
    assert!(out.contains("<error message=\"K0"), "{out}");
    let (code, out, _) = run(&["test", "-o", "json"], &broken);
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &document["tests"]), (1, &0.into()));
    let refused = &document["refused"][0];
    assert!(refused["file"].as_str().unwrap().contains("yaml"), "{refused}");
    assert!(refused["line"].as_u64().unwrap() > 1, "{refused}");
}

#[test]
fn check_runs_the_tests_too_unless_told_not_to() {
    let (code, _, err) = run(&["check"], &with_tests());
    assert_eq!(code, 1);
    assert!(err.contains("error[K0907]"), "{err}");
    let (code, _, err) = run(&["check", "--no-tests"], &with_tests());
    assert_eq!(code, 0, "{err}");
}

#[test]
fn coverage_names_what_no_test_reaches() {
    let text = format!("{GOOD}steps:\n  - filter: key == \"k\"\n");
    let (code, out, _) = run(&["test", "--coverage"], &text);
    assert_eq!(code, 0);
    assert!(out.contains("orders has no tests"), "{out}");
    assert!(out.contains("no case reaches steps[0]"), "{out}");
}

const STEPS: &str = "version: 1
name: steps
source: {topics: [in], start: earliest}
delivery: exactly_once
steps:
  - validate: {schema: id.json}
  - set: {value.a: value.b}
  - filter: value.a > 1
sinks: {out: {kafka: {topic: out}}}
dead_letter: {topic: dlq}
tests:
";

#[test]
fn a_step_that_rejects_is_reached() {
    let mut text = STEPS.to_owned();
    for (name, value, expect, open) in [
        (
            "validate",
            "{a: 1}",
            "{dead_letter: {stage: validate}}",
            &["no case reaches steps[1]", "no case reaches steps[2]"][..],
        ),
        ("set", "{id: 1}", "{dead_letter: {stage: expression}}", &["no case reaches steps[2]"]),
        (
            "filter",
            "{id: 1, b: x}",
            "{dead_letter: {stage: expression}}",
            &["no case passes the filter steps[2]", "no case is held back by the filter steps[2]"],
        ),
        (
            "passes",
            "{id: 1, b: 2}",
            "{sink: out}",
            &["no case is held back by the filter steps[2]"],
        ),
        ("held back", "{id: 1, b: 1}", "", &[]),
    ] {
        let case = format!("  - {{name: {name}, given: {{value: {value}}}, expect: [{expect}]}}\n");
        text.push_str(&case);
        let (code, out, err) = run(&["test", "--coverage"], &text);
        assert_eq!((code, err.as_str()), (0, ""), "{name}: {out}");
        let said: Vec<_> = out.lines().filter_map(|l| l.strip_prefix("     steps: ")).collect();
        assert_eq!(said, open, "{name}: {out}");
    }
}

#[test]
fn nothing_of_a_test_speaks_to_the_terminal() {
    let text = format!(
        "{STEPS}  - name: \"odd \\e[2J\\nok   steps: forged\"
    given: {{key: \"k\\nok   steps: forged\", value: {{id: 1, b: 2}}, headers: {{\"h\\r\": \"\\e]0;x\\a\"}}}}
    expect: [{{sink: out, key: other, value_text: \"\\u009b\", headers: {{}}}}]
"
    );
    let (code, out, err) = run(&["test"], &text);
    assert_eq!((code, err.as_str()), (1, ""), "{out}");
    assert!(out.starts_with("FAIL steps: odd \\u{1b}[2J\\nok   steps: forged\n"), "{out}");
    assert!(out.contains("got      k\\nok   steps: forged\n"), "{out}");
    assert!(out.contains("[h\\r: \\u{1b}]0;x\\u{7}]"), "{out}");
    assert!(out.contains("expected \\u{9b}\n"), "{out}");
    assert!(!out.chars().any(|c| c.is_control() && c != '\n'), "{out:?}");
    assert!(!out.lines().any(|line| line.trim_start().starts_with("ok")), "{out}");
}
