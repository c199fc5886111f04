//! A swap while records come in.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use super::*;

/// Records of several partitions, numbered on; the value names the partition and the number in it.
fn numbered(partitions: i32, from: u32, count: u32) -> Vec<Record> {
    (from..from + count)
        .flat_map(|n| {
            (0..partitions)
                .map(move |p| Record::new(Some(&format!("k{n}")), Some(&format!("{p}:{n}"))).to(p))
        })
        .collect()
}

/// By partition of the input, the numbers in the order of the log and the header that the rules set.
fn by_source(records: &[Record]) -> BTreeMap<String, Vec<(u32, String)>> {
    let mut all: BTreeMap<String, Vec<(u32, String)>> = BTreeMap::new();
    for record in records {
        let value = text(record.value.as_deref());
        let (partition, number) = value.split_once(':').unwrap();
        let entry = all.entry(partition.to_owned()).or_default();
        entry.push((number.parse().unwrap(), record.header_text("rules").unwrap().to_owned()));
    }
    all
}

/// Input that does not end: whoever reads it always has some before him.
struct Load<'c> {
    cluster: &'c Cluster,
    topic: &'c str,
    group: &'c str,
    /// Of each partition.
    sent: AtomicU32,
    is_over: AtomicBool,
}

impl Load<'_> {
    const PARTITIONS: i32 = 4;
    const SLICE: u32 = 503;
    const PENDING_MIN: i64 = 8_000;
    const PENDING_MAX: i64 = 16_000;

    fn sent(&self) -> u32 {
        self.sent.load(Relaxed)
    }

    /// Records that are there and not committed.
    fn pending(&self) -> i64 {
        let committed: i64 = self.committed().values().sum();
        i64::from(self.sent()) * i64::from(Self::PARTITIONS) - committed
    }

    /// By partition, the next number to be read.
    fn committed(&self) -> BTreeMap<i32, i64> {
        self.cluster.committed(self.group, self.topic)
    }

    fn slice(&self) {
        let slice = numbered(Self::PARTITIONS, self.sent(), Self::SLICE);
        self.cluster.produce(self.topic, &slice);
        self.sent.fetch_add(Self::SLICE, Relaxed);
    }

    fn run(&self) {
        while !self.is_over.load(Relaxed) {
            if self.pending() < Self::PENDING_MAX {
                self.slice();
            }
        }
    }
}

/// All numbers once, in their order, by one version after the other and by the last in the end; by version and partition, the first
/// number.
fn cuts(records: &[Record], sent: u32, last_version: u32) -> BTreeMap<(u32, i32), i64> {
    let mut cuts: BTreeMap<(u32, i32), i64> = BTreeMap::new();
    for (partition, records) in &by_source(records) {
        let numbers: Vec<u32> = records.iter().map(|(n, _)| *n).collect();
        assert_eq!(numbers, (0..sent).collect::<Vec<_>>(), "partition {partition}");
        let mut firsts: Vec<_> =
            records.iter().map(|(n, rules)| (*n, rules.parse::<u32>().unwrap())).collect();
        firsts.dedup_by_key(|(_, rules)| *rules);
        let in_order = firsts.windows(2).all(|pair| pair[0].1 < pair[1].1);
        assert!(in_order, "partition {partition}: {firsts:?}");
        let last = firsts.last().map(|(_, rules)| *rules);
        assert_eq!(last, Some(last_version), "partition {partition}: {firsts:?}");
        for (number, rules) in firsts {
            cuts.insert((rules, partition.parse().unwrap()), i64::from(number));
        }
    }
    cuts
}

/// So many swaps come to input that is pending.
const SWAPS: usize = 3;
/// One that took so long that all that was there had been read is done again, so often at most.
const TRIES_MAX: u32 = 20;
/// Windows so small that whoever writes is faster, and that what is pending lasts for long.
const SMALL: [u32; 2] = [5, 10];
/// For what is left in the end.
const LARGE: u32 = 700;

#[test]
fn a_swap_under_load_loses_and_doubles_nothing_and_is_one_clean_cut_in_each_partition() {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let (input, out) = (cluster.topic("in", 4), cluster.topic("out", 1));
    let source = [format!("topics: [{input}]"), "start: earliest".to_owned(), PATIENT.to_owned()];
    let source: Vec<&str> = source.iter().map(String::as_str).collect();
    let rules = |version: u32, max_records: u32| {
        // A header tells which rules handled the record; one output partition keeps their order.
        let steps = format!("steps: [{{set: {{headers.rules: '\"{version}\"'}}}}]");
        let delivery =
            format!("{{exactly_once: {{commit_interval: 50ms, max_records: {max_records}}}}}");
        scene.file(&delivery, &source, &["workers: 2", &steps, &to(&out)]);
    };
    let swap = |version: u32, max_records: u32| {
        rules(version, max_records);
        let (code, said) = reload(&scene.host, &[]);
        assert_eq!(code, 0, "{said}");
    };
    let (topic, group) = (input.as_str(), scene.name.as_str());
    let (sent, is_over) = (AtomicU32::new(0), AtomicBool::new(false));
    let load = Load { cluster, topic, group, sent, is_over };
    rules(0, SMALL[0]);
    let mut daemon = scene.run();
    load.slice();
    eventually(SOON, "both workers have their share", || {
        let status = scene.host.status_of(&scene.name);
        let of = |worker: usize| status["workers"][worker]["totals"]["partitions"] == 2;
        (of(0) && of(1)).then_some(())
    });
    let before = group_generation(cluster, &scene.name);
    let mut version = 0;
    // By version, a partition that had more when the file changed than was read when the new rules had been taken, and how much
    // it had.
    let mut inside: Vec<(u32, i32, i64)> = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| load.run());
        let over = Over(&load.is_over);
        while inside.len() < SWAPS {
            version += 1;
            assert!(version <= TRIES_MAX, "no pending input for {SWAPS} swaps: {inside:?}");
            let is_behind = || (load.pending() >= Load::PENDING_MIN).then_some(());
            eventually(SOON, "input is pending", is_behind);
            let sent_before = i64::from(load.sent());
            swap(version, SMALL[usize::from(version % 2 == 1)]);
            let read = load.committed();
            let Some((partition, next)) = read.into_iter().find(|(_, next)| *next < sent_before)
            else {
                continue;
            };
            let goes_on = || (load.committed()[&partition] > next).then_some(());
            eventually(SOON, "what was pending is read by the new rules", goes_on);
            inside.push((version, partition, sent_before));
        }
        version += 1;
        swap(version, LARGE);
        drop(over);
    });
    // Each partition has something for the last rules.
    load.slice();
    let sent = load.sent();
    let read = scene.records(&out, usize::try_from(sent * 4).unwrap());
    let cuts = cuts(&read, sent, version);
    for (version, partition, sent_before) in inside {
        let cut = cuts[&(version, partition)];
        assert!(cut < sent_before, "{version} came to no pending input: {cuts:?}");
    }
    assert_eq!(group_generation(cluster, &scene.name), before, "the group was rebalanced");
    assert_eq!(daemon.terminate(), Some(0));
}

/// Ends a load, also where the test fails.
struct Over<'l>(&'l AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}
