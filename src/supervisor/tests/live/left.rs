//! Who does not end when he is told to: counted, shown, bounded, and without a voice in what his successor says.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use super::*;
use crate::supervisor::{DRAIN_MAX, LEFT_MAX, LEFT_OF_WORKER_MAX};
use crate::worker::Lag;

/// Work that hears of no end while it hangs, but in pipelines called `good`.
#[derive(Default)]
struct Stubborn {
    hangs: AtomicBool,
    /// Threads that were started.
    up: AtomicUsize,
}

impl Stubborn {
    fn new() -> Arc<Self> {
        Arc::new(Self { hangs: true.into(), ..Self::default() })
    }

    fn work(self: &Arc<Self>) -> Work {
        let stubborn = Arc::clone(self);
        Arc::new(move |job: &Job| {
            job.tell.say(WorkerNews::Ready);
            stubborn.up.fetch_add(1, Relaxed);
            let hangs = || job.id.pipeline.as_str() != "good" && stubborn.hangs.load(Relaxed);
            while !job.control.stop_requested() || hangs() {
                pause();
            }
            Exit::Drained
        })
    }

    async fn has_started(&self, handle: &Handle, count: usize) -> Vec<PipelineStatus> {
        until(handle, |_| self.up.load(Relaxed) == count).await;
        // That one may be from before the last of them was started.
        handle.status().await.unwrap()
    }
}

fn name(text: &str) -> PipelineName {
    PipelineName::new(text).unwrap()
}

/// So long that whoever does not end is left behind, and whoever backs off tries again.
async fn wait_for_ends() {
    tokio::time::pause();
    tokio::time::advance(DRAIN_MAX + Duration::from_secs(1)).await;
    tokio::time::resume();
}

/// Why its first worker does not run.
fn reason(status: &PipelineStatus) -> (&'static str, &str, &'static str) {
    let reason = status.workers[0].reason.as_ref().unwrap();
    (reason.kind, &reason.text, reason.hint)
}

#[test]
fn nobody_is_started_in_the_place_of_one_that_left_too_many_behind_until_one_of_them_has_ended() {
    let stubborn = Stubborn::new();
    let ((), left) = with(stubborn.work(), async |handle| {
        apply(handle, &set(&[pipeline("good", |_| {}), pipeline("p", |_| {})])).await;
        stubborn.has_started(handle, 2).await;
        let restart = async || assert!(handle.restart(name("p")).await.unwrap());
        for round in 1..LEFT_OF_WORKER_MAX {
            restart().await;
            wait_for_ends().await;
            let status = stubborn.has_started(handle, 2 + round).await;
            assert_eq!((status[0].left_behind, status[1].left_behind), (0, round));
            assert_eq!(handle.left_behind().await.unwrap().len(), round);
        }
        restart().await;
        wait_for_ends().await;
        for _ in 0..2 {
            let status = until(handle, |all| all[1].state == "backing_off").await;
            let (kind, text, hint) = reason(&status[1]);
            assert_eq!(kind, "left_behind");
            assert!(text.starts_with("4 before it did not end"), "{text}");
            assert!(hint.starts_with("it starts by itself once they have ended"), "{hint}");
            assert_eq!((status[0].state, status[1].left_behind), ("running", LEFT_OF_WORKER_MAX));
            assert_eq!(stubborn.up.load(Relaxed), 1 + LEFT_OF_WORKER_MAX, "nobody is started");
            // Neither is anybody by hand.
            restart().await;
            until(handle, |all| all.len() == 2).await;
        }
        // It is gone, and what it has left behind is not.
        apply(handle, &set(&[pipeline("good", |_| {})])).await;
        until(handle, |all| all.len() == 1).await;
        assert_eq!(handle.left_behind().await.unwrap().len(), LEFT_OF_WORKER_MAX);
        apply(handle, &set(&[pipeline("good", |_| {}), pipeline("p", |_| {})])).await;
        until(handle, |all| all[1].state == "backing_off").await;

        // By itself.
        stubborn.hangs.store(false, Relaxed);
        until(handle, |all| all[1].left_behind == 0).await;
        wait_for_ends().await;
        until(handle, |all| all[1].state == "running").await;
    });
    assert_eq!(left, []);
}

#[test]
fn a_daemon_that_has_left_too_many_behind_starts_nobody_where_any_is_left_and_all_others() {
    const WORKERS: usize = LEFT_OF_WORKER_MAX;
    const PIPELINES: usize = LEFT_MAX / WORKERS;
    let stubborn = Stubborn::new();
    let four = |name: &str| {
        let workers = u16::try_from(WORKERS).unwrap().try_into().unwrap();
        pipeline(name, |p| p.workers = workers)
    };
    let names: Vec<String> = (0..PIPELINES).map(|n| format!("p{n}")).collect();
    let wanted: Vec<_> =
        ["good", "late"].into_iter().chain(names.iter().map(String::as_str)).map(four).collect();
    let ((), left) = with(stubborn.work(), async |handle| {
        apply(handle, &set(&wanted)).await;
        stubborn.has_started(handle, LEFT_MAX + 2 * WORKERS).await;
        for restarted in &names {
            assert!(handle.restart(name(restarted)).await.unwrap());
        }
        wait_for_ends().await;
        let status = until(handle, |all| all[2..].iter().all(|p| p.state == "backing_off")).await;
        assert_eq!(status.len(), 2 + PIPELINES);
        for pipeline in &status[2..] {
            assert_eq!(pipeline.left_behind, WORKERS);
            let (kind, text, _) = reason(pipeline);
            assert_eq!(kind, "left_behind");
            assert!(text.starts_with("32 workers of this daemon, 4 of them"), "{text}");
        }
        // Who has left nobody begins anew as ever.
        let before = stubborn.up.load(Relaxed);
        assert!(handle.restart(name("good")).await.unwrap());
        stubborn.has_started(handle, before + WORKERS).await;
        until(handle, |all| all[0].state == "running" && all[1].state == "running").await;
        stubborn.hangs.store(false, Relaxed);
        until(handle, |all| all.iter().all(|p| p.left_behind == 0)).await;
    });
    assert_eq!(left, []);
}

#[test]
fn what_a_worker_that_is_left_behind_says_of_itself_is_not_said_of_its_successor() {
    let (hangs, said) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU64::new(0)));
    let work: Work = {
        let (hangs, said) = (Arc::clone(&hangs), Arc::clone(&said));
        Arc::new(move |job: &Job| {
            let is_first = job.edition.pipeline.description.as_deref() == Some("first");
            job.tell.say(WorkerNews::Ready);
            let (lag, partitions) = if is_first { (700, 70) } else { (3, 1) };
            while !job.control.stop_requested() || (is_first && hangs.load(Relaxed)) {
                let by_topic = BTreeMap::from([("in".to_owned(), lag)]);
                job.gauges.measured(Lag { partitions, by_topic });
                if is_first {
                    said.fetch_add(1, Relaxed);
                }
                pause();
            }
            // Late as it is, it was done.
            job.counters.consumed.fetch_add(if is_first { 5 } else { 0 }, Relaxed);
            Exit::Drained
        })
    };
    let gauges = |status: &PipelineStatus| {
        let (totals, measures) = (&status.totals, &status.measures);
        [(totals.lag, totals.partitions), (measures.lag.total(), measures.partitions)]
    };
    with(work, async |handle| {
        let restarted = |text: &str| {
            set(&[pipeline("p", |p| {
                p.description = Some(text.into());
                p.source.membership = match text {
                    "first" => crate::pipeline::Membership::Dynamic,
                    _ => crate::pipeline::Membership::Static,
                };
            })])
        };
        apply(handle, &restarted("first")).await;
        until(handle, |all| gauges(&all[0]) == [(700, 70); 2]).await;
        apply(handle, &restarted("second")).await;
        wait_for_ends().await;
        until(handle, |all| gauges(&all[0]) == [(3, 1); 2]).await;
        // It goes on saying it.
        for _ in 0..20 {
            let before = said.load(Relaxed);
            let status = until(handle, |_| said.load(Relaxed) > before).await;
            assert_eq!(gauges(&status[0]), [(3, 1); 2]);
        }
        hangs.store(false, Relaxed);
        let status = until(handle, |all| all[0].left_behind == 0).await;
        assert_eq!((gauges(&status[0]), status[0].totals.consumed), ([(3, 1); 2], 5));
    });
}
