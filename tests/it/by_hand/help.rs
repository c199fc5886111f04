//! The help texts read like a manual page, and their examples are run as they stand.

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};

use serde_json::json;

use super::{Hand, Said, ended};
use crate::kafka::broker::Broker;
use crate::process;
use crate::wait::{SOON, eventually};

/// The lines of a command's help text that are commands.
fn examples(hand: &Hand, command: &str) -> Vec<String> {
    examples_of(hand.run(&["help", command]).good().text())
}

fn examples_of(page: &str) -> Vec<String> {
    let of_examples = page.split("\nExamples:\n").nth(1).unwrap();
    let of_examples = of_examples.split("\nFiles:\n").next().unwrap();
    let of_examples = of_examples.split("\nExit codes:\n").next().unwrap();
    let is_command = |line: &&str| line.starts_with("  ") && line.contains("krouted ");
    of_examples.lines().filter(is_command).map(|line| line.trim().to_owned()).collect()
}

/// All commands that there are, as the help says.
pub(super) fn commands(hand: &Hand) -> Vec<String> {
    let help = hand.run(&["--help"]).good();
    let list = help.text().split("\nCommands:\n").nth(1).unwrap();
    let list = list.split("\n\n").next().unwrap();
    // With descriptions of several lines, only names stand at the second column.
    let names = list.lines().filter(|l| l.starts_with("  ") && !l.starts_with("   "));
    names.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

/// A command line in a shell, in the hand's folder, with krouted where the PATH leads and the broker at $KAFKA.
pub(super) fn shell(hand: &Hand, bootstrap: &str, line: &str) -> Command {
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_krouted"));
    let path = format!("{}:/usr/bin:/bin", binary.parent().unwrap().display());
    let mut shell = Command::new("bash");
    shell.args(["-e", "-o", "pipefail", "-c", line]).current_dir(hand.path()).env_clear();
    shell.env("PATH", &path).env("KAFKA", bootstrap);
    shell.env("XDG_RUNTIME_DIR", hand.path()).env("XDG_STATE_HOME", hand.path().join("state"));
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    shell
}

/// A command of a hand that goes on until it is told to end.
pub(super) struct Running(Child);

impl Running {
    pub(super) fn start(shell: &mut Command) -> Self {
        Self(shell.spawn().unwrap())
    }

    pub(super) fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// As by Ctrl-C.
    pub(super) fn interrupted(mut self) -> Said {
        process::signal(self.0.id(), "INT");
        ended(&mut self.0)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Where a test failed; one that ended well has been waited for.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

pub(super) fn make_topics(cluster: &crate::kafka::Cluster, topics: &[&str]) {
    for topic in topics {
        cluster.create(json!({"topic": topic, "partitions": 1, "configs": {}}));
    }
}

#[test]
fn every_command_has_a_page_with_examples_and_exit_codes() {
    let hand = Hand::bare();
    let commands = commands(&hand);
    assert!(commands.len() >= 15, "{commands:?}");
    for command in commands.iter().filter(|name| *name != "help") {
        let page = hand.run(&["help", command]).good();
        assert_eq!(page.text(), hand.run(&[command, "--help"]).good().text());
        for part in ["\nUsage: krouted ", "\nOptions:\n", "\nExamples:\n", "\nExit codes:\n"] {
            assert!(page.text().contains(part), "{command} has no {part:?}: {}", page.text());
        }
        let of_it = format!("krouted {command}");
        let examples = examples(&hand, command);
        assert!(!examples.is_empty(), "{command}");
        assert!(examples.iter().any(|e| e.contains(&of_it)), "{command}: {examples:?}");
        // As it was written: what is longer than a line is broken by the renderer, and runs no more.
        let root = env!("CARGO_MANIFEST_DIR");
        let written = std::fs::read_to_string(format!("{root}/src/cli/help/{command}.txt"));
        assert!(page.text().trim_end().ends_with(written.unwrap().trim_end()), "{}", page.text());
    }
    let whole = hand.run(&["help"]).good();
    assert_eq!(whole.text(), hand.run(&["--help"]).good().text());
    for part in ["\nUsage: krouted ", "\nCommands:\n", "\nExamples:\n", "\nExit codes:\n"] {
        assert!(whole.text().contains(part), "no {part:?}: {}", whole.text());
    }
}

#[test]
fn the_examples_of_the_first_page_lead_from_nothing_to_a_daemon_that_runs() {
    let broker = Broker::start(&[]);
    let cluster = broker.cluster();
    make_topics(&cluster, &["orders", "orders.large", "orders.small", "orders.dlq"]);
    let hand = Hand::bare();
    let examples = examples_of(hand.run(&["help"]).good().text());
    let [before @ .., daemon] = examples.as_slice() else { panic!("{examples:?}") };
    let expected = ["wrote pipelines/orders.yaml", "1 pipeline, 0 errors, 0 warnings", "4 passed"];
    assert_eq!(before.len(), expected.len(), "{examples:?}");
    for (example, part) in before.iter().zip(expected) {
        let said = ended(&mut shell(&hand, &cluster.bootstrap, example).spawn().unwrap());
        let all = format!("{}{}", said.text(), said.err);
        assert!(said.code == Some(0) && all.contains(part), "{example}: {all}");
    }
    let daemon = shell(&hand, &cluster.bootstrap, &format!("exec {daemon}"));
    let daemon = Running::start(&mut { daemon });
    eventually(SOON, "its pipeline runs", || {
        hand.run_at(&["status"]).text().contains("running").then_some(())
    });
    assert_eq!(daemon.interrupted().code, Some(0));
}

#[test]
fn the_examples_of_produce_and_consume_do_what_they_say() {
    // A cluster of one's own: the examples name topics.
    let broker = Broker::start(&[]);
    let cluster = broker.cluster();
    make_topics(&cluster, &["orders", "orders-copy"]);
    let hand = Hand::at(&cluster.bootstrap);
    hand.write("orders.jsonl", "{\"id\": 9}\n");
    let mut said = Vec::new();
    for example in [examples(&hand, "produce"), examples(&hand, "consume")].concat() {
        let mut shell = shell(&hand, &cluster.bootstrap, &example);
        said.push(ended(&mut shell.spawn().unwrap()).good().text().to_owned());
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

#[test]
fn the_examples_of_all_other_commands_do_what_they_say() {
    let broker = Broker::start(&[]);
    let cluster = broker.cluster();
    make_topics(&cluster, &["orders", "orders.large", "orders.small", "orders.dlq"]);
    let hand = Hand::bare();
    hand.run(&["init", "orders"]).good();
    // What `plan --against` compares with: the same folder, as it was.
    let copy = "mkdir main && cp -r pipelines schemas main";
    ended(&mut shell(&hand, "", copy).spawn().unwrap()).good();
    let mut ran = BTreeSet::from(["produce".to_owned(), "consume".to_owned(), "help".to_owned()]);
    let mut run = |command: &str, expected: &[&str]| {
        let examples = examples(&hand, command);
        assert_eq!(examples.len(), expected.len(), "{command}: {examples:?}");
        for (example, part) in examples.iter().zip(expected) {
            let said = ended(&mut shell(&hand, &cluster.bootstrap, example).spawn().unwrap());
            assert_eq!(said.code, Some(0), "{example}: {}{}", said.text(), said.err);
            let all = format!("{}{}", said.text(), said.err);
            assert!(all.contains(part), "{part:?} is missing: {example}: {all}");
        }
        ran.insert(command.to_owned());
    };
    run("check", &["1 pipeline, 0 errors", "", "1 pipeline, 0 errors", ""]);
    run("test", &["4 passed", "4 passed", ""]);
    run("explain", &["sink large", "filter", "K0204"]);
    run("schema", &["", "\"clusters\""]);

    let is_up = || hand.run_at(&["status"]).code == Some(0);
    for example in examples(&hand, "run") {
        let daemon = shell(&hand, &cluster.bootstrap, &format!("exec {example}"));
        let daemon = Running::start(&mut { daemon });
        eventually(SOON, &format!("{example} answers"), || is_up().then_some(()));
        let said = daemon.interrupted();
        assert_eq!(said.code, Some(0), "{example}: {}", said.err);
    }
    let daemon = Running::start(&mut shell(&hand, &cluster.bootstrap, "exec krouted run"));
    eventually(SOON, "the pipeline runs", || {
        hand.run_at(&["status"]).text().contains("running").then_some(())
    });
    run("plan", &["", "", "\"changes\""]);
    run("status", &["orders", "\"orders\""]);
    run("reload", &["", ""]);
    run("pause", &["orders"]);
    run("resume", &["orders"]);
    run("restart", &["orders"]);
    assert_eq!(daemon.interrupted().code, Some(0));

    let [once, stay] = examples(&hand, "demo").try_into().unwrap();
    let said = ended(&mut shell(&hand, "", &once).spawn().unwrap()).good();
    assert!(said.text().contains("All counts are what the events say"), "{}", said.text());
    let mut demo = Running::start(&mut shell(&hand, "", &format!("exec {stay}")));
    let address = super::readme::address_of(&mut demo);
    let at_demo = shell(&hand, &address, "krouted consume purchases.large --until-end");
    ended(&mut { at_demo }.spawn().unwrap()).good();
    assert_eq!(demo.interrupted().code, Some(0));
    // Last: they write files beside the others.
    ran.insert("demo".to_owned());
    std::fs::remove_dir_all(hand.path().join("pipelines")).unwrap();
    std::fs::remove_dir_all(hand.path().join("schemas")).unwrap();
    for example in examples(&hand, "init") {
        ended(&mut shell(&hand, "", &example).spawn().unwrap()).good();
        ran.insert("init".to_owned());
    }
    ran.insert("run".to_owned());
    assert_eq!(ran, commands(&hand).into_iter().collect());
}
