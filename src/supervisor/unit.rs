//! One pipeline at work: its workers, what rules them, and what they wait for.
//!
//! A pipeline that is restarted is another unit: the old one leaves, the new one waits for its end. So the newest definition
//! is never lost, however slowly the old one drains.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::Instant;

use super::lifecycle::State;
use super::measures::Restart;
use super::report::{self, Totals};
use super::thread::WorkerThread;
use crate::model::{InstanceId, PipelineName, WorkerId};
use crate::worker::{Breakdown, Counters, Edition, Fault, FaultKind, Gauges, Rules};

/// Partitions, lag, and no committed window for so long: the worker is made anew. Twice as long each time that did not help.
const STALL_FIRST: Duration = Duration::from_mins(5);
const STALL_LONGEST: Duration = Duration::from_hours(1);

/// A pipeline's workers.
pub(super) struct Unit {
    pub(super) edition: Edition,
    /// Shared with the workers.
    pub(super) rules: Arc<Rules>,
    /// A swap that the first worker is asked about.
    pub(super) offer: Option<Offer>,
    /// What ruled before an edition that no worker could be asked about, until one is up with it.
    pub(super) untried: Option<Edition>,
    pub(super) workers: Vec<Worker>,
    /// What workers beyond today's number have done under this name: a counter never goes back.
    pub(super) former: Vec<Arc<Counters>>,
    /// What all of them have done together, by route and topic.
    pub(super) breakdown: Arc<Breakdown>,
    /// How often a worker began anew, and why.
    pub(super) restarts: BTreeMap<Restart, u64>,
    /// Workers that have not taken yet what rules now.
    pub(super) following: BTreeSet<u16>,
    /// Units that must have gone before this one starts.
    pub(super) waits_for: BTreeSet<u64>,
    pub(super) life: Life,
    /// An operator paused it.
    pub(super) is_held: bool,
    /// Why the last swap was not taken.
    pub(super) refused: Option<Fault>,
    pub(super) reported: Totals,
    /// What was said last: the same fault again, of any of its workers, is no news.
    pub(super) said: Option<String>,
}

/// Where a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// For others to go.
    Waits,
    /// Its workers were told to start.
    Runs,
    /// Its workers were told to end.
    Leaves,
}

pub(super) struct Offer {
    pub(super) edition: Edition,
    /// The one that is asked first; the others follow when it has taken it.
    pub(super) asked: u16,
}

pub(super) struct Worker {
    pub(super) id: WorkerId,
    pub(super) counters: Arc<Counters>,
    /// Of this attempt alone.
    pub(super) gauges: Arc<Gauges>,
    pub(super) state: State,
    /// Counts the threads: the news of an older one change nothing.
    pub(super) attempt: u64,
    /// The edition that this attempt began with.
    pub(super) began_with: u64,
    /// The edition that it has by what it told.
    pub(super) took: u64,
    pub(super) thread: Option<WorkerThread>,
    pub(super) timer: Option<Instant>,
    /// Why it does not run, or not as it should.
    pub(super) trouble: Option<Trouble>,
    pub(super) stalls: u64,
    progress: Progress,
}

/// Why a worker does not run, or not as it should.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    Fault(Fault),
    Halted(String),
    /// Too many of its pipeline are left behind for another one to start.
    Crowded(String),
}

struct Progress {
    /// Of the attempt that is looked at: one that was left behind may commit on, and moves nothing for its successor.
    windows: u64,
    since: Instant,
    limit: Duration,
}

impl Unit {
    pub(super) fn new(edition: Edition, instance: &InstanceId, before: Option<&Self>) -> Self {
        let pipeline = &edition.pipeline;
        let numbers = 0..NonZeroU16::get(pipeline.workers);
        let same_name = before.filter(|unit| *unit.name() == pipeline.name);
        let counters = same_name.map(Self::counters).unwrap_or_default();
        let breakdown = same_name.map(|unit| Arc::clone(&unit.breakdown)).unwrap_or_default();
        breakdown.expect(pipeline);
        let workers = numbers
            .map(|number| {
                let id = WorkerId {
                    pipeline: pipeline.name.clone(),
                    instance: instance.clone(),
                    number,
                };
                let number = usize::from(number);
                let stalls = same_name.and_then(|u| u.workers.get(number)).map_or(0, |w| w.stalls);
                let fresh = || Arc::new(Counters::in_pipeline(&breakdown));
                Worker::new(id, counters.get(number).cloned().unwrap_or_else(fresh), stalls)
            })
            .collect();
        let former = counters.into_iter().skip(Vec::len(&workers)).collect();
        Self {
            rules: Arc::new(Rules::new(edition.clone())),
            edition,
            offer: None,
            untried: None,
            following: BTreeSet::new(),
            workers,
            former,
            breakdown,
            restarts: same_name.map(|unit| unit.restarts.clone()).unwrap_or_default(),
            waits_for: BTreeSet::new(),
            life: Life::Waits,
            is_held: false,
            refused: None,
            reported: before.map(|unit| unit.reported).unwrap_or_default(),
            said: None,
        }
    }

    pub(super) fn name(&self) -> &PipelineName {
        &self.edition.pipeline.name
    }

    /// Of all workers that its name ever had here, by their numbers.
    pub(super) fn counters(&self) -> Vec<Arc<Counters>> {
        self.workers.iter().map(|w| &w.counters).chain(&self.former).map(Arc::clone).collect()
    }

    pub(super) fn is_paused(&self) -> bool {
        self.is_held || self.edition.pipeline.paused
    }

    /// Lets the workers know; those without a thread are told when they start.
    pub(super) fn tell_pause(&self) {
        for thread in self.workers.iter().filter_map(|w| w.thread.as_ref()) {
            if self.is_paused() {
                thread.control.pause();
            } else {
                thread.control.resume();
            }
        }
    }

    /// Whether a swap is under way.
    pub(super) fn is_swapping(&self) -> bool {
        self.offer.is_some() || self.untried.is_some() || !self.following.is_empty()
    }

    /// Whether a swap that is under way may be over soon. One that waits for a next attempt, or for an operator, may take
    /// any time.
    pub(super) fn is_swapping_now(&self) -> bool {
        let tries = |worker: &Worker| match worker.state {
            State::Starting { .. }
            | State::Running { .. }
            | State::Paused { .. }
            | State::Draining { .. }
            | State::Stopped => true,
            State::BackingOff { .. } | State::Halted => false,
        };
        self.offer.is_some()
            || !self.following.is_empty()
            || (self.untried.is_some() && self.workers.iter().any(tries))
    }

    /// What is known to be good: what rules, but where no worker has been up with that yet.
    pub(super) fn tried(&self) -> &Edition {
        self.untried.as_ref().unwrap_or(&self.edition)
    }

    pub(super) fn has_gone(&self) -> bool {
        self.life == Life::Leaves && self.workers.iter().all(|w| w.state == State::Stopped)
    }
}

impl Worker {
    fn new(id: WorkerId, counters: Arc<Counters>, stalls: u64) -> Self {
        let progress = Progress { windows: 0, since: Instant::now(), limit: STALL_FIRST };
        Self {
            id,
            counters,
            gauges: Arc::default(),
            state: State::Stopped,
            attempt: 0,
            began_with: 0,
            took: 0,
            thread: None,
            timer: None,
            trouble: None,
            stalls,
            progress,
        }
    }

    /// It goes on, with another daemon that undoes what it begins: said once in an attempt of the worker, and shown
    /// for as long as that lasts.
    pub(super) fn note_fence(&mut self, cause: String) {
        let fault = Fault::new(FaultKind::Fenced, cause);
        if !self.knows_fence() {
            report::fenced(&self.id, &fault);
        }
        self.trouble = Some(Trouble::Fault(fault));
    }

    pub(super) fn forget_fence(&mut self) {
        if self.knows_fence() {
            self.trouble = None;
        }
    }

    fn knows_fence(&self) -> bool {
        matches!(&self.trouble, Some(Trouble::Fault(fault)) if fault.kind == FaultKind::Fenced)
    }

    /// Whether it has had partitions and work for too long without finishing anything.
    pub(super) fn is_stalled(&mut self, now: Instant) -> bool {
        let windows = self.gauges.committed.load(Relaxed);
        let has_work =
            self.gauges.partitions.load(Relaxed) > 0 && self.gauges.lag.load(Relaxed) > 0;
        let works = matches!(self.state, State::Running { .. });
        let progress = &mut self.progress;
        // Fewer are those of a new attempt, which is not better by that alone.
        if windows > progress.windows {
            progress.limit = STALL_FIRST;
        }
        if windows != progress.windows || !has_work || !works {
            progress.windows = windows;
            progress.since = now;
            return false;
        }
        if now.saturating_duration_since(progress.since) < progress.limit {
            return false;
        }
        let waited = progress.limit;
        progress.limit = progress.limit.saturating_mul(2).min(STALL_LONGEST);
        progress.since = now;
        self.stalls = self.stalls.saturating_add(1);
        report::stalled(&self.id, waited, &self.gauges);
        true
    }
}
