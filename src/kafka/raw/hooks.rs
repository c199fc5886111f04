//! What callbacks leave for the worker's loop. They only enqueue: commit, abort and (un)assign run in the loop, which
//! holds the producer and the window.
//!
//! A panic that crossed an `extern "C"` border would abort the process: each callback catches its own.

use std::collections::VecDeque;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering::Relaxed};

use super::admission::Admissions;
use super::error::code;
use super::list::PartitionList;
use super::sys;
use crate::worker::{Clock, SystemClock};

/// More errors than this between two looks say nothing new; the oldest go.
const ERRORS_KEPT_MAX: usize = 32;

/// How the group hands partitions over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::kafka) enum Protocol {
    /// A rebalance takes only what moves.
    #[default]
    Cooperative,
    /// A rebalance takes all and gives all anew.
    Eager,
}

/// A change of the assignment that waits to be served.
pub(in crate::kafka) struct Rebalance {
    /// Given, else taken away.
    pub(in crate::kafka) assigned: bool,
    /// Taken away without our consent: somebody else may own them already.
    pub(in crate::kafka) lost: bool,
    pub(in crate::kafka) partitions: PartitionList,
}

/// An error that a client's own threads met.
#[derive(Clone, Debug)]
pub(in crate::kafka) struct ClientError {
    pub(in crate::kafka) code: i32,
    pub(in crate::kafka) text: String,
}

/// A record that failed for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kafka) struct Undelivered {
    /// As it was sent with.
    pub(in crate::kafka) tag: usize,
    pub(in crate::kafka) code: i32,
    /// Where it should have gone.
    pub(in crate::kafka) topic: String,
}

/// What became of one record, where every record is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kafka) struct Delivered {
    /// As it was sent with.
    pub(in crate::kafka) tag: usize,
    /// 0: acknowledged.
    pub(in crate::kafka) code: i32,
    pub(in crate::kafka) partition: i32,
    /// Its own, where it was acknowledged.
    pub(in crate::kafka) offset: i64,
    /// Of a record that failed: it may be in the topic all the same.
    pub(in crate::kafka) maybe: bool,
}

impl Undelivered {
    /// librdkafka's words, and the topic that refused.
    pub(in crate::kafka) fn text(&self) -> String {
        format!("{} (topic {})", super::error_text(self.code), self.topic)
    }
}

/// Shared between one client's callbacks and its owner.
#[derive(Default)]
pub(super) struct Hooks {
    rebalances: Mutex<VecDeque<Rebalance>>,
    errors: Mutex<VecDeque<ClientError>>,
    protocol: Protocol,
    /// While closing: unassign at once, nobody reads the queue any more.
    pub(super) inline: AtomicBool,
    /// The close has had its answer. It takes the first for all, and one that comes while its end is decided is thrown away
    /// without a reply (`rdkafka_cgrp.c`, `rd_kafka_cgrp_op_serve`, `rkcg_terminated`), for which the call would wait for ever.
    /// Under the cooperative protocol the first one is always waited for; under the eager one, so for static members, the end
    /// may come before it where nothing is assigned yet.
    pub(super) answered: AtomicBool,
    /// Transactional requests without an answer: their outcome is unknown.
    pub(super) indefinite: AtomicU64,
    /// The version of TxnOffsetCommit that the broker was asked with; 0 before the first, else version + 1.
    pub(super) txn_offset_commit: AtomicI32,
    /// Of the transaction since the owner's last look.
    pub(super) admissions: Admissions,
    clock: SystemClock,
    /// As `txn_offset_commit`, of what brokers say that they take; the least of all.
    txn_offset_commit_taken: AtomicI32,
    /// Whether a look into `undelivered` is worth its lock.
    any_undelivered: AtomicBool,
    /// In the order of their reports; a window's records at most, since each window asks.
    undelivered: Mutex<Vec<Undelivered>>,
    /// Every record is reported, not only those that failed; as many as are in flight between two looks at most.
    delivered: Option<Mutex<Vec<Delivered>>>,
}

/// The lock's content whether or not a holder panicked: every change of it is a single call.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Hooks {
    pub(super) fn new(protocol: Protocol) -> Self {
        Self { protocol, ..Self::default() }
    }
    /// For a producer whose configuration has every delivery reported.
    pub(super) fn reporting() -> Self {
        Self { delivered: Some(Mutex::default()), ..Self::default() }
    }
    /// Appends the reports since the last call.
    pub(super) fn take_delivered(&self, into: &mut Vec<Delivered>) {
        if let Some(delivered) = &self.delivered {
            into.append(&mut locked(delivered));
        }
    }
    pub(super) fn next_rebalance(&self) -> Option<Rebalance> {
        locked(&self.rebalances).pop_front()
    }
    pub(super) fn next_error(&self) -> Option<ClientError> {
        locked(&self.errors).pop_front()
    }
    pub(super) fn take_undelivered(&self) -> Vec<Undelivered> {
        if !self.any_undelivered.swap(false, Relaxed) {
            return Vec::new();
        }
        std::mem::take(&mut *locked(&self.undelivered))
    }
    pub(super) fn has_undelivered(&self) -> bool {
        self.any_undelivered.load(Relaxed)
    }
    pub(super) fn txn_offset_commit_taken(&self) -> Option<i32> {
        let stored = self.txn_offset_commit_taken.load(Relaxed);
        (stored > 0).then_some(stored.saturating_sub(1))
    }
    fn push_error(&self, error: ClientError) {
        let mut errors = locked(&self.errors);
        if errors.len() == ERRORS_KEPT_MAX {
            errors.pop_front();
        }
        errors.push_back(error);
    }
}

/// The hooks behind an opaque pointer.
///
/// SAFETY: `opaque` is the `Arc<Hooks>` pointer that the client was made with, and its wrapper keeps that `Arc` until after
/// `rd_kafka_destroy` has ended the client's threads.
unsafe fn hooks<'a>(opaque: *mut c_void) -> &'a Hooks {
    // SAFETY: see above.
    unsafe { &*opaque.cast::<Hooks>() }
}

fn quietly(work: impl FnOnce()) {
    // What panicked is lost with its report: the hook has printed it, and C must not see it.
    drop(catch_unwind(AssertUnwindSafe(work)));
}

pub(super) extern "C" fn on_rebalance(
    rk: *mut sys::Rk,
    err: c_int,
    list: *mut sys::Tpl,
    opaque: *mut c_void,
) {
    quietly(|| {
        // SAFETY: librdkafka calls with a live client, a list that lives for the call, and our opaque.
        unsafe {
            let hooks = hooks(opaque);
            let assigned = err == code::ASSIGN_PARTITIONS;
            let taken = !assigned && sys::rd_kafka_assignment_lost(rk) != 0;
            if hooks.inline.load(Relaxed) {
                if hooks.answered.swap(true, Relaxed) {
                    return;
                }
                if assigned || taken || hooks.protocol == Protocol::Eager {
                    sys::rd_kafka_assign(rk, std::ptr::null());
                } else {
                    let error = sys::rd_kafka_incremental_unassign(rk, list);
                    if !error.is_null() {
                        sys::rd_kafka_error_destroy(error);
                    }
                }
                return;
            }
            let partitions = PartitionList::copy_of(list);
            locked(&hooks.rebalances).push_back(Rebalance { assigned, lost: taken, partitions });
        }
    });
}

pub(super) extern "C" fn on_error(
    _rk: *mut sys::Rk,
    err: c_int,
    reason: *const c_char,
    opaque: *mut c_void,
) {
    quietly(|| {
        // SAFETY: our opaque; `reason` is a NUL-terminated string that lives for the call.
        let (hooks, text) = unsafe { (hooks(opaque), CStr::from_ptr(reason).to_string_lossy()) };
        hooks.push_error(ClientError { code: err, text: text.into_owned() });
    });
}

pub(super) extern "C" fn on_log(
    rk: *const sys::Rk,
    level: c_int,
    facility: *const c_char,
    text: *const c_char,
) {
    quietly(|| {
        // SAFETY: two NUL-terminated strings that live for the call.
        let (facility, text) = unsafe { (CStr::from_ptr(facility), CStr::from_ptr(text)) };
        let (facility, text) = (facility.to_string_lossy(), text.to_string_lossy());
        if facility == "APIVERSION"
            && let Some(version) = taken(&text, "ApiKey TxnOffsetCommit (28) Versions ")
        {
            // SAFETY: a live client, whose opaque is ours from before it was made.
            let least = unsafe { &hooks(sys::rd_kafka_opaque(rk)).txn_offset_commit_taken };
            let known = least.load(Relaxed);
            if known == 0 || version < known - 1 {
                least.store(version.saturating_add(1), Relaxed);
            }
        }
        // What matters comes through `on_error` and the calls' answers, and is logged by who decides.
        tracing::debug!(target: "librdkafka", level, %facility, "{text}");
    });
}

/// The newest version in a line such as `ApiKey TxnOffsetCommit (28) Versions 0..5`, which `debug=feature` gives for each
/// broker: no call of librdkafka tells which versions a broker takes.
fn taken(line: &str, before: &str) -> Option<i32> {
    let (_, versions) = line.split_once(before)?;
    versions.split_once("..")?.1.trim().parse().ok()
}

/// Only failed deliveries are reported (`delivery.report.only.error`), but for a producer that asked for all.
pub(super) extern "C" fn on_delivery(_rk: *mut sys::Rk, msg: *const sys::Msg, opaque: *mut c_void) {
    quietly(|| {
        // SAFETY: our opaque, and a message that lives for the call.
        let (hooks, status, msg) =
            unsafe { (hooks(opaque), sys::rd_kafka_message_status(msg), &*msg) };
        if let Some(delivered) = &hooks.delivered {
            let (partition, offset) = (msg.partition, msg.offset);
            let maybe = status != sys::MSG_STATUS_NOT_PERSISTED;
            let (tag, code) = (msg.private.addr(), msg.err);
            locked(delivered).push(Delivered { tag, code, partition, offset, maybe });
            return;
        }
        // Purged by ourselves in an abort: not the broker's verdict.
        if msg.err == 0 || matches!(msg.err, code::PURGE_QUEUE | code::PURGE_INFLIGHT) {
            return;
        }
        let topic = super::message::topic_of(msg).to_owned();
        let failed = Undelivered { tag: msg.private.addr(), code: msg.err, topic };
        locked(&hooks.undelivered).push(failed);
        hooks.any_undelivered.store(true, Relaxed);
    });
}

pub(super) extern "C" fn on_new(
    rk: *mut sys::Rk,
    _conf: *const sys::ConfT,
    opaque: *mut c_void,
    _text: *mut c_char,
    _size: usize,
) -> c_int {
    // SAFETY: the client is being made; the opaque is the hooks' pointer of its configuration.
    unsafe {
        let name = c"krouted".as_ptr();
        let responses =
            sys::rd_kafka_interceptor_add_on_response_received(rk, name, on_response, opaque);
        let requests = sys::rd_kafka_interceptor_add_on_request_sent(rk, name, on_request, opaque);
        if responses == 0 { requests } else { responses }
    }
}

const PRODUCE: i16 = 0;
const ADD_PARTITIONS: i16 = 24;
const ADD_OFFSETS: i16 = 25;
const END_TXN: i16 = 26;
const TXN_OFFSET_COMMIT: i16 = 28;
/// A straggler of these could touch a later transaction.
const TRANSACTIONAL: [i16; 4] = [ADD_PARTITIONS, ADD_OFFSETS, END_TXN, TXN_OFFSET_COMMIT];

pub(super) extern "C" fn on_request(
    _rk: *mut sys::Rk,
    _socket: c_int,
    _broker: *const c_char,
    _broker_id: i32,
    api: i16,
    _version: i16,
    _correlation: i32,
    size: usize,
    opaque: *mut c_void,
) -> c_int {
    quietly(|| {
        // SAFETY: the opaque given in `on_new`.
        let hooks = unsafe { hooks(opaque) };
        match api {
            PRODUCE => hooks.admissions.written(),
            ADD_PARTITIONS => hooks.admissions.asked(hooks.clock.now(), size),
            _ => {}
        }
    });
    0
}

pub(super) extern "C" fn on_response(
    _rk: *mut sys::Rk,
    _socket: c_int,
    _broker: *const c_char,
    _broker_id: i32,
    api: i16,
    version: i16,
    _correlation: i32,
    _size: usize,
    _rtt: i64,
    err: c_int,
    opaque: *mut c_void,
) -> c_int {
    quietly(|| {
        // SAFETY: the opaque given in `on_new`.
        let hooks = unsafe { hooks(opaque) };
        if !TRANSACTIONAL.contains(&api) {
            return;
        }
        if err != 0 {
            hooks.indefinite.fetch_add(1, Relaxed);
        }
        match api {
            ADD_PARTITIONS => hooks.admissions.answered(hooks.clock.now()),
            TXN_OFFSET_COMMIT => {
                hooks.txn_offset_commit.store(i32::from(version) + 1, Relaxed);
            }
            _ => {}
        }
    });
    0
}
