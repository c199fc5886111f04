//! What a cluster says of a pipeline -> findings at the fields that name it. Pure: whoever asks the cluster fills in [`Facts`].

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::check::Places;
use super::finding::{Finding, Findings, Share, Use};
use super::text::Place;
use crate::expression::Target;
use crate::model::{Guarantee, TopicName};
use crate::pipeline::{Partition, Pipeline, Sink, Step, Topics};

/// TxnOffsetCommit with the group's generation and member id. Source: KIP-447, Apache Kafka 2.5.
const TXN_OFFSET_COMMIT_FENCED: i32 = 3;

/// What a cluster says of one pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Brokers that the cluster has, those that are away among them as far as they hold anything.
    pub brokers: usize,
    /// All topics that the pipeline names, or that its pattern matches now.
    pub topics: BTreeMap<String, TopicFacts>,
    /// Whether the consumer group may be used, or why nobody could say.
    pub group: Result<Right, Unasked>,
    /// Whether transactional ids may be used, or why nobody could say; absent where the pipeline needs none.
    pub transactional_id: Option<Result<TransactionalId, Unasked>>,
    /// The newest version of TxnOffsetCommit that all brokers take that were met; absent where none takes it.
    pub txn_offset_commit: Option<i32>,
}

/// An answer of the cluster's authoriser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// It may be done.
    Granted,
    /// It may not.
    Refused,
}

/// How a transactional id was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionalId {
    /// Which one: no worker's.
    pub tried: String,
    /// The answer.
    pub right: Right,
}

/// What the cluster says of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicFacts {
    /// It is not there.
    Missing,
    /// It may not be seen, and need not be there.
    Hidden,
    /// It is there.
    There(TopicShape),
}

/// A topic that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicShape {
    /// Shape: by number.
    pub partitions: Vec<PartitionFacts>,
    /// Of the partition that has the fewest.
    pub replicas: usize,
    /// Whether records may be read from it.
    pub read: Right,
    /// Whether records may be written to it.
    pub write: Right,
    /// Absent where that may not be seen.
    pub configs: Option<TopicConfigs>,
}

/// What the cluster says of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartitionFacts {
    /// Nobody leads it: nothing of it can be read or written.
    Leaderless {
        /// The brokers that hold it.
        on: Vec<i32>,
    },
    /// It can be read.
    Led {
        /// Replicas that have all of it.
        in_sync: usize,
    },
}

/// The part of a topic's configuration that a pipeline's promise hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicConfigs {
    /// Whether only the last record of each key is kept.
    pub is_compacted: bool,
    /// Bytes of a partition that are kept; absent without a limit, and where nothing is deleted but by its key.
    pub retention_bytes: Option<i64>,
    /// Bytes of the largest batch.
    pub max_message_bytes: i64,
    /// Replicas that must have a record before it is acknowledged.
    pub min_insync_replicas: i64,
}

/// Why a cluster was not asked to the end; each with the words of the broker or the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unasked {
    /// No broker answers.
    Away(String),
    /// Brokers answer, but not the one that must.
    Silent(String),
    /// It does not let us in.
    Login(String),
    /// The settings, or a secret, make no client.
    Settings(String),
    /// Anything else.
    Other(String),
}

/// The findings of one pipeline, in no order.
pub fn online(
    pipeline: &Pipeline,
    places: &Places,
    answer: &Result<Facts, Unasked>,
) -> Vec<Finding> {
    let mut findings = Findings::default();
    match answer {
        Ok(facts) => Asked { pipeline, places, facts, findings: &mut findings }.check(),
        Err(unasked) => say_unasked(pipeline, places, unasked, &mut findings),
    }
    findings.sorted()
}

fn say_unasked(pipeline: &Pipeline, places: &Places, unasked: &Unasked, findings: &mut Findings) {
    let (place, cluster) = (places.cluster.clone(), pipeline.cluster.as_str());
    match unasked {
        Unasked::Away(why) => findings.broker_away(place, why),
        Unasked::Silent(why) => findings.silent(place, cluster, why),
        Unasked::Login(why) => findings.login_refused(place, cluster, why),
        Unasked::Settings(why) => findings.client_unusable(place, cluster, why),
        Unasked::Other(why) => findings.not_answered(place, cluster, why),
    }
}

impl Unasked {
    /// The same reason, and what is not checked for it.
    fn leaves(&self, unchecked: &str) -> Self {
        let both = |why: &str| format!("{why}; not checked: {unchecked}");
        match self {
            Self::Away(why) => Self::Away(both(why)),
            Self::Silent(why) => Self::Silent(both(why)),
            Self::Login(why) => Self::Login(both(why)),
            Self::Settings(why) => Self::Settings(both(why)),
            Self::Other(why) => Self::Other(both(why)),
        }
    }
}

struct Asked<'a> {
    pipeline: &'a Pipeline,
    places: &'a Places,
    facts: &'a Facts,
    findings: &'a mut Findings,
}

impl<'a> Asked<'a> {
    fn check(&mut self) {
        self.source();
        for sink in &self.pipeline.sinks {
            self.sink(sink);
        }
        if let (Some(topic), Some(place)) = (&self.pipeline.dead_letter, &self.places.dead_letter) {
            self.written(topic, place, Use::DeadLetter);
        }
        let group = &self.pipeline.source.group;
        if self.facts.group == Ok(Right::Refused) {
            self.findings.group_refused(self.places.group.clone(), group.as_str());
        }
        if self.pipeline.delivery.guarantee() == Guarantee::ExactlyOnce {
            self.transactions();
        }
        if let Some(unasked) = self.unasked() {
            say_unasked(self.pipeline, self.places, &unasked, self.findings);
        }
    }

    /// Why rights could not be asked for, and which; one reason is enough.
    fn unasked(&self) -> Option<Unasked> {
        let (of_group, of_ids) = ("the right to the group", "the right to transactional ids");
        let needs_ids = self.pipeline.delivery.guarantee() == Guarantee::ExactlyOnce;
        match (&self.facts.group, &self.facts.transactional_id) {
            (Err(unasked), None | Some(Err(_))) if needs_ids => {
                Some(unasked.leaves(&format!("{of_group} and {of_ids}")))
            }
            (Err(unasked), _) => Some(unasked.leaves(of_group)),
            (Ok(_), Some(Err(unasked))) => Some(unasked.leaves(of_ids)),
            (Ok(_), None | Some(Ok(_))) => None,
        }
    }

    fn transactions(&mut self) {
        let place = &self.places.delivery;
        if let Some(Ok(id)) = &self.facts.transactional_id
            && id.right == Right::Refused
        {
            self.findings.transactional_id_refused(place.clone(), &id.tried);
        }
        let version = self.facts.txn_offset_commit;
        if version.is_none_or(|version| version < TXN_OFFSET_COMMIT_FENCED) {
            self.findings.broker_too_old(place.clone(), version);
        }
    }

    fn source(&mut self) {
        let places = self.places;
        match &self.pipeline.source.topics {
            Topics::Names(names) => {
                for (name, place) in std::iter::zip(names, &places.sources) {
                    if let Some(shape) = self.shape(name, place, Use::Source) {
                        self.may_read(name.as_str(), shape, place);
                    }
                }
            }
            Topics::Pattern(_) => {
                let Some(place) = places.sources.first() else { return };
                let read = self.read();
                if read.is_empty() {
                    self.findings.pattern_without_topic(place.clone());
                }
                for (name, shape) in read {
                    self.may_read(name, shape, place);
                }
            }
        }
        self.workers();
    }

    /// What is known of a source's topic: its configuration too, against which the sinks' are held.
    fn may_read(&mut self, name: &str, shape: &TopicShape, place: &Place) {
        if shape.read == Right::Refused {
            self.findings.topic_refused(place.clone(), name, Use::Source);
        }
        if shape.configs.is_none() {
            self.findings.configs_hidden(place.clone(), name);
        }
        self.led(name, shape, place, Use::Source);
    }

    /// Whether each partition has a leader.
    fn led(&mut self, name: &str, shape: &TopicShape, place: &Place, of: Use) {
        let leaderless = |(number, partition): (usize, &PartitionFacts)| match partition {
            PartitionFacts::Leaderless { on } => Some((number, on.clone())),
            PartitionFacts::Led { .. } => None,
        };
        let all = shape.partitions.iter().enumerate();
        if let Some((some, on)) = Share::of(all.filter_map(leaderless), shape.partitions.len()) {
            self.findings.leaderless(place.clone(), (name, of), some, &on);
        }
    }

    /// Whether each partition that has a leader has replicas enough now for a record to be acknowledged.
    fn in_sync(&mut self, topic: &TopicName, shape: &TopicShape, place: &Place, min: i64) {
        let short = |(number, partition): (usize, &PartitionFacts)| match partition {
            PartitionFacts::Led { in_sync } if i64::try_from(*in_sync).is_ok_and(|n| n < min) => {
                Some((number, *in_sync))
            }
            PartitionFacts::Led { .. } | PartitionFacts::Leaderless { .. } => None,
        };
        let all = shape.partitions.iter().enumerate();
        if let Some((some, in_sync)) = Share::of(all.filter_map(short), shape.partitions.len()) {
            self.findings.too_few_in_sync(place.clone(), topic, some, (in_sync, min));
        }
    }

    /// Whether a step gives the records a key.
    fn sets_key(&self) -> bool {
        self.pipeline.steps.iter().any(|step| match step {
            Step::Set(set) => set.iter().any(|assignment| assignment.target == Target::Key),
            Step::Filter(_) | Step::Validate(_) | Step::Remove(_) => false,
        })
    }

    /// Where a topic is missing, nobody knows how many partitions there will be.
    fn workers(&mut self) {
        let read = self.read();
        let all_there = match &self.pipeline.source.topics {
            Topics::Names(names) => names.len() == read.len(),
            Topics::Pattern(_) => !read.is_empty(),
        };
        let has = read.iter().map(|(_, shape)| shape.partitions.len()).sum();
        let workers = self.pipeline.workers.get();
        // `auto` goes by the machine that runs it, which need not be this one.
        let is_auto = self.places.workers.text().trim_matches(['\'', '"']) == "auto";
        if all_there && !is_auto && has < usize::from(workers) {
            self.findings.idle_workers(self.places.workers.clone(), workers, has);
        }
    }

    fn sink(&mut self, sink: &Sink) {
        let Some((topic_place, partition_place)) = self.places.sinks.get(&sink.name) else {
            return;
        };
        self.written(&sink.topic, topic_place, Use::Sink);
        let Some(TopicFacts::There(shape)) = self.facts.topics.get(sink.topic.as_str()) else {
            return;
        };
        if sink.partition == Partition::Preserve {
            let largest = self.read().into_iter().max_by_key(|(_, shape)| shape.partitions.len());
            if let Some((source, of_source)) = largest
                && of_source.partitions.len() > shape.partitions.len()
            {
                self.findings.cannot_preserve(
                    partition_place.clone(),
                    (&sink.topic, shape.partitions.len()),
                    (source, of_source.partitions.len()),
                );
            }
        }
        let is_compacted = |shape: &TopicShape| shape.configs.is_some_and(|c| c.is_compacted);
        let read = self.read();
        // What comes from compacted topics has a key, and is made to be compacted.
        let comes_with_keys = !read.is_empty() && read.iter().all(|(_, shape)| is_compacted(shape));
        let has_key = sink.key.is_some() || self.sets_key() || comes_with_keys;
        if is_compacted(shape) && !has_key {
            self.findings.compacted(topic_place.clone(), &sink.topic, Use::Sink);
        }
    }

    /// What holds for sinks and dead letters alike.
    fn written(&mut self, topic: &TopicName, place: &Place, of: Use) {
        let Some(shape) = self.shape(topic, place, of) else { return };
        if shape.write == Right::Refused {
            self.findings.topic_refused(place.clone(), topic.as_str(), of);
        }
        self.led(topic.as_str(), shape, place, of);
        let place = || place.clone();
        // Where there is one broker only, no topic can have a second replica.
        if shape.replicas < 2 && self.facts.brokers > 1 {
            self.findings.unreplicated(place(), topic);
        }
        let Some(configs) = shape.configs else {
            self.findings.configs_hidden(place(), topic.as_str());
            return;
        };
        let in_sync = (configs.min_insync_replicas, shape.replicas);
        let replicas = i64::try_from(shape.replicas).unwrap_or(i64::MAX);
        if configs.min_insync_replicas > replicas {
            self.findings.never_in_sync(place(), topic, in_sync);
        } else {
            if replicas > 1 && (in_sync.0 == replicas || in_sync.0 <= 1) {
                self.findings.weakly_in_sync(place(), topic, in_sync);
            }
            self.in_sync(topic, shape, &place(), configs.min_insync_replicas);
        }
        if of == Use::DeadLetter && configs.is_compacted {
            self.findings.compacted(place(), topic, of);
        }
        if let Some(max) = configs.retention_bytes {
            self.findings.size_limited(place(), topic, max);
        }
        let bytes = |(name, shape): (&'a str, &'a TopicShape)| {
            shape.configs.map(|configs| (name, configs.max_message_bytes))
        };
        let largest = self.read().into_iter().filter_map(bytes).max_by_key(|(_, bytes)| *bytes);
        if let Some(source) = largest.filter(|(_, bytes)| *bytes > configs.max_message_bytes) {
            let sink = (topic, configs.max_message_bytes);
            self.findings.smaller_records(place(), sink, source);
        }
    }

    /// The topics that the source reads and that are there.
    fn read(&self) -> Vec<(&'a str, &'a TopicShape)> {
        let is_read = |name: &str| match &self.pipeline.source.topics {
            Topics::Names(names) => names.iter().any(|n| n.as_str() == name),
            Topics::Pattern(pattern) => pattern.matches(name),
        };
        let there = self.facts.topics.iter().filter_map(|(name, facts)| match facts {
            TopicFacts::There(shape) if is_read(name) => Some((name.as_str(), shape)),
            TopicFacts::There(_) | TopicFacts::Missing | TopicFacts::Hidden => None,
        });
        there.collect()
    }

    /// A topic that is there; where it is not, that is said.
    fn shape(&mut self, topic: &TopicName, place: &Place, of: Use) -> Option<&'a TopicShape> {
        match self.facts.topics.get(topic.as_str()) {
            Some(TopicFacts::There(shape)) => Some(shape),
            Some(TopicFacts::Hidden) => {
                self.findings.topic_hidden(place.clone(), topic, of);
                None
            }
            Some(TopicFacts::Missing) | None => {
                self.findings.topic_missing(place.clone(), topic);
                None
            }
        }
    }
}
