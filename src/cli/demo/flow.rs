//! What went where: counted, compared with what the events say, drawn as a table.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::events::{Fate, Kind};
use crate::model::Stage;
use crate::pipeline::{Pipeline, Topics};

/// What became of one pipeline's records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Flow {
    pub(super) consumed: u64,
    pub(super) filtered: u64,
    pub(super) dropped: u64,
    /// By the topic of the sink.
    pub(super) sinks: BTreeMap<String, u64>,
    /// By the stage that rejected them.
    pub(super) dead_letters: BTreeMap<Stage, u64>,
}

/// By the pipeline's name.
pub(super) type Flows = BTreeMap<String, Flow>;

/// The topics that a pipeline of the demo reads.
pub(super) fn sources(pipeline: &Pipeline) -> Vec<String> {
    match &pipeline.source.topics {
        Topics::Names(names) => names.iter().map(ToString::to_string).collect(),
        Topics::Pattern(pattern) => vec![pattern.0.as_str().to_owned()],
    }
}

/// A flow in which every topic of the pipeline stands, with nothing in it.
pub(super) fn nothing(pipeline: &Pipeline) -> Flow {
    let sinks = pipeline.sinks.iter().map(|s| (s.topic.to_string(), 0)).collect();
    Flow { sinks, ..Flow::default() }
}

/// What the events say must become of this pipeline's records.
pub(super) fn expected(pipeline: &Pipeline, kinds: &[Kind]) -> Flow {
    let mut flow = nothing(pipeline);
    let read = sources(pipeline);
    for kind in kinds.iter().filter(|k| read.iter().any(|topic| topic == k.topic)) {
        flow.consumed += kind.count;
        for fate in kind.fates {
            *flow.count(*fate) += kind.count;
        }
    }
    flow
}

impl Flow {
    fn count(&mut self, fate: Fate) -> &mut u64 {
        match fate {
            Fate::Sink(topic) => self.sinks.entry(topic.to_owned()).or_default(),
            Fate::Filtered => &mut self.filtered,
            Fate::Dropped => &mut self.dropped,
            Fate::DeadLetter(_, stage) => self.dead_letters.entry(stage).or_default(),
        }
    }

    fn lines(&self, dead_letter: Option<&str>) -> Vec<(String, u64, String)> {
        let mut lines: Vec<_> =
            self.sinks.iter().map(|(topic, n)| (topic.clone(), *n, String::new())).collect();
        if let Some(topic) = dead_letter {
            let count = self.dead_letters.values().sum();
            let stages: Vec<_> =
                self.dead_letters.iter().map(|(stage, n)| format!("{n} {stage}")).collect();
            lines.push((topic.to_owned(), count, format!("dead letters: {}", stages.join(", "))));
        }
        if self.filtered > 0 {
            lines.push(("(filtered)".to_owned(), self.filtered, String::new()));
        }
        if self.dropped > 0 {
            lines.push(("(dropped)".to_owned(), self.dropped, "on_error: drop".to_owned()));
        }
        lines
    }
}

/// The table, pipeline by pipeline.
pub(super) fn table<'a>(pipelines: impl Iterator<Item = &'a Pipeline>, flows: &Flows) -> String {
    let mut text =
        format!("{:19} {:18} {:>4}   {:16} {:>4}\n", "PIPELINE", "FROM", "IN", "TO", "OUT");
    for pipeline in pipelines {
        let Some(flow) = flows.get(pipeline.name.as_str()) else { continue };
        let dead_letter = pipeline.dead_letter.as_ref().map(ToString::to_string);
        let mut head =
            (pipeline.name.to_string(), sources(pipeline).join(", "), flow.consumed.to_string());
        for (to, out, note) in flow.lines(dead_letter.as_deref()) {
            let (name, from, consumed) = std::mem::take(&mut head);
            let line = format!("{name:19} {from:18} {consumed:>4}   {to:16} {out:>4}  {note}");
            // Writing to a string cannot fail.
            let _infallible = writeln!(text, "{}", line.trim_end());
        }
    }
    text
}

/// A sentence for each number that is not what the events say.
pub(super) fn differences(expected: &Flows, found: &Flows) -> Vec<String> {
    let mut said = Vec::new();
    for (name, wanted) in expected {
        let empty = Flow::default();
        let found = found.get(name).unwrap_or(&empty);
        let mut compare = |what: &str, wanted: u64, found: u64| {
            if wanted != found {
                said.push(format!("{name}: {what}: {found}, the events say {wanted}"));
            }
        };
        compare("in", wanted.consumed, found.consumed);
        compare("filtered", wanted.filtered, found.filtered);
        compare("dropped", wanted.dropped, found.dropped);
        for (topic, count) in &wanted.sinks {
            compare(topic, *count, found.sinks.get(topic).copied().unwrap_or(0));
        }
        for stage in Stage::ALL {
            let count = |flow: &Flow| flow.dead_letters.get(&stage).copied().unwrap_or(0);
            compare(&format!("dead letters ({stage})"), count(wanted), count(found));
        }
    }
    said
}
