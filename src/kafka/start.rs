//! Which topics are read now, and where a new group begins in them.

use std::time::Duration;

use super::port::Port;
use super::properties::Connection;
use super::raw::{Consumer, Failed, PartitionList, code};
use super::retry::{REQUEST_MAX, until};
use super::transaction::COMMIT_MAX;
use super::verdict;
use crate::pipeline::{Start, TopicPattern, Topics};
use crate::worker::{Clock, Failure, FaultKind, SystemClock};

/// How often a pattern is matched against the cluster's topics.
const PATTERN_INTERVAL: Duration = Duration::from_secs(30);

/// The topics that a source stands for at this moment.
pub(super) struct Subscription {
    pattern: Option<TopicPattern>,
    /// In the order of their names where a pattern found them.
    names: Vec<String>,
    /// Partitions known now; a topic that is not there has none.
    partitions: Vec<(String, i32)>,
    looked: Duration,
    /// What the last look did not find.
    gone: Vec<String>,
}

impl Subscription {
    /// Asks the cluster.
    pub(super) fn find(topics: &Topics, probe: &mut Consumer) -> Result<Self, Failed> {
        let (pattern, names, found) = match topics {
            Topics::Names(names) => {
                let mut found = Vec::new();
                for name in names {
                    let topic = probe.topic(name.as_str(), REQUEST_MAX)?;
                    if verdict::help(topic.err) == Some(FaultKind::Authorization) {
                        return Err(
                            Failed::from_code("source topic", topic.err).about(name.as_str())
                        );
                    }
                    if topic.partitions.is_empty() {
                        tracing::warn!(topic = %name, "the source topic does not exist; waiting for it, it will be read from its beginning");
                    }
                    found.push(topic);
                }
                (None, names.iter().map(ToString::to_string).collect(), found)
            }
            Topics::Pattern(pattern) => {
                let found = matching(pattern, probe)?;
                let names = found.iter().map(|t| t.name.clone()).collect::<Vec<_>>();
                if names.is_empty() {
                    tracing::warn!(
                        pattern = pattern.0.as_str(),
                        "no topic matches the source's pattern; waiting for one"
                    );
                }
                (Some(pattern.clone()), names, found)
            }
        };
        let partitions = found
            .into_iter()
            .flat_map(|t| t.partitions.into_iter().map(move |p| (t.name.clone(), p)))
            .collect();
        Ok(Self { pattern, names, partitions, looked: Duration::ZERO, gone: Vec::new() })
    }
}

impl Subscription {
    /// What is read from now on: a topic goes only when two looks in a row did not find it, since a broker that has just
    /// come up may not know all.
    fn settle(&mut self, mut found: Vec<String>) -> Vec<String> {
        let gone: Vec<String> =
            self.names.iter().filter(|name| !found.contains(name)).cloned().collect();
        found.extend(gone.iter().filter(|name| !self.gone.contains(name)).cloned());
        found.sort();
        self.gone = gone;
        found
    }
}

pub(super) fn matching(
    pattern: &TopicPattern,
    client: &mut Consumer,
) -> Result<Vec<super::raw::TopicMetadata>, Failed> {
    let mut found = client.topics(REQUEST_MAX)?;
    found.retain(|t| pattern.matches(&t.name) && !t.partitions.is_empty());
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

impl Port {
    pub(super) fn subscribe(&mut self) -> Result<(), Failure> {
        if self.subscription.names.is_empty() {
            return Ok(());
        }
        self.consumer
            .subscribe(self.subscription.names.iter().map(String::as_str))
            .map_err(|e| verdict::of_consumer(&e))
    }

    /// Matches the pattern again when its time has come.
    pub(super) fn refresh_subscription(&mut self) -> Result<(), Failure> {
        let Some(pattern) = &self.subscription.pattern else { return Ok(()) };
        let now = self.clock.now();
        // The look takes a moment: not while a transaction is open.
        if self.began.is_some() || now.saturating_sub(self.subscription.looked) < PATTERN_INTERVAL {
            return Ok(());
        }
        self.subscription.looked = now;
        let found = match matching(pattern, &mut self.consumer) {
            Ok(found) => found.into_iter().map(|t| t.name).collect::<Vec<_>>(),
            Err(failed) => {
                tracing::debug!(%failed, "topics for the pattern");
                return Ok(());
            }
        };
        let found = self.subscription.settle(found);
        if found == self.subscription.names {
            return Ok(());
        }
        tracing::info!(worker = %self.connection.id, topics = found.join(" "), "the pattern matches other topics now");
        self.subscription.names = found;
        self.subscribe()
    }
}

/// Commits where a group without any offset begins, before it is joined. `earliest` needs nothing: a partition without an
/// offset begins at its beginning.
pub(super) fn seed(
    connection: &Connection,
    probe: &mut Consumer,
    subscription: &Subscription,
) -> Result<(), Failed> {
    let start = connection.pipeline.source.start;
    if start == Start::Earliest {
        return Ok(());
    }
    let partitions = &subscription.partitions;
    if commit_start(probe, partitions, |probe| resolve(start, probe, subscription))? {
        tracing::info!(group = %connection.pipeline.source.group, ?start, partitions = partitions.len(), "the group is new: its start is committed");
    }
    Ok(())
}

/// Commits offsets for a group without any, and says whether it did. The broker refuses that for a group with members: then
/// another instance did it.
pub(super) fn commit_start(
    probe: &mut Consumer,
    partitions: &[(String, i32)],
    resolve: impl FnOnce(&mut Consumer) -> Result<PartitionList, Failed>,
) -> Result<bool, Failed> {
    if partitions.is_empty() {
        return Ok(false);
    }
    let mut committed = PartitionList::of(partitions.iter().map(|(t, p)| (t.as_str(), *p, 0)));
    // The first group of a cluster: its coordinator comes into being by the question.
    let clock = SystemClock::default();
    until(&clock, REQUEST_MAX, is_moving, || probe.committed(&mut committed, REQUEST_MAX))?;
    if committed.to_vec().iter().any(|p| p.offset >= 0) {
        return Ok(false);
    }
    let list = resolve(probe)?;
    match until(&clock, REQUEST_MAX, is_moving, || probe.commit(&list, COMMIT_MAX)) {
        Ok(()) => Ok(true),
        Err(failed) if is_membership(failed.code) => Ok(false),
        Err(failed) => Err(failed),
    }
}

/// A coordinator that another broker is, or that is not yet what it is to be.
fn is_moving(failed: &Failed) -> bool {
    matches!(
        failed.code,
        code::COORDINATOR_LOADS | code::COORDINATOR_NOT_AVAILABLE | code::NOT_COORDINATOR
    )
}

fn is_membership(err: i32) -> bool {
    matches!(err, code::UNKNOWN_MEMBER_ID | code::ILLEGAL_GENERATION | code::REBALANCE_IN_PROGRESS)
}

fn resolve(
    start: Start,
    probe: &mut Consumer,
    subscription: &Subscription,
) -> Result<PartitionList, Failed> {
    let mut found = match start {
        Start::Timestamp(ms) => {
            let partitions = subscription.partitions.iter().map(|(t, p)| (t.as_str(), *p, ms));
            let mut list = PartitionList::of(partitions);
            probe.offsets_for_times(&mut list, REQUEST_MAX)?;
            list.to_vec()
        }
        Start::Earliest | Start::Latest => {
            let partitions = subscription.partitions.iter().map(|(t, p)| (t.as_str(), *p, -1));
            PartitionList::of(partitions).to_vec()
        }
    };
    for entry in found.iter_mut().filter(|e| e.offset < 0) {
        // Behind the last record: also where no record has that timestamp or a later one.
        let (_, high) = probe.query_watermarks(&entry.topic, entry.partition, REQUEST_MAX)?;
        entry.offset = high;
    }
    Ok(PartitionList::of(found.iter().map(|e| (e.topic.as_str(), e.partition, e.offset))))
}
