//! `produce --transaction`: the whole input, or nothing of it, whatever is lost meanwhile.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::time::Duration;

use serde_json::json;

use super::{Hand, ended};
use crate::kafka::broker::Broker;
use crate::kafka::{Cluster, Isolation, shared, unique};
use crate::process;
use crate::proxy::{Fault, Proxied, api};
use crate::scene;
use crate::wait::{SOON, eventually};

/// A hand whose transactions have names of their own: other tests have some on this cluster too, which may be open.
struct Named {
    hand: Hand,
    instance: String,
}

impl Named {
    fn at(cluster: &Cluster) -> Self {
        let (hand, instance) = (Hand::bare(), unique("whole"));
        let clusters = format!("{{default: {{bootstrap_servers: \"{}\"}}}}", cluster.bootstrap);
        hand.write(
            "krouted.yaml",
            &format!("version: 1\ninstance_id: {instance}\nclusters: {clusters}\n"),
        );
        Self { hand, instance }
    }

    /// What the coordinator says of its transactions.
    fn states(&self, cluster: &Cluster) -> Vec<String> {
        let states = cluster.ask("transactions", json!({}));
        let ours = format!("krouted/~produce/{}/", self.instance);
        let ours = states.as_object().unwrap().iter().filter(|(id, _)| id.starts_with(&ours));
        ours.map(|(_, state)| state.as_str().unwrap().to_owned()).collect()
    }
}

/// Waits for the markers, which the coordinator writes behind its answer.
fn settle(cluster: &Cluster, topic: &str) {
    eventually(SOON, "all of the topic is stable", || {
        cluster.offsets(topic).iter().all(|end| end.stable == end.high).then_some(())
    });
}

/// Whether there is one, which has this end: the coordinator answers before it is complete.
fn is_over(states: &[String], end: &str) -> bool {
    let steps = ["Prepare", "Complete"].map(|step| format!("{step}{end}"));
    matches!(states, [state] if steps.contains(state))
}

#[test]
fn a_transaction_is_all_or_nothing() {
    let cluster = shared();
    let topic = cluster.topic("txn", 2);
    let good = Named::at(cluster);
    let said = good.hand.feed(&["produce", &topic, "--transaction"], b"1\n2\n3\n");
    said.said(0, &["3 records are in the topic, in one transaction"]);
    settle(cluster, &topic);
    assert_eq!(cluster.read(&topic, Isolation::Committed).len(), 3);
    let states = good.states(cluster);
    assert!(is_over(&states, "Commit"), "{states:?}");
    // What the coordinator says of this one is no matter of the records: librdkafka ends none whose first partitions are answered
    // for while it aborts, for nothing is written in it (`abort_transaction` in src/kafka/transaction.rs).
    let bad = Hand::at(&cluster.bootstrap);
    let bad = bad.feed(&["produce", &topic, "--transaction"], b"4\n5\noops\n");
    bad.said(1, &["line 3: this is no JSON", NOTHING_OF_IT]);
    // Nothing is left open, which would hold back all readers.
    settle(cluster, &topic);
    assert_eq!(cluster.read(&topic, Isolation::Committed).len(), 3);
    assert_eq!(cluster.ask("producers", json!({"topic": topic})), json!([0, 0]));
}

#[test]
fn a_transaction_whose_records_are_written_is_ended_by_a_bad_line() {
    let cluster = shared();
    let topic = cluster.topic("txn-written", 1);
    let bad = Named::at(cluster);
    let (mut child, mut input) = begun(&bad.hand, &topic, "60");
    input.write_all(b"oops\n").unwrap();
    drop(input);
    ended(&mut child).said(1, &["line 3: this is no JSON", NOTHING_OF_IT]);
    let states = bad.states(cluster);
    assert!(is_over(&states, "Abort"), "{states:?}");
    is_aborted(cluster, &topic);
}

const NOTHING_OF_IT: &str = "the transaction is aborted: nothing of the input is visible";

#[test]
fn a_record_that_is_refused_within_a_transaction_is_named_though_others_follow_it() {
    let cluster = shared();
    let topic = cluster.topic_with("small-txn", 1, &json!({"max.message.bytes": "2000"}));
    let hand = Hand::bare();
    // Each record is a batch of its own: none is refused for its neighbours.
    hand.settings(&format!(
        "{{default: {{bootstrap_servers: \"{}\", properties: {{batch.num.messages: 1}}}}}}",
        cluster.bootstrap
    ));
    // So many lines follow it that some are sent when the broker has refused it.
    let (few, many) = ("1\n".repeat(4), "1\n".repeat(LINES_BEHIND));
    hand.write("lines", &format!("{few}\"{}\"\n{many}", "x".repeat(5000)));
    let said = hand.run(&["produce", &topic, "lines", "--transaction"]);
    let line = "line 5: Broker: Message size too large for the topic: its max.message.bytes";
    said.said(1, &[line, NOTHING_OF_IT]);
    assert_eq!(cluster.read(&topic, Isolation::Committed), []);
}

/// As many as are in flight at a time: then the next one waits, and looks.
const LINES_BEHIND: usize = 100_000;

#[test]
fn a_commit_without_an_answer_is_unknown_and_never_called_undone() {
    let proxied = Proxied::start(&[]);
    let cluster = proxied.broker.cluster();
    let topic = cluster.topic("unknown", 1);
    proxied.proxy.always(api::END_TXN, Fault::DropResponse);
    let hand = Hand::at(&proxied.cluster().bootstrap);
    let produce = ["produce", &topic, "--transaction", "--transaction-timeout", "60"];
    let said = hand.feed(&produce, b"1\n2\n");
    let advice = format!("unknown: read {topic} before feeding it again");
    said.said(75, &["whether the transaction is committed is", &advice]);
    for lie in ["not committed", "aborted", "try again", "nothing of the input is visible"] {
        assert!(!said.err.contains(lie), "{lie:?}: {}", said.err);
    }
    assert!(proxied.proxy.met(api::END_TXN) > 0);
    // It was committed.
    let read = cluster.read(&topic, Isolation::Committed);
    let values: Vec<_> = read.iter().map(|r| scene::text(r.value.as_deref())).collect();
    assert_eq!(values, ["1", "2"]);
}

/// A transaction with two lines in the topic.
fn begun(hand: &Hand, topic: &str, timeout_seconds: &str) -> (Child, ChildStdin) {
    let within = ["--transaction-timeout", timeout_seconds, "--timeout", "15"];
    let produce = [&["produce", topic, "--transaction", "--acks"], &within[..]].concat();
    let mut child = hand.command(&produce).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"1\n2\n").unwrap();
    let mut acks = BufReader::new(child.stdout.take().unwrap()).lines();
    for n in 0..2 {
        assert_eq!(acks.next().unwrap().unwrap(), format!("{topic}\t0\t{n}"));
    }
    (child, input)
}

#[test]
fn a_transaction_that_outlives_its_timeout_is_said_to_be_aborted_by_the_broker() {
    let broker =
        Broker::start(&[("transaction.abort.timed.out.transaction.cleanup.interval.ms", "200")]);
    let cluster = broker.cluster();
    let hand = Hand::at(&cluster.bootstrap);
    // A line meets it, the commit meets it, a signal meets it.
    for (more, is_stopped) in [(&b"3\n"[..], false), (b"", false), (b"", true)] {
        let topic = cluster.topic("outlived", 1);
        let (mut child, mut input) = begun(&hand, &topic, "1");
        eventually(BROKER_ENDS_WITHIN, "the broker ends the transaction", || {
            (cluster.offsets(&topic)[0].stable == 3).then_some(())
        });
        input.write_all(more).unwrap();
        let gone = "the broker has aborted the transaction, which was open for longer than 1 s: nothing of the input is visible";
        let said = if is_stopped {
            process::signal(child.id(), "INT");
            let said = ended(&mut child);
            said.said(75, &["stopped by a signal before the end of the input"]);
            drop(input);
            said
        } else {
            drop(input);
            let said = ended(&mut child);
            said.said(1, &["error: the transaction outlived its --transaction-timeout"]);
            said
        };
        said.said(said.code.unwrap(), &[gone, "raise --transaction-timeout"]);
        for lie in ["unknown", "cannot be aborted", "perhaps", "try again"] {
            assert!(!said.err.contains(lie), "{lie:?}: {}", said.err);
        }
        is_aborted(&cluster, &topic);
    }
}

/// Takes the broker away within two transactions, one whose input goes on and one whose input is over, and holds what they
/// say against what is there.
fn within_two(hand: &Hand, topics: &[String; 2], timeout_seconds: &str, lose: impl FnOnce()) {
    let [(mut goes_on, mut input), (mut is_over, end)] =
        topics.each_ref().map(|topic| begun(hand, topic, timeout_seconds));
    lose();
    input.write_all(b"3\n").unwrap();
    drop(end);
    let open = "the transaction is not committed, and cannot be aborted either";
    let ends = "the broker ends it by its timeout";
    ended(&mut goes_on)
        .said(75, &["line 3: no broker acknowledged it within 15 s", open, ends, "try again"]);
    // All of this input was acknowledged: its transaction was to be committed.
    let unknown = format!("is unknown: read {} before feeding it again", topics[1]);
    ended(&mut is_over).said(75, &["whether the transaction is committed ", &unknown]);
}

/// Waits until the transaction is over, nothing of which may be seen, or hold back what comes after it.
fn is_aborted(cluster: &Cluster, topic: &str) {
    eventually(BROKER_ENDS_WITHIN, "the broker ends the transaction", || {
        let end = cluster.offsets(topic)[0];
        // Behind the two records, a mark that says how it ended.
        (end.stable == 3 && end.high == 3).then_some(())
    });
    assert_eq!(cluster.read(topic, Isolation::Uncommitted).len(), 2);
    assert_eq!(cluster.read(topic, Isolation::Committed), []);
    cluster.produce(topic, &scene::values(&["after"]));
    assert_eq!(cluster.read(topic, Isolation::Committed).len(), 1);
}

/// More than one timeout of a transaction, and the broker's look for it, every second here.
const BROKER_ENDS_WITHIN: Duration = Duration::from_mins(3);

#[test]
fn a_broker_that_is_out_of_reach_within_a_transaction_ends_it_by_its_timeout() {
    let proxied = Proxied::start(&[]);
    let cluster = proxied.broker.cluster();
    let topics = ["goes-on", "is-over"].map(|name| cluster.topic(name, 1));
    let hand = Hand::at(&proxied.cluster().bootstrap);
    within_two(&hand, &topics, "60", || {
        proxied.proxy.refuse();
        proxied.proxy.cut();
    });
    for topic in &topics {
        is_aborted(&cluster, topic);
    }
}

#[test]
fn a_broker_that_is_killed_within_a_transaction_leaves_nothing_of_it() {
    let mut broker = Broker::start(&[]);
    let cluster = broker.cluster();
    let topics = ["goes-on", "is-over"].map(|name| cluster.topic(name, 1));
    let hand = Hand::at(&cluster.bootstrap);
    // The broker is up again long before: one that comes up behind the timeout ends the transaction before it knows all leaders,
    // and Kafka 4.3 then leaves out partitions, which stay as they are for ever.
    within_two(&hand, &topics, "900", || broker.kill9());
    broker.run();
    let ids = cluster.ask("transactions", json!({}));
    let ids: Vec<&String> = ids.as_object().unwrap().keys().collect();
    assert_eq!(ids.len(), 2, "{ids:?}");
    for topic in &topics {
        // Open, so nothing of it is visible.
        assert_eq!(cluster.read(topic, Isolation::Committed), []);
        assert_eq!(cluster.ask("producers", json!({"topic": topic})), json!([1]));
    }
    // The next one with its id ends what is open.
    for id in ids {
        cluster.transact(&topics[0], id, &[]);
    }
    for topic in &topics {
        is_aborted(&cluster, topic);
    }
}
