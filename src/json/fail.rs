//! Why a document cannot be read, and where.

use super::Malformed;

/// A reason and a place, in one word: so a result of a place or this is passed in registers.
#[derive(Clone, Copy)]
pub(super) struct Fail(u64);

/// What is wrong with the byte at the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
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

impl Reason {
    const ALL: [Self; 11] = [
        Self::Value,
        Self::Key,
        Self::Colon,
        Self::Comma,
        Self::Control,
        Self::Escape,
        Self::Digit,
        Self::Depth,
        Self::Trailing,
        Self::Duplicate,
        Self::Surrogate,
    ];

    /// In words, without anything of the payload.
    fn what(self) -> &'static str {
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

/// So many bits hold the reason.
const BITS: u32 = 8;

impl Fail {
    #[expect(clippy::as_conversions, reason = "a value has less than 4 GiB")]
    #[inline]
    pub(super) fn new(reason: Reason, at: usize) -> Self {
        Self((at as u64) << BITS | reason as u64)
    }

    pub(super) fn reason(self) -> Option<Reason> {
        let reason = self.0 & ((1 << BITS) - 1);
        usize::try_from(reason).ok().and_then(|reason| Reason::ALL.get(reason)).copied()
    }

    /// In words; `length` is that of the document.
    #[cold]
    pub(super) fn malformed(self, length: usize) -> Malformed {
        let at = usize::try_from(self.0 >> BITS).unwrap_or(length);
        let what = self.reason().map_or("the value cannot be read", Reason::what);
        Malformed { what: if at >= length { "the value ends too early" } else { what }, at }
    }
}
