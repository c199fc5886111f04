//! Scans of one value after the other, with a memory of how they are built.

use std::sync::Arc;

use super::block::Kinds;
use super::shape::Shapes;
use super::walk::{scan, size, utf8, walk};
use super::{Check, Malformed, Paths, Slot};

/// A document that is built as one before it saves about half of a walk. One that is not costs the comparison up to where it
/// differs, mostly no more than another half, and at times the learning. So comparing goes on while two of three are known. A
/// malformed one counts for nothing.
const KNOWN: u32 = 1;
const UNKNOWN: u32 = 2;
/// What unknown documents may use up before a pause: at first, and where all were known for long.
pub(super) const TRUST_AT_FIRST: u32 = 32;
pub(super) const TRUST_MAX: u32 = 64;
/// Documents that a pause lets pass without comparing; each pause is twice as long as the one before, [`PAUSES_MAX`] times, until
/// there is full trust again.
pub(super) const PAUSE: u32 = 64;
pub(super) const PAUSES_MAX: u32 = 8;

/// [`scan`] for one value after the other, always with the same paths: the same results, in less time where values are built
/// like values before.
#[derive(Clone, Debug)]
pub struct Scanner {
    paths: Arc<Paths>,
    shapes: Shapes,
    trust: u32,
    /// Documents until comparing goes on.
    pause: u32,
    /// Pauses since there was full trust.
    pauses: u32,
}

impl Scanner {
    /// A scanner for these paths that has seen nothing.
    pub fn new(paths: Arc<Paths>) -> Self {
        Self { paths, shapes: Shapes::default(), trust: TRUST_AT_FIRST, pause: 0, pauses: 0 }
    }

    /// What it looks for.
    pub fn paths(&self) -> &Arc<Paths> {
        &self.paths
    }

    /// As [`scan`].
    #[inline]
    pub fn scan(
        &mut self,
        value: &[u8],
        check: Check,
        slots: &mut [Slot],
    ) -> Result<(), Malformed> {
        // A lazy scan ends at the last path, mostly sooner than a comparison could.
        if check == Check::Lazy {
            return scan(&self.paths, value, check, slots);
        }
        if self.pause > 0 {
            self.pause -= 1;
            return scan(&self.paths, value, check, slots);
        }
        size(value)?;
        let kinds = Kinds::of(value);
        if kinds.beyond_ascii {
            utf8(value)?;
        }
        slots.fill(Slot::Missing);
        if !self.shapes.fill(value, kinds, slots) {
            return self.scan_unknown(value, slots);
        }
        if self.trust < TRUST_MAX {
            self.trust += KNOWN;
        } else {
            self.pauses = 0;
        }
        Ok(())
    }

    /// How many documents will pass before the next one is compared.
    #[cfg(test)]
    pub(super) fn pause(&self) -> u32 {
        self.pause
    }

    #[inline(never)]
    fn scan_unknown(&mut self, value: &[u8], slots: &mut [Slot]) -> Result<(), Malformed> {
        walk(&self.paths, value, Check::Whole, slots)?;
        self.trust = self.trust.saturating_sub(UNKNOWN);
        if self.trust > 0 {
            self.shapes.learn(value, slots);
        } else {
            self.shapes.forget();
            self.trust = TRUST_AT_FIRST;
            self.pause = PAUSE << self.pauses;
            self.pauses = (self.pauses + 1).min(PAUSES_MAX);
        }
        Ok(())
    }
}
