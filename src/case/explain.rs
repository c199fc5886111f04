//! One record's walk through a pipeline, in words: each step, each route, with the values that they saw.

use std::fmt::Write as _;

use super::actual::{ActualOutput, End};
use super::differ::text;
use super::{Actual, Given};
use crate::expression::{Predicate, Scope, ValueError, ValueExpression, Verdict};
use crate::json::{Check, Paths, Slot, scan};
use crate::model::{Record, Rejection};
use crate::pipeline::{Pipeline, Routing, Step};
use crate::program::{Program, Witness};

/// A value that is shown; more of it helps nobody.
const VALUE_CHARS_MAX: usize = 200;

/// Tells the walk, a line each.
pub fn explain(given: &Given, pipeline: &Pipeline, program: &Program) -> String {
    let mut teller = Teller { pipeline, out: String::new() };
    let value =
        given.value.as_ref().map_or("a tombstone".to_owned(), |v| format!("{} bytes", v.len()));
    teller.line(&format!("pipeline   {}", pipeline.name));
    let key = shown(&text(given.key.as_deref()));
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
    fn line(&mut self, line: &str) {
        let _infallible = writeln!(self.out, "{line}");
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

    fn seen(&mut self, predicate: &Predicate, record: &Record<'_>) {
        for field in predicate.fields() {
            let value = value_of(&field, record);
            self.line(&format!("           {field} is {value}"));
        }
    }

    fn output(&mut self, output: &ActualOutput) {
        let by =
            output.route.as_ref().map_or(String::new(), |route| format!(", by the route {route}"));
        self.line(&format!("output     sink {} (topic {}){by}", output.sink, output.topic));
        self.line(&format!("           key {}", shown(&text(output.key.as_deref()))));
        self.line(&format!("           value {}", shown(&text(output.value.as_deref()))));
        for (name, value) in &output.headers {
            let name = String::from_utf8_lossy(name);
            self.line(&format!("           header {name}: {}", shown(&text(value.as_deref()))));
        }
    }

    /// A step that rejects the record was not passed, so nothing was said of it yet.
    fn rejected(&mut self, word: &str, rejection: &Rejection) {
        let steps = 0..self.pipeline.steps.len();
        let at = steps.into_iter().find(|i| rejection.rule == format!("steps[{i}]"));
        if let Some(step) = at
            && !self.out.contains(&format!("steps[{step}] "))
        {
            let what = self.what(step);
            self.line(&format!("steps[{step}]   {what}"));
        }
        self.line(&format!("{word} {rejection}"));
    }

    fn what(&self, step: usize) -> String {
        match self.pipeline.steps.get(step) {
            None => String::new(),
            Some(Step::Filter(predicate)) => format!("filter {}", predicate.text()),
            Some(Step::Validate(schema)) => format!("validate by {}", schema.file),
            Some(Step::Set(entries)) => {
                let each = entries.iter().map(|e| format!("{} to {}", e.target, e.value.text()));
                format!("set {}", each.collect::<Vec<_>>().join(", "))
            }
            Some(Step::Remove(targets)) => {
                let each = targets.iter().map(ToString::to_string);
                format!("remove {}", each.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

impl Witness for Teller<'_> {
    fn filter(&mut self, step: usize, verdict: Verdict, record: &Record<'_>) {
        let what = self.what(step);
        self.line(&format!("steps[{step}]   {what}"));
        if let Some(Step::Filter(predicate)) = self.pipeline.steps.get(step) {
            self.seen(predicate, record);
        }
        self.verdict(verdict);
    }

    fn passed(&mut self, step: usize, record: &Record<'_>) {
        let what = self.what(step);
        self.line(&format!("steps[{step}]   {what}"));
        match self.pipeline.steps.get(step) {
            Some(Step::Validate(_)) => self.line("           -> fits"),
            Some(Step::Set(_) | Step::Remove(_)) => {
                self.line(&format!("           value is now {}", shown(&text(record.value))));
            }
            Some(Step::Filter(_)) | None => {}
        }
    }

    fn route(&mut self, route: usize, verdict: Verdict, record: &Record<'_>) {
        let Routing::Routes { routes, .. } = &self.pipeline.routing else { return };
        let Some(route) = routes.get(route) else { return };
        let when = route.when.as_ref().map_or("takes all", Predicate::text);
        self.line(&format!("route      {}: {when}", route.name));
        if let Some(predicate) = &route.when {
            self.seen(predicate, record);
        }
        self.verdict(verdict);
    }
}

/// What a field is worth on the record as it is there.
fn value_of(field: &str, record: &Record<'_>) -> String {
    let Ok(expression) = ValueExpression::parse(field) else { return "not shown".to_owned() };
    let mut paths = Paths::default();
    let bound = expression.value.bind(&mut paths);
    let mut slots = vec![Slot::Missing; paths.len()];
    if let Some(value) = record.value
        && scan(&paths, value, Check::Whole, &mut slots).is_err()
    {
        slots.fill(Slot::Missing);
    }
    let mut scratch = Vec::new();
    match bound.json(&Scope { record, slots: &slots }, &mut scratch) {
        Ok(found) => shown(&text(found.bytes(&scratch))),
        Err(ValueError::Missing) => "missing".to_owned(),
        Err(ValueError::Error(error)) => format!("not shown: {error}"),
    }
}

fn shown(text: &str) -> String {
    let mut out: String = text.chars().take(VALUE_CHARS_MAX).collect();
    if text.chars().nth(VALUE_CHARS_MAX).is_some() {
        out.push('\u{2026}');
    }
    out
}
