//! Where each pipeline is, for those who ask: one copy of everything at one moment.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::Serialize;

use super::Supervisor;
use super::left;
use super::lifecycle::State;
use super::measures::Measures;
use super::unit::{Life, Trouble, Unit, Worker};
use crate::model::Stage;
use crate::worker::{Counters, Gauges};

/// One pipeline.
#[derive(Clone, Debug, Serialize)]
pub struct PipelineStatus {
    /// Its name.
    pub name: String,
    /// Of its workers' states the one that needs most attention.
    pub state: &'static str,
    /// Who paused it: `file`, `operator`, both or nobody.
    pub paused_by: Vec<&'static str>,
    /// Why its newest definition is not taken.
    pub refused: Option<Reason>,
    /// A swap that is not taken yet by all its workers.
    pub swapping: bool,
    /// Workers by its name that did not end when they were told to and are still there, besides those that are shown.
    pub left_behind: usize,
    /// Whether none of them has taken it: then the definition before is the good one.
    #[serde(skip)]
    pub untaken: bool,
    /// For people.
    pub description: Option<String>,
    /// Free words.
    pub labels: std::collections::BTreeMap<String, String>,
    /// The cluster.
    pub cluster: String,
    /// The consumer group.
    pub group: String,
    /// The guarantee.
    pub delivery: &'static str,
    /// Sums over the workers.
    pub totals: Totals,
    /// By their numbers.
    pub workers: Vec<WorkerStatus>,
    /// What metrics are made of; no part of the status document.
    #[serde(skip)]
    pub measures: Measures,
}

/// One worker.
#[derive(Clone, Debug, Serialize)]
pub struct WorkerStatus {
    /// Its number.
    pub number: u16,
    /// Where it is.
    pub state: &'static str,
    /// Attempts in a row that failed.
    pub failures: u32,
    /// Threads that it has had.
    pub attempts: u64,
    /// How often it was made anew because it did nothing.
    pub stalls: u64,
    /// Why it does not run, or not as it should.
    pub reason: Option<Reason>,
    /// What it has done.
    pub totals: Totals,
}

/// Why something is not as it was asked for.
#[derive(Clone, Debug, Serialize)]
pub struct Reason {
    /// What kind of help it needs; `halted` for a `stop` policy.
    pub kind: &'static str,
    /// What happened.
    pub text: String,
    /// What helps.
    pub hint: &'static str,
}

/// Since the worker's first start; `lag` and `partitions` are of this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Input records.
    pub consumed: u64,
    /// Output records.
    pub produced: u64,
    /// Records that a filter did not let pass.
    pub filtered: u64,
    /// Records for which a field that a predicate compares was missing: the predicate was not true of them.
    pub missing_field: u64,
    /// Records that a policy dropped.
    pub dropped: u64,
    /// Dead letters.
    pub dead_lettered: u64,
    /// Records that `at_most_once` lost.
    pub lost: u64,
    /// Windows that were committed.
    pub windows: u64,
    /// Windows that were aborted and done again.
    pub aborted: u64,
    /// Records that are there and not read.
    pub lag: u64,
    /// Partitions that it has.
    pub partitions: u64,
}

impl Totals {
    fn of(counters: &Counters, gauges: &Gauges) -> Self {
        let sum = |all: &[AtomicU64; Stage::COUNT]| all.iter().map(|n| n.load(Relaxed)).sum();
        Self {
            consumed: counters.consumed.load(Relaxed),
            produced: counters.produced.load(Relaxed),
            filtered: counters.filtered.load(Relaxed),
            missing_field: counters.missing.load(Relaxed),
            dropped: sum(&counters.dropped),
            dead_lettered: sum(&counters.dead_lettered),
            lost: counters.lost.load(Relaxed),
            windows: counters.windows.load(Relaxed),
            aborted: counters.aborted.load(Relaxed),
            lag: gauges.lag.load(Relaxed),
            partitions: gauges.partitions.load(Relaxed),
        }
    }

    fn plus(self, other: &Self) -> Self {
        Self {
            consumed: self.consumed + other.consumed,
            produced: self.produced + other.produced,
            filtered: self.filtered + other.filtered,
            missing_field: self.missing_field + other.missing_field,
            dropped: self.dropped + other.dropped,
            dead_lettered: self.dead_lettered + other.dead_lettered,
            lost: self.lost + other.lost,
            windows: self.windows + other.windows,
            aborted: self.aborted + other.aborted,
            lag: self.lag + other.lag,
            partitions: self.partitions + other.partitions,
        }
    }
}

impl Supervisor {
    pub(super) fn status(&self) -> Vec<PipelineStatus> {
        let is_shown = |u: &&Unit| u.stays() || self.unit_of(u.name()).is_none();
        let of = |unit: &Unit| of_unit(unit, self.left.of(unit.name()));
        let mut all: Vec<_> = self.units.values().filter(is_shown).map(of).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }
}

fn of_unit(unit: &Unit, left_behind: usize) -> PipelineStatus {
    let pipeline = &unit.edition.pipeline;
    let workers: Vec<_> = unit.workers.iter().map(of_worker).collect();
    let totals = workers.iter().fold(Totals::default(), |sum, w| sum.plus(&w.totals));
    let paused_by = [("file", pipeline.paused), ("operator", unit.is_held)];
    PipelineStatus {
        name: pipeline.name.to_string(),
        state: state(unit),
        paused_by: paused_by.into_iter().filter(|(_, is)| *is).map(|(by, _)| by).collect(),
        refused: unit.refused.as_ref().map(of_fault),
        swapping: unit.is_swapping(),
        left_behind,
        untaken: unit.offer.is_some() || unit.untried.is_some(),
        description: pipeline.description.clone(),
        labels: pipeline.labels.clone(),
        cluster: pipeline.cluster.to_string(),
        group: pipeline.source.group.to_string(),
        delivery: pipeline.delivery.guarantee().as_str(),
        totals,
        workers,
        measures: Measures::of(unit),
    }
}

/// The worst of the workers' states.
fn state(unit: &Unit) -> &'static str {
    if unit.life == Life::Waits {
        return "starting";
    }
    let weight = |state: State| match state {
        State::Halted => 6,
        State::BackingOff { .. } => 5,
        State::Draining { .. } => 4,
        State::Starting { .. } => 3,
        State::Paused { .. } => 2,
        State::Running { .. } => 1,
        State::Stopped => 0,
    };
    let worst = unit.workers.iter().map(|w| w.state).max_by_key(|s| weight(*s));
    worst.unwrap_or(State::Stopped).as_str()
}

fn of_worker(worker: &Worker) -> WorkerStatus {
    let reason = worker.trouble.as_ref().map(|trouble| match trouble {
        Trouble::Fault(fault) => of_fault(fault),
        Trouble::Halted(why) => Reason {
            kind: "halted",
            text: why.clone(),
            hint: "change the file, or restart the pipeline once the cause is gone",
        },
        Trouble::Crowded(why) => {
            Reason { kind: "left_behind", text: why.clone(), hint: left::HINT }
        }
    });
    WorkerStatus {
        number: worker.id.number,
        state: worker.state.as_str(),
        failures: worker.state.failures(),
        attempts: worker.attempt,
        stalls: worker.stalls,
        reason,
        totals: Totals::of(&worker.counters, &worker.gauges),
    }
}

fn of_fault(fault: &crate::worker::Fault) -> Reason {
    Reason { kind: fault.kind.as_str(), text: fault.cause.clone(), hint: fault.kind.hint() }
}
