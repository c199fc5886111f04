use super::*;
use crate::model::RouteName;
use crate::pipeline::sample;
use crate::pipeline::{Delivery, Matching, Route, WindowLimits};

fn of(change: impl FnOnce(&mut Pipeline)) -> Definition {
    let mut pipeline = sample::pipeline(Delivery::ExactlyOnce(WindowLimits::default()));
    change(&mut pipeline);
    Definition::of(&pipeline)
}

#[test]
fn the_order_of_topics_is_no_difference() {
    let topics = |names: [&str; 2]| {
        of(|p| p.source.topics = Topics::Names(names.map(sample::topic).to_vec()))
    };
    assert_eq!(topics(["a", "b"]), topics(["b", "a"]));
    assert_ne!(topics(["a", "b"]), topics(["a", "c"]));
}

#[test]
fn a_sink_that_comes_moves_indices_and_is_no_difference_of_the_routes() {
    let route = |to: &[usize]| {
        let route = Route { name: RouteName::new("r").unwrap(), when: None, to: to.to_vec() };
        sample::routes(Matching::First, vec![route], OnReject::Drop)
    };
    let before = of(|p| p.routing = route(&[0, 1]));
    let after = of(|p| {
        p.sinks.insert(0, sample::sink("0", Some("value.k")));
        p.routing = route(&[1, 2]);
    });
    let sink = SinkName::new("0").unwrap();
    assert_eq!(before.differences(&after), [Field::Sink(sink)]);
}

#[test]
fn the_text_of_two_definitions_is_the_same_where_they_are() {
    let plain = of(|_| {});
    let labelled = of(|p| p.labels = [("a".to_owned(), "b".to_owned())].into());
    assert_eq!(plain.text(), of(|_| {}).text());
    assert_ne!(plain.text(), labelled.text());
    assert_eq!(labelled.differences(&plain), [Field::Labels]);
}
