//! What a scan accepts and finds. `serde_json` is the reference, but for what the module's table says of us.

mod cases;
mod differential;
mod document;
mod edits;
mod kinds;
mod numbers;
mod shapes;

use super::{Check, Malformed, Path, Paths, Segment, Slot, SlotId, Span, scan, unescape};

fn key(name: &str) -> Segment {
    Segment::Key(name.into())
}

/// `a.b.0`: digits are an index.
fn path(text: &str) -> Path {
    let segment = |part: &str| part.parse().map_or_else(|_| key(part), Segment::Index);
    Path(text.split('.').map(segment).collect())
}

/// The slots of some paths, in their order.
fn slots_of(value: &[u8], texts: &[&str], check: Check) -> Result<Vec<Slot>, Malformed> {
    let mut paths = Paths::default();
    let ids: Vec<SlotId> = texts.iter().map(|text| paths.add(&path(text))).collect();
    // What an earlier record left behind must not be seen.
    let mut slots = vec![Slot::Bool(true, Span::default()); paths.len()];
    scan(&paths, value, check, &mut slots)?;
    Ok(ids.iter().map(|id| slots[id.index()]).collect())
}

/// What a slot says, as text: strings without quotes and escapes, all others as they stand.
fn say(slot: Slot, value: &[u8]) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match slot {
        Slot::Missing => "-".to_owned(),
        Slot::Null(_) => "null".to_owned(),
        Slot::Bool(value, _) => value.to_string(),
        Slot::Number(span) | Slot::Object(span) | Slot::Array(span) => text(span.of(value)),
        Slot::Plain(span) => format!("'{}'", text(span.of(value))),
        Slot::Escaped(span) => {
            let mut out = Vec::new();
            unescape(span.of(value), &mut out);
            format!("'{}'", text(&out))
        }
    }
}

fn read(value: &str, texts: &[&str], check: Check) -> Result<Vec<String>, &'static str> {
    let slots = slots_of(value.as_bytes(), texts, check).map_err(|malformed| malformed.what)?;
    Ok(slots.into_iter().map(|slot| say(slot, value.as_bytes())).collect())
}

fn is_valid(value: &[u8]) -> bool {
    scan(&Paths::default(), value, Check::Whole, &mut []).is_ok()
}
