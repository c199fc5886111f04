//! A snapshot -> findings, and the pipelines of it that can run.

use std::sync::Arc;

use crate::pipeline::Pipeline;

use super::catalog;
use super::check::{self, Context, Outline, PlacedCase};
use super::environment::Environment;
use super::finding::{Counts, Finding, Findings, Reported};
use super::properties::ClientProperties;
use super::raw::RawPipeline;
use super::schema::{self, Checker};
use super::settings::Settings;
use super::snapshot::{FILE_BYTES_MAX, Snapshot, SnapshotFile, Unread};
use super::text::{Place, SourceText};
use super::yaml::{self, At, Document};

/// What was made of a snapshot.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Those without a finding, in the order of their files. Where variables are unknown, those that need them are left out.
    pub pipelines: Vec<Arc<Pipeline>>,
    /// The cases of each of them, in the same order.
    pub cases: Vec<Vec<PlacedCase>>,
    /// By file and place.
    pub findings: Vec<Finding>,
    /// What was looked at.
    pub counts: Counts,
}

impl Checked {
    /// Adds findings, each in its place among the others.
    pub fn add(&mut self, findings: Vec<Finding>) {
        self.findings.extend(findings);
        self.findings.sort_by(|a, b| {
            let place = |f: &Finding| (f.place.source().path().to_owned(), f.place.span().start);
            place(a).cmp(&place(b))
        });
    }
}

/// Checks all files of a snapshot, each for itself and all together. One bad file leaves the good pipelines usable.
///
/// Without settings, no cluster is unknown.
pub fn check(
    snapshot: &Snapshot,
    settings: Option<&Settings>,
    environment: &Environment,
    properties: &dyn ClientProperties,
) -> Checked {
    let mut findings = Findings::default();
    let mut outlines: Vec<Outline> = Vec::new();
    for file in &snapshot.files {
        let Ok(source) = source_text(file, &mut findings) else { continue };
        let Ok(documents) = yaml::documents(&source, &mut findings) else { continue };
        for document in &documents {
            let mark = findings.mark();
            let findings = &mut findings;
            let schemas = &snapshot.schemas;
            let context = Context { settings, environment, properties, schemas, findings, mark };
            outlines.extend(outline(&source, document, &schema::PIPELINE, context));
        }
    }
    catalog::check(&mut outlines, &mut findings);
    let counts = Counts { files: snapshot.files.len(), pipelines: outlines.len() };
    let runnable = outlines.into_iter().filter_map(|o| Some((Arc::new(o.pipeline?), o.cases)));
    let (pipelines, cases) = runnable.unzip();
    Checked { pipelines, cases, findings: findings.sorted(), counts }
}

fn outline(
    source: &Arc<SourceText>,
    document: &Document,
    checker: &Checker,
    mut context: Context<'_>,
) -> Option<Outline> {
    if document.value.is_null() {
        return None; // said already
    }
    let at = At::root(source, &document.root);
    let mark = context.mark;
    let value = checker.check(&document.value, at, context.findings);
    let raw: RawPipeline = match serde_json::from_value(value) {
        Ok(raw) => raw,
        Err(error) => {
            if context.findings.since(mark).is_none() {
                context.findings.against_schema(at.key(), &error.to_string());
            }
            return None;
        }
    };
    let outline = check::pipeline(&raw, at, &mut context);
    // A finding without a broken part is one about the text, which stands all the same: such a pipeline must not run.
    let is_refused = document.is_refused || context.findings.since(mark).is_some();
    if outline.pipeline.is_none() && !is_refused && raw.tests.is_some() {
        context.findings.untested(at.field("tests").key());
    }
    let pipeline = outline.pipeline.filter(|_| !is_refused);
    Some(Outline { pipeline, ..outline })
}

/// The text of a file, where it has one.
pub(super) fn source_text(
    file: &SnapshotFile,
    findings: &mut Findings,
) -> Result<Arc<SourceText>, Reported> {
    let nothing = || SourceText::new(&file.path, "");
    let bytes = match &file.content {
        Ok(bytes) => bytes,
        Err(Unread::TooLarge) => return Err(findings.file_too_large(&nothing(), FILE_BYTES_MAX)),
        Err(Unread::Refused(why)) => return Err(findings.unreadable_file(&nothing(), why)),
        Err(Unread::Moves) => return Err(findings.file_moves(&nothing())),
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(SourceText::new(&file.path, text)),
        Err(error) => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let source = SourceText::new(&file.path, &String::from_utf8_lossy(valid));
            let end = source.text().len();
            let byte = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
            Err(findings.not_utf8(Place::new(&source, end..end), byte))
        }
    }
}
