//! Talking to a running daemon: status, plan, pause, resume, restart, and what is said when nobody is there.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::daemon::Host;
use crate::kafka::record::Record;
use crate::kafka::{Isolation, shared, unique};
use crate::scene::{PATIENT, SOON, Scene, values};
use crate::wait::eventually;

fn to(topic: &str) -> String {
    format!("sinks: {{all: {{kafka: {{topic: {topic}}}}}}}")
}

#[test]
fn a_paused_pipeline_stays_in_its_group_and_goes_on_where_it_was() {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let (input, out) = (cluster.topic("in", 2), cluster.topic("out", 1));
    let source = [&format!("topics: [{input}]"), "start: earliest", PATIENT];
    scene.file("exactly_once", &source, &[&to(&out)]);
    let mut daemon = scene.run();
    cluster.produce(&input, &values(&["1"]));
    scene.values(&out, 1);
    let members = || cluster.ask("describe_group", json!({"group": scene.name}));
    let before = members();

    let said = scene.host.krouted(&["pause", &scene.name]);
    assert_eq!((said.code, said.out.trim()), (0, format!("{} is paused", scene.name).as_str()));
    scene.host.wait_for_state(&scene.name, "paused");
    cluster.produce(&input, &values(&["2", "3"]));
    assert_eq!(cluster.committed(&scene.name, &input).get(&0), Some(&1));
    assert_eq!(cluster.read(&out, Isolation::Committed).len(), 1);
    assert_eq!(members()["members"], before["members"], "it left its group");
    assert_eq!(scene.host.status_of(&scene.name)["paused_by"], json!(["operator"]));
    let table = scene.host.krouted(&["status"]);
    assert!(table.out.contains("paused by an operator, unlike the file"), "{}", table.out);

    assert_eq!(scene.host.krouted(&["resume", &scene.name]).code, 0);
    assert_eq!(scene.values(&out, 3), ["1", "2", "3"]);
    assert_eq!(daemon.terminate(), Some(0));
}

/// One partition goes to another daemon while this one is paused, and comes back when that ends.
fn a_partition_comes_back_after_a_pause(membership: &str) {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let (input, out) = (cluster.topic("in", 2), cluster.topic("out", 1));
    let source = [&format!("topics: [{input}]"), "start: earliest", membership];
    scene.file("exactly_once", &source, &[&to(&out)]);
    let mut daemon = scene.run();
    assert_eq!(scene.host.krouted(&["pause", &scene.name]).code, 0);
    scene.host.wait_for_state(&scene.name, "paused");

    let other = Host::new(&unique("other"), &cluster.bootstrap);
    let file = fs::read_to_string(scene.host.path().join("pipelines/pipeline.yaml")).unwrap();
    other.pipeline("pipeline.yaml", &file);
    let mut second = other.run();
    let has = |host: &Host, count: u64| {
        eventually(SOON, &format!("{count} partitions"), || {
            (host.status_of(&scene.name)["totals"]["partitions"] == count).then_some(())
        });
    };
    second.wait_for_line("partitions assigned", SOON);
    has(&scene.host, 1);
    has(&other, 1);
    assert_eq!(scene.host.krouted(&["resume", &scene.name]).code, 0);
    scene.host.wait_for_state(&scene.name, "running");
    assert_eq!(second.terminate(), Some(0));
    has(&scene.host, 2);
    let both = [0, 1].map(|n| Record::new(None, Some(&n.to_string())).to(n));
    cluster.produce(&input, &both);
    let mut read = scene.values(&out, 2);
    read.sort_unstable();
    assert_eq!(read, ["0", "1"]);
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn a_partition_that_went_during_a_pause_is_read_when_it_comes_back() {
    a_partition_comes_back_after_a_pause("membership: dynamic");
}

#[test]
fn a_partition_that_static_members_exchanged_during_a_pause_is_read_when_it_comes_back() {
    a_partition_comes_back_after_a_pause("membership: static");
}

#[test]
fn a_pipeline_whose_file_says_paused_reads_nothing_until_the_file_says_otherwise() {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let (input, out) = (cluster.topic("in", 1), cluster.topic("out", 1));
    cluster.produce(&input, &values(&["1"]));
    let file = |paused: &str| {
        scene.file(
            "exactly_once",
            &[&format!("topics: [{input}]"), "start: earliest"],
            &[&to(&out), paused],
        );
    };
    file("paused: true");
    let mut daemon = scene.run();
    scene.host.wait_for_state(&scene.name, "paused");
    assert_eq!(cluster.read(&out, Isolation::Committed).len(), 0);
    assert_eq!(scene.host.status_of(&scene.name)["paused_by"], json!(["file"]));
    // What the file says is no operator's to lift, and nobody is told that it was.
    assert_eq!(scene.host.krouted(&["pause", &scene.name]).code, 0);
    assert_eq!(scene.host.status_of(&scene.name)["paused_by"], json!(["file", "operator"]));
    let said = scene.host.krouted(&["resume", &scene.name]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("stays paused by its file"), "{said:?}");
    assert_eq!(scene.host.status_of(&scene.name)["paused_by"], json!(["file"]));
    file("paused: false");
    assert_eq!(scene.host.krouted(&["reload", "--wait"]).code, 0);
    assert_eq!(scene.values(&out, 1), ["1"]);
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn a_halted_pipeline_goes_on_by_restart_once_the_cause_is_gone() {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let (input, out) = (cluster.topic("in", 1), cluster.topic("out", 1));
    cluster.produce(&input, &values(&["no JSON", "{}"]));
    scene.file(
        "exactly_once",
        &[&format!("topics: [{input}]"), "start: earliest"],
        &[&to(&out), "steps: [{filter: 'value.a == 1 || true'}]", "on_error: {decode: stop}"],
    );
    let mut daemon = scene.run();
    scene.host.wait_for_state(&scene.name, "halted");
    let status = scene.host.status_of(&scene.name);
    let reason = status["workers"][0]["reason"]["text"].as_str().unwrap();
    assert!(reason.contains(&input), "{status:#}");
    assert_eq!(scene.host.krouted(&["restart", &scene.name]).code, 0);
    daemon.wait_for_lines("pipeline halted", 2, SOON);
    // What helps is a file with another policy: its definition changes, and it begins at once.
    scene.file(
        "exactly_once",
        &[&format!("topics: [{input}]"), "start: earliest"],
        &[&to(&out), "steps: [{filter: 'value.a == 1 || true'}]", "on_error: {decode: drop}"],
    );
    assert_eq!(scene.host.krouted(&["reload", "--wait"]).code, 0);
    assert_eq!(scene.values(&out, 1), ["{}"]);
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn plan_says_what_a_folder_would_change_and_changes_nothing() {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let (input, out) = (cluster.topic("in", 1), cluster.topic("out", 1));
    scene.file("exactly_once", &[&format!("topics: [{input}]"), "start: earliest"], &[&to(&out)]);
    let mut daemon = scene.run();
    let folder = scene.host.path().join("pipelines");
    let same = scene.host.krouted(&["plan", folder.to_str().unwrap()]);
    assert_eq!(same.code, 0, "{same:?}");

    let other = scene.host.path().join("other");
    fs::create_dir(&other).unwrap();
    let text = fs::read_to_string(folder.join("pipeline.yaml")).unwrap();
    fs::write(other.join("pipeline.yaml"), text.replace("exactly_once", "at_least_once")).unwrap();
    let changes = scene.host.krouted(&["plan", other.to_str().unwrap()]);
    assert_eq!(changes.code, 2, "{changes:?}");
    assert!(changes.out.contains("restart") && changes.out.contains("delivery"), "{changes:?}");

    fs::write(other.join("pipeline.yaml"), text.replace("sinks", "sink")).unwrap();
    let findings = scene.host.krouted(&["plan", other.to_str().unwrap(), "-o", "json"]);
    assert_eq!(findings.code, 1, "{findings:?}");
    // What is no text at all hides no other finding.
    fs::write(other.join("large.yaml"), vec![b'#'; 2 << 20]).unwrap();
    fs::write(other.join("latin.yaml"), b"name: \xe9").unwrap();
    let findings = scene.host.krouted(&["plan", other.to_str().unwrap(), "-o", "json"]);
    assert_eq!(findings.code, 1, "{findings:?}");
    assert!(findings.out.contains("changes"), "{findings:?}");
    for word in ["K0102", "large.yaml", "K0103", "latin.yaml", "K0201", "pipeline.yaml"] {
        assert!(findings.err.contains(word), "{word}: {findings:?}");
    }
    assert_eq!(scene.host.status()["generation"]["number"], 1);
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn without_a_daemon_the_commands_say_so_with_69() {
    let host = Host::new("host-a", "127.0.0.1:1");
    for command in [&["status"][..], &["reload", "--wait"], &["pause", "x"], &["restart", "x"]] {
        let said = host.krouted(command);
        assert_eq!(said.code, 69, "{command:?}: {said:?}");
        assert!(said.err.contains("the daemon cannot be reached at"), "{said:?}");
    }
}

#[test]
fn a_daemon_that_does_not_answer_in_time_is_75() {
    let host = Host::new("host-a", "127.0.0.1:1");
    let socket = host.path().join("silent.sock");
    let silent = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let at = ["--socket", socket.to_str().unwrap()];
    for command in [&["reload", "--wait", "--timeout", "1s"][..], &["reload", "--timeout", "1s"]] {
        let said = host.krouted(&[command, &at].concat());
        assert_eq!(said.code, 75, "{command:?}: {said:?}");
        assert!(said.err.contains("no answer in time"), "{said:?}");
    }
    drop(silent);
}

#[test]
fn the_socket_is_for_owner_and_group_and_outlives_no_daemon() {
    let host = Host::new("host-a", "127.0.0.1:1");
    let socket = host.path().join("krouted/admin.sock");
    let mut daemon = host.run();
    daemon.wait_for_line("the admin socket is open", SOON);
    let mode = fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let said = host.krouted(&["pause", "nobody"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("there is no pipeline nobody"), "{said:?}");

    // A daemon that died leaves its file, and the next one replaces it.
    daemon.kill9();
    assert!(socket.exists());
    let mut daemon = host.run();
    eventually(SOON, "the next daemon answers", || {
        (host.krouted(&["status"]).code == 0).then_some(())
    });

    // A second daemon with the same socket and another id must not take it.
    let other = Host::new("host-b", "127.0.0.1:1");
    let place = [("XDG_RUNTIME_DIR", host.path().to_str().unwrap())];
    let mut second = other.run_with(&[], &place);
    assert_eq!(second.wait_for_end(SOON), Some(78));
    second.wait_for_line("another daemon answers at .*give each its own", SOON);
    assert_eq!(host.krouted(&["status"]).code, 0);
    assert_eq!(daemon.terminate(), Some(0));
    assert!(!socket.exists());
}

#[test]
fn a_pause_that_cannot_be_kept_is_said_with_code_1_and_one_of_a_removed_pipeline_is_lifted() {
    let host = Host::new("host-a", "127.0.0.1:1");
    host.pipeline(
        "p.yaml",
        "version: 1\nname: p\nsource: {topics: [a], start: earliest}\ndelivery: exactly_once\nsinks: {all: {kafka: {topic: b}}}\n",
    );
    let mut daemon = host.run();
    host.wait_for_state("p", "backing_off");
    // A folder in the way of the temporary file: permissions would not stop root.
    let temporary = host.path().join("state/host-a.paused.json.tmp");
    fs::create_dir(&temporary).unwrap();
    let said = host.krouted(&["pause", "p"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("p is paused, until a restart of the daemon"), "{said:?}");
    fs::remove_dir(&temporary).unwrap();
    assert_eq!(host.krouted(&["pause", "p"]).code, 0);

    let planned = host.krouted(&["plan"]);
    assert_eq!(planned.code, 0, "{planned:?}");
    assert!(planned.out.contains("paused by an operator"), "{planned:?}");

    host.remove_pipeline("p.yaml");
    assert_eq!(host.krouted(&["reload", "--wait", "--allow-removals"]).code, 0);
    assert_eq!(host.krouted(&["resume", "p"]).code, 0);
    let kept = fs::read_to_string(host.path().join("state/host-a.paused.json")).unwrap();
    assert!(kept.contains(r#""paused":[]"#), "{kept}");
    assert_eq!(host.krouted(&["resume", "p"]).code, 1);
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn broken_settings_that_name_the_socket_do_not_hide_the_daemon() {
    let host = Host::new("host-a", "127.0.0.1:1");
    let good = fs::read_to_string(host.path().join("krouted.yaml")).unwrap();
    let good = format!("{good}admin: {{socket: run/other.sock}}\n");
    host.settings(&good);
    let mut daemon = host.run();
    eventually(SOON, "it is there", || (host.krouted(&["status"]).code == 0).then_some(()));
    for broken in [good.replace("clusters:", "clusterz:"), good.replace("clusters:", "clusters: [")]
    {
        host.settings(&broken);
        let said = host.krouted(&["reload", "--wait"]);
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.err.contains("krouted.yaml:"), "{said:?}");
    }
    assert_eq!(daemon.terminate(), Some(0));
}

/// A command that goes on; ended with the test.
struct Watching(Child);

impl Drop for Watching {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn watching(host: &Host) -> Watching {
    let mut command = Command::new(env!("CARGO_BIN_EXE_krouted"));
    command.args(["status", "--watch", "--config"]).arg(host.path().join("krouted.yaml"));
    command.env("XDG_RUNTIME_DIR", host.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Watching(command.spawn().unwrap())
}

#[test]
fn a_status_that_is_watched_ends_with_its_reader_while_no_daemon_is_there() {
    let host = Host::new("host-a", "127.0.0.1:1");
    let mut watching = watching(&host);
    let mut errors = BufReader::new(watching.0.stderr.take().unwrap());
    let mut line = String::new();
    errors.read_line(&mut line).unwrap();
    assert!(line.contains("cannot be reached"), "{line}");
    drop(watching.0.stdout.take());
    let ended = eventually(SOON, "it ends", || watching.0.try_wait().unwrap());
    assert_eq!(ended.code(), Some(69));
}

#[test]
fn a_status_that_is_watched_goes_on_through_the_start_of_a_daemon_and_ends_with_its_reader() {
    let host = Host::new("host-a", "127.0.0.1:1");
    let mut watching = watching(&host);
    let lines = |from: Box<dyn Read>| BufReader::new(from).lines().map_while(Result::ok);
    let said = lines(Box::new(watching.0.stderr.take().unwrap())).next();
    assert!(said.is_some_and(|line| line.contains("cannot be reached")));
    let mut daemon = host.run();
    let mut shown = lines(Box::new(watching.0.stdout.take().unwrap()));
    assert!(shown.any(|line| line.starts_with("PIPELINE")), "it has ended");
    // As by `| head`: nobody reads it any more, so it ends.
    drop(shown);
    let ended = eventually(SOON, "it ends", || watching.0.try_wait().unwrap());
    assert_eq!(ended.code(), Some(0));
    assert_eq!(daemon.terminate(), Some(0));
}
