//! What a pipeline reads.

use crate::json::Check;
use crate::model::{GroupId, TopicName};

/// Client properties of librdkafka, by name; none of them touches the guarantee.
pub type Properties = std::collections::BTreeMap<String, String>;

/// The topics that a pipeline reads, as one consumer group.
#[derive(Clone, Debug)]
pub struct Source {
    /// Which topics.
    pub topics: Topics,
    /// The consumer group, `krouted.<name>` where the file names none.
    pub group: GroupId,
    /// Where a group without any committed offset begins.
    pub start: Start,
    /// What to do where retention removed records that were not yet read.
    pub out_of_range: OutOfRange,
    /// Whether a stopped instance keeps its partitions for a session.
    pub membership: Membership,
    /// What a value is.
    pub format: Format,
    /// Passed to the consumer.
    pub properties: Properties,
}

/// Which topics a source reads.
#[derive(Clone, Debug)]
pub enum Topics {
    /// These, without repeats, in the order of the file. Not empty.
    Names(Vec<TopicName>),
    /// All whose whole name matches.
    Pattern(TopicPattern),
}

impl Topics {
    /// The first that the file names; a pattern names none.
    pub fn first(&self) -> Option<&TopicName> {
        match self {
            Self::Names(names) => names.first(),
            Self::Pattern(_) => None,
        }
    }
}

/// A Rust regex that is matched against the cluster's topics here, not by the broker.
#[derive(Clone, Debug)]
pub struct TopicPattern(pub regex::Regex);

impl TopicPattern {
    /// Whether the topic is read; internal topics (`__…`) never are.
    pub fn matches(&self, topic: &str) -> bool {
        !topic.starts_with("__") && self.0.is_match(topic)
    }
}

/// Where a group without any committed offset begins. A partition that appears later always begins at its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the first record that is still there.
    Earliest,
    /// Behind the last record.
    Latest,
    /// At the first record with this timestamp or a later one, in milliseconds since 1970.
    Timestamp(i64),
}

/// What to do where the committed offset is no longer, or not yet, in the partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutOfRange {
    /// Halt, and say so.
    Stop,
    /// Go on at the first record that is still there, and say so.
    Earliest,
    /// Go on behind the last record, and say so.
    Latest,
}

/// Whether the group remembers an instance that left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// Its partitions move on as soon as it leaves.
    Dynamic,
    /// Its partitions wait for it for a session; a restart takes them back at once.
    ///
    /// Source: KIP-345.
    Static,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A JSON document.
    Json(Check),
    /// Bytes that nothing looks into.
    Bytes,
}
