//! What `produce` sends again comes once: an answer that is lost, a broker that is killed and comes back.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use super::{Hand, ended};
use crate::kafka::broker::Broker;
use crate::kafka::{Cluster, Isolation};
use crate::proxy::{Fault, Proxied, api};
use crate::scene::text;

/// The values of all that is there, by the judge.
fn values(cluster: &Cluster, topic: &str) -> Vec<String> {
    let there = cluster.read(topic, Isolation::Uncommitted);
    there.iter().map(|record| text(record.value.as_deref())).collect()
}

#[test]
fn a_record_whose_answer_is_lost_is_sent_again_and_comes_once() {
    let proxied = Proxied::start(&[]);
    let cluster = proxied.broker.cluster();
    let hand = Hand::at(&proxied.cluster().bootstrap);
    for (met, more) in (1..).zip([&[][..], &["--transaction"]]) {
        let topic = cluster.topic("unanswered", 1);
        // The broker has it, and the connection ends instead of saying so.
        proxied.proxy.next(api::PRODUCE, Fault::CutInsteadOfResponse);
        let said = hand.feed(&[&["produce", &topic], more].concat(), b"1\n2\n3\n");
        said.said(0, &["3 records are "]);
        assert_eq!(proxied.proxy.met(api::PRODUCE), met);
        assert_eq!(values(&cluster, &topic), ["1", "2", "3"], "{more:?}");
    }
}

#[test]
fn a_broker_that_is_killed_and_comes_back_in_time_has_each_record_once() {
    let mut broker = Broker::start(&[]);
    let cluster = broker.cluster();
    let topic = cluster.topic("comes-back", 1);
    let hand = Hand::at(&cluster.bootstrap);
    let produce = ["produce", &topic, "--acks", "--timeout", "600"];
    let mut child = hand.command(&produce).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut acks = BufReader::new(child.stdout.take().unwrap()).lines();
    input.write_all(b"1\n").unwrap();
    assert_eq!(acks.next().unwrap().unwrap(), format!("{topic}\t0\t0"));
    broker.kill9();
    // They wait for a broker, within the time that each may wait.
    input.write_all(b"2\n3\n").unwrap();
    drop(input);
    broker.run();
    let rest: Vec<_> = acks.map(Result::unwrap).collect();
    assert_eq!(rest, [format!("{topic}\t0\t1"), format!("{topic}\t0\t2")]);
    ended(&mut child).said(0, &["3 records are acknowledged"]);
    assert_eq!(values(&cluster, &topic), ["1", "2", "3"]);
}
