//! What each answer of a cluster makes of a pipeline: the code, how bad it is, and the text that it points at.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Facts, PartitionFacts, Right, TopicConfigs, TopicFacts, TopicShape, TransactionalId, Unasked,
    online,
};
use crate::config::{self, AnyProperty, Checked, Environment, Severity, Snapshot, SnapshotFile};

const TEXT: &str = "version: 1
name: orders
cluster: main
source: {topics: [in-a, in-b], start: earliest, group: readers}
delivery: exactly_once
workers: 3
sinks:
  out: {kafka: {topic: out, partition: preserve}}
  keyed: {kafka: {topic: keyed, key: value.id}}
dead_letter: {topic: dlq}
";
const TOPICS: [&str; 5] = ["in-a", "in-b", "out", "keyed", "dlq"];

fn checked(text: &str) -> Checked {
    let file =
        SnapshotFile { path: "orders.yaml".to_owned(), content: Ok(text.as_bytes().to_vec()) };
    let snapshot = Snapshot { files: vec![file], ..Snapshot::default() };
    let environment = Environment::Known(BTreeMap::new());
    let checked = config::check(&snapshot, None, &environment, &AnyProperty);
    assert!(checked.findings.is_empty(), "{:?}", checked.findings);
    checked
}

fn led(count: usize) -> Vec<PartitionFacts> {
    vec![PartitionFacts::Led { in_sync: 3 }; count]
}

fn shape() -> TopicShape {
    let configs = TopicConfigs {
        is_compacted: false,
        retention_bytes: None,
        max_message_bytes: 1_048_588,
        min_insync_replicas: 2,
    };
    TopicShape {
        partitions: led(3),
        replicas: 3,
        read: Right::Granted,
        write: Right::Granted,
        configs: Some(configs),
    }
}

/// A cluster on which all is well.
fn well() -> Facts {
    let there = |name: &str| (name.to_owned(), TopicFacts::There(shape()));
    Facts {
        brokers: 3,
        topics: TOPICS.into_iter().map(there).collect(),
        group: Ok(Right::Granted),
        transactional_id: Some(Ok(TransactionalId {
            tried: "krouted/orders/a/check".to_owned(),
            right: Right::Granted,
        })),
        txn_offset_commit: Some(5),
    }
}

/// Code, severity, the text that is pointed at.
type Found = Vec<(&'static str, Severity, String)>;

fn found_in(text: &str, answer: &Result<Facts, Unasked>) -> Found {
    let checked = checked(text);
    let pipeline = &checked.pipelines[0];
    let findings = online(pipeline, &checked.places[&pipeline.name], answer);
    assert!(findings.iter().all(|f| f.hint.is_some()), "{findings:?}");
    findings.into_iter().map(|f| (f.code, f.severity, f.place.text().to_owned())).collect()
}

/// What is found where the cluster is well but for one thing.
fn found(change: impl FnOnce(&mut Facts)) -> Found {
    let mut facts = well();
    change(&mut facts);
    found_in(TEXT, &Ok(facts))
}

fn one(code: &'static str, severity: Severity, text: &str) -> Found {
    vec![(code, severity, text.to_owned())]
}

/// Changes one topic that is there.
fn topic(facts: &mut Facts, name: &str, change: impl FnOnce(&mut TopicShape)) {
    let Some(TopicFacts::There(shape)) = facts.topics.get_mut(name) else { panic!("{name}") };
    change(shape);
}

fn configs(facts: &mut Facts, name: &str, change: impl FnOnce(&mut TopicConfigs)) {
    topic(facts, name, |shape| change(shape.configs.as_mut().unwrap()));
}

use Severity::{Error, Warning};

#[test]
fn a_cluster_on_which_all_is_well_gives_nothing() {
    assert_eq!(found(|_| {}), []);
}

/// Why something cannot be asked, and how that is said.
fn reasons() -> [(Unasked, &'static str); 5] {
    let why = || "because".to_owned();
    [
        (Unasked::Away(why()), "K1101"),
        (Unasked::Silent(why()), "K1123"),
        (Unasked::Login(why()), "K1102"),
        (Unasked::Settings(why()), "K1103"),
        (Unasked::Other(why()), "K1120"),
    ]
}

#[test]
fn a_cluster_that_cannot_be_asked_is_said_at_its_name() {
    for (unasked, code) in reasons() {
        assert_eq!(found_in(TEXT, &Err(unasked.clone())), one(code, Error, "main"));
        let nameless = TEXT.replace("cluster: main\n", "");
        assert_eq!(found_in(&nameless, &Err(unasked)), one(code, Error, "orders"));
    }
}

#[test]
fn topics_are_told_though_the_group_or_the_ids_cannot_be_asked_for() {
    for (unasked, code) in reasons() {
        let wanted = [one(code, Error, "main"), one("K1104", Error, "out")].concat();
        let missing = ("out".to_owned(), TopicFacts::Missing);
        let of_group = found(|facts| {
            facts.topics.extend([missing.clone()]);
            facts.group = Err(unasked.clone());
            facts.transactional_id = None;
        });
        assert_eq!(of_group, wanted);
        let of_ids = found(|facts| {
            facts.topics.extend([missing.clone()]);
            facts.transactional_id = Some(Err(unasked.clone()));
        });
        assert_eq!(of_ids, wanted);
        // One reason is said once.
        let of_both = found(|facts| {
            facts.group = Err(unasked.clone());
            facts.transactional_id = Some(Err(unasked.clone()));
        });
        assert_eq!(of_both, one(code, Error, "main"));
    }
}

#[test]
fn what_is_hidden_behind_a_pattern_is_said_once_at_the_pattern_for_each_topic() {
    let text = TEXT.replace("topics: [in-a, in-b]", "pattern: 'in-.*'");
    assert_ne!(text, TEXT);
    let mut facts = well();
    topic(&mut facts, "in-a", |shape| shape.configs = None);
    assert_eq!(found_in(&text, &Ok(facts.clone())), one("K1119", Warning, "'in-.*'"));
    topic(&mut facts, "in-b", |shape| shape.configs = None);
    assert_eq!(found_in(&text, &Ok(facts.clone())).len(), 2);
    // What the pattern does not match is none of its.
    facts
        .topics
        .insert("other".to_owned(), TopicFacts::There(TopicShape { configs: None, ..shape() }));
    assert_eq!(found_in(&text, &Ok(facts)).len(), 2);
}

#[test]
fn topics_that_are_not_there_or_may_not_be_used_are_said_where_they_are_named() {
    for name in TOPICS {
        let put = |facts: &mut Facts, what| facts.topics.extend([(name.to_owned(), what)]);
        let missing = found(|facts| put(facts, TopicFacts::Missing));
        assert_eq!(missing, one("K1104", Error, name));
        let hidden = found(|facts| put(facts, TopicFacts::Hidden));
        assert_eq!(hidden, one("K1105", Error, name));
        let unread = found(|facts| topic(facts, name, |shape| shape.read = Right::Refused));
        let unwritten = found(|facts| topic(facts, name, |shape| shape.write = Right::Refused));
        if name.starts_with("in-") {
            assert_eq!((unread, unwritten), (one("K1106", Error, name), vec![]));
        } else {
            assert_eq!((unread, unwritten), (vec![], one("K1107", Error, name)));
        }
    }
}

#[test]
fn rights_on_group_and_transactional_ids_are_said_where_they_come_from() {
    assert_eq!(found(|f| f.group = Ok(Right::Refused)), one("K1108", Error, "readers"));
    let refused = |f: &mut Facts| {
        f.transactional_id.as_mut().unwrap().as_mut().unwrap().right = Right::Refused;
    };
    assert_eq!(found(refused), one("K1109", Error, "exactly_once"));
    let unnamed = TEXT.replace(", group: readers", "");
    let facts = Facts { group: Ok(Right::Refused), ..well() };
    assert_eq!(found_in(&unnamed, &Ok(facts)), one("K1108", Error, "source"));
}

#[test]
fn an_old_broker_matters_to_exactly_once_alone() {
    for version in [None, Some(2)] {
        let old = |f: &mut Facts| f.txn_offset_commit = version;
        assert_eq!(found(old), one("K1110", Error, "exactly_once"));
        let other = TEXT.replace("exactly_once", "at_least_once");
        let facts = Facts { transactional_id: None, txn_offset_commit: version, ..well() };
        assert_eq!(found_in(&other, &Ok(facts)), []);
    }
    assert_eq!(found(|f| f.txn_offset_commit = Some(3)), []);
}

#[test]
fn workers_are_held_against_the_partitions_of_all_sources_together() {
    let small = |f: &mut Facts| {
        topic(f, "in-a", |shape| shape.partitions = led(1));
        topic(f, "in-b", |shape| shape.partitions = led(1));
    };
    assert_eq!(found(small), one("K1111", Warning, "3"));
    let enough = |f: &mut Facts| {
        topic(f, "in-a", |shape| shape.partitions = led(1));
        topic(f, "in-b", |shape| shape.partitions = led(2));
    };
    assert_eq!(found(enough), []);
    // `auto` is less on a machine with fewer cores, down to one.
    let mut none = well();
    topic(&mut none, "in-a", |shape| shape.partitions = led(0));
    topic(&mut none, "in-b", |shape| shape.partitions = led(0));
    for auto in ["workers: auto", "workers: 'auto'", "workers: 'auto' # all"] {
        assert_eq!(found_in(&TEXT.replace("workers: 3", auto), &Ok(none.clone())), []);
    }
    // How many a missing topic will have, nobody knows.
    let missing = |f: &mut Facts| {
        small(f);
        f.topics.insert("in-a".to_owned(), TopicFacts::Missing);
    };
    assert_eq!(found(missing), one("K1104", Error, "in-a"));
}

#[test]
fn a_pattern_is_held_against_what_it_matches_now() {
    let text = TEXT.replace("topics: [in-a, in-b]", "pattern: 'in-.*'");
    assert_eq!(found_in(&text, &Ok(well())), []);
    let mut facts = well();
    topic(&mut facts, "in-b", |shape| shape.read = Right::Refused);
    assert_eq!(found_in(&text, &Ok(facts.clone())), one("K1106", Error, "'in-.*'"));
    facts.topics.retain(|name, _| !name.starts_with("in-"));
    assert_eq!(found_in(&text, &Ok(facts)), one("K1112", Warning, "'in-.*'"));
}

#[test]
fn preserve_needs_a_partition_for_each_that_is_read() {
    let more = |f: &mut Facts| topic(f, "in-b", |shape| shape.partitions = led(4));
    assert_eq!(found(more), one("K1113", Error, "preserve"));
}

#[test]
fn a_compacted_topic_suits_who_has_keys() {
    let compact = |f: &mut Facts, name| configs(f, name, |c| c.is_compacted = true);
    assert_eq!(found(|f| compact(f, "keyed")), []);
    assert_eq!(found(|f| compact(f, "out")), one("K1114", Warning, "out"));
    assert_eq!(found(|f| compact(f, "dlq")), one("K1114", Error, "dlq"));
    let all = |f: &mut Facts| {
        for name in ["in-a", "in-b", "out"] {
            compact(f, name);
        }
    };
    assert_eq!(found(all), []);
}

#[test]
fn limits_of_size_are_said_at_the_topic_that_has_them() {
    for name in ["out", "dlq"] {
        let kept = |f: &mut Facts| configs(f, name, |c| c.retention_bytes = Some(1024));
        assert_eq!(found(kept), one("K1115", Warning, name));
        let taken = |f: &mut Facts| configs(f, name, |c| c.max_message_bytes = 1_048_587);
        assert_eq!(found(taken), one("K1116", Warning, name));
    }
    let source = |f: &mut Facts| configs(f, "in-a", |c| c.retention_bytes = Some(1024));
    assert_eq!(found(source), []);
}

#[test]
fn replicas_are_held_against_the_brokers_and_what_must_be_in_sync() {
    let replicas = |count, min| {
        move |f: &mut Facts| {
            topic(f, "out", |shape| shape.replicas = count);
            configs(f, "out", |c| c.min_insync_replicas = min);
        }
    };
    assert_eq!(found(replicas(1, 1)), one("K1117", Warning, "out"));
    let alone = |f: &mut Facts| {
        f.brokers = 1;
        replicas(1, 1)(f);
    };
    assert_eq!(found(alone), []);
    assert_eq!(found(replicas(2, 3)), one("K1118", Error, "out"));
    assert_eq!(found(replicas(3, 3)), one("K1118", Warning, "out"));
    assert_eq!(found(replicas(3, 1)), one("K1118", Warning, "out"));
    assert_eq!(found(replicas(3, 2)), []);
    let hidden = |f: &mut Facts| topic(f, "out", |shape| shape.configs = None);
    assert_eq!(found(hidden), one("K1119", Warning, "out"));
    let of_source = |f: &mut Facts| topic(f, "in-a", |shape| shape.configs = None);
    assert_eq!(found(of_source), one("K1119", Warning, "in-a"));
}

/// The line of each finding, of a cluster that is well but for one thing.
fn lines(text: &str, change: impl FnOnce(&mut Facts)) -> Vec<String> {
    let checked = checked(text);
    let pipeline = &checked.pipelines[0];
    let mut facts = well();
    change(&mut facts);
    let findings = online(pipeline, &checked.places[&pipeline.name], &Ok(facts));
    findings.into_iter().map(|f| format!("{}; {}", f.message, f.hint.unwrap())).collect()
}

#[test]
fn a_partition_without_a_leader_is_said_wherever_its_topic_is_named() {
    let lost = |count: usize| {
        move |f: &mut Facts, name| {
            topic(f, name, |shape| {
                for partition in shape.partitions.iter_mut().rev().take(count) {
                    *partition = PartitionFacts::Leaderless { on: vec![2, 7] };
                }
            });
        }
    };
    for name in TOPICS {
        for count in [1, 3] {
            assert_eq!(found(|f| lost(count)(f, name)), one("K1121", Error, name));
        }
    }
    let pattern = TEXT.replace("topics: [in-a, in-b]", "pattern: 'in-.*'");
    let hint = "partition 2 is on brokers 2, 7: look after what is away, then try again";
    assert_eq!(
        lines(&pattern, |f| lost(1)(f, "in-b")),
        [format!(
            "partition 2 of the topic `in-b` has no leader: nothing can be read there now; {hint}"
        )]
    );
    assert_eq!(
        lines(TEXT, |f| {
            topic(f, "out", |shape| {
                shape.partitions[1] = PartitionFacts::Leaderless { on: vec![4] }
            });
            lost(1)(f, "out");
        }),
        [
            "2 of 3 partitions of the topic `out` have no leader, such as 1: nothing can be written there now; partition 1 is on broker 4: look after what is away, then try again"
        ]
    );
}

#[test]
fn replicas_in_sync_are_held_against_what_must_be_in_sync() {
    let in_sync = |f: &mut Facts, name: &str, counts: [usize; 3]| {
        let partitions = counts.map(|in_sync| PartitionFacts::Led { in_sync });
        topic(f, name, |shape| shape.partitions = partitions.to_vec());
    };
    for name in ["out", "keyed", "dlq"] {
        assert_eq!(found(|f| in_sync(f, name, [3, 2, 1])), one("K1122", Error, name));
        assert_eq!(found(|f| in_sync(f, name, [2, 2, 2])), []);
    }
    // Who only reads needs a leader and no more.
    assert_eq!(found(|f| in_sync(f, "in-a", [1, 1, 1])), []);
    let hint = "look after the brokers of its other replicas, then try again";
    assert_eq!(
        lines(TEXT, |f| in_sync(f, "out", [3, 1, 3])),
        [format!(
            "partition 1 of the topic `out` has 1 replica in sync, and min.insync.replicas=2: no record is acknowledged there now; {hint}"
        )]
    );
    assert_eq!(
        lines(TEXT, |f| in_sync(f, "out", [1, 2, 1])),
        [format!(
            "2 of 3 partitions of the topic `out` have too few replicas in sync, such as 0, and min.insync.replicas=2: no record is acknowledged there now; {hint}"
        )]
    );
    // A partition without a leader is said as that, and more in sync than there are replicas is another finding.
    let leaderless = |f: &mut Facts| {
        in_sync(f, "out", [1, 2, 2]);
        topic(f, "out", |shape| shape.partitions[0] = PartitionFacts::Leaderless { on: vec![1] });
    };
    assert_eq!(found(leaderless), one("K1121", Error, "out"));
    let never = |f: &mut Facts| configs(f, "out", |c| c.min_insync_replicas = 4);
    assert_eq!(found(never), one("K1118", Error, "out"));
}

#[test]
fn what_is_not_checked_where_a_coordinator_is_silent_is_said() {
    let silent = || Unasked::Silent("the coordinator does not answer".to_owned());
    let of = |text: &str, group: bool, ids: Option<bool>| {
        let lines = lines(text, |f| {
            if group {
                f.group = Err(silent());
            }
            match ids {
                Some(true) => f.transactional_id = Some(Err(silent())),
                Some(false) => {}
                None => f.transactional_id = None,
            }
        });
        let [line] = <[_; 1]>::try_from(lines).unwrap();
        line
    };
    let plain = TEXT.replace("exactly_once", "at_least_once");
    let (group, ids) = ("the right to the group", "the right to transactional ids");
    let both = format!("{group} and {ids}");
    for (text, of_group, of_ids, unchecked) in [
        (TEXT, true, None, both.as_str()),
        (TEXT, true, Some(true), &both),
        (TEXT, true, Some(false), group),
        (TEXT, false, Some(true), ids),
        (&plain, true, None, group),
    ] {
        let wanted = format!("the coordinator does not answer; not checked: {unchecked}; check");
        let line = of(text, of_group, of_ids);
        assert!(line.contains(&wanted), "{line}");
    }
}

#[test]
fn every_code_of_the_cluster_is_explained() {
    let source = include_str!("../finding/online.rs");
    let codes: BTreeSet<_> =
        source.match_indices("\"K").map(|(at, _)| source.get(at + 1..at + 6).unwrap()).collect();
    let explained = config::codes::explanations();
    let explained: BTreeSet<_> =
        explained.iter().map(|e| e.code).filter(|code| code.starts_with("K11")).collect();
    assert_eq!(codes, explained);
    assert_eq!(codes.len(), 23);
}

#[test]
fn a_key_that_a_step_sets_suits_a_compacted_sink() {
    let mut facts = well();
    configs(&mut facts, "out", |configs| configs.is_compacted = true);
    let facts = Ok(facts);
    assert_eq!(found_in(TEXT, &facts), one("K1114", Warning, "out"));
    let keyed = format!("{TEXT}steps: [{{set: {{key: value.id}}}}]\n");
    assert_eq!(found_in(&keyed, &facts), []);
    let other = format!("{TEXT}steps: [{{set: {{headers.key: value.id}}}}]\n");
    assert_eq!(found_in(&other, &facts), one("K1114", Warning, "out"));
}
