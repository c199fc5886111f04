//! What a schema says of the paths that expressions name. Only what is certain is held against an expression.

use serde_json::{Map, Value};

use super::super::super::text::nearest;
use super::super::super::yaml::At;
use super::super::{Context, Got};
use crate::expression::{Kind, PathUse};
use crate::json::{Path, Segment};
use crate::pipeline::PayloadSchema;

/// A schema that the value fits, but for what later steps have changed.
#[derive(Clone, Debug)]
pub(in crate::config::check) struct Known {
    schema: PayloadSchema,
    changed: Vec<Path>,
}

/// What a schema says of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Says {
    /// It is not certain.
    Nothing,
    /// It has one of these types, where it is there.
    Types(Vec<String>),
    /// No value that fits has it.
    Never { key: String, meant: Option<String> },
    /// It is legal, and not declared; that is declared.
    Undeclared { key: String, meant: String },
}

/// References that lead to references; a chain is not followed for ever.
const REFERENCES_MAX: usize = 32;

impl Known {
    pub(in crate::config::check) fn new(schema: &PayloadSchema) -> Self {
        Self { schema: schema.clone(), changed: Vec::new() }
    }

    /// These paths are no longer what the schema says.
    pub(in crate::config::check) fn forget(&mut self, paths: Vec<Path>) {
        self.changed.extend(paths);
    }

    /// Holds paths against the schema.
    pub(in crate::config::check) fn check(
        &self,
        paths: &[PathUse],
        at: At<'_>,
        context: &mut Context<'_>,
    ) -> Got<()> {
        let mut fits = Ok(());
        for PathUse { path, span, compared_with } in paths {
            let is_changed = |own: &Path| own.is_prefix_of(path) || path.is_prefix_of(own);
            if self.changed.iter().any(is_changed) {
                continue;
            }
            let place = at.inside(span.clone());
            let file = &self.schema.file;
            match self.says(path) {
                Says::Nothing => {}
                Says::Never { key, meant } => {
                    let path = path.to_string();
                    fits = Err(context
                        .findings
                        .never_there(place, (&path, &key), file, meant.as_deref())
                        .into());
                }
                Says::Undeclared { key, meant } => {
                    context.findings.undeclared(place, (&path.to_string(), &key), file, &meant);
                }
                Says::Types(types) => {
                    let Some(kind) = compared_with else { continue };
                    if !types.iter().any(|name| is_kind(name, *kind)) {
                        let path = path.to_string();
                        let types = types.join(" or ");
                        let findings = &mut *context.findings;
                        fits = Err(findings.other_type(place, &path, (file, &types), *kind).into());
                    }
                }
            }
        }
        fits
    }

    fn says(&self, path: &Path) -> Says {
        let mut schema = &*self.schema.root;
        for segment in &path.0 {
            schema = match self.step(schema, segment) {
                Ok(Some(inner)) => inner,
                Ok(None) => return Says::Nothing,
                Err(says) => return says,
            };
        }
        let Some(Value::Object(fields)) = self.followed(schema) else { return Says::Nothing };
        let types = types(fields);
        if types.is_empty() { Says::Nothing } else { Says::Types(types) }
    }

    /// The schema of a member or element; `None` where it is not certain.
    fn step<'s>(&'s self, schema: &'s Value, segment: &Segment) -> Result<Option<&'s Value>, Says> {
        let Some(Value::Object(fields)) = self.followed(schema) else { return Ok(None) };
        match segment {
            Segment::Index(_) => Ok(fields
                .get("items")
                .filter(|i| i.is_object() && !fields.contains_key("prefixItems"))),
            Segment::Key(key) => {
                let properties = fields.get("properties").and_then(Value::as_object);
                if let Some(inner) = properties.and_then(|p| p.get(&**key)) {
                    return Ok(Some(inner));
                }
                let known = properties.into_iter().flat_map(|p| p.keys()).map(String::as_str);
                let meant = nearest(key, known).map(str::to_owned);
                let key = key.to_string();
                if fields.contains_key("patternProperties") || fields.keys().any(|k| is_open(k)) {
                    return Ok(None);
                }
                match (fields.get("additionalProperties"), meant) {
                    (Some(Value::Bool(false)), meant) => Err(Says::Never { key, meant }),
                    (None | Some(Value::Bool(true)), Some(meant)) => {
                        Err(Says::Undeclared { key, meant })
                    }
                    _ => Ok(None),
                }
            }
        }
    }

    /// The schema that a chain of plain references in this file ends at; `None` where it is not certain.
    fn followed<'s>(&'s self, mut schema: &'s Value) -> Option<&'s Value> {
        for _ in 0..REFERENCES_MAX {
            // A part with an address of its own: what it refers to is not this file's.
            let is_root = std::ptr::eq(schema, &*self.schema.root);
            if !is_root
                && ["$id", "id"].iter().any(|id| schema.get(id).is_some_and(Value::is_string))
            {
                return None;
            }
            match schema.get("$ref") {
                None => return Some(schema),
                Some(reference) => {
                    let pointer = reference.as_str()?.strip_prefix('#')?;
                    if schema.as_object()?.len() > 1 || !pointer.starts_with('/') {
                        return None;
                    }
                    schema = self.schema.root.pointer(pointer)?;
                }
            }
        }
        None
    }
}

/// Words by which other schemas of the same value can declare properties.
fn is_open(word: &str) -> bool {
    matches!(
        word,
        "allOf"
            | "anyOf"
            | "oneOf"
            | "if"
            | "$dynamicRef"
            | "$recursiveRef"
            | "dependentSchemas"
            | "dependencies"
    )
}

fn types(schema: &Map<String, Value>) -> Vec<String> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) => {
            several.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether a type of JSON Schema can be of that kind; asking for null, or for a point in time, is never held against anyone.
fn is_kind(name: &str, kind: Kind) -> bool {
    match kind {
        Kind::Null | Kind::Timestamp => true,
        Kind::Bool => name == "boolean",
        Kind::Number => matches!(name, "number" | "integer"),
        Kind::Text => name == "string",
        Kind::Object => name == "object",
        Kind::Array => name == "array",
    }
}
