//! CEL text -> typed expression -> evaluation over slots that one scan filled.
//!
//! `config` compiles text here and turns each [`Problem`] into a finding; `program` binds the result to the slots of its
//! paths and evaluates it once a record. Missing and errors are two things: DESIGN.md section 2, EXPRESSIONS.md section 1.

mod ast;
mod check;
mod eval;
mod literal;
mod names;
mod output;
mod parser;
mod program;
mod term;
#[cfg(test)]
mod tests;
mod token;
mod value;

use std::ops::Range;
use std::sync::Arc;

pub use ast::Comparison;
pub use eval::{Scope, Verdict};
pub use output::{Text, ValueError};
pub use value::{EvalError, Kind};

use crate::json::Paths;

/// What is wrong with an expression, or odd about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Byte range in the expression's text.
    pub span: Range<usize>,
    /// A lower-case sentence fragment.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), hint: None }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// What was made of a text, and what is odd about it.
#[derive(Clone, Debug)]
pub struct Checked<T> {
    /// What was made.
    pub value: T,
    /// Odd, but legal.
    pub warnings: Vec<Problem>,
}

impl<T> Checked<T> {
    fn map<U>(self, make: impl FnOnce(T) -> U) -> Checked<U> {
        Checked { value: make(self.value), warnings: self.warnings }
    }
}

/// A typed expression whose result is true, false, missing or an error: `filter`, `when`.
#[derive(Clone, Debug)]
pub struct Predicate {
    text: Arc<str>,
    term: Arc<term::Term>,
}

impl Predicate {
    /// Compiles a text; all that is wrong comes at once.
    pub fn parse(text: &str) -> Result<Checked<Self>, Vec<Problem>> {
        let checked = check::condition(text)?;
        Ok(checked.map(|term| Self { text: text.into(), term: Arc::new(term) }))
    }

    /// The text as the file has it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a record's value has to be scanned first.
    pub fn reads_value(&self) -> bool {
        self.term.reads_value()
    }

    /// Adds its paths to those of the pipeline.
    pub fn bind(&self, paths: &mut Paths) -> BoundPredicate {
        BoundPredicate(program::test(&self.term, paths))
    }
}

/// A predicate that knows its slots.
#[derive(Clone, Debug)]
pub struct BoundPredicate(program::Test);

impl BoundPredicate {
    /// Decides on one record.
    pub fn eval(&self, scope: &Scope<'_>) -> Verdict {
        self.0.eval(scope)
    }
}

/// A typed expression whose result is a text: `key`.
#[derive(Clone, Debug)]
pub struct ValueExpression {
    text: Arc<str>,
    term: Arc<term::Term>,
}

impl ValueExpression {
    /// Compiles a text; all that is wrong comes at once.
    pub fn parse(text: &str) -> Result<Checked<Self>, Vec<Problem>> {
        let checked = check::value(text)?;
        Ok(checked.map(|term| Self { text: text.into(), term: Arc::new(term) }))
    }

    /// The text as the file has it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a record's value has to be scanned first.
    pub fn reads_value(&self) -> bool {
        self.term.reads_value()
    }

    /// Adds its paths to those of the pipeline.
    pub fn bind(&self, paths: &mut Paths) -> BoundValue {
        BoundValue(program::operand(&self.term, paths))
    }
}

/// A value expression that knows its slots.
#[derive(Clone, Debug)]
pub struct BoundValue(program::Operand);

impl BoundValue {
    /// The text of the value for one record; appended to `scratch` where it does not stand in the record as it is.
    pub fn eval<'a>(
        &self,
        scope: &Scope<'a>,
        scratch: &mut Vec<u8>,
    ) -> Result<Text<'a>, ValueError> {
        self.0.text(scope, scratch)
    }
}
