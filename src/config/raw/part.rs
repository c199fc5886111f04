//! Wrappers that decide how a field is read: broken parts, bare variants, the version.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

/// A field that is read, or of which a finding says why not.
#[derive(Clone, Debug)]
pub(in crate::config) enum Part<T> {
    Read(T),
    Broken,
}

impl<T> Part<T> {
    pub(in crate::config) fn get(&self) -> Option<&T> {
        match self {
            Self::Read(value) => Some(value),
            Self::Broken => None,
        }
    }
}

/// No key of a file looks like this.
pub(super) const POISON: &str = "\0";

/// What stands in the place of a value that does not fit the schema.
pub(in crate::config) fn poison() -> Value {
    json!({ POISON: null })
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Part<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        if value.get(POISON).is_some() {
            return Ok(Self::Broken);
        }
        Ok(serde_json::from_value(value).map_or(Self::Broken, Self::Read))
    }
}

impl<T: JsonSchema> JsonSchema for Part<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A variant that may stand as a bare word where all its fields have defaults: `exactly_once` for `{exactly_once: {}}`.
#[derive(Clone, Debug)]
pub(in crate::config) struct Bare<T>(pub(in crate::config) T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Bare<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let value = if let Value::String(word) = value { json!({ word: {} }) } else { value };
        serde_json::from_value(value).map(Self).map_err(D::Error::custom)
    }
}

impl<T: JsonSchema> JsonSchema for Bare<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = T::json_schema(generator);
        let variants = schema.get("oneOf").and_then(Value::as_array).cloned().unwrap_or_default();
        let words = variants.iter().filter_map(bare_word);
        let all: Vec<Value> = words.chain(variants.iter().cloned()).collect();
        schema.insert("oneOf".to_owned(), all.into());
        schema
    }
}

/// The word for a variant without required fields, with the variant's description.
fn bare_word(variant: &Value) -> Option<Value> {
    let (word, fields) = variant.get("properties")?.as_object()?.iter().next()?;
    let needs_fields = fields.get("required").is_some();
    let description = variant.get("description").unwrap_or(&Value::Null);
    (!needs_fields).then(|| json!({ "type": "string", "const": word, "description": description }))
}

/// The one version of the grammar.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct Version;

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(|_| Self)
    }
}

impl JsonSchema for Version {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "version".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "const": 1 })
    }
}
