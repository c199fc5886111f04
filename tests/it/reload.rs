//! Files that change under a running daemon, on a real broker: what the change does, and above all what it does not.

mod load;
mod secrets;
mod untaken;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use serde_json::{Value, json};

use crate::daemon::Host;
use crate::kafka::record::Record;
use crate::kafka::{Cluster, Isolation, shared};
use crate::scene::{PATIENT, SOON, Scene, text, values};
use crate::wait::eventually;

fn to(topic: &str) -> String {
    format!("sinks: {{all: {{kafka: {{topic: {topic}}}}}}}")
}

fn reload(host: &Host, arguments: &[&str]) -> (i32, String) {
    let mut all = vec!["reload", "--wait"];
    all.extend(arguments);
    let said = host.krouted(&all);
    (said.code, format!("{}{}", said.out, said.err))
}

/// The last generation changed exactly this, and who asked for it was told. The watch may have seen the change before it was asked
/// for: then the answer is that all of it ran already, and that look leaves the generation as it was.
fn changed(host: &Host, said: &str, changes: &Value, words: &[&str]) {
    let generation = &host.status()["generation"];
    assert_eq!(&generation["changes"], changes, "{generation:#}\n{said}");
    let was_asked = match generation["cause"].as_str() {
        Some("request") => true,
        Some("change") => false,
        _ => panic!("{generation:#}"),
    };
    assert!(!was_asked || words.iter().all(|word| said.contains(word)), "{said}");
}

/// How often the group was rebalanced, as the broker itself remembers it: the generation in its last record on the group.
///
/// Source: Kafka, `GroupMetadataKey.json` (type 2) and `GroupMetadataValue.json`.
fn group_generation(cluster: &Cluster, group: &str) -> i32 {
    let int16 = |bytes: &[u8]| i16::from_be_bytes(bytes[..2].try_into().unwrap());
    let is_of_group = |record: &Record| {
        record.key.as_deref().is_some_and(|key| int16(key) == 2 && &key[4..] == group.as_bytes())
    };
    let all = cluster.read("__consumer_offsets", Isolation::Uncommitted);
    let last = all.into_iter().filter(is_of_group).filter_map(|r| r.value).next_back();
    let value = last.expect("the broker remembers the group");
    let protocol = usize::try_from(int16(&value[2..])).unwrap();
    i32::from_be_bytes(value[4 + protocol..8 + protocol].try_into().unwrap())
}

#[test]
fn a_swap_to_other_topics_and_properties_keeps_the_members_of_the_group() {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let (input, one, two) =
        (cluster.topic("in", 1), cluster.topic("one", 1), cluster.topic("two", 1));
    let source = [format!("topics: [{input}]"), "start: earliest".to_owned(), PATIENT.to_owned()];
    let source: Vec<&str> = source.iter().map(String::as_str).collect();
    scene.file("exactly_once", &source, &[&to(&one)]);
    let mut daemon = scene.run();
    cluster.produce(&input, &values(&["1"]));
    scene.values(&one, 1);
    let before = group_generation(cluster, &scene.name);

    scene.file("exactly_once", &source, &[&to(&two)]);
    assert_eq!(reload(&scene.host, &[]).0, 0);
    cluster.produce(&input, &values(&["2"]));
    assert_eq!(scene.values(&two, 1), ["2"]);

    // Other properties of a topic that is written already: a new producer, the same consumer.
    let packed = format!("sinks: {{all: {{kafka: {{topic: {two}, compression: zstd}}}}}}");
    scene.file("exactly_once", &source, &[&packed]);
    assert_eq!(reload(&scene.host, &[]).0, 0);
    cluster.produce(&input, &values(&["3"]));
    assert_eq!(scene.values(&two, 2), ["2", "3"]);
    assert_eq!(scene.values(&one, 1), ["1"]);
    assert_eq!(group_generation(cluster, &scene.name), before, "the group was rebalanced");
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn a_restart_a_rename_and_a_stop_keep_the_offsets_and_disturb_no_neighbour() {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let neighbour = Scene::new(cluster);
    let (input, out) = (cluster.topic("in", 2), cluster.topic("out", 1));
    let near = cluster.topic("near", 1);
    let file = |name: &str, workers: u32| {
        let text = format!(
            "version: 1\nname: {name}\ndelivery: exactly_once\nworkers: {workers}\n\
             source: {{topics: [{input}], group: {}, start: earliest}}\n{}\n",
            scene.name,
            to(&out)
        );
        scene.host.pipeline("pipeline.yaml", &text);
    };
    file(&scene.name, 1);
    let beside = format!(
        "version: 1\nname: {0}\ndelivery: exactly_once\n\
         source: {{topics: [{input}], group: {0}, start: earliest}}\n{1}\n",
        neighbour.name,
        to(&near)
    );
    scene.host.pipeline("neighbour.yaml", &beside);
    let mut daemon = scene.host.run();
    daemon.wait_for_lines("partitions assigned", 2, SOON);
    cluster.produce(&input, &values(&["1"]));
    scene.values(&out, 1);
    let before = group_generation(cluster, &neighbour.name);

    file(&scene.name, 2);
    let (code, said) = reload(&scene.host, &[]);
    assert_eq!(code, 0, "{said}");
    changed(&scene.host, &said, &json!({"restart": 1}), &["restart"]);
    daemon.wait_for_line(&format!("partitions assigned.*{0}/{0}/1", scene.name), SOON);
    cluster.produce(&input, &values(&["2"]));
    assert_eq!(scene.values(&out, 2), ["1", "2"]);

    let renamed = crate::kafka::unique("renamed");
    file(&renamed, 1);
    let (code, said) = reload(&scene.host, &[]);
    assert_eq!(code, 0, "{said}");
    changed(&scene.host, &said, &json!({"rename": 1}), &["rename"]);
    cluster.produce(&input, &values(&["3"]));
    assert_eq!(scene.values(&out, 3), ["1", "2", "3"]);

    scene.host.remove_pipeline("pipeline.yaml");
    let (code, said) = reload(&scene.host, &[]);
    assert_eq!(code, 0, "{said}");
    eventually(SOON, "the group is empty", || {
        let group = cluster.ask("describe_group", json!({"group": scene.name}));
        group["members"].as_array().is_some_and(Vec::is_empty).then_some(())
    });
    scene.committed(&input, 0, cluster.offsets(&input)[0].high);
    assert_eq!(group_generation(cluster, &neighbour.name), before, "the neighbour was disturbed");
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn a_bad_file_keeps_its_last_good_definition_and_the_others_apply() {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let (input, out, other) =
        (cluster.topic("in", 1), cluster.topic("out", 1), cluster.topic("other", 1));
    let source = [format!("topics: [{input}]"), "start: earliest".to_owned()];
    let source: Vec<&str> = source.iter().map(String::as_str).collect();
    scene.copy(&input, &out);
    let mut daemon = scene.run();

    scene.file("exactly_once", &source, &[&to(&out), "stesp: []"]);
    let second = format!(
        "version: 1\nname: {0}-b\ndelivery: exactly_once\n\
         source: {{topics: [{input}], start: earliest}}\n{1}\n",
        scene.name,
        to(&other)
    );
    scene.host.pipeline("second.yaml", &second);
    let (code, said) = reload(&scene.host, &[]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("stesp") && said.contains("pipeline.yaml:"), "{said}");
    assert!(said.contains("rejected"), "{said}");
    changed(&scene.host, &said, &json!({"start": 1}), &["start"]);
    let checked = scene.host.krouted(&["check"]);
    assert!(said.contains(&first_finding(&checked.err)), "{said}\n---\n{}", checked.err);
    cluster.produce(&input, &values(&["1"]));
    assert_eq!(scene.values(&out, 1), ["1"]);
    assert_eq!(scene.values(&other, 1), ["1"]);
    let status = scene.host.status_of(&scene.name);
    assert_eq!((&status["definition"], &status["state"]), (&json!("last_good"), &json!("running")));
    assert!(status["finding"].as_str().unwrap().contains("stesp"), "{status:#}");
    assert_eq!(daemon.terminate(), Some(0));
}

/// The title of a finding, without its place.
fn first_finding(text: &str) -> String {
    text.lines().next().unwrap().to_owned()
}

#[test]
fn a_definition_whose_own_tests_fail_is_refused_at_a_reload_and_at_a_start() {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let (input, one, two) =
        (cluster.topic("in", 1), cluster.topic("one", 1), cluster.topic("two", 1));
    let source = [format!("topics: [{input}]"), "start: earliest".to_owned()];
    let source: Vec<&str> = source.iter().map(String::as_str).collect();
    let test = |expect: &str| {
        format!("tests: [{{name: one goes out, given: {{value: {{}}}}, expect: {expect}}}]")
    };
    scene.file("exactly_once", &source, &[&to(&one), &test("[{sink: all}]")]);
    let mut daemon = scene.run();

    scene.file("exactly_once", &source, &[&to(&two), &test("[]")]);
    let (code, said) = reload(&scene.host, &[]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("K0907") && said.contains("one goes out"), "{said}");
    cluster.produce(&input, &values(&["1"]));
    assert_eq!(scene.values(&one, 1), ["1"]);
    let status = scene.host.status_of(&scene.name);
    assert_eq!(status["definition"], "last_good", "{status:#}");
    assert!(status["finding"].as_str().unwrap().contains("one goes out"), "{status:#}");
    assert_eq!(daemon.terminate(), Some(0));

    let mut daemon = scene.run();
    cluster.produce(&input, &values(&["2"]));
    assert_eq!(scene.values(&one, 2), ["1", "2"]);
    assert_eq!(scene.host.status_of(&scene.name)["definition"], "last_good");
    assert_eq!(daemon.terminate(), Some(0));

    // A daemon that knows nothing better does not run it.
    std::fs::remove_dir_all(scene.host.path().join("state")).unwrap();
    let mut daemon = scene.host.run();
    daemon.wait_for_line("K0907", SOON);
    eventually(SOON, "it is rejected", || {
        let said = scene.host.krouted(&["status", "-o", "json"]);
        said.out.contains("\"rejected\"").then_some(())
    });
    assert!(scene.host.status_of(&scene.name).is_null());
    assert_eq!(daemon.terminate(), Some(0));
    assert!(cluster.read(&two, Isolation::Committed).is_empty());
}

#[test]
fn an_emptied_folder_is_held_until_an_operator_allows_it() {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let (input, out) = (cluster.topic("in", 1), cluster.topic("out", 1));
    scene.copy(&input, &out);
    let mut daemon = scene.run();
    scene.host.remove_pipeline("pipeline.yaml");
    let (code, said) = reload(&scene.host, &[]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("held") && said.contains("--allow-removals"), "{said}");
    cluster.produce(&input, &values(&["1"]));
    assert_eq!(scene.values(&out, 1), ["1"]);
    assert_eq!(scene.host.status()["generation"]["outcome"]["outcome"], "held");

    let (code, said) = reload(&scene.host, &["--allow-removals"]);
    assert_eq!(code, 0, "{said}");
    eventually(SOON, "it has gone", || scene.host.status_of(&scene.name).is_null().then_some(()));
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn a_hangup_reloads() {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let (input, one, two) =
        (cluster.topic("in", 1), cluster.topic("one", 1), cluster.topic("two", 1));
    scene.copy(&input, &one);
    let mut daemon = scene.run();
    scene.copy(&input, &two);
    crate::process::signal(daemon.pid(), "HUP");
    daemon.wait_for_line("the new definition rules", SOON);
    cluster.produce(&input, &values(&["1"]));
    assert_eq!(scene.values(&two, 1), ["1"]);
    let sinks: BTreeSet<_> =
        cluster.read(&one, Isolation::Committed).into_iter().map(|r| r.offset).collect();
    assert!(sinks.is_empty());
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn a_broken_folder_at_the_start_runs_what_was_good_last_and_a_pause_outlives_the_daemon() {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let (input, out) = (cluster.topic("in", 1), cluster.topic("out", 1));
    let source = [format!("topics: [{input}]"), "start: earliest".to_owned()];
    let source: Vec<&str> = source.iter().map(String::as_str).collect();
    scene.copy(&input, &out);
    let mut daemon = scene.run();
    assert_eq!(daemon.terminate(), Some(0));

    scene.host.pipeline("pipeline.yaml", "version: 1\nname: [");
    let mut daemon = scene.run();
    cluster.produce(&input, &values(&["1"]));
    assert_eq!(scene.values(&out, 1), ["1"]);
    let status = scene.host.status_of(&scene.name);
    assert_eq!(status["definition"], "last_good", "{status:#}");
    assert_eq!(scene.host.krouted(&["pause", &scene.name]).code, 0);
    assert_eq!(daemon.terminate(), Some(0));

    // Not even the folder is there.
    std::fs::remove_dir_all(scene.host.path().join("pipelines")).unwrap();
    let mut daemon = scene.host.run();
    scene.host.wait_for_state(&scene.name, "paused");
    let status = scene.host.status();
    assert_eq!(status["generation"]["outcome"]["outcome"], "unreadable", "{status:#}");
    assert_eq!(scene.host.krouted(&["resume", &scene.name]).code, 0);
    cluster.produce(&input, &values(&["2"]));
    assert_eq!(scene.values(&out, 2), ["1", "2"]);

    // It comes back, and is followed.
    std::fs::create_dir(scene.host.path().join("pipelines")).unwrap();
    scene.file("exactly_once", &source, &[&to(&out), "description: it is back"]);
    eventually(2 * SOON, "the file counts again", || {
        (scene.host.status_of(&scene.name)["definition"] == "current").then_some(())
    });
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn a_change_of_a_cluster_restarts_its_pipelines_and_other_settings_ask_for_a_restart() {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let (input, out) = (cluster.topic("in", 1), cluster.topic("out", 1));
    scene.copy(&input, &out);
    let mut daemon = scene.run();
    let settings = |instance: &str, more: &str| {
        scene.host.settings(&format!(
            "version: 1\ninstance_id: {instance}\npipelines: pipelines/\nstate: {}\nclusters:\n  \
             default:\n    bootstrap_servers: {}\n{more}",
            scene.host.path().join("state").display(),
            cluster.bootstrap
        ));
    };
    settings(&scene.name, "    properties: {client.dns.lookup: somehow}\n");
    let (code, said) = reload(&scene.host, &[]);
    // No value of that property: a finding like any other, and nothing is changed.
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("krouted.yaml:") && !said.contains("clusters.default"), "{said}");
    settings(&scene.name, "    properties: {socket.keepalive.enable: true}\n");
    let (code, said) = reload(&scene.host, &[]);
    assert_eq!(code, 0, "{said}");
    changed(&scene.host, &said, &json!({"restart": 1}), &["restart", "clusters.default"]);
    daemon.wait_for_lines("partitions assigned", 2, SOON);
    cluster.produce(&input, &values(&["1"]));
    assert_eq!(scene.values(&out, 1), ["1"]);

    settings("another", "    properties: {socket.keepalive.enable: true}\n");
    assert_eq!(reload(&scene.host, &[]).0, 0);
    assert_eq!(scene.host.status()["needs_restart"], json!(["instance_id"]));
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn two_hundred_pipelines_start_one_is_swapped_and_all_stop() {
    const PIPELINES: usize = 200;
    /// Bounds, not goals: the figures are printed.
    const UP_WITHIN: std::time::Duration = std::time::Duration::from_mins(5);
    let cluster = shared();
    let host = Host::new(&crate::kafka::unique("many"), &cluster.bootstrap);
    let (input, out) = (cluster.topic("in", 1), cluster.topic("out", 1));
    let file = |n: usize, more: &str| {
        let name = format!("many-{}-{n}", std::process::id());
        let text = format!(
            "version: 1\nname: {name}\ndelivery: exactly_once\n\
             source: {{topics: [{input}], start: latest}}\n{}\n{more}",
            to(&out)
        );
        host.pipeline(&format!("{n}.yaml"), &text);
    };
    for n in 0..PIPELINES {
        file(n, "");
    }
    let clock = stopwatch();
    let mut daemon = host.run();
    daemon.wait_for_lines("partitions assigned", PIPELINES, UP_WITHIN);
    let up = clock();
    let resident_kib = resident_kib(daemon.pid());
    let clock = stopwatch();
    file(7, "description: another\n");
    let (code, said) = reload(&host, &[]);
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("restart"), "{said}");
    changed(&host, &said, &json!({"swap": 1}), &["swap"]);
    let swapped = clock();
    let clock = stopwatch();
    assert_eq!(daemon.terminate(), Some(0));
    let per_pipeline = resident_kib / u64::try_from(PIPELINES).unwrap();
    writeln!(
        std::io::stderr(),
        "{PIPELINES} pipelines: up in {up:?}, reload of one in {swapped:?}, stopped in {:?}, {resident_kib} KiB resident, {per_pipeline} KiB each",
        clock()
    )
    .unwrap();
    assert!(per_pipeline < 5 * 1024 + 123, "{per_pipeline} KiB for an idle pipeline");
}

#[expect(clippy::disallowed_methods, reason = "figures of a real process")]
fn stopwatch() -> impl Fn() -> std::time::Duration {
    let began = std::time::Instant::now();
    move || began.elapsed()
}

/// `VmRSS` of a process.
fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
