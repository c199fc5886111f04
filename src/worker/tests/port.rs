//! The worker's port on the model cluster.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::baton::Baton;
use super::cluster::{Blow, Call, Cluster, How, Killed, Refuses, Seen, Shared};
use crate::model::{Guarantee, HeaderList, Position, Record};
use crate::pipeline::{OutOfRange, Pipeline, sample};
use crate::worker::{
    Batch, Control, DeadLetter, Failure, Fault, FaultKind, Lag, LateRefusal, News, NextOffset,
    Offsets, Output, Port,
};

pub(super) struct FakePort {
    pub(super) cluster: Shared,
    pub(super) control: Arc<Control>,
    guarantee: Guarantee,
    member: u64,
    /// Which of the workers it is, and whose turn it is.
    place: usize,
    baton: Baton,
    positions: BTreeMap<usize, usize>,
    pending: VecDeque<(News, Vec<usize>)>,
    news: VecDeque<News>,
    /// Of the open transaction, or not yet acknowledged.
    sent: Vec<(Seen, usize)>,
    open: bool,
    health: Health,
    paused: bool,
    /// The number of the edition that was prepared last.
    pub(super) rules: u64,
}

/// What is left of the clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Fine,
    /// The producer has to be made anew.
    Dead,
    /// A fault: nothing may come but an abort and the close.
    Over,
}

/// Records by partition and offset; none where it was given back.
#[derive(Debug, Default)]
pub(super) struct FakeBatch(Vec<Option<(usize, usize, &'static str)>>, HeaderList);

impl Batch for FakeBatch {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn record(&self, index: usize) -> Option<Record<'_>> {
        let (partition, offset, key) =
            self.0.get(index)?.as_ref().expect("nobody looks at a record that was given back");
        Some(Record {
            topic: "in",
            partition: i32::try_from(*partition).unwrap(),
            offset: i64::try_from(*offset).unwrap(),
            timestamp: None,
            key: Some(key.as_bytes()),
            value: None,
            headers: &self.1,
        })
    }
    fn done(&mut self, index: usize) {
        self.0[index] = None;
    }
    fn clear(&mut self) {
        self.0.clear();
    }
}

fn failure(how: How, at: Call) -> Failure {
    let cause = format!("scripted at {at:?}");
    // What the port's contract leaves out cannot happen.
    let how = match at {
        Call::Assign | Call::Release | Call::Rebuild | Call::Rewind => How::Fault,
        Call::Abort if how == How::Abort => How::Rebuild,
        Call::Abort | Call::Poll | Call::Begin | Call::Send | Call::Commit | Call::Settle => how,
    };
    match how {
        How::Abort => Failure::Abort(cause),
        How::Rebuild => Failure::Rebuild(cause),
        How::Fenced => Failure::Fenced(cause),
        How::Fault => Failure::Fault(Fault::new(FaultKind::Client, cause)),
    }
}

fn seen(record: &Record<'_>, sink: Option<usize>, stage: &'static str, rules: u64) -> Seen {
    Seen {
        rules,
        sink,
        partition: usize::try_from(record.partition).unwrap(),
        offset: usize::try_from(record.offset).unwrap(),
        stage,
    }
}

/// The topic of a sink of the rig's pipeline, or of the dead letters.
pub(super) fn written(sink: Option<usize>) -> &'static str {
    sink.map_or("dead", |sink| ["out-a", "out-b"][sink])
}

/// The number that a test has given to a pipeline's edition.
pub(super) fn number(pipeline: &Pipeline) -> u64 {
    pipeline.description.as_deref().map_or(0, |text| text.parse().unwrap())
}

impl FakePort {
    pub(super) fn new(
        cluster: &Shared,
        guarantee: Guarantee,
        control: &Arc<Control>,
        (place, baton): (usize, &Baton),
    ) -> Self {
        Self {
            member: cluster.lock().join(),
            cluster: cluster.clone(),
            control: Arc::clone(control),
            guarantee,
            place,
            baton: baton.clone(),
            positions: BTreeMap::new(),
            pending: VecDeque::new(),
            news: VecDeque::new(),
            sent: Vec::new(),
            open: false,
            health: Health::Fine,
            paused: false,
            rules: 0,
        }
    }

    pub(super) fn member(&self) -> u64 {
        self.member
    }

    /// One call: what the script has for it, then the work, then what the script has for its end.
    fn call<T>(
        &mut self,
        call: Call,
        work: impl FnOnce(&mut Self, &mut Cluster) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        assert!(self.health != Health::Over || call == Call::Abort, "{call:?} after a fault");
        let shared = self.cluster.clone();
        let mut cluster = shared.lock();
        let blow = cluster.blow(call);
        let result = match blow {
            Some(Blow::Kill) => {
                drop(cluster);
                std::panic::resume_unwind(Box::new(Killed))
            }
            Some(Blow::Fails(how)) => Err(failure(how, call)),
            Some(Blow::Refused) => {
                Err(Failure::Refused { reason: "too large".into(), position: None })
            }
            Some(Blow::FailsLate(how)) => {
                work(self, &mut cluster).and_then(|_| Err(failure(how, call)))
            }
            Some(Blow::KillLate) => {
                let _answer = work(self, &mut cluster);
                drop(cluster);
                std::panic::resume_unwind(Box::new(Killed))
            }
            Some(Blow::Revoke(_) | Blow::Lose(_)) | None => work(self, &mut cluster),
        };
        match &result {
            Err(Failure::Rebuild(_) | Failure::Fenced(_)) => self.health = Health::Dead,
            Err(Failure::Fault(_)) => self.health = Health::Over,
            Err(Failure::Abort(_) | Failure::Refused { .. }) | Ok(_) => {}
        }
        result
    }

    fn is_transactional(&self) -> bool {
        self.guarantee == Guarantee::ExactlyOnce
    }

    fn owned(&self, cluster: &Cluster) -> Vec<usize> {
        let owned = cluster.owners.iter().enumerate();
        owned.filter(|(_, o)| **o == Some(self.member)).map(|(p, _)| p).collect()
    }

    /// Records first, then what happens to the group: a poll may bring both.
    fn fill(&mut self, cluster: &Cluster, batch: &mut FakeBatch, max: usize) {
        for (partition, position) in &mut self.positions {
            let records = &cluster.partitions[*partition];
            let end = records.len().min(*position + cluster.fetch);
            while *position < end && batch.0.len() < max {
                batch.0.push(Some((*partition, *position, records[*position].key)));
                *position += 1;
            }
        }
    }

    /// The group moves some of our partitions: to another worker where there are several, else away and back.
    fn disturb(&mut self, cluster: &mut Cluster, blow: Option<Blow>) {
        let Some(Blow::Revoke(bits) | Blow::Lose(bits)) = blow else { return };
        let mut taken = self.owned(cluster);
        taken.retain(|p| bits & (1 << p) != 0 && self.positions.contains_key(p));
        for partition in &taken {
            cluster.wanted[*partition] = self.baton.next(cluster.wanted[*partition]);
        }
        if matches!(blow, Some(Blow::Lose(_))) {
            for partition in taken {
                cluster.owners[partition] = None;
            }
        } else if !taken.is_empty() && self.pending.is_empty() {
            self.tell(News::Revoked, taken);
        }
    }

    /// What a group does on its own: partitions that are nobody's come, partitions that another is to have go.
    fn balance(&mut self, cluster: &mut Cluster) {
        if !self.pending.is_empty() {
            return;
        }
        let mine = |p: &usize| cluster.wanted[*p] == self.place;
        let owned = self.owned(cluster);
        let go: Vec<usize> = owned.into_iter().filter(|p| !mine(p)).collect();
        if !go.is_empty() {
            return self.tell(News::Revoked, go);
        }
        let free = (0..cluster.owners.len()).filter(|p| cluster.owners[*p].is_none());
        let come: Vec<usize> = free.filter(mine).collect();
        if !come.is_empty() {
            for partition in &come {
                cluster.owners[*partition] = Some(self.member);
            }
            self.tell(News::Assigned, come);
        }
    }

    fn tell(&mut self, news: News, partitions: Vec<usize>) {
        self.news.push_back(news.clone());
        self.pending.push_back((news, partitions));
    }

    /// Partitions whose owner the group has changed without asking.
    fn notice_lost(&mut self, cluster: &Cluster) {
        let waiting = |p: &usize| self.pending.iter().any(|(_, list)| list.contains(p));
        let gone = self.positions.keys().copied();
        let gone: Vec<usize> =
            gone.filter(|p| cluster.owners[*p] != Some(self.member) && !waiting(p)).collect();
        if !gone.is_empty() {
            self.tell(News::Lost, gone);
        }
    }

    fn put(&mut self, (seen, index): (Seen, usize), record: &Record<'_>) -> Result<(), Failure> {
        self.call(Call::Send, |port, cluster| {
            assert!(port.health != Health::Dead, "a send on a dead producer");
            assert!(port.open || !port.is_transactional(), "a send outside a transaction");
            if cluster.refuses(&seen) == Refuses::Client {
                let position = Some(Position {
                    topic: sample::topic(record.topic),
                    partition: record.partition,
                    offset: record.offset,
                });
                return Err(Failure::Refused { reason: "too large".into(), position });
            }
            if port.guarantee != Guarantee::ExactlyOnce && cluster.refuses(&seen) == Refuses::Nobody
            {
                cluster.outputs.push(seen.clone());
            }
            port.sent.push((seen, index));
            Ok(())
        })
    }

    fn refused(&self, cluster: &Cluster) -> bool {
        self.sent.iter().any(|(seen, _)| cluster.refuses(seen) == Refuses::Broker)
    }
}

impl Port for FakePort {
    type Batch = FakeBatch;

    fn batch(&self, _records_max: usize) -> FakeBatch {
        FakeBatch::default()
    }

    fn poll(&mut self, batch: &mut FakeBatch, max: usize, wait: Duration) {
        self.baton.pass(self.place);
        batch.clear();
        assert_eq!(self.health, Health::Fine, "a poll after a fault");
        let shared = self.cluster.clone();
        let mut cluster = shared.lock();
        let calls = cluster.calls.len();
        if let Some(offer) = cluster.offers.first_entry().filter(|first| *first.key() <= calls) {
            self.control.offer(offer.remove());
        }
        let blow = cluster.blow(Call::Poll);
        if let Some(Blow::Kill | Blow::KillLate) = blow {
            drop(cluster);
            std::panic::resume_unwind(Box::new(Killed));
        }
        if !self.paused {
            self.fill(&cluster, batch, max);
        }
        let idle = wait.max(Duration::from_millis(1));
        cluster.now += if batch.is_empty() { idle } else { Duration::from_micros(300) };
        if let Some(Blow::Fails(how) | Blow::FailsLate(how)) = blow {
            self.news.push_back(News::Failed(failure(how, Call::Poll)));
        }
        self.disturb(&mut cluster, blow);
        self.notice_lost(&cluster);
        self.balance(&mut cluster);
        if cluster.is_done() && batch.is_empty() && self.pending.is_empty() {
            self.control.request_stop();
        }
    }

    fn news(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    fn assign(&mut self) -> Result<Vec<NextOffset>, Failure> {
        self.call(Call::Assign, |port, cluster| {
            let (news, partitions) = port.pending.pop_front().expect("an assignment is pending");
            assert_eq!(news, News::Assigned);
            for partition in partitions {
                port.positions.insert(partition, cluster.committed[partition]);
            }
            Ok(vec![])
        })
    }

    fn release(&mut self) -> Result<(), Failure> {
        self.call(Call::Release, |port, cluster| {
            let (news, partitions) = port.pending.pop_front().expect("a release is pending");
            assert_ne!(news, News::Assigned);
            for partition in partitions {
                port.positions.remove(&partition);
                if cluster.owners[partition] == Some(port.member) {
                    cluster.owners[partition] = None;
                }
            }
            Ok(())
        })
    }

    fn begin(&mut self) -> Result<(), Failure> {
        self.call(Call::Begin, |port, _| {
            assert!(port.health != Health::Dead, "a begin on a dead producer");
            assert!(!port.open, "a begin in an open transaction");
            port.open = true;
            port.sent.clear();
            Ok(())
        })
    }

    fn send(&mut self, output: &Output<'_, FakeBatch>) -> Result<(), Failure> {
        let seen = seen(&output.record, Some(output.sink), "", self.rules);
        self.put((seen, output.index), &output.record)
    }

    fn dead_letter(&mut self, letter: &DeadLetter<'_, FakeBatch>) -> Result<(), Failure> {
        let seen = seen(&letter.record, None, letter.rejection.stage.as_str(), self.rules);
        self.put((seen, letter.index), &letter.record)
    }

    fn commit(&mut self, offsets: &Offsets) -> Result<(), Failure> {
        self.call(Call::Commit, |port, cluster| {
            let offsets_only = port.guarantee == Guarantee::AtMostOnce;
            assert!(port.health != Health::Dead || offsets_only, "a commit on a dead producer");
            assert!(port.open || offsets_only, "nothing to commit");
            if !offsets_only && port.refused(cluster) {
                return Err(Failure::Refused { reason: "too large".into(), position: None });
            }
            let touched: Vec<(usize, usize)> = offsets
                .touched()
                .map(|(_, p, next)| (usize::try_from(p).unwrap(), usize::try_from(next).unwrap()))
                .collect();
            if touched.iter().any(|(p, _)| cluster.owners[*p] != Some(port.member)) {
                return Err(Failure::Abort("illegal generation".into()));
            }
            for (partition, next) in touched {
                assert!(cluster.committed[partition] < next, "offsets went back, or nowhere");
                cluster.committed[partition] = next;
            }
            let sent = std::mem::take(&mut port.sent);
            if port.is_transactional() {
                cluster.outputs.extend(sent.into_iter().map(|(seen, _)| seen));
            }
            port.open = false;
            Ok(())
        })
    }

    fn settle(&mut self) -> Result<Vec<LateRefusal>, Failure> {
        self.call(Call::Settle, |port, cluster| {
            if port.health == Health::Dead {
                return Err(Failure::Rebuild("the producer is dead".into()));
            }
            let sent = std::mem::take(&mut port.sent);
            let refused = sent.iter().filter(|(s, _)| cluster.refuses(s) == Refuses::Broker);
            let late = |(seen, index): &(Seen, usize)| LateRefusal {
                index: *index,
                topic: written(seen.sink).to_owned(),
                reason: "too large".to_owned(),
            };
            Ok(refused.map(late).collect())
        })
    }

    fn abort(&mut self) -> Result<(), Failure> {
        self.call(Call::Abort, |port, _| {
            port.open = false;
            port.sent.clear();
            if port.health == Health::Dead {
                Err(Failure::Rebuild("the producer is dead".into()))
            } else {
                Ok(())
            }
        })
    }

    fn rebuild(&mut self) -> Result<(), Failure> {
        self.call(Call::Rebuild, |port, _| {
            port.health = Health::Fine;
            port.open = false;
            port.sent.clear();
            Ok(())
        })
    }

    fn rewind(&mut self) -> Result<(), Failure> {
        self.call(Call::Rewind, |port, cluster| {
            for (partition, position) in &mut port.positions {
                *position = cluster.committed[*partition];
            }
            Ok(())
        })
    }

    fn reset(&mut self, _: &str, _: i32, _: OutOfRange) -> Result<(), Failure> {
        Ok(())
    }

    fn prepare(&mut self, pipeline: &Arc<Pipeline>, _: &dyn Fn() -> bool) -> Result<(), Fault> {
        assert!(!self.open, "a definition is taken between two windows");
        let unknown = pipeline.sinks.iter().find(|s| s.topic.as_str() == sample::UNKNOWN_TOPIC);
        if let Some(sink) = unknown {
            return Err(Fault::new(FaultKind::UnknownTopic, sink.topic.as_str()));
        }
        self.rules = number(pipeline);
        Ok(())
    }

    fn pause(&mut self) -> Result<(), Failure> {
        assert!(!self.open, "a pause comes between two windows");
        self.paused = true;
        Ok(())
    }

    fn resume(&mut self) -> Result<(), Failure> {
        self.paused = false;
        Ok(())
    }

    fn lag(&mut self) -> Lag {
        let partitions = u64::try_from(self.positions.len()).unwrap();
        Lag { partitions, by_topic: BTreeMap::from([("in".to_owned(), 0)]) }
    }

    fn close(&mut self) {
        self.cluster.lock().leave(self.member);
    }
}
