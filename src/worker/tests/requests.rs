//! What a supervisor asks between windows: another edition, pause, resume; on the model cluster.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use super::baton::Baton;
use super::port::FakePort;
use super::rig::{Rig, inputs};
use crate::model::{InstanceId, WorkerId};
use crate::pipeline::{Delivery, Matching, OnReject, Pipeline, sample};
use crate::worker::{Control, Edition, Exit, Job, Tell, WorkerNews, run};

/// Runs one worker; `at_ready` gets the control when the clients are up, the news come back in their order.
fn worked(rig: &Rig, at_ready: impl Fn(&Control) + Send + 'static) -> (Exit, Vec<String>) {
    let control = Arc::new(Control::default());
    let news = Arc::new(Mutex::new(Vec::new()));
    let (told, asks) = (Arc::clone(&news), Arc::clone(&control));
    let tell = Tell::new(move |what| {
        let word = match what {
            WorkerNews::Ready => {
                at_ready(&asks);
                "ready".to_owned()
            }
            WorkerNews::Committed => "committed".to_owned(),
            WorkerNews::Paused => {
                asks.resume();
                "paused".to_owned()
            }
            WorkerNews::Resumed => "resumed".to_owned(),
            WorkerNews::Taken(_) => "taken".to_owned(),
            WorkerNews::Refused(_, fault) => format!("refused: {fault}"),
            WorkerNews::Fenced(cause) => format!("fenced: {cause}"),
            WorkerNews::Unfenced => "unfenced".to_owned(),
        };
        told.lock().unwrap().push(word);
    });
    let job = Job {
        id: WorkerId {
            pipeline: rig.pipeline.name.clone(),
            instance: InstanceId::new("test").unwrap(),
            number: 0,
        },
        edition: Edition::new(0, Arc::new(rig.pipeline.clone())),
        rules: Arc::clone(&rig.rules),
        counters: Arc::clone(&rig.counters),
        gauges: Arc::default(),
        control: Arc::clone(&control),
        tell,
    };
    let guarantee = rig.pipeline.delivery.guarantee();
    let baton = Baton::new(1, vec![]);
    let mut port = FakePort::new(&rig.cluster, guarantee, &control, (0, &baton));
    let exit = run(&mut port, &job, &rig.cluster);
    let news = news.lock().unwrap().clone();
    (exit, news)
}

fn rig(delivery: Delivery) -> Rig {
    Rig::new(delivery, vec![inputs(60), inputs(60)])
}

fn with_sink(rig: &Rig, topic: &str) -> Edition {
    let mut pipeline: Pipeline = rig.pipeline.clone();
    pipeline.sinks[0].topic = sample::topic(topic);
    Edition::new(1, Arc::new(pipeline))
}

#[test]
fn an_edition_is_taken_and_nothing_is_lost_under_any_guarantee() {
    for delivery in [
        Delivery::ExactlyOnce(sample::limits(7)),
        Delivery::AtLeastOnce(sample::limits(7)),
        Delivery::AtMostOnce,
    ] {
        let rig = rig(delivery);
        let edition = with_sink(&rig, "another");
        let (exit, news) = worked(&rig, move |control| control.offer(edition.clone()));
        assert_eq!(exit, Exit::Drained);
        assert_eq!(news[..2], ["ready", "taken"], "{news:?}");
        assert_eq!(rig.committed(), [60, 60]);
        rig.check_letters();
    }
}

#[test]
fn an_edition_with_more_routes_and_sinks_has_a_count_for_each() {
    for delivery in [Delivery::ExactlyOnce(sample::limits(7)), Delivery::AtMostOnce] {
        let rig = rig(delivery);
        let mut pipeline: Pipeline = rig.pipeline.clone();
        pipeline.sinks.push(sample::sink("c", None));
        let routes = [
            ("none", r#"key == "none""#, 2),
            ("a", r#"key in ["a", "both", "miss"]"#, 0),
            ("b", r#"key in ["b", "both"]"#, 1),
            ("again", r#"key == "both""#, 2),
            ("never", r#"key == "of no record""#, 2),
        ];
        let routes = routes.map(|(name, when, to)| sample::route(name, Some(when), &[to]));
        pipeline.routing = sample::routes(Matching::All, routes.into(), OnReject::Stop);
        let edition = Edition::new(1, Arc::new(pipeline));
        let (exit, news) = worked(&rig, move |control| control.offer(edition.clone()));
        assert_eq!((exit, news[1].as_str()), (Exit::Drained, "taken"));
        let shares = rig.counters.breakdown.shares();
        // Of each kind of record there are twenty; the routes of the edition before have never taken one.
        let taken: Vec<_> = shares.routed.iter().filter(|(_, records)| *records > 0).collect();
        assert_eq!(taken, [("a", 60), ("again", 20), ("b", 40), ("none", 20)]);
        let produced: Vec<_> = shares.produced.iter().collect();
        assert_eq!(produced, [("out-a", 60), ("out-b", 40), ("out-c", 40)]);
        assert_eq!(shares.consumed.iter().collect::<Vec<_>>(), [("in", 120)]);
        assert_eq!(shares.consumed.total(), rig.counters.consumed.load(Relaxed));
        assert_eq!(shares.produced.total(), rig.counters.produced.load(Relaxed));
    }
}

#[test]
fn an_edition_that_the_port_cannot_serve_is_refused_and_the_one_before_goes_on() {
    let rig = rig(Delivery::ExactlyOnce(sample::limits(7)));
    let edition = with_sink(&rig, sample::UNKNOWN_TOPIC);
    let (exit, news) = worked(&rig, move |control| control.offer(edition.clone()));
    assert_eq!(exit, Exit::Drained);
    assert_eq!(news[1], "refused: unknown", "{news:?}");
    rig.check_exactly_once();
    assert_eq!(rig.committed(), [60, 60]);
}

#[test]
fn what_another_worker_has_taken_rules_here_too_or_the_worker_ends() {
    let limits = Delivery::ExactlyOnce(sample::limits(7));
    let (good, bad) = (rig(limits), rig(limits));
    good.rules.publish(&with_sink(&good, "another"));
    let (exit, news) = worked(&good, |_| {});
    assert_eq!(exit, Exit::Drained);
    assert_eq!(news[..2], ["ready", "taken"], "{news:?}");
    assert_eq!(good.committed(), [60, 60]);

    bad.rules.publish(&with_sink(&bad, sample::UNKNOWN_TOPIC));
    let (exit, news) = worked(&bad, |_| {});
    assert!(matches!(exit, Exit::Fault(_)), "{exit:?}");
    assert_eq!(news, ["ready"]);
    assert_eq!(bad.committed(), [0, 0], "it went on by older rules");
}

#[test]
fn an_offer_that_comes_behind_a_newer_edition_is_not_taken() {
    let rig = rig(Delivery::ExactlyOnce(sample::limits(7)));
    let newer = Edition { number: 2, ..with_sink(&rig, "another") };
    rig.rules.publish(&newer);
    let older = with_sink(&rig, "older");
    let (exit, news) = worked(&rig, move |control| control.offer(older.clone()));
    assert_eq!(exit, Exit::Drained);
    assert_eq!(news.iter().filter(|word| *word == "taken").count(), 1, "{news:?}");
    rig.rules.publish(&with_sink(&rig, "older"));
    assert_eq!(rig.rules.newer_than(&newer).map(|e| e.number), None);
}

#[test]
fn a_pause_closes_the_window_and_a_resume_goes_on_behind_it() {
    let rig = rig(Delivery::ExactlyOnce(sample::limits(7)));
    let (exit, news) = worked(&rig, Control::pause);
    assert_eq!(exit, Exit::Drained);
    assert_eq!(news[..3], ["ready", "paused", "resumed"], "{news:?}");
    rig.check_exactly_once();
    assert_eq!(rig.committed(), [60, 60]);
}

#[test]
fn the_first_committed_window_is_told_once() {
    let rig = rig(Delivery::ExactlyOnce(sample::limits(7)));
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let (_, news) = worked(&rig, move |_| {
        counted.fetch_add(1, Relaxed);
    });
    assert_eq!(news.iter().filter(|n| *n == "committed").count(), 1, "{news:?}");
    assert_eq!(count.load(Relaxed), 1);
}
