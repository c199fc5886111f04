//! Tokens of JSON in a byte slice, checked as RFC 8259 has them. UTF-8 is checked elsewhere.
//!
//! Nothing here recurses: nesting is a bit stack of [`DEPTH_MAX`] levels. Functions take a place and return the place behind
//! what they read, so that it stays in a register; the small ones are inlined by force, since a call costs more than they do.

use super::block::{self, BLOCK};
use super::fail::{Fail, Reason};

/// Nested containers in a value; more is malformed.
pub(super) const DEPTH_MAX: u32 = 128;

/// The place behind something, or why it cannot be read.
pub(super) type Read = Result<usize, Fail>;

/// The byte at a place. Behind the end it is 0, which no token of JSON begins with.
#[expect(clippy::inline_always, reason = "see above")]
#[inline(always)]
pub(super) fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

/// A byte that is no white space, and its place.
pub(super) type Token = (u8, usize);

/// The next byte that is no white space.
#[expect(clippy::inline_always, reason = "see above")]
#[inline(always)]
pub(super) fn token(bytes: &[u8], at: usize) -> Token {
    let first = byte(bytes, at);
    if first > b' ' { (first, at) } else { token_behind_blanks(bytes, at) }
}

#[inline(never)]
fn token_behind_blanks(bytes: &[u8], mut at: usize) -> Token {
    while matches!(byte(bytes, at), b' ' | b'\n' | b'\t' | b'\r') {
        at += 1;
    }
    (byte(bytes, at), at)
}

/// The token behind a comma or colon, where that is the next one. Mostly there is no white space: two bytes are one look.
#[expect(clippy::inline_always, reason = "see above")]
#[inline(always)]
pub(super) fn behind(bytes: &[u8], at: usize, mark: u8) -> Option<Token> {
    match bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        Some([first, second]) if *first == mark && *second > b' ' => Some((*second, at + 1)),
        Some([first, _]) if *first > b' ' && *first != mark => None,
        _ => behind_blanks(bytes, at, mark),
    }
}

#[inline(never)]
fn behind_blanks(bytes: &[u8], at: usize, mark: u8) -> Option<Token> {
    let (first, at) = token(bytes, at);
    (first == mark).then(|| token(bytes, at + 1))
}

/// Where strings may end in one block of a document. Where a token ends decides where the next one begins, and the processor
/// waits for it: a shift and a count of zeros is all that this takes while the block stays the same.
#[derive(Clone, Copy)]
pub(super) struct Window {
    base: usize,
    /// Bit n: byte `base + n` is a quote, a backslash, a control character, or behind the end.
    ends: u64,
}

impl Window {
    /// At the start of a document.
    pub(super) fn new(bytes: &[u8]) -> Self {
        Self { base: 0, ends: block::text_ends_at(bytes, 0) }
    }

    /// The first place from `at` on where a string may end.
    #[expect(clippy::inline_always, reason = "see above")]
    #[inline(always)]
    pub(super) fn next(&mut self, bytes: &[u8], mut at: usize) -> usize {
        loop {
            let offset = at.wrapping_sub(self.base);
            if offset < BLOCK {
                let ends = self.ends >> offset;
                if ends != 0 {
                    return at + block::lowest(ends);
                }
                at = self.base + BLOCK;
            }
            // Mostly a constant is added: it is known long before `at` is.
            self.base = if offset < 2 * BLOCK { self.base + BLOCK } else { at & !(BLOCK - 1) };
            self.ends = block::text_ends_at(bytes, self.base);
        }
    }
}

/// Reads a string from its opening quote on; tells whether there is an escape in it.
#[expect(clippy::inline_always, reason = "see above")]
#[inline(always)]
pub(super) fn string(bytes: &[u8], at: usize, window: &mut Window) -> Result<(usize, bool), Fail> {
    let end = window.next(bytes, at + 1);
    if byte(bytes, end) == b'"' {
        return Ok((end + 1, false));
    }
    let end = rest_of_string(bytes, end, *window)?;
    Ok((end >> 1, end & 1 == 1))
}

/// Reads a string from a quote, backslash or control character in it on. The lowest bit of the result says whether there was an
/// escape; the place is in the others.
#[inline(never)]
pub(super) fn rest_of_string(bytes: &[u8], mut at: usize, mut window: Window) -> Read {
    let mut escaped = 0;
    loop {
        match byte(bytes, at) {
            b'"' => return Ok((at + 1) << 1 | escaped),
            b'\\' => at = window.next(bytes, escape(bytes, at)?),
            _ => return Err(Fail::new(Reason::Control, at)),
        }
        escaped = 1;
    }
}

fn escape(bytes: &[u8], at: usize) -> Read {
    match bytes.get(at + 1..).unwrap_or_default() {
        [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => Ok(at + 2),
        [b'u', a, b, c, d, ..] if [a, b, c, d].into_iter().all(u8::is_ascii_hexdigit) => Ok(at + 6),
        _ => Err(Fail::new(Reason::Escape, at)),
    }
}

/// Reads a number from its sign or first digit on.
#[inline]
pub(super) fn number(bytes: &[u8], mut at: usize) -> Read {
    at += usize::from(byte(bytes, at) == b'-');
    let short = bytes.get(at..).and_then(|rest| rest.first_chunk()).and_then(short_number);
    match short {
        Some(length) => Ok(at + length),
        None => any_number(bytes, at),
    }
}

/// The length of digits, and of a point and digits behind them, that end within these bytes, which most numbers do; `None` for
/// all else.
#[expect(clippy::inline_always, reason = "see above")]
#[inline(always)]
pub(super) fn short_number(bytes: &[u8; 8]) -> Option<usize> {
    let others = block::no_digits(*bytes);
    let whole = block::place(others);
    if whole == 0 || (whole > 1 && bytes.first() == Some(&b'0')) {
        return None;
    }
    let mut length = whole;
    if byte(bytes, whole) == b'.' {
        length = block::place(others & others.wrapping_sub(1));
        if length == whole + 1 {
            return None;
        }
    }
    (length < 8 && byte(bytes, length) | 0x20 != b'e').then_some(length)
}

#[inline(never)]
fn any_number(bytes: &[u8], mut at: usize) -> Read {
    at = if byte(bytes, at) == b'0' { at + 1 } else { digits(bytes, at)? };
    if byte(bytes, at) == b'.' {
        at = digits(bytes, at + 1)?;
    }
    if byte(bytes, at) | 0x20 == b'e' {
        at += 1;
        at += usize::from(matches!(byte(bytes, at), b'+' | b'-'));
        at = digits(bytes, at)?;
    }
    Ok(at)
}

#[expect(clippy::inline_always, reason = "see above")]
#[inline(always)]
fn digits(bytes: &[u8], start: usize) -> Read {
    let mut at = start;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        let length = block::place(block::no_digits(*chunk));
        at += length;
        if length < 8 {
            break;
        }
    }
    while byte(bytes, at).is_ascii_digit() {
        at += 1;
    }
    if at == start { Err(Fail::new(Reason::Digit, at)) } else { Ok(at) }
}

/// Reads `true`, `false` or `null`.
#[expect(clippy::inline_always, reason = "see above")]
#[inline(always)]
pub(super) fn word(bytes: &[u8], at: usize, word: &[u8]) -> Read {
    let here = bytes.get(at..).unwrap_or_default().starts_with(word);
    if here { Ok(at + word.len()) } else { Err(Fail::new(Reason::Value, at)) }
}

/// A key, and what its value begins with.
pub(super) struct Key {
    /// Its closing quote.
    pub(super) end: usize,
    /// There is an escape in it.
    pub(super) escaped: bool,
    /// Behind the colon.
    pub(super) value: Token,
}

/// Reads a key and its colon, from the first token of the key on.
#[expect(clippy::inline_always, reason = "see above")]
#[inline(always)]
pub(super) fn key(bytes: &[u8], first: Token, window: &mut Window) -> Result<Key, Fail> {
    let (b'"', quote) = first else { return Err(Fail::new(Reason::Key, first.1)) };
    let (end, escaped) = string(bytes, quote, window)?;
    match behind(bytes, end, b':') {
        Some(value) => Ok(Key { end: end - 1, escaped, value }),
        None => Err(Fail::new(Reason::Colon, token(bytes, end).1)),
    }
}

/// Reads a number, `true`, `false` or `null`.
#[expect(clippy::inline_always, reason = "see above")]
#[inline(always)]
pub(super) fn scalar(bytes: &[u8], (first, at): Token) -> Read {
    match first {
        b'-' | b'0'..=b'9' => number(bytes, at),
        b't' => word(bytes, at, b"true"),
        b'f' => word(bytes, at, b"false"),
        b'n' => word(bytes, at, b"null"),
        _ => Err(Fail::new(Reason::Value, at)),
    }
}

/// Skips one value inside of `floor` containers, from its first token on.
#[expect(clippy::inline_always, reason = "see above")]
#[inline(always)]
pub(super) fn value(bytes: &[u8], first: Token, floor: u32, window: &mut Window) -> Read {
    match first {
        (b'"', at) => string(bytes, at, window).map(|(at, _)| at),
        (b'{' | b'[', _) => {
            let (at, seen) = container(bytes, first, floor, *window)?;
            *window = seen;
            Ok(at)
        }
        _ => scalar(bytes, first),
    }
}

/// Skips an object or array, from its opening bracket on. The window goes in and comes out by value: by reference it would not
/// stay in registers.
#[inline(never)]
fn container(
    bytes: &[u8],
    mut next: Token,
    floor: u32,
    mut window: Window,
) -> Result<(usize, Window), Fail> {
    let mut depth = floor;
    // The lowest bit: the innermost container is an object.
    let mut objects = 0_u128;
    loop {
        if objects & 1 == 1 {
            next = key(bytes, next, &mut window)?.value;
        }
        let mut at = match next {
            (b'"', at) => string(bytes, at, &mut window)?.0,
            (open @ (b'{' | b'['), at) => {
                if depth >= DEPTH_MAX {
                    return Err(Fail::new(Reason::Depth, at));
                }
                depth += 1;
                objects = objects << 1 | u128::from(open == b'{');
                let inner = token(bytes, at + 1);
                if inner.0 != open + 2 {
                    next = inner;
                    continue;
                }
                inner.1
            }
            _ => scalar(bytes, next)?,
        };
        loop {
            if let Some(behind) = behind(bytes, at, b',') {
                next = behind;
                break;
            }
            let (close, place) = token(bytes, at);
            if close != if objects & 1 == 1 { b'}' } else { b']' } {
                return Err(Fail::new(Reason::Comma, place));
            }
            at = place + 1;
            depth -= 1;
            objects >>= 1;
            if depth == floor {
                return Ok((at, window));
            }
        }
    }
}
