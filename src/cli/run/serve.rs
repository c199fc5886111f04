//! Watch, reload, supervisor and admin put together, kept until a signal ends the daemon.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::api::Api;
use super::memory::{self, Kept};
use super::observe::{self, Observatory};
use super::work;
use crate::admin::{Listener, Socket};
use crate::cli::Outcome;
use crate::config::{Environment, Settings, Snapshot, settings};
use crate::kafka::Secrets;
use crate::model::PipelineName;
use crate::state::StateFolder;
use crate::supervisor::reload::{Beginning, Clusters, Generation, Phase, Reading, Reloads};
use crate::supervisor::wanted::LastGood;
use crate::supervisor::{DRAIN_MAX, Supervisor};
use crate::systemd;
use crate::watch::{Events, Poke, Timing};

/// Between two signs of life; the unit waits for many of them.
const HEARTBEAT_MIN: Duration = Duration::from_millis(500);
/// Each of them only says "look": one that waits says as much as many.
const POKES_MAX: usize = 32;

pub(super) async fn serve(
    settings: Settings,
    reading: Reading,
    secrets: Secrets,
) -> Result<Outcome> {
    // Heard from the beginning, and answered by the first look: without a handler it would end the process.
    let hangup = signal(SignalKind::hangup())?;
    let remembered = Memories::open(&settings, &reading)?;
    let socket = bind(&settings, &reading.environment)?;
    let listener = listen(&settings)?;
    let shutdown = shutdown()?;
    let clusters = Clusters::new(settings.clusters.clone());
    let instance = settings.instance_id.clone();
    let is_ready = Arc::new(AtomicBool::new(false));
    let (supervisor, handle) = Supervisor::new(
        &instance,
        remembered.paused,
        work(clusters.clone(), secrets),
        heartbeat(&is_ready),
    );
    let folder = reading.folder.as_ref().unwrap_or(&settings.pipelines);
    tracing::info!(folder = %folder.display(), %instance, "starting");
    let (poke, pokes) = mpsc::channel(POKES_MAX);
    let beginning = Beginning {
        reading,
        settings,
        clusters,
        last_good: remembered.last_good,
        unbuilt: remembered.unbuilt,
        history: remembered.history,
        damage: remembered.damage,
        memory: Arc::new(remembered.kept),
        pokes,
        events: Events::Native,
        timing: Timing::default(),
        observe: observer(is_ready),
    };
    let (reloads, asker) = Reloads::new(beginning, handle);
    let background = async {
        let answers = async {
            if let Some(socket) = socket {
                socket.serve(Arc::new(Api::new(asker.clone(), instance.clone()))).await;
            }
        };
        let shows = async {
            if let Some(listener) = listener {
                observe::show(listener, Observatory::new(asker.clone(), instance.clone())).await;
            }
        };
        tokio::join!(reloads.run(), answers, shows, hangups(hangup, poke));
    };
    tokio::pin!(background);
    let supervised = supervisor.run(shutdown);
    tokio::pin!(supervised);
    // What is in the background ends with the supervisor, wherever it is.
    let left = tokio::select! {
        left = &mut supervised => left,
        () = &mut background => supervised.await,
    };
    for worker in &left {
        tracing::error!(%worker, "was left behind");
    }
    tracing::info!("stopped");
    Ok(Outcome::Good)
}

/// What was there when a daemon ran here last.
struct Memories {
    kept: Kept,
    last_good: LastGood,
    unbuilt: BTreeMap<PipelineName, String>,
    paused: BTreeSet<PipelineName>,
    history: Vec<Generation>,
    damage: Vec<String>,
}

impl Memories {
    /// A folder of pipelines that cannot be read ends a start only where nothing was good before.
    fn open(settings: &Settings, reading: &Reading) -> Result<Self> {
        let place = || format!("the state folder {} cannot be used", settings.state.display());
        let folder = StateFolder::open(&settings.state, &settings.instance_id);
        let folder = folder.with_context(place)?;
        let remembered = folder.load();
        let damage = memory::report(&remembered);
        let environment = &reading.environment;
        let was_good = !remembered.last_good.is_empty();
        let (last_good, unbuilt) = memory::last_good(remembered.last_good, settings, environment);
        if !was_good {
            let pipelines = reading.folder.as_ref().unwrap_or(&settings.pipelines);
            Snapshot::read(pipelines).with_context(|| {
                format!("the pipelines folder {} cannot be read", pipelines.display())
            })?;
        }
        Ok(Self {
            last_good,
            unbuilt: unbuilt.iter().map(|(name, text)| (name.clone(), text.path.clone())).collect(),
            kept: Kept::new(folder, environment.clone(), unbuilt),
            paused: remembered.paused,
            history: remembered.generations,
            damage,
        })
    }
}

/// The socket, where there is a place for one.
fn bind(settings: &Settings, environment: &Environment) -> Result<Option<Socket>> {
    let path = settings.socket.clone().or_else(|| settings::default_socket(environment));
    let Some(path) = path else {
        tracing::warn!(
            "no admin socket: neither `admin: {{socket: …}}` of the settings nor $RUNTIME_DIRECTORY nor $XDG_RUNTIME_DIR says where"
        );
        return Ok(None);
    };
    let socket = Socket::bind(&path)?;
    tracing::info!(socket = %path.display(), "the admin socket is open");
    Ok(Some(socket))
}

/// The listener, where the settings ask for one.
fn listen(settings: &Settings) -> Result<Option<Listener>> {
    let Some(address) = settings.listen else { return Ok(None) };
    let listener = Listener::bind(address).with_context(|| {
        format!("cannot listen on {address}; give another `admin: {{listen: …}}` in the settings")
    })?;
    tracing::info!(address = %listener.address(), "metrics, health and status are served");
    Ok(Some(listener))
}

/// The watchdog is fed by the supervisor's own loop, once systemd knows that we are there.
fn heartbeat(is_ready: &Arc<AtomicBool>) -> Box<dyn FnMut() + Send> {
    let is_ready = Arc::clone(is_ready);
    let mut last: Option<Instant> = None;
    Box::new(move || {
        // A busy loop turns more often than anybody wants to hear of.
        if is_ready.load(Relaxed) && last.is_none_or(|last| last.elapsed() >= HEARTBEAT_MIN) {
            systemd::watchdog();
            last = Some(Instant::now());
        }
    })
}

/// The end of the first reload is what the start was for.
fn observer(is_ready: Arc<AtomicBool>) -> Box<dyn Fn(Phase) + Send> {
    Box::new(move |phase| match phase {
        Phase::Begun if is_ready.load(Relaxed) => systemd::reloading(),
        Phase::Begun => {}
        Phase::Ended(sentence) => {
            systemd::ready(&sentence);
            is_ready.store(true, Relaxed);
        }
    })
}

async fn hangups(mut hangup: Signal, poke: mpsc::Sender<Poke>) {
    while hangup.recv().await.is_some() {
        if poke.send(Poke::Signal).await.is_err() {
            return;
        }
    }
}

fn shutdown() -> Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!("{name}: finishing the open windows");
        systemd::stopping("finishing the open windows", DRAIN_MAX);
    })
}
