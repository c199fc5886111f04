//! The schema of a `validate` step, compiled: a value is read into a borrowed [`Dom`] and held against it.
//!
//! `config` compiles each schema once to see that it does, [`Program`](super::Program) compiles it to use it. Nothing is ever
//! fetched: what is not in the [`PayloadSchema`] is refused.

mod chain;
mod dom;
mod node;
mod reason;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::error::ValidationErrorKind as Kind;
use jsonschema::{PatternOptions, ReferencingError, Retrieve, Uri, ValidationError, options_for};
use serde_json::Value;

use chain::Chain;
pub use dom::Dom;
use node::{Backend, DomNode, Visits};
use reason::Names;

use crate::json::{Check, Paths, scan};
use crate::model::{Rejection, Stage};
use crate::pipeline::PayloadSchema;

/// A compiled regular expression of a schema may be so large.
pub const PATTERN_BYTES_MAX: usize = 1 << 20;

/// A schema that values are held against.
#[derive(Debug)]
pub struct CompiledSchema {
    validator: jsonschema::Validator<Backend>,
    names: Names,
    file: Arc<str>,
}

/// Why a schema does not compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaError {
    /// It refers to something that is not among its files.
    Unknown {
        /// The absolute URI.
        uri: String,
    },
    /// It refers to a part that is not there.
    NoSuchPart {
        /// In words.
        what: String,
    },
    /// A regular expression in it does not compile, or is larger than [`PATTERN_BYTES_MAX`] then.
    Pattern {
        /// As the schema has it.
        pattern: String,
        /// The JSON pointer to it.
        at: String,
    },
    /// Its `$schema` names no draft that is known.
    NoDraft {
        /// What it names.
        draft: String,
    },
    /// It is no JSON Schema.
    Invalid {
        /// In words.
        what: String,
    },
    /// It refers to itself without going deeper into the value: that says nothing.
    Circle {
        /// The way round, in words.
        way: String,
    },
    /// Too many of its rules lead on to one another without going deeper into the value.
    TooLong {
        /// Where that begins.
        begin: String,
        /// How many may.
        max: usize,
    },
}

/// What a compilation has asked for.
#[derive(Clone, Default)]
struct Shelf {
    others: Arc<BTreeMap<String, Value>>,
    asked: Arc<Mutex<Asked>>,
}

#[derive(Default)]
struct Asked {
    given: BTreeSet<String>,
    refused: Option<String>,
}

impl Shelf {
    fn of(schema: &PayloadSchema) -> Self {
        Self { others: Arc::clone(&schema.others), asked: Arc::default() }
    }
}

impl Retrieve for Shelf {
    fn retrieve(
        &self,
        uri: &Uri<String>,
    ) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = self.others.get(uri.as_str()) {
            asked.given.insert(uri.as_str().to_owned());
            return Ok(value.clone());
        }
        asked.refused.get_or_insert_with(|| uri.as_str().to_owned());
        Err("it is no file of the schemas folder".into())
    }
}

impl CompiledSchema {
    /// Compiles a schema; also returns the URIs of what it refers to.
    pub fn new(schema: &PayloadSchema) -> Result<(Self, BTreeSet<String>), SchemaError> {
        // First: the compiler follows a chain by recursion.
        chain::check(schema, Shelf::of(schema)).map_err(|chain| match chain {
            Chain::Circle(way) => SchemaError::Circle { way },
            Chain::TooLong(begin) => SchemaError::TooLong { begin, max: chain::CHAIN_MAX },
        })?;
        let shelf = Shelf::of(schema);
        let patterns =
            PatternOptions::regex().size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX);
        let validator = options_for::<Backend>()
            .with_base_uri(PayloadSchema::uri_of(&schema.file))
            .with_retriever(shelf.clone())
            .with_pattern_options(patterns)
            .build(&schema.root);
        let asked =
            std::mem::take(&mut *shelf.asked.lock().unwrap_or_else(PoisonError::into_inner));
        let validator = validator.map_err(|error| match asked.refused {
            Some(uri) => SchemaError::Unknown { uri },
            None => refused(&error),
        })?;
        let names = Names::of(schema);
        Ok((Self { validator, names, file: Arc::clone(&schema.file) }, asked.given))
    }

    /// Holds a value against the schema.
    pub fn check(&self, value: &[u8], rule: &str) -> Result<(), Rejection> {
        let dom = Dom::parse(value).map_err(|error| unread(value, &error, rule))?;
        let visits = Visits::of(value.len());
        let fits = self.validator.is_valid(DomNode { dom: &dom, visits: &visits });
        if visits.are_used_up() {
            return Err(rejected(UNANSWERED, rule));
        }
        if fits { Ok(()) } else { Err(self.broken(&dom, value.len(), rule)) }
    }

    /// Asks again, for the reason: that takes another way, without the memory of what was asked before.
    #[cold]
    fn broken(&self, dom: &Dom<'_>, bytes: usize, rule: &str) -> Rejection {
        let visits = Visits::for_reason(bytes);
        match self.validator.validate(DomNode { dom, visits: &visits }) {
            Err(error) if !visits.are_used_up() => {
                rejected(reason::of(&error, &self.names, &self.file, dom), rule)
            }
            Ok(()) | Err(_) => rejected(UNSAID, rule),
        }
    }
}

/// Of a value that no answer was found for.
const UNANSWERED: &str = "the value cannot be held against the schema: that takes more than 64 questions for each byte of it, or 16 million, or it leads through too many rules within rules";
/// Of a value that is known not to fit.
const UNSAID: &str = "the value breaks the schema; its rules lead back to themselves so often that the broken one was not found";

#[cold]
fn rejected(reason: impl Into<Cow<'static, str>>, rule: &str) -> Rejection {
    Rejection { stage: Stage::Validate, reason: reason.into(), rule: rule.to_owned().into() }
}

/// What is no JSON is a matter of the format; what is, and still cannot be compared, is one of the schema.
#[cold]
fn unread(value: &[u8], error: &dom::Unread, rule: &str) -> Rejection {
    let malformed = scan(&Paths::default(), value, Check::Whole, &mut []).err();
    let (stage, reason): (_, Cow<'static, str>) = match (malformed, error) {
        (Some(malformed), _) => (Stage::Decode, super::no_json(&malformed)),
        (None, dom::Unread::RepeatedKey) => (
            Stage::Decode,
            "a key occurs twice in an object of the value, and a schema reads all keys".into(),
        ),
        (None, dom::Unread::Refused(what)) => {
            (Stage::Validate, format!("the value cannot be held against the schema: {what}").into())
        }
    };
    Rejection { stage, reason, rule: rule.to_owned().into() }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the enums are another crate's and grow")]
fn refused(error: &ValidationError<'_>) -> SchemaError {
    match error.kind() {
        Kind::Referencing(ReferencingError::UnknownSpecification { specification }) => {
            SchemaError::NoDraft { draft: specification.clone() }
        }
        Kind::Referencing(_) => SchemaError::NoSuchPart { what: described(error) },
        Kind::Format { format } if format == "regex" => {
            // The draft's own schema finds the one, the compiler the other.
            let (instance, schema) = (error.instance_path(), error.schema_path());
            let at = if instance.as_str().is_empty() { schema } else { instance };
            let pattern = error.instance().as_str().unwrap_or_default();
            SchemaError::Pattern { pattern: pattern.to_owned(), at: at.as_str().to_owned() }
        }
        _ => SchemaError::Invalid { what: described(error) },
    }
}

/// Nothing of a payload is in it: only the schema was looked at.
fn described(error: &ValidationError<'_>) -> String {
    let place = error.instance_path().as_str();
    let text = error.to_string();
    let mut text: String = text.chars().take(200).collect();
    if !place.is_empty() {
        text = format!("{text} (at #{place})");
    }
    text
}
