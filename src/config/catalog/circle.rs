//! Circles across pipelines: one writes what another reads, and so on, back to the first.

use std::collections::BTreeSet;

use crate::model::TopicName;
use crate::pipeline::Topics;

use super::super::check::Outline;
use super::super::finding::Findings;

/// Warns of each circle once, at the first of its pipelines.
pub(super) fn check(outlines: &[Outline], findings: &mut Findings) {
    let edges = edges(outlines);
    let mut said = BTreeSet::new();
    for start in 0..outlines.len() {
        if said.contains(&start) {
            continue;
        }
        if let Some(way) = way_back(start, &edges) {
            said.extend(way.iter().map(|edge| edge.from));
            say(&way, outlines, findings);
        }
    }
}

/// One pipeline writes a topic that another reads.
#[derive(Clone)]
struct Edge {
    from: usize,
    to: usize,
    topic: TopicName,
}

/// From each pipeline to those that read what it writes; itself left out, that is an error of its own.
fn edges(outlines: &[Outline]) -> Vec<Vec<Edge>> {
    let mut edges = Vec::new();
    for (from, writer) in outlines.iter().enumerate() {
        let mut of_writer = Vec::new();
        for (to, reader) in outlines.iter().enumerate() {
            // A pattern that takes in what the folder writes is an error of its own.
            let Some((Topics::Names(topics), _)) = &reader.reads else { continue };
            if from == to || writer.cluster != reader.cluster {
                continue;
            }
            let read = writer.writes.iter().find(|w| topics.contains(&w.topic));
            of_writer.extend(read.map(|w| Edge { from, to, topic: w.topic.clone() }));
        }
        edges.push(of_writer);
    }
    edges
}

/// A shortest way from a pipeline back to itself.
fn way_back(start: usize, edges: &[Vec<Edge>]) -> Option<Vec<Edge>> {
    let mut came_by: Vec<Option<Edge>> = vec![None; edges.len()];
    let mut wave = vec![start];
    while !wave.is_empty() {
        let mut next = Vec::new();
        for edge in wave.iter().filter_map(|at| edges.get(*at)).flatten() {
            if let Some(slot @ None) = came_by.get_mut(edge.to) {
                *slot = Some(edge.clone());
                next.push(edge.to);
            }
        }
        wave = next;
    }
    let mut way: Vec<Edge> = Vec::new();
    let mut at = start;
    loop {
        let edge = came_by.get(at)?.clone()?;
        at = edge.from;
        way.push(edge);
        if at == start {
            way.reverse();
            return Some(way);
        }
        if way.len() > edges.len() {
            return None;
        }
    }
}

fn say(way: &[Edge], outlines: &[Outline], findings: &mut Findings) {
    let name = |i: usize| {
        let name = outlines.get(i).and_then(|o| o.name.as_ref());
        name.map_or("a pipeline without a name", |(name, _)| name.as_str())
    };
    let Some(first) = way.first() else { return };
    let begin = name(first.from).to_owned();
    let text = way
        .iter()
        .fold(begin, |text, edge| format!("{text} -> [{}] -> {}", edge.topic, name(edge.to)));
    let written =
        outlines.get(first.from).and_then(|o| o.writes.iter().find(|w| w.topic == first.topic));
    if let Some(written) = written {
        findings.loop_across(written.place.clone(), &text);
    }
}
