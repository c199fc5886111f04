//! Records that a sink refuses, dead letters that are refused too, and the `stop` policy.

use std::sync::atomic::Ordering::Relaxed;

use super::cluster::{Blow, Call, How, Input, Refuses};
use super::rig::{Rig, input, inputs};
use crate::pipeline::{Delivery, OnReject, Pipeline, Routing, WindowLimits, sample};
use crate::worker::Exit;

fn exactly_once(max_records: u32) -> Delivery {
    Delivery::ExactlyOnce(sample::limits(max_records))
}

fn stop_unmatched(pipeline: &mut Pipeline) {
    if let Routing::Routes { unmatched, .. } = &mut pipeline.routing {
        *unmatched = OnReject::Stop;
    }
}

fn refused_at(count: usize, bad: usize, by: Refuses) -> Vec<Input> {
    let mut records = vec![input("both"); count];
    records[bad].outputs = by;
    records
}

fn halted(exit: &Exit) -> &str {
    match exit {
        Exit::Halted(why) => why,
        Exit::Drained | Exit::Fault(_) => panic!("{exit:?}: was to halt"),
    }
}

#[test]
fn the_one_refused_record_becomes_a_dead_letter_and_all_others_go_on() {
    for by in [Refuses::Broker, Refuses::Client] {
        for bad in 0..30 {
            let rig = Rig::new(exactly_once(50), vec![refused_at(30, bad, by)]);
            assert_eq!(rig.run(), Exit::Drained);
            rig.check_exactly_once();
            rig.check_counters();
            assert_eq!(rig.counters.dead_lettered[3].load(Relaxed), 1, "{by:?} {bad}");
        }
    }
}

#[test]
fn a_refused_record_is_dropped_where_the_policy_says_so_and_counted() {
    let rig = Rig::new(exactly_once(8), vec![refused_at(20, 13, Refuses::Broker)])
        .with(|p| p.on_error.sink = OnReject::Drop);
    assert_eq!(rig.run(), Exit::Drained);
    rig.check_exactly_once();
    rig.check_counters();
    assert_eq!(rig.counters.dropped[3].load(Relaxed), 1);
}

#[test]
fn a_stop_policy_commits_all_before_the_record_and_names_it() {
    for (delivery, bad) in [exactly_once(4), Delivery::AtLeastOnce(sample::limits(4))]
        .into_iter()
        .flat_map(|d| (0..12).map(move |bad| (d, bad)))
    {
        let mut records = vec![input("a"); 12];
        records[bad] = input("none");
        let rig = Rig::new(delivery, vec![records]).with(stop_unmatched);
        let exit = rig.run();
        assert!(halted(&exit).contains(&format!("in[0]@{bad}: unmatched")), "{exit:?}");
        assert_eq!(rig.committed(), [bad]);
        rig.check_exactly_once();
        rig.check_counters();
    }
}

#[test]
fn a_stop_policy_of_a_sink_commits_all_before_the_record() {
    for by in [Refuses::Broker, Refuses::Client] {
        let rig = Rig::new(exactly_once(8), vec![refused_at(20, 13, by)])
            .with(|p| p.on_error.sink = OnReject::Stop);
        let exit = rig.run();
        assert!(halted(&exit).contains("in[0]@13: sink: too large"), "{exit:?}");
        assert_eq!(rig.committed(), [13]);
        rig.check_exactly_once();
    }
}

/// The halt's own commit can fail as any other: what stands before the record is done again, then it halts.
#[test]
fn a_halt_whose_commit_fails_still_commits_all_before_the_record() {
    for how in [How::Abort, How::Rebuild, How::Fault] {
        for blow in [Blow::Fails(how), Blow::FailsLate(how), Blow::Kill, Blow::KillLate] {
            let mut records = vec![input("a"); 5];
            records[4] = input("none");
            let make = || Rig::new(exactly_once(50), vec![records.clone()]).with(stop_unmatched);
            let clean = make();
            clean.run();
            let commit = clean.calls().iter().position(|c| *c == Call::Commit).unwrap();
            let rig = make().scripted([(commit, blow)]);
            let exit = rig.run();
            assert!(halted(&exit).contains("in[0]@4"), "{exit:?}");
            assert_eq!(rig.committed(), [4], "{blow:?}");
            rig.check_exactly_once();
        }
    }
}

#[test]
fn a_dead_letter_that_is_refused_too_halts_behind_all_that_stands_before_it() {
    for by in [Refuses::Broker, Refuses::Client] {
        for outputs in [Refuses::Broker, Refuses::Client] {
            let mut records = refused_at(20, 13, outputs);
            records[13].letter = by;
            let rig = Rig::new(exactly_once(50), vec![records]);
            let exit = rig.run();
            let why = halted(&exit);
            assert!(why.contains("in[0]@13") && why.contains("dead letter"), "{why}");
            assert_eq!(rig.committed(), [13], "{by:?} {outputs:?}");
            rig.check_exactly_once();
        }
    }
}

/// `on_error.sink` speaks of outputs: the dead letter of another stage is never dropped.
#[test]
fn a_refused_dead_letter_of_another_stage_is_not_dropped() {
    for by in [Refuses::Broker, Refuses::Client] {
        let mut records = vec![input("a"); 9];
        records[5] = Input { letter: by, ..input("none") };
        let rig =
            Rig::new(exactly_once(50), vec![records]).with(|p| p.on_error.sink = OnReject::Drop);
        let exit = rig.run();
        assert!(halted(&exit).contains("in[0]@5"), "{exit:?}");
        assert_eq!(rig.committed(), [5]);
        assert_eq!(rig.counters.dropped[3].load(Relaxed), 0);
        rig.check_exactly_once();
    }
}

/// A producer that meets the broker's refusal of one record while the next is being sent must not blame the one before.
#[test]
fn a_refusal_in_the_midst_of_a_record_is_not_laid_on_the_record_before() {
    let clean = Rig::new(exactly_once(2), vec![vec![input("both"); 2]]);
    clean.run();
    let sends = clean.calls();
    // The second output of the second record: the first record is whole by then.
    let number = sends.iter().enumerate().filter(|(_, c)| **c == Call::Send).nth(3).unwrap().0;
    let rig =
        Rig::new(exactly_once(2), vec![vec![input("both"); 2]]).scripted([(number, Blow::Refused)]);
    assert_eq!(rig.run(), Exit::Drained);
    rig.check_exactly_once();
    rig.check_counters();
}

/// Other partitions fill window after window before the refused record is read again: it stays known.
#[test]
fn a_refused_record_behind_a_busy_partition_is_found_once() {
    let mut quiet = vec![input("a"); 2];
    quiet[1].outputs = Refuses::Client;
    let rig = Rig::new(exactly_once(3), vec![vec![input("a"); 300], quiet]);
    assert_eq!(rig.run(), Exit::Drained);
    rig.check_exactly_once();
    assert_eq!(rig.counters.aborted.load(Relaxed), 1, "one abort for one refused record");
}

#[test]
fn a_window_closes_by_bytes() {
    let limits = WindowLimits { max_bytes: 4, ..sample::limits(1_000) };
    let rig = Rig::new(Delivery::ExactlyOnce(limits), vec![vec![input("both"); 6]]);
    assert_eq!(rig.run(), Exit::Drained);
    rig.check_exactly_once();
    assert_eq!(rig.counters.windows.load(Relaxed), 6, "a key of four bytes each");
}

#[test]
fn an_aborted_window_is_counted_once_and_its_records_too() {
    for how in [How::Abort, How::Rebuild] {
        let make = || Rig::new(exactly_once(50), vec![inputs(12)]);
        let clean = make();
        clean.run();
        let commit = clean.calls().iter().position(|c| *c == Call::Commit).unwrap();
        let rig = make().scripted([(commit, Blow::Fails(how))]);
        assert_eq!(rig.run(), Exit::Drained);
        rig.check_counters();
        assert_eq!(rig.counters.aborted.load(Relaxed), 1, "{how:?}");
        let rebuilt = u64::from(how == How::Rebuild);
        assert_eq!(rig.counters.rebuilt.load(Relaxed), rebuilt, "{how:?}");
    }
}

/// A record whose field was missing goes before the refused one, which is not run through the program again.
#[test]
fn the_missing_field_of_the_record_before_is_counted_once() {
    let mut records = vec![input("miss"), input("a")];
    records[1].outputs = Refuses::Client;
    let rig = Rig::new(exactly_once(50), vec![records]);
    assert_eq!(rig.run(), Exit::Drained);
    rig.check_counters();
    assert_eq!(rig.counters.missing.load(Relaxed), 1);
}
