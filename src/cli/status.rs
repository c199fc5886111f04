//! `krouted status`: where everything is, as a table for people or as the daemon's document.

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;
use serde_json::Value;

use super::client::{NoAnswer, Place};
use super::{Outcome, Stream, say};

/// A daemon that is there answers at once.
const WAIT: Duration = Duration::from_secs(10);
/// Between two looks of `--watch`.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);

/// What `status` is asked for.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    place: Place,
    /// A table for people, or the whole document for programs.
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
    /// Shows it again and again until it is interrupted.
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
#[expect(clippy::unnecessary_wraps, reason = "as all commands")]
pub(super) fn run(arguments: &Arguments) -> Result<Outcome> {
    loop {
        let document = match arguments.place.ask("GET", "/v1/status", "", Some(WAIT)) {
            Ok(document) => document,
            Err(no_answer) => return Ok(NoAnswer::outcome(no_answer)),
        };
        if arguments.watch && std::io::stdout().is_terminal() {
            // Home, and clear from there.
            say(Stream::Data, "\x1b[H\x1b[J");
        }
        let text = match arguments.output {
            Form::Text => table(&document),
            Form::Json => format!("{document:#}\n"),
        };
        say(Stream::Data, &text);
        if !arguments.watch {
            return Ok(Outcome::Good);
        }
        pause();
    }
}

#[expect(clippy::disallowed_methods, reason = "between two looks there is nothing to do")]
fn pause() {
    std::thread::sleep(WATCH_INTERVAL);
}

/// One line for each pipeline, then what needs attention, then the findings.
fn table(document: &Value) -> String {
    let mut out = head(document);
    let pipelines = list(document, "pipelines");
    let width = pipelines.iter().map(|p| text(p, "name").len()).max().unwrap_or(0).max(8);
    out.push_str(&format!(
        "{:width$}  {:<11}  {:<10}  {:>4}  {:>10}  {:>12}  {:>12}\n",
        "PIPELINE", "STATE", "DEFINITION", "PART", "LAG", "IN", "OUT"
    ));
    for pipeline in pipelines {
        let total = |name: &str| pipeline["totals"][name].as_u64().unwrap_or(0);
        out.push_str(&format!(
            "{:width$}  {:<11}  {:<10}  {:>4}  {:>10}  {:>12}  {:>12}\n",
            text(pipeline, "name"),
            text(pipeline, "state"),
            text(pipeline, "definition"),
            total("partitions"),
            total("lag"),
            total("consumed"),
            total("produced"),
        ));
        for remark in remarks(pipeline) {
            out.push_str(&format!("{:width$}  {remark}\n", ""));
        }
    }
    if document["findings"]["errors"].as_u64().unwrap_or(0) > 0 {
        out.push('\n');
        out.push_str(text(document, "findings_text"));
    }
    out
}

fn head(document: &Value) -> String {
    let generation = &document["generation"];
    let mut out = format!(
        "generation {} {} at {}{}\n",
        generation["number"],
        text(&generation["outcome"], "outcome"),
        text(generation, "at"),
        generation["revision"].as_str().map_or_else(String::new, |r| format!(", revision {r}")),
    );
    if let (Some(removed), Some(running)) =
        (generation["outcome"]["removed"].as_u64(), generation["outcome"]["running"].as_u64())
    {
        out.push_str(&format!(
            "held: it would stop {removed} of {running} running pipelines; `krouted reload --allow-removals` applies it\n"
        ));
    }
    if let Some(why) = generation["outcome"]["why"].as_str() {
        out.push_str(&format!("{why}\n"));
    }
    if let Some(why) = document["removals_held_back"].as_str() {
        out.push_str(&format!("nothing is removed: {why}\n"));
    }
    let fields: Vec<_> = list(document, "needs_restart").iter().filter_map(Value::as_str).collect();
    if !fields.is_empty() {
        out.push_str(&format!("restart the daemon to take: {}\n", fields.join(", ")));
    }
    out.push('\n');
    out
}

/// What an operator should know of a pipeline besides its numbers.
fn remarks(pipeline: &Value) -> Vec<String> {
    let mut remarks = Vec::new();
    let by: Vec<_> = list(pipeline, "paused_by").iter().filter_map(Value::as_str).collect();
    match by.as_slice() {
        [] => {}
        ["file"] => remarks.push("paused by its file".to_owned()),
        _ => remarks.push("paused by an operator, unlike the file: `krouted resume`".to_owned()),
    }
    if let Some(finding) = pipeline["finding"].as_str() {
        remarks.push(format!("{}: {finding}", text(pipeline, "file")));
    }
    if pipeline["refused"].is_object() {
        remarks.push(format!("the new definition is not taken: {}", reason(&pipeline["refused"])));
    }
    for worker in list(pipeline, "workers").iter().filter(|w| w["reason"].is_object()) {
        let number = worker["number"].as_u64().unwrap_or(0);
        remarks.push(format!("worker {number}: {}", reason(&worker["reason"])));
    }
    remarks
}

fn reason(of: &Value) -> String {
    format!("{}; {}", text(of, "text"), text(of, "hint"))
}

fn text<'v>(of: &'v Value, name: &str) -> &'v str {
    of[name].as_str().unwrap_or_default()
}

fn list<'v>(of: &'v Value, name: &str) -> &'v [Value] {
    of[name].as_array().map_or(&[], Vec::as_slice)
}
