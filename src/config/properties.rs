//! Client properties of librdkafka in files: which ones are ours, and why.

use crate::model::Guarantee;

#[cfg(test)]
mod tests;

/// Where a property stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PropertyScope {
    /// In the settings, for every client of a cluster.
    Cluster,
    /// In a source, for its consumer.
    Consumer,
    /// In a sink, for its topic.
    Topic,
}

/// Who knows librdkafka's properties. This layer does not; `kafka` does.
pub trait ClientProperties {
    /// Whether the client takes the property in this scope; if not, why: a lower-case fragment.
    fn check(&self, scope: PropertyScope, name: &str, value: &str) -> Result<(), String>;
}

/// Takes every property: for tests, and where no client is linked in.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnyProperty;

impl ClientProperties for AnyProperty {
    fn check(&self, _: PropertyScope, _: &str, _: &str) -> Result<(), String> {
        Ok(())
    }
}

/// Names, or beginnings of names that end with `*`, and why they are not passed on.
const REFUSED: &[(&[&str], &str)] = &[
    (
        &["enable.auto.commit", "auto.commit.*", "enable.auto.offset.store", "auto.offset.store"],
        "krouted commits offsets itself, after the records that they stand for",
    ),
    (
        &["acks", "request.required.acks"],
        "every guarantee needs the acknowledgement of all replicas",
    ),
    (
        &["transactional.id", "transaction.timeout.ms"],
        "fencing and recovery depend on it, so krouted sets it itself",
    ),
    (
        &[
            "enable.idempotence",
            "enable.gapless.guarantee",
            "max.in.flight*",
            "retries",
            "message.send.max.retries",
        ],
        "krouted sets it itself: a retry must not double or reorder records",
    ),
    (
        &["message.timeout.ms", "delivery.timeout.ms", "request.timeout.ms"],
        "a record must not time out on its own: only a whole window is given up",
    ),
    (
        &["delivery.report.only.error"],
        "krouted waits until all is acknowledged, and has only failures reported",
    ),
    (&["group.id"], "it is the field `group` of the source"),
    (
        &[
            "group.instance.id",
            "group.protocol*",
            "group.remote.assignor",
            "partition.assignment.strategy",
        ],
        "it is decided by the field `membership` of the source",
    ),
    (&["client.id"], "it is krouted/<pipeline>/<instance>/<worker>"),
    (
        &["bootstrap.servers", "metadata.broker.list"],
        "it is the field `bootstrap_servers` of the cluster",
    ),
    (
        &["auto.offset.reset"],
        "the fields `start` and `out_of_range` of the source decide where reading goes on",
    ),
    (&["topic.blacklist"], "it is the field `topics` or `pattern` of the source"),
    (&["partitioner", "sticky.partitioning.linger.ms"], "it is the field `partition` of the sink"),
    (&["compression.codec", "compression.type"], "it is the field `compression` of the sink"),
    (&["queuing.strategy", "produce.offset.report"], "windows depend on it"),
    (&["allow.auto.create.topics"], "a misspelled topic must be an error, not a new topic"),
    (&["enable.partition.eof", "max.poll.interval.ms"], "krouted's loop depends on it"),
    (&["plugin.library.paths"], "krouted loads no foreign code"),
    (
        &["security.protocol", "ssl.ca.*", "ssl.certificate.*", "ssl.key.*", "ssl.keystore.*"],
        "it is decided by the field `tls` of the cluster in the settings",
    ),
    (
        &["sasl.mechanism", "sasl.mechanisms", "sasl.username", "sasl.password"],
        "it is decided by the field `sasl` of the cluster in the settings",
    ),
    (&["opaque", "default_topic_conf", "*_cb"], "it is set from code, not from a file"),
    (&["test.mock.*"], "it is for tests of the client"),
];

/// Connections belong to a cluster, so a pipeline cannot set them.
const CONNECTION: &[&str] = &["security.*", "ssl.*", "sasl.*", "enable.ssl.*", "https.*"];

/// Why a property is not passed on; none where it may be.
pub(super) fn refused(
    scope: PropertyScope,
    name: &str,
    value: &str,
    guarantee: Option<Guarantee>,
) -> Option<String> {
    if name == "isolation.level" {
        return isolation(scope, value, guarantee);
    }
    let ours = REFUSED.iter().find(|(names, _)| names.iter().any(|n| matches(n, name)));
    if let Some((_, why)) = ours {
        return Some((*why).to_owned());
    }
    let is_connection = CONNECTION.iter().any(|n| matches(n, name));
    (scope != PropertyScope::Cluster && is_connection)
        .then(|| "a connection belongs to a cluster, in the settings file".to_owned())
}

fn isolation(scope: PropertyScope, value: &str, guarantee: Option<Guarantee>) -> Option<String> {
    match (scope, guarantee) {
        (PropertyScope::Consumer, Some(Guarantee::ExactlyOnce)) if value == "read_uncommitted" => {
            Some(
                "`exactly_once` cannot read records of transactions that may still be aborted"
                    .to_owned(),
            )
        }
        (PropertyScope::Consumer, Some(Guarantee::ExactlyOnce)) => {
            Some("`exactly_once` always reads `read_committed`".to_owned())
        }
        (PropertyScope::Consumer, _) => None,
        (PropertyScope::Cluster | PropertyScope::Topic, _) => {
            Some("it belongs to the `properties` of a source".to_owned())
        }
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => name.ends_with(end),
        (None, Some(begin)) => name.starts_with(begin),
        (None, None) => name == pattern,
    }
}
