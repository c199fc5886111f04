//! A record that is given by hand, as the `given` of a test: YAML, and so JSON too.

use super::check::{self, Context};
use super::environment::Environment;
use super::finding::{Finding, Findings, Reported};
use super::properties::AnyProperty;
use super::raw::case::RawGiven;
use super::schema;
use super::snapshot::{SchemaFiles, SnapshotFile};
use super::yaml::{self, At};
use crate::case::Given;
use crate::pipeline::Topics;

/// Reads a record; `path` is how findings name it.
pub fn envelope(path: &str, bytes: &[u8], topics: &Topics) -> Result<Given, Vec<Finding>> {
    let mut findings = Findings::default();
    read(path, bytes, topics, &mut findings).map_err(|_reported| findings.sorted())
}

fn read(
    path: &str,
    bytes: &[u8],
    topics: &Topics,
    findings: &mut Findings,
) -> Result<Given, Reported> {
    let file = SnapshotFile { path: path.to_owned(), content: Ok(bytes.to_vec()) };
    let source = super::load::source_text(&file, findings)?;
    let documents = yaml::documents(&source, findings)?;
    let at = |document: &yaml::Document| At::root(&source, &document.root).key();
    let Some(document) = documents.first() else {
        return Err(findings.empty_file(super::Place::new(&source, 0..0)));
    };
    let place = at(document);
    let at = At::root(&source, &document.root);
    let value = schema::GIVEN.check(&document.value, at, findings);
    let given = match serde_json::from_value::<RawGiven>(value) {
        Ok(raw) => {
            let mut context = Context {
                settings: None,
                environment: &Environment::Unknown,
                properties: &AnyProperty,
                schemas: &SchemaFiles::default(),
                findings,
                mark: 0,
            };
            check::given(&raw, at, &Ok(topics.clone()), &mut context).ok()
        }
        Err(_shown_by_the_schema) => None,
    };
    match (given, findings.since(0)) {
        (Some(given), None) => Ok(given),
        (_, Some(reported)) => Err(reported),
        (None, None) => Err(findings.against_schema(place, "this is no record")),
    }
}
