//! When a window is full, due, and how long a read may wait for it.

use std::time::Duration;

use proptest::prelude::*;

use crate::pipeline::{WindowLimits, sample};
use crate::worker::Window;
use crate::worker::window::IDLE_CLOSE;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn opened(limits: WindowLimits, at: Duration) -> Window {
    let mut window = Window::new(limits);
    window.open(at);
    window
}

#[test]
fn a_window_that_is_not_open_is_neither_full_nor_due() {
    let mut window = Window::new(sample::limits(1));
    window.add(1 << 30);
    window.touch(ms(5));
    assert!(!window.is_open());
    assert!(!window.is_full(1));
    assert!(!window.is_due(ms(1_000_000)));
    assert_eq!(window.records(), 0);
    assert_eq!(window.wait(ms(7), ms(100)), ms(100));
}

#[test]
fn it_is_full_by_count() {
    let mut window = opened(sample::limits(3), ms(0));
    for room in [3, 2, 1] {
        assert!(!window.is_full(3));
        assert_eq!(window.room(3), room);
        window.add(1);
    }
    assert!(window.is_full(3));
    assert_eq!(window.records(), 3);
}

#[test]
fn it_is_full_by_what_an_isolation_allows() {
    let mut window = opened(sample::limits(100), ms(0));
    window.add(1);
    assert!(window.is_full(1));
    assert!(!window.is_full(2));
}

#[test]
fn it_is_full_by_bytes() {
    let mut window = opened(WindowLimits { max_bytes: 10, ..sample::limits(100) }, ms(0));
    window.add(9);
    assert!(!window.is_full(100));
    window.add(1);
    assert!(window.is_full(100));
}

#[test]
fn an_enormous_record_does_not_make_the_count_of_bytes_turn_over() {
    let mut window = opened(WindowLimits { max_bytes: 10, ..sample::limits(100) }, ms(0));
    window.add(u64::MAX);
    window.add(u64::MAX);
    assert!(window.is_full(100));
}

#[test]
fn it_is_due_at_its_interval_however_busy_the_source_is() {
    let mut window = opened(sample::limits(1_000), ms(50));
    for at in (50..150).step_by(5) {
        window.touch(ms(at));
        assert!(!window.is_due(ms(at)), "{at}");
    }
    window.touch(ms(150));
    assert!(window.is_due(ms(150)));
}

#[test]
fn it_is_due_when_the_source_was_idle() {
    let mut window = opened(sample::limits(1_000), ms(0));
    window.touch(ms(30));
    assert!(!window.is_due(ms(39)));
    assert!(window.is_due(ms(40)));
}

#[test]
fn a_read_waits_no_longer_than_the_window_may_be_open() {
    let window = opened(sample::limits(1_000), ms(0));
    for (now, wait) in [(0, 10), (89, 10), (95, 5), (100, 0), (200, 0)] {
        assert_eq!(window.wait(ms(now), ms(100)), ms(wait), "{now}");
    }
}

#[test]
fn a_cleared_window_begins_anew() {
    let mut window = opened(sample::limits(2), ms(0));
    window.add(1);
    window.clear();
    window.open(ms(500));
    assert_eq!((window.records(), window.is_due(ms(501))), (0, false));
}

#[test]
fn a_read_always_has_room() {
    let mut window = opened(sample::limits(1), ms(0));
    window.add(1);
    window.add(1);
    assert_eq!(window.room(1), 1);
}

proptest! {
    /// Whatever the source does, a loop that reads as long as it may and closes when due closes in time.
    #[test]
    fn no_window_is_open_longer_than_its_interval_and_one_read(
        interval in 1_u64..500,
        reads in prop::collection::vec((any::<bool>(), 0_u64..10), 1..200),
    ) {
        let limits = WindowLimits { commit_interval: ms(interval), ..sample::limits(1_000_000) };
        let mut window = opened(limits, ms(0));
        let mut now = ms(0);
        for (records, early) in reads {
            let wait = window.wait(now, ms(100));
            prop_assert!(wait <= IDLE_CLOSE);
            now += if records { wait.saturating_sub(ms(early)) } else { wait };
            if records {
                window.touch(now);
            }
            if window.is_due(now) {
                break;
            }
            prop_assert!(now < ms(interval));
        }
    }
}

#[test]
fn who_came_during_a_commit_waits_for_an_interval_and_no_longer() {
    let mut window = opened(sample::limits(1_000), ms(0));
    window.committed(ms(100));
    // The commit took 30 ms.
    window.found(7, 2_000);
    window.open(ms(130));
    assert_eq!(window.wait(ms(130), ms(1)), IDLE_CLOSE);
    window.touch(ms(199));
    assert!(!window.is_due(ms(199)));
    window.touch(ms(200));
    assert!(window.is_due(ms(200)));
}

#[test]
fn a_commit_that_took_longer_than_an_interval_leaves_a_window_that_is_due_with_what_was_there() {
    let mut window = opened(sample::limits(1_000), ms(0));
    window.committed(ms(100));
    window.found(7, 2_000);
    window.open(ms(300));
    assert!(window.is_due(ms(300)));
    assert_eq!(window.wait(ms(300), ms(1)), Duration::ZERO);
}

#[test]
fn a_window_is_as_old_as_itself_where_nobody_waited_or_more_than_it_can_take() {
    for found in [0, 2_000] {
        let mut window = opened(sample::limits(1_000), ms(0));
        window.committed(ms(100));
        window.found(found, 2_000);
        window.open(ms(130));
        window.touch(ms(229));
        assert!(!window.is_due(ms(229)), "{found}");
        window.touch(ms(230));
        assert!(window.is_due(ms(230)), "{found}");
    }
}

#[test]
fn only_a_commit_is_waited_for() {
    let mut window = opened(sample::limits(1_000), ms(0));
    window.committed(ms(100));
    window.found(7, 2_000);
    window.open(ms(110));
    window.clear();
    window.open(ms(150));
    window.touch(ms(249));
    assert!(!window.is_due(ms(249)));
}
