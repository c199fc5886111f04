//! The grammar of `tests`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::Part;

/// A record, and what must come of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub(in crate::config) struct RawCase {
    /// What is shown when it fails.
    pub(in crate::config) name: Part<String>,
    /// The record.
    pub(in crate::config) given: Part<RawGiven>,
    /// All outputs in their order, such as `[{sink: eu, key: '123'}]`; `[]` is nothing.
    pub(in crate::config) expect: Part<Vec<Part<RawExpect>>>,
}

/// A record; one of `value`, `value_text`, `value_base64` and `tombstone: true` says its value.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub(in crate::config) struct RawGiven {
    /// The key as text. Default: a null key.
    pub(in crate::config) key: Option<Part<OrNull<String>>>,
    /// The key as base64.
    pub(in crate::config) key_base64: Option<Part<String>>,
    /// The value, which becomes compact JSON.
    #[serde(default, deserialize_with = "some")]
    pub(in crate::config) value: Option<Value>,
    /// The value as text.
    pub(in crate::config) value_text: Option<Part<String>>,
    /// The value as base64.
    pub(in crate::config) value_base64: Option<Part<String>>,
    /// `true`: the value is null.
    pub(in crate::config) tombstone: Option<Part<bool>>,
    /// A map, or a list of maps with one entry each; null is a null value.
    pub(in crate::config) headers: Option<Part<RawHeaders>>,
    /// Default: the first topic of the source.
    pub(in crate::config) topic: Option<Part<String>>,
    /// Default: 0.
    #[schemars(range(min = 0))]
    pub(in crate::config) partition: Option<Part<i32>>,
    /// Such as `2026-01-01T00:00:00Z`. Default: none.
    pub(in crate::config) timestamp: Option<Part<String>>,
}

/// One output: `sink` with what its record must be, `dead_letter`, or `stop`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub(in crate::config) struct RawExpect {
    /// The sink that it goes to.
    pub(in crate::config) sink: Option<Part<String>>,
    /// Its key as text; `null` is a null key.
    #[serde(default, deserialize_with = "some")]
    pub(in crate::config) key: Option<Part<OrNull<String>>>,
    /// Its value, compared as JSON: the order of keys does not count.
    #[serde(default, deserialize_with = "some")]
    pub(in crate::config) value: Option<Value>,
    /// A part of its value: these fields with these values, among others.
    #[serde(default, deserialize_with = "some")]
    pub(in crate::config) contains: Option<Value>,
    /// Its value as text, byte for byte.
    pub(in crate::config) value_text: Option<Part<String>>,
    /// Its value as base64, byte for byte.
    pub(in crate::config) value_base64: Option<Part<String>>,
    /// `true`: its value is null; `false`: it has one.
    pub(in crate::config) tombstone: Option<Part<bool>>,
    /// All its headers: a list of maps with one entry each has their order, a map has none.
    pub(in crate::config) headers: Option<Part<RawHeaders>>,
    /// The topic that the sink writes.
    pub(in crate::config) topic: Option<Part<String>>,
    /// The record becomes a dead letter.
    pub(in crate::config) dead_letter: Option<Part<RawRejection>>,
    /// The record halts the pipeline.
    pub(in crate::config) stop: Option<Part<RawRejection>>,
}

/// Why the record cannot go on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub(in crate::config) struct RawRejection {
    /// Where that was found.
    pub(in crate::config) stage: Option<Part<RawStage>>,
    /// A text that the reason contains.
    pub(in crate::config) reason: Option<Part<String>>,
}

/// A stage of a record's walk that a test can reach.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(in crate::config) enum RawStage {
    /// The value is not what `format` says.
    Decode,
    /// The value breaks a rule of its schema.
    Validate,
    /// An expression could not be evaluated.
    Expression,
    /// No route matches.
    Unmatched,
}

/// Headers in their order.
#[derive(Clone, Debug)]
pub(in crate::config) enum RawHeaders {
    List(Vec<(String, Option<String>)>),
    Map(Vec<(String, Option<String>)>),
}

impl<'de> Deserialize<'de> for RawHeaders {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            List(Vec<Map<String, Value>>),
            Map(Map<String, Value>),
        }
        let text = |(name, value): (String, Value)| (name, value.as_str().map(str::to_owned));
        Ok(match Form::deserialize(deserializer)? {
            Form::List(list) => Self::List(list.into_iter().flatten().map(text).collect()),
            Form::Map(map) => Self::Map(map.into_iter().map(text).collect()),
        })
    }
}

impl JsonSchema for RawHeaders {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "headers".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = OrNull::<String>::json_schema(generator);
        json_schema!({
            "anyOf": [
                { "type": "object", "additionalProperties": value },
                {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "minProperties": 1,
                        "maxProperties": 1,
                        "additionalProperties": value
                    }
                }
            ]
        })
    }
}

/// What may be `null` and means it.
#[derive(Clone, Debug)]
pub(in crate::config) struct OrNull<T>(pub(in crate::config) Option<T>);

impl<'de, T: DeserializeOwned> Deserialize<'de> for OrNull<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self)
    }
}

/// Keeps `null` among the types of a schema; it does not stay in there.
pub(in crate::config) const NULL_COUNTS: &str = "x-null-counts";

impl JsonSchema for OrNull<String> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "text_or_null".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "null"], NULL_COUNTS: true })
    }
}

/// A field that is there is there, also as `null`.
fn some<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
