//! What lies in one array or object, one after the other.

use super::fail::{Fail, Reason};
use super::token::{self, Window};
use super::{Malformed, Slot, Span, text};

/// The elements of an array, each with its bytes and what it is.
#[derive(Clone)]
pub struct Elements<'a> {
    bytes: &'a [u8],
    at: usize,
    done: bool,
    window: Window,
}

impl<'a> Elements<'a> {
    /// `array` is its bytes, brackets included.
    pub fn new(array: &'a [u8]) -> Self {
        let (first, _) = token::token(array, 1);
        Self { bytes: array, at: 1, done: first == b']', window: Window::new(array) }
    }

    fn element(&mut self) -> Result<(&'a [u8], Slot), Fail> {
        let first @ (byte, start) = token::token(self.bytes, self.at);
        let end = token::value(self.bytes, first, 1, &mut self.window)?;
        let (next, place) = token::token(self.bytes, end);
        match next {
            b',' => self.at = place + 1,
            b']' => self.done = true,
            _ => return Err(Fail::new(Reason::Comma, place)),
        }
        let bytes = self.bytes.get(start..end).unwrap_or_default();
        let span = Span { start: 0, end: u32::try_from(bytes.len()).unwrap_or(u32::MAX) };
        let slot = match byte {
            b'"' => return string(bytes, span, start).map(|slot| (bytes, slot)),
            b'{' => Slot::Object(span),
            b'[' => Slot::Array(span),
            b't' => Slot::Bool(true, span),
            b'f' => Slot::Bool(false, span),
            b'n' => Slot::Null(span),
            _ => Slot::Number(span),
        };
        Ok((bytes, slot))
    }
}

fn string(quoted: &[u8], span: Span, at: usize) -> Result<Slot, Fail> {
    let span = Span { start: 1, end: span.end.saturating_sub(1) };
    let raw = span.of(quoted);
    if memchr::memchr(b'\\', raw).is_none() {
        return Ok(Slot::Plain(span));
    }
    if text::has_lone_surrogate(raw) {
        return Err(Fail::new(Reason::Surrogate, at));
    }
    Ok(Slot::Escaped(span))
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<(&'a [u8], Slot), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let element = self.element();
        // Half of a surrogate pair is the element's own trouble: the next one begins where it does.
        self.done |= element.as_ref().is_err_and(|fail| fail.reason() != Some(Reason::Surrogate));
        Some(element.map_err(|fail| fail.malformed(self.bytes.len())))
    }
}

/// The number of elements of an array, or of members of an object; its bytes are given, brackets included.
///
/// ```
/// assert_eq!(krouted::json::count(br#"{"a": [1, 2], "b": "x,y"}"#), Ok(2));
/// assert_eq!(krouted::json::count(b"[ ]"), Ok(0));
/// ```
pub fn count(container: &[u8]) -> Result<usize, Malformed> {
    members(container).map_err(|fail| fail.malformed(container.len()))
}

/// How many objects and arrays lie in one another in a value that was scanned; 0 for all other values.
///
/// ```
/// assert_eq!(krouted::json::nesting(br#"[{"a": "[["}, 1]"#), 2);
/// assert_eq!(krouted::json::nesting(b"7"), 0);
/// ```
pub fn nesting(value: &[u8]) -> usize {
    if !matches!(value.first(), Some(b'{' | b'[')) {
        return 0;
    }
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = value.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                while let Some(inner) = bytes.next() {
                    match inner {
                        b'"' => break,
                        b'\\' => _ = bytes.next(),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    deepest
}

fn members(bytes: &[u8]) -> Result<usize, Fail> {
    let object = bytes.first() == Some(&b'{');
    let close = if object { b'}' } else { b']' };
    let mut window = Window::new(bytes);
    if token::token(bytes, 1).0 == close {
        return Ok(0);
    }
    let (mut at, mut count) = (1, 1);
    loop {
        let mut first = token::token(bytes, at);
        if object {
            first = token::key(bytes, first, &mut window)?.value;
        }
        let end = token::value(bytes, first, 1, &mut window)?;
        let (next, place) = token::token(bytes, end);
        match next {
            b',' => (at, count) = (place + 1, count + 1),
            _ if next == close => return Ok(count),
            _ => return Err(Fail::new(Reason::Comma, place)),
        }
    }
}
