//! The examples of the help texts are run as they stand.

use std::process::{Command, Stdio};

use super::{Hand, ended};
use crate::kafka::broker::Broker;

/// The lines of a help text that are commands.
fn examples(hand: &Hand, command: &str) -> Vec<String> {
    let help = hand.run(&[command, "--help"]).good();
    let of_examples = help.text().split("Examples:\n").nth(1).unwrap().to_owned();
    let is_command = |line: &&str| line.starts_with("  ") && line.contains("krouted ");
    of_examples.lines().filter(is_command).map(|line| line.trim().to_owned()).collect()
}

#[test]
fn the_examples_of_produce_and_consume_do_what_they_say() {
    // A cluster of one's own: the examples name topics.
    let broker = Broker::start(&[]);
    let cluster = broker.cluster();
    for topic in ["orders", "orders-copy"] {
        let request = serde_json::json!({"topic": topic, "partitions": 1, "configs": {}});
        cluster.ask("create_topic", request);
    }
    let hand = Hand::at(&cluster.bootstrap);
    hand.write("orders.jsonl", "{\"id\": 9}\n");
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_krouted"));
    let path = format!("{}:/usr/bin:/bin", binary.parent().unwrap().display());
    let mut said = Vec::new();
    for example in [examples(&hand, "produce"), examples(&hand, "consume")].concat() {
        let mut shell = Command::new("bash");
        shell.args(["-o", "pipefail", "-c", &example]).current_dir(hand.path()).env_clear();
        shell.env("PATH", &path).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let ended = ended(&mut shell.spawn().unwrap()).good();
        said.push(ended.text().to_owned());
    }
    let [acks, transaction, copy, all, last, chosen, group] = said.try_into().unwrap();
    assert_eq!(acks, "orders\t0\t0\norders\t0\t1\n");
    assert_eq!((transaction.as_str(), copy.as_str(), group.as_str()), ("", "", ""));
    let lines = "{\"id\": 7}\n{\"id\": 8}\n{\"id\": 9}\n";
    assert_eq!(all, lines);
    assert_eq!(last.lines().count(), 3, "{last}");
    assert!(last.ends_with("\"value\":{\"id\": 9}}\n"), "{last}");
    assert_eq!(chosen, "8\n9\n");
    assert_eq!(std::fs::read_to_string(hand.path().join("orders.txt")).unwrap(), lines);
}
