//! `krouted explain` as an operator runs it.

use std::io::Write;
use std::process::{Command, Stdio};

fn run(arguments: &[&str], input: &str) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
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
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
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
    assert_eq!(code, 78);
    assert!(err.contains("there is no finding K9999"), "{err}");
}
