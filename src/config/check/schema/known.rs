//! What a schema says of the paths that expressions name. Only what is certain is held against an expression.

use std::sync::Arc;

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
    /// No value that fits has it, because what holds it has one of these types.
    NeverIn { holder: String, types: Vec<String> },
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
        for used in paths {
            let PathUse { path, span, compared_with, .. } = used;
            let is_changed = |own: &Path| own.is_prefix_of(path) || path.is_prefix_of(own);
            if self.changed.iter().any(is_changed) {
                continue;
            }
            let place = at.inside(span.clone());
            let file = &self.schema.file;
            let (path, findings) = (used.to_string(), &mut *context.findings);
            match self.says(used) {
                Says::Nothing => {}
                Says::Never { key, meant } => {
                    let meant = meant.as_deref();
                    fits = Err(findings.never_there(place, (&path, &key), file, meant).into());
                }
                Says::NeverIn { holder, types } => {
                    fits = Err(findings.never_in(place, (&path, &holder), file, &types).into());
                }
                Says::Undeclared { key, meant } => {
                    findings.undeclared(place, (&path, &key), file, &meant);
                }
                Says::Types(types) => {
                    let can_be = |kind: &Kind| types.iter().any(|name| is_kind(name, *kind));
                    if !compared_with.is_empty() && !compared_with.iter().any(can_be) {
                        let types = types.join(" or ");
                        let reported =
                            findings.other_type(place, &path, (file, &types), compared_with);
                        fits = Err(reported.into());
                    }
                }
            }
        }
        fits
    }

    fn says(&self, used: &PathUse) -> Says {
        let mut schema = &*self.schema.root;
        for (at, step) in steps(used).into_iter().enumerate() {
            schema = match self.step(schema, &step) {
                Ok(Some(inner)) => inner,
                Ok(None) => return Says::Nothing,
                // That it is no array is said where the array is named.
                Err(Says::NeverIn { .. }) if matches!(step, Step::AnyElement) => {
                    return Says::Nothing;
                }
                Err(Says::NeverIn { types, .. }) => {
                    return Says::NeverIn { holder: shown(used, at), types };
                }
                Err(says) => return says,
            };
        }
        let Some(Value::Object(fields)) = self.followed(schema) else { return Says::Nothing };
        let types = types(fields);
        if types.is_empty() { Says::Nothing } else { Says::Types(types) }
    }

    /// The schema of a member or element; `None` where it is not certain.
    fn step<'s>(&'s self, schema: &'s Value, step: &Step<'_>) -> Result<Option<&'s Value>, Says> {
        let Some(Value::Object(fields)) = self.followed(schema) else { return Ok(None) };
        let (types, holds) = (types(fields), step.holder());
        if !types.is_empty() && !types.iter().any(|name| name == holds) {
            return Err(Says::NeverIn { holder: String::new(), types });
        }
        match step {
            Step::Element | Step::AnyElement => Ok(fields
                .get("items")
                .filter(|i| i.is_object() && !fields.contains_key("prefixItems"))),
            Step::Member(key) => {
                let properties = fields.get("properties").and_then(Value::as_object);
                if let Some(inner) = properties.and_then(|p| p.get(*key)) {
                    return Ok(Some(inner));
                }
                let known = properties.into_iter().flat_map(|p| p.keys()).map(String::as_str);
                let meant = nearest(key, known).map(str::to_owned);
                let key = (*key).to_owned();
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
            let is_root = std::ptr::eq(schema, Arc::as_ptr(&self.schema.root));
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

/// One step down into a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step<'a> {
    Member(&'a str),
    /// One that the path names.
    Element,
    /// Each that `exists()` or `all()` looks at.
    AnyElement,
}

impl Step<'_> {
    /// The type of what it leads into.
    fn holder(self) -> &'static str {
        match self {
            Self::Member(_) => "object",
            Self::Element | Self::AnyElement => "array",
        }
    }
}

fn steps(used: &PathUse) -> Vec<Step<'_>> {
    fn of(path: &Path) -> impl Iterator<Item = Step<'_>> {
        path.0.iter().map(|segment| match segment {
            Segment::Key(key) => Step::Member(key),
            Segment::Index(_) => Step::Element,
        })
    }
    let mut steps: Vec<_> = of(&used.path).collect();
    if let Some((_, path)) = &used.element {
        steps.push(Step::AnyElement);
        steps.extend(of(path));
    }
    steps
}

/// What the first so many steps lead to, as the expression would name it.
fn shown(used: &PathUse, steps: usize) -> String {
    let first = |path: &Path, count: usize| Path(path.0.iter().take(count).cloned().collect());
    let in_element = steps.checked_sub(used.path.0.len().saturating_add(1));
    let element = used.element.as_ref().zip(in_element);
    let used = PathUse {
        path: first(&used.path, steps),
        element: element.map(|((name, path), count)| (name.clone(), first(path, count))),
        ..used.clone()
    };
    used.to_string()
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
