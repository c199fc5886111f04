//! The JSON Schemas, generated from the grammar's types: editors, CI and the daemon check files with the same ones.

mod explain;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use jsonschema::Validator;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use super::finding::Findings;
use super::raw::RawPipeline;
use super::raw::case::{NULL_COUNTS, RawGiven};
use super::raw::settings::RawSettings;
use super::yaml::At;

/// The schema of a pipeline file, as `schemas/pipeline.v1.schema.json` has it.
pub fn pipeline() -> Value {
    generated::<RawPipeline>()
}

/// The schema of the settings file, as `schemas/settings.v1.schema.json` has it.
pub fn settings() -> Value {
    generated::<RawSettings>()
}

/// Draft 7, because that is what editors read; without references, so that a path in it leads where it says.
fn generated<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft07()
        .with(|s| s.inline_subschemas = true)
        .with_transform(schemars::transform::RecursiveTransform(without_null));
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// A field that may be absent may not be `null`: an empty one is a slip.
fn without_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if object.get("default") == Some(&Value::Null) {
        object.remove("default");
    }
    if object.remove(NULL_COUNTS).is_some() {
        return;
    }
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|t| t != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(branches)) = object.get_mut("anyOf") {
        branches.retain(|b| b.get("type").is_none_or(|t| t != "null"));
        if let [only] = branches.as_slice() {
            let only = only.as_object().cloned().unwrap_or_default();
            object.remove("anyOf");
            for (key, value) in only {
                object.entry(key).or_insert(value);
            }
        }
    }
}

/// A schema, ready to check documents.
pub(super) struct Checker {
    schema: Value,
    validator: Option<Validator>,
}

/// Generated and compiled once: that takes longer than to check a file.
pub(super) static PIPELINE: LazyLock<Checker> = LazyLock::new(|| Checker::new(pipeline()));
/// As [`PIPELINE`].
pub(super) static SETTINGS: LazyLock<Checker> = LazyLock::new(|| Checker::new(settings()));
/// As [`PIPELINE`], for a record that is given by hand.
pub(super) static GIVEN: LazyLock<Checker> =
    LazyLock::new(|| Checker::new(generated::<RawGiven>()));

impl Checker {
    fn new(schema: Value) -> Self {
        // A schema of ours that does not compile is caught by its test; here, the types still refuse what does not fit.
        let validator = jsonschema::validator_for(&schema).ok();
        Self { schema, validator }
    }

    /// Says all that does not fit, and hands back the document with what was said taken out of it.
    pub(super) fn check(&self, value: &Value, at: At<'_>, findings: &mut Findings) -> Value {
        let errors = self.validator.iter().flat_map(|v| v.iter_errors(value));
        explain::explain(&self.schema, errors, at, value, findings)
    }
}
