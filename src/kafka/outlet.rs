//! A worker's producer with a handle for each topic that it writes, and how both follow another definition.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::backlog;
use super::open;
use super::port::Port;
use super::properties::Connection;
use super::raw::{Producer, TopicHandle};
use super::retry;
use super::transaction;
use crate::model::{Guarantee, TopicName};
use crate::pipeline::{Partition, Pipeline, Properties};
use crate::worker::{Clock as _, Fault, FaultKind};

/// A producer with its topics.
pub(super) struct Outlet {
    pub(super) producer: Producer,
    pub(super) sinks: Vec<SinkHandle>,
    pub(super) dead_letter: Option<TopicHandle>,
    /// All that were ever made: a topic keeps its first properties for the client's life.
    known: BTreeMap<String, (Properties, TopicHandle)>,
}

pub(super) struct SinkHandle {
    pub(super) topic: TopicHandle,
    pub(super) preserve: bool,
}

impl Outlet {
    /// A client with a handle for each sink, which have so many partitions together; no transaction is initialised yet.
    pub(super) fn new(connection: &Connection, partitions: usize) -> Result<Self, Fault> {
        let producer = Producer::new(connection.producer(partitions)?).map_err(fault)?;
        let known = BTreeMap::new();
        let mut outlet = Self { producer, sinks: Vec::new(), dead_letter: None, known };
        outlet.point_to(&connection.pipeline)?;
        Ok(outlet)
    }

    /// Handles for the topics of a definition; on a fault the ones before stay.
    fn point_to(&mut self, pipeline: &Pipeline) -> Result<(), Fault> {
        let mut sinks = Vec::new();
        for sink in &pipeline.sinks {
            let topic = self.handle(sink.topic.as_str(), &sink.properties)?;
            sinks.push(SinkHandle { topic, preserve: sink.partition == Partition::Preserve });
        }
        let dead_letter = pipeline.dead_letter.as_ref();
        let dead_letter =
            dead_letter.map(|topic| self.handle(topic.as_str(), &Properties::new())).transpose()?;
        (self.sinks, self.dead_letter) = (sinks, dead_letter);
        Ok(())
    }

    fn handle(&mut self, topic: &str, properties: &Properties) -> Result<TopicHandle, Fault> {
        if let Some((_, handle)) = self.known.get(topic) {
            return Ok(*handle);
        }
        let pairs = properties.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        let handle = self.producer.topic(topic, pairs).map_err(fault)?;
        self.known.insert(topic.to_owned(), (properties.clone(), handle));
        Ok(handle)
    }

    /// Whether no topic of the definition has a handle with other properties.
    pub(super) fn suits(&self, pipeline: &Pipeline) -> bool {
        let none = Properties::new();
        let sinks = pipeline.sinks.iter().map(|sink| (&sink.topic, &sink.properties));
        let is_sink = |topic: &TopicName| pipeline.sinks.iter().any(|sink| sink.topic == *topic);
        // Where it is a sink too, the sink's count.
        let dead_letter = pipeline.dead_letter.as_ref().filter(|topic| !is_sink(topic));
        sinks.chain(dead_letter.map(|topic| (topic, &none))).all(|(topic, properties)| {
            self.known.get(topic.as_str()).is_none_or(|(known, _)| known == properties)
        })
    }
}

fn fault(text: String) -> Fault {
    Fault::new(FaultKind::Configuration, text)
}

impl Port {
    /// Looks new topics up by the consumer that is there, then takes the definition: with new handles of the same producer,
    /// or with a new producer where a topic has other properties now.
    pub(super) fn prepare_for(
        &mut self,
        pipeline: &Arc<Pipeline>,
        stopping: &dyn Fn() -> bool,
    ) -> Result<(), Fault> {
        let before = Arc::clone(&self.connection.pipeline);
        let further = open::check_new(&self.connection, pipeline, &mut self.consumer, stopping)?;
        self.connection.pipeline = Arc::clone(pipeline);
        let done = if self.outlet.suits(pipeline) {
            self.outlet.point_to(pipeline)
        } else {
            let partitions = self.backlog.partitions().saturating_add(further);
            self.replace_producer(partitions, stopping)
        };
        match &done {
            Ok(()) => self.backlog.grow(further),
            Err(_) => self.connection.pipeline = before,
        }
        done
    }

    /// See [`backlog::let_drain`]. What lingers is left to linger meanwhile: to have it sent takes a flush, so a millisecond or two in
    /// which nothing is read, and costs more than it brings (docs/performance.md).
    pub(super) fn let_drain(&self, wait: Duration) -> Duration {
        let (producer, backlog) = (&self.outlet.producer, &self.backlog);
        let is_enough = || backlog.is_enough(producer.waiting());
        backlog::let_drain(wait, || self.clock.now(), is_enough, retry::pause)
    }

    fn replace_producer(
        &mut self,
        partitions: usize,
        stopping: &dyn Fn() -> bool,
    ) -> Result<(), Fault> {
        let mut outlet = Outlet::new(&self.connection, partitions)?;
        if self.guarantee == Guarantee::ExactlyOnce {
            // Where this fails, the producer that is there may be fenced already: a new one before the next transaction.
            self.tainted = true;
            transaction::init(&mut outlet.producer, self.clock, stopping)?;
        }
        self.outlet = outlet;
        self.tainted = false;
        Ok(())
    }
}
