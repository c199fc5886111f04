//! Payloads for people: on one line, without what a terminal would obey, and never one thing as another.

use std::borrow::Cow;

use super::to_base64;

/// What nothing at all is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Null {
    Key,
    Value,
    Header,
}

impl Null {
    fn name(self) -> &'static str {
        match self {
            Self::Key => "a null key",
            Self::Value => "a tombstone",
            Self::Header => "a null value",
        }
    }
}

/// A text as it may be printed: control characters are escaped, line breaks too.
///
/// ```
/// assert_eq!(krouted::case::printable("a\nb\u{1b}[2J"), r"a\nb\u{1b}[2J");
/// ```
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(char::is_control) {
        return text.into();
    }
    let mut out = String::new();
    for c in text.chars() {
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out.into()
}

/// Bytes as text, where they are text.
pub(super) fn text(bytes: Option<&[u8]>, null: Null) -> String {
    match bytes.map(std::str::from_utf8) {
        Some(Ok(text)) => printable(text).into_owned(),
        None | Some(Err(_)) => base64(bytes, null),
    }
}

/// Bytes by what they are and not by how they look.
pub(super) fn base64(bytes: Option<&[u8]>, null: Null) -> String {
    bytes.map_or_else(|| null.name().to_owned(), |bytes| format!("(base64) {}", to_base64(bytes)))
}

/// Two that differ, so that it can be seen.
pub(super) fn apart(a: Option<&[u8]>, b: Option<&[u8]>, null: Null) -> (String, String) {
    let texts = (text(a, null), text(b, null));
    if texts.0 == texts.1 { (base64(a, null), base64(b, null)) } else { texts }
}
