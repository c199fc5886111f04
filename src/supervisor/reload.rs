//! What turns a snapshot of the folder into a generation: checked, planned, applied, remembered, said.
//!
//! ```text
//! folder, SIGHUP, `reload` ──▶ Watch ──▶ settings, check ──▶ wanted ──▶ plan ──▶ Supervisor
//!                                                                       │
//!                                    generation, last good, status ◀────┘
//! ```
//!
//! One loop, [`Reloads::run`], does one of these at a time, so that whoever asks for one gets the outcome of a snapshot that
//! was read after the question.

mod connections;
mod generation;
mod overview;
mod request;
mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};

use super::apply::Applied;
use super::handle::{Gone, Handle};
use super::plan::{Kind, Plan, Removals, Set, plan};
use super::wanted::{self, LastGood, Wanted, wanted};
use crate::config::{self, Checked, Environment, Settings, Snapshot};
use crate::kafka::Librdkafka;
use crate::model::{ClusterName, PipelineName};
use crate::watch::{Events, Folders, Poke, Seen, Sight, Timing, Watch};

pub use connections::Clusters;
pub use generation::{Cause, Generation, Outcome, Said};
pub use overview::Overview;
pub use request::{Asker, Planned, REQUESTS_MAX, Reloaded};

use request::Request;

/// A swap that the cluster did not allow is tried again so often: creating the topic must be enough.
const AGAIN: Duration = Duration::from_secs(30);

/// Where definitions are from.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The settings file, where there is one.
    pub settings_file: Option<PathBuf>,
    /// The folder that takes the place of the settings' one.
    pub folder: Option<PathBuf>,
    /// What `${NAME}` refers to.
    pub environment: Environment,
}

/// What outlives the process, as far as a reload is concerned.
pub trait Memory: Send {
    /// Keeps what is good now; a failure is said by the implementation and harms nothing.
    fn keep(&mut self, last_good: &LastGood, history: &[Generation]);
    /// Keeps which pipelines are paused by an operator.
    fn keep_paused(&mut self, paused: &BTreeSet<PipelineName>);
}

/// What somebody outside is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// A reload begins.
    Begun,
    /// It has ended; the sentence says how things are now.
    Ended(String),
}

/// The one who reloads.
pub struct Reloads {
    reading: Reading,
    settings: Settings,
    clusters: Clusters,
    supervisor: Handle,
    memory: Arc<Mutex<Box<dyn Memory>>>,
    observe: Box<dyn Fn(Phase) + Send>,
    overview: Overview,
    watch: Watch,
    poke: mpsc::Sender<Poke>,
    requests: mpsc::Receiver<Request>,
    /// Who waits for a look that begins after the question.
    asked: BTreeMap<u64, Question>,
    next_question: u64,
    last_good: LastGood,
    /// Those that what runs was started with.
    connections: BTreeMap<ClusterName, String>,
    /// The last wanted set, while a part of it is refused.
    unfinished: Option<Set>,
}

/// What a daemon begins with.
pub struct Beginning {
    /// Where definitions are from.
    pub reading: Reading,
    /// As they were read at the start.
    pub settings: Settings,
    /// Shared with the work of the workers.
    pub clusters: Clusters,
    /// What was good when a daemon ran here last.
    pub last_good: LastGood,
    /// What was done until then, the oldest first.
    pub history: Vec<Generation>,
    /// Where SIGHUP is told, too.
    pub pokes: (mpsc::Sender<Poke>, mpsc::Receiver<Poke>),
    /// Where both go.
    pub memory: Box<dyn Memory>,
    /// Who wants to know.
    pub observe: Box<dyn Fn(Phase) + Send>,
}

/// A snapshot that was checked and compared, not applied.
struct Prepared {
    settings: Option<Settings>,
    wanted: Wanted,
    set: Set,
    plan: Plan,
    said: Said,
}

/// Somebody who waits for a look.
struct Question {
    removals: Removals,
    reply: oneshot::Sender<Reloaded>,
}

fn folders(reading: &Reading, settings: &Settings) -> Folders {
    Folders {
        pipelines: reading.folder.clone().unwrap_or_else(|| settings.pipelines.clone()),
        schemas: Some(settings.schemas.clone()),
        settings: reading.settings_file.clone(),
        files: connections::files(&settings.clusters),
        events: Events::Native,
    }
}

/// Why there is nothing to apply.
enum Unprepared {
    Gone,
    Panicked(String),
}

impl Reloads {
    /// Nothing is read yet. Whoever has the [`Asker`] may ask for more than what changes by itself.
    pub fn new(beginning: Beginning, supervisor: Handle) -> (Self, Asker) {
        let (ask, requests) = mpsc::channel(REQUESTS_MAX);
        let overview = Overview::new(beginning.history);
        let memory = Arc::new(Mutex::new(beginning.memory));
        let asker = Asker::new(ask, supervisor.clone(), overview.clone(), Arc::clone(&memory));
        let (poke, pokes) = beginning.pokes;
        let folders = folders(&beginning.reading, &beginning.settings);
        let reloads = Self {
            watch: Watch::new(folders, Timing::default(), pokes),
            poke,
            asked: BTreeMap::new(),
            next_question: 0,
            reading: beginning.reading,
            settings: beginning.settings,
            clusters: beginning.clusters,
            supervisor,
            memory,
            observe: beginning.observe,
            overview,
            requests,
            last_good: beginning.last_good,
            connections: BTreeMap::new(),
            unfinished: None,
        };
        (reloads, asker)
    }

    /// Begins with what the folder says, then follows it and requests until the supervisor has gone.
    pub async fn run(mut self) {
        let mut again = interval(AGAIN);
        again.set_missed_tick_behavior(MissedTickBehavior::Skip);
        again.reset();
        let mut done = Ok(());
        while done != Err(Gone) {
            done = tokio::select! {
                sight = self.watch.next() => self.look(sight).await,
                request = self.requests.recv() => match request {
                    Some(request) => self.serve(request).await,
                    None => return,
                },
                _ = again.tick() => self.try_again().await,
            };
        }
    }

    /// Acts on what was seen, and answers those who asked for it.
    async fn look(&mut self, sight: Sight) -> Result<(), Gone> {
        let (why, answers) = match &sight {
            Ok(seen) => (seen.why, seen.answers.clone()),
            Err(unreadable) => (unreadable.why, unreadable.answers.clone()),
        };
        let questions: Vec<_> = answers.iter().filter_map(|n| self.asked.remove(n)).collect();
        let cause = Cause::from(why);
        let is_start = cause == Cause::Start;
        let is_allowed = is_start || questions.iter().any(|q| q.removals == Removals::Allowed);
        let removals = if is_allowed { Removals::Allowed } else { Removals::Refused };
        let reloaded = match sight {
            Ok(seen) => self.reload(cause, seen, removals).await?,
            Err(unreadable) => self.unreadable(cause, unreadable.reason).await?,
        };
        for question in questions {
            // Whoever asked may have gone.
            drop(question.reply.send(reloaded.clone()));
        }
        Ok(())
    }

    async fn reload(
        &mut self,
        cause: Cause,
        seen: Seen,
        removals: Removals,
    ) -> Result<Reloaded, Gone> {
        let mut generation = Generation::now(cause, Outcome::Applied);
        generation.digest = seen.digest.to_string();
        generation.revision = seen.revision;
        let prepared = match self.prepare(seen.snapshot, removals).await {
            Ok(prepared) => prepared,
            Err(Unprepared::Gone) => return Err(Gone),
            Err(Unprepared::Panicked(why)) => return self.unreadable(cause, why).await,
        };
        (self.observe)(Phase::Begun);
        let reloaded = self.perform(generation, prepared).await?;
        (self.observe)(Phase::Ended(self.overview.sentence()));
        Ok(reloaded)
    }

    fn folder(&self) -> PathBuf {
        self.reading.folder.clone().unwrap_or_else(|| self.settings.pipelines.clone())
    }

    /// Nothing is known of the files: nothing is changed, and a daemon that begins does so with what was good last.
    async fn unreadable(&mut self, cause: Cause, why: String) -> Result<Reloaded, Gone> {
        let mut generation = Generation::now(cause, Outcome::Unreadable { why });
        self.overview.like_before(&mut generation);
        let mut reloaded = Reloaded { generation, ..Reloaded::default() };
        if cause == Cause::Start {
            let wanted = wanted::last_good_only(&self.last_good);
            let set = wanted.set(connections::texts(&self.settings.clusters));
            let plan = plan(&Set::default(), &set, Removals::Allowed);
            self.connections.clone_from(&set.connections);
            self.overview.set_origins(&wanted);
            self.supervisor.apply(plan, set).await?;
        }
        self.record(&mut reloaded).await;
        (self.observe)(Phase::Ended(self.overview.sentence()));
        Ok(reloaded)
    }

    async fn prepare(&self, files: Snapshot, removals: Removals) -> Result<Prepared, Unprepared> {
        let (settings, mut findings) = settings::load(&self.reading, &self.settings);
        let used = settings.clone().unwrap_or_else(|| self.settings.clone());
        let connections = connections::texts(&used.clusters);
        let checked = self.check(files, &used).await?;
        let counts = checked.counts;
        let wanted = wanted(&self.last_good, &checked, used.reload);
        findings.extend(wanted.findings.iter().cloned());
        let set = wanted.set(connections);
        let mut running = self.supervisor.running().await.map_err(|Gone| Unprepared::Gone)?;
        running.connections.clone_from(&self.connections);
        let plan = plan(&running, &set, removals);
        let said = Said::new(&findings, counts);
        Ok(Prepared { settings, wanted, set, plan, said })
    }

    async fn check(&self, files: Snapshot, settings: &Settings) -> Result<Checked, Unprepared> {
        let (settings, environment) = (settings.clone(), self.reading.environment.clone());
        let check = move || {
            let mut checked = config::check(&files, Some(&settings), &environment, &Librdkafka);
            checked.refuse_failing();
            checked
        };
        tokio::task::spawn_blocking(check).await.map_err(|error| {
            Unprepared::Panicked(format!(
                "the check of the files failed, a bug of krouted: {error}"
            ))
        })
    }

    async fn perform(
        &mut self,
        mut generation: Generation,
        prepared: Prepared,
    ) -> Result<Reloaded, Gone> {
        let Prepared { settings, wanted, set, plan, said } = prepared;
        let is_rejected = said.errors > 0;
        generation.findings = said.clone();
        let mut reloaded = Reloaded {
            plan: Some(plan.clone()),
            said,
            removals_held_back: wanted.removals_held_back.clone(),
            ..Reloaded::default()
        };
        if let Some(held) = plan.held {
            generation.outcome = Outcome::Held { removed: held.removed, running: held.running };
            reloaded.generation = generation;
            self.record(&mut reloaded).await;
            return Ok(reloaded);
        }
        self.take_settings(settings);
        let has_changes = plan.has_changes();
        let has_renames = plan.changes.iter().any(|c| matches!(c.kind, Kind::Rename { .. }));
        let applied = self.supervisor.apply(plan, set.clone()).await?;
        self.connections.clone_from(&set.connections);
        self.remember(&wanted, &applied);
        if has_renames {
            self.memory.lock().unwrap_or_else(PoisonError::into_inner).keep_paused(&applied.paused);
        }
        generation.outcome = match (is_rejected, applied.refused.is_empty(), has_changes) {
            (true, _, _) => Outcome::Rejected,
            (false, false, _) => Outcome::Refused,
            (false, true, true) => Outcome::Applied,
            (false, true, false) => Outcome::Unchanged,
        };
        self.unfinished = (!applied.refused.is_empty()).then_some(set);
        reloaded.refused = applied.refused;
        reloaded.open = applied.open;
        reloaded.generation = generation;
        self.overview.set_origins(&wanted);
        self.record(&mut reloaded).await;
        Ok(reloaded)
    }

    /// What the cluster refused is not good yet: the definition before it is.
    fn remember(&mut self, wanted: &Wanted, applied: &Applied) {
        let mut good = wanted.last_good();
        for refusal in &applied.refused {
            if let Some(before) = self.last_good.get(&refusal.name) {
                good.insert(refusal.name.clone(), before.clone());
            }
        }
        self.last_good = good;
    }

    /// Numbers the generation where it is news, says it, keeps it.
    async fn record(&mut self, reloaded: &mut Reloaded) {
        self.overview.record(reloaded);
        let (memory, last_good) = (Arc::clone(&self.memory), self.last_good.clone());
        let history = self.overview.history();
        // It waits for the disk, and the supervisor must not.
        let keep = move || {
            memory.lock().unwrap_or_else(PoisonError::into_inner).keep(&last_good, &history);
        };
        if let Err(error) = tokio::task::spawn_blocking(keep).await {
            tracing::error!(%error, "the state could not be kept, a bug of krouted");
        }
    }

    async fn try_again(&mut self) -> Result<(), Gone> {
        let Some(set) = self.unfinished.clone() else { return Ok(()) };
        let mut running = self.supervisor.running().await?;
        running.connections.clone_from(&self.connections);
        let plan = plan(&running, &set, Removals::Refused);
        let applied = self.supervisor.apply(plan, set).await?;
        if applied.refused.is_empty() && applied.open.is_empty() {
            self.unfinished = None;
            let mut reloaded = Reloaded {
                generation: Generation::now(Cause::Retry, Outcome::Applied),
                ..Reloaded::default()
            };
            self.overview.like_before(&mut reloaded.generation);
            if reloaded.generation.findings.errors > 0 {
                reloaded.generation.outcome = Outcome::Rejected;
            }
            self.record(&mut reloaded).await;
            (self.observe)(Phase::Ended(self.overview.sentence()));
        }
        Ok(())
    }

    fn take_settings(&mut self, settings: Option<Settings>) {
        let Some(new) = settings else { return };
        let changed = settings::needing_restart(&self.settings, &new);
        self.overview.set_needs_restart(&changed);
        self.watch.follow(connections::files(&new.clusters));
        self.clusters.set(new.clusters.clone());
        self.settings.clusters = new.clusters;
        self.settings.reload = new.reload;
    }
}
