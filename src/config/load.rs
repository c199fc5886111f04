//! A snapshot -> findings, and the pipelines of it that can run.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{GroupId, PipelineName};
use crate::pipeline::Pipeline;

use super::catalog;
use super::check::{self, Context, Outline, PlacedCase, Places};
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
    /// Where each of them says what its cluster is asked about.
    pub places: BTreeMap<PipelineName, Places>,
    /// By file and place.
    pub findings: Vec<Finding>,
    /// What was looked at.
    pub counts: Counts,
    /// What each file says of itself, in the order of the snapshot.
    pub files: Vec<CheckedFile>,
}

/// What one file says of itself, good or bad.
#[derive(Clone, Debug)]
pub struct CheckedFile {
    /// Its text, which rebuilds its good pipelines; empty where it could not be read.
    pub source: Arc<SourceText>,
    /// Its definitions that say their name.
    pub definitions: Vec<CheckedDefinition>,
    /// Whether a part of it does not, or could not be read.
    pub is_nameless: bool,
}

/// One definition that says its name.
#[derive(Clone, Debug)]
pub struct CheckedDefinition {
    /// Its name.
    pub name: PipelineName,
    /// Where it says its group, or where that would stand.
    pub group: Option<Place>,
    /// Absent where a finding stands against it.
    pub pipeline: Option<Arc<Pipeline>>,
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
    let mut files: Vec<CheckedFile> = Vec::new();
    // The file of each outline.
    let mut file_of: Vec<usize> = Vec::new();
    for file in &snapshot.files {
        let (source, documents) = documents(file, &mut findings);
        let mut said =
            CheckedFile { source, definitions: Vec::new(), is_nameless: documents.is_none() };
        for document in documents.iter().flatten() {
            let mark = findings.mark();
            let findings = &mut findings;
            let schemas = &snapshot.schemas;
            let context = Context { settings, environment, properties, schemas, findings, mark };
            match outline(&said.source, document, &schema::PIPELINE, context) {
                Some(outline) => {
                    outlines.push(outline);
                    file_of.push(files.len());
                }
                None => match name_alone(document) {
                    Some(name) => said.definitions.push(without_pipeline(name)),
                    None => said.is_nameless = true,
                },
            }
        }
        files.push(said);
    }
    catalog::check(&mut outlines, &mut findings);
    let counts = Counts { files: snapshot.files.len(), pipelines: outlines.len() };
    let (mut pipelines, mut cases) = (Vec::new(), Vec::new());
    let mut all_places = BTreeMap::new();
    for (outline, file) in std::iter::zip(outlines, file_of) {
        let pipeline = outline.pipeline.map(|(pipeline, places)| {
            let pipeline = Arc::new(pipeline);
            pipelines.push(Arc::clone(&pipeline));
            cases.push(outline.cases);
            all_places.insert(pipeline.name.clone(), places);
            pipeline
        });
        let Some(file) = files.get_mut(file) else { continue };
        match outline.name {
            Some((name, _)) => {
                let group = outline.group.map(|(_, place)| place);
                file.definitions.push(CheckedDefinition { name, group, pipeline });
            }
            None => file.is_nameless = true,
        }
    }
    let (places, findings) = (all_places, findings.sorted());
    Checked { pipelines, cases, places, findings, counts, files }
}

/// A file's text and its documents, where they can be read.
fn documents(
    file: &SnapshotFile,
    findings: &mut Findings,
) -> (Arc<SourceText>, Option<Vec<Document>>) {
    match source_text(file, findings) {
        Ok(source) => {
            let documents = yaml::documents(&source, findings).ok();
            (source, documents)
        }
        Err(_) => (SourceText::new(&file.path, ""), None),
    }
}

/// The name of a document of which nothing else can be read.
fn name_alone(document: &Document) -> Option<PipelineName> {
    PipelineName::new(document.value.get("name")?.as_str()?).ok()
}

fn without_pipeline(name: PipelineName) -> CheckedDefinition {
    CheckedDefinition { name, group: None, pipeline: None }
}

/// What stands against good definitions whose group a last good one still has: the place of the group, the group, the one
/// that has it.
pub fn groups_of_last_good<'a>(
    clashes: impl IntoIterator<Item = (Place, &'a GroupId, &'a PipelineName)>,
) -> Vec<Finding> {
    let mut findings = Findings::default();
    for (place, group, other) in clashes {
        findings.group_of_last_good(place, group, other);
    }
    findings.sorted()
}

/// What stands against files beside the pipelines that a client would read, such as certificates: the path, and why it cannot
/// be read.
pub fn unreadable_files<'a>(
    files: impl IntoIterator<Item = (&'a std::path::Path, &'a str)>,
) -> Vec<Finding> {
    let mut findings = Findings::default();
    for (path, why) in files {
        findings.unreadable_file(&SourceText::new(&path.display().to_string(), ""), why);
    }
    findings.sorted()
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
