//! Prometheus' own judgement of the metrics, where its tool is there.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::not_run::{find, not_run};

/// In the PATH, or where `.ci/run` unpacks it.
fn promtool() -> Option<PathBuf> {
    find("promtool").or_else(|| {
        let unpacked = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/usr/bin/promtool");
        Some(PathBuf::from(unpacked)).filter(|path| path.exists())
    })
}

/// What it finds; nothing where all is well.
fn check(promtool: &PathBuf, text: &str) -> String {
    let mut command = Command::new(promtool);
    command.args(["check", "metrics"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // What it is told is written whole before it answers.
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert_eq!(output.status.success(), said.is_empty(), "{}: {said}", output.status);
    said
}

#[test]
fn promtool_finds_nothing_wrong_with_the_metrics() {
    let Some(promtool) = promtool() else {
        return not_run(
            "promtool check metrics",
            "promtool is not in the PATH (Debian: apt-get install prometheus)",
        );
    };
    let (text, _) = super::exposed();
    assert_eq!(check(&promtool, &text), "");
    // It is no checker that passes everything.
    let help = "# HELP krouted_consumer_lag ";
    let line = text.lines().find(|line| line.starts_with(help)).unwrap();
    let said = check(&promtool, &text.replace(&format!("{line}\n"), ""));
    assert!(said.contains("krouted_consumer_lag no help text"), "{said}");
}
