//! Workers that did not end when they were told to, and stay in the process with threads, connections and queues of their own
//! until they end by themselves: counted, shown, and bounded.
//!
//! A broker that is away for minutes is enough: acknowledgements and transactional calls are waited for longer than a drain.
//! These end once it is back; whatever else holds a worker, only a restart of the daemon is sure to end it. So in the place of
//! one that has left [`LEFT_OF_WORKER_MAX`] behind none is started until one of them has ended; from [`LEFT_MAX`] in the daemon
//! on, none in a pipeline that has left any. Whoever waits so backs off as after a fault, and its neighbours work on.

use std::collections::BTreeMap;

use super::thread::{At, WorkerThread};
use crate::model::{PipelineName, WorkerId};

/// Of one worker, over all its attempts and definitions: as many as an operator may take for bad luck, and few enough for their
/// queues to fit into memory.
pub const LEFT_OF_WORKER_MAX: usize = 4;
/// Of all pipelines together; beyond it each pipeline that has left none may once.
pub const LEFT_MAX: usize = 32;
/// What helps.
pub(super) const HINT: &str = "it starts by itself once they have ended; where they never do, restart the daemon, and keep its log";

/// All of them.
#[derive(Default)]
pub(super) struct Left(BTreeMap<(At, u64), (WorkerId, WorkerThread)>);

impl Left {
    /// It did not end in time.
    pub(super) fn add(&mut self, at: At, attempt: u64, (id, thread): (WorkerId, WorkerThread)) {
        let left = self.of_worker(&id).saturating_add(1);
        tracing::error!(worker = %id, left, most = LEFT_OF_WORKER_MAX, "did not end in time and is left behind; its open transaction ends by its timeout");
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

    fn of_worker(&self, id: &WorkerId) -> usize {
        self.0.values().filter(|(left, _)| left == id).count()
    }

    /// Why a worker may not start: a lower-case fragment.
    pub(super) fn forbids(&self, id: &WorkerId) -> Option<String> {
        let (own, pipelines, all) = (self.of_worker(id), self.of(&id.pipeline), self.0.len());
        if own >= LEFT_OF_WORKER_MAX {
            return Some(format!(
                "{own} before it did not end when they were told to and are left behind, so no further one is started"
            ));
        }
        (pipelines > 0 && all >= LEFT_MAX).then(|| {
            format!(
                "{all} workers of this daemon, {pipelines} of them of this pipeline, did not end when they were told to and are left behind, so no further one of it is started"
            )
        })
    }
}
