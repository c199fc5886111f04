//! Where a pipeline begins and goes on, which topics it reads, and what it does where records are gone.

use serde_json::json;

use crate::kafka::record::Record;
use crate::kafka::{Isolation, shared, unique};
use crate::scene::{SOON, Scene, values};

const COPY: &str = "exactly_once";

fn to(topic: &str) -> String {
    format!("sinks: {{all: {{kafka: {{topic: {topic}}}}}}}")
}

#[test]
fn several_topics_are_read_as_one_group() {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let (a, b, out) = (cluster.topic("a", 1), cluster.topic("b", 2), cluster.topic("out", 1));
    cluster.produce(&a, &values(&["1"]));
    cluster.produce(&b, &[Record::new(None, Some("2")).to(0), Record::new(None, Some("3")).to(1)]);
    scene.file(COPY, &[&format!("topics: [{a}, {b}]"), "start: earliest"], &[&to(&out)]);
    let mut daemon = scene.run();
    let mut read = scene.values(&out, 3);
    read.sort();
    assert_eq!(read, ["1", "2", "3"]);
    scene.committed(&a, 0, 1);
    scene.committed(&b, 1, 1);
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn start_latest_skips_what_was_there_but_not_a_partition_that_appears_later() {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let (input, out) = (cluster.topic("in", 1), cluster.topic("out", 1));
    cluster.produce(&input, &values(&["old"]));
    let quick = "properties: {session.timeout.ms: 6000, topic.metadata.refresh.interval.ms: 500}";
    scene.file(COPY, &[&format!("topics: [{input}]"), "start: latest", quick], &[&to(&out)]);
    let mut daemon = scene.run();
    cluster.produce(&input, &values(&["new"]));
    assert_eq!(scene.values(&out, 1), ["new"]);
    cluster.ask("create_partitions", json!({"topic": input, "partitions": 2}));
    cluster.produce(&input, &[Record::new(None, Some("first of the new partition")).to(1)]);
    assert_eq!(scene.values(&out, 2), ["new", "first of the new partition"]);
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn start_latest_holds_for_the_group_and_not_for_each_run() {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let (input, out) = (cluster.topic("in", 1), cluster.topic("out", 1));
    cluster.produce(&input, &values(&["old"]));
    scene.file(COPY, &[&format!("topics: [{input}]"), "start: latest"], &[&to(&out)]);
    // It read nothing, so only its start is committed.
    assert_eq!(scene.run().terminate(), Some(0));
    cluster.produce(&input, &values(&["while it was away"]));
    let mut daemon = scene.run();
    assert_eq!(scene.values(&out, 1), ["while it was away"]);
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn start_at_a_timestamp_begins_with_the_first_record_of_that_time() {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let (input, out) = (cluster.topic("in", 2), cluster.topic("out", 1));
    let at = |ms, partition| Record::new(None, Some(&format!("{ms}"))).to(partition).at(ms);
    // 2026-01-01T00:00:00Z is 1767225600000; partition 1 has only older records.
    let begin = 1_767_225_600_000;
    cluster.produce(&input, &[at(begin - 1, 0), at(begin, 0), at(begin + 1, 0), at(begin - 5, 1)]);
    scene.file(
        COPY,
        &[&format!("topics: [{input}]"), "start: {timestamp: 2026-01-01T00:00:00Z}"],
        &[&to(&out)],
    );
    let mut daemon = scene.run();
    assert_eq!(scene.values(&out, 2), [format!("{begin}"), format!("{}", begin + 1)]);
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn a_pattern_reads_all_topics_that_match_and_those_that_appear() {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let prefix = unique("pattern");
    let one = cluster.topic(&format!("{prefix}.one"), 1);
    let other = cluster.topic(&format!("x{prefix}.other"), 1);
    let out = cluster.topic("out", 1);
    cluster.produce(&one, &values(&["1"]));
    cluster.produce(&other, &values(&["not matched"]));
    scene.file(COPY, &[&format!("pattern: '^{prefix}\\..*'"), "start: latest"], &[&to(&out)]);
    let mut daemon = scene.run();
    let two = cluster.topic(&format!("{prefix}.two"), 1);
    cluster.produce(&two, &values(&["2, there before it was seen"]));
    // The pattern is matched every 30 s.
    daemon.wait_for_lines("partitions assigned", 2, 2 * SOON);
    assert_eq!(scene.values(&out, 1), ["2, there before it was seen"]);
    assert_eq!(daemon.terminate(), Some(0));
}

/// A topic whose first three records are gone, and a group that wanted to read the second.
fn with_a_gap(scene: &Scene<'_>, policy: &str) -> (String, String) {
    let cluster = scene.cluster;
    let (input, out) = (cluster.topic("in", 1), cluster.topic("out", 1));
    cluster.produce(&input, &values(&["0", "1", "2", "3", "4"]));
    let group = json!({"group": scene.name, "topic": input, "offsets": {"0": 1}});
    cluster.ask("alter_group_offsets", group);
    cluster.ask("delete_records", json!({"topic": input, "partition": 0, "before": 3}));
    scene.file(
        COPY,
        &[&format!("topics: [{input}]"), "start: earliest", &format!("out_of_range: {policy}")],
        &[&to(&out)],
    );
    (input, out)
}

#[test]
fn records_that_retention_took_stop_a_pipeline_that_says_so() {
    let scene = Scene::new(shared());
    let (input, out) = with_a_gap(&scene, "stop");
    let mut daemon = scene.run();
    let line = daemon.wait_for_line("pipeline halted", SOON);
    assert!(line.contains(&format!("{input}[0]")) && line.contains("out of range"), "{line}");
    assert_eq!(daemon.terminate(), Some(0));
    assert_eq!(scene.cluster.read(&out, Isolation::Committed), []);
    scene.committed(&input, 0, 1);
}

#[test]
fn records_that_retention_took_are_passed_over_loudly_where_the_file_says_earliest() {
    let scene = Scene::new(shared());
    let (input, out) = with_a_gap(&scene, "earliest");
    let mut daemon = scene.run();
    daemon.wait_for_line("committed offset is out of range", SOON);
    assert_eq!(scene.values(&out, 2), ["3", "4"]);
    scene.committed(&input, 0, 5);
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn records_that_retention_took_are_passed_over_loudly_where_the_file_says_latest() {
    let scene = Scene::new(shared());
    let (input, out) = with_a_gap(&scene, "latest");
    let mut daemon = scene.run();
    daemon.wait_for_line("committed offset is out of range", SOON);
    // The place behind the last record is looked up when the error comes, and committed.
    scene.committed(&input, 0, 5);
    scene.cluster.produce(&input, &values(&["5"]));
    assert_eq!(scene.values(&out, 1), ["5"]);
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn static_members_that_are_killed_in_a_rebalance_leave_no_partition_alone() {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let (input, out) = (cluster.topic("in", 6), cluster.topic("out", 1));
    scene.file(
        COPY,
        &[&format!("topics: [{input}]"), "start: earliest", "membership: static"],
        &[&to(&out), "workers: 3"],
    );
    // The first worker has all partitions for a moment: the others are just joining.
    for _ in 0..5 {
        scene.run().kill9();
    }
    let mut daemon = scene.host.run();
    cluster
        .produce(&input, &(0..6).map(|p| Record::new(None, Some("v")).to(p)).collect::<Vec<_>>());
    assert_eq!(scene.values(&out, 6), ["v"; 6]);
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn the_place_behind_what_retention_took_is_kept_where_nothing_was_read_since() {
    let scene = Scene::new(shared());
    let (input, out) = with_a_gap(&scene, "latest");
    let mut daemon = scene.run();
    scene.committed(&input, 0, 5);
    daemon.kill9();
    scene.cluster.produce(&input, &values(&["while it was away"]));
    let mut daemon = scene.run();
    assert_eq!(scene.values(&out, 1), ["while it was away"]);
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn a_static_member_that_was_killed_takes_its_partitions_back_at_once() {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let (input, out) = (cluster.topic("in", 1), cluster.topic("out", 1));
    cluster.produce(&input, &values(&["1"]));
    // A dynamic member would wait five minutes for the session of the dead one.
    scene.file(
        COPY,
        &[
            &format!("topics: [{input}]"),
            "start: earliest",
            "membership: static",
            "properties: {session.timeout.ms: 300000}",
        ],
        &[&to(&out)],
    );
    let mut daemon = scene.run();
    assert_eq!(scene.values(&out, 1), ["1"]);
    daemon.kill9();
    cluster.produce(&input, &values(&["2"]));
    let mut daemon = scene.run();
    assert_eq!(scene.values(&out, 2), ["1", "2"]);
    assert_eq!(daemon.terminate(), Some(0));
}
