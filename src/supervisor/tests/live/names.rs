//! What is counted by route and topic, while the definition changes.

use std::collections::BTreeMap;

use super::*;
use crate::model::{NoHeaders, Record};
use crate::pipeline::{Matching, OnReject};
use crate::worker::{ByName, Edition, Offsets, Tally};

/// A window of two records of each route's first sink, by the edition.
fn commit(job: &Job, edition: &Edition) {
    let mut offsets = Offsets::default();
    for offset in 0..2 {
        offsets.note(&Record {
            topic: "in",
            partition: 0,
            offset,
            timestamp: None,
            key: None,
            value: None,
            headers: &NoHeaders,
        });
    }
    let mut tally = Tally::of(&edition.pipeline);
    tally.routed = 2;
    tally.by_route.fill(2);
    tally.by_sink[0] = 2;
    job.counters.commit(&tally, &offsets, &edition.pipeline);
}

/// One window for each edition that it has.
fn counting() -> Work {
    Arc::new(|job: &Job| {
        let mut edition = job.edition.clone();
        job.tell.say(WorkerNews::Ready);
        commit(job, &edition);
        while !job.control.stop_requested() {
            if let Some(offered) = job.control.take_offer() {
                job.tell.say(WorkerNews::Taken(offered.clone()));
                edition = offered;
                commit(job, &edition);
            }
            pause();
        }
        Exit::Drained
    })
}

fn routed(route: &str, topic: &str) -> Arc<Pipeline> {
    pipeline("p", |p| {
        p.sinks[0].topic = sample::topic(topic);
        let routes = vec![sample::route(route, None, &[0, 1])];
        p.routing = sample::routes(Matching::First, routes, OnReject::Drop);
    })
}

fn counts(by_name: &ByName) -> BTreeMap<&str, u64> {
    by_name.iter().collect()
}

async fn until_counted(handle: &Handle, routes: &[(&str, u64)], topics: &[(&str, u64)]) {
    let [routes, topics] = [routes, topics].map(|all| all.iter().copied().collect());
    let status = until(handle, |all| {
        let measures = &all[0].measures;
        counts(&measures.routed) == routes && counts(&measures.produced) == topics
    });
    let status = status.await;
    let measures = &status[0].measures;
    // Of one worker that was never made anew, the status document says the same.
    assert_eq!(measures.produced.total(), status[0].totals.produced);
    assert_eq!(measures.consumed.total(), status[0].totals.consumed);
}

#[test]
fn a_route_or_topic_that_a_swap_or_a_restart_takes_away_keeps_its_count() {
    with(counting(), async |handle| {
        apply(handle, &set(&[routed("eu", "one")])).await;
        until_counted(handle, &[("eu", 2)], &[("one", 2), ("out-b", 0)]).await;
        apply(handle, &set(&[routed("us", "two")])).await;
        let topics = [("one", 2), ("two", 2), ("out-b", 0)];
        until_counted(handle, &[("eu", 2), ("us", 2)], &topics).await;
        let without_routes = pipeline("p", |_| {});
        apply(handle, &set(&[without_routes])).await;
        let routes = [("eu", 2), ("us", 2), ("(all)", 2)];
        let topics = [("one", 2), ("two", 2), ("out-a", 2), ("out-b", 0)];
        until_counted(handle, &routes, &topics).await;
        // More workers is a restart; each has its window.
        let restarted = pipeline("p", |p| p.workers = NonZeroU16::new(2).unwrap());
        apply(handle, &set(&[restarted])).await;
        let routes = [("eu", 2), ("us", 2), ("(all)", 6)];
        let topics = [("one", 2), ("two", 2), ("out-a", 6), ("out-b", 0)];
        until_counted(handle, &routes, &topics).await;
        // Another name has nothing of it.
        apply(handle, &set(&[pipeline("q", |_| {})])).await;
        let topics = [("out-a", 2), ("out-b", 0)];
        until(handle, |all| all.len() == 1 && all[0].name == "q").await;
        until_counted(handle, &[("(all)", 2)], &topics).await;
    });
}

#[test]
fn what_a_definition_names_has_its_count_before_a_worker_is_up() {
    let away: Work = Arc::new(|_: &Job| Exit::Fault(Fault::new(FaultKind::BrokerAway, "away")));
    with(away, async |handle| {
        apply(handle, &set(&[routed("eu", "one")])).await;
        until_counted(handle, &[("eu", 0)], &[("one", 0), ("out-b", 0)]).await;
        apply(handle, &set(&[routed("us", "one")])).await;
        until_counted(handle, &[("eu", 0), ("us", 0)], &[("one", 0), ("out-b", 0)]).await;
        let status = handle.status().await.unwrap();
        assert_eq!(counts(&status[0].measures.lag), BTreeMap::from([("in", 0)]));
    });
}
