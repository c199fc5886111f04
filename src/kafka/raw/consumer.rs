//! A consumer that serves its rebalances in the worker's loop and hands records out in batches.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::conf::Conf;
use super::error::{Failed, TextBuffer, checked, checked_code, millis};
use super::hooks::{ClientError, Hooks, Protocol, Rebalance};
use super::list::PartitionList;
use super::message::Messages;
use super::metadata::{self, TopicMetadata};
use super::producer::GroupMetadata;
use super::sys;

/// Fetched records that are dropped at once while a consumer leaves.
const CLOSE_BATCH: usize = 1000;
/// A consumer that is dropped without a close, by a panic for one, leaves its group in 5 s or is missed after its session.
const CLOSE_TRIES_MAX: u32 = 100;
const CLOSE_TRY: Duration = Duration::from_millis(50);

/// One `rd_kafka_t` of type consumer, used by one thread.
pub(in crate::kafka) struct Consumer {
    pub(super) rk: *mut sys::Rk,
    queue: *mut sys::QueueT,
    hooks: Arc<Hooks>,
    pub(in crate::kafka) protocol: Protocol,
    /// A rebalance was taken out of its callback, and librdkafka waits for assign or unassign.
    owes_answer: bool,
}

// SAFETY: librdkafka's handles may be used from any thread; this wrapper is moved, never shared.
unsafe impl Send for Consumer {}

impl Drop for Consumer {
    fn drop(&mut self) {
        if !self.hooks.inline.load(Relaxed) {
            let mut closing = self.close();
            for _ in 0..CLOSE_TRIES_MAX {
                if closing.closed(CLOSE_TRY) {
                    break;
                }
            }
        }
        // Not by `rd_kafka_destroy`: that closes once more, and where the first close has not come to its end it waits for
        // ever for an answer that goes to the first one's queue (`rdkafka.c`, `rd_kafka_consumer_close_q`).
        // SAFETY: both are ours; the queue goes before its client, and the hooks outlive it.
        unsafe {
            sys::rd_kafka_queue_destroy(self.queue);
            sys::rd_kafka_destroy_flags(self.rk, sys::DESTROY_F_NO_CONSUMER_CLOSE);
        }
    }
}

impl Consumer {
    /// Makes the client; connections come up behind it.
    pub(in crate::kafka) fn new(conf: Conf, protocol: Protocol) -> Result<Self, String> {
        let hooks = Arc::new(Hooks::new(protocol));
        let rk = conf.consumer(&hooks)?;
        // SAFETY: a live consumer.
        let queue = unsafe {
            sys::rd_kafka_poll_set_consumer(rk);
            sys::rd_kafka_queue_get_consumer(rk)
        };
        Ok(Self { rk, queue, hooks, protocol, owes_answer: false })
    }

    pub(in crate::kafka) fn next_rebalance(&mut self) -> Option<Rebalance> {
        let rebalance = self.hooks.next_rebalance();
        self.owes_answer |= rebalance.is_some();
        rebalance
    }

    pub(in crate::kafka) fn next_error(&self) -> Option<ClientError> {
        self.hooks.next_error()
    }

    /// What the client's threads met until now; for a client that nobody polls. Records that come up are dropped.
    pub(in crate::kafka) fn met(&mut self) -> Vec<ClientError> {
        let mut unread = Messages::with_capacity(CLOSE_BATCH);
        self.take(&mut unread, CLOSE_BATCH, Duration::ZERO);
        let told = (0..unread.len()).filter_map(|index| {
            let code = unread.error(index)?;
            Some(ClientError { code, text: unread.error_detail(index).0 })
        });
        std::iter::from_fn(|| self.next_error()).chain(told).collect()
    }

    /// The error that killed the client, if one did.
    pub(in crate::kafka) fn fatal_error(&self) -> Option<(i32, String)> {
        fatal_error(self.rk)
    }

    /// Waits for one message, then takes what is there, at most `max`; serves callbacks meanwhile.
    ///
    /// `rd_kafka_consume_batch_queue` returns when its buffer is full or its time is over, so one call with a wait would
    /// hold back the records that are there.
    pub(in crate::kafka) fn poll(&mut self, batch: &mut Messages, max: usize, wait: Duration) {
        batch.clear();
        self.take(batch, 1.min(max), wait);
        if batch.len() > 0 {
            self.take(batch, max.saturating_sub(1), Duration::ZERO);
        }
    }

    /// Takes what is there, at most `max`, behind what the batch holds; serves callbacks meanwhile.
    pub(in crate::kafka) fn poll_more(&mut self, batch: &mut Messages, max: usize) {
        self.take(batch, max, Duration::ZERO);
    }

    fn take(&mut self, batch: &mut Messages, max: usize, wait: Duration) {
        let (room, size) = batch.room(max);
        if size == 0 {
            return;
        }
        // SAFETY: a live queue and room for `size` pointers; one thread per consumer, by `&mut self`.
        let count =
            unsafe { sys::rd_kafka_consume_batch_queue(self.queue, millis(wait), room, size) };
        batch.filled(usize::try_from(count).unwrap_or(0));
    }

    pub(in crate::kafka) fn subscribe<'a>(
        &mut self,
        topics: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), Failed> {
        let list = PartitionList::of(topics.into_iter().map(|t| (t, -1, 0)));
        // SAFETY: a live consumer and list.
        checked_code("subscribe", unsafe { sys::rd_kafka_subscribe(self.rk, list.pointer()) })
    }

    pub(in crate::kafka) fn assignment(&self) -> Result<PartitionList, Failed> {
        let mut list = ptr::null_mut();
        // SAFETY: a live consumer; on success the list is ours.
        checked_code("assignment", unsafe { sys::rd_kafka_assignment(self.rk, &raw mut list) })?;
        Ok(PartitionList::owned(list))
    }

    /// Takes these partitions at their offsets: all that it is to have, or these more, as the protocol is.
    pub(in crate::kafka) fn assign(&mut self, list: &PartitionList) -> Result<(), Failed> {
        // SAFETY: a live consumer and list.
        unsafe {
            match self.protocol {
                Protocol::Eager => {
                    checked_code("assign", sys::rd_kafka_assign(self.rk, list.pointer()))?;
                }
                Protocol::Cooperative => {
                    let error = sys::rd_kafka_incremental_assign(self.rk, list.pointer());
                    checked("assign", error)?;
                }
            }
        }
        self.owes_answer = false;
        Ok(())
    }

    /// Gives these partitions back, or all, as the protocol is. None of them is paused when it comes back.
    pub(in crate::kafka) fn unassign(&mut self, list: &PartitionList) -> Result<(), Failed> {
        if self.protocol == Protocol::Eager {
            return self.unassign_all();
        }
        self.lift_pause(list);
        // SAFETY: a live consumer and list.
        let error = unsafe { sys::rd_kafka_incremental_unassign(self.rk, list.pointer()) };
        checked("unassign", error)?;
        self.owes_answer = false;
        Ok(())
    }

    /// As [`unassign`](Self::unassign), for all.
    pub(in crate::kafka) fn unassign_all(&mut self) -> Result<(), Failed> {
        if let Ok(all) = self.assignment() {
            self.lift_pause(&all);
        }
        // SAFETY: a live consumer; a null list unassigns everything.
        checked_code("unassign", unsafe { sys::rd_kafka_assign(self.rk, ptr::null()) })?;
        self.owes_answer = false;
        Ok(())
    }

    /// librdkafka keeps a pause over the end of an assignment (`rdkafka_assignment.c` lifts only its own): a partition that went
    /// and came back would be fetched by nobody, and nothing would say so.
    fn lift_pause(&self, list: &PartitionList) {
        // SAFETY: a live consumer and list.
        let _unknown = unsafe { sys::rd_kafka_resume_partitions(self.rk, list.pointer()) };
        // A partition that it does not know any more is not paused either.
    }

    /// Fetches nothing more of these partitions, and drops what is fetched and not yet handed out.
    pub(in crate::kafka) fn pause(&mut self, list: &PartitionList) -> Result<(), Failed> {
        // SAFETY: a live consumer and list.
        checked_code("pause", unsafe { sys::rd_kafka_pause_partitions(self.rk, list.pointer()) })?;
        list.first_error("pause")
    }

    /// Goes on behind the record that was handed out last.
    pub(in crate::kafka) fn resume(&mut self, list: &PartitionList) -> Result<(), Failed> {
        // SAFETY: a live consumer and list.
        let answer = unsafe { sys::rd_kafka_resume_partitions(self.rk, list.pointer()) };
        checked_code("resume", answer)?;
        list.first_error("resume")
    }

    /// Fills in the committed offsets; waits for transactions that hold one open (`isolation.level=read_committed`).
    pub(in crate::kafka) fn committed(
        &mut self,
        list: &mut PartitionList,
        limit: Duration,
    ) -> Result<(), Failed> {
        // SAFETY: a live consumer and list.
        let answer = unsafe { sys::rd_kafka_committed(self.rk, list.pointer(), millis(limit)) };
        checked_code("committed offsets", answer)?;
        list.first_error("committed offsets")
    }

    /// Commits the list's offsets and waits for the broker's answer; a late one is dropped.
    ///
    /// Not by `rd_kafka_commit`: that waits without a limit.
    pub(in crate::kafka) fn commit(
        &mut self,
        list: &PartitionList,
        limit: Duration,
    ) -> Result<(), Failed> {
        // SAFETY: a live consumer and list; the queue is ours and outlives its event, which is destroyed once.
        unsafe {
            let queue = sys::rd_kafka_queue_new(self.rk);
            let answer =
                sys::rd_kafka_commit_queue(self.rk, list.pointer(), queue, None, ptr::null_mut());
            let answer = if answer == 0 {
                let event = sys::rd_kafka_queue_poll(queue, millis(limit));
                if event.is_null() {
                    super::code::TIMED_OUT
                } else {
                    let answer = answer_of(event);
                    sys::rd_kafka_event_destroy(event);
                    answer
                }
            } else {
                answer
            };
            sys::rd_kafka_queue_destroy(queue);
            checked_code("commit", answer)
        }
    }

    /// The next offsets that the application would be given.
    pub(in crate::kafka) fn position(&self, list: &mut PartitionList) -> Result<(), Failed> {
        // SAFETY: a live consumer and list.
        checked_code("position", unsafe { sys::rd_kafka_position(self.rk, list.pointer()) })
    }

    /// Moves the partitions of the list to its offsets.
    pub(in crate::kafka) fn seek(
        &mut self,
        list: &mut PartitionList,
        limit: Duration,
    ) -> Result<(), Failed> {
        // SAFETY: a live consumer and list.
        let error =
            unsafe { sys::rd_kafka_seek_partitions(self.rk, list.pointer(), millis(limit)) };
        checked("seek", error)?;
        list.first_error("seek")
    }

    /// Replaces each element's offset, a time in ms, by the first offset at or behind it.
    pub(in crate::kafka) fn offsets_for_times(
        &mut self,
        list: &mut PartitionList,
        limit: Duration,
    ) -> Result<(), Failed> {
        // SAFETY: a live consumer and list.
        let answer =
            unsafe { sys::rd_kafka_offsets_for_times(self.rk, list.pointer(), millis(limit)) };
        checked_code("offsets for times", answer)?;
        list.first_error("offsets for times")
    }

    /// The first offset that is still there and the one behind the last, asked from the broker.
    pub(in crate::kafka) fn query_watermarks(
        &mut self,
        topic: &str,
        partition: i32,
        limit: Duration,
    ) -> Result<(i64, i64), Failed> {
        let Ok(topic) = CString::new(topic) else { return Ok((0, 0)) };
        let (mut low, mut high) = (0, 0);
        // SAFETY: a live consumer, a NUL-terminated name, two places.
        let answer = unsafe {
            sys::rd_kafka_query_watermark_offsets(
                self.rk,
                topic.as_ptr(),
                partition,
                &raw mut low,
                &raw mut high,
                millis(limit),
            )
        };
        checked_code("watermarks", answer).map(|()| (low, high))
    }

    /// The high watermark as of the last fetch; `None` before the first.
    pub(in crate::kafka) fn cached_high_watermark(
        &self,
        topic: &str,
        partition: i32,
    ) -> Option<i64> {
        let topic = CString::new(topic).ok()?;
        let (mut low, mut high) = (0, 0);
        // SAFETY: a live consumer, a NUL-terminated name, two places.
        let answer = unsafe {
            sys::rd_kafka_get_watermark_offsets(
                self.rk,
                topic.as_ptr(),
                partition,
                &raw mut low,
                &raw mut high,
            )
        };
        (answer == 0 && high >= 0).then_some(high)
    }

    /// How many brokers the cluster has now; the first question to a cluster.
    pub(in crate::kafka) fn brokers(&mut self, limit: Duration) -> Result<usize, Failed> {
        // SAFETY: a live client.
        unsafe { metadata::brokers(self.rk, limit) }
    }

    /// The broker that answers, and those with a replica of any topic, wherever they are now.
    pub(in crate::kafka) fn holders(&mut self, limit: Duration) -> Result<BTreeSet<i32>, Failed> {
        // SAFETY: a live client.
        unsafe { metadata::holders(self.rk, limit) }
    }

    /// The newest version of TxnOffsetCommit that all brokers take that were met; absent where none takes it. Known of a client with the property `debug=feature` only.
    pub(in crate::kafka) fn txn_offset_commit_taken(&self) -> Option<i32> {
        self.hooks.txn_offset_commit_taken()
    }

    /// All topics of the cluster.
    pub(in crate::kafka) fn topics(
        &mut self,
        limit: Duration,
    ) -> Result<Vec<TopicMetadata>, Failed> {
        // SAFETY: a live client.
        unsafe { metadata::fetch(self.rk, ptr::null_mut(), limit) }
    }

    /// One topic; asking for it by name keeps brokers with many topics quiet.
    pub(in crate::kafka) fn topic(
        &mut self,
        name: &str,
        limit: Duration,
    ) -> Result<TopicMetadata, Failed> {
        let unknown = || Failed::from_code("metadata", super::code::UNKNOWN_TOPIC_OR_PART);
        let Ok(c_name) = CString::new(name) else { return Err(unknown()) };
        // SAFETY: a live client; the handle is destroyed when the answer has been copied.
        let answer = unsafe {
            let handle = sys::rd_kafka_topic_new(self.rk, c_name.as_ptr(), ptr::null_mut());
            if handle.is_null() {
                return Err(unknown());
            }
            let answer = metadata::fetch(self.rk, handle, limit);
            sys::rd_kafka_topic_destroy(handle);
            answer
        };
        answer?.into_iter().find(|t| t.name == name).ok_or_else(unknown)
    }

    /// The group metadata of this moment; the broker fences by it.
    pub(in crate::kafka) fn group_metadata(&self) -> Option<GroupMetadata> {
        // SAFETY: a live consumer; what is returned is ours.
        GroupMetadata::owned(unsafe { sys::rd_kafka_consumer_group_metadata(self.rk) })
    }

    /// Begins to leave the group. Call [`Closing::closed`] until it says yes.
    pub(in crate::kafka) fn close(&mut self) -> Closing<'_> {
        self.hooks.inline.store(true, Relaxed);
        // SAFETY: a live consumer; the queue is ours until `Closing` drops it.
        unsafe {
            let queue = sys::rd_kafka_queue_new(self.rk);
            let error = sys::rd_kafka_consumer_close_queue(self.rk, queue);
            let failed = checked("close", error).is_err();
            if self.owes_answer {
                self.hooks.answered.store(true, Relaxed);
                // A rebalance that was taken out of the callback and not answered: a consumer that closes takes this for
                // the answer, and would wait for it for ever.
                sys::rd_kafka_assign(self.rk, ptr::null());
            }
            let unread = Messages::with_capacity(CLOSE_BATCH);
            Closing { consumer: self, queue, unread, failed }
        }
    }
}

/// A consumer that is leaving its group.
pub(in crate::kafka) struct Closing<'c> {
    consumer: &'c mut Consumer,
    queue: *mut sys::QueueT,
    unread: Messages,
    failed: bool,
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        // SAFETY: ours, and the consumer it belongs to is still there.
        unsafe { sys::rd_kafka_queue_destroy(self.queue) }
    }
}

impl Closing<'_> {
    /// Serves the close for up to `wait`, then says whether it is done. Records that were fetched and not yet read come up
    /// here too and are dropped; nothing of them is committed.
    ///
    /// Not by `rd_kafka_queue_poll_callback`: that ends the process (`assert: res != RD_KAFKA_OP_RES_PASS`,
    /// `rdkafka_queue.c`) as soon as a fetched record is in the queue.
    pub(in crate::kafka) fn closed(&mut self, wait: Duration) -> bool {
        if self.failed {
            return true;
        }
        let (room, size) = self.unread.room(CLOSE_BATCH);
        // SAFETY: a live queue, room for `size` pointers, and a live consumer.
        unsafe {
            let count = sys::rd_kafka_consume_batch_queue(self.queue, millis(wait), room, size);
            self.unread.filled(usize::try_from(count).unwrap_or(0));
            self.unread.clear();
            sys::rd_kafka_consumer_closed(self.consumer.rk) != 0
        }
    }
}

/// The event's own error, or the first of its partitions.
///
/// SAFETY: a live event of an offset commit.
unsafe fn answer_of(event: *mut sys::EventT) -> std::ffi::c_int {
    // SAFETY: see above; the list is the event's.
    unsafe {
        let answer = sys::rd_kafka_event_error(event);
        let list = sys::rd_kafka_event_topic_partition_list(event);
        if answer != 0 || list.is_null() {
            return answer;
        }
        PartitionList::copy_of(list).first_error("commit").map_or_else(|e| e.code, |()| 0)
    }
}

pub(super) fn fatal_error(rk: *mut sys::Rk) -> Option<(i32, String)> {
    let mut text = TextBuffer::new();
    // SAFETY: a live client, a buffer of the stated size.
    let code = unsafe { sys::rd_kafka_fatal_error(rk, text.pointer(), text.size()) };
    (code != 0).then(|| (code, text.text()))
}
