//! What a window has read.

use proptest::prelude::*;

use crate::model::{NoHeaders, Record};
use crate::worker::Offsets;

fn record(topic: &str, partition: i32, offset: i64) -> Record<'_> {
    Record {
        topic,
        partition,
        offset,
        timestamp: None,
        key: None,
        value: None,
        headers: &NoHeaders,
    }
}

fn noted(records: &[(&str, i32, i64)]) -> Offsets {
    let mut offsets = Offsets::default();
    for (topic, partition, offset) in records {
        offsets.note(&record(topic, *partition, *offset));
    }
    offsets
}

fn listed(offsets: &Offsets) -> Vec<(String, i32, i64)> {
    let mut found: Vec<_> = offsets.touched().map(|(t, p, n)| (t.to_owned(), p, n)).collect();
    found.sort();
    found
}

#[test]
fn what_is_committed_is_next_to_read_for_each_partition_of_each_topic() {
    let offsets = noted(&[("a", 0, 4), ("a", 1, 9), ("b", 0, 2), ("a", 0, 5), ("b", 0, 3)]);
    let expected = [("a", 0, 6), ("a", 1, 10), ("b", 0, 4)];
    assert_eq!(listed(&offsets), expected.map(|(t, p, n)| (t.to_owned(), p, n)));
}

#[test]
fn records_are_counted_by_the_topic_of_their_partition_until_the_window_ends() {
    let mut offsets = noted(&[("a", 0, 4), ("a", 1, 9), ("b", 0, 2), ("a", 0, 5), ("b", 0, 3)]);
    let counts = |offsets: &Offsets| -> Vec<(String, u64)> {
        offsets.records_by_partition().map(|(topic, n)| (topic.to_owned(), n)).collect()
    };
    assert_eq!(counts(&offsets), [("a", 2), ("a", 1), ("b", 2)].map(|(t, n)| (t.to_owned(), n)));
    offsets.clear();
    assert_eq!(counts(&offsets), []);
    offsets.note(&record("a", 1, 10));
    assert_eq!(counts(&offsets), [("a".to_owned(), 1)]);
}

#[test]
fn the_only_record_is_named() {
    let only = noted(&[("a", 3, 7)]).only_record().unwrap();
    assert_eq!(only.to_string(), "a[3]@7");
    assert_eq!(Offsets::default().only_record(), None);
    assert_eq!(noted(&[("a", 0, 1), ("a", 1, 1)]).only_record(), None);
}

#[test]
fn the_first_offset_of_all_is_named_too() {
    assert_eq!(noted(&[("a", 0, 0)]).only_record().unwrap().offset, 0);
}

#[test]
fn a_cleared_window_keeps_its_partitions_and_commits_none_of_them() {
    let mut offsets = noted(&[("a", 0, 4), ("a", 1, 9)]);
    offsets.clear();
    assert_eq!(listed(&offsets), []);
    assert_eq!(offsets.only_record(), None);
    offsets.note(&record("a", 1, 10));
    assert_eq!(listed(&offsets), [("a".to_owned(), 1, 11)]);
    assert_eq!(offsets.only_record().unwrap().to_string(), "a[1]@10");
}

#[test]
fn a_forgotten_assignment_leaves_nothing() {
    let mut offsets = noted(&[("a", 0, 4), ("a", 1, 9)]);
    offsets.forget();
    assert_eq!(listed(&offsets), []);
    offsets.note(&record("b", 5, 0));
    assert_eq!(listed(&offsets), [("b".to_owned(), 5, 1)]);
}

#[test]
fn after_a_rewind_the_offset_is_the_one_that_was_read_again() {
    let mut offsets = noted(&[("a", 0, 8)]);
    offsets.clear();
    offsets.note(&record("a", 0, 3));
    assert_eq!(listed(&offsets), [("a".to_owned(), 0, 4)]);
}

proptest! {
    #[test]
    fn it_is_what_a_map_would_hold(
        read in prop::collection::vec((0_usize..3, 0_i32..3, 0_i64..50), 0..60),
    ) {
        let mut offsets = Offsets::default();
        let mut model = std::collections::BTreeMap::new();
        for (topic, partition, offset) in read {
            let topic = ["a", "b", "ab"][topic];
            offsets.note(&record(topic, partition, offset));
            model.insert((topic.to_owned(), partition), offset + 1);
        }
        let model: Vec<_> = model.into_iter().map(|((t, p), n)| (t, p, n)).collect();
        prop_assert_eq!(listed(&offsets), model);
    }
}
