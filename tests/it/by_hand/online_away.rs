//! `check --online` where one broker of two is away: what hangs on it is said, what does not is checked all the same.

use serde_json::json;

use super::Hand;
use super::online::{expected, finds, write_pipeline};
use crate::kafka::broker::Broker;
use crate::kafka::unique;

/// The topics by which brokers divide groups, and transactional ids.
const GROUPS: &str = "__consumer_offsets";
const IDS: &str = "__transaction_state";

/// Two brokers, and on which of them groups and transactional ids are coordinated.
struct Pair {
    one: Broker,
    two: Broker,
    hand: Hand,
}

impl Pair {
    fn coordinated_by(groups: u32, ids: u32) -> Self {
        let [one, two] = Broker::two();
        let cluster = one.cluster();
        for (topic, broker) in [(GROUPS, groups), (IDS, ids)] {
            // As many partitions as the harness gives them.
            cluster.create(json!({"topic": topic, "partitions": 10, "on": broker, "configs": {"cleanup.policy": "compact"}}));
        }
        let hand = Hand::at(&cluster.bootstrap);
        Self { one, two, hand }
    }

    fn topic(&self, name: &str, on: u32) -> String {
        let topic = unique(name);
        self.one
            .cluster()
            .create(json!({"topic": topic, "partitions": 2, "on": on, "configs": {}}));
        topic
    }

    fn replicated(&self, name: &str, min: u32) -> String {
        let topic = unique(name);
        let configs = json!({"min.insync.replicas": min.to_string()});
        let request = json!({"topic": topic, "partitions": 1, "replicas": 2, "configs": configs});
        self.one.cluster().create(request);
        topic
    }
}

#[test]
fn a_partition_that_nobody_leads_or_that_too_few_have_is_said_where_its_topic_is_named() {
    let mut pair = Pair::coordinated_by(1, 1);
    let (source, lone) = (pair.topic("source", 1), pair.topic("lone", 1));
    let (lost, lost_source) = (pair.topic("lost", 2), pair.topic("lost-source", 2));
    let (stiff, weak) = (pair.replicated("stiff", 2), pair.replicated("weak", 1));
    let stiff_source = pair.replicated("stiff-source", 2);
    let name = unique("away");
    let write = |topics: [&str; 3]| write_pipeline(&pair.hand, &name, topics, "");
    write([&source, &lost, &stiff]);
    let whole = expected(0, &[("K1117", &lost), ("K1118", &stiff)]);
    finds(&pair.hand, &whole);

    pair.two.kill9();
    // It is the cluster's until its session is over.
    let unled = [("K1117", &*lost), ("K1121", &lost), ("K1118", &stiff), ("K1122", &stiff)];
    finds(&pair.hand, &expected(75, &unled));
    let said = pair.hand.run(&["check", "--online"]);
    let of_lost = format!(
        "2 of 2 partitions of the topic `{lost}` have no leader, such as 0: nothing can be written there now"
    );
    let of_stiff = format!(
        "partition 0 of the topic `{stiff}` has 1 replica in sync, and min.insync.replicas=2: no record is acknowledged"
    );
    said.said(75, &[&of_lost, &of_stiff, "partition 0 is on broker 2: look after what is away"]);
    // One broker that is left of two is no cluster of one; a source needs a leader and no more.
    write([&stiff_source, &lone, &weak]);
    finds(&pair.hand, &expected(0, &[("K1117", &lone), ("K1118", &weak)]));
    write([&lost_source, &lone, &weak]);
    let unread = [("K1121", &*lost_source), ("K1117", &lone), ("K1118", &weak)];
    finds(&pair.hand, &expected(75, &unread));
    // Beside what is wrong with the file, trying again is not all.
    write([&lost_source, "nowhere", &weak]);
    let wrong = [("K1121", &*lost_source), ("K1104", "nowhere"), ("K1118", &weak)];
    finds(&pair.hand, &expected(1, &wrong));

    pair.two.run();
    write([&source, &lost, &stiff]);
    finds(&pair.hand, &whole);
}

/// What is said while broker 2 is away in that way, at once and once the cluster has given it up.
fn without_a_coordinator(pair: &mut Pair, lost_by: impl FnOnce(&mut Broker), says: [&str; 2]) {
    let [source, out, letters] = ["source", "out", "letters"].map(|name| pair.topic(name, 1));
    let given_up = pair.topic("given-up", 2);
    let name = unique("coordinated");
    write_pipeline(&pair.hand, &name, [&source, &out, &letters], "");
    let whole = [("K1117", &*out), ("K1117", &letters)];
    finds(&pair.hand, &expected(0, &whole));

    lost_by(&mut pair.two);
    let whom = format!("the coordinator of the {}{name}", says[0]);
    let said = pair.hand.run(&["check", "--online"]);
    said.said(75, &["error[K1123]", &whom, " does not answer: ", says[1]]);
    assert!(!said.err.contains("no broker answers"), "{}", said.err);
    // What hangs on no coordinator is checked.
    write_pipeline(&pair.hand, &name, [&source, &out, &given_up], "");
    let seen = [("K1123", &*name), ("K1117", &out), ("K1117", &given_up), ("K1121", &given_up)];
    finds(&pair.hand, &expected(75, &seen));
}

const NO_GROUP: [&str; 2] =
    ["group krouted.", "not checked: the right to the group and the right to transactional ids"];
const NO_IDS: [&str; 2] =
    ["transactional id krouted/", "not checked: the right to transactional ids"];

#[test]
fn a_groups_coordinator_that_is_killed_is_named_and_may_be_tried_again() {
    without_a_coordinator(&mut Pair::coordinated_by(2, 1), Broker::kill9, NO_GROUP);
}

#[test]
fn a_groups_coordinator_that_sleeps_is_named_and_may_be_tried_again() {
    without_a_coordinator(&mut Pair::coordinated_by(2, 1), |two| two.pause(), NO_GROUP);
}

#[test]
fn a_coordinator_of_transactional_ids_that_is_killed_is_named_and_may_be_tried_again() {
    without_a_coordinator(&mut Pair::coordinated_by(1, 2), Broker::kill9, NO_IDS);
}

#[test]
fn a_coordinator_of_transactional_ids_that_sleeps_is_named_and_may_be_tried_again() {
    without_a_coordinator(&mut Pair::coordinated_by(1, 2), |two| two.pause(), NO_IDS);
}
