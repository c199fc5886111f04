//! The one reader of pipeline folders: names and bytes that were all there at the same time.
//!
//! `check`, `plan`, `run` and `watch` read through it: a file that changes while it is read is read again.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

mod schemas;
#[cfg(test)]
mod tests;

pub use schemas::SchemaFiles;

/// A file of pipelines is a few kilobytes; what is above is a mistake, and costs a reader's time.
pub const FILE_BYTES_MAX: u64 = 1 << 20;
/// Deeper is a link that leads back up.
const FOLDERS_DEEP_MAX: usize = 8;
/// More is not a folder of pipelines.
const FILES_MAX: usize = 10_000;
/// A writer that never rests must not keep the reader here.
const READS_MAX: usize = 5;

/// The pipeline files of one moment, sorted by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Each path once.
    pub files: Vec<SnapshotFile>,
    /// What `validate` steps can name.
    pub schemas: SchemaFiles,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotFile {
    /// As findings show it: the given path, and what is below it.
    pub path: String,
    /// What it holds, or why that is not known.
    pub content: Result<Vec<u8>, Unread>,
}

/// Why a file's content is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// More than [`FILE_BYTES_MAX`].
    TooLarge,
    /// The system refuses it.
    Refused(String),
    /// It changed each time that it was read.
    Moves,
}

impl SnapshotFile {
    /// Reads one file, whatever it is called.
    pub fn read(path: &Path) -> Self {
        read(path)
    }
}

/// What differs as soon as the file was written or replaced; nothing where it is not there.
pub fn stamp(path: &Path) -> Option<Stamp> {
    fs::metadata(path).ok().as_ref().map(identity).map(Stamp)
}

/// See [`stamp`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(Identity);

impl Snapshot {
    /// Reads a folder and the folders in it: `*.yaml` and `*.yml`, without hidden ones and editors' copies.
    pub fn read(folder: &Path) -> io::Result<Self> {
        Self::read_all(&[folder.to_owned()])
    }

    /// Reads folders, and files whatever they are called.
    pub fn read_all(paths: &[PathBuf]) -> io::Result<Self> {
        Self::read_with(paths, None)
    }

    /// Reads folders and files, and the schemas folder beside them; one that is not there has no files.
    pub fn read_with(paths: &[PathBuf], schemas: Option<&Path>) -> io::Result<Self> {
        let now = || Ok::<_, io::Error>((list(paths)?, schemas::list(schemas)?));
        let mut before = now()?;
        for _ in 1..READS_MAX {
            let found = Self::of(&before, schemas);
            // What was read first may have changed while the last was read: all must have been there at once.
            let after = now()?;
            if before == after {
                return Ok(found);
            }
            before = after;
        }
        Ok(Self::of(&before, schemas))
    }

    fn of((files, schemas): &(Vec<Listed>, Vec<Listed>), folder: Option<&Path>) -> Self {
        let files = files.iter().map(|(path, _)| read(path)).collect();
        Self { files, schemas: SchemaFiles::read(folder, schemas) }
    }

    /// The same without one file: the settings, where they lie among the pipelines.
    #[must_use]
    pub fn without(mut self, other: Option<&Path>) -> Self {
        if let Some(other) = other {
            self.files.retain(|file| !is_same(Path::new(&file.path), other));
        }
        self
    }
}

fn is_same(a: &Path, b: &Path) -> bool {
    matches!((fs::canonicalize(a), fs::canonicalize(b)), (Ok(a), Ok(b)) if a == b)
}

/// A file with what tells a changed one.
type Listed = (PathBuf, Option<Identity>);

fn list(paths: &[PathBuf]) -> io::Result<Vec<Listed>> {
    let mut found = Vec::new();
    for path in paths {
        if fs::metadata(path)?.is_dir() {
            below(path, 0, &["yaml", "yml"], &mut found)?;
        } else {
            found.push(path.clone());
        }
    }
    found.sort();
    let mut seen = BTreeSet::new();
    found.retain(|path| seen.insert(fs::canonicalize(path).unwrap_or_else(|_| path.clone())));
    Ok(found.into_iter().map(identified).collect())
}

fn identified(path: PathBuf) -> Listed {
    let identity = fs::metadata(&path).ok().as_ref().map(identity);
    (path, identity)
}

fn below(
    folder: &Path,
    depth: usize,
    extensions: &[&str],
    found: &mut Vec<PathBuf>,
) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if is_passed_over(&name) {
            continue;
        }
        // A link whose target is gone is listed as a file, so that reading it says what is wrong.
        if fs::metadata(&path).is_ok_and(|m| m.is_dir()) {
            if depth < FOLDERS_DEEP_MAX {
                below(&path, depth.saturating_add(1), extensions, found)?;
            }
        } else if path.extension().is_some_and(|e| extensions.iter().any(|own| e == *own)) {
            found.push(path);
        }
        if found.len() > FILES_MAX {
            return Err(io::Error::other(format!("more than {FILES_MAX} files in it")));
        }
    }
    Ok(())
}

/// What editors, git and Kubernetes leave beside the files that are meant; a `.swp` has another extension anyway.
fn is_passed_over(name: &str) -> bool {
    name.starts_with(['.', '#', '~']) || name.ends_with(['~', '#'])
}

fn read(path: &Path) -> SnapshotFile {
    let mut content = Err(Unread::Moves);
    for _ in 0..READS_MAX {
        content = read_once(path);
        if content != Err(Unread::Moves) {
            break;
        }
    }
    SnapshotFile { path: path.display().to_string(), content }
}

fn read_once(path: &Path) -> Result<Vec<u8>, Unread> {
    let refused = |e: io::Error| Unread::Refused(e.to_string());
    let before = fs::metadata(path).map_err(refused)?;
    if !before.is_file() {
        return Err(Unread::Refused("it is no regular file".to_owned()));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(refused)?;
    file.take(FILE_BYTES_MAX.saturating_add(1)).read_to_end(&mut bytes).map_err(refused)?;
    let after = fs::metadata(path).map_err(refused)?;
    if identity(&before) != identity(&after) {
        return Err(Unread::Moves);
    }
    let is_too_large = u64::try_from(bytes.len()).is_ok_and(|len| len > FILE_BYTES_MAX);
    if is_too_large { Err(Unread::TooLarge) } else { Ok(bytes) }
}

type Identity = [i128; 6];

/// What differs as soon as a file was written or replaced.
fn identity(metadata: &Metadata) -> Identity {
    [
        metadata.dev().into(),
        metadata.ino().into(),
        metadata.size().into(),
        metadata.mtime().into(),
        metadata.mtime_nsec().into(),
        metadata.ctime_nsec().into(),
    ]
}
