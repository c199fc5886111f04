//! `consume`: what is asked for comes out, and what was not written out is not committed.

use std::io::{BufRead, BufReader, Read};

use serde_json::json;

use super::{Hand, ended};
use crate::kafka::broker::Broker;
use crate::kafka::record::Record;
use crate::kafka::{Cluster, End, shared, unique};
use crate::process;
use crate::scene::{Scene, values};
use crate::wait::{SOON, eventually};

pub(super) fn json_values(count: usize) -> Vec<Record> {
    (0..count).map(|n| Record::new(Some("k"), Some(&format!("{{\"n\":{n}}}"))).to(0)).collect()
}

/// A topic of one partition with these values, and a hand at it.
pub(super) fn with(name: &str, records: &[Record]) -> (&'static Cluster, String, Hand) {
    let cluster = shared();
    let topic = cluster.topic(name, 1);
    cluster.produce(&topic, records);
    (cluster, topic, Hand::at(&cluster.bootstrap))
}

#[test]
fn a_place_to_begin_and_an_end_are_taken_as_they_are_asked_for() {
    let at =
        |n: i64| Record::new(None, Some(&n.to_string())).to(0).at(1_767_225_600_000 + n * 1000);
    let (_, topic, hand) = with("places", &(0..6).map(at).collect::<Vec<_>>());
    let read = |more: &[&str]| {
        let all: Vec<&str> = [&["consume", &topic], more].concat();
        hand.run(&all).good().text().replace('\n', " ")
    };
    assert_eq!(read(&["--until-end"]), "0 1 2 3 4 5 ");
    assert_eq!(read(&["--start", "4", "--until-end"]), "4 5 ");
    assert_eq!(read(&["--start", "-1", "--until-end"]), "5 ");
    assert_eq!(read(&["--start", "2026-01-01T00:00:03Z", "--until-end"]), "3 4 5 ");
    assert_eq!(read(&["--start", "1969-12-31T23:59:59.999Z", "--until-end"]), "0 1 2 3 4 5 ");
    assert_eq!(read(&["--start", "latest", "--until-end"]), "");
    assert_eq!(read(&["--count", "2"]), "0 1 ");
    let beyond = hand.run(&["consume", &topic, "--start", "9", "--until-end"]);
    beyond.said(0, &[&format!("{topic}[0] holds no offset 9: beginning at 6")]);
    hand.run(&["consume", &topic, "--start", "soon"]).said(64, &["\"soon\" is no time"]);
}

#[test]
fn so_many_before_the_end_counts_offsets_of_each_partition_and_ends_of_transactions() {
    let (cluster, topic, hand) = with("before-the-end", &[]);
    let id = unique("before-the-end");
    let numbers = |from: u32, to: u32| -> Vec<Record> {
        (from..to).map(|n| Record::new(None, Some(&n.to_string())).to(0)).collect()
    };
    // Offsets 0 1 2, the end of the first transaction, 4 5, the end of the second.
    let (first, second) = (numbers(0, 3), numbers(3, 5));
    cluster.transact(&topic, &id, &[(&first, End::Commit), (&second, End::Commit)]);
    for (start, values) in [
        ("-1", &[][..]),
        ("-2", &["4"]),
        ("-3", &["3", "4"]),
        ("-4", &["3", "4"]),
        ("-5", &["2", "3", "4"]),
        ("-7", &["0", "1", "2", "3", "4"]),
    ] {
        let said = hand.run(&["consume", &topic, "--start", start, "--until-end"]).good();
        assert_eq!(said.lines(), values, "{start}");
    }
    let beyond = hand.run(&["consume", &topic, "--start", "-8", "--until-end"]).good();
    assert_eq!(beyond.lines().len(), 5, "{}", beyond.err);

    let wide = cluster.topic("before-each-end", 2);
    let each = |n: i32| Record::new(None, Some(&n.to_string())).to(n % 2);
    cluster.produce(&wide, &(0..6).map(each).collect::<Vec<_>>());
    let said = hand.run(&["consume", &wide, "--start", "-2", "--until-end"]).good();
    let mut lines = said.lines();
    lines.sort_unstable();
    assert_eq!(lines, ["2", "3", "4", "5"]);
}

#[test]
fn several_topics_and_partitions_are_read_to_their_ends() {
    let cluster = shared();
    let (one, two) = (cluster.topic("one", 3), cluster.topic("two", 1));
    let each = |p| Record::new(None, Some(&format!("{p}"))).to(p);
    cluster.produce(&one, &(0..3).map(each).collect::<Vec<_>>());
    cluster.produce(&two, &values(&["last"]));
    let said = Hand::at(&cluster.bootstrap).run(&["consume", &one, &two, "--until-end"]).good();
    let mut lines = said.lines();
    lines.sort_unstable();
    assert_eq!(lines, ["0", "1", "2", "last"]);
}

#[test]
fn aborted_records_are_read_only_where_they_are_asked_for() {
    let cluster = shared();
    let topic = cluster.topic("aborted", 1);
    let one = |value: &str| vec![Record::new(None, Some(value)).to(0)];
    let (good, bad, last) = (one("good"), one("bad"), one("bad too"));
    let transactions = [(&good[..], End::Commit), (&bad[..], End::Abort), (&last[..], End::Abort)];
    cluster.transact(&topic, &unique("txn"), &transactions);
    let hand = Hand::at(&cluster.bootstrap);
    // The end is behind records that are never shown.
    assert_eq!(hand.run(&["consume", &topic, "--until-end"]).good().text(), "good\n");
    let all = hand.run(&["consume", &topic, "--until-end", "--uncommitted"]).good();
    assert_eq!(all.lines(), ["good", "bad", "bad too"]);
}

#[test]
fn records_are_chosen_and_shown_by_the_expressions_of_pipelines() {
    let (_, topic, hand) = with(
        "chosen",
        &values(&[r#"{"n": 1, "s": "a\u00e9"}"#, r#"{"n": 2.50, "s": "b"}"#, r#"{"s": "no n"}"#]),
    );
    let read = |more: &[&str]| {
        let all: Vec<&str> = [&["consume", &topic, "--until-end"], more].concat();
        hand.run(&all)
    };
    assert_eq!(read(&["--where", "value.n > 1"]).good().text(), "{\"n\": 2.50, \"s\": \"b\"}\n");
    assert_eq!(read(&["--select", "value.s"]).good().lines(), ["aé", "b", "no n"]);
    assert_eq!(
        read(&["--select", "value.s", "-o", "json"]).good().lines(),
        ["\"a\\u00e9\"", "\"b\"", "\"no n\""]
    );
    assert_eq!(
        read(&["--where", "has(value.n)", "--select", "value.n"]).good().lines(),
        ["1", "2.50"]
    );
    let stopped = read(&["--select", "value.n"]);
    stopped
        .said(1, &[&format!("{topic}[0]@2: the field is missing"), "2 records written before it"]);
    assert_eq!(stopped.lines(), ["1", "2.50"]);
    let skipped = read(&["--select", "value.n", "--on-error", "skip"]);
    skipped.said(0, &["left out by --on-error skip: 1 record"]);
    read(&["--where", "value.n >"]).said(64, &["error: --where: ", "\n  value.n >\n"]);
    let both = read(&["--where", "vlaue", "--select", "key == "]);
    both.said(64, &["error: --where: ", "error: --select: "]);
    read(&["--select", "key", "-o", "envelope"]).said(64, &["--select does not go with it"]);
}

#[test]
fn json_is_one_line_and_what_is_none_is_said() {
    let records = [
        Record::new(None, Some("{\n \"a\":\t1\r\n}")).to(0),
        Record::new(None, None).to(0),
        Record::new(None, Some("boot: no JSON")).to(0),
    ];
    let (cluster, topic, hand) = with("json", &records);
    let said = hand.run(&["consume", &topic, "--until-end", "-o", "json"]);
    assert_eq!(said.lines(), ["{  \"a\":\t1  }", "null"]);
    let wrong = format!("{topic}[0]@2: the value is no JSON: ");
    said.said(1, &[&wrong, "2 records written before it"]);
    // In a group, what is before it is committed, and the next run meets it again.
    let group = unique("group");
    let consume = ["consume", &topic, "--until-end", "-o", "json", "--group", &group];
    for lines in [2, 0] {
        let said = hand.run(&consume);
        assert_eq!(said.lines().len(), lines);
        said.said(1, &[&wrong, "is committed for the group", "its next run goes on there"]);
        assert_eq!(cluster.committed(&group, &topic).get(&0), Some(&2));
    }
    let text = hand.run(&["consume", &topic, "--until-end"]).good();
    assert_eq!(text.text(), "{\n \"a\":\t1\r\n}\nnull\nboot: no JSON\n");
    // An expression looks into it.
    let chosen = hand.run(&["consume", &topic, "--until-end", "--where", "has(value.a) || true"]);
    chosen.said(1, &[&format!("{topic}[0]@2: "), "JSON", "2 records written before it"]);
}

#[test]
fn a_group_goes_on_where_it_was_and_a_new_one_begins_where_it_is_told() {
    let (cluster, topic, hand) = with("group", &values(&["0", "1", "2"]));
    let group = unique("group");
    let consume = ["consume", &topic, "--group", &group, "--start", "1"];
    let first = hand.run(&[&consume[..], &["--count", "1"]].concat()).good();
    assert_eq!(first.lines(), ["1"]);
    // What was read and not written does not count.
    assert_eq!(cluster.committed(&group, &topic).get(&0), Some(&2));
    cluster.produce(&topic, &values(&["3"]));
    let rest = hand.run(&[&consume[..], &["--until-end"]].concat()).good();
    assert_eq!(rest.lines(), ["2", "3"]);
    assert_eq!(cluster.committed(&group, &topic).get(&0), Some(&4));
    // Alone, nothing is ever committed.
    hand.run(&["consume", &topic, "--until-end"]).good();
    assert_eq!(cluster.committed("krouted.by-hand", &topic).get(&0), None);
}

#[test]
fn sigint_ends_a_follower_with_all_that_it_wrote_committed() {
    let (cluster, topic, hand) = with("follow", &values(&["0"]));
    let group = unique("group");
    let mut child = hand.command(&["consume", &topic, "--group", &group]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "0");
    cluster.produce(&topic, &values(&["1"]));
    assert_eq!(lines.next().unwrap().unwrap(), "1");
    process::signal(child.id(), "INT");
    ended(&mut child).said(0, &[]);
    assert_eq!(cluster.committed(&group, &topic).get(&0), Some(&2));
}

#[test]
fn partitions_that_a_topic_gets_are_read_by_who_follows_it_alone() {
    let (cluster, topic, hand) = with("grows", &values(&["0"]));
    let mut child = hand.command(&["consume", &topic, "--count", "3"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "0");
    cluster.ask("create_partitions", json!({"topic": topic, "partitions": 2}));
    let record = |value, partition| Record::new(None, Some(value)).to(partition);
    cluster.produce(&topic, &[record("1", 1), record("2", 0)]);
    ended(&mut child).said(0, &[]);
    let mut rest: Vec<_> = lines.map(Result::unwrap).collect();
    rest.sort();
    assert_eq!(rest, ["1", "2"]);
}

#[test]
fn an_offset_that_retention_took_is_named_with_what_helps() {
    let (cluster, topic, hand) = with("trimmed", &json_values(5));
    let group = unique("group");
    let at = json!({"group": group, "topic": topic, "offsets": {"0": 1}});
    cluster.ask("alter_group_offsets", at);
    cluster.ask("delete_records", json!({"topic": topic, "partition": 0, "before": 3}));
    let consume = ["consume", &topic, "--until-end", "--group", &group];
    let place = format!("{topic}[0]@1 is not there any more");
    let reset = format!("--group {group} --topic {topic}:0 --reset-offsets");
    hand.run(&consume).said(1, &[&place, "choose another group", &reset]);
    assert_eq!(cluster.committed(&group, &topic).get(&0), Some(&1));
    let other = unique("group");
    let read = hand.run(&["consume", &topic, "--until-end", "--group", &other]);
    assert_eq!(read.good().lines(), ["{\"n\":3}", "{\"n\":4}"]);
}

#[test]
fn a_topic_that_is_named_twice_is_read_once() {
    let (_, topic, hand) = with("twice", &json_values(3));
    let read = hand.run(&["consume", &topic, &topic, "--until-end"]);
    assert_eq!(read.good().lines().len(), 3);
}

#[test]
fn an_unknown_topic_and_a_broker_that_is_away_are_told_apart() {
    let hand = Hand::at(&shared().bootstrap);
    hand.run(&["consume", "no-such-topic"]).said(
        1,
        &["the topic no-such-topic does not exist", "create the topic", "nothing was read"],
    );
    let [port] = Broker::free_ports();
    let nowhere = Hand::at(&format!("127.0.0.1:{port}"));
    nowhere.run(&["consume", "t"]).said(
        75,
        &["no broker answers at 127.0.0.1:", "check bootstrap_servers", "nothing was read"],
    );
}

#[test]
fn a_broker_that_is_lost_half_way_ends_it_and_what_comes_again_is_said() {
    let mut broker = Broker::start(&[]);
    let cluster = broker.cluster();
    let (topic, unread) = (cluster.topic("lost", 1), cluster.topic("unread", 1));
    cluster.produce(&topic, &values(&["0", "1"]));
    cluster.produce(&unread, &json_values(10));
    let hand = Hand::at(&cluster.bootstrap);
    let in_group = ["consume", &topic, "--group", "g"];
    let mut member = hand.command(&in_group).spawn().unwrap();
    let mut lines = BufReader::new(member.stdout.take().unwrap()).lines();
    assert_eq!(lines.nth(1).unwrap().unwrap(), "1");
    eventually(SOON, "it commits", || {
        (cluster.committed("g", &topic).get(&0) == Some(&2)).then_some(())
    });
    let mut alone = hand.command(&["consume", &topic]).spawn().unwrap();
    let mut of_alone = BufReader::new(alone.stdout.take().unwrap()).lines();
    assert_eq!(of_alone.nth(1).unwrap().unwrap(), "1");
    let in_other = ["consume", &unread, "--group", "other"];
    let mut other = hand.command(&in_other).spawn().unwrap();
    let mut pipe = other.stdout.take().unwrap();
    // Nobody reads: nothing may be committed yet.
    eventually(SOON, "all ten stand in the pipe", || {
        (rustix::io::ioctl_fionread(&pipe).unwrap() == 80).then_some(())
    });
    broker.kill9();
    pipe.read_exact(&mut [0; 80]).unwrap();
    // All at once, and each after half a minute.
    ended(&mut member).said(75, &["no broker answers at", "its next run goes on there"]);
    ended(&mut alone).said(75, &["no broker answers at", "2 records written before it"]);
    let said = ended(&mut other);
    said.said(75, &["not all that is written is committed", "writes the rest again"]);
    assert!(!said.err.contains("goes on there"), "{}", said.err);
    broker.run();
    assert_eq!(cluster.committed("g", &topic).get(&0), Some(&2));
    assert_eq!(cluster.committed("other", &unread).get(&0), None);
    let again = hand.run(&[&in_other[..], &["--until-end"]].concat()).good();
    assert_eq!(again.lines().len(), 10);
}

#[test]
fn a_group_that_does_not_let_it_in_ends_it() {
    let cluster = shared();
    let topic = cluster.topic("taken", 1);
    let to = cluster.topic("taken-to", 1);
    let scene = Scene::new(cluster);
    let sinks = format!("sinks: {{out: {{kafka: {{topic: {to}}}}}}}");
    scene.file("at_least_once", &[&format!("topics: [{topic}]"), "start: earliest"], &[&sinks]);
    let _daemon = scene.run();
    let hand = Hand::at(&cluster.bootstrap);
    let said = hand.run(&["consume", &topic, "--group", &scene.name, "--until-end"]);
    said.said(1, &["JoinGroup failed", "nconsistent group protocol", "choose another group"]);
}

#[test]
fn a_signal_before_the_end_that_was_asked_for_is_said() {
    let (cluster, topic, hand) = with("cut-short", &json_values(3));
    let group = unique("group");
    for (more, said) in [(&[][..], "3 records written"), (&["--group", &group], "committed")] {
        let consume = [&["consume", &topic, "--count", "100"], more].concat();
        let mut child = hand.command(&consume).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.nth(2).unwrap().unwrap(), "{\"n\":2}");
        process::signal(child.id(), "INT");
        ended(&mut child).said(75, &["stopped by a signal before the end", said]);
    }
    assert_eq!(cluster.committed(&group, &topic).get(&0), Some(&3));
}
