//! What the compiler does not check about the tree.

mod invariants;
mod layers;

use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder with one of these endings.
pub(crate) fn files(below: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        let ending = path.extension().and_then(|e| e.to_str());
        if path.is_dir() {
            files(&path, endings, found);
        } else if ending.is_some_and(|ending| endings.contains(&ending)) {
            found.push(path);
        }
    }
}

#[test]
fn no_source_file_is_longer_than_500_lines() {
    let mut sources = Vec::new();
    for folder in ["src", "tests"] {
        files(&root().join(folder), &["rs", "java"], &mut sources);
    }
    assert!(sources.len() > 20, "the sources were not found");
    for file in sources {
        let lines = std::fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= 500, "{} has {lines} lines", file.display());
    }
}

#[test]
fn every_dependency_has_an_owner() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(manifest.contains("[dependencies]"));
    assert_eq!(layers::unowned(&manifest), Vec::<String>::new(), "see OWNERS in tests/it/tidy");
}

#[test]
fn no_import_points_up_and_no_outside_crate_is_used_outside_its_owner() {
    let src = root().join("src");
    let mut sources = Vec::new();
    files(&src, &["rs"], &mut sources);
    sources.sort();
    let mut found = Vec::new();
    for file in sources {
        let path = file.strip_prefix(&src).unwrap().to_str().unwrap();
        found.extend(layers::violations(path, &std::fs::read_to_string(&file).unwrap()));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
