//! The invariants of src/ARCHITECTURE.md that can be read from the text of the sources.

use std::collections::BTreeSet;
use std::fs;

use regex::Regex;

use super::{files, root};

/// Sources below `src/` without their tests: path, and text without comments.
fn sources() -> Vec<(String, String)> {
    let src = root().join("src");
    let mut found = Vec::new();
    files(&src, &["rs"], &mut found);
    found.sort();
    let path =
        |file: &std::path::PathBuf| file.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
    found
        .iter()
        .map(|file| (path(file), fs::read_to_string(file).unwrap()))
        // `sample.rs` is a module for tests.
        .filter(|(path, _)| !path.contains("tests") && !path.ends_with("sample.rs"))
        .collect()
}

fn code(text: &str) -> String {
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    text.lines().filter(is_code).collect::<Vec<_>>().join("\n")
}

#[test]
fn only_config_makes_a_pipeline() {
    let made = Regex::new(r"\bPipeline \{").unwrap();
    let declared = Regex::new(r"(struct|impl|for|->) (\w+::)*Pipeline \{").unwrap();
    let mut makers = BTreeSet::new();
    for (path, text) in sources() {
        let is_made = |line: &str| made.is_match(line) && !declared.is_match(line);
        if code(&text).lines().any(is_made) {
            makers.insert(path);
        }
    }
    assert_eq!(makers, BTreeSet::from(["config/check.rs".to_owned()]));
}

#[test]
fn the_pure_layers_do_no_io_read_no_clock_and_log_nothing() {
    const PURE: [&str; 17] = [
        "model",
        "json",
        "expression",
        "pipeline",
        "program",
        "worker/machine",
        "worker/window",
        "worker/isolation",
        "worker/offsets",
        "worker/counters",
        "worker/breakdown",
        "worker/fault",
        "worker/port",
        "supervisor/lifecycle",
        "supervisor/backoff",
        "supervisor/plan",
        "supervisor/wanted",
    ];
    // `std::io::Write` into a vector is no I/O.
    let impure = Regex::new(
        r"std::(fs|net|env|process|thread)\b|std::io::[^W]|Instant|SystemTime|tokio|tracing|println!",
    )
    .unwrap();
    let is_pure = |path: &str| {
        PURE.iter()
            .any(|part| path == format!("{part}.rs") || path.starts_with(&format!("{part}/")))
    };
    let pure: Vec<_> = sources().into_iter().filter(|(path, _)| is_pure(path)).collect();
    assert!(pure.len() >= PURE.len(), "the pure layers were not found");
    for (path, text) in pure {
        let found = code(&text).lines().find(|line| impure.is_match(line)).map(str::to_owned);
        assert_eq!(found, None, "{path}");
    }
}

#[test]
fn unsafe_is_allowed_in_kafka_raw_only_and_each_block_says_why() {
    const LINES_BETWEEN_MAX: usize = 6;
    let block = Regex::new(r"\bunsafe (\{|fn |impl )").unwrap();
    let mut blocks = 0;
    for (path, text) in sources() {
        let allows = text.contains("(unsafe_code");
        assert_eq!(allows, path == "kafka/raw.rs", "{path} changes the lint");
        let lines: Vec<_> = text.lines().collect();
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| block.is_match(line)) {
            if line.trim_start().starts_with("//") {
                continue;
            }
            blocks += 1;
            let before = &lines[at.saturating_sub(LINES_BETWEEN_MAX)..=at];
            let reason = before.iter().any(|line| line.contains("SAFETY: "));
            assert!(reason, "src/{path}:{}: no reason", at + 1);
        }
    }
    assert!(blocks > 10, "the blocks were not found");
}

#[test]
fn no_channel_is_unbounded() {
    for (path, text) in sources() {
        let text = code(&text);
        for unbounded in ["unbounded_channel", "mpsc::channel()", "mpsc::channel::"] {
            assert!(!text.contains(unbounded), "{path}: {unbounded}");
        }
    }
}

#[test]
fn every_test_that_architecture_names_is_there() {
    let text = fs::read_to_string(root().join("src/ARCHITECTURE.md")).unwrap();
    // A test's name is a sentence.
    let sentence = Regex::new(r"`([a-z0-9]+(?:_[a-z0-9]+){2,})`").unwrap();
    let mut everything = String::new();
    for folder in ["src", "tests"] {
        let mut found = Vec::new();
        files(&root().join(folder), &["rs"], &mut found);
        for file in found {
            everything.push_str(&fs::read_to_string(file).unwrap());
        }
    }
    let mut named = 0;
    for name in sentence.captures_iter(&text).map(|c| c[1].to_owned()) {
        let guarantee = matches!(name.as_str(), "at_least_once" | "at_most_once");
        if !guarantee {
            named += 1;
            assert!(everything.contains(&format!("fn {name}(")), "there is no test {name}");
        }
    }
    assert!(named >= 10, "{named} tests are named");
}
