//! A schema that refers to itself without going deeper into the value says nothing, and is a slip.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::pipeline::PayloadSchema;

/// A schema within a document: its URI, and a JSON pointer in it.
type Place = (String, String);

/// The way back to where it begins, in words; absent where there is none.
pub(super) fn find(schema: &PayloadSchema) -> Option<String> {
    let mut search = Search { schema, done: BTreeSet::new() };
    let mut begins = Vec::new();
    let root = PayloadSchema::uri_of(&schema.file);
    references(&schema.root, &root, "", &mut begins);
    for (uri, document) in &*schema.others {
        references(document, uri, "", &mut begins);
    }
    begins.into_iter().find_map(|place| search.from(place))
}

struct Search<'a> {
    schema: &'a PayloadSchema,
    done: BTreeSet<Place>,
}

/// All places with a `$ref`; as deep as a document, which was read in bounded depth.
fn references(value: &Value, uri: &str, pointer: &str, found: &mut Vec<Place>) {
    match value {
        Value::Object(fields) => {
            if fields.get("$ref").is_some_and(Value::is_string) {
                found.push((uri.to_owned(), pointer.to_owned()));
            }
            for (key, value) in fields {
                references(value, uri, &format!("{pointer}/{}", escaped(key)), found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                references(value, uri, &format!("{pointer}/{index}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

impl Search<'_> {
    /// Depth first, without recursion: a chain of references can be long.
    fn from(&mut self, begin: Place) -> Option<String> {
        let mut path: Vec<(Place, Vec<Place>)> = Vec::new();
        let mut next = Some(begin);
        loop {
            if let Some(place) = next.take() {
                if let Some(at) = path.iter().position(|(own, _)| *own == place) {
                    let way = path.iter().skip(at).map(|(own, _)| shown(own));
                    return Some(way.chain([shown(&place)]).collect::<Vec<_>>().join(" -> "));
                }
                if !self.done.contains(&place) {
                    let leads = self.leads(&place);
                    path.push((place, leads));
                }
            }
            let (_, leads) = path.last_mut()?;
            match leads.pop() {
                Some(place) => next = Some(place),
                None => self.done.extend(path.pop().map(|(place, _)| place)),
            }
        }
    }

    /// The schemas that the same value must fit too.
    fn leads(&self, (uri, pointer): &Place) -> Vec<Place> {
        let Some(Value::Object(fields)) = self.document(uri).and_then(|d| d.pointer(pointer))
        else {
            return Vec::new();
        };
        let mut leads = Vec::new();
        for (key, value) in fields {
            let below = |inner: &str| (uri.clone(), format!("{pointer}/{key}{inner}"));
            match (key.as_str(), value) {
                ("$ref", Value::String(reference)) => leads.extend(resolved(uri, reference)),
                ("allOf" | "anyOf" | "oneOf", Value::Array(items)) => {
                    leads.extend((0..items.len()).map(|index| below(&format!("/{index}"))));
                }
                ("not" | "if" | "then" | "else", Value::Object(_)) => leads.push(below("")),
                _ => {}
            }
        }
        leads
    }

    fn document(&self, uri: &str) -> Option<&Value> {
        if uri == PayloadSchema::uri_of(&self.schema.file) {
            return Some(&self.schema.root);
        }
        self.schema.others.get(uri)
    }
}

/// Where a reference leads, where that is plain: a pointer here, or in a file beside this one.
fn resolved(uri: &str, reference: &str) -> Option<Place> {
    let (file, pointer) = reference.split_once('#').unwrap_or((reference, ""));
    if !(pointer.is_empty() || pointer.starts_with('/')) {
        return None;
    }
    let uri = match file {
        "" => uri.to_owned(),
        absolute if absolute.contains(':') => absolute.to_owned(),
        beside => {
            let (folder, _) = uri.rsplit_once('/')?;
            format!("{folder}/{beside}")
        }
    };
    Some((uri, pointer.to_owned()))
}

fn shown((uri, pointer): &Place) -> String {
    format!("{}#{pointer}", PayloadSchema::file_of(uri).unwrap_or(uri))
}
