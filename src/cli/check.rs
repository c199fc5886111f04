//! `krouted check`: offline findings of files and folders.

use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::{Outcome, Stream, say};
use crate::config::{self, Environment, Finding, Output, Severity, Snapshot, settings};
use crate::kafka::Librdkafka;

/// What `check` is asked for.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Pipeline files and folders of them; default: the folder of the settings.
    #[arg(value_name = "FILE|FOLDER")]
    paths: Vec<PathBuf>,
    /// The settings file; default: ./krouted.yaml, then /etc/krouted/krouted.yaml, where there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Looks up ${NAME} in the environment; without it, each is taken as some unknown text.
    #[arg(long)]
    env: bool,
    /// How findings are written: text to standard error, json and github to standard output.
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people.
    Text,
    /// One document, for programs.
    Json,
    /// Annotations of GitHub Actions.
    Github,
}

/// Checks, and says what was found.
pub(super) fn run(arguments: &Arguments) -> Result<Outcome> {
    let environment = if arguments.env { Environment::of_process() } else { Environment::Unknown };
    let properties = Librdkafka;
    let file = settings::find(arguments.config.as_deref());
    let loaded = match settings::load(file.as_deref(), &environment, &properties) {
        Ok(loaded) => loaded,
        Err(findings) => {
            let counts = config::Counts { files: 1, pipelines: 0 };
            print(&findings, counts, arguments.output);
            return Ok(Outcome::Configuration);
        }
    };
    // Without a settings file nobody knows which clusters there will be.
    let known = loaded.file.is_some().then_some(&loaded.settings);
    let paths = match arguments.paths.as_slice() {
        [] => std::slice::from_ref(&loaded.settings.pipelines),
        given => given,
    };
    let snapshot =
        Snapshot::read_all(paths).with_context(|| format!("cannot read {}", shown(paths)))?;
    let snapshot = snapshot.without(loaded.file.as_deref());
    let checked = config::check(&snapshot, known, &environment, &properties);
    print(&checked.findings, checked.counts, arguments.output);
    let is_bad = checked.findings.iter().any(|f| f.severity == Severity::Error);
    Ok(if is_bad { Outcome::Findings } else { Outcome::Good })
}

fn print(findings: &[Finding], counts: config::Counts, form: Form) {
    // NO_COLOR: no-color.org
    let is_coloured =
        || std::io::stderr().is_terminal() && Environment::of_process().get("NO_COLOR").is_none();
    let (output, stream) = match form {
        Form::Text if is_coloured() => (Output::ColouredText, Stream::Errors),
        Form::Text => (Output::Text, Stream::Errors),
        Form::Json => (Output::Json, Stream::Data),
        Form::Github => (Output::Github, Stream::Data),
    };
    say(stream, &config::render(findings, counts, output));
}

fn shown(paths: &[PathBuf]) -> String {
    paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ")
}
