//! `krouted demo`, as the first thing that somebody tries: nothing there but the binary.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::wait::eventually;

/// The mock's groups form after 3 s; the demo bounds writing, moving and reading at a minute each, and its ending.
const DEMO_MAX: Duration = Duration::from_mins(5);

#[test]
fn demo_needs_nothing_but_the_binary_and_says_what_went_where() {
    let folder = TempDir::new().unwrap();
    let mut demo = Command::new(env!("CARGO_BIN_EXE_krouted"))
        .arg("demo")
        .env_clear()
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // What it says fits into the pipes.
    let status = eventually(DEMO_MAX, "the demo ends", || demo.try_wait().unwrap());
    let (mut said, mut errors) = (String::new(), String::new());
    demo.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    demo.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert_eq!(status.code(), Some(0), "{said}\n{errors}");
    assert_eq!(errors, "", "{said}");
    let words: Vec<Vec<&str>> = said.lines().map(|l| l.split_whitespace().collect()).collect();
    for line in [
        &["inventory-copy", "inventory", "68", "inventory.copy", "68"][..],
        &["logs-by-level", "logs", "200", "logs.alerts", "45"],
        &["logs.archive", "190"],
        &["(dropped)", "10", "on_error:", "drop"],
        &["orders-by-region", "orders", "200", "orders.eu", "100"],
        &["payments-merge", "payments,", "refunds", "120", "payments.audit", "110"],
        &["requests.dlq", "20", "dead", "letters:", "20", "unmatched"],
        &["krouted.error.topic", "orders"],
    ] {
        assert!(words.iter().any(|w| w == line), "{line:?} is missing in:\n{said}");
    }
    assert!(said.contains("The mock cluster keeps no transactions"), "{said}");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "the demo left something behind: {left:?}");
}
