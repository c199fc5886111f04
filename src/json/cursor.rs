//! Tokens of JSON in a byte slice, checked as RFC 8259 has them. UTF-8 is checked elsewhere.
//!
//! Nothing here recurses: nesting is a bit stack of [`DEPTH_MAX`] levels.

/// Nested containers in a value; more is malformed.
pub(super) const DEPTH_MAX: u32 = 128;

/// What is wrong with the byte at which the cursor stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fail {
    /// No value begins with it.
    Value,
    /// A key was due.
    Key,
    /// A colon was due.
    Colon,
    /// A comma or the end of the container was due.
    Comma,
    /// A control character in a string.
    Control,
    /// No escape of a string.
    Escape,
    /// No digit of a number.
    Digit,
    /// One container too many.
    Depth,
    /// The value was over before.
    Trailing,
    /// The key was there before.
    Duplicate,
    /// Half of a surrogate pair where the text matters.
    Surrogate,
}

impl Fail {
    /// In words, without anything of the payload.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::Value => "no JSON value begins here",
            Self::Key => "a key was expected",
            Self::Colon => "`:` was expected",
            Self::Comma => "`,` or the end of the object or array was expected",
            Self::Control => "a string holds a control character",
            Self::Escape => "a string holds an escape that JSON does not have",
            Self::Digit => "a number lacks a digit",
            Self::Depth => "objects and arrays are nested deeper than 128",
            Self::Trailing => "something follows the value",
            Self::Duplicate => "a key that is read occurs twice",
            Self::Surrogate => "a string that is read holds half of a surrogate pair",
        }
    }
}

/// A place in a document.
pub(super) struct Cursor<'v> {
    pub(super) bytes: &'v [u8],
    pub(super) at: usize,
}

impl<'v> Cursor<'v> {
    /// The byte here. Behind the end it is 0, which no token of JSON begins with.
    #[inline]
    pub(super) fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    /// Skips white space and returns the byte behind it.
    #[inline]
    pub(super) fn token(&mut self) -> u8 {
        loop {
            let byte = self.peek();
            if byte > b' ' || !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return byte;
            }
            self.at += 1;
        }
    }

    /// The bytes from `start` to here.
    #[inline]
    pub(super) fn since(&self, start: usize) -> &'v [u8] {
        self.bytes.get(start..self.at).unwrap_or_default()
    }

    /// From the opening quote to behind the closing one; tells whether there was an escape.
    #[inline]
    pub(super) fn string(&mut self) -> Result<bool, Fail> {
        self.at += 1;
        self.plain();
        if self.peek() == b'"' {
            self.at += 1;
            return Ok(false);
        }
        self.string_with_escapes()
    }

    #[inline(never)]
    fn string_with_escapes(&mut self) -> Result<bool, Fail> {
        loop {
            match self.peek() {
                b'"' => {
                    self.at += 1;
                    return Ok(true);
                }
                b'\\' => self.escape()?,
                _ => return Err(Fail::Control),
            }
            self.plain();
        }
    }

    /// Skips to the next quote, backslash or control character, eight bytes at a time.
    #[inline]
    fn plain(&mut self) {
        const ONES: u64 = 0x0101_0101_0101_0101;
        const HIGHS: u64 = ONES << 7;
        while let Some(word) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk()) {
            let word = u64::from_le_bytes(*word);
            // The lowest bit that is set is exact: a borrow only reaches bytes above it.
            let zero = |x: u64| x.wrapping_sub(ONES) & !x;
            let hit = zero(word ^ (ONES * 0x22))
                | zero(word ^ (ONES * 0x5c))
                | (word.wrapping_sub(ONES * 0x20) & !word);
            let hit = hit & HIGHS;
            if hit != 0 {
                self.at += lowest_byte(hit);
                return;
            }
            self.at += 8;
        }
        while !matches!(self.peek(), b'"' | b'\\' | 0..=0x1f) {
            self.at += 1;
        }
    }

    fn escape(&mut self) -> Result<(), Fail> {
        let escape = self.bytes.get(self.at + 1..).unwrap_or_default();
        match escape {
            [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => self.at += 2,
            [b'u', a, b, c, d, ..] if [a, b, c, d].into_iter().all(u8::is_ascii_hexdigit) => {
                self.at += 6;
            }
            _ => return Err(Fail::Escape),
        }
        Ok(())
    }

    #[inline]
    pub(super) fn number(&mut self) -> Result<(), Fail> {
        if self.peek() == b'-' {
            self.at += 1;
        }
        if self.peek() == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == b'.' {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), b'e' | b'E') {
            self.at += 1;
            if matches!(self.peek(), b'+' | b'-') {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    #[inline]
    fn digits(&mut self) -> Result<(), Fail> {
        if !self.peek().is_ascii_digit() {
            return Err(Fail::Digit);
        }
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        Ok(())
    }

    #[inline]
    pub(super) fn word(&mut self, word: &[u8]) -> Result<(), Fail> {
        if !self.bytes.get(self.at..).unwrap_or_default().starts_with(word) {
            return Err(Fail::Value);
        }
        self.at += word.len();
        Ok(())
    }

    /// A key and its colon, from white space on; the key's quotes are at the places returned.
    #[inline]
    pub(super) fn key(&mut self) -> Result<(usize, usize, bool), Fail> {
        if self.token() != b'"' {
            return Err(Fail::Key);
        }
        let start = self.at;
        let escaped = self.string()?;
        let end = self.at - 1;
        if self.token() != b':' {
            return Err(Fail::Colon);
        }
        self.at += 1;
        Ok((start, end, escaped))
    }

    /// Skips one value, at whose first byte the cursor stands, inside of `depth` containers.
    pub(super) fn skip(&mut self, depth: u32) -> Result<(), Fail> {
        let floor = depth;
        let mut depth = depth;
        // The lowest bit: the innermost container is an object.
        let mut objects = 0_u128;
        loop {
            match self.token() {
                b'"' => drop(self.string()?),
                open @ (b'{' | b'[') => {
                    if depth >= DEPTH_MAX {
                        return Err(Fail::Depth);
                    }
                    depth += 1;
                    self.at += 1;
                    let object = open == b'{';
                    objects = objects << 1 | u128::from(object);
                    if self.token() != open + 2 {
                        if object {
                            self.key()?;
                        }
                        continue;
                    }
                }
                _ => self.scalar()?,
            }
            loop {
                if depth == floor {
                    return Ok(());
                }
                let object = objects & 1 == 1;
                match self.token() {
                    b',' => {
                        self.at += 1;
                        if object {
                            self.key()?;
                        }
                        break;
                    }
                    b'}' if object => {}
                    b']' if !object => {}
                    _ => return Err(Fail::Comma),
                }
                self.at += 1;
                depth -= 1;
                objects >>= 1;
            }
        }
    }

    /// Skips a number, `true`, `false` or `null`.
    #[inline]
    fn scalar(&mut self) -> Result<(), Fail> {
        match self.peek() {
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => Err(Fail::Value),
        }
    }
}

#[expect(clippy::as_conversions, reason = "at most 7")]
#[inline]
fn lowest_byte(hit: u64) -> usize {
    (hit.trailing_zeros() / 8) as usize
}
