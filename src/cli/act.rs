//! `krouted pause`, `resume` and `restart`: something is done to one pipeline of the daemon.

use std::time::Duration;

use super::client::Place;
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
pub(super) fn run(arguments: &Arguments, action: &str) -> Outcome {
    let target = format!("/v1/pipelines/{}/{action}", arguments.name);
    match arguments.place.ask("POST", &target, "", WAIT) {
        Ok(document) => {
            say(Stream::Data, &format!("{}\n", document.text("/sentence")));
            if document.text("/lost").is_empty() { Outcome::Good } else { Outcome::Failed }
        }
        Err(no_answer) => no_answer.outcome(),
    }
}
