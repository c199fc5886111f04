//! A pipeline on a real broker in a few lines: its file, its daemon, and what came out.

use std::fmt::Write as _;
use std::time::Duration;

use crate::daemon::{Daemon, Host};
use crate::kafka::record::Record;
use crate::kafka::{Cluster, Isolation, unique};
use crate::wait::eventually;

/// A first join waits for a dead member's session at most; everything else takes a moment.
pub(crate) const SOON: Duration = Duration::from_mins(1);

/// For a source whose group must not be rebalanced: no stall of this machine is so long that a member is thrown out.
pub(crate) const PATIENT: &str = "properties: {session.timeout.ms: 300000}";

/// One pipeline of one daemon.
pub(crate) struct Scene<'c> {
    pub(crate) cluster: &'c Cluster,
    pub(crate) host: Host,
    /// The pipeline's name, and its group's.
    pub(crate) name: String,
}

impl<'c> Scene<'c> {
    /// A host of its own; no file yet.
    pub(crate) fn new(cluster: &'c Cluster) -> Self {
        let name = unique("scene");
        Self { cluster, host: Host::new(&name, &cluster.bootstrap), name }
    }

    /// Writes the pipeline: `source` and `rest` are lines of YAML, the first below `source:`, the second at the top.
    pub(crate) fn file(&self, delivery: &str, source: &[&str], rest: &[&str]) {
        let mut text = format!("version: 1\nname: {}\ndelivery: {delivery}\nsource:\n", self.name);
        writeln!(text, "  group: {}", self.name).unwrap();
        if !source.iter().any(|line| line.starts_with("properties")) {
            text.push_str("  properties: {session.timeout.ms: 6000}\n");
        }
        for line in source {
            writeln!(text, "  {line}").unwrap();
        }
        for line in rest {
            writeln!(text, "{line}").unwrap();
        }
        self.host.pipeline("pipeline.yaml", &text);
    }

    /// Writes a pipeline that copies one topic to another, from the beginning, under `exactly_once`.
    pub(crate) fn copy(&self, input: &str, out: &str) {
        self.file(
            "exactly_once",
            &[&format!("topics: [{input}]"), "start: earliest"],
            &[&format!("sinks: {{all: {{kafka: {{topic: {out}}}}}}}")],
        );
    }

    /// Starts the daemon and waits until it has partitions.
    pub(crate) fn run(&self) -> Daemon {
        let mut daemon = self.host.run();
        daemon.wait_for_line("partitions assigned", SOON);
        daemon
    }

    /// Waits until the topic has so many committed records, and gives their values as text.
    pub(crate) fn values(&self, topic: &str, count: usize) -> Vec<String> {
        self.records(topic, count).into_iter().map(|r| text(r.value.as_deref())).collect()
    }

    /// Waits until the topic has so many committed records.
    pub(crate) fn records(&self, topic: &str, count: usize) -> Vec<Record> {
        eventually(SOON, &format!("{count} records in {topic}"), || {
            let read = self.cluster.read(topic, Isolation::Committed);
            assert!(read.len() <= count, "more than {count} records in {topic}: {read:?}");
            (read.len() == count).then_some(read)
        })
    }

    /// Waits until the group has committed this as next to read in that partition.
    pub(crate) fn committed(&self, topic: &str, partition: i32, next: i64) {
        let what = format!("{topic}[{partition}] committed at {next}");
        eventually(SOON, &what, || {
            let at = self.cluster.committed(&self.name, topic);
            (at.get(&partition) == Some(&next)).then_some(())
        });
    }
}

pub(crate) fn text(bytes: Option<&[u8]>) -> String {
    bytes.map_or("<null>".into(), |b| String::from_utf8_lossy(b).into_owned())
}

/// Records of partition 0 with these values.
pub(crate) fn values(values: &[&str]) -> Vec<Record> {
    values.iter().map(|v| Record::new(Some("k"), Some(v)).to(0)).collect()
}
