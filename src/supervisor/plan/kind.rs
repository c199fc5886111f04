//! What the change of each field asks for: the table of DESIGN.md section 7.

use std::collections::BTreeMap;

use super::Kind;
use crate::model::TopicName;
use crate::pipeline::{Field, Pipeline, Properties};

/// How much a change disturbs, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    Nothing,
    Swap,
    Restart,
    Regroup,
}

pub(super) fn weight(field: &Field) -> Weight {
    match field {
        // Its identity: the plan has paired the two by their group, and says rename.
        Field::Name | Field::Start => Weight::Nothing,
        Field::Description
        | Field::Labels
        | Field::Paused
        | Field::CommitInterval
        | Field::MaxRecords
        | Field::MaxBytes
        | Field::Steps
        | Field::Schema(_)
        | Field::Sink(_)
        | Field::SinkTopic(_)
        | Field::SinkKey(_)
        | Field::SinkPartition(_)
        | Field::SinkProperties(_)
        | Field::Match
        | Field::Routes
        | Field::Unmatched
        | Field::OnError
        | Field::DeadLetter => Weight::Swap,
        Field::Topics
        | Field::Pattern
        | Field::OutOfRange
        | Field::Membership
        | Field::Format
        | Field::SourceProperties
        | Field::Guarantee
        | Field::Workers => Weight::Restart,
        Field::Cluster | Field::Group => Weight::Regroup,
    }
}

pub(super) fn of(weight: Weight, old: &Pipeline, new: &Pipeline) -> Kind {
    match weight {
        Weight::Nothing => Kind::Unchanged,
        Weight::Swap => Kind::Swap { new_producer: needs_new_producer(old, new) },
        Weight::Restart => Kind::Restart,
        Weight::Regroup => Kind::Regroup,
    }
}

/// librdkafka keeps the properties that a topic had first for as long as the client lives.
fn needs_new_producer(old: &Pipeline, new: &Pipeline) -> bool {
    let (old, new) = (written(old), written(new));
    new.iter().any(|(topic, properties)| old.get(topic).is_some_and(|was| was != properties))
}

fn written(pipeline: &Pipeline) -> BTreeMap<&TopicName, Option<&Properties>> {
    let sinks = pipeline.sinks.iter();
    let sinks = sinks.map(|s| (&s.topic, Some(&s.properties).filter(|p| !p.is_empty())));
    let mut written: BTreeMap<_, _> = sinks.collect();
    if let Some(topic) = &pipeline.dead_letter {
        written.entry(topic).or_default();
    }
    written
}
