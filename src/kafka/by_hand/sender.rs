//! Lines into a topic: idempotent, acknowledged by all replicas, each line's fate known.

use std::cell::Cell;
use std::time::Duration;

use super::ledger::{Account, Ack, Certainty, Ledger, LineFailure};
use super::{ASK_MAX, Access};
use crate::kafka::properties::{PRODUCER_DEFAULTS, set};
use crate::kafka::raw::{
    ClientError, Delivered, Failed, Outgoing, Producer, TakenHeaders, TopicHandle, code, error_text,
};
use crate::kafka::retry::{TRANSACTION_CALL_MAX, retriable, until};
use crate::kafka::verdict::{self, known};
use crate::model::{HeaderList, TopicName};
use crate::worker::{Clock, Fault, FaultKind, SystemClock};

/// Records that are kept until they are acknowledged, in librdkafka's queue and in the ledger; 64 MiB at most in the queue.
const IN_FLIGHT_MAX: usize = 100_000;
/// A wait for reports, after which the caller looks whether to stop.
const SERVE: Duration = Duration::from_millis(50);
/// One try of `init_transactions`; between two, a stop request is seen.
const INIT_TRY: Duration = Duration::from_secs(5);
/// One try of a transaction's end: librdkafka by itself would ask a broker that never answers for ever.
const END_TRY: Duration = Duration::from_secs(5);
/// So long it is tried after a wish to stop.
const END_STOPPING_MAX: Duration = Duration::from_secs(10);
const INIT_MAX: Duration = Duration::from_secs(30);
/// What is in flight when a sender gives up.
const GIVE_UP_MAX: Duration = Duration::from_secs(10);

/// How to send.
#[derive(Clone, Debug)]
pub struct SendOptions {
    /// Where to.
    pub topic: TopicName,
    /// How long a record may wait for its acknowledgement.
    pub patience: Duration,
    /// All in one transaction.
    pub transaction: Option<Transaction>,
}

/// One transaction of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// No other client has it.
    pub id: String,
    /// The broker aborts it after this time.
    pub timeout: Duration,
}

/// What became of a transaction that did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unwound {
    /// It is taken back: nothing of it is visible, ever.
    Aborted,
    /// It is not committed, and could not be taken back, for this reason: the broker ends it by its timeout.
    Open(Fault),
    /// Its commit was asked for, and nobody answered: it is committed, or will be, or not.
    Unknown,
}

/// A commit that is not known to stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotCommitted {
    /// Why.
    pub fault: Fault,
    /// What became of the transaction; there is nothing more to do about it.
    pub transaction: Unwound,
}

/// One record to send.
#[derive(Clone, Copy, Debug)]
pub struct Outbound<'a> {
    /// `None` is a null key.
    pub key: Option<&'a [u8]>,
    /// `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// In their order.
    pub headers: &'a HeaderList,
    /// In ms since 1970; absent: now.
    pub timestamp: Option<i64>,
    /// Absent: by murmur2 of the key, as Java's client does it.
    pub partition: Option<i32>,
}

/// Whether a record is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a record that found no room is not sent"]
pub enum Queued {
    /// It is in the queue, or refused, which shows in [`has_failed`](Sender::has_failed).
    Done,
    /// The queue is full: [`serve`](Sender::serve), and send it again. That ends within the patience, when the oldest fail.
    Full,
}

/// One producer on one topic.
pub struct Sender {
    producer: Producer,
    topic: TopicHandle,
    clock: SystemClock,
    patience: Duration,
    is_transaction: bool,
    ledger: Ledger,
    reports: Vec<Delivered>,
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").field("ledger", &self.ledger).finish_non_exhaustive()
    }
}

impl Sender {
    /// Looks that the topic is there, and begins the transaction where one is asked for.
    pub fn open(
        access: &Access,
        options: &SendOptions,
        stopping: &dyn Fn() -> bool,
    ) -> Result<Self, Fault> {
        let mut conf = access.conf(PRODUCER_DEFAULTS)?;
        let patience = options.patience.as_millis().to_string();
        let messages = IN_FLIGHT_MAX.to_string();
        for (name, value) in [
            ("enable.idempotence", "true"),
            ("acks", "all"),
            ("delivery.report.only.error", "false"),
            // As Java's client; librdkafka's own default is CRC32.
            ("partitioner", "murmur2_random"),
            ("queue.buffering.max.messages", &messages),
        ] {
            set(&mut conf, name, value)?;
        }
        match &options.transaction {
            None => set(&mut conf, "message.timeout.ms", &patience)?,
            Some(transaction) => {
                let timeout = transaction.timeout.as_millis().to_string();
                set(&mut conf, "transactional.id", &transaction.id)?;
                set(&mut conf, "transaction.timeout.ms", &timeout)?;
                let longest = options.patience.min(transaction.timeout).as_millis().to_string();
                set(&mut conf, "message.timeout.ms", &longest)?;
            }
        }
        let fault = |text: String| Fault::new(FaultKind::Configuration, text);
        let mut producer = Producer::reporting(conf).map_err(fault)?;
        let topic = producer.topic(options.topic.as_str(), []).map_err(fault)?;
        match producer.describe(topic, ASK_MAX) {
            Ok(found) => known(&found)?,
            Err(failed) => {
                producer.poll(Duration::ZERO);
                let met = std::iter::from_fn(|| producer.next_error()).collect();
                return Err(access.unanswered(&failed, met));
            }
        }
        let clock = SystemClock::default();
        if options.transaction.is_some() {
            init(&mut producer, &clock, stopping)?;
            producer.begin().map_err(|e| of_call(&e))?;
        }
        Ok(Self {
            producer,
            topic,
            clock,
            patience: options.patience,
            is_transaction: options.transaction.is_some(),
            ledger: Ledger::default(),
            reports: Vec::new(),
        })
    }

    /// Whether one more record may be in flight; if not, [`serve`](Self::serve) and take acknowledgements out.
    pub fn has_room(&self) -> bool {
        self.ledger.len() < IN_FLIGHT_MAX
    }

    /// Queues one record.
    ///
    /// # Errors
    ///
    /// The client is dead: nothing can be sent any more.
    pub fn send(&mut self, line: u64, record: &Outbound<'_>) -> Result<Queued, Fault> {
        let mut headers = TakenHeaders::none();
        for (name, value) in &record.headers.0 {
            headers.add(name, value.as_deref());
        }
        let out = Outgoing {
            topic: self.topic,
            partition: record.partition,
            key: record.key,
            value: record.value,
            timestamp: record.timestamp,
            tag: self.ledger.next_tag(),
        };
        match self.producer.send(&out, &mut headers) {
            Ok(()) => self.ledger.sent(line),
            Err(failed) if failed.code == code::QUEUE_FULL => return Ok(Queued::Full),
            Err(failed) if failed.fatal || failed.code == code::FATAL => return Err(self.dead()),
            Err(failed) => {
                let kind = verdict::help(failed.code).unwrap_or(FaultKind::Client);
                let reason = error_text(failed.code);
                self.ledger.refused(LineFailure { line, kind, reason, maybe: false });
            }
        }
        Ok(Queued::Done)
    }

    /// Takes the reports that are there, waiting up to `wait` for one.
    pub fn serve(&mut self, wait: Duration) -> Result<(), Fault> {
        self.producer.poll(wait);
        self.take_reports();
        while let Some(ClientError { code: err, text }) = self.producer.next_error() {
            match verdict::help(err) {
                // A handshake that a broker's restart cut shows as SSL: records wait for the next one.
                Some(kind @ FaultKind::Authorization) if err != code::SSL => {
                    return Err(Fault::new(kind, text));
                }
                _ => {}
            }
        }
        if self.producer.fatal_error().is_some() && !self.has_failed() {
            return Err(self.dead());
        }
        Ok(())
    }

    /// Whether a record has failed: nothing behind it should be sent.
    pub fn has_failed(&self) -> bool {
        self.ledger.has_failed()
    }

    /// The next acknowledgement in the order of the input, where all before it are settled.
    pub fn next_ack(&mut self) -> Option<Ack> {
        self.ledger.next_ack()
    }

    /// Whether all is one transaction.
    pub fn is_transaction(&self) -> bool {
        self.is_transaction
    }

    /// Records without a report.
    pub fn in_flight(&self) -> usize {
        self.ledger.flying()
    }

    /// Records that are acknowledged, in the order of the input.
    pub fn acknowledged(&self) -> u64 {
        self.ledger.count()
    }

    /// Makes the transaction stand, where there is one; call it when nothing is in flight and nothing has failed.
    ///
    /// # Errors
    ///
    /// Why it does not, or may not. The transaction is over for this sender: there is nothing to [`give_up`](Self::give_up).
    pub fn commit(&mut self, stopping: &dyn Fn() -> bool) -> Result<(), NotCommitted> {
        if !self.is_transaction {
            return Ok(());
        }
        let producer = &mut self.producer;
        let answer = ends(&self.clock, stopping, || producer.commit_within(END_TRY));
        match answer {
            Ok(()) => Ok(()),
            Err(failed) if failed.abort && !failed.fatal => {
                let transaction = match self.abort(stopping) {
                    Ok(()) => Unwound::Aborted,
                    Err(fault) => Unwound::Open(fault),
                };
                Err(NotCommitted { fault: of_call(&failed), transaction })
            }
            // An abort now could meet a commit that the broker has done, or does.
            Err(failed) => {
                Err(NotCommitted { fault: of_call(&failed), transaction: Unwound::Unknown })
            }
        }
    }

    /// Sends nothing more of what is queued, waits for what is in flight, and takes the transaction back where there is one.
    pub fn give_up(&mut self, stopping: &dyn Fn() -> bool) -> Result<(), Fault> {
        let end = self.clock.now().saturating_add(GIVE_UP_MAX);
        // What cannot be purged is waited for like the rest.
        let purged = self.producer.purge_queue();
        while self.ledger.flying() > 0 && self.clock.now() < end {
            self.producer.poll(SERVE);
            self.take_reports();
        }
        drop(purged);
        if self.is_transaction { self.abort(stopping) } else { Ok(()) }
    }

    /// What is known of every line.
    pub fn account(self) -> Account {
        self.ledger.close()
    }

    fn abort(&mut self, stopping: &dyn Fn() -> bool) -> Result<(), Fault> {
        let producer = &mut self.producer;
        ends(&self.clock, stopping, || producer.abort_within(END_TRY)).map_err(|e| of_call(&e))
    }

    fn take_reports(&mut self) {
        let mut reports = std::mem::take(&mut self.reports);
        self.producer.delivered(&mut reports);
        for report in reports.drain(..) {
            let certainty = if report.maybe { Certainty::Unknown } else { Certainty::NotThere };
            match report.code {
                0 => self.ledger.reported(report.tag, Ok((report.partition, report.offset))),
                code::PURGE_QUEUE | code::PURGE_INFLIGHT => {
                    self.ledger.taken_back(report.tag, certainty);
                }
                err => {
                    let (kind, reason) = self.reason(err);
                    self.ledger.reported(report.tag, Err((kind, reason, certainty)));
                }
            }
        }
        self.reports = reports;
    }

    fn reason(&self, err: i32) -> (FaultKind, String) {
        if err == code::MSG_TIMED_OUT {
            let text = format!("no broker acknowledged it within {} s", self.patience.as_secs());
            return (FaultKind::BrokerAway, text);
        }
        match self.producer.fatal_error() {
            Some((err, text)) => (verdict::help(err).unwrap_or(FaultKind::Client), text),
            None => (verdict::help(err).unwrap_or(FaultKind::Client), error_text(err)),
        }
    }

    fn dead(&self) -> Fault {
        let (kind, text) = self.reason(code::FATAL);
        Fault::new(kind, text)
    }
}

/// The coordinator may be loading.
fn init(
    producer: &mut Producer,
    clock: &SystemClock,
    stopping: &dyn Fn() -> bool,
) -> Result<(), Fault> {
    let again = |e: &Failed| retriable(e) && !stopping();
    until(clock, INIT_MAX, again, || producer.init_transactions(INIT_TRY)).map_err(|e| of_call(&e))
}

/// A transaction's end, asked for again as long as librdkafka says; when somebody wants to stop, not much longer.
fn ends(
    clock: &SystemClock,
    stopping: &dyn Fn() -> bool,
    call: impl FnMut() -> Result<(), Failed>,
) -> Result<(), Failed> {
    let stopped = Cell::new(None);
    let has_time = || {
        let now = clock.now();
        let since = stopped.get().unwrap_or(now);
        stopped.set(Some(since));
        now.saturating_sub(since) < END_STOPPING_MAX
    };
    let again = |failed: &Failed| retriable(failed) && (!stopping() || has_time());
    until(clock, TRANSACTION_CALL_MAX, again, call)
}

fn of_call(failed: &Failed) -> Fault {
    let lame = if failed.retriable { FaultKind::BrokerAway } else { FaultKind::Client };
    Fault::new(verdict::help(failed.code).unwrap_or(lame), failed.to_string())
}
