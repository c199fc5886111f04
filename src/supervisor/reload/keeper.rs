//! The one who writes what outlives the process: everybody else puts it here, and waits for a bounded time at most.
//!
//! There is one place for each kind of state, and the newest replaces what waits there. One thread at a time writes, as long as
//! something waits: the pauses first, and what was good last only when no pause waits. So the disk never forgets the name that
//! a pause is known by before it knows the pause by the new one. What could not be written stays where it is, and is written
//! with whatever comes next, or by [`Keeper::again`].

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::generation::Generation;
use super::overview::Overview;
use super::{AGAIN, Memory};
use crate::model::PipelineName;
use crate::supervisor::wanted::LastGood;

/// The disk is waited for so long by whoever has something written; a disk that is known to hang is not waited for at all.
pub(super) const WRITE_MAX: Duration = Duration::from_secs(5);

/// What was good last, and what was and cannot be built now.
pub(super) struct GoodOnes {
    pub(super) last_good: LastGood,
    pub(super) unbuilt: BTreeSet<PipelineName>,
}

/// Shared by whoever has something to keep.
#[derive(Clone)]
pub(super) struct Keeper(Arc<Inner>);

struct Inner {
    memory: Arc<dyn Memory>,
    overview: Overview,
    slot: Mutex<Slot>,
}

/// Told the outcome of the write that has what was put, or something newer.
type Tell = oneshot::Sender<Result<(), String>>;

/// The other end of it; dropped where it waits for something else to be written first.
pub(super) struct Written(oneshot::Receiver<Result<(), String>>);

/// What waits to be written.
#[derive(Default)]
struct Slot {
    pauses: Part<BTreeSet<PipelineName>>,
    good: Part<GoodOnes>,
    history: Part<Vec<Generation>>,
    /// Whether a thread is at it.
    is_at_work: bool,
    /// Whether the write of now was waited for in vain.
    hangs: bool,
    /// What was said of it last.
    said: Option<String>,
}

/// One kind of state.
struct Part<T> {
    newest: Option<Arc<T>>,
    /// Why that could not be written.
    failed: Option<String>,
    waiters: Vec<Tell>,
}

impl<T> Default for Part<T> {
    fn default() -> Self {
        Self { newest: None, failed: None, waiters: Vec::new() }
    }
}

impl<T> Part<T> {
    fn put(&mut self, new: T) -> Written {
        self.newest = Some(Arc::new(new));
        self.failed = None;
        let (tell, told) = oneshot::channel();
        // Who has waited in vain is there no more: those who wait are as few as may wait at once.
        self.waiters.retain(|waiter| !waiter.is_closed());
        self.waiters.push(tell);
        Written(told)
    }

    /// What is to be written now, and who waits for it.
    fn take(&mut self) -> Option<(Arc<T>, Vec<Tell>)> {
        if self.failed.is_some() {
            return None;
        }
        let newest = self.newest.clone()?;
        Some((newest, std::mem::take(&mut self.waiters)))
    }

    fn note(&mut self, tried: &Arc<T>, written: &Result<(), String>) {
        // What came meanwhile still waits.
        if !self.newest.as_ref().is_some_and(|newest| Arc::ptr_eq(newest, tried)) {
            return;
        }
        match written {
            Ok(()) => self.newest = None,
            Err(why) => self.failed = Some(why.clone()),
        }
    }
}

/// One write.
enum Job {
    Pauses(Arc<BTreeSet<PipelineName>>, Vec<Tell>),
    Good(Arc<GoodOnes>, Vec<Tell>),
    History(Arc<Vec<Generation>>, Vec<Tell>),
}

impl Slot {
    fn next(&mut self) -> Option<Job> {
        if let Some((pauses, waiters)) = self.pauses.take() {
            return Some(Job::Pauses(pauses, waiters));
        }
        let may_forget = self.pauses.newest.is_none();
        if let Some((good, waiters)) = may_forget.then(|| self.good.take()).flatten() {
            return Some(Job::Good(good, waiters));
        }
        self.history.take().map(|(history, waiters)| Job::History(history, waiters))
    }

    fn waits(&self) -> bool {
        self.pauses.newest.is_some() || self.good.newest.is_some() || self.history.newest.is_some()
    }

    /// What is not on the disk, and why: a sentence.
    fn trouble(&self) -> Option<String> {
        let why = |failed: &Option<String>| {
            let held_back = "it is written after the pauses".to_owned();
            failed.clone().unwrap_or(held_back)
        };
        let mut unknown = Vec::new();
        if self.pauses.newest.is_some() {
            unknown.push(format!("which pipelines are paused: {}", why(&self.pauses.failed)));
        }
        if self.good.newest.is_some() {
            unknown.push(format!("what was good last: {}", why(&self.good.failed)));
        }
        if self.history.newest.is_some() {
            unknown.push(format!("the last generations: {}", why(&self.history.failed)));
        }
        (!unknown.is_empty()).then(|| unwritten(&unknown.join("; nor ")))
    }
}

/// The sentence of the log and of status.
fn unwritten(what: &str) -> String {
    format!(
        "the state folder cannot be written, so a restart of the daemon would not know {what}; it is tried again every {} s",
        AGAIN.as_secs()
    )
}

pub(super) fn hanging() -> String {
    format!("its disk has not answered for {} s", WRITE_MAX.as_secs())
}

impl Keeper {
    pub(super) fn new(memory: Arc<dyn Memory>, overview: Overview) -> Self {
        Self(Arc::new(Inner { memory, overview, slot: Mutex::default() }))
    }

    /// Has the pauses written, in the place of those that wait.
    pub(super) fn put_pauses(&self, paused: BTreeSet<PipelineName>) -> Written {
        let mut slot = self.0.lock();
        let written = slot.pauses.put(paused);
        self.start(&mut slot);
        written
    }

    /// Has written what is good now, after the pauses that wait.
    pub(super) fn put_good(&self, good: GoodOnes, history: Vec<Generation>) -> [Written; 2] {
        let mut slot = self.0.lock();
        let written = [slot.good.put(good), slot.history.put(history)];
        self.start(&mut slot);
        written
    }

    /// Waits for the outcome; on an error, why it is not known to be on the disk: a lower-case fragment.
    pub(super) async fn wait(&self, Written(told): Written) -> Result<(), String> {
        if self.0.lock().hangs {
            return Err(hanging());
        }
        match timeout(WRITE_MAX, told).await {
            Ok(Ok(written)) => written,
            Ok(Err(_dropped)) => Err("something else has to be written before it".to_owned()),
            Err(_elapsed) => {
                self.0.hangs();
                Err(hanging())
            }
        }
    }

    /// Waits for all of it no longer than for one; the one who writes says what is wrong.
    pub(super) async fn wait_for_all(&self, all: impl IntoIterator<Item = Written>) {
        let each = async {
            for Written(told) in all {
                drop(told.await);
            }
        };
        if !self.0.lock().hangs && timeout(WRITE_MAX, each).await.is_err() {
            self.0.hangs();
        }
    }

    /// Writes what could not be written, and waits for that.
    pub(super) async fn again(&self) {
        let written: Vec<_> = {
            let mut slot = self.0.lock();
            if slot.is_at_work || !slot.waits() {
                return;
            }
            let Slot { pauses, good, history, .. } = &mut *slot;
            let all = [pauses.again(), good.again(), history.again()];
            self.start(&mut slot);
            all.into_iter().flatten().collect()
        };
        self.wait_for_all(written).await;
    }

    fn start(&self, slot: &mut Slot) {
        if !slot.is_at_work {
            slot.is_at_work = true;
            let inner = Arc::clone(&self.0);
            // It catches its panics, ends when nothing waits, and is waited for at the end of the process.
            drop(tokio::task::spawn_blocking(move || inner.write_all()));
        }
    }
}

impl<T> Part<T> {
    fn again(&mut self) -> Option<Written> {
        self.failed = None;
        self.newest.as_ref()?;
        let (tell, told) = oneshot::channel();
        self.waiters.push(tell);
        Some(Written(told))
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes until nothing waits, or nothing else can be written.
    fn write_all(&self) {
        let mut told: (Result<(), String>, Vec<Tell>) = (Ok(()), Vec::new());
        loop {
            let job = {
                let mut slot = self.lock();
                let job = slot.next();
                if job.is_none() {
                    self.rest(&mut slot);
                }
                job
            };
            // Only now: whoever is told of the last write finds nobody at work, and status says what came of it.
            let (written, waiters) = told;
            for waiter in waiters {
                // Whoever waited may have gone.
                drop(waiter.send(written.clone()));
            }
            let Some(job) = job else { return };
            told = self.write(job);
        }
    }

    /// What came of it, and who is to be told.
    fn write(&self, job: Job) -> (Result<(), String>, Vec<Tell>) {
        match job {
            Job::Pauses(paused, waiters) => {
                let written = caught(|| self.memory.keep_paused(&paused));
                self.note(|slot| slot.pauses.note(&paused, &written));
                (written, waiters)
            }
            Job::Good(good, waiters) => {
                let keep = || self.memory.keep_last_good(&good.last_good, &good.unbuilt);
                let written = caught(keep);
                self.note(|slot| slot.good.note(&good, &written));
                (written, waiters)
            }
            Job::History(history, waiters) => {
                let written = caught(|| self.memory.keep_history(&history));
                self.note(|slot| slot.history.note(&history, &written));
                (written, waiters)
            }
        }
    }

    fn note(&self, note: impl FnOnce(&mut Slot)) {
        let mut slot = self.lock();
        // Whatever came of it, the disk has answered.
        slot.hangs = false;
        note(&mut slot);
    }

    /// Says what could not be written, once, and once that all is written again.
    fn rest(&self, slot: &mut Slot) {
        slot.is_at_work = false;
        slot.good.waiters.clear();
        let trouble = slot.trouble();
        if slot.said != trouble {
            if let Some(trouble) = &trouble {
                tracing::error!("{trouble}");
            } else {
                tracing::info!("the state folder is written again: it knows all");
            }
        }
        self.overview.set_state_unwritten(trouble.clone());
        slot.said = trouble;
    }

    fn hangs(&self) {
        let mut slot = self.lock();
        // It may have answered in this very moment.
        if slot.is_at_work && !slot.hangs {
            slot.hangs = true;
            let trouble = unwritten(&format!("what came last: {}", hanging()));
            tracing::error!("{trouble}");
            self.overview.set_state_unwritten(Some(trouble.clone()));
            slot.said = Some(trouble);
        }
    }
}

/// A panic is a bug, and must not end the writing.
fn caught(write: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    let written = catch_unwind(AssertUnwindSafe(write));
    written.unwrap_or_else(|_panic| Err("a bug of krouted: the writer panicked".to_owned()))
}
