//! `krouted explain`: one record through a pipeline, or what a finding means.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::sources::{self, Clusters, Sources};
use super::{Misuse, Outcome, Stream, say};
use crate::case::{self, Given};
use crate::config::codes::{Example, ExampleKind, Explanation, explanations};
use crate::config::{Counts, Environment, envelope};
use crate::pipeline::{Pipeline, Topics};
use crate::program::Program;

/// What `explain` is asked for.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A pipeline file; or the code of a finding, such as K0108.
    #[arg(value_name = "FILE|CODE")]
    what: String,
    /// The record's value; `-` is standard input.
    #[arg(long, value_name = "FILE|-", default_value = "-")]
    record: String,
    /// The record is a line of `krouted consume -o envelope`, or a map with the fields of a test's `given`: key, value,
    /// headers, topic, timestamp and the like.
    #[arg(long)]
    envelope: bool,
    /// The pipeline, where the file has several.
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
    /// The settings file; default: ./krouted.yaml, then /etc/krouted/krouted.yaml, where there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Looks up ${NAME} in the environment; without it, pipelines that need one are left out.
    #[arg(long)]
    env: bool,
}

/// More than this is no record that anybody pastes.
const RECORD_BYTES_MAX: u64 = 64 << 20;

/// Explains.
pub(super) fn run(arguments: &Arguments) -> Result<Outcome> {
    if is_code(&arguments.what) {
        return explain_code(&arguments.what);
    }
    let paths = [PathBuf::from(&arguments.what)];
    let config = arguments.config.as_deref();
    let environment = if arguments.env { Environment::of_process() } else { Environment::Unknown };
    let checked = match sources::read(&paths, config, &environment, Clusters::OfTheFile)? {
        Sources::Read(checked, _) => checked,
        Sources::NoSettings(findings) => {
            sources::say_findings(&findings, Counts { files: 1, pipelines: 0 });
            return Ok(Outcome::Configuration);
        }
    };
    sources::say_findings(&checked.findings, checked.counts);
    let wanted = |p: &&std::sync::Arc<Pipeline>| {
        arguments.pipeline.as_ref().is_none_or(|name| p.name.as_str() == name)
    };
    let found: Vec<_> = checked.pipelines.iter().filter(wanted).collect();
    let pipeline = match found.as_slice() {
        [] if !checked.findings.is_empty() => return Ok(Outcome::Findings),
        [] if !arguments.env && arguments.pipeline.is_none() => {
            return Misuse::of(format!(
                "the pipeline of {} needs variables of the environment: say --env",
                arguments.what
            ));
        }
        [] => return Misuse::of(format!("there is no such pipeline in {}", arguments.what)),
        [only] => only,
        several => {
            let names: Vec<_> = several.iter().map(|p| p.name.to_string()).collect();
            return Misuse::of(format!(
                "{} has several pipelines: choose one by --pipeline: {}",
                arguments.what,
                names.join(", ")
            ));
        }
    };
    let bytes = read(&arguments.record)?;
    let given = if let Some(given) = consumed(&bytes, pipeline).filter(|_| arguments.envelope) {
        given
    } else if arguments.envelope {
        match envelope(&arguments.record, &bytes, &pipeline.source.topics) {
            Ok(given) => given,
            Err(findings) => {
                sources::say_findings(&findings, Counts { files: 1, pipelines: 0 });
                return Ok(Outcome::Findings);
            }
        }
    } else {
        value_only(bytes, pipeline)?
    };
    say(Stream::Data, &case::explain(&given, pipeline, &Program::new(pipeline)));
    Ok(Outcome::Good)
}

/// A line that `consume -o envelope` wrote, of a topic that the pipeline reads.
fn consumed(line: &[u8], pipeline: &Pipeline) -> Option<Given> {
    let envelope = case::Envelope::read(line).ok()?;
    let topic = envelope.topic?;
    let is_read = match &pipeline.source.topics {
        Topics::Names(names) => names.iter().any(|name| name.as_str() == topic),
        Topics::Pattern(pattern) => pattern.matches(&topic),
    };
    is_read.then_some(Given {
        topic,
        partition: envelope.partition.unwrap_or(0),
        offset: envelope.offset.unwrap_or(0),
        timestamp: envelope.timestamp,
        key: envelope.key,
        value: envelope.value,
        headers: envelope.headers,
    })
}

/// A line break at the end is the editor's or the shell's.
fn value_only(mut bytes: Vec<u8>, pipeline: &Pipeline) -> Result<Given> {
    let Some(topic) = pipeline.source.topics.first() else {
        return Misuse::of(format!(
            "{} reads the topics that a pattern matches: give the record with --envelope, and its topic in it",
            pipeline.name
        ));
    };
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    Ok(Given { topic: topic.to_string(), value: Some(bytes), ..Given::default() })
}

fn read(from: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = RECORD_BYTES_MAX + 1;
    let read = if from == "-" {
        std::io::stdin().lock().take(most).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(from).and_then(|f| f.take(most).read_to_end(&mut bytes))
    };
    let read = read.with_context(|| Misuse(format!("cannot read the record {from}")))?;
    if u64::try_from(read).is_ok_and(|read| read < most) {
        return Ok(bytes);
    }
    let mib = RECORD_BYTES_MAX >> 20;
    Misuse::of(format!("the record {from} has more than {mib} MiB"))
}

fn is_code(text: &str) -> bool {
    let digits = text.strip_prefix(['K', 'k']).unwrap_or_default();
    digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit())
}

fn explain_code(code: &str) -> Result<Outcome> {
    let all = explanations();
    match all.iter().find(|e| e.code.eq_ignore_ascii_case(code)) {
        Some(explanation) => {
            say(Stream::Data, &shown(explanation));
            Ok(Outcome::Good)
        }
        None => {
            Misuse::of(format!("there is no finding {code}; krouted check shows the code of each"))
        }
    }
}

fn shown(explanation: &Explanation) -> String {
    let mut out = format!("{}\n{}\n", explanation.code, explanation.meaning);
    for (word, example) in [("Bad", &explanation.bad), ("Good", &explanation.good)] {
        let _infallible =
            write!(out, "\n{word}{}:\n\n{}", of_what(example), indented(example.text));
    }
    out
}

fn of_what(example: &Example) -> &'static str {
    match example.kind {
        ExampleKind::Pipeline if example.text.starts_with("version:") => ", a pipeline file",
        ExampleKind::Pipeline => ", in a pipeline file",
        ExampleKind::Settings => ", a settings file",
        ExampleKind::Situation => "",
    }
}

fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |out, line| out + "    " + line + "\n")
}
