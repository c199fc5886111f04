//! No text makes the reader of pipeline files panic, and every place lies in the text.

use krouted::config::{self, AnyProperty, Environment, Output, Snapshot, SnapshotFile};
use proptest::prelude::*;

fn holds(bytes: Vec<u8>) {
    let file = SnapshotFile { path: "any.yaml".to_owned(), content: Ok(bytes) };
    let snapshot = Snapshot { files: vec![file], ..Snapshot::default() };
    let checked = config::check(&snapshot, None, &Environment::Unknown, &AnyProperty);
    for output in [Output::Text, Output::Json, Output::Github] {
        drop(config::render(&checked.findings, checked.counts, output));
    }
    for finding in &checked.findings {
        let text = finding.place.source().text();
        assert!(text.get(finding.place.span()).is_some(), "{finding:?}");
    }
}

const GOOD: &str = include_str!("../data/config/everything.good.yaml");

/// What YAML gives a meaning to, and what the grammar does.
const PIECES: &[&str] = &[
    "\n",
    " ",
    "  ",
    "\t",
    "\r\n",
    ": ",
    "- ",
    "---\n",
    "...\n",
    "{",
    "}",
    "[",
    "]",
    ",",
    "'",
    "\"",
    "\\",
    "&a ",
    "*a",
    "<<: ",
    "!x ",
    "|\n",
    ">-\n",
    "# ",
    "? ",
    "%YAML 1.2\n",
    "~",
    "no",
    "0777",
    "1e999",
    "${",
    "}",
    "é",
    "\u{feff}",
    "\u{85}",
    "\u{2028}",
    "\0",
    "name",
    "source",
    "kafka",
    "value.a == 1",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes_are_only_findings(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        holds(bytes);
    }

    #[test]
    fn any_text_of_yaml_is_only_findings(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..60)) {
        holds(pieces.concat().into_bytes());
    }

    #[test]
    fn a_good_file_that_was_cut_and_mixed_up_is_only_findings(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..12, prop::sample::select(PIECES)), 1..6),
    ) {
        let mut text: Vec<char> = GOOD.chars().collect();
        for (at, len, piece) in edits {
            let at = at.index(text.len());
            let end = (at + len).min(text.len());
            text.splice(at..end, piece.chars());
        }
        holds(text.into_iter().collect::<String>().into_bytes());
    }
}
