//! What a reload would change: running set + wanted set -> a change for each pipeline. Pure.
//!
//! | kind | when |
//! |---|---|
//! | unchanged | the same definition; `start`, which counts only for a group without offsets |
//! | swap | steps, routes, match, sinks, unmatched, `on_error`, `dead_letter`, labels, description, the limits of a window |
//! | restart | topics, pattern, format, workers, membership, `out_of_range`, guarantee, source properties, the cluster's connection |
//! | rename | one goes, one comes, and the group stays |
//! | regroup | another group, or another cluster |
//! | start, stop | added, removed |
//!
//! The supervisor performs a [`Plan`], the `plan` command prints one. Kinds are ordered: the strongest field decides.

mod effect;
mod kind;
mod render;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::config::Cluster;
use crate::model::{ClusterName, PipelineName};
use crate::pipeline::{Definition, Pipeline};

pub use render::text;

/// The version of the JSON form.
pub const VERSION: u32 = 1;

/// Pipelines that run, or that shall.
#[derive(Clone, Debug, Default)]
pub struct Set {
    /// By name.
    pub pipelines: BTreeMap<PipelineName, Arc<Pipeline>>,
    /// For each cluster a text that is another one when its connection is: settings, certificates, secrets' files.
    pub connections: BTreeMap<ClusterName, String>,
    /// Those of what runs that an operator has paused.
    pub held: BTreeSet<PipelineName>,
}

/// Whether a plan may end most of what runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removals {
    /// Not until an operator says so: an empty folder is more often an accident than a wish.
    Refused,
    /// An operator said so.
    Allowed,
}

/// One change for each pipeline of either set, in the order of their names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// See [`VERSION`].
    pub version: u32,
    /// What becomes of each pipeline.
    pub changes: Vec<Change>,
    /// Given: nothing of it is applied until removals are allowed.
    pub held: Option<Held>,
}

/// What becomes of one pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Its name, the new one where it is renamed.
    #[serde(with = "name")]
    pub name: PipelineName,
    /// How it is done.
    #[serde(flatten)]
    pub kind: Kind,
    /// The fields of the file that caused it, such as `source.topics`; `clusters.NAME` is of the settings.
    pub fields: Vec<String>,
    /// What it does to the group and to records, for people.
    pub effect: String,
    /// Whether partitions of the group move.
    pub rebalances: bool,
    /// Whether records may be read again or be skipped.
    pub reprocesses: bool,
    /// In what it is unlike any file, and stays so: an operator's pause, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<String>,
}

/// How a change is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// Nothing is done; the newest definition counts for a later start.
    Unchanged,
    /// The new program takes the next window.
    Swap {
        /// Properties of a topic that stays have changed, which librdkafka takes only with a new client. A topic that comes
        /// back with other properties than a worker has met asks for one too; no plan knows what a worker has met.
        new_producer: bool,
    },
    /// Drain, commit, leave, start on the same group.
    Restart,
    /// The old one stops, then this one starts on the same group.
    Rename {
        /// The name that goes.
        #[serde(with = "name")]
        from: PipelineName,
    },
    /// As restart, on another group or cluster.
    Regroup,
    /// It is new.
    Start,
    /// It is gone.
    Stop,
}

/// Why a plan waits for an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// How many would stop.
    pub removed: usize,
    /// Of how many that run.
    pub running: usize,
}

/// The texts for [`Set::connections`]: what the settings say of each cluster, and what `content` knows of each file that it
/// names: a digest, say.
pub fn connections(
    clusters: &BTreeMap<ClusterName, Cluster>,
    content: impl Fn(&Path) -> Option<String>,
) -> BTreeMap<ClusterName, String> {
    let text = |cluster: &Cluster| {
        let files = cluster.files().into_iter();
        let contents: Vec<_> = files.map(|file| content(file).unwrap_or_default()).collect();
        format!("{cluster:?} {contents:?}")
    };
    clusters.iter().map(|(name, cluster)| (name.clone(), text(cluster))).collect()
}

/// The changes that lead from one set to the other.
///
/// Shape: each name of either set once; the old name of a rename stands in its change only.
pub fn plan(running: &Set, wanted: &Set, removals: Removals) -> Plan {
    let renamed = renames(running, wanted);
    let mut changes = Vec::new();
    for (name, new) in &wanted.pipelines {
        let (kind, fields, old) = match (running.pipelines.get(name), renamed.get(name)) {
            (Some(old), _) => {
                let (kind, fields) = compare(old, running, new, wanted);
                (kind, fields, Some(old))
            }
            (None, Some(old)) => {
                let (_, fields) = compare(old, running, new, wanted);
                (Kind::Rename { from: old.name.clone() }, fields, Some(*old))
            }
            (None, None) => (Kind::Start, vec![], None),
        };
        changes.extend(effect::change(kind, fields, old.map(AsRef::as_ref), Some(new)));
    }
    let is_renamed = |name: &PipelineName| renamed.values().any(|old| old.name == *name);
    for (name, old) in &running.pipelines {
        if !wanted.pipelines.contains_key(name) && !is_renamed(name) {
            changes.extend(effect::change(Kind::Stop, vec![], Some(old), None));
        }
    }
    changes.sort_by(|a, b| a.name.cmp(&b.name));
    for change in &mut changes {
        change.drift = effect::drift(change, &running.held);
    }
    let held = match removals {
        Removals::Refused => held(stops(&changes), running.pipelines.len()),
        Removals::Allowed => None,
    };
    Plan { version: VERSION, changes, held }
}

/// New name -> the pipeline that has its group now, where that one goes.
fn renames<'a>(running: &'a Set, wanted: &Set) -> BTreeMap<PipelineName, &'a Arc<Pipeline>> {
    let goes = |old: &&Arc<Pipeline>| !wanted.pipelines.contains_key(&old.name);
    let going: BTreeMap<_, _> =
        running.pipelines.values().filter(goes).map(|old| (group(old), old)).collect();
    let comes = |new: &&Arc<Pipeline>| !running.pipelines.contains_key(&new.name);
    let coming = wanted.pipelines.values().filter(comes);
    coming.filter_map(|new| Some((new.name.clone(), *going.get(&group(new))?))).collect()
}

/// A group is one only within its cluster.
fn group(pipeline: &Pipeline) -> (&ClusterName, &str) {
    (&pipeline.cluster, pipeline.source.group.as_str())
}

fn compare(old: &Pipeline, running: &Set, new: &Pipeline, wanted: &Set) -> (Kind, Vec<String>) {
    let fields = Definition::of(old).differences(&Definition::of(new));
    let mut weight = fields.iter().map(kind::weight).max().unwrap_or(kind::Weight::Nothing);
    let mut names: Vec<_> = fields.iter().map(ToString::to_string).collect();
    let connection = |set: &Set, of: &Pipeline| set.connections.get(&of.cluster).cloned();
    if old.cluster == new.cluster && connection(running, old) != connection(wanted, new) {
        names.push(format!("clusters.{}", new.cluster));
        weight = weight.max(kind::Weight::Restart);
    }
    (kind::of(weight, old, new), names)
}

fn stops(changes: &[Change]) -> usize {
    changes.iter().filter(|change| change.kind == Kind::Stop).count()
}

/// Whether so many of so many are more than a reload may stop without an operator.
fn held(removed: usize, running: usize) -> Option<Held> {
    (removed.saturating_mul(2) > running).then_some(Held { removed, running })
}

impl Plan {
    /// Waits for an operator where it takes away more than half of so many pipelines: those that it stops, and those that
    /// cannot run now and would be forgotten.
    pub(super) fn guarded(mut self, forgotten: usize, pipelines: usize) -> Self {
        self.held = held(stops(&self.changes).saturating_add(forgotten), pipelines);
        self
    }

    /// What this one starts and the other one renames is renamed: of a daemon that begins, the other one is the plan from what
    /// ran before.
    pub(super) fn with_renames_of(mut self, other: Self) -> Self {
        let is_rename = |change: &Change| matches!(change.kind, Kind::Rename { .. });
        let renamed = other.changes.into_iter().filter(is_rename);
        let mut renamed: BTreeMap<_, _> = renamed.map(|c| (c.name.clone(), c)).collect();
        for change in self.changes.iter_mut().filter(|change| change.kind == Kind::Start) {
            if let Some(rename) = renamed.remove(&change.name) {
                *change = rename;
            }
        }
        self
    }

    /// Whether applying it would do anything.
    pub fn has_changes(&self) -> bool {
        self.changes.iter().any(|change| change.kind != Kind::Unchanged)
    }
}

impl Kind {
    /// The word for people and metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Swap { .. } => "swap",
            Self::Restart => "restart",
            Self::Rename { .. } => "rename",
            Self::Regroup => "regroup",
            Self::Start => "start",
            Self::Stop => "stop",
        }
    }
}

/// Names as text.
mod name {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::model::PipelineName;

    pub(super) fn serialize<S: Serializer>(name: &PipelineName, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(name.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<PipelineName, D::Error> {
        let text = String::deserialize(from)?;
        PipelineName::new(&text).map_err(D::Error::custom)
    }
}
