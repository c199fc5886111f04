//! Apache Kafka for the tests: one broker for all of them, brokers of one's own, and a judge that shares no code with `src/`.
//!
//! ```text
//! kafka::shared()                     the broker of this test process, or KROUTED_TEST_BOOTSTRAP
//! kafka::broker::Broker::start(..)    one of one's own, with properties, to be stopped, killed, paused
//! cluster.topic("orders", 4)          makes a topic with a name that no other test has
//! cluster.produce(..), cluster.read(..), cluster.ask("group_offsets", json!({..}))
//! ```

pub(crate) mod broker;
pub(crate) mod install;
pub(crate) mod judge;
mod ports;
pub(crate) mod record;
pub(crate) mod secure;

mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::kafka::broker::Broker;
use crate::kafka::record::{Record, Records};
use crate::wait::{SOON, eventually};

/// Below this lie the jars, the judge's classes and the brokers' data.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("kafka")
}

/// A cluster as one client sees it: an address, and the client's properties where it needs some.
#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) bootstrap: String,
    pub(crate) properties: Value,
}

/// What a reader sees of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isolation {
    /// Up to the last stable offset, without what was aborted.
    Committed,
    /// All that is in the log.
    Uncommitted,
}

/// How a transaction of the judge's producer ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    Commit,
    Abort,
    /// Stays open until `end_transaction`.
    Open,
}

/// The ends of one partition's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offsets {
    pub(crate) begin: i64,
    /// The last stable offset: where a `read_committed` reader must stop.
    pub(crate) stable: i64,
    /// The high watermark: one after the last record.
    pub(crate) high: i64,
}

/// The cluster that all tests share, started by the first who asks.
pub(crate) fn shared() -> &'static Cluster {
    static SHARED: OnceLock<(Cluster, Option<Broker>)> = OnceLock::new();
    let (cluster, _) = SHARED.get_or_init(|| {
        #[expect(
            clippy::disallowed_methods,
            reason = "documented in DESIGN.md 11, read once, here"
        )]
        if let Ok(bootstrap) = std::env::var("KROUTED_TEST_BOOTSTRAP") {
            return (Cluster::at(&bootstrap), None);
        }
        let broker = Broker::start(&[]);
        (broker.cluster(), Some(broker))
    });
    cluster
}

/// A name that no other test of any running test process has.
pub(crate) fn unique(name: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{name}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

impl Cluster {
    pub(crate) fn at(bootstrap: &str) -> Self {
        Self { bootstrap: bootstrap.to_owned(), properties: json!({}) }
    }

    /// The same cluster as a client with these properties sees it.
    pub(crate) fn with(&self, properties: Value) -> Self {
        Self { bootstrap: self.bootstrap.clone(), properties }
    }

    /// Asks the judge; the operations are those that the Java files of `tests/kafka` register.
    pub(crate) fn try_ask(&self, operation: &str, mut request: Value) -> Result<Value, String> {
        request["op"] = json!(operation);
        request["bootstrap"] = json!(self.bootstrap);
        let properties = &mut request["properties"];
        if properties.is_null() {
            *properties = json!({});
        }
        for (name, value) in self.properties.as_object().unwrap() {
            properties[name] = value.clone();
        }
        judge::judge().ask(request)
    }

    pub(crate) fn ask(&self, operation: &str, request: Value) -> Value {
        self.try_ask(operation, request)
            .unwrap_or_else(|error| panic!("{operation} at {}: {error}", self.bootstrap))
    }

    /// Makes a topic and gives its name, which begins with `name`.
    pub(crate) fn topic(&self, name: &str, partitions: u32) -> String {
        self.topic_with(name, partitions, &json!({}))
    }

    pub(crate) fn topic_with(&self, name: &str, partitions: u32, configs: &Value) -> String {
        let topic = unique(name);
        self.create(json!({"topic": topic, "partitions": partitions, "configs": configs}));
        topic
    }

    /// Makes a topic by a request to the judge, and waits until each partition's leader answers: just after it was made, who writes
    /// to it may be told that the broker does not lead it.
    pub(crate) fn create(&self, request: Value) {
        let topic = request["topic"].clone();
        self.ask("create_topic", request);
        eventually(SOON, "the broker leads the topic", || {
            self.try_ask("offsets", json!({"topic": topic})).ok()
        });
    }

    /// Sends records in no transaction, in order; `Record::produced_to` says to which partition.
    pub(crate) fn produce<'r>(&self, topic: &str, records: impl IntoIterator<Item = &'r Record>) {
        self.produce_with(topic, records, json!({}));
    }

    /// As `produce`, with the request's further fields, as `{"properties": {"compression.type": "zstd"}}`.
    pub(crate) fn produce_with<'r>(
        &self,
        topic: &str,
        records: impl IntoIterator<Item = &'r Record>,
        request: Value,
    ) {
        self.try_produce(topic, records, request)
            .unwrap_or_else(|error| panic!("produce to {topic} at {}: {error}", self.bootstrap));
    }

    /// As `produce_with`, where the cluster may refuse.
    pub(crate) fn try_produce<'r>(
        &self,
        topic: &str,
        records: impl IntoIterator<Item = &'r Record>,
        mut request: Value,
    ) -> Result<(), String> {
        let file = record::TempFile::new();
        let count = record::write(&file.path, records);
        request["topic"] = json!(topic);
        request["file"] = json!(file.path);
        request["records"] = json!(count);
        self.try_ask("produce", request).map(drop)
    }

    /// Sends each list of records as one transaction that ends as it says.
    pub(crate) fn transact(&self, topic: &str, id: &str, transactions: &[(&[Record], End)]) {
        let parts: Vec<_> = transactions
            .iter()
            .map(|(records, end)| {
                let end = match end {
                    End::Commit => "commit",
                    End::Abort => "abort",
                    End::Open => "open",
                };
                json!({"records": records.len(), "end": end})
            })
            .collect();
        let all = transactions.iter().flat_map(|(records, _)| records.iter());
        self.produce_with(topic, all, json!({"transactional_id": id, "transactions": parts}));
    }

    /// Ends what `End::Open` left; `end` is commit, abort or abandon (the producer is gone and tells no one).
    pub(crate) fn end_transaction(&self, id: &str, end: &str) {
        self.ask("end_transaction", json!({"transactional_id": id, "end": end}));
    }

    /// All that a topic holds now, each partition in its order.
    pub(crate) fn read(&self, topic: &str, isolation: Isolation) -> Vec<Record> {
        self.read_all(&[topic], isolation).collect()
    }

    /// All that several topics hold now, through a file and never all in memory; `Record::topic` counts through `topics`.
    pub(crate) fn read_all(&self, topics: &[&str], isolation: Isolation) -> Records {
        let file = record::TempFile::new();
        let isolation = match isolation {
            Isolation::Committed => "read_committed",
            Isolation::Uncommitted => "read_uncommitted",
        };
        let request = json!({
            "topics": topics, "isolation": isolation, "file": file.path, "timeout_ms": 120_000,
        });
        let count = self.ask("read", request).as_u64().unwrap();
        Records::open(file, count)
    }

    /// The ends of each partition of a topic, in order.
    pub(crate) fn offsets(&self, topic: &str) -> Vec<Offsets> {
        let answer = self.ask("offsets", json!({"topic": topic}));
        let number = |of: &Value, name: &str| of[name].as_i64().unwrap();
        answer
            .as_array()
            .unwrap()
            .iter()
            .map(|of| Offsets {
                begin: number(of, "begin"),
                stable: number(of, "stable"),
                high: number(of, "high"),
            })
            .collect()
    }

    /// What a group has committed for a topic: partition -> next offset to read.
    pub(crate) fn committed(&self, group: &str, topic: &str) -> BTreeMap<i32, i64> {
        let answer = self.ask("group_offsets", json!({"group": group}));
        let Some(partitions) = answer[topic].as_object() else { return BTreeMap::new() };
        partitions
            .iter()
            .map(|(p, offset)| (p.parse().unwrap(), offset.as_i64().unwrap()))
            .collect()
    }

    /// Whether the cluster answers now.
    pub(crate) fn answers(&self) -> bool {
        let quick = self.with(json!({"default.api.timeout.ms": 2000, "request.timeout.ms": 2000}));
        quick.try_ask("nodes", json!({})).is_ok_and(|nodes| nodes.as_u64() > Some(0))
    }
}

/// How long a request to the judge may take at most: reading or loading a million records is the longest.
const ANSWER_WITHIN: Duration = Duration::from_mins(3);
