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
