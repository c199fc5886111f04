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
mod keeper;
mod overview;
mod pauses;
mod prepare;
mod request;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::apply::Applied;
use super::handle::{Gone, Handle};
use super::plan::{Plan, Removals, Set, plan};
use super::wanted::{self, Good, LastGood, Wanted};
use crate::config::{Environment, Settings};
use crate::model::PipelineName;
use crate::watch::{Beside, Events, Folders, Names, Poke, Seen, Sight, Timing, Watch};

use connections::Connections;
use keeper::{GoodOnes, Keeper};
use pauses::Pauses;
use prepare::{Base, Files, Prepared, Unprepared};
use request::Request;

pub use connections::Clusters;
pub use generation::{Cause, Generation, Outcome, Said};
pub use overview::{Overview, Reloads as ReloadMeasures};
pub use pauses::Kept;
pub use request::{Asker, Planned, REQUESTS_MAX, Reloaded, Unanswered};

/// A swap that the cluster did not allow, and state that could not be written, are tried again so often: creating the topic,
/// or room on the disk, must be enough.
const AGAIN: Duration = Duration::from_secs(30);
/// A swap is waited for so long where the folder has changed again meanwhile: one worker that is slow holds up no other
/// pipeline.
const PATIENCE: Duration = Duration::from_secs(2);

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

/// What outlives the process, as far as a reload is concerned. One writes at a time. An error says why, a lower-case fragment:
/// it harms nothing, is said by whoever called, and the call is made again.
pub trait Memory: Send + Sync {
    /// Keeps what is good now, and what was good and cannot be built now, by name.
    fn keep_last_good(
        &self,
        last_good: &LastGood,
        unbuilt: &BTreeSet<PipelineName>,
    ) -> Result<(), String>;
    /// Keeps what was done, the oldest first.
    fn keep_history(&self, history: &[Generation]) -> Result<(), String>;
    /// Keeps which pipelines are paused by an operator.
    fn keep_paused(&self, paused: &BTreeSet<PipelineName>) -> Result<(), String>;
    /// Builds what is remembered and could not be built before, as far as these settings allow that. It waits for no disk.
    fn build(&self, settings: &Settings) -> LastGood;
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
    memory: Arc<dyn Memory>,
    keeper: Keeper,
    observe: Box<dyn Fn(Phase) + Send>,
    overview: Overview,
    pauses: Pauses,
    watch: Watch,
    requests: mpsc::Receiver<Request>,
    /// Who waits for a look that begins after the question.
    asked: BTreeMap<u64, Question>,
    next_question: u64,
    /// What was seen and asked while swaps were waited for.
    seen_meanwhile: Option<Sight>,
    asked_meanwhile: VecDeque<Request>,
    last_good: LastGood,
    /// Good when a daemon ran here last, and not by the settings of now: where each one's file was.
    unbuilt: Unbuilt,
    /// Those that what runs was started with.
    connections: Connections,
    /// What was wanted last, while a part of it is refused or not taken yet.
    unfinished: Option<(Wanted, Set)>,
}

/// By name, the path of the file.
type Unbuilt = BTreeMap<PipelineName, String>;

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
    /// What was good too, and cannot be built by the settings of now: the path of its file, by name.
    pub unbuilt: BTreeMap<PipelineName, String>,
    /// What was done until then, the oldest first.
    pub history: Vec<Generation>,
    /// What of that is damaged, and what it means: a sentence each.
    pub damage: Vec<String>,
    /// Where SIGHUP is told, too.
    pub pokes: mpsc::Receiver<Poke>,
    /// Whether the system is asked for events.
    pub events: Events,
    /// How long the watch waits.
    pub timing: Timing,
    /// Where both go.
    pub memory: Arc<dyn Memory>,
    /// Who wants to know.
    pub observe: Box<dyn Fn(Phase) + Send>,
}

/// Somebody who waits for a look.
struct Question {
    removals: Removals,
    reply: oneshot::Sender<Result<Reloaded, Unanswered>>,
}

fn folders(reading: &Reading, settings: &Settings, events: Events) -> Folders {
    Folders {
        pipelines: reading.folder.clone().unwrap_or_else(|| settings.pipelines.clone()),
        schemas: Some(settings.schemas.clone()),
        settings: reading.settings_file.clone(),
        files: connections::files(&settings.clusters),
        names: names(reading),
        events,
    }
}

/// The certificates and secrets that a settings file names, as far as it can be understood.
fn names(reading: &Reading) -> Names {
    let reading = reading.clone();
    Names::new(move |file| match settings::read(&reading, Some(file)) {
        Ok(settings) => connections::files(&settings.clusters),
        Err(_findings) => Vec::new(),
    })
}

impl Reloads {
    /// Nothing is read yet. Whoever has the [`Asker`] may ask for more than what changes by itself.
    pub fn new(beginning: Beginning, supervisor: Handle) -> (Self, Asker) {
        let (ask, requests) = mpsc::channel(REQUESTS_MAX);
        let overview = Overview::new(beginning.history, beginning.damage);
        let memory = beginning.memory;
        let keeper = Keeper::new(Arc::clone(&memory), overview.clone());
        let asker = Asker::new(ask, supervisor.clone(), overview.clone(), keeper.clone());
        let folders = folders(&beginning.reading, &beginning.settings, beginning.events);
        let reloads = Self {
            watch: Watch::new(folders, beginning.timing, beginning.pokes),
            pauses: asker.pauses(),
            asked: BTreeMap::new(),
            next_question: 0,
            seen_meanwhile: None,
            asked_meanwhile: VecDeque::new(),
            reading: beginning.reading,
            settings: beginning.settings,
            clusters: beginning.clusters,
            supervisor,
            memory,
            keeper,
            observe: beginning.observe,
            overview,
            requests,
            last_good: beginning.last_good,
            unbuilt: beginning.unbuilt,
            connections: Connections::default(),
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
            if let Some(sight) = self.seen_meanwhile.take() {
                done = self.look(sight).await;
                continue;
            }
            if let Some(request) = self.asked_meanwhile.pop_front() {
                done = self.serve(request).await;
                continue;
            }
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
        let is_allowed = questions.iter().any(|q| q.removals == Removals::Allowed);
        let removals = if is_allowed { Removals::Allowed } else { Removals::Refused };
        let reloaded = match sight {
            Ok(seen) => self.reload(cause, seen, removals).await?,
            Err(unreadable) => self.unreadable(cause, unreadable.reason).await?,
        };
        for question in questions {
            // Whoever asked may have gone.
            drop(question.reply.send(Ok(reloaded.clone())));
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
        let base = if cause == Cause::Start { Base::Remembered } else { Base::Running };
        let files = Files { snapshot: seen.snapshot, beside: seen.beside };
        let prepared = match self.prepare(files, base, removals).await {
            Ok(prepared) => prepared,
            Err(Unprepared::Gone) => return Err(Gone),
            Err(Unprepared::Panicked(why)) => return self.unreadable(cause, why).await,
        };
        (self.observe)(Phase::Begun);
        let reloaded = self.perform(generation, prepared).await?;
        (self.observe)(Phase::Ended(self.overview.sentence()));
        Ok(reloaded)
    }

    /// The settings file and what counts by it, as they are now: for what needs no settled content, since nothing is done by it.
    async fn beside_now(&self) -> Result<Beside, String> {
        let mut folders = folders(&self.reading, &self.settings, Events::None);
        folders.files.extend(self.connections.files());
        let read = tokio::task::spawn_blocking(move || Beside::read(&folders)).await;
        read.map_err(|error| format!("the settings could not be read, a bug of krouted: {error}"))
    }

    fn folder(&self) -> PathBuf {
        self.reading.folder.clone().unwrap_or_else(|| self.settings.pipelines.clone())
    }

    /// Nothing is known of the files: nothing is changed, and a daemon that begins does so with what was good last.
    async fn unreadable(&mut self, cause: Cause, why: String) -> Result<Reloaded, Gone> {
        let generation = Generation::now(cause, Outcome::Unreadable { why });
        let mut reloaded = Reloaded { generation, ..Reloaded::default() };
        self.overview.like_before(&mut reloaded);
        if cause == Cause::Start {
            let connections = self.connections_now().await;
            self.begin_as_before(connections).await?;
        }
        self.record(&mut reloaded).await;
        (self.observe)(Phase::Ended(self.overview.sentence()));
        Ok(reloaded)
    }

    /// Starts what was good last, whatever the folder says.
    async fn begin_as_before(&mut self, connections: Connections) -> Result<(), Gone> {
        let wanted = wanted::last_good_only(&self.last_good);
        let set = wanted.set(connections.texts.clone());
        let plan = plan(&Set::default(), &set, Removals::Allowed);
        self.take_connections(connections);
        self.overview.set_origins(&wanted);
        self.supervisor.apply(plan, set).await.map(drop)
    }

    async fn perform(
        &mut self,
        mut generation: Generation,
        prepared: Prepared,
    ) -> Result<Reloaded, Gone> {
        let Prepared { settings, connections, wanted, unbuilt, set, plan, said } = prepared;
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
            if generation.cause == Cause::Start {
                self.begin_as_before(connections).await?;
            }
            reloaded.generation = generation;
            self.record(&mut reloaded).await;
            return Ok(reloaded);
        }
        self.take_settings(settings, &connections);
        self.take_connections(connections);
        self.unbuilt = unbuilt;
        let has_changes = plan.has_changes();
        let applied = self.apply_with_pauses(plan, set.clone()).await?;
        self.remember(&wanted, &applied);
        generation.outcome = if is_rejected {
            Outcome::Rejected
        } else if !applied.refused.is_empty() {
            Outcome::Refused
        } else if !applied.open.is_empty() {
            Outcome::Open
        } else if has_changes {
            Outcome::Applied
        } else {
            Outcome::Unchanged
        };
        self.overview.set_origins(&wanted);
        self.unfinished = (!applied.is_done()).then_some((wanted, set));
        reloaded.refused = applied.refused;
        reloaded.open = applied.open;
        reloaded.generation = generation;
        self.record(&mut reloaded).await;
        Ok(reloaded)
    }

    /// A pipeline takes its pause along to its new name. Both are kept until that is done, and the new one alone before what was
    /// good by the name before is forgotten, which the [`Keeper`] sees to: a start in between renames once more. Where one
    /// cannot be written, or not in time, that is said, and it is tried again.
    async fn apply_with_pauses(&mut self, plan: Plan, set: Set) -> Result<Applied, Gone> {
        let renames = pauses::renames(&plan);
        if renames.is_empty() {
            return self.apply(plan, set).await;
        }
        drop(self.pauses.begin_renames(renames).await?);
        let applied = self.apply(plan, set).await?;
        self.pauses.end_renames().await?;
        Ok(applied)
    }

    /// Has it done, and waits for its swaps: for a short time only where there is something else to do then.
    async fn apply(&mut self, plan: Plan, set: Set) -> Result<Applied, Gone> {
        let supervisor = self.supervisor.clone();
        let mut applied = std::pin::pin!(supervisor.apply(plan, set));
        let patience = Instant::now() + PATIENCE;
        let mut is_hurried = false;
        loop {
            tokio::select! {
                biased;
                applied = &mut applied => return applied,
                sight = self.watch.next(), if self.seen_meanwhile.is_none() => self.seen_meanwhile = Some(sight),
                Some(request) = self.requests.recv(), if self.asked_meanwhile.len() < REQUESTS_MAX => match request {
                    Request::Reload { .. } => self.serve(request).await?,
                    Request::Plan { .. } => self.asked_meanwhile.push_back(request),
                },
                () = sleep_until(patience), if self.seen_meanwhile.is_some() && !is_hurried => {
                    is_hurried = true;
                    self.supervisor.hurry().await?;
                }
            }
        }
    }

    /// What the cluster refused, or no worker has taken yet, is not good yet: the definition before it is.
    /// Answers whether that is news.
    fn remember(&mut self, wanted: &Wanted, applied: &Applied) -> bool {
        let mut good = wanted.last_good();
        for name in applied.refused.iter().map(|refusal| &refusal.name).chain(&applied.open) {
            if let Some(before) = self.last_good.get(name) {
                good.insert(name.clone(), before.clone());
            }
        }
        let was = |(name, good): (&PipelineName, &Good)| {
            let was = self.last_good.get(name);
            was.is_some_and(|was| Arc::ptr_eq(&was.pipeline, &good.pipeline))
        };
        let is_news = good.len() != self.last_good.len() || !good.iter().all(was);
        self.last_good = good;
        is_news
    }

    /// Numbers the generation where it is news, says it, keeps it.
    async fn record(&mut self, reloaded: &mut Reloaded) {
        self.overview.record(reloaded);
        self.keep().await;
    }

    /// Whoever is told of a reload may rely on the disk that answers in time, and only on that.
    async fn keep(&self) {
        let unbuilt = self.unbuilt.keys().cloned().collect();
        let good = GoodOnes { last_good: self.last_good.clone(), unbuilt };
        let written = self.keeper.put_good(good, self.overview.history());
        self.keeper.wait_for_all(written).await;
    }

    async fn try_again(&mut self) -> Result<(), Gone> {
        self.keeper.again().await;
        let Some((wanted, set)) = self.unfinished.clone() else { return Ok(()) };
        let running = self.running().await?;
        let plan = plan(&running, &set, Removals::Allowed);
        let applied = self.apply(plan, set).await?;
        let is_news = self.remember(&wanted, &applied);
        if applied.is_done() {
            self.unfinished = None;
            let generation = Generation::now(Cause::Retry, self.overview.outcome_of_retry());
            let mut reloaded = Reloaded { generation, ..Reloaded::default() };
            self.overview.like_before(&mut reloaded);
            self.record(&mut reloaded).await;
            (self.observe)(Phase::Ended(self.overview.sentence()));
        } else if is_news {
            self.keep().await;
        }
        Ok(())
    }

    fn take_settings(&mut self, settings: Option<Settings>, connections: &Connections) {
        let Some(new) = settings else { return };
        let changed = settings::needing_restart(&self.settings, &new);
        self.overview.set_needs_restart(&changed);
        self.watch.follow(connections.files().into_iter().collect());
        self.settings.clusters = new.clusters;
        self.settings.reload = new.reload;
    }

    fn take_connections(&mut self, connections: Connections) {
        self.clusters.set(connections.clusters.clone());
        self.connections = connections;
    }
}
