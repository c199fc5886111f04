//! Our defaults, then the operator's properties, then what the guarantee pins.

use super::connection;
use crate::kafka::Connection;
use crate::kafka::raw::{Producer, check_property};
use crate::pipeline::{Delivery, Membership, Pipeline, sample};
use crate::worker::FaultKind;

const LIMITS: [fn() -> Delivery; 3] = [
    || Delivery::ExactlyOnce(sample::limits(10)),
    || Delivery::AtLeastOnce(sample::limits(10)),
    || Delivery::AtMostOnce,
];

fn of(delivery: Delivery, change: impl FnOnce(&mut Pipeline)) -> Connection {
    let mut pipeline = sample::pipeline(delivery);
    change(&mut pipeline);
    connection("localhost:1", pipeline)
}

/// Everything that could break a guarantee, set by an operator whom `check` did not stop.
const HOSTILE: [(&str, &str); 10] = [
    ("enable.auto.commit", "true"),
    ("enable.auto.offset.store", "true"),
    ("auto.offset.reset", "latest"),
    ("partition.assignment.strategy", "range"),
    ("allow.auto.create.topics", "true"),
    ("enable.partition.eof", "true"),
    ("isolation.level", "read_uncommitted"),
    ("group.id", "another"),
    ("client.id", "another"),
    ("bootstrap.servers", "elsewhere:1"),
];

#[test]
fn an_operator_cannot_override_what_the_guarantee_pins_in_a_consumer() {
    let hostile = HOSTILE.map(|(n, v)| (n.to_owned(), v.to_owned()));
    let conf =
        of(LIMITS[0](), |p| p.source.properties = hostile.clone().into()).consumer().unwrap();
    for (name, pinned) in [
        ("enable.auto.commit", "false"),
        ("enable.auto.offset.store", "false"),
        ("auto.offset.reset", "error"),
        ("partition.assignment.strategy", "cooperative-sticky"),
        ("allow.auto.create.topics", "false"),
        ("enable.partition.eof", "false"),
        ("isolation.level", "read_committed"),
        ("group.id", "krouted.sample"),
        ("client.id", "krouted/sample/test/0"),
    ] {
        assert_eq!(conf.get(name), pinned, "{name}");
    }
}

#[test]
fn an_operator_cannot_override_what_the_guarantee_pins_in_a_producer() {
    for delivery in LIMITS {
        let mut connection = of(delivery(), |_| {});
        connection.cluster.properties = [
            ("enable.idempotence", "false"),
            ("acks", "1"),
            ("partitioner", "random"),
            ("allow.auto.create.topics", "true"),
            ("transactional.id", "another"),
            ("transaction.timeout.ms", "900000"),
            ("delivery.report.only.error", "false"),
            ("message.timeout.ms", "1000"),
            ("bootstrap.servers", "elsewhere:1"),
        ]
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .into();
        let conf = connection.producer(1).unwrap();
        for (name, pinned) in [
            ("enable.idempotence", "true"),
            ("acks", "-1"),
            ("partitioner", "murmur2_random"),
            ("allow.auto.create.topics", "false"),
            ("delivery.report.only.error", "true"),
            ("bootstrap.servers", "localhost:1"),
        ] {
            assert_eq!(conf.get(name), pinned, "{name}");
        }
        let (id, timeout) = match delivery() {
            Delivery::ExactlyOnce(_) => ("krouted/sample/test/0", None),
            Delivery::AtLeastOnce(_) => ("another", Some("0")),
            Delivery::AtMostOnce => ("another", Some("30000")),
        };
        if let Some(timeout) = timeout {
            assert_eq!(conf.get("message.timeout.ms"), timeout);
        } else {
            assert_eq!(conf.get("transaction.timeout.ms"), "15000");
            assert_eq!(conf.get("transactional.id"), id);
        }
    }
}

#[test]
fn an_operator_overrides_our_defaults() {
    let connection = of(LIMITS[1](), |p| {
        p.source.properties = [("fetch.queue.backoff.ms".to_owned(), "77".to_owned())].into();
    });
    let conf = connection.consumer().unwrap();
    assert_eq!(conf.get("fetch.queue.backoff.ms"), "77");
    assert_eq!(conf.get("session.timeout.ms"), "30000");
    for delivery in LIMITS {
        let mut connection = of(delivery(), |_| {});
        connection.cluster.properties = [("linger.ms".to_owned(), "3".to_owned())].into();
        assert_eq!(connection.producer(1).unwrap().get("linger.ms"), "3");
    }
}

#[test]
fn records_linger_where_nobody_waits_for_them() {
    for (partitions, expected) in
        [(0, ["50", "5", "5"]), (16, ["50", "5", "5"]), (17, ["10", "5", "5"])]
    {
        for (delivery, linger) in LIMITS.into_iter().zip(expected) {
            let conf = of(delivery(), |_| {}).producer(partitions).unwrap();
            assert_eq!(conf.get("linger.ms"), linger, "{partitions}");
        }
    }
}

#[test]
fn reads_are_committed_ones_by_default_and_always_for_exactly_once() {
    let loose = |p: &mut Pipeline| {
        p.source.properties =
            [("isolation.level".to_owned(), "read_uncommitted".to_owned())].into();
    };
    for delivery in LIMITS {
        let conf = of(delivery(), |_| {}).consumer().unwrap();
        assert_eq!(conf.get("isolation.level"), "read_committed");
    }
    assert_eq!(of(LIMITS[0](), loose).consumer().unwrap().get("isolation.level"), "read_committed");
    let conf = of(LIMITS[1](), loose).consumer().unwrap();
    assert_eq!(conf.get("isolation.level"), "read_uncommitted");
}

#[test]
fn a_static_member_has_an_id_and_the_probe_is_never_it() {
    let connection = of(LIMITS[0](), |p| p.source.membership = Membership::Static);
    assert_eq!(connection.consumer().unwrap().get("group.instance.id"), "krouted_sample_test_0");
    let probe = connection.probe().unwrap();
    assert_eq!(probe.get("group.instance.id"), "");
    assert_eq!(probe.get("client.id"), "krouted/sample/test/0/probe");
}

#[test]
fn librdkafka_takes_the_clients_of_each_guarantee() {
    for delivery in LIMITS {
        let connection = of(delivery(), |_| {});
        assert!(Producer::new(connection.producer(1).unwrap()).is_ok());
    }
}

#[test]
fn a_property_that_librdkafka_does_not_take_is_a_fault_of_the_configuration() {
    assert!(check_property("no.such", "1").is_err());
    let mut connection = of(LIMITS[0](), |_| {});
    connection.cluster.properties = [("no.such".to_owned(), "1".to_owned())].into();
    let fault = connection.producer(1).err().unwrap();
    assert_eq!(fault.kind, FaultKind::Configuration);
    assert!(fault.cause.contains("no.such"), "{fault}");
}

#[test]
fn a_secret_is_a_regular_file_of_a_bounded_size() {
    let folder = tempfile::tempdir().unwrap();
    let read = |path: &std::path::Path| {
        crate::kafka::Secrets::default().read(&crate::config::SecretRef::File(path.to_owned()))
    };
    let file = folder.path().join("secret");
    std::fs::write(&file, "guess me\r\n").unwrap();
    assert_eq!(read(&file).unwrap(), "guess me");
    std::fs::write(&file, "a".repeat((1 << 20) + 1)).unwrap();
    assert!(read(&file).unwrap_err().cause.contains("more than"));
    // It would never end.
    let fault = read(std::path::Path::new("/dev/tty")).unwrap_err();
    assert!(fault.cause.contains("no regular file"), "{fault}");
}
