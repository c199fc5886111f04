//! A step bound to the slots of its paths.

use crate::expression::{BoundPredicate, EvalError, Scope, Verdict};
use crate::json::Paths;
use crate::model::{Rejection, Stage};
use crate::pipeline::Step;

/// One step of a program.
#[derive(Debug)]
pub(super) struct BoundStep {
    kind: Kind,
    /// How a rejection names it: `steps[2]`.
    rule: String,
}

#[derive(Debug)]
enum Kind {
    Filter(BoundPredicate),
}

impl BoundStep {
    pub(super) fn new(step: &Step, index: usize, paths: &mut Paths) -> Self {
        let kind = match step {
            Step::Filter(predicate) => Kind::Filter(predicate.bind(paths)),
        };
        Self { kind, rule: format!("steps[{index}]") }
    }

    /// Whether the record goes on behind it. Missing is not true, and is told apart.
    #[inline]
    pub(super) fn passes(&self, scope: &Scope<'_>, missing: &mut bool) -> Result<bool, Rejection> {
        match &self.kind {
            Kind::Filter(predicate) => truth(predicate.eval(scope), missing, &self.rule),
        }
    }
}

/// A verdict at the top of a predicate as yes or no, or as a rejection.
#[inline]
pub(super) fn truth(verdict: Verdict, missing: &mut bool, rule: &str) -> Result<bool, Rejection> {
    match verdict {
        Verdict::True => Ok(true),
        Verdict::False => Ok(false),
        Verdict::Missing => {
            *missing = true;
            Ok(false)
        }
        Verdict::Error(error) => Err(rejection(error, rule)),
    }
}

#[cold]
fn rejection(error: EvalError, rule: &str) -> Rejection {
    let (reason, rule) = (error.to_string().into(), rule.to_owned().into());
    Rejection { stage: Stage::Expression, reason, rule }
}
