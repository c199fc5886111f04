//! Events of users, as many as a test wants, each made from a seed and its index alone; and what a pipeline
//! with a filter, two routes and dead letters must make of them.

use crate::checker::{Expected, Model, Placement};
use crate::kafka::Cluster;
use crate::kafka::record::{Record, TempFile, Writer};
use serde_json::json;

/// Input partitions; an event's is its index modulo this.
pub(crate) const PARTITIONS: u64 = 4;
/// Output partitions; not as many as go in, so that keys are spread anew.
const PARTITIONS_OUT: u32 = 3;
/// What a heavy event has more in its value.
const HEAVY_BYTES: usize = 1_000;
const BEGIN_MS: i64 = 1_700_000_000_000;

/// Whether all events have a key. One without stands in any partition, and in another one when it is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    All,
    Most,
}

/// A run of events and the topics that they move between.
pub(crate) struct Events {
    pub(crate) seed: u64,
    pub(crate) count: u64,
    pub(crate) keys: Keys,
    /// Of each topic that goes out.
    partitions_out: u32,
    padding: usize,
    pub(crate) input: String,
    pub(crate) eu: String,
    pub(crate) rest: String,
    pub(crate) dead: String,
}

/// What becomes of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Filtered,
    Eu,
    Rest,
    DeadLetter { stage: &'static str },
}

/// Numbers that look random and depend on nothing else (splitmix64).
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Events {
    /// Makes the topics and no records yet.
    pub(crate) fn new(cluster: &Cluster, seed: u64, count: u64) -> Self {
        Self::with(cluster, seed, count, PARTITIONS_OUT, 0)
    }

    /// Events of a kilobyte and more. In how many partitions each of the two sinks has them says how long they linger.
    pub(crate) fn heavy(cluster: &Cluster, count: u64, partitions_out: u32) -> Self {
        Self::with(cluster, count, count, partitions_out, HEAVY_BYTES)
    }

    fn with(cluster: &Cluster, seed: u64, count: u64, partitions_out: u32, padding: usize) -> Self {
        Self {
            seed,
            count,
            keys: Keys::Most,
            partitions_out,
            padding,
            input: cluster.topic("events", u32::try_from(PARTITIONS).unwrap()),
            eu: cluster.topic("events-eu", partitions_out),
            rest: cluster.topic("events-rest", partitions_out),
            dead: cluster.topic("events-dlq", partitions_out),
        }
    }

    /// The topics that go out, as `Expected::topic` counts them.
    pub(crate) fn outputs(&self) -> [&str; 3] {
        [&self.eu, &self.rest, &self.dead]
    }

    fn random(&self, index: u64) -> u64 {
        mix(mix(self.seed) ^ index)
    }

    fn fate(&self, index: u64) -> Fate {
        let random = self.random(index);
        match (random % 100, (random >> 8) % 8) {
            // Not JSON.
            (0, _) => Fate::DeadLetter { stage: "decode" },
            // A tombstone has no event type, and so does not pass the filter.
            (1, _) => Fate::Filtered,
            // An event of another type.
            (2..25, _) => Fate::Filtered,
            (_, 0..3) => Fate::Eu,
            (_, 3..7) => Fate::Rest,
            // No country.
            _ => Fate::DeadLetter { stage: "unmatched" },
        }
    }

    fn value(&self, index: u64) -> Option<String> {
        let random = self.random(index);
        let event = ["user.created", "user.deleted"][usize::from(random & 64 != 0)];
        let country = match (random >> 8) % 8 {
            0..2 => r#""country":"DE","#,
            2 => r#""country":"FR","#,
            3..7 => r#""country":"US","#,
            _ => "",
        };
        let event = match random % 100 {
            0 => return Some(format!(r#"{{"event_type": {index}, "#)),
            1 => return None,
            2..25 => "user.login",
            _ => event,
        };
        let padding = "x".repeat(self.padding + usize::try_from(random % 100).unwrap());
        let user = random % 10_000;
        Some(format!(
            r#"{{"event_type":"{event}",  {country}"user_id":{user}, "score":1.50,"note":"{padding}"}}"#
        ))
    }

    /// The event as it is sent.
    pub(crate) fn record(&self, index: u64) -> Record {
        let random = self.random(index);
        let has_key = self.keys == Keys::All || !random.is_multiple_of(50);
        let key = has_key.then(|| format!("user-{}", random % 10_000));
        let record = Record::new(key.as_deref(), self.value(index).as_deref())
            .to(self.source(index))
            .at(BEGIN_MS + i64::try_from(index).unwrap())
            .header("index", Some(index.to_string().as_bytes()));
        if random & 128 == 0 {
            return record;
        }
        record
            .header("trace", Some(&random.to_be_bytes()))
            .header("trace", None)
            .header("", Some(b""))
    }

    /// Sends the events of a range, in order.
    pub(crate) fn load(&self, cluster: &Cluster, range: std::ops::Range<u64>) {
        let file = TempFile::new();
        let mut writer = Writer::create(&file.path);
        for index in range {
            writer.write(&self.record(index));
        }
        let records = writer.finish();
        let request = json!({"topic": self.input, "file": file.path, "records": records});
        cluster.ask("produce", request);
    }
}

impl Model for Events {
    fn inputs(&self) -> u64 {
        self.count
    }

    fn source(&self, index: u64) -> i32 {
        i32::try_from(index % PARTITIONS).unwrap()
    }

    fn outputs(&self, index: u64) -> Vec<Expected> {
        let fate = self.fate(index);
        let topic = match fate {
            Fate::Filtered => return vec![],
            Fate::Eu => 0,
            Fate::Rest => 1,
            Fate::DeadLetter { .. } => 2,
        };
        let error = match fate {
            Fate::DeadLetter { stage } => Some(vec![
                ("krouted.error.stage", stage.to_owned()),
                ("krouted.error.topic", self.input.clone()),
                ("krouted.error.partition", self.source(index).to_string()),
                // The input has no markers: each partition holds every fourth event and nothing else.
                ("krouted.error.offset", (index / PARTITIONS).to_string()),
            ]),
            Fate::Filtered | Fate::Eu | Fate::Rest => None,
        };
        let placement = Placement::ByKey(i32::try_from(self.partitions_out).unwrap());
        vec![Expected { topic, placement, record: self.record(index), error }]
    }

    fn index(&self, output: &Record) -> Option<u64> {
        output.header_text("index")?.parse().ok()
    }
}

mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::checker::{Checker, Kind};
    use crate::kafka::{Isolation, shared, unique};
    use crate::wait::SOON;

    /// Writes what the pipeline must write, as the judge's producer.
    fn stand_in(events: &Events) {
        let mut outputs: [Vec<Record>; 3] = Default::default();
        for index in 0..events.count {
            for expected in Model::outputs(events, index) {
                let mut record = Record { partition: -1, ..expected.record };
                for (name, value) in expected.error.unwrap_or_default() {
                    record = record.header(name, Some(value.as_bytes()));
                }
                outputs[usize::try_from(expected.topic).unwrap()].push(record);
            }
        }
        for (topic, records) in events.outputs().iter().zip(&outputs) {
            shared().produce(topic, records);
        }
    }

    #[test]
    fn every_fate_is_met_and_a_pipeline_that_obeys_is_accepted() {
        let events = Events::new(shared(), 1, 20_000);
        events.load(shared(), 0..events.count);
        stand_in(&events);
        let mut checker = Checker::new(&events, &events.outputs());
        checker.read(shared().read_all(&events.outputs(), Isolation::Committed));
        checker.transactions(shared(), SOON);
        let group = unique("obeys");
        let offsets = json!({"0": 5000, "1": 5000, "2": 5000, "3": 5000});
        let request = json!({"group": group, "topic": events.input, "offsets": offsets});
        shared().ask("alter_group_offsets", request);
        checker.offsets(shared(), &group, &events.input);
        checker.finish().assert_clean();

        let mut fates = BTreeMap::<_, u64>::new();
        for index in 0..events.count {
            *fates.entry(format!("{:?}", events.fate(index))).or_default() += 1;
        }
        assert_eq!(fates.len(), 5, "{fates:?}");
        assert!(fates.values().all(|count| *count > 100), "{fates:?}");
    }

    #[test]
    fn a_pipeline_that_did_nothing_is_found() {
        let events = Events::new(shared(), 2, 1_000);
        events.load(shared(), 0..events.count);
        let mut checker = Checker::new(&events, &events.outputs());
        checker.read(shared().read_all(&events.outputs(), Isolation::Committed));
        checker.offsets(shared(), &unique("idle"), &events.input);
        let report = checker.finish();
        assert_eq!(report.kinds(), [Kind::Loss, Kind::CommittedBehind], "{report}");
        assert!(report.count(Kind::Loss) > 500);
        assert_eq!(report.count(Kind::CommittedBehind), PARTITIONS);
    }
}
