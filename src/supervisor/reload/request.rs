//! What others may ask of the one who reloads.

use serde_json::Value;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use super::generation::{Generation, Said};
use super::keeper::Keeper;
use super::overview::{Overview, Reloads as ReloadMeasures};
use super::pauses::{Kept, Pauses};
use super::prepare::{Base, Files, Unprepared};
use super::{Question, Reloads};
use crate::config::Snapshot;
use crate::model::{InstanceId, PipelineName};
use crate::supervisor::apply::Refusal;
use crate::supervisor::handle::{Gone, Handle};
use crate::supervisor::plan::{Plan, Removals};
use crate::supervisor::status::PipelineStatus;

/// Whoever asks waits, so more than a few at once are a burst of clients.
pub const REQUESTS_MAX: usize = 16;
/// All that wait for a look share it, so these are few even in a burst.
pub(super) const QUESTIONS_MAX: usize = 1024;

pub(super) enum Request {
    Reload { removals: Removals, reply: oneshot::Sender<Result<Reloaded, Unanswered>> },
    Plan { files: Snapshot, reply: oneshot::Sender<Result<Planned, Unanswered>> },
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// Nobody is there to ask any more.
    #[error("the daemon is stopping")]
    Gone,
    /// Nothing was done: ask again.
    #[error("the daemon is busy: too many wait for an answer already, and nothing was done")]
    Busy,
    /// It could not be done, and asking again will not help; a sentence.
    #[error("{0}")]
    Failed(String),
}

impl From<Gone> for Unanswered {
    fn from(Gone: Gone) -> Self {
        Self::Gone
    }
}

/// How a reload came out.
#[derive(Clone, Debug, Default)]
pub struct Reloaded {
    /// Its number and outcome.
    pub generation: Generation,
    /// What was, or would have been, done; absent where the folder could not be read.
    pub plan: Option<Plan>,
    /// What was found.
    pub said: Said,
    /// Swaps that the cluster did not allow.
    pub refused: Vec<Refusal>,
    /// Swaps that are not taken yet.
    pub open: Vec<PipelineName>,
    /// Why pipelines that no file names go on.
    pub removals_held_back: Option<String>,
}

/// What a folder would change.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The changes.
    pub plan: Plan,
    /// What was found in the files.
    pub said: Said,
}

/// A way to the one who reloads, and to the supervisor.
#[derive(Clone)]
pub struct Asker {
    ask: mpsc::Sender<Request>,
    supervisor: Handle,
    overview: Overview,
    pauses: Pauses,
}

impl std::fmt::Debug for Asker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asker").finish_non_exhaustive()
    }
}

impl Asker {
    pub(super) fn new(
        ask: mpsc::Sender<Request>,
        supervisor: Handle,
        overview: Overview,
        keeper: Keeper,
    ) -> Self {
        let pauses = Pauses::new(supervisor.clone(), keeper);
        Self { ask, supervisor, overview, pauses }
    }

    /// Who keeps the pauses, for all.
    pub(super) fn pauses(&self) -> Pauses {
        self.pauses.clone()
    }

    /// The status document.
    pub async fn status(&self, instance: &InstanceId) -> Result<Value, Gone> {
        let pipelines = self.supervisor.status().await?;
        let left_behind = self.supervisor.left_behind().await?;
        Ok(self.overview.document(instance, &pipelines, &left_behind))
    }

    /// The same as numbers: what became of the readings of the folder, and all pipelines.
    pub async fn measures(&self) -> Result<(ReloadMeasures, Vec<PipelineStatus>), Gone> {
        let pipelines = self.supervisor.status().await?;
        let left_behind = u64::try_from(self.supervisor.left_behind().await?.len());
        let left_behind = left_behind.unwrap_or(u64::MAX);
        Ok((ReloadMeasures { left_behind, ..self.overview.reloads() }, pipelines))
    }

    /// Reads the folder after this call and waits for how that comes out.
    pub async fn reload(&self, removals: Removals) -> Result<Reloaded, Unanswered> {
        self.ask(|reply| Request::Reload { removals, reply }).await
    }

    /// Has the folder read, and does not wait for how that comes out; fails where it will not be read for this.
    pub fn poke(&self, removals: Removals) -> Result<(), Unanswered> {
        let (reply, _nobody) = oneshot::channel();
        self.ask.try_send(Request::Reload { removals, reply }).map_err(|refused| match refused {
            TrySendError::Full(_) => Unanswered::Busy,
            TrySendError::Closed(_) => Unanswered::Gone,
        })
    }

    /// What a folder with these files would change.
    pub async fn plan(&self, files: Snapshot) -> Result<Planned, Unanswered> {
        self.ask(|reply| Request::Plan { files, reply }).await
    }

    /// Holds a pipeline, over restarts of the daemon; nothing where it is not there. Whoever does not wait for the answer has
    /// it done and kept all the same.
    pub async fn pause(&self, name: PipelineName) -> Result<Option<Kept>, Gone> {
        let supervisor = self.supervisor.clone();
        self.pauses.change(async move { supervisor.pause(name).await }).await
    }

    /// Lets a pipeline go on, also one that was removed meanwhile; nothing where there is none of that name.
    pub async fn resume(&self, name: PipelineName) -> Result<Option<Kept>, Gone> {
        let supervisor = self.supervisor.clone();
        self.pauses.change(async move { supervisor.resume(name).await }).await
    }

    /// Whether a pipeline is paused by its file, whatever operators do.
    pub async fn is_paused_by_file(&self, name: &PipelineName) -> Result<bool, Gone> {
        let is_paused =
            |p: &PipelineStatus| p.name == name.as_str() && p.paused_by.contains(&"file");
        Ok(self.supervisor.status().await?.iter().any(is_paused))
    }

    /// Ends a pipeline's workers and starts them again; answers whether it is there.
    pub async fn restart(&self, name: PipelineName) -> Result<bool, Gone> {
        self.supervisor.restart(name).await
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, Unanswered>>) -> Request,
    ) -> Result<T, Unanswered> {
        let (reply, answer) = oneshot::channel();
        self.ask.send(request(reply)).await.map_err(|_closed| Unanswered::Gone)?;
        answer.await.map_err(|_dropped| Unanswered::Gone)?
    }
}

impl Reloads {
    /// Whoever asked may have gone: it is done all the same.
    pub(super) async fn serve(&mut self, request: Request) -> Result<(), Gone> {
        match request {
            Request::Reload { removals, reply } => {
                if self.asked.len() >= QUESTIONS_MAX {
                    drop(reply.send(Err(Unanswered::Busy)));
                    return Ok(());
                }
                // The answer comes with a look that begins after this, which all share that ask until then.
                let number = self.next_question;
                self.next_question += 1;
                self.asked.insert(number, Question { removals, reply });
                self.watch.ask(number);
            }
            Request::Plan { mut files, reply } => {
                let folder = self.folder();
                for file in &mut files.files {
                    file.path = folder.join(&file.path).display().to_string();
                }
                files.schemas.folder = self.settings.schemas.display().to_string();
                let prepared = match self.beside_now().await {
                    Ok(beside) => {
                        let files = Files { snapshot: files, beside };
                        self.prepare(files, Base::Running, Removals::Refused).await
                    }
                    Err(why) => Err(Unprepared::Panicked(why)),
                };
                let planned = match prepared {
                    Ok(prepared) => Ok(Planned { plan: prepared.plan, said: prepared.said }),
                    Err(Unprepared::Gone) => Err(Unanswered::Gone),
                    Err(Unprepared::Panicked(why)) => Err(Unanswered::Failed(why)),
                };
                drop(reply.send(planned));
            }
        }
        Ok(())
    }
}
