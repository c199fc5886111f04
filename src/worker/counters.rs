//! What a worker has done, for those who ask: plain atomics, written once a window.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::breakdown::Breakdown;
use super::offsets::Offsets;
use super::port::Lag;
use crate::model::Stage;
use crate::pipeline::{Pipeline, Routing};

/// Totals since the worker's first start, over all its attempts, which only add; a window counts when it is committed, so an aborted one does not count twice.
#[derive(Debug, Default)]
pub struct Counters {
    /// Input records.
    pub consumed: AtomicU64,
    /// Output records, dead letters not included.
    pub produced: AtomicU64,
    /// Records that a filter did not let pass.
    pub filtered: AtomicU64,
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
    /// What all workers of the pipeline have done together, by route and topic.
    pub breakdown: Arc<Breakdown>,
}

/// Where one attempt of a worker is now. No other attempt writes it: one that was left behind may still do so.
#[derive(Debug, Default)]
pub struct Gauges {
    /// Records between the worker's positions and the partitions' ends.
    pub lag: AtomicU64,
    /// Partitions that it has.
    pub partitions: AtomicU64,
    /// Windows that it has committed.
    pub committed: AtomicU64,
    /// `lag` by topic: of a pattern they may be thousands, and who looks copies none of them.
    lag_by_topic: Mutex<Arc<BTreeMap<String, u64>>>,
}

/// What one window did, before it is committed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// See [`Counters::filtered`].
    pub filtered: u64,
    /// Records that went on to at least one sink.
    pub routed: u64,
    /// See [`Counters::missing`].
    pub missing: u64,
    /// See [`Counters::dropped`].
    pub dropped: [u64; Stage::COUNT],
    /// See [`Counters::dead_lettered`].
    pub dead_lettered: [u64; Stage::COUNT],
    /// Of the records that were routed, those that each route took, in the order of the file.
    pub by_route: Vec<u64>,
    /// Output records of each sink, in the order of [`Pipeline::sinks`].
    pub by_sink: Vec<u64>,
}

impl Tally {
    /// Nothing yet, with a place for each route and sink.
    pub fn of(pipeline: &Pipeline) -> Self {
        let routes = match &pipeline.routing {
            Routing::AllSinks => 0,
            Routing::Routes { routes, .. } => routes.len(),
        };
        let by_sink = vec![0; pipeline.sinks.len()];
        Self { by_route: vec![0; routes], by_sink, ..Self::default() }
    }

    /// Nothing again; allocates nothing.
    pub fn clear(&mut self) {
        let Self { by_route, by_sink, .. } = std::mem::take(self);
        *self = Self { by_route, by_sink, ..Self::default() };
        self.by_route.fill(0);
        self.by_sink.fill(0);
    }

    /// One more at that place.
    #[inline]
    pub fn count(counts: &mut [u64], place: usize) {
        if let Some(count) = counts.get_mut(place) {
            *count += 1;
        }
    }

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
        self.measured(Lag::default());
    }

    /// What it has now.
    pub fn measured(&self, lag: Lag) {
        self.partitions.store(lag.partitions, Relaxed);
        self.lag.store(lag.by_topic.values().sum(), Relaxed);
        *self.locked_lag() = Arc::new(lag.by_topic);
    }

    /// As it was measured last.
    pub fn lag_by_topic(&self) -> Arc<BTreeMap<String, u64>> {
        Arc::clone(&self.locked_lag())
    }

    fn locked_lag(&self) -> MutexGuard<'_, Arc<BTreeMap<String, u64>>> {
        self.lag_by_topic.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counters {
    /// Those of one of a pipeline's workers.
    pub fn in_pipeline(breakdown: &Arc<Breakdown>) -> Self {
        Self { breakdown: Arc::clone(breakdown), ..Self::default() }
    }

    /// A window of the pipeline was committed that has read up to these offsets.
    pub fn commit(&self, tally: &Tally, offsets: &Offsets, pipeline: &Pipeline) {
        let consumed = offsets.records_by_partition().map(|(_, records)| records).sum();
        self.consumed.fetch_add(consumed, Relaxed);
        self.produced.fetch_add(tally.by_sink.iter().sum(), Relaxed);
        self.filtered.fetch_add(tally.filtered, Relaxed);
        self.missing.fetch_add(tally.missing, Relaxed);
        for (total, count) in self.dropped.iter().zip(tally.dropped) {
            total.fetch_add(count, Relaxed);
        }
        for (total, count) in self.dead_lettered.iter().zip(tally.dead_lettered) {
            total.fetch_add(count, Relaxed);
        }
        self.windows.fetch_add(1, Relaxed);
        self.breakdown.commit(tally, offsets, pipeline);
    }
}
