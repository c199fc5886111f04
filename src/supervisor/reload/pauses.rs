//! The operators' pauses, kept over restarts of the daemon: away from the supervisor's thread, which must not wait for a disk.

use std::sync::{Arc, Mutex, PoisonError};

use super::Memory;
use crate::supervisor::handle::{Gone, Handle};

/// Whether a restart of the daemon will know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Yes.
    Kept,
    /// No; why, a lower-case fragment.
    Lost(String),
}

/// Keeps which pipelines are paused, as they are when it is written: so the last write is true, whoever asked first.
#[derive(Clone)]
pub(super) struct Pauses {
    supervisor: Handle,
    memory: Arc<Mutex<Box<dyn Memory>>>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Pauses {
    pub(super) fn new(supervisor: Handle, memory: Arc<Mutex<Box<dyn Memory>>>) -> Self {
        Self { supervisor, memory, turn: Arc::default() }
    }

    pub(super) async fn keep(&self) -> Result<Kept, Gone> {
        let _turn = self.turn.lock().await;
        let paused = self.supervisor.paused().await?;
        let memory = Arc::clone(&self.memory);
        let keep =
            move || memory.lock().unwrap_or_else(PoisonError::into_inner).keep_paused(&paused);
        let kept = tokio::task::spawn_blocking(keep).await;
        Ok(match kept {
            Ok(Ok(())) => Kept::Kept,
            Ok(Err(why)) => Kept::Lost(why),
            Err(error) => Kept::Lost(format!("a bug of krouted: {error}")),
        })
    }
}
