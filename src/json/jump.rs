//! From the opening bracket of an object or array to its end, without a look at what is in it: for lazy scans.
//!
//! Blocks of 64 bytes become masks of quotes and brackets; the brackets outside of strings are counted.
//! Source: Langdale and Lemire, "Parsing Gigabytes of JSON per Second", 3.1.

use super::block::{self, BLOCK, Brackets};

/// Bits 0, 2, 4, ...
const EVEN: u64 = 0x5555_5555_5555_5555;

/// What one block leaves to the next.
#[derive(Default)]
struct State {
    /// Containers that are open.
    depth: u32,
    /// All ones: the block begins inside of a string.
    in_string: u64,
    /// 1: the first byte is escaped.
    escaped: u64,
}

/// The number of bytes from the bracket at the start of `bytes` to behind the one that closes it.
pub(super) fn over_container(bytes: &[u8]) -> Option<usize> {
    let mut state = State::default();
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    for (i, block) in blocks.iter().enumerate() {
        if let Some(end) = state.block(&block::brackets(block)) {
            return Some(i * BLOCK + end);
        }
    }
    let tail = block::padded(rest, b' ');
    state.block(&block::brackets(&tail)).map(|end| blocks.len() * BLOCK + end)
}

impl State {
    /// Counts one block; returns the place behind the last bracket, where it is in here.
    #[inline]
    fn block(&mut self, found: &Brackets) -> Option<usize> {
        let quotes = found.quotes & !self.escapes(found.backslashes);
        let in_string = prefix_xor(quotes) ^ self.in_string;
        // Whether the last byte is in a string, in all bits.
        self.in_string = (in_string.cast_signed() >> 63).cast_unsigned();
        let (opens, closes) = (found.opens & !in_string, found.closes & !in_string);
        if self.depth > closes.count_ones() {
            self.depth = self.depth + opens.count_ones() - closes.count_ones();
            return None;
        }
        self.walk(opens, closes)
    }

    /// The bytes that a backslash escapes.
    #[inline]
    fn escapes(&mut self, backslashes: u64) -> u64 {
        if backslashes | self.escaped == 0 {
            return 0;
        }
        let backslashes = backslashes & !self.escaped;
        let follows = backslashes << 1 | self.escaped;
        let odd_starts = backslashes & !EVEN & !follows;
        let (even_sequences, overflow) = odd_starts.overflowing_add(backslashes);
        self.escaped = u64::from(overflow);
        (EVEN ^ (even_sequences << 1)) & follows
    }

    /// Bracket by bracket, where one of these may be the last.
    fn walk(&mut self, opens: u64, closes: u64) -> Option<usize> {
        let mut left = opens | closes;
        while left != 0 {
            let bit = left & left.wrapping_neg();
            if opens & bit != 0 {
                self.depth += 1;
            } else {
                self.depth = self.depth.saturating_sub(1);
            }
            if self.depth == 0 {
                return usize::try_from(left.trailing_zeros()).ok().map(|at| at + 1);
            }
            left ^= bit;
        }
        None
    }
}

/// Bit n: the parity of the bits up to n.
#[inline]
fn prefix_xor(bits: u64) -> u64 {
    [1, 2, 4, 8, 16, 32].into_iter().fold(bits, |bits, by| bits ^ bits << by)
}
