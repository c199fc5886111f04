//! What shall run, by what the files say and what was good last. Pure.
//!
//! - A file with findings keeps what it said last, known by the names in it and by its path.
//! - While a file does not say all its names, nothing at all is removed.
//! - A good definition gives way where a last good one of another pipeline still has its group.
//! - Under `all_or_nothing`, one error keeps everything as it was.
//!
//! The supervisor makes a [`Wanted`] of each snapshot and plans with its [`Wanted::set`]; what was applied is the next
//! [`LastGood`].

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::plan::Set;
use crate::config::{
    Checked, CheckedFile, Finding, Place, ReloadPolicy, Severity, SourceText, groups_of_last_good,
};
use crate::model::{ClusterName, PipelineName};
use crate::pipeline::Pipeline;

/// A good definition, and the file that says it.
#[derive(Clone, Debug)]
pub struct Good {
    /// The definition.
    pub pipeline: Arc<Pipeline>,
    /// The whole file, from which it can be built again.
    pub source: Arc<SourceText>,
}

/// What was good last, by name.
pub type LastGood = BTreeMap<PipelineName, Good>;

/// One definition that shall run.
#[derive(Clone, Debug)]
pub struct Defined {
    /// What it is.
    pub good: Good,
    /// Where it is from.
    pub origin: Origin,
}

/// Where a definition is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The file says so now.
    Fresh,
    /// The file has findings, or cannot be told from the one that has them.
    LastGood,
}

/// What shall run.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// By name.
    pub definitions: BTreeMap<PipelineName, Defined>,
    /// All that was found, errors and warnings, by file and place.
    pub findings: Vec<Finding>,
    /// Given: pipelines that no file names any more go on, and why.
    pub removals_held_back: Option<String>,
    /// Nothing is taken, settings neither: the policy is `all_or_nothing`, and there are errors.
    pub is_as_before: bool,
}

/// What shall run, by the files and by what was good last.
pub fn wanted(last_good: &LastGood, checked: &Checked, policy: ReloadPolicy) -> Wanted {
    let has_errors = checked.findings.iter().any(|f| f.severity == Severity::Error);
    if has_errors && policy == ReloadPolicy::AllOrNothing {
        return Wanted {
            definitions: last_good.iter().map(|(name, good)| keep(name, good)).collect(),
            findings: checked.findings.clone(),
            removals_held_back: Some(
                "`reload.policy` is `all_or_nothing`, and there are findings".to_owned(),
            ),
            is_as_before: true,
        };
    }
    let mut findings = checked.findings.clone();
    let mut fresh = fresh(checked);
    let mut kept = kept(last_good, checked, &fresh);
    yield_groups(&mut fresh, &mut kept, last_good, &mut findings);
    let removals_held_back = hold_back(last_good, checked, &fresh, &mut kept);
    let mut definitions: BTreeMap<_, _> = kept;
    for (name, fresh) in fresh {
        let defined = Defined { good: fresh.good, origin: Origin::Fresh };
        definitions.insert(name, defined);
    }
    Wanted { definitions, findings, removals_held_back, is_as_before: false }
}

struct Fresh {
    good: Good,
    group: Option<Place>,
}

type Kept = BTreeMap<PipelineName, Defined>;

fn keep(name: &PipelineName, good: &Good) -> (PipelineName, Defined) {
    (name.clone(), Defined { good: good.clone(), origin: Origin::LastGood })
}

fn fresh(checked: &Checked) -> BTreeMap<PipelineName, Fresh> {
    let mut fresh = BTreeMap::new();
    for file in &checked.files {
        for definition in &file.definitions {
            let Some(pipeline) = &definition.pipeline else { continue };
            let pipeline = Arc::clone(pipeline);
            let good = Good { pipeline, source: Arc::clone(&file.source) };
            fresh.insert(definition.name.clone(), Fresh { good, group: definition.group.clone() });
        }
    }
    fresh
}

/// The last good ones of the files that have findings: by name, and by path where no other file has the name.
fn kept(last_good: &LastGood, checked: &Checked, fresh: &BTreeMap<PipelineName, Fresh>) -> Kept {
    let broken = |file: &CheckedFile| -> BTreeSet<PipelineName> {
        let names = file.definitions.iter().filter(|d| d.pipeline.is_none());
        let names: Vec<_> = names.map(|d| d.name.clone()).collect();
        let is_broken = file.is_nameless || !names.is_empty();
        let path = file.source.path();
        let of_path = last_good.iter().filter(|(_, good)| good.source.path() == path);
        // A broken definition may be one of them under a new name.
        let of_path = of_path.filter(|_| is_broken).map(|(name, _)| name.clone());
        names.iter().cloned().chain(of_path).collect()
    };
    let names: BTreeSet<_> = checked.files.iter().flat_map(broken).collect();
    last_good
        .iter()
        .filter(|(name, _)| names.contains(*name) && !fresh.contains_key(*name))
        .map(|(name, good)| keep(name, good))
        .collect()
}

/// Two pipelines in one group see half of the records each: the one that runs stays. What gives way keeps its own last good
/// definition, which may have another's group in turn, so this goes on until nobody has to.
fn yield_groups(
    fresh: &mut BTreeMap<PipelineName, Fresh>,
    kept: &mut Kept,
    last_good: &LastGood,
    findings: &mut Vec<Finding>,
) {
    loop {
        let owners: BTreeMap<_, _> = kept
            .values()
            .map(|d| (group(&d.good.pipeline), d.good.pipeline.name.clone()))
            .collect();
        let clash = fresh.iter().find_map(|(name, f)| {
            Some((name.clone(), owners.get(&group(&f.good.pipeline))?.clone()))
        });
        let Some((name, other)) = clash else { return };
        let Some(refused) = fresh.remove(&name) else { return };
        let beginning = || Place::new(&refused.good.source, 0..0);
        let place = refused.group.clone().unwrap_or_else(beginning);
        let group = &refused.good.pipeline.source.group;
        findings.extend(groups_of_last_good([(place, group, &other)]));
        kept.extend(last_good.get(&name).map(|good| keep(&name, good)));
    }
}

fn group(pipeline: &Pipeline) -> (ClusterName, String) {
    (pipeline.cluster.clone(), pipeline.source.group.as_str().to_owned())
}

/// While one file does not say its names, nobody knows what was removed. A group that goes on under a new name is no removal.
fn hold_back(
    last_good: &LastGood,
    checked: &Checked,
    fresh: &BTreeMap<PipelineName, Fresh>,
    kept: &mut Kept,
) -> Option<String> {
    let nameless = checked.files.iter().find(|file| file.is_nameless)?;
    let goes_on: BTreeSet<_> = fresh.values().map(|f| group(&f.good.pipeline)).collect();
    let mut held = Vec::new();
    for (name, good) in last_good {
        let is_gone = !fresh.contains_key(name) && !kept.contains_key(name);
        if is_gone && !goes_on.contains(&group(&good.pipeline)) {
            kept.extend([keep(name, good)]);
            held.push(name.as_str());
        }
    }
    if held.is_empty() {
        return None;
    }
    let path = nameless.source.path();
    Some(format!("{path} does not say its name, so {} may be in it", held.join(", ")))
}

/// Whether a definition that cannot be built from what is remembered of it may still be in the folder: a file says its name,
/// or does not say its names, or lies where the definition was and is broken.
pub fn may_mean(checked: &Checked, name: &PipelineName, path: &str) -> bool {
    checked.files.iter().any(|file| {
        let is_broken = || file.definitions.iter().any(|d| d.pipeline.is_none());
        file.is_nameless
            || file.definitions.iter().any(|d| d.name == *name)
            || file.source.path() == path && is_broken()
    })
}

/// What shall run where the folder cannot be read: what was good last.
pub fn last_good_only(last_good: &LastGood) -> Wanted {
    Wanted {
        definitions: last_good.iter().map(|(name, good)| keep(name, good)).collect(),
        ..Wanted::default()
    }
}

impl Wanted {
    /// The set to plan with.
    pub fn set(&self, connections: BTreeMap<ClusterName, String>) -> Set {
        let pipelines =
            self.definitions.iter().map(|(name, d)| (name.clone(), Arc::clone(&d.good.pipeline)));
        Set { pipelines: pipelines.collect(), connections, ..Set::default() }
    }

    /// What is good last once this is applied.
    pub fn last_good(&self) -> LastGood {
        self.definitions.iter().map(|(name, d)| (name.clone(), d.good.clone())).collect()
    }

    /// Whether the reload counts as rejected, however much of it applies.
    pub fn is_rejected(&self) -> bool {
        self.findings.iter().any(|f| f.severity == Severity::Error)
    }
}
