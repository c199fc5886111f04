//! What an operator reads: one line for each pipeline a minute, one for each end of a worker.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::lifecycle::Effect;
use super::unit::Unit;
use crate::model::{Stage, WorkerId};
use crate::worker::{Counters, Exit, Fault, FaultKind, Gauges};

/// Sums over the workers of a pipeline.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    consumed: u64,
    produced: u64,
    filtered: u64,
    missing: u64,
    dropped: u64,
    dead_lettered: u64,
    aborted: u64,
    lost: u64,
}

/// What happened since the last time.
pub(super) fn log(unit: &mut Unit) {
    let now = totals(unit);
    let last = std::mem::replace(&mut unit.reported, now);
    let since = |of: fn(&Totals) -> u64| of(&now).saturating_sub(of(&last));
    tracing::info!(
        pipeline = %unit.name(),
        "in" = since(|t| t.consumed),
        out = since(|t| t.produced),
        filtered = since(|t| t.filtered),
        missing_field = since(|t| t.missing),
        dropped = since(|t| t.dropped),
        dead_lettered = since(|t| t.dead_lettered),
        aborted_windows = since(|t| t.aborted),
        lost = since(|t| t.lost),
        lag = gauge(unit, |g| &g.lag),
        partitions = gauge(unit, |g| &g.partitions),
        "records since the last report"
    );
}

fn gauge(unit: &Unit, of: impl Fn(&Gauges) -> &AtomicU64) -> u64 {
    unit.workers.iter().map(|w| of(&w.gauges).load(Relaxed)).sum()
}

fn sum(unit: &Unit, of: impl Fn(&Counters) -> &AtomicU64) -> u64 {
    unit.workers.iter().map(|w| of(&w.counters).load(Relaxed)).sum()
}

fn totals(unit: &Unit) -> Totals {
    let many = |of: fn(&Counters) -> &[AtomicU64; Stage::COUNT]| {
        unit.workers.iter().flat_map(|w| of(&w.counters)).map(|n| n.load(Relaxed)).sum()
    };
    Totals {
        consumed: sum(unit, |c| &c.consumed),
        produced: sum(unit, |c| &c.produced),
        filtered: sum(unit, |c| &c.filtered),
        missing: sum(unit, |c| &c.missing),
        dropped: many(|c| &c.dropped),
        dead_lettered: many(|c| &c.dead_lettered),
        aborted: sum(unit, |c| &c.aborted),
        lost: sum(unit, |c| &c.lost),
    }
}

/// The end of a worker, said once: the same fault again is no news.
pub(super) fn exit(id: &WorkerId, exit: &Exit, effect: Effect, said: &mut Option<String>) {
    match exit {
        Exit::Drained => tracing::info!(worker = %id, "worker ended"),
        Exit::Halted(why) => {
            tracing::error!(worker = %id, "pipeline halted: {why}");
        }
        Exit::Fault(fault) => {
            let again = match effect {
                Effect::Arm(base) => format!("{} s", base.as_secs_f32()),
                Effect::Spawn | Effect::AbandonAndSpawn => "now".to_owned(),
                Effect::None
                | Effect::Disarm
                | Effect::RequestStop
                | Effect::Abandon
                | Effect::HaltPipeline => "no further attempt".to_owned(),
            };
            let text = format!("{fault}; {}", fault.kind.hint());
            // How a broker is away differs from one attempt to the next; that it is away is no news then.
            let news = if fault.kind == FaultKind::BrokerAway {
                fault.kind.as_str().to_owned()
            } else {
                text.clone()
            };
            if said.as_ref() == Some(&news) {
                tracing::debug!(worker = %id, fault = fault.kind.as_str(), next_attempt = again, "{text}");
            } else {
                tracing::warn!(worker = %id, fault = fault.kind.as_str(), next_attempt = again, "{text}");
                *said = Some(news);
            }
        }
    }
}

/// Another daemon is in a worker's way.
pub(super) fn fenced(id: &WorkerId, fault: &Fault) {
    let (kind, hint) = (fault.kind.as_str(), fault.kind.hint());
    tracing::warn!(worker = %id, fault = kind, "another producer takes this worker's transactional id away again and again; {hint}; nothing is lost or doubled, and each makes the other slow: {fault}");
}

/// A worker is made anew because it does nothing.
pub(super) fn stalled(id: &WorkerId, waited: Duration, gauges: &Gauges) {
    tracing::warn!(
        worker = %id,
        lag = gauges.lag.load(Relaxed),
        partitions = gauges.partitions.load(Relaxed),
        waited_s = waited.as_secs(),
        "the worker has work and commits nothing: its clients are made anew"
    );
}
