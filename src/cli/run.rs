//! `krouted run`: the daemon.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use tokio::signal::unix::{SignalKind, signal};

use super::{Outcome, Stream, say};
use crate::config::{self, Environment, Output, Settings, Severity, Snapshot, settings};
use crate::kafka::{Connection, Librdkafka, Port, Secrets};
use crate::pipeline::Pipeline;
use crate::supervisor::{DRAIN_MAX, Supervisor, Work};
use crate::worker::{self, Exit, Job, SystemClock};
use crate::{systemd, telemetry};

/// What `run` is asked for.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The settings file; default: ./krouted.yaml, then /etc/krouted/krouted.yaml, where there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of the pipeline files, in place of the settings' one.
    #[arg(long, value_name = "FOLDER")]
    pipelines: Option<PathBuf>,
    /// How log lines look; auto: journald under systemd, text on a terminal, else JSON.
    #[arg(long, value_enum, default_value_t = Format::Auto)]
    log_format: Format,
    /// What is logged, as `RUST_LOG` has it: info, debug, krouted=debug,librdkafka=debug.
    #[arg(long, value_name = "FILTER")]
    log_level: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Auto,
    Text,
    Json,
    Journald,
}

/// Runs until SIGTERM or SIGINT. A pipeline's finding never ends it.
pub(super) fn run(arguments: &Arguments) -> Result<Outcome> {
    let environment = Environment::of_process();
    let level = arguments.log_level.as_deref().or_else(|| environment.get("RUST_LOG"));
    telemetry::init(
        log_format(arguments.log_format),
        environment.get("JOURNAL_STREAM"),
        level.unwrap_or_default(),
    );
    let file = settings::find(arguments.config.as_deref());
    let loaded = match settings::load(file.as_deref(), &environment, &Librdkafka) {
        Ok(loaded) => loaded,
        Err(findings) => {
            let counts = config::Counts { files: 1, pipelines: 0 };
            say(Stream::Errors, &config::render(&findings, counts, Output::Text));
            return Ok(Outcome::Configuration);
        }
    };
    let mut settings = loaded.settings.clone();
    if let Some(folder) = &arguments.pipelines {
        settings.pipelines.clone_from(folder);
    }
    settings.schemas = loaded.schemas_for(std::slice::from_ref(&settings.pipelines));
    let _instance = lock_instance(&settings)?;
    let pipelines = read_pipelines(&settings, file.as_deref(), &environment)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(settings, pipelines, secrets(&environment)))
}

fn log_format(format: Format) -> telemetry::LogFormat {
    match format {
        Format::Auto => telemetry::LogFormat::Auto,
        Format::Text => telemetry::LogFormat::Text,
        Format::Json => telemetry::LogFormat::Json,
        Format::Journald => telemetry::LogFormat::Journald,
    }
}

/// Two daemons with one instance id would fence each other for ever: on one host a lock tells.
fn lock_instance(settings: &Settings) -> Result<File> {
    let folder = &settings.state;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("the state folder {} cannot be made", folder.display()))?;
    let path = folder.join(format!("{}.lock", settings.instance_id));
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    if file.try_lock().is_err() {
        bail!(
            "another daemon runs here with the instance_id {}: its lock is {}; give each its own instance_id in the settings",
            settings.instance_id,
            path.display()
        );
    }
    Ok(file)
}

/// The good pipelines of the folder; what is wrong with the others is said.
fn read_pipelines(
    settings: &Settings,
    settings_file: Option<&Path>,
    environment: &Environment,
) -> Result<Vec<Arc<Pipeline>>> {
    let folder: &Path = &settings.pipelines;
    let snapshot = Snapshot::read_with(&[folder.to_owned()], Some(&settings.schemas))
        .with_context(|| format!("the pipelines folder {} cannot be read", folder.display()))?
        .without(settings_file);
    let checked = config::check(&snapshot, Some(settings), environment, &Librdkafka);
    if !checked.findings.is_empty() {
        say(Stream::Errors, &config::render(&checked.findings, checked.counts, Output::Text));
    }
    let refused = checked.counts.pipelines.saturating_sub(checked.pipelines.len());
    let errors = checked.findings.iter().filter(|f| f.severity == Severity::Error).count();
    if errors > 0 {
        tracing::error!(folder = %folder.display(), errors, refused, "files with findings are not run; all others are");
    }
    tracing::info!(folder = %folder.display(), pipelines = checked.pipelines.len(), instance = %settings.instance_id, "starting");
    Ok(checked.pipelines)
}

pub(super) fn secrets(environment: &Environment) -> Secrets {
    let variables = match environment {
        Environment::Known(variables) => variables.clone(),
        Environment::Unknown => BTreeMap::new(),
    };
    let credentials_directory = environment.get("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    Secrets { credentials_directory, environment: variables }
}

async fn serve(
    settings: Settings,
    pipelines: Vec<Arc<Pipeline>>,
    secrets: Secrets,
) -> Result<Outcome> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let count = pipelines.len();
    let instance = settings.instance_id.clone();
    let work = work(settings, secrets);
    let supervisor = Supervisor::new(pipelines, &instance, work, Box::new(systemd::watchdog));
    systemd::ready(&format!("{count} pipelines"));
    let shutdown = async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!("{name}: finishing the open windows");
        systemd::stopping(DRAIN_MAX);
    };
    let left = supervisor.run(shutdown).await;
    for worker in &left {
        tracing::error!(%worker, "did not end in time and is left behind; its open transaction ends by its timeout");
    }
    tracing::info!("stopped");
    Ok(Outcome::Good)
}

/// What a worker's thread does: a port on the pipeline's cluster, and the loop on it.
pub(super) fn work(settings: Settings, secrets: Secrets) -> Work {
    Arc::new(move |pipeline: &Arc<Pipeline>, job: &Job| {
        let Some(cluster) = settings.clusters.get(&pipeline.cluster) else {
            let fault = worker::Fault::new(
                worker::FaultKind::Configuration,
                format!("the settings have no cluster {}", pipeline.cluster),
            );
            return Exit::Fault(fault);
        };
        let connection = Connection {
            id: job.id.clone(),
            cluster: cluster.clone(),
            secrets: secrets.clone(),
            pipeline: Arc::clone(pipeline),
        };
        match Port::open(connection, &|| job.control.stop_requested()) {
            Ok(mut port) => worker::run(&mut port, job, &SystemClock::default()),
            Err(fault) => Exit::Fault(fault),
        }
    })
}
