//! Definitions for tests, as short as the test that wants one.

use std::collections::BTreeMap;
use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

use super::{
    Delivery, Format, Matching, Membership, OnError, OnReject, OutOfRange, Partition, Pipeline,
    Route, Routing, Sink, Source, Start, Step, Topics, WindowLimits,
};
use crate::expression::{Predicate, ValueExpression};
use crate::json::Check;
use crate::model::{ClusterName, GroupId, PipelineName, RouteName, SinkName, TopicName};

/// No broker of a test has it.
pub(crate) const UNKNOWN_TOPIC: &str = "unknown";

/// From topic `in` to the sinks `a` and `b` (topics `out-a`, `out-b`), everything to both, rejections to `dead`.
pub(crate) fn pipeline(delivery: Delivery) -> Pipeline {
    let name = PipelineName::new("sample").unwrap();
    Pipeline {
        name,
        description: None,
        labels: BTreeMap::new(),
        cluster: ClusterName::new("default").unwrap(),
        source: Source {
            topics: Topics::Names(vec![topic("in")]),
            group: GroupId::new("krouted.sample").unwrap(),
            start: Start::Earliest,
            out_of_range: OutOfRange::Stop,
            membership: Membership::Dynamic,
            format: Format::Json(Check::Whole),
            properties: BTreeMap::new(),
        },
        delivery,
        workers: NonZeroU16::MIN,
        paused: false,
        steps: vec![],
        sinks: vec![sink("a", None), sink("b", None)],
        routing: Routing::AllSinks,
        on_error: OnError {
            decode: OnReject::DeadLetter,
            validate: OnReject::DeadLetter,
            expression: OnReject::DeadLetter,
            sink: OnReject::DeadLetter,
        },
        dead_letter: Some(topic("dead")),
    }
}

/// A window of so many records, a tenth of a second at most.
pub(crate) fn limits(max_records: u32) -> WindowLimits {
    WindowLimits {
        commit_interval: Duration::from_millis(100),
        max_records: NonZeroU32::new(max_records).unwrap(),
        max_bytes: 1 << 20,
    }
}

pub(crate) fn topic(name: &str) -> TopicName {
    TopicName::new(name).unwrap()
}

/// A sink of that name, on the topic `out-NAME`.
pub(crate) fn sink(name: &str, key: Option<&str>) -> Sink {
    Sink {
        name: SinkName::new(name).unwrap(),
        topic: topic(&format!("out-{name}")),
        key: key.map(|text| ValueExpression::parse(text).unwrap().value),
        partition: Partition::Key,
        properties: BTreeMap::new(),
    }
}

pub(crate) fn filter(text: &str) -> Step {
    Step::Filter(predicate(text))
}

pub(crate) fn route(name: &str, when: Option<&str>, to: &[usize]) -> Route {
    Route { name: RouteName::new(name).unwrap(), when: when.map(predicate), to: to.to_vec() }
}

pub(crate) fn routes(matching: Matching, routes: Vec<Route>, unmatched: OnReject) -> Routing {
    Routing::Routes { matching, routes, unmatched }
}

fn predicate(text: &str) -> Predicate {
    Predicate::parse(text).unwrap_or_else(|problems| panic!("{text}: {problems:?}")).value
}
