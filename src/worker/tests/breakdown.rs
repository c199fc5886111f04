//! What is counted by name, and where that is bounded.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::model::{NoHeaders, Record};
use crate::pipeline::{Delivery, Matching, OnReject, Topics, sample};
use crate::worker::{Breakdown, ByName, NAMES_MAX, OTHER, Offsets, Tally};

fn counts(by_name: &ByName) -> BTreeMap<String, u64> {
    by_name.iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

proptest! {
    /// More names than there is room for, in any order: none that has a count loses it, and nothing is counted twice.
    #[test]
    fn a_name_stays_and_the_sum_is_what_was_added(
        added in prop::collection::vec((0_u16..300, 0_u64..5), 0..600),
    ) {
        let (mut by_name, mut sum) = (ByName::default(), 0);
        let mut before = BTreeMap::new();
        for (name, count) in added {
            by_name.add(&format!("n{name}"), count);
            sum += count;
            let now = counts(&by_name);
            prop_assert!(before.iter().all(|(name, count)| now.get(name) >= Some(count)));
            prop_assert!(now.keys().filter(|name| *name != OTHER).count() <= NAMES_MAX);
            prop_assert_eq!(by_name.total(), sum);
            before = now;
        }
    }
}

#[test]
fn names_beyond_the_bound_count_together() {
    let mut by_name = ByName::default();
    for n in 0..NAMES_MAX {
        by_name.add(&format!("n{n}"), 1);
    }
    assert_eq!(counts(&by_name).len(), NAMES_MAX);
    assert_eq!(counts(&by_name).get(OTHER), None, "there are no others yet");
    // One that is there has its own count still, also when the others have come.
    for (name, others) in [("n7", None), ("late", Some(0)), ("later", Some(2)), ("n8", Some(2))] {
        by_name.add(name, if name == "late" { 0 } else { 2 });
        assert_eq!(counts(&by_name).get(OTHER).copied(), others, "{name}");
    }
    assert_eq!((counts(&by_name)["n7"], counts(&by_name)["n8"]), (3, 3));
    assert_eq!(counts(&by_name).len(), NAMES_MAX + 1);
    assert!(by_name.zeros().iter().all(|(_, count)| count == 0));
    assert_eq!(counts(&by_name.zeros()).len(), NAMES_MAX + 1);
}

#[test]
fn a_pipeline_with_more_routes_and_topics_than_that_is_counted_whole() {
    const MANY: usize = NAMES_MAX + 20;
    let mut pipeline = sample::pipeline(Delivery::AtMostOnce);
    let name = |n: usize| format!("n{n:03}");
    pipeline.source.topics = Topics::Names((0..MANY).map(|n| sample::topic(&name(n))).collect());
    pipeline.sinks = (0..MANY).map(|n| sample::sink(&name(n), None)).collect();
    let routes = (0..MANY).map(|n| sample::route(&name(n), None, &[n])).collect();
    pipeline.routing = sample::routes(Matching::All, routes, OnReject::Drop);

    let breakdown = Breakdown::default();
    breakdown.expect(&pipeline);
    let expected = breakdown.shares();
    let mut tally = Tally::of(&pipeline);
    tally.routed = 1;
    tally.by_route.fill(2);
    tally.by_sink.fill(3);
    let mut offsets = Offsets::default();
    let topics: Vec<_> = (0..MANY).map(name).collect();
    for topic in &topics {
        offsets.note(&Record {
            topic,
            partition: 0,
            offset: 0,
            timestamp: None,
            key: None,
            value: None,
            headers: &NoHeaders,
        });
    }
    breakdown.commit(&tally, &offsets, &pipeline);
    let shares = breakdown.shares();
    let many = u64::try_from(MANY).unwrap();
    for (by_name, before, first, each) in [
        (&shares.consumed, &expected.consumed, "n000", 1),
        (&shares.routed, &expected.routed, "n000", 2),
        (&shares.produced, &expected.produced, "out-n000", 3),
    ] {
        assert_eq!(by_name.zeros(), *before, "each has its count from the start");
        let counts = counts(by_name);
        assert_eq!(counts.len(), NAMES_MAX + 1);
        assert_eq!((counts[first], counts[OTHER]), (each, 20 * each));
        assert_eq!(by_name.total(), many * each);
    }
}

#[test]
fn two_sinks_on_one_topic_count_together() {
    let mut pipeline = sample::pipeline(Delivery::AtMostOnce);
    pipeline.sinks[1].topic = sample::topic("out-a");
    let breakdown = Breakdown::default();
    let tally = Tally { by_sink: vec![3, 4], routed: 4, ..Tally::default() };
    breakdown.commit(&tally, &Offsets::default(), &pipeline);
    let shares = breakdown.shares();
    assert_eq!(counts(&shares.produced), BTreeMap::from([("out-a".to_owned(), 7)]));
    assert_eq!(counts(&shares.routed), BTreeMap::from([("(all)".to_owned(), 4)]));
}

#[test]
fn a_cleared_tally_has_its_places_still() {
    let mut pipeline = sample::pipeline(Delivery::AtMostOnce);
    let routes = vec![sample::route("one", None, &[0]), sample::route("two", None, &[1])];
    pipeline.routing = sample::routes(Matching::First, routes, OnReject::Drop);
    let mut tally = Tally::of(&pipeline);
    assert_eq!((tally.by_route.len(), tally.by_sink.len()), (2, 2));
    Tally::count(&mut tally.by_route, 1);
    Tally::count(&mut tally.by_sink, 0);
    tally.dropped[0] = 1;
    assert_eq!((tally.by_route.clone(), tally.by_sink.clone()), (vec![0, 1], vec![1, 0]));
    tally.clear();
    assert_eq!(tally, Tally::of(&pipeline));
}
