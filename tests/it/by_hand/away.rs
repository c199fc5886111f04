//! One broker of several is lost: `consume` names what it was for, and says what was done until then.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout};

use serde_json::json;

use super::{Hand, ended};
use crate::kafka::broker::Broker;
use crate::kafka::record::Record;
use crate::kafka::{Cluster, unique};
use crate::process;
use crate::scene::values;
use crate::wait::{SOON, eventually};

/// The offsets' topic, which says who coordinates which group.
/// As many partitions as the harness gives it, by which brokers divide the groups.
const COORDINATORS: &str = "__consumer_offsets";

/// Two brokers; a topic on each, with two records, and the coordinators of all groups on one of them.
struct Pair {
    one: Broker,
    two: Broker,
    there: String,
    lost: String,
    hand: Hand,
}

impl Pair {
    fn coordinated_by(broker: u32) -> Self {
        let [one, two] = Broker::two();
        let cluster = one.cluster();
        let topic = |name: &str, partitions: u32, on: u32, configs| {
            let request =
                json!({"topic": name, "partitions": partitions, "on": on, "configs": configs});
            cluster.create(request);
        };
        topic(COORDINATORS, 10, broker, json!({"cleanup.policy": "compact"}));
        let (there, lost) = (unique("there"), unique("lost"));
        for (name, on) in [(&there, 1), (&lost, 2)] {
            topic(name, 1, on, json!({}));
            cluster.produce(name, &values(&["0", "1"]));
        }
        let hand = Hand::at(&cluster.bootstrap);
        Self { one, two, there, lost, hand }
    }

    fn cluster(&self) -> Cluster {
        self.one.cluster()
    }

    /// A command that has written so many lines, all that there is, and its output.
    fn reading(&self, arguments: &[&str], lines: usize) -> (Child, BufReader<ChildStdout>) {
        let mut child = self.hand.command(arguments).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        for _ in 0..lines {
            output.read_line(&mut String::new()).unwrap();
        }
        (child, output)
    }

    /// Waits until the group has committed all of these topics.
    fn has_committed(&self, group: &str, topics: &[&str]) {
        for topic in topics {
            eventually(SOON, &format!("{topic} is committed"), || {
                (self.cluster().committed(group, topic).get(&0) == Some(&2)).then_some(())
            });
        }
    }
}

/// A leader that is lost while commands read, in that way, and those that come later; `back` brings it back.
fn without_a_leader(lost_by: impl FnOnce(&mut Broker), back: impl FnOnce(&mut Broker)) {
    let mut pair = Pair::coordinated_by(1);
    let (there, lost) = (pair.there.clone(), pair.lost.clone());
    let in_group = ["consume", &there, &lost, "--group", "g"];
    let (mut member, _member) = pair.reading(&[&in_group[..], &["--count", "100"]].concat(), 4);
    let (mut alone, _alone) = pair.reading(&["consume", &there, &lost, "--count", "100"], 4);
    pair.has_committed("g", &[&there, &lost]);

    lost_by(&mut pair.two);
    let away = format!("the leader of {lost}[0] does not answer: ");
    let advice = "the brokers and the network, then try again";
    ended(&mut member).said(75, &[&away, advice, "its next run goes on there"]);
    ended(&mut alone).said(75, &[&away, advice, "4 records written before it"]);
    // Whoever begins now; all at once.
    let until_end = [&in_group[..], &["--until-end"]].concat();
    let start = |arguments: &[&str]| pair.hand.command(arguments).spawn().unwrap();
    let mut alone = start(&["consume", &there, &lost, "--until-end"]);
    let mut member = start(&until_end);
    let produce = ["produce", &lost, "--timeout", "3"];
    let nothing = format!("acknowledged by {lost}: nothing");
    let said = pair.hand.feed(&produce, b"9\n");
    said.said(75, &["line 1: no broker acknowledged it within 3 s", &nothing, advice]);
    ended(&mut alone).said(75, &[&away, advice, "nothing was read"]);
    ended(&mut member).said(75, &[&away, advice, "its next run goes on there"]);
    // Nobody needs the lost one here.
    assert_eq!(pair.hand.run(&["consume", &there, "--until-end"]).good().text(), "0\n1\n");

    back(&mut pair.two);
    pair.cluster().produce(&lost, &values(&["2"]));
    assert_eq!(pair.hand.run(&until_end).good().text(), "2\n");
}

#[test]
fn a_leader_that_is_killed_ends_it_with_what_was_written() {
    without_a_leader(Broker::kill9, Broker::run);
}

#[test]
fn a_leader_that_sleeps_ends_it_with_what_was_written() {
    without_a_leader(|two| two.pause(), |two| two.resume());
}

#[test]
fn a_new_partition_whose_leader_is_lost_keeps_nobody_from_the_other_new_ones() {
    let [one, mut two] = Broker::two();
    let cluster = one.cluster();
    let topic = unique("grows");
    cluster.create(json!({"topic": topic, "partitions": 1, "on": 1, "configs": {}}));
    let record = |value, partition| Record::new(None, Some(value)).to(partition);
    cluster.produce(&topic, &[record("0", 0)]);
    let hand = Hand::at(&cluster.bootstrap);
    let mut child = hand.command(&["consume", &topic, "--count", "2"]).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(output.next().unwrap().unwrap(), "0");
    // It sleeps meanwhile, so that it never meets the leader of the first new one.
    process::signal(child.id(), "STOP");
    cluster.ask("create_partitions", json!({"topic": topic, "partitions": 3, "on": [2, 1]}));
    two.kill9();
    cluster.produce(&topic, &[record("1", 2)]);
    process::signal(child.id(), "CONT");
    let note = format!("{topic}[1] is new, and cannot be read yet: ");
    ended(&mut child).said(0, &[&note]);
    assert_eq!(output.map(Result::unwrap).collect::<Vec<_>>(), ["1"]);
}

/// More than a pipe holds and a client reads ahead, 16 MiB.
const LARGE_BYTES: usize = 48 << 20;

#[test]
fn a_leader_that_is_lost_before_the_end_ends_it_behind_what_was_read() {
    let mut pair = Pair::coordinated_by(1);
    let value = format!("\"{}\"", "x".repeat(1021));
    let record = Record::new(None, Some(&value)).to(0);
    let records = vec![record; LARGE_BYTES / (value.len() + 1)];
    pair.cluster().produce(&pair.lost, &records);
    let (there, lost) = (pair.there.clone(), pair.lost.clone());
    let mut child = pair.hand.command(&["consume", &there, &lost, "--until-end"]).spawn().unwrap();
    // It has begun, and nobody reads: it cannot come to its end.
    eventually(SOON, "it writes", || {
        let unread = rustix::io::ioctl_fionread(child.stdout.as_ref().unwrap()).unwrap();
        (unread > 0).then_some(())
    });
    pair.two.kill9();
    let said = ended(&mut child);
    let text = said.text();
    let lines = text.lines().count();
    assert!(text.ends_with('\n') && lines < records.len() + 4, "{lines}");
    let away = format!("the leader of {lost}[0] does not answer: ");
    let written = format!("{lines} records written before it");
    said.said(75, &[&away, &written]);
}

#[test]
fn a_coordinator_that_is_lost_ends_it_with_what_was_committed() {
    let mut pair = Pair::coordinated_by(2);
    let there = pair.there.clone();
    let start = |pair: &Pair, group: &str, more: &[&str]| -> Child {
        pair.hand.command(&[&["consume", &there, "--group", group], more].concat()).spawn().unwrap()
    };
    let mut committed = start(&pair, "g", &["--count", "100"]);
    let mut lines = BufReader::new(committed.stdout.take().unwrap()).lines();
    assert_eq!(lines.nth(1).unwrap().unwrap(), "1");
    pair.has_committed("g", &[&there]);
    let mut unread = start(&pair, "unread", &["--count", "100"]);
    let mut pipe = unread.stdout.take().unwrap();
    eventually(SOON, "both stand in the pipe", || {
        (rustix::io::ioctl_fionread(&pipe).unwrap() == 4).then_some(())
    });

    pair.two.kill9();
    pipe.read_exact(&mut [0; 4]).unwrap();
    let mut new = start(&pair, "new", &["--start", "latest"]);
    let mut waiting = start(&pair, "waiting", &[]);
    let away = |group: &str| format!("the coordinator of the group {group} does not answer: ");
    ended(&mut committed).said(75, &[&away("g"), "its next run goes on there"]);
    ended(&mut unread).said(75, &[&away("unread"), "not all that is written is committed"]);
    ended(&mut new).said(75, &[&away("new"), "nothing was read"]);
    ended(&mut waiting).said(75, &[&away("waiting"), "its next run goes on there"]);
    assert_eq!(pair.hand.run(&["consume", &there, "--until-end"]).good().text(), "0\n1\n");

    pair.two.run();
    pair.has_committed("g", &[&there]);
    assert_eq!(pair.cluster().committed("unread", &there).get(&0), None);
}

#[test]
fn a_group_that_nobody_coordinates_is_named_and_no_broker_is_called_away() {
    // More than there are brokers: the coordinators' topic can never be made.
    let broker = Broker::start(&[("offsets.topic.replication.factor", "3")]);
    let cluster = broker.cluster();
    let topic = cluster.topic("uncoordinated", 1);
    let hand = Hand::at(&cluster.bootstrap);
    let consume = ["consume", &topic, "--group", "g", "--until-end"];
    let mut waiting = hand.command(&consume).spawn().unwrap();
    let new = hand.run(&[&consume[..], &["--start", "latest"]].concat());
    for (said, done) in [(new, "nothing was read"), (ended(&mut waiting), "next run goes on")] {
        said.said(75, &["the coordinator of the group g does not answer: ", done]);
        assert!(!said.err.contains("no broker answers"), "{}", said.err);
    }
}
