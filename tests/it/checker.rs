//! Says whether what a pipeline wrote is what its inputs ask for: no loss, no duplicate, no other order, no other byte.
//!
//! It knows nothing of `src/`: a test gives a `Model` that says for each input record, by its index, what must come out
//! where. What was read is looked at record by record and never held; memory is one bit for each input and topic.
//!
//! ```text
//! let mut checker = Checker::new(&model, &topics);
//! checker.read(cluster.read_all(&topics, Isolation::Committed));
//! checker.transactions(&cluster, SOON);            // no transaction is left open on the outputs
//! checker.offsets(&cluster, group, input);         // committed: not behind the last record, not beyond the end
//! checker.finish().assert_clean();
//! ```

mod murmur2;
mod tests;

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Display, Formatter};
use std::time::Duration;

pub(crate) use murmur2::partition_of_key;

use crate::kafka::record::Record;
use crate::kafka::{Cluster, Isolation};
use crate::wait::Deadline;

/// What a pipeline must do, input by input.
pub(crate) trait Model {
    /// How many inputs there are; their indices begin at 0.
    fn inputs(&self) -> u64;

    /// The partition that an input came from; there, inputs follow one another by their indices.
    fn source(&self, index: u64) -> i32;

    /// What must come out of an input: at most one record for each topic.
    fn outputs(&self, index: u64) -> Vec<Expected>;

    /// Which input an output came from, as the output itself says; nothing where it does not.
    fn index(&self, output: &Record) -> Option<u64>;
}

/// A record that must come out.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    /// Counts through the topics that are read.
    pub(crate) topic: u32,
    pub(crate) placement: Placement,
    /// Key, value, headers and timestamp, all of them exactly; the rest means nothing.
    pub(crate) record: Record,
    /// Headers that follow the record's own, where it is a dead letter: each must be there, and others may be that begin
    /// with `krouted.error.`.
    pub(crate) error: Option<Vec<(&'static str, String)>>,
}

/// Which partition an output must stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// Where Java's producer puts its key, among so many partitions; a null key may stand anywhere.
    ByKey(i32),
    Exactly(i32),
}

/// A kind of damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// What must be there is not.
    Loss,
    /// It is there again.
    Duplicate,
    /// It stands after one that came later from the same input partition.
    Reorder,
    ChangedKey,
    ChangedValue,
    ChangedHeaders,
    ChangedTimestamp,
    WrongPartition,
    /// It is in a topic where it must not be, or belongs to no input.
    Unexpected,
    /// A transaction was left open: the last stable offset stays below the high watermark.
    HangingTransaction,
    /// The group has not committed past the last input record.
    CommittedBehind,
    /// The group has committed past the end of the log.
    CommittedBeyond,
}

/// How many of each kind are described; all are counted.
const DESCRIBED: usize = 5;

/// All that is wrong.
#[derive(Default)]
pub(crate) struct Report {
    found: BTreeMap<Kind, (u64, Vec<String>)>,
    /// How many records were looked at.
    pub(crate) records: u64,
}

impl Report {
    fn add(&mut self, kind: Kind, describe: impl FnOnce() -> String) {
        let (count, described) = self.found.entry(kind).or_default();
        *count += 1;
        if described.len() < DESCRIBED {
            described.push(describe());
        }
    }

    pub(crate) fn count(&self, kind: Kind) -> u64 {
        self.found.get(&kind).map_or(0, |(count, _)| *count)
    }

    pub(crate) fn kinds(&self) -> Vec<Kind> {
        self.found.keys().copied().collect()
    }

    pub(crate) fn assert_clean(&self) {
        self.assert_only(&[]);
    }

    /// For the weaker guarantees: nothing is wrong but these kinds.
    pub(crate) fn assert_only(&self, allowed: &[Kind]) {
        assert!(self.kinds().iter().all(|kind| allowed.contains(kind)), "{self}");
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} records were looked at", self.records)?;
        for (kind, (count, described)) in &self.found {
            writeln!(f, "{kind:?}: {count}")?;
            for one in described {
                writeln!(f, "  {one}")?;
            }
        }
        Ok(())
    }
}

impl Debug for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

/// One bit for each input.
struct Bits(Vec<u64>);

impl Bits {
    fn new(bits: u64) -> Self {
        Self(vec![0; usize::try_from(bits / 64 + 1).unwrap()])
    }

    fn place(bit: u64) -> (usize, u64) {
        (usize::try_from(bit / 64).unwrap(), 1 << (bit % 64))
    }

    fn get(&self, bit: u64) -> bool {
        let (word, mask) = Self::place(bit);
        self.0[word] & mask != 0
    }

    /// Sets it, and says whether it was set.
    fn set(&mut self, bit: u64) -> bool {
        let was = self.get(bit);
        let (word, mask) = Self::place(bit);
        self.0[word] |= mask;
        was
    }
}

/// What was seen so far.
pub(crate) struct Checker<'m, M> {
    model: &'m M,
    topics: Vec<String>,
    seen: Vec<Bits>,
    /// (topic, output partition, input partition) -> the index that was last there
    last: BTreeMap<(u32, i32, i32), u64>,
    report: Report,
}

impl<'m, M: Model> Checker<'m, M> {
    /// The topics in the order in which `Expected::topic` and the reader count them.
    pub(crate) fn new(model: &'m M, topics: &[&str]) -> Self {
        let seen = topics.iter().map(|_| Bits::new(model.inputs())).collect();
        let topics = topics.iter().map(|&topic| topic.to_owned()).collect();
        Self { model, topics, seen, last: BTreeMap::new(), report: Report::default() }
    }

    /// Looks at what was read: each partition in its order, partitions in any.
    pub(crate) fn read(&mut self, records: impl IntoIterator<Item = Record>) {
        for record in records {
            self.report.records += 1;
            self.look_at(&record);
        }
    }

    fn look_at(&mut self, record: &Record) {
        let index = self.model.index(record).filter(|index| *index < self.model.inputs());
        let topic = usize::try_from(record.topic).unwrap();
        let place = format_args!("{}[{}]@{}", self.topics[topic], record.partition, record.offset);
        let Some(index) = index else {
            self.report.add(Kind::Unexpected, || format!("{place} is of no input: {record:?}"));
            return;
        };
        let outputs = self.model.outputs(index);
        let Some(expected) = outputs.iter().find(|output| output.topic == record.topic) else {
            self.report.add(Kind::Unexpected, || format!("input {index} at {place}"));
            return;
        };
        compare(&mut self.report, &format_args!("input {index} at {place}"), expected, record);
        if self.seen[topic].set(index) {
            self.report.add(Kind::Duplicate, || format!("input {index} again at {place}"));
            return;
        }
        let source = self.model.source(index);
        let last = self.last.entry((record.topic, record.partition, source)).or_insert(index);
        if *last > index {
            let before = *last;
            self.report.add(Kind::Reorder, || format!("input {index} after {before} at {place}"));
        }
        *last = index.max(*last);
    }

    /// No transaction is open on the topics, now or at least before the wait is over.
    pub(crate) fn transactions(&mut self, cluster: &Cluster, wait: Duration) {
        let deadline = Deadline::after(wait);
        for topic in &self.topics {
            let open = || {
                let ends = (0..).zip(cluster.offsets(topic));
                ends.filter(|(_, ends)| ends.stable < ends.high).collect::<Vec<(i32, _)>>()
            };
            let mut left = open();
            while !left.is_empty() && !deadline.passed() {
                left = open(); // each question is a round trip to the broker
            }
            for (partition, ends) in left {
                self.report.add(Kind::HangingTransaction, || {
                    format!("{topic}[{partition}]: stable {}, high {}", ends.stable, ends.high)
                });
            }
        }
    }

    /// The group's committed offsets stand after the last record of each partition, and not after the end: what is between
    /// can only be markers of transactions, which are no records.
    pub(crate) fn offsets(&mut self, cluster: &Cluster, group: &str, input: &str) {
        let mut next = BTreeMap::new();
        for record in cluster.read_all(&[input], Isolation::Committed) {
            next.insert(record.partition, record.offset + 1);
        }
        let committed = cluster.committed(group, input);
        for (partition, ends) in (0..).zip(cluster.offsets(input)) {
            let at = committed.get(&partition).copied();
            let next = next.get(&partition).copied().unwrap_or_default();
            if at.unwrap_or_default() < next {
                self.report.add(Kind::CommittedBehind, || {
                    format!("{input}[{partition}]: committed {at:?}, next is {next}")
                });
            }
            if at.is_some_and(|at| at > ends.high) {
                self.report.add(Kind::CommittedBeyond, || {
                    format!("{input}[{partition}]: committed {at:?}, the end is {}", ends.high)
                });
            }
        }
    }

    /// What did not come is lost.
    pub(crate) fn finish(mut self) -> Report {
        for index in 0..self.model.inputs() {
            for expected in self.model.outputs(index) {
                let topic = usize::try_from(expected.topic).unwrap();
                if !self.seen[topic].get(index) {
                    let name = &self.topics[topic];
                    self.report.add(Kind::Loss, || format!("input {index} is not in {name}"));
                }
            }
        }
        self.report
    }
}

fn compare(report: &mut Report, place: &impl Display, expected: &Expected, read: &Record) {
    let wanted = &expected.record;
    let mut differs = |kind, wanted: &dyn Debug, read: &dyn Debug| {
        report.add(kind, || format!("{place}: expected {wanted:?}, read {read:?}"));
    };
    if wanted.key != read.key {
        differs(Kind::ChangedKey, &Text(&wanted.key), &Text(&read.key));
    }
    if wanted.value != read.value {
        differs(Kind::ChangedValue, &Text(&wanted.value), &Text(&read.value));
    }
    if !headers_match(expected, read) {
        differs(Kind::ChangedHeaders, &(&wanted.headers, &expected.error), &read.headers);
    }
    if wanted.timestamp != read.timestamp {
        differs(Kind::ChangedTimestamp, &wanted.timestamp, &read.timestamp);
    }
    let partition = match expected.placement {
        Placement::Exactly(partition) => Some(partition),
        Placement::ByKey(count) => read.key.as_deref().map(|key| partition_of_key(key, count)),
    };
    if partition.is_some_and(|partition| partition != read.partition) {
        differs(Kind::WrongPartition, &partition, &read.partition);
    }
}

/// Bytes as a reader of a report wants them.
struct Text<'b>(&'b Option<Vec<u8>>);

impl Debug for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(bytes) => write!(f, "\"{}\"", bytes.escape_ascii()),
            None => f.write_str("null"),
        }
    }
}

fn headers_match(expected: &Expected, read: &Record) -> bool {
    let Some(error) = &expected.error else { return expected.record.headers == read.headers };
    let Some(further) = read.headers.strip_prefix(expected.record.headers.as_slice()) else {
        return false;
    };
    let has = |(name, value): &(&str, String)| {
        further.iter().any(|(n, v)| n == name.as_bytes() && v.as_deref() == Some(value.as_bytes()))
    };
    error.iter().all(has) && further.iter().all(|(name, _)| name.starts_with(b"krouted.error."))
}
