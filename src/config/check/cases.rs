//! `tests`: records, and what must come of them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::super::raw::case::{
    OrNull, RawCase, RawExpect, RawGiven, RawHeaders, RawRejection, RawStage,
};
use super::super::raw::{Part, RawPipeline};
use super::super::text::Place;
use super::super::yaml::At;
use super::sinks::CheckedSink;
use super::{Absent, Context, Got};
use crate::case::{
    self, Case, Expect, ExpectHeaders, ExpectOutput, ExpectRejection, ExpectValue, Given,
};
use crate::model::{HeaderList, Stage, TopicName};
use crate::pipeline::Topics;

/// A case, and where it stands.
#[derive(Clone, Debug)]
pub struct PlacedCase {
    /// The case.
    pub case: Case,
    /// The place of its name.
    pub place: Place,
}

/// What a case can refer to.
type Around<'a> = (&'a Got<Topics>, &'a Got<Vec<CheckedSink>>);

/// Checks all cases; those without a finding can be run.
pub(super) fn check(
    raw: &RawPipeline,
    at: At<'_>,
    around: Around<'_>,
    context: &mut Context<'_>,
) -> Vec<PlacedCase> {
    let Ok(Some(list)) = context.optional(raw.tests.as_ref(), at) else { return Vec::new() };
    let mut names: BTreeMap<String, Place> = BTreeMap::new();
    let mut cases = Vec::new();
    for (index, part) in list.iter().enumerate() {
        let at = at.item(index);
        let Ok(raw) = context.read(part, at) else { continue };
        let place = at.field("name").place();
        if let Some(name) = raw.name.get()
            && let Some(first) = names.insert(name.clone(), place.clone())
        {
            context.findings.repeated_case(place.clone(), name, &first);
        }
        if let Ok(case) = one(raw, at, around, context) {
            cases.push(PlacedCase { case, place });
        }
    }
    cases
}

fn one(
    raw: &RawCase,
    at: At<'_>,
    (topics, sinks): Around<'_>,
    context: &mut Context<'_>,
) -> Got<Case> {
    let name = context.read(&raw.name, at.field("name")).cloned();
    let given = match context.read(&raw.given, at.field("given")) {
        Ok(raw) => given(raw, at.field("given"), topics, context),
        Err(absent) => Err(absent),
    };
    let at = at.field("expect");
    let expect: Got<Vec<Got<Expect>>> = context.read(&raw.expect, at).map(|list| {
        let each = list.iter().enumerate();
        each.map(|(i, part)| expectation(part, at.item(i), sinks, context)).collect()
    });
    let expect: Got<Vec<Expect>> = expect?.into_iter().collect();
    Ok(Case { name: name?, given: given?, expect: expect? })
}

/// A record as a test gives it.
pub(in crate::config) fn given(
    raw: &RawGiven,
    at: At<'_>,
    topics: &Got<Topics>,
    context: &mut Context<'_>,
) -> Got<Given> {
    let key = given_key(raw, at, context);
    let value = given_value(raw, at, context);
    let headers = context.optional(raw.headers.as_ref(), at.field("headers")).map(header_list);
    let topic = topic(raw, at, topics, context);
    let partition = context.optional(raw.partition.as_ref(), at.field("partition"));
    let timestamp = timestamp(raw, at.field("timestamp"), context);
    Ok(Given {
        topic: topic?,
        partition: partition?.copied().unwrap_or(0),
        offset: 0,
        timestamp: timestamp?,
        key: key?,
        value: value?,
        headers: headers?,
    })
}

fn given_key(raw: &RawGiven, at: At<'_>, context: &mut Context<'_>) -> Got<Option<Vec<u8>>> {
    let text = context.optional(raw.key.as_ref(), at.field("key"))?;
    let bytes = base64(raw.key_base64.as_ref(), at.field("key_base64"), context)?;
    match (text, bytes) {
        (Some(_), Some(_)) => {
            let place = at.field("key_base64").key();
            Err(context.findings.several_of(place, &["key", "key_base64"]).into())
        }
        (Some(OrNull(text)), None) => Ok(text.clone().map(String::into_bytes)),
        (None, bytes) => Ok(bytes),
    }
}

/// The ways to write a value, in the order of the documentation.
const VALUES: [&str; 4] = ["value", "value_text", "value_base64", "tombstone"];

fn given_value(raw: &RawGiven, at: At<'_>, context: &mut Context<'_>) -> Got<Option<Vec<u8>>> {
    let text = context.optional(raw.value_text.as_ref(), at.field("value_text"))?;
    let bytes = base64(raw.value_base64.as_ref(), at.field("value_base64"), context)?;
    let tombstone = context.optional(raw.tombstone.as_ref(), at.field("tombstone"))?;
    let tombstone = tombstone.is_some_and(|yes| *yes);
    match (&raw.value, text, bytes, tombstone) {
        (Some(value), None, None, false) => Ok(Some(value.to_string().into_bytes())),
        (None, Some(text), None, false) => Ok(Some(text.clone().into_bytes())),
        (None, None, Some(bytes), false) => Ok(Some(bytes)),
        (None, None, None, true) => Ok(None),
        // A misspelled one was said.
        (None, None, None, false) if context.findings.since(context.mark).is_some() => {
            Err(Absent::Reported)
        }
        (None, None, None, false) => Err(context.findings.none_of(at.key(), &VALUES).into()),
        _ => Err(context.findings.several_of(at.key(), &VALUES).into()),
    }
}

fn base64(
    part: Option<&Part<String>>,
    at: At<'_>,
    context: &mut Context<'_>,
) -> Got<Option<Vec<u8>>> {
    let Some(text) = context.optional(part, at)? else { return Ok(None) };
    case::from_base64(text).map(Some).ok_or_else(|| context.findings.bad_base64(at.place()).into())
}

fn header_list(raw: Option<&RawHeaders>) -> HeaderList {
    let Some(RawHeaders::List(list) | RawHeaders::Map(list)) = raw else {
        return HeaderList::default();
    };
    let bytes = |(name, value): &(String, Option<String>)| {
        (name.clone().into_bytes(), value.clone().map(String::into_bytes))
    };
    HeaderList(list.iter().map(bytes).collect())
}

fn topic(
    raw: &RawGiven,
    at: At<'_>,
    topics: &Got<Topics>,
    context: &mut Context<'_>,
) -> Got<String> {
    let of_given = at.key();
    let at = at.field("topic");
    let given = context.optional(raw.topic.as_ref(), at)?;
    let topics = topics.as_ref().map_err(|absent| *absent)?;
    let Some(given) = given else {
        return topics
            .first()
            .map(ToString::to_string)
            .ok_or_else(|| context.findings.topic_needed(of_given).into());
    };
    let name = context.name("topic", given, at, TopicName::new)?;
    let is_read = match topics {
        Topics::Names(names) => names.contains(&name),
        Topics::Pattern(pattern) => pattern.matches(name.as_str()),
    };
    if is_read {
        Ok(given.clone())
    } else {
        Err(context.findings.topic_not_read(at.place(), given).into())
    }
}

fn timestamp(raw: &RawGiven, at: At<'_>, context: &mut Context<'_>) -> Got<Option<i64>> {
    let Some(text) = context.optional(raw.timestamp.as_ref(), at)? else { return Ok(None) };
    match text.parse::<Timestamp>().map(Timestamp::as_millisecond) {
        Ok(time @ 0..) => Ok(Some(time)),
        Ok(_) | Err(_) => Err(context.findings.bad_timestamp(at.place(), text).into()),
    }
}

fn expectation(
    part: &Part<RawExpect>,
    at: At<'_>,
    sinks: &Got<Vec<CheckedSink>>,
    context: &mut Context<'_>,
) -> Got<Expect> {
    let raw = context.read(part, at)?;
    let of_sinks = asks_for_output(raw);
    match (&raw.sink, &raw.dead_letter, &raw.stop) {
        (Some(name), None, None) => {
            output(raw, name, at, sinks, context).map(|output| Expect::Sink(Box::new(output)))
        }
        (None, Some(letter), None) if !of_sinks => {
            rejection(letter, at.field("dead_letter"), context).map(Expect::DeadLetter)
        }
        (None, None, Some(stop)) if !of_sinks => {
            rejection(stop, at.field("stop"), context).map(Expect::Stop)
        }
        (None, None, None) => {
            Err(context.findings.none_of(at.key(), &["sink", "dead_letter", "stop"]).into())
        }
        (None, Some(_), None) | (None, None, Some(_)) => {
            Err(context.findings.rejection_with_output(at.key()).into())
        }
        _ => Err(context.findings.several_of(at.key(), &["sink", "dead_letter", "stop"]).into()),
    }
}

fn asks_for_output(raw: &RawExpect) -> bool {
    raw.key.is_some()
        || raw.value.is_some()
        || raw.contains.is_some()
        || raw.value_text.is_some()
        || raw.value_base64.is_some()
        || raw.tombstone.is_some()
        || raw.headers.is_some()
        || raw.topic.is_some()
}

fn output(
    raw: &RawExpect,
    name: &Part<String>,
    at: At<'_>,
    sinks: &Got<Vec<CheckedSink>>,
    context: &mut Context<'_>,
) -> Got<ExpectOutput> {
    let sink = sink(name, at.field("sink"), sinks, context);
    let key = match context.optional(raw.key.as_ref(), at.field("key")) {
        Ok(key) => Ok(key.map(|OrNull(text)| text.clone())),
        Err(absent) => Err(absent),
    };
    let value = expected_value(raw, at, context);
    let headers = context.optional(raw.headers.as_ref(), at.field("headers"));
    let headers = headers.map(|headers| {
        headers.map(|headers| match headers.clone() {
            RawHeaders::List(list) => ExpectHeaders::List(list),
            RawHeaders::Map(map) => ExpectHeaders::Map(map),
        })
    });
    let topic = context.optional(raw.topic.as_ref(), at.field("topic"));
    Ok(ExpectOutput {
        sink: sink?,
        topic: topic?.cloned(),
        key: key?,
        value: value?,
        headers: headers?,
    })
}

fn sink(
    name: &Part<String>,
    at: At<'_>,
    sinks: &Got<Vec<CheckedSink>>,
    context: &mut Context<'_>,
) -> Got<String> {
    let name = context.read(name, at)?;
    let sinks = sinks.as_ref().map_err(|absent| *absent)?;
    if sinks.iter().any(|sink| sink.name == *name) {
        return Ok(name.clone());
    }
    let known: Vec<_> = sinks.iter().map(|sink| sink.name.as_str()).collect();
    Err(context.findings.unknown_sink(at.place(), name, &known).into())
}

fn expected_value(
    raw: &RawExpect,
    at: At<'_>,
    context: &mut Context<'_>,
) -> Got<Option<ExpectValue>> {
    let json = |value: &Option<Value>| value.clone();
    let text = context.optional(raw.value_text.as_ref(), at.field("value_text"))?;
    let bytes = base64(raw.value_base64.as_ref(), at.field("value_base64"), context)?;
    let tombstone = context.optional(raw.tombstone.as_ref(), at.field("tombstone"))?;
    let ways = [
        json(&raw.value).map(ExpectValue::Json),
        json(&raw.contains).map(ExpectValue::Contains),
        text.map(|text| ExpectValue::Bytes(text.clone().into_bytes())),
        bytes.map(ExpectValue::Bytes),
        tombstone.map(|yes| ExpectValue::Tombstone(*yes)),
    ];
    let mut ways: Vec<ExpectValue> = ways.into_iter().flatten().collect();
    match ways.len() {
        0 | 1 => Ok(ways.pop()),
        _ => {
            let all = ["value", "contains", "value_text", "value_base64", "tombstone"];
            Err(context.findings.several_of(at.key(), &all).into())
        }
    }
}

fn rejection(
    part: &Part<RawRejection>,
    at: At<'_>,
    context: &mut Context<'_>,
) -> Got<ExpectRejection> {
    let raw = context.read(part, at)?;
    let stage = context.optional(raw.stage.as_ref(), at.field("stage"));
    let reason = context.optional(raw.reason.as_ref(), at.field("reason"));
    let stage = stage?.map(|stage| match stage {
        RawStage::Decode => Stage::Decode,
        RawStage::Validate => Stage::Validate,
        RawStage::Expression => Stage::Expression,
        RawStage::Unmatched => Stage::Unmatched,
    });
    Ok::<_, Absent>(ExpectRejection { stage, reason: reason?.cloned() })
}
