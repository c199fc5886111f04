//! `krouted pause`, `resume` and `restart`: something is done to one pipeline of the daemon.

use std::time::Duration;

use serde_json::Value;

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
            let stays_paused = document.0.get("stays_paused") == Some(&Value::Bool(true));
            let is_lost = !document.text("/lost").is_empty();
            if is_lost || stays_paused { Outcome::Failed } else { Outcome::Good }
        }
        Err(no_answer) => no_answer.outcome(),
    }
}
