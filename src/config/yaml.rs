//! YAML text -> documents: values as `serde_yaml` reads them, places as `saphyr-parser` does. Where the two differ, or another
//! tool would read something else, that is a finding.

mod lint;
mod place;
mod reader;
mod scalar;
#[cfg(test)]
mod tests;
mod tree;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::finding::{Findings, Reported};
use super::text::{Place, SourceText};

pub(super) use place::At;
pub(super) use tree::Node;

/// One document: a pipeline, or the settings.
#[derive(Debug)]
pub(super) struct Document {
    /// Its places.
    pub(super) root: Arc<Node>,
    /// Its values.
    pub(super) value: Value,
    /// Whether its YAML has a finding already.
    pub(super) is_refused: bool,
}

/// Reads all documents of a text. All that is wrong with a document is said before it is handed out.
pub(super) fn documents(
    source: &Arc<SourceText>,
    findings: &mut Findings,
) -> Result<Vec<Document>, Reported> {
    let mark = findings.mark();
    let roots = reader::read(source, findings)?;
    if roots.is_empty() {
        return Err(findings.empty_file(Place::new(source, 0..0)));
    }
    for root in &roots {
        lint::structure(source, root, findings);
    }
    let values = match values(source) {
        Ok(values) => values,
        // What this reader stumbles over was most likely said already, and with a better place.
        Err((place, what)) => {
            return Err(findings
                .since(mark)
                .unwrap_or_else(|| findings.yaml_syntax(place, &what, None)));
        }
    };
    if values.len() != roots.len() {
        return Err(findings
            .since(mark)
            .unwrap_or_else(|| findings.readers_differ(Place::new(source, 0..0))));
    }
    let mut documents: Vec<_> = std::iter::zip(roots, values)
        .map(|(root, value)| Document { root, value, is_refused: false })
        .collect();
    let is_only = documents.len() == 1;
    for document in &mut documents {
        lint::values(source, &document.root, &document.value, findings);
        if document.value.is_null() {
            let place = Place::new(source, document.root.span.clone());
            if is_only {
                findings.empty_file(place)
            } else {
                findings.empty_document(place)
            };
        }
    }
    // A trap in one document makes nobody sure of the others in the file.
    let is_refused = findings.since(mark).is_some();
    Ok(documents.into_iter().map(|d| Document { is_refused, ..d }).collect())
}

fn values(source: &Arc<SourceText>) -> Result<Vec<Value>, (Place, String)> {
    let mut values = Vec::new();
    for document in serde_yaml::Deserializer::from_str(source.text()) {
        values.push(Value::deserialize(document).map_err(|e| {
            let byte = e.location().map_or(0, |l| l.index());
            (Place::new(source, byte..byte.saturating_add(1)), e.to_string())
        })?);
    }
    Ok(values)
}
