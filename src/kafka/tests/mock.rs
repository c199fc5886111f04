//! A port on librdkafka's mock cluster, with errors put into its answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey as Api, RDKafkaRespErr as Err};

use super::connection;
use crate::config::Cluster;
use crate::kafka::raw::{Consumer, Outgoing, TakenHeaders};
use crate::kafka::retry::pause;
use crate::kafka::{KafkaBatch, Port};
use crate::model::{NoHeaders, Record};
use crate::pipeline::{Delivery, Pipeline, Topics, sample};
use crate::worker::{
    Batch as _, Clock, Failure, FaultKind, Lag, News, Offsets, Port as _, SystemClock,
};

/// The mock's group waits three seconds for its first members.
pub(super) const DEADLINE: Duration = Duration::from_secs(20);

/// Of so many windows one at least is not slow.
pub(super) const WINDOWS_MAX: usize = 20;

pub(super) struct Mock {
    pub(super) cluster: MockCluster<'static, DefaultProducerContext>,
    pub(super) port: Port,
}

impl Mock {
    pub(super) fn new() -> Self {
        Self::of(sample::pipeline(Delivery::ExactlyOnce(sample::limits(100))))
    }

    pub(super) fn of(pipeline: Pipeline) -> Self {
        Self::with(pipeline, |_| {})
    }

    pub(super) fn with(pipeline: Pipeline, change: impl FnOnce(&mut Cluster)) -> Self {
        let cluster = MockCluster::new(1).unwrap();
        for topic in ["in", "more", "out-a", "out-b", "dead"] {
            cluster.create_topic(topic, 1, 1).unwrap();
        }
        cluster.create_topic("wide", 30, 1).unwrap();
        let mut connection = connection(&cluster.bootstrap_servers(), pipeline);
        change(&mut connection.cluster);
        let port = Port::open(connection, &|| false).unwrap();
        Self { cluster, port }
    }

    fn inject(&self, api: Api, errors: &[Err]) {
        self.cluster.request_errors(api, errors);
    }

    /// A transaction with one record in it.
    fn begin(&mut self) {
        self.port.begin().unwrap();
        self.send("out-a");
    }

    fn send(&mut self, topic: &str) {
        let topic = self.port.outlet.producer.topic(topic, []).unwrap();
        let out = Outgoing {
            topic,
            partition: None,
            key: None,
            value: Some(b"x"),
            timestamp: None,
            tag: 0,
        };
        self.port.outlet.producer.send(&out, &mut TakenHeaders::none()).unwrap();
    }

    pub(super) fn commit(&mut self) -> Result<(), Failure> {
        self.port.commit(&Offsets::default())
    }

    /// The next window is as good as any.
    pub(super) fn goes_on(&mut self) {
        self.begin();
        assert_eq!(self.commit(), Ok(()));
    }

    fn news(&mut self) -> Vec<News> {
        let mut batch: KafkaBatch = self.port.batch(10);
        self.port.poll(&mut batch, 10, Duration::from_millis(100));
        std::iter::from_fn(|| self.port.news()).collect()
    }
}

/// Of a window that read the first record of `in`.
pub(super) fn one_offset() -> Offsets {
    let mut offsets = Offsets::default();
    offsets.note(&Record {
        topic: "in",
        partition: 0,
        offset: 0,
        timestamp: None,
        key: None,
        value: None,
        headers: &NoHeaders,
    });
    offsets
}

#[test]
fn what_librdkafka_retries_by_itself_is_no_failure() {
    for error in [
        Err::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
        Err::RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
        Err::RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS,
    ] {
        let mut mock = Mock::new();
        mock.inject(Api::EndTxn, &[error]);
        mock.goes_on();
        mock.goes_on();
    }
}

#[test]
fn a_record_that_the_broker_refuses_is_a_refusal_and_the_producer_goes_on() {
    let mut mock = Mock::new();
    mock.begin();
    mock.inject(Api::Produce, &[Err::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE]);
    let failure = mock.commit().unwrap_err();
    assert!(matches!(failure, Failure::Refused { position: None, .. }), "{failure:?}");
    assert_eq!(mock.port.abort(), Ok(()));
    // The mock can answer the first window of the new epoch with the sequence of the old one: one more abort, no more.
    mock.begin();
    if let Err(failure) = mock.commit() {
        assert!(matches!(failure, Failure::Abort(_)), "{failure:?}");
        assert_eq!(mock.port.abort(), Ok(()));
        mock.goes_on();
    }
}

#[test]
fn a_record_that_may_not_be_written_is_a_fault_with_its_reason() {
    let mut mock = Mock::new();
    mock.begin();
    mock.inject(Api::Produce, &[Err::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED]);
    let failure = mock.commit().unwrap_err();
    let Failure::Fault(fault) = failure else { panic!("{failure:?}") };
    assert_eq!(fault.kind, FaultKind::Authorization, "{fault}");
}

#[test]
fn a_fenced_producer_is_made_anew() {
    let mut mock = Mock::new();
    mock.begin();
    mock.inject(Api::EndTxn, &[Err::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH]);
    let failure = mock.commit().unwrap_err();
    assert!(matches!(failure, Failure::Fenced(_)), "{failure:?}");
    assert_eq!(mock.port.rebuild(), Ok(()));
    mock.goes_on();
}

/// Its death comes as an event too, which must not end the worker: a new producer is enough.
#[test]
fn a_producer_that_dies_between_two_calls_is_made_anew() {
    let mut mock = Mock::new();
    mock.inject(Api::Produce, &[Err::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER]);
    mock.begin();
    let clock = SystemClock::default();
    while mock.port.outlet.producer.fatal_error().is_none() {
        assert!(clock.now() < DEADLINE, "the producer does not die");
        assert_eq!(mock.news().iter().find(|n| matches!(n, News::Failed(_))), None);
    }
    for _ in 0..5 {
        assert_eq!(mock.news().iter().find(|n| matches!(n, News::Failed(_))), None);
    }
    let failure = mock.commit().unwrap_err();
    assert!(matches!(failure, Failure::Rebuild(_)), "{failure:?}");
    assert_eq!(mock.port.rebuild(), Ok(()));
    mock.goes_on();
}

#[test]
fn a_lost_answer_to_the_end_of_a_transaction_makes_a_new_producer_before_the_next() {
    let mut mock = Mock::new();
    // One that took long is taken for one without an answer, and this machine may be slow.
    let is_clean = (0..WINDOWS_MAX).any(|_| {
        mock.goes_on();
        !mock.port.tainted
    });
    assert!(is_clean, "a clean window leaves no taint");
    mock.begin();
    mock.inject(Api::EndTxn, &[Err::RD_KAFKA_RESP_ERR__TRANSPORT]);
    assert_eq!(mock.commit(), Ok(()));
    assert!(mock.port.tainted);
    mock.begin();
    assert!(!mock.port.tainted);
    assert_eq!(mock.port.outlet.producer.indefinite_requests(), 0, "it is a new one");
    assert_eq!(mock.commit(), Ok(()));
}

#[test]
fn a_worker_learns_to_pause_from_partitions_that_were_refused() {
    let mut mock = Mock::new();
    mock.port.pace.pause = Duration::ZERO;
    mock.goes_on();
    mock.goes_on();
    assert_eq!(mock.port.pace.pause, Duration::ZERO, "nothing was refused");
    // A busy machine may begin it too late to learn from it.
    let learned = (0..WINDOWS_MAX).any(|_| {
        mock.inject(Api::AddPartitionsToTxn, &[Err::RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS]);
        mock.goes_on();
        !mock.port.pace.pause.is_zero()
    });
    assert!(learned, "{:?}", mock.port.pace);
    // What is refused behind an abort says nothing of commits.
    let pause = mock.port.pace.pause;
    mock.port.begin().unwrap();
    assert_eq!(mock.port.abort(), Ok(()));
    mock.inject(Api::AddPartitionsToTxn, &[Err::RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS]);
    mock.goes_on();
    assert_eq!(mock.port.pace.pause, pause);
}

#[test]
fn a_partition_that_is_first_written_late_was_not_refused() {
    let mut mock = Mock::new();
    mock.port.pace.pause = Duration::ZERO;
    mock.goes_on();
    mock.begin();
    mock.port.outlet.producer.flush(DEADLINE).unwrap();
    // With the tick of the flush, about 25 ms behind the answer; `raw/admission.rs` has the borders.
    pause(Duration::from_millis(15));
    mock.send("out-b");
    assert_eq!(mock.commit(), Ok(()));
    assert_eq!(mock.port.pace.pause, Duration::ZERO);
}

#[test]
fn the_next_read_and_the_next_transaction_wait_for_the_rest_of_the_pause() {
    let long = Duration::from_millis(300);
    let mut mock = Mock::new();
    let left = |mock: &Mock| mock.port.pace.left(mock.port.clock.now());
    mock.port.pace.pause = long;
    mock.goes_on();
    assert_ne!(left(&mock), Duration::ZERO, "it is committed just now");
    let mut batch = mock.port.batch(1);
    mock.port.poll(&mut batch, 1, Duration::ZERO);
    assert_eq!(left(&mock), Duration::ZERO, "after a read");
    mock.goes_on();
    assert_ne!(left(&mock), Duration::ZERO, "it is committed just now");
    mock.begin();
    assert_eq!(left(&mock), Duration::ZERO, "within a transaction");
    assert_eq!(mock.commit(), Ok(()));
}

#[test]
fn a_producer_lets_records_linger_by_the_partitions_that_the_sinks_have_when_it_is_made() {
    let linger = |mock: &Mock| mock.port.outlet.producer.property("linger.ms");
    let mut pipeline = sample::pipeline(Delivery::ExactlyOnce(sample::limits(100)));
    pipeline.sinks[0].topic = sample::topic("wide");
    let wide = Arc::new(pipeline.clone());
    assert_eq!(linger(&Mock::of(pipeline)), "10");
    let mut mock = Mock::new();
    assert_eq!(linger(&mock), "50");
    mock.port.prepare_for(&wide, &|| false).unwrap();
    assert_eq!(linger(&mock), "50", "it is the same producer");
    mock.port.rebuild().unwrap();
    assert_eq!(linger(&mock), "10");
    let mut packed = Pipeline::clone(&wide);
    packed.sinks[1].properties = [("compression.codec".to_owned(), "gzip".to_owned())].into();
    let mut mock = Mock::new();
    mock.port.prepare_for(&Arc::new(packed), &|| false).unwrap();
    assert_eq!(linger(&mock), "10", "a topic has other properties, so it is another producer");
}

#[test]
fn the_lag_is_what_each_topic_has_behind_what_was_read() {
    const THERE: [(&str, u64); 2] = [("in", 5), ("more", 3)];
    let mut pipeline = sample::pipeline(Delivery::AtLeastOnce(sample::limits(100)));
    pipeline.source.topics = Topics::Names(THERE.map(|(topic, _)| sample::topic(topic)).into());
    let mut mock = Mock::of(pipeline);
    assert_eq!(mock.port.lag(), Lag::default(), "it has no partitions yet");
    let producer = &mut mock.port.outlet.producer;
    for (topic, records) in THERE {
        let topic = producer.topic(topic, []).unwrap();
        for _ in 0..records {
            let (partition, key, timestamp, tag) = (None, None, None, 0);
            let out = Outgoing { topic, partition, key, value: Some(b"x"), timestamp, tag };
            producer.send(&out, &mut TakenHeaders::none()).unwrap();
        }
    }
    producer.flush(DEADLINE).unwrap();

    let clock = SystemClock::default();
    let mut behind = BTreeMap::from(THERE.map(|(topic, records)| (topic.to_owned(), records)));
    // A partition of which nothing was read has no position to measure from.
    while THERE.iter().any(|(topic, records)| behind[*topic] == *records) {
        assert!(clock.now() < DEADLINE, "not both topics are read");
        let mut batch: KafkaBatch = mock.port.batch(1);
        mock.port.poll(&mut batch, 1, Duration::from_millis(100));
        for record in (0..batch.len()).filter_map(|index| batch.record(index)) {
            *behind.get_mut(record.topic).unwrap() -= 1;
        }
        while let Some(news) = mock.port.news() {
            assert_eq!(news, News::Assigned);
            mock.port.assign().unwrap();
        }
    }
    assert_eq!(mock.port.lag(), Lag { partitions: 2, by_topic: behind });
}

/// No setting helps: the timeout is ours, the limit the brokers'.
#[test]
fn brokers_that_take_no_transaction_of_our_length_are_said_to() {
    let mut mock = Mock::new();
    mock.inject(Api::InitProducerId, &[Err::RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT]);
    let failure = mock.port.rebuild().unwrap_err();
    let Failure::Fault(fault) = failure else { panic!("{failure:?}") };
    assert_eq!(fault.kind, FaultKind::Unsupported, "{fault}");
    let limit = "no transaction timeout of 15000 ms: their transaction.max.timeout.ms is lower";
    assert!(fault.cause.contains(limit), "{fault}");
}

/// KIP-447: below version 3 the broker does not fence by the group, and librdkafka says nothing.
#[test]
fn a_broker_that_does_not_fence_offsets_is_refused() {
    let mut mock = Mock::new();
    mock.cluster.apiversion(Api::TxnOffsetCommit, Some(0), Some(2)).unwrap();
    assert_eq!(mock.port.rebuild(), Ok(()));
    let clock = SystemClock::default();
    while !mock.news().contains(&News::Assigned) {
        assert!(clock.now() < DEADLINE, "no partitions were assigned");
    }
    mock.port.assign().unwrap();
    mock.begin();
    let failure = mock.port.commit(&one_offset()).unwrap_err();
    let Failure::Fault(fault) = failure else { panic!("{failure:?}") };
    assert_eq!(fault.kind, FaultKind::Unsupported, "{fault}");
    assert!(fault.cause.contains("KIP-447"), "{fault}");
}

/// Without a member id the broker would take the offsets from anybody.
#[test]
fn offsets_are_not_sent_by_who_is_no_member() {
    let mut mock = Mock::new();
    mock.begin();
    let failure = mock.port.commit(&one_offset()).unwrap_err();
    assert!(matches!(&failure, Failure::Abort(text) if text.contains("member")), "{failure:?}");
    assert_eq!(mock.port.abort(), Ok(()));
}

#[test]
fn a_survey_learns_how_new_the_brokers_are() {
    for (max, expected) in [(2, Some(2)), (3, Some(3))] {
        let cluster = MockCluster::new(2).unwrap();
        cluster.apiversion(Api::TxnOffsetCommit, Some(0), Some(max)).unwrap();
        let pipeline = sample::pipeline(Delivery::ExactlyOnce(sample::limits(100)));
        let connection = connection(&cluster.bootstrap_servers(), pipeline);
        let conf = connection.surveyor().unwrap();
        let mut client = Consumer::new(conf, connection.protocol()).unwrap();
        assert_eq!(client.brokers(DEADLINE), Ok(2));
        assert_eq!(client.txn_offset_commit_taken(), expected);
    }
}
