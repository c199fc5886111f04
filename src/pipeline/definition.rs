//! What a pipeline says, field by field: two files that mean the same give the same definition.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use super::{
    Assignment, Delivery, Format, OnReject, PayloadSchema, Pipeline, Routing, Sink, Start, Step,
    Topics,
};
use crate::expression::{Predicate, ValueExpression};
use crate::json::Check;
use crate::model::SinkName;

#[cfg(test)]
mod tests;

/// A field of the file whose change means something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// `name`
    Name,
    /// `description`
    Description,
    /// `labels`
    Labels,
    /// `cluster`
    Cluster,
    /// `source.topics`
    Topics,
    /// `source.pattern`
    Pattern,
    /// `source.group`, the default filled in.
    Group,
    /// `source.start`
    Start,
    /// `source.out_of_range`
    OutOfRange,
    /// `source.membership`
    Membership,
    /// `source.format`
    Format,
    /// `source.properties`
    SourceProperties,
    /// `delivery`: which guarantee.
    Guarantee,
    /// `delivery.commit_interval`
    CommitInterval,
    /// `delivery.max_records`
    MaxRecords,
    /// `delivery.max_bytes`
    MaxBytes,
    /// `workers`
    Workers,
    /// `paused`
    Paused,
    /// `steps`
    Steps,
    /// What a schema file says that a `validate` step names, or another schema refers to: its path below the schemas folder, or
    /// its `$id`.
    Schema(String),
    /// `sinks.NAME`, where the sink is there on one side only.
    Sink(SinkName),
    /// `sinks.NAME.topic`
    SinkTopic(SinkName),
    /// `sinks.NAME.key`
    SinkKey(SinkName),
    /// `sinks.NAME.partition`
    SinkPartition(SinkName),
    /// `sinks.NAME.properties`, `compression` included.
    SinkProperties(SinkName),
    /// `match`
    Match,
    /// `routes`
    Routes,
    /// `unmatched`
    Unmatched,
    /// `on_error`
    OnError,
    /// `dead_letter`
    DeadLetter,
}

/// All fields with their values: defaults filled in, expressions and patterns by their text.
///
/// Equal for two files that differ in comments, the order of keys, or what they spell out only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition(BTreeMap<Field, String>);

impl Definition {
    /// The definition of a pipeline.
    pub fn of(pipeline: &Pipeline) -> Self {
        let mut fields = Fields::default();
        fields.add(Field::Name, &pipeline.name);
        if let Some(text) = &pipeline.description {
            fields.add(Field::Description, text);
        }
        fields.add_map(Field::Labels, &pipeline.labels);
        fields.add(Field::Cluster, &pipeline.cluster);
        fields.source(pipeline);
        fields.delivery(pipeline.delivery);
        fields.add(Field::Workers, pipeline.workers);
        fields.add(Field::Paused, pipeline.paused);
        fields.steps(&pipeline.steps);
        for sink in &pipeline.sinks {
            fields.sink(sink);
        }
        fields.routing(pipeline);
        fields.add(Field::OnError, format_args!("{:?}", pipeline.on_error));
        if let Some(topic) = &pipeline.dead_letter {
            fields.add(Field::DeadLetter, topic);
        }
        Self(fields.0)
    }

    /// The fields in which the two differ, in the order of the grammar. Of a sink that only one has, the sink alone; a schema
    /// where both have it, else the steps, or the schema that refers to it, differ anyway.
    pub fn differences(&self, other: &Self) -> Vec<Field> {
        let all: BTreeSet<&Field> = self.0.keys().chain(other.0.keys()).collect();
        let differs = |field: &&&Field| self.0.get(field) != other.0.get(field);
        let one_sided = |name: &SinkName| {
            let field = Field::Sink(name.clone());
            self.0.contains_key(&field) != other.0.contains_key(&field)
        };
        let schema_of_one = |field: &Field| {
            matches!(field, Field::Schema(_))
                && self.0.contains_key(field) != other.0.contains_key(field)
        };
        all.iter()
            .filter(differs)
            .filter(|field| !schema_of_one(field))
            .filter(|field| !field.of_sink().is_some_and(one_sided))
            .map(|field| (*field).clone())
            .collect()
    }

    /// One line for each field, to make a digest of.
    pub fn text(&self) -> String {
        let line = |(field, value): (&Field, &String)| format!("{field}: {value:?}");
        lines(self.0.iter().map(line))
    }
}

impl Field {
    /// The sink of which it is a part.
    fn of_sink(&self) -> Option<&SinkName> {
        match self {
            Self::SinkTopic(name)
            | Self::SinkKey(name)
            | Self::SinkPartition(name)
            | Self::SinkProperties(name) => Some(name),
            Self::Sink(_)
            | Self::Name
            | Self::Description
            | Self::Labels
            | Self::Cluster
            | Self::Topics
            | Self::Pattern
            | Self::Group
            | Self::Start
            | Self::OutOfRange
            | Self::Membership
            | Self::Format
            | Self::SourceProperties
            | Self::Guarantee
            | Self::CommitInterval
            | Self::MaxRecords
            | Self::MaxBytes
            | Self::Workers
            | Self::Paused
            | Self::Steps
            | Self::Schema(_)
            | Self::Match
            | Self::Routes
            | Self::Unmatched
            | Self::OnError
            | Self::DeadLetter => None,
        }
    }
}

/// As the file writes it.
impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Name => "name",
            Self::Description => "description",
            Self::Labels => "labels",
            Self::Cluster => "cluster",
            Self::Topics => "source.topics",
            Self::Pattern => "source.pattern",
            Self::Group => "source.group",
            Self::Start => "source.start",
            Self::OutOfRange => "source.out_of_range",
            Self::Membership => "source.membership",
            Self::Format => "source.format",
            Self::SourceProperties => "source.properties",
            Self::Guarantee => "delivery",
            Self::CommitInterval => "delivery.commit_interval",
            Self::MaxRecords => "delivery.max_records",
            Self::MaxBytes => "delivery.max_bytes",
            Self::Workers => "workers",
            Self::Paused => "paused",
            Self::Steps => "steps",
            Self::Schema(file) => return write!(f, "schemas/{file}"),
            Self::Sink(name) => return write!(f, "sinks.{name}"),
            Self::SinkTopic(name) => return write!(f, "sinks.{name}.topic"),
            Self::SinkKey(name) => return write!(f, "sinks.{name}.key"),
            Self::SinkPartition(name) => return write!(f, "sinks.{name}.partition"),
            Self::SinkProperties(name) => return write!(f, "sinks.{name}.properties"),
            Self::Match => "match",
            Self::Routes => "routes",
            Self::Unmatched => "unmatched",
            Self::OnError => "on_error",
            Self::DeadLetter => "dead_letter",
        };
        f.write_str(text)
    }
}

#[derive(Default)]
struct Fields(BTreeMap<Field, String>);

impl Fields {
    fn add(&mut self, field: Field, value: impl fmt::Display) {
        self.0.insert(field, value.to_string());
    }

    /// An empty map and one that is not there are the same.
    fn add_map(&mut self, field: Field, map: &BTreeMap<String, String>) {
        if !map.is_empty() {
            self.add(field, format_args!("{map:?}"));
        }
    }

    fn source(&mut self, pipeline: &Pipeline) {
        let source = &pipeline.source;
        match &source.topics {
            Topics::Names(names) => {
                // A subscription has no order.
                let sorted: BTreeSet<_> = names.iter().collect();
                self.add(Field::Topics, format_args!("{sorted:?}"));
            }
            Topics::Pattern(pattern) => self.add(Field::Pattern, pattern.0.as_str()),
        }
        self.add(Field::Group, &source.group);
        self.add(
            Field::Start,
            match source.start {
                Start::Earliest => "earliest".to_owned(),
                Start::Latest => "latest".to_owned(),
                Start::Timestamp(ms) => ms.to_string(),
            },
        );
        self.add(Field::OutOfRange, format_args!("{:?}", source.out_of_range));
        self.add(Field::Membership, format_args!("{:?}", source.membership));
        self.add(
            Field::Format,
            match source.format {
                Format::Json(Check::Whole) => "json",
                Format::Json(Check::Lazy) => "json, lazy",
                Format::Bytes => "bytes",
            },
        );
        self.add_map(Field::SourceProperties, &source.properties);
    }

    fn delivery(&mut self, delivery: Delivery) {
        self.add(Field::Guarantee, format_args!("{:?}", delivery.guarantee()));
        match delivery {
            Delivery::ExactlyOnce(limits) | Delivery::AtLeastOnce(limits) => {
                self.add(Field::CommitInterval, limits.commit_interval.as_micros());
                self.add(Field::MaxRecords, limits.max_records);
                self.add(Field::MaxBytes, limits.max_bytes);
            }
            Delivery::AtMostOnce => {}
        }
    }

    fn steps(&mut self, steps: &[Step]) {
        self.add(Field::Steps, lines(steps.iter().map(step)));
        for step in steps {
            match step {
                Step::Validate(schema) => self.schema(schema),
                Step::Filter(_) | Step::Set(_) | Step::Remove(_) => {}
            }
        }
    }

    fn schema(&mut self, schema: &PayloadSchema) {
        self.add(Field::Schema(schema.file.to_string()), sorted(&schema.root));
        for (uri, value) in schema.others.iter() {
            let name = PayloadSchema::file_of(uri).unwrap_or(uri);
            self.add(Field::Schema(name.to_owned()), sorted(value));
        }
    }

    fn sink(&mut self, sink: &Sink) {
        let name = || sink.name.clone();
        self.add(Field::Sink(name()), "kafka");
        self.add(Field::SinkTopic(name()), &sink.topic);
        if let Some(key) = sink.key.as_ref().map(ValueExpression::text) {
            self.add(Field::SinkKey(name()), key);
        }
        self.add(Field::SinkPartition(name()), format_args!("{:?}", sink.partition));
        self.add_map(Field::SinkProperties(name()), &sink.properties);
    }

    fn routing(&mut self, pipeline: &Pipeline) {
        let Routing::Routes { matching, routes, unmatched } = &pipeline.routing else { return };
        let unmatched: OnReject = *unmatched;
        self.add(Field::Match, format_args!("{matching:?}"));
        self.add(Field::Unmatched, format_args!("{unmatched:?}"));
        let route = |route: &super::Route| {
            // An index moves when another sink comes: the names are what the file says.
            let to =
                route.to.iter().filter_map(|at| pipeline.sinks.get(*at)).map(|sink| &sink.name);
            let to: Vec<_> = to.collect();
            format!("{} {:?} {to:?}", route.name, route.when.as_ref().map(Predicate::text))
        };
        self.add(Field::Routes, lines(routes.iter().map(route)));
    }
}

fn step(step: &Step) -> String {
    match step {
        Step::Filter(predicate) => format!("filter {:?}", predicate.text()),
        Step::Validate(schema) => format!("validate {:?}", schema.file),
        Step::Set(entries) => format!("set {:?}", entries.iter().map(entry).collect::<Vec<_>>()),
        Step::Remove(targets) => {
            let targets: Vec<_> = targets.iter().map(ToString::to_string).collect();
            format!("remove {targets:?}")
        }
    }
}

fn entry(entry: &Assignment) -> (String, &str) {
    (entry.target.to_string(), entry.value.text())
}

/// The JSON without spaces, its keys in order: how they stand in the file means nothing.
fn sorted(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let sorted: BTreeMap<_, _> = object.iter().collect();
            let entry = |(key, value): (&&String, &&Value)| {
                format!("{}:{}", Value::from(key.as_str()), self::sorted(value))
            };
            format!("{{{}}}", sorted.iter().map(entry).collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(sorted).collect::<Vec<_>>().join(","))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join("\n")
}
