//! Asking a cluster what a pipeline would find there, and changing nothing of it that a running one has.
//!
//! The group is asked for by a commit for a partition that cannot be: the broker looks at the right to the group first, then
//! drops what is for no partition, and the group's coordinator never hears of it. The transactional id is one that no worker
//! has ([`Connection::probed_id`]); all that is left of it is an id that expires on the broker after a week.
//!
//! Source: `KafkaApis.scala`, `handleOffsetCommitRequest`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::properties::{Connection, TRANSACTION_TIMEOUT_MS};
use super::raw::{
    ClientError, Configs, Consumer, Failed, PartitionDescription, PartitionList, Producer,
    TopicDescription, code,
};
use super::retry::{REQUEST_MAX, retriable, until};
use super::start::matching;
use super::verdict;
use crate::config::online::{
    Facts, PartitionFacts, Right, TopicConfigs, TopicFacts, TopicShape, TransactionalId, Unasked,
};
use crate::model::Guarantee;
use crate::pipeline::Topics;
use crate::worker::{Fault, FaultKind, SystemClock};

/// The highest number that a partition could have; Kafka gives them from 0 on.
const NO_PARTITION: i32 = i32::MAX;
/// One question to a group's coordinator, and how many times it is asked.
const LOOK: Duration = Duration::from_secs(1);
const LOOKS: u32 = 10;
/// Between a topic's making and what every broker knows lie milliseconds.
const APPEARS_MAX: Duration = Duration::from_secs(1);
/// A broker that is lost is among the cluster's for 9 s more (`broker.session.timeout.ms`), and may be the one that is asked:
/// three questions of [`REQUEST_MAX`].
const TOPICS_MAX: Duration = Duration::from_secs(25);
/// A coordinator that loads, or ends the transaction of a survey before.
const INIT_MAX: Duration = Duration::from_secs(30);

/// Asks the cluster of a pipeline, by clients of their own, about all that the pipeline needs there.
///
/// # Errors
///
/// Why nothing could be asked. Each question is bounded.
pub fn survey(connection: &Connection) -> Result<Facts, Unasked> {
    let conf = connection.surveyor().map_err(|fault| of_fault(&fault))?;
    let mut client = Consumer::new(conf, connection.protocol()).map_err(Unasked::Settings)?;
    client.brokers(REQUEST_MAX).map_err(|e| unasked(connection, &e, client.met()))?;
    let clock = SystemClock::default();
    let is_silent = |failed: &Failed| verdict::is_silence(failed.code);
    let answer = until(&clock, TOPICS_MAX, is_silent, || {
        // Each time: by this answer, librdkafka chooses whom it asks for topics.
        let brokers = brokers(&mut client)?;
        topics(connection, &mut client).map(|topics| (brokers, topics))
    });
    let (brokers, topics) =
        answer.map_err(|e| untold("the broker that was asked for topics", &e, &client.met()))?;
    // What is known of the topics is worth saying, whatever becomes of the rest.
    let group = group(connection, &mut client);
    let txn_offset_commit = client.txn_offset_commit_taken();
    let transactional_id = match connection.pipeline.delivery.guarantee() {
        // Who cannot ask for the group is not made to wait twice.
        Guarantee::ExactlyOnce if group.is_ok() => Some(transactional_id(connection)),
        Guarantee::ExactlyOnce => None,
        Guarantee::AtLeastOnce | Guarantee::AtMostOnce => None,
    };
    Ok(Facts { brokers, topics, group, transactional_id, txn_offset_commit })
}

/// How many the cluster has; of those that are away, such as hold something are counted where one alone is left.
fn brokers(client: &mut Consumer) -> Result<usize, Failed> {
    match client.brokers(REQUEST_MAX)? {
        1 => client.holders(REQUEST_MAX).map(|brokers| brokers.len()),
        several => Ok(several),
    }
}

fn topics(
    connection: &Connection,
    client: &mut Consumer,
) -> Result<BTreeMap<String, TopicFacts>, Failed> {
    let pipeline = &connection.pipeline;
    let mut names: Vec<String> = match &pipeline.source.topics {
        Topics::Names(names) => names.iter().map(ToString::to_string).collect(),
        Topics::Pattern(pattern) => {
            matching(pattern, client)?.into_iter().map(|topic| topic.name).collect()
        }
    };
    names.extend(pipeline.topics_written().into_iter().map(ToString::to_string));
    names.sort();
    names.dedup();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let described = described(client, &names)?;
    let there = described.iter().filter(|topic| topic.err == 0).map(|topic| topic.name.as_str());
    let mut configs = match client.topic_configs(&there.collect::<Vec<_>>(), REQUEST_MAX) {
        // A cluster that does not know the request, such as the demo's.
        Err(failed) if verdict::help(failed.code) == Some(FaultKind::Unsupported) => {
            BTreeMap::new()
        }
        answer => answer?,
    };
    described
        .into_iter()
        .map(|topic| {
            let name = topic.name.clone();
            let configs = configs.remove(&name).unwrap_or(Err(code::UNSUPPORTED_FEATURE));
            facts_of(&topic, &configs).map(|facts| (name, facts))
        })
        .collect()
}

/// A topic that is not there is asked for again for a moment: a broker learns of a new one a little after whoever made it.
fn described(client: &mut Consumer, names: &[&str]) -> Result<Vec<TopicDescription>, Failed> {
    let is_missing = |err: i32| verdict::help(err) == Some(FaultKind::UnknownTopic);
    let mut topics = Vec::new();
    let answer = until(
        &SystemClock::default(),
        APPEARS_MAX,
        |failed| is_missing(failed.code),
        || {
            topics = client.describe_topics(names, REQUEST_MAX)?;
            let missing = topics.iter().find(|topic| is_missing(topic.err));
            missing.map_or(Ok(()), |topic| Err(Failed::from_code("describe topics", topic.err)))
        },
    );
    match answer {
        Err(failed) if !is_missing(failed.code) => Err(failed),
        Ok(()) | Err(_) => Ok(topics),
    }
}

fn facts_of(topic: &TopicDescription, configs: &Configs) -> Result<TopicFacts, Failed> {
    match verdict::help(topic.err) {
        None if topic.err == 0 => {}
        Some(FaultKind::UnknownTopic) => return Ok(TopicFacts::Missing),
        Some(FaultKind::Authorization) => return Ok(TopicFacts::Hidden),
        None | Some(_) => {
            return Err(Failed::from_code("describe topics", topic.err).about(&topic.name));
        }
    }
    let right = |may: bool| if may { Right::Granted } else { Right::Refused };
    let configs = match configs {
        Ok(entries) => Some(limits(entries)),
        Err(err) if is_hidden(*err) => None,
        Err(err) => return Err(Failed::from_code("describe configs", *err).about(&topic.name)),
    };
    let partitions: BTreeMap<_, _> = topic.partitions.iter().map(|p| (p.number, p)).collect();
    Ok(TopicFacts::There(TopicShape {
        partitions: partitions.values().map(|partition| partition_facts(partition)).collect(),
        replicas: topic.partitions.iter().map(|p| p.replicas.len()).min().unwrap_or(0),
        read: right(topic.may_read),
        write: right(topic.may_write),
        configs,
    }))
}

fn partition_facts(partition: &PartitionDescription) -> PartitionFacts {
    if partition.has_leader {
        PartitionFacts::Led { in_sync: partition.in_sync }
    } else {
        PartitionFacts::Leaderless { on: partition.replicas.clone() }
    }
}

/// A configuration that may not be seen, or that nobody can be asked for.
fn is_hidden(err: i32) -> bool {
    matches!(verdict::help(err), Some(FaultKind::Authorization | FaultKind::Unsupported))
}

/// Source: Apache Kafka, "Topic Configs". What a broker does not say limits nothing.
fn limits(entries: &BTreeMap<String, String>) -> TopicConfigs {
    let number = |name: &str| entries.get(name).and_then(|value| value.parse::<i64>().ok());
    let policy = entries.get("cleanup.policy").map_or("delete", String::as_str);
    let does = |what: &str| policy.split(',').any(|part| part.trim() == what);
    TopicConfigs {
        is_compacted: does("compact"),
        retention_bytes: number("retention.bytes").filter(|bytes| *bytes >= 0 && does("delete")),
        max_message_bytes: number("max.message.bytes").unwrap_or(i64::MAX),
        min_insync_replicas: number("min.insync.replicas").unwrap_or(1),
    }
}

/// Whether the group may be used.
fn group(connection: &Connection, client: &mut Consumer) -> Result<Right, Unasked> {
    let pipeline = &connection.pipeline;
    let any = pipeline.topics_written().first().map_or("krouted", |topic| topic.as_str());
    let topic = match &pipeline.source.topics {
        Topics::Names(names) => names.first().map_or(any, |topic| topic.as_str()),
        Topics::Pattern(_) => any,
    };
    let nowhere = || PartitionList::of([(topic, NO_PARTITION, 0)]);
    let mut met = Vec::new();
    let coordinator = format!("the coordinator of the group {}", pipeline.source.group);
    // The coordinator first: a commit without one stays in the client as long as a session lasts, and so does the client.
    match finds_coordinator(client, &mut nowhere(), &mut met) {
        Ok(Right::Granted) => {}
        Ok(Right::Refused) => return Ok(Right::Refused),
        Err(failed) => {
            return Err(untold(&coordinator, &failed, &met));
        }
    }
    match client.commit(&nowhere(), REQUEST_MAX) {
        Ok(()) => Ok(Right::Granted),
        Err(failed) if is_group_refused(failed.code) => Ok(Right::Refused),
        Err(failed) if has_passed(failed.code) => Ok(Right::Granted),
        Err(failed) => {
            met.extend(client.met());
            Err(untold(&coordinator, &failed, &met))
        }
    }
}

/// Whether the group's coordinator may be asked; offsets are read from it, which needs less than to use the group. The error
/// is that of the last look, where none finds it.
fn finds_coordinator(
    client: &mut Consumer,
    anywhere: &mut PartitionList,
    met: &mut Vec<ClientError>,
) -> Result<Right, Failed> {
    let mut looks = LOOKS;
    loop {
        let answer = client.committed(anywhere, LOOK);
        looks -= 1;
        // That it may not be asked for is told to the client's threads only; the call waits on.
        met.extend(client.met());
        let is_refused = met.iter().any(|e| is_group_refused(e.code));
        match answer {
            _ if is_refused => return Ok(Right::Refused),
            Err(failed) if is_group_refused(failed.code) => return Ok(Right::Refused),
            Err(failed) if matches!(failed.code, code::TIMED_OUT | code::WAIT_COORDINATOR) => {
                if looks == 0 {
                    return Err(failed);
                }
            }
            // What else there is to say, the commit says.
            Ok(()) | Err(_) => return Ok(Right::Granted),
        }
    }
}

fn is_group_refused(err: i32) -> bool {
    err == code::GROUP_AUTHORIZATION_FAILED
}

/// That it is no partition, or no right to the topic, which is another finding: the broker has passed the group by then.
fn has_passed(err: i32) -> bool {
    err == code::TOPIC_AUTHORIZATION_FAILED || verdict::help(err) == Some(FaultKind::UnknownTopic)
}

fn transactional_id(connection: &Connection) -> Result<TransactionalId, Unasked> {
    let conf = connection.probing_producer().map_err(|fault| of_fault(&fault))?;
    let mut producer = Producer::new(conf).map_err(Unasked::Settings)?;
    let clock = SystemClock::default();
    let answer = until(&clock, INIT_MAX, retriable, || producer.init_transactions(REQUEST_MAX));
    let right = match answer {
        Ok(()) => Right::Granted,
        Err(failed) if failed.code == code::TRANSACTIONAL_ID_AUTHORIZATION_FAILED => Right::Refused,
        // Ours is no setting: only the brokers' can be another.
        Err(failed) if failed.code == code::INVALID_TRANSACTION_TIMEOUT => {
            return Err(Unasked::Other(verdict::too_long(&format!("{TRANSACTION_TIMEOUT_MS} ms"))));
        }
        Err(failed) => {
            producer.poll(Duration::ZERO);
            let met: Vec<_> = std::iter::from_fn(|| producer.next_error()).collect();
            let id = connection.probed_id();
            return Err(untold(
                &format!("the coordinator of the transactional id {id}"),
                &failed,
                &met,
            ));
        }
    };
    Ok(TransactionalId { tried: connection.probed_id(), right })
}

/// What a broker itself answered, above zero, is no broker that is away.
fn unasked(connection: &Connection, failed: &Failed, met: Vec<ClientError>) -> Unasked {
    if failed.code > 0 && verdict::help(failed.code).is_none() {
        return Unasked::Other(failed.to_string());
    }
    of_fault(&verdict::unanswered(&connection.cluster.bootstrap_servers, failed, met))
}

/// Of a cluster that has answered before: whether `whom` it asked next is silent, or what it said.
fn untold(whom: &str, failed: &Failed, met: &[ClientError]) -> Unasked {
    match of_fault(&verdict::untold(whom, failed, met)) {
        Unasked::Away(why) => Unasked::Silent(why),
        unasked @ (Unasked::Silent(_)
        | Unasked::Login(_)
        | Unasked::Settings(_)
        | Unasked::Other(_)) => unasked,
    }
}

fn of_fault(fault: &Fault) -> Unasked {
    let why = fault.cause.clone();
    match fault.kind {
        FaultKind::BrokerAway => Unasked::Away(why),
        FaultKind::Authorization => Unasked::Login(why),
        FaultKind::Configuration => Unasked::Settings(why),
        FaultKind::UnknownTopic
        | FaultKind::Unsupported
        | FaultKind::Fenced
        | FaultKind::Client => Unasked::Other(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retention(policy: Option<&str>) -> Option<i64> {
        let policy = policy.map(|policy| ("cleanup.policy".to_owned(), policy.to_owned()));
        let bytes = ("retention.bytes".to_owned(), "1000".to_owned());
        limits(&policy.into_iter().chain([bytes]).collect()).retention_bytes
    }

    #[test]
    fn a_limit_of_size_counts_only_where_what_is_old_is_deleted() {
        assert_eq!(retention(Some("compact")), None);
        for policy in [None, Some("delete"), Some("compact,delete"), Some("delete, compact")] {
            assert_eq!(retention(policy), Some(1000), "{policy:?}");
        }
    }
}
