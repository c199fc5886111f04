//! `krouted explain` as an operator runs it.

use std::io::{ErrorKind, Write};
use std::process::{Command, Stdio};

fn run(arguments: &[&str], input: &str) -> (i32, String, String) {
    run_in(&tempfile::tempdir().unwrap(), arguments, input)
}

/// With a pipeline that reads `in`, or what `source` says.
fn run_on(rest: &str, source: &str, arguments: &[&str], input: &str) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let source = if source.is_empty() { "topics: [in]" } else { source };
    let text = format!(
        "version: 1\nname: one\nsource: {{{source}, start: earliest}}\ndelivery: exactly_once\ndead_letter: {{topic: dlq}}\n{rest}"
    );
    std::fs::write(folder.path().join("one.yaml"), text).unwrap();
    let arguments: Vec<_> = ["one.yaml"].iter().chain(arguments).copied().collect();
    run_in(&folder, &arguments, input)
}

fn run_in(folder: &tempfile::TempDir, arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_krouted"));
    let mut child = command
        .arg("explain")
        .args(arguments)
        .current_dir(folder.path())
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    match child.stdin.take().unwrap().write_all(input.as_bytes()) {
        // It may have ended without a look at the record.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
        written => written.unwrap(),
    }
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn example(name: &str) -> String {
    format!("{}/pipelines/{name}.yaml", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_record_is_followed_through_steps_and_routes() {
    let record = "{\"type\": \"user.created\", \"user_id\": 7}\n";
    let (code, out, err) = run(&[&example("users-by-region")], record);
    assert_eq!((code, err.as_str()), (0, ""));
    for line in [
        "steps[0]   filter value.type in",
        "value.type is \"user.created\"",
        "-> true",
        "value.country is missing",
        "-> missing, which counts as not true",
        "dead letter unmatched: no route matches",
    ] {
        assert!(out.contains(line), "{line} is missing in:\n{out}");
    }
}

#[test]
fn an_envelope_has_a_key_and_headers() {
    let record =
        "{\"key\": \"s-1\", \"value\": {\"user\": {\"id\": \"u-1\"}}, \"headers\": {\"a\": \"b\"}}";
    let (code, out, err) = run(&[&example("clicks-by-user"), "--envelope"], record);
    assert_eq!((code, err.as_str()), (0, ""));
    for line in
        ["sink by-user (topic clicks.by-user)", "key u-1", "header a: b", "header session: s-1"]
    {
        assert!(out.contains(line), "{line} is missing in:\n{out}");
    }
    let (code, _, err) = run(&[&example("clicks-by-user"), "--envelope"], "{vlaue: 1}");
    assert_eq!(code, 1);
    assert!(err.contains("did you mean `value`?"), "{err}");
}

#[test]
fn a_code_is_explained_and_an_unknown_one_is_not() {
    let (code, out, _) = run(&["k0108"], "");
    assert_eq!(code, 0);
    assert!(out.starts_with("K0108\n"), "{out}");
    assert!(out.contains("Bad, in a pipeline file:\n\n    labels: {team: a, team: b}"), "{out}");
    let (code, _, err) = run(&["K9999"], "");
    assert_eq!(code, 64);
    assert!(err.contains("there is no finding K9999"), "{err}");
}

/// Where one of these is not there, all of the text is said.
fn has_lines(out: &str, lines: &[&str]) {
    let found: Vec<_> = out.lines().map(str::trim).collect();
    for line in lines {
        assert!(found.contains(line), "{line} is missing in:\n{out}");
    }
}

const OUT: &str = "sinks: {out: {kafka: {topic: out}}}\n";

#[test]
fn the_values_that_a_step_and_a_key_see_are_shown_and_which_are_missing() {
    let steps = format!("{OUT}steps: [{{set: {{value.b: value.x + value.w}}}}]\n");
    let (code, out, err) = run_on(&steps, "", &[], "{\"x\": 1}");
    assert_eq!((code, err.as_str()), (0, ""));
    let rejected =
        "dead letter expression: nothing to set `value.b` to: the field is missing (steps[0])";
    has_lines(
        &out,
        &[
            "steps[0]   set value.b to value.x + value.w",
            "value.x is 1",
            "value.w is missing",
            rejected,
        ],
    );
    let key = "sinks: {out: {kafka: {topic: out, key: value.k + value.j}}}\n";
    let (_, out, err) = run_on(key, "", &[], "{\"k\": \"a\"}");
    assert_eq!(err, "");
    let rejected = "dead letter expression: key: the field is missing (sink out)";
    has_lines(
        &out,
        &[
            "key        of the sink out: value.k + value.j",
            "value.k is \"a\"",
            "value.j is missing",
            rejected,
        ],
    );
}

#[test]
fn what_a_step_changes_is_shown_and_nothing_else() {
    let steps = format!(
        "{OUT}steps:
  - set: {{key: value.id, headers.a: 'value.id == 1 ? \"x\" : null', value.b: '2'}}
  - set: {{key: 'null', headers.a: 'null'}}
  - remove: [headers.a, value.b]
"
    );
    let (_, out, err) = run_on(&steps, "", &[], "{\"id\":1}");
    assert_eq!(err, "");
    let told: Vec<_> = out.lines().map(str::trim).filter(|l| l.contains(" is now ")).collect();
    let expected = [
        "key is now 1",
        "headers.a is now x",
        "value is now {\"id\":1,\"b\":2}",
        "key is now a null key",
        "headers.a is now a null value",
        "headers.a is now not there",
        "value is now {\"id\":1}",
    ];
    assert_eq!(told, expected, "{out}");
}

#[test]
fn a_lazy_check_shows_what_the_pipeline_sees() {
    let filter = format!("{OUT}steps: [{{filter: value.a == 1}}]\n");
    let lazy = "topics: [in], format: {json: {check: lazy}}";
    let (_, out, err) = run_on(&filter, lazy, &[], "{\"a\":1} damaged");
    assert_eq!(err, "");
    has_lines(&out, &["value.a is 1", "-> true"]);
}

#[test]
fn an_expression_in_a_block_is_one_line() {
    let filter =
        format!("{OUT}steps:\n  - filter: |\n      value.a == 1 &&\n        value.b == 2\n");
    let (_, out, err) = run_on(&filter, "", &[], "{\"a\":1,\"b\":2}");
    assert_eq!(err, "");
    has_lines(&out, &["steps[0]   filter value.a == 1 && value.b == 2"]);
}

#[test]
fn nothing_of_a_record_hides_or_forges_a_line_or_speaks_to_the_terminal() {
    let steps = format!(
        "{OUT}steps: [{{set: {{value.a: '\"steps[1] \"'}}}}, {{set: {{value.b: value.none}}}}]\n"
    );
    let (_, out, _) = run_on(&steps, "", &[], "{\"a\":\"steps[1] \"}");
    has_lines(&out, &["steps[1]   set value.b to value.none", "value.none is missing"]);

    let envelope = "{key: \"k\\noutput     sink FAKE\", value_text: \"\\e[2J\", headers: {\"h\\noutput     sink FAKE\": \"\\e[2J\"}}";
    let (code, out, err) = run_on(OUT, "", &["--envelope"], envelope);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(out.lines().filter(|l| l.starts_with("output")).count(), 1, "{out}");
    assert!(!out.chars().any(|c| c.is_control() && c != '\n'), "{out:?}");
    has_lines(&out, &["key k\\noutput     sink FAKE", "value \\u{1b}[2J"]);
}

#[test]
fn a_pattern_names_no_topic_so_the_record_has_to() {
    let pattern = "pattern: 'orders[.].*'";
    let key = "sinks: {out: {kafka: {topic: out, key: topic}}}\n";
    let (code, out, err) = run_on(key, pattern, &[], "{}");
    assert_eq!((code, out.as_str()), (64, ""));
    assert!(err.contains("give the record with --envelope, and its topic in it"), "{err}");
    let (code, out, err) = run_on(key, pattern, &["--envelope"], "{value: {}}");
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("error[K0909]"), "{err}");
    let (code, out, err) = run_on(key, pattern, &["--envelope"], "{topic: orders.eu, value: {}}");
    assert_eq!((code, err.as_str()), (0, ""));
    has_lines(&out, &["key orders.eu"]);
}

#[test]
fn arguments_that_lead_nowhere_are_code_64() {
    let several = format!(
        "{OUT}---\nversion: 1\nname: two\nsource: {{topics: [b], start: earliest}}\ndelivery: exactly_once\nsinks: {{o: {{kafka: {{topic: c}}}}}}\n"
    );
    for (arguments, said) in [
        (&["--pipeline", "three"][..], "there is no such pipeline in one.yaml"),
        (&[], "one.yaml has several pipelines: choose one by --pipeline: one, two"),
        (&["--pipeline", "two", "--record", "none.json"], "cannot read the record none.json"),
    ] {
        let (code, out, err) = run_on(&several, "", arguments, "{}");
        assert_eq!((code, out.as_str()), (64, ""), "{err}");
        assert!(err.contains(said), "{err}");
    }
}
