//! Where a file says what a cluster is asked about.

use std::collections::BTreeMap;

use crate::model::SinkName;
use crate::pipeline::{Pipeline, Topics};

use super::super::text::Place;
use super::super::yaml::At;

/// The places of one pipeline's fields; of a field that is left out, that of the nearest that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    pub(in crate::config) cluster: Place,
    pub(in crate::config) workers: Place,
    pub(in crate::config) delivery: Place,
    pub(in crate::config) group: Place,
    /// Of each topic, in their order, or of the pattern.
    pub(in crate::config) sources: Vec<Place>,
    /// Topic and partition.
    pub(in crate::config) sinks: BTreeMap<SinkName, (Place, Place)>,
    pub(in crate::config) dead_letter: Option<Place>,
}

impl Places {
    pub(super) fn of(pipeline: &Pipeline, at: At<'_>) -> Self {
        let source = at.field("source");
        let sources = match &pipeline.source.topics {
            Topics::Names(names) => {
                (0..names.len()).map(|i| source.field("topics").item(i).place()).collect()
            }
            Topics::Pattern(_) => vec![source.field("pattern").place()],
        };
        let sinks = pipeline.sinks.iter().map(|sink| {
            let at = at.field("sinks").field(sink.name.as_str()).field("kafka");
            (sink.name.clone(), (at.field("topic").place(), at.field("partition").place()))
        });
        let letters = pipeline.dead_letter.as_ref();
        Self {
            cluster: at.field("cluster").or(at.field("name")).place(),
            workers: at.field("workers").or(at.field("name")).place(),
            delivery: at.field("delivery").place(),
            group: source.field("group").place(),
            sources,
            sinks: sinks.collect(),
            dead_letter: letters.map(|_| at.field("dead_letter").field("topic").place()),
        }
    }
}
