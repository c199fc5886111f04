//! Pipeline files as `check`, `test` and `explain` read them: offline, with the settings where there are any.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::config::{self, Checked, Environment, Finding, Output, Severity, Snapshot, settings};
use crate::kafka::Librdkafka;

use super::{Misuse, Stream, say};

/// What was read, or the findings of a settings file that nothing can be read by.
pub(super) enum Sources {
    /// All files.
    Read(Checked),
    /// The settings are broken.
    NoSettings(Vec<Finding>),
}

/// Reads and checks files and folders; without any, the folder of the settings.
pub(super) fn read(
    paths: &[PathBuf],
    config: Option<&Path>,
    environment: &Environment,
) -> Result<Sources> {
    let file = settings::find(config);
    let loaded = match settings::load(file.as_deref(), environment, &Librdkafka) {
        Ok(loaded) => loaded,
        Err(findings) => return Ok(Sources::NoSettings(findings)),
    };
    // Without a settings file nobody knows which clusters there will be.
    let known = loaded.file.is_some().then_some(&loaded.settings);
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
    Ok(Sources::Read(config::check(&snapshot, known, environment, &Librdkafka)))
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
