//! Records out of topics, alone or as a member of a group; offsets go back only for what the caller says is written.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{ASK_MAX, Access};
use crate::kafka::properties::{CONSUMER_DEFAULTS, CONSUMER_PINNED, set, set_all};
use crate::kafka::raw::{
    ClientError, Consumer, Failed, Messages, PartitionList, Protocol, Rebalance, code, logical,
};
use crate::kafka::retry::{OFFSETS_MAX, REQUEST_MAX, until};
use crate::kafka::start::commit_start;
use crate::kafka::transaction::COMMIT_MAX;
use crate::kafka::verdict::{self, known};
use crate::model::{GroupId, Record, TopicName, VisitHeader};
use crate::worker::{Clock, Fault, FaultKind, SystemClock};

/// One batch of records.
const BATCH_RECORDS_MAX: usize = 500;
/// No broker answers for so long: then one last question, and the end.
const AWAY_MAX: Duration = Duration::from_secs(30);
/// Leaving a group can wait behind a join that is under way.
const CLOSE_MAX: Duration = Duration::from_secs(10);
const CLOSE_TRY: Duration = Duration::from_millis(50);

/// Where reading begins, in each partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// At the first record that is still there.
    Earliest,
    /// Behind the last record.
    Latest,
    /// At this offset.
    Offset(i64),
    /// So many records before the end.
    Last(i64),
    /// At the first record of that time or later, in ms since 1970.
    Timestamp(i64),
}

/// What is read of transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Only what was committed.
    Committed,
    /// Also what is open or was aborted.
    Uncommitted,
}

/// How to read.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// Not empty.
    pub topics: Vec<TopicName>,
    /// Absent: alone, and no offset is committed.
    pub group: Option<GroupId>,
    /// For a group: only where it has no offset at all.
    pub from: From,
    /// What of transactions.
    pub isolation: Isolation,
}

type Partition = (String, i32);

/// One consumer, and the batch that it holds.
pub struct Reader {
    /// Before the client: librdkafka waits at a client's end for whoever still holds its messages.
    batch: Messages,
    consumer: Consumer,
    access: Access,
    options: ReadOptions,
    clock: SystemClock,
    /// What is ours now, and where it ended when it was given.
    ends: BTreeMap<Partition, i64>,
    has_assignment: bool,
    /// Next to read behind what is written, by partition; only of partitions that are ours.
    written: BTreeMap<Partition, i64>,
    /// What of `written` is not committed yet.
    dirty: BTreeSet<Partition>,
    away_since: Option<Duration>,
    notes: Vec<String>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Reader {
    /// Looks that the topics are there, gives a new group its start and joins it, or takes all partitions.
    pub fn open(access: &Access, options: &ReadOptions) -> Result<Self, Fault> {
        let mut consumer = client(access, options)?;
        let mut partitions = Vec::new();
        for name in &options.topics {
            let found = consumer
                .topic(name.as_str(), ASK_MAX)
                .map_err(|e| unanswered(access, &mut consumer, &e))?;
            known(&found)?;
            partitions.extend(found.partitions.iter().map(|p| (found.name.clone(), *p)));
        }
        let mut reader = Self {
            consumer,
            access: access.clone(),
            options: options.clone(),
            clock: SystemClock::default(),
            batch: Messages::with_capacity(BATCH_RECORDS_MAX),
            ends: BTreeMap::new(),
            has_assignment: false,
            written: BTreeMap::new(),
            dirty: BTreeSet::new(),
            away_since: None,
            notes: Vec::new(),
        };
        let answer = if options.group.is_some() {
            reader.join(&partitions)
        } else {
            reader.take_all(&partitions)
        };
        answer.map_err(|e| unanswered(access, &mut reader.consumer, &e))?;
        Ok(reader)
    }

    fn join(&mut self, partitions: &[Partition]) -> Result<(), Failed> {
        let from = self.options.from;
        if from != From::Earliest {
            let mut notes = Vec::new();
            let mut probe = client(&self.access, &self.options).map_err(|fault| Failed {
                text: fault.cause,
                ..Failed::from_code("probe", code::INVALID_ARG)
            })?;
            commit_start(&mut probe, partitions, |probe| {
                resolve(probe, partitions, from, &mut notes)
            })?;
            self.notes = notes;
        }
        self.consumer.subscribe(self.options.topics.iter().map(TopicName::as_str))
    }

    fn take_all(&mut self, partitions: &[Partition]) -> Result<(), Failed> {
        let mut notes = Vec::new();
        let list = resolve(&mut self.consumer, partitions, self.options.from, &mut notes)?;
        self.notes = notes;
        self.note_ends(&list)?;
        self.consumer.assign(&list)
    }

    /// Where each partition of the list ends now: what may be read of transactions counts.
    fn note_ends(&mut self, list: &PartitionList) -> Result<(), Failed> {
        self.ends.clear();
        for entry in list.to_vec() {
            let (_, high) =
                self.consumer.query_watermarks(&entry.topic, entry.partition, REQUEST_MAX)?;
            // Whoever begins at the end has read all.
            let end = if entry.offset >= high { i64::MIN } else { high };
            self.ends.insert((entry.topic, entry.partition), end);
        }
        self.has_assignment = true;
        Ok(())
    }

    /// What somebody should know, once.
    pub fn note(&mut self) -> Option<String> {
        if self.notes.is_empty() { None } else { Some(self.notes.remove(0)) }
    }

    /// Fills the batch, waiting up to `wait` for the first record; serves the group meanwhile.
    pub fn poll(&mut self, wait: Duration) -> Result<(), Fault> {
        self.consumer.poll(&mut self.batch, BATCH_RECORDS_MAX, wait);
        while let Some(rebalance) = self.consumer.next_rebalance() {
            self.rebalance(rebalance)?;
        }
        for index in 0..self.batch.len() {
            if let Some(err) = self.batch.error(index) {
                let (text, place) = self.batch.error_detail(index);
                self.notice(err, &text, place)?;
            } else {
                self.away_since = None;
            }
        }
        while let Some(ClientError { code: err, text }) = self.consumer.next_error() {
            self.notice(err, &text, None)?;
        }
        self.look_whether_away()
    }

    /// How many records, errors among them, the batch holds.
    pub fn len(&self) -> usize {
        self.batch.len()
    }

    /// Whether the batch holds nothing.
    pub fn is_empty(&self) -> bool {
        self.batch.len() == 0
    }

    /// One record of the batch; `None` where it is an error, or of a partition that was taken away meanwhile.
    pub fn record(&self, index: usize) -> Option<Record<'_>> {
        if self.batch.error(index).is_some() {
            return None;
        }
        let record = self.batch.record(index);
        let is_ours = self.ends.contains_key(&(record.topic.to_owned(), record.partition));
        is_ours.then_some(record)
    }

    /// Shows each header of a record of the batch, in order.
    pub fn each_header(&self, index: usize, visit: &mut VisitHeader<'_>) {
        self.batch.each_header(index, visit);
    }

    /// This record, and all before it in its partition, are written out, or are not to be.
    pub fn written(&mut self, topic: &str, partition: i32, offset: i64) {
        let place = (topic.to_owned(), partition);
        if self.ends.contains_key(&place) {
            self.dirty.insert(place.clone());
            self.written.insert(place, offset.saturating_add(1));
        }
    }

    /// Whether something is written and not committed.
    pub fn is_dirty(&self) -> bool {
        self.options.group.is_some() && !self.dirty.is_empty()
    }

    /// Commits what is written, where there is a group. A group that has moved on keeps its own offsets: that is no error,
    /// its records come again.
    pub fn commit(&mut self) -> Result<(), Fault> {
        if !self.is_dirty() {
            return Ok(());
        }
        if !self.consumer.group_metadata().is_some_and(|group| group.is_guarded()) {
            return Ok(());
        }
        let next = |place: &Partition| self.written.get(place).copied();
        let dirty = self.dirty.iter().filter_map(|p| Some((p.0.as_str(), p.1, next(p)?)));
        let list = PartitionList::of(dirty);
        let moving =
            |e: &Failed| matches!(e.code, code::REBALANCE_IN_PROGRESS | code::ILLEGAL_GENERATION);
        let answer =
            until(&self.clock, REBALANCE_MAX, moving, || self.consumer.commit(&list, COMMIT_MAX));
        match answer {
            Ok(()) => {
                self.dirty.clear();
                Ok(())
            }
            Err(failed) if moving(&failed) || failed.code == code::UNKNOWN_MEMBER_ID => Ok(()),
            Err(failed) => {
                let kind = verdict::help(failed.code).unwrap_or(match failed.code {
                    code::TIMED_OUT => FaultKind::BrokerAway,
                    _ => FaultKind::Client,
                });
                Err(Fault::new(kind, format!("offsets: {failed}")))
            }
        }
    }

    /// Whether every partition that is ours was read to where it ended when it was given. Ask when the batch is done with.
    pub fn is_at_end(&mut self) -> bool {
        if !self.has_assignment {
            return false;
        }
        let Ok(mut list) = self.consumer.assignment() else { return false };
        if self.consumer.position(&mut list).is_err() {
            return false;
        }
        let positions: BTreeMap<Partition, i64> =
            list.to_vec().into_iter().map(|e| ((e.topic, e.partition), e.offset)).collect();
        self.ends.iter().all(|(place, end)| {
            *end == i64::MIN || positions.get(place).is_some_and(|position| position >= end)
        })
    }

    /// Leaves the group.
    pub fn close(mut self) {
        let end = self.clock.now().saturating_add(CLOSE_MAX);
        let clock = self.clock;
        self.batch.clear();
        let mut closing = self.consumer.close();
        while !closing.closed(CLOSE_TRY) && clock.now() < end {}
    }

    /// All partitions go, or all are given: an eager group.
    fn rebalance(
        &mut self,
        Rebalance { assigned, lost, partitions }: Rebalance,
    ) -> Result<(), Fault> {
        let fault = |e: Failed| verdict::of_consumer(&e).into_fault();
        if !assigned {
            if !lost {
                self.commit()?;
            }
            self.ends.clear();
            self.written.clear();
            self.dirty.clear();
            self.has_assignment = false;
            return self.consumer.unassign_all().map_err(fault);
        }
        let mut list = partitions;
        if !list.is_empty() {
            let consumer = &mut self.consumer;
            until(
                &self.clock,
                OFFSETS_MAX,
                |_| true,
                || consumer.committed(&mut list, REQUEST_MAX),
            )
            .map_err(fault)?;
            list = self.absolute(&list).map_err(fault)?;
        }
        self.note_ends(&list).map_err(fault)?;
        self.consumer.assign(&list).map_err(fault)
    }

    /// A partition without an offset is a new one and begins at its beginning.
    fn absolute(&mut self, list: &PartitionList) -> Result<PartitionList, Failed> {
        let mut entries = list.to_vec();
        for entry in entries.iter_mut().filter(|e| e.offset < 0) {
            let (low, _) =
                self.consumer.query_watermarks(&entry.topic, entry.partition, REQUEST_MAX)?;
            entry.offset = low;
        }
        Ok(PartitionList::of(entries.iter().map(|e| (e.topic.as_str(), e.partition, e.offset))))
    }

    fn notice(&mut self, err: i32, text: &str, place: Option<Partition>) -> Result<(), Fault> {
        if err == code::AUTO_OFFSET_RESET {
            let at = place.map_or_else(String::new, |(topic, p)| format!("{topic}[{p}]: "));
            return Err(Fault::new(FaultKind::Client, format!("{at}{text}")));
        }
        if err == code::ALL_BROKERS_DOWN {
            let now = self.clock.now();
            self.away_since.get_or_insert(now);
            return Ok(());
        }
        // Alone, nothing of a group is needed.
        if err == code::GROUP_AUTHORIZATION_FAILED && self.options.group.is_none() {
            return Ok(());
        }
        let fault = |kind| Err(Fault::new(kind, text));
        match verdict::help(err) {
            // A handshake that a broker's restart cut.
            _ if err == code::SSL => Ok(()),
            Some(
                kind @ (FaultKind::Authorization
                | FaultKind::UnknownTopic
                | FaultKind::Fenced
                | FaultKind::Unsupported),
            ) => fault(kind),
            Some(FaultKind::BrokerAway | FaultKind::Configuration | FaultKind::Client) => Ok(()),
            None if err == code::FATAL => fault(FaultKind::Client),
            None => Ok(()),
        }
    }

    fn look_whether_away(&mut self) -> Result<(), Fault> {
        let Some(since) = self.away_since else { return Ok(()) };
        if self.clock.now().saturating_sub(since) < AWAY_MAX {
            return Ok(());
        }
        self.away_since = None;
        let Some(topic) = self.options.topics.first() else { return Ok(()) };
        match self.consumer.topic(topic.as_str(), ASK_MAX) {
            Ok(_) => Ok(()),
            Err(failed) => Err(unanswered(&self.access, &mut self.consumer, &failed)),
        }
    }
}

/// A rebalance between two generations of the group.
const REBALANCE_MAX: Duration = Duration::from_secs(5);
/// The group of whoever reads alone: nothing ever joins it.
const NO_GROUP: &str = "krouted.by-hand";

fn client(access: &Access, options: &ReadOptions) -> Result<Consumer, Fault> {
    let mut conf = access.conf(CONSUMER_DEFAULTS)?;
    set_all(&mut conf, CONSUMER_PINNED)?;
    // What Java's consumers speak by default.
    set(&mut conf, "partition.assignment.strategy", "range,roundrobin")?;
    let group = options.group.as_ref().map_or(NO_GROUP, GroupId::as_str);
    set(&mut conf, "group.id", group)?;
    let isolation = match options.isolation {
        Isolation::Committed => "read_committed",
        Isolation::Uncommitted => "read_uncommitted",
    };
    set(&mut conf, "isolation.level", isolation)?;
    Consumer::new(conf, Protocol::Eager).map_err(|text| Fault::new(FaultKind::Configuration, text))
}

fn unanswered(access: &Access, consumer: &mut Consumer, failed: &Failed) -> Fault {
    access.unanswered(failed, consumer.met())
}

/// Real offsets for all partitions; one that a partition does not hold becomes the nearest that it holds, which is noted.
fn resolve(
    consumer: &mut Consumer,
    partitions: &[Partition],
    from: From,
    notes: &mut Vec<String>,
) -> Result<PartitionList, Failed> {
    let each = || partitions.iter().map(|(topic, partition)| (topic.as_str(), *partition));
    let mut found = PartitionList::of(each().map(|(t, p)| (t, p, logical::BEGINNING)));
    if let From::Timestamp(ms) = from {
        found = PartitionList::of(each().map(|(t, p)| (t, p, ms)));
        consumer.offsets_for_times(&mut found, REQUEST_MAX)?;
    }
    let mut entries = found.to_vec();
    for entry in &mut entries {
        let (low, high) = consumer.query_watermarks(&entry.topic, entry.partition, REQUEST_MAX)?;
        entry.offset = match from {
            From::Earliest => low,
            From::Latest => high,
            From::Last(count) => high.saturating_sub(count).max(low),
            // Behind the last record: also where no record has that timestamp or a later one.
            From::Timestamp(_) if entry.offset < 0 => high,
            From::Timestamp(_) => entry.offset,
            From::Offset(offset) => {
                let nearest = offset.clamp(low, high);
                if nearest != offset {
                    let (topic, partition) = (&entry.topic, entry.partition);
                    notes.push(format!(
                        "{topic}[{partition}] holds no offset {offset}: beginning at {nearest}"
                    ));
                }
                nearest
            }
        };
    }
    Ok(PartitionList::of(entries.iter().map(|e| (e.topic.as_str(), e.partition, e.offset))))
}
