//! What a JSON string says: its bytes with the escapes undone, one by one and without allocation.

use std::cmp::Ordering;

/// Stands for half of a surrogate pair; a scan refuses such a string wherever it must know what it says.
const REPLACEMENT: char = '\u{fffd}';

/// The bytes of a string without its escapes; `raw` is the text between the quotes, of a string that a scan accepted.
#[derive(Clone, Debug)]
pub struct Unescaped<'r> {
    rest: &'r [u8],
    /// What is left of the last escape, as UTF-8.
    pending: [u8; 4],
    /// The next byte of `pending`, and the number of bytes in it.
    at: usize,
    end: usize,
}

impl<'r> Unescaped<'r> {
    /// Begins at the first byte.
    pub fn new(raw: &'r [u8]) -> Self {
        Self { rest: raw, pending: [0; 4], at: 0, end: 0 }
    }
}

impl Iterator for Unescaped<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        if self.at < self.end {
            let byte = self.pending.get(self.at).copied();
            self.at += 1;
            return byte;
        }
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        if first != b'\\' {
            return Some(first);
        }
        let (decoded, rest) = escape(rest);
        self.rest = rest;
        self.end = decoded.unwrap_or(REPLACEMENT).encode_utf8(&mut self.pending).len();
        self.at = 1;
        self.pending.first().copied()
    }
}

/// Appends what a string says.
pub fn unescape(raw: &[u8], out: &mut Vec<u8>) {
    out.reserve(raw.len());
    out.extend(Unescaped::new(raw));
}

/// Appends a text as a JSON string, quotes included; nothing is escaped that need not be.
pub fn quote(text: &str, out: &mut Vec<u8>) {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|b| matches!(b, b'"' | b'\\' | 0..=0x1f)) {
        let (before, behind) = rest.split_at(at);
        out.extend_from_slice(before);
        let Some((&special, behind)) = behind.split_first() else { break };
        match special {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', special]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x8 => out.extend_from_slice(b"\\b"),
            0xc => out.extend_from_slice(b"\\f"),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[digit(special >> 4), digit(special & 15)]);
            }
        }
        rest = behind;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Whether a string with escapes says `text`.
pub fn says(raw: &[u8], text: &[u8]) -> bool {
    // An escape is never shorter than what it stands for, and at most six times as long.
    raw.len() >= text.len() && Unescaped::new(raw).eq(text.iter().copied())
}

/// Orders what a string with escapes says before or after a text, by UTF-8 bytes.
pub fn order(raw: &[u8], text: &[u8]) -> Ordering {
    Unescaped::new(raw).cmp(text.iter().copied())
}

/// Whether one half of a surrogate pair stands alone: then the string says nothing that UTF-8 can.
pub(super) fn has_lone_surrogate(raw: &[u8]) -> bool {
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (decoded, behind) = escape(rest.get(at + 1..).unwrap_or_default());
        if decoded.is_none() {
            return true;
        }
        rest = behind;
    }
    false
}

/// Decodes the escape behind a backslash; `None` is a lone surrogate.
fn escape(rest: &[u8]) -> (Option<char>, &[u8]) {
    let Some((&kind, rest)) = rest.split_first() else { return (None, rest) };
    let plain = match kind {
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(rest),
        other => char::from(other),
    };
    (Some(plain), rest)
}

/// Decodes what stands behind `\u`: four hexadecimal digits, or a pair of such escapes.
fn unicode(rest: &[u8]) -> (Option<char>, &[u8]) {
    let Some((high, behind)) = four_digits(rest) else { return (None, rest) };
    if !(0xd800..0xe000).contains(&high) {
        return (char::from_u32(high), behind);
    }
    let pair = behind.strip_prefix(b"\\u").and_then(four_digits);
    match pair {
        Some((low, behind)) if high < 0xdc00 && (0xdc00..0xe000).contains(&low) => {
            (char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00)), behind)
        }
        _ => (None, behind),
    }
}

fn four_digits(rest: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, behind) = rest.split_first_chunk::<4>()?;
    let mut value = 0;
    for &digit in digits {
        value = value * 16 + char::from(digit).to_digit(16)?;
    }
    Some((value, behind))
}
