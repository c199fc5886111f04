//! What a test says where the machine lacks what it needs: never nothing.

use std::io::Write;
use std::path::{Path, PathBuf};

/// Says so on the real standard error, which the test runner does not capture.
pub(crate) fn not_run(what: &str, why: &str) {
    let text = format!("\nNOT RUN: {what}: {why}\n");
    std::io::stderr().write_all(text.as_bytes()).unwrap();
}

/// A program of the PATH.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    find_in(&std::env::var_os("PATH")?.into_string().ok()?, program)
}

fn find_in(path: &str, program: &str) -> Option<PathBuf> {
    // What only root uses may not be in the PATH of all.
    let folders = path.split(':').chain(["/usr/sbin", "/sbin"]).map(Path::new);
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

#[test]
fn a_program_is_found_where_it_is() {
    assert_eq!(find_in("/nowhere:/bin", "sh"), Some(PathBuf::from("/bin/sh")));
    assert_eq!(find_in("/nowhere", "no-such-program"), None);
}
