//! Workers that did not end when they were told to, and stay in the process with threads, connections and queues of their own
//! until they end by themselves: counted, shown, and bounded.
//!
//! Only a restart of the daemon is sure to end them. So a pipeline with [`LEFT_OF_PIPELINE_MAX`] of them gets no further
//! worker: it halts, and says why. From [`LEFT_MAX`] in the daemon on, so does each pipeline that has left any; one that has
//! left none goes on, whatever the others do.

use std::collections::BTreeMap;

use super::thread::{At, WorkerThread};
use crate::model::{PipelineName, WorkerId};

/// Of one name, over all its definitions: as many as an operator may take for bad luck, and few enough for their queues to
/// fit into memory.
pub const LEFT_OF_PIPELINE_MAX: usize = 8;
/// Of all names together.
pub const LEFT_MAX: usize = 32;
/// What helps.
pub(super) const HINT: &str = "restart the daemon, and keep its log: a worker that does not end is a bug of krouted or of a client library";

/// All of them.
#[derive(Default)]
pub(super) struct Left(BTreeMap<(At, u64), (WorkerId, WorkerThread)>);

impl Left {
    /// It did not end in time.
    pub(super) fn add(&mut self, at: At, attempt: u64, (id, thread): (WorkerId, WorkerThread)) {
        let left = self.of(&id.pipeline).saturating_add(1);
        tracing::error!(worker = %id, left, most = LEFT_OF_PIPELINE_MAX, "did not end in time and is left behind; its open transaction ends by its timeout");
        self.0.insert((at, attempt), (id, thread));
    }

    /// A thread has told its end; answers whether it was one of these.
    pub(super) fn ended(&mut self, at: At, attempt: u64) -> bool {
        let Some((id, thread)) = self.0.remove(&(at, attempt)) else { return false };
        thread.join();
        tracing::info!(worker = %id, "what was left behind has ended");
        true
    }

    /// How many a pipeline has.
    pub(super) fn of(&self, name: &PipelineName) -> usize {
        self.0.values().filter(|(id, _)| id.pipeline == *name).count()
    }

    pub(super) fn ids(&self) -> Vec<WorkerId> {
        self.0.values().map(|(id, _)| id.clone()).collect()
    }

    /// Why no further worker of a pipeline may start: a lower-case fragment.
    pub(super) fn forbids(&self, name: &PipelineName) -> Option<String> {
        let (own, all) = (self.of(name), self.0.len());
        if own >= LEFT_OF_PIPELINE_MAX {
            return Some(format!(
                "{own} of its workers did not end when they were told to and are left behind, so no further one is started"
            ));
        }
        (own > 0 && all >= LEFT_MAX).then(|| {
            format!(
                "{all} workers of this daemon, {own} of them of this pipeline, did not end when they were told to and are left behind, so no further one of it is started"
            )
        })
    }
}
