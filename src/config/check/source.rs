//! `source`: topics or a pattern, the group, where it begins, what a value is.

use std::collections::BTreeSet;

use jiff::Timestamp;
use regex::Regex;

use crate::json::Check;
use crate::model::{GroupId, Guarantee, PipelineName, TopicName};
use crate::pipeline::{
    Format, Membership, OutOfRange, Properties, Source, Start, TopicPattern, Topics,
};

use super::super::properties::PropertyScope;
use super::super::raw::{
    Bare, Part, RawCheck, RawFormat, RawMembership, RawOutOfRange, RawPipeline, RawSource, RawStart,
};
use super::super::text::Place;
use super::super::yaml::At;
use super::{Absent, Context, Got, properties};

/// All parts of a source, each known or not.
pub(super) struct Parts {
    pub(super) topics: Got<Topics>,
    pub(super) group: Got<GroupId>,
    pub(super) format: Got<Format>,
    /// Where topics or pattern stand.
    pub(super) place: Place,
    start: Got<Start>,
    out_of_range: Got<OutOfRange>,
    membership: Got<Membership>,
    properties: Got<Properties>,
}

/// Checks the source of a pipeline.
pub(super) fn check(
    raw: &RawPipeline,
    at: At<'_>,
    name: Option<&PipelineName>,
    guarantee: Option<Guarantee>,
    context: &mut Context<'_>,
) -> Parts {
    let raw = match context.read(&raw.source, at) {
        Ok(raw) => raw,
        Err(absent) => return Parts::absent(absent, at.key()),
    };
    let field = if raw.pattern.is_some() { "pattern" } else { "topics" };
    Parts {
        topics: topics(raw, at, context),
        group: group(raw, at.field("group"), name, context),
        format: format(raw, at.field("format"), context),
        place: at.field(field).place(),
        start: start(raw, at.field("start"), context),
        out_of_range: out_of_range(raw, at.field("out_of_range"), context),
        membership: membership(raw, at.field("membership"), context),
        properties: properties::check(
            raw.properties.as_ref(),
            at.field("properties"),
            PropertyScope::Consumer,
            guarantee,
            context,
        ),
    }
}

impl Parts {
    fn absent(absent: Absent, place: Place) -> Self {
        Self {
            topics: Err(absent),
            group: Err(absent),
            format: Err(absent),
            place,
            start: Err(absent),
            out_of_range: Err(absent),
            membership: Err(absent),
            properties: Err(absent),
        }
    }

    /// The source, where all of it is known.
    pub(super) fn into_source(self) -> Got<Source> {
        Ok(Source {
            topics: self.topics?,
            group: self.group?,
            start: self.start?,
            out_of_range: self.out_of_range?,
            membership: self.membership?,
            format: self.format?,
            properties: self.properties?,
        })
    }
}

fn topics(raw: &RawSource, at: At<'_>, context: &mut Context<'_>) -> Got<Topics> {
    match (&raw.topics, &raw.pattern) {
        (Some(topics), None) => names(topics, at.field("topics"), context),
        (None, Some(pattern)) => self::pattern(pattern, at.field("pattern"), context),
        (Some(_), Some(_)) => {
            let (topics, pattern) = (at.field("topics").key(), at.field("pattern").key());
            Err(context.findings.topics_and_pattern(pattern, &topics).into())
        }
        (None, None) => Err(context.findings.no_topics(at.key()).into()),
    }
}

fn names(part: &Part<Vec<Part<String>>>, at: At<'_>, context: &mut Context<'_>) -> Got<Topics> {
    let list = context.read(part, at)?;
    let mut names: Vec<Got<TopicName>> = Vec::new();
    let mut seen = BTreeSet::new();
    for (i, part) in list.iter().enumerate() {
        let name = context.topic(part, at.item(i));
        if let Ok(name) = &name
            && !seen.insert(name.clone())
        {
            context.findings.repeated_topic(at.item(i).place(), name);
            names.push(Err(Absent::Reported));
        }
        names.push(name);
    }
    Ok(Topics::Names(names.into_iter().collect::<Got<_>>()?))
}

/// A regex that matches whole names: `orders` does not read `orders-test`.
fn pattern(part: &Part<String>, at: At<'_>, context: &mut Context<'_>) -> Got<Topics> {
    let text = context.read(part, at)?;
    match Regex::new(text).and_then(|_| Regex::new(&format!("^(?:{text})$"))) {
        Ok(regex) => Ok(Topics::Pattern(TopicPattern(regex))),
        Err(error) => Err(context.findings.bad_pattern(at.place(), &error).into()),
    }
}

fn group(
    raw: &RawSource,
    at: At<'_>,
    name: Option<&PipelineName>,
    context: &mut Context<'_>,
) -> Got<GroupId> {
    let text = match (context.optional(raw.group.as_ref(), at)?, name) {
        (Some(text), _) => context.interpolated(text, at)?,
        (None, Some(name)) => format!("krouted.{name}"),
        (None, None) => return Err(Absent::Reported),
    };
    context.name("group", &text, at, GroupId::new)
}

fn start(raw: &RawSource, at: At<'_>, context: &mut Context<'_>) -> Got<Start> {
    match context.read(&raw.start, at)? {
        RawStart::Earliest => Ok(Start::Earliest),
        RawStart::Latest => Ok(Start::Latest),
        RawStart::Timestamp(text) => match text.parse::<Timestamp>() {
            Ok(timestamp) if timestamp.as_millisecond() >= 0 => {
                Ok(Start::Timestamp(timestamp.as_millisecond()))
            }
            _ => Err(context.findings.bad_timestamp(at.field("timestamp").place(), text).into()),
        },
    }
}

fn out_of_range(raw: &RawSource, at: At<'_>, context: &mut Context<'_>) -> Got<OutOfRange> {
    Ok(match context.optional(raw.out_of_range.as_ref(), at)? {
        None | Some(RawOutOfRange::Stop) => OutOfRange::Stop,
        Some(RawOutOfRange::Earliest) => OutOfRange::Earliest,
        Some(RawOutOfRange::Latest) => OutOfRange::Latest,
    })
}

fn membership(raw: &RawSource, at: At<'_>, context: &mut Context<'_>) -> Got<Membership> {
    Ok(match context.optional(raw.membership.as_ref(), at)? {
        None | Some(RawMembership::Dynamic) => Membership::Dynamic,
        Some(RawMembership::Static) => Membership::Static,
    })
}

fn format(raw: &RawSource, at: At<'_>, context: &mut Context<'_>) -> Got<Format> {
    Ok(match context.optional(raw.format.as_ref(), at)? {
        None => Format::Json(Check::Whole),
        Some(Bare(RawFormat::Bytes(_))) => Format::Bytes,
        Some(Bare(RawFormat::Json(json))) => Format::Json(match json.check {
            None | Some(RawCheck::Whole) => Check::Whole,
            Some(RawCheck::Lazy) => Check::Lazy,
        }),
    })
}
