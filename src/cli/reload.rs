//! `krouted reload`: the daemon reads its folder now, and says how that came out.

use std::time::Duration;

use super::client::{Document, Place};
use super::{Outcome, Stream, say};

/// What `reload` is asked for.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    place: Place,
    /// Waits for the outcome; without it the daemon is only asked to look, and its log and `status` say the outcome.
    #[arg(long)]
    wait: bool,
    /// How long the outcome is waited for, such as 60s.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = super::duration)]
    timeout: Duration,
    /// Applies a folder that is empty, or that removes more than half of what runs.
    #[arg(long)]
    allow_removals: bool,
}

/// Asks, and prints the findings as `check` does.
pub(super) fn run(arguments: &Arguments) -> Outcome {
    let mut query = Vec::new();
    if arguments.allow_removals {
        query.push("allow_removals=true");
    }
    if !arguments.wait {
        query.push("wait=false");
    }
    let target = format!("/v1/reload?{}", query.join("&"));
    match arguments.place.ask("POST", &target, "", arguments.timeout) {
        Ok(document) => told(&document),
        Err(no_answer) => no_answer.outcome(),
    }
}

fn told(document: &Document) -> Outcome {
    say(Stream::Errors, document.text("/findings_text"));
    say(Stream::Data, document.text("/plan_text"));
    say(Stream::Data, &format!("{}\n", document.text("/sentence")));
    match document.text("/outcome") {
        "applied" | "unchanged" | "asked" => Outcome::Good,
        "open" => Outcome::Later,
        _ => Outcome::Findings,
    }
}
