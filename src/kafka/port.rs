//! The worker's port on librdkafka: one consumer, one producer, one thread.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::dead_letter;
use super::outlet::Outlet;
use super::properties::Connection;
use super::raw::{
    ClientError, Consumer, Messages, Outgoing, PartitionList, Rebalance, TakenHeaders, code,
    error_text, logical,
};
use super::retry::{OFFSETS_MAX, REQUEST_MAX, until};
use super::start::Subscription;
use super::verdict;
use crate::model::{Guarantee, Record};
use crate::pipeline::{OutOfRange, Pipeline};
use crate::worker::{
    Batch, Clock, DeadLetter, Failure, Fault, News, NextOffset, Offsets, Output, SystemClock,
};

/// A full producer queue means that the broker is slower than the source: so long, then the window is given up.
const QUEUE_FULL_MAX: Duration = Duration::from_mins(1);
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
        self.outlet.producer.poll(Duration::ZERO);
        self.consumer.poll(&mut batch.0, max, wait);
        for index in 0..batch.0.len() {
            if let Some(err) = batch.0.error(index) {
                let (text, place) = batch.0.error_detail(index);
                self.notice_message(err, text, place);
            }
        }
        while let Some(rebalance) = self.consumer.next_rebalance() {
            self.news.push_back(match (rebalance.assigned, rebalance.lost) {
                (true, _) => News::Assigned,
                (false, true) => News::Lost,
                (false, false) => News::Revoked,
            });
            self.rebalances.push_back(rebalance);
        }
        while let Some(error) =
            self.consumer.next_error().or_else(|| self.outlet.producer.next_error())
        {
            self.notice(&error);
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
        self.fill_committed(&mut list)?;
        self.consumer
            .incremental_assign(&list)
            .and_then(|()| match self.fetching {
                Fetching::Paused => self.consumer.pause(&list),
                Fetching::On => Ok(()),
            })
            .map_err(|e| verdict::of_consumer(&e))?;
        Ok(next_offsets(&list))
    }

    fn release(&mut self) -> Result<(), Failure> {
        let Some(rebalance) = self.rebalances.pop_front() else { return Ok(()) };
        match self.consumer.incremental_unassign(&rebalance.partitions) {
            Ok(()) => Ok(()),
            // A lost assignment may be gone already.
            Err(_) if rebalance.lost => {
                self.consumer.unassign_all().map_err(|e| verdict::of_consumer(&e))
            }
            Err(failed) => Err(verdict::of_consumer(&failed)),
        }
    }

    fn begin(&mut self) -> Result<(), Failure> {
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
            value: record.value,
            timestamp: record.timestamp,
            tag: output.index,
        };
        let messages = &output.batch.0;
        let headers = if output.last {
            messages.take_headers(output.index)
        } else {
            messages.copy_headers(output.index)
        };
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
        match self.guarantee {
            Guarantee::ExactlyOnce => self.commit_transaction(offsets),
            Guarantee::AtLeastOnce => {
                self.wait_acknowledged()?;
                self.commit_offsets(offsets)
            }
            Guarantee::AtMostOnce => self.commit_offsets(offsets),
        }
    }

    fn settle(&mut self) -> Result<Vec<(usize, String)>, Failure> {
        self.flush()?;
        let failed = self.outlet.producer.undelivered();
        Ok(failed.into_iter().map(|(index, err)| (index, error_text(err))).collect())
    }

    fn abort(&mut self) -> Result<(), Failure> {
        match self.guarantee {
            Guarantee::ExactlyOnce => self.abort_transaction(),
            Guarantee::AtLeastOnce => self.drop_queued(),
            Guarantee::AtMostOnce => Ok(()),
        }
    }

    fn rebuild(&mut self) -> Result<(), Failure> {
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
        let offset = match policy {
            OutOfRange::Earliest => logical::BEGINNING,
            OutOfRange::Latest => logical::END,
            OutOfRange::Stop => return Ok(()),
        };
        let list = PartitionList::of([(topic, partition, offset)]);
        // A partition that met an error is not fetched any more: a seek alone would not wake it.
        self.consumer
            .incremental_unassign(&list)
            .and_then(|()| self.consumer.incremental_assign(&list))
            .map_err(|e| verdict::of_consumer(&e))
    }

    fn prepare(&mut self, pipeline: &Arc<Pipeline>) -> Result<(), Fault> {
        self.prepare_for(pipeline)
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

    fn lag(&mut self) -> (u64, u64) {
        let Ok(mut list) = self.consumer.assignment() else { return (0, 0) };
        if self.consumer.position(&mut list).is_err() {
            return (0, 0);
        }
        let (mut lag, mut partitions) = (0_u64, 0_u64);
        for entry in list.to_vec() {
            partitions += 1;
            let end = self.consumer.cached_high_watermark(&entry.topic, entry.partition);
            if let (Some(end), 0..) = (end, entry.offset) {
                lag += u64::try_from(end.saturating_sub(entry.offset)).unwrap_or(0);
            }
        }
        (lag, partitions)
    }

    fn close(&mut self) {
        let end = self.clock.now().saturating_add(CLOSE_MAX);
        let clock = self.clock;
        let mut closing = self.consumer.close();
        while !closing.closed(Duration::from_millis(50)) && clock.now() < end {}
    }
}

impl Port {
    /// Into the producer's queue; where that is full, as soon as it is not.
    #[inline]
    fn put(
        &mut self,
        out: &Outgoing<'_>,
        mut headers: TakenHeaders,
        record: &Record<'_>,
    ) -> Result<(), Failure> {
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
        let end = self.clock.now().saturating_add(QUEUE_FULL_MAX);
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
    fn not_sent(&mut self, failed: &super::raw::Failed, record: &Record<'_>) -> Failure {
        // A size that the client itself refuses names its record.
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
        verdict::of_send(failed, undelivered)
    }

    /// The code of a record of this window that failed for good.
    pub(super) fn first_undelivered(&mut self) -> Option<i32> {
        self.outlet.producer.poll(Duration::ZERO);
        self.outlet.producer.undelivered().first().map(|(_, err)| *err)
    }

    /// What failed belongs to a window that is gone.
    pub(super) fn forget_undelivered(&mut self) {
        while self.first_undelivered().is_some() {}
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
                self.news.push_back(News::OutOfRange { topic, partition, reason: text });
            }
            _ => self.notice(&ClientError { code: err, text }),
        }
    }

    fn notice(&mut self, error: &ClientError) {
        let ClientError { code: err, text } = error;
        let worker = &self.connection.id;
        let fatal = || self.consumer.fatal_error().or_else(|| self.outlet.producer.fatal_error());
        let (err, text) = match (*err, fatal()) {
            // The producer's own death shows in its next call, which decides.
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
