//! The scanner against `serde_json` and against trees that are known.

use proptest::prelude::*;
use serde::de::IgnoredAny;

use super::document::{Document, KEYS, document, plain};
use super::{Check, Path, Paths, Segment, Slot, is_valid, key, say, scan};

/// What `serde_json` and the standard library say of bytes, with our limit of depth.
fn reference(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok()
        && serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
        && depth(bytes) <= 128
}

/// Of a document that is well-formed.
fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string) = (0_usize, 0, false);
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'\\' if in_string => drop(rest.next()),
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth -= 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

pub(super) fn paths() -> impl Strategy<Value = Vec<Path>> {
    let segment = prop_oneof![
        5 => prop::sample::select(&KEYS[..]).prop_map(key),
        1 => (0..3_u32).prop_map(Segment::Index),
    ];
    prop::collection::vec(prop::collection::vec(segment, 1..4).prop_map(Path), 0..6)
}

/// What lies at a path, and whether a key on the way is there twice; the first one counts.
fn find<'d>(document: &'d Document, path: &Path) -> (Option<&'d Document>, bool) {
    let (mut at, mut twice) = (Some(document), false);
    for segment in &path.0 {
        let Some(here) = at else { break };
        at = match segment {
            Segment::Index(index) => here.element(*index),
            Segment::Key(key) => {
                let members = here.members(key);
                twice |= members.len() > 1;
                members.first().copied()
            }
        };
    }
    (at, twice)
}

fn expected(document: Option<&Document>) -> String {
    match document {
        None => "-".to_owned(),
        Some(Document::Text(text)) => format!("'{}'", plain(text)),
        Some(other) => other.text(),
    }
}

fn check_slots(document: &Document, paths: &[Path], check: Check) -> Result<(), TestCaseError> {
    let text = document.text();
    let mut trie = Paths::default();
    let ids: Vec<_> = paths.iter().map(|path| trie.add(path)).collect();
    let mut slots = vec![Slot::Null(super::Span::default()); trie.len()];
    let result = scan(&trie, text.as_bytes(), check, &mut slots);
    let found: Vec<_> = paths.iter().map(|path| find(document, path)).collect();
    if check == Check::Whole && found.iter().any(|(_, twice)| *twice) {
        prop_assert_eq!(result.unwrap_err().what, "a key that is read occurs twice");
        return Ok(());
    }
    prop_assert!(result.is_ok(), "{:?} in {}", result, text);
    for ((path, id), (own, _)) in paths.iter().zip(ids).zip(found) {
        let said = say(slots[id.index()], text.as_bytes());
        prop_assert_eq!(said, expected(own), "{} in {}", path, &text);
    }
    Ok(())
}

/// Bytes that matter to a parser.
const SHARP: &[u8] =
    b"\"\\{}[],:0123456789-+.eEutrfalsn \n\t\r\x00\x01\x1f\x7f\x80\xbf\xc3\xa9\xed\xa0\xf0\xff/b";

#[derive(Clone, Debug)]
pub(super) enum Damage {
    Flip(prop::sample::Index, u8),
    Replace(prop::sample::Index, u8),
    Insert(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Truncate(prop::sample::Index),
}

pub(super) fn damage() -> impl Strategy<Value = Damage> {
    let place = any::<prop::sample::Index>;
    let byte = || prop::sample::select(SHARP);
    prop_oneof![
        (place(), 0..8_u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        (place(), byte()).prop_map(|(at, byte)| Damage::Replace(at, byte)),
        (place(), byte()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        place().prop_map(Damage::Remove),
        place().prop_map(Damage::Truncate),
    ]
}

pub(super) fn damaged(mut bytes: Vec<u8>, damage: &[Damage]) -> Vec<u8> {
    for damage in damage {
        if bytes.is_empty() {
            break;
        }
        let length = bytes.len();
        match damage {
            Damage::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
            Damage::Replace(at, byte) => bytes[at.index(length)] = *byte,
            Damage::Insert(at, byte) => bytes.insert(at.index(length), *byte),
            Damage::Remove(at) => drop(bytes.remove(at.index(length))),
            Damage::Truncate(at) => bytes.truncate(at.index(length)),
        }
    }
    bytes
}

/// With paths, a whole scan refuses more than without, a lazy one less; neither ever panics.
fn scans_agree(bytes: &[u8], paths: &[Path]) -> Result<(), TestCaseError> {
    let mut trie = Paths::default();
    for path in paths {
        trie.add(path);
    }
    let mut slots = vec![Slot::Missing; trie.len()];
    let whole = scan(&trie, bytes, Check::Whole, &mut slots);
    if let Err(malformed) = whole {
        prop_assert!(malformed.at <= bytes.len());
        let ours = malformed.what.contains("that is read");
        prop_assert!(
            ours || !is_valid(bytes),
            "{} in {}",
            malformed,
            String::from_utf8_lossy(bytes)
        );
        let _whatever = scan(&trie, bytes, Check::Lazy, &mut slots);
        return Ok(());
    }
    prop_assert!(is_valid(bytes));
    let mut lazy = vec![Slot::Missing; trie.len()];
    prop_assert!(scan(&trie, bytes, Check::Lazy, &mut lazy).is_ok());
    // A lazy scan may stop inside of an interior node, whose slot nobody asked for.
    for path in paths {
        let id = trie.add(path);
        prop_assert_eq!(slots[id.index()], lazy[id.index()], "{}", path);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn generated_documents_are_valid_and_their_slots_right(document in document(), paths in paths()) {
        let text = document.text();
        prop_assert!(reference(text.as_bytes()), "the generator wrote {}", text);
        prop_assert!(is_valid(text.as_bytes()), "{}", text);
        check_slots(&document, &paths, Check::Whole)?;
        check_slots(&document, &paths, Check::Lazy)?;
    }

    #[test]
    fn damaged_documents_are_judged_as_by_serde_json(
        document in document(),
        damage in prop::collection::vec(damage(), 1..3),
        paths in paths(),
    ) {
        let bytes = damaged(document.text().into_bytes(), &damage);
        prop_assert_eq!(is_valid(&bytes), reference(&bytes), "{}", String::from_utf8_lossy(&bytes));
        scans_agree(&bytes, &paths)?;
    }

    #[test]
    fn arbitrary_bytes_are_judged_as_by_serde_json(
        sharp in prop::collection::vec(prop::sample::select(SHARP), 0..40),
        bytes in prop::collection::vec(any::<u8>(), 0..40),
        paths in paths(),
    ) {
        for bytes in [sharp, bytes] {
            prop_assert_eq!(is_valid(&bytes), reference(&bytes), "{}", String::from_utf8_lossy(&bytes));
            scans_agree(&bytes, &paths)?;
        }
    }

    #[test]
    fn numbers_are_judged_as_by_serde_json(text in "[-+0-9.eE]{1,12}") {
        // Alone, and where more bytes follow than the quick way looks at.
        for text in [text.clone(), format!("{text}        "), format!("[{text},0,0,0,0]"), format!("[{text}]12345678")] {
            prop_assert_eq!(is_valid(text.as_bytes()), reference(text.as_bytes()), "{}", text);
        }
    }

    #[test]
    fn strings_are_unescaped_as_by_serde_json(text in any::<String>(), ways in prop::collection::vec(0..4_u8, 40)) {
        let written: Vec<_> = text.chars().zip(ways.into_iter().cycle()).collect();
        let json = Document::Object(vec![("", vec![('a', 0)], Document::Text(written))]).text();
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(value["a"].as_str(), Some(text.as_str()));
        let said = super::read(&json, &["a"], Check::Whole).unwrap();
        prop_assert_eq!(&said[0], &format!("'{text}'"));
    }
}
