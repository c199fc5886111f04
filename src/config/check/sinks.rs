//! `sinks` and `dead_letter`: what a pipeline writes.

use std::collections::BTreeMap;

use crate::model::{SinkName, TopicName};
use crate::pipeline::{Partition, Properties, Sink};

use super::super::properties::PropertyScope;
use super::super::raw::{Part, RawCompression, RawKafkaSink, RawPartition, RawPipeline, RawSink};
use super::super::text::Place;
use super::super::yaml::At;
use super::expressions::{self, Reads};
use super::{Absent, Context, Got, Written, properties};

/// A sink, known or not; its name is, or nothing could refer to it.
pub(super) struct CheckedSink {
    pub(super) name: String,
    /// Where its name stands.
    pub(super) place: Place,
    topic: Option<(TopicName, Place)>,
    sink: Got<Sink>,
}

/// Checks all sinks, in the order of their names; absent where not even the names are known.
pub(super) fn check(
    raw: &RawPipeline,
    at: At<'_>,
    reads: &Reads,
    context: &mut Context<'_>,
) -> Got<Vec<CheckedSink>> {
    let map = context.read(&raw.sinks, at)?;
    let mut sinks = Vec::new();
    for (name, part) in map {
        sinks.push(sink(name, part, at.field(name), reads, context));
    }
    one_topic_one_way(&sinks, at, context);
    Ok(sinks)
}

fn sink(
    name: &str,
    part: &Part<RawSink>,
    at: At<'_>,
    reads: &Reads,
    context: &mut Context<'_>,
) -> CheckedSink {
    let checked = SinkName::new(name)
        .map_err(|why| Absent::from(context.findings.bad_name(at.key(), "sink", name, &why)));
    let mut out = CheckedSink {
        name: name.to_owned(),
        place: at.key(),
        topic: None,
        sink: Err(Absent::Reported),
    };
    let raw = match context.read(part, at) {
        Ok(RawSink::Kafka(raw)) => raw,
        Err(absent) => return CheckedSink { sink: Err(absent), ..out },
    };
    let at = at.field("kafka");
    let topic = context.topic(&raw.topic, at.field("topic"));
    out.topic = topic.clone().ok().map(|t| (t, at.field("topic").place()));
    out.sink = kafka(raw, (checked, topic), at, reads, context);
    out
}

fn kafka(
    raw: &RawKafkaSink,
    (name, topic): (Got<SinkName>, Got<TopicName>),
    at: At<'_>,
    reads: &Reads,
    context: &mut Context<'_>,
) -> Got<Sink> {
    let key = match context.optional(raw.key.as_ref(), at.field("key")) {
        Ok(Some(text)) => expressions::value(text, at.field("key"), reads, context).map(Some),
        Ok(None) => Ok(None),
        Err(absent) => Err(absent),
    };
    let partition = partition(raw, at.field("partition"), context);
    let compression = compression(raw, at.field("compression"), context);
    let properties = properties::check(
        raw.properties.as_ref(),
        at.field("properties"),
        PropertyScope::Topic,
        None,
        context,
    );
    let mut properties: Properties = properties?;
    properties.extend(compression?.map(|codec| ("compression.codec".to_owned(), codec.to_owned())));
    Ok(Sink { name: name?, topic: topic?, key: key?, partition: partition?, properties })
}

fn partition(raw: &RawKafkaSink, at: At<'_>, context: &mut Context<'_>) -> Got<Partition> {
    Ok(match context.optional(raw.partition.as_ref(), at)? {
        None | Some(RawPartition::Key) => Partition::Key,
        Some(RawPartition::Preserve) => Partition::Preserve,
    })
}

fn compression(
    raw: &RawKafkaSink,
    at: At<'_>,
    context: &mut Context<'_>,
) -> Got<Option<&'static str>> {
    let codec = context.optional(raw.compression.as_ref(), at)?;
    Ok(codec.map(|codec| match codec {
        RawCompression::None => "none",
        RawCompression::Gzip => "gzip",
        RawCompression::Snappy => "snappy",
        RawCompression::Lz4 => "lz4",
        RawCompression::Zstd => "zstd",
    }))
}

/// A producer has one set of properties for a topic, so two sinks cannot ask for different ones.
fn one_topic_one_way(sinks: &[CheckedSink], at: At<'_>, context: &mut Context<'_>) {
    let mut first: BTreeMap<&TopicName, &Sink> = BTreeMap::new();
    for sink in sinks.iter().filter_map(|s| s.sink.as_ref().ok()) {
        match first.get(&sink.topic) {
            Some(other) if other.properties != sink.properties => {
                let topic =
                    |name: &SinkName| at.field(name.as_str()).field("kafka").field("topic").place();
                let (here, there) = (topic(&sink.name), topic(&other.name));
                context.findings.topic_with_two_properties(here, &sink.topic, &other.name, &there);
            }
            Some(_) => {}
            None => {
                first.insert(&sink.topic, sink);
            }
        }
    }
}

/// Checks where dead letters go.
pub(super) fn dead_letter(
    raw: &RawPipeline,
    at: At<'_>,
    context: &mut Context<'_>,
) -> Got<Option<TopicName>> {
    let Some(raw) = context.optional(raw.dead_letter.as_ref(), at)? else { return Ok(None) };
    context.topic(&raw.topic, at.field("topic")).map(Some)
}

/// All topics that are known to be written.
pub(super) fn written(
    sinks: &Got<Vec<CheckedSink>>,
    dead_letter: Result<&Option<TopicName>, &Absent>,
    at: At<'_>,
) -> Vec<Written> {
    let topics = sinks.iter().flatten().filter_map(|s| s.topic.clone());
    let sinks = topics.map(|(topic, place)| Written { topic, place, is_dead_letter: false });
    let letters = dead_letter.ok().cloned().flatten().map(|topic| Written {
        topic,
        place: at.field("dead_letter").field("topic").place(),
        is_dead_letter: true,
    });
    sinks.chain(letters).collect()
}

/// The sinks, where all are known.
pub(super) fn into_sinks(sinks: Got<Vec<CheckedSink>>) -> Got<Vec<Sink>> {
    sinks?.into_iter().map(|s| s.sink).collect()
}
