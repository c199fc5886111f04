//! Findings: what is wrong with a file, with its place in the text. Collected, never thrown, so that an operator sees all at
//! once.
//!
//! Every finding has one constructor, in the file of its group; each hands back a [`Reported`], the proof that it was said.

mod case;
mod catalog;
mod online;
mod render;
mod schema;
mod semantic;
mod settings;
mod steps;
#[cfg(test)]
mod tests;
mod yaml;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::text::{Place, SourceText};

pub(super) use online::{Share, Use};
pub use render::{Counts, Output, render};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The pipeline cannot run as the file says.
    Error,
    /// It can run; it is probably not what was meant.
    Warning,
}

impl Severity {
    /// The word that stands in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Stable: `K01` YAML, `K02` schema, `K03` meaning, `K04` expression, `K05` across files, `K06` settings, `K07` client
    /// properties, `K08` environment, `K09` tests, `K10` steps and schemas, `K11` what a
    /// cluster says.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Where it is.
    pub place: Place,
    /// A lower-case fragment that names the thing and the limit.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// Another place that it is about, with what is there.
    pub related: Option<(Place, String)>,
}

/// Proof that a finding was recorded; only [`Findings`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reported(());

/// More in one file helps nobody, and a file of 1 MiB can hold a million.
const PER_FILE_MAX: usize = 100;

/// All that was found so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    list: Vec<Finding>,
}

impl Findings {
    /// All, by file and place, each once, warnings in their place among the errors; of one file at most a hundred.
    pub fn sorted(mut self) -> Vec<Finding> {
        self.list.sort_by(|a, b| key(a).cmp(&key(b)));
        self.list.dedup_by(|a, b| key(a) == key(b));
        without_echoes(&mut self.list);
        let mut out: Vec<Finding> = Vec::new();
        let mut of_file = 0_usize;
        for finding in self.list {
            let same_file = out
                .last()
                .is_some_and(|f| f.place.source().path() == finding.place.source().path());
            of_file = if same_file { of_file.saturating_add(1) } else { 1 };
            if of_file <= PER_FILE_MAX {
                out.push(finding);
            }
        }
        out
    }

    /// How many findings were recorded; a mark for [`since`](Self::since).
    pub(super) fn mark(&self) -> usize {
        self.list.len()
    }

    /// A proof, where an error was recorded after the mark.
    pub(super) fn since(&self, mark: usize) -> Option<Reported> {
        let errors = |f: &Finding| f.severity == Severity::Error;
        self.list.iter().skip(mark).any(errors).then_some(Reported(()))
    }

    fn error(
        &mut self,
        code: &'static str,
        place: Place,
        message: impl Into<String>,
        hint: impl Into<Option<String>>,
    ) -> Reported {
        let (message, hint) = (message.into(), hint.into());
        let severity = Severity::Error;
        self.list.push(Finding { code, severity, place, message, hint, related: None });
        Reported(())
    }

    fn warning(
        &mut self,
        code: &'static str,
        place: Place,
        message: impl Into<String>,
        hint: impl Into<Option<String>>,
    ) {
        let (message, hint) = (message.into(), hint.into());
        let severity = Severity::Warning;
        self.list.push(Finding { code, severity, place, message, hint, related: None });
    }

    /// Names another place in the finding that was recorded last.
    fn relate(&mut self, place: &Place, what: &str) {
        if let Some(last) = self.list.last_mut() {
            last.related = Some((place.clone(), what.to_owned()));
        }
    }
}

/// A scalar that YAML makes a trap is often of the wrong kind or meaning too; then what to do about the trap is enough.
fn without_echoes(list: &mut Vec<Finding>) {
    let place = |f: &Finding| {
        (f.place.source().path().to_owned(), f.place.span().start, f.place.span().end)
    };
    let is_trap = |f: &&Finding| f.code.starts_with("K01");
    let traps: BTreeSet<_> = list.iter().filter(is_trap).map(place).collect();
    let is_echo = |f: &Finding| !f.code.starts_with("K01") && traps.contains(&place(f));
    list.retain(|f| !is_echo(f));
}

fn key(finding: &Finding) -> (&str, usize, usize, &'static str, &str) {
    let span = finding.place.span();
    (finding.place.source().path(), span.start, span.end, finding.code, &finding.message)
}

/// Why a pattern does not compile; the lines before the last draw it, which the finding does itself.
fn regex_reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.trim_start_matches("error: ").to_owned()
}

/// The beginning of a file, where no place in it is any better.
pub(super) fn beginning(source: &Arc<SourceText>) -> Place {
    Place::new(source, 0..0)
}
