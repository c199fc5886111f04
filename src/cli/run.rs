//! `krouted run`: the daemon.

mod api;
mod memory;
mod observe;
mod serve;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use super::{Outcome, Stream, say};
use crate::config::{self, Environment, Output, Settings, settings};
use crate::kafka::{Connection, Librdkafka, Port, Secrets};
use crate::supervisor::Work;
use crate::supervisor::reload::{Clusters, Reading};
use crate::telemetry;
use crate::worker::{self, Exit, Job, SystemClock};

/// What still reads or writes when all else has ended is waited for so long: a disk that hangs must not keep the process.
const UNFINISHED_MAX: Duration = Duration::from_secs(5);

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
    let folder = arguments.pipelines.as_ref().unwrap_or(&settings.pipelines);
    settings.schemas = loaded.schemas_beside(folder);
    let _instance = lock_instance(&settings)?;
    let reading = Reading {
        settings_file: file,
        folder: arguments.pipelines.clone(),
        environment: environment.clone(),
    };
    crate::kafka::keep_freed_memory();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(serve::serve(settings, reading, secrets(&environment)));
    runtime.shutdown_timeout(UNFINISHED_MAX);
    outcome
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
    crate::state::make_folder(folder)
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

pub(super) fn secrets(environment: &Environment) -> Secrets {
    let variables = match environment {
        Environment::Known(variables) => variables.clone(),
        Environment::Unknown => BTreeMap::new(),
    };
    let credentials_directory = environment.get("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    Secrets { credentials_directory, environment: variables }
}

/// What a worker's thread does: a port on the pipeline's cluster as it is reached at that moment, and the loop on it.
pub(super) fn work(clusters: Clusters, secrets: Secrets) -> Work {
    Arc::new(move |job: &Job| {
        let pipeline = &job.edition.pipeline;
        let Some(cluster) = clusters.get(&pipeline.cluster) else {
            let fault = worker::Fault::new(
                worker::FaultKind::Configuration,
                format!("the settings have no cluster {}", pipeline.cluster),
            );
            return Exit::Fault(fault);
        };
        let connection = Connection {
            id: job.id.clone(),
            cluster,
            secrets: secrets.clone(),
            pipeline: Arc::clone(pipeline),
        };
        match Port::open(connection, &|| job.control.stop_requested()) {
            Ok(mut port) => worker::run(&mut port, job, &SystemClock::default()),
            Err(fault) => Exit::Fault(fault),
        }
    })
}
