//! Making a window stand, or taking it back, for each guarantee.
//!
//! Taint: librdkafka speaks EndTxn v1, in which all transactions of one producer epoch look the same, and it retries
//! EndTxn by itself. A copy that is delivered late can end a later transaction (KIP-890 part 2, librdkafka issue 5423). So
//! where a transactional request went without an answer, or took longer than [`INDEFINITE`], the producer is made anew
//! before the next transaction: a new epoch fences the stragglers.

use std::time::Duration;

use super::outlet::Outlet;
use super::port::Port;
use super::properties::TRANSACTION_TIMEOUT_MS;
use super::raw::{Failed, PartitionList, Producer, code};
use super::retry::{self, LOOK_MIN, TRANSACTION_CALL_MAX, look_after, retriable, until};
use super::verdict;
use crate::model::Guarantee;
use crate::worker::{Clock, Failure, Fault, FaultKind, Offsets};

/// A transactional call that took longer may have been sent twice.
const INDEFINITE: Duration = Duration::from_secs(1);
/// One try of `init_transactions`; between two, a stop request is seen.
const INIT_TRY: Duration = Duration::from_secs(5);
/// All tries: the coordinator may be loading, or ending the transaction of the instance before.
const INIT_MAX: Duration = Duration::from_mins(1);
/// Acknowledgements of one window: a broker that is killed stalls its partitions for 15 s, one that is away for longer.
const ACKNOWLEDGE_MAX: Duration = Duration::from_mins(2);
/// librdkafka's own, where no delivery is reported that would wake it, as none is that went well (`rdkafka.c`,
/// `rd_kafka_flush`): a commit that finds something in flight takes so long at the least.
const LIBRDKAFKA_LOOK: Duration = Duration::from_millis(10);
/// What is in flight when the queue is dropped.
const DROP_MAX: Duration = Duration::from_secs(10);
/// A rebalance between two generations of the group; a member that was thrown out is told so by another code.
const REBALANCE_MAX: Duration = Duration::from_secs(5);
/// One plain commit: a coordinator that moves is found again in less.
pub(super) const COMMIT_MAX: Duration = Duration::from_secs(30);
/// TxnOffsetCommit with the group's generation and member id: KIP-447, Apache Kafka 2.5.
const TXN_OFFSET_COMMIT_FENCED: i32 = 3;

impl Port {
    pub(super) fn begin_transaction(&mut self) -> Result<(), Failure> {
        if std::mem::take(&mut self.tainted) {
            tracing::info!(worker = %self.connection.id, "a transactional request had no clear outcome: new producer epoch before the next transaction");
            self.new_producer(&|| false).map_err(Failure::Fault)?;
        }
        // A window that was full in the midst of a batch comes here without another read.
        retry::pause(self.pace.left(self.clock.now()));
        self.pace.begun(self.clock.now());
        self.outlet.producer.begin().map_err(|e| verdict::of_producer(&e, None))
    }

    /// Outputs, dead letters and offsets in one transaction, fenced by producer epoch and group generation.
    pub(super) fn commit_transaction(&mut self, offsets: &Offsets) -> Result<(), Failure> {
        // What lingers and may be sent is on its way while the offsets are; whether it arrives is below. They wait behind all that
        // is under way to the same broker, and meanwhile what lingers goes on lingering: so of much the most goes first.
        self.flush_closely(|port| !port.backlog.is_much(port.outlet.producer.waiting()));
        let began = self.clock.now();
        let list = PartitionList::of(offsets.touched());
        if !list.is_empty() {
            let sent = self.send_offsets(&list);
            // Also where it failed: the abort that follows is a call of its own, and may be quick.
            self.look_for_taint(began);
            sent?;
        }
        // So that the commit, which begins with a flush of librdkafka's own, finds nothing in flight; whatever is then is its to
        // wait for, and what failed to judge.
        self.flush_closely(|_| false);
        let clock = self.clock;
        let producer = &mut self.outlet.producer;
        let answer = until(&clock, TRANSACTION_CALL_MAX, retriable, || producer.commit());
        self.look_for_taint(began);
        // Also where it failed: the next one is to be told of its own.
        let admission = self.outlet.producer.admission();
        answer.map_err(|e| self.judge(&e))?;
        self.pace.committed(self.clock.now(), admission);
        Ok(())
    }

    /// Flushes at least once, until it may end or all is acknowledged; or something has failed, or it has taken so long that
    /// librdkafka's own flush looks as often (80 ms).
    fn flush_closely(&mut self, may_end: impl Fn(&Self) -> bool) {
        let began = self.clock.now();
        loop {
            let waited = self.clock.now().saturating_sub(began);
            if look_after(waited) >= LIBRDKAFKA_LOOK
                || self.outlet.producer.flush(LOOK_MIN).is_ok()
                || self.outlet.producer.has_undelivered()
                || may_end(self)
            {
                return;
            }
            // As long as a flush lasts, nothing lingers, and librdkafka's thread looks without a pause whether more may be
            // sent (`properties::linger`).
            retry::pause(look_after(waited));
        }
    }

    fn send_offsets(&mut self, list: &PartitionList) -> Result<(), Failure> {
        // The broker takes unguarded metadata from anybody, a zombie too.
        let group = self.consumer.group_metadata().filter(super::raw::GroupMetadata::is_guarded);
        let Some(group) = group else {
            return Err(Failure::Abort("not a member of the group at the moment".to_owned()));
        };
        let clock = self.clock;
        let producer = &mut self.outlet.producer;
        let call = || producer.send_offsets(list, &group);
        until(&clock, TRANSACTION_CALL_MAX, retriable, call).map_err(|e| self.judge(&e))?;
        match self.outlet.producer.txn_offset_commit_version() {
            Some(version) if version < TXN_OFFSET_COMMIT_FENCED => Err(Failure::Fault(Fault::new(
                FaultKind::Unsupported,
                format!(
                    "the broker takes TxnOffsetCommit version {version} only, without group fencing (KIP-447): exactly_once cannot be kept"
                ),
            ))),
            Some(_) | None => Ok(()),
        }
    }

    fn judge(&mut self, failed: &Failed) -> Failure {
        let undelivered = self.first_undelivered();
        verdict::of_producer(failed, undelivered.as_ref())
    }

    fn look_for_taint(&mut self, began: Duration) {
        let slow = self.clock.now().saturating_sub(began) > INDEFINITE;
        self.tainted |= slow || self.outlet.producer.indefinite_requests() > 0;
    }

    /// The broker need not have heard of it: where the answer to the first `AddPartitionsToTxn` comes while librdkafka aborts,
    /// it takes no partition for added and sends no `EndTxn` (`rd_kafka_txn_handle_AddPartitionsToTxn`, `__OUTDATED`). Nothing
    /// is written then and no reader waits, though the coordinator lists it as `Ongoing`: the next transaction goes on in that
    /// one, within what is left of its time. Where the broker ends it by its timeout, a window meets that as a fence, is aborted,
    /// and comes again by a new client.
    pub(super) fn abort_transaction(&mut self) -> Result<(), Failure> {
        let began = self.clock.now();
        let clock = self.clock;
        let producer = &mut self.outlet.producer;
        let answer = until(&clock, TRANSACTION_CALL_MAX, retriable, || producer.abort());
        self.look_for_taint(began);
        self.pace.aborted();
        self.forget_undelivered();
        answer.map_err(|e| {
            let is_fence = verdict::is_fence(e.code);
            if is_fence { Failure::Fenced(e.to_string()) } else { Failure::Rebuild(e.to_string()) }
        })
    }

    /// A new client in place of the old: with the same transactional id, its `init` ends what the old one left open.
    pub(super) fn new_producer(&mut self, stopping: &dyn Fn() -> bool) -> Result<(), Fault> {
        let mut outlet = Outlet::new(&self.connection, self.backlog.partitions())?;
        if self.guarantee == Guarantee::ExactlyOnce {
            init(&mut outlet.producer, self.clock, stopping)?;
        }
        self.outlet = outlet;
        self.tainted = false;
        Ok(())
    }

    /// `at_least_once`: until every output is acknowledged, or one has failed for good: the client is dead then, so that
    /// nothing passes it (`enable.gapless.guarantee`), and what is queued behind it would be waited for in vain.
    pub(super) fn wait_acknowledged(&mut self) -> Result<(), Failure> {
        self.flush_unless(|port| {
            if let Some(record) = port.first_undelivered() {
                let failed = Failed { abort: true, ..Failed::from_code("produce", record.code) };
                return Err(verdict::of_producer(&failed, Some(&record)));
            }
            if let Some((_, text)) = port.outlet.producer.fatal_error() {
                return Err(Failure::Rebuild(text));
            }
            Ok(())
        })
    }

    /// Until every output is acknowledged or has failed.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        self.flush_unless(|_| Ok(()))
    }

    fn flush_unless(
        &mut self,
        over: impl Fn(&mut Self) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let began = self.clock.now();
        loop {
            let waited = self.clock.now().saturating_sub(began);
            let answer = self.outlet.producer.flush(look_after(waited));
            over(self)?;
            match answer {
                Ok(()) => return Ok(()),
                Err(_) if waited < ACKNOWLEDGE_MAX => {}
                Err(failed) => return Err(Failure::Rebuild(failed.to_string())),
            }
        }
    }

    /// `at_least_once`: what is not sent is not sent; what is in flight may arrive, and again with the next attempt.
    pub(super) fn drop_queued(&mut self) -> Result<(), Failure> {
        if let Some((_, text)) = self.outlet.producer.fatal_error() {
            return Err(Failure::Rebuild(text));
        }
        let rebuild = |e: Failed| Failure::Rebuild(e.to_string());
        self.outlet.producer.purge_queue().map_err(rebuild)?;
        self.outlet.producer.flush(DROP_MAX).map_err(rebuild)?;
        self.forget_undelivered();
        match self.outlet.producer.fatal_error() {
            Some((_, text)) => Err(Failure::Rebuild(text)),
            None => Ok(()),
        }
    }

    pub(super) fn commit_offsets(&mut self, offsets: &Offsets) -> Result<(), Failure> {
        self.commit_list(&PartitionList::of(offsets.touched()))
    }

    /// A plain commit of the group's offsets, as its member only.
    pub(super) fn commit_list(&mut self, list: &PartitionList) -> Result<(), Failure> {
        if list.is_empty() {
            return Ok(());
        }
        // A broker takes a commit without generation and member id for one of an empty group: a member that slept while
        // others came and went would put their offsets back.
        if !self.consumer.group_metadata().is_some_and(|group| group.is_guarded()) {
            return Err(Failure::Abort("not a member of the group at the moment".to_owned()));
        }
        // While the group is between two generations, the broker refuses; the partitions stay ours until we give them
        // back, so the same commit is right a moment later. Giving up would send the whole window again.
        let moving =
            |e: &Failed| matches!(e.code, code::REBALANCE_IN_PROGRESS | code::ILLEGAL_GENERATION);
        let clock = self.clock;
        let consumer = &mut self.consumer;
        until(&clock, REBALANCE_MAX, moving, || consumer.commit(list, COMMIT_MAX))
            .map_err(|e| verdict::of_offset_commit(&e))
    }
}

/// Fences whoever had the transactional id before, and ends its transaction.
pub(super) fn init(
    producer: &mut Producer,
    clock: crate::worker::SystemClock,
    stopping: &dyn Fn() -> bool,
) -> Result<(), Fault> {
    let again = |e: &Failed| retriable(e) && !stopping();
    until(&clock, INIT_MAX, again, || producer.init_transactions(INIT_TRY)).map_err(|failed| {
        let kind = verdict::help(failed.code).unwrap_or(if failed.retriable {
            FaultKind::BrokerAway
        } else {
            FaultKind::Client
        });
        let why = if failed.code == code::INVALID_TRANSACTION_TIMEOUT {
            verdict::too_long(&format!("{TRANSACTION_TIMEOUT_MS} ms"))
        } else {
            failed.to_string()
        };
        Fault::new(kind, format!("{why} (transactions are needed for exactly_once)"))
    })
}
