//! When fences are another daemon's, and when that is over.

use std::time::Duration;

use crate::worker::fences::Fences;

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
