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
    assert!(out.contains("<testsuites tests=\"2\" failures=\"1\">"), "{out}");
    assert!(out.contains("name=\"&lt;wrong&gt; &amp; 'odd'\""), "{out}");
    assert!(out.contains("<failure message="), "{out}");
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
