//! When a worker counts as one that does nothing.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::Instant;

use crate::model::InstanceId;
use crate::pipeline::{Delivery, sample};
use crate::supervisor::lifecycle::State;
use crate::supervisor::unit::Unit;
use crate::worker::Edition;

const MINUTE: Duration = Duration::from_mins(1);

fn running() -> Unit {
    let pipeline = sample::pipeline(Delivery::ExactlyOnce(sample::limits(10)));
    let instance = InstanceId::new("test").unwrap();
    let mut unit = Unit::new(Edition::new(1, Arc::new(pipeline)), &instance, None);
    let worker = &mut unit.workers[0];
    worker.state = State::Running { failures: 0 };
    worker.gauges.partitions.store(1, Relaxed);
    worker.gauges.lag.store(5, Relaxed);
    unit
}

#[test]
fn a_worker_with_work_and_no_commit_is_stalled_and_the_next_time_later() {
    let mut unit = running();
    let worker = &mut unit.workers[0];
    let began = Instant::now();
    let mut stalls = Vec::new();
    for minute in 0..40 {
        if worker.is_stalled(began + MINUTE * minute) {
            stalls.push(minute);
        }
    }
    // After five minutes, then ten more, then twenty more.
    assert_eq!(stalls, [5, 15, 35]);
    assert_eq!(worker.stalls, 3);
}

#[test]
fn a_worker_that_commits_or_has_nothing_to_do_or_is_paused_is_not_stalled() {
    let idle: [fn(&mut Unit); 3] = [
        |unit| unit.workers[0].gauges.lag.store(0, Relaxed),
        |unit| unit.workers[0].gauges.partitions.store(0, Relaxed),
        |unit| unit.workers[0].state = State::Paused { failures: 0 },
    ];
    for change in idle {
        let mut unit = running();
        change(&mut unit);
        let began = Instant::now();
        assert!((0..100).all(|minute| !unit.workers[0].is_stalled(began + MINUTE * minute)));
    }
    let mut unit = running();
    let worker = &mut unit.workers[0];
    let began = Instant::now();
    for minute in 0..100 {
        worker.gauges.committed.fetch_add(u64::from(minute % 4 == 0), Relaxed);
        assert!(!worker.is_stalled(began + MINUTE * minute));
    }
}

#[test]
fn what_a_worker_that_was_left_behind_commits_is_no_progress_of_its_successor() {
    let mut unit = running();
    let worker = &mut unit.workers[0];
    let began = Instant::now();
    let stalls = (0..40).filter(|minute| {
        worker.counters.windows.fetch_add(1, Relaxed);
        worker.is_stalled(began + MINUTE * *minute)
    });
    assert_eq!(stalls.collect::<Vec<_>>(), [5, 15, 35]);
}

#[test]
fn a_worker_that_was_made_anew_and_commits_nothing_either_is_given_longer() {
    let mut unit = running();
    let worker = &mut unit.workers[0];
    worker.gauges.committed.store(3, Relaxed);
    let began = Instant::now();
    let mut stalls = Vec::new();
    for minute in 0..60 {
        if worker.is_stalled(began + MINUTE * minute) {
            stalls.push(minute);
            // As its next attempt begins.
            worker.gauges = Arc::default();
            worker.gauges.partitions.store(1, Relaxed);
            worker.gauges.lag.store(5, Relaxed);
        }
    }
    // After five minutes; then ten from the first look at the new one, and twenty more.
    assert_eq!(stalls, [5, 16, 36]);
}
