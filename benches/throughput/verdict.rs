//! Whether a run did its work: a reader that shares no code with `src/` or the C loop counts and digests what came out.
//! It is not believed before it was seen to refuse records that are missing, doubled, changed, misplaced and out of order.

use serde_json::json;

use crate::kafka::Cluster;
use crate::kafka::record::Record;
use crate::workload::{Contents, Rule, Shape, events};

/// A run's outputs, and what should be in them.
pub(crate) struct Claim<'a> {
    /// The topics of the first and of the second output, one of each per pipeline.
    pub(crate) outputs: [&'a [String]; 2],
    pub(crate) expected: [Contents; 2],
}

/// What holds against a figure of this run.
pub(crate) fn judge(cluster: &Cluster, claim: &Claim<'_>) -> Result<(), String> {
    for (name, (topics, expected)) in
        ["first", "second"].iter().zip(claim.outputs.iter().zip(&claim.expected))
    {
        let found = contents(cluster, topics);
        if found != *expected {
            return Err(format!("the {name} output holds {found:?}, expected {expected:?}"));
        }
    }
    Ok(())
}

/// What a `read_committed` reader finds in these topics together.
fn contents(cluster: &Cluster, topics: &[String]) -> Contents {
    let mut all = Contents::default();
    let answer = cluster.ask("digest", json!({"topics": topics, "timeout_ms": 120_000}));
    for topic in topics {
        let number = |name: &str| answer[topic][name].as_str().unwrap().parse().unwrap();
        all.join(&Contents {
            records: number("records"),
            bytes: number("bytes"),
            sum: number("sum"),
            disorder: number("disorder"),
        });
    }
    all
}

type Damage = fn(&mut [Vec<Record>; 2]);

/// Lays claims that are false in one thing each; fails where one is believed.
pub(crate) fn prove(cluster: &Cluster) {
    let shape = Shape { bytes: 250, partitions: 2, topics: 1, records: 2_000 };
    let mut outputs = [Vec::new(), Vec::new()];
    let mut expected = [Contents::default(); 2];
    for event in events(shape) {
        if let Some(to) = event.goes_to(Rule::Value) {
            expected[to].add(&event.record);
            outputs[to].push(event.record);
        }
    }
    // The last record with the key of an earlier one, so that the two can change places.
    let last = outputs[1].last().unwrap().key.clone();
    let twin = Record { key: last, timestamp: 1, ..outputs[1][0].clone() };
    expected[1].add(&twin);
    outputs[1].insert(0, twin);
    let told = |damage: &dyn Fn(&mut [Vec<Record>; 2])| {
        let mut outputs = outputs.clone();
        damage(&mut outputs);
        let topics = [[cluster.topic("seeded", 2)], [cluster.topic("seeded", 2)]];
        for ([topic], records) in topics.iter().zip(&outputs) {
            cluster.produce(topic, records);
        }
        let claim = Claim { outputs: [&topics[0], &topics[1]], expected };
        let verdict = judge(cluster, &claim);
        for [topic] in topics {
            cluster.ask("delete_topic", json!({"topic": topic}));
        }
        verdict
    };
    assert_eq!(told(&|_| {}), Ok(()), "what is right is believed");
    let damages: [(&str, Damage); 9] = [
        ("a record that is missing", |[_, rest]| drop(rest.remove(100))),
        ("a record that came twice", |[eu, _]| eu.push(eu[7].clone())),
        ("one missing, another twice", |[eu, _]| eu[8] = eu[7].clone()),
        ("a record in the other output", |[eu, rest]| rest.push(eu.pop().unwrap())),
        ("a changed key", |[eu, _]| eu[3].key = Some(b"eu-0".to_vec())),
        ("a changed byte", |[_, rest]| rest[3].value.as_mut().unwrap()[50] ^= 1),
        ("a changed timestamp", |[_, rest]| rest[5].timestamp += 1),
        ("headers in another order", |[eu, _]| eu[9].headers.swap(0, 1)),
        ("records of a key in another order", |[_, rest]| {
            let end = rest.len() - 1;
            rest.swap(0, end);
        }),
    ];
    for (what, damage) in damages {
        assert!(told(&damage).is_err(), "{what} was believed");
    }
    crate::say(&format!("the check of outputs refused all {} seeded damages", damages.len()));
}
