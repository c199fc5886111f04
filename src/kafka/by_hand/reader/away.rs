//! Brokers that do not answer: which one, and since when.
//!
//! A client of several brokers says nothing of one that is lost: its partitions are as silent as those to which nobody
//! writes. So what is silent is asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::{ASK_MAX, Access, Place, ReadOptions, Reader};
use crate::kafka::raw::{Consumer, Failed, PartitionList, code};
use crate::kafka::retry::REQUEST_MAX;
use crate::kafka::verdict;
use crate::model::{GroupId, TopicName};
use crate::worker::{Clock, Fault};

/// All brokers, or one that is needed, have not answered for so long: then one last question, and the end.
const AWAY_MAX: Duration = Duration::from_secs(30);
/// Between two looks at what is silent.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// The answer to a look, which holds up what others send; that it is missing is a doubt only.
const LOOK_MAX: Duration = Duration::from_secs(2);
/// Questions whether any broker answers: the first one may go to the one that does not.
const ANY_TRIES: usize = 2;
/// The highest number that a partition could have; Kafka gives them from 0 on.
const NO_PARTITION: i32 = i32::MAX;

/// Whom a question is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Whom {
    /// The broker that keeps a group's members and offsets.
    Coordinator(GroupId),
    /// The broker that gives out a partition's records.
    Leader(String, i32),
    /// That of any partition.
    AnyLeader,
}

impl fmt::Display for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Coordinator(group) => write!(f, "the coordinator of the group {group}"),
            Self::Leader(topic, partition) => write!(f, "the leader of {topic}[{partition}]"),
            Self::AnyLeader => f.write_str("the leader of a partition"),
        }
    }
}

/// A question that failed, and whom it was for.
pub(super) type Unanswered = (Whom, Failed);

/// What is known of whoever says nothing.
#[derive(Debug, Default)]
pub(super) struct Silence {
    /// Since when all brokers are away.
    all: Option<Duration>,
    /// Nobody has answered a commit: one more would only wait as long again.
    pub(super) is_uncoordinated: bool,
    /// Who did not answer a look, and since when.
    doubt: Option<(Whom, Duration)>,
    /// When the last look was over.
    looked: Duration,
    /// How far each partition was read then.
    positions: BTreeMap<Place, i64>,
}

impl Silence {
    /// Some broker has sent something.
    pub(super) fn is_broken(&mut self) {
        self.all = None;
    }

    /// The client says that no broker is connected.
    pub(super) fn all_are_away(&mut self, now: Duration) {
        self.all.get_or_insert(now);
    }

    /// The partitions are others now.
    pub(super) fn forget_partitions(&mut self) {
        self.positions.clear();
        self.doubt.take_if(|(whom, _)| matches!(whom, Whom::Leader(..)));
    }
}

/// A partition's first offset and the one behind its last, asked from its leader.
pub(super) fn watermarks(
    consumer: &mut Consumer,
    topic: &str,
    partition: i32,
) -> Result<(i64, i64), Unanswered> {
    watermarks_within(consumer, topic, partition, REQUEST_MAX)
        .map_err(|failed| (Whom::Leader(topic.to_owned(), partition), failed))
}

pub(super) fn watermarks_within(
    consumer: &mut Consumer,
    topic: &str,
    partition: i32,
    limit: Duration,
) -> Result<(i64, i64), Failed> {
    let answer = consumer.query_watermarks(topic, partition, limit);
    answer.map_err(|failed| {
        // A partition without a leader is unknown to librdkafka too (`rdkafka_partition.c`,
        // `rd_kafka_topic_partition_list_query_leaders`); the cluster tells the two apart.
        let is_there = failed.code == code::UNKNOWN_PARTITION
            && consumer
                .topic(topic, limit)
                .is_ok_and(|found| found.partitions.contains(&partition));
        if is_there { Failed::from_code(failed.what, code::LEADER_NOT_AVAILABLE) } else { failed }
    })
}

/// The fault behind a question to one broker of a cluster that has told its topics.
pub(super) fn untold(
    access: &Access,
    options: &ReadOptions,
    consumer: &mut Consumer,
    (whom, failed): &Unanswered,
) -> Fault {
    let is_silent = verdict::is_silence(failed.code);
    let any_answers = !is_silent || (0..ANY_TRIES).any(|_| any(options, consumer).is_ok());
    let mut met = consumer.met();
    if !any_answers {
        return access.unanswered(failed, met);
    }
    // Alone, nothing of a group is needed.
    met.retain(|e| options.group.is_some() || e.code != code::GROUP_AUTHORIZATION_FAILED);
    verdict::untold(&whom.to_string(), failed, &met)
}

/// Whether any broker answers.
fn any(options: &ReadOptions, consumer: &mut Consumer) -> Result<(), Failed> {
    let Some(topic) = options.topics.first() else { return Ok(()) };
    consumer.topic(topic.as_str(), ASK_MAX).map(drop)
}

impl Reader {
    /// Ends it where all brokers, or one that is needed, are away for too long.
    pub(super) fn look_whether_away(&mut self) -> Result<(), Fault> {
        let now = self.clock.now();
        let is_over = |since: Duration| now.saturating_sub(since) >= AWAY_MAX;
        if self.silence.all.is_some_and(is_over) {
            self.silence.all = None;
            if let Err(failed) = any(&self.options, &mut self.consumer) {
                return Err(self.access.unanswered(&failed, self.consumer.met()));
            }
        }
        match self.silence.doubt.take() {
            Some((whom, since)) if is_over(since) => self.asks(&whom, ASK_MAX).map_err(|failed| {
                untold(&self.access, &self.options, &mut self.consumer, &(whom, failed))
            }),
            Some(doubt) => {
                self.silence.doubt = Some(doubt);
                Ok(())
            }
            None if now.saturating_sub(self.silence.looked) >= LOOK_INTERVAL => {
                self.silence.doubt = self.first_silent().map(|whom| (whom, now));
                self.silence.looked = self.clock.now();
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// The first that does not answer, of the group's coordinator and of the leaders that have sent nothing since the last look.
    fn first_silent(&mut self) -> Option<Whom> {
        let positions = self.positions().unwrap_or_default();
        let before = std::mem::replace(&mut self.silence.positions, positions);
        let is_silent = |place: &Place, end: i64| {
            let position = self.silence.positions.get(place);
            let is_read = position.is_some_and(|at| *at >= end) || end == i64::MIN;
            position == before.get(place) && !(is_read && self.options.to_end)
        };
        let silent = self.ends.iter().filter(|(place, end)| is_silent(place, **end));
        let name = |topic: usize| self.options.topics.get(topic).map(TopicName::as_str);
        let leader = |(topic, partition): Place| {
            name(topic).map(|name| Whom::Leader(name.to_owned(), partition))
        };
        let leaders: Vec<Whom> = silent.filter_map(|(place, _)| leader(*place)).collect();
        let coordinator = self.options.group.clone().map(Whom::Coordinator);
        coordinator.into_iter().chain(leaders).find(|whom| self.asks(whom, LOOK_MAX).is_err())
    }

    /// Asks; any answer, a refusal too, is one.
    fn asks(&mut self, whom: &Whom, limit: Duration) -> Result<(), Failed> {
        let answer = match whom {
            Whom::Coordinator(_) => {
                let topic = self.options.topics.first().map_or("", TopicName::as_str);
                let mut nowhere = PartitionList::of([(topic, NO_PARTITION, 0)]);
                self.consumer.committed(&mut nowhere, limit)
            }
            Whom::Leader(topic, partition) => {
                watermarks_within(&mut self.consumer, topic, *partition, limit).map(drop)
            }
            Whom::AnyLeader => Ok(()),
        };
        answer.or_else(|failed| if verdict::is_silence(failed.code) { Err(failed) } else { Ok(()) })
    }
}
