//! Which git revision a folder is at, without calling git: a label for people, never a reason to act.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// A reference that names another one, and so on, is a circle.
const REFERENCES_MAX: usize = 5;

/// A repository with a hundred thousand references has some megabytes of them.
const BYTES_MAX: u64 = 64 << 20;

/// The commit that is checked out in a folder; else the one that a link on the way to it names, as git-sync does it.
pub(super) fn of(folder: &Path) -> Option<String> {
    let checked_out = || head(&git_folder(&fs::canonicalize(folder).ok()?)?);
    checked_out().or_else(|| from_links(folder))
}

/// Where git keeps what belongs to the work tree that a folder is in.
pub(super) fn git_folder(real: &Path) -> Option<PathBuf> {
    real.ancestors().find_map(|folder| {
        let git = folder.join(".git");
        if git.is_dir() {
            return Some(git);
        }
        // In a work tree of its own, `.git` is a file that leads there.
        let text = text(&git)?;
        Some(folder.join(text.strip_prefix("gitdir:")?.trim()))
    })
}

fn head(git: &Path) -> Option<String> {
    // References are shared by all work trees of a repository, HEAD is not.
    let common = text(git.join("commondir"));
    let common = common.map_or_else(|| git.to_owned(), |path| git.join(path.trim()));
    let mut text = text(git.join("HEAD"))?;
    for _ in 0..REFERENCES_MAX {
        let Some(name) = text.trim().strip_prefix("ref:").map(|name| name.trim().to_owned()) else {
            let commit = text.trim();
            return is_commit(commit).then(|| commit.to_owned());
        };
        let loose = |folder: &Path| self::text(folder.join(&name));
        text = loose(git).or_else(|| loose(&common)).or_else(|| packed(&common, &name))?;
    }
    None
}

fn packed(git: &Path, name: &str) -> Option<String> {
    let text = text(git.join("packed-refs"))?;
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.into_iter().find(|(_, of)| *of == name).map(|(commit, _)| commit.to_owned())
}

/// The text of a regular file; whatever else has that name is not of git, and might never end.
fn text(path: impl AsRef<Path>) -> Option<String> {
    let path = path.as_ref();
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    File::open(path).ok()?.take(BYTES_MAX).read_to_string(&mut text).ok()?;
    Some(text)
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn from_links(folder: &Path) -> Option<String> {
    let absolute = std::path::absolute(folder).ok()?;
    absolute.ancestors().find_map(|path| {
        let target = fs::read_link(path).ok()?;
        let name = target.file_name()?.to_str()?;
        let commit = name.strip_prefix("rev-").unwrap_or(name);
        is_commit(commit).then(|| commit.to_owned())
    })
}
