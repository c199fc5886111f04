//! Edits: what becomes of which bytes.

use proptest::prelude::*;

use super::super::{Check, Edit, EditError, Edits, Path, Paths, Segment, Slot, Splices, scan};

/// `a.b` sets to `#0`, `#1`, ..., `-a.b` removes; a number is an index.
fn edits(list: &str) -> Vec<(Path, Edit)> {
    let one = |text: &str| {
        let (edit, text) = match text.strip_prefix('-') {
            Some(text) => (Edit::Remove, text),
            None => (Edit::Set, text),
        };
        let segment = |part: &str| match part.parse() {
            Ok(index) => Segment::Index(index),
            Err(_) => Segment::Key(part.into()),
        };
        (Path(text.split('.').map(segment).collect()), edit)
    };
    list.split_whitespace().map(one).collect()
}

fn apply(
    list: Vec<(Path, Edit)>,
    value: &str,
    replacements: &[String],
) -> Result<String, EditError> {
    let mut paths = Paths::default();
    let edits = Edits::new(list).bind(&mut paths);
    let mut slots = vec![Slot::Missing; paths.len()];
    scan(&paths, value.as_bytes(), Check::Whole, &mut slots).unwrap();
    let mut out = b"before".to_vec();
    let replacement = |edit: usize| replacements[edit].as_bytes();
    let result =
        edits.apply(value.as_bytes(), &slots, replacement, &mut Splices::default(), &mut out);
    let out = String::from_utf8(out).unwrap().strip_prefix("before").unwrap().to_owned();
    assert!(result.is_ok() || out.is_empty());
    result.map(|()| out)
}

fn edited(list: &str, value: &str) -> String {
    let list = edits(list);
    let replacements: Vec<_> = (0..list.len()).map(|i| format!("#{i}")).collect();
    apply(list, value, &replacements).unwrap_or_else(|error| error.to_string())
}

/// `(edits, before, after)`
#[test]
fn edits_splice() {
    for (list, before, after) in [
        // Replaced, whatever it was.
        ("a", r#"{"a":1}"#, r#"{"a":#0}"#),
        ("a", r#" { "a" : "x\n" , "b" : 1.50 } "#, r#" { "a" : #0 , "b" : 1.50 } "#),
        ("a c", r#"{"a":null,"b":[true],"c":false}"#, r#"{"a":#0,"b":[true],"c":#1}"#),
        ("c a", r#"{"a":{"x":[]},"b":1,"c":[]}"#, r#"{"a":#1,"b":1,"c":#0}"#),
        ("a.b a.c", r#"{"a":{"c":1,"b":2}}"#, r#"{"a":{"c":#1,"b":#0}}"#),
        ("a", "{\"\\u0061\": 1}", "{\"\\u0061\": #0}"),
        // New: the last member.
        ("b", r#"{"a":1}"#, r#"{"a":1,"b":#0}"#),
        ("b", "{\n  \"a\": 1\n}", "{\n  \"a\": 1,\"b\":#0\n}"),
        ("b", "{}", r#"{"b":#0}"#),
        ("b", " { } ", r#" {"b":#0 } "#),
        ("b c", r#"{"a":1}"#, r#"{"a":1,"b":#0,"c":#1}"#),
        ("c b", "{}", r#"{"c":#0,"b":#1}"#),
        ("a.b.c", "{}", r#"{"a":{"b":{"c":#0}}}"#),
        ("a.b.c", r#"{"a":{}}"#, r#"{"a":{"b":{"c":#0}}}"#),
        ("a.b.c a.x a.b.d", r#"{"x":1}"#, r#"{"x":1,"a":{"b":{"c":#0,"d":#2},"x":#1}}"#),
        ("a.y b", r#"{"a":{}}"#, r#"{"a":{"y":#0},"b":#1}"#),
        ("a.y b", r#"{"a":{"x":1}}"#, r#"{"a":{"x":1,"y":#0},"b":#1}"#),
        ("q\"\\\u{1}\u{e9}", "{}", "{\"q\\\"\\\\\\u0001\u{e9}\":#0}"),
        // Elements.
        ("a.1", r#"{"a":[1, 2 ,3]}"#, r#"{"a":[1, #0 ,3]}"#),
        ("1.a 0", "[1,{}]", r#"[#1,{"a":#0}]"#),
        // Removed, with one comma.
        ("-a", r#"{"a":1}"#, "{}"),
        ("-a", r#"{ "a" : 1 }"#, "{  }"),
        ("-a", r#"{"a":1, "b":2}"#, r#"{"b":2}"#),
        ("-b", r#"{"a":1, "b":2 }"#, r#"{"a":1 }"#),
        ("-b", r#"{"a":1,"b":2,"c":3}"#, r#"{"a":1,"c":3}"#),
        ("-a -b", r#"{"a":1,"b":2,"c":3}"#, r#"{"c":3}"#),
        ("-b -c", r#"{"a":1 , "b":2,"c":3}"#, r#"{"a":1 }"#),
        ("-a -c", r#"{"a":1,"b":2,"c":3}"#, r#"{"b":2}"#),
        ("-a -b -c", r#"{"a":1,"b":2,"c":3}"#, "{}"),
        ("-a.b", r#"{"a":{"b":{"b":1}},"b":1}"#, r#"{"a":{},"b":1}"#),
        ("-0", "[1, 2]", "[2]"),
        ("-1 -0", "[1, 2]", "[]"),
        ("-2 -1", "[1, 2, 3]", "[1]"),
        ("-a", "{\"b\\\\\\\"\":1,\"\\u0061\" : \"\\\"\"}", "{\"b\\\\\\\"\":1}"),
        ("-k\"", r#"{"a":",\"","k\"":1}"#, r#"{"a":",\""}"#),
        // Not there, or not within an object: nothing to remove.
        ("-a -b.c -d.0 -a.b.c", r#"{"b":1,"d":{"0":1}}"#, r#"{"b":1,"d":{"0":1}}"#),
        ("-a", "[1]", "[1]"),
        ("-a", "7", "7"),
        ("-0", "{}", "{}"),
        // Both.
        ("-a b", r#"{"a":1}"#, r#"{"b":#1}"#),
        ("-a a2 -c", r#"{"a":1,"c":2}"#, r#"{"a2":#1}"#),
        ("a -b c", r#"{"a":1,"b":2}"#, r#"{"a":#0,"c":#2}"#),
        ("n.a -n.b", "{}", r#"{"n":{"a":#0}}"#),
        ("-n.b", "{}", "{}"),
    ] {
        assert_eq!(edited(list, before), after, "{list} in {before}");
    }
}

/// `(edits, before, message)`
#[test]
fn impossible_edits_say_which_path() {
    for (list, before, message) in [
        ("a.b", r#"{"a":1}"#, "`value.a.b` cannot be set: `value.a` is no object"),
        ("a.b.c", r#"{"a":null}"#, "`value.a.b.c` cannot be set: `value.a` is no object"),
        ("a.b", r#"{"a":[]}"#, "`value.a.b` cannot be set: `value.a` is no object"),
        ("a.0", r#"{"a":{}}"#, "`value.a[0]` cannot be set: `value.a` is no array"),
        ("a.0", r#"{"a":"x"}"#, "`value.a[0]` cannot be set: `value.a` is no array"),
        ("a.2", r#"{"a":[1,2]}"#, "`value.a[2]` cannot be set: there is no `value.a[2]`"),
        ("a.2.b", r#"{"a":[1,2]}"#, "`value.a[2].b` cannot be set: there is no `value.a[2]`"),
        ("b.0", "{}", "`value.b[0]` cannot be set: there is no `value.b[0]`"),
        ("a", "[1]", "`value.a` cannot be set: the value is no object"),
        ("a", "1", "`value.a` cannot be set: the value is no object"),
        ("0", "{}", "`value[0]` cannot be set: the value is no array"),
        ("x a.b", r#"{"a":1}"#, "`value.a.b` cannot be set: `value.a` is no object"),
    ] {
        assert_eq!(edited(list, before), message, "{list} in {before}");
    }
}

#[test]
fn overlapping_paths_are_found() {
    for (list, expected) in [
        ("a b", None),
        ("a.b a.c", None),
        ("a.0 a.1", None),
        ("a a", Some((0, 1))),
        ("a.b a", Some((0, 1))),
        ("x a a.b.c", Some((1, 2))),
        ("ab a", None),
    ] {
        let paths: Vec<_> = edits(list).into_iter().map(|(path, _)| path).collect();
        assert_eq!(Edits::overlap(&paths), expected, "{list}");
    }
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[abc]", 1 => "[a\"\\\\é\u{1}]{1,3}"]
}

fn document() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        "[a,:{}\\[\\]\"\\\\é]{0,6}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            3 => proptest::collection::vec((key(), inner.clone()), 0..5)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            1 => proptest::collection::vec(inner, 0..4).prop_map(serde_json::Value::Array),
        ]
    })
}

fn path() -> impl Strategy<Value = Path> {
    let segment = prop_oneof![
        4 => key().prop_map(|key| Segment::Key(key.into())),
        1 => (0_u32..3).prop_map(Segment::Index),
    ];
    proptest::collection::vec(segment, 1..4).prop_map(Path)
}

fn at_index(index: u32) -> usize {
    usize::try_from(index).unwrap()
}

/// The same edit in a tree; `false` where it is impossible.
fn set(at: &mut serde_json::Value, path: &[Segment], new: serde_json::Value) -> bool {
    match (path, at) {
        ([], at) => *at = new,
        ([Segment::Key(key), rest @ ..], serde_json::Value::Object(members)) => {
            let nested = !rest.is_empty() && !members.contains_key(&**key);
            let member = members.entry(&**key).or_insert(serde_json::Value::Null);
            if nested {
                *member = serde_json::json!({});
            }
            return set(member, rest, new);
        }
        ([Segment::Index(index), rest @ ..], serde_json::Value::Array(elements)) => {
            return elements
                .get_mut(at_index(*index))
                .is_some_and(|element| set(element, rest, new));
        }
        _ => return false,
    }
    true
}

fn container<'v>(
    mut at: &'v mut serde_json::Value,
    path: &[Segment],
) -> Option<&'v mut serde_json::Value> {
    for segment in path {
        at = match segment {
            Segment::Key(key) => at.as_object_mut()?.get_mut(&**key)?,
            Segment::Index(index) => at.as_array_mut()?.get_mut(at_index(*index))?,
        };
    }
    Some(at)
}

fn remove(value: &mut serde_json::Value, path: &[Segment]) {
    let Some((last, parents)) = path.split_last() else { return };
    match (container(value, parents), last) {
        (Some(serde_json::Value::Object(members)), Segment::Key(key)) => {
            members.shift_remove(&**key);
        }
        (Some(serde_json::Value::Array(elements)), Segment::Index(index))
            if at_index(*index) < elements.len() =>
        {
            elements.remove(at_index(*index));
        }
        _ => {}
    }
}

/// Where in the tree each path lies must not depend on what was removed before.
fn in_tree(
    before: &serde_json::Value,
    list: &[(Path, Edit)],
    new: &[serde_json::Value],
) -> Option<serde_json::Value> {
    let mut after = before.clone();
    for (i, (path, edit)) in list.iter().enumerate() {
        if *edit == Edit::Set && !set(&mut after, &path.0, new[i].clone()) {
            return None;
        }
    }
    let mut removed: Vec<_> = list.iter().filter(|(_, edit)| *edit == Edit::Remove).collect();
    // Later elements first.
    removed.sort_by(|a, b| b.0.cmp(&a.0));
    for (path, _) in removed {
        remove(&mut after, &path.0);
    }
    Some(after)
}

proptest! {
    #[test]
    fn edits_are_what_a_tree_would_become(
        before in document(),
        pretty in any::<bool>(),
        list in proptest::collection::vec((path(), prop_oneof![Just(Edit::Set), Just(Edit::Remove)]), 1..6),
        new in proptest::collection::vec(document(), 6),
    ) {
        let mut kept: Vec<(Path, Edit)> = Vec::new();
        for (path, edit) in list {
            let mut all: Vec<_> = kept.iter().map(|(path, _)| path.clone()).collect();
            all.push(path.clone());
            if Edits::overlap(&all).is_none() {
                kept.push((path, edit));
            }
        }
        let text = if pretty { serde_json::to_string_pretty(&before) } else { serde_json::to_string(&before) }.unwrap();
        let replacements: Vec<_> = new.iter().map(ToString::to_string).collect();
        let spliced = apply(kept.clone(), &text, &replacements);
        let expected = in_tree(&before, &kept, &new);
        match (spliced, expected) {
            (Ok(spliced), Some(expected)) => {
                let parsed: serde_json::Value = serde_json::from_str(&spliced).unwrap();
                prop_assert_eq!(&parsed, &expected, "{:?} in {} gives {}", kept, text, spliced);
                // The order of keys, too.
                prop_assert_eq!(parsed.to_string(), expected.to_string());
            }
            (Err(_), None) => {}
            (spliced, expected) => prop_assert!(false, "{kept:?} in {text}: {spliced:?} and {expected:?}"),
        }
    }

    /// What a scan found before the edits is found behind them where it was moved to, on paths that are apart from the edited ones.
    #[test]
    fn slots_move_with_the_bytes(
        before in document(),
        pretty in any::<bool>(),
        read in proptest::collection::vec(path(), 1..5),
        list in proptest::collection::vec((path(), prop_oneof![Just(Edit::Set), Just(Edit::Remove)]), 1..6),
        new in proptest::collection::vec(document(), 6),
    ) {
        let (mut own, mut others) = (Paths::default(), Paths::default());
        for path in &read {
            others.add(path);
        }
        let apart = list.into_iter().filter(|(path, _)| {
            let mut alone = Paths::default();
            alone.add(path);
            !alone.meet(&others)
        });
        let mut kept: Vec<(Path, Edit)> = Vec::new();
        for (path, edit) in apart {
            let all = kept.iter().map(|(path, _)| path.clone()).chain([path.clone()]);
            if Edits::overlap(&all.collect::<Vec<_>>()).is_none() {
                kept.push((path, edit));
            }
        }
        let ids: Vec<_> = read.iter().map(|path| own.add(path)).collect();
        let edits = Edits::new(kept).bind(&mut own);
        let text = if pretty { serde_json::to_string_pretty(&before) } else { serde_json::to_string(&before) }.unwrap();
        let (mut moved, mut splices, mut out) = (vec![Slot::Missing; own.len()], Splices::default(), vec![b'#']);
        scan(&own, text.as_bytes(), Check::Whole, &mut moved).unwrap();
        let new: Vec<_> = new.iter().map(ToString::to_string).collect();
        if edits.apply(text.as_bytes(), &moved, |edit| new[edit].as_bytes(), &mut splices, &mut out).is_ok() {
            splices.move_slots(&mut moved);
            let mut anew = vec![Slot::Missing; own.len()];
            scan(&own, &out[1..], Check::Whole, &mut anew).unwrap();
            for id in ids {
                prop_assert_eq!(moved[id.index()], anew[id.index()], "{} to {}", text, String::from_utf8_lossy(&out));
            }
        }
    }

    /// Setting each path to the very bytes that stand there changes no byte.
    #[test]
    fn untouched_bytes_stay(before in document(), pretty in any::<bool>(), path in path()) {
        let text = if pretty { serde_json::to_string_pretty(&before) } else { serde_json::to_string(&before) }.unwrap();
        let mut paths = Paths::default();
        let id = paths.add(&path);
        let mut slots = vec![Slot::Missing; paths.len()];
        scan(&paths, text.as_bytes(), Check::Whole, &mut slots).unwrap();
        if let Some(own) = slots[id.index()].raw(text.as_bytes()) {
            let own = String::from_utf8(own.to_vec()).unwrap();
            prop_assert_eq!(apply(vec![(path.clone(), Edit::Set)], &text, &[own]), Ok(text.clone()));
            // What surrounds the place stays as it is.
            let marked = apply(vec![(path, Edit::Set)], &text, &["\u{0}".to_owned()]).unwrap();
            let (front, back) = marked.split_once('\u{0}').unwrap();
            prop_assert!(text.starts_with(front) && text.ends_with(back));
        }
    }
}
