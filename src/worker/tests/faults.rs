//! One blow at each call of a run, for every call and every blow.

use super::cluster::{Blow, Call, How, Refuses};
use super::rig::{Rig, input, inputs};
use crate::pipeline::{Delivery, sample};
use crate::worker::Exit;

const HOW: [How; 3] = [How::Abort, How::Rebuild, How::Fault];

/// What can happen at a call; the port's contract leaves the rest out.
fn blows(call: Call) -> Vec<Blow> {
    let mut blows = vec![Blow::Kill, Blow::KillLate];
    let hows: &[How] = match call {
        Call::Poll => {
            blows.extend([1, 2, 3].map(Blow::Revoke));
            blows.extend([1, 2, 3].map(Blow::Lose));
            &HOW
        }
        Call::Begin | Call::Send | Call::Commit | Call::Settle => &HOW,
        Call::Abort => &[How::Rebuild, How::Fault],
        Call::Assign | Call::Release | Call::Rebuild | Call::Rewind => &[How::Fault],
    };
    for how in hows {
        blows.extend([Blow::Fails(*how), Blow::FailsLate(*how)]);
    }
    blows
}

/// A refused record in the midst, so that aborts and rewinds are among the calls.
fn rig(delivery: Delivery) -> Rig {
    let mut first = inputs(14);
    first[6].outputs = Refuses::Broker;
    Rig::new(delivery, vec![first, inputs(9)])
}

/// Runs once without a blow, then once for each blow at each call of that run.
fn sweep(delivery: Delivery, judge: impl Fn(&Rig)) {
    let clean = rig(delivery);
    assert_eq!(clean.run(), Exit::Drained);
    judge(&clean);
    clean.check_counters();
    let calls = clean.calls();
    for (number, call) in calls.into_iter().enumerate() {
        for blow in blows(call) {
            let rig = rig(delivery).scripted([(number, blow)]);
            let told = format!("{blow:?} at call {number}, {call:?}");
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                assert_eq!(rig.run(), Exit::Drained);
                assert_eq!(rig.committed(), [14, 9]);
                judge(&rig);
                // Where the answer was lost, nobody can say that the window stands.
                if !matches!(blow, Blow::FailsLate(_) | Blow::KillLate) {
                    rig.check_counters();
                }
            }));
            assert!(outcome.is_ok(), "{told}");
        }
    }
}

#[test]
fn exactly_once_holds_under_every_single_blow() {
    sweep(Delivery::ExactlyOnce(sample::limits(5)), Rig::check_exactly_once);
}

#[test]
fn at_least_once_holds_under_every_single_blow() {
    sweep(Delivery::AtLeastOnce(sample::limits(5)), Rig::check_at_least_once);
}

/// A kill between the offsets and the outputs loses records, and doubles none.
#[test]
fn at_most_once_holds_under_every_single_blow() {
    let clean = rig(Delivery::AtMostOnce);
    assert_eq!(clean.run(), Exit::Drained);
    clean.check_exactly_once();
    for (number, call) in clean.calls().into_iter().enumerate() {
        for blow in blows(call) {
            let rig = rig(Delivery::AtMostOnce).scripted([(number, blow)]);
            assert_eq!(rig.run(), Exit::Drained, "{blow:?} at {number}");
            assert_eq!(rig.committed(), [14, 9], "{blow:?} at {number}");
            rig.check_at_most_once();
        }
    }
}

/// A partition that the worker keeps is not read past the records that went with a lost one.
#[test]
fn what_stays_when_a_partition_is_lost_is_read_again() {
    let rig = Rig::new(Delivery::ExactlyOnce(sample::limits(50)), vec![inputs(6), inputs(6)]);
    // Call 0 gives the assignment, 1 takes it; this poll brings records of both partitions and the news of one.
    let rig = rig.scripted([(2, Blow::Lose(1))]);
    assert_eq!(rig.run(), Exit::Drained);
    rig.check_exactly_once();
}

#[test]
fn twenty_failed_windows_in_a_row_make_the_worker_anew() {
    let rig = Rig::new(Delivery::ExactlyOnce(sample::limits(5)), vec![inputs(4)]);
    let clean = Rig::new(Delivery::ExactlyOnce(sample::limits(5)), vec![inputs(4)]);
    clean.run();
    let first = clean.calls().iter().position(|c| *c == Call::Commit).unwrap();
    // Every commit fails for as long as the script lasts; other calls cannot fail by `Abort` late.
    let rig = rig.scripted((first..400).map(|n| (n, Blow::Fails(How::Abort))));
    assert_eq!(rig.run(), Exit::Drained);
    rig.check_exactly_once();
}

#[test]
fn a_window_that_is_revoked_while_it_is_open_is_committed_first() {
    let rig = Rig::new(Delivery::ExactlyOnce(sample::limits(50)), vec![inputs(6), inputs(6)]);
    let rig = rig.scripted([(2, Blow::Revoke(1))]);
    assert_eq!(rig.run(), Exit::Drained);
    let calls = rig.calls();
    let release = calls.iter().position(|c| *c == Call::Release).unwrap();
    assert_eq!(calls[release - 1], Call::Commit, "{calls:?}");
    rig.check_exactly_once();
}

#[test]
fn an_idle_worker_that_is_asked_to_end_ends() {
    let rig = Rig::new(Delivery::ExactlyOnce(sample::limits(5)), vec![vec![]]);
    assert_eq!(rig.run(), Exit::Drained);
    assert!(!rig.calls().contains(&Call::Begin));
}

#[test]
fn a_window_of_filtered_records_moves_the_offsets() {
    let rig = Rig::new(Delivery::ExactlyOnce(sample::limits(50)), vec![vec![input("skip"); 7]]);
    assert_eq!(rig.run(), Exit::Drained);
    assert_eq!(rig.committed(), [7]);
    rig.check_counters();
}
