//! One record's walk through a pipeline, in words: each step, each route, with the values that they saw.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::actual::{ActualOutput, End};
use super::shown::{self, Null, printable};
use super::{Actual, Given};
use crate::expression::{Scope, ValueError, ValueExpression, Verdict};
use crate::json::{Check, Paths, Slot, scan};
use crate::model::{Record, Rejection};
use crate::pipeline::{Format, Pipeline, Routing, Step, Target};
use crate::program::{Program, Witness};

/// A value that is shown; more of it helps nobody.
const VALUE_CHARS_MAX: usize = 200;

/// Tells the walk, a line each.
pub fn explain(given: &Given, pipeline: &Pipeline, program: &Program) -> String {
    let mut teller = Teller { pipeline, out: String::new() };
    let value =
        given.value.as_ref().map_or("a tombstone".to_owned(), |v| format!("{} bytes", v.len()));
    teller.line(&format!("pipeline   {}", pipeline.name));
    let key = shown(given.key.as_deref(), Null::Key);
    teller.line(&format!("record     {:?}, key {key}, value: {value}", given.record()));
    let _outcome = program.run_before(&mut program.state(), &given.record(), &mut teller);
    let actual = Actual::of(given, pipeline, program);
    match &actual.end {
        End::Sent(outputs) => outputs.iter().for_each(|output| teller.output(output)),
        End::Filtered(step) => teller.line(&format!("filtered   by steps[{step}]")),
        End::DeadLetter(rejection) => teller.rejected("dead letter", rejection),
        End::Dropped(rejection) => teller.rejected("dropped   ", rejection),
        End::Stopped(rejection) => teller.rejected("halted    ", rejection),
    }
    teller.out
}

struct Teller<'a> {
    pipeline: &'a Pipeline,
    out: String,
}

impl Teller<'_> {
    /// The one way out: nothing of a record can begin a line of its own, or speak to a terminal.
    fn line(&mut self, line: &str) {
        let _infallible = writeln!(self.out, "{}", printable(line));
    }

    fn verdict(&mut self, verdict: Verdict) {
        let said = match verdict {
            Verdict::True => "true".to_owned(),
            Verdict::False => "false".to_owned(),
            Verdict::Missing => "missing, which counts as not true".to_owned(),
            Verdict::Error(error) => format!("error: {error}"),
        };
        self.line(&format!("           -> {said}"));
    }

    fn seen(&mut self, fields: impl IntoIterator<Item = String>, record: &Record<'_>) {
        let mut told = BTreeSet::new();
        for field in fields {
            if !told.contains(&field) {
                let value = self.value_of(&field, record);
                self.line(&format!("           {field} is {value}"));
                told.insert(field);
            }
        }
    }

    fn output(&mut self, output: &ActualOutput) {
        let by =
            output.route.as_ref().map_or(String::new(), |route| format!(", by the route {route}"));
        self.line(&format!("output     sink {} (topic {}){by}", output.sink, output.topic));
        self.line(&format!("           key {}", shown(output.key.as_deref(), Null::Key)));
        self.line(&format!("           value {}", shown(output.value.as_deref(), Null::Value)));
        for (name, value) in &output.headers {
            let (name, value) =
                (shown(Some(name), Null::Header), shown(value.as_deref(), Null::Header));
            self.line(&format!("           header {name}: {value}"));
        }
    }

    fn rejected(&mut self, word: &str, rejection: &Rejection) {
        self.line(&format!("{word} {rejection}"));
    }

    fn what(&self, step: usize) -> String {
        match self.pipeline.steps.get(step) {
            None => String::new(),
            Some(Step::Filter(predicate)) => format!("filter {}", on_one_line(predicate.text())),
            Some(Step::Validate(schema)) => format!("validate by {}", schema.file),
            Some(Step::Set(entries)) => {
                let each = entries
                    .iter()
                    .map(|e| format!("{} to {}", e.target, on_one_line(e.value.text())));
                format!("set {}", each.collect::<Vec<_>>().join(", "))
            }
            Some(Step::Remove(targets)) => {
                let each = targets.iter().map(ToString::to_string);
                format!("remove {}", each.collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// What a step has made of what it changes; the value once, however much of it.
    fn changed<'t>(&mut self, targets: impl IntoIterator<Item = &'t Target>, record: &Record<'_>) {
        let mut value = None;
        for target in targets {
            let now = match target {
                Target::Value(_) => {
                    value = Some(shown(record.value, Null::Value));
                    continue;
                }
                Target::Key => shown(record.key, Null::Key),
                Target::Header(name) => match record.headers.last(name.as_bytes()) {
                    Some(now) => shown(now, Null::Header),
                    None => "not there".to_owned(),
                },
            };
            self.line(&format!("           {target} is now {now}"));
        }
        if let Some(now) = value {
            self.line(&format!("           value is now {now}"));
        }
    }

    /// What a field is worth on the record as it is there.
    fn value_of(&self, field: &str, record: &Record<'_>) -> String {
        let Ok(expression) = ValueExpression::parse(field) else { return "not shown".to_owned() };
        let mut paths = Paths::default();
        let bound = expression.value.bind(&mut paths);
        let mut slots = vec![Slot::Missing; paths.len()];
        let check = match self.pipeline.source.format {
            Format::Json(check) => check,
            Format::Bytes => Check::Lazy,
        };
        if let Some(value) = record.value.filter(|_| expression.value.reads_value())
            && let Err(malformed) = scan(&paths, value, check, &mut slots)
        {
            return format!("not shown: {malformed}");
        }
        let mut scratch = Vec::new();
        match bound.json(&Scope { record, slots: &slots }, &mut scratch) {
            Ok(found) => shown(found.bytes(&scratch), Null::Value),
            Err(ValueError::Missing) => "missing".to_owned(),
            Err(ValueError::Error(error)) => format!("not shown: {error}"),
        }
    }
}

impl Witness for Teller<'_> {
    fn reached(&mut self, step: usize, record: &Record<'_>) {
        let what = self.what(step);
        self.line(&format!("steps[{step}]   {what}"));
        if let Some(Step::Set(entries)) = self.pipeline.steps.get(step) {
            self.seen(entries.iter().flat_map(|entry| entry.value.fields()), record);
        }
    }

    fn filter(&mut self, step: usize, verdict: Verdict, record: &Record<'_>) {
        if let Some(Step::Filter(predicate)) = self.pipeline.steps.get(step) {
            self.seen(predicate.fields(), record);
        }
        self.verdict(verdict);
    }

    fn passed(&mut self, step: usize, record: &Record<'_>) {
        match self.pipeline.steps.get(step) {
            Some(Step::Validate(_)) => self.line("           -> fits"),
            Some(Step::Set(entries)) => self.changed(entries.iter().map(|e| &e.target), record),
            Some(Step::Remove(targets)) => self.changed(targets, record),
            Some(Step::Filter(_)) | None => {}
        }
    }

    fn route(&mut self, route: usize, verdict: Verdict, record: &Record<'_>) {
        let Routing::Routes { routes, .. } = &self.pipeline.routing else { return };
        let Some(route) = routes.get(route) else { return };
        let when = route.when.as_ref().map_or("takes all".to_owned(), |w| on_one_line(w.text()));
        self.line(&format!("route      {}: {when}", route.name));
        if let Some(predicate) = &route.when {
            self.seen(predicate.fields(), record);
        }
        self.verdict(verdict);
    }

    fn key(&mut self, sink: usize, record: &Record<'_>) {
        let Some(sink) = self.pipeline.sinks.get(sink) else { return };
        let Some(key) = &sink.key else { return };
        self.line(&format!("key        of the sink {}: {}", sink.name, on_one_line(key.text())));
        self.seen(key.fields(), record);
    }
}

/// An expression of a block of YAML has line breaks, which mean nothing in it.
fn on_one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

fn shown(bytes: Option<&[u8]>, null: Null) -> String {
    let text = shown::text(bytes, null);
    let mut out: String = text.chars().take(VALUE_CHARS_MAX).collect();
    if text.chars().nth(VALUE_CHARS_MAX).is_some() {
        out.push('\u{2026}');
    }
    out
}
