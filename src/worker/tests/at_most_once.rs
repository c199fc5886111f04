//! Offsets first: what is refused afterwards is a dead letter, dropped or lost, and counted.

use std::sync::atomic::Ordering::Relaxed;

use super::cluster::{Blow, Call, How, Input, Refuses};
use super::rig::{Rig, input};
use crate::pipeline::{Delivery, OnReject, Pipeline, Routing};
use crate::worker::Exit;

fn rig(records: Vec<Input>) -> Rig {
    Rig::new(Delivery::AtMostOnce, vec![records])
}

fn refused(by: Refuses, letter: Refuses) -> Vec<Input> {
    vec![input("a"), Input { key: "both", outputs: by, letter }, input("b")]
}

#[test]
fn a_record_that_several_sinks_refuse_has_one_dead_letter() {
    for by in [Refuses::Broker, Refuses::Client] {
        let rig = rig(refused(by, Refuses::Nobody));
        assert_eq!(rig.run(), Exit::Drained);
        rig.check_at_most_once();
        rig.check_exactly_once();
        rig.check_counters();
        assert_eq!(rig.counters.lost.load(Relaxed), 0);
    }
}

#[test]
fn a_refused_record_whose_dead_letter_is_refused_too_is_lost_and_counted() {
    for by in [Refuses::Broker, Refuses::Client] {
        for letter in [Refuses::Broker, Refuses::Client] {
            let rig = rig(refused(by, letter));
            assert_eq!(rig.run(), Exit::Drained);
            assert_eq!(rig.counters.lost.load(Relaxed), 1, "{by:?} {letter:?}");
            assert_eq!(rig.counted().dead_lettered, [0; 5]);
            assert_eq!(rig.counted().produced, 2);
            assert_eq!(rig.committed(), [3]);
        }
    }
}

#[test]
fn a_refused_dead_letter_of_another_stage_is_lost_once() {
    for letter in [Refuses::Broker, Refuses::Client] {
        for policy in [OnReject::DeadLetter, OnReject::Drop] {
            let rig = rig(vec![Input { letter, ..input("none") }, input("a")])
                .with(|p| p.on_error.sink = policy);
            assert_eq!(rig.run(), Exit::Drained);
            assert_eq!(rig.counters.lost.load(Relaxed), 1);
            assert_eq!(rig.counted().dead_lettered, [0; 5]);
            assert_eq!(rig.counted().dropped, [0; 5]);
        }
    }
}

#[test]
fn a_refused_record_is_dropped_where_the_policy_says_so() {
    let rig =
        rig(refused(Refuses::Broker, Refuses::Nobody)).with(|p| p.on_error.sink = OnReject::Drop);
    assert_eq!(rig.run(), Exit::Drained);
    rig.check_counters();
    assert_eq!(rig.counters.lost.load(Relaxed), 0);
}

#[test]
fn a_stop_policy_of_a_sink_halts_and_says_that_the_record_is_lost() {
    let rig =
        rig(refused(Refuses::Broker, Refuses::Nobody)).with(|p| p.on_error.sink = OnReject::Stop);
    let Exit::Halted(why) = rig.run() else { panic!("was to halt") };
    assert!(why.contains("in[0]@1") && why.contains("lost"), "{why}");
    assert_eq!(rig.counters.lost.load(Relaxed), 1);
}

#[test]
fn a_stop_policy_of_another_stage_leaves_its_record_uncommitted() {
    for bad in 0..5 {
        let mut records = vec![input("a"); 5];
        records[bad] = input("none");
        let rig = rig(records).with(|pipeline: &mut Pipeline| {
            if let Routing::Routes { unmatched, .. } = &mut pipeline.routing {
                *unmatched = OnReject::Stop;
            }
        });
        let Exit::Halted(why) = rig.run() else { panic!("was to halt") };
        assert!(why.contains(&format!("in[0]@{bad}")), "{why}");
        assert_eq!(rig.committed(), [bad]);
        rig.check_exactly_once();
        rig.check_counters();
    }
}

/// Nobody knows what of a batch has arrived when its client fails: all of it counts, so that no loss is silent.
#[test]
fn a_batch_whose_client_fails_counts_as_lost() {
    let make = || rig(vec![input("a"); 3]);
    let clean = make();
    clean.run();
    for call in [Call::Send, Call::Settle] {
        let number = clean.calls().iter().rposition(|c| *c == call).unwrap();
        let rig = make().scripted([(number, Blow::Fails(How::Rebuild))]);
        assert_eq!(rig.run(), Exit::Drained);
        rig.check_at_most_once();
        assert_eq!(rig.counters.lost.load(Relaxed), 3, "{call:?}");
    }
}

#[test]
fn a_batch_whose_commit_fails_is_read_again_and_nothing_of_it_was_sent() {
    let make = || rig(vec![input("a"); 3]);
    let clean = make();
    clean.run();
    let number = clean.calls().iter().position(|c| *c == Call::Commit).unwrap();
    for how in [How::Abort, How::Rebuild, How::Fault] {
        let rig = make().scripted([(number, Blow::Fails(how))]);
        assert_eq!(rig.run(), Exit::Drained);
        rig.check_exactly_once();
        assert_eq!(rig.counters.lost.load(Relaxed), 0);
    }
}
