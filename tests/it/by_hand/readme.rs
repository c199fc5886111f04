//! README's command lines: each is run as README has it, or is named here with why it is not.
//!
//! A block of commands is one terminal. One that ends in a command which goes on (`krouted run`, `krouted demo --stay`) is left
//! running until its part of the way is over; all others end well.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde_json::json;

use super::help::{Running, commands, make_topics, shell};
use super::{Hand, ended};
use crate::kafka::broker::{Broker, java};
use crate::kafka::record::Record;
use crate::kafka::{Cluster, Isolation, install};
use crate::wait::{SOON, eventually};

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
const SYSTEMD: &str = "## Under systemd";
const INSTALL: &str = "install ";

const BOOTED: &str = "a booted systemd: systemd/boot.rs boots one with the same files";
const TOOLS: &str = "is how this machine was made ready, and how this test is run";

/// Command lines that no test runs as they stand, and why.
const NOT_RUN: [(&str, &str); 12] = [
    ("cargo run --release -- demo", "builds for minutes: help.rs runs `krouted demo`"),
    ("cargo test", TOOLS),
    ("apt install build-essential perl curl openjdk-17-jdk-headless maven", TOOLS),
    ("cargo bench --bench reload", "measures for minutes, on a quiet machine"),
    ("cargo bench --bench throughput -- all --write", "measures for minutes, on a quiet machine"),
    ("systemd-sysusers", BOOTED),
    ("systemctl daemon-reload", BOOTED),
    ("systemctl enable --now krouted", BOOTED),
    ("systemctl reload krouted", BOOTED),
    ("journalctl -u krouted -f", BOOTED),
    ("journalctl F_PIPELINE=orders-by-region", BOOTED),
    ("krouted run", "the daemon of the test that runs the others"),
];

/// Programs whose name begins a command line in a sentence.
const PROGRAMS: [&str; 7] =
    ["krouted", "cargo", "curl", "apt", "journalctl", "systemctl", "kafka-topics.sh"];

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

/// A text with the heading that it stands under, which comes first.
type Under = (String, String);

/// All blocks of commands in order, each with the heading that it stands under; and the lines of the text around them, each
/// with its heading too. What is fenced is YAML, which `examples.rs` checks.
fn parts(text: &str) -> (Vec<Under>, Vec<Under>) {
    let (mut heading, mut is_fenced, mut is_block) = (String::new(), false, false);
    let (mut blocks, mut around) = (Vec::<Under>::new(), Vec::new());
    for line in text.lines() {
        if let Some(language) = line.strip_prefix("```") {
            assert!(is_fenced || language == "yaml", "a fence of {language:?}: indent commands");
            is_fenced = !is_fenced;
            continue;
        }
        if is_fenced || line.is_empty() {
            continue;
        }
        if line.starts_with('#') {
            line.clone_into(&mut heading);
        }
        match line.strip_prefix("    ") {
            Some(command) if is_block => {
                let (_, block) = blocks.last_mut().unwrap();
                block.extend([command, "\n"]);
            }
            Some(command) => blocks.push((heading.clone(), format!("{command}\n"))),
            None => around.push((heading.clone(), line.to_owned())),
        }
        is_block = line.starts_with("    ");
    }
    (blocks, around)
}

/// The blocks of commands of one part of README, in order.
fn blocks(heading: &str) -> Vec<String> {
    let (blocks, _) = parts(&readme());
    let own = blocks.into_iter().filter(|(under, _)| under == heading);
    let blocks: Vec<String> = own.map(|(_, block)| block).collect();
    assert!(!blocks.is_empty(), "{heading:?} has no commands");
    blocks
}

/// What stands between backticks on a line, as it is read: in a table, a bar is written with a backslash.
fn spans(line: &str) -> Vec<String> {
    line.split('`').skip(1).step_by(2).map(|span| span.replace("\\|", "|")).collect()
}

/// A command line in a sentence.
fn is_command(span: &str) -> bool {
    span.split_once(' ').is_some_and(|(program, _)| PROGRAMS.contains(&program))
}

/// Whether it says what a command takes, in place of it.
fn is_usage(span: &str) -> bool {
    let stands_for = |word: &str| {
        let is_name = |c: char| c.is_ascii_uppercase() || "[]|…".contains(c);
        word.len() > 1 && word.chars().all(is_name)
    };
    span.split_whitespace().any(|word| stands_for(word) || word.contains(['[', '|', '…']))
}

/// Whether the last command of a block goes on until it is told to end.
fn goes_on(block: &str) -> bool {
    let last = block.lines().last().unwrap();
    last == "krouted run" || last.starts_with("krouted demo --stay")
}

/// Starts a block that goes on; its last command is the process that is told to end.
fn start(hand: &Hand, block: &str) -> Running {
    let (before, last) = block.trim_end().rsplit_once('\n').unwrap_or(("", block.trim_end()));
    Running::start(&mut shell(hand, "", &format!("{before}\nexec {last}")))
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
    let known: BTreeSet<&str> = NOT_RUN.iter().map(|(line, _)| *line).collect();
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
fn the_parts_of_readme_are_told_apart() {
    let text = "# A\n\nsay `krouted a b` and `c`\n\n    one\n    two\n\nor\n\n    three\n\n## B\n\n```yaml\na:\n    b\n```\n\n    four\n";
    let (blocks, around) = parts(text);
    let own = |parts: &[(&str, &str)]| -> Vec<Under> {
        parts.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    };
    assert_eq!(blocks, own(&[("# A", "one\ntwo\n"), ("# A", "three\n"), ("## B", "four\n")]));
    assert_eq!(around[1], ("# A".to_owned(), "say `krouted a b` and `c`".to_owned()));
    let spans = spans(&around[1].1);
    assert_eq!(spans, ["krouted a b", "c"]);
    assert_eq!((is_command(&spans[0]), is_command(&spans[1])), (true, false));
    for (span, usage) in [
        ("krouted explain FILE", true),
        ("krouted init [NAME]", true),
        ("krouted schema [pipeline|settings]", true),
        ("krouted status -o json", false),
    ] {
        assert_eq!(is_usage(span), usage, "{span}");
    }
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
    let daemon = Running::start(&mut shell(&hand, &cluster.bootstrap, "exec krouted run"));
    eventually(SOON, "the pipeline runs", || {
        hand.run_at(&["status"]).text().contains("running").then_some(())
    });
    if let Err(error) = std::process::Command::new("curl").arg("--version").output() {
        panic!("{}", install::missing("curl", "curl", &error));
    }
    let socket = hand.path().join("krouted/admin.sock");
    let (_, around) = parts(&readme());
    let spans = around.iter().flat_map(|(_, line)| spans(line));
    let is_run = |span: &String| {
        let is_ours = ["krouted ", "curl "].iter().any(|program| span.starts_with(program));
        is_ours && !is_usage(span) && NOT_RUN.iter().all(|(line, _)| line != span)
    };
    let lines: BTreeSet<String> = spans.filter(is_run).collect();
    assert!(lines.len() >= 8, "{lines:?}");
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
    assert_eq!(cluster.committed("krouted.orders-by-region", "orders"), [(0, 8)].into());
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

#[test]
fn what_readme_installs_is_where_the_unit_looks_for_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let hand = Hand::bare();
    // What a system has, and what a build leaves.
    for folder in ["usr/bin", "etc/systemd/system", "target/release"] {
        fs::create_dir_all(hand.path().join(folder)).unwrap();
    }
    let built = hand.path().join("target/release/krouted");
    fs::hard_link(env!("CARGO_BIN_EXE_krouted"), &built)
        .or_else(|_| fs::copy(env!("CARGO_BIN_EXE_krouted"), &built).map(drop))
        .unwrap();
    for file in ["systemd", "krouted.yaml"] {
        std::os::unix::fs::symlink(root.join(file), hand.path().join(file)).unwrap();
    }
    let blocks = blocks(SYSTEMD);
    let lines = blocks.iter().flat_map(|block| block.lines());
    for line in lines.filter(|line| line.starts_with(INSTALL)) {
        let below = line.replace(" /", &format!(" {}/", hand.path().display()));
        assert_ne!(below, line);
        run(&hand, &below);
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
