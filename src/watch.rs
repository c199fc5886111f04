//! Folder events, tick, SIGHUP and requests -> one settled, digested snapshot.
//!
//! ```text
//!   Idle ──poke──▶ Settling ──quiet──▶ Reading ──another digest, or asked──▶ a Sight
//!    ▲                                    │ same digest
//!    └────────────────────────────────────┘
//! ```
//!
//! Pokes carry no meaning but "look": what the folders hold decides, so a lost event costs time and never truth. Each look
//! listens anew before it reads, at every link and folder on the way that could be replaced.
//!
//! The owner calls [`Watch::next`] again and again, and may drop a call half-way: nothing is lost.

mod beside;
mod digest;
mod places;
mod revision;
mod scan;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::RecommendedWatcher;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::config::Snapshot;
use scan::{Found, Scanned, scan};

pub use beside::{Beside, Names};
pub use digest::{Digest, FILE_BYTES_MAX};

/// What is watched.
#[derive(Clone, Debug)]
pub struct Folders {
    /// The folder of the pipeline files.
    pub pipelines: PathBuf,
    /// The folder of the JSON Schemas; one that is not there is empty.
    pub schemas: Option<PathBuf>,
    /// The settings file: it counts, and is no pipeline where it lies among them.
    pub settings: Option<PathBuf>,
    /// Other files whose content counts, whatever the settings file says: certificates and secrets of what runs.
    pub files: Vec<PathBuf>,
    /// Those whose content counts because the settings file names them.
    pub names: Names,
    /// Whether the system is asked for events.
    pub events: Events,
}

/// Whether the system is asked for events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Events {
    /// Yes, and the tick sees what it does not say.
    Native,
    /// No: the tick alone looks.
    None,
}

/// How long things take.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// A look without any poke comes so often.
    pub tick: Duration,
    /// So long without an event, and the folder has settled.
    pub quiet: Duration,
    /// A folder that never rests is looked at after so long.
    pub quiet_max: Duration,
    /// A git that works in the folder is waited for so long.
    pub lock_max: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            tick: Duration::from_secs(30),
            quiet: Duration::from_millis(200),
            quiet_max: Duration::from_secs(5),
            lock_max: Duration::from_secs(10),
        }
    }
}

/// Somebody wants a look, and an answer even where nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poke {
    /// SIGHUP.
    Signal,
    /// A request; its number comes back in [`Seen::answers`] or [`Unreadable::answers`].
    Asked(u64),
}

/// Why there was a look, the most telling reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// Time passed.
    Tick,
    /// Something was heard.
    Event,
    /// SIGHUP.
    Signal,
    /// A request.
    Asked,
    /// It was the first.
    First,
}

/// What the folders hold, settled.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The pipeline files, and the schemas.
    pub snapshot: Snapshot,
    /// The settings file, and the certificates and secrets that count.
    pub beside: Beside,
    /// Of all of it.
    pub digest: Digest,
    /// The git revision, where there is one.
    pub revision: Option<String>,
    /// Why there was a look.
    pub why: Why,
    /// The requests that this look answers.
    pub answers: Vec<u64>,
}

/// The folder is not there, or cannot be read. What runs goes on.
#[derive(Clone, Debug)]
pub struct Unreadable {
    /// A lower-case fragment.
    pub reason: String,
    /// Why there was a look.
    pub why: Why,
    /// The requests that this look answers.
    pub answers: Vec<u64>,
}

/// What a look brought.
pub type Sight = Result<Seen, Unreadable>;

/// Watches the folders for its owner.
pub struct Watch {
    folders: Folders,
    timing: Timing,
    pokes: mpsc::Receiver<Poke>,
    heard: mpsc::Receiver<()>,
    tell: mpsc::Sender<()>,
    listener: Option<RecommendedWatcher>,
    deaf: Option<String>,
    phase: Phase,
    next_tick: Instant,
    /// For the next look.
    due: Due,
    /// What the owner was told last, or why not.
    told: Option<Result<Told, String>>,
    /// A new digest that may be of something half written.
    candidate: Option<Candidate>,
    /// The files beside the pipelines that the last look has seen: the next one listens to them.
    known: BTreeSet<PathBuf>,
}

/// What the owner knows.
#[derive(PartialEq, Eq)]
struct Told {
    /// Of all but the certificates and secrets.
    core: Digest,
    files: BTreeMap<PathBuf, Result<Digest, String>>,
}

impl Told {
    /// Whether the owner knows all of it. A certificate that counts no more is no news: it is gone because the owner has
    /// taken settings without it.
    fn covers(&self, found: &Found) -> bool {
        let is_known = |(path, digest): (&PathBuf, _)| self.files.get(path) == Some(digest);
        self.core == found.core && found.beside.files.iter().all(is_known)
    }
}

enum Phase {
    Idle,
    Settling(Settling),
    /// Whether a git works there.
    Asking(JoinHandle<bool>, Settling),
    Reading(JoinHandle<Scanned>, Due),
}

/// It counts when it is there a second time, or when that takes too long.
struct Candidate {
    digest: Digest,
    latest: Instant,
}

#[derive(Clone, Copy)]
struct Settling {
    quiet_until: Instant,
    latest: Instant,
    lock_latest: Instant,
}

/// Why a look is due, and whom it answers.
#[derive(Default)]
struct Due {
    why: Option<Why>,
    answers: Vec<u64>,
}

impl Due {
    fn add(&mut self, why: Why) {
        self.why = self.why.max(Some(why));
    }

    fn poke(&mut self, poke: Poke) {
        match poke {
            Poke::Signal => self.add(Why::Signal),
            Poke::Asked(number) => {
                self.add(Why::Asked);
                self.answers.push(number);
            }
        }
    }

    /// Whether somebody waits for an answer, changed or not.
    fn is_asked(&self) -> bool {
        match self.why {
            Some(Why::First | Why::Asked | Why::Signal) => true,
            Some(Why::Event | Why::Tick) | None => false,
        }
    }
}

impl Watch {
    /// Takes what to watch and where pokes come from; the first look is due at once.
    pub fn new(folders: Folders, timing: Timing, pokes: mpsc::Receiver<Poke>) -> Self {
        let (tell, heard) = mpsc::channel(1);
        let now = Instant::now();
        let mut due = Due::default();
        due.add(Why::First);
        let at_once =
            Settling { quiet_until: now, latest: now, lock_latest: now + timing.lock_max };
        Self {
            folders,
            timing,
            pokes,
            heard,
            tell,
            listener: None,
            deaf: None,
            phase: Phase::Settling(at_once),
            next_tick: now + timing.tick,
            due,
            told: None,
            candidate: None,
            known: BTreeSet::new(),
        }
    }

    /// Watches other files than before, from the next look on, which is due at once.
    pub fn follow(&mut self, files: Vec<PathBuf>) {
        if self.folders.files != files {
            self.folders.files = files;
            self.tell.try_send(()).ok();
        }
    }

    /// Has a look taken that begins after this, and whose answers have this number: as [`Poke::Asked`], of the owner itself.
    pub fn ask(&mut self, number: u64) {
        self.due.poke(Poke::Asked(number));
    }

    /// The next settled content that the owner does not know, or has asked for. Cancel safe.
    pub async fn next(&mut self) -> Sight {
        loop {
            match &mut self.phase {
                Phase::Idle => self.idle().await,
                Phase::Settling(settling) => {
                    let settling = *settling;
                    self.settle(settling).await;
                }
                Phase::Asking(asked, settling) => {
                    let settling = *settling;
                    // Who cannot look does not wait.
                    if asked.await.unwrap_or(false) {
                        let latest = Instant::now() + self.timing.quiet;
                        self.phase =
                            Phase::Settling(Settling { quiet_until: latest, latest, ..settling });
                    } else {
                        self.read();
                    }
                }
                Phase::Reading(reading, due) => {
                    let scanned = reading.await;
                    let due = std::mem::take(due);
                    self.phase = Phase::Idle;
                    let sight = match scanned {
                        Ok(scanned) => self.looked(scanned, due),
                        Err(error) => self.unreadable(format!("the reader failed: {error}"), due),
                    };
                    if let Some(sight) = sight {
                        return sight;
                    }
                }
            }
        }
    }

    async fn idle(&mut self) {
        // Asked by the owner, it is due already.
        if self.due.why.is_none() {
            tokio::select! {
                Some(()) = self.heard.recv() => self.due.add(Why::Event),
                Some(poke) = self.pokes.recv() => self.due.poke(poke),
                () = sleep_until(self.next_tick) => self.due.add(Why::Tick),
            }
        }
        self.phase = Phase::Settling(self.settling());
    }

    fn settling(&self) -> Settling {
        let now = Instant::now();
        Settling {
            quiet_until: now + self.timing.quiet,
            latest: now + self.timing.quiet_max,
            lock_latest: now + self.timing.lock_max,
        }
    }

    async fn settle(&mut self, settling: Settling) {
        let quiet_from_now = |timing: &Timing| {
            let quiet_until = Instant::now() + timing.quiet;
            Phase::Settling(Settling { quiet_until, ..settling })
        };
        tokio::select! {
            Some(()) = self.heard.recv() => {
                self.due.add(Why::Event);
                self.phase = quiet_from_now(&self.timing);
            }
            Some(poke) = self.pokes.recv() => self.due.poke(poke),
            () = sleep_until(settling.quiet_until.min(settling.latest)) => {
                if Instant::now() < settling.lock_latest {
                    let folder = self.folders.pipelines.clone();
                    let asked = tokio::task::spawn_blocking(move || git_works_in(&folder));
                    self.phase = Phase::Asking(asked, settling);
                } else {
                    self.read();
                }
            }
        }
    }

    fn read(&mut self) {
        let (folders, tell) = (self.folders.clone(), self.tell.clone());
        let reading = tokio::task::spawn_blocking(move || scan(&folders, &tell));
        self.phase = Phase::Reading(reading, std::mem::take(&mut self.due));
    }

    fn looked(&mut self, scanned: Scanned, due: Due) -> Option<Sight> {
        self.next_tick = Instant::now() + self.timing.tick;
        self.listener = scanned.listener;
        if self.deaf != scanned.deaf {
            self.deaf = scanned.deaf;
            self.tell_deafness();
        }
        match scanned.found {
            Ok(found) => self.seen(found, due),
            Err(reason) => self.unreadable(reason, due),
        }
    }

    /// Once, and once again when it is over.
    fn tell_deafness(&self) {
        let tick_s = self.timing.tick.as_secs();
        if let Some(why) = &self.deaf {
            tracing::warn!(
                tick_s,
                "not all changes of files are heard at once, the tick sees them: {why}"
            );
        } else {
            tracing::info!("changes of files are heard at once again");
        }
    }

    fn seen(&mut self, found: Found, due: Due) -> Option<Sight> {
        let files = found.beside.files.keys();
        let has_strangers = files.clone().any(|file| !self.known.contains(file));
        self.known = files.cloned().collect();
        let is_new = !matches!(&self.told, Some(Ok(told)) if told.covers(&found));
        if !is_new && !due.is_asked() {
            self.candidate = None;
            return None;
        }
        // Nobody said that the writing is over, or nobody listened: what is half written now is more in a moment.
        let may_be_half = match due.why {
            Some(Why::First) => false,
            Some(Why::Tick) | None => true,
            Some(Why::Event | Why::Signal | Why::Asked) => {
                has_strangers || self.candidate.is_some()
            }
        };
        if may_be_half && !self.is_confirmed(found.digest) {
            self.look_again(due);
            return None;
        }
        self.candidate = None;
        let Found { snapshot, beside, core, digest, revision } = found;
        self.told = Some(Ok(Told { core, files: beside.files.clone() }));
        let why = due.why.unwrap_or(Why::Tick);
        let answers = due.answers;
        Some(Ok(Seen { snapshot, beside, digest, revision, why, answers }))
    }

    /// Whether it is there a second time, or was waited for long enough.
    fn is_confirmed(&mut self, digest: Digest) -> bool {
        let now = Instant::now();
        let before = self.candidate.take();
        if before.as_ref().is_some_and(|c| c.digest == digest || c.latest <= now) {
            return true;
        }
        let latest = before.map_or(now + self.timing.quiet_max, |before| before.latest);
        self.candidate = Some(Candidate { digest, latest });
        false
    }

    /// Settles once more, for the same reason and for the same who wait.
    fn look_again(&mut self, mut due: Due) {
        due.answers.append(&mut self.due.answers);
        due.why = due.why.max(self.due.why);
        self.due = due;
        self.phase = Phase::Settling(self.settling());
    }

    fn unreadable(&mut self, reason: String, due: Due) -> Option<Sight> {
        // Who was to be seen a second time was not: his patience must not count for who comes hours later.
        self.candidate = None;
        let news = Some(Err(reason.clone()));
        if self.told == news && !due.is_asked() {
            return None;
        }
        self.told = news;
        let why = due.why.unwrap_or(Why::Tick);
        Some(Err(Unreadable { reason, why, answers: due.answers }))
    }
}

fn git_works_in(folder: &Path) -> bool {
    let lock = || {
        let git = revision::git_folder(&std::fs::canonicalize(folder).ok()?)?;
        Some(git.join("index.lock").exists())
    };
    lock().unwrap_or(false)
}
