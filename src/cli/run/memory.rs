//! What outlives the process, for the one who reloads: the state folder, and what it remembered.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use crate::config::{Environment, Settings};
use crate::kafka::Librdkafka;
use crate::model::PipelineName;
use crate::state::{self, Forgotten, Remembered, StateFolder, Text};
use crate::supervisor::reload::{Generation, Memory};
use crate::supervisor::wanted::LastGood;

/// The state folder as a memory.
pub(super) struct Kept {
    folder: StateFolder,
    environment: Environment,
    /// Good once, and not by the settings of the start.
    unbuilt: BTreeMap<PipelineName, Text>,
}

impl Kept {
    /// Begins with what was remembered and cannot be built now.
    pub(super) fn new(
        folder: StateFolder,
        environment: Environment,
        unbuilt: BTreeMap<PipelineName, Text>,
    ) -> Self {
        Self { folder, environment, unbuilt }
    }
}

fn why(written: io::Result<()>) -> Result<(), String> {
    written.map_err(|error| error.to_string())
}

impl Memory for Kept {
    fn keep_last_good(
        &self,
        last_good: &LastGood,
        unbuilt: &BTreeSet<PipelineName>,
    ) -> Result<(), String> {
        let mut texts = self.unbuilt.clone();
        texts.retain(|name, _| unbuilt.contains(name));
        texts.extend(state::texts(last_good));
        why(self.folder.save_last_good(&texts))
    }

    fn keep_history(&self, history: &[Generation]) -> Result<(), String> {
        why(self.folder.save_generations(history))
    }

    fn keep_paused(&self, paused: &BTreeSet<PipelineName>) -> Result<(), String> {
        why(self.folder.save_paused(paused))
    }

    fn build(&self, settings: &Settings) -> LastGood {
        state::restore(&self.unbuilt, settings, &self.environment, &Librdkafka).0
    }
}

/// Says what is damaged in it, and gives it as sentences for the status.
pub(super) fn report(remembered: &Remembered) -> Vec<String> {
    for damage in &remembered.damage {
        match damage.forgotten {
            Forgotten::Content | Forgotten::Pauses => tracing::error!("{damage}"),
            Forgotten::LastPause | Forgotten::Nothing | Forgotten::NothingOfOurs => {
                tracing::warn!("{damage}");
            }
        }
    }
    remembered.damage.iter().map(ToString::to_string).collect()
}

/// What was good last, built again with the settings of now, and the texts of what cannot be.
pub(super) fn last_good(
    mut texts: BTreeMap<PipelineName, Text>,
    settings: &Settings,
    environment: &Environment,
) -> (LastGood, BTreeMap<PipelineName, Text>) {
    let (all, unbuilt) = state::restore(&texts, settings, environment, &Librdkafka);
    for (name, why) in &unbuilt {
        tracing::warn!(pipeline = %name, "its last good definition cannot be built now, and stays remembered: {why}");
    }
    texts.retain(|name, _| unbuilt.contains_key(name));
    (all, texts)
}
