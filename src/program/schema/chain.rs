//! How many rules of a schema lead on to one another for one and the same part of a value. A circle says nothing, and is a slip;
//! a long chain takes the thread's stack, once for each level of the value, and `jsonschema` has no bound.
//!
//! References are resolved as the validator resolves them: `$id` and `$anchor` count. A `$dynamicRef` is followed to where it leads
//! on the first way by which it is met.

use std::collections::BTreeMap;

use jsonschema::{Draft, Registry, RegistryBuilder};
use referencing::Resolver;
use serde_json::{Map, Value};

use super::Shelf;
use crate::pipeline::PayloadSchema;

/// So many rules may lead on to one another; real schemas stay below a dozen or two.
pub(super) const CHAIN_MAX: usize = 256;

/// What is wrong with a schema's chains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Chain {
    /// The way round, in words.
    Circle(String),
    /// Longer than [`CHAIN_MAX`]; where it begins.
    TooLong(String),
}

/// A schema within a document.
struct Place<'r> {
    schema: &'r Value,
    resolver: Resolver<'r>,
    draft: Draft,
    name: String,
}

impl Place<'_> {
    /// One place of a document has one address.
    fn address(&self) -> usize {
        std::ptr::from_ref(self.schema).addr()
    }
}

/// A place on the way, those that it leads to, and the longest chain from it as far as that is known.
struct Step<'r> {
    place: Place<'r>,
    leads: Vec<Place<'r>>,
    longest: usize,
}

/// Looks for them; what cannot be resolved is not followed, because such a schema does not compile.
pub(super) fn check(schema: &PayloadSchema, shelf: Shelf) -> Result<(), Chain> {
    let uri = PayloadSchema::uri_of(&schema.file);
    let registry = Registry::new().retriever(shelf).add(&uri, &*schema.root);
    let Ok(registry) = registry.and_then(RegistryBuilder::prepare) else { return Ok(()) };
    let Ok(base) = jsonschema::uri::from_str(&uri) else { return Ok(()) };
    let Ok(root) = registry.resolver(base).lookup("#") else { return Ok(()) };
    let (schema, resolver, draft) = root.into_inner();
    let mut search = Search::default();
    search.begins.push(Place { schema, resolver, draft, name: shown(&uri, "") });
    search.run()
}

#[derive(Default)]
struct Search<'r> {
    /// Where a part of the value begins.
    begins: Vec<Place<'r>>,
    /// The longest chain from each place that was looked at.
    done: BTreeMap<usize, usize>,
}

impl<'r> Search<'r> {
    fn run(&mut self) -> Result<(), Chain> {
        while let Some(begin) = self.begins.pop() {
            self.from(begin)?;
        }
        Ok(())
    }

    /// Depth first, without recursion.
    fn from(&mut self, begin: Place<'r>) -> Result<(), Chain> {
        let mut path: Vec<Step<'r>> = Vec::new();
        let mut next = Some(begin);
        loop {
            if let Some(place) = next.take() {
                self.enter(place, &mut path)?;
            }
            let Some(last) = path.last_mut() else { return Ok(()) };
            next = last.leads.pop();
            if next.is_none()
                && let Some(step) = path.pop()
            {
                self.leave(&step, path.last_mut())?;
            }
        }
    }

    fn enter(&mut self, place: Place<'r>, path: &mut Vec<Step<'r>>) -> Result<(), Chain> {
        let address = place.address();
        if let Some(at) = path.iter().position(|step| step.place.address() == address) {
            let way = path.iter().skip(at).map(|step| step.place.name.as_str());
            return Err(Chain::Circle(
                way.chain([place.name.as_str()]).collect::<Vec<_>>().join(" -> "),
            ));
        }
        if let Some(longest) = self.done.get(&address) {
            if let Some(last) = path.last_mut() {
                last.longest = last.longest.max(longest + 1);
            }
            return Ok(());
        }
        if let (Some(first), true) = (path.first(), path.len() > CHAIN_MAX) {
            return Err(Chain::TooLong(first.place.name.clone()));
        }
        let leads = self.leads(&place);
        path.push(Step { place, leads, longest: 0 });
        Ok(())
    }

    fn leave(&mut self, step: &Step<'r>, before: Option<&mut Step<'r>>) -> Result<(), Chain> {
        self.done.insert(step.place.address(), step.longest);
        if step.longest > CHAIN_MAX {
            return Err(Chain::TooLong(step.place.name.clone()));
        }
        if let Some(before) = before {
            before.longest = before.longest.max(step.longest + 1);
        }
        Ok(())
    }

    /// The schemas that the same part of a value is held against too; those of its own parts begin anew.
    fn leads(&mut self, place: &Place<'r>) -> Vec<Place<'r>> {
        let Value::Object(fields) = place.schema else { return Vec::new() };
        let mut leads = references(place, fields);
        let old = matches!(place.draft, Draft::Draft4 | Draft::Draft6 | Draft::Draft7);
        if old && fields.contains_key("$ref") {
            return leads; // What stands beside it does not count in these drafts.
        }
        for (key, value) in fields {
            match (key.as_str(), value) {
                ("allOf" | "anyOf" | "oneOf", Value::Array(_))
                | ("dependentSchemas" | "dependencies", Value::Object(_)) => {
                    leads.extend(below(place, key, value));
                }
                ("not" | "if" | "then" | "else", _) => leads.push(at(place, key, value)),
                ("properties" | "patternProperties", Value::Object(_))
                | ("items" | "prefixItems", Value::Array(_)) => {
                    self.begins.extend(below(place, key, value));
                }
                (
                    "items"
                    | "additionalItems"
                    | "unevaluatedItems"
                    | "contains"
                    | "additionalProperties"
                    | "unevaluatedProperties"
                    | "propertyNames",
                    _,
                ) => self.begins.push(at(place, key, value)),
                _ => {}
            }
        }
        leads
    }
}

fn references<'r>(place: &Place<'r>, fields: &Map<String, Value>) -> Vec<Place<'r>> {
    let mut leads = Vec::new();
    for key in ["$ref", "$dynamicRef", "$recursiveRef"] {
        let Some(reference) = fields.get(key).and_then(Value::as_str) else { continue };
        let found = match key {
            "$recursiveRef" => place.resolver.lookup_recursive_ref(),
            _ => place.resolver.lookup(reference),
        };
        let Ok(found) = found else { continue };
        let (schema, resolver, draft) = found.into_inner();
        let fragment = reference.split_once('#').map_or("", |(_, fragment)| fragment);
        let name = shown(resolver.base_uri().as_str(), fragment);
        leads.push(Place { schema, resolver, draft, name });
    }
    leads
}

/// The schema of a keyword.
fn at<'r>(place: &Place<'r>, pointer: &str, schema: &'r Value) -> Place<'r> {
    let draft = place.draft.detect(schema);
    let inner = place.resolver.in_subresource(draft.create_resource_ref(schema));
    let resolver = inner.unwrap_or_else(|_| place.resolver.clone());
    Place { schema, resolver, draft, name: format!("{}/{pointer}", place.name) }
}

/// The schemas of a keyword that has several.
fn below<'r>(place: &Place<'r>, key: &str, schemas: &'r Value) -> Vec<Place<'r>> {
    match schemas {
        Value::Array(list) => {
            let each = list.iter().enumerate();
            each.map(|(n, schema)| at(place, &format!("{key}/{n}"), schema)).collect()
        }
        Value::Object(map) => {
            map.iter().map(|(name, schema)| at(place, &format!("{key}/{name}"), schema)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

fn shown(uri: &str, fragment: &str) -> String {
    format!("{}#{fragment}", PayloadSchema::file_of(uri).unwrap_or(uri))
}
