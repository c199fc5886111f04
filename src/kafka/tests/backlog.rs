//! What waits for the broker, on the mock cluster.

use std::sync::Arc;
use std::time::Duration;

use super::mock::{DEADLINE, Mock, WINDOWS_MAX, one_offset};
use crate::kafka::Port;
use crate::kafka::raw::{Admission, Outgoing, TakenHeaders};
use crate::kafka::retry::LOOK_MIN;
use crate::model::{NoHeaders, Record};
use crate::pipeline::{Delivery, sample};
use crate::worker::{Failure, Port as _};

/// A record with that value to `out-a`.
fn put(port: &mut Port, value: &[u8]) {
    put_to(port, "out-a", value);
}

fn put_to(port: &mut Port, topic: &str, value: &[u8]) {
    let topic = port.outlet.producer.topic(topic, []).unwrap();
    let value = Some(value);
    let out = Outgoing { topic, partition: None, key: None, value, timestamp: None, tag: 0 };
    let record = Record {
        topic: "in",
        partition: 0,
        offset: 0,
        timestamp: None,
        key: None,
        value,
        headers: &NoHeaders,
    };
    port.put(&out, TakenHeaders::none(), &record).unwrap();
}

/// No batch is full, and none is old enough for long.
fn lingering(delivery: Delivery) -> Mock {
    Mock::with(sample::pipeline(delivery), |c| {
        c.properties = [("linger.ms", "14000"), ("batch.size", "100000000")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
    })
}

#[test]
fn of_much_that_waits_the_most_goes_before_the_offsets_and_less_does_not_hold_them_back() {
    // How many of so many that wait behind one request do so when the offsets are to be sent, to which it does not come: this port is
    // in no group. They are one request too.
    let window = |waiting: usize| {
        let mut mock = lingering(Delivery::ExactlyOnce(sample::limits(100)));
        mock.goes_on();
        mock.port.begin().unwrap();
        put(&mut mock.port, b"so that the transaction has the partition");
        mock.port.flush().unwrap();
        mock.cluster.broker_round_trip_time(1, Duration::from_millis(5)).unwrap();
        (0..10).for_each(|_| put(&mut mock.port, b"is sent"));
        if mock.port.outlet.producer.flush(LOOK_MIN).is_ok() {
            return None;
        }
        let value = vec![0; 100_000];
        (0..waiting).for_each(|_| put(&mut mock.port, &value));
        // A slow machine may have joined the group meanwhile.
        let answer = mock.port.commit(&one_offset());
        matches!(answer, Err(Failure::Abort(_))).then(|| mock.port.outlet.producer.waiting())
    };
    // Or be done, or out of time, before it looks again: one of many windows.
    assert!((0..WINDOWS_MAX).any(|_| window(60) == Some(0)), "6 MB");
    assert!((0..WINDOWS_MAX).any(|_| window(30).is_some_and(|left| left >= 30)), "3 MB");
}

#[test]
fn a_transaction_behind_an_abort_has_asked_for_no_partitions_yet() {
    let mut mock = Mock::new();
    mock.goes_on();
    for is_asked in [true, false] {
        mock.port.begin().unwrap();
        put(&mut mock.port, b"value");
        mock.port.flush().unwrap();
        if is_asked {
            assert_ne!(mock.port.outlet.producer.admission(), Admission::NotAsked);
        }
        mock.port.abort().unwrap();
    }
    mock.port.begin().unwrap();
    assert_eq!(mock.port.outlet.producer.admission(), Admission::NotAsked);
}

#[test]
fn a_read_waits_while_what_was_sent_waits_for_the_broker() {
    let (short, mebibyte) = (Duration::from_millis(20), vec![0; 1 << 20]);
    let mut mock = Mock::new();
    mock.goes_on();
    mock.cluster.broker_round_trip_time(1, DEADLINE).unwrap();
    mock.port.begin().unwrap();
    let put = |port: &mut Port| put(port, &mebibyte);
    // An event that nobody served counts as a record.
    (0..7).for_each(|_| put(&mut mock.port));
    assert_ne!(mock.port.let_drain(DEADLINE), Duration::ZERO, "7 MiB are not enough");
    (0..2).for_each(|_| put(&mut mock.port));
    assert_eq!(mock.port.let_drain(short), Duration::ZERO);
    mock.cluster.broker_round_trip_time(1, Duration::ZERO).unwrap();
}

#[test]
fn more_may_wait_where_the_sinks_have_many_partitions() {
    let mut pipeline = sample::pipeline(Delivery::ExactlyOnce(sample::limits(100)));
    pipeline.sinks[0].topic = sample::topic("wide");
    let wide = Arc::new(pipeline.clone());
    let mut opened = Mock::of(pipeline);
    let mut swapped = Mock::new();
    swapped.port.prepare_for(&wide, &|| false).unwrap();
    for mock in [&mut opened, &mut swapped] {
        mock.goes_on();
        mock.cluster.broker_round_trip_time(1, DEADLINE).unwrap();
        mock.port.begin().unwrap();
        (0..25).for_each(|_| put(&mut mock.port, &vec![0; 1 << 20]));
        assert_ne!(mock.port.let_drain(DEADLINE), Duration::ZERO, "25 MiB are not enough");
        (0..10).for_each(|_| put(&mut mock.port, &vec![0; 1 << 20]));
        assert_eq!(mock.port.let_drain(Duration::from_millis(20)), Duration::ZERO);
        mock.cluster.broker_round_trip_time(1, Duration::ZERO).unwrap();
    }
}
