//! How clusters are reached now: shared with the workers' clients, and told apart by all that a client would read anew.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use crate::config::{Cluster, SecretRef};
use crate::model::ClusterName;

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
    clusters.iter().map(|(name, cluster)| (name.clone(), text(cluster))).collect()
}

fn text(cluster: &Cluster) -> String {
    let mut hasher = DefaultHasher::new();
    for file in files_of(cluster) {
        // The content itself is a secret and is not kept.
        std::fs::read(file).ok().hash(&mut hasher);
    }
    format!("{cluster:?} {:x}", hasher.finish())
}

/// All files that clients of these clusters read.
pub(super) fn files(clusters: &ByName) -> Vec<PathBuf> {
    clusters.values().flat_map(files_of).map(Path::to_owned).collect()
}

fn files_of(cluster: &Cluster) -> Vec<&Path> {
    let mut secrets: Vec<&SecretRef> = cluster.sasl.iter().map(|sasl| &sasl.password).collect();
    let mut files = Vec::new();
    if let Some(tls) = &cluster.tls {
        files.extend(tls.ca.as_deref());
        if let Some((certificate, key)) = &tls.identity {
            files.push(certificate);
            secrets.push(key);
        }
    }
    files.extend(secrets.into_iter().filter_map(|secret| match secret {
        SecretRef::File(path) => Some(path.as_path()),
        // Both are as they were when the process began.
        SecretRef::Credential(_) | SecretRef::Env(_) => None,
    }));
    files
}
