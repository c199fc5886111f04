//! What waits for the broker, and how it is pushed, on the mock cluster.

use std::sync::Arc;
use std::time::Duration;

use super::mock::{DEADLINE, Mock, WINDOWS_MAX, one_offset};
use crate::kafka::Port;
use crate::kafka::raw::{Outgoing, TakenHeaders};
use crate::kafka::retry::pause;
use crate::model::{NoHeaders, Record};
use crate::pipeline::{Delivery, sample};
use crate::worker::{Clock as _, Failure, Port as _, SystemClock};

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
fn what_lingers_is_sent_by_a_read_where_brokers_have_nothing_to_do() {
    let value = vec![0; 100_000];
    // How many of so many more wait behind a read.
    let window = |mock: &mut Mock, more: usize| {
        mock.port.begin().unwrap();
        put(&mut mock.port, b"so that the transaction has the partition");
        pause(Duration::from_millis(50));
        (0..more).for_each(|_| put(&mut mock.port, &value));
        mock.port.let_drain(Duration::from_millis(10));
        pause(Duration::from_millis(100));
        let waiting = mock.port.outlet.producer.waiting();
        assert_eq!(mock.commit(), Ok(()));
        waiting
    };
    // Less and more than what may wait; a busy machine may let a window's push pass.
    for more in [60, 90] {
        let mut mock = lingering(Delivery::ExactlyOnce(sample::limits(100)));
        mock.goes_on();
        assert!((0..WINDOWS_MAX).any(|_| window(&mut mock, more) == 0), "{more} linger");
        assert_eq!(window(&mut mock, 9), 10, "too few to be worth it");
    }
}

#[test]
fn nothing_is_pushed_without_a_transaction() {
    let value = vec![0; 100_000];
    let mut mock = lingering(Delivery::AtLeastOnce(sample::limits(100)));
    mock.port.begin().unwrap();
    put(&mut mock.port, b"so that the client is connected");
    assert_eq!(mock.commit(), Ok(()));
    mock.port.begin().unwrap();
    // More than may wait: the reads last as long as they may. A busy machine may let one read's push pass, not that of all.
    (0..90).for_each(|_| put(&mut mock.port, &value));
    let read = Duration::from_millis(10);
    (0..30).for_each(|_| assert_eq!(mock.port.let_drain(read), Duration::ZERO));
    assert_eq!(mock.port.outlet.producer.waiting(), 90);
    assert_eq!(mock.commit(), Ok(()));
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
        push_until_busy(&mock);
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
fn brokers_have_something_to_do_until_they_answer() {
    let mut mock = lingering(Delivery::AtLeastOnce(sample::limits(100)));
    mock.port.begin().unwrap();
    put(&mut mock.port, b"so that the client is connected");
    assert_eq!(mock.commit(), Ok(()));
    mock.port.begin().unwrap();
    put(&mut mock.port, b"lingers");
    assert!(mock.port.outlet.producer.is_idle());
    mock.cluster.broker_round_trip_time(1, DEADLINE).unwrap();
    push_until_busy(&mock);
    mock.cluster.broker_round_trip_time(1, Duration::ZERO).unwrap();
    assert_eq!(mock.commit(), Ok(()));
    assert!(mock.port.outlet.producer.is_idle());
}

fn push_until_busy(mock: &Mock) {
    let producer = &mock.port.outlet.producer;
    let clock = SystemClock::default();
    let end = clock.now() + DEADLINE;
    while producer.is_idle() {
        assert!(clock.now() < end);
        producer.push();
    }
}

#[test]
fn a_transaction_behind_an_abort_has_no_partitions_yet() {
    let mut mock = Mock::new();
    mock.goes_on();
    mock.port.begin().unwrap();
    put(&mut mock.port, b"value");
    mock.port.flush().unwrap();
    assert!(mock.port.outlet.producer.has_partitions());
    mock.port.abort().unwrap();
    mock.port.begin().unwrap();
    assert!(!mock.port.outlet.producer.has_partitions());
}

#[test]
fn nothing_is_pushed_while_a_broker_has_something_to_answer() {
    // A busy machine may serve the push that got the first one under way when the others are there.
    let is_kept = (0..WINDOWS_MAX).any(|_| under_way_behind_reads(|_| {}) == 1);
    assert!(is_kept, "a read pushed in each of many windows");
    let push = |mock: &Mock| mock.port.outlet.producer.push();
    assert!((0..WINDOWS_MAX).any(|_| under_way_behind_reads(push) == 91), "a push would be seen");
}

/// A record to `out-a` is under way, which is not answered; 90, which are more than may wait, are put to `out-b`, whose
/// partition the transaction has, too. Gives how many are under way behind some reads.
fn under_way_behind_reads(before: impl Fn(&Mock)) -> usize {
    let mut mock = lingering(Delivery::ExactlyOnce(sample::limits(100)));
    mock.goes_on();
    mock.port.begin().unwrap();
    for topic in ["out-a", "out-b"] {
        put_to(&mut mock.port, topic, b"so that the transaction has the partition");
    }
    mock.port.flush().unwrap();
    mock.cluster.broker_round_trip_time(1, DEADLINE).unwrap();
    put(&mut mock.port, b"is sent");
    push_until_busy(&mock);
    (0..90).for_each(|_| put_to(&mut mock.port, "out-b", &vec![0; 100_000]));
    before(&mock);
    let read = Duration::from_millis(10);
    (0..10).for_each(|_| assert_eq!(mock.port.let_drain(read), Duration::ZERO));
    mock.port.outlet.producer.purge_queue().unwrap();
    mock.port.outlet.producer.poll(Duration::from_millis(100));
    let under_way = mock.port.outlet.producer.waiting();
    mock.cluster.broker_round_trip_time(1, Duration::ZERO).unwrap();
    under_way
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
