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
    /// No multiple of a window: a cut at a slice's end is chance.
    const SLICE: u32 = 503;
    const PENDING_MIN: i64 = 8_000;
    const PENDING_MAX: i64 = 16_000;

    fn sent(&self) -> u32 {
        self.sent.load(Relaxed)
    }

    /// Records that are there and not committed.
    fn pending(&self) -> i64 {
        let committed: i64 = self.cluster.committed(self.group, self.topic).values().sum();
        i64::from(self.sent()) * i64::from(Self::PARTITIONS) - committed
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

#[test]
fn a_swap_under_load_loses_and_doubles_nothing_and_is_one_clean_cut_in_each_partition() {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let (input, out) = (cluster.topic("in", 4), cluster.topic("out", 1));
    let source = [format!("topics: [{input}]"), "start: earliest".to_owned()];
    let source: Vec<&str> = source.iter().map(String::as_str).collect();
    let rules = |version: &str, max_records: u32| {
        // A header tells which rules handled the record; one output partition keeps their order.
        let steps = format!("steps: [{{set: {{headers.rules: '\"{version}\"'}}}}]");
        let delivery =
            format!("{{exactly_once: {{commit_interval: 50ms, max_records: {max_records}}}}}");
        scene.file(&delivery, &source, &["workers: 2", &steps, &to(&out)]);
    };
    let (topic, group) = (input.as_str(), scene.name.as_str());
    let (sent, is_over) = (AtomicU32::new(0), AtomicBool::new(false));
    let load = Load { cluster, topic, group, sent, is_over };
    // Windows so small that whoever writes is faster.
    rules("one", 20);
    let mut daemon = scene.run();
    load.slice();
    eventually(SOON, "both workers have their share", || {
        let status = scene.host.status_of(&scene.name);
        let of = |worker: usize| status["workers"][worker]["totals"]["partitions"] == 2;
        (of(0) && of(1)).then_some(())
    });
    let before = group_generation(cluster, &scene.name);
    // What each partition had when the files changed.
    let mut sent_before = BTreeMap::new();
    std::thread::scope(|scope| {
        scope.spawn(|| load.run());
        let over = Over(&load.is_over);
        for (version, max_records) in [("two", 20), ("three", 20), ("four", 700)] {
            let is_behind = || (load.pending() >= Load::PENDING_MIN).then_some(());
            eventually(SOON, "input is pending", is_behind);
            sent_before.insert(version, load.sent());
            rules(version, max_records);
            let (code, said) = reload(&scene.host, &[]);
            assert_eq!(code, 0, "{said}");
        }
        drop(over);
    });
    let sent = load.sent();
    let read = scene.records(&out, usize::try_from(sent * 4).unwrap());
    // By version, the first number of each partition.
    let mut cuts: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    let by_source = by_source(&read);
    for (partition, records) in &by_source {
        let numbers: Vec<u32> = records.iter().map(|(n, _)| *n).collect();
        assert_eq!(numbers, (0..sent).collect::<Vec<_>>(), "partition {partition}");
        let mut firsts: Vec<_> = records.iter().collect();
        firsts.dedup_by_key(|(_, rules)| rules);
        let rules: Vec<&str> = firsts.iter().map(|(_, rules)| rules.as_str()).collect();
        let versions = ["one", "two", "three", "four"];
        let in_order = rules.windows(2).all(|pair| {
            let at = |rules: &str| versions.iter().position(|v| *v == rules).unwrap();
            at(pair[0]) < at(pair[1])
        });
        assert!(in_order, "partition {partition}: {rules:?}");
        assert_eq!(rules.last(), Some(&"four"), "partition {partition}: {rules:?}");
        for (number, version) in firsts {
            cuts.entry(version).or_default().push(*number);
        }
    }
    for (version, sent_before) in sent_before {
        let cuts = &cuts[version];
        let is_inside = |cut: &u32| !cut.is_multiple_of(Load::SLICE) && *cut < sent_before;
        assert!(cuts.iter().any(is_inside), "{version} came to no pending input: {cuts:?}");
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
