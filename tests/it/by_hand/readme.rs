//! README's way from nothing to a first pipeline: every command line in it is run, as README has it.
//!
//! A block of commands is one terminal. One that ends in a command which goes on (`krouted run`, `krouted demo --stay`) is left
//! running until its part of the way is over; all others end well.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::help::{Running, shell};
use super::{Hand, ended};
use crate::kafka::broker::{Broker, java};
use crate::wait::{SOON, eventually};

/// What stands in README for an address that only the machine knows.
const DEMO_ADDRESS: &str = "127.0.0.1:37291";
const BROKER_ADDRESS: &str = "localhost:9092";

/// The blocks of commands of one part of README, in order.
fn blocks(heading: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let part = text.split(&format!("\n{heading}\n")).nth(1).unwrap();
    let part = part.split("\n#").next().unwrap();
    let mut blocks = vec![String::new()];
    for line in part.lines() {
        match line.strip_prefix("    ") {
            Some(command) => {
                let block = blocks.last_mut().unwrap();
                block.push_str(command);
                block.push('\n');
            }
            None if line.is_empty() => {}
            None => blocks.push(String::new()),
        }
    }
    blocks.retain(|block| !block.is_empty());
    blocks
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
    for block in blocks("## A first pipeline") {
        at_first.push_str(&run(&hand, &block));
    }
    assert!(
        at_first.contains("0 errors, 0 warnings") && at_first.contains("4 passed"),
        "{at_first}"
    );

    let (mut running, mut said, mut address) = (Vec::new(), String::new(), String::new());
    for block in blocks("### On the demo's broker") {
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

/// Kafka's own tool, as its scripts start it.
fn install_kafka_topics(hand: &Hand) -> String {
    let tool = java("64m");
    let mut words = vec![tool.get_program().to_str().unwrap().to_owned()];
    words.extend(tool.get_args().map(|word| format!("'{}'", word.to_str().unwrap())));
    let line = words.join(" ");
    let folder = hand.path().join("bin");
    fs::create_dir(&folder).unwrap();
    let script = folder.join("kafka-topics.sh");
    let text = format!("#!/bin/sh\nexec {line} org.apache.kafka.tools.TopicCommand \"$@\"\n");
    fs::write(&script, text).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&script, mode).unwrap();
    format!("export PATH=$PATH:{}\n", folder.display())
}

#[test]
fn the_way_to_a_first_pipeline_leads_there_on_a_real_broker() {
    let broker = Broker::start(&[]);
    let hand = Hand::bare();
    for block in blocks("## A first pipeline") {
        run(&hand, &block);
    }
    let path = install_kafka_topics(&hand);
    let (mut running, mut said) = (Vec::new(), String::new());
    for block in blocks("### On a real broker") {
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
