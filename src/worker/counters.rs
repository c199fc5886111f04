//! What a worker has done, for those who ask: plain atomics, written once a window.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::model::Stage;

/// Totals since the worker's first start, over all its attempts, which only add; a window counts when it is committed, so an aborted one does not count twice.
#[derive(Debug, Default)]
pub struct Counters {
    /// Input records.
    pub consumed: AtomicU64,
    /// Output records, dead letters not included.
    pub produced: AtomicU64,
    /// Records that a filter did not let pass.
    pub filtered: AtomicU64,
    /// Records that went on to at least one sink.
    pub routed: AtomicU64,
    /// Records for which a field that a predicate compares was missing, and that went on as "not true".
    pub missing: AtomicU64,
    /// Records that went nowhere because a policy says drop, by stage in the order of [`Stage::ALL`].
    pub dropped: [AtomicU64; Stage::COUNT],
    /// Dead letters, by stage in the order of [`Stage::ALL`].
    pub dead_lettered: [AtomicU64; Stage::COUNT],
    /// Windows that were committed.
    pub windows: AtomicU64,
    /// Windows that were aborted and done again.
    pub aborted: AtomicU64,
    /// Producers that had to be made anew.
    pub rebuilt: AtomicU64,
    /// Records that `at_most_once` has lost: a sink refused them after their offsets were committed, without a dead letter.
    pub lost: AtomicU64,
}

/// Where one attempt of a worker is now. No other attempt writes it: one that was left behind may still do so.
#[derive(Debug, Default)]
pub struct Gauges {
    /// Records between the worker's positions and the partitions' ends.
    pub lag: AtomicU64,
    /// Partitions that it has.
    pub partitions: AtomicU64,
}

/// What one window did, before it is committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// See [`Counters::consumed`].
    pub consumed: u64,
    /// See [`Counters::produced`].
    pub produced: u64,
    /// See [`Counters::filtered`].
    pub filtered: u64,
    /// See [`Counters::routed`].
    pub routed: u64,
    /// See [`Counters::missing`].
    pub missing: u64,
    /// See [`Counters::dropped`].
    pub dropped: [u64; Stage::COUNT],
    /// See [`Counters::dead_lettered`].
    pub dead_lettered: [u64; Stage::COUNT],
}

impl Tally {
    /// A stage's place in the arrays.
    pub fn slot(counts: &mut [u64; Stage::COUNT], stage: Stage) -> &mut u64 {
        let [decode, validate, expression, sink, unmatched] = counts;
        match stage {
            Stage::Decode => decode,
            Stage::Validate => validate,
            Stage::Expression => expression,
            Stage::Sink => sink,
            Stage::Unmatched => unmatched,
        }
    }
}

impl Gauges {
    /// The worker has ended: it has no partitions, and nobody knows their lag.
    pub fn has_nothing(&self) {
        self.lag.store(0, Relaxed);
        self.partitions.store(0, Relaxed);
    }
}

impl Counters {
    /// A window was committed.
    pub fn commit(&self, tally: &Tally) {
        self.consumed.fetch_add(tally.consumed, Relaxed);
        self.produced.fetch_add(tally.produced, Relaxed);
        self.filtered.fetch_add(tally.filtered, Relaxed);
        self.routed.fetch_add(tally.routed, Relaxed);
        self.missing.fetch_add(tally.missing, Relaxed);
        for (total, count) in self.dropped.iter().zip(tally.dropped) {
            total.fetch_add(count, Relaxed);
        }
        for (total, count) in self.dead_lettered.iter().zip(tally.dead_lettered) {
            total.fetch_add(count, Relaxed);
        }
        self.windows.fetch_add(1, Relaxed);
    }
}
