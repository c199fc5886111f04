//! Which rule a value breaks, without anything of the value.

use std::collections::BTreeSet;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;

use super::dom::Dom;
use crate::pipeline::PayloadSchema;

/// The names of properties that a schema itself says: a pointer may show them, all others are payload.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeSet<Box<str>>);

impl Names {
    pub(super) fn of(schema: &PayloadSchema) -> Self {
        let mut names = Self::default();
        for document in std::iter::once(&*schema.root).chain(schema.others.values()) {
            names.take(document);
        }
        names
    }

    /// As deep as the document, which was read in bounded depth.
    fn take(&mut self, document: &Value) {
        match document {
            Value::Array(items) => items.iter().for_each(|item| self.take(item)),
            Value::Object(fields) => {
                if let Some(Value::Object(properties)) = fields.get("properties") {
                    self.0.extend(properties.keys().map(|name| name.as_str().into()));
                }
                fields.values().for_each(|value| self.take(value));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// A JSON pointer into a value, with `*` for each key that the schema does not name: digits are an index in an array only.
    fn shown(&self, pointer: &str, value: &Dom<'_>) -> String {
        let mut shown = String::new();
        let mut at = Some(value);
        for token in pointer.split('/').skip(1) {
            let (is_known, inner) = match at {
                Some(Dom::Array(items)) => {
                    let index = token.parse().ok();
                    (index.is_some(), index.and_then(|index: usize| items.get(index)))
                }
                Some(Dom::Object(members)) => {
                    let name = token.replace("~1", "/").replace("~0", "~");
                    let inner = members.iter().find(|(own, _)| *own == name);
                    (self.0.contains(name.as_str()), inner.map(|(_, dom)| dom))
                }
                Some(
                    Dom::Null
                    | Dom::Bool(_)
                    | Dom::Int(_)
                    | Dom::Uint(_)
                    | Dom::Float(_)
                    | Dom::Text(_),
                )
                | None => (false, None),
            };
            shown.push('/');
            shown.push_str(if is_known { token } else { "*" });
            at = inner;
        }
        shown
    }
}

/// `/items/0/price: "minimum" of order.json#/properties/items/items/properties/price/minimum is broken`
pub(super) fn of(
    error: &ValidationError<'_>,
    names: &Names,
    file: &str,
    value: &Dom<'_>,
) -> String {
    let pointer = match names.shown(error.instance_path().as_str(), value) {
        empty if empty.is_empty() => "the value".to_owned(),
        pointer => pointer,
    };
    let rule = error.kind().keyword();
    let place = error.absolute_keyword_location().and_then(|uri| {
        let (file, fragment) = uri.as_str().split_once('#')?;
        Some(format!("{}#{fragment}", PayloadSchema::file_of(file).unwrap_or(file)))
    });
    let place = place.unwrap_or_else(|| format!("{file}#{}", error.schema_path().as_str()));
    let detail = detail(error.kind());
    format!("{pointer} breaks the rule `{rule}`{detail} ({place})")
}

/// What the rule wants, in the schema's own words.
#[expect(clippy::wildcard_enum_match_arm, reason = "the enum is another crate's and grows")]
fn detail(kind: &Kind) -> String {
    match kind {
        Kind::Required { property } => {
            format!(": `{}` is missing", property.as_str().unwrap_or_default())
        }
        Kind::Minimum { limit }
        | Kind::Maximum { limit }
        | Kind::ExclusiveMinimum { limit }
        | Kind::ExclusiveMaximum { limit } => format!(": {limit}"),
        Kind::MinLength { limit }
        | Kind::MaxLength { limit }
        | Kind::MinItems { limit }
        | Kind::MaxItems { limit }
        | Kind::MinProperties { limit }
        | Kind::MaxProperties { limit } => format!(": {limit}"),
        Kind::Format { format } => format!(": {format}"),
        _ => String::new(),
    }
}
