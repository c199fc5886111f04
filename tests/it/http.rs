//! The listener on a loopback address: metrics, health, status, and nothing that changes anything.

mod counts;
mod documents;
mod exposition;
mod promtool;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use regex::Regex;
use serde_json::{Value, json};

use crate::daemon::{Daemon, Host};
use crate::wait::{SOON, eventually};

const COPY: &str = "\
version: 1
name: copy
labels: {team: identity}
source: {topics: [a], start: earliest, format: bytes}
delivery: exactly_once
sinks: {b: {kafka: {topic: b}}}
";

/// Appends the listener to a host's settings; port 0, so that daemons do not get into each other's way.
fn listens(host: &Host, address: &str) {
    let file = host.path().join("krouted.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    host.settings(&format!("{text}admin: {{listen: '{address}'}}\n"));
}

/// A daemon's listener.
struct Listener(SocketAddr);

/// An answer: its status, its headers in lower case, its body.
struct Answer {
    code: u16,
    head: String,
    body: String,
}

impl Listener {
    fn of(daemon: &mut Daemon) -> Self {
        let line = daemon.wait_for_line("metrics, health and status are served", SOON);
        let address = Regex::new(r#""address":"([^"]+)""#).unwrap();
        Self(address.captures(&line).unwrap()[1].parse().unwrap())
    }

    fn ask(&self, method: &str, path: &str, host: &str) -> Answer {
        let mut stream = TcpStream::connect(self.0).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        let (head, body) = said.split_once("\r\n\r\n").unwrap();
        let code = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { code, head: head.to_lowercase(), body: body.to_owned() }
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &self.0.to_string())
    }

    fn metrics(&self) -> String {
        let answer = self.get("/metrics");
        assert_eq!(answer.code, 200, "{}", answer.head);
        answer.body
    }

    /// A series' value; nothing where it is not there.
    fn value(&self, series: &str) -> Option<f64> {
        exposition::read(&self.metrics()).unwrap().samples.get(series).copied()
    }

    fn wait_for(&self, series: &str, value: f64) {
        eventually(SOON, &format!("{series} is {value}"), || {
            (self.value(series) == Some(value)).then_some(())
        });
    }

    /// Waits until a page has that status, and gives its body.
    fn wait_for_code(&self, path: &str, code: u16) -> String {
        eventually(SOON, &format!("{path} says {code}"), || {
            let answer = self.get(path);
            (answer.code == code).then_some(answer.body)
        })
    }
}

#[test]
fn health_and_status_are_read_and_nothing_can_be_changed() {
    // Port 1 of this host: nothing listens there.
    let host = Host::new("host-a", "127.0.0.1:1");
    listens(&host, "127.0.0.1:0");
    let mut daemon = host.run();
    let listener = Listener::of(&mut daemon);
    assert!(listener.0.ip().is_loopback());

    // A daemon without pipelines has nothing that does not run.
    assert_eq!(listener.wait_for_code("/readyz", 200), "ready\n");
    assert_eq!(listener.get("/livez").body, "live\n");
    host.pipeline("copy.yaml", COPY);
    let why = listener.wait_for_code("/readyz", 503);
    assert!(why.starts_with("not ready: \ncopy is "), "{why}");
    assert_eq!(listener.get("/livez").code, 200, "a broker that is away is no reason to be killed");
    let status: Value = serde_json::from_str(&listener.get("/v1/status").body).unwrap();
    assert_eq!(status["instance"], "host-a");
    assert_eq!(status["pipelines"][0]["name"], "copy");
    assert_eq!(status["pipelines"][0].get("measures"), None, "{status:#}");

    for (method, path, code) in [
        ("POST", "/v1/status", 405),
        ("POST", "/v1/reload", 404),
        ("POST", "/v1/plan", 404),
        ("POST", "/v1/pipelines/copy/pause", 404),
        ("GET", "/", 404),
        ("DELETE", "/metrics", 405),
    ] {
        assert_eq!(listener.ask(method, path, "localhost").code, code, "{method} {path}");
    }
    assert_eq!(host.status_of("copy")["paused_by"], json!([]));
    // A page of another site whose name leads here.
    assert_eq!(listener.ask("GET", "/v1/status", "evil.example").code, 421);
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn an_address_that_is_taken_ends_the_start_with_78() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = Host::new("host-a", "127.0.0.1:1");
    listens(&host, &taken.local_addr().unwrap().to_string());
    let mut daemon = host.run();
    assert_eq!(daemon.wait_for_end(SOON), Some(78));
    daemon.lines().iter().find(|l| l.contains("cannot listen on")).expect("it is said");
}

#[test]
fn a_reload_that_asks_for_another_address_says_that_it_needs_a_restart() {
    let host = Host::new("host-a", "127.0.0.1:1");
    host.pipeline("copy.yaml", COPY);
    let mut daemon = host.run();
    host.wait_for_state("copy", "backing_off");
    listens(&host, "127.0.0.1:0");
    assert_eq!(host.krouted(&["reload", "--wait"]).code, 0);
    assert_eq!(host.status()["needs_restart"], json!(["admin.listen"]));
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn the_series_of_a_removed_pipeline_go_and_those_of_a_live_one_stay() {
    let host = Host::new("host-a", "127.0.0.1:1");
    listens(&host, "127.0.0.1:0");
    for name in ["copy", "two", "three"] {
        host.pipeline(
            &format!("{name}.yaml"),
            &COPY.replace("name: copy", &format!("name: {name}")),
        );
    }
    let mut daemon = host.run();
    let listener = Listener::of(&mut daemon);
    let series = |text: &str, name: &str| -> Vec<String> {
        let samples = exposition::read(text).unwrap().samples;
        let mark = format!("pipeline=\"{name}\"");
        samples.into_keys().filter(|key| key.contains(&mark)).collect()
    };
    listener.wait_for("krouted_records_consumed_total{pipeline=\"three\",topic=\"a\"}", 0.0);
    let before = listener.metrics();
    assert!(series(&before, "copy").len() > 30, "{before}");
    host.remove_pipeline("two.yaml");
    assert_eq!(host.krouted(&["reload", "--wait"]).code, 0);
    eventually(SOON, "the series of the removed one are gone", || {
        let text = listener.metrics();
        // At no moment those of the others.
        for name in ["copy", "three"] {
            assert_eq!(series(&text, name), series(&before, name));
        }
        series(&text, "two").is_empty().then_some(())
    });
    // A reload that is rejected is said, and takes no series away.
    host.pipeline("three.yaml", "version: 1\nname: three\nnonsense: 1\n");
    assert_eq!(host.krouted(&["reload", "--wait"]).code, 1);
    listener.wait_for("krouted_config_last_reload_successful", 0.0);
    let text = listener.metrics();
    assert_eq!(series(&text, "three"), series(&before, "three"));
    assert!(listener.value("krouted_config_reloads_total{result=\"rejected\"}") >= Some(1.0));
    assert_eq!(daemon.terminate(), Some(0));
}

/// Names, kinds and labels of what a daemon with a pipeline exposes.
fn exposed() -> (String, BTreeMap<String, exposition::Family>) {
    let host = Host::new("host-a", "127.0.0.1:1");
    listens(&host, "127.0.0.1:0");
    host.pipeline("copy.yaml", COPY);
    let mut daemon = host.run();
    let listener = Listener::of(&mut daemon);
    let answer = eventually(SOON, "the pipeline is counted", || {
        let answer = listener.get("/metrics");
        answer.body.contains("pipeline=\"copy\"").then_some(answer)
    });
    assert!(
        answer.head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"),
        "{}",
        answer.head
    );
    assert_eq!(daemon.terminate(), Some(0));
    let families = exposition::read(&answer.body).unwrap().families;
    (answer.body, families)
}
