//! What is seen of the daemon from outside: copied from the supervisor once a second, rendered when somebody asks.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::api;
use crate::admin::{Answering, Listener, Observed};
use crate::model::InstanceId;
use crate::supervisor::PipelineStatus;
use crate::supervisor::reload::{Asker, ReloadMeasures};
use crate::telemetry;

/// How often the counts are copied.
const TICK: Duration = Duration::from_secs(1);
/// A supervisor that answers nothing for so long is not alive: a reload never keeps it from answering.
const LIVE_WITHIN: Duration = Duration::from_secs(10);

/// The last copy.
pub(super) struct Observatory {
    asker: Asker,
    instance: InstanceId,
    seen: Mutex<Seen>,
}

struct Seen {
    at: Instant,
    is_stopping: bool,
    reloads: ReloadMeasures,
    pipelines: Arc<Vec<PipelineStatus>>,
}

/// Serves the listener, and copies, for as long as it is polled.
pub(super) async fn show(listener: Listener, observatory: Observatory) {
    let observatory = Arc::new(observatory);
    let observed: Arc<dyn Observed> = Arc::<Observatory>::clone(&observatory);
    tokio::join!(listener.serve(observed), observatory.copy());
}

impl Observatory {
    pub(super) fn new(asker: Asker, instance: InstanceId) -> Self {
        let seen = Seen {
            at: Instant::now(),
            is_stopping: false,
            reloads: ReloadMeasures::default(),
            pipelines: Arc::default(),
        };
        Self { asker, instance, seen: Mutex::new(seen) }
    }

    async fn copy(&self) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tick.tick().await;
            let measures = self.asker.measures().await;
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            // What was counted last is shown until the end, which the supervisor bounds.
            let Ok((reloads, pipelines)) = measures else {
                seen.is_stopping = true;
                return;
            };
            let (at, pipelines) = (Instant::now(), Arc::new(pipelines));
            *seen = Seen { at, is_stopping: false, reloads, pipelines };
        }
    }

    fn with<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Observed for Observatory {
    fn metrics(&self) -> String {
        let (reloads, pipelines) =
            self.with(|seen| (seen.reloads.clone(), Arc::clone(&seen.pipelines)));
        telemetry::metrics::render(&reloads, &pipelines)
    }

    fn live(&self) -> Result<(), String> {
        let (silent, is_stopping) = self.with(|seen| (seen.at.elapsed(), seen.is_stopping));
        if is_stopping || silent < LIVE_WITHIN {
            return Ok(());
        }
        Err(format!("the supervisor has not answered for {} s", silent.as_secs()))
    }

    fn ready(&self) -> Result<(), String> {
        self.with(|seen| {
            if seen.is_stopping {
                return Err("the daemon is stopping".to_owned());
            }
            if !seen.reloads.has_begun() {
                return Err("the pipelines folder is not read yet".to_owned());
            }
            unready(&seen.pipelines)
        })
    }

    fn status(&self) -> Answering<'_> {
        Box::pin(async { api::answer(self.asker.status(&self.instance).await) })
    }
}

/// A paused pipeline is where it shall be; a file that was rejected keeps nobody from being ready.
fn unready(pipelines: &[PipelineStatus]) -> Result<(), String> {
    let is_elsewhere = |p: &&PipelineStatus| !matches!(p.state, "running" | "paused");
    let lines: Vec<_> = pipelines
        .iter()
        .filter(is_elsewhere)
        .map(|p| format!("\n{} is {}", p.name, p.state))
        .collect();
    if lines.is_empty() { Ok(()) } else { Err(lines.concat()) }
}
