//! NOTICE names all that is linked into the binary.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

fn notice() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("NOTICE")).unwrap()
}

/// A line is `name | licence | address`.
fn named() -> BTreeSet<String> {
    notice()
        .lines()
        .filter_map(|line| line.split_once(" | "))
        .map(|(name, _)| name.into())
        .collect()
}

#[test]
fn every_crate_of_the_normal_dependency_tree_is_named() {
    // One platform, so that the answer is the same wherever the test runs.
    let tree = "tree --offline --locked --edges normal --prefix none --format {p}|{l}|{r} \
                --target x86_64-unknown-linux-gnu";
    let mut cargo = Command::new(env!("CARGO"));
    let output = cargo.args(tree.split_whitespace()).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = output.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let named = named();
    let mut missing = BTreeSet::new();
    let mut seen = 0;
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let mut parts = line.trim_end_matches(" (*)").split('|');
        let name = parts.next().unwrap().split(' ').next().unwrap();
        seen += 1;
        if !name.is_empty() && name != "krouted" && !named.contains(name) {
            missing.insert(format!("{name} | {}", parts.collect::<Vec<_>>().join(" | ")));
        }
    }
    assert!(seen > 50, "cargo tree named {seen} crates only");
    assert!(missing.is_empty(), "add to NOTICE, with their copyright lines: {missing:#?}");
}

#[test]
fn the_c_libraries_are_named_with_their_licences() {
    let text = notice();
    for line in [
        "librdkafka 2.12.1 | BSD-2-Clause",
        "OpenSSL 3",
        "Zstandard 1.5",
        "zlib | Zlib",
        "Copyright (c) 2011-2020, Yann Collet", // LZ4, in librdkafka
    ] {
        assert!(text.contains(line), "{line}");
    }
}
