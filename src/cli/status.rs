//! `krouted status`: where everything is, as a table for people or as the daemon's document.

#[cfg(test)]
mod tests;

use std::io::IsTerminal;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use clap::ValueEnum;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use serde_json::Value;

use super::client::{Place, list, number, text};
use super::{Outcome, Stream, UNREAD, say};
use crate::supervisor::LEFT_OF_WORKER_MAX;

/// A daemon that is there answers at once.
const WAIT: Duration = Duration::from_secs(10);
/// Between two looks of `--watch`.
const WATCH_INTERVAL: Timespec = Timespec { tv_sec: 2, tv_nsec: 0 };

/// What `status` is asked for.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    place: Place,
    /// A table for people, or the whole document for programs.
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
    /// Shows it again and again, every 2 s, until it is interrupted or nobody reads it any more.
    #[arg(long)]
    watch: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people.
    Text,
    /// One document, for programs.
    Json,
}

/// Asks and prints.
pub(super) fn run(arguments: &Arguments) -> Outcome {
    loop {
        let outcome = match arguments.place.ask("GET", "/v1/status", "", WAIT) {
            Ok(document) => {
                show(arguments, &document.0);
                Outcome::Good
            }
            // A daemon that starts again is worth watching for.
            Err(no_answer) => no_answer.outcome(),
        };
        if !arguments.watch || UNREAD.load(Relaxed) || !is_read_on() {
            return outcome;
        }
    }
}

fn show(arguments: &Arguments, document: &Value) {
    if arguments.watch && std::io::stdout().is_terminal() {
        // Home, and clear from there.
        say(Stream::Data, "\x1b[H\x1b[J");
    }
    let text = match arguments.output {
        Form::Text => table(document),
        Form::Json => format!("{document:#}\n"),
    };
    say(Stream::Data, &text);
}

/// Waits until the next look is due; whether somebody reads standard output still, where nothing is printed too.
fn is_read_on() -> bool {
    let out = std::io::stdout();
    // An error and a hang-up are told unasked: nobody reads it.
    let mut asked = [PollFd::new(&out, PollFlags::empty())];
    matches!(poll(&mut asked, Some(&WATCH_INTERVAL)), Ok(0) | Err(Errno::INTR))
}

/// One line for each pipeline with what needs attention below it, then the findings.
fn table(document: &Value) -> String {
    let mut lines = head(document);
    let pipelines = list(document, "/pipelines");
    let width = pipelines.iter().map(|p| text(p, "/name").len()).max().unwrap_or(0).max(8);
    lines.push(format!(
        "{:width$}  {:<11}  {:<10}  {:>4}  {:>10}  {:>12}  {:>12}",
        "PIPELINE", "STATE", "DEFINITION", "PART", "LAG", "IN", "OUT"
    ));
    for pipeline in pipelines {
        lines.push(format!(
            "{:width$}  {:<11}  {:<10}  {:>4}  {:>10}  {:>12}  {:>12}",
            text(pipeline, "/name"),
            text(pipeline, "/state"),
            text(pipeline, "/definition"),
            number(pipeline, "/totals/partitions"),
            number(pipeline, "/totals/lag"),
            number(pipeline, "/totals/consumed"),
            number(pipeline, "/totals/produced"),
        ));
        let remarks = remarks(pipeline).into_iter();
        lines.extend(remarks.map(|remark| format!("{:width$}  {remark}", "")));
    }
    if number(document, "/findings/errors") > 0 {
        lines.push(format!("\n{}", text(document, "/findings_text").trim_end()));
    }
    format!("{}\n", lines.join("\n"))
}

/// Of the last generation, and what is wrong with it.
fn of_generation(generation: &Value) -> Vec<String> {
    let revision = match text(generation, "/revision") {
        "" => String::new(),
        revision => format!(", revision {revision}"),
    };
    let mut lines = vec![format!(
        "generation {} {} at {}{revision}",
        number(generation, "/number"),
        text(generation, "/outcome/outcome"),
        text(generation, "/at"),
    )];
    let removed = number(generation, "/outcome/removed");
    if removed > 0 {
        lines.push(format!(
            "held: it would stop {removed} of {} running pipelines; `krouted reload --allow-removals` applies it",
            number(generation, "/outcome/running")
        ));
    }
    let why = text(generation, "/outcome/why");
    if !why.is_empty() {
        lines.push(why.to_owned());
    }
    lines
}

fn head(document: &Value) -> Vec<String> {
    let generation = document.get("generation").filter(|generation| generation.is_object());
    let unread = || vec!["the daemon has not read its folder yet".to_owned()];
    let mut lines = generation.map_or_else(unread, of_generation);
    let why = text(document, "/removals_held_back");
    if !why.is_empty() {
        lines.push(format!("nothing is removed: {why}"));
    }
    let fields = words(document, "/needs_restart");
    if !fields.is_empty() {
        lines.push(format!("restart the daemon to take: {}", fields.join(", ")));
    }
    lines.extend(words(document, "/state_damage").into_iter().map(str::to_owned));
    let unwritten = text(document, "/state_unwritten");
    if !unwritten.is_empty() {
        lines.push(unwritten.to_owned());
    }
    let left = words(document, "/left_behind");
    if !left.is_empty() {
        let (count, ids) = (left.len(), left.join(", "));
        lines.push(format!(
            "{count} workers did not end when they were told to and are left behind until they end: {ids}"
        ));
    }
    lines.push(String::new());
    lines
}

/// What an operator should know of a pipeline besides its numbers.
fn remarks(pipeline: &Value) -> Vec<String> {
    let mut remarks = Vec::new();
    match words(pipeline, "/paused_by").as_slice() {
        [] => {}
        ["file"] => remarks.push("paused by its file".to_owned()),
        ["operator"] => {
            remarks.push("paused by an operator, unlike the file: `krouted resume`".to_owned());
        }
        _ => remarks.push("paused by its file, and by an operator (`krouted resume`)".to_owned()),
    }
    let finding = text(pipeline, "/finding");
    if !finding.is_empty() {
        remarks.push(format!("{}: {finding}", text(pipeline, "/file")));
    }
    if let Some(refused) = pipeline.pointer("/refused").filter(|r| r.is_object()) {
        remarks.push(format!("the new definition is not taken: {}", reason(refused)));
    }
    if pipeline.pointer("/swapping") == Some(&Value::Bool(true)) {
        remarks.push("swapping: the new definition is not taken by all its workers yet".to_owned());
    }
    let left = number(pipeline, "/left_behind");
    if left > 0 {
        remarks.push(format!(
            "{left} of its workers are left behind; where a worker has {LEFT_OF_WORKER_MAX}, none is started in its place until one of them has ended"
        ));
    }
    for worker in list(pipeline, "/workers") {
        if let Some(why) = worker.pointer("/reason").filter(|r| r.is_object()) {
            remarks.push(format!("worker {}: {}", number(worker, "/number"), reason(why)));
        }
    }
    remarks
}

fn reason(of: &Value) -> String {
    format!("{}; {}", text(of, "/text"), text(of, "/hint"))
}

fn words<'v>(of: &'v Value, pointer: &str) -> Vec<&'v str> {
    list(of, pointer).iter().filter_map(Value::as_str).collect()
}
