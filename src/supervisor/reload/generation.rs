//! One applied state of the folder, and what is said of it.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::{self, Counts, Finding, Output, Severity, Snapshot};
use crate::model::ClusterName;

/// What became of one reading of the folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// Counts on over restarts of the daemon, as long as its state folder is kept.
    pub number: u64,
    /// Of the files and connections; not cryptographic.
    pub digest: String,
    /// When it was read, in UTC.
    pub at: String,
    /// The commit, where the folder is in a checkout.
    pub revision: Option<String>,
    /// Why it was read.
    pub cause: Cause,
    /// How it came out.
    pub outcome: Outcome,
    /// What was found; the texts are not kept.
    pub findings: Said,
    /// How many pipelines were changed in which way.
    pub changes: BTreeMap<String, usize>,
}

/// Why the folder was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The daemon began.
    #[default]
    Start,
    /// Files are not as they were.
    Change,
    /// SIGHUP.
    Signal,
    /// An operator asked.
    Request,
    /// The cluster refused a part of it before.
    Retry,
}

/// How it came out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// All of it runs.
    Applied,
    /// All of it ran already.
    #[default]
    Unchanged,
    /// There are findings; the pipelines without any are applied, unless the policy is `all_or_nothing`.
    Rejected,
    /// The cluster did not allow a swap.
    Refused,
    /// It would stop most of what runs, and nobody has allowed that.
    Held {
        /// How many would stop.
        removed: usize,
        /// Of how many.
        running: usize,
    },
    /// The folder cannot be read.
    Unreadable {
        /// Why.
        why: String,
    },
}

/// Findings, counted and rendered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Errors.
    pub errors: usize,
    /// Warnings.
    pub warnings: usize,
    /// As `check` prints them.
    #[serde(skip)]
    pub text: String,
    /// As `check -o json` prints them.
    #[serde(skip)]
    pub document: Value,
}

impl Said {
    pub(super) fn new(findings: &[Finding], counts: Counts) -> Self {
        let of = |severity| findings.iter().filter(|f| f.severity == severity).count();
        let document = config::render(findings, counts, Output::Json);
        Self {
            errors: of(Severity::Error),
            warnings: of(Severity::Warning),
            text: config::render(findings, counts, Output::Text),
            document: serde_json::from_str(&document).unwrap_or_default(),
        }
    }
}

impl Generation {
    pub(super) fn now(cause: Cause, outcome: Outcome) -> Self {
        let at = jiff::Timestamp::now().round(jiff::Unit::Millisecond);
        let at = at.map(|at| at.to_string()).unwrap_or_default();
        Self { at, cause, outcome, ..Self::default() }
    }
}

impl Outcome {
    /// The word for status, logs and metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Unchanged => "unchanged",
            Self::Rejected => "rejected",
            Self::Refused => "refused",
            Self::Held { .. } => "held",
            Self::Unreadable { .. } => "unreadable",
        }
    }

    /// Whether the folder is what runs.
    pub fn is_good(&self) -> bool {
        match self {
            Self::Applied | Self::Unchanged => true,
            Self::Rejected | Self::Refused | Self::Held { .. } | Self::Unreadable { .. } => false,
        }
    }
}

/// The same files and connections give the same text within one process.
pub(super) fn digest(files: &Snapshot, connections: &BTreeMap<ClusterName, String>) -> String {
    let mut hasher = DefaultHasher::new();
    for file in &files.files {
        file.path.hash(&mut hasher);
        match &file.content {
            Ok(bytes) => bytes.hash(&mut hasher),
            Err(why) => format!("{why:?}").hash(&mut hasher),
        }
    }
    for (name, text) in connections {
        (name.as_str(), text).hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}

/// The checkouts that a folder may lie in.
const PARENTS_MAX: usize = 16;

/// The commit that is checked out around a folder, read from git's own files.
pub(super) fn revision(folder: &Path) -> Option<String> {
    let folder = fs::canonicalize(folder).ok()?;
    let git = folder.ancestors().take(PARENTS_MAX).map(|f| f.join(".git")).find(|g| g.exists())?;
    let git = if git.is_dir() { git } else { linked(&git)? };
    let head = fs::read_to_string(git.join("HEAD")).ok()?;
    let Some(name) = head.trim().strip_prefix("ref: ") else { return commit(head.trim()) };
    // A worktree has its own HEAD and shares the branches.
    let common = fs::read_to_string(git.join("commondir"));
    let common = common.map_or_else(|_| git.clone(), |path| git.join(path.trim()));
    let loose = fs::read_to_string(common.join(name)).ok();
    loose.as_deref().map(str::trim).and_then(commit).or_else(|| {
        let packed = fs::read_to_string(common.join("packed-refs")).ok()?;
        let line = packed.lines().find(|line| line.ends_with(&format!(" {name}")))?;
        commit(line.split(' ').next()?)
    })
}

/// The folder that a `.git` file names.
fn linked(file: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(file).ok()?;
    let path = text.trim().strip_prefix("gitdir: ")?;
    Some(file.parent()?.join(path))
}

fn commit(text: &str) -> Option<String> {
    let is_commit = text.len() >= 40 && text.chars().all(|c| c.is_ascii_hexdigit());
    is_commit.then(|| text.to_owned())
}
