//! Scans of one value after the other, with a memory of how they are built.

use std::sync::Arc;

use super::block::Kinds;
use super::shape::Shapes;
use super::walk::{scan, size, utf8, walk};
use super::{Check, Malformed, Paths, Slot};

/// Of two documents one that is built as another before it is enough to go on comparing: it saves more than the others cost.
const MATCH: u32 = 2;
pub(super) const TRUST_AT_FIRST: u32 = 16;
const TRUST_MAX: u32 = 32;
/// Documents that are not compared after comparing was of no use; each time twice as many, up to 2^[`PAUSES_MAX`] times these.
pub(super) const PAUSE: u32 = 64;
pub(super) const PAUSES_MAX: u32 = 8;

/// [`scan`](super::scan) for one value after the other: the same results, in less time where values are built like
/// values before.
#[derive(Clone, Debug)]
pub struct Scanner {
    paths: Arc<Paths>,
    shapes: Shapes,
    /// What is left of it ends with the last miss that it allows.
    trust: u32,
    /// Documents that are still not compared.
    pause: u32,
    /// Pauses in a row.
    pauses: u32,
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new(Arc::default())
    }
}

impl Scanner {
    /// A scanner for these paths that has seen nothing.
    pub fn new(paths: Arc<Paths>) -> Self {
        Self { paths, shapes: Shapes::default(), trust: TRUST_AT_FIRST, pause: 0, pauses: 0 }
    }

    /// As [`scan`](super::scan).
    #[inline]
    pub fn scan(
        &mut self,
        value: &[u8],
        check: Check,
        slots: &mut [Slot],
    ) -> Result<(), Malformed> {
        if check == Check::Lazy || self.pause > 0 {
            self.pause = self.pause.saturating_sub(1);
            return scan(&self.paths, value, check, slots);
        }
        size(value)?;
        let kinds = Kinds::of(value);
        if kinds.beyond_ascii {
            utf8(value)?;
        }
        slots.fill(Slot::Missing);
        if self.shapes.fill(value, kinds, slots) {
            self.trust = (self.trust + MATCH).min(TRUST_MAX);
            if self.trust == TRUST_MAX {
                self.pauses = 0;
            }
            return Ok(());
        }
        self.scan_unknown(value, slots)
    }

    /// Whether the next document is compared with those before.
    #[cfg(test)]
    pub(super) fn compares(&self) -> bool {
        self.pause == 0
    }

    #[inline(never)]
    fn scan_unknown(&mut self, value: &[u8], slots: &mut [Slot]) -> Result<(), Malformed> {
        walk(&self.paths, value, Check::Whole, slots)?;
        self.trust -= 1;
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
