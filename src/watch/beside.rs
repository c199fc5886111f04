//! What counts beside the pipeline files: the settings file, and the certificates and secrets that it names.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Folders;
use super::digest::Digest;
use crate::config::{SnapshotFile, Stamp, stamp};

/// A writer that never rests must not keep the reader here; the events are kept.
const READS_MAX: usize = 5;

/// All of it, as it was at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// The settings file, where there is one. Secrets are references in it.
    pub settings: Option<SnapshotFile>,
    /// The digests of [`Folders::files`] and of what the settings name; the content itself may be a secret and is not kept.
    /// Or why it cannot be read: a lower-case fragment.
    pub files: BTreeMap<PathBuf, Result<Digest, String>>,
}

/// Which files a settings file names.
#[derive(Clone)]
pub struct Names(Arc<NamesOf>);

type NamesOf = dyn Fn(&SnapshotFile) -> Vec<PathBuf> + Send + Sync;

impl Names {
    /// By a function of its content.
    pub fn new(names: impl Fn(&SnapshotFile) -> Vec<PathBuf> + Send + Sync + 'static) -> Self {
        Self(Arc::new(names))
    }
}

impl Default for Names {
    /// None, whatever it says.
    fn default() -> Self {
        Self::new(|_| Vec::new())
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

impl Beside {
    /// Reads all of it; blocks. What was there at no one moment is read again.
    pub fn read(folders: &Folders) -> Self {
        for _ in 1..READS_MAX {
            let (beside, is_whole) = Self::read_once(folders);
            if is_whole {
                return beside;
            }
        }
        Self::read_once(folders).0
    }

    fn read_once(folders: &Folders) -> (Self, bool) {
        let of_settings = || folders.settings.as_deref().map(stamp);
        let before = of_settings();
        let settings = folders.settings.as_deref().map(SnapshotFile::read);
        let paths = paths(folders, settings.as_ref());
        let of_files = || -> Vec<Option<Stamp>> { paths.iter().map(|path| stamp(path)).collect() };
        let stamps = of_files();
        let files = paths.iter().map(|path| (path.clone(), Digest::of_file(path))).collect();
        let is_whole = stamps == of_files() && before == of_settings();
        (Self { settings, files }, is_whole)
    }
}

/// The settings file, and all that counts by it.
pub(super) fn all_paths(folders: &Folders) -> BTreeSet<PathBuf> {
    let settings = folders.settings.as_deref().map(SnapshotFile::read);
    let mut all = paths(folders, settings.as_ref());
    all.extend(folders.settings.as_deref().map(Path::to_owned));
    all
}

fn paths(folders: &Folders, settings: Option<&SnapshotFile>) -> BTreeSet<PathBuf> {
    let named = settings.map(|settings| (folders.names.0)(settings)).unwrap_or_default();
    folders.files.iter().cloned().chain(named).collect()
}
