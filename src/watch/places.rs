//! Where something must be heard for a path to be followed: each link and each folder on the way that could be replaced.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// As Linux has it: more is a circle.
const LINKS_MAX: usize = 40;

/// What to listen to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    /// Real folders, with all that is below.
    pub(super) whole: BTreeSet<PathBuf>,
    /// Real folders, their own entries only.
    pub(super) flat: BTreeSet<PathBuf>,
    /// The entries of those that count.
    entries: BTreeSet<PathBuf>,
    /// The folder that something is in by its number: one that was replaced by another has the same path.
    numbers: BTreeSet<(u64, u64)>,
}

impl Places {
    /// Follows a folder and all that is in it.
    pub(super) fn add_folder(&mut self, path: &Path) {
        if let Some(real) = self.follow(path) {
            self.number(&real);
            self.whole.insert(real);
        }
    }

    /// Follows one file.
    pub(super) fn add_file(&mut self, path: &Path) {
        // Where it leads in the end is among the entries.
        drop(self.follow(path));
    }

    /// Whether an event at a path can change what is read.
    pub(super) fn concern(&self, path: &Path) -> bool {
        self.entries.contains(path)
            || self.flat.contains(path)
            || self.whole.iter().any(|folder| path.starts_with(folder))
    }

    /// Goes along a path, link by link; gives where it really is, or nothing where it is not there.
    fn follow(&mut self, path: &Path) -> Option<PathBuf> {
        let absolute = std::path::absolute(path).ok()?;
        let mut rest = parts(&absolute);
        let mut here = PathBuf::from("/");
        let mut links = 0_usize;
        while let Some(part) = rest.pop_front() {
            if part == ".." {
                here.pop();
                continue;
            }
            let next = here.join(part);
            let Ok(metadata) = fs::symlink_metadata(&next) else {
                // It may come.
                self.entry(&here, next);
                return None;
            };
            if metadata.is_symlink() {
                links = links.saturating_add(1);
                if links > LINKS_MAX {
                    return None;
                }
                let target = fs::read_link(&next).ok()?;
                self.entry(&here, next);
                if target.is_absolute() {
                    here = PathBuf::from("/");
                }
                let mut longer = parts(&target);
                longer.append(&mut rest);
                rest = longer;
                continue;
            }
            if rest.is_empty() {
                self.entry(&here, next.clone());
            }
            here = next;
        }
        Some(here)
    }

    fn entry(&mut self, folder: &Path, entry: PathBuf) {
        self.number(folder);
        self.flat.insert(folder.to_owned());
        self.entries.insert(entry);
    }

    fn number(&mut self, folder: &Path) {
        use std::os::unix::fs::MetadataExt;
        self.numbers.extend(fs::metadata(folder).ok().map(|m| (m.dev(), m.ino())));
    }
}

/// What a path is made of, without its root and what leads nowhere.
fn parts(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|component| match component {
            Component::Normal(part) => Some(part.to_owned()),
            Component::ParentDir => Some(OsString::from("..")),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}
