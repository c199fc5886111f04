//! What is known of the folder and its generations, for all who ask, while a reload is under way too.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::{Value, json};

use super::generation::{Cause, Generation, Outcome, Said};
use super::request::Reloaded;
use crate::model::{InstanceId, WorkerId};
use crate::supervisor::plan::Kind;
use crate::supervisor::status::PipelineStatus;
use crate::supervisor::wanted::{Origin, Wanted};

/// Generations that are kept and shown.
const HISTORY_MAX: usize = 20;

/// Shared by whoever reloads and whoever asks.
#[derive(Clone, Debug, Default)]
pub struct Overview(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    /// The oldest first.
    history: Vec<Generation>,
    /// What was damaged in the state folder at the start.
    damage: Vec<String>,
    /// What could not be written there, and why: a sentence.
    unwritten: Option<String>,
    /// Of the last reading.
    said: Said,
    removals_held_back: Option<String>,
    needs_restart: Vec<&'static str>,
    reloads: Reloads,
    /// By pipeline: where its definition is from, and the file.
    origins: BTreeMap<String, (Origin, String)>,
}

/// Of the daemon as a whole: what became of the readings of the folder since its start, the last of them, and who was left
/// behind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reloads {
    /// How many came out so, by [`Outcome::as_str`].
    pub by_outcome: BTreeMap<&'static str, u64>,
    /// Whether the folder is what runs.
    pub last_successful: bool,
    /// When that was said last, in seconds since 1970.
    pub last_success_seconds: Option<f64>,
    /// The number of the generation, zero before the first.
    pub generation: u64,
    /// Of the files that were read last, hexadecimal.
    pub digest: String,
    /// The commit, where the folder is in a checkout.
    pub revision: Option<String>,
    /// Workers that did not end when they were told to, and are still there.
    pub left_behind: u64,
}

impl Reloads {
    fn note(&mut self, generation: &Generation) {
        // A retry reads nothing.
        if generation.cause != Cause::Retry {
            let count = self.by_outcome.entry(generation.outcome.as_str()).or_default();
            *count = count.saturating_add(1);
        }
        self.last_successful = generation.outcome.is_good();
        if self.last_successful {
            let now = jiff::Timestamp::now().as_duration().as_secs_f64();
            self.last_success_seconds = Some(now);
        }
        self.generation = generation.number;
        self.digest.clone_from(&generation.digest);
        self.revision.clone_from(&generation.revision);
    }

    /// Whether the folder was read at all.
    pub fn has_begun(&self) -> bool {
        !self.by_outcome.is_empty()
    }
}

impl Overview {
    pub(super) fn new(history: Vec<Generation>, damage: Vec<String>) -> Self {
        Self(Arc::new(Mutex::new(Inner { history, damage, ..Inner::default() })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn history(&self) -> Vec<Generation> {
        self.lock().history.clone()
    }

    pub(super) fn set_state_unwritten(&self, sentence: Option<String>) {
        self.lock().unwritten = sentence;
    }

    pub(super) fn set_needs_restart(&self, fields: &[&'static str]) {
        let mut inner = self.lock();
        if !fields.is_empty() && inner.needs_restart != fields {
            tracing::warn!(
                fields = fields.join(", "),
                "settings have changed that only a restart of the daemon takes"
            );
        }
        inner.needs_restart = fields.to_vec();
    }

    pub(super) fn set_origins(&self, wanted: &Wanted) {
        let of =
            |d: &crate::supervisor::wanted::Defined| (d.origin, d.good.source.path().to_owned());
        self.lock().origins =
            wanted.definitions.iter().map(|(name, d)| (name.to_string(), of(d))).collect();
    }

    /// What a reading that says nothing of the files has in common with the one before it.
    pub(super) fn like_before(&self, reloaded: &mut Reloaded) {
        let inner = self.lock();
        let generation = &mut reloaded.generation;
        if let Some(last) = inner.history.last() {
            generation.digest.clone_from(&last.digest);
            generation.revision.clone_from(&last.revision);
        }
        generation.findings = inner.said.clone();
        reloaded.removals_held_back.clone_from(&inner.removals_held_back);
    }

    /// How it is once the last swap was taken: what was held, could not be read or has findings still is so.
    pub(super) fn outcome_of_retry(&self) -> Outcome {
        let inner = self.lock();
        let last = inner.history.last().map(|last| &last.outcome);
        match last {
            Some(last @ (Outcome::Held { .. } | Outcome::Unreadable { .. })) => last.clone(),
            Some(
                Outcome::Applied
                | Outcome::Unchanged
                | Outcome::Rejected
                | Outcome::Refused
                | Outcome::Open,
            )
            | None => {
                if inner.said.errors > 0 {
                    Outcome::Rejected
                } else {
                    Outcome::Applied
                }
            }
        }
    }

    /// Numbers the generation, keeps it where it is news, and says it in one line. Returns it with its number.
    pub(super) fn record(&self, reloaded: &mut Reloaded) {
        let mut inner = self.lock();
        let generation = &mut reloaded.generation;
        if let Some(plan) = &reloaded.plan {
            for change in plan.changes.iter().filter(|c| c.kind != Kind::Unchanged) {
                *generation.changes.entry(change.kind.as_str().to_owned()).or_default() += 1;
            }
        }
        let last = inner.history.last();
        let number = last.map_or(0, |last| last.number);
        let is_news = last.is_none_or(|last| {
            last.digest != generation.digest
                || last.outcome != generation.outcome && generation.outcome != Outcome::Unchanged
                // The folder says what it said before, and can be read again.
                || last.outcome.is_good() != generation.outcome.is_good()
                || !generation.changes.is_empty()
        });
        generation.number = if is_news { number + 1 } else { number };
        inner.said = generation.findings.clone();
        inner.reloads.note(generation);
        inner.removals_held_back.clone_from(&reloaded.removals_held_back);
        if is_news || !generation.outcome.is_good() {
            say(generation);
        }
        if is_news {
            inner.history.push(reloaded.generation.clone());
            let surplus = inner.history.len().saturating_sub(HISTORY_MAX);
            inner.history.drain(..surplus);
        }
    }

    /// What became of the readings of the folder.
    pub(super) fn reloads(&self) -> Reloads {
        self.lock().reloads.clone()
    }

    /// One sentence for `systemctl status`.
    pub(super) fn sentence(&self) -> String {
        let inner = self.lock();
        let last_good = inner.origins.values().filter(|(o, _)| *o == Origin::LastGood).count();
        let count = inner.origins.len();
        let generation = inner.history.last().map_or_else(String::new, |g| {
            format!(", generation {} {}", g.number, g.outcome.as_str())
        });
        let kept = if last_good == 0 {
            String::new()
        } else {
            format!(", {last_good} by their last good definition")
        };
        let errors = match inner.said.errors {
            0 => String::new(),
            n => format!(", {n} errors in the files"),
        };
        format!("{count} pipelines{generation}{kept}{errors}")
    }

    /// The status document's part that is not of the supervisor, with the pipelines put in.
    pub(super) fn document(
        &self,
        instance: &InstanceId,
        pipelines: &[PipelineStatus],
        left_behind: &[WorkerId],
    ) -> Value {
        let inner = self.lock();
        let pipelines: Vec<Value> = pipelines.iter().map(|p| inner.pipeline(p)).collect();
        let newest_first: Vec<_> = inner.history.iter().rev().collect();
        json!({
            "version": 1,
            "krouted": env!("CARGO_PKG_VERSION"),
            "instance": instance.as_str(),
            "generation": inner.history.last(),
            "history": newest_first,
            "findings": inner.said.document,
            "findings_text": inner.said.text,
            "removals_held_back": inner.removals_held_back,
            "needs_restart": inner.needs_restart,
            "state_damage": inner.damage,
            "state_unwritten": inner.unwritten,
            "left_behind": left_behind.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "pipelines": pipelines,
        })
    }
}

/// What the supervisor knows, and where the definition is from.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    status: &'a PipelineStatus,
    definition: &'static str,
    file: Option<&'a str>,
    finding: Option<String>,
}

impl Inner {
    fn pipeline(&self, status: &PipelineStatus) -> Value {
        let origin = self.origins.get(&status.name);
        let definition = match origin {
            Some((Origin::LastGood, _)) => "last_good",
            Some((Origin::Fresh, _)) if status.refused.is_some() || status.untaken => "last_good",
            Some((Origin::Fresh, _)) | None => "current",
        };
        let file = origin.map(|(_, path)| path.as_str());
        let finding = file.and_then(|file| self.finding(file));
        json!(Shown { status, definition, file, finding })
    }

    /// The first error of a file.
    fn finding(&self, file: &str) -> Option<String> {
        let all = self.said.document.get("findings")?.as_array()?;
        let of_file = |f: &&Value| {
            f.get("file").and_then(Value::as_str) == Some(file)
                && f.get("severity").and_then(Value::as_str) == Some("error")
        };
        all.iter().find(of_file)?.get("message")?.as_str().map(str::to_owned)
    }
}

/// One line for each generation; a reading that is no news is said at debug level.
fn say(generation: &Generation) {
    let g = generation;
    let changes: Vec<_> = g.changes.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
    let changes = changes.join(", ");
    let revision = g.revision.as_deref().unwrap_or("-");
    let (errors, outcome) = (g.findings.errors, g.outcome.as_str());
    let why = match &g.outcome {
        Outcome::Applied | Outcome::Unchanged => {
            tracing::info!(
                generation = g.number,
                digest = g.digest,
                revision,
                outcome,
                changes,
                "reloaded"
            );
            return;
        }
        Outcome::Held { removed, running } => format!(
            "held: it would stop {removed} of {running} running pipelines; `krouted reload --allow-removals` applies it"
        ),
        Outcome::Unreadable { why } => format!("{why}; all goes on as it was"),
        Outcome::Open => "not all of it is taken yet; see status".to_owned(),
        Outcome::Refused => "the cluster did not allow all of it; see status".to_owned(),
        Outcome::Rejected => format!(
            "files with findings keep their last good definition, all others apply:\n{}",
            g.findings.text
        ),
    };
    tracing::error!(
        generation = g.number,
        digest = g.digest,
        revision,
        outcome,
        errors,
        changes,
        "{why}"
    );
}
