//! Any bytes as a record's value that is edited: the result is the same as serde_json's tree would become.
#![no_main]

use krouted::json::{Check, Edit, Edits, Path, Paths, Segment, Slot, Splices, scan};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const NEW: [&[u8]; 3] = [b"17", b"{}", br#""\n""#];

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, value)) = bytes.split_first() else { return };
    let mut list = Vec::new();
    for (bit, text) in ["a", "b.a", "b.c", "c.0", "c.1.x", "d.e.f", "1", "\""].into_iter().enumerate() {
        let edit = if choice >> bit & 1 == 1 { Edit::Set } else { Edit::Remove };
        list.push((path(text), edit));
    }
    // An index and a key at the top cannot both be set.
    list.remove(if choice & 1 == 1 { 6 } else { 0 });
    let mut paths = Paths::default();
    let edits = Edits::new(list.clone()).bind(&mut paths);
    let mut slots = vec![Slot::Missing; paths.len()];
    let mut splices = Splices::default();
    for check in [Check::Lazy, Check::Whole] {
        let scanned = scan(&paths, value, check, &mut slots);
        let mut out = Vec::new();
        let applied = edits.apply(value, &slots, |edit| NEW[edit % 3], &mut splices, &mut out);
        if check == Check::Lazy || scanned.is_err() || applied.is_err() {
            continue;
        }
        let Ok(mut expected) = serde_json::from_slice::<Value>(value) else { continue };
        for (i, (path, edit)) in list.iter().enumerate().rev() {
            match edit {
                Edit::Set => set(&mut expected, &path.0, serde_json::from_slice(NEW[i % 3]).expect("JSON")),
                Edit::Remove => remove(&mut expected, &path.0),
            }
        }
        let own: Value = serde_json::from_slice(&out).expect("an edited document is JSON");
        assert_eq!(own, expected, "{}", String::from_utf8_lossy(value));
    }
});

fn path(text: &str) -> Path {
    let segment = |part: &str| part.parse().map_or_else(|_| Segment::Key(part.into()), Segment::Index);
    Path(text.split('.').map(segment).collect())
}

fn set(at: &mut Value, path: &[Segment], new: Value) {
    match (path, at) {
        ([], at) => *at = new,
        ([Segment::Key(key), rest @ ..], Value::Object(members)) => {
            let empty = || Value::Object(serde_json::Map::new());
            set(members.entry(&**key).or_insert_with(empty), rest, new);
        }
        ([Segment::Index(index), rest @ ..], Value::Array(elements)) => {
            set(&mut elements[*index as usize], rest, new);
        }
        (path, at) => panic!("{path:?} cannot be set in {at}"),
    }
}

fn remove(mut at: &mut Value, path: &[Segment]) {
    let Some((last, parents)) = path.split_last() else { return };
    for segment in parents {
        let inner = match segment {
            Segment::Key(key) => at.get_mut(&**key),
            Segment::Index(index) => at.get_mut(*index as usize),
        };
        let Some(inner) = inner else { return };
        at = inner;
    }
    match (at, last) {
        (Value::Object(members), Segment::Key(key)) => drop(members.shift_remove(&**key)),
        (Value::Array(elements), Segment::Index(index)) if (*index as usize) < elements.len() => {
            elements.remove(*index as usize);
        }
        _ => {}
    }
}
