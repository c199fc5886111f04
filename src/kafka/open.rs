//! Bringing a worker's clients up: ask first, then fence, then join.

use std::collections::VecDeque;
use std::time::Duration;

use super::backlog::Backlog;
use super::outlet::Outlet;
use super::pace::Pace;
use super::port::{Fetching, Port};
use super::properties::Connection;
use super::raw::{Consumer, Failed, TopicMetadata};
use super::start::{self, Subscription};
use super::transaction;
use super::verdict::{self, known};
use crate::model::{Guarantee, TopicName};
use crate::pipeline::{Partition, Pipeline, Sink, Topics};
use crate::worker::{Fault, FaultKind, SystemClock};

/// One question; a broker that is there answers in milliseconds.
const METADATA_MAX: Duration = Duration::from_secs(5);

impl Port {
    /// Looks that the cluster answers and the topics are there, gives a new group its start, fences whoever had this
    /// worker's transactional id, and joins the group. `stopping` ends the waits between.
    pub fn open(connection: Connection, stopping: &dyn Fn() -> bool) -> Result<Self, Fault> {
        let clock = SystemClock::default();
        let guarantee = connection.pipeline.delivery.guarantee();
        let (subscription, partitions) = ask(&connection)?;
        let mut outlet = Outlet::new(&connection, partitions)?;
        if guarantee == Guarantee::ExactlyOnce {
            transaction::init(&mut outlet.producer, clock, stopping)?;
        }
        let protocol = connection.protocol();
        let consumer = Consumer::new(connection.consumer()?, protocol)
            .map_err(|text| Fault::new(FaultKind::Configuration, text))?;
        let mut port = Self {
            connection,
            guarantee,
            clock,
            consumer,
            outlet,
            subscription,
            rebalances: VecDeque::new(),
            news: VecDeque::new(),
            tainted: false,
            away: false,
            began: None,
            pace: Pace::new(),
            backlog: Backlog::of(partitions),
            fetching: Fetching::On,
        };
        port.subscribe().map_err(crate::worker::Failure::into_fault)?;
        Ok(port)
    }
}

/// With a client of its own id, which is in no group and holds no transaction. What is read, and how many partitions the sinks
/// have together.
fn ask(connection: &Connection) -> Result<(Subscription, usize), Fault> {
    let mut probe = Consumer::new(connection.probe()?, connection.protocol())
        .map_err(|text| Fault::new(FaultKind::Configuration, text))?;
    let partitions = check_written(connection, &mut probe)?;
    let subscription = Subscription::find(&connection.pipeline.source.topics, &mut probe)
        .map_err(|e| unreachable(&mut probe, connection, &e))?;
    start::seed(connection, &mut probe, &subscription)
        .map_err(|e| unreachable(&mut probe, connection, &e))?;
    Ok((subscription, partitions))
}

/// Every topic that the pipeline writes is there, with a partition for each that is preserved. Gives how many partitions the
/// topics of the sinks have together.
fn check_written(connection: &Connection, probe: &mut Consumer) -> Result<usize, Fault> {
    let pipeline = &connection.pipeline;
    let mut partitions = 0_usize;
    for name in pipeline.topics_written() {
        let topic = probe
            .topic(name.as_str(), METADATA_MAX)
            .map_err(|e| unreachable(probe, connection, &e))?;
        known(&topic)?;
        partitions = partitions.saturating_add(of_sinks(pipeline, name, &topic));
    }
    for sink in &pipeline.sinks {
        check_preserved(pipeline, sink, probe)?;
    }
    Ok(partitions)
}

/// A dead letter topic that is no sink counts for nothing: little is written to it.
fn of_sinks(pipeline: &Pipeline, name: &TopicName, topic: &TopicMetadata) -> usize {
    let is_sink = pipeline.sinks.iter().any(|sink| sink.topic == *name);
    if is_sink { topic.partitions.len() } else { 0 }
}

/// The same of what another definition writes and the one before did not, by a consumer that is at work: it is asked, not
/// served.
pub(super) fn check_new(
    connection: &Connection,
    pipeline: &Pipeline,
    consumer: &mut Consumer,
    stopping: &dyn Fn() -> bool,
) -> Result<usize, Fault> {
    let go_on = || {
        if stopping() { Err(Fault::new(FaultKind::Client, "the worker is to end")) } else { Ok(()) }
    };
    let before = connection.pipeline.topics_written();
    let mut partitions = 0_usize;
    for name in pipeline.topics_written().into_iter().filter(|name| !before.contains(name)) {
        go_on()?;
        let topic = consumer.topic(name.as_str(), METADATA_MAX);
        let topic = topic.map_err(|failed| unanswered(name.as_str(), &failed))?;
        known(&topic)?;
        partitions = partitions.saturating_add(of_sinks(pipeline, name, &topic));
    }
    for sink in pipeline.sinks.iter().filter(|s| is_new(&connection.pipeline, s)) {
        go_on()?;
        check_preserved(pipeline, sink, consumer)?;
    }
    Ok(partitions)
}

fn unanswered(topic: &str, failed: &Failed) -> Fault {
    let kind = verdict::help(failed.code).unwrap_or(FaultKind::BrokerAway);
    Fault::new(kind, format!("topic {topic}: {failed}"))
}

fn is_new(before: &Pipeline, sink: &Sink) -> bool {
    let same = |other: &&Sink| other.topic == sink.topic && other.partition == sink.partition;
    !before.sinks.iter().any(|other| same(&other))
}

fn check_preserved(pipeline: &Pipeline, sink: &Sink, client: &mut Consumer) -> Result<(), Fault> {
    let Topics::Names(sources) = &pipeline.source.topics else { return Ok(()) };
    if sink.partition != Partition::Preserve {
        return Ok(());
    }
    // No answer is not the same as no partitions.
    let mut partitions = |name: &str| {
        let topic = client.topic(name, METADATA_MAX).map_err(|failed| unanswered(name, &failed))?;
        Ok(topic.partitions.len())
    };
    let has = partitions(sink.topic.as_str())?;
    for source in sources {
        let needs = partitions(source.as_str())?;
        if needs > has {
            return Err(Fault::new(
                FaultKind::UnknownTopic,
                format!(
                    "sink {}: `partition: preserve` needs a partition for each of the {needs} of {source}, {} has {has}",
                    sink.name, sink.topic
                ),
            ));
        }
    }
    Ok(())
}

/// The fault behind a question to the probe that was not answered.
fn unreachable(probe: &mut Consumer, connection: &Connection, failed: &Failed) -> Fault {
    verdict::unanswered(&connection.cluster.bootstrap_servers, failed, probe.met())
}
