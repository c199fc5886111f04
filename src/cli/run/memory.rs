//! What outlives the process, for the one who reloads: the state folder, and what it remembered.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use crate::config::{Environment, Settings};
use crate::kafka::Librdkafka;
use crate::model::PipelineName;
use crate::state::{self, GenerationOutcome, Remembered, StateFolder, Text};
use crate::supervisor::reload::{Generation, Memory, Outcome, Said};
use crate::supervisor::wanted::LastGood;

/// The state folder as a memory. A folder that cannot be written is said once, until it can be again.
pub(super) struct Kept {
    folder: StateFolder,
    said: Option<String>,
}

impl Kept {
    pub(super) fn new(folder: StateFolder) -> Self {
        Self { folder, said: None }
    }

    fn note(&mut self, written: io::Result<()>) {
        let why = written.err().map(|error| error.to_string());
        if let Some(why) = &why
            && self.said.as_ref() != Some(why)
        {
            tracing::error!(
                "the state folder cannot be written, so a restart of the daemon would not know what was good last: {why}"
            );
        }
        self.said = why;
    }
}

impl Memory for Kept {
    fn keep(&mut self, last_good: &LastGood, history: &[Generation]) {
        let history: Vec<_> = history.iter().map(to_state).collect();
        let written = self.folder.save_last_good(&state::texts(last_good));
        self.note(written.and_then(|()| self.folder.save_generations(&history)));
    }

    fn keep_paused(&mut self, paused: &BTreeSet<PipelineName>) {
        let written = self.folder.save_paused(paused);
        self.note(written);
    }
}

/// Says what is damaged in it.
pub(super) fn report(remembered: &Remembered) {
    for damage in &remembered.damage {
        let place = damage.moved_to.as_ref().unwrap_or(&damage.path).display();
        tracing::error!(file = %damage.path.display(), "a state file is damaged and counts as empty: {}; it lies at {place}", damage.why);
    }
}

/// What was good last, built again with the settings of now.
pub(super) fn last_good(
    texts: &BTreeMap<PipelineName, Text>,
    settings: &Settings,
    environment: &Environment,
) -> LastGood {
    let (all, lost) = state::restore(texts, settings, environment, &Librdkafka);
    for (name, why) in lost {
        tracing::warn!(pipeline = %name, "its last good definition is not good any more: {why}");
    }
    all
}

pub(super) fn history(generations: &[state::Generation]) -> Vec<Generation> {
    generations.iter().map(of_state).collect()
}

fn to_state(generation: &Generation) -> state::Generation {
    state::Generation {
        number: generation.number,
        digest: generation.digest.clone(),
        time: generation.at.clone(),
        revision: generation.revision.clone(),
        outcome: match generation.outcome {
            Outcome::Applied | Outcome::Unchanged => GenerationOutcome::Applied,
            Outcome::Rejected | Outcome::Refused | Outcome::Unreadable { .. } => {
                GenerationOutcome::Rejected
            }
            Outcome::Held { .. } => GenerationOutcome::Held,
        },
        findings: generation.findings.lines.clone(),
    }
}

/// What is not kept is not shown of an older run.
fn of_state(generation: &state::Generation) -> Generation {
    Generation {
        number: generation.number,
        digest: generation.digest.clone(),
        at: generation.time.clone(),
        revision: generation.revision.clone(),
        outcome: match generation.outcome {
            GenerationOutcome::Applied => Outcome::Applied,
            GenerationOutcome::Rejected => Outcome::Rejected,
            GenerationOutcome::Held => Outcome::Held { removed: 0, running: 0 },
        },
        findings: Said {
            errors: generation.findings.len(),
            lines: generation.findings.clone(),
            ..Said::default()
        },
        ..Generation::default()
    }
}
