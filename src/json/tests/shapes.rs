//! What a scanner remembers must never show: each document is found as one that is scanned alone.

use std::sync::Arc;

use proptest::prelude::*;

use super::differential::{damage, damaged, paths};
use super::document::{document, others};
use super::{Check, Malformed, Paths, Slot, path, say, scan};
use crate::json::Scanner;
use crate::json::block::Kinds;
use crate::json::scanner::{PAUSE, PAUSES_MAX, TRUST_AT_FIRST, TRUST_MAX};
use crate::json::shape::{NODES_MAX, Shapes, TEXT_MAX, WAYS_MAX};

fn trie(texts: &[&str]) -> Arc<Paths> {
    let mut paths = Paths::default();
    for text in texts {
        paths.add(&path(text));
    }
    Arc::new(paths)
}

fn alone(paths: &Paths, value: &[u8], check: Check) -> (Result<(), Malformed>, Vec<Slot>) {
    let mut slots = vec![Slot::Missing; paths.len()];
    (scan(paths, value, check, &mut slots), slots)
}

/// Whether the shape of `value` is one of those that were learned; what is found then is what a scan finds.
fn knows(learned: &[&str], value: &str, texts: &[&str]) -> bool {
    let paths = trie(texts);
    let mut shapes = Shapes::default();
    for text in learned {
        let (result, slots) = alone(&paths, text.as_bytes(), Check::Whole);
        result.unwrap();
        shapes.learn(text.as_bytes(), &slots);
    }
    let mut slots = vec![Slot::Missing; paths.len()];
    let known = shapes.fill(value.as_bytes(), Kinds::of(value.as_bytes()), &mut slots);
    if known {
        assert_eq!((Ok(()), slots), alone(&paths, value.as_bytes(), Check::Whole), "{value}");
    }
    known
}

#[test]
fn a_document_with_other_values_between_the_same_pieces_is_known() {
    let texts = &["a", "b.c", "b", "d.0", "d", "e"];
    let first = r#"{"a":"x","b":{"c":1,"f":[]},"d":[null,true],"e":"", "long key that goes on and on":{"more":2}}"#;
    for other in [
        r#"{"a":"","b":{"c":-12.5e3,"f":[]},"d":[false,17],"e":"text", "long key that goes on and on":{"more":0}}"#,
        r#"{"a":"a text that is longer than any block of sixty-four bytes, so that it is looked for further on","b":{"c":12345678901234567890,"f":[]},"d":[1,2.5],"e":"", "long key that goes on and on":{"more":2}}"#,
        r#"{"a":"\"\\ \u00e9","b":{"c":null,"f":[]},"d":[0,0],"e":"é\n", "long key that goes on and on":{"more":true}}"#,
        r#"{"a":"","b":{"c":1e-5,"f":[]},"d":[1.5E3,1e5],"e":"", "long key that goes on and on":{"more":12345678}}"#,
    ] {
        assert!(knows(&[first], other, texts), "{other}");
    }
}

#[test]
fn a_document_with_other_pieces_is_not_known() {
    let first = r#"{"a":1,"b":"x","c":[1,2]}"#;
    for other in [
        r#"{"a":1,"b":"x","c":[1,2],"d":3}"#,
        r#"{"a":1,"b":"x","c":[1]}"#,
        r#"{"a":1,"b":"x","c":[1,2,3]}"#,
        r#"{"a":1,"b":"x","c":[1,2]} "#,
        r#"{"a": 1,"b":"x","c":[1,2]}"#,
        r#"{"a":"1","b":"x","c":[1,2]}"#,
        r#"{"a":{},"b":"x","c":[1,2]}"#,
        r#"{"a":1,"b":null,"c":[1,2]}"#,
        r#"{"b":1,"a":"x","c":[1,2]}"#,
        r#"{"a":1,"b":"x","c":[1,2"#,
        r#"{"a":1,"b":"x"#,
        r#"{"a":1"#,
        r#"{"a":01,"b":"x","c":[1,2]}"#,
        r#"{"a":1e,"b":"x","c":[1,2]}"#,
        "{\"a\":1,\"b\":\"\t\",\"c\":[1,2]}",
        r#"{"a":1,"b":"\x","c":[1,2]}"#,
        r#"{"a":tru,"b":"x","c":[1,2]}"#,
        r#"{"a":10,"b":"a text behind which there is a line end in the midst of it
","c":[1,2]}"#,
        "",
        "1",
    ] {
        assert!(!knows(&[first], other, &["a", "c.1"]), "{other}");
    }
    assert!(knows(&[first], first, &["a", "c.1"]));
}

#[test]
fn several_shapes_are_known_at_once_and_a_piece_may_be_the_beginning_of_another() {
    let learned = [
        r#"{"a":1,"b":1}"#,
        r#"{"a":"x","b":1}"#,
        r#"{"a":{"c":1},"b":1}"#,
        r#"{"a":[1,2]}"#,
        r#"{"a":1}"#,
        "{\"a\":1}\n",
        "7",
        "\"text\"",
        "[]",
        "true",
        "[true,[]]",
    ];
    for text in learned {
        assert!(knows(&learned, text, &["a", "a.c", "b", "0"]), "{text}");
    }
    for text in [r#"{"a":[1]}"#, "0true", "truefalse", "[true,[]", "[[],true]"] {
        assert!(!knows(&learned, text, &["a", "0", "1"]), "{text}");
    }
    assert!(knows(&learned, "[false,[]]", &["1"]));
}

#[test]
fn half_of_a_surrogate_pair_in_a_text_that_is_read_is_left_to_the_scan() {
    let other = r#"{"a":"\ud800","b":"\ud800"}"#;
    assert!(!knows(&[r#"{"a":"x","b":"y"}"#], other, &["a"]));
    assert!(knows(&[r#"{"a":"x","b":"y"}"#], other, &["c"]));
}

#[test]
fn line_ends_between_the_pieces_are_compared_as_all_else() {
    let first = "{\n\t\"a\": \"x\",\r\n\t\"b\": 1\n}";
    assert!(knows(&[first], "{\n\t\"a\": \"other\",\r\n\t\"b\": 25\n}", &["a", "b"]));
    assert!(!knows(&[first], "{\n\t\"a\": \"\n\",\r\n\t\"b\": 25\n}", &["a", "b"]));
}

fn list(n: usize) -> String {
    format!("[{}1]", "1,".repeat(n))
}

#[test]
fn a_document_with_more_pieces_than_are_kept_is_scanned() {
    assert!(knows(&[&list(NODES_MAX - 10)], &list(NODES_MAX - 10), &["0"]));
    assert!(!knows(&[&list(NODES_MAX + 10)], &list(NODES_MAX + 10), &["0"]));
    let key = |length| format!(r#"{{"{}":1}}"#, "k".repeat(length));
    assert!(knows(&[&key(TEXT_MAX - 10)], &key(TEXT_MAX - 10), &["a"]));
    for long in [key(TEXT_MAX), format!("[{}1]", "[],".repeat(TEXT_MAX))] {
        assert!(!knows(&[&long], &long, &["a", "1"]));
    }
}

#[test]
fn a_document_that_cannot_be_kept_takes_no_room_from_others() {
    let (large, small) = (list(NODES_MAX), r#"{"a":1}"#);
    assert!(knows(&[small, &large, r#"{"b":2}"#], r#"{"b":3}"#, &["a", "b"]));
    assert!(knows(&[small, &large], small, &["a"]));
    assert!(knows(&[&large, small], small, &["a"]));
}

#[test]
fn what_is_kept_makes_room_at_last_for_what_comes_now() {
    let old: Vec<_> = (0..WAYS_MAX).map(|n| format!(r#"{{"key{n}":1}}"#)).collect();
    let new: Vec<_> = (0..200).map(|n| format!(r#"{{"new":{n}}}"#)).collect();
    let texts: Vec<_> = old.iter().chain(&new).map(String::as_str).collect();
    assert!(!knows(&texts[..WAYS_MAX + 10], r#"{"new":0}"#, &["new"]));
    assert!(knows(&texts, r#"{"new":0}"#, &["new"]));
}

#[test]
fn no_more_ways_are_kept_than_can_be_compared_in_little_time() {
    let text = |n: usize| format!(r#"{{"key{n}":1}}"#);
    let learned: Vec<_> = (0..=WAYS_MAX).map(text).collect();
    let learned: Vec<_> = learned.iter().map(String::as_str).collect();
    assert!(knows(&learned, &text(WAYS_MAX - 1), &["key1"]));
    assert!(!knows(&learned, &text(WAYS_MAX), &["key1"]));
}

#[test]
fn documents_that_are_all_built_anew_are_not_compared_for_longer_and_longer() {
    let paths = trie(&["a"]);
    let mut scanner = Scanner::new(Arc::clone(&paths));
    let mut slots = vec![Slot::Missing; paths.len()];
    let mut n = 0;
    let mut scan_other = |scanner: &mut Scanner| {
        n += 1;
        let text = format!(r#"{{"a":"b","{n}":{n}}}"#);
        scanner.scan(text.as_bytes(), Check::Whole, &mut slots).unwrap();
        assert_eq!(say(slots[0], text.as_bytes()), "'b'");
    };
    let mut drain = |scanner: &mut Scanner, trust: u32| {
        for _ in 0..trust / 2 {
            assert_eq!(scanner.pause(), 0);
            scan_other(scanner);
        }
        let pause = scanner.pause();
        for left in (0..pause).rev() {
            scan_other(scanner);
            assert_eq!(scanner.pause(), left);
        }
        pause
    };
    for n in 0..=PAUSES_MAX + 1 {
        assert_eq!(drain(&mut scanner, TRUST_AT_FIRST), PAUSE << n.min(PAUSES_MAX));
    }
    // One shape from now on: it is learned and trusted, and the next pause is the shortest again.
    let mut slots = [Slot::Missing];
    for _ in 0..1000 {
        scanner.scan(br#"{"a":"c"}"#, Check::Whole, &mut slots).unwrap();
        assert_eq!(scanner.pause(), 0);
    }
    assert_eq!(drain(&mut scanner, TRUST_MAX), PAUSE);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_scanner_finds_in_each_document_what_a_scan_finds(
        documents in prop::collection::vec(document(), 1..4),
        turns in prop::collection::vec((any::<prop::sample::Index>(), prop::collection::vec(damage(), 0..3), any::<bool>()), 1..30),
        paths in paths(),
    ) {
        let mut trie = Paths::default();
        for path in &paths {
            trie.add(path);
        }
        let trie = Arc::new(trie);
        let mut scanner = Scanner::new(Arc::clone(&trie));
        let mut slots = vec![Slot::Bool(true, super::Span::default()); trie.len()];
        for (which, damage, lazy) in turns {
            let text = documents[which.index(documents.len())].text();
            let bytes = damaged(text.into_bytes(), &damage);
            let check = if lazy && damage.len() == 2 { Check::Lazy } else { Check::Whole };
            let found = scanner.scan(&bytes, check, &mut slots);
            let (expected, filled) = alone(&trie, &bytes, check);
            prop_assert_eq!(found, expected, "{}", String::from_utf8_lossy(&bytes));
            // What a malformed document leaves in the slots means nothing.
            if found.is_ok() {
                prop_assert_eq!(&slots, &filled, "{}", String::from_utf8_lossy(&bytes));
            }
        }
    }

    #[test]
    fn a_document_is_known_by_another_with_the_same_pieces(
        document in document(),
        others in others(),
        paths in paths(),
    ) {
        let mut trie = Paths::default();
        for path in &paths {
            trie.add(path);
        }
        let (text, other) = (document.text(), document.with(&others).text());
        let (result, slots) = alone(&trie, text.as_bytes(), Check::Whole);
        prop_assume!(result.is_ok());
        let mut shapes = Shapes::default();
        shapes.learn(text.as_bytes(), &slots);
        let mut found = vec![Slot::Missing; trie.len()];
        let known = shapes.fill(other.as_bytes(), Kinds::of(other.as_bytes()), &mut found);
        let (expected, filled) = alone(&trie, other.as_bytes(), Check::Whole);
        // Half of a surrogate pair may not be read.
        prop_assert_eq!(known, expected.is_ok(), "{} by {}", &other, &text);
        if known {
            prop_assert_eq!(&found, &filled, "{} by {}", &other, &text);
        }
    }

    /// Documents that are kept, that find no room behind others, and that never do, with long pieces and slots for containers.
    #[test]
    fn what_is_kept_is_right_however_much_of_it_had_to_go_again(
        bases in prop::collection::vec(document(), 1..6),
        turns in prop::collection::vec((any::<prop::sample::Index>(), 0..4_usize, 0..30_usize), 5..60),
        paths in paths(),
    ) {
        let mut trie = Paths::default();
        for path in &paths {
            trie.add(path);
        }
        trie.add(&path("a.b.0"));
        let mut shapes = Shapes::default();
        let mut texts = Vec::new();
        for (which, how, n) in turns {
            let base = bases[which.index(bases.len())].text();
            let text = match how {
                0 => base,
                1 => format!(r#"{{"a":{base},"a key that is longer than a part {n}":[{}1]}}"#, "1,".repeat(n)),
                2 => format!(r#"{{"a":{base},"z":{}}}"#, list(NODES_MAX)),
                _ => format!(r#"{{"a":{{"b":[{base}]}},"{}":1}}"#, "k".repeat(TEXT_MAX * n / 25)),
            };
            let (result, slots) = alone(&trie, text.as_bytes(), Check::Whole);
            if result.is_ok() {
                shapes.learn(text.as_bytes(), &slots);
                texts.push(text);
            }
            for text in texts.iter().rev().take(8) {
                let mut found = vec![Slot::Missing; trie.len()];
                if shapes.fill(text.as_bytes(), Kinds::of(text.as_bytes()), &mut found) {
                    prop_assert_eq!(&found, &alone(&trie, text.as_bytes(), Check::Whole).1, "{}", text);
                }
            }
        }
    }
}
