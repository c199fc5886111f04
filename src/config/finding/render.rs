//! Findings as text for people, as JSON for programs, as annotations for GitHub.

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use serde_json::json;

use super::{Finding, Severity};
use crate::config::text::Place;

/// How findings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// As rustc does it.
    Text,
    /// The same, with colours.
    ColouredText,
    /// One JSON document, `version` 1.
    Json,
    /// Workflow commands of GitHub Actions.
    Github,
}

/// What was looked at, for the last line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Files that were read, or could not be.
    pub files: usize,
    /// Pipelines in them, with findings or without.
    pub pipelines: usize,
}

/// A longer line is not drawn; nobody wrote it by hand.
const LINE_BYTES_MAX: usize = 2_000;

/// The code of the one finding whose line must not be shown: a secret stands in it.
const SECRET: &str = "K0209";

/// Writes all findings, and what was looked at; ends with a line break.
pub fn render(findings: &[Finding], counts: Counts, output: Output) -> String {
    match output {
        Output::Text => text(findings, counts, &Renderer::plain()),
        Output::ColouredText => text(findings, counts, &Renderer::styled()),
        Output::Json => document(findings, counts),
        Output::Github => findings.iter().map(workflow_command).collect(),
    }
}

fn text(findings: &[Finding], counts: Counts, renderer: &Renderer) -> String {
    let mut out = String::new();
    for finding in findings {
        out.push_str(&drawn(finding, renderer));
        out.push_str("\n\n");
    }
    out.push_str(&closing_line(findings, counts));
    out.push('\n');
    out
}

/// `checked 3 files: 3 pipelines, 1 error, 0 warnings`
fn closing_line(findings: &[Finding], counts: Counts) -> String {
    let several = |n: usize, what: &str| match n {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    };
    format!(
        "checked {}: {}, {}, {}",
        several(counts.files, "file"),
        several(counts.pipelines, "pipeline"),
        several(of(findings, Severity::Error), "error"),
        several(of(findings, Severity::Warning), "warning"),
    )
}

fn of(findings: &[Finding], severity: Severity) -> usize {
    findings.iter().filter(|f| f.severity == severity).count()
}

fn drawn(finding: &Finding, renderer: &Renderer) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(finding.message.as_str()).id(finding.code);
    let mut group = title.elements(std::iter::empty::<Origin<'_>>());
    let related = finding.related.as_ref();
    let same_file = related.filter(|(place, _)| place.source() == finding.place.source());
    group = match excerpt(finding, same_file) {
        Some(snippet) => group.element(snippet),
        None => group.element(origin(&finding.place)),
    };
    if let Some((place, what)) = related.filter(|_| same_file.is_none()) {
        group = group.element(Level::NOTE.message(format!("{what}:")));
        group = group.element(origin(place));
    }
    if let Some(hint) = &finding.hint {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    renderer.render(&[group])
}

fn origin(place: &Place) -> Origin<'_> {
    let (line, column) = place.begin();
    Origin::path(place.source().path()).line(line).char_column(column)
}

/// The lines from the finding to what it is related to, or only its own where that is far away.
fn excerpt<'a>(
    finding: &'a Finding,
    related: Option<&'a (Place, String)>,
) -> Option<Snippet<'a, annotate_snippets::Annotation<'a>>> {
    let source = finding.place.source();
    let line = finding.place.begin().0;
    let other = related.map_or(line, |(place, _)| place.begin().0);
    let (first, last) = (line.min(other), line.max(other));
    let begin = source.line_begin(first);
    let text = source.text().get(begin..source.line_end(last))?;
    let too_long = text.lines().any(|l| l.len() > LINE_BYTES_MAX);
    if text.is_empty() || too_long || finding.code == SECRET {
        return None;
    }
    let within = |place: &Place| {
        let span = place.span();
        let start = span.start.saturating_sub(begin).min(text.len());
        start..span.end.saturating_sub(begin).clamp(start, text.len())
    };
    let mut snippet = Snippet::source(text)
        .line_start(first)
        .path(source.path())
        .annotation(AnnotationKind::Primary.span(within(&finding.place)));
    if let Some((place, what)) = related {
        let context = AnnotationKind::Context.span(within(place)).label(what.as_str());
        snippet = snippet.annotation(context);
    }
    Some(snippet)
}

fn document(findings: &[Finding], counts: Counts) -> String {
    let list: Vec<_> = findings.iter().map(as_json).collect();
    let document = json!({
        "version": 1,
        "files": counts.files,
        "pipelines": counts.pipelines,
        "errors": of(findings, Severity::Error),
        "warnings": of(findings, Severity::Warning),
        "findings": list,
    });
    format!("{document:#}\n")
}

fn as_json(finding: &Finding) -> serde_json::Value {
    let mut object = json!({
        "code": finding.code,
        "severity": finding.severity.as_str(),
        "message": finding.message,
        "hint": finding.hint,
    });
    if let (Some(object), Some(place)) =
        (object.as_object_mut(), in_json(&finding.place).as_object())
    {
        object.extend(place.clone());
        let related = finding
            .related
            .as_ref()
            .map(|(place, what)| json!({ "message": what, "place": in_json(place) }));
        object.insert("related".to_owned(), related.into());
    }
    object
}

fn in_json(place: &Place) -> serde_json::Value {
    let (line, column) = place.begin();
    let (end_line, end_column) = place.end();
    let span = place.span();
    json!({
        "file": place.source().path(),
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "bytes": [span.start, span.end],
    })
}

/// Source: GitHub, "Workflow commands for GitHub Actions", `error` and `warning`.
fn workflow_command(finding: &Finding) -> String {
    let (line, column) = finding.place.begin();
    let (_, end_column) = finding.place.end();
    let message = match &finding.hint {
        Some(hint) => format!("{}\nhelp: {hint}", finding.message),
        None => finding.message.clone(),
    };
    format!(
        "::{} file={},line={line},col={column},endColumn={end_column},title={}::{}\n",
        finding.severity.as_str(),
        property(finding.place.source().path()),
        property(&format!("krouted {}", finding.code)),
        data(&message),
    )
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}
