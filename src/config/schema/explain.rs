//! Errors of `jsonschema` -> findings at the right place and in plain words.
//!
//! "Not valid under any of the schemas" helps nobody: the variant that was meant is looked for, and its own errors are said.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;

use super::super::finding::Findings;
use super::super::raw::poison;
use super::super::text::{listed, nearest, quote};
use super::super::yaml::At;

/// Says each error, and hands back the document without what is broken.
pub(super) fn explain<'a>(
    schema: &Value,
    errors: impl Iterator<Item = ValidationError<'a>>,
    at: At<'_>,
    value: &Value,
    findings: &mut Findings,
) -> Value {
    let mut explainer = Explainer { schema, at, findings, value: value.clone() };
    let errors: Vec<_> = errors.collect();
    let errors: Vec<_> = errors.iter().collect();
    explainer.all(&errors);
    explainer.value
}

struct Explainer<'e> {
    schema: &'e Value,
    at: At<'e>,
    findings: &'e mut Findings,
    /// What is left of the document.
    value: Value,
}

impl Explainer<'_> {
    /// Errors of one document or variant.
    fn all(&mut self, errors: &[&ValidationError<'_>]) {
        for error in errors {
            if !is_misspelled(error, errors) {
                self.one(error);
            }
        }
        // A field that is missing only because it is misspelled is broken all the same.
        for error in errors {
            if let Kind::Required { property } = error.kind() {
                self.insert_broken(error.instance_path().as_str(), property);
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the enum is another crate's and grows")]
    fn one(&mut self, error: &ValidationError<'_>) {
        let pointer = error.instance_path().as_str().to_owned();
        let at = self.at.pointer(&pointer);
        let found = error.instance().as_ref();
        match error.kind() {
            Kind::OneOfNotValid { context } | Kind::AnyOf { context } => {
                let schema_path = error.schema_path().as_str();
                return self.variants(context, schema_path, &pointer, found);
            }
            Kind::AdditionalProperties { unexpected } => {
                return self.unknown_fields(unexpected, error, &pointer);
            }
            Kind::Required { property } => {
                let field = property.as_str().unwrap_or_default();
                let help = self.description(error, field);
                self.findings.missing_field(at.key(), field, &holder(&pointer), help.as_deref());
                return;
            }
            Kind::Type { .. } => {
                let expected = self.at_schema(error.schema_path().as_str());
                let expected = kinds(expected.unwrap_or(&Value::Null));
                let hint = hint_for(&expected, found, &owner(&pointer), at);
                self.findings.wrong_kind(at.place(), &expected, &described(found), hint);
            }
            Kind::Constant { .. } if pointer == "/version" => {
                self.findings.unknown_version(at.place(), &described(found));
            }
            Kind::FalseSchema => {
                let fields = self.value.pointer(&pointer).and_then(Value::as_object).cloned();
                let fields: Vec<_> = fields.into_iter().flatten().map(|(name, _)| name).collect();
                return self.unknown_fields(&fields, error, &pointer);
            }
            Kind::Enum { options } => {
                let words: Vec<_> =
                    options.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                self.findings.unknown_word(
                    at.place(),
                    &plain(found),
                    &words,
                    &what_is_at(&pointer),
                );
            }
            kind => self.bound(kind, found, &owner(&pointer), at),
        }
        self.break_off(&pointer);
    }

    fn bound(&mut self, kind: &Kind, found: &Value, owner: &str, at: At<'_>) {
        match bound(kind, found, owner) {
            Some(message) => self.findings.out_of_bounds(at.place(), message),
            None => self.findings.against_schema(at.place(), kind.keyword()),
        };
    }

    fn variants(
        &mut self,
        context: &[Vec<ValidationError<'static>>],
        schema_path: &str,
        pointer: &str,
        found: &Value,
    ) {
        let is_here = |e: &ValidationError<'_>| e.instance_path().as_str() == pointer;
        let other = |e: &ValidationError<'_>| {
            let decides = matches!(
                e.kind(),
                Kind::Type { .. }
                    | Kind::Enum { .. }
                    | Kind::Constant { .. }
                    | Kind::Required { .. }
            );
            is_here(e) && decides
        };
        // A variant is a map of one field: its tag.
        let is_one = found.as_object().is_none_or(|fields| fields.len() == 1);
        let meant = context.iter().find(|branch| !branch.iter().any(other));
        if let Some(meant) = meant.filter(|_| is_one) {
            let errors: Vec<_> = meant.iter().collect();
            return self.all(&errors);
        }
        let words = Words::of(self.at_schema(schema_path));
        self.no_variant(pointer, found, &words);
        self.break_off(pointer);
    }

    fn no_variant(&mut self, pointer: &str, found: &Value, words: &Words) {
        let at = self.at.pointer(pointer);
        let what = what_is_at(pointer);
        let all = words.shown();
        let all: Vec<_> = all.iter().map(String::as_str).collect();
        match found {
            found if all.is_empty() => {
                let hint = dotted(pointer, found);
                let expected = match owner(pointer).as_str() {
                    "headers" => "a map of texts, or a list of maps with one text each",
                    _ => "a text, a number, true or false",
                };
                self.findings.wrong_kind(at.key(), expected, &described(found), hint);
            }
            Value::String(_) | Value::Number(_) if words.is_tag("credential") => {
                self.findings.secret_as_text(at.key());
            }
            Value::Object(fields) => match fields.keys().collect::<Vec<_>>().as_slice() {
                [key] if words.is_bare(key) => {
                    let hint = Some(format!("write the bare word: {key}"));
                    let found = "fields that it does not have";
                    self.findings.wrong_kind(at.key(), &format!("the word `{key}`"), found, hint);
                }
                [key] => {
                    self.findings.unknown_word(at.field(key).key(), key, &all, &what);
                }
                keys => {
                    let keys: Vec<_> = keys.iter().map(|k| k.as_str()).collect();
                    let hint = "begin a list item of its own for each step";
                    let hint = pointer.starts_with("/steps/").then(|| hint.to_owned());
                    self.findings.not_one_variant(at.key(), &keys, &all, hint);
                }
            },
            Value::String(word) if !words.is_tag(word) && !words.bare.is_empty() => {
                self.findings.unknown_word(at.place(), word, &all, &what);
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => {
                let expected = listed(all.iter().copied());
                self.findings.wrong_kind(at.place(), &expected, &described(found), None);
            }
        }
    }

    fn unknown_fields(
        &mut self,
        unexpected: &[String],
        error: &ValidationError<'_>,
        pointer: &str,
    ) {
        let known = known_fields(self.schema, error);
        let known: Vec<_> =
            known.iter().map(String::as_str).filter(|k| !k.starts_with('$')).collect();
        let at = self.at.pointer(pointer);
        for field in unexpected {
            let owner = holder(pointer);
            self.findings.unknown_field(at.field(field).key(), field, &owner, &known);
            if let Some(Value::Object(fields)) = self.value.pointer_mut(pointer) {
                fields.shift_remove(field);
            }
        }
    }

    fn insert_broken(&mut self, pointer: &str, field: &Value) {
        if let (Some(Value::Object(fields)), Some(field)) =
            (self.value.pointer_mut(pointer), field.as_str())
        {
            fields.entry(field).or_insert_with(poison);
        }
    }

    fn break_off(&mut self, pointer: &str) {
        if let Some(value) = self.value.pointer_mut(pointer) {
            *value = poison();
        }
    }

    fn at_schema(&self, pointer: &str) -> Option<&Value> {
        self.schema.pointer(pointer)
    }

    /// The first sentence of what the schema says about a field.
    fn description(&self, error: &ValidationError<'_>, field: &str) -> Option<String> {
        let (parent, _) = error.schema_path().as_str().rsplit_once('/')?;
        let text = self.at_schema(&format!("{parent}/properties/{field}/description"))?.as_str()?;
        let text = text.split("\n\n").next().unwrap_or_default().replace('\n', " ");
        Some(text.trim_end_matches('.').to_owned())
    }
}

/// Whether a missing field stands there under a name that is nearly its own; then that one is said, and not both.
fn is_misspelled(error: &ValidationError<'_>, errors: &[&ValidationError<'_>]) -> bool {
    let Kind::Required { property } = error.kind() else { return false };
    let is_meant = |field: &String| nearest(field, property.as_str()).is_some();
    let same_map =
        |e: &&&ValidationError<'_>| e.instance_path().as_str() == error.instance_path().as_str();
    errors.iter().filter(same_map).any(|other| {
        matches!(other.kind(), Kind::AdditionalProperties { unexpected } if unexpected.iter().any(is_meant))
    })
}

fn known_fields(schema: &Value, error: &ValidationError<'_>) -> Vec<String> {
    let fields = error
        .schema_path()
        .as_str()
        .rsplit_once('/')
        .and_then(|(parent, _)| schema.pointer(&format!("{parent}/properties")))
        .and_then(Value::as_object);
    fields.into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

/// The words for the variants of a choice.
struct Words {
    /// That stand alone.
    bare: Vec<String>,
    /// That have fields, or a value.
    tags: Vec<String>,
    /// Numbers that may stand there instead.
    range: Option<String>,
}

impl Words {
    /// From the list of branches in the schema.
    fn of(branches: Option<&Value>) -> Self {
        let branches = || branches.and_then(Value::as_array).into_iter().flatten();
        let texts = |value: &Value| value.as_str().map(str::to_owned);
        let bare = branches().flat_map(|branch| {
            let several = branch.get("enum").and_then(Value::as_array).into_iter().flatten();
            several.chain(branch.get("const")).filter_map(texts)
        });
        let required = |branch: &Value| branch.pointer("/required/0").and_then(texts);
        let range = branches().find_map(|b| {
            Some(format!("{} to {}", b.get("minimum")?.as_u64()?, b.get("maximum")?.as_u64()?))
        });
        Self { bare: bare.collect(), tags: branches().filter_map(required).collect(), range }
    }

    fn is_bare(&self, word: &str) -> bool {
        self.bare.iter().any(|w| w == word)
    }

    fn is_tag(&self, word: &str) -> bool {
        self.tags.iter().any(|w| w == word)
    }

    /// As an operator would write them; what may stand alone is shown so.
    fn shown(&self) -> Vec<String> {
        let tags = self.tags.iter().filter(|t| !self.is_bare(t)).map(|t| format!("{{{t}: ...}}"));
        self.bare.iter().cloned().chain(tags).chain(self.range.clone()).collect()
    }
}

/// What a pointer leads to, behind "is no legal".
fn what_is_at(pointer: &str) -> String {
    let tokens: Vec<_> = pointer.split('/').skip(1).collect();
    match tokens.as_slice() {
        ["steps", _] => "step".to_owned(),
        ["sinks", _] => "kind of sink".to_owned(),
        _ => format!("`{}`", owner(pointer)),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the enum is another crate's and grows")]
fn bound(kind: &Kind, found: &Value, owner: &str) -> Option<String> {
    let found = plain(found);
    Some(match kind {
        Kind::Minimum { limit } => format!("`{owner}` is {found}, at least {limit} is legal"),
        Kind::Maximum { limit } => format!("`{owner}` is {found}, at most {limit} is legal"),
        Kind::MinItems { limit } => {
            format!("`{owner}` is an empty list, at least {limit} is needed")
        }
        Kind::MinProperties { limit } => format!("`{owner}` is empty, at least {limit} is needed"),
        Kind::MaxProperties { limit } => {
            format!("an item of `{owner}` has several fields, at most {limit} is legal")
        }
        _ => return None,
    })
}

/// What holds the field of a finding, for "in" and "of"; empty at the top.
fn holder(pointer: &str) -> String {
    let tokens: Vec<_> = pointer.split('/').skip(1).collect();
    match tokens.as_slice() {
        [] => String::new(),
        ["routes", _] => "a route".to_owned(),
        ["steps", _] => "a step".to_owned(),
        _ => format!("`{}`", owner(pointer)),
    }
}

/// For a property that is written as a map of maps: its name with dots.
fn dotted(pointer: &str, found: &Value) -> Option<String> {
    let (inner, _) = found.as_object()?.iter().next()?;
    Some(format!("write the whole name with dots: {}.{inner}", owner(pointer)))
}

/// The field, or list, that a pointer leads to; empty at the top.
fn owner(pointer: &str) -> String {
    let is_name = |token: &&str| token.parse::<usize>().is_err();
    let name = pointer.split('/').skip(1).filter(is_name).last().unwrap_or_default();
    name.replace("~1", "/").replace("~0", "~")
}

fn kinds(types: &Value) -> String {
    let one = |name: &Value| match name.as_str().unwrap_or_default() {
        "string" => "a text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "a map of fields",
        "null" => "null",
        _ => "something else",
    };
    match types.as_array() {
        Some(several) => several.iter().map(one).collect::<Vec<_>>().join(" or "),
        None => one(types).to_owned(),
    }
}

fn described(found: &Value) -> String {
    match found {
        Value::Null => "nothing".to_owned(),
        Value::Bool(bool) => format!("the boolean `{bool}`"),
        Value::Number(number) => format!("the number `{number}`"),
        Value::String(text) => format!("the text {}", quote(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a map of fields".to_owned(),
    }
}

fn plain(found: &Value) -> String {
    match found {
        Value::String(text) => text.clone(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a map".to_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) => found.to_string(),
    }
}

fn hint_for(expected: &str, found: &Value, field: &str, at: At<'_>) -> Option<String> {
    let written = at.place().text().to_owned();
    match (expected, found) {
        ("a text", Value::Null) if field == "key" => {
            Some("the expression null is a text: 'null'".to_owned())
        }
        (_, Value::Null) => Some("give it a value, or remove the field".to_owned()),
        ("a text", Value::Number(_)) if field == "commit_interval" => {
            Some(format!("write it with a unit: {written}ms"))
        }
        ("a text", Value::Number(_)) if field == "max_bytes" => {
            Some(format!("write it with a unit: {written}B, or 64MiB"))
        }
        ("a text", Value::Number(_)) if field == "timestamp" => {
            Some("write it with date, time and zone: 2026-01-01T00:00:00Z".to_owned())
        }
        ("a text" | "a text or null", Value::Bool(_) | Value::Number(_)) => {
            Some(format!("quote it: '{written}'"))
        }
        ("a list", Value::String(_) | Value::Number(_)) => {
            Some(format!("write a list: [{written}]"))
        }
        ("a whole number", Value::String(text)) if text.parse::<i64>().is_ok() => {
            Some("write the number without quotes".to_owned())
        }
        _ => None,
    }
}
