//! The records that are moved: seeded, so that every run of every day moves the same, and what must come out of them.

use std::collections::BTreeMap;

use fastrand::Rng;
use serde_json::json;

use crate::kafka::Cluster;
use crate::kafka::record::Record;

const SEED: u64 = 7;
/// Users, and so keys.
const USERS: u32 = 100_000;
/// 2023-11-14; each record is a millisecond later than the one before it, so that order can be told from timestamps.
const FIRST_TIMESTAMP: i64 = 1_700_000_000_000;
/// So many records travel to the judge at once: a file of at most 100 MB.
const CHUNK_BYTES: usize = 100_000_000;

/// How a pipeline decides; the C loop's modes have the same names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    /// Everything to one topic.
    Copy,
    /// One filter and two routes on checked JSON.
    Value,
    /// Two routes by the beginning of the key.
    Key,
    /// Two routes by a header.
    Header,
}

impl Rule {
    pub(crate) const ALL: [Self; 4] = [Self::Copy, Self::Value, Self::Key, Self::Header];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::Value => "value",
            Self::Key => "key",
            Self::Header => "header",
        }
    }

    pub(crate) fn sinks(self) -> usize {
        match self {
            Self::Copy => 1,
            Self::Value | Self::Key | Self::Header => 2,
        }
    }
}

/// What records there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shape {
    /// Of each value, exactly.
    pub(crate) bytes: usize,
    pub(crate) partitions: u32,
    /// Topics that the records are dealt out to, one pipeline each.
    pub(crate) topics: usize,
    pub(crate) records: u64,
}

/// What a topic holds, or all outputs of one name: sums do not depend on the order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    pub(crate) sum: u64,
    /// Records that do not follow their key's last one; none is expected anywhere.
    pub(crate) disorder: u64,
}

impl Contents {
    pub(crate) fn add(&mut self, record: &Record) {
        self.records += 1;
        self.bytes += record.value.as_ref().map_or(0, Vec::len) as u64;
        self.sum = self.sum.wrapping_add(hash(record));
    }

    pub(crate) fn join(&mut self, other: &Self) {
        self.records += other.records;
        self.bytes += other.bytes;
        self.sum = self.sum.wrapping_add(other.sum);
        self.disorder += other.disorder;
    }
}

/// Topics full of records.
pub(crate) struct Workload {
    pub(crate) shape: Shape,
    pub(crate) topics: Vec<String>,
    /// What must be in the first and in the second output of each rule.
    pub(crate) expected: BTreeMap<Rule, [Contents; 2]>,
}

impl Workload {
    /// Makes the topics and fills them by the judge's Java producer.
    pub(crate) fn load(cluster: &Cluster, shape: Shape) -> Self {
        let topics: Vec<_> =
            (0..shape.topics).map(|_| cluster.topic("speed-in", shape.partitions)).collect();
        let mut expected: BTreeMap<_, _> =
            Rule::ALL.map(|rule| (rule, [Contents::default(); 2])).into();
        let chunk = (CHUNK_BYTES / (shape.bytes + 100)).max(1);
        let mut chunks = vec![Vec::new(); shape.topics];
        let send = |topic: &str, records: &mut Vec<Record>| {
            cluster.produce_with(topic, &*records, json!({}));
            records.clear();
        };
        for (n, event) in (0..).zip(events(shape)) {
            for (rule, outputs) in &mut expected {
                if let Some(output) = event.goes_to(*rule) {
                    outputs[output].add(&event.record);
                }
            }
            let to = n % shape.topics;
            chunks[to].push(event.record);
            if chunks[to].len() >= chunk {
                send(&topics[to], &mut chunks[to]);
            }
        }
        for (topic, chunk) in topics.iter().zip(&mut chunks) {
            send(topic, chunk);
        }
        Self { shape, topics, expected }
    }

    pub(crate) fn unload(self, cluster: &Cluster) {
        for topic in self.topics {
            cluster.ask("delete_topic", json!({"topic": topic}));
        }
    }
}

/// One record, and what a rule asks of it.
pub(crate) struct Event {
    pub(crate) record: Record,
    kind: &'static str,
    country: &'static str,
    region: &'static str,
}

impl Event {
    /// Index of the output, by what the record was made from.
    pub(crate) fn goes_to(&self, rule: Rule) -> Option<usize> {
        match rule {
            Rule::Copy => Some(0),
            Rule::Value if self.kind == "login" => None,
            Rule::Value => Some(usize::from(!matches!(self.country, "DE" | "FR"))),
            Rule::Key | Rule::Header => match self.region {
                "eu" => Some(0),
                "us" => Some(1),
                _ => None,
            },
        }
    }
}

pub(crate) fn events(shape: Shape) -> impl Iterator<Item = Event> {
    let mut random = Rng::with_seed(SEED);
    (0..i64::try_from(shape.records).unwrap()).map(move |n| event(&mut random, shape.bytes, n))
}

const OTHERS: [&str; 10] = ["US", "GB", "NL", "IT", "ES", "PL", "SE", "JP", "BR", "IN"];

/// created 30 %, deleted 10 %, login 40 %, updated 20 %; DE and FR together 25 %; regions 25, 45, 30 %.
fn event(random: &mut Rng, bytes: usize, n: i64) -> Event {
    let kind = match random.u8(0..10) {
        0..3 => "created",
        3 => "deleted",
        4..8 => "login",
        _ => "updated",
    };
    let country = match random.u8(0..8) {
        0 => "DE",
        1 => "FR",
        _ => OTHERS[random.usize(0..OTHERS.len())],
    };
    let user = random.u32(0..USERS);
    let region = match user % 20 {
        0..5 => "eu",
        5..14 => "us",
        _ => "ap",
    };
    let key = format!("{region}-{user}");
    let record = Record {
        timestamp: FIRST_TIMESTAMP + n,
        ..Record::new(Some(&key), Some(&value(random, bytes, kind, country, user)))
    };
    let trace = format!("{:032x}", random.u128(..));
    let record = record.header("trace", Some(trace.as_bytes()));
    Event { record: record.header("region", Some(region.as_bytes())), kind, country, region }
}

/// JSON of exactly so many bytes: nested object, array, text that is not ASCII, and what is asked for not at the begin.
fn value(random: &mut Rng, bytes: usize, kind: &str, country: &str, user: u32) -> String {
    use std::fmt::Write as _;
    let mut text = format!(r#"{{"event_type":"user.{kind}","user_id":{user}"#);
    if bytes >= 240 {
        write!(
            text,
            r#","id":"{:016x}","amount":{}.{:02},"email":"user{user}@example.com","ok":{}"#,
            random.u64(..),
            random.u32(0..1000),
            random.u8(0..100),
            random.bool()
        )
        .unwrap();
    }
    if bytes >= 900 {
        write!(
            text,
            r#","name":"Jos\u00e9 Müller {}","address":{{"street":"Hauptstraße {}","zip":"{:05}","city":"Köln","geo":[50.{},6.{}]}},"items":[{{"sku":"SKU-{:06}","name":"Wireless Mouse, \"Pro\"","qty":{},"price":29.99}},{{"sku":"SKU-{:06}","name":"USB-C Cable 2m","qty":{},"price":9.5}}],"metadata":{{"trace":"{:032x}","user_agent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"}}"#,
            random.u16(..),
            random.u8(..),
            random.u32(0..99_999),
            random.u32(0..10_000),
            random.u32(0..10_000),
            random.u32(0..999_999),
            random.u8(1..9),
            random.u32(0..999_999),
            random.u8(1..9),
            random.u128(..)
        )
        .unwrap();
    }
    write!(text, r#","country":"{country}","padding":""#).unwrap();
    let padding = bytes.checked_sub(text.len() + 2).expect("the size has room for the fields");
    text.extend(std::iter::repeat_n('p', padding));
    text.push_str("\"}");
    text
}

/// FNV-1a, 64 bits; `tests/kafka/Digest.java` has the same.
fn hash(record: &Record) -> u64 {
    fn add(hash: &mut u64, bytes: &[u8]) {
        for byte in bytes {
            *hash = (*hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    let sized = |hash: &mut u64, bytes: Option<&[u8]>| {
        let size = bytes.map_or(-1, |bytes| i32::try_from(bytes.len()).unwrap());
        add(hash, &size.to_be_bytes());
        add(hash, bytes.unwrap_or_default());
    };
    let mut hash = 0xcbf2_9ce4_8422_2325;
    add(&mut hash, &record.timestamp.to_be_bytes());
    sized(&mut hash, record.key.as_deref());
    sized(&mut hash, record.value.as_deref());
    add(&mut hash, &u32::try_from(record.headers.len()).unwrap().to_be_bytes());
    for (name, value) in &record.headers {
        sized(&mut hash, Some(name));
        sized(&mut hash, value.as_deref());
    }
    hash
}
