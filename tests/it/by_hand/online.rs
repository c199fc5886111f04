//! `check --online` on real brokers: rights that lack one by one, topics that do not suit, brokers that are away.

use serde_json::{Value, json};

use super::Hand;
use crate::kafka::broker::Broker;
use crate::kafka::secure::{PASSWORD, Secure, USER};
use crate::kafka::{shared, unique};
use crate::scene::{self, Scene};
use crate::wait::{Deadline, SOON, eventually};

/// A folder with one pipeline of that name, by these topics.
pub(super) fn write_pipeline(hand: &Hand, name: &str, [from, to, letters]: [&str; 3], more: &str) {
    std::fs::create_dir_all(hand.path().join("pipelines")).unwrap();
    let text = format!(
        "version: 1
name: {name}
source: {{topics: [{from}], start: earliest}}
delivery: exactly_once
sinks:
  out: {{kafka: {{topic: {to}}}}}
dead_letter: {{topic: {letters}}}
{more}"
    );
    hand.write("pipelines/one.yaml", &text);
}

/// The exit code, and of each finding its code and the text that it points at.
fn found(hand: &Hand) -> (Option<i32>, Vec<(String, String)>) {
    let said = hand.run(&["check", "--online", "-o", "json"]);
    let document: Value = serde_json::from_slice(&said.out)
        .unwrap_or_else(|error| panic!("{error}: {:?} {}", said.code, said.err));
    let text = std::fs::read_to_string(hand.path().join("pipelines/one.yaml")).unwrap();
    let one = |finding: &Value| {
        let byte = |i: usize| usize::try_from(finding["bytes"][i].as_u64().unwrap()).unwrap();
        assert!(finding["hint"].is_string(), "{finding}");
        (
            finding["code"].as_str().unwrap().to_owned(),
            text.get(byte(0)..byte(1)).unwrap().to_owned(),
        )
    };
    (said.code, document["findings"].as_array().unwrap().iter().map(one).collect())
}

/// Waits until that is found: a broker learns of a new ACL, or topic, a moment after it was made.
#[track_caller]
pub(super) fn finds(hand: &Hand, expected: &(Option<i32>, Vec<(String, String)>)) {
    let deadline = Deadline::after(SOON);
    let mut now = found(hand);
    while now != *expected && !deadline.passed() {
        now = found(hand);
    }
    assert_eq!(now, *expected);
}

pub(super) fn expected(
    code: i32,
    findings: &[(&str, &str)],
) -> (Option<i32>, Vec<(String, String)>) {
    let own = |(code, place): &(&str, &str)| ((*code).to_owned(), (*place).to_owned());
    (Some(code), findings.iter().map(own).collect())
}

#[test]
fn each_right_that_lacks_is_said_where_the_file_needs_it() {
    let secure = Secure::start();
    let cluster = secure.broker.cluster();
    let [from, to, letters] = ["from", "to", "letters"].map(|name| cluster.topic(name, 1));
    let (from, to, letters) = (from.as_str(), to.as_str(), letters.as_str());
    let hand = Hand::bare();
    let name = unique("rights");
    write_pipeline(&hand, &name, [from, to, letters], "");
    hand.write("password", PASSWORD);
    let sasl = format!(
        "{{default: {{bootstrap_servers: \"{}\", sasl: {{mechanism: PLAIN, username: {USER}, password: {{file: password}}}}}}}}",
        secure.sasl
    );
    hand.settings(&sasl);
    let user = format!("User:{USER}");
    let allow = |operation: &str, resource: &str, name: &str| {
        secure.allow(&user, operation, resource, name);
    };

    let group_name = format!("krouted.{name}");

    let ids = ("K1109", "exactly_once");
    let group = ("K1108", "source");
    let none = [group, ("K1105", from), ids, ("K1105", to), ("K1105", letters)];
    finds(&hand, &expected(1, &none));
    for topic in [from, to, letters] {
        allow("DESCRIBE", "TOPIC", topic);
    }
    let [blind_from, blind_to, blind_letters] = [from, to, letters].map(|t| ("K1119", t));
    let unread = [group, ("K1106", from), blind_from, ids];
    let unwritten = [("K1107", to), blind_to, ("K1107", letters), blind_letters];
    let seen = [&unread[..], &unwritten].concat();
    finds(&hand, &expected(1, &seen));
    allow("READ", "TOPIC", from);
    let read: Vec<_> = seen.into_iter().filter(|finding| finding.0 != "K1106").collect();
    finds(&hand, &expected(1, &read));
    allow("WRITE", "TOPIC", to);
    let unwritten = [group, blind_from, ids, blind_to, ("K1107", letters), blind_letters];
    finds(&hand, &expected(1, &unwritten));
    allow("WRITE", "TOPIC", letters);
    let unused = [group, blind_from, ids, blind_to, blind_letters];
    finds(&hand, &expected(1, &unused));
    // To describe a group is not to use it.
    allow("DESCRIBE", "GROUP", &group_name);
    let by_java = secure.as_user(&secure.sasl, "PLAIN", USER, PASSWORD);
    eventually(SOON, "the group may be described", || {
        by_java.try_ask("group_offsets", json!({"group": group_name})).ok()
    });
    finds(&hand, &expected(1, &unused));
    allow("READ", "GROUP", &group_name);
    finds(&hand, &expected(1, &[blind_from, ids, blind_to, blind_letters]));
    allow("WRITE", "TRANSACTIONAL_ID", "krouted/");
    finds(&hand, &expected(0, &[blind_from, blind_to, blind_letters]));
    // Behind a pattern too, which is what the file says of the topic.
    let named = std::fs::read_to_string(hand.path().join("pipelines/one.yaml")).unwrap();
    let pattern = format!("'{from}'");
    let matched = named.replace(&format!("topics: [{from}]"), &format!("pattern: {pattern}"));
    assert_ne!(matched, named);
    hand.write("pipelines/one.yaml", &matched);
    finds(&hand, &expected(0, &[("K1119", &pattern), blind_to, blind_letters]));
    hand.write("pipelines/one.yaml", &named);
    allow("DESCRIBE_CONFIGS", "TOPIC", from);
    allow("DESCRIBE_CONFIGS", "TOPIC", to);
    allow("DESCRIBE_CONFIGS", "TOPIC", letters);
    finds(&hand, &expected(0, &[]));

    // Every right is there, but nobody is let in.
    hand.write("password", "guess");
    assert_eq!(found(&hand), expected(1, &[("K1102", name.as_str())]));
    std::fs::remove_file(hand.path().join("password")).unwrap();
    assert_eq!(found(&hand), expected(78, &[("K1103", name.as_str())]));
}

#[test]
fn topics_that_are_missing_or_do_not_suit_are_said_where_they_are_named() {
    // One of one's own: what suits hangs on how many brokers there are.
    let broker = Broker::start(&[]);
    let cluster = broker.cluster();
    let hand = Hand::at(&cluster.bootstrap);
    let name = unique("suits");
    let source = cluster.topic("source", 2);
    let (sink, letters) = (cluster.topic("sink", 2), cluster.topic("letters", 1));
    let three = |sink: &str, letters: &str, more: &str, code: i32, findings: &[(&str, &str)]| {
        write_pipeline(&hand, &name, [&source, sink, letters], more);
        finds(&hand, &expected(code, findings));
    };
    three(&sink, &letters, "", 0, &[]);
    three(&sink, &letters, "workers: 2\n", 0, &[]);
    three(&sink, &letters, "workers: 3\n", 0, &[("K1111", "3")]);
    three("nowhere", &letters, "", 1, &[("K1104", "nowhere")]);
    three(&sink, "nowhere", "", 1, &[("K1104", "nowhere")]);
    write_pipeline(&hand, &name, ["nowhere", &sink, &letters], "");
    finds(&hand, &expected(1, &[("K1104", "nowhere")]));
    for (config, value, code, of_sink, of_letters) in [
        ("cleanup.policy", "compact", "K1114", 0, 1),
        ("cleanup.policy", "compact,delete", "K1114", 0, 1),
        ("retention.bytes", "1048576", "K1115", 0, 0),
        ("max.message.bytes", "1000", "K1116", 0, 0),
        ("min.insync.replicas", "2", "K1118", 1, 1),
    ] {
        let odd = cluster.topic_with("odd", 2, &json!({config: value}));
        let finding = [(code, odd.as_str())];
        three(&odd, &letters, "", of_sink, &finding);
        three(&sink, &odd, "", of_letters, &finding);
    }
    let text = std::fs::read_to_string(hand.path().join("pipelines/one.yaml")).unwrap();
    let narrow = cluster.topic("narrow", 1);
    write_pipeline(&hand, &name, [&source, &narrow, &letters], "");
    let preserve = std::fs::read_to_string(hand.path().join("pipelines/one.yaml")).unwrap();
    let preserve = preserve.replace(&narrow, &format!("{narrow}, partition: preserve"));
    hand.write("pipelines/one.yaml", &preserve);
    finds(&hand, &expected(1, &[("K1113", "preserve")]));
    let pattern = text.replace(&format!("topics: [{source}]"), "pattern: 'no-such-topic-.*'");
    assert_ne!(pattern, text);
    hand.write("pipelines/one.yaml", &pattern);
    let (_, findings) = found(&hand);
    assert_eq!(findings[0], ("K1112".to_owned(), "'no-such-topic-.*'".to_owned()));
}

/// What is found of a pipeline whose sink is missing, on a broker that cannot make the topic behind its coordinators.
#[track_caller]
fn without_a_coordinator(property: &str, says: &str) {
    let broker = Broker::start(&[(property, "3")]);
    let cluster = broker.cluster();
    let hand = Hand::at(&cluster.bootstrap);
    let name = unique("coordinator");
    let [source, letters] = ["source", "letters"].map(|name| cluster.topic(name, 1));
    write_pipeline(&hand, &name, [&source, "nowhere", &letters], "");
    let untold = "error[K1123]: of the cluster `default` the coordinator of the ";
    let missing = "error[K1104]: the topic `nowhere` does not exist";
    let said = hand.run(&["check", "--online"]);
    said.said(1, &[untold, says, &name, " does not answer: ", missing]);
    assert!(!said.err.contains("no broker answers"), "{}", said.err);
}

#[test]
fn what_is_known_of_topics_is_said_though_no_coordinator_answers_for_the_group() {
    without_a_coordinator("offsets.topic.replication.factor", "group krouted.coordinator");
}

#[test]
fn what_is_known_of_topics_is_said_though_no_coordinator_answers_for_the_transactional_id() {
    without_a_coordinator(
        "transaction.state.log.replication.factor",
        "transactional id krouted/coordinator",
    );
}

#[test]
fn brokers_that_take_no_transaction_of_that_length_are_said_to() {
    let broker = Broker::start(&[("transaction.max.timeout.ms", "14000")]);
    let cluster = broker.cluster();
    let hand = Hand::at(&cluster.bootstrap);
    let name = unique("short");
    let [from, to, letters] = ["from", "to", "letters"].map(|name| cluster.topic(name, 1));
    write_pipeline(&hand, &name, [&from, &to, &letters], "");
    finds(&hand, &expected(1, &[("K1120", &name)]));
    let lower = "transaction timeout of 15000 ms: their transaction.max.timeout.ms is lower";
    hand.run(&["check", "--online"]).said(1, &["error[K1120]", lower]);
    let produce = |timeout: &str| {
        let produce = ["produce", &to, "--transaction", "--transaction-timeout", timeout];
        hand.feed(&produce, b"1\n")
    };
    let lower = "transaction timeout of 15 s: their transaction.max.timeout.ms is lower";
    produce("15").said(1, &[lower, "lower --transaction-timeout", "nothing was sent"]);
    produce("14").good();
}

#[test]
fn replicas_are_held_against_the_brokers_that_are_there() {
    let [one, _two] = Broker::two();
    let cluster = one.cluster();
    let replicated = |name: &str, replicas: u32, min: u32| {
        let topic = unique(name);
        let configs = json!({"min.insync.replicas": min.to_string()});
        let request =
            json!({"topic": topic, "partitions": 1, "replicas": replicas, "configs": configs});
        cluster.create(request);
        topic
    };
    let (source, lone) = (replicated("source", 1, 1), replicated("lone", 1, 1));
    let (weak, stiff) = (replicated("weak", 2, 1), replicated("stiff", 2, 2));
    let hand = Hand::at(&cluster.bootstrap);
    write_pipeline(&hand, &unique("replicas"), [&source, &lone, &weak], "");
    finds(&hand, &expected(0, &[("K1117", &lone), ("K1118", &weak)]));
    write_pipeline(&hand, &unique("replicas"), [&source, &weak, &stiff], "");
    finds(&hand, &expected(0, &[("K1118", &weak), ("K1118", &stiff)]));
    let said = hand.run(&["check", "--online"]).good();
    assert!(said.err.contains("nothing can be written while one broker is away"), "{}", said.err);
}

#[test]
fn a_broker_that_is_away_is_code_75_but_not_beside_a_finding_of_the_files() {
    let [port] = Broker::free_ports();
    let hand = Hand::at(&format!("127.0.0.1:{port}"));
    let name = unique("away");
    write_pipeline(&hand, &name, ["a", "b", "c"], "");
    assert_eq!(found(&hand), expected(75, &[("K1101", name.as_str())]));
    hand.run(&["check", "--online"]).said(75, &["error[K1101]", "no broker answers at 127.0.0.1"]);
    hand.run(&["check"]).good();
    // Trying again does not help with this one.
    hand.write("pipelines/two.yaml", "version: 1\n");
    hand.run(&["check", "--online"]).said(1, &["error[K1101]", "error[K0202]"]);
}

#[test]
fn without_settings_a_cluster_that_nobody_knows_is_a_finding() {
    let hand = Hand::bare();
    write_pipeline(&hand, "lost", ["a", "b", "c"], "cluster: elsewhere\n");
    hand.run(&["check"]).good();
    hand.run(&["check", "--online"]).said(1, &["the settings know no cluster `elsewhere`"]);
}

#[test]
fn a_running_pipeline_does_not_notice_that_it_is_checked() {
    let cluster = shared();
    let (source, sink) = (cluster.topic("live", 1), cluster.topic("live-out", 1));
    let scene = Scene::new(cluster);
    let sinks = format!("sinks: {{out: {{kafka: {{topic: {sink}}}}}}}");
    let lines = [&format!("topics: [{source}]"), "start: latest", scene::PATIENT];
    scene.file("exactly_once", &lines, &[&sinks]);
    cluster.produce(&source, &scene::values(&["before"]));
    let mut daemon = scene.run();
    cluster.produce(&source, &scene::values(&["1"]));
    scene.committed(&source, 0, 2);
    let told = |daemon: &crate::daemon::Daemon| {
        let lines = daemon.lines();
        let of = |what: &str| lines.iter().filter(|line| line.contains(what)).count();
        [of("partitions assigned"), of("fenced"), of("aborted: going on"), of("\"fault\"")]
    };
    let before = told(&daemon);
    for _ in 0..3 {
        // By the same settings, so with the same instance_id.
        let said = scene.host.krouted(&["check", "--online"]);
        assert_eq!(said.code, 0, "{said:?}");
        assert_eq!(cluster.committed(&scene.name, &source)[&0], 2);
    }
    cluster.produce(&source, &scene::values(&["2"]));
    scene.committed(&source, 0, 3);
    assert_eq!(scene.values(&sink, 2), ["1", "2"]);
    assert_eq!(told(&daemon), before);
    assert_eq!(before[0], 1);
    assert_eq!(daemon.terminate(), Some(0));
}
