//! `K11`: what a cluster says of a pipeline, under `check --online`.

use super::{Finding, Findings};
use crate::config::text::{Place, quote};
use crate::model::TopicName;

/// The codes of findings that are about the way to the cluster, not about the file.
const AWAY: &str = "K1101";
const UNUSABLE: &str = "K1103";
const LEADERLESS: &str = "K1121";
const TOO_FEW_IN_SYNC: &str = "K1122";
const SILENT: &str = "K1123";

impl Finding {
    /// Whether it says that brokers are away: all of them, or those that a part hangs on.
    pub fn is_away(&self) -> bool {
        matches!(self.code, AWAY | LEADERLESS | TOO_FEW_IN_SYNC | SILENT)
    }

    /// Whether it says that the settings, or a secret of them, make no client.
    pub fn is_of_settings(&self) -> bool {
        self.code == UNUSABLE
    }
}

/// What a topic is to a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum Use {
    Source,
    Sink,
    DeadLetter,
}

impl Use {
    fn right(self) -> &'static str {
        match self {
            Self::Source => "Read",
            Self::Sink | Self::DeadLetter => "Write",
        }
    }

    fn verb(self) -> &'static str {
        match self {
            Self::Source => "read",
            Self::Sink | Self::DeadLetter => "write",
        }
    }
}

/// Some partitions of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Share {
    /// The number of the first.
    first: usize,
    count: usize,
    all: usize,
}

impl Share {
    /// Those of `all`, each by its number, with what is known of the first; nothing where there is none.
    pub(in crate::config) fn of<T>(
        mut some: impl Iterator<Item = (usize, T)>,
        all: usize,
    ) -> Option<(Self, T)> {
        let (first, of_first) = some.next()?;
        Some((Self { first, count: some.count().saturating_add(1), all }, of_first))
    }

    /// `one` and `many`: what is said of it, by its number, or of them.
    fn said(self, topic: &str, one: &str, many: &str) -> String {
        let (Self { first, count, all }, topic) = (self, quote(topic));
        if count == 1 {
            format!("partition {first} of the topic {topic} {one}")
        } else {
            format!("{count} of {all} partitions of the topic {topic} {many}, such as {first}")
        }
    }
}

impl Findings {
    pub(in crate::config) fn broker_away(&mut self, place: Place, why: &str) {
        let hint = "check bootstrap_servers and the network, then try again".to_owned();
        self.error(AWAY, place, why, hint);
    }

    pub(in crate::config) fn login_refused(&mut self, place: Place, cluster: &str, why: &str) {
        let message = format!("the cluster {} does not let krouted in: {why}", quote(cluster));
        let hint = "check user, password, mechanism and certificate in the settings".to_owned();
        self.error("K1102", place, message, hint);
    }

    pub(in crate::config) fn client_unusable(&mut self, place: Place, cluster: &str, why: &str) {
        let message = format!("no client for the cluster {} can be made: {why}", quote(cluster));
        self.error(UNUSABLE, place, message, "correct the settings file or the secret".to_owned());
    }

    pub(in crate::config) fn topic_missing(&mut self, place: Place, topic: &TopicName) {
        let message = format!("the topic {} does not exist", quote(topic.as_str()));
        let hint = "create it, or correct its name: krouted makes no topics".to_owned();
        self.error("K1104", place, message, hint);
    }

    pub(in crate::config) fn topic_hidden(&mut self, place: Place, topic: &TopicName, of: Use) {
        let (name, right) = (quote(topic.as_str()), of.right());
        let message = format!("krouted may not see the topic {name}, or it does not exist");
        let hint = format!("add an ACL: {right} on the topic {name}, which includes Describe");
        self.error("K1105", place, message, hint);
    }

    pub(in crate::config) fn topic_refused(&mut self, place: Place, topic: &str, of: Use) {
        let (name, right) = (quote(topic), of.right());
        let code = match of {
            Use::Source => "K1106",
            Use::Sink | Use::DeadLetter => "K1107",
        };
        let message = format!("krouted may not {} the topic {name}", of.verb());
        self.error(code, place, message, format!("add an ACL: {right} on the topic {name}"));
    }

    pub(in crate::config) fn group_refused(&mut self, place: Place, group: &str) {
        let message = format!("krouted may not use the group {}", quote(group));
        let hint = format!("add an ACL: Read on the group {}", quote(group));
        self.error("K1108", place, message, hint);
    }

    pub(in crate::config) fn transactional_id_refused(&mut self, place: Place, id: &str) {
        let message = format!("krouted may not use transactional ids such as {}", quote(id));
        let hint = "add an ACL: Write on the transactional ids with the prefix `krouted/`";
        self.error("K1109", place, message, hint.to_owned());
    }

    pub(in crate::config) fn broker_too_old(&mut self, place: Place, version: Option<i32>) {
        let has = version.map_or_else(
            || "does not take TxnOffsetCommit".to_owned(),
            |version| format!("takes TxnOffsetCommit up to version {version} only"),
        );
        let message =
            format!("a broker {has}: `exactly_once` needs version 3, of Apache Kafka 2.5");
        let hint = "update the brokers, or deliver `at_least_once`".to_owned();
        self.error("K1110", place, message, hint);
    }

    pub(in crate::config) fn idle_workers(&mut self, place: Place, workers: u16, has: usize) {
        let message = format!("{workers} workers, and the source has {}", partitions(has));
        let hint = format!("{} would be idle: add partitions or take workers away", {
            usize::from(workers).saturating_sub(has)
        });
        self.warning("K1111", place, message, hint);
    }

    pub(in crate::config) fn pattern_without_topic(&mut self, place: Place) {
        let message = "this pattern matches no topic that krouted may see";
        let hint = "topics that come later are read; if some are there, add ACLs: Read on them";
        self.warning("K1112", place, message, hint.to_owned());
    }

    pub(in crate::config) fn cannot_preserve(
        &mut self,
        place: Place,
        sink: (&TopicName, usize),
        source: (&str, usize),
    ) {
        let message = format!(
            "`partition: preserve` with {} in {}, and {} in {}",
            partitions(source.1),
            quote(source.0),
            partitions(sink.1),
            quote(sink.0.as_str()),
        );
        let hint = format!("give the sink's topic at least {}", partitions(source.1));
        self.error("K1113", place, message, hint);
    }

    pub(in crate::config) fn compacted(&mut self, place: Place, topic: &TopicName, of: Use) {
        let name = quote(topic.as_str());
        let message = format!(
            "the topic {name} is compacted: it keeps the last record of each key only, and refuses records without one"
        );
        match of {
            Use::DeadLetter => {
                let hint = "give dead letters a topic with cleanup.policy=delete".to_owned();
                self.error("K1114", place, message, hint);
            }
            Use::Sink | Use::Source => {
                let hint = "give the sink a `key`, or the topic cleanup.policy=delete".to_owned();
                self.warning("K1114", place, message, hint);
            }
        }
    }

    pub(in crate::config) fn size_limited(&mut self, place: Place, topic: &TopicName, max: i64) {
        let message = format!(
            "the topic {} keeps {max} bytes of each partition at most: a burst pushes out records that nobody has read",
            quote(topic.as_str())
        );
        let hint = "limit it by time (retention.ms), with retention.bytes=-1".to_owned();
        self.warning("K1115", place, message, hint);
    }

    pub(in crate::config) fn smaller_records(
        &mut self,
        place: Place,
        sink: (&TopicName, i64),
        source: (&str, i64),
    ) {
        let message = format!(
            "the topic {} takes batches of {} bytes, and {} has them of up to {}",
            quote(sink.0.as_str()),
            sink.1,
            quote(source.0),
            source.1,
        );
        let hint = format!("raise its max.message.bytes to {} or more", source.1);
        self.warning("K1116", place, message, hint);
    }

    pub(in crate::config) fn unreplicated(&mut self, place: Place, topic: &TopicName) {
        let message = format!(
            "the topic {} has one replica: the loss of one broker loses what was delivered",
            quote(topic.as_str())
        );
        self.warning("K1117", place, message, "give it three replicas".to_owned());
    }

    pub(in crate::config) fn never_in_sync(
        &mut self,
        place: Place,
        topic: &TopicName,
        (min, replicas): (i64, usize),
    ) {
        let message = format!(
            "the topic {} has min.insync.replicas={min} and {replicas} of them: no record is ever acknowledged",
            quote(topic.as_str())
        );
        self.error(
            "K1118",
            place,
            message,
            "set min.insync.replicas below the replicas".to_owned(),
        );
    }

    pub(in crate::config) fn weakly_in_sync(
        &mut self,
        place: Place,
        topic: &TopicName,
        (min, replicas): (i64, usize),
    ) {
        let name = quote(topic.as_str());
        let message = if min <= 1 {
            format!(
                "the topic {name} has min.insync.replicas=1: a record counts as delivered when one broker has it"
            )
        } else {
            format!(
                "the topic {name} has {replicas} replicas and min.insync.replicas={min}: nothing can be written while one broker is away"
            )
        };
        let hint = "three replicas with min.insync.replicas=2 survive any one broker".to_owned();
        self.warning("K1118", place, message, hint);
    }

    pub(in crate::config) fn configs_hidden(&mut self, place: Place, topic: &str) {
        let name = quote(topic);
        let message = format!(
            "krouted may not see the configuration of {name}: compaction, limits and min.insync.replicas are not checked"
        );
        let hint = format!("add an ACL for this check: DescribeConfigs on the topic {name}");
        self.warning("K1119", place, message, hint);
    }

    pub(in crate::config) fn not_answered(&mut self, place: Place, cluster: &str, why: &str) {
        let message = format!("the cluster {} could not be asked: {why}", quote(cluster));
        let hint = "the brokers' logs say more; check again when the cluster is well".to_owned();
        self.error("K1120", place, message, hint);
    }

    pub(in crate::config) fn silent(&mut self, place: Place, cluster: &str, why: &str) {
        let message = format!("of the cluster {} {why}", quote(cluster));
        let hint = "check its brokers and the network, then try again".to_owned();
        self.error(SILENT, place, message, hint);
    }

    pub(in crate::config) fn leaderless(
        &mut self,
        place: Place,
        (topic, of): (&str, Use),
        share: Share,
        on: &[i32],
    ) {
        let message = format!(
            "{}: nothing can be {} there now",
            share.said(topic, "has no leader", "have no leader"),
            match of {
                Use::Source => "read",
                Use::Sink | Use::DeadLetter => "written",
            }
        );
        let numbers: Vec<_> = on.iter().map(ToString::to_string).collect();
        let brokers = if on.len() == 1 { "broker" } else { "brokers" };
        let hint = format!(
            "partition {} is on {brokers} {}: look after what is away, then try again",
            share.first,
            numbers.join(", "),
        );
        self.error(LEADERLESS, place, message, hint);
    }

    pub(in crate::config) fn too_few_in_sync(
        &mut self,
        place: Place,
        topic: &TopicName,
        share: Share,
        (in_sync, min): (usize, i64),
    ) {
        let one = format!("has {} in sync", replicas(in_sync));
        let message = format!(
            "{}, and min.insync.replicas={min}: no record is acknowledged there now",
            share.said(topic.as_str(), &one, "have too few replicas in sync"),
        );
        let hint = "look after the brokers of its other replicas, then try again".to_owned();
        self.error(TOO_FEW_IN_SYNC, place, message, hint);
    }
}

fn replicas(count: usize) -> String {
    if count == 1 { "1 replica".to_owned() } else { format!("{count} replicas") }
}

fn partitions(count: usize) -> String {
    if count == 1 { "1 partition".to_owned() } else { format!("{count} partitions") }
}
