//! librdkafka's in-process mock cluster, for `krouted demo`: real TCP on this host, topics in memory, no transactions.
//!
//! Source: KAFKA.md section 4. It answers the transactional calls and forgets what they mean, so nothing about a
//! guarantee is shown on it.

use std::time::Duration;

use rdkafka::mocking;
use rdkafka::producer::DefaultProducerContext;

use super::raw::{
    Conf, Consumer, Messages, Outgoing, PartitionList, Producer, Protocol, TakenHeaders,
};
use super::raw::{TopicHandle, logical};
use crate::model::{Record, TopicName};
use crate::worker::{Clock, SystemClock};

/// Writing or reading the whole cluster; it is on this host, in memory, but the host may be busy.
const ALL_MAX: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(100);
const BATCH_RECORDS_MAX: usize = 1_000;

/// One broker in this process, gone when it is dropped.
pub struct MockCluster(mocking::MockCluster<'static, DefaultProducerContext>);

impl std::fmt::Debug for MockCluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("MockCluster").field(&self.bootstrap_servers()).finish()
    }
}

/// One record to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MockRecord {
    /// Where to.
    pub topic: TopicName,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// `None` is a null key.
    pub key: Option<Vec<u8>>,
    /// `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// In this order.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl MockCluster {
    /// Starts it.
    pub fn start() -> Result<Self, String> {
        mocking::MockCluster::new(1).map(Self).map_err(|e| e.to_string())
    }

    /// As a client wants them.
    pub fn bootstrap_servers(&self) -> String {
        self.0.bootstrap_servers()
    }

    /// Makes a topic.
    pub fn create_topic(&self, name: &TopicName, partitions: u16) -> Result<(), String> {
        self.0
            .create_topic(name.as_str(), partitions.into(), 1)
            .map_err(|e| format!("topic {name}: {e}"))
    }

    /// Writes records in their order, and waits until all are acknowledged.
    pub fn write(&self, records: &[MockRecord]) -> Result<(), String> {
        let mut producer = Producer::new(self.client()?)?;
        let mut topics: Vec<(&TopicName, TopicHandle)> = Vec::new();
        for record in records {
            let known = topics.iter().find(|(name, _)| **name == record.topic).map(|(_, h)| *h);
            let topic = if let Some(handle) = known {
                handle
            } else {
                let handle = producer.topic(record.topic.as_str(), [])?;
                topics.push((&record.topic, handle));
                handle
            };
            let mut headers = TakenHeaders::none();
            for (name, value) in &record.headers {
                headers.push(name, value);
            }
            let out = Outgoing {
                topic,
                partition: None,
                key: record.key.as_deref(),
                value: record.value.as_deref(),
                timestamp: Some(record.timestamp),
                tag: 0,
            };
            producer.send(&out, &mut headers).map_err(|e| e.to_string())?;
        }
        producer.flush(ALL_MAX).map_err(|e| e.to_string())?;
        let failed = producer.undelivered().len();
        if failed == 0 { Ok(()) } else { Err(format!("{failed} records were not taken")) }
    }

    /// Shows every record of these topics to `visit`.
    pub fn read(
        &self,
        topics: &[TopicName],
        visit: &mut dyn FnMut(&Record<'_>),
    ) -> Result<(), String> {
        let text = |e: super::raw::Failed| e.to_string();
        let mut conf = self.client()?;
        conf.set("group.id", "krouted.demo.reader")?;
        conf.set("enable.auto.commit", "false")?;
        let mut consumer = Consumer::new(conf, Protocol::Eager)?;
        let mut starts = Vec::new();
        let mut left = 0_u64;
        for name in topics {
            for partition in consumer.topic(name.as_str(), ALL_MAX).map_err(text)?.partitions {
                let (low, high) =
                    consumer.query_watermarks(name.as_str(), partition, ALL_MAX).map_err(text)?;
                left += u64::try_from(high.saturating_sub(low)).unwrap_or(0);
                starts.push((name.as_str(), partition, logical::BEGINNING));
            }
        }
        consumer.assign(&PartitionList::of(starts)).map_err(text)?;
        let clock = SystemClock::default();
        let mut batch = Messages::with_capacity(BATCH_RECORDS_MAX);
        while left > 0 {
            if clock.now() > ALL_MAX {
                return Err(format!("{left} records could not be read"));
            }
            consumer.poll(&mut batch, BATCH_RECORDS_MAX, POLL);
            for index in 0..batch.len() {
                if batch.error(index).is_none() {
                    visit(&batch.record(index));
                    left = left.saturating_sub(1);
                }
            }
        }
        Ok(())
    }

    fn client(&self) -> Result<Conf, String> {
        let mut conf = Conf::new();
        conf.set("bootstrap.servers", &self.bootstrap_servers())?;
        conf.set("partitioner", "murmur2_random")?;
        Ok(conf)
    }
}
