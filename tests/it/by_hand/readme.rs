//! README's command lines: each is run as README has it, or is named here with why it is not.
//!
//! A block of commands is one terminal. One that ends in a command which goes on (`krouted run`, `krouted demo --stay`) is left
//! running until its part of the way is over; all others end well.

mod text;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::help::{Running, commands, make_topics, shell};
use super::{Hand, ended};
use crate::kafka::broker::{Broker, java};
use crate::kafka::record::Record;
use crate::kafka::{Cluster, Isolation, install};
use crate::wait::{SOON, eventually};
pub(crate) use text::{blocks, first_file};
use text::{is_command, is_usage, parts, readme, spans};

/// What stands in README for an address that only the machine knows.
const DEMO_ADDRESS: &str = "127.0.0.1:37291";
const BROKER_ADDRESS: &str = "localhost:9092";
const SOCKET: &str = "/run/krouted/admin.sock";

/// The parts of README whose blocks a test here runs, each whole.
const FIRST: &str = "## A first pipeline";
const ON_DEMO: &str = "### On the demo's broker";
const ON_BROKER: &str = "### On a real broker";
const BY_HAND: &str = "## By hand";
const TROUBLE: &str = "## Troubleshooting";
const RUN_WHOLE: [&str; 5] = [FIRST, ON_DEMO, ON_BROKER, BY_HAND, TROUBLE];

/// The part of which only the lines of this program are run: all others need a machine of their own.
pub(crate) const SYSTEMD: &str = "## Under systemd";
pub(crate) const INSTALL: &str = "install ";

/// Command lines that want a machine of their own: `systemd/boot.rs` boots one, and runs all of these there.
pub(crate) const BOOTED: [&str; 6] = [
    "systemd-sysusers",
    "systemctl daemon-reload",
    "systemctl enable --now krouted",
    "systemctl reload krouted",
    "journalctl -u krouted -f",
    "journalctl F_PIPELINE=orders-by-region",
];

/// How a line begins that builds the program and runs it.
const BUILD_AND_RUN: &str = "cargo run --release -- ";
const MEASURE: &str = "cargo bench --bench ";

/// Command lines that no test runs as they stand, and why.
const NOT_RUN: [(&str, &str); 5] = [
    ("cargo run --release -- demo", "builds for minutes; what it then runs is run, as it is built"),
    ("cargo test", "runs this test"),
    (
        "apt install build-essential perl curl openjdk-17-jdk-headless maven",
        "changes the machine; without these programs this test could not be built, or not run",
    ),
    ("cargo bench --bench reload", "measures for minutes, and only a quiet machine tells"),
    (
        "cargo bench --bench throughput -- all --write",
        "measures for minutes, only a quiet machine tells, and writes into docs/",
    ),
];

/// The line that goes on until it is told to end: the daemon that the other lines ask.
const DAEMON: &str = "krouted run";

/// Whether the last command of a block goes on until it is told to end.
fn goes_on(block: &str) -> bool {
    let last = block.lines().last().unwrap();
    last == DAEMON || last.starts_with("krouted demo --stay")
}

/// Starts a block that goes on; its last command is the process that is told to end.
fn start(hand: &Hand, block: &str) -> Running {
    start_at(hand, "", block)
}

/// The same beside a broker.
fn start_at(hand: &Hand, bootstrap: &str, block: &str) -> Running {
    let (before, last) = block.trim_end().rsplit_once('\n').unwrap_or(("", block.trim_end()));
    Running::start(&mut shell(hand, bootstrap, &format!("{before}\nexec {last}")))
}

/// Runs a block to its end, and gives what it wrote.
fn run(hand: &Hand, block: &str) -> String {
    let said = ended(&mut shell(hand, "", block).spawn().unwrap());
    assert_eq!(said.code, Some(0), "{block}\n{}\n{}", said.text(), said.err);
    format!("{}{}", said.text(), said.err)
}

/// The address that `krouted demo --stay` prints.
pub(super) fn address_of(demo: &mut Running) -> String {
    let mut lines = BufReader::new(demo.child().stdout.take().unwrap()).lines();
    let line = lines.find_map(|line| {
        let line = line.unwrap();
        line.trim().strip_prefix("export KAFKA=").map(str::to_owned)
    });
    line.expect("the demo says where it stays")
}

/// The three records that the way sends, where the pipeline puts them.
fn has_all_three(said: &str) {
    for record in ["{\"id\": \"a-1\", \"amount\": 250}", "{\"id\": \"a-2\", \"amount\": 12.5}"] {
        assert!(said.lines().any(|line| line == record), "{record}: {said}");
    }
    assert!(said.contains("`amount` is missing"), "{said}");
}

#[test]
fn the_way_to_a_first_pipeline_leads_there_on_the_demos_broker() {
    let hand = Hand::bare();
    let mut at_first = String::new();
    for block in blocks(FIRST) {
        at_first.push_str(&run(&hand, &block));
    }
    assert!(
        at_first.contains("0 errors, 0 warnings") && at_first.contains("4 passed"),
        "{at_first}"
    );

    let (mut running, mut said, mut address) = (Vec::new(), String::new(), String::new());
    for block in blocks(ON_DEMO) {
        assert!(block.contains("--stay") || block.contains(DEMO_ADDRESS), "{block}");
        let block = block.replace(DEMO_ADDRESS, &address);
        if block.contains("--stay") {
            let mut demo = start(&hand, &block);
            address = address_of(&mut demo);
            running.push(demo);
        } else if goes_on(&block) {
            running.push(start(&hand, &block));
        } else {
            said.push_str(&run(&hand, &block));
        }
    }
    has_all_three(&said);
    assert_eq!(running.len(), 2, "a broker and a daemon");
    // The daemon first, as one does.
    for command in running.into_iter().rev() {
        let said = command.interrupted();
        assert_eq!(said.code, Some(0), "{}", said.err);
    }
}

/// Kafka's own tools, as its scripts start them; the line that puts them where the PATH leads.
fn install_kafka_tools(hand: &Hand) -> String {
    let tool = java("64m");
    let mut words = vec![tool.get_program().to_str().unwrap().to_owned()];
    words.extend(tool.get_args().map(|word| format!("'{}'", word.to_str().unwrap())));
    let line = words.join(" ");
    let folder = hand.path().join("bin");
    fs::create_dir(&folder).unwrap();
    for (name, class) in [
        ("kafka-topics.sh", "TopicCommand"),
        ("kafka-consumer-groups.sh", "consumer.group.ConsumerGroupCommand"),
    ] {
        let script = folder.join(name);
        let text = format!("#!/bin/sh\nexec {line} org.apache.kafka.tools.{class} \"$@\"\n");
        fs::write(&script, text).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&script, mode).unwrap();
    }
    format!("export PATH=$PATH:{}\n", folder.display())
}

#[test]
fn the_way_to_a_first_pipeline_leads_there_on_a_real_broker() {
    let broker = Broker::start(&[]);
    let hand = Hand::bare();
    for block in blocks(FIRST) {
        run(&hand, &block);
    }
    let path = install_kafka_tools(&hand);
    let (mut running, mut said) = (Vec::new(), String::new());
    for block in blocks(ON_BROKER) {
        assert!(block.contains(BROKER_ADDRESS), "{block}");
        let block = path.clone() + &block.replace(BROKER_ADDRESS, &broker.cluster().bootstrap);
        if goes_on(&block) {
            running.push(start(&hand, &block));
            eventually(SOON, "the daemon answers", || {
                let status = shell(&hand, "", "krouted status").output().unwrap();
                status.status.success().then_some(())
            });
        } else {
            said.push_str(&run(&hand, &block));
        }
    }
    has_all_three(&said);
    assert!(said.contains("1 pipeline, 0 errors, 0 warnings"), "{said}");
    let [daemon] = running.try_into().ok().expect("one daemon");
    assert_eq!(daemon.interrupted().code, Some(0));
}

#[test]
fn a_topic_that_the_demo_has_or_that_is_named_twice_is_there_once() {
    let hand = Hand::bare();
    let mut demo = start(&hand, "krouted demo --stay orders mine mine");
    let address = address_of(&mut demo);
    let there = Hand::at(&address);
    for topic in ["orders", "mine"] {
        there.feed(&["produce", topic], b"1\n").good();
    }
    assert_eq!(demo.interrupted().code, Some(0));
}

#[test]
fn every_command_line_of_readme_is_run_or_named_with_why_it_is_not() {
    let (blocks, around) = parts(&readme());
    let known: BTreeSet<&str> = NOT_RUN.iter().map(|(line, _)| *line).chain(BOOTED).collect();
    assert_eq!(known.len(), NOT_RUN.len() + BOOTED.len());
    let mut used = BTreeSet::new();
    let mut is_known = |line: &str| {
        let named = known.get(line);
        used.extend(named);
        named.is_some()
    };
    let mut unknown = Vec::new();
    let mut count = 0;
    for (heading, block) in &blocks {
        count += block.lines().count();
        if RUN_WHOLE.contains(&heading.as_str()) {
            continue;
        }
        let is_installed = |line: &&str| heading == SYSTEMD && line.starts_with(INSTALL);
        for line in block.lines().filter(|line| !is_installed(line)) {
            if !is_known(line) {
                unknown.push(format!("{heading}: {line}"));
            }
        }
    }
    for span in around.iter().flat_map(|(_, line)| spans(line)).filter(|span| is_command(span)) {
        count += 1;
        // The test below runs it, or looks up what it names.
        let is_ours = ["krouted ", "curl "].iter().any(|program| span.starts_with(program));
        if !is_known(&span) && !is_ours {
            unknown.push(span);
        }
    }
    assert!(unknown.is_empty(), "run by no test, and no reason given: {unknown:#?}");
    assert_eq!(used, known, "README has not all of them any more");
    assert!(count > 70, "{count} command lines only");
}

#[test]
fn the_lines_that_build_first_name_what_is_built() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]);
    let told = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    let targets = told["packages"][0]["targets"].as_array().unwrap();
    let of_kind = |kind: &str| -> BTreeSet<&str> {
        let is_it = |target: &&serde_json::Value| target["kind"][0] == kind;
        targets.iter().filter(is_it).map(|target| target["name"].as_str().unwrap()).collect()
    };
    // Without a name, `cargo run` runs the only one.
    assert_eq!(of_kind("bin"), ["krouted"].into());
    let (mut run_here, mut measured) = (0, 0);
    for (line, _) in NOT_RUN {
        if let Some(arguments) = line.strip_prefix(BUILD_AND_RUN) {
            run(&Hand::bare(), &format!("krouted {arguments}"));
            run_here += 1;
        } else if let Some(bench) = line.strip_prefix(MEASURE) {
            let name = bench.split(' ').next().unwrap();
            assert!(of_kind("bench").contains(name), "{line}");
            measured += 1;
        }
    }
    assert_eq!((run_here, measured), (1, 2));
}

#[test]
fn what_readme_says_of_a_command_the_command_knows() {
    let hand = Hand::bare();
    let known = commands(&hand);
    let page = |command: &str| hand.run(&["help", command]).good().text().to_owned();
    let (_, around) = parts(&readme());
    let mut options = 0;
    for (heading, line) in &around {
        let mut command = None;
        for span in spans(line) {
            if let Some(rest) = span.strip_prefix("krouted ") {
                let name = rest.split_whitespace().next().unwrap().to_owned();
                assert!(known.contains(&name), "{heading}: {span}");
                command = Some(name);
            }
            // In a sentence, an option behind a command may be another one's.
            let is_its = heading == "## Commands" && line.starts_with("| ");
            let Some(name) = command.as_ref().filter(|_| is_its || span.starts_with("krouted "))
            else {
                continue;
            };
            for option in span.split_whitespace().filter(|word| word.starts_with('-')) {
                let has = page(name).split([' ', ',', '[', ']', '=', '\n']).any(|w| w == option);
                assert!(has, "`krouted {name}` has no {option}: {line}");
                options += 1;
            }
        }
    }
    assert!(options > 20, "{options}");
}

#[test]
fn the_command_lines_in_readmes_sentences_end_well() {
    let broker = Broker::start(&[]);
    let cluster = broker.cluster();
    make_topics(&cluster, &["orders", "orders.large", "orders.small", "orders.dlq"]);
    let hand = Hand::bare();
    hand.run(&["init"]).good();
    let daemon = start_at(&hand, &cluster.bootstrap, DAEMON);
    eventually(SOON, "the pipeline runs", || {
        hand.run_at(&["status"]).text().contains("running").then_some(())
    });
    if let Err(error) = Command::new("curl").arg("--version").output() {
        panic!("{}", install::missing("curl", "curl", &error));
    }
    let socket = hand.path().join("krouted/admin.sock");
    let (_, around) = parts(&readme());
    let spans = around.iter().flat_map(|(_, line)| spans(line));
    let is_run = |span: &String| {
        let is_ours = ["krouted ", "curl "].iter().any(|program| span.starts_with(program));
        is_ours && !is_usage(span) && NOT_RUN.iter().all(|(line, _)| line != span)
    };
    let mut lines: BTreeSet<String> = spans.filter(is_run).collect();
    assert!(lines.len() > 8, "{lines:?}");
    assert!(lines.remove(DAEMON), "it runs already");
    for line in lines {
        let here = line.replace(SOCKET, socket.to_str().unwrap());
        let said = ended(&mut shell(&hand, &cluster.bootstrap, &here).spawn().unwrap());
        assert_eq!(said.code, Some(0), "{line}: {}{}", said.text(), said.err);
        if line.starts_with("curl ") {
            assert!(line.contains(SOCKET), "{line}");
            let status: serde_json::Value = serde_json::from_slice(&said.out).unwrap();
            assert_eq!(status["pipelines"][0]["name"], "orders", "{status}");
        }
    }
    assert_eq!(daemon.interrupted().code, Some(0));
}

#[test]
fn the_lines_of_by_hand_copy_a_topic() {
    let broker = Broker::start(&[]);
    let cluster = broker.cluster();
    make_topics(&cluster, &["orders", "orders-copy"]);
    let hand = Hand::at(&cluster.bootstrap);
    hand.write("orders.jsonl", "{\"id\": 7}\n{\"id\": \"b\"}\n");
    let said: String = blocks(BY_HAND).iter().map(|block| run(&hand, block)).collect();
    for line in ["orders\t0\t0", "orders\t0\t1", "orders: 2 records are acknowledged"] {
        assert!(said.lines().any(|other| other == line), "{line}: {said}");
    }
    let read = |topic: &str| -> Vec<Record> { cluster.read(topic, Isolation::Committed) };
    let (orders, copy) = (read("orders"), read("orders-copy"));
    let keys: Vec<_> = orders.iter().map(|r| r.key.clone().unwrap()).collect();
    assert_eq!(keys, [b"7", b"b"]);
    assert_eq!(copy, orders);
    assert_eq!(cluster.committed("copy", "orders"), [(0, 2)].into());
}

/// A folder with the pipeline that README's advice is about, which stops at the record that it speaks of.
fn halting(cluster: &Cluster) -> Hand {
    let hand = Hand::at(&cluster.bootstrap);
    fs::create_dir(hand.path().join("pipelines")).unwrap();
    let pipeline = "version: 1
name: orders-by-region
source: {topics: [orders], start: earliest}
delivery: exactly_once
steps: [{filter: value.id > 0}]
sinks: {out: {kafka: {topic: orders.eu}}}
";
    hand.write("pipelines/orders.yaml", pipeline);
    make_topics(cluster, &["orders", "orders.eu"]);
    let value =
        |n: i32| if n == 8 { "{\"id\":".to_owned() } else { json!({"id": n + 1}).to_string() };
    let record = |n: i32| Record::new(None, Some(&value(n))).to(0);
    cluster.produce("orders", &(0..10).map(record).collect::<Vec<_>>());
    hand
}

#[test]
fn a_halted_pipeline_goes_on_behind_its_record_as_readme_says() {
    let broker = Broker::start(&[]);
    let cluster = broker.cluster();
    let hand = halting(&cluster);
    let daemon = Running::start(&mut shell(&hand, "", "exec krouted run"));
    eventually(SOON, "it halts", || {
        hand.run_at(&["status"]).text().contains("orders[0]@8").then_some(())
    });
    // The broker says a transaction's offsets when it has written its end to them, a moment after its answer.
    eventually(SOON, "what is before it is committed", || {
        let committed = cluster.committed("krouted.orders-by-region", "orders");
        (committed == [(0, 8)].into()).then_some(())
    });
    let path = install_kafka_tools(&hand);
    for block in blocks(TROUBLE) {
        assert!(block.contains(BROKER_ADDRESS), "{block}");
        run(&hand, &(path.clone() + &block.replace(BROKER_ADDRESS, &cluster.bootstrap)));
    }
    assert_eq!(cluster.committed("krouted.orders-by-region", "orders"), [(0, 9)].into());
    // What README says next, for this pipeline.
    assert!(readme().contains("\nthen `krouted restart NAME`;"));
    hand.run_at(&["restart", "orders-by-region"]).good();
    eventually(SOON, "the record behind it is there", || {
        (cluster.read("orders.eu", Isolation::Committed).len() == 9).then_some(())
    });
    assert_eq!(daemon.interrupted().code, Some(0));
}

/// What a build leaves, in a folder like that of this package: where README's lines that install are run.
pub(crate) struct Built(Hand);

impl Built {
    pub(crate) fn new() -> Self {
        let hand = Hand::bare();
        fs::create_dir_all(hand.path().join("target/release")).unwrap();
        let built = hand.path().join("target/release/krouted");
        fs::hard_link(env!("CARGO_BIN_EXE_krouted"), &built)
            .or_else(|_| fs::copy(env!("CARGO_BIN_EXE_krouted"), &built).map(drop))
            .unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for file in ["systemd", "krouted.yaml"] {
            std::os::unix::fs::symlink(root.join(file), hand.path().join(file)).unwrap();
        }
        Self(hand)
    }

    /// Runs the line, with the folder in place of the root.
    pub(crate) fn install(&self, line: &str, root: &Path) {
        let below = line.replace(" /", &format!(" {}/", root.display()));
        assert_ne!(below, line);
        run(&self.0, &below);
    }
}

#[test]
fn what_readme_installs_is_where_the_unit_looks_for_it() {
    let hand = Hand::bare();
    // What a system has.
    for folder in ["usr/bin", "etc/systemd/system"] {
        fs::create_dir_all(hand.path().join(folder)).unwrap();
    }
    let built = Built::new();
    let blocks = blocks(SYSTEMD);
    let lines = blocks.iter().flat_map(|block| block.lines());
    for line in lines.filter(|line| line.starts_with(INSTALL)) {
        built.install(line, hand.path());
    }
    let at = |path: &str| hand.path().join(path);
    let unit = fs::read_to_string(at("etc/systemd/system/krouted.service")).unwrap();
    let started = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let program = started.split_whitespace().next().unwrap();
    assert!(at(program.trim_start_matches('/')).is_file(), "{started}");
    assert!(unit.contains("/etc/krouted/credentials"), "{unit}");
    for folder in ["etc/krouted/pipelines", "etc/krouted/credentials"] {
        assert!(at(folder).is_dir(), "{folder}");
    }
    assert!(at("etc/krouted/krouted.yaml").is_file());
    assert!(at("usr/lib/sysusers.d/krouted.conf").is_file());
}
