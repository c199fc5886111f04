//! What `krouted consume` writes to: pipes, files, sockets and terminals that take it, or do not.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use super::consume::{json_values, with};
use super::{Hand, ended, is_full};
use crate::kafka::record::Record;
use crate::kafka::unique;
use crate::process;
use crate::wait::{SOON, eventually};

const MANY: usize = 20_000;

#[test]
fn a_closed_pipe_loses_nothing() {
    let (cluster, topic, hand) = with("closed", &json_values(MANY));
    let group = unique("group");
    let consume = ["consume", &topic, "--group", &group, "--until-end"];
    let mut child = hand.command(&consume).spawn().unwrap();
    let mut pipe = child.stdout.take().unwrap();
    let mut seen = vec![0; 100_000];
    pipe.read_exact(&mut seen).unwrap();
    // What waits in the pipe now is never read.
    drop(pipe);
    // The end that was asked for was not reached.
    ended(&mut child).said(75, &["nobody reads any more", &group]);
    let lines = seen.split(|byte| *byte == b'\n').count() - 1;
    let committed = cluster.committed(&group, &topic).get(&0).copied().unwrap_or(0);
    assert!(
        committed <= i64::try_from(lines).unwrap(),
        "{committed} committed, {lines} lines were read"
    );
    let rest = hand.run(&consume).good();
    let first: i64 =
        serde_json::from_str::<serde_json::Value>(rest.lines()[0]).unwrap()["n"].as_i64().unwrap();
    assert_eq!(first, committed);
    assert_eq!(rest.lines().len(), MANY - usize::try_from(committed).unwrap());
    assert_eq!(cluster.committed(&group, &topic).get(&0), Some(&i64::try_from(MANY).unwrap()));
}

#[test]
fn a_pipe_that_was_closed_before_the_end_was_read_gets_no_commit_for_what_was_in_it() {
    let (cluster, topic, hand) = with("unread", &json_values(10));
    let group = unique("group");
    let consume = ["consume", &topic, "--group", &group, "--until-end"];
    let mut child = hand.command(&consume).spawn().unwrap();
    let pipe = child.stdout.take().unwrap();
    // All ten fit into the pipe, and nobody reads them.
    eventually(SOON, "it waits for its reader", || {
        let left = rustix::io::ioctl_fionread(&pipe).unwrap();
        (left == 80).then_some(())
    });
    drop(pipe);
    ended(&mut child).said(75, &["nobody reads any more"]);
    assert_eq!(cluster.committed(&group, &topic).get(&0), None);
    assert_eq!(hand.run(&consume).good().lines().len(), 10);
}

#[test]
fn a_full_disk_loses_nothing() {
    let (cluster, topic, hand) = with("full", &json_values(MANY));
    let group = unique("group");
    let consume = ["consume", &topic, "--group", &group, "--until-end"];
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut child = hand.command(&consume).stdout(full).spawn().unwrap();
    ended(&mut child)
        .said(1, &["standard output: No space left on device", "its next run goes on there"]);
    assert_eq!(cluster.committed(&group, &topic).get(&0), None);
    let file = File::create(hand.path().join("out")).unwrap();
    let mut child = hand.command(&consume).stdout(file).spawn().unwrap();
    ended(&mut child).said(0, &[]);
    let written = std::fs::read_to_string(hand.path().join("out")).unwrap();
    assert_eq!(written.lines().count(), MANY);
    assert_eq!(cluster.committed(&group, &topic).get(&0), Some(&i64::try_from(MANY).unwrap()));
}

#[test]
fn only_what_is_flushed_is_said_to_be_written() {
    let (_, topic, hand) = with("unflushed", &json_values(MANY));
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let mut child =
        hand.command(&["consume", &topic, "--until-end"]).stdout(full()).spawn().unwrap();
    ended(&mut child).said(1, &["standard output: No space left on device", "  0 records written"]);
    // The tenth has no line, and the nine before it cannot be written.
    let mut records = json_values(9);
    records.push(Record::new(None, Some("no JSON")).to(0));
    let (_, topic, hand) = with("unflushed-before", &records);
    let to_ten = ["consume", &topic, "-o", "json"];
    let said = hand.run(&to_ten);
    said.said(1, &["[0]@9: ", "  9 records written"]);
    let mut child = hand.command(&to_ten).stdout(full()).spawn().unwrap();
    ended(&mut child)
        .said(1, &["[0]@9: ", "standard output: No space left", "  0 records written"]);
}

#[test]
fn a_socket_as_standard_output_gets_no_group() {
    let (cluster, topic, hand) = with("socket", &json_values(3));
    let group = unique("group");
    let consume = ["consume", &topic, "--until-end", "--group", &group];
    let socket = || std::os::unix::net::UnixStream::pair().unwrap();
    let (mut end, out) = socket();
    let mut child = hand.command(&consume).stdout(std::os::fd::OwnedFd::from(out)).spawn().unwrap();
    ended(&mut child).said(64, &["standard output is a socket", "| cat"]);
    let mut read = String::new();
    end.read_to_string(&mut read).unwrap();
    assert_eq!(read, "");
    assert_eq!(cluster.committed(&group, &topic).get(&0), None);
    // Without a group nothing is promised.
    let (mut end, out) = socket();
    let mut child =
        hand.command(&consume[..3]).stdout(std::os::fd::OwnedFd::from(out)).spawn().unwrap();
    ended(&mut child).said(0, &[]);
    end.read_to_string(&mut read).unwrap();
    assert_eq!(read, "{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n");
}

#[test]
fn a_signal_ends_it_though_its_terminal_is_halted() {
    let (_, topic, hand) = with("halted", &json_values(MANY));
    let krouted = env!("CARGO_BIN_EXE_krouted");
    // A terminal of its own, which `script` makes; it shows what it is given only while somebody reads what `script` writes.
    let command = format!("echo $$; exec {krouted} consume {topic}");
    let mut terminal = Command::new("script");
    terminal.args(["--quiet", "--return", "--command", &command, "/dev/null"]);
    terminal.env("SHELL", "/bin/sh").current_dir(hand.path());
    let (mut shown, end) = std::io::pipe().unwrap();
    let seen = end.try_clone().unwrap();
    terminal.stdin(Stdio::null()).stdout(end).stderr(Stdio::null());
    let mut script = terminal.spawn().unwrap();
    // It holds the pipe's other end, too.
    drop(terminal);
    let mut first = Vec::new();
    while !first.ends_with(b"\n") {
        let mut byte = [0];
        shown.read_exact(&mut byte).unwrap();
        first.push(byte[0]);
    }
    let process: u32 = String::from_utf8(first).unwrap().trim().parse().unwrap();
    eventually(SOON, "nobody takes anything", || is_full(&seen).then_some(()));
    process::signal(process, "INT");
    eventually(SOON, "it ends", || (!process::is_alive(process)).then_some(()));
    drop(shown);
    script.wait().unwrap();
}

#[test]
fn a_line_that_a_full_disk_cut_is_ended_and_its_record_comes_whole() {
    let (_, topic, hand) = with("cut", &json_values(3));
    let path = hand.path().join("out");
    std::fs::write(&path, "{\"n\":0}\n{\"n").unwrap();
    let append = || File::options().append(true).open(&path).unwrap();
    for _ in 0..2 {
        let mut child =
            hand.command(&["consume", &topic, "--until-end"]).stdout(append()).spawn().unwrap();
        ended(&mut child).said(0, &[]);
    }
    let all = "{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n";
    assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{{\"n\":0}}\n{{\"n\n{all}{all}"));
}

#[test]
fn a_reader_that_went_away_is_no_error_without_a_group() {
    let (_, topic, hand) = with("head", &json_values(MANY));
    let mut child = hand.command(&["consume", &topic]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "{\"n\":0}");
    drop(lines);
    let said = ended(&mut child);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
}

#[test]
fn a_signal_ends_it_though_nobody_reads_its_full_pipe() {
    let (cluster, topic, hand) = with("never-read", &json_values(MANY));
    let group = unique("group");
    for signal in ["INT", "TERM"] {
        let (pipe, end) = std::io::pipe().unwrap();
        let seen = end.try_clone().unwrap();
        let mut command = hand.command(&["consume", &topic, "--group", &group]);
        let mut child = command.stdout(end).spawn().unwrap();
        eventually(SOON, "the pipe is full", || is_full(&seen).then_some(()));
        process::signal(child.id(), signal);
        // The pipe stays open, and unread, until the command has ended.
        ended(&mut child).said(0, &["what was not read stays", &group]);
        drop(pipe);
        for (end, more, said) in [
            ("--until-end", &[][..], "records written before it"),
            ("--count=20000", &[][..], "records written before it"),
            ("--until-end", &["--group", &group][..], "not all that is written is committed"),
        ] {
            let (pipe, out) = std::io::pipe().unwrap();
            let seen = out.try_clone().unwrap();
            let consume = [&["consume", &topic, end][..], more].concat();
            let mut child = hand.command(&consume).stdout(out).spawn().unwrap();
            eventually(SOON, "the pipe is full", || is_full(&seen).then_some(()));
            process::signal(child.id(), signal);
            let what = "stopped by a signal before the end that was asked for";
            ended(&mut child).said(75, &[what, said]);
            drop(pipe);
        }
    }
    assert_eq!(cluster.committed(&group, &topic).get(&0), None);
}

#[test]
fn a_file_that_takes_some_and_then_no_more_loses_nothing_of_a_group() {
    let (cluster, topic, hand) = with("limited", &json_values(MANY));
    let group = unique("group");
    let consume = ["consume", &topic, "--group", &group, "--until-end"];
    // Half a KiB is one block of `ulimit -f`; a write over the limit takes what is left of it, and the next one nothing.
    let limited = "ulimit -f 100; trap '' XFSZ; exec \"$@\" > out";
    let mut krouted = hand.command(&consume);
    let mut shell = Command::new("sh");
    shell.args(["-c", limited, "sh"]).arg(krouted.get_program()).args(krouted.get_args());
    shell.envs(krouted.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.current_dir(hand.path()).stderr(Stdio::piped());
    let mut child = shell.spawn().unwrap();
    ended(&mut child).said(1, &["standard output", "its next run"]);
    let path = hand.path().join("out");
    let taken = std::fs::read(&path).unwrap();
    let committed = cluster.committed(&group, &topic).get(&0).copied().unwrap_or(0);
    let whole = taken.split(|byte| *byte == b'\n').count() - 1;
    assert!(whole > 0 && whole < MANY, "{whole} lines");
    assert!(committed <= i64::try_from(whole).unwrap(), "{committed} of {whole} are committed");
    // The next run goes on in the same file, and what was cut comes again.
    let file = File::options().append(true).open(&path).unwrap();
    let mut child = krouted.stdout(file).spawn().unwrap();
    ended(&mut child).said(0, &[]);
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: BTreeSet<&str> = text.lines().collect();
    let lost = (0..MANY).map(|n| format!("{{\"n\":{n}}}")).find(|l| !lines.contains(l.as_str()));
    assert_eq!(lost, None);
}

#[test]
fn a_document_that_cannot_be_printed_is_code_1() {
    let hand = Hand::bare();
    hand.run(&["init"]).good();
    for command in [
        &["schema"][..],
        &["--help"],
        &["check", "-o", "json"],
        &["test", "-o", "junit"],
        &["plan", "pipelines", "--against", "."],
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut child = hand.command(command).stdout(full).spawn().unwrap();
        ended(&mut child).said(1, &["error: standard output: No space left on device"]);
    }
}
