//! All pipelines of a folder together: names, groups, and ways that lead back.

mod circle;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::model::{ClusterName, GroupId, PipelineName};
use crate::pipeline::Topics;

use super::check::{Outline, Written};
use super::finding::Findings;
use super::text::Place;

/// Looks at all outlines together; takes the pipeline out of each that cannot run beside the others.
pub(super) fn check(outlines: &mut [Outline], findings: &mut Findings) {
    let refused = [
        repeated_names(outlines, findings),
        repeated_groups(outlines, findings),
        own_loops(outlines, findings),
        patterns(outlines, findings),
    ];
    dead_letters(outlines, findings);
    circle::check(outlines, findings);
    for (i, outline) in outlines.iter_mut().enumerate() {
        if refused.iter().any(|list| list.contains(&i)) {
            outline.pipeline = None;
        }
    }
}

/// Which of the outlines a rule refuses.
type Refused = Vec<usize>;

fn repeated_names(outlines: &[Outline], findings: &mut Findings) -> Refused {
    let mut by_name: BTreeMap<&PipelineName, Vec<(usize, &Place)>> = BTreeMap::new();
    for (i, outline) in outlines.iter().enumerate() {
        if let Some((name, place)) = &outline.name {
            by_name.entry(name).or_default().push((i, place));
        }
    }
    let mut refused = Refused::new();
    for (name, places) in by_name {
        for (i, place) in &places {
            if let Some((_, other)) = places.iter().find(|(other, _)| other != i) {
                findings.repeated_pipeline((*place).clone(), name, other);
                refused.push(*i);
            }
        }
    }
    refused
}

fn repeated_groups(outlines: &[Outline], findings: &mut Findings) -> Refused {
    type Member<'a> = (usize, &'a Place, &'a PipelineName);
    let mut by_group: BTreeMap<(&ClusterName, &GroupId), Vec<Member<'_>>> = BTreeMap::new();
    for (i, outline) in outlines.iter().enumerate() {
        if let (Some((group, place)), Some(cluster), Some((name, _))) =
            (&outline.group, &outline.cluster, &outline.name)
        {
            by_group.entry((cluster, group)).or_default().push((i, place, name));
        }
    }
    let mut refused = Refused::new();
    for ((_, group), members) in by_group {
        for (i, place, name) in &members {
            // Of two pipelines with one name, the name is what is wrong.
            if let Some((_, there, other)) = members.iter().find(|(_, _, other)| other != name) {
                findings.repeated_group((*place).clone(), group, other, there);
                refused.push(*i);
            }
        }
    }
    refused
}

fn own_loops(outlines: &[Outline], findings: &mut Findings) -> Refused {
    let mut refused = Refused::new();
    for (i, outline) in outlines.iter().enumerate() {
        let Some((Topics::Names(topics), place)) = &outline.reads else { continue };
        for written in outline.writes.iter().filter(|w| topics.contains(&w.topic)) {
            findings.reads_what_it_writes(written.place.clone(), &written.topic, place);
            refused.push(i);
        }
    }
    refused
}

/// A pattern must not take in what the folder puts out, dead letters least of all.
fn patterns(outlines: &[Outline], findings: &mut Findings) -> Refused {
    let mut refused = Refused::new();
    for (i, reader) in outlines.iter().enumerate() {
        let Some((Topics::Pattern(pattern), place)) = &reader.reads else { continue };
        for (j, writer) in outlines.iter().enumerate() {
            if reader.cluster != writer.cluster {
                continue;
            }
            let name = writer.name.as_ref().map(|(name, _)| name).filter(|_| i != j);
            let matched = |w: &&Written| pattern.matches(w.topic.as_str());
            for written in writer.writes.iter().filter(matched) {
                let place = place.clone();
                findings.pattern_matches_output(place, &written.topic, name, &written.place);
                refused.push(i);
            }
        }
    }
    refused
}

fn dead_letters(outlines: &[Outline], findings: &mut Findings) {
    for outline in outlines {
        for letter in outline.writes.iter().filter(|w| w.is_dead_letter) {
            let same = |w: &&Written| !w.is_dead_letter && w.topic == letter.topic;
            if let Some(sink) = outline.writes.iter().find(same) {
                let place = letter.place.clone();
                findings.dead_letters_among_outputs(place, &letter.topic, &sink.place);
            }
        }
    }
}
