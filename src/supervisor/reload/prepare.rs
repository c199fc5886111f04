//! A snapshot, checked and compared with what runs and with what was good last: what a reload would do, not done yet.

use std::sync::Arc;

use super::connections::{self, Connections, Unreadable};
use super::generation::Said;
use super::{Reloads, Unbuilt, settings};
use crate::config::{self, Checked, Finding, Settings, Snapshot};
use crate::kafka::Librdkafka;
use crate::model::PipelineName;
use crate::supervisor::handle::Gone;
use crate::supervisor::plan::{Plan, Removals, Set, plan};
use crate::supervisor::wanted::{self, LastGood, Wanted, wanted};
use crate::watch::Beside;

/// All files that decide, as they were read: nothing of them is read again.
pub(super) struct Files {
    pub(super) snapshot: Snapshot,
    pub(super) beside: Beside,
}

/// A snapshot that was checked and compared, not applied.
pub(super) struct Prepared {
    pub(super) settings: Option<Settings>,
    pub(super) connections: Connections,
    pub(super) wanted: Wanted,
    pub(super) unbuilt: Unbuilt,
    pub(super) set: Set,
    pub(super) plan: Plan,
    pub(super) said: Said,
}

/// The settings file and all that it names, understood.
struct Understood {
    settings: Option<Settings>,
    /// These, or the ones before where they are broken.
    used: Settings,
    connections: Connections,
    unreadable: Vec<Unreadable>,
    findings: Vec<Finding>,
}

/// What a snapshot is compared with, as far as removals are concerned.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    /// What runs.
    Running,
    /// What was good when a daemon ran here last: nothing runs yet.
    Remembered,
}

/// Why there is nothing to apply.
pub(super) enum Unprepared {
    Gone,
    Panicked(String),
}

impl Reloads {
    pub(super) async fn prepare(
        &self,
        files: Files,
        base: Base,
        removals: Removals,
    ) -> Result<Prepared, Unprepared> {
        let Files { snapshot, beside } = files;
        let Understood { mut settings, used, connections, unreadable, findings } =
            self.understand(beside).await?;
        let mut checked = self.check(snapshot, &used).await?;
        // The settings are a file of the snapshot like any other: all or nothing counts for them and by them.
        checked.findings.splice(..0, findings);
        let last_good = self.last_good_by(&used).await;
        let wanted = wanted(&last_good, &checked, used.reload);
        let has_begun = !self.connections.clusters.is_empty();
        let connections = if wanted.is_as_before && has_begun {
            settings = None;
            self.connections.clone()
        } else {
            let needed = wanted.definitions.values().map(|d| &d.good.pipeline.cluster);
            connections.after(&self.connections, &unreadable, needed)
        };
        let set = wanted.set(connections.texts.clone());
        let unbuilt = self.still_unbuilt(&wanted, &checked);
        let running = self.running().await.map_err(|Gone| Unprepared::Gone)?;
        let plan = self.plan(&running, &set, unbuilt.len(), (base, removals));
        let said = Said::new(&wanted.findings, checked.counts);
        Ok(Prepared { settings, connections, wanted, unbuilt, set, plan, said })
    }

    /// What is held is told against what a start would go on with, what is done against what runs. At a start nothing runs,
    /// and what has a new name since the daemon ran here last is renamed all the same: it takes its pause along.
    fn plan(
        &self,
        running: &Set,
        wanted: &Set,
        unbuilt: usize,
        (base, removals): (Base, Removals),
    ) -> Plan {
        let before = match base {
            Base::Running => running.clone(),
            Base::Remembered => Set {
                held: running.held.clone(),
                ..wanted::last_good_only(&self.last_good).set(wanted.connections.clone())
            },
        };
        let after = plan(&before, wanted, Removals::Allowed);
        if removals == Removals::Refused {
            // What can be built again is no longer forgotten, wherever it went.
            let built = |name: &&PipelineName| wanted.pipelines.contains_key(*name);
            let built = self.unbuilt.keys().filter(built).count();
            let forgotten = self.unbuilt.len().saturating_sub(unbuilt).saturating_sub(built);
            let all = before.pipelines.len().saturating_add(self.unbuilt.len());
            let guarded = after.clone().guarded(forgotten, all);
            if guarded.held.is_some() {
                return guarded;
            }
        }
        match base {
            Base::Running => after,
            Base::Remembered => plan(running, wanted, Removals::Allowed).with_renames_of(after),
        }
    }

    pub(super) async fn running(&self) -> Result<Set, Gone> {
        let running = self.supervisor.running().await?;
        Ok(Set { connections: self.connections.texts.clone(), ..running })
    }

    /// What was good last, and what is again by these settings.
    async fn last_good_by(&self, settings: &Settings) -> LastGood {
        let mut last_good = self.last_good.clone();
        if self.unbuilt.is_empty() {
            return last_good;
        }
        let (memory, settings) = (Arc::clone(&self.memory), settings.clone());
        // It reads no disk: the texts are in memory.
        match tokio::task::spawn_blocking(move || memory.build(&settings)).await {
            Ok(all) => {
                let again = all.into_iter().filter(|(name, _)| self.unbuilt.contains_key(name));
                last_good.extend(again);
            }
            Err(error) => {
                tracing::error!(%error, "what was good last cannot be built, a bug of krouted");
            }
        }
        last_good
    }

    /// What stays to be remembered, though nothing can run by it: all but what runs now and what was taken out of the folder.
    fn still_unbuilt(&self, wanted: &Wanted, checked: &Checked) -> Unbuilt {
        let stays = |(name, path): &(&PipelineName, &String)| {
            !wanted.definitions.contains_key(*name)
                && (wanted.is_as_before || wanted::may_mean(checked, name, path))
        };
        let all = self.unbuilt.iter().filter(stays);
        all.map(|(name, path)| (name.clone(), path.clone())).collect()
    }

    async fn understand(&self, beside: Beside) -> Result<Understood, Unprepared> {
        let (reading, running) = (self.reading.clone(), self.settings.clone());
        let understand = move || {
            let (settings, mut findings) =
                settings::understand(&reading, beside.settings.as_ref(), &running);
            let used = settings.clone().unwrap_or(running);
            let (connections, unreadable) = connections::of(&used.clusters, &beside.files);
            findings.extend(connections::findings(&unreadable));
            Understood { settings, used, connections, unreadable, findings }
        };
        // A large file takes a while.
        tokio::task::spawn_blocking(understand).await.map_err(|error| {
            Unprepared::Panicked(format!(
                "the settings could not be understood, a bug of krouted: {error}"
            ))
        })
    }

    /// By the settings that are known, before anything has settled; what cannot be read is found later by whoever needs it.
    pub(super) async fn connections_now(&self) -> Connections {
        let clusters = self.settings.clusters.clone();
        match self.beside_now().await {
            Ok(beside) => connections::of(&clusters, &beside.files).0,
            Err(why) => {
                tracing::error!("{why}");
                Connections { clusters, ..Connections::default() }
            }
        }
    }

    async fn check(&self, files: Snapshot, settings: &Settings) -> Result<Checked, Unprepared> {
        let (settings, environment) = (settings.clone(), self.reading.environment.clone());
        let check = move || {
            let mut checked = config::check(&files, Some(&settings), &environment, &Librdkafka);
            checked.refuse_failing();
            checked
        };
        tokio::task::spawn_blocking(check).await.map_err(|error| {
            Unprepared::Panicked(format!(
                "the check of the files failed, a bug of krouted: {error}"
            ))
        })
    }
}
