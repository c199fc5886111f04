//! What a scan finds where.

use super::{Check, Malformed, Path, Paths, Segment, Slot, is_valid, path, read, say, scan};

#[test]
fn depth_128_is_the_last() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = |n: usize| format!("{}1{}", open.repeat(n), close.repeat(n));
        assert!(is_valid(nested(128).as_bytes()));
        assert!(!is_valid(nested(129).as_bytes()));
        // Also along a path.
        let mut paths = Paths::default();
        let segment = if open == "[" { Segment::Index(0) } else { Segment::Key("a".into()) };
        let id = paths.add(&Path(vec![segment.clone(); 128]));
        paths.add(&Path(vec![segment; 200]));
        for check in [Check::Whole, Check::Lazy] {
            let mut slots = vec![Slot::Missing; paths.len()];
            assert!(scan(&paths, nested(128).as_bytes(), check, &mut slots).is_ok());
            assert_ne!(slots[id.index()], Slot::Missing);
            let deep = scan(&paths, nested(129).as_bytes(), check, &mut slots);
            assert_eq!(deep.unwrap_err().what, "objects and arrays are nested deeper than 128");
        }
    }
    assert!(!is_valid("[".repeat(100_000).as_bytes()));
    assert!(!is_valid("{\"a\":".repeat(100_000).as_bytes()));
}

#[test]
fn slots_hold_what_lies_at_their_paths() {
    let value = r#" {"a" : {"b": [ 1, "x\n", {"c": null} ], "z": true}, "\u0061b": -1.5e3, "e": "", "o": {}, "l": [ ] } "#;
    let rows = [
        ("a.b.0", "1"),
        ("a.b.1", "'x\n'"),
        ("a.b.2.c", "null"),
        ("a.b.2", r#"{"c": null}"#),
        ("a.b", r#"[ 1, "x\n", {"c": null} ]"#),
        ("a", r#"{"b": [ 1, "x\n", {"c": null} ], "z": true}"#),
        ("a.z", "true"),
        ("ab", "-1.5e3"),
        ("e", "''"),
        ("o", "{}"),
        ("l", "[ ]"),
        ("a.b.3", "-"),
        ("a.b.c", "-"),
        ("a.0", "-"),
        ("e.x", "-"),
        ("o.x", "-"),
        ("l.0", "-"),
        ("none", "-"),
    ];
    let (paths, expected): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    for check in [Check::Whole, Check::Lazy] {
        // All at once, in both orders, and each alone.
        assert_eq!(read(value, &paths, check).unwrap(), expected);
        let (reverse, of_reverse): (Vec<_>, Vec<_>) = rows.into_iter().rev().unzip();
        assert_eq!(read(value, &reverse, check).unwrap(), of_reverse);
        for (path, expected) in rows {
            assert_eq!(read(value, &[path], check).unwrap(), [expected], "{path}");
        }
    }
}

#[test]
fn the_same_path_has_the_same_slot() {
    let mut paths = Paths::default();
    assert!(paths.is_empty());
    let deep = paths.add(&path("a.b"));
    let shallow = paths.add(&path("a"));
    assert_ne!(deep, shallow);
    assert_eq!(paths.add(&path("a.b")), deep);
    assert_eq!(paths.add(&path("a")), shallow);
    assert_eq!(paths.len(), 2);
}

#[test]
fn a_key_that_is_read_occurs_once() {
    let twice = Err("a key that is read occurs twice");
    for (value, path) in [
        (r#"{"a":1,"a":2}"#, "a"),
        (r#"{"a":1,"\u0061":2}"#, "a"),
        (r#"{"a":{},"a":{"b":1}}"#, "a.b"),
        (r#"{"a":1,"a":{"b":1}}"#, "a.b"),
        (r#"{"a":{"b":1,"b":null}}"#, "a.b"),
        (r#"[{"a":1,"x":2,"a":1}]"#, "0.a"),
    ] {
        assert_eq!(read(value, &[path], Check::Whole), twice, "{value}");
    }
    let nobody_reads = r#"{"a":1,"b":2,"b":3,"c":{"a":1,"a":2}}"#;
    assert_eq!(read(nobody_reads, &["a", "c"], Check::Whole).unwrap()[0], "1");
    assert_eq!(read(r#"{"a":1,"a":2}"#, &["a", "x"], Check::Lazy).unwrap(), ["1", "-"]);
    assert_eq!(read(r#"{"a":{},"a":{"b":1}}"#, &["a.b"], Check::Lazy).unwrap(), ["-"]);
}

#[test]
fn half_a_surrogate_pair_matters_where_it_is_read() {
    let half = "a string that is read holds half of a surrogate pair";
    for check in [Check::Whole, Check::Lazy] {
        assert_eq!(read(r#"{"a":"\ud83d"}"#, &["a"], check), Err(half));
        assert_eq!(read(r#"{"a":"\ud83d\u0041"}"#, &["a"], check), Err(half));
        assert_eq!(read(r#"{"a":"\ude00\ud83d"}"#, &["a"], check), Err(half));
        assert_eq!(read(r#"{"a":"\ude00\ude00"}"#, &["a"], check), Err(half));
        assert_eq!(read(r#"{"a":"\ud83d\ud83d"}"#, &["a"], check), Err(half));
        assert_eq!(read(r#"{"\udc00":1,"a":2}"#, &["a"], check), Err(half));
        assert_eq!(read(r#"{"a":"\ud83d\ude00"}"#, &["a"], check).unwrap(), ["'😀'"]);
        assert_eq!(read(r#"{"b":"\ud83d","a":1}"#, &["a"], check).unwrap(), ["1"]);
        assert_eq!(read(r#"{"b":{"\ud83d":1},"a":1}"#, &["a"], check).unwrap(), ["1"]);
        assert_eq!(read(r#"{"\ud83d\ude00":1}"#, &["😀"], check).unwrap(), ["1"]);
    }
}

/// Wherever an escape, a quote or a bracket lies in its block of 64 bytes.
#[test]
fn blocks_are_joined_without_a_seam() {
    for blanks in 0..140 {
        for backslashes in 0..5 {
            let text = format!("{}{}\\\"]}}[{{", "x".repeat(blanks), "\\\\".repeat(backslashes));
            let value = format!(r#"{{"x":{{"p":["{text}",{{}}]}},"y":"{text}","a":1,"z":[]}}"#);
            for check in [Check::Whole, Check::Lazy] {
                assert_eq!(read(&value, &["a"], check).unwrap(), ["1"], "{value}");
                assert_eq!(read(&value, &["z"], check).unwrap(), ["[]"], "{value}");
                let y = format!("'{}{}\"]}}[{{'", "x".repeat(blanks), "\\".repeat(backslashes));
                assert_eq!(read(&value, &["y"], check).unwrap(), [y], "{value}");
            }
            for end in 0..value.len() {
                assert!(!is_valid(&value.as_bytes()[..end]), "{value}");
            }
        }
    }
}

#[test]
fn keys_that_begin_alike_are_told_apart() {
    let ending = |end: char| {
        let begin = |n| "abcdefghijklmnopqrst".chars().take(n).chain([end]).collect();
        (0..20).map(begin).collect::<Vec<String>>()
    };
    let (keys, others) = (ending('1'), ending('2'));
    let members: Vec<String> = keys.iter().map(|key| format!("\"{key}\":\"{key}\"")).collect();
    let value = format!("{{{}}}", members.join(","));
    let path = |key: &String| Path(vec![Segment::Key(key.as_str().into())]);
    let mut paths = Paths::default();
    let ids: Vec<_> = keys.iter().chain(&others).map(|key| paths.add(&path(key))).collect();
    let mut slots = vec![Slot::Missing; paths.len()];
    scan(&paths, value.as_bytes(), Check::Whole, &mut slots).unwrap();
    let said: Vec<_> = ids.iter().map(|id| say(slots[id.index()], value.as_bytes())).collect();
    let expected = keys.iter().map(|key| format!("'{key}'"));
    assert_eq!(said, expected.chain(others.iter().map(|_| "-".to_owned())).collect::<Vec<_>>());
}

#[test]
fn a_lazy_scan_stops_at_the_last_path() {
    assert_eq!(read(r#"{"a":1,"b":2, damaged"#, &["b", "a"], Check::Lazy).unwrap(), ["2", "1"]);
    assert_eq!(read(r#"{"a":{"b":2} damaged"#, &["a"], Check::Lazy).unwrap(), [r#"{"b":2}"#]);
    assert_eq!(read(r#"{"a":{"b":2 damaged"#, &["a.b"], Check::Lazy).unwrap(), ["2"]);
    assert_eq!(read("damaged", &["a"], Check::Lazy).unwrap(), ["-"]);
    assert!(read(r#"{"a":{"b":2 damaged"#, &["a.b", "c"], Check::Lazy).is_err());
    assert!(read(r#"{"a":1,"b":2, damaged"#, &["a"], Check::Whole).is_err());
    assert!(read("", &["a"], Check::Lazy).is_err());
}

#[test]
fn what_is_no_object_has_no_fields() {
    for value in ["1", "\"a\"", "null", "true", "[]", "[{\"a\":1}]", " {} "] {
        for check in [Check::Whole, Check::Lazy] {
            assert_eq!(read(value, &["a", "a.b"], check).unwrap(), ["-", "-"], "{value}");
        }
    }
}

#[test]
fn damage_has_a_place_and_a_reason() {
    let at =
        |value: &str| scan(&Paths::default(), value.as_bytes(), Check::Whole, &mut []).unwrap_err();
    for (value, what, place) in [
        ("", "the value is empty", 0),
        ("[1,", "the value ends too early", 3),
        ("[1;2]", "`,` or the end of the object or array was expected", 2),
        ("{\"a\":1,2}", "a key was expected", 7),
        ("{\"a\",2}", "`:` was expected", 4),
        ("[x]", "no JSON value begins here", 1),
        ("[\"a\\q\"]", "a string holds an escape that JSON does not have", 3),
        ("[\"a\tb\"]", "a string holds a control character", 3),
        ("[-x]", "a number lacks a digit", 2),
        ("1 x", "something follows the value", 2),
    ] {
        assert_eq!(at(value), Malformed { what, at: place }, "{value}");
    }
    let utf8 = scan(&Paths::default(), b"[\"a\xff\"]", Check::Whole, &mut []).unwrap_err();
    assert_eq!(utf8.to_string(), "the value is not UTF-8 at byte 3");
}

#[test]
fn paths_are_written_as_in_an_expression() {
    let text = Path(vec![
        Segment::Key("a".into()),
        Segment::Key("@b\"".into()),
        Segment::Index(3),
        Segment::Key("_c1".into()),
        Segment::Key("1".into()),
    ]);
    assert_eq!(text.to_string(), r#"value.a["@b\""][3]._c1["1"]"#);
}
