//! Records out of topics, alone or as a member of a group; offsets go back only for what the caller says is written.

mod away;
mod begin;
mod grown;
mod hold;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{ASK_MAX, Access};
use crate::kafka::properties::{CONSUMER_DEFAULTS, CONSUMER_PINNED, set, set_all};
use crate::kafka::raw::{
    ClientError, Consumer, Failed, Messages, PartitionList, PartitionOffset, Protocol, Rebalance,
    code,
};
use crate::kafka::retry::{OFFSETS_MAX, REQUEST_MAX, until};
use crate::kafka::transaction::COMMIT_MAX;
use crate::kafka::verdict::{self, known};
use crate::model::{GroupId, Record, TopicName, VisitHeader};
use crate::worker::{Clock, Fault, FaultKind, SystemClock};
use away::{Silence, Unanswered, Whom, untold, watermarks};
use hold::Hold;

/// One batch of records.
const BATCH_RECORDS_MAX: usize = 500;
/// What comes beside it while it is held: errors, as a rule.
const HELD_MAX: usize = 100;
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
    /// Of a partition that was read to where it ended when it was given, nothing more is wanted.
    pub to_end: bool,
}

type Partition = (String, i32);
/// A topic by its place in [`ReadOptions::topics`], and the partition: no owned name per record.
type Place = (usize, i32);

/// A record of a batch, to be given back by [`Reader::written`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    place: Place,
    offset: i64,
    /// Which assignment it was read in; another member may have gone on since.
    assignment: u64,
}

impl Mark {
    /// Whether both are of one partition, as it was given once: then the later one says all.
    pub fn follows(&self, other: &Self) -> bool {
        (self.place, self.assignment) == (other.place, other.assignment)
    }
}

/// One consumer, and the batch that it holds.
pub struct Reader {
    /// Before the client: librdkafka waits at a client's end for whoever still holds its messages.
    batch: Messages,
    /// The first of the batch that the caller was not told of.
    next: usize,
    consumer: Consumer,
    access: Access,
    options: ReadOptions,
    clock: SystemClock,
    /// What is ours now, and where it ended when it was given.
    ends: BTreeMap<Place, i64>,
    has_assignment: bool,
    /// How often partitions were given.
    assignments: u64,
    /// Next to read behind what is written, by partition; only of partitions that are ours.
    written: BTreeMap<Place, i64>,
    /// What of `written` is not committed yet.
    dirty: BTreeSet<Place>,
    /// Something written went to another member without a commit.
    has_lost: bool,
    silence: Silence,
    hold: Hold,
    /// When new partitions were looked for last, by whoever reads alone.
    looked_for_new: Duration,
    /// New ones that could not be taken yet, and when they were asked for last.
    untaken: BTreeMap<Place, Duration>,
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
                .map_err(|e| access.unanswered(&e, consumer.met()))?;
            known(&found)?;
            partitions.extend(found.partitions.iter().map(|p| (found.name.clone(), *p)));
        }
        let mut reader = Self {
            consumer,
            access: access.clone(),
            options: options.clone(),
            clock: SystemClock::default(),
            batch: Messages::with_capacity(BATCH_RECORDS_MAX + HELD_MAX),
            next: 0,
            ends: BTreeMap::new(),
            has_assignment: false,
            assignments: 0,
            written: BTreeMap::new(),
            dirty: BTreeSet::new(),
            has_lost: false,
            silence: Silence::default(),
            hold: Hold::default(),
            looked_for_new: Duration::ZERO,
            untaken: BTreeMap::new(),
            notes: Vec::new(),
        };
        match &options.group {
            Some(group) => reader.join(group, &partitions)?,
            None => reader.take_all(&partitions)?,
        }
        Ok(reader)
    }

    /// Where each partition of the list ends now: what may be read of transactions counts.
    fn note_ends(&mut self, list: &PartitionList) -> Result<(), Unanswered> {
        self.ends.clear();
        self.silence.forget_partitions();
        for entry in list.to_vec() {
            let (_, high) = watermarks(&mut self.consumer, &entry.topic, entry.partition)?;
            // Whoever begins at the end has read all.
            let end = if entry.offset >= high { i64::MIN } else { high };
            if let Some(topic) = self.topic(&entry.topic) {
                self.ends.insert((topic, entry.partition), end);
            }
        }
        self.has_assignment = true;
        self.assignments = self.assignments.saturating_add(1);
        Ok(())
    }

    fn topic(&self, name: &str) -> Option<usize> {
        self.options.topics.iter().position(|topic| topic.as_str() == name)
    }

    /// What somebody should know, once.
    pub fn note(&mut self) -> Option<String> {
        if self.notes.is_empty() { None } else { Some(self.notes.remove(0)) }
    }

    /// Fills the batch, waiting up to `wait` for the first record; serves the group meanwhile.
    ///
    /// Before partitions are given back, `settle` may say what is [`written`](Self::written) by then.
    pub fn poll(&mut self, wait: Duration, settle: &mut dyn FnMut(&mut Self)) -> Result<(), Fault> {
        self.resume()?;
        self.hold.polled = self.clock.now();
        self.next = 0;
        self.consumer.poll(&mut self.batch, BATCH_RECORDS_MAX, wait);
        self.serve(0, settle)?;
        self.take_new_partitions()?;
        self.look_whether_away()
    }

    /// What came beside records, and of the batch what came `from` there on.
    fn serve(&mut self, from: usize, settle: &mut dyn FnMut(&mut Self)) -> Result<(), Fault> {
        while let Some(rebalance) = self.consumer.next_rebalance() {
            self.rebalance(rebalance, settle)?;
        }
        for index in from..self.batch.len() {
            if let Some(err) = self.batch.error(index) {
                let (text, place) = self.batch.error_detail(index);
                let place = place.map(|place| (place, self.batch.error_offset(index)));
                self.notice(err, &text, place)?;
            } else {
                self.silence.is_broken();
            }
        }
        while let Some(ClientError { code: err, text }) = self.consumer.next_error() {
            self.notice(err, &text, None)?;
        }
        Ok(())
    }

    /// The place in the batch of its next record, or error; `None` behind the last. [`hold`](Self::hold) may take the batch away,
    /// or make it longer.
    pub fn advance(&mut self) -> Option<usize> {
        let index = self.next;
        (index < self.batch.len()).then(|| {
            self.next = index.saturating_add(1);
            index
        })
    }

    /// One record of the batch; `None` where it is an error, or of a partition that was taken away meanwhile.
    pub fn record(&self, index: usize) -> Option<Record<'_>> {
        if self.batch.error(index).is_some() {
            return None;
        }
        let record = self.batch.record(index);
        let topic = self.topic(record.topic)?;
        self.ends.contains_key(&(topic, record.partition)).then_some(record)
    }

    /// The mark of a record of the batch.
    pub fn mark(&self, record: &Record<'_>) -> Option<Mark> {
        let place = (self.topic(record.topic)?, record.partition);
        Some(Mark { place, offset: record.offset, assignment: self.assignments })
    }

    /// Shows each header of a record of the batch, in order.
    pub fn each_header(&self, index: usize, visit: &mut VisitHeader<'_>) {
        self.batch.each_header(index, visit);
    }

    /// This record, and all before it in its partition, are written out, or are not to be. That of a partition that was given
    /// back since is another member's matter.
    pub fn written(&mut self, Mark { place, offset, assignment }: Mark) {
        if assignment == self.assignments && self.ends.contains_key(&place) {
            self.dirty.insert(place);
            self.written.insert(place, offset.saturating_add(1));
        } else {
            self.has_lost = self.options.group.is_some();
        }
    }

    /// Whether something is written and not committed.
    pub fn is_dirty(&self) -> bool {
        self.options.group.is_some() && !self.dirty.is_empty()
    }

    /// Whether something that is written stands in no commit, and none will follow: the group's next member writes it again.
    pub fn is_behind(&self) -> bool {
        self.is_dirty() || self.has_lost
    }

    /// Commits what is written, where there is a group. A group that has moved on keeps its own offsets: that is no error,
    /// its records come again, and [`is_dirty`](Self::is_dirty) stays true.
    pub fn commit(&mut self) -> Result<(), Fault> {
        if !self.is_dirty() || self.silence.is_uncoordinated {
            return Ok(());
        }
        if !self.consumer.group_metadata().is_some_and(|group| group.is_guarded()) {
            return Ok(());
        }
        let next = |place: &Place| self.written.get(place).copied();
        let name = |topic: usize| self.options.topics.get(topic).map(TopicName::as_str);
        let dirty = self.dirty.iter().filter_map(|p| Some((name(p.0)?, p.1, next(p)?)));
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
            Err(failed) => Err(self.untold_by_coordinator(failed)),
        }
    }

    /// Whether every partition that is ours was read to where it ended when it was given. Ask when the batch is done with.
    pub fn is_at_end(&mut self) -> bool {
        let positions = if self.has_assignment { self.positions() } else { None };
        positions.is_some_and(|positions| {
            self.ends.iter().all(|(place, end)| {
                *end == i64::MIN || positions.get(place).is_some_and(|position| position >= end)
            })
        })
    }

    /// The next offset of each partition that is ours; negative before its first record.
    fn positions(&self) -> Option<BTreeMap<Place, i64>> {
        let mut list = self.consumer.assignment().ok()?;
        self.consumer.position(&mut list).ok()?;
        let at = |e: PartitionOffset| Some(((self.topic(&e.topic)?, e.partition), e.offset));
        Some(list.to_vec().into_iter().filter_map(at).collect())
    }

    /// Leaves the group; the process ends behind it.
    pub fn close(mut self) {
        let end = self.clock.now().saturating_add(CLOSE_MAX);
        let clock = self.clock;
        self.batch.clear();
        let mut closing = self.consumer.close();
        let mut is_closed = false;
        while !is_closed && clock.now() < end {
            is_closed = closing.closed(CLOSE_TRY);
        }
        drop(closing);
        if !is_closed {
            // Its end waits for whatever a broker that is away has not answered, without a limit of ours.
            std::mem::forget(self);
        }
    }

    /// All partitions go, or all are given: an eager group.
    fn rebalance(
        &mut self,
        Rebalance { assigned, lost, partitions }: Rebalance,
        settle: &mut dyn FnMut(&mut Self),
    ) -> Result<(), Fault> {
        let fault = |e: Failed| verdict::of_consumer(&e).into_fault();
        if !assigned {
            settle(self);
            if !lost {
                self.commit()?;
            }
            self.has_lost |= self.is_dirty();
            // It comes again to whoever is given its partition next.
            self.batch.clear();
            self.next = 0;
            self.ends.clear();
            self.written.clear();
            self.dirty.clear();
            self.has_assignment = false;
            self.hold.is_paused = false;
            return self.consumer.unassign_all().map_err(fault);
        }
        let mut list = partitions;
        if !list.is_empty() {
            let consumer = &mut self.consumer;
            let answer = until(
                &self.clock,
                OFFSETS_MAX,
                |_| true,
                || consumer.committed(&mut list, REQUEST_MAX),
            );
            answer.map_err(|failed| self.untold_by_coordinator(failed))?;
            list = self.absolute(&list).map_err(|unanswered| self.untold(&unanswered))?;
        }
        self.note_ends(&list).map_err(|unanswered| self.untold(&unanswered))?;
        self.hold.is_paused = false;
        self.consumer.assign(&list).map_err(fault)
    }

    fn untold(&mut self, unanswered: &Unanswered) -> Fault {
        untold(&self.access, &self.options, &mut self.consumer, unanswered)
    }

    fn untold_by_coordinator(&mut self, failed: Failed) -> Fault {
        self.silence.is_uncoordinated = verdict::is_silence(failed.code);
        let group = self.options.group.clone();
        self.untold(&(group.map_or(Whom::AnyLeader, Whom::Coordinator), failed))
    }

    /// A partition without an offset is a new one and begins at its beginning.
    fn absolute(&mut self, list: &PartitionList) -> Result<PartitionList, Unanswered> {
        let mut entries = list.to_vec();
        for entry in entries.iter_mut().filter(|e| e.offset < 0) {
            let (low, _) = watermarks(&mut self.consumer, &entry.topic, entry.partition)?;
            entry.offset = low;
        }
        Ok(PartitionList::of(entries.iter().map(|e| (e.topic.as_str(), e.partition, e.offset))))
    }

    fn notice(
        &mut self,
        err: i32,
        text: &str,
        place: Option<(Partition, i64)>,
    ) -> Result<(), Fault> {
        if err == code::AUTO_OFFSET_RESET {
            let said = match (place, &self.options.group) {
                (Some(((topic, partition), offset)), group) if verdict::is_out_of_range(text) => {
                    let help = group.as_ref().map_or_else(
                        || "read again, from what is there now".to_owned(),
                        |group| format!("choose another group, or tell this one where to go on with kafka-consumer-groups.sh --group {group} --topic {topic}:{partition} --reset-offsets --to-earliest --execute"),
                    );
                    format!(
                        "{topic}[{partition}]@{offset} is not there any more, or not yet, and what follows it is not read: {help} ({text})"
                    )
                }
                (Some(((topic, partition), _)), _) => format!("{topic}[{partition}]: {text}"),
                (None, _) => text.to_owned(),
            };
            return Err(Fault::new(FaultKind::Client, said));
        }
        if err == code::ALL_BROKERS_DOWN {
            self.silence.all_are_away(self.clock.now());
            return Ok(());
        }
        // Alone, nothing of a group is needed.
        if err == code::GROUP_AUTHORIZATION_FAILED && self.options.group.is_none() {
            return Ok(());
        }
        let fault = |kind| Err(Fault::new(kind, text));
        if err == code::INCONSISTENT_GROUP_PROTOCOL {
            let why = "members of the group divide its partitions in another way, as pipelines do: stop them, or choose another group";
            return Err(Fault::new(FaultKind::Client, format!("{text}: {why}")));
        }
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
            None if err == code::FATAL || is_join_refused(err) => fault(FaultKind::Client),
            None => Ok(()),
        }
    }
}

/// A rebalance between two generations of the group.
const REBALANCE_MAX: Duration = Duration::from_secs(5);
/// The group of whoever reads alone: nothing ever joins it.
const NO_GROUP: &str = "krouted.by-hand";

/// A group that never lets this member in: the client would ask again for ever.
fn is_join_refused(err: i32) -> bool {
    matches!(
        err,
        code::INVALID_GROUP_ID | code::INVALID_SESSION_TIMEOUT | code::GROUP_MAX_SIZE_REACHED
    )
}

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
    // Alone, partitions that are new come to those that are there.
    let protocol = if options.group.is_some() { Protocol::Eager } else { Protocol::Cooperative };
    Consumer::new(conf, protocol).map_err(|text| Fault::new(FaultKind::Configuration, text))
}
