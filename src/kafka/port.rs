//! The worker's port on librdkafka: one consumer, one producer, one thread.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::backlog::Backlog;
use super::dead_letter;
use super::outlet::Outlet;
use super::pace::Pace;
use super::properties::Connection;
use super::raw::{
    ClientError, Consumer, Failed, Messages, Outgoing, PartitionList, Protocol, Rebalance,
    TakenHeaders, Undelivered, code, error_text, logical,
};
use super::retry::{self, OFFSETS_MAX, REQUEST_MAX, until};
use super::start::Subscription;
use super::verdict;
use crate::model::{Guarantee, Record};
use crate::pipeline::{OutOfRange, Pipeline};
use crate::program::HeaderEdit;
use crate::worker::{
    Batch, Clock, DeadLetter, Failure, Fault, FaultKind, Lag, LateRefusal, News, NextOffset,
    Offsets, Output, SystemClock,
};

/// A full producer queue means that the broker is slower than the source: so long since its begin, then the window is given
/// up, before its transaction times out; the next ones are smaller.
const QUEUE_FULL_MAX: Duration = Duration::from_secs(12);
const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(5);
/// Leaving a group can wait behind a join that is under way.
const CLOSE_MAX: Duration = Duration::from_secs(10);

/// One worker's clients.
pub struct Port {
    pub(super) connection: Connection,
    pub(super) guarantee: Guarantee,
    pub(super) clock: SystemClock,
    pub(super) consumer: Consumer,
    pub(super) outlet: Outlet,
    pub(super) subscription: Subscription,
    pub(super) rebalances: VecDeque<Rebalance>,
    pub(super) news: VecDeque<News>,
    /// The broker may still hold requests of this producer's epoch: a new one before the next transaction.
    pub(super) tainted: bool,
    pub(super) away: bool,
    /// When the open window began, where one is.
    pub(super) began: Option<Duration>,
    /// Of `exactly_once`: when the coordinator is ready for the next transaction.
    pub(super) pace: Pace,
    /// How large the records are that were sent, to tell how much waits for the broker, and how much may.
    pub(super) backlog: Backlog,
    /// Whether partitions that come are paused too.
    pub(super) fetching: Fetching,
}

/// Whether records are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fetching {
    On,
    Paused,
}

impl std::fmt::Debug for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Port").field("id", &self.connection.id).finish_non_exhaustive()
    }
}

/// Consumed messages as the worker's batch.
pub struct KafkaBatch(Messages);

impl std::fmt::Debug for KafkaBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KafkaBatch({})", self.0.len())
    }
}

impl Batch for KafkaBatch {
    fn len(&self) -> usize {
        self.0.len()
    }
    #[inline]
    fn record(&self, index: usize) -> Option<Record<'_>> {
        if self.0.error(index).is_some() { None } else { Some(self.0.record(index)) }
    }
    #[inline]
    fn done(&mut self, index: usize) {
        self.0.give_back(index);
    }
    fn clear(&mut self) {
        self.0.clear();
    }
}

impl crate::worker::Port for Port {
    type Batch = KafkaBatch;

    fn batch(&self, records_max: usize) -> KafkaBatch {
        KafkaBatch(Messages::with_capacity(records_max))
    }

    fn poll(&mut self, batch: &mut KafkaBatch, max: usize, wait: Duration) {
        // Between two windows, and before the read: what comes meanwhile is in the next one too.
        retry::pause(self.pace.left(self.clock.now()));
        self.outlet.producer.poll(Duration::ZERO);
        let wait = self.let_drain(wait);
        self.consumer.poll(&mut batch.0, max, wait);
        // First: what else is done to the assignment would be taken for the answer to a rebalance that waits for one.
        while let Some(rebalance) = self.consumer.next_rebalance() {
            self.news.push_back(match (rebalance.assigned, rebalance.lost) {
                (true, _) => News::Assigned,
                (false, true) => News::Lost,
                (false, false) => News::Revoked,
            });
            self.rebalances.push_back(rebalance);
        }
        for index in 0..batch.0.len() {
            if let Some(err) = batch.0.error(index) {
                let (text, place) = batch.0.error_detail(index);
                self.notice_message(err, text, place);
            }
        }
        while let Some(error) = self.consumer.next_error() {
            self.notice(&error);
        }
        while let Some(error) = self.outlet.producer.next_error() {
            // The producer's own death shows in its next call, which makes a new one.
            if error.code == code::FATAL {
                tracing::debug!(worker = %self.connection.id, "the producer is dead: {}", error.text);
            } else {
                self.notice(&error);
            }
        }
        if batch.0.len() > 0 && std::mem::take(&mut self.away) {
            tracing::info!(worker = %self.connection.id, "a broker answers again");
        }
        if let Err(failure) = self.refresh_subscription() {
            self.news.push_back(News::Failed(failure));
        }
    }

    fn news(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    fn assign(&mut self) -> Result<Vec<NextOffset>, Failure> {
        let Some(rebalance) = self.rebalances.pop_front() else { return Ok(Vec::new()) };
        let mut list = rebalance.partitions;
        if !list.is_empty() {
            self.fill_committed(&mut list)?;
        }
        self.assign_list(&list)?;
        Ok(next_offsets(&list))
    }

    fn release(&mut self) -> Result<(), Failure> {
        let Some(rebalance) = self.rebalances.pop_front() else { return Ok(()) };
        match self.consumer.unassign(&rebalance.partitions) {
            Ok(()) => Ok(()),
            // A lost assignment may be gone already.
            Err(_) if rebalance.lost => {
                self.consumer.unassign_all().map_err(|e| verdict::of_consumer(&e))
            }
            Err(failed) => Err(verdict::of_consumer(&failed)),
        }
    }

    fn begin(&mut self) -> Result<(), Failure> {
        self.began = Some(self.clock.now());
        self.backlog.begin();
        match self.guarantee {
            Guarantee::ExactlyOnce => self.begin_transaction(),
            Guarantee::AtLeastOnce | Guarantee::AtMostOnce => Ok(()),
        }
    }

    #[inline]
    fn send(&mut self, output: &Output<'_, KafkaBatch>) -> Result<(), Failure> {
        let Some(sink) = self.outlet.sinks.get(output.sink) else { return Ok(()) };
        let record = &output.record;
        let out = Outgoing {
            topic: sink.topic,
            partition: sink.preserve.then_some(record.partition),
            key: output.key,
            value: output.value,
            timestamp: record.timestamp,
            tag: output.index,
        };
        let messages = &output.batch.0;
        let mut headers = if output.last {
            messages.take_headers(output.index)
        } else {
            messages.copy_headers(output.index)
        };
        for edit in output.headers.iter() {
            match edit {
                HeaderEdit::Set(name, value) => headers.set(name, value),
                HeaderEdit::Remove(name) => headers.remove(name),
            }
        }
        self.put(&out, headers, record)
    }

    fn dead_letter(&mut self, letter: &DeadLetter<'_, KafkaBatch>) -> Result<(), Failure> {
        let Some(topic) = self.outlet.dead_letter else { return Ok(()) };
        let record = &letter.record;
        let mut headers = letter.batch.0.take_headers(letter.index);
        dead_letter::describe(&mut headers, &self.connection.id.pipeline, record, letter.rejection);
        let out = Outgoing {
            topic,
            partition: None,
            key: record.key,
            value: record.value,
            timestamp: record.timestamp,
            tag: letter.index,
        };
        self.put(&out, headers, record)
    }

    fn commit(&mut self, offsets: &Offsets) -> Result<(), Failure> {
        self.began = None;
        match self.guarantee {
            Guarantee::ExactlyOnce => self.commit_transaction(offsets),
            Guarantee::AtLeastOnce => {
                self.wait_acknowledged()?;
                self.commit_offsets(offsets)
            }
            Guarantee::AtMostOnce => self.commit_offsets(offsets),
        }
    }

    fn settle(&mut self) -> Result<Vec<LateRefusal>, Failure> {
        self.flush()?;
        let failed = self.outlet.producer.undelivered();
        if let Some(first) = failed.iter().find(|f| !verdict::is_refusal(f.code)) {
            // Not the sink's verdict on a record: a broker that was away for too long, a right that is missing.
            let failed = Failed { abort: true, ..Failed::from_code("produce", first.code) };
            return Err(verdict::of_producer(&failed, None));
        }
        let late = |f: Undelivered| LateRefusal { index: f.tag, reason: f.text(), topic: f.topic };
        Ok(failed.into_iter().map(late).collect())
    }

    fn abort(&mut self) -> Result<(), Failure> {
        self.began = None;
        match self.guarantee {
            Guarantee::ExactlyOnce => self.abort_transaction(),
            Guarantee::AtLeastOnce => self.drop_queued(),
            Guarantee::AtMostOnce => Ok(()),
        }
    }

    fn rebuild(&mut self) -> Result<(), Failure> {
        self.began = None;
        self.new_producer(&|| false).map_err(Failure::Fault)
    }

    fn rewind(&mut self) -> Result<(), Failure> {
        let clock = self.clock;
        let consumer = &mut self.consumer;
        until(
            &clock,
            OFFSETS_MAX,
            |_| true,
            || {
                let mut list = consumer.assignment()?;
                if list.is_empty() {
                    return Ok(());
                }
                consumer.committed(&mut list, REQUEST_MAX)?;
                list.default_offset(logical::BEGINNING);
                consumer.seek(&mut list, REQUEST_MAX)
            },
        )
        .map_err(|e| verdict::of_consumer(&e))
    }

    fn reset(&mut self, topic: &str, partition: i32, policy: OutOfRange) -> Result<(), Failure> {
        let ours = self.consumer.assignment().map_err(|e| verdict::of_consumer(&e))?.to_vec();
        if !ours.iter().any(|p| p.topic == topic && p.partition == partition) {
            return Ok(());
        }
        let ends = self.consumer.query_watermarks(topic, partition, REQUEST_MAX);
        let (low, high) = ends.map_err(|e| verdict::of_consumer(&e))?;
        let offset = match policy {
            OutOfRange::Earliest => low,
            OutOfRange::Latest => high,
            OutOfRange::Stop => return Ok(()),
        };
        let mut list = PartitionList::of([(topic, partition, offset)]);
        // At once: a window that is aborted goes back to the committed offsets, and a later look would find a later end.
        self.commit_list(&list)?;
        // A partition that met an error is not fetched any more: a seek alone would not wake it.
        if self.consumer.protocol == Protocol::Eager {
            // All at once, each where it was committed: no window is open.
            list = self.consumer.assignment().map_err(|e| verdict::of_consumer(&e))?;
            self.fill_committed(&mut list)?;
        }
        self.consumer.unassign(&list).map_err(|e| verdict::of_consumer(&e))?;
        self.assign_list(&list)
    }

    fn prepare(
        &mut self,
        pipeline: &Arc<Pipeline>,
        stopping: &dyn Fn() -> bool,
    ) -> Result<(), Fault> {
        self.prepare_for(pipeline, stopping)
    }

    fn pause(&mut self) -> Result<(), Failure> {
        self.fetching = Fetching::Paused;
        let all = self.consumer.assignment();
        all.and_then(|all| self.consumer.pause(&all)).map_err(|e| verdict::of_consumer(&e))
    }

    fn resume(&mut self) -> Result<(), Failure> {
        self.fetching = Fetching::On;
        let all = self.consumer.assignment();
        all.and_then(|all| self.consumer.resume(&all)).map_err(|e| verdict::of_consumer(&e))
    }

    fn lag(&mut self) -> Lag {
        let mut lag = Lag::default();
        let Ok(mut list) = self.consumer.assignment() else { return lag };
        if self.consumer.position(&mut list).is_err() {
            return lag;
        }
        for entry in list.to_vec() {
            lag.partitions += 1;
            let end = self.consumer.cached_high_watermark(&entry.topic, entry.partition);
            let of_topic = lag.by_topic.entry(entry.topic).or_default();
            if let (Some(end), 0..) = (end, entry.offset) {
                *of_topic += u64::try_from(end.saturating_sub(entry.offset)).unwrap_or(0);
            }
        }
        lag
    }

    fn close(&mut self) {
        let end = self.clock.now().saturating_add(CLOSE_MAX);
        let clock = self.clock;
        // A rebalance that nobody answered would be waited for.
        self.rebalances.clear();
        let mut closing = self.consumer.close();
        while !closing.closed(Duration::from_millis(50)) && clock.now() < end {}
    }
}

impl Port {
    /// Into the producer's queue; where that is full, as soon as it is not.
    #[inline]
    pub(super) fn put(
        &mut self,
        out: &Outgoing<'_>,
        mut headers: TakenHeaders,
        record: &Record<'_>,
    ) -> Result<(), Failure> {
        self.backlog.sent(out.key.map_or(0, <[u8]>::len) + out.value.map_or(0, <[u8]>::len));
        match self.outlet.producer.send(out, &mut headers) {
            Ok(()) => Ok(()),
            Err(failed) if failed.code == code::QUEUE_FULL => self.put_late(out, headers, record),
            Err(failed) => Err(self.not_sent(&failed, record)),
        }
    }

    #[cold]
    fn put_late(
        &mut self,
        out: &Outgoing<'_>,
        mut headers: TakenHeaders,
        record: &Record<'_>,
    ) -> Result<(), Failure> {
        let end = self.began.unwrap_or(self.clock.now()).saturating_add(QUEUE_FULL_MAX);
        loop {
            self.outlet.producer.poll(QUEUE_FULL_PAUSE);
            match self.outlet.producer.send(out, &mut headers) {
                Ok(()) => return Ok(()),
                Err(failed) if failed.code == code::QUEUE_FULL && self.clock.now() < end => {}
                Err(failed) => return Err(self.not_sent(&failed, record)),
            }
        }
    }

    #[cold]
    fn not_sent(&mut self, failed: &Failed, record: &Record<'_>) -> Failure {
        // A size that the client itself refuses names its record.
        if failed.code == code::UNKNOWN_PARTITION {
            let text = format!(
                "`partition: preserve`: a sink's topic has no partition {} for {record:?}; add partitions to it",
                record.partition
            );
            return Failure::Fault(Fault::new(FaultKind::UnknownTopic, text));
        }
        if verdict::is_refusal(failed.code) {
            let topic = crate::model::TopicName::new(record.topic).ok();
            let position = topic.map(|topic| crate::model::Position {
                topic,
                partition: record.partition,
                offset: record.offset,
            });
            return Failure::Refused { reason: error_text(failed.code), position };
        }
        let undelivered = self.first_undelivered();
        verdict::of_send(failed, undelivered.as_ref())
    }

    /// A record of this window that failed for good: one that was refused, where there is one; others fail in its wake.
    pub(super) fn first_undelivered(&mut self) -> Option<Undelivered> {
        self.outlet.producer.poll(Duration::ZERO);
        let mut failed = self.outlet.producer.undelivered();
        let refused = failed.iter().position(|f| verdict::is_refusal(f.code)).unwrap_or(0);
        (refused < failed.len()).then(|| failed.swap_remove(refused))
    }

    /// What failed belongs to a window that is gone.
    pub(super) fn forget_undelivered(&mut self) {
        while self.first_undelivered().is_some() {}
    }

    /// Another assignment, or more of it; a worker that is paused stays so.
    fn assign_list(&mut self, list: &PartitionList) -> Result<(), Failure> {
        self.consumer
            .assign(list)
            .and_then(|()| match self.fetching {
                Fetching::Paused if !list.is_empty() => self.consumer.pause(list),
                Fetching::Paused | Fetching::On => Ok(()),
            })
            .map_err(|e| verdict::of_consumer(&e))
    }

    /// The partitions' committed offsets, their beginning where there is none: a partition without one is new.
    fn fill_committed(&mut self, list: &mut PartitionList) -> Result<(), Failure> {
        let clock = self.clock;
        let consumer = &mut self.consumer;
        until(&clock, OFFSETS_MAX, |_| true, || consumer.committed(list, REQUEST_MAX))
            .map_err(|e| verdict::of_consumer(&e))?;
        list.default_offset(logical::BEGINNING);
        Ok(())
    }

    fn notice_message(&mut self, err: i32, text: String, place: Option<(String, i32)>) {
        match (err, place) {
            (code::AUTO_OFFSET_RESET, Some((topic, partition))) => {
                self.news.push_back(if verdict::is_out_of_range(&text) {
                    News::OutOfRange { topic, partition, reason: text }
                } else {
                    // The look for a partition's beginning failed: nothing was removed, and a new client looks again.
                    News::Failed(Failure::Fault(Fault::new(FaultKind::Client, text)))
                });
            }
            _ => self.notice(&ClientError { code: err, text }),
        }
    }

    fn notice(&mut self, error: &ClientError) {
        let ClientError { code: err, text } = error;
        let worker = &self.connection.id;
        let (err, text) = match (*err, self.consumer.fatal_error()) {
            (code::FATAL, Some((err, text))) if err == code::FENCED_INSTANCE_ID => (err, text),
            (err, _) => (err, text.clone()),
        };
        if let Some(failure) = verdict::of_event(err, &text) {
            return self.news.push_back(News::Failed(failure));
        }
        match err {
            code::ALL_BROKERS_DOWN if !self.away => {
                self.away = true;
                tracing::warn!(%worker, "no broker answers; waiting");
            }
            code::UNKNOWN_TOPIC_OR_PART => {
                tracing::warn!(%worker, "{text}; waiting for it");
            }
            code::MAX_POLL_EXCEEDED => tracing::warn!(%worker, "{text}"),
            _ => tracing::debug!(%worker, err, "{text}"),
        }
    }
}

fn next_offsets(list: &PartitionList) -> Vec<NextOffset> {
    let next = |o: super::raw::PartitionOffset| NextOffset {
        topic: o.topic.into(),
        partition: o.partition,
        next: (o.offset >= 0).then_some(o.offset),
    };
    list.to_vec().into_iter().map(next).collect()
}
