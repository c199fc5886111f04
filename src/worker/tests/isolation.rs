//! Finding the record that a sink refuses.

use proptest::prelude::*;

use crate::model::{NoHeaders, Position, Record};
use crate::pipeline::sample;
use crate::worker::Offsets;
use crate::worker::isolation::{Found, Isolation, Sent};

const RECORDS_MAX: u32 = 50_000;

fn position(offset: i64) -> Position {
    Position { topic: sample::topic("in"), partition: 0, offset }
}

fn committed_to(next: i64) -> Offsets {
    let mut offsets = Offsets::default();
    offsets.note(&Record {
        topic: "in",
        partition: 0,
        offset: next - 1,
        timestamp: None,
        key: None,
        value: None,
        headers: &NoHeaders,
    });
    offsets
}

/// Commits what can be, one partition from its beginning; the broker refuses every window that has `bad` in it. Returns
/// the record that was found, and how many windows that took.
fn find(isolation: &mut Isolation, records: i64, bad: i64) -> (Position, u32) {
    let mut next = 0;
    for windows in 1..200 {
        let cap = isolation.cap(RECORDS_MAX);
        let end = (next + i64::from(cap)).min(records);
        let size = u32::try_from(end - next).unwrap();
        if (next..end).contains(&bad) {
            let only = (size == 1).then(|| position(next));
            match isolation.refused(size, only, Sent::Outputs, "too large") {
                Found::Record(position) => return (position, windows),
                Found::Smaller => {}
            }
        } else {
            isolation.committed(RECORDS_MAX, &committed_to(end));
            next = end;
        }
    }
    panic!("record {bad} of {records} was not found");
}

#[test]
fn the_one_refused_record_is_found_wherever_it_stands() {
    for records in 1..=100 {
        for bad in 0..records {
            let (found, windows) = find(&mut Isolation::new(), records, bad);
            assert_eq!(found, position(bad), "{bad} of {records}");
            assert!(windows <= 60, "{bad} of {records} took {windows} windows");
        }
    }
}

#[test]
fn a_window_may_be_twice_as_long_after_each_that_was_fine() {
    let mut isolation = Isolation::new();
    assert_eq!(isolation.refused(9, None, Sent::Outputs, "x"), Found::Smaller);
    let none = Offsets::default();
    for cap in [4, 8, 16, 32, 50, 50] {
        assert_eq!(isolation.cap(50), cap);
        isolation.committed(50, &none);
    }
    assert_eq!(isolation.cap(1_000), 1_000, "nothing is looked for any more");
}

#[test]
fn a_cap_is_never_below_one_record_nor_above_the_limit() {
    let mut isolation = Isolation::new();
    for records in [1, 0, 1] {
        assert_eq!(isolation.refused(records, None, Sent::Outputs, "x"), Found::Smaller);
        assert_eq!(isolation.cap(RECORDS_MAX), 1);
    }
    assert_eq!(isolation.refused(1_000, None, Sent::Outputs, "x"), Found::Smaller);
    assert_eq!(isolation.cap(3), 3);
}

#[test]
fn what_the_client_names_needs_no_search() {
    let mut isolation = Isolation::new();
    let found = isolation.refused(500, Some(position(7)), Sent::Outputs, "too large");
    assert_eq!(found, Found::Record(position(7)));
    assert_eq!(isolation.cap(RECORDS_MAX), RECORDS_MAX);
    let known = isolation.known("in", 0, 7).unwrap();
    assert_eq!((known.what, known.reason.as_str()), (Sent::Outputs, "too large"));
    for (topic, partition, offset) in [("in", 0, 8), ("in", 1, 7), ("im", 0, 7)] {
        assert_eq!(isolation.known(topic, partition, offset), None);
    }
}

/// A busy partition may fill many windows before the refused record is read again.
#[test]
fn a_refused_record_stays_known_until_it_is_done() {
    let mut isolation = Isolation::new();
    isolation.refused(1, Some(position(700)), Sent::Outputs, "too large");
    for next in (10..=700).step_by(10) {
        isolation.committed(RECORDS_MAX, &committed_to(next));
        assert!(isolation.known("in", 0, 700).is_some(), "{next}");
    }
    isolation.committed(RECORDS_MAX, &committed_to(701));
    assert_eq!(isolation.known("in", 0, 700), None);
}

#[test]
fn a_refused_dead_letter_takes_the_place_of_the_refused_outputs() {
    let mut isolation = Isolation::new();
    isolation.refused(1, Some(position(7)), Sent::Outputs, "too large");
    isolation.refused(1, Some(position(7)), Sent::DeadLetter, "this too");
    assert_eq!(isolation.known("in", 0, 7).unwrap().what, Sent::DeadLetter);
}

#[test]
fn few_are_ever_known() {
    let mut isolation = Isolation::new();
    for offset in 0..2_000 {
        isolation.refused(1, Some(position(offset)), Sent::Outputs, "x");
    }
    assert_eq!(isolation.known("in", 0, 0), None);
    assert!(isolation.known("in", 0, 1_999).is_some());
    isolation.forget();
    assert_eq!(isolation.known("in", 0, 1_999), None);
}

proptest! {
    #[test]
    fn each_of_several_refused_records_is_found(
        records in 1_i64..400,
        bad in prop::collection::btree_set(0_i64..400, 1..6),
    ) {
        let bad: Vec<i64> = bad.into_iter().filter(|b| *b < records).collect();
        let mut isolation = Isolation::new();
        let (mut next, mut found) = (0, Vec::new());
        for _ in 0..1_000 {
            let end = (next + i64::from(isolation.cap(RECORDS_MAX))).min(records);
            let size = u32::try_from(end - next).unwrap();
            let known = |offset: &i64| isolation.known("in", 0, *offset).is_some();
            if (next..end).any(|o| bad.contains(&o) && !known(&o)) {
                let only = (size == 1).then(|| position(next));
                if let Found::Record(p) = isolation.refused(size, only, Sent::Outputs, "x") {
                    found.push(p.offset);
                }
            } else {
                isolation.committed(RECORDS_MAX, &committed_to(end));
                next = end;
            }
            if next == records {
                break;
            }
        }
        prop_assert_eq!(found, bad);
        prop_assert_eq!(next, records);
    }
}
