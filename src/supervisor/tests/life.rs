//! The supervisor over threads that fail as they are told.

use std::sync::Arc;
use std::time::Duration;

use super::bench::{Bench, Order, pipeline, with};
use crate::pipeline::Pipeline;
use crate::supervisor::plan::{Removals, Set, plan};
use crate::supervisor::{DRAIN_MAX, Restart};
use crate::worker::{Exit, FaultKind, WorkerNews};

const HALF_A_SECOND: Duration = Duration::from_millis(500);

fn halted() -> Order {
    Order::End(Exit::Halted("in[0]@7: told to".into()))
}

#[test]
fn a_panic_ends_its_own_worker_only_and_it_starts_again() {
    let left = with(vec![pipeline("a", 2), pipeline("b", 1)], async |bench: &mut Bench| {
        let workers = bench.starts(3).await;
        bench.ends(|| workers[1].tell(Order::Panic)).await;
        let again = bench.starts_after(HALF_A_SECOND).await;
        assert_eq!(again.name(), "a/1");
        assert!(bench.nothing_started());
        bench.shut_down();
    });
    assert_eq!(left, []);
}

#[test]
fn a_crash_loop_is_slower_each_time() {
    let left = with(vec![pipeline("a", 1)], async |bench: &mut Bench| {
        let mut worker = bench.start().await;
        for wait in [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
            bench.ends(|| worker.fault(FaultKind::BrokerAway)).await;
            worker = bench.starts_after(Duration::from_millis(wait)).await;
        }
        bench.shut_down();
    });
    assert_eq!(left, []);
}

#[test]
fn failures_are_forgotten_after_a_committed_window_only() {
    with(vec![pipeline("a", 1)], async |bench: &mut Bench| {
        let mut worker = bench.start().await;
        for wait in [500, 1_000, 2_000] {
            bench.ends(|| worker.fault(FaultKind::Client)).await;
            worker = bench.starts_after(Duration::from_millis(wait)).await;
        }
        bench.turns(2, |_| worker.tell(Order::Commit)).await;
        bench.ends(|| worker.fault(FaultKind::Client)).await;
        worker = bench.starts_after(HALF_A_SECOND).await;
        bench.ends(|| worker.fault(FaultKind::Client)).await;
        bench.starts_after(Duration::from_secs(1)).await;
        bench.shut_down();
    });
}

#[test]
fn what_only_the_cluster_can_mend_is_tried_at_a_slow_pace() {
    with(vec![pipeline("a", 1)], async |bench: &mut Bench| {
        let mut worker = bench.start().await;
        for kind in [FaultKind::Authorization, FaultKind::UnknownTopic, FaultKind::Unsupported] {
            bench.ends(|| worker.fault(kind)).await;
            worker = bench.starts_after(Duration::from_secs(30)).await;
        }
        bench.shut_down();
    });
}

#[test]
fn a_stop_policy_halts_all_workers_of_its_pipeline_and_no_other() {
    let left = with(vec![pipeline("a", 3), pipeline("b", 1)], async |bench: &mut Bench| {
        let workers = bench.starts(4).await;
        // One of its siblings waits for its next attempt, the other works.
        bench.ends(|| workers[2].fault(FaultKind::BrokerAway)).await;
        // Its own end, and that of the sibling that is asked to.
        bench.turns(2, |_| workers[0].tell(halted())).await;
        for _ in 0..10 {
            bench.pass(Duration::from_mins(1)).await;
        }
        assert!(bench.nothing_started(), "a halted pipeline started again");
        // The other pipeline is as it was.
        bench.ends(|| workers[3].fault(FaultKind::BrokerAway)).await;
        assert_eq!(bench.starts_after(HALF_A_SECOND).await.name(), "b/0");
        bench.shut_down();
    });
    assert_eq!(left, []);
}

#[test]
fn a_worker_that_has_work_and_commits_nothing_is_made_anew_and_counted_and_its_neighbour_is_not() {
    let left = with(vec![pipeline("a", 1), pipeline("b", 1)], async |bench: &mut Bench| {
        let workers = bench.starts(2).await;
        bench.turns(1, |_| workers[0].tell(Order::Stall)).await;
        bench.turns(2, |_| workers[1].tell(Order::Commit)).await;
        for _ in 0..4 * 60 {
            bench.pass(Duration::from_secs(1)).await;
        }
        assert!(bench.nothing_started(), "too early");
        // Five minutes, and the second of the look behind them.
        for _ in 0..62 {
            bench.pass(Duration::from_secs(1)).await;
        }
        // What is in a thread ends in real time, and the clock stands still meanwhile.
        assert_eq!(bench.start().await.name(), "a/0");
        let status = bench.handle.status().await.unwrap();
        assert_eq!((status[0].workers[0].stalls, status[1].workers[0].stalls), (1, 0));
        assert_eq!(status[0].measures.restarts[&Restart::Stalled], 1);
        assert!(bench.nothing_started());
        bench.shut_down();
    });
    assert_eq!(left, []);
}

#[test]
fn a_worker_that_another_daemon_fences_runs_on_and_says_so_until_that_is_over() {
    let left = with(vec![pipeline("a", 1)], async |bench: &mut Bench| {
        let worker = bench.start().await;
        bench.turns(2, |_| worker.tell(Order::Commit)).await;
        for cause in ["old epoch", "old epoch again"] {
            let news = WorkerNews::Fenced(cause.to_owned());
            bench.turns(1, |_| worker.tell(Order::Say(news))).await;
            let status = bench.handle.status().await.unwrap();
            let reason = status[0].workers[0].reason.as_ref().unwrap();
            assert_eq!(
                (status[0].state, reason.kind, reason.text.as_str()),
                ("running", "fenced", cause)
            );
        }
        bench.turns(1, |_| worker.tell(Order::Say(WorkerNews::Unfenced))).await;
        let status = bench.handle.status().await.unwrap();
        assert!(status[0].workers[0].reason.is_none());
        bench.shut_down();
    });
    assert_eq!(left, []);
}

#[test]
fn what_was_offered_to_a_worker_that_is_left_behind_is_not_lost() {
    let left = with(vec![pipeline("a", 2)], async |bench: &mut Bench| {
        let workers = bench.starts(2).await;
        let mut wanted = Pipeline::clone(&pipeline("a", 2));
        wanted.description = Some("another".to_owned());
        let set = [(wanted.name.clone(), Arc::new(wanted))].into();
        let wanted = Set { pipelines: set, ..Set::default() };
        let handle = bench.handle.clone();
        let plan = plan(&handle.running().await.unwrap(), &wanted, Removals::Allowed);
        let driven = async {
            // The first is asked, sees nothing any more, and its pipeline is halted meanwhile.
            workers[0].tell(Order::Hang);
            while !handle.status().await.unwrap()[0].swapping {
                tokio::task::yield_now().await;
            }
            workers[1].tell(halted());
            while handle.status().await.unwrap()[0].workers[0].state != "draining" {
                tokio::task::yield_now().await;
            }
            bench.pass(DRAIN_MAX + Duration::from_secs(1)).await;
            // Halted by the definition before: the new one begins.
            assert_eq!(bench.starts(2).await.len(), 2);
            let status = handle.status().await.unwrap();
            assert_eq!(status[0].description.as_deref(), Some("another"));
            bench.hanging = workers;
            bench.shut_down();
        };
        let (applied, ()) = tokio::join!(handle.apply(plan, wanted), driven);
        assert_eq!(applied.unwrap().refused, []);
    });
    assert_eq!(left.len(), 1);
}

#[test]
fn a_shutdown_ends_all_and_says_who_was_left_behind() {
    let left = with(vec![pipeline("a", 2), pipeline("b", 1)], async |bench: &mut Bench| {
        let workers = bench.starts(3).await;
        workers[1].tell(Order::Hang);
        bench.ends(|| workers[2].fault(FaultKind::BrokerAway)).await;
        // One turn of the loop for the shutdown, one for the end of the worker that heeds it.
        bench.turns(2, Bench::shut_down).await;
        for _ in 0..DRAIN_MAX.as_secs() + 2 {
            bench.pass(Duration::from_secs(1)).await;
        }
        bench.hanging = workers;
    });
    let left: Vec<String> = left.iter().map(ToString::to_string).collect();
    assert_eq!(left, ["krouted/a/test/1"]);
}

#[test]
fn a_worker_that_waits_for_its_next_attempt_does_not_hold_up_a_shutdown() {
    let left = with(vec![pipeline("a", 1)], async |bench: &mut Bench| {
        let worker = bench.start().await;
        bench.ends(|| worker.fault(FaultKind::Authorization)).await;
        bench.shut_down();
    });
    assert_eq!(left, []);
}
