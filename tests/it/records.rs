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
        cluster.produce(&input, &odd_records());
        let host = Host::new("copy", &cluster.bootstrap);
        host.pipeline(
            "copy.yaml",
            &format!(
                "version: 1\nname: {input}\nsource: {{topics: [{input}], start: earliest, format: bytes}}\ndelivery: {guarantee}\nsinks:\n  all: {{kafka: {{topic: {output}, partition: preserve}}}}\n"
            ),
        );
        let mut daemon = host.run();
        daemon.wait_for_line("partitions assigned", SOON);
        let read = eventually(SOON, "all records copied", || {
            let read = cluster.read(&output, Isolation::Committed);
            (read.len() >= odd_records().len()).then_some(read)
        });
        assert_eq!(daemon.terminate(), Some(0), "{guarantee}");
        let mut came = cluster.read(&input, Isolation::Committed);
        let mut left = read;
        for list in [&mut came, &mut left] {
            list.sort_by_key(|r| r.timestamp);
            for record in list.iter_mut() {
                record.offset = 0;
                record.topic = 0;
            }
        }
        assert_eq!(left, came, "{guarantee}");
    }
}
