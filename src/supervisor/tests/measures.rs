//! What is counted for metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::model::{InstanceId, NoHeaders, Record};
use crate::pipeline::{Delivery, Pipeline, sample};
use crate::supervisor::lifecycle::{Effect, Event};
use crate::supervisor::measures::{Measures, Restart};
use crate::supervisor::unit::{Unit, Worker};
use crate::worker::{Edition, Exit, Fault, FaultKind, Lag, NAMES_MAX, OTHER, Offsets, Tally};

fn unit(name: &str, workers: u16, before: Option<&Unit>) -> Unit {
    let mut pipeline: Pipeline = sample::pipeline(Delivery::ExactlyOnce(sample::limits(10)));
    pipeline.name = crate::model::PipelineName::new(name).unwrap();
    pipeline.workers = workers.try_into().unwrap();
    Unit::new(Edition::new(1, Arc::new(pipeline)), &InstanceId::new("a").unwrap(), before)
}

fn record(offset: i64) -> Record<'static> {
    Record {
        topic: "in",
        partition: 0,
        offset,
        timestamp: None,
        key: None,
        value: None,
        headers: &NoHeaders,
    }
}

/// All workers of a unit take in so many records more.
fn consume(unit: &Unit, records: i64) {
    for worker in &unit.workers {
        let (mut offsets, mut tally) = (Offsets::default(), Tally::of(&unit.edition.pipeline));
        for offset in 0..records {
            offsets.note(&record(offset));
            tally.routed += 1;
        }
        worker.counters.commit(&tally, &offsets, &unit.edition.pipeline);
        let by_topic = BTreeMap::from([("in".to_owned(), 5)]);
        worker.gauges.measured(Lag { partitions: 1, by_topic });
    }
}

#[test]
fn a_count_never_goes_back_while_the_name_is_there() {
    let four = unit("p", 4, None);
    consume(&four, 1);
    let one = unit("p", 1, Some(&four));
    // What drains still counts.
    consume(&four, 1);
    assert_eq!(Measures::of(&one).consumed.total(), 8);
    assert_eq!(Measures::of(&one).partitions, 0, "gauges are of those who work now");
    assert_eq!(Measures::of(&one).lag.total(), 0);
    consume(&one, 10);
    assert_eq!(Measures::of(&one).partitions, 1);
    assert_eq!(Measures::of(&one).lag.total(), 5);
    let three = unit("p", 3, Some(&one));
    assert_eq!(Measures::of(&three).consumed.total(), 18);
    consume(&three, 100);
    assert_eq!(Measures::of(&three).consumed.total(), 318);
    assert_eq!(Measures::of(&three).routed.total(), 318);
    assert_eq!(three.counters().len(), 4, "bounded by the most workers that there ever were");
    let renamed = unit("q", 3, Some(&three));
    assert_eq!(Measures::of(&renamed).consumed.total(), 0);
}

#[test]
fn the_lag_has_the_topics_that_were_ever_read_and_the_others_together() {
    let two = unit("p", 2, None);
    let many: Vec<_> = (0..NAMES_MAX + 5).map(|n| format!("t{n:03}")).collect();
    let all: Vec<_> = many.iter().map(|topic| (topic.as_str(), 1)).collect();
    let of = |unit: &Unit, worker: usize, topics: &[(&str, u64)]| {
        let by_topic = topics.iter().map(|(topic, n)| ((*topic).to_owned(), *n)).collect();
        let Worker { counters, gauges, .. } = &unit.workers[worker];
        counters.breakdown.expect_topics(topics.iter().map(|(topic, _)| *topic));
        gauges.measured(Lag { partitions: 1, by_topic });
    };
    of(&two, 0, &[("in", 3), ("t000", 1)]);
    of(&two, 1, &[("t000", 10)]);
    let lag = |unit: &Unit| -> BTreeMap<String, u64> {
        let measures = Measures::of(unit);
        assert_eq!(measures.lag.zeros(), measures.consumed.zeros());
        measures.lag.iter().map(|(topic, records)| (topic.to_owned(), records)).collect()
    };
    assert_eq!(lag(&two), BTreeMap::from([("in".into(), 3), ("t000".into(), 11)]));
    of(&two, 1, &all);
    let now = lag(&two);
    assert_eq!((now.len(), now["in"], now["t000"]), (NAMES_MAX + 1, 3, 2));
    // `in` has a name of its own, so 99 of these have.
    assert_eq!(now[OTHER], 6);
    let measured: u64 = two.workers.iter().map(lag_of).sum();
    assert_eq!(now.values().sum::<u64>(), measured);
    // Nobody reads any of them now, and none of them goes.
    two.workers.iter().for_each(|worker| worker.gauges.has_nothing());
    assert_eq!(lag(&two), now.into_keys().map(|topic| (topic, 0)).collect());
}

fn lag_of(worker: &Worker) -> u64 {
    worker.gauges.lag.load(Relaxed)
}

#[test]
fn a_restart_is_counted_once_with_its_reason() {
    let fault = |kind| Event::Exited(Exit::Fault(Fault::new(kind, "")));
    let wait = Effect::Arm(Duration::from_secs(1));
    for (event, effect, why) in [
        (fault(FaultKind::BrokerAway), wait, Some("broker_away")),
        // It was asked to end for a restart, and ended with a fault: that restart is counted already.
        (fault(FaultKind::BrokerAway), Effect::Spawn, None),
        (fault(FaultKind::Client), Effect::Disarm, None),
        (Event::Exited(Exit::Drained), wait, Some("ended")),
        (Event::Exited(Exit::Drained), Effect::Spawn, None),
        (Event::Exited(Exit::Halted(String::new())), Effect::HaltPipeline, None),
        (Event::Stalled, Effect::RequestStop, Some("stalled")),
        (Event::Stalled, Effect::None, None),
        (Event::Replaced, Effect::Spawn, Some("replaced")),
        (Event::Replaced, Effect::None, None),
        (Event::Removed, Effect::RequestStop, None),
        (Event::TimerFired, Effect::Spawn, None),
    ] {
        let counted = Restart::of(&event, effect).map(Restart::as_str);
        assert_eq!(counted, why, "{event:?} {effect:?}");
    }
    let words: BTreeSet<_> = Restart::all().map(Restart::as_str).collect();
    assert_eq!(words.len(), Restart::all().count());
    let first = unit("p", 2, None);
    assert_eq!(
        Measures::of(&first).restarts.len(),
        words.len(),
        "each has its series from the start"
    );
}
