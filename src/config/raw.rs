//! The grammar of a pipeline file as types: the schema is generated from them, and files are read into them.
//!
//! A doc comment here is what an editor shows, so it speaks to the operator. Fields are [`Part`]s: one that is broken does not
//! take its neighbours along.

pub(super) mod case;
mod part;
pub(super) mod settings;
pub(super) mod step;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::num::NonZeroU16;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

pub(super) use part::{Bare, Part, Version, poison};
pub(super) use step::{Entries, RawStep};

/// A value of a client property, or of anything else that becomes text.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum Word {
    Text(String),
    Number(serde_json::Number),
    Bool(bool),
}

impl Word {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Bool(bool) => bool.to_string(),
        }
    }
}

pub(super) type RawProperties = BTreeMap<String, Part<Word>>;

/// A pipeline of krouted: records from source topics, through steps and routes, to sinks.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "pipeline")]
pub(super) struct RawPipeline {
    /// Where an editor finds this schema; krouted does not read it.
    #[serde(rename = "$schema", default)]
    #[expect(dead_code, reason = "for editors")]
    pub(super) schema: Option<Part<String>>,
    /// The version of the grammar: 1.
    #[expect(dead_code, reason = "the schema has checked it")]
    pub(super) version: Part<Version>,
    /// The pipeline's identity, such as `orders-eu`: a-z, 0-9, `.` and `-`. Group and transactional ids derive from it.
    pub(super) name: Part<String>,
    /// Free text for people.
    pub(super) description: Option<Part<String>>,
    /// Free words for people: a team, an environment.
    pub(super) labels: Option<Part<BTreeMap<String, String>>>,
    /// A cluster named in the settings file. Default: `default`.
    pub(super) cluster: Option<Part<String>>,
    /// What the pipeline reads, such as `{topics: [orders], start: earliest}`.
    pub(super) source: Part<RawSource>,
    /// The guarantee: `exactly_once`, `at_least_once` or `at_most_once`, bare or with limits of its windows.
    pub(super) delivery: Part<Bare<RawDelivery>>,
    /// Threads of this pipeline in one daemon, each a member of the group, or `auto`: half of the cores, 1 to 4. Default: 1.
    pub(super) workers: Option<Part<RawWorkers>>,
    /// Whether it reads nothing for now; its workers keep their places in the group. Default: false.
    pub(super) paused: Option<Part<bool>>,
    /// Done to every record, in this order.
    pub(super) steps: Option<Part<Vec<Part<RawStep>>>>,
    /// Named destinations, such as `out: {kafka: {topic: orders-out}}`.
    #[schemars(extend("minProperties" = 1))]
    pub(super) sinks: Part<BTreeMap<String, Part<RawSink>>>,
    /// Which records go to which sinks. Without routes every record goes to every sink.
    #[schemars(length(min = 1))]
    pub(super) routes: Option<Part<Vec<Part<RawRoute>>>>,
    /// How many matching routes count: `first` (default) or `all`.
    #[serde(rename = "match")]
    pub(super) matching: Option<Part<RawMatching>>,
    /// What becomes of a record that no route matches. Required when there are routes.
    pub(super) unmatched: Option<Part<RawOnReject>>,
    /// Where records go that cannot go on.
    pub(super) dead_letter: Option<Part<RawDeadLetter>>,
    /// What becomes of a record that cannot go on, for each stage. Default: `dead_letter` where one is given, else `stop`.
    pub(super) on_error: Option<Part<RawOnError>>,
    /// Records, and what must come of each: `krouted test` and `krouted check` run them, without a broker.
    pub(super) tests: Option<Part<Vec<Part<case::RawCase>>>>,
}

/// How many workers.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum RawWorkers {
    Count(NonZeroU16),
    Auto(RawAuto),
}

/// The word that leaves a choice to krouted.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawAuto {
    Auto,
}

impl JsonSchema for RawWorkers {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "workers".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "oneOf": [
                { "type": "integer", "minimum": 1, "maximum": 64 },
                { "type": "string", "const": "auto" }
            ]
        })
    }
}

/// The topics that a pipeline reads, as one consumer group.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct RawSource {
    /// The topics. Either this or `pattern`.
    #[schemars(length(min = 1))]
    pub(super) topics: Option<Part<Vec<Part<String>>>>,
    /// A regular expression that a topic's whole name must match, such as `orders\..*`. Either this or `topics`.
    pub(super) pattern: Option<Part<String>>,
    /// The consumer group. Default: `krouted.<name>`.
    pub(super) group: Option<Part<String>>,
    /// Where a group without committed offsets begins: `earliest`, `latest` or `{timestamp: 2026-01-01T00:00:00Z}`.
    pub(super) start: Part<RawStart>,
    /// What to do where retention removed what was not yet read: `stop` (default), `earliest` or `latest`.
    pub(super) out_of_range: Option<Part<RawOutOfRange>>,
    /// `dynamic` (default), or `static`: a restarted instance takes its partitions back at once.
    pub(super) membership: Option<Part<RawMembership>>,
    /// What a value is: `json` (default), `{json: {check: lazy}}` or `bytes`.
    pub(super) format: Option<Part<Bare<RawFormat>>>,
    /// Consumer properties of librdkafka. Those that would break the guarantee are refused.
    pub(super) properties: Option<Part<RawProperties>>,
}

/// Where a group without committed offsets begins.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(super) enum RawStart {
    /// At the first record that is still there.
    Earliest,
    /// Behind the last record.
    Latest,
    /// At the first record of this time or later, such as `2026-01-01T00:00:00Z`.
    Timestamp(String),
}

/// What to do where retention removed what was not yet read.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(super) enum RawOutOfRange {
    /// Halt the pipeline and say so.
    Stop,
    /// Go on at the first record that is still there, and say so.
    Earliest,
    /// Go on behind the last record, and say so.
    Latest,
}

/// Whether the group remembers an instance that left.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(super) enum RawMembership {
    /// Its partitions move on as soon as it leaves.
    Dynamic,
    /// Its partitions wait for it for a session.
    Static,
}

/// What a value is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(super) enum RawFormat {
    /// A JSON document.
    Json(RawJson),
    /// Bytes that nothing looks into.
    Bytes(Nothing),
}

/// How JSON is looked at.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct RawJson {
    /// `whole` (default), or `lazy`: damage behind the last field that is read goes unseen.
    pub(super) check: Option<RawCheck>,
}

/// How much of a value is looked at.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(super) enum RawCheck {
    /// All of it.
    Whole,
    /// No further than the last field that is read.
    Lazy,
}

/// No fields.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct Nothing {}

/// The guarantee.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
#[expect(clippy::enum_variant_names, reason = "the words of the file")]
pub(super) enum RawDelivery {
    /// Outputs, dead letters and offsets in one Kafka transaction.
    ExactlyOnce(RawWindow),
    /// Nothing lost, repeats possible.
    AtLeastOnce(RawWindow),
    /// No repeats, loss possible.
    AtMostOnce(Nothing),
}

/// When a window of records is committed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct RawWindow {
    /// Time since its first record, such as `100ms` (default). At most `5s` for `exactly_once`, else `60s`.
    pub(super) commit_interval: Option<Part<String>>,
    /// Input records in it. Default: 50000.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(super) max_records: Option<Part<u32>>,
    /// Bytes of its input records, such as `64MiB` (default). From `1KiB` to `1GiB`.
    pub(super) max_bytes: Option<Part<String>>,
}

/// A named destination.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(super) enum RawSink {
    /// A topic on the source's cluster.
    Kafka(RawKafkaSink),
}

/// A topic that is written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct RawKafkaSink {
    /// The topic that it writes, such as `orders-eu`.
    pub(super) topic: Part<String>,
    /// The key of its records, such as `value.user_id`. Default: the record's own, untouched.
    pub(super) key: Option<Part<String>>,
    /// `key` (default): as Java's client partitions; `preserve`: the number of the source partition.
    pub(super) partition: Option<Part<RawPartition>>,
    /// `none`, `gzip`, `snappy`, `lz4` or `zstd`.
    pub(super) compression: Option<Part<RawCompression>>,
    /// Topic properties of librdkafka. Those that would break the guarantee are refused.
    pub(super) properties: Option<Part<RawProperties>>,
}

/// How a sink chooses the partition.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(super) enum RawPartition {
    /// By murmur2 of the key, as Java's client does it.
    Key,
    /// The number of the partition that the record was read from.
    Preserve,
}

/// How batches are compressed.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(super) enum RawCompression {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

/// A predicate and the sinks that it sends to.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct RawRoute {
    /// Its name in messages and dead letters.
    pub(super) name: Part<String>,
    /// Which records it takes, such as `value.country == "DE"`. Default: all.
    pub(super) when: Option<Part<String>>,
    /// Names of sinks, such as `[eu, all]`.
    #[schemars(length(min = 1))]
    pub(super) to: Part<Vec<Part<String>>>,
}

/// How many matching routes count.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(super) enum RawMatching {
    /// The first one.
    First,
    /// Each; a sink gets a record at most once all the same.
    All,
}

/// What becomes of a record that cannot go on.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(super) enum RawOnReject {
    /// Goes to `dead_letter`.
    DeadLetter,
    /// Is counted and passed over.
    Drop,
    /// All before it is committed, then the pipeline halts.
    Stop,
}

/// Where records go that cannot go on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct RawDeadLetter {
    /// The topic of the dead letters, such as `orders.dlq`, on the source's cluster.
    pub(super) topic: Part<String>,
}

/// One policy for each stage.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct RawOnError {
    /// The value is not what `format` says.
    pub(super) decode: Option<Part<RawOnReject>>,
    /// The value breaks a rule of the schema of a `validate` step.
    pub(super) validate: Option<Part<RawOnReject>>,
    /// An expression could not be evaluated on the record.
    pub(super) expression: Option<Part<RawOnReject>>,
    /// A sink refuses the record for good.
    pub(super) sink: Option<Part<RawOnReject>>,
}
