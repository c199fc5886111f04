//! `produce` ends by the first signal, whatever it waits for, and says what it knows of each line.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use rustix::fs::OFlags;

use super::{Hand, ended, is_full};
use crate::kafka::broker::Broker;
use crate::kafka::record::Record;
use crate::kafka::{Isolation, shared};
use crate::process;
use crate::wait::{SOON, eventually};

#[test]
fn sigint_flushes_and_closes_though_nobody_types() {
    let cluster = shared();
    let topic = cluster.topic("sigint", 1);
    let hand = Hand::at(&cluster.bootstrap);
    let mut child = hand.command(&["produce", &topic]).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"1\n2\n").unwrap();
    eventually(SOON, "two records", || {
        (cluster.read(&topic, Isolation::Committed).len() == 2).then_some(())
    });
    process::signal(child.id(), "INT");
    let nothing_lost = ["stopped by a signal before the end of the input", "1-2 (2 records)"];
    ended(&mut child).said(75, &nothing_lost);
    drop(input);

    // Half an input is not the whole: a transaction is taken back.
    let mut child =
        hand.command(&["produce", &topic, "--transaction"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"3\n").unwrap();
    eventually(SOON, "it is sent", || {
        (cluster.read(&topic, Isolation::Uncommitted).len() == 3).then_some(())
    });
    process::signal(child.id(), "INT");
    ended(&mut child).said(75, &["stopped by a signal", "nothing of the input is visible"]);
    assert_eq!(cluster.read(&topic, Isolation::Committed).len(), 2);
}

#[test]
fn a_signal_ends_it_though_nobody_reads_its_acknowledgements() {
    let cluster = shared();
    let hand = Hand::at(&cluster.bootstrap);
    hand.write("lines", &"1\n".repeat(20_000));
    for (signal, more) in [("INT", &[][..]), ("TERM", &[]), ("TERM", &["--transaction"])] {
        let topic = cluster.topic("unread-acks", 1);
        let (pipe, end) = std::io::pipe().unwrap();
        let seen = end.try_clone().unwrap();
        let produce = [&["produce", &topic, "lines", "--acks"], more].concat();
        let mut child = hand.command(&produce).stdout(end).spawn().unwrap();
        eventually(SOON, "the pipe is full", || is_full(&seen).then_some(()));
        process::signal(child.id(), signal);
        // The pipe stays open, and unread, until the command has ended.
        let said = ended(&mut child);
        drop(pipe);
        let there = cluster.read(&topic, Isolation::Committed).len();
        // Whether it is in a write, or between two, when the signal comes, is nobody's to say; what it tells is true.
        let unread =
            "acknowledgements cannot be printed: stopped by a signal while nobody reads them";
        if !more.is_empty() {
            let between = "stopped by a signal before the end of the input";
            assert!(said.err.contains(unread) || said.err.contains(between), "{}", said.err);
            said.said(75, &["the transaction is aborted: nothing of the input is visible"]);
            assert_eq!(there, 0);
        } else if said.code == Some(0) {
            said.said(0, &[&format!("{topic}: {there} records are acknowledged")]);
        } else {
            let count = format!("acknowledged by {topic}: lines 1-{there} ({there} records)");
            said.said(75, &[unread, &count, "all other lines are not there"]);
            assert!(!said.err.contains("perhaps"), "{}", said.err);
        }
    }
}

/// A command whose broker is asleep, after line 1 is acknowledged: whatever is sent now gets no answer in time.
struct Asleep {
    broker: Broker,
    topic: String,
    child: Child,
    input: ChildStdin,
    /// Somebody reads them.
    _acks: BufReader<ChildStdout>,
}

impl Asleep {
    fn new(name: &str) -> Self {
        let broker = Broker::start(&[]);
        let topic = broker.cluster().topic(name, 1);
        let hand = Hand::at(&broker.cluster().bootstrap);
        let produce = ["produce", &topic, "--acks", "--timeout", "3600"];
        let mut child = hand.command(&produce).stdin(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(b"1\n").unwrap();
        let mut acks = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        acks.read_line(&mut first).unwrap();
        assert_eq!(first, format!("{topic}\t0\t0\n"));
        broker.pause();
        Self { broker, topic, child, input, _acks: acks }
    }

    /// What it said of lines that are perhaps there, after it ended by one signal.
    fn ended_by(mut self, signal: &str) -> std::ops::RangeInclusive<u64> {
        process::signal(self.child.id(), signal);
        let said = ended(&mut self.child);
        drop(self.input);
        said.said(
            75,
            &[
                "error: stopped by a signal before all that was sent is acknowledged",
                "line 1 (1 record)",
                "all other lines are not there",
            ],
        );
        let perhaps = said.err.split("sent without an answer, so perhaps there: line").nth(1);
        let perhaps = perhaps.unwrap().lines().next().unwrap().trim_start_matches('s').trim();
        let (first, last) = perhaps.split_once('-').unwrap_or((perhaps, perhaps));
        let perhaps = first.parse().unwrap()..=last.parse().unwrap();
        // What it took for lost may be there, and nothing else.
        self.broker.resume();
        let there = self.broker.cluster().read(&self.topic, Isolation::Committed);
        let is_known = |(line, _): &(u64, &Record)| *line == 1 || perhaps.contains(line);
        assert!((1..).zip(&there).all(|read| is_known(&read)), "{} {perhaps:?}", there.len());
        perhaps
    }
}

/// Of what waits for its acknowledgement.
const QUEUE_BYTES: usize = 16 << 20;
/// Looks in a row at which a command takes nothing: one alone may come between two of its reads.
const STILL_LOOKS: usize = 20;

#[test]
fn a_signal_ends_it_though_the_queue_is_full_and_no_answer_comes() {
    let asleep = Asleep::new("full-queue");
    let line = format!("\"{}\"\n", "x".repeat(1 << 10));
    let mut input = File::from(asleep.input.as_fd().try_clone_to_owned().unwrap());
    let (taken, told) = std::sync::mpsc::channel();
    let writer = std::thread::spawn(move || {
        // Ends when the command has ended, and its pipe with it.
        while input.write_all(line.as_bytes()).is_ok() {
            taken.send(line.len()).unwrap_or_default();
        }
    });
    // What the queue takes, and not much more: all of it waits for its acknowledgement, which over a slow line takes long.
    let mut bytes = 0;
    while bytes < QUEUE_BYTES {
        bytes += told.recv_timeout(SOON).expect("it takes what its queue has room for");
    }
    let mut still = 0;
    eventually(SOON, "it waits for room", || {
        let more = told.try_iter().sum::<usize>();
        bytes += more;
        still = if more == 0 && is_full(&asleep.input) { still + 1 } else { 0 };
        (still == STILL_LOOKS).then_some(())
    });
    assert!(bytes < QUEUE_BYTES + (8 << 20), "{bytes}");
    let perhaps = asleep.ended_by("TERM");
    assert_eq!(*perhaps.start(), 2);
    writer.join().unwrap();
}

#[test]
fn a_signal_ends_it_though_the_input_is_over_and_no_answer_comes() {
    let mut asleep = Asleep::new("flush");
    asleep.input.write_all(b"2\n3\n").unwrap();
    let (other, closed) = std::io::pipe().unwrap();
    drop((other, std::mem::replace(&mut asleep.input, ChildStdin::from(OwnedFd::from(closed)))));
    // Whoever reads the input has seen its end.
    let tasks = format!("/proc/{}/task", asleep.child.id());
    eventually(SOON, "all is read", || {
        let names =
            std::fs::read_dir(&tasks).unwrap().map(|task| task.unwrap().path().join("comm"));
        let mut names = names.filter_map(|file| std::fs::read_to_string(file).ok());
        (!names.any(|name| name.trim() == "input")).then_some(())
    });
    assert_eq!(asleep.ended_by("INT"), 2..=3);
}

#[test]
fn a_second_signal_ends_it_though_nobody_reads_what_it_has_to_say() {
    let cluster = shared();
    let topic = cluster.topic("twice", 1);
    let hand = Hand::at(&cluster.bootstrap);
    let mut child = hand.command(&["produce", &topic]).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"1\n").unwrap();
    eventually(SOON, "a record", || {
        (cluster.read(&topic, Isolation::Committed).len() == 1).then_some(())
    });
    // After the first signal it writes how the input ended, and no write to a full pipe ends.
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    let mut unread = File::options();
    let unread = unread.write(true).custom_flags(nonblocking);
    let mut unread = unread.open(format!("/proc/{}/fd/2", child.id())).unwrap();
    let full = loop {
        if let Err(full) = unread.write(b"-") {
            break full;
        }
    };
    assert_eq!(full.kind(), ErrorKind::WouldBlock);
    // Two that come at once are one.
    let status = eventually(SOON, "it ends", || {
        process::signal(child.id(), "INT");
        child.try_wait().unwrap()
    });
    assert_eq!(status.code(), Some(130));
}
