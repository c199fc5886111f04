//! What a swap asks of the clients that are there, as far as nobody answers.

use super::connection;
use crate::kafka::open::check_new;
use crate::kafka::outlet::Outlet;
use crate::kafka::raw::Consumer;
use crate::pipeline::{Delivery, Partition, Pipeline, sample};
use crate::worker::FaultKind;

/// Nobody answers there.
const NOBODY: &str = "localhost:1";

fn pipeline(change: impl FnOnce(&mut Pipeline)) -> Pipeline {
    let mut pipeline = sample::pipeline(Delivery::AtMostOnce);
    change(&mut pipeline);
    pipeline
}

#[test]
fn a_producer_suits_what_no_topic_has_other_properties_in() {
    let zstd = || [("compression.codec".to_owned(), "zstd".to_owned())].into();
    let packed = pipeline(|p| p.sinks[0].properties = zstd());
    let topic = packed.sinks[0].topic.clone();
    let outlet = Outlet::new(&connection(NOBODY, packed), 1).unwrap();
    let suits = |change: &dyn Fn(&mut Pipeline)| outlet.suits(&pipeline(change));
    assert!(suits(&|p| p.sinks[0].properties = zstd()));
    assert!(!suits(&|_| {}));
    assert!(suits(&|p| p.sinks[0].topic = sample::topic("elsewhere")));
    // As a dead letter's topic it has none of its own.
    let elsewhere = |p: &mut Pipeline| {
        p.sinks[0].topic = sample::topic("elsewhere");
        p.dead_letter = Some(topic.clone());
    };
    assert!(!suits(&elsewhere));
    let both = |p: &mut Pipeline| {
        p.sinks[0].properties = zstd();
        p.dead_letter = Some(topic.clone());
    };
    assert!(suits(&both));
}

#[test]
fn no_answer_about_partitions_is_not_the_same_as_no_partitions() {
    let connection = connection(NOBODY, pipeline(|_| {}));
    let preserving = pipeline(|p| p.sinks[0].partition = Partition::Preserve);
    let mut consumer = Consumer::new(connection.probe().unwrap(), connection.protocol()).unwrap();
    let fault = check_new(&connection, &preserving, &mut consumer, &|| false).unwrap_err();
    assert_eq!(fault.kind, FaultKind::BrokerAway, "{fault}");
    let fault = check_new(&connection, &preserving, &mut consumer, &|| true).unwrap_err();
    assert!(fault.cause.contains("the worker is to end"), "{fault}");
}
