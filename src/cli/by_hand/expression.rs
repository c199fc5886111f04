//! `--where`, `--select` and `--key`: the expressions of pipeline files on the command line.

use std::fmt::Write as _;

use crate::expression::{
    BoundPredicate, BoundValue, Checked, Predicate, Problem, Scope, ValueExpression, Verdict,
};
use crate::json::{Check, Paths, Slot, scan};
use crate::model::Record;

/// A text of the command line, and the option that it stands behind.
pub(in crate::cli) type Asked<'a> = (&'static str, Option<&'a str>);

/// The expressions of one command, which share one scan of each value.
#[derive(Debug)]
pub(in crate::cli) struct Expressions {
    condition: Option<BoundPredicate>,
    selected: Option<BoundValue>,
    paths: Paths,
    slots: Vec<Slot>,
    scratch: Vec<u8>,
    reads_value: bool,
}

/// What became of one record.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) enum Judged<'a> {
    /// The condition is not true, or a field of it is missing.
    Left,
    /// It passes.
    Taken(Selected<'a>),
    /// An expression has no result for it: a lower-case fragment.
    Rejected(String),
}

/// What the value expression gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Selected<'a> {
    /// There is none.
    Unasked,
    /// Null.
    Null,
    /// A text, or JSON.
    Bytes(&'a [u8]),
}

impl<'a> Selected<'a> {
    /// What it gave, or this where nobody asked.
    pub(in crate::cli) fn or(self, own: Option<&'a [u8]>) -> Option<&'a [u8]> {
        match self {
            Self::Unasked => own,
            Self::Null => None,
            Self::Bytes(bytes) => Some(bytes),
        }
    }
}

/// What a value expression becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum As {
    /// A string's own bytes.
    Text,
    /// JSON.
    Json,
}

impl Expressions {
    /// Compiles both; what is wrong with either comes at once, as it is to be shown.
    pub(in crate::cli) fn compile(
        condition: Asked<'_>,
        selected: Asked<'_>,
    ) -> Result<Self, String> {
        let predicate = compiled(condition, Predicate::parse);
        let value = compiled(selected, ValueExpression::parse);
        let (predicate, value) = match (predicate, value) {
            (Ok(predicate), Ok(value)) => (predicate, value),
            (predicate, value) => {
                let said = [predicate.err(), value.err()];
                return Err(said.into_iter().flatten().collect());
            }
        };
        let mut paths = Paths::default();
        let reads_value = predicate.as_ref().is_some_and(Predicate::reads_value)
            || value.as_ref().is_some_and(ValueExpression::reads_value);
        let condition = predicate.map(|p| p.bind(&mut paths));
        let selected = value.map(|v| v.bind(&mut paths));
        let slots = vec![Slot::Missing; paths.len()];
        Ok(Self { condition, selected, paths, slots, scratch: Vec::new(), reads_value })
    }

    /// Decides on one record.
    pub(in crate::cli) fn judge<'a>(&'a mut self, record: &'a Record<'a>, form: As) -> Judged<'a> {
        self.scratch.clear();
        if self.reads_value {
            self.slots.fill(Slot::Missing);
            if let Some(value) = record.value
                && let Err(malformed) = scan(&self.paths, value, Check::Whole, &mut self.slots)
            {
                return Judged::Rejected(format!("the value is no JSON: {malformed}"));
            }
        }
        let scope = Scope { record, slots: &self.slots };
        match self.condition.as_ref().map_or(Verdict::True, |c| c.eval(&scope)) {
            Verdict::True => {}
            Verdict::False | Verdict::Missing => return Judged::Left,
            Verdict::Error(error) => return Judged::Rejected(error.to_string()),
        }
        let Some(selected) = &self.selected else { return Judged::Taken(Selected::Unasked) };
        let text = match form {
            As::Text => selected.eval(&scope, &mut self.scratch),
            As::Json => selected.json(&scope, &mut self.scratch),
        };
        match text {
            Err(error) => Judged::Rejected(error.to_string()),
            Ok(text) => {
                Judged::Taken(text.bytes(&self.scratch).map_or(Selected::Null, Selected::Bytes))
            }
        }
    }
}

fn compiled<T>(
    (option, text): Asked<'_>,
    parse: impl FnOnce(&str) -> Result<Checked<T>, Vec<Problem>>,
) -> Result<Option<T>, String> {
    let Some(text) = text else { return Ok(None) };
    let parsed = parse(text).map_err(|problems| shown(option, text, &problems))?;
    Ok(Some(parsed.value))
}

/// The expression with a mark below each place that is wrong.
fn shown(option: &str, text: &str, problems: &[Problem]) -> String {
    let mut out = String::new();
    for problem in problems {
        let chars = |range| text.get(range).map_or(0, |t: &str| t.chars().count());
        let before = " ".repeat(chars(0..problem.span.start));
        let below = "^".repeat(chars(problem.span.clone()).max(1));
        let _infallible =
            writeln!(out, "error: {option}: {}\n  {text}\n  {before}{below}", problem.message);
        if let Some(hint) = &problem.hint {
            let _infallible = writeln!(out, "  hint: {hint}");
        }
    }
    out
}
