//! Records leave as they came, under each guarantee, on a real broker.

use std::time::Duration;

use crate::daemon::Host;
use crate::kafka::record::Record;
use crate::kafka::{Isolation, shared, unique};
use crate::wait::eventually;

const SOON: Duration = Duration::from_secs(30);

const GUARANTEES: [&str; 3] = ["exactly_once", "at_least_once", "at_most_once"];

fn odd_records() -> Vec<Record> {
    let base = 1_700_000_000_000;
    vec![
        Record::new(None, Some("null key")).to(0).at(base + 1),
        Record::new(Some(""), Some("empty key")).to(1).at(base + 2),
        Record::new(Some("tombstone"), None).to(2).at(base + 3),
        Record::new(Some("empty value"), Some("")).to(0).at(base + 4),
        Record::new(Some("headers"), Some("v"))
            .to(1)
            .at(base + 5)
            .header("a", Some(b"1"))
            .header("b", None)
            .header("a", Some(b""))
            .header("a", Some(b"\xff\x00\xfe")),
        Record::new(None, None).to(2).at(base + 6),
    ]
}

#[test]
fn a_plain_copy_leaves_every_record_as_it_came() {
    for guarantee in GUARANTEES {
        let cluster = shared();
        let input = cluster.topic(&unique("in"), 3);
        let output = cluster.topic(&unique("out"), 3);
        let second = cluster.topic(&unique("second"), 3);
        cluster.produce(&input, &odd_records());
        let host = Host::new("copy", &cluster.bootstrap);
        host.pipeline(
            "copy.yaml",
            &format!(
                "version: 1\nname: {input}\nsource: {{topics: [{input}], start: earliest, format: bytes}}\ndelivery: {guarantee}\nsinks:\n  a: {{kafka: {{topic: {output}, partition: preserve}}}}\n  b: {{kafka: {{topic: {second}, partition: preserve}}}}\n"
            ),
        );
        let mut daemon = host.run();
        daemon.wait_for_line("partitions assigned", SOON);
        let read = |topic: &str| {
            eventually(SOON, "all records copied", || {
                let read = cluster.read(topic, Isolation::Committed);
                (read.len() >= odd_records().len()).then_some(read)
            })
        };
        // One sink has the headers moved to it, the other a copy of them.
        let left = [read(&output), read(&second)].map(in_order);
        assert_eq!(daemon.terminate(), Some(0), "{guarantee}");
        let came = in_order(cluster.read(&input, Isolation::Committed));
        assert_eq!(left, [came.clone(), came], "{guarantee}");
    }
}

/// By partition, each in its order; offsets differ, since topics that were written in transactions hold markers.
fn in_order(mut records: Vec<Record>) -> Vec<Record> {
    records.sort_by_key(|r| (r.partition, r.offset));
    for record in &mut records {
        record.offset = 0;
    }
    records
}
