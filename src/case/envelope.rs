//! A record as one line of JSON that keeps each byte of it: what `consume -o envelope` writes and `produce --envelope` reads.
//!
//! The fields are those of a test's `given`. Of key, value and headers, text stands as text and other bytes as base64:
//!
//! | in the record | in the line |
//! |---|---|
//! | a null key, a key | `"key":null`, `"key":"k-1"`, `"key_base64":"//4="` |
//! | a value that is JSON | `"value":` and the bytes as they are |
//! | text, other bytes, a null value | `"value_text":"a"`, `"value_base64":"//4="`, `"tombstone":true` |
//! | a header, a null header | `{"a":"1"}`, `{"a":null}` in the list `"headers"` |
//! | a header with bytes that are no text | `{"name":"a","value_base64":"//4="}`; a name likewise by `"name_base64"` |
//! | its time | `"timestamp":"2026-01-01T00:00:00Z"`, or in ms since 1970 where no calendar has it |

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::base64;
use crate::json::{Check, Paths, scan};
use crate::model::{HeaderList, Record, VisitHeader};

/// A record to write, as a line says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// `None` is a null key.
    pub key: Option<Vec<u8>>,
    /// `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// In their order, with repeats.
    pub headers: HeaderList,
    /// In ms since 1970, from 1.
    pub timestamp: Option<i64>,
    /// Where it was read: says nothing about where it goes.
    pub topic: Option<String>,
    /// Where it was read.
    pub partition: Option<i32>,
    /// Its own, where it was read.
    pub offset: Option<i64>,
}

impl Envelope {
    /// Reads one line; the error is a lower-case fragment.
    pub fn read(line: &[u8]) -> Result<Self, String> {
        let raw: Raw<'_> = serde_json::from_slice(line).map_err(|e| said(&e))?;
        Ok(Self {
            key: key(&raw)?,
            value: value(&raw)?,
            timestamp: timestamp(raw.timestamp)?,
            topic: raw.topic,
            partition: raw.partition,
            offset: raw.offset,
            headers: HeaderList(raw.headers.unwrap_or_default().0),
        })
    }
}

/// Appends the line of a record, its line break included. `headers` shows each header of it, in order.
pub fn write(
    record: &Record<'_>,
    headers: &mut dyn FnMut(&mut VisitHeader<'_>),
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(b"{\"topic\":");
    text(record.topic, out);
    let (partition, offset) = (record.partition, record.offset);
    out.extend_from_slice(format!(",\"partition\":{partition},\"offset\":{offset}").as_bytes());
    if let Some(ms) = record.timestamp {
        out.extend_from_slice(b",\"timestamp\":");
        match Timestamp::from_millisecond(ms) {
            Ok(time) => text(&time.to_string(), out),
            Err(_beyond_the_calendar) => out.extend_from_slice(ms.to_string().as_bytes()),
        }
    }
    match record.key {
        None => out.extend_from_slice(b",\"key\":null"),
        Some(bytes) => either(bytes, ",\"key\":", ",\"key_base64\":", out),
    }
    match record.value {
        None => out.extend_from_slice(b",\"tombstone\":true"),
        Some(bytes) if is_plain_json(bytes) => {
            out.extend_from_slice(b",\"value\":");
            out.extend_from_slice(bytes);
        }
        Some(bytes) => either(bytes, ",\"value_text\":", ",\"value_base64\":", out),
    }
    let mut before = ",\"headers\":[";
    headers(&mut |name, value| {
        out.extend_from_slice(before.as_bytes());
        header(name, value, out);
        before = ",";
    });
    out.extend_from_slice(if before == "," { b"]}\n" } else { b"}\n" });
}

fn header(name: &[u8], value: Option<&[u8]>, out: &mut Vec<u8>) {
    let plain = |bytes| std::str::from_utf8(bytes).ok();
    match (plain(name), value.map(|v| (v, plain(v)))) {
        (Some(name), None) => {
            out.push(b'{');
            text(name, out);
            out.extend_from_slice(b":null}");
        }
        (Some(name), Some((_, Some(value)))) => {
            out.push(b'{');
            text(name, out);
            out.push(b':');
            text(value, out);
            out.push(b'}');
        }
        (_, value) => {
            either(name, "{\"name\":", "{\"name_base64\":", out);
            match value {
                None => out.extend_from_slice(b",\"value\":null"),
                Some((bytes, _)) => either(bytes, ",\"value\":", ",\"value_base64\":", out),
            }
            out.push(b'}');
        }
    }
}

/// Whether the bytes can stand in the line as they are: one JSON text without anything around it that would be lost, without
/// a line break, and not `null`, which would be read as a tombstone by people.
fn is_plain_json(bytes: &[u8]) -> bool {
    let is_bare = |byte: Option<&u8>| byte.is_some_and(|b| !b.is_ascii_whitespace());
    is_bare(bytes.first())
        && is_bare(bytes.last())
        && bytes != b"null"
        && !bytes.iter().any(|b| matches!(b, b'\n' | b'\r'))
        && scan(&Paths::default(), bytes, Check::Whole, &mut []).is_ok()
}

/// Text where it is some, and takes no more room than base64 would: a NUL is six bytes of JSON, and a line has a limit.
fn either(bytes: &[u8], as_text: &str, as_base64: &str, out: &mut Vec<u8>) {
    let (field, shown) = match std::str::from_utf8(bytes) {
        Ok(shown) if room_as_text(bytes) <= room_as_base64(bytes) => {
            (as_text, std::borrow::Cow::Borrowed(shown))
        }
        Ok(_) | Err(_) => (as_base64, base64::encode(bytes).into()),
    };
    out.extend_from_slice(field.as_bytes());
    text(&shown, out);
}

/// Bytes within the quotes, escapes included.
fn room_as_text(bytes: &[u8]) -> usize {
    let room = |byte: &u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..=0x1f => 6,
        _ => 1,
    };
    bytes.iter().map(room).sum()
}

/// Bytes within the quotes; some more for the longer name of the field, so that a short text stays one.
fn room_as_base64(bytes: &[u8]) -> usize {
    const SHORT: usize = 1000;
    bytes.len() / 3 * 4 + SHORT
}

fn text(text: &str, out: &mut Vec<u8>) {
    // Writing a text into a vector does not fail.
    let _infallible = serde_json::to_writer(out, text);
}

/// One line as it stands.
#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an envelope such as {\"key\":\"k-1\",\"value\":{\"a\":1}}"
)]
struct Raw<'a> {
    #[serde(default)]
    key: RawKey,
    key_base64: Option<String>,
    #[serde(default, borrow, deserialize_with = "some")]
    value: Option<&'a RawValue>,
    value_text: Option<String>,
    value_base64: Option<String>,
    tombstone: Option<bool>,
    headers: Option<RawHeaders>,
    timestamp: Option<RawTime>,
    partition: Option<i32>,
    topic: Option<String>,
    offset: Option<i64>,
}

/// What `key` says.
#[derive(Default)]
enum RawKey {
    #[default]
    Absent,
    Null,
    Text(String),
}

impl<'de> Deserialize<'de> for RawKey {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Option::deserialize(from).map(|text: Option<String>| text.map_or(Self::Null, Self::Text))
    }
}

/// A field that is there is there, also as `null`.
fn some<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or(&text);
    if error.column() == 0 {
        what.to_owned()
    } else {
        format!("{what} at column {}", error.column())
    }
}

fn from_base64(field: &str, text: &str) -> Result<Vec<u8>, String> {
    base64::decode(text).ok_or_else(|| format!("`{field}` is no base64"))
}

fn key(raw: &Raw<'_>) -> Result<Option<Vec<u8>>, String> {
    match (&raw.key, &raw.key_base64) {
        (RawKey::Null | RawKey::Text(_), Some(_)) => {
            Err("`key` and `key_base64` are both here: keep one".to_owned())
        }
        (RawKey::Text(text), None) => Ok(Some(text.clone().into_bytes())),
        (RawKey::Absent, Some(text)) => from_base64("key_base64", text).map(Some),
        (RawKey::Absent | RawKey::Null, None) => Ok(None),
    }
}

fn value(raw: &Raw<'_>) -> Result<Option<Vec<u8>>, String> {
    let tombstone = raw.tombstone.filter(|yes| *yes);
    match (raw.value, &raw.value_text, &raw.value_base64, tombstone) {
        (Some(value), None, None, None) if value.get() == "null" => Err(
            "`\"value\":null` has two meanings: write `\"tombstone\":true`, or `\"value_text\":\"null\"` for the JSON text"
                .to_owned(),
        ),
        (Some(value), None, None, None) => Ok(Some(value.get().as_bytes().to_vec())),
        (None, Some(text), None, None) => Ok(Some(text.clone().into_bytes())),
        (None, None, Some(text), None) => from_base64("value_base64", text).map(Some),
        (None, None, None, Some(_)) => Ok(None),
        (None, None, None, None) => Err(
            "no value is here: write `value`, `value_text`, `value_base64` or `\"tombstone\":true`"
                .to_owned(),
        ),
        _ => Err(
            "several of `value`, `value_text`, `value_base64` and `tombstone` are here: keep one"
                .to_owned(),
        ),
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawTime {
    Text(String),
    Ms(i64),
}

fn timestamp(raw: Option<RawTime>) -> Result<Option<i64>, String> {
    let ms = match raw {
        None => return Ok(None),
        Some(RawTime::Ms(ms)) => ms,
        Some(RawTime::Text(text)) => milliseconds(&text)?,
    };
    match ms {
        1.. => Ok(Some(ms)),
        0 => Err(
            "the timestamp 0 cannot be written: librdkafka takes it for now; leave it out for now"
                .to_owned(),
        ),
        _ => Err("the timestamp is before 1970".to_owned()),
    }
}

/// A time such as `2026-01-01T00:00:00Z`, in ms since 1970; the error is a lower-case fragment.
pub fn milliseconds(text: &str) -> Result<i64, String> {
    text.parse::<Timestamp>()
        .map(Timestamp::as_millisecond)
        .map_err(|_no_better_words| format!("{text:?} is no time: write 2026-01-01T00:00:00Z"))
}

/// `[{"a":"1"},{"name":"b","value_base64":"//4="}]`, or a map of the first form.
#[derive(Default)]
struct RawHeaders(Vec<(Vec<u8>, Option<Vec<u8>>)>);

impl<'de> Deserialize<'de> for RawHeaders {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(HeadersVisitor)
    }
}

struct HeadersVisitor;

impl<'de> Visitor<'de> for HeadersVisitor {
    type Value = RawHeaders;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of headers such as [{\"a\":\"1\"}]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<RawHeaders, A::Error> {
        let mut headers = Vec::new();
        while let Some(Entries(entries)) = items.next_element()? {
            headers.push(one_header(entries).map_err(serde::de::Error::custom)?);
        }
        Ok(RawHeaders(headers))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawHeaders, A::Error> {
        let Entries(entries) = EntriesVisitor.visit_map(map)?;
        let each = entries.into_iter().map(|entry| one_header(vec![entry]));
        each.collect::<Result<_, _>>().map(RawHeaders).map_err(serde::de::Error::custom)
    }
}

/// The entries of a map in their order, repeats included.
struct Entries(Vec<(String, Option<String>)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a header such as {\"a\":\"1\"}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Entries(entries))
    }
}

/// One entry is name and value; two are `name` or `name_base64`, and `value` or `value_base64`.
fn one_header(
    mut entries: Vec<(String, Option<String>)>,
) -> Result<(Vec<u8>, Option<Vec<u8>>), String> {
    let (name, value) = match entries.len() {
        1 => {
            let (name, value) = entries.swap_remove(0);
            (name.into_bytes(), value.map(String::into_bytes))
        }
        2 => {
            let mut take = |field: &str| {
                let at = entries.iter().position(|(name, _)| name == field)?;
                Some(entries.swap_remove(at).1)
            };
            let name = match (take("name"), take("name_base64")) {
                (Some(Some(text)), None) => text.into_bytes(),
                (None, Some(Some(text))) => from_base64("name_base64", &text)?,
                _ => return Err(HEADER_FORMS.to_owned()),
            };
            let value = match (take("value"), take("value_base64")) {
                (Some(text), None) => text.map(String::into_bytes),
                (None, Some(Some(text))) => Some(from_base64("value_base64", &text)?),
                _ => return Err(HEADER_FORMS.to_owned()),
            };
            (name, value)
        }
        _ => return Err(HEADER_FORMS.to_owned()),
    };
    if name.contains(&0) {
        return Err(
            "the name of a header holds a zero byte, which librdkafka cannot read back".to_owned()
        );
    }
    Ok((name, value))
}

const HEADER_FORMS: &str =
    "a header is {\"name\":\"value\"}, or {\"name\":\"a\",\"value_base64\":\"//4=\"}";
