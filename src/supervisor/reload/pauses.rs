//! The operators' pauses, kept over restarts of the daemon: away from the supervisor's thread, which must not wait for a disk.
//!
//! What could not be written is written with the next pause, or by [`Pauses::catch_up`], whichever comes first.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use super::Memory;
use crate::model::PipelineName;
use crate::supervisor::handle::{Gone, Handle};
use crate::supervisor::plan::{Kind, Plan};

/// So many pauses wait for a disk at once, whether anybody waits for them or not.
const WAITING_MAX: usize = 64;

/// Whether a restart of the daemon will know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Yes.
    Kept,
    /// Not for sure, until it could be written, which is tried again; why, a lower-case fragment.
    Lost(String),
}

/// Keeps which pipelines are paused, as they are when it is written: so the last write is true, whoever asked first.
#[derive(Clone)]
pub(super) struct Pauses {
    supervisor: Handle,
    memory: Arc<Mutex<Box<dyn Memory>>>,
    turn: Arc<tokio::sync::Mutex<Written>>,
    places: Arc<Semaphore>,
}

/// What was written last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Written {
    /// All that was asked for.
    #[default]
    All,
    /// Not that, or more than that.
    Other,
}

/// The name before, and the new one.
type Rename = (PipelineName, PipelineName);

/// What a plan renames.
pub(super) fn renames(plan: &Plan) -> Vec<Rename> {
    let rename = |kind: &Kind, name: &PipelineName| match kind {
        Kind::Rename { from } => Some((from.clone(), name.clone())),
        Kind::Unchanged
        | Kind::Swap { .. }
        | Kind::Restart
        | Kind::Regroup
        | Kind::Start
        | Kind::Stop => None,
    };
    plan.changes.iter().filter_map(|change| rename(&change.kind, &change.name)).collect()
}

impl Pauses {
    pub(super) fn new(supervisor: Handle, memory: Arc<Mutex<Box<dyn Memory>>>) -> Self {
        let places = Arc::new(Semaphore::new(WAITING_MAX));
        Self { supervisor, memory, turn: Arc::default(), places }
    }

    /// Pauses or resumes by `change`, which answers whether the pipeline is there, and keeps that. Once it has begun, it goes
    /// on to its end, also where nobody waits for it any more: what a client left behind must not be forgotten.
    pub(super) async fn change<F>(&self, change: F) -> Result<Option<Kept>, Gone>
    where
        F: Future<Output = Result<bool, Gone>> + Send + 'static,
    {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_closed| Gone)?;
        let pauses = self.clone();
        let work = async move {
            let _place = place;
            let is_there = change.await?;
            if is_there { pauses.keep().await.map(Some) } else { Ok(None) }
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "it outlives whoever asked; its places are the bound, and it ends with the supervisor"
        )]
        let done = tokio::spawn(work).await;
        done.unwrap_or_else(|error| Ok(Some(Kept::Lost(format!("a bug of krouted: {error}")))))
    }

    pub(super) async fn keep(&self) -> Result<Kept, Gone> {
        let mut turn = self.turn.lock().await;
        self.write(&mut turn, &[]).await
    }

    /// Keeps what is paused under both names, where it is about to be renamed: whenever the process is killed, its pause is
    /// known by the name that counts then.
    pub(super) async fn keep_both(&self, renames: &[Rename]) -> Result<Kept, Gone> {
        let mut turn = self.turn.lock().await;
        self.write(&mut turn, renames).await
    }

    /// Writes again what could not be written.
    pub(super) async fn catch_up(&self) -> Result<(), Gone> {
        let mut turn = self.turn.lock().await;
        match *turn {
            Written::All => Ok(()),
            Written::Other => self.write(&mut turn, &[]).await.map(drop),
        }
    }

    async fn write(&self, turn: &mut Written, renames: &[Rename]) -> Result<Kept, Gone> {
        *turn = Written::Other;
        let mut paused = self.supervisor.paused().await?;
        let new: BTreeSet<_> = renames
            .iter()
            .filter(|(from, _)| paused.contains(from))
            .map(|(_, to)| to.clone())
            .collect();
        let is_all = new.is_subset(&paused);
        paused.extend(new);
        let memory = Arc::clone(&self.memory);
        let keep =
            move || memory.lock().unwrap_or_else(PoisonError::into_inner).keep_paused(&paused);
        let kept = tokio::task::spawn_blocking(keep).await;
        Ok(match kept {
            Ok(Ok(())) => {
                if is_all {
                    *turn = Written::All;
                }
                Kept::Kept
            }
            Ok(Err(why)) => Kept::Lost(why),
            Err(error) => Kept::Lost(format!("a bug of krouted: {error}")),
        })
    }
}
