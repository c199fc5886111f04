//! The cases of a file's `tests`: a record, what must come of it, and what does.
//!
//! `config` makes them, `cli` runs them: [`Case::run`] puts the record through the pipeline's [`Program`], without a broker,
//! and tells each difference.

mod actual;
mod base64;
mod coverage;
mod differ;
pub mod envelope;
mod explain;
mod given;
mod shown;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub use actual::{Actual, ActualOutput, End, Trace};
pub use base64::{decode as from_base64, encode as to_base64};
pub use coverage::Coverage;
pub use envelope::Envelope;
pub use explain::explain;
pub use given::Given;
pub use shown::printable;

use crate::model::Stage;
use crate::pipeline::Pipeline;
use crate::program::Program;

/// A record, and what must come of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// As the file says it.
    pub name: String,
    /// The record.
    pub given: Given,
    /// What must come of it, in this order; empty is nothing.
    pub expect: Vec<Expect>,
}

/// One thing that must come of a record.
#[derive(Clone, Debug)]
pub enum Expect {
    /// An output.
    Sink(Box<ExpectOutput>),
    /// A dead letter.
    DeadLetter(ExpectRejection),
    /// The pipeline halts.
    Stop(ExpectRejection),
}

/// What is asked of an output; what is absent is not compared.
#[derive(Clone, Debug, Default)]
pub struct ExpectOutput {
    /// The sink's name.
    pub sink: String,
    /// Its topic.
    pub topic: Option<String>,
    /// Its key, or that it is null.
    pub key: Option<Option<String>>,
    /// Its value.
    pub value: Option<ExpectValue>,
    /// Its headers.
    pub headers: Option<ExpectHeaders>,
}

/// What is asked of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum ExpectValue {
    /// The same JSON.
    Json(Value),
    /// JSON that has this in it.
    Contains(Value),
    /// The same bytes.
    Bytes(Vec<u8>),
    /// A null, or anything else.
    Tombstone(bool),
}

/// What is asked of headers: these and no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectHeaders {
    /// In this order.
    List(Vec<(String, Option<String>)>),
    /// In any order.
    Map(Vec<(String, Option<String>)>),
}

/// What is asked of a rejection; what is absent is not compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpectRejection {
    /// Where it happened.
    pub stage: Option<Stage>,
    /// A part of the reason.
    pub reason: Option<String>,
}

/// What came of a case.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// A line for each difference; empty where there is none.
    pub differences: Vec<String>,
    /// What came of the record, and by which rules.
    pub actual: Actual,
}

impl Case {
    /// Runs it.
    pub fn run(&self, pipeline: &Pipeline, program: &Program) -> Verdict {
        let actual = Actual::of(&self.given, pipeline, program);
        let differences = differ::differences(&self.expect, &actual);
        Verdict { differences, actual }
    }
}
