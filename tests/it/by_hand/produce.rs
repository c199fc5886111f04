//! `produce`: what is wrong is said with its line, and with what was done until then.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

use serde_json::json;

use super::{Hand, ended};
use crate::kafka::broker::Broker;
use crate::kafka::record::Record;
use crate::kafka::secure::{PASSWORD, Secure, USER};
use crate::kafka::{Isolation, shared};
use crate::process;
use crate::scene::text;
use crate::wait::{SOON, eventually};

fn values(records: &[Record]) -> Vec<String> {
    records.iter().map(|r| text(r.value.as_deref())).collect()
}

#[test]
fn lines_become_values_with_a_key_by_an_expression() {
    let cluster = shared();
    let topic = cluster.topic("lines", 3);
    let hand = Hand::at(&cluster.bootstrap);
    hand.write("in.jsonl", "{\"id\": 7, \"n\": 1.50}\n\n{\"id\": \"a\"}\r\n[1]\n");
    let said = hand.run(&[
        "produce",
        &topic,
        "in.jsonl",
        "--key",
        "has(value.id) ? string(value.id) : \"none\"",
    ]);
    said.said(0, &["3 records are acknowledged"]);
    let mut read = cluster.read(&topic, Isolation::Committed);
    read.sort_by(|a, b| a.value.cmp(&b.value));
    assert_eq!(values(&read), ["[1]", "{\"id\": \"a\"}", "{\"id\": 7, \"n\": 1.50}"]);
    let keys: Vec<_> = read.iter().map(|r| text(r.key.as_deref())).collect();
    assert_eq!(keys, ["none", "a", "7"]);
    // Where Java's client puts the same keys.
    let javas = cluster.topic("javas", 3);
    let same: Vec<_> =
        read.iter().map(|r| Record { partition: -1, timestamp: -1, ..r.clone() }).collect();
    cluster.produce(&javas, &same);
    let mut theirs = cluster.read(&javas, Isolation::Committed);
    theirs.sort_by(|a, b| a.value.cmp(&b.value));
    let partitions = |records: &[Record]| records.iter().map(|r| r.partition).collect::<Vec<_>>();
    assert_eq!(partitions(&read), partitions(&theirs));
}

#[test]
fn acknowledgements_are_printed_in_the_order_of_the_input() {
    let cluster = shared();
    let topic = cluster.topic("acks", 4);
    let hand = Hand::at(&cluster.bootstrap);
    let lines = (0..2000).fold(String::new(), |all, n| all + &format!("{{\"n\":{n}}}\n"));
    let produce = ["produce", &topic, "--acks", "--key", "string(value.n)"];
    let said = hand.feed(&produce, lines.as_bytes()).good();
    let read = cluster.read(&topic, Isolation::Committed);
    let mut places: Vec<_> = read
        .iter()
        .map(|r| {
            let n: u64 = text(r.key.as_deref()).parse().unwrap();
            (n, format!("{topic}\t{}\t{}", r.partition, r.offset))
        })
        .collect();
    places.sort();
    let wanted: Vec<_> = places.into_iter().map(|(_, place)| place).collect();
    assert_eq!(said.lines(), wanted);
}

#[test]
fn a_line_that_is_no_json_ends_it_and_what_was_before_is_there() {
    let cluster = shared();
    let topic = cluster.topic("bad-line", 1);
    let hand = Hand::at(&cluster.bootstrap);
    let said = hand.feed(&["produce", &topic], b"{\"n\":1}\n{\"n\":2}\n{\"n\":\n{\"n\":4}\n");
    said.said(
        1,
        &[
            "line 3: this is no JSON",
            "at byte 5",
            "a line is one JSON value: `jq -c .` writes JSON so",
            "lines 1-2 (2 records)",
            "all other lines are not there",
        ],
    );
    assert_eq!(values(&cluster.read(&topic, Isolation::Committed)), ["{\"n\":1}", "{\"n\":2}"]);

    let said = hand.feed(&["produce", &topic, "--envelope"], b"{\"vlaue\":1}\n");
    said.said(1, &["line 1: unknown field `vlaue`", "acknowledged by", "nothing"]);
    let said = hand.feed(&["produce", &topic, "--key", "value.id"], b"{\"id\":1}\n{}\n");
    said.said(1, &["line 2: --key: the field is missing", "line 1 (1 record)"]);
    for (input, help) in [
        (&b"\xef\xbb\xbf{}\n"[..], "it begins with a byte order mark"),
        (b"\xff\xfe{\0}\0\n\0", "it is UTF-16"),
    ] {
        hand.feed(&["produce", &topic], input).said(1, &["line 1: this is no JSON", help]);
    }
    assert_eq!(cluster.read(&topic, Isolation::Committed).len(), 3);
}

#[test]
fn a_line_that_the_client_itself_refuses_ends_it_with_all_before_it_and_nothing_behind_it() {
    let cluster = shared();
    let topic = cluster.topic("refused-line", 1);
    let line = |n: i32, partition: i32| format!("{{\"value\":{n},\"partition\":{partition}}}\n");
    let lines: String = (1..=30).map(|n| line(n, if n == 10 { 7 } else { 0 })).collect();
    let produce = ["produce", &topic, "--envelope", "--partition", "preserve"];
    let said = Hand::at(&cluster.bootstrap).feed(&produce, lines.as_bytes());
    let before = "lines 1-9 (9 records)";
    said.said(1, &["line 10: the topic has no partition 7", before, "all other lines are not"]);
    let there = values(&cluster.read(&topic, Isolation::Committed));
    assert_eq!(there, (1..10).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn an_expression_that_does_not_compile_is_shown_and_nothing_is_sent() {
    let hand = Hand::at("127.0.0.1:1");
    let said = hand.feed(&["produce", "t", "--key", "value.id + vlaue.x"], b"{}\n");
    said.said(
        64,
        &[
            "error: --key: ",
            "\n  value.id + vlaue.x\n             ^^^^^\n",
            "did you mean `value`?",
        ],
    );
    hand.run(&["produce", "no topic"]).said(64, &["the topic no topic: has the character ' '"]);
    hand.run(&["produce", "t", "--partition=-1"]).said(64, &["--partition"]);
    hand.run(&["produce", "t", "--partition", "preserve"]).said(64, &["needs --envelope"]);
    hand.run(&["produce", "t", "--cluster", "o r"]).said(64, &["--cluster o r: has the char"]);
    hand.run(&["produce", "t", "--cluster", "other"])
        .said(78, &["the settings have no cluster other; they have default"]);
}

#[test]
fn a_partition_that_the_topic_does_not_have_is_named_with_those_that_it_has() {
    let cluster = shared();
    let hand = Hand::at(&cluster.bootstrap);
    let (one, three) = (cluster.topic("one", 1), cluster.topic("three", 3));
    let envelope = br#"{"value":"a","partition":0}
{"value":"b","partition":2}
"#;
    let preserve = ["produce", &one, "--envelope", "--partition", "preserve"];
    let ninety_nine = ["produce", &three, "--partition", "99"];
    for (arguments, input, part) in [
        (
            &ninety_nine[..],
            &b"1\n"[..],
            "line 1: the topic has no partition 99: it had partitions 0 to 2",
        ),
        (&preserve, envelope, "line 2: the topic has no partition 2: it had only partition 0"),
    ] {
        let said = hand.feed(arguments, input);
        said.said(1, &[part, "all other lines are not there"]);
        assert!(!said.err.contains("create the topic"), "{}", said.err);
    }
    hand.feed(&["produce", &three, "--partition", "2"], b"1\n").said(0, &["1 record is ack"]);
}

#[test]
fn an_unknown_topic_and_a_broker_that_is_not_there_are_told_apart() {
    let cluster = shared();
    let hand = Hand::at(&cluster.bootstrap);
    let said = hand.feed(&["produce", "no-such-topic"], b"{}\n");
    said.said(
        1,
        &["the topic no-such-topic does not exist", "create the topic", "nothing was sent"],
    );
    let missing = hand.run(&["produce", &cluster.topic("file", 1), "no-such-file"]);
    missing.said(64, &["cannot read no-such-file"]);
    let folder = hand.run(&["produce", &cluster.topic("folder", 1), "."]);
    folder.said(1, &["cannot be read behind line 0: Is a directory", "acknowledged by", "nothing"]);
    let [port] = Broker::free_ports();
    let nowhere = Hand::at(&format!("127.0.0.1:{port}"));
    let said = nowhere.feed(&["produce", "t"], b"{}\n");
    said.said(
        75,
        &["no broker answers at 127.0.0.1:", "check bootstrap_servers", "nothing was sent"],
    );
}

#[test]
fn a_record_that_the_broker_refuses_is_named_by_its_line() {
    let cluster = shared();
    let topic = cluster.topic_with("small", 1, &json!({"max.message.bytes": "2000"}));
    let hand = Hand::at(&cluster.bootstrap);
    let large = format!("{{\"n\":\"{}\"}}\n", noise(5000));
    // One by one, so that the record is not in one batch with others.
    let mut child =
        hand.command(&["produce", &topic, "--acks"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut acks = BufReader::new(child.stdout.take().unwrap()).lines();
    for n in 0..3 {
        writeln!(input, "{{\"n\":{n}}}").unwrap();
        assert_eq!(acks.next().unwrap().unwrap(), format!("{topic}\t0\t{n}"));
    }
    input.write_all(large.as_bytes()).unwrap();
    let said = ended(&mut child);
    let too_large = "line 4: Broker: Message size too large for the topic: its max.message.bytes";
    said.said(1, &[too_large, "lines 1-3 (3 records)"]);
    // What the client itself refuses, it names too.
    let larger = format!("{{\"n\":\"{}\"}}\n", noise(11 << 20));
    let said = hand.feed(&["produce", &topic], larger.as_bytes());
    let too_large = "Message size too large for this client: the cluster's property message.max";
    said.said(1, &["line 1: ", too_large, "nothing"]);
    // Nor is a line without an end kept until its end.
    let endless = format!("{{\"n\":3}}\n\"{}\"\n", "x".repeat(33 << 20));
    let said = hand.feed(&["produce", &topic], endless.as_bytes());
    said.said(1, &["line 2 is longer than 32 MiB", "line 1 (1 record)", "all other lines are not"]);
    assert_eq!(cluster.read(&topic, Isolation::Committed).len(), 4);
}

#[test]
fn a_record_that_is_larger_than_the_queue_of_the_settings_names_the_property() {
    let cluster = shared();
    let topic = cluster.topic("narrow", 1);
    let hand = Hand::bare();
    hand.settings(&format!(
        "{{default: {{bootstrap_servers: \"{}\", properties: {{queue.buffering.max.kbytes: 100}}}}}}",
        cluster.bootstrap
    ));
    let large = format!("1\n\"{}\"\n", "x".repeat(200 << 10));
    let said = hand.feed(&["produce", &topic], large.as_bytes());
    let property = "by this record alone: the cluster's property queue.buffering.max.kbytes";
    said.said(1, &["line 2: ", property, "line 1 (1 record)"]);
}

/// Text that does not compress.
fn noise(length: usize) -> String {
    let mut random = fastrand::Rng::with_seed(7);
    std::iter::repeat_with(|| random.alphanumeric()).take(length).collect()
}

#[test]
fn a_rate_holds_back_what_it_does_not_allow_yet() {
    let cluster = shared();
    let topic = cluster.topic("rate", 1);
    let hand = Hand::at(&cluster.bootstrap);
    hand.write("lines", &"1\n".repeat(100_000));
    let produce = ["produce", &topic, "lines", "--rate", "2"];
    let mut child = hand.command(&produce).spawn().unwrap();
    let there = || cluster.read(&topic, Isolation::Committed).len();
    eventually(SOON, "the second record has its turn", || (there() >= 2).then_some(()));
    process::signal(child.id(), "INT");
    let said = ended(&mut child);
    // All at once, all of them would be there by now; at that rate it takes 14 hours.
    let there = there();
    said.said(75, &["before the end of the input", &format!("({there} records)")]);
    assert!(there < 50_000, "{there}");
}

#[test]
fn a_broker_that_is_lost_half_way_is_said_with_what_was_acknowledged() {
    let mut broker = Broker::start(&[]);
    let cluster = broker.cluster();
    let topic = cluster.topic("half-way", 1);
    let hand = Hand::at(&cluster.bootstrap);
    let produce = ["produce", &topic, "--acks", "--timeout", "15"];
    let mut child = hand.command(&produce).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut acks = BufReader::new(child.stdout.take().unwrap()).lines();
    input.write_all(b"1\n2\n").unwrap();
    for n in 0..2 {
        assert_eq!(acks.next().unwrap().unwrap(), format!("{topic}\t0\t{n}"));
    }
    broker.kill9();
    input.write_all(b"3\n4\n").unwrap();
    let said = ended(&mut child);
    said.said(
        75,
        &["line 3: no broker acknowledged it within 15 s", "lines 1-2 (2 records)", "try again"],
    );
    broker.run();
    assert_eq!(values(&cluster.read(&topic, Isolation::Committed)), ["1", "2"]);
}

#[test]
fn a_broker_that_sleeps_leaves_lines_whose_fate_nobody_knows() {
    let broker = Broker::start(&[]);
    let cluster = broker.cluster();
    let topic = cluster.topic("asleep", 1);
    let hand = Hand::at(&cluster.bootstrap);
    let produce = ["produce", &topic, "--acks", "--timeout", "15"];
    let mut child = hand.command(&produce).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut acks = BufReader::new(child.stdout.take().unwrap()).lines();
    input.write_all(b"1\n").unwrap();
    assert!(acks.next().unwrap().is_ok());
    broker.pause();
    input.write_all(b"2\n").unwrap();
    let said = ended(&mut child);
    broker.resume();
    said.said(
        75,
        &["line 2: ", "line 1 (1 record)", "sent without an answer, so perhaps there: line 2"],
    );
}

#[test]
fn a_missing_right_is_said_with_its_line_or_before_anything() {
    let secure = Secure::start();
    let cluster = secure.broker.cluster();
    let (seen, hidden) = (cluster.topic("seen", 1), cluster.topic("hidden", 1));
    let user = format!("User:{USER}");
    secure.allow(&user, "DESCRIBE", "TOPIC", &seen);
    cluster.produce(&seen, &[Record::new(None, Some("0"))]);
    let hand = Hand::bare();
    hand.write("password", PASSWORD);
    let sasl = |file: &str| {
        format!(
            "{{default: {{bootstrap_servers: \"{}\", sasl: {{mechanism: PLAIN, username: {USER}, password: {{file: {file}}}}}}}}}",
            secure.sasl
        )
    };
    hand.settings(&sasl("password"));
    let refused = hand.feed(&["produce", &hidden], b"1\n");
    refused.said(1, &[&hidden, "Topic authorization failed", "ACLs", "nothing was sent"]);
    let refused = hand.feed(&["produce", &seen], b"1\n");
    let nothing = format!("acknowledged by {seen}: nothing");
    refused.said(1, &["authorization failed", "ACLs", &nothing, "all other lines are not there"]);
    hand.run(&["consume", &hidden, "--until-end"])
        .said(1, &[&hidden, "authorization failed", "ACLs", "nothing was read"]);
    hand.run(&["consume", &seen, "--until-end"])
        .said(1, &["authorization failed", "ACLs", "0 records written before it"]);
    assert_eq!(values(&cluster.read(&seen, Isolation::Uncommitted)), ["0"]);
    // With the right it works, and alone no right on any group is needed.
    secure.allow(&user, "WRITE", "TOPIC", &seen);
    secure.allow(&user, "READ", "TOPIC", &seen);
    hand.feed(&["produce", &seen], b"1\n").good();
    assert_eq!(hand.run(&["consume", &seen, "--until-end"]).good().text(), "0\n1\n");
    hand.run(&["consume", &seen, "--group", "g", "--until-end"])
        .said(1, &["roup authorization failed", "ACLs"]);
    hand.feed(&["produce", &seen, "--transaction"], b"2\n")
        .said(1, &["authorization failed", "ACLs", "nothing was sent"]);
    assert_eq!(values(&cluster.read(&seen, Isolation::Uncommitted)), ["0", "1"]);
    hand.write("wrong", "guess");
    hand.settings(&sasl("wrong"));
    hand.feed(&["produce", &seen], b"1\n")
        .said(1, &["uthentication failed", "check user, password"]);
}

/// Larger than all that `produce` keeps: 16 MiB in librdkafka's queue, its chunks, and what the process is.
const STREAM_BYTES: usize = 1 << 30;
const RESIDENT_MAX_KIB: u64 = 200 << 10;

/// The most that a process has had in memory until now, in KiB.
fn peak_of(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_gigabyte_goes_in_and_comes_out_with_bounded_memory() {
    let broker = Broker::start(&[]);
    let cluster = broker.cluster();
    let topic = cluster.topic("stream", 1);
    let hand = Hand::at(&cluster.bootstrap);
    let mut child = hand.command(&["produce", &topic]).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let block = format!("\"{}\"\n", "x".repeat(1021)).repeat(1024);
    let blocks = STREAM_BYTES / block.len();
    for _ in 0..blocks {
        input.write_all(block.as_bytes()).unwrap();
    }
    // While the process is still there to be asked.
    let peak = peak_of(child.id());
    drop(input);
    let lines = blocks * 1024;
    ended(&mut child).said(0, &[&format!("{lines} records are acknowledged")]);
    assert!(peak < RESIDENT_MAX_KIB, "produce: {peak} KiB");
    assert_eq!(cluster.offsets(&topic)[0].high, i64::try_from(lines).unwrap());

    let mut child = hand.command(&["consume", &topic, "--group", "g"]).spawn().unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut read = vec![0; block.len()];
    for _ in 0..blocks {
        output.read_exact(&mut read).unwrap();
        assert!(read == block.as_bytes());
    }
    let peak = peak_of(child.id());
    process::signal(child.id(), "INT");
    ended(&mut child).said(0, &[]);
    assert!(peak < RESIDENT_MAX_KIB, "consume: {peak} KiB");
    assert_eq!(cluster.committed("g", &topic)[&0], i64::try_from(lines).unwrap());
}

#[test]
fn acknowledgements_that_cannot_be_printed_end_it() {
    let cluster = shared();
    let topic = cluster.topic("unprinted", 1);
    let hand = Hand::at(&cluster.bootstrap);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut child = hand
        .command(&["produce", &topic, "--acks"])
        .stdin(Stdio::piped())
        .stdout(full)
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"1\n").unwrap();
    ended(&mut child).said(1, &["acknowledgements cannot be printed", "line 1 (1 record)"]);
}

/// What follows the number, and clears the rest of the line.
const IN_FLIGHT: &str = " in flight\u{1b}[K";

#[test]
fn somebody_who_looks_on_sees_how_far_it_is_and_nobody_else_does() {
    let cluster = shared();
    let topic = cluster.topic("seen", 1);
    let hand = Hand::at(&cluster.bootstrap);
    // An input that goes on when the test says so: opened for both, nobody waits for the other.
    let path = hand.path().join("lines");
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
    let mut input = File::options().read(true).write(true).open(&path).unwrap();
    // A terminal of its own: what the command writes to it comes out of `script`.
    let krouted = env!("CARGO_BIN_EXE_krouted");
    let command = format!("{krouted} produce {topic} lines");
    let mut terminal = Command::new("script");
    terminal.args(["--quiet", "--return", "--command", &command, "/dev/null"]);
    terminal.current_dir(hand.path()).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut terminal = terminal.stderr(Stdio::piped()).spawn().unwrap();
    let mut shown = BufReader::new(terminal.stdout.take().unwrap()).split(b'\r');
    let mut next = || String::from_utf8(shown.next().unwrap().unwrap()).unwrap();
    let mut seen = Vec::new();
    for count in [5, 20] {
        input.write_all("1\n".repeat(count - seen.last().unwrap_or(&0)).as_bytes()).unwrap();
        // Each time over the one before, on one line.
        while seen.last() != Some(&count) {
            let line = next();
            if !line.is_empty() {
                let (count, rest) = line.split_once(' ').unwrap();
                assert!(rest.starts_with("record") && rest.ends_with(IN_FLIGHT), "{line:?}");
                seen.push(count.parse().unwrap());
            }
        }
    }
    assert!(seen.is_sorted(), "{seen:?}");
    drop(input);
    // It is gone at the end.
    let mut line = next();
    while line.is_empty() || line.ends_with(IN_FLIGHT) {
        line = next();
    }
    assert_eq!(line, format!("\u{1b}[K{topic}: 20 records are acknowledged"));
    assert_eq!(terminal.wait().unwrap().code(), Some(0));
    hand.write("more", &"1\n".repeat(20));
    let piped = hand.run(&["produce", &topic, "more"]).good();
    assert_eq!(piped.err, format!("{topic}: 20 records are acknowledged\n"));
}
