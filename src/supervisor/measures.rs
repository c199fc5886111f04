//! What a pipeline has done and how often it began anew: counts that never go back while its name is there.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::lifecycle::{Effect, Event};
use super::unit::Unit;
use crate::model::Stage;
use crate::worker::{ByName, Counters, Exit, FaultKind, Gauges, Shares};

/// Since the daemon's start, or since the pipeline came; `lag` and `partitions` are of this moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measures {
    /// Input records by topic.
    pub consumed: ByName,
    /// Records that a filter did not let pass.
    pub filtered: u64,
    /// Records for which a field that a predicate compares was missing.
    pub missing: u64,
    /// Records that went on to their sinks, by route.
    pub routed: ByName,
    /// Output records by topic, dead letters not included.
    pub produced: ByName,
    /// Dead letters, by stage in the order of [`Stage::ALL`].
    pub dead_lettered: [u64; Stage::COUNT],
    /// Records that a policy dropped, by stage in the order of [`Stage::ALL`].
    pub dropped: [u64; Stage::COUNT],
    /// Records that `at_most_once` lost.
    pub lost: u64,
    /// Windows that were committed.
    pub committed: u64,
    /// Windows that were aborted and done again.
    pub aborted: u64,
    /// Records that are there and not read, by topic, as its workers have measured it last; of the topics of `consumed`.
    pub lag: ByName,
    /// Partitions that its workers have.
    pub partitions: u64,
    /// How often it began anew, for each reason that there is.
    pub restarts: BTreeMap<Restart, u64>,
}

/// Why a worker, or all of a pipeline, began anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Restart {
    /// A worker could not go on.
    Fault(FaultKind),
    /// A worker ended though nobody had asked it to.
    Ended,
    /// A worker had work and finished nothing.
    Stalled,
    /// A worker could not take the pipeline's definition while it ran, or waited when it came.
    Replaced,
    /// The pipeline's definition changed in a way that needs it.
    Changed,
    /// An operator asked for it.
    Asked,
}

impl Restart {
    /// All reasons.
    pub fn all() -> impl Iterator<Item = Self> {
        let others = [Self::Ended, Self::Stalled, Self::Replaced, Self::Changed, Self::Asked];
        FaultKind::ALL.into_iter().map(Self::Fault).chain(others)
    }

    /// The word for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fault(kind) => kind.as_str(),
            Self::Ended => "ended",
            Self::Stalled => "stalled",
            Self::Replaced => "replaced",
            Self::Changed => "changed",
            Self::Asked => "asked",
        }
    }

    pub(super) fn count(self, restarts: &mut BTreeMap<Self, u64>) {
        let count = restarts.entry(self).or_default();
        *count = count.saturating_add(1);
    }

    /// The reason, where the effect of an event is that the worker begins anew, now or after a wait.
    pub(super) fn of(event: &Event, effect: Effect) -> Option<Self> {
        let (is_wait, begins_anew) = match effect {
            Effect::Arm(_) => (true, true),
            Effect::Spawn | Effect::RequestStop => (false, true),
            Effect::None
            | Effect::Disarm
            | Effect::Abandon
            | Effect::AbandonAndSpawn
            | Effect::HaltPipeline => (false, false),
        };
        match event {
            // One that was asked to end is spawned at once: that was counted when it was asked.
            Event::Exited(Exit::Fault(fault)) if is_wait => Some(Self::Fault(fault.kind)),
            Event::Exited(Exit::Drained) if is_wait => Some(Self::Ended),
            Event::Stalled if begins_anew => Some(Self::Stalled),
            Event::Replaced if begins_anew => Some(Self::Replaced),
            Event::Start
            | Event::Ready
            | Event::Committed
            | Event::Paused
            | Event::Resumed
            | Event::Exited(Exit::Fault(_) | Exit::Drained | Exit::Halted(_))
            | Event::TimerFired
            | Event::Stalled
            | Event::Halt
            | Event::Replaced
            | Event::Removed => None,
        }
    }
}

impl Measures {
    pub(super) fn of(unit: &Unit) -> Self {
        let all = unit.counters();
        let sum = |of: fn(&Counters) -> &AtomicU64| all.iter().map(|c| of(c).load(Relaxed)).sum();
        let stages = |of: fn(&Counters) -> &[AtomicU64; Stage::COUNT]| {
            all.iter().fold([0_u64; Stage::COUNT], |mut sums, counters| {
                for (sum, count) in sums.iter_mut().zip(of(counters)) {
                    *sum = sum.saturating_add(count.load(Relaxed));
                }
                sums
            })
        };
        // Of those who work now.
        let now = |of: fn(&Gauges) -> &AtomicU64| {
            unit.workers.iter().map(|w| of(&w.gauges).load(Relaxed)).sum()
        };
        // First: a topic gets its count before its lag.
        let lags: Vec<_> = unit.workers.iter().map(|w| w.gauges.lag_by_topic()).collect();
        let Shares { consumed, routed, produced } = unit.breakdown.shares();
        let mut lag = consumed.zeros();
        lags.iter()
            .flat_map(|topics| topics.iter())
            .for_each(|(topic, records)| lag.add(topic, *records));
        Self {
            consumed,
            filtered: sum(|c| &c.filtered),
            missing: sum(|c| &c.missing),
            routed,
            produced,
            dead_lettered: stages(|c| &c.dead_lettered),
            dropped: stages(|c| &c.dropped),
            lost: sum(|c| &c.lost),
            committed: sum(|c| &c.windows),
            aborted: sum(|c| &c.aborted),
            lag,
            partitions: now(|c| &c.partitions),
            restarts: Restart::all()
                .map(|why| (why, unit.restarts.get(&why).copied().unwrap_or(0)))
                .collect(),
        }
    }
}
