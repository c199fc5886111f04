//! `krouted test`: the tests in the files, without a broker.

mod report;

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;

use super::sources::{self, Clusters, Sources};
use super::{Outcome, Stream, say};
use crate::config::{Counts, Environment, Finding};
use report::Asked;

/// What `test` is asked for.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Pipeline files and folders of them; default: the folder of the settings.
    #[arg(value_name = "FILE|FOLDER")]
    paths: Vec<PathBuf>,
    /// The settings file; default: ./krouted.yaml, then /etc/krouted/krouted.yaml, where there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Looks up ${NAME} in the environment; without it, pipelines that need one are left out.
    #[arg(long)]
    env: bool,
    /// Says which steps and routes no test reaches.
    #[arg(long)]
    coverage: bool,
    /// How results are written, to standard output.
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people.
    Text,
    /// One document, for programs.
    Json,
    /// For what shows test reports.
    Junit,
}

/// Runs all tests, and says what came out.
pub(super) fn run(arguments: &Arguments) -> Result<Outcome> {
    let config = arguments.config.as_deref();
    let environment = if arguments.env { Environment::of_process() } else { Environment::Unknown };
    let checked = match sources::read(&arguments.paths, config, &environment, Clusters::OfTheFile)?
    {
        Sources::Read(checked, _) => checked,
        Sources::NoSettings(findings) => {
            sources::say_findings(&findings, Counts { files: 1, pipelines: 0 });
            return Ok(Outcome::Configuration);
        }
    };
    let is_bad = sources::say_findings(&checked.findings, checked.counts);
    let coverage = if arguments.coverage { Asked::Yes } else { Asked::No };
    let results = report::results(&checked.run_cases(), coverage);
    let refused = report::refused(&checked.findings);
    let text = match arguments.output {
        Form::Text => report::text(&results),
        Form::Json => report::json(&results, &refused),
        Form::Junit => report::junit(&results, &refused),
    };
    say(Stream::Data, &text);
    let fails = results.iter().any(|r| r.failed() > 0);
    let left_out = checked.findings.iter().any(Finding::is_untested);
    Ok(if is_bad || fails || left_out { Outcome::Findings } else { Outcome::Good })
}
