//! Records that cannot go on: each policy at each stage, and a poison record that never stops the others.

use serde_json::json;

use crate::kafka::record::Record;
use crate::kafka::{Isolation, shared};
use crate::scene::{SOON, Scene, text, values};

/// Records of one partition with good ones around the bad, and topics for both.
fn scene_with(delivery: &str, rest: &[&str], records: &[Record]) -> (Scene<'static>, [String; 3]) {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let topics = [cluster.topic("in", 1), cluster.topic("out", 1), cluster.topic("dlq", 1)];
    let [input, out, dlq] = &topics;
    cluster.produce(input, records);
    let sinks = format!("sinks: {{all: {{kafka: {{topic: {out}}}}}}}");
    let letters = format!("dead_letter: {{topic: {dlq}}}");
    let mut lines = vec![sinks.as_str(), letters.as_str()];
    lines.extend(rest);
    scene.file(delivery, &[&format!("topics: [{input}]"), "start: earliest"], &lines);
    (scene, topics)
}

const FILTER: &str = "steps: [{filter: value.n > 0}]";

#[test]
fn a_record_that_is_no_json_becomes_a_dead_letter_that_says_why_and_from_where() {
    for delivery in ["exactly_once", "at_least_once", "at_most_once"] {
        let bad = Record::new(Some("key"), Some("{\"n\":1,"))
            .to(0)
            .at(1_700_000_000_123)
            .header("own", None)
            .header("own", Some(b"2"));
        let [before, after] = [r#"{"n":1}"#, r#"{"n":2}"#].map(|v| values(&[v]).remove(0));
        let (scene, [input, out, dlq]) =
            scene_with(delivery, &[FILTER], &[before, bad.clone(), after]);
        let mut daemon = scene.run();
        assert_eq!(scene.values(&out, 2), [r#"{"n":1}"#, r#"{"n":2}"#]);
        let letter = scene.records(&dlq, 1).remove(0);
        scene.committed(&input, 0, 3);
        assert_eq!(daemon.terminate(), Some(0));
        assert_eq!((letter.key, letter.value), (bad.key, bad.value));
        assert_eq!(letter.timestamp, bad.timestamp);
        assert_eq!(letter.headers[..2], bad.headers[..]);
        let said: Vec<_> = letter.headers[2..]
            .iter()
            .map(|(name, value)| (text(Some(name)), text(value.as_deref())))
            .collect();
        let expected = [
            ("pipeline", scene.name.as_str()),
            ("stage", "decode"),
            ("reason", said[2].1.as_str()),
            ("topic", &input),
            ("partition", "0"),
            ("offset", "1"),
            ("timestamp", "1700000000123"),
            ("rule", ""),
        ]
        .map(|(name, value)| (format!("krouted.error.{name}"), value.to_owned()));
        assert_eq!(said, expected);
        assert!(said[2].1.contains("no JSON"), "{said:?}");
    }
}

#[test]
fn a_drop_policy_passes_over_the_record_and_counts_it() {
    let (scene, [input, out, dlq]) = scene_with(
        "exactly_once",
        &[FILTER, "on_error: {decode: drop}"],
        &values(&[r#"{"n":1}"#, "no json", r#"{"n":2}"#]),
    );
    let mut daemon = scene.run();
    assert_eq!(scene.values(&out, 2), [r#"{"n":1}"#, r#"{"n":2}"#]);
    scene.committed(&input, 0, 3);
    assert_eq!(daemon.terminate(), Some(0));
    daemon.wait_for_line(r#""dropped":1"#, SOON);
    assert_eq!(scene.cluster.read(&dlq, Isolation::Committed), []);
}

#[test]
fn a_stop_policy_commits_all_before_the_record_and_halts_naming_it() {
    for delivery in ["exactly_once", "at_least_once", "at_most_once"] {
        let (scene, [input, out, _]) = scene_with(
            delivery,
            &[FILTER, "on_error: {expression: stop}"],
            &values(&[r#"{"n":1}"#, r#"{"n":"text"}"#, r#"{"n":2}"#]),
        );
        let mut daemon = scene.run();
        let line = daemon.wait_for_line("pipeline halted", SOON);
        assert!(line.contains(&format!("{input}[0]@1")), "{line}");
        assert!(line.contains("expression") && line.contains("steps[0]"), "{line}");
        assert_eq!(scene.values(&out, 1), [r#"{"n":1}"#], "{delivery}");
        scene.committed(&input, 0, 1);
        assert_eq!(daemon.terminate(), Some(0));
    }
}

#[test]
fn a_record_without_a_route_follows_unmatched() {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let [input, out, dlq] =
        [cluster.topic("in", 1), cluster.topic("out", 1), cluster.topic("dlq", 1)];
    cluster.produce(&input, &values(&[r#"{"n":1}"#, r#"{"n":2}"#, r#"{"m":1}"#]));
    scene.file(
        "exactly_once",
        &[&format!("topics: [{input}]"), "start: earliest"],
        &[
            &format!("sinks: {{one: {{kafka: {{topic: {out}, key: value.n}}}}}}"),
            "routes: [{name: one, when: value.n == 1, to: [one]}]",
            "unmatched: dead_letter",
            &format!("dead_letter: {{topic: {dlq}}}"),
        ],
    );
    let mut daemon = scene.run();
    let one = scene.records(&out, 1).remove(0);
    assert_eq!(text(one.key.as_deref()), "1");
    let letters = scene.records(&dlq, 2);
    let stages: Vec<_> =
        letters.iter().map(|r| r.header_text("krouted.error.stage").unwrap()).collect();
    assert_eq!(stages, ["unmatched", "unmatched"]);
    assert_eq!(daemon.terminate(), Some(0));
}

/// A topic that takes batches of at most 2 000 bytes.
fn small(scene: &Scene<'_>) -> String {
    scene.cluster.topic_with("small", 1, &json!({"max.message.bytes": 2000}))
}

/// Good records with two that are too large among them.
fn with_poison() -> Vec<Record> {
    let large = "x".repeat(5000);
    let many: Vec<String> = (0..300)
        .map(|n| if n == 77 || n == 201 { format!("{n} {large}") } else { format!("{n}") })
        .collect();
    many.iter().map(|v| Record::new(Some("k"), Some(v)).to(0)).collect()
}

#[test]
fn a_record_that_the_sink_refuses_is_found_among_its_window_and_goes_to_the_dead_letters() {
    for delivery in ["exactly_once", "at_least_once"] {
        let cluster = shared();
        let scene = Scene::new(cluster);
        let (input, out, dlq) = (cluster.topic("in", 1), small(&scene), cluster.topic("dlq", 1));
        cluster.produce(&input, &with_poison());
        scene.file(
            delivery,
            &[&format!("topics: [{input}]"), "start: earliest", "format: bytes"],
            &[
                &format!("sinks: {{all: {{kafka: {{topic: {out}}}}}}}"),
                &format!("dead_letter: {{topic: {dlq}}}"),
            ],
        );
        let mut daemon = scene.run();
        let letters = scene.records(&dlq, 2);
        scene.committed(&input, 0, 300);
        assert_eq!(daemon.terminate(), Some(0));
        let of = |name| letters.iter().map(|r| r.header_text(name).unwrap()).collect::<Vec<_>>();
        assert_eq!(of("krouted.error.offset"), ["77", "201"]);
        assert_eq!(of("krouted.error.stage"), ["sink", "sink"]);
        let mut read: Vec<u32> = cluster
            .read(&out, Isolation::Committed)
            .iter()
            .map(|r| text(r.value.as_deref()).parse().unwrap())
            .collect();
        if delivery == "at_least_once" {
            // What stood beside a refused record in a window may come again; its first time is in order.
            let mut seen = std::collections::BTreeSet::new();
            read.retain(|n| seen.insert(*n));
        }
        let good: Vec<u32> = (0..300).filter(|n| *n != 77 && *n != 201).collect();
        assert_eq!(read, good, "{delivery}");
    }
}

#[test]
fn batches_behind_a_refused_one_do_not_pass_it_under_at_least_once() {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let out = cluster.topic_with("small", 1, &json!({"max.message.bytes": 30_000}));
    let (input, dlq) = (cluster.topic("in", 1), cluster.topic("dlq", 1));
    let (padding, large) = ("x".repeat(1000), "x".repeat(40_000));
    let many: Vec<Record> = (0..400)
        .map(|n| format!("{n} {}", if n == 150 { &large } else { &padding }))
        .map(|v| Record::new(Some("k"), Some(&v)).to(0))
        .collect();
    cluster.produce(&input, &many);
    scene.file(
        "at_least_once",
        &[&format!("topics: [{input}]"), "start: earliest", "format: bytes"],
        &[
            &format!("sinks: {{all: {{kafka: {{topic: {out}}}}}}}"),
            &format!("dead_letter: {{topic: {dlq}}}"),
        ],
    );
    scene.host.settings(&format!(
        "version: 1\ninstance_id: {}\npipelines: pipelines/\nstate: state/\nclusters: {{default: {{bootstrap_servers: '{}', properties: {{batch.size: 10000}}}}}}\n",
        scene.name, cluster.bootstrap
    ));
    let mut daemon = scene.run();
    let letter = scene.records(&dlq, 1).remove(0);
    assert_eq!(letter.header_text("krouted.error.offset"), Some("150"));
    assert!(letter.header_text("krouted.error.reason").unwrap().contains(&out));
    scene.committed(&input, 0, 400);
    assert_eq!(daemon.terminate(), Some(0));
    let mut seen = std::collections::BTreeSet::new();
    let first: Vec<u32> = cluster
        .read(&out, Isolation::Committed)
        .iter()
        .map(|r| text(r.value.as_deref()).split(' ').next().unwrap().parse().unwrap())
        .filter(|n| seen.insert(*n))
        .collect();
    assert_eq!(first, (0..400).filter(|n| *n != 150).collect::<Vec<_>>());
}

#[test]
fn a_dead_letter_that_is_refused_too_halts_the_pipeline_and_nothing_is_lost() {
    for delivery in ["exactly_once", "at_least_once"] {
        let cluster = shared();
        let scene = Scene::new(cluster);
        let (input, out, dlq) = (cluster.topic("in", 1), small(&scene), small(&scene));
        cluster.produce(&input, &with_poison());
        scene.file(
            delivery,
            &[&format!("topics: [{input}]"), "start: earliest", "format: bytes"],
            &[
                &format!("sinks: {{all: {{kafka: {{topic: {out}}}}}}}"),
                &format!("dead_letter: {{topic: {dlq}}}"),
            ],
        );
        let mut daemon = scene.run();
        let line = daemon.wait_for_line("pipeline halted", SOON);
        assert!(line.contains(&format!("{input}[0]@77")), "{line}");
        assert_eq!(daemon.terminate(), Some(0));
        scene.committed(&input, 0, 77);
    }
}

#[test]
fn a_record_above_the_clients_own_limit_is_isolated_too() {
    for delivery in ["exactly_once", "at_least_once", "at_most_once"] {
        let cluster = shared();
        let scene = Scene::new(cluster);
        let (input, out) = (cluster.topic("in", 1), cluster.topic("out", 1));
        let dlq = cluster.topic("dlq", 1);
        let large = "x".repeat(20_000);
        cluster.produce(&input, &values(&["1", &large, "2"]));
        scene.file(
            delivery,
            &[&format!("topics: [{input}]"), "start: earliest", "format: bytes"],
            &[
                &format!("sinks: {{all: {{kafka: {{topic: {out}}}}}}}"),
                &format!("dead_letter: {{topic: {dlq}}}"),
                "on_error: {sink: drop}",
            ],
        );
        scene.host.settings(&format!(
            "version: 1\ninstance_id: {}\npipelines: pipelines/\nstate: state/\nclusters: {{default: {{bootstrap_servers: '{}', properties: {{message.max.bytes: 10000}}}}}}\n",
            scene.name, cluster.bootstrap
        ));
        let mut daemon = scene.run();
        assert_eq!(scene.values(&out, 2), ["1", "2"], "{delivery}");
        scene.committed(&input, 0, 3);
        assert_eq!(daemon.terminate(), Some(0));
        daemon.wait_for_line(r#""dropped":1"#, SOON);
    }
}
