//! The checker is trusted because each kind of damage was put before it and found.

use serde_json::json;

use super::*;
use crate::kafka::{End, shared, unique};
use crate::wait::SOON;

const PARTITIONS: i32 = 3;

/// Copies every input to topic 0, what is divisible by 5 as a dead letter to topic 1, and drops every third. What has no key
/// goes to partition 0.
struct Copies(u64);

fn input(index: u64) -> Record {
    let key = (index % 7 != 6).then(|| format!("key-{}", index % 4));
    let value = (index % 11 != 10).then(|| format!("value of {index}"));
    Record::new(key.as_deref(), value.as_deref())
        .to(i32::try_from(index % 2).unwrap())
        .at(1_700_000_000_000 + i64::try_from(index).unwrap())
        .header("index", Some(index.to_string().as_bytes()))
        .header("twice", Some(b""))
        .header("twice", None)
}

impl Model for Copies {
    fn inputs(&self) -> u64 {
        self.0
    }

    fn source(&self, index: u64) -> i32 {
        input(index).partition
    }

    fn outputs(&self, index: u64) -> Vec<Expected> {
        let output = |topic, error| {
            let record = input(index);
            let placement = match record.key {
                Some(_) => Placement::ByKey(PARTITIONS),
                None => Placement::Exactly(0),
            };
            Expected { topic, placement, record, error }
        };
        if index.is_multiple_of(3) {
            vec![]
        } else if index.is_multiple_of(5) {
            vec![output(1, Some(vec![("krouted.error.stage", "decode".to_owned())]))]
        } else {
            vec![output(0, None)]
        }
    }

    fn index(&self, output: &Record) -> Option<u64> {
        output.header_text("index")?.parse().ok()
    }
}

const MODEL: Copies = Copies(200);

/// What a pipeline without fault writes.
fn undamaged() -> Vec<Record> {
    let mut ends = BTreeMap::new();
    let mut written = Vec::new();
    for index in 0..MODEL.0 {
        for expected in MODEL.outputs(index) {
            let key = expected.record.key.as_deref();
            let partition = key.map_or(0, |key| partition_of_key(key, PARTITIONS));
            let end = ends.entry((expected.topic, partition)).or_insert(0);
            let mut record =
                Record { topic: expected.topic, partition, offset: *end, ..expected.record };
            if expected.error.is_some() {
                record = record.header("krouted.error.stage", Some(b"decode"));
                record = record.header("krouted.error.reason", Some(b"expected value"));
            }
            *end += 1;
            written.push(record);
        }
    }
    written
}

fn check(read: Vec<Record>) -> Report {
    let mut checker = Checker::new(&MODEL, &["out", "dead"]);
    checker.read(read);
    checker.finish()
}

#[track_caller]
fn finds(expected: &[Kind], damage: impl FnOnce(&mut Vec<Record>)) {
    let mut read = undamaged();
    damage(&mut read);
    let report = check(read);
    assert_eq!(report.kinds(), expected, "{report}");
    for kind in expected {
        assert_eq!(report.count(*kind), 1, "{report}");
    }
}

/// A record of topic 0 with key, value and headers, and not the first in its partition.
const VICTIM: usize = 30;

/// Where the next record after the victim stands that came from the same place and went to the same.
fn next_of_victim(read: &[Record]) -> usize {
    let place = |r: &Record| (r.topic, r.partition, MODEL.source(MODEL.index(r).unwrap()));
    let after = read.iter().skip(VICTIM + 1);
    VICTIM + 1 + after.map(place).position(|p| p == place(&read[VICTIM])).unwrap()
}

#[test]
fn what_is_undamaged_is_accepted() {
    let report = check(undamaged());
    report.assert_clean();
    assert_eq!(report.records, 133, "two of three");
}

#[test]
fn partitions_may_be_read_in_any_order() {
    let mut read = undamaged();
    read.sort_by_key(|r| (r.topic, -r.partition));
    check(read).assert_clean();
    let mut read = undamaged();
    // Two input partitions may come in any order too.
    read.sort_by_key(|r| -MODEL.source(MODEL.index(r).unwrap()));
    check(read).assert_clean();
}

#[test]
fn a_lost_record_is_found_wherever_it_stood() {
    finds(&[Kind::Loss], |read| drop(read.remove(VICTIM)));
    finds(&[Kind::Loss], |read| drop(read.remove(0)));
    finds(&[Kind::Loss], |read| drop(read.pop()));
    let dead = |read: &[Record]| read.iter().position(|r| r.topic == 1).unwrap();
    finds(&[Kind::Loss], |read| drop(read.remove(dead(read))));
    assert_eq!(check(vec![]).count(Kind::Loss), 133);
}

#[test]
fn a_record_that_comes_twice_is_found() {
    finds(&[Kind::Duplicate], |read| read.insert(VICTIM, read[VICTIM].clone()));
    finds(&[Kind::Duplicate], |read| read.push(read[0].clone()));
}

#[test]
fn records_that_changed_places_are_found() {
    finds(&[Kind::Reorder], |read| {
        let next = next_of_victim(read);
        read.swap(VICTIM, next);
    });
}

#[test]
fn a_changed_key_is_found() {
    finds(&[Kind::ChangedKey], |read| {
        // Another key of the same partition, so that only the key is wrong.
        let partition = read[VICTIM].partition;
        let key = (0..).map(|n| format!("other-{n}").into_bytes());
        let mut fits = key.filter(|key| partition_of_key(key, PARTITIONS) == partition);
        read[VICTIM].key = fits.next();
    });
    finds(&[Kind::ChangedKey], |read| read[VICTIM].key = None);
    let null = |read: &[Record]| read.iter().position(|r| r.key.is_none()).unwrap();
    finds(&[Kind::ChangedKey], |read| {
        let at = null(read);
        read[at].key = Some(vec![]);
    });
}

#[test]
fn a_changed_value_is_found() {
    finds(&[Kind::ChangedValue], |read| read[VICTIM].value.as_mut().unwrap()[3] ^= 1);
    finds(&[Kind::ChangedValue], |read| read[VICTIM].value = None);
    finds(&[Kind::ChangedValue], |read| {
        let tombstone = read.iter().position(|r| r.value.is_none()).unwrap();
        read[tombstone].value = Some(vec![]);
    });
}

#[test]
fn changed_headers_are_found() {
    finds(&[Kind::ChangedHeaders], |read| drop(read[VICTIM].headers.pop()));
    finds(&[Kind::ChangedHeaders], |read| read[VICTIM].headers.swap(1, 2));
    finds(&[Kind::ChangedHeaders], |read| read[VICTIM].headers[2].1 = Some(vec![]));
    finds(&[Kind::ChangedHeaders], |read| read[VICTIM].headers[1].0.push(0xff));
    finds(&[Kind::ChangedHeaders], |read| {
        read[VICTIM] = read[VICTIM].clone().header("krouted.error.stage", None);
    });
}

#[test]
fn wrong_headers_of_a_dead_letter_are_found() {
    let dead = |read: &[Record]| read.iter().position(|r| r.topic == 1).unwrap();
    let damages: [fn(&mut Record); 4] = [
        |letter| letter.headers[3].1 = Some(b"sink".to_vec()),
        |letter| drop(letter.headers.remove(3)),
        |letter| letter.headers.rotate_right(1),
        |letter| letter.headers.push((b"x".to_vec(), None)),
    ];
    for damage in damages {
        finds(&[Kind::ChangedHeaders], |read| {
            let at = dead(read);
            damage(&mut read[at]);
        });
    }
}

#[test]
fn a_changed_timestamp_is_found() {
    finds(&[Kind::ChangedTimestamp], |read| read[VICTIM].timestamp += 1);
}

#[test]
fn a_record_in_the_wrong_partition_is_found() {
    finds(&[Kind::WrongPartition], |read| {
        let last = read.iter().rposition(|r| r.key.is_some()).unwrap();
        read[last].partition = (read[last].partition + 1) % PARTITIONS;
    });
    finds(&[Kind::WrongPartition], |read| {
        let last = read.iter().rposition(|r| r.key.is_none()).unwrap();
        read[last].partition = 1;
    });
}

#[test]
fn a_record_that_must_not_be_there_is_found() {
    finds(&[Kind::Unexpected], |read| read.push(Record::new(None, Some("from nowhere"))));
    finds(&[Kind::Unexpected], |read| read.push(input(0)));
    finds(&[Kind::Unexpected], |read| read.push(input(MODEL.0)));
    finds(&[Kind::Loss, Kind::Unexpected], |read| read[VICTIM].topic = 1);
}

#[test]
fn damage_is_counted_in_full_and_described_in_part() {
    let report = check(vec![]);
    let text = report.to_string();
    assert!(text.contains("Loss: 133\n  input 1 is not in out\n"), "{text}");
    assert_eq!(text.matches("is not in").count(), DESCRIBED);
    report.assert_only(&[Kind::Loss]);
    assert!(std::panic::catch_unwind(|| report.assert_clean()).is_err());
}

#[test]
fn keys_are_placed_as_java_places_them() {
    let count = 7;
    let topic = shared().topic("murmur2", 7);
    let keys = (0..60).map(|length| "k\u{e9}y\u{ff}-".repeat(9).chars().take(length).collect());
    let records: Vec<_> = keys.map(|key: String| Record::new(Some(&key), None)).collect();
    shared().produce(&topic, &records);
    let read = shared().read(&topic, Isolation::Committed);
    assert_eq!(read.len(), records.len());
    for record in read {
        let key = record.key.unwrap();
        assert_eq!(partition_of_key(&key, count), record.partition, "{}", key.escape_ascii());
    }
}

/// Copies nothing, and so says nothing of records.
const NOTHING: Copies = Copies(0);

#[test]
fn a_transaction_that_was_left_open_is_found() {
    let (topic, id) = (shared().topic("hanging", 2), unique("hanging"));
    let records = [input(1), input(2)];
    shared().transact(&topic, &id, &[(&records[..1], End::Commit)]);
    let report = |wait| {
        let mut checker = Checker::new(&NOTHING, &[&topic]);
        checker.transactions(shared(), wait);
        checker.finish()
    };
    report(SOON).assert_clean();
    let another = unique("hanging");
    shared().transact(&topic, &another, &[(&records[1..], End::Open)]);
    let found = report(Duration::from_millis(100));
    assert_eq!(found.kinds(), [Kind::HangingTransaction], "{found}");
    assert_eq!(found.count(Kind::HangingTransaction), 1);
    // Its producer is gone without a word; only the next one with its id ends it.
    shared().end_transaction(&another, "abandon");
    assert_eq!(report(Duration::from_millis(100)).kinds(), [Kind::HangingTransaction]);
    shared().transact(&topic, &another, &[]);
    report(SOON).assert_clean();
}

#[test]
fn committed_offsets_behind_and_beyond_are_found() {
    let topic = shared().topic("committed", 2);
    let records: Vec<_> = (0..6).map(input).collect();
    // Three in each partition, then a marker, and one more marker for what was aborted: they end at 3 + 1 + 1 + 1.
    let id = unique("committed");
    let aborted: Vec<_> = (6..8).map(input).collect();
    shared().transact(&topic, &id, &[(&records, End::Commit), (&aborted, End::Abort)]);
    let report = |zero: i64, one: i64| {
        let group = unique("committed");
        let offsets = json!({"0": zero, "1": one});
        let request = json!({"group": group, "topic": topic, "offsets": offsets});
        shared().ask("alter_group_offsets", request);
        let mut checker = Checker::new(&NOTHING, &[]);
        checker.offsets(shared(), &group, &topic);
        checker.finish()
    };
    report(3, 6).assert_clean();
    report(4, 5).assert_clean();
    assert_eq!(report(2, 3).kinds(), [Kind::CommittedBehind]);
    assert_eq!(report(3, 7).kinds(), [Kind::CommittedBeyond]);
    assert_eq!(report(0, 99).kinds(), [Kind::CommittedBehind, Kind::CommittedBeyond]);

    let mut checker = Checker::new(&NOTHING, &[]);
    checker.offsets(shared(), &unique("never-committed"), &topic);
    assert_eq!(checker.finish().count(Kind::CommittedBehind), 2);
}

#[test]
fn damage_on_kafka_itself_is_found() {
    let (out, dead) = (shared().topic("damaged", 3), shared().topic("damaged-dead", 3));
    let mut written = undamaged();
    let (again, changed) = (written[VICTIM].clone(), VICTIM + 5);
    written[changed].value = Some(b"altered".to_vec());
    let next = next_of_victim(&written);
    written.swap(VICTIM, next);
    written.push(again);
    for (number, topic) in (0..).zip([&out, &dead]) {
        shared().produce(topic, written.iter().filter(|r| r.topic == number));
    }
    let topics = [out.as_str(), &dead];
    let mut checker = Checker::new(&MODEL, &topics);
    checker.read(shared().read_all(&topics, Isolation::Committed));
    let report = checker.finish();
    let expected = [Kind::Duplicate, Kind::Reorder, Kind::ChangedValue];
    assert_eq!(report.kinds(), expected, "{report}");
}
