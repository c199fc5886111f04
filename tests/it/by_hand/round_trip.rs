//! What `consume -o envelope` writes, `produce --envelope` makes the same records of.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::json;

use super::Hand;
use crate::kafka::record::Record;
use crate::kafka::{Cluster, Isolation, shared};

const PARTITIONS: i32 = 3;
const RECORDS: usize = 400;

/// JSON with all that JSON allows, text, bytes that are neither, nothing.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let json = "[ \\n\\t]?(\\{\"a\": ?-?[0-9]{1,25}(\\.[0-9]0)?(e5)?, ?\"a\":1\\}|\\[1,\\n\"\\\\\\\\ud800\"\\]|null|true|\"[^\"\\\\\\\\\\x00-\\x1f]{0,9}\")[ \\r]?";
    prop_oneof![
        3 => prop::collection::vec(any::<u8>(), 0..60),
        3 => any::<String>().prop_map(String::into_bytes),
        4 => json.prop_map(String::into_bytes),
        1 => Just(Vec::new()),
    ]
}

fn record() -> impl Strategy<Value = Record> {
    // Java's headers have names of text; librdkafka sees a name up to a zero byte.
    let name = any::<String>().prop_map(|name| name.replace('\0', "").into_bytes());
    let name = prop_oneof![Just(b"again".to_vec()), name];
    let headers = prop::collection::vec((name, prop::option::of(bytes())), 0..6);
    let time = prop_oneof![1..1_800_000_000_000_i64, Just(1), Just(253_402_300_800_000)];
    let parts =
        (prop::option::of(bytes()), prop::option::of(bytes()), headers, time, 0..PARTITIONS);
    parts.prop_map(|(key, value, headers, timestamp, partition)| Record {
        partition,
        timestamp,
        key,
        value,
        headers,
        ..Record::default()
    })
}

/// Topics that take any time, and do not begin a new file for it.
fn topic(cluster: &Cluster, name: &str) -> String {
    let most = i64::MAX.to_string();
    let configs = json!({"message.timestamp.after.max.ms": most, "segment.ms": most});
    cluster.topic_with(name, PARTITIONS.unsigned_abs(), &configs)
}

fn in_order(mut records: Vec<Record>) -> Vec<Record> {
    records.sort_by_key(|r| (r.partition, r.offset));
    records
}

#[test]
fn a_record_comes_out_of_an_envelope_as_it_went_in() {
    let cluster = shared();
    let (from, to) = (topic(cluster, "from"), topic(cluster, "to"));
    // The same records each time: what fails, fails again.
    let mut runner = TestRunner::deterministic();
    let strategy = record();
    let records: Vec<Record> =
        (0..RECORDS).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect();
    let count = |has: &dyn Fn(&Record) -> bool| records.iter().filter(|r| has(r)).count();
    // What this is about is among them.
    let binary =
        |bytes: &Option<Vec<u8>>| bytes.as_deref().is_some_and(|b| std::str::from_utf8(b).is_err());
    let repeats = |r: &Record| r.headers.iter().filter(|(name, _)| name == b"again").count() > 1;
    for (what, found) in [
        ("null keys", count(&|r| r.key.is_none())),
        ("empty keys", count(&|r| r.key.as_deref() == Some(b""))),
        ("tombstones", count(&|r| r.value.is_none())),
        ("empty values", count(&|r| r.value.as_deref() == Some(b""))),
        ("repeated headers", count(&repeats)),
        ("null headers", count(&|r| r.headers.iter().any(|(_, v)| v.is_none()))),
        ("binary headers", count(&|r| r.headers.iter().any(|(_, v)| binary(v)))),
        ("binary keys", count(&|r| binary(&r.key))),
        ("binary values", count(&|r| binary(&r.value))),
    ] {
        assert!(found >= 5, "{found} {what}");
    }
    cluster.produce(&from, &records);
    let hand = Hand::at(&cluster.bootstrap);
    let read = hand.run(&["consume", &from, "--until-end", "-o", "envelope"]).good();
    assert_eq!(read.lines().len(), RECORDS, "{}", read.err);
    let produce = ["produce", &to, "--envelope", "--partition", "preserve"];
    let written = hand.feed(&produce, &read.out).good();
    assert!(
        written.err.contains(&format!("{RECORDS} records are acknowledged")),
        "{}",
        written.err
    );
    let came = in_order(cluster.read(&from, Isolation::Committed));
    assert_eq!(came.len(), RECORDS);
    assert_eq!(in_order(cluster.read(&to, Isolation::Committed)), came);
    // And once more: a copy's envelopes are the same but for the topic.
    let again = hand.run(&["consume", &to, "--until-end", "-o", "envelope"]).good();
    let sorted = |said: &super::Said, topic: &str| {
        let bare = |line: &&str| line.replacen(&format!("\"topic\":\"{topic}\""), "", 1);
        let mut lines: Vec<String> = said.lines().iter().map(bare).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&again, &to), sorted(&read, &from));
}

#[test]
fn a_line_of_an_envelope_goes_through_explain() {
    let cluster = shared();
    let topic = cluster.topic("explained", 1);
    let value = r#"{"page": "/7", "user": {"id": "u-7"}}"#;
    let record =
        Record::new(Some("s-7"), Some(value)).to(0).at(1_767_225_600_000).header("a", Some(b"b"));
    cluster.produce(&topic, &[record]);
    let hand = Hand::at(&cluster.bootstrap);
    let read = hand.run(&["consume", &topic, "--until-end", "-o", "envelope"]).good();
    hand.write(
        "clicks.yaml",
        &format!(
            "version: 1\nname: clicks\nsource: {{topics: [{topic}], start: earliest}}\ndelivery: exactly_once\n\
             sinks: {{out: {{kafka: {{topic: out, key: value.user.id}}}}}}\n"
        ),
    );
    let explained = hand.feed(&["explain", "clicks.yaml", "--envelope"], &read.out).good();
    assert!(explained.text().contains("key u-7"), "{}", explained.text());
}
