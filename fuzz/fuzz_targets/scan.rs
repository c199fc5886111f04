//! Any bytes as a record's value: judged as by serde_json, and what is found is what serde_json finds.
#![no_main]

use std::sync::Arc;

use krouted::json::{Check, Path, Paths, Scanner, Segment, Slot, SlotId, scan};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let mut paths = Paths::default();
    let wanted = ["a", "b", "a.b", "a.a", "a.0", "b.1.a", "0", "1.a", "\u{e9}"].map(path);
    let ids = wanted.each_ref().map(|path| paths.add(path));
    let mut slots = vec![Slot::Missing; paths.len()];
    let whole = scan(&paths, bytes, Check::Whole, &mut slots);
    let reference = serde_json::from_slice::<Value>(bytes);
    match (&whole, &reference) {
        (Ok(()), Ok(value)) => wanted.iter().zip(ids).for_each(|(path, id)| same(bytes, &slots, id, find(value, path))),
        (Err(_), Err(_)) => {}
        // serde_json takes the last of two keys, and refuses half surrogates and numbers beyond a double.
        (Err(error), Ok(_)) => assert!(error.what.contains("twice") || error.what.contains("deeper"), "{error}"),
        (Ok(()), Err(error)) => {
            let message = error.to_string();
            let known = ["surrogate", "hex escape", "out of range"].iter().any(|known| message.contains(known));
            assert!(known, "{message}");
        }
    }
    // A lazy scan finds the same in what a whole one accepts, and never panics on anything.
    let mut lazy = vec![Slot::Missing; paths.len()];
    let lazily = scan(&paths, bytes, Check::Lazy, &mut lazy);
    if whole.is_ok() {
        assert_eq!(lazily, Ok(()));
        let value = |slots: &[Slot], id: SlotId| slots[id.index()];
        ids.iter().for_each(|id| assert_eq!(value(&lazy, *id), value(&slots, *id)));
    }
    // What a scanner remembers of one document does not show in the next. A byte that UTF-8 never has parts them.
    let paths = Arc::new(paths);
    let mut scanner = Scanner::new(Arc::clone(&paths));
    for document in bytes.split(|byte| *byte == 0xff) {
        let alone = scan(&paths, document, Check::Whole, &mut slots);
        assert_eq!(scanner.scan(document, Check::Whole, &mut lazy), alone);
        assert!(alone.is_err() || lazy == slots, "{}", String::from_utf8_lossy(document));
    }
});

fn path(text: &str) -> Path {
    let segment = |part: &str| part.parse().map_or_else(|_| Segment::Key(part.into()), Segment::Index);
    Path(text.split('.').map(segment).collect())
}

fn find<'v>(mut at: &'v Value, path: &Path) -> Option<&'v Value> {
    for segment in &path.0 {
        at = match segment {
            Segment::Key(key) => at.as_object()?.get(&**key)?,
            Segment::Index(index) => at.as_array()?.get(*index as usize)?,
        };
    }
    Some(at)
}

fn same(bytes: &[u8], slots: &[Slot], id: SlotId, expected: Option<&Value>) {
    let raw = slots[id.index()].raw(bytes);
    let own: Option<Value> = raw.map(|raw| serde_json::from_slice(raw).expect("a slot is JSON"));
    assert_eq!(own.as_ref(), expected, "{}", String::from_utf8_lossy(bytes));
}
