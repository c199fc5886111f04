//! Results of tests as text, JSON and `JUnit`.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::json;

use crate::case::{Coverage, printable};
use crate::config::{Finding, Ran, Severity};
use crate::pipeline::Pipeline;

/// Whether the coverage is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Yes,
    No,
}

/// The results of one pipeline.
pub(super) struct Results {
    pipeline: String,
    cases: Vec<Result>,
    /// What no case reaches, where that was asked for.
    not_covered: Option<Vec<String>>,
}

/// What keeps tests from running.
pub(super) struct Refused {
    file: String,
    line: usize,
    column: usize,
    code: &'static str,
    message: String,
}

struct Result {
    name: String,
    file: String,
    line: usize,
    column: usize,
    differences: Vec<String>,
    rule: String,
}

impl Results {
    /// How many cases differ.
    pub(super) fn failed(&self) -> usize {
        self.cases.iter().filter(|c| !c.differences.is_empty()).count()
    }
}

/// Takes down what came out.
pub(super) fn results(ran: &[(&Arc<Pipeline>, Vec<Ran<'_>>)], coverage: Asked) -> Vec<Results> {
    let of_one = |(pipeline, ran): &(&Arc<Pipeline>, Vec<Ran<'_>>)| {
        let mut reached = Coverage::default();
        for one in ran {
            reached.add(&one.verdict.actual.trace);
        }
        Results {
            pipeline: pipeline.name.to_string(),
            cases: ran.iter().map(|r| result(r, pipeline)).collect(),
            not_covered: match coverage {
                Asked::Yes => Some(reached.missing(pipeline)),
                Asked::No => None,
            },
        }
    };
    ran.iter().map(of_one).collect()
}

/// Pipelines whose tests could not run, by what was found in their files.
pub(super) fn refused(findings: &[Finding]) -> Vec<Refused> {
    let bad = findings.iter().filter(|f| f.severity == Severity::Error || f.is_untested());
    let of_one = |finding: &Finding| {
        let (line, column) = finding.place.begin();
        Refused {
            file: finding.place.source().path().to_owned(),
            line,
            column,
            code: finding.code,
            message: finding.message.clone(),
        }
    };
    bad.map(of_one).collect()
}

fn result(ran: &Ran<'_>, pipeline: &Pipeline) -> Result {
    let (line, column) = ran.placed.place.begin();
    Result {
        name: ran.placed.case.name.clone(),
        file: ran.placed.place.source().path().to_owned(),
        line,
        column,
        differences: ran.verdict.differences.clone(),
        rule: ran.verdict.actual.rule(pipeline),
    }
}

fn totals(results: &[Results]) -> (usize, usize) {
    let all = results.iter().map(|r| r.cases.len()).sum();
    (all, results.iter().map(Results::failed).sum())
}

/// A line for each case, and what is wrong with those that fail.
pub(super) fn text(results: &[Results]) -> String {
    let mut out = String::new();
    for pipeline in results {
        for case in &pipeline.cases {
            let word = if case.differences.is_empty() { "ok  " } else { "FAIL" };
            let _infallible =
                writeln!(out, "{word} {}: {}", pipeline.pipeline, printable(&case.name));
            if case.differences.is_empty() {
                continue;
            }
            let (file, line, column) = (printable(&case.file), case.line, case.column);
            let _infallible = writeln!(out, "     {file}:{line}:{column}");
            for line in case.differences.iter().flat_map(|d| d.lines()) {
                let _infallible = writeln!(out, "     {line}");
            }
            let _infallible = writeln!(out, "     {}", printable(&case.rule));
        }
        if pipeline.cases.is_empty() {
            let _infallible = writeln!(out, "     {} has no tests", pipeline.pipeline);
        }
        for line in pipeline.not_covered.iter().flatten() {
            let _infallible = writeln!(out, "     {}: {line}", pipeline.pipeline);
        }
    }
    let (all, failed) = totals(results);
    let pipelines = results.len();
    let passed = all.saturating_sub(failed);
    let _infallible = writeln!(
        out,
        "{} in {}: {passed} passed, {failed} failed",
        counted(all, "test"),
        counted(pipelines, "pipeline")
    );
    out
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// One document.
pub(super) fn json(results: &[Results], refused: &[Refused]) -> String {
    let case = |case: &Result| {
        json!({
            "name": case.name,
            "file": case.file,
            "line": case.line,
            "column": case.column,
            "passed": case.differences.is_empty(),
            "differences": case.differences,
            "rule": case.rule,
        })
    };
    let pipeline = |results: &Results| {
        json!({
            "name": results.pipeline,
            "tests": results.cases.iter().map(case).collect::<Vec<_>>(),
            "not_covered": results.not_covered,
        })
    };
    let refusal = |refused: &Refused| {
        json!({
            "file": refused.file,
            "line": refused.line,
            "column": refused.column,
            "code": refused.code,
            "message": refused.message,
        })
    };
    let (all, failed) = totals(results);
    let document = json!({
        "tests": all,
        "failed": failed,
        "pipelines": results.iter().map(pipeline).collect::<Vec<_>>(),
        "refused": refused.iter().map(refusal).collect::<Vec<_>>(),
    });
    format!("{document:#}\n")
}

/// As most servers of continuous integration read it.
pub(super) fn junit(results: &[Results], refused: &[Refused]) -> String {
    let (all, failed) = totals(results);
    let errors = refused.len();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"{}\" failures=\"{failed}\" errors=\"{errors}\">\n",
        all + errors
    );
    for suite in results {
        let _infallible = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\">",
            escaped(&suite.pipeline),
            suite.cases.len(),
            suite.failed()
        );
        suite.cases.iter().for_each(|case| junit_case(&mut out, &suite.pipeline, case));
        if let Some(missing) = suite.not_covered.as_ref().filter(|m| !m.is_empty()) {
            let text = escaped(&missing.join("\n"));
            let _infallible = writeln!(out, "    <system-out>{text}</system-out>");
        }
        out.push_str("  </testsuite>\n");
    }
    if errors > 0 {
        let _infallible = writeln!(
            out,
            "  <testsuite name=\"files\" tests=\"{errors}\" failures=\"0\" errors=\"{errors}\">"
        );
        for refused in refused {
            junit_refused(&mut out, refused);
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn junit_case(out: &mut String, pipeline: &str, case: &Result) {
    let _infallible = write!(
        out,
        "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{}\"",
        escaped(pipeline),
        escaped(&case.name),
        escaped(&case.file),
        case.line
    );
    let Some(first) = case.differences.first() else {
        out.push_str("/>\n");
        return;
    };
    let message = escaped(first.lines().next().unwrap_or_default());
    let all = escaped(&format!("{}\n{}", case.differences.join("\n"), case.rule));
    let _infallible =
        writeln!(out, ">\n      <failure message=\"{message}\">{all}</failure>\n    </testcase>");
}

/// So that nobody who reads only the report takes what did not run for good.
fn junit_refused(out: &mut String, refused: &Refused) {
    let (file, message) = (escaped(&refused.file), escaped(&refused.message));
    let (line, code) = (refused.line, refused.code);
    let _infallible = writeln!(
        out,
        "    <testcase classname=\"files\" name=\"{file}\" file=\"{file}\" line=\"{line}\">\n      \
         <error message=\"{code}: {message}\"/>\n    </testcase>"
    );
}

/// XML has no way to write most control characters, and two that are none.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
