//! What is counted for metrics.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::model::InstanceId;
use crate::pipeline::{Delivery, Pipeline, sample};
use crate::supervisor::lifecycle::{Effect, Event};
use crate::supervisor::measures::{Measures, Restart};
use crate::supervisor::unit::Unit;
use crate::worker::{Edition, Exit, Fault, FaultKind};

fn unit(name: &str, workers: u16, before: Option<&Unit>) -> Unit {
    let mut pipeline: Pipeline = sample::pipeline(Delivery::ExactlyOnce(sample::limits(10)));
    pipeline.name = crate::model::PipelineName::new(name).unwrap();
    pipeline.workers = workers.try_into().unwrap();
    Unit::new(Edition::new(1, Arc::new(pipeline)), &InstanceId::new("a").unwrap(), before)
}

/// All workers of a unit take in so many records more.
fn consume(unit: &Unit, records: u64) {
    for worker in &unit.workers {
        worker.counters.consumed.fetch_add(records, Relaxed);
        worker.gauges.partitions.store(1, Relaxed);
    }
}

#[test]
fn a_count_never_goes_back_while_the_name_is_there() {
    let four = unit("p", 4, None);
    consume(&four, 1);
    let one = unit("p", 1, Some(&four));
    // What drains still counts.
    consume(&four, 1);
    assert_eq!(Measures::of(&one).consumed, 8);
    assert_eq!(Measures::of(&one).partitions, 0, "gauges are of those who work now");
    consume(&one, 10);
    assert_eq!(Measures::of(&one).partitions, 1);
    let three = unit("p", 3, Some(&one));
    assert_eq!(Measures::of(&three).consumed, 18);
    consume(&three, 100);
    assert_eq!(Measures::of(&three).consumed, 318);
    assert_eq!(three.counters().len(), 4, "bounded by the most workers that there ever were");
    let renamed = unit("q", 3, Some(&three));
    assert_eq!(Measures::of(&renamed).consumed, 0);
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
