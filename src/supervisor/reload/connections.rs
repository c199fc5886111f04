//! How clusters are reached now: shared with the workers' clients, and told apart by all that a client would read anew.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use crate::config::{self, Cluster, Finding};
use crate::model::ClusterName;
use crate::supervisor::plan;
use crate::watch::Digest;

type ByName = BTreeMap<ClusterName, Cluster>;
type Digests = BTreeMap<PathBuf, Result<Digest, String>>;

/// The clusters of the settings; a client that is made takes those of that moment.
#[derive(Clone, Debug, Default)]
pub struct Clusters(Arc<RwLock<Arc<ByName>>>);

impl Clusters {
    /// Begins with these.
    pub fn new(clusters: ByName) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(clusters))))
    }

    /// The cluster of that name.
    pub fn get(&self, name: &ClusterName) -> Option<Cluster> {
        let all = Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner));
        all.get(name).cloned()
    }

    pub(super) fn set(&self, clusters: ByName) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(clusters);
    }
}

/// How clusters are reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Connections {
    /// What the settings say.
    pub(super) clusters: ByName,
    /// For each a text that is another one where its settings, its certificates or its secrets' files are.
    pub(super) texts: BTreeMap<ClusterName, String>,
}

/// A file of a cluster that no client could read now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    pub(super) cluster: ClusterName,
    pub(super) path: PathBuf,
    /// A lower-case fragment.
    pub(super) why: String,
}

/// The connections that these settings ask for, as far as their files could be read.
pub(super) fn of(clusters: &ByName, files: &Digests) -> (Connections, Vec<Unreadable>) {
    let digest = |path: &Path| match files.get(path) {
        Some(read) => read.as_ref().map(ToString::to_string).map_err(Clone::clone),
        None => Err("it was not read".to_owned()),
    };
    let texts = plan::connections(clusters, |path| digest(path).ok());
    let of_cluster = |(name, cluster): (&ClusterName, &Cluster)| -> Vec<Unreadable> {
        let why = |path: &Path| Some((path.to_owned(), digest(path).err()?));
        let broken = cluster.files().into_iter().filter_map(why);
        broken.map(|(path, why)| Unreadable { cluster: name.clone(), path, why }).collect()
    };
    let unreadable = clusters.iter().flat_map(of_cluster).collect();
    (Connections { clusters: clusters.clone(), texts }, unreadable)
}

/// What is said of them.
pub(super) fn findings(unreadable: &[Unreadable]) -> Vec<Finding> {
    config::unreadable_files(unreadable.iter().map(|u| (u.path.as_path(), u.why.as_str())))
}

impl Connections {
    /// These, but for those that stay as they were: a cluster with a file that cannot be read, and one that the settings have
    /// no more while a definition still needs it.
    pub(super) fn after<'a>(
        mut self,
        before: &Self,
        unreadable: &'a [Unreadable],
        needed: impl IntoIterator<Item = &'a ClusterName>,
    ) -> Self {
        let missing = needed.into_iter().filter(|name| !self.clusters.contains_key(*name));
        let stay = missing.chain(unreadable.iter().map(|u| &u.cluster));
        for name in stay.cloned().collect::<BTreeSet<_>>() {
            let was = before.clusters.get(&name).zip(before.texts.get(&name));
            if let Some((cluster, text)) = was {
                self.clusters.insert(name.clone(), cluster.clone());
                self.texts.insert(name, text.clone());
            }
        }
        self
    }

    /// All files that clients of these read.
    pub(super) fn files(&self) -> BTreeSet<PathBuf> {
        files(&self.clusters).into_iter().collect()
    }
}

/// All files that clients of these clusters read.
pub(super) fn files(clusters: &ByName) -> Vec<PathBuf> {
    clusters.values().flat_map(Cluster::files).map(Path::to_owned).collect()
}
