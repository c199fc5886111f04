//! How clusters are reached now: shared with the workers' clients, and told apart by all that a client would read anew.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use crate::config::Cluster;
use crate::model::ClusterName;
use crate::supervisor::plan;
use crate::watch::Digest;

type ByName = BTreeMap<ClusterName, Cluster>;

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

/// For each cluster a text that is another one where its settings, its certificates or its secrets' files are.
pub(super) fn texts(clusters: &ByName) -> BTreeMap<ClusterName, String> {
    // The content itself is a secret and is not kept.
    let content = |file: &Path| Some(Digest::of(&std::fs::read(file).ok()?).to_string());
    plan::connections(clusters, content)
}

/// All files that clients of these clusters read.
pub(super) fn files(clusters: &ByName) -> Vec<PathBuf> {
    clusters.values().flat_map(Cluster::files).map(Path::to_owned).collect()
}
