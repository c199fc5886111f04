//! One applied state of the folder, and what is said of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::{self, Counts, Finding, Output, Severity};
use crate::watch::Why;

/// What became of one reading of the folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// Counts on over restarts of the daemon, as long as its state folder is kept.
    pub number: u64,
    /// Of the files, hexadecimal.
    pub digest: String,
    /// When it was read, in UTC.
    pub at: String,
    /// The commit, where the folder is in a checkout.
    pub revision: Option<String>,
    /// Why it was read.
    pub cause: Cause,
    /// How it came out.
    pub outcome: Outcome,
    /// What was found.
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
    /// The cluster did not allow a swap; it is tried again every 30 s.
    Refused,
    /// A swap is offered and not taken yet; it is looked at again every 30 s.
    Open,
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
    /// One line each: place, code, message.
    pub lines: Vec<String>,
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
            lines: findings.iter().map(line).collect(),
            text: config::render(findings, counts, Output::Text),
            document: serde_json::from_str(&document).unwrap_or_default(),
        }
    }
}

fn line(finding: &Finding) -> String {
    let (line, column) = finding.place.begin();
    let path = finding.place.source().path();
    format!("{path}:{line}:{column}: {} {}", finding.code, finding.message)
}

impl From<Why> for Cause {
    fn from(why: Why) -> Self {
        match why {
            Why::First => Self::Start,
            Why::Tick | Why::Event => Self::Change,
            Why::Signal => Self::Signal,
            Why::Asked => Self::Request,
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

/// One table: an outcome that is not in it does not compile.
macro_rules! words {
    ($($outcome:ident = $word:literal),+) => {
        impl Outcome {
            /// The words of all outcomes.
            pub const WORDS: &[&str] = &[$($word),+];

            /// The word for status, logs and metrics.
            pub fn as_str(&self) -> &'static str {
                match self {
                    $(Self::$outcome { .. } => $word,)+
                }
            }
        }
    };
}

words! {
    Applied = "applied",
    Unchanged = "unchanged",
    Rejected = "rejected",
    Refused = "refused",
    Open = "open",
    Held = "held",
    Unreadable = "unreadable"
}

impl Outcome {
    /// Whether the folder is what runs.
    pub fn is_good(&self) -> bool {
        match self {
            Self::Applied | Self::Unchanged => true,
            Self::Rejected
            | Self::Refused
            | Self::Open
            | Self::Held { .. }
            | Self::Unreadable { .. } => false,
        }
    }
}
