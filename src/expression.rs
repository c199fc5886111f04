//! CEL text -> typed expression -> evaluation over slots that one scan filled.
//!
//! `config` compiles text here and turns each [`Problem`] into a finding; `program` binds the result to the slots of its
//! paths and evaluates it once a record. Missing and errors are two things: DESIGN.md section 2, EXPRESSIONS.md section 1.

use std::ops::Range;

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
/// What was made of a text, and what is odd about it.
#[derive(Clone, Debug)]
pub struct Checked<T> {
    /// What was made.
    pub value: T,
    /// Odd, but legal.
    pub warnings: Vec<Problem>,
}

/// A typed expression whose result is true, false, missing or an error: `filter`, `when`.
#[derive(Clone, Debug)]
pub struct Predicate {
    text: std::sync::Arc<str>,
}

impl Predicate {
    /// Compiles a text; all that is wrong comes at once.
    pub fn parse(text: &str) -> Result<Checked<Self>, Vec<Problem>> {
        Ok(Checked { value: Self { text: text.into() }, warnings: Vec::new() })
    }
    /// The text as the file has it.
    pub fn text(&self) -> &str {
        &self.text
    }
    /// Whether it looks into the record's value.
    pub fn reads_value(&self) -> bool {
        self.text.contains("value")
    }
}

/// A typed expression whose result is a text: `key`.
#[derive(Clone, Debug)]
pub struct ValueExpression {
    text: std::sync::Arc<str>,
}

impl ValueExpression {
    /// Compiles a text; all that is wrong comes at once.
    pub fn parse(text: &str) -> Result<Checked<Self>, Vec<Problem>> {
        Ok(Checked { value: Self { text: text.into() }, warnings: Vec::new() })
    }
    /// The text as the file has it.
    pub fn text(&self) -> &str {
        &self.text
    }
    /// Whether it looks into the record's value.
    pub fn reads_value(&self) -> bool {
        self.text.contains("value")
    }
}
