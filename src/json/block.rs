//! Bytes classified many at a time: bit n of a mask speaks of byte n.
//!
//! Blocks are compared 16 bytes at a time, by `wide`: SSE2 on x86-64 and NEON on aarch64, which all of them have. The compiler
//! turns plain loops into such comparisons, too, but not into the instruction that gathers their bits.

use wide::u8x16;

/// Bytes that are classified at once by [`brackets`] and [`text_ends_at`].
pub(super) const BLOCK: usize = 64;

/// The bytes of a block that matter to someone who looks for the end of an object or array.
pub(super) struct Brackets {
    pub(super) quotes: u64,
    pub(super) backslashes: u64,
    /// `{` and `[`
    pub(super) opens: u64,
    /// `}` and `]`
    pub(super) closes: u64,
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = ONES << 7;

/// The quotes, backslashes and control characters of the block at a place; whatever lies behind the end is one.
#[inline]
pub(super) fn text_ends_at(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    match rest.first_chunk() {
        Some(block) => text_ends_of(block),
        None => text_ends_of_tail(bytes, rest),
    }
}

/// The same of fewer bytes than a block has, the last ones of a document: by its last whole block, where it has one.
#[inline]
fn text_ends_of_tail(bytes: &[u8], rest: &[u8]) -> u64 {
    let Some(block) = bytes.last_chunk::<BLOCK>() else { return text_ends_of(&padded(rest, 0)) };
    let plain = !text_ends_of(block);
    let before = u32::try_from(BLOCK - rest.len()).ok();
    !before.and_then(|before| plain.checked_shr(before)).unwrap_or(0)
}

#[inline]
fn text_ends_of(block: &[u8; BLOCK]) -> u64 {
    mask(block, |part| is(part, b'"') | is(part, b'\\') | controls(part))
}

/// The quotes and backslashes of half a block.
#[inline]
pub(super) fn quotes_and_backslashes(half: &[u8; BLOCK / 2]) -> u64 {
    mask(half, |part| is(part, b'"') | is(part, b'\\'))
}

/// What kinds of bytes a document has anywhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kinds {
    /// Control characters; the ends of lines are such.
    pub(super) control: bool,
    /// What UTF-8 needs more than one byte for.
    pub(super) beyond_ascii: bool,
}

impl Kinds {
    #[inline]
    pub(super) fn of(bytes: &[u8]) -> Self {
        // Where there are bytes beyond the last whole part, some count twice.
        let Some(last) = bytes.last_chunk() else {
            let control = bytes.iter().any(|byte| *byte < b' ');
            return Self { control, beyond_ascii: !bytes.is_ascii() };
        };
        let last = u8x16::new(*last);
        let (low, high) = bytes.as_chunks().0.iter().fold((last, last), |(low, high), part| {
            let part = u8x16::new(*part);
            (low.min(part), high | part)
        });
        Self { control: controls(low).to_bitmask() != 0, beyond_ascii: high.to_bitmask() != 0 }
    }
}

/// All ones in each control character.
#[inline]
fn controls(part: u8x16) -> u8x16 {
    part.min(u8x16::splat(0x1f)).simd_eq(part)
}

/// The last bytes of a document, and others behind them.
#[inline(never)]
pub(super) fn padded(rest: &[u8], with: u8) -> [u8; BLOCK] {
    let mut block = [with; BLOCK];
    block.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    block
}

/// The high bit of each of eight bytes that is no digit; the first byte is the lowest.
#[inline]
pub(super) fn no_digits(bytes: [u8; 8]) -> u64 {
    let word = u64::from_le_bytes(bytes) ^ (ONES * 0x30);
    (((word & !HIGHS) + ONES * 0x76) | word) & HIGHS
}

/// The byte of the lowest bit; 8 where there is none.
#[inline]
pub(super) fn place(bits: u64) -> usize {
    lowest(bits) / 8
}

/// The lowest bit; 64 where there is none.
#[expect(clippy::as_conversions, reason = "at most 64")]
#[inline]
pub(super) fn lowest(bits: u64) -> usize {
    bits.trailing_zeros() as usize
}

/// Quotes, backslashes, brackets and braces.
#[inline]
pub(super) fn brackets(bytes: &[u8; BLOCK]) -> Brackets {
    // One bit is all that `[` and `{` differ by, and `]` and `}`.
    Brackets {
        quotes: mask(bytes, |part| is(part, b'"')),
        backslashes: mask(bytes, |part| is(part, b'\\')),
        opens: mask(bytes, |part| is(part | u8x16::splat(0x20), b'{')),
        closes: mask(bytes, |part| is(part | u8x16::splat(0x20), b'}')),
    }
}

/// Bit n: byte n of both is the same.
#[inline]
pub(super) fn same(one: &[u8; 16], other: &[u8; 16]) -> u32 {
    u8x16::new(*one).simd_eq(u8x16::new(*other)).to_bitmask()
}

/// All ones in each byte that is this one.
#[inline]
fn is(part: u8x16, byte: u8) -> u8x16 {
    part.simd_eq(u8x16::splat(byte))
}

/// The bits of the bytes that `are` makes all ones.
#[inline]
fn mask<const SIZE: usize>(block: &[u8; SIZE], are: impl Fn(u8x16) -> u8x16) -> u64 {
    let parts = block.as_chunks().0.iter().rev();
    parts.fold(0, |mask, part| mask << 16 | u64::from(are(u8x16::new(*part)).to_bitmask()))
}
