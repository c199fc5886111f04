//! The checked definition of one pipeline: what `config` makes and all others take. Whoever has one checks nothing again.

mod definition;
mod delivery;
mod edit;
#[cfg(test)]
pub(crate) mod sample;
mod schema;
mod source;

use std::collections::BTreeMap;
use std::num::NonZeroU16;

pub use definition::{Definition, Field};
pub use delivery::{Delivery, WindowLimits};
pub use edit::Assignment;
pub use schema::PayloadSchema;
pub use source::{Format, Membership, OutOfRange, Properties, Source, Start, TopicPattern, Topics};

pub use crate::expression::Target;
use crate::expression::{Predicate, ValueExpression};
use crate::model::{ClusterName, PipelineName, RouteName, SinkName, TopicName};

/// One pipeline: a source, steps, routes, sinks, a guarantee.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// Its identity, never its file's path.
    pub name: PipelineName,
    /// Free text for people.
    pub description: Option<String>,
    /// Free words for people and metrics.
    pub labels: BTreeMap<String, String>,
    /// The cluster of source and sinks.
    pub cluster: ClusterName,
    /// What it reads.
    pub source: Source,
    /// What it promises, and how long its windows are.
    pub delivery: Delivery,
    /// Threads of this pipeline in one daemon, each a member of the group; of `auto`, what it stands for here.
    pub workers: NonZeroU16,
    /// Its workers keep their places in the group and read nothing.
    pub paused: bool,
    /// Done to every record, in this order.
    pub steps: Vec<Step>,
    /// In the order of their names. Not empty.
    pub sinks: Vec<Sink>,
    /// Which records go to which sinks.
    pub routing: Routing,
    /// What becomes of a record that cannot go on.
    pub on_error: OnError,
    /// Where dead letters go; given where `on_error` or `unmatched` needs it.
    pub dead_letter: Option<TopicName>,
}

/// One thing done to every record.
#[derive(Clone, Debug)]
pub enum Step {
    /// Goes on with the records for which the predicate is true.
    Filter(Predicate),
    /// Goes on with the records whose value fits the schema, and with tombstones; rejects the others.
    Validate(PayloadSchema),
    /// Sets parts of the record; all expressions see it as it was before the step. Not empty, no target within another.
    Set(Vec<Assignment>),
    /// Takes parts of the record away. Not empty, no target within another.
    Remove(Vec<Target>),
}

/// A named destination.
#[derive(Clone, Debug)]
pub struct Sink {
    /// As the routes name it.
    pub name: SinkName,
    /// The topic that it writes.
    pub topic: TopicName,
    /// The key of its records; absent: the record's own, untouched.
    pub key: Option<ValueExpression>,
    /// How the partition is chosen.
    pub partition: Partition,
    /// Properties of librdkafka at topic level, `compression.codec` included.
    pub properties: Properties,
}

/// How a sink chooses the partition of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partition {
    /// By murmur2 of the key as Java's client does it; sticky where the key is null.
    Key,
    /// The number of the partition that it was read from.
    Preserve,
}

/// Which records go to which sinks.
#[derive(Clone, Debug)]
pub enum Routing {
    /// No routes: every record goes to every sink, in the order of their names.
    AllSinks,
    /// By predicates.
    Routes {
        /// How many matching routes count.
        matching: Matching,
        /// In the order of the file. Not empty.
        routes: Vec<Route>,
        /// What becomes of a record that no route matches.
        unmatched: OnReject,
    },
}

/// How many matching routes count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matching {
    /// The first one.
    First,
    /// Each; a sink gets a record at most once all the same.
    All,
}

/// A predicate and the sinks that it sends to.
#[derive(Clone, Debug)]
pub struct Route {
    /// As `krouted.error.rule` and the metrics name it.
    pub name: RouteName,
    /// Which records it takes; absent: all.
    pub when: Option<Predicate>,
    /// Indices into [`Pipeline::sinks`], in the order of the file, without repeats. Not empty.
    pub to: Vec<usize>,
}

/// What becomes of a record that cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnReject {
    /// Goes to [`Pipeline::dead_letter`], which is given.
    DeadLetter,
    /// Counts as done, and is counted.
    Drop,
    /// All before it is committed, then the pipeline halts.
    Stop,
}

/// One policy for each stage at which a record can be rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnError {
    /// The value is not what `format` says.
    pub decode: OnReject,
    /// The value breaks a rule of its schema.
    pub validate: OnReject,
    /// An expression could not be evaluated.
    pub expression: OnReject,
    /// A sink refuses the record for good.
    pub sink: OnReject,
}

impl Pipeline {
    /// All topics that it writes, dead letters included, each once, in the order of their names.
    pub fn topics_written(&self) -> Vec<&TopicName> {
        let mut topics: Vec<_> = self.sinks.iter().map(|s| &s.topic).collect();
        topics.extend(self.dead_letter.as_ref());
        topics.sort();
        topics.dedup();
        topics
    }
}
