//! What an operator reads: one line for each pipeline a minute, one for each end of a worker.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::lifecycle::Effect;
use crate::model::{PipelineName, Stage, WorkerId};
use crate::worker::{Counters, Exit, FaultKind};

/// The counters of all workers, by pipeline, with what was reported last.
#[derive(Default)]
pub(super) struct Report(BTreeMap<PipelineName, Lines>);

#[derive(Default)]
struct Lines {
    workers: Vec<Arc<Counters>>,
    last: Totals,
}

#[derive(Clone, Copy, Default)]
struct Totals {
    consumed: u64,
    produced: u64,
    filtered: u64,
    missing: u64,
    dropped: u64,
    dead_lettered: u64,
    aborted: u64,
    lost: u64,
}

impl Report {
    pub(super) fn add(&mut self, pipeline: &PipelineName, counters: &Arc<Counters>) {
        self.0.entry(pipeline.clone()).or_default().workers.push(Arc::clone(counters));
    }

    /// What happened since the last time.
    pub(super) fn log(&mut self) {
        for (pipeline, lines) in &mut self.0 {
            let now = lines.totals();
            let last = std::mem::replace(&mut lines.last, now);
            tracing::info!(
                %pipeline,
                "in" = now.consumed - last.consumed,
                out = now.produced - last.produced,
                filtered = now.filtered - last.filtered,
                missing_field = now.missing - last.missing,
                dropped = now.dropped - last.dropped,
                dead_lettered = now.dead_lettered - last.dead_lettered,
                aborted_windows = now.aborted - last.aborted,
                lost = now.lost - last.lost,
                lag = lines.gauge(|c| &c.lag),
                partitions = lines.gauge(|c| &c.partitions),
                "records since the last report"
            );
        }
    }
}

impl Lines {
    fn gauge(&self, of: impl Fn(&Counters) -> &AtomicU64) -> u64 {
        self.workers.iter().map(|c| of(c).load(Relaxed)).sum()
    }

    fn totals(&self) -> Totals {
        let many = |of: fn(&Counters) -> &[AtomicU64; Stage::COUNT]| {
            self.workers.iter().flat_map(|c| of(c)).map(|n| n.load(Relaxed)).sum()
        };
        Totals {
            consumed: self.gauge(|c| &c.consumed),
            produced: self.gauge(|c| &c.produced),
            filtered: self.gauge(|c| &c.filtered),
            missing: self.gauge(|c| &c.missing),
            dropped: many(|c| &c.dropped),
            dead_lettered: many(|c| &c.dead_lettered),
            aborted: self.gauge(|c| &c.aborted),
            lost: self.gauge(|c| &c.lost),
        }
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
                Effect::None
                | Effect::Spawn
                | Effect::Disarm
                | Effect::RequestStop
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
