//! Lines into a topic: idempotent, acknowledged by all replicas, each line's fate known.

use std::cell::Cell;
use std::time::Duration;

use super::ledger::{Account, Ack, Certainty, Ledger};
use super::{ASK_MAX, Access};
use crate::kafka::properties::{PRODUCER_DEFAULTS, set};
use crate::kafka::raw::{
    ClientError, Delivered, Failed, Outgoing, Producer, TakenHeaders, TopicHandle, code, error_text,
};
use crate::kafka::retry::{TRANSACTION_CALL_MAX, retriable, until};
use crate::kafka::verdict::{self, known};
use crate::model::{HeaderList, TopicName};
use crate::worker::{Clock, Fault, FaultKind, SystemClock};

/// Records that are kept until they are acknowledged, in librdkafka's queue and in the ledger.
const IN_FLIGHT_MAX: usize = 100_000;
/// And in the queue so many bytes, by KiB, where the cluster's properties do not say how many. A record's time for its
/// acknowledgement begins in the queue: over a slow line, what is queued must be through within it. More than the largest
/// record that our `message.max.bytes` lets through.
const QUEUE_MAX: (&str, &str) = ("queue.buffering.max.kbytes", "16384");
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
    /// The broker took it back, since it was open for longer than this, its timeout: nothing of it is visible, ever.
    Outlived(Duration),
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
    /// It is in the queue.
    Done,
    /// The queue is full, or the transaction has failed by a record before, whose report is on its way:
    /// [`serve`](Sender::serve), and send it again. That ends within the patience, when the oldest fail.
    Full,
}

/// Why a record was not queued, and never will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsent {
    /// The client itself refuses this one, in its words, and takes others: nothing of it is sent.
    Refused(FaultKind, String),
    /// The client is dead: nothing can be sent any more.
    Dead(Fault),
}

/// One producer on one topic.
pub struct Sender {
    producer: Producer,
    topic: TopicHandle,
    clock: SystemClock,
    patience: Duration,
    /// How many the topic had when this began.
    partitions: usize,
    transaction: Option<Begun>,
    ledger: Ledger,
    reports: Vec<Delivered>,
}

/// The transaction that is open.
#[derive(Clone, Copy, Debug)]
struct Begun {
    timeout: Duration,
    /// By the sender's clock, and no later than the broker takes it to have begun.
    at: Duration,
    /// The broker has ended this producer's epoch, and the transaction with it.
    is_fenced: bool,
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
        let mut conf = access.conf(PRODUCER_DEFAULTS.into_iter().chain([QUEUE_MAX]))?;
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
        let partitions = match producer.describe(topic, ASK_MAX) {
            Ok(found) => known(&found).map(|()| found.partitions.len())?,
            Err(failed) => {
                producer.poll(Duration::ZERO);
                let met = std::iter::from_fn(|| producer.next_error()).collect();
                return Err(access.unanswered(&failed, met));
            }
        };
        let clock = SystemClock::default();
        let mut transaction = None;
        if let Some(Transaction { timeout, .. }) = options.transaction {
            init(&mut producer, timeout, &clock, stopping)?;
            transaction = Some(Begun { timeout, at: clock.now(), is_fenced: false });
            producer.begin().map_err(|e| of_call(&e))?;
        }
        Ok(Self {
            producer,
            topic,
            clock,
            patience: options.patience,
            partitions,
            transaction,
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
    /// It is not, and will not be: the account does not know of it.
    pub fn send(&mut self, line: u64, record: &Outbound<'_>) -> Result<Queued, Unsent> {
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
            Ok(()) => {
                self.ledger.sent(line);
                Ok(Queued::Done)
            }
            Err(failed)
                if matches!(failed.code, code::QUEUE_FULL | code::STATE)
                    && self.ledger.flying() > 0 =>
            {
                Ok(Queued::Full)
            }
            // Not this record's fault.
            Err(failed) if failed.code == code::STATE => Err(Unsent::Dead(of_call(&failed))),
            Err(failed) if failed.fatal || failed.code == code::FATAL => {
                Err(Unsent::Dead(self.dead()))
            }
            Err(failed) => {
                let (kind, mut reason) = self.reason(failed.code, record.partition);
                match failed.code {
                    code::MSG_SIZE_TOO_LARGE => {
                        reason
                            .push_str(" for this client: the cluster's property message.max.bytes");
                    }
                    code::QUEUE_FULL => {
                        let why = " by this record alone: the cluster's property ";
                        reason.push_str(why);
                        reason.push_str(QUEUE_MAX.0);
                    }
                    _ => {}
                }
                Err(Unsent::Refused(kind, reason))
            }
        }
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
        if let Some((err, _)) = self.producer.fatal_error() {
            self.note_fence(err);
            if !self.has_failed() {
                return Err(self.dead());
            }
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
        self.transaction.is_some()
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
        if self.transaction.is_none() {
            return Ok(());
        }
        let producer = &mut self.producer;
        let unanswered = producer.indefinite_requests();
        let answer = ends(&self.clock, stopping, || producer.commit_within(END_TRY));
        let Err(failed) = answer else { return Ok(()) };
        self.note_fence(failed.code);
        // A fence that answers the first question: the broker never took it. Behind one without an answer, it tells nothing.
        let is_refused = self.producer.indefinite_requests() == unanswered
            && self.transaction.is_some_and(|begun| begun.is_fenced);
        let transaction = if is_refused || (failed.abort && !failed.fatal) {
            self.abort(stopping)
        } else {
            // An abort now could meet a commit that the broker has done, or does.
            Unwound::Unknown
        };
        Err(NotCommitted { fault: of_call(&failed), transaction })
    }

    /// Sends nothing more of what is queued, waits for what is in flight, and takes the transaction back where there is one:
    /// what became of it.
    pub fn give_up(&mut self, stopping: &dyn Fn() -> bool) -> Option<Unwound> {
        let end = self.clock.now().saturating_add(GIVE_UP_MAX);
        // What cannot be purged is waited for like the rest.
        let purged = self.producer.purge_queue();
        while self.ledger.flying() > 0 && self.clock.now() < end {
            self.producer.poll(SERVE);
            self.take_reports();
        }
        drop(purged);
        self.transaction.is_some().then(|| self.abort(stopping))
    }

    /// What is known of every line.
    pub fn account(self) -> Account {
        self.ledger.close()
    }

    /// For a transaction whose commit was never asked for, or was refused.
    fn abort(&mut self, stopping: &dyn Fn() -> bool) -> Unwound {
        let producer = &mut self.producer;
        let answer = ends(&self.clock, stopping, || producer.abort_within(END_TRY));
        if let Err(failed) = &answer {
            self.note_fence(failed.code);
        }
        let fenced = self.transaction.filter(|begun| begun.is_fenced);
        let has_outlived =
            |begun: &Begun| self.clock.now().saturating_sub(begun.at) >= begun.timeout;
        match (answer, fenced) {
            (_, Some(begun)) if has_outlived(&begun) => Unwound::Outlived(begun.timeout),
            // Whoever ends an epoch, the broker by the timeout or another client with the same id, ends what is open in it.
            (Ok(()), _) | (Err(_), Some(_)) => Unwound::Aborted,
            (Err(failed), None) => Unwound::Open(of_call(&failed)),
        }
    }

    fn note_fence(&mut self, err: i32) {
        if let Some(begun) = &mut self.transaction {
            begun.is_fenced |= verdict::is_fence(err);
        }
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
                    self.note_fence(err);
                    let (kind, mut reason) = self.reason(err, Some(report.partition));
                    if err == code::MSG_SIZE_TOO_LARGE {
                        reason.push_str(" for the topic: its max.message.bytes");
                    }
                    self.ledger.reported(report.tag, Err((kind, reason, certainty)));
                }
            }
        }
        self.reports = reports;
    }

    /// `partition`: the one that was asked for.
    fn reason(&self, err: i32, partition: Option<i32>) -> (FaultKind, String) {
        let count = self.partitions;
        if err == code::UNKNOWN_PARTITION
            && let Some(number @ 0..) = partition
        {
            let had = match count {
                1 => "only partition 0".to_owned(),
                _ => format!("partitions 0 to {}", count.saturating_sub(1)),
            };
            let text = format!("the topic has no partition {number}: it had {had} when this began");
            return (FaultKind::Client, text);
        }
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
        let (kind, text) = self.reason(code::FATAL, None);
        Fault::new(kind, text)
    }
}

/// The coordinator may be loading.
fn init(
    producer: &mut Producer,
    timeout: Duration,
    clock: &SystemClock,
    stopping: &dyn Fn() -> bool,
) -> Result<(), Fault> {
    let again = |e: &Failed| retriable(e) && !stopping();
    let answer = until(clock, INIT_MAX, again, || producer.init_transactions(INIT_TRY));
    answer.map_err(|failed| {
        if failed.code == code::INVALID_TRANSACTION_TIMEOUT {
            // Here it is the asker's own wish, no setting.
            let why = verdict::too_long(&format!("{} s", timeout.as_secs()));
            return Fault::new(FaultKind::Client, format!("{why}\n  lower --transaction-timeout"));
        }
        of_call(&failed)
    })
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
