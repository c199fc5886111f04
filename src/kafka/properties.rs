//! The properties of a worker's clients: our defaults, then the operator's, then what the guarantee pins.
//!
//! Source of the defaults: measurements on a real broker (docs/performance.md). `fetch.queue.backoff.ms=10` with
//! `queued.max.messages.kbytes=16384` gives three times the records/s of librdkafka's defaults at half the memory: the default
//! backoff stalls a partition for a second whenever the queue is full.

use std::sync::Arc;

use super::raw::{Conf, Protocol};
use super::secret::Secrets;
use crate::config::{Cluster, SecretRef, Tls};
use crate::model::{Guarantee, WorkerId};
use crate::pipeline::{Membership, Pipeline};
use crate::worker::{Fault, FaultKind};

/// The broker aborts a transaction that is open longer; also the bound of a commit. A third of it is the longest
/// `commit_interval`. With the broker's 10 s scan it ends before [`SESSION_TIMEOUT_MS`] moves a zombie's partitions.
pub(super) const TRANSACTION_TIMEOUT_MS: &str = "15000";
const SESSION_TIMEOUT_MS: &str = "30000";
const STRATEGY: &str = "partition.assignment.strategy";
const COOPERATIVE: &str = "cooperative-sticky";

/// What one worker's clients are made from.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Who it is.
    pub id: WorkerId,
    /// How its cluster is reached.
    pub cluster: Cluster,
    /// Where secret references lead to.
    pub secrets: Secrets,
    /// What it works for.
    pub pipeline: Arc<Pipeline>,
}

/// Overridden by the operator's properties.
pub(super) const CONSUMER_DEFAULTS: [(&str, &str); 7] = [
    ("fetch.queue.backoff.ms", "10"),
    ("queued.max.messages.kbytes", "16384"),
    // A second worker or instance learns of a rebalance by its heartbeat: 3 s would leave it without work so long.
    ("heartbeat.interval.ms", "500"),
    ("session.timeout.ms", SESSION_TIMEOUT_MS),
    ("isolation.level", "read_committed"),
    // A paused broker hangs a request so long.
    ("socket.timeout.ms", "30000"),
    // How soon a new partition is seen.
    ("topic.metadata.refresh.interval.ms", "30000"),
];

pub(super) const CONSUMER_PINNED: [(&str, &str); 5] = [
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    // Where a partition has no offset, or one out of range, we decide.
    ("auto.offset.reset", "error"),
    ("allow.auto.create.topics", "false"),
    ("enable.partition.eof", "false"),
];

pub(super) const PRODUCER_DEFAULTS: [(&str, &str); 4] = [
    ("queue.buffering.max.kbytes", "65536"),
    // The topic's own limit decides: librdkafka's default of 1 000 000 is below the broker's.
    ("message.max.bytes", "10485760"),
    // While the broker still writes the markers of the transaction before, it takes no offsets into the next
    // (CONCURRENT_TRANSACTIONS): some milliseconds. librdkafka asks again after so long (rdkafka_txnmgr.c,
    // `rd_kafka_txn_handle_AddOffsetsToTxn`), then after twice that, to a second.
    ("retry.backoff.ms", "10"),
    ("topic.metadata.refresh.interval.ms", "30000"),
];

const PRODUCER_PINNED: [(&str, &str); 5] = [
    ("enable.idempotence", "true"),
    ("acks", "all"),
    ("delivery.report.only.error", "true"),
    // As Java's client; librdkafka's own default is CRC32.
    ("partitioner", "murmur2_random"),
    ("allow.auto.create.topics", "false"),
];

/// Up to so many partitions of the sinks, a broker of three leads five or so. With more brokers than that, each of them may lead
/// as few of more partitions: then its thread can look without a pause behind an answer that takes 10 ms.
const PARTITIONS_FEW: usize = 16;

/// How long a record waits for others that are sent with it, where the operator says nothing.
///
/// librdkafka has one request of five records or more under way for each partition of an idempotent producer
/// (`rdkafka_broker.c`, `rd_kafka_toppar_producer_serve`: what it holds against the limit of five are messages). Where the next
/// record has lingered before that request is answered, its thread looks again and again without a pause: a core's time, which
/// the worker, its neighbours or a broker on the same host would need. So the time is longer than most answers take. Under
/// `exactly_once` what is not committed is not seen, and a commit sends what lingers. Under the others a record is seen once it
/// is sent.
///
/// Where one broker leads many of the partitions, more than the five requests that a connection has under way, its thread sleeps
/// as soon as these are. What lingers there for long has left the processor's cache when it is sent, and no larger batch makes up
/// for that. Of 5 and 10 ms none was clearly better (docs/performance.md).
fn linger(guarantee: Guarantee, partitions: usize) -> (&'static str, &'static str) {
    match guarantee {
        Guarantee::ExactlyOnce if partitions <= PARTITIONS_FEW => ("linger.ms", "50"),
        Guarantee::ExactlyOnce => ("linger.ms", "10"),
        Guarantee::AtLeastOnce | Guarantee::AtMostOnce => ("linger.ms", "5"),
    }
}

/// What the producer of a guarantee needs besides.
fn pinned_by(guarantee: Guarantee) -> &'static [(&'static str, &'static str)] {
    match guarantee {
        Guarantee::ExactlyOnce => &[("transaction.timeout.ms", TRANSACTION_TIMEOUT_MS)],
        // A record that fails for good leaves a gap which later ones pass: no time limit of its own. Nor may a batch that is
        // refused be passed by those behind it: that would put them first.
        Guarantee::AtLeastOnce => {
            &[("message.timeout.ms", "0"), ("enable.gapless.guarantee", "true")]
        }
        // Nothing is sent twice: a record that cannot be sent so long is lost, and counted.
        Guarantee::AtMostOnce => &[("message.timeout.ms", "30000")],
    }
}

/// What consumer and producer of a worker whose sinks have so many partitions together are given where the operator says
/// nothing, names and ids left out: for a program that is to be compared with krouted.
pub fn defaults(guarantee: Guarantee, partitions: usize) -> [Vec<(&'static str, &'static str)>; 2] {
    let consumer = [&CONSUMER_DEFAULTS[..], &CONSUMER_PINNED, &[(STRATEGY, COOPERATIVE)]];
    let producer = [
        &PRODUCER_DEFAULTS[..],
        &[linger(guarantee, partitions)],
        &PRODUCER_PINNED,
        pinned_by(guarantee),
    ];
    [consumer.concat(), producer.concat()]
}

impl Connection {
    /// A cooperative rebalance has two parts: who gives partitions away owes the second, in which others get them. A static
    /// member that is killed between the two takes back what the first part left it, without any rebalance (KIP-345), and
    /// the partitions in between belong to nobody for ever. An eager rebalance has one part.
    pub(super) fn protocol(&self) -> Protocol {
        match self.pipeline.source.membership {
            Membership::Dynamic => Protocol::Cooperative,
            Membership::Static => Protocol::Eager,
        }
    }

    /// The consumer's configuration.
    pub(super) fn consumer(&self) -> Result<Conf, Fault> {
        let mut conf = self.consumer_base(&self.id.to_string())?;
        if self.pipeline.source.membership == Membership::Static {
            // Brokers take the characters of a topic name; neither pipeline nor instance names hold `_`.
            set(&mut conf, "group.instance.id", &self.id.to_string().replace('/', "_"))?;
        }
        Ok(conf)
    }

    /// A consumer of the same group that never joins it: it asks, and commits where a new group begins.
    pub(super) fn probe(&self) -> Result<Conf, Fault> {
        self.consumer_base(&format!("{}/probe", self.id))
    }

    /// The same, that also learns which versions of requests the brokers take.
    pub(super) fn surveyor(&self) -> Result<Conf, Fault> {
        let mut conf = self.probe()?;
        set(&mut conf, "debug", "feature")?;
        Ok(conf)
    }

    /// A transactional id like the workers', which none of them has: theirs end in a number. Whoever initialises it fences
    /// nobody but another survey.
    pub(super) fn probed_id(&self) -> String {
        format!("krouted/{}/{}/check", self.id.pipeline, self.id.instance)
    }

    /// A producer with that id.
    pub(super) fn probing_producer(&self) -> Result<Conf, Fault> {
        let mut conf = self.producer(0)?;
        set(&mut conf, "transactional.id", &self.probed_id())?;
        set(&mut conf, "client.id", &self.probed_id())?;
        Ok(conf)
    }

    fn consumer_base(&self, client_id: &str) -> Result<Conf, Fault> {
        let mut conf = Conf::new();
        set_all(&mut conf, CONSUMER_DEFAULTS)?;
        self.cluster_properties(&mut conf)?;
        set_owned(&mut conf, &self.pipeline.source.properties)?;
        set_all(&mut conf, CONSUMER_PINNED)?;
        let strategy = match self.protocol() {
            Protocol::Cooperative => COOPERATIVE,
            Protocol::Eager => "roundrobin",
        };
        set(&mut conf, STRATEGY, strategy)?;
        if self.pipeline.delivery.guarantee() == Guarantee::ExactlyOnce {
            // Not only a filter: it is also what makes a new owner wait for the old one's pending offsets.
            set(&mut conf, "isolation.level", "read_committed")?;
        }
        set(&mut conf, "group.id", self.pipeline.source.group.as_str())?;
        set(&mut conf, "client.id", client_id)?;
        Ok(conf)
    }

    /// The producer's configuration, where the sinks have so many partitions together.
    pub(super) fn producer(&self, partitions: usize) -> Result<Conf, Fault> {
        let mut conf = Conf::new();
        let guarantee = self.pipeline.delivery.guarantee();
        let linger = linger(guarantee, partitions);
        set_all(&mut conf, PRODUCER_DEFAULTS.into_iter().chain([linger]))?;
        self.cluster_properties(&mut conf)?;
        set_all(&mut conf, PRODUCER_PINNED)?;
        set_all(&mut conf, pinned_by(guarantee).iter().copied())?;
        if guarantee == Guarantee::ExactlyOnce {
            set(&mut conf, "transactional.id", &self.id.to_string())?;
        }
        set(&mut conf, "client.id", &self.id.to_string())?;
        Ok(conf)
    }

    fn cluster_properties(&self, conf: &mut Conf) -> Result<(), Fault> {
        reach(conf, &self.cluster, &self.secrets)
    }
}

/// How a cluster is reached: addresses, TLS, who we are, and the operator's own properties of it.
pub(super) fn reach(conf: &mut Conf, cluster: &Cluster, secrets: &Secrets) -> Result<(), Fault> {
    set_owned(conf, &cluster.properties)?;
    set(conf, "bootstrap.servers", &cluster.bootstrap_servers)?;
    let protocol = match (&cluster.tls, &cluster.sasl) {
        (None, None) => "plaintext",
        (Some(_), None) => "ssl",
        (None, Some(_)) => "sasl_plaintext",
        (Some(_), Some(_)) => "sasl_ssl",
    };
    set(conf, "security.protocol", protocol)?;
    if let Some(tls) = &cluster.tls {
        reach_by_tls(conf, tls, secrets)?;
    }
    if let Some(sasl) = &cluster.sasl {
        set(conf, "sasl.mechanism", sasl.mechanism.as_str())?;
        set(conf, "sasl.username", &sasl.username)?;
        set(conf, "sasl.password", &secrets.read(&sasl.password)?)?;
    }
    Ok(())
}

fn reach_by_tls(conf: &mut Conf, tls: &Tls, secrets: &Secrets) -> Result<(), Fault> {
    if let Some(ca) = &tls.ca {
        set(conf, "ssl.ca.location", &ca.to_string_lossy())?;
    }
    if let Some((certificate, key)) = &tls.identity {
        set(conf, "ssl.certificate.location", &certificate.to_string_lossy())?;
        match key {
            SecretRef::File(path) => set(conf, "ssl.key.location", &path.to_string_lossy())?,
            SecretRef::Credential(_) | SecretRef::Env(_) => {
                set(conf, "ssl.key.pem", &secrets.read(key)?)?;
            }
        }
    }
    Ok(())
}

pub(super) fn set(conf: &mut Conf, name: &str, value: &str) -> Result<(), Fault> {
    // librdkafka's sentence may repeat the value: never where it is a secret.
    let hidden = matches!(name, "sasl.password" | "ssl.key.pem");
    conf.set(name, value).map_err(|text| {
        let text = if hidden { "is not taken by librdkafka".to_owned() } else { text };
        Fault::new(FaultKind::Configuration, format!("{name}: {text}"))
    })
}

pub(super) fn set_all<'a>(
    conf: &mut Conf,
    properties: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<(), Fault> {
    properties.into_iter().try_for_each(|(name, value)| set(conf, name, value))
}

fn set_owned(conf: &mut Conf, properties: &crate::pipeline::Properties) -> Result<(), Fault> {
    properties.iter().try_for_each(|(name, value)| set(conf, name, value))
}
