use super::*;
use events::Fate;

#[test]
fn every_example_file_is_embedded_and_without_a_finding() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines");
    let mut on_disk: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| format!("pipelines/{}", entry.unwrap().file_name().to_string_lossy()))
        .collect();
    on_disk.sort();
    assert_eq!(on_disk, FILES.map(|(path, _)| path));
    assert_eq!(pipelines().unwrap().len(), FILES.len());
}

#[test]
fn every_source_topic_of_the_examples_gets_events_and_no_other_topic_does() {
    let pipelines = pipelines().unwrap();
    let mut read: Vec<_> = pipelines.iter().flat_map(|p| flow::sources(p)).collect();
    read.sort();
    let mut given: Vec<_> = KINDS.iter().map(|k| k.topic.to_owned()).collect();
    given.sort();
    given.dedup();
    assert_eq!(read, given);
}

#[test]
fn every_topic_that_the_examples_write_is_the_fate_of_some_event() {
    let pipelines = pipelines().unwrap();
    for topic in pipelines.iter().flat_map(|p| p.topics_written()) {
        let ends_there = |fate: &Fate| match fate {
            Fate::Sink(name) | Fate::DeadLetter(name, _) => *name == topic.as_str(),
            Fate::Filtered | Fate::Dropped => false,
        };
        assert!(KINDS.iter().any(|k| k.fates.iter().any(ends_there)), "{topic}");
    }
}

#[test]
fn the_same_events_come_each_time_with_text_that_is_no_json_and_with_tombstones() {
    let records = events::records().unwrap();
    assert_eq!(records, events::records().unwrap());
    assert!(records.iter().any(|r| r.value.is_none()));
    assert!(records.iter().any(|r| r.value.as_deref().is_some_and(|v| v.ends_with(b"coun"))));
    assert_eq!(u64::try_from(records.len()).unwrap(), KINDS.iter().map(|k| k.count).sum::<u64>());
}

#[test]
fn a_count_that_is_not_what_the_events_say_is_told() {
    let pipelines = pipelines().unwrap();
    let flows = || -> Flows {
        pipelines.iter().map(|p| (p.name.to_string(), flow::expected(p, KINDS))).collect()
    };
    let (expected, mut found) = (flows(), flows());
    assert_eq!(flow::differences(&expected, &found), Vec::<String>::new());
    let orders = found.get_mut("orders-by-region").unwrap();
    orders.sinks.insert("orders.eu".to_owned(), 99);
    orders.dead_letters.remove(&Stage::Decode);
    assert_eq!(
        flow::differences(&expected, &found),
        [
            "orders-by-region: orders.eu: 99, the events say 100",
            "orders-by-region: dead letters (decode): 0, the events say 5",
        ]
    );
}
