//! What others may ask of the one who reloads.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::generation::{Generation, Said};
use super::overview::{Overview, Reloads as ReloadMeasures};
use super::prepare::Base;
use super::{Memory, Question, Reloads};
use crate::config::Snapshot;
use crate::model::{InstanceId, PipelineName};
use crate::supervisor::apply::Refusal;
use crate::supervisor::handle::{Gone, Handle};
use crate::supervisor::plan::{Plan, Removals};
use crate::supervisor::status::PipelineStatus;
use crate::watch::Poke;

/// Whoever asks waits, so more than a few at once are a burst of clients.
pub const REQUESTS_MAX: usize = 16;

pub(super) enum Request {
    Reload { removals: Removals, reply: oneshot::Sender<Reloaded> },
    Plan { files: Snapshot, reply: oneshot::Sender<Planned> },
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
    memory: Arc<Mutex<Box<dyn Memory>>>,
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
        memory: Arc<Mutex<Box<dyn Memory>>>,
    ) -> Self {
        Self { ask, supervisor, overview, memory }
    }

    /// The status document.
    pub async fn status(&self, instance: &InstanceId) -> Result<Value, Gone> {
        let pipelines = self.supervisor.status().await?;
        Ok(self.overview.document(instance, &pipelines))
    }

    /// The same as numbers: what became of the readings of the folder, and all pipelines.
    pub async fn measures(&self) -> Result<(ReloadMeasures, Vec<PipelineStatus>), Gone> {
        let pipelines = self.supervisor.status().await?;
        Ok((self.overview.reloads(), pipelines))
    }

    /// Reads the folder after this call and waits for how that comes out.
    pub async fn reload(&self, removals: Removals) -> Result<Reloaded, Gone> {
        self.ask(|reply| Request::Reload { removals, reply }).await
    }

    /// Has the folder read, and does not wait; where many have asked already, one of theirs does it.
    pub fn poke(&self, removals: Removals) {
        let (reply, _nobody) = oneshot::channel();
        drop(self.ask.try_send(Request::Reload { removals, reply }));
    }

    /// What a folder with these files would change.
    pub async fn plan(&self, files: Snapshot) -> Result<Planned, Gone> {
        self.ask(|reply| Request::Plan { files, reply }).await
    }

    /// Holds a pipeline, over restarts of the daemon; answers whether it is there.
    pub async fn pause(&self, name: PipelineName) -> Result<bool, Gone> {
        let held = self.supervisor.pause(name).await?;
        Ok(self.keep(held))
    }

    /// Lets a pipeline go on; answers whether it is there.
    pub async fn resume(&self, name: PipelineName) -> Result<bool, Gone> {
        let held = self.supervisor.resume(name).await?;
        Ok(self.keep(held))
    }

    /// Ends a pipeline's workers and starts them again; answers whether it is there.
    pub async fn restart(&self, name: PipelineName) -> Result<bool, Gone> {
        self.supervisor.restart(name).await
    }

    fn keep(&self, held: Option<BTreeSet<PipelineName>>) -> bool {
        let Some(held) = held else { return false };
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).keep_paused(&held);
        true
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, Gone> {
        let (reply, answer) = oneshot::channel();
        self.ask.send(request(reply)).await.map_err(|_closed| Gone)?;
        answer.await.map_err(|_dropped| Gone)
    }
}

impl Reloads {
    /// Whoever asked may have gone: it is done all the same.
    pub(super) async fn serve(&mut self, request: Request) -> Result<(), Gone> {
        match request {
            Request::Reload { removals, reply } => {
                let number = self.next_question;
                self.next_question += 1;
                // The answer comes with a look that begins after this; where so many have poked that there is no room,
                // the question is dropped and whoever asked is told so.
                if self.poke.try_send(Poke::Asked(number)).is_ok() {
                    self.asked.insert(number, Question { removals, reply });
                }
            }
            Request::Plan { mut files, reply } => {
                let folder = self.folder();
                for file in &mut files.files {
                    file.path = folder.join(&file.path).display().to_string();
                }
                files.schemas.folder = self.settings.schemas.display().to_string();
                // Without an answer whoever asked is told that there is none.
                if let Ok(prepared) = self.prepare(files, Base::Running, Removals::Refused).await {
                    drop(reply.send(Planned { plan: prepared.plan, said: prepared.said }));
                }
            }
        }
        Ok(())
    }
}
