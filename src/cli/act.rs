//! `krouted pause`, `resume` and `restart`: something is done to one pipeline of the daemon.

use std::time::Duration;

use anyhow::Result;

use super::client::{NoAnswer, Place};
use super::{Outcome, Stream, say};
use crate::model::PipelineName;

/// A daemon that is there answers at once.
const WAIT: Duration = Duration::from_secs(10);

/// What these commands are asked for.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The pipeline's name.
    #[arg(value_name = "NAME", value_parser = name)]
    name: PipelineName,
    #[command(flatten)]
    place: Place,
}

fn name(text: &str) -> Result<PipelineName, String> {
    PipelineName::new(text).map_err(|why| why.to_string())
}

/// Asks for `pause`, `resume` or `restart`.
#[expect(clippy::unnecessary_wraps, reason = "as all commands")]
pub(super) fn run(arguments: &Arguments, action: &str) -> Result<Outcome> {
    let target = format!("/v1/pipelines/{}/{action}", arguments.name);
    match arguments.place.ask("POST", &target, "", Some(WAIT)) {
        Ok(document) => {
            let sentence = document["sentence"].as_str().unwrap_or_default();
            say(Stream::Data, &format!("{sentence}\n"));
            Ok(Outcome::Good)
        }
        Err(no_answer) => Ok(NoAnswer::outcome(no_answer)),
    }
}
