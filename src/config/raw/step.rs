//! The grammar of `steps`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::Part;
use super::part::POISON;

/// One thing done to every record.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(in crate::config) enum RawStep {
    /// Goes on with the records for which this is true, such as `value.type == "created"`.
    Filter(String),
    /// Goes on with the records whose value fits a JSON Schema, and with tombstones; the others are rejected.
    Validate(RawValidate),
    /// Sets parts of the record, such as `{value.region: '"eu"', headers.x-seen: '"yes"', key: value.id}`.
    Set(#[schemars(extend("minProperties" = 1))] Entries),
    /// Takes parts of the record away, such as `[value.password, headers.x-debug]`.
    Remove(#[schemars(length(min = 1))] Vec<Part<String>>),
}

/// The schema of a value.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub(in crate::config) struct RawValidate {
    /// A file below the schemas folder, such as `order.json`.
    pub(in crate::config) schema: Part<String>,
}

/// Expressions by what they set, in the order of the file.
#[derive(Clone, Debug)]
pub(in crate::config) struct Entries(pub(in crate::config) Vec<(String, Part<String>)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = Map::<String, Value>::deserialize(deserializer)?;
        if map.contains_key(POISON) {
            return Err(D::Error::custom("a finding says why"));
        }
        let entry = |(key, value)| {
            let part = Part::<String>::deserialize(value).unwrap_or(Part::Broken);
            (key, part)
        };
        Ok(Self(map.into_iter().map(entry).collect()))
    }
}

impl JsonSchema for Entries {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "entries".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        std::collections::BTreeMap::<String, String>::json_schema(generator)
    }
}
