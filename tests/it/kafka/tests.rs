//! The harness on the broker that it starts.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::kafka::record::Record;
use crate::kafka::{Cluster, End, Isolation, broker::Broker, shared, unique};
use crate::process;
use crate::wait::{SOON, eventually};

#[test]
fn a_record_comes_back_from_kafka_as_it_went_there() {
    let topic = shared().topic("as-it-went", 2);
    let sent = [
        Record::new(Some("k"), Some("v")).to(1).at(1_700_000_000_000),
        Record::new(None, None).to(1).at(1),
        Record::new(Some(""), Some("")).to(1).at(2),
        Record::new(None, Some("with headers"))
            .to(1)
            .at(3)
            .header("b", Some(b"\xff\x00"))
            .header("a", None)
            .header("b", Some(b"")),
    ];
    let properties = json!({"properties": {"compression.type": "zstd"}});
    shared().produce_with(&topic, &sent, properties);
    let read = shared().read(&topic, Isolation::Committed);
    let expected: Vec<_> =
        (0..).zip(sent).map(|(offset, record)| Record { offset, ..record }).collect();
    assert_eq!(read, expected);
}

#[test]
fn aborted_and_open_transactions_are_seen_as_what_they_are() {
    let (topic, id) = (shared().topic("transactions", 1), unique("transactions"));
    let records: Vec<_> =
        ["a", "b", "c"].iter().map(|v| Record::new(None, Some(v)).to(0)).collect();
    let (one, two, three) = (&records[..1], &records[1..2], &records[2..]);
    shared().transact(&topic, &id, &[(one, End::Commit), (two, End::Abort), (three, End::Open)]);

    let values = |isolation| -> Vec<_> {
        let records = shared().read(&topic, isolation);
        records.into_iter().map(|r| String::from_utf8(r.value.unwrap()).unwrap()).collect()
    };
    assert_eq!(values(Isolation::Committed), ["a"]);
    assert_eq!(values(Isolation::Uncommitted), ["a", "b", "c"]);
    let [ends] = shared().offsets(&topic)[..] else { panic!("one partition") };
    assert_eq!((ends.begin, ends.stable, ends.high), (0, 4, 5));
    assert_eq!(shared().ask("transactions", json!({}))[&id], "Ongoing");
    assert_eq!(shared().ask("producers", json!({"topic": topic})), json!([1]));

    shared().end_transaction(&id, "commit");
    eventually(SOON, "the last transaction is seen", || {
        (values(Isolation::Committed) == ["a", "c"]).then_some(())
    });
}

#[test]
fn groups_are_read_changed_and_joined() {
    let (topic, group) = (shared().topic("groups", 3), unique("group"));
    let offsets = json!({"group": group, "topic": topic, "offsets": {"0": 4, "2": 7}});
    shared().ask("alter_group_offsets", offsets);
    assert_eq!(shared().committed(&group, &topic), [(0, 4), (2, 7)].into());
    assert!(shared().committed(&group, "another").is_empty());

    let request = json!({"group": group, "name": group, "topics": [topic]});
    assert_eq!(shared().ask("join", request), 3);
    let described = shared().ask("describe_group", json!({"group": group}));
    assert_eq!(described["members"].as_array().unwrap().len(), 1, "{described}");
    assert_eq!(shared().ask("leave", json!({"name": group})), true);
    shared().ask("delete_group", json!({"group": group}));
    assert!(shared().committed(&group, &topic).is_empty());
}

#[test]
fn topics_are_described_grown_trimmed_and_removed() {
    let topic = shared().topic_with("topics", 1, &json!({"max.message.bytes": 2000}));
    assert_eq!(shared().ask("configs", json!({"topic": topic}))["max.message.bytes"], "2000");
    let change = json!({"topic": topic, "configs": {"max.message.bytes": 3000}});
    shared().ask("alter_configs", change);
    eventually(SOON, "the changed configuration", || {
        let configs = shared().ask("configs", json!({"topic": topic}));
        (configs["max.message.bytes"] == "3000").then_some(())
    });
    shared().ask("create_partitions", json!({"topic": topic, "partitions": 3}));
    eventually(SOON, "three partitions", || {
        (shared().ask("partitions", json!({"topic": topic})) == 3).then_some(())
    });
    let records = [Record::new(None, Some("a")).to(0), Record::new(None, Some("b")).to(0)];
    shared().produce(&topic, &records);
    let trim = json!({"topic": topic, "partition": 0, "before": 1});
    assert_eq!(shared().ask("delete_records", trim), 1);
    assert_eq!(shared().read(&topic, Isolation::Committed).len(), 1);
    shared().ask("delete_topic", json!({"topic": topic}));
    let error = eventually(SOON, "the topic is gone", || {
        shared().try_ask("partitions", json!({"topic": topic})).err()
    });
    assert!(error.starts_with("UnknownTopicOrPartition"), "{error}");
}

#[test]
fn a_broker_of_ones_own_keeps_its_data_through_stop_and_kill() {
    let mut broker = Broker::start(&[("message.max.bytes", "20000")]);
    let cluster = broker.cluster();
    let topic = cluster.topic("kept", 1);
    cluster.produce(&topic, [&Record::new(None, Some("kept"))]);
    broker.stop();
    broker.run();
    broker.kill9();
    broker.run();
    eventually(SOON, "the record is there", || {
        (cluster.read(&topic, Isolation::Committed).len() == 1).then_some(())
    });
    let large = "x".repeat(100_000);
    let refused = cluster.try_produce(&topic, [&Record::new(None, Some(&large))], json!({}));
    assert!(refused.as_ref().is_err_and(|e| e.contains("RecordTooLarge")), "{refused:?}");
    broker.pause();
    assert!(!cluster.answers());
    broker.resume();
    eventually(SOON, "the broker goes on", || cluster.answers().then_some(()));
}

/// What `a_broker_ends_with_the_tests_that_were_killed` runs in a process of its own.
const VICTIM: &str = "kafka::tests::a_victim_starts_a_broker_and_waits_to_be_killed";

#[test]
fn a_victim_starts_a_broker_and_waits_to_be_killed() {
    if std::env::var_os("KROUTED_TEST_VICTIM").is_none() {
        return; // as a test among others there is nothing to wait for
    }
    let broker = Broker::start(&[]);
    eprintln_line(&format!("victim: {}", broker.cluster().bootstrap));
    let mut never = String::new();
    std::io::stdin().read_line(&mut never).unwrap();
}

#[expect(clippy::print_stderr, reason = "the line that the other process waits for")]
fn eprintln_line(line: &str) {
    eprintln!("{line}");
}

#[test]
fn a_broker_ends_with_the_tests_that_were_killed() {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", VICTIM, "--nocapture"])
        .env("KROUTED_TEST_VICTIM", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(victim.stderr.take().unwrap())
        .lines()
        .find_map(|line| line.unwrap().strip_prefix("victim: ").map(str::to_owned));
    let cluster = Cluster::at(&said.expect("the victim started a broker"));
    eventually(SOON, "the victim's broker answers", || cluster.answers().then_some(()));
    let folder = super::folder();
    let prefix = format!("broker-{}-", victim.id());
    let left = || {
        let entries = std::fs::read_dir(&folder).unwrap();
        entries
            .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().starts_with(&prefix))
            .count()
    };
    assert_eq!(left(), 1);
    process::signal(victim.id(), "KILL");
    victim.wait().unwrap();
    eventually(SOON, "the broker's folder is gone", || (left() == 0).then_some(()));
    assert!(!cluster.answers());
}
