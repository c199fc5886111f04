//! What goes between a supervisor and a worker: the job, what is asked of it meanwhile, and what it tells.
//!
//! Requests are looked at between windows only, so none of them ever cuts one: an open window is closed for them first.

use std::fmt;
use std::sync::atomic::{
    AtomicBool, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};
use std::sync::{Arc, Mutex, PoisonError};

use super::counters::{Counters, Gauges};
use super::fault::Fault;
use crate::model::WorkerId;
use crate::pipeline::Pipeline;
use crate::program::Program;

/// A pipeline and the program that is made of it; a worker takes both at once.
#[derive(Clone, Debug)]
pub struct Edition {
    /// Which one it is: of two, the higher number is the newer.
    pub number: u64,
    /// What it says.
    pub pipeline: Arc<Pipeline>,
    /// Its steps, routes and dead letters, compiled.
    pub program: Arc<Program>,
}

impl Edition {
    /// Compiles the pipeline.
    pub fn new(number: u64, pipeline: Arc<Pipeline>) -> Self {
        let program = Arc::new(Program::new(&pipeline));
        Self { number, pipeline, program }
    }
}

/// What rules a pipeline in this daemon: the newest edition that one of its workers has taken. All its workers share it.
///
/// A worker that takes an edition publishes it before it reads a record under it, and every worker looks here before it reads:
/// so one to which a partition comes has at least the edition that the partition was read under, however busy the supervisor
/// is.
#[derive(Debug)]
pub struct Rules {
    /// Of what is in the slot: looked at between batches.
    number: AtomicU64,
    newest: Mutex<Edition>,
}

impl Rules {
    /// Begins with this one.
    pub fn new(edition: Edition) -> Self {
        Self { number: AtomicU64::new(edition.number), newest: Mutex::new(edition) }
    }

    /// It rules from now on, unless a newer one does.
    pub fn publish(&self, edition: &Edition) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if edition.number > newest.number {
            newest.clone_from(edition);
            self.number.store(edition.number, Release);
        }
    }

    /// What rules, where that is newer.
    pub(super) fn newer_than(&self, edition: &Edition) -> Option<Edition> {
        if self.number.load(Acquire) <= edition.number {
            return None;
        }
        Some(self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// What the supervisor asks of a worker; looked at between batches.
#[derive(Debug, Default)]
pub struct Control {
    stop: AtomicBool,
    paused: AtomicBool,
    offered: AtomicBool,
    offer: Mutex<Option<Edition>>,
}

impl Control {
    /// Asks it to finish or abort its window, leave the group, and end.
    pub fn request_stop(&self) {
        self.stop.store(true, Relaxed);
    }

    /// Whether it is to end.
    pub fn stop_requested(&self) -> bool {
        self.stop.load(Relaxed)
    }

    /// Asks it to read nothing and to stay in its group all the same.
    pub fn pause(&self) {
        self.paused.store(true, Relaxed);
    }

    /// Asks it to go on.
    pub fn resume(&self) {
        self.paused.store(false, Relaxed);
    }

    /// Whether it is to read nothing.
    pub fn is_paused(&self) -> bool {
        self.paused.load(Relaxed)
    }

    /// Offers another edition for the next window, in place of one that was offered before and not taken yet.
    pub fn offer(&self, edition: Edition) {
        *self.offer.lock().unwrap_or_else(PoisonError::into_inner) = Some(edition);
        self.offered.store(true, Relaxed);
    }

    pub(super) fn is_offered(&self) -> bool {
        self.offered.load(Relaxed)
    }

    /// What was offered and not taken yet; it is offered no more.
    pub fn take_offer(&self) -> Option<Edition> {
        self.offered.store(false, Relaxed);
        self.offer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What a worker tells while it runs; each of them seldom.
#[derive(Clone, Debug)]
pub enum News {
    /// Its clients are up: it asks for its partitions.
    Ready,
    /// Its first window is committed.
    Committed,
    /// It reads nothing; its partitions stay with it.
    Paused,
    /// It reads again.
    Resumed,
    /// An edition rules its next window: the one that was offered, or the one that another worker of its pipeline has taken.
    Taken(Edition),
    /// The offered edition cannot be taken; the one before goes on.
    Refused(Edition, Fault),
    /// Another producer takes its transactional id away again and again; what it met last. It goes on.
    Fenced(String),
    /// That is over.
    Unfenced,
}

/// Where a worker tells its news.
pub struct Tell(Box<dyn Fn(News) + Send>);

impl Tell {
    /// Calls the function for each of the news.
    pub fn new(tell: impl Fn(News) + Send + 'static) -> Self {
        Self(Box::new(tell))
    }

    /// Tells it; a supervisor that is busy is waited for.
    pub fn say(&self, news: News) {
        (self.0)(news);
    }
}

impl Default for Tell {
    fn default() -> Self {
        Self::new(drop)
    }
}

impl fmt::Debug for Tell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tell")
    }
}

/// What a worker works at.
#[derive(Debug)]
pub struct Job {
    /// Who it is.
    pub id: WorkerId,
    /// What it begins with.
    pub edition: Edition,
    /// What the workers of its pipeline go by.
    pub rules: Arc<Rules>,
    /// What it has done.
    pub counters: Arc<Counters>,
    /// Where it is; its own, and that of no other attempt.
    pub gauges: Arc<Gauges>,
    /// What is asked of it.
    pub control: Arc<Control>,
    /// Where it tells its news.
    pub tell: Tell,
}
