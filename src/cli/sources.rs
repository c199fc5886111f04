//! Pipeline files as `check`, `test` and `explain` read them: offline, with the settings where there are any.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::config::{
    self, Checked, Environment, Finding, Output, Settings, Severity, Snapshot, settings,
};
use crate::kafka::Librdkafka;

use super::{Misuse, Stream, say};

/// What was read, or the findings of a settings file that nothing can be read by.
pub(super) enum Sources {
    /// All files, and the settings that they were read with.
    Read(Checked, Box<Settings>),
    /// The settings are broken.
    NoSettings(Vec<Finding>),
}

/// Which clusters a pipeline may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clusters {
    /// Those of the settings file; without one nobody knows which there will be.
    OfTheFile,
    /// Those of the settings, be they defaults.
    AllKnown,
}

/// Reads and checks files and folders; without any, the folder of the settings.
pub(super) fn read(
    paths: &[PathBuf],
    config: Option<&Path>,
    environment: &Environment,
    clusters: Clusters,
) -> Result<Sources> {
    let file = settings::find(config);
    let loaded = match settings::load(file.as_deref(), environment, &Librdkafka) {
        Ok(loaded) => loaded,
        Err(findings) => return Ok(Sources::NoSettings(findings)),
    };
    let are_known = clusters == Clusters::AllKnown || loaded.file.is_some();
    let known = are_known.then_some(&loaded.settings);
    let read = |paths: &[PathBuf]| Snapshot::read_with(paths, Some(&loaded.schemas_for(paths)));
    let snapshot = match paths {
        [] => {
            let folder = &loaded.settings.pipelines;
            read(std::slice::from_ref(folder))
                .with_context(|| format!("cannot read {}", folder.display()))?
        }
        given => read(given).with_context(|| Misuse(format!("cannot read {}", shown(given))))?,
    };
    let snapshot = snapshot.without(loaded.file.as_deref());
    let checked = config::check(&snapshot, known, environment, &Librdkafka);
    Ok(Sources::Read(checked, Box::new(loaded.settings)))
}

fn shown(paths: &[PathBuf]) -> String {
    paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// Says findings on standard error; whether one of them is an error.
pub(super) fn say_findings(findings: &[Finding], counts: config::Counts) -> bool {
    if !findings.is_empty() {
        say(Stream::Errors, &config::render(findings, counts, Output::Text));
    }
    findings.iter().any(|f| f.severity == Severity::Error)
}
