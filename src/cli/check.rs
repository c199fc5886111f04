//! `krouted check`: findings of files and folders, failing tests among them; with `--online`, also what the clusters say.

mod online;

use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;

use super::sources::{self, Clusters, Sources};
use super::{Outcome, Stream, say};
use crate::config::{self, Environment, Finding, Output, Severity};

/// What `check` is asked for.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line, one each")]
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
    /// Asks the clusters too: topics, rights, group, transactional ids, brokers; implies --env.
    #[arg(long)]
    online: bool,
    /// Leaves the tests in the files out.
    #[arg(long)]
    no_tests: bool,
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
    let looks_up = arguments.env || arguments.online;
    let environment = if looks_up { Environment::of_process() } else { Environment::Unknown };
    let config = arguments.config.as_deref();
    // Who asks clusters must know them; without a settings file that is the local broker alone.
    let clusters = if arguments.online { Clusters::AllKnown } else { Clusters::OfTheFile };
    let (mut checked, settings) =
        match sources::read(&arguments.paths, config, &environment, clusters)? {
            Sources::Read(checked, settings) => (checked, settings),
            Sources::NoSettings(findings) => {
                let counts = config::Counts { files: 1, pipelines: 0 };
                print(&findings, counts, arguments.output);
                return Ok(Outcome::Configuration);
            }
        };
    if arguments.no_tests {
        checked.findings.retain(|finding| !finding.is_untested());
    } else {
        checked.refuse_failing();
    }
    if arguments.online {
        online::ask(&mut checked, &settings, &environment);
    }
    print(&checked.findings, checked.counts, arguments.output);
    Ok(outcome(&checked.findings))
}

/// Only where trying again may help with all that is wrong is that what is said.
fn outcome(findings: &[Finding]) -> Outcome {
    let errors = || findings.iter().filter(|f| f.severity == Severity::Error);
    match errors().next() {
        None => Outcome::Good,
        Some(_) if errors().all(Finding::is_away) => Outcome::Later,
        Some(_) if errors().all(|f| f.is_away() || f.is_of_settings()) => Outcome::Configuration,
        Some(_) => Outcome::Findings,
    }
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
