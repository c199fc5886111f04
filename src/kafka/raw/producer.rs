//! A producer with cached topic handles and the raw transaction calls.
//!
//! The crate's `commit_transaction` and `flush` wait at least 100 ms whenever anything is in flight; these do not.

use std::ffi::{CStr, CString, c_int, c_void};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::admission::Admission;
use super::conf::{Conf, TopicConf};
use super::consumer::fatal_error;
use super::error::{Failed, checked, checked_code, millis};
use super::hooks::{ClientError, Delivered, Hooks, Undelivered};
use super::list::PartitionList;
use super::message::TakenHeaders;
use super::metadata::{self, TopicMetadata};
use super::sys::{self, Vu, VuMem, VuValue};

/// librdkafka's own advice: any other limit risks that its state and ours part; it means the rest of the transaction's time.
const REST_OF_TRANSACTION: c_int = -1;

/// Index of a topic handle of a [`Producer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kafka) struct TopicHandle(usize);

/// One record to send; all of it is copied by the call but the headers, which it takes over.
pub(in crate::kafka) struct Outgoing<'a> {
    pub(in crate::kafka) topic: TopicHandle,
    /// Absent: the partitioner chooses.
    pub(in crate::kafka) partition: Option<i32>,
    pub(in crate::kafka) key: Option<&'a [u8]>,
    pub(in crate::kafka) value: Option<&'a [u8]>,
    /// Milliseconds since 1970; librdkafka takes 0 for "now".
    pub(in crate::kafka) timestamp: Option<i64>,
    /// Comes back in the report of a failed delivery.
    pub(in crate::kafka) tag: usize,
}

/// One `rd_kafka_t` of type producer, used by one thread.
pub(in crate::kafka) struct Producer {
    rk: *mut sys::Rk,
    topics: Vec<*mut sys::TopicT>,
    hooks: Arc<Hooks>,
}

// SAFETY: librdkafka's handles may be used from any thread; this wrapper is moved, never shared.
unsafe impl Send for Producer {}

impl Drop for Producer {
    fn drop(&mut self) {
        // SAFETY: all ours; handles go before their client, and the hooks outlive it.
        unsafe {
            for topic in &self.topics {
                sys::rd_kafka_topic_destroy(*topic);
            }
            sys::rd_kafka_destroy(self.rk);
        }
    }
}

impl Producer {
    /// Makes the client.
    pub(in crate::kafka) fn new(conf: Conf) -> Result<Self, String> {
        Self::with(conf, Hooks::default())
    }

    /// Makes a client that has every delivery reported, which [`delivered`](Self::delivered) hands out; its configuration
    /// says so too (`delivery.report.only.error=false`).
    pub(in crate::kafka) fn reporting(conf: Conf) -> Result<Self, String> {
        Self::with(conf, Hooks::reporting())
    }

    fn with(conf: Conf, hooks: Hooks) -> Result<Self, String> {
        let hooks = Arc::new(hooks);
        let rk = conf.producer(&hooks)?;
        Ok(Self { rk, topics: Vec::new(), hooks })
    }

    /// What the cluster says of a topic.
    pub(in crate::kafka) fn describe(
        &mut self,
        topic: TopicHandle,
        limit: Duration,
    ) -> Result<TopicMetadata, Failed> {
        let unknown = || Failed::from_code("metadata", super::code::UNKNOWN_TOPIC_OR_PART);
        let handle = self.topics.get(topic.0).ok_or_else(unknown)?;
        // SAFETY: a live client and a handle of it.
        let answer = unsafe { metadata::fetch(self.rk, *handle, limit) };
        answer?.into_iter().next().ok_or_else(unknown)
    }

    /// A handle for a topic. The properties of the first one for a topic hold for the client's life.
    pub(in crate::kafka) fn topic<'a>(
        &mut self,
        name: &str,
        properties: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<TopicHandle, String> {
        // SAFETY: a live client.
        let mut conf = unsafe { TopicConf::of_client(self.rk) };
        for (name, value) in properties {
            conf.set(name, value)?;
        }
        let c_name = CString::new(name).map_err(|e| e.to_string())?;
        // SAFETY: a live client, a NUL-terminated name; on success the topic takes its configuration over.
        let topic = unsafe { sys::rd_kafka_topic_new(self.rk, c_name.as_ptr(), conf.0) };
        if topic.is_null() {
            // SAFETY: reads a thread-local.
            let code = unsafe { sys::rd_kafka_last_error() };
            return Err(format!("{name}: {}", super::error_text(code)));
        }
        conf.0 = ptr::null_mut();
        self.topics.push(topic);
        Ok(TopicHandle(self.topics.len().saturating_sub(1)))
    }

    /// Puts one record into the queue. A full queue answers with `QUEUE_FULL` and leaves the headers with the caller.
    #[inline]
    pub(in crate::kafka) fn send(
        &mut self,
        out: &Outgoing<'_>,
        headers: &mut TakenHeaders,
    ) -> Result<(), Failed> {
        let Some(topic) = self.topics.get(out.topic.0) else {
            return Err(Failed::from_code("produce", super::code::UNKNOWN_TOPIC_LOCAL));
        };
        let arguments = [
            vu(sys::VTYPE_RKT, VuValue { rkt: *topic }),
            vu(sys::VTYPE_PARTITION, VuValue { i32_: out.partition.unwrap_or(-1) }),
            vu(sys::VTYPE_VALUE, memory(out.value)),
            vu(sys::VTYPE_KEY, memory(out.key)),
            vu(sys::VTYPE_TIMESTAMP, VuValue { i64_: out.timestamp.unwrap_or(0) }),
            vu(sys::VTYPE_MSGFLAGS, VuValue { i: sys::MSG_F_COPY }),
            vu(sys::VTYPE_OPAQUE, VuValue { ptr: ptr::without_provenance_mut(out.tag) }),
            vu(sys::VTYPE_HEADERS, VuValue { headers: headers.pointer() }),
        ];
        let count = arguments.len().saturating_sub(usize::from(headers.pointer().is_null()));
        // SAFETY: a live client and `count` arguments, each with the union's field that its type names; key and value are
        // copied during the call.
        let error = unsafe { sys::rd_kafka_produceva(self.rk, arguments.as_ptr(), count) };
        if error.is_null() {
            headers.taken();
            return Ok(());
        }
        checked("produce", error)
    }

    /// Serves callbacks, waiting up to `wait` for one.
    pub(in crate::kafka) fn poll(&mut self, wait: Duration) {
        // SAFETY: a live client.
        unsafe { sys::rd_kafka_poll(self.rk, millis(wait)) };
    }

    pub(in crate::kafka) fn next_error(&self) -> Option<ClientError> {
        self.hooks.next_error()
    }

    /// The error that killed the client, if one did.
    pub(in crate::kafka) fn fatal_error(&self) -> Option<(i32, String)> {
        fatal_error(self.rk)
    }

    /// Records that failed for good since the last call.
    pub(in crate::kafka) fn undelivered(&self) -> Vec<Undelivered> {
        self.hooks.take_undelivered()
    }

    /// Whether `undelivered` has any.
    pub(in crate::kafka) fn has_undelivered(&self) -> bool {
        self.hooks.has_undelivered()
    }

    /// Appends what became of records since the last call, in the order of the reports.
    pub(in crate::kafka) fn delivered(&self, into: &mut Vec<Delivered>) {
        self.hooks.take_delivered(into);
    }

    /// Records that are neither acknowledged nor reported as failed, and events that were not served.
    pub(in crate::kafka) fn waiting(&self) -> usize {
        // SAFETY: a live client.
        usize::try_from(unsafe { sys::rd_kafka_outq_len(self.rk) }).unwrap_or(0)
    }

    /// What it was configured with.
    #[cfg(test)]
    pub(in crate::kafka) fn property(&self, name: &str) -> String {
        // SAFETY: a live client, whose configuration lives as long.
        super::conf::get(unsafe { sys::rd_kafka_conf(self.rk) }, name)
    }

    /// Waits until every record has been acknowledged or has failed for good.
    pub(in crate::kafka) fn flush(&mut self, limit: Duration) -> Result<(), Failed> {
        // SAFETY: a live client.
        checked_code("flush", unsafe { sys::rd_kafka_flush(self.rk, millis(limit)) })
    }

    /// Drops what has not been sent yet.
    pub(in crate::kafka) fn purge_queue(&mut self) -> Result<(), Failed> {
        // SAFETY: a live client.
        checked_code("purge", unsafe { sys::rd_kafka_purge(self.rk, sys::PURGE_F_QUEUE) })
    }

    pub(in crate::kafka) fn init_transactions(&mut self, limit: Duration) -> Result<(), Failed> {
        // SAFETY: a live client.
        let error = unsafe { sys::rd_kafka_init_transactions(self.rk, millis(limit)) };
        checked("init transactions", error)?;
        // What went unanswered before belongs to no transaction of this epoch.
        self.hooks.indefinite.store(0, Relaxed);
        Ok(())
    }

    pub(in crate::kafka) fn begin(&mut self) -> Result<(), Failed> {
        // What is left of one that was aborted: `admission` is to tell of this one.
        self.hooks.admissions.take();
        // SAFETY: a live client.
        checked("begin", unsafe { sys::rd_kafka_begin_transaction(self.rk) })
    }

    pub(in crate::kafka) fn send_offsets(
        &mut self,
        offsets: &PartitionList,
        group: &GroupMetadata,
    ) -> Result<(), Failed> {
        // SAFETY: a live client, list and metadata.
        let error = unsafe {
            sys::rd_kafka_send_offsets_to_transaction(
                self.rk,
                offsets.pointer(),
                group.0,
                REST_OF_TRANSACTION,
            )
        };
        checked("send offsets", error)
    }

    pub(in crate::kafka) fn commit(&mut self) -> Result<(), Failed> {
        self.commit_for(REST_OF_TRANSACTION)
    }

    /// As `commit`, and comes back when `limit` is over, though the commit goes on: the same call resumes it, and no other
    /// may follow. For whoever ends with the transaction.
    pub(in crate::kafka) fn commit_within(&mut self, limit: Duration) -> Result<(), Failed> {
        self.commit_for(millis(limit))
    }

    fn commit_for(&mut self, limit: c_int) -> Result<(), Failed> {
        // SAFETY: a live client.
        checked("commit", unsafe { sys::rd_kafka_commit_transaction(self.rk, limit) })
    }

    pub(in crate::kafka) fn abort(&mut self) -> Result<(), Failed> {
        self.abort_for(REST_OF_TRANSACTION)
    }

    /// As `commit_within`.
    pub(in crate::kafka) fn abort_within(&mut self, limit: Duration) -> Result<(), Failed> {
        self.abort_for(millis(limit))
    }

    fn abort_for(&mut self, limit: c_int) -> Result<(), Failed> {
        // SAFETY: a live client.
        checked("abort", unsafe { sys::rd_kafka_abort_transaction(self.rk, limit) })
    }

    /// Transactional requests that went without an answer since `init_transactions`.
    pub(in crate::kafka) fn indefinite_requests(&self) -> u64 {
        self.hooks.indefinite.load(Relaxed)
    }

    /// How the coordinator took the partitions of the transaction that ends here.
    pub(in crate::kafka) fn admission(&self) -> Admission {
        self.hooks.admissions.take()
    }

    /// The version of TxnOffsetCommit that was last used, `None` before the first.
    pub(in crate::kafka) fn txn_offset_commit_version(&self) -> Option<i32> {
        let stored = self.hooks.txn_offset_commit.load(Relaxed);
        (stored > 0).then_some(stored.saturating_sub(1))
    }
}

/// A union written by one field leaves the rest uninitialised: no clearing of 72 bytes per argument.
#[inline]
fn vu(vtype: c_int, u: VuValue) -> Vu {
    Vu { vtype, u }
}

#[inline]
fn memory(bytes: Option<&[u8]>) -> VuValue {
    let mem = match bytes {
        None => VuMem { ptr: ptr::null_mut(), size: 0 },
        Some(bytes) => VuMem { ptr: bytes.as_ptr().cast_mut().cast::<c_void>(), size: bytes.len() },
    };
    VuValue { mem }
}

/// Who we are in the group at one moment.
pub(in crate::kafka) struct GroupMetadata(*mut sys::GroupMetadataT);

impl Drop for GroupMetadata {
    fn drop(&mut self) {
        // SAFETY: ours, not null by `owned`.
        unsafe { sys::rd_kafka_consumer_group_metadata_destroy(self.0) }
    }
}

impl GroupMetadata {
    pub(super) fn owned(pointer: *mut sys::GroupMetadataT) -> Option<Self> {
        (!pointer.is_null()).then_some(Self(pointer))
    }

    /// Whether the broker checks it: offsets sent with a negative generation or without a member id are taken from anybody.
    pub(in crate::kafka) fn is_guarded(&self) -> bool {
        // SAFETY: live metadata; the member id is a NUL-terminated string of it.
        unsafe {
            sys::rd_kafka_consumer_group_metadata_generation_id(self.0) >= 0
                && !CStr::from_ptr(sys::rd_kafka_consumer_group_metadata_member_id(self.0))
                    .is_empty()
        }
    }
}
