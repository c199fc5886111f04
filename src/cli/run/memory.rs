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

/// The state folder as a memory. A folder that cannot be written is said once, until it can be again.
pub(super) struct Kept {
    folder: StateFolder,
    said: Option<String>,
    environment: Environment,
    /// Good once, and not by the settings of now.
    unbuilt: BTreeMap<PipelineName, Text>,
}

impl Kept {
    /// Begins with what was remembered and cannot be built now.
    pub(super) fn new(
        folder: StateFolder,
        environment: Environment,
        unbuilt: BTreeMap<PipelineName, Text>,
    ) -> Self {
        Self { folder, said: None, environment, unbuilt }
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
    fn keep(
        &mut self,
        last_good: &LastGood,
        unbuilt: &BTreeSet<PipelineName>,
        history: &[Generation],
    ) {
        self.unbuilt.retain(|name, _| unbuilt.contains(name));
        let mut texts = self.unbuilt.clone();
        texts.extend(state::texts(last_good));
        let written = self.folder.save_last_good(&texts);
        self.note(written.and_then(|()| self.folder.save_generations(history)));
    }

    fn build(&self, settings: &Settings) -> LastGood {
        state::restore(&self.unbuilt, settings, &self.environment, &Librdkafka).0
    }

    fn keep_paused(&mut self, paused: &BTreeSet<PipelineName>) -> Result<(), String> {
        let written = self.folder.save_paused(paused);
        let why = written.as_ref().err().map(ToString::to_string);
        self.note(written);
        why.map_or(Ok(()), Err)
    }
}

/// Says what is damaged in it, and gives it as sentences for the status.
pub(super) fn report(remembered: &Remembered) -> Vec<String> {
    for damage in &remembered.damage {
        match damage.forgotten {
            Forgotten::Content | Forgotten::Pauses => tracing::error!("{damage}"),
            Forgotten::LastPause | Forgotten::Nothing => tracing::warn!("{damage}"),
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
