//! Who looks on while a program decides: nobody in the daemon, a recorder in `test` and `explain`.

use crate::expression::Verdict;
use crate::model::Record;

/// Sees what is decided, in the order in which it is.
pub trait Witness {
    /// Whether it looks on at all: where nobody does, routes may be found by a shorter way.
    const LOOKS_ON: bool = true;

    /// The record comes to the step with that index, and is like this.
    fn reached(&mut self, step: usize, record: &Record<'_>);
    /// The predicate of the filter with that index in `steps` has a verdict on the record as it is there.
    fn filter(&mut self, step: usize, verdict: Verdict, record: &Record<'_>);
    /// The record has come through the step with that index, and is now like this.
    fn passed(&mut self, step: usize, record: &Record<'_>);
    /// The route with that index has a verdict on the record as it is there; one without `when` is true.
    fn route(&mut self, route: usize, verdict: Verdict, record: &Record<'_>);
    /// The sink with that index has an expression for the key, and will have what it makes of the record as it is there.
    fn key(&mut self, sink: usize, record: &Record<'_>);
}

/// Nobody looks on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nobody;

impl Witness for Nobody {
    const LOOKS_ON: bool = false;

    #[inline]
    fn reached(&mut self, _step: usize, _record: &Record<'_>) {}
    #[inline]
    fn filter(&mut self, _step: usize, _verdict: Verdict, _record: &Record<'_>) {}
    #[inline]
    fn passed(&mut self, _step: usize, _record: &Record<'_>) {}
    #[inline]
    fn route(&mut self, _route: usize, _verdict: Verdict, _record: &Record<'_>) {}
    #[inline]
    fn key(&mut self, _sink: usize, _record: &Record<'_>) {}
}
