//! The operators' pauses, kept over restarts of the daemon by the [`Keeper`]: the supervisor's thread must not wait for a disk.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::keeper::{Keeper, Written};
use crate::model::PipelineName;
use crate::supervisor::handle::{Gone, Handle};
use crate::supervisor::plan::{Kind, Plan};

/// So many pauses are under way at once, whether anybody waits for them or not.
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
    keeper: Keeper,
    /// Those that are being done.
    renames: Arc<tokio::sync::Mutex<Vec<Rename>>>,
    places: Arc<Semaphore>,
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
    pub(super) fn new(supervisor: Handle, keeper: Keeper) -> Self {
        let places = Arc::new(Semaphore::new(WAITING_MAX));
        Self { supervisor, keeper, renames: Arc::default(), places }
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
        let renames = self.renames.lock().await;
        let written = self.put(&renames).await?;
        drop(renames);
        Ok(self.kept(written).await)
    }

    /// Keeps what is paused under both names, where it is about to be renamed: whenever the process is killed, its pause is
    /// known by the name that counts then.
    pub(super) async fn begin_renames(&self, begun: Vec<Rename>) -> Result<Kept, Gone> {
        let mut renames = self.renames.lock().await;
        *renames = begun;
        let written = self.put(&renames).await?;
        drop(renames);
        Ok(self.kept(written).await)
    }

    /// Has the new names alone kept, and does not wait for that.
    pub(super) async fn end_renames(&self) -> Result<(), Gone> {
        let mut renames = self.renames.lock().await;
        renames.clear();
        self.put(&renames).await.map(drop)
    }

    /// Under the lock: what is put last is what is paused.
    async fn put(&self, renames: &[Rename]) -> Result<Written, Gone> {
        let mut paused = self.supervisor.paused().await?;
        let held = renames.iter().filter(|(from, _)| paused.contains(from));
        let new: Vec<_> = held.map(|(_, to)| to.clone()).collect();
        paused.extend(new);
        Ok(self.keeper.put_pauses(paused))
    }

    async fn kept(&self, written: Written) -> Kept {
        match self.keeper.wait(written).await {
            Ok(()) => Kept::Kept,
            Err(why) => Kept::Lost(why),
        }
    }
}
