//! Steps that change a record, on a real broker: every output is changed alike, and a dead letter is the record as it came.

use crate::kafka::record::Record;
use crate::kafka::shared;
use crate::scene::{Scene, text};

#[test]
fn outputs_carry_the_edits_and_a_dead_letter_carries_none() {
    for delivery in ["exactly_once", "at_most_once"] {
        let cluster = shared();
        let scene = Scene::new(cluster);
        let topics = [cluster.topic("in", 1), cluster.topic("a", 1), cluster.topic("b", 1)];
        let [input, a, b] = &topics;
        let dlq = cluster.topic("dlq", 1);
        let good = Record::new(Some("old"), Some("{\"id\":7, \"secret\":\"x\"}"))
            .to(0)
            .header("gone", Some(b"1"))
            .header("by", Some(b"other"))
            .header("kept", None)
            .header("by", None);
        let bad =
            Record::new(Some("old"), Some("{\"secret\":\"x\"}")).to(0).header("gone", Some(b"1"));
        let tombstone = Record::new(Some("dead"), None).to(0).header("gone", Some(b"1"));
        cluster.produce(input, &[good, bad.clone(), tombstone]);
        scene.file(
            delivery,
            &[&format!("topics: [{input}]"), "start: earliest"],
            &[
                "steps:",
                "  - remove: [value.secret, headers.gone]",
                "  - filter: value.id != 8 || !has(value.id)",
                "  - set: {headers.by: '\"krouted\"', value.seen: 'has(value.id)'}",
                "  - set: {headers.id: 'has(value.seen) ? string(value.id) : \"none\"'}",
                &format!("sinks: {{a: {{kafka: {{topic: {a}}}}}, b: {{kafka: {{topic: {b}}}}}}}"),
                &format!("dead_letter: {{topic: {dlq}}}"),
            ],
        );
        let mut daemon = scene.run();
        let letter = scene.records(&dlq, 1).remove(0);
        for topic in [a, b] {
            let records = scene.records(topic, 2);
            assert_eq!(text(records[0].value.as_deref()), "{\"id\":7,\"seen\":true}");
            assert_eq!(text(records[0].key.as_deref()), "old");
            let headers: Vec<_> = records[0]
                .headers
                .iter()
                .map(|(name, value)| (text(Some(name)), text(value.as_deref())))
                .collect();
            let expected = [("kept", "<null>"), ("by", "krouted"), ("id", "7")];
            assert_eq!(headers, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
            assert_eq!((records[1].value.as_ref(), records[1].headers.len()), (None, 2));
        }
        assert_eq!(daemon.terminate(), Some(0));
        assert_eq!((letter.key, letter.value), (bad.key, bad.value));
        assert_eq!(letter.headers[0], bad.headers[0]);
    }
}
