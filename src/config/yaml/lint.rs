//! What is legal YAML and still a trap: repeated keys, merge keys, tags, keys that are no text, ambiguous scalars.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::scalar::{self, Core};
use super::tree::{Data, Node, Scalar, Style};
use crate::config::finding::Findings;
use crate::config::text::{Place, SourceText};

/// Looks at what no value shows any more.
pub(super) fn structure(source: &Arc<SourceText>, node: &Node, findings: &mut Findings) {
    let place = |node: &Node| Place::new(source, node.span.clone());
    if let Some(tag) = &node.tag {
        findings.tag(place(node), tag);
    }
    match &node.data {
        Data::Scalar(scalar) => number(scalar, place(node), findings),
        Data::List(items) => items.iter().for_each(|item| structure(source, item, findings)),
        Data::Map(entries) => {
            let mut seen: BTreeMap<&str, &Node> = BTreeMap::new();
            for (key, value) in entries {
                if let Some(text) = key_text(source, key, findings)
                    && let Some(first) = seen.insert(text, key)
                {
                    findings.duplicate_key(place(key), &place(first));
                }
                structure(source, value, findings);
            }
        }
    }
}

/// The text of a key that is one.
fn key_text<'a>(
    source: &Arc<SourceText>,
    key: &'a Node,
    findings: &mut Findings,
) -> Option<&'a str> {
    let place = Place::new(source, key.span.clone());
    if let Some(tag) = &key.tag {
        findings.tag(place, tag);
        return None;
    }
    let Some(Scalar { text, style }) = key.scalar() else {
        findings.key_is_no_text(place, "a list or a map");
        return None;
    };
    if *style == Style::Plain {
        let kind = match scalar::core(text) {
            Core::Null => "null",
            Core::Bool(_) => "a boolean",
            Core::Integer(_) | Core::Float(_) | Core::OutOfRange => "a number",
            Core::Text if text == "<<" => {
                findings.merge_key(place);
                return None;
            }
            Core::Text => {
                if let Some(otherwise) = scalar::otherwise(text) {
                    findings.ambiguous_scalar(place, otherwise);
                }
                return Some(text);
            }
        };
        findings.key_is_no_text(place, kind);
        return None;
    }
    Some(text)
}

fn number(scalar: &Scalar, place: Place, findings: &mut Findings) {
    if scalar.style == Style::Plain && scalar::core(&scalar.text) == Core::OutOfRange {
        findings.number_out_of_range(place);
    }
}

/// Looks where the two readers differ, and at texts that others read as something else.
pub(super) fn values(
    source: &Arc<SourceText>,
    node: &Node,
    value: &Value,
    findings: &mut Findings,
) {
    let place = || Place::new(source, node.span.clone());
    match (&node.data, value) {
        (Data::Scalar(scalar), value) => compare(scalar, value, &place, findings),
        (Data::List(items), Value::Array(values)) if items.len() == values.len() => {
            for (item, value) in std::iter::zip(items, values) {
                self::values(source, item, value, findings);
            }
        }
        (Data::Map(entries), Value::Object(fields)) => {
            for (key, inner) in entries {
                let Some(text) = key.scalar().map(|s| s.text.as_str()) else { continue };
                let counts = node.entry(text).is_some_and(|(_, last)| Arc::ptr_eq(last, inner));
                if counts && let Some(value) = fields.get(text) {
                    values(source, inner, value, findings);
                }
            }
        }
        _ if node.tag.is_some() => {}
        _ => {
            findings.readers_differ(place());
        }
    }
}

fn compare(scalar: &Scalar, value: &Value, place: &dyn Fn() -> Place, findings: &mut Findings) {
    if scalar.style != Style::Plain {
        if value.as_str() != Some(&scalar.text) {
            findings.readers_differ(place());
        }
        return;
    }
    let core = scalar::core(&scalar.text);
    let agrees = match (core, value) {
        (Core::OutOfRange, _) => true, // said already
        (Core::Null, Value::Null) => true,
        (Core::Bool(a), Value::Bool(b)) => a == *b,
        (Core::Integer(a), Value::Number(b)) => {
            b.as_i64().map(i128::from).or(b.as_u64().map(i128::from)) == Some(a)
        }
        (Core::Float(a), Value::Number(b)) => b.as_f64() == Some(a),
        (Core::Text, Value::String(text)) => *text == scalar.text,
        _ => false,
    };
    match (agrees, value) {
        (true, Value::String(text)) => {
            if let Some(otherwise) = scalar::otherwise(text) {
                findings.ambiguous_scalar(place(), otherwise);
            }
        }
        (true, _) => {}
        (false, Value::String(_)) if core != Core::Text => {
            let otherwise = match core {
                Core::Null => "null",
                Core::Bool(_) => "a boolean",
                Core::Integer(_) | Core::Float(_) | Core::OutOfRange | Core::Text => "a number",
            };
            findings.ambiguous_scalar(place(), otherwise);
        }
        (false, Value::Number(_)) if core == Core::Text => {
            findings.ambiguous_number(place());
        }
        (false, _) => {
            findings.readers_differ(place());
        }
    }
}
