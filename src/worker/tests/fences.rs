//! When fences are another daemon's, and when that is over.

use std::time::Duration;

use super::baton::Baton;
use super::cluster::{Blow, Call, How};
use super::rig::{Rig, input};
use crate::pipeline::{Delivery, sample};
use crate::worker::fences::Fences;
use crate::worker::{Exit, WorkerNews};

/// After so many seconds each.
fn known_at(fences: &[u64]) -> Vec<u64> {
    let mut all = Fences::default();
    fences.iter().copied().filter(|s| all.meet(Duration::from_secs(*s))).collect()
}

#[test]
fn five_fences_within_a_minute_are_another_daemons() {
    assert!(known_at(&[0, 1, 2, 3]).is_empty());
    assert_eq!(known_at(&[0, 1, 2, 3, 59, 61, 100]), [59, 61, 100]);
    assert_eq!(known_at(&[0, 5, 10, 15, 20, 25]), [20, 25]);
}

#[test]
fn what_the_brokers_timeout_does_is_nobody_elses() {
    let timeouts: Vec<u64> = (0..20).map(|n| 15 * n).collect();
    assert!(known_at(&timeouts).is_empty());
}

#[test]
fn it_is_over_once_after_a_minute_without_any() {
    let mut fences = Fences::default();
    let over_at = |fences: &mut Fences, s| fences.is_over(Duration::from_secs(s));
    assert!(!over_at(&mut fences, 100), "it never began");
    for s in 0..5 {
        fences.meet(Duration::from_secs(s));
    }
    assert!(!over_at(&mut fences, 64));
    assert!(over_at(&mut fences, 65));
    assert!(!over_at(&mut fences, 200), "it is said once");
}

#[test]
fn a_worker_says_that_it_is_fenced_and_a_minute_after_the_last_fence_that_this_is_over() {
    let delivery = Delivery::ExactlyOnce(sample::limits(10));
    let rig = Rig::new(delivery, vec![vec![], vec![input("a")]]);
    // No worker has the second partition, so it is never done.
    rig.cluster.lock().wanted[1] = 1;
    // A poll fails, a new producer and a rewind follow.
    let polls = [2, 5, 8, 11, 14];
    let rig = rig.scripted(polls.map(|call| (call, Blow::Fails(How::Fenced))));
    let rig = rig.scripted([(1_000, Blow::Fails(How::Fault))]);
    let exit = rig.run_once(0, &Baton::new(1, vec![]));
    assert!(matches!(exit, Some(Exit::Fault(_))), "{exit:?}");
    let calls = rig.calls();
    assert!(polls.iter().all(|call| calls[*call] == Call::Poll), "{calls:?}");

    let told = rig.told.lock().unwrap();
    let [(_, WorkerNews::Ready), (fenced, WorkerNews::Fenced(cause)), (over, WorkerNews::Unfenced)] =
        told.as_slice()
    else {
        panic!("{told:?}")
    };
    assert_eq!(cause, "scripted at Poll");
    let between = over.saturating_sub(*fenced);
    // It is looked at with the lag, every five seconds.
    assert!(between > Duration::from_mins(1), "{between:?}");
    assert!(between < Duration::from_secs(66), "{between:?}");
}
