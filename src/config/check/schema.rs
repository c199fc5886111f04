//! The schema of a `validate` step: its file in the snapshot, what it refers to, and what it says of paths.

mod known;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

pub(super) use known::Known;

use super::super::snapshot::{FILE_BYTES_MAX, SchemaFiles, Unread};
use super::super::yaml::At;
use super::{Context, Got};
use crate::pipeline::PayloadSchema;
use crate::program::schema::{CompiledSchema, PATTERN_BYTES_MAX, SchemaError};

/// Finds a schema and all that it refers to, and sees that it compiles.
pub(super) fn payload(text: &str, at: At<'_>, context: &mut Context<'_>) -> Got<PayloadSchema> {
    let file = context.interpolated(text, at)?;
    if !is_legal(&file) {
        return Err(context.findings.bad_schema_name(at.place(), &file).into());
    }
    let schemas = context.schemas;
    let root = root(&file, at, context)?;
    let all = PayloadSchema {
        file: file.as_str().into(),
        root: Arc::new(root),
        others: Arc::new(by_uri(schemas)),
    };
    let used = match CompiledSchema::new(&all) {
        Ok((_, used)) => used,
        Err(SchemaError::Unknown { uri }) => {
            return Err(match PayloadSchema::file_of(&uri) {
                Some(other) => missing_reference(&file, other, at, context),
                None => context.findings.remote_reference(at.place(), &file, &uri),
            }
            .into());
        }
        Err(SchemaError::Invalid { what }) => {
            return Err(context.findings.bad_schema(at.place(), &file, &what).into());
        }
        Err(SchemaError::NoSuchPart { what }) => {
            return Err(context.findings.reference_to_nowhere(at.place(), &file, &what).into());
        }
        Err(SchemaError::NoDraft { draft }) => {
            return Err(context.findings.schema_of_no_draft(at.place(), &file, &draft).into());
        }
        Err(SchemaError::Pattern { pattern, at: pointer }) => {
            let error = regex_error(&pattern);
            let findings = &mut *context.findings;
            let pattern = (pattern.as_str(), pointer.as_str());
            let reported = findings.bad_schema_pattern(at.place(), &file, pattern, error.as_ref());
            return Err(reported.into());
        }
        Err(SchemaError::Circle { way }) => {
            return Err(context.findings.schema_circle(at.place(), &file, &way).into());
        }
        Err(SchemaError::TooLong { begin, max }) => {
            return Err(context.findings.schema_chain(at.place(), &file, &begin, max).into());
        }
    };
    let others: BTreeMap<String, Value> =
        all.others.iter().filter(|(uri, _)| used.contains(*uri)).map(cloned).collect();
    Ok(PayloadSchema { others: Arc::new(others), ..all })
}

/// Why a pattern does not compile: the compiler of schemas only says that.
fn regex_error(pattern: &str) -> Option<regex::Error> {
    regex::RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).build().err()
}

fn cloned((uri, value): (&String, &Value)) -> (String, Value) {
    (uri.clone(), value.clone())
}

/// What a URI can hold as it is, and what leads nowhere else.
fn is_legal(file: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    let is_part = |part: &str| !part.is_empty() && part != "." && part != "..";
    file.chars().all(legal) && file.split('/').all(is_part)
}

fn root(file: &str, at: At<'_>, context: &mut Context<'_>) -> Got<Value> {
    let schemas = context.schemas;
    match schemas.files.get(file) {
        Some(Ok(bytes)) => serde_json::from_slice(bytes).map_err(|error| {
            context.findings.schema_is_no_json(at.place(), file, &error.to_string()).into()
        }),
        Some(Err(unread)) => {
            let why = match unread {
                Unread::TooLarge => format!("it has more than {FILE_BYTES_MAX} bytes"),
                Unread::Refused(why) => why.clone(),
                Unread::Moves => "it changed each time that it was read".to_owned(),
            };
            Err(context.findings.unreadable_schema(at.place(), file, &why).into())
        }
        None => {
            let known: Vec<&str> = schemas.files.keys().map(String::as_str).collect();
            let folder = schemas.folder.as_str();
            Err(context.findings.no_such_schema(at.place(), file, folder, &known).into())
        }
    }
}

fn missing_reference(
    file: &str,
    other: &str,
    at: At<'_>,
    context: &mut Context<'_>,
) -> super::Reported {
    let why = match context.schemas.files.get(other) {
        Some(_) => "which cannot be read, or is no JSON",
        None => "which is not there",
    };
    context.findings.dangling_reference(at.place(), (file, other), why)
}

/// All files that are JSON, by the URI of their place and by their own `$id`.
fn by_uri(schemas: &SchemaFiles) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for (file, content) in &schemas.files {
        let Ok(bytes) = content else { continue };
        let Ok(value) = serde_json::from_slice::<Value>(bytes) else { continue };
        let id = value.get("$id").or(value.get("id")).and_then(Value::as_str);
        if let Some(id) = id.map(|id| id.trim_end_matches('#')).filter(|id| id.contains(':')) {
            found.insert(id.to_owned(), value.clone());
        }
        found.insert(PayloadSchema::uri_of(file), value);
    }
    found
}
