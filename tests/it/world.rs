//! A world that is not as the file says: each trouble gives one clear message, nothing is lost, and what helps is enough.

use std::time::Duration;

use crate::kafka::broker::Broker;
use crate::kafka::record::Record;
use crate::kafka::secure::{PASSWORD, Secure, USER};
use crate::kafka::{Isolation, shared, unique};
use crate::proxy::{Fault, Proxied, api};
use crate::scene::{SOON, Scene, values};
use serde_json::json;

fn settings(scene: &Scene<'_>, cluster: &str) {
    scene.host.settings(&format!(
        "version: 1\ninstance_id: {}\npipelines: pipelines/\nstate: state/\nclusters:\n  default:\n{cluster}\n",
        scene.name
    ));
}

#[test]
fn an_unknown_sink_topic_is_named_and_making_it_is_enough() {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let (input, out) = (cluster.topic("in", 1), unique("late"));
    cluster.produce(&input, &values(&["1"]));
    scene.copy(&input, &out);
    let mut daemon = scene.host.run();
    let line = daemon.wait_for_line("does not exist", SOON);
    assert!(line.contains(&out) && line.contains("create the topic"), "{line}");
    cluster.create(json!({"topic": out, "partitions": 1, "configs": {}}));
    assert_eq!(scene.values(&out, 1), ["1"]);
    let said = daemon.lines().iter().filter(|l| l.contains("does not exist")).count();
    assert_eq!(said, 1, "said once");
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn an_unknown_source_topic_is_named_and_waited_for() {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let (input, out) = (unique("late"), cluster.topic("out", 1));
    let quick = "properties: {session.timeout.ms: 6000, topic.metadata.refresh.interval.ms: 500}";
    scene.file(
        "exactly_once",
        &[&format!("topics: [{input}]"), "start: latest", quick],
        &[&format!("sinks: {{all: {{kafka: {{topic: {out}}}}}}}")],
    );
    let mut daemon = scene.host.run();
    let line = daemon.wait_for_line("source topic does not exist", SOON);
    assert!(line.contains(&input), "{line}");
    cluster.create(json!({"topic": input, "partitions": 1, "configs": {}}));
    cluster.produce(&input, &values(&["from its beginning"]));
    assert_eq!(scene.values(&out, 1), ["from its beginning"]);
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn a_broker_that_is_away_at_the_start_is_waited_for_and_said_once() {
    let proxied = Proxied::start(&[]);
    let (direct, through) = (proxied.broker.cluster(), proxied.cluster());
    let scene = Scene::new(&through);
    let (input, out) = (direct.topic("in", 1), direct.topic("out", 1));
    direct.produce(&input, &values(&["1"]));
    scene.copy(&input, &out);
    proxied.proxy.refuse();
    let mut daemon = scene.host.run();
    let line = daemon.wait_for_line("no broker answers", SOON);
    assert!(line.contains("check bootstrap_servers"), "{line}");
    proxied.proxy.accept();
    daemon.wait_for_line("partitions assigned", SOON);
    assert_eq!(scene.values(&out, 1), ["1"]);
    let said = daemon.lines().iter().filter(|l| l.contains("no broker answers")).count();
    assert_eq!(said, 1, "{:#?}", daemon.lines());
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn a_broker_that_stays_away_is_said_once_for_all_attempts_and_workers() {
    let scene = Scene::new(shared());
    scene.host.pipeline(
        "p.yaml",
        "version: 1\nname: away\nworkers: 2\nsource: {topics: [a], start: earliest}\ndelivery: exactly_once\nsinks: {all: {kafka: {topic: b}}}\n",
    );
    settings(&scene, "    bootstrap_servers: '127.0.0.1:1,127.0.0.1:2'");
    let mut daemon = scene.host.run_with(&["--log-level", "krouted=debug"], &[]);
    // Five more attempts, at debug level.
    daemon.wait_for_lines("DEBUG.*no broker answers", 5, 2 * SOON);
    let warned = |line: &&String| line.contains("WARN") && line.contains("no broker answers");
    assert_eq!(daemon.lines().iter().filter(warned).count(), 1, "{:#?}", daemon.lines());
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn settings_among_the_pipelines_are_no_pipeline() {
    let scene = Scene::new(shared());
    scene.host.settings(&format!(
        "version: 1\ninstance_id: {}\npipelines: .\nstate: state/\n",
        scene.name
    ));
    let mut daemon = scene.host.run();
    daemon.wait_for_line("starting", SOON);
    assert_eq!(daemon.terminate(), Some(0));
    assert!(!daemon.lines().iter().any(|l| l.contains("findings")), "{:#?}", daemon.lines());
}

#[test]
fn a_broker_that_goes_and_comes_back_loses_and_doubles_nothing() {
    let mut broker = Broker::start(&[]);
    let cluster = broker.cluster();
    let scene = Scene::new(&cluster);
    let (input, out) = (cluster.topic("in", 1), cluster.topic("out", 1));
    cluster.produce(&input, &values(&["1"]));
    scene.copy(&input, &out);
    let mut daemon = scene.run();
    assert_eq!(scene.values(&out, 1), ["1"]);
    broker.kill9();
    broker.run();
    cluster.produce(&input, &values(&["2"]));
    assert_eq!(scene.values(&out, 2), ["1", "2"]);
    scene.committed(&input, 0, 2);
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn a_commit_without_an_answer_is_recovered_with_a_new_producer_epoch() {
    let proxied = Proxied::start(&[]);
    let (direct, through) = (proxied.broker.cluster(), proxied.cluster());
    for fault in [Fault::CutInsteadOfResponse, Fault::DropResponse, Fault::LoseRequest] {
        let scene = Scene::new(&through);
        let (input, out) = (direct.topic("in", 1), direct.topic("out", 1));
        scene.copy(&input, &out);
        let mut daemon = scene.run();
        let met = proxied.proxy.met(api::END_TXN);
        proxied.proxy.next(api::END_TXN, fault);
        direct.produce(&input, &values(&["1"]));
        assert_eq!(scene.values(&out, 1), ["1"]);
        assert_eq!(proxied.proxy.met(api::END_TXN), met + 1, "{fault:?}");
        direct.produce(&input, &values(&["2"]));
        // The second where the machine is so slow that the broker's own bound for a transaction ends it.
        let recovered = "new producer epoch before the next transaction|window aborted";
        daemon.wait_for_line(recovered, SOON);
        assert_eq!(scene.values(&out, 2), ["1", "2"]);
        scene.committed(&input, 0, 2);
        assert_eq!(daemon.terminate(), Some(0));
    }
}

#[test]
fn a_daemon_ends_cleanly_with_much_unread() {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let (input, out) = (cluster.topic("in", 1), cluster.topic("out", 1));
    let many: Vec<Record> =
        (0..50_000).map(|n| Record::new(None, Some(&format!("{n}"))).to(0)).collect();
    cluster.produce(&input, &many);
    scene.file(
        "{exactly_once: {max_records: 100}}",
        &[&format!("topics: [{input}]"), "start: earliest"],
        &[&format!("sinks: {{all: {{kafka: {{topic: {out}}}}}}}")],
    );
    let mut daemon = scene.run();
    assert_eq!(daemon.terminate(), Some(0));
    let committed = cluster.committed(&scene.name, &input).get(&0).copied().unwrap_or(0);
    let read = cluster.read(&out, Isolation::Committed).len();
    assert_eq!(i64::try_from(read).unwrap(), committed);
}

#[test]
fn one_pipelines_trouble_leaves_the_others_alone() {
    let cluster = shared();
    let (good, bad) = (Scene::new(cluster), unique("bad"));
    let (input, out) = (cluster.topic("in", 1), cluster.topic("out", 1));
    cluster.produce(&input, &values(&["1"]));
    good.copy(&input, &out);
    good.host.pipeline(
        "bad.yaml",
        &format!("version: 1\nname: {bad}\nsource: {{topics: [{input}], start: earliest}}\ndelivery: exactly_once\nsinks: {{all: {{kafka: {{topic: {bad}}}}}}}\n"),
    );
    good.host.pipeline("broken.yaml", "version: 1\nname: [\n");
    let mut daemon = good.run();
    daemon.wait_for_line("broken.yaml", SOON);
    daemon.wait_for_line("does not exist", SOON);
    assert_eq!(good.values(&out, 1), ["1"]);
    assert_eq!(daemon.terminate(), Some(0));
}

/// A copy through the listener that `cluster` names, as a user who may do all that a pipeline needs and nothing else.
fn copies(secure: &Secure, principal: &str, cluster: &str) {
    let direct = secure.broker.cluster();
    let scene = Scene::new(&direct);
    let (input, out) = (direct.topic("copy-in", 1), direct.topic("copy-out", 1));
    for (operation, resource, prefix) in [
        ("READ", "TOPIC", input.as_str()),
        ("WRITE", "TOPIC", &out),
        ("READ", "GROUP", &scene.name),
        ("WRITE", "TRANSACTIONAL_ID", "krouted/"),
    ] {
        secure.allow(principal, operation, resource, prefix);
    }
    direct.produce(&input, &values(&["1"]));
    scene.copy(&input, &out);
    settings(&scene, cluster);
    let mut daemon = scene.run();
    assert_eq!(scene.values(&out, 1), ["1"]);
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn passwords_certificates_and_rights_are_used_and_a_wrong_one_is_said() {
    let secure = Secure::start();
    secure.create_user("SCRAM-SHA-512", "sam", "guess me");
    let [ca, certificate, key] =
        [secure.certificates.ca(), secure.certificates.certificate(), secure.certificates.key()];
    let secrets = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = secrets.path().join(name);
        std::fs::write(&path, format!("{text}\n")).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (plain, scram, wrong) =
        (file("plain", PASSWORD), file("scram", "guess me"), file("wrong", "wrong"));
    let sasl = |address: &str, tls: &str, mechanism: &str, user: &str, secret: &str| {
        format!(
            "    bootstrap_servers: '{address}'\n{tls}    sasl: {{mechanism: {mechanism}, username: {user}, password: {{file: {secret}}}}}"
        )
    };
    let tls = format!("    tls: {{ca: '{ca}'}}\n");
    copies(&secure, &format!("User:{USER}"), &sasl(&secure.sasl, "", "PLAIN", USER, &plain));
    copies(&secure, "User:sam", &sasl(&secure.sasl_tls, &tls, "SCRAM-SHA-512", "sam", &scram));
    copies(
        &secure,
        "User:CN=client",
        &format!(
            "    bootstrap_servers: '{}'\n    tls: {{ca: '{ca}', certificate: '{certificate}', key: {{file: '{key}'}}}}",
            secure.mutual_tls
        ),
    );

    let direct = secure.broker.cluster();
    let scene = Scene::new(&direct);
    let (input, out) = (direct.topic("copy-in", 1), direct.topic("copy-out", 1));
    scene.copy(&input, &out);
    settings(&scene, &sasl(&secure.sasl_tls, &tls, "SCRAM-SHA-512", "sam", &wrong));
    let mut daemon = scene.host.run();
    let line = daemon.wait_for_line("authorization", SOON);
    assert!(line.contains("check user, password") && line.contains("uthentication"), "{line}");
    assert!(!line.contains("wrong\""), "{line}");
    assert_eq!(daemon.terminate(), Some(0));

    // The right password, but not the right to write here.
    let forbidden = direct.topic("forbidden", 1);
    scene.copy(&input, &forbidden);
    settings(&scene, &sasl(&secure.sasl_tls, &tls, "SCRAM-SHA-512", "sam", &scram));
    let mut daemon = scene.host.run();
    let line = daemon.wait_for_line(&forbidden, SOON);
    assert!(line.contains("ACLs"), "{line}");
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn two_daemons_of_one_instance_id_on_one_host_are_refused() {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let (input, out) = (cluster.topic("in", 1), cluster.topic("out", 1));
    scene.copy(&input, &out);
    let mut first = scene.run();
    let mut second = scene.host.run();
    assert_eq!(second.wait_for_end(Duration::from_secs(20)), Some(78));
    second.wait_for_line("another daemon runs here with the instance_id", SOON);
    assert_eq!(first.terminate(), Some(0));
}
