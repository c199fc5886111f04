//! `filter`: goes on with the records for which a predicate is true.

use crate::expression::{BoundPredicate, EvalError, Predicate, Scope, Verdict};
use crate::json::Paths;
use crate::model::{Record, Rejection, Stage};
use crate::program::State;
use crate::program::witness::Witness;

#[derive(Debug)]
pub(super) struct BoundFilter(BoundPredicate);

impl BoundFilter {
    pub(super) fn new(predicate: &Predicate, paths: &mut Paths) -> Self {
        Self(predicate.bind(paths))
    }

    /// Whether the record goes on behind it. Missing is not true, and is told apart.
    #[inline]
    pub(super) fn run(
        &self,
        state: &mut State,
        record: &Record<'_>,
        (index, rule): (usize, &str),
        witness: &mut impl Witness,
    ) -> Result<bool, Rejection> {
        let State { edited, slots, notes, .. } = state;
        edited.show(record, |record| {
            let verdict = self.0.eval(&Scope { record, slots });
            witness.filter(index, verdict, record);
            truth(verdict, &mut notes.missing, rule)
        })
    }
}

/// A verdict at the top of a predicate as yes or no, or as a rejection.
#[inline]
pub(in crate::program) fn truth(
    verdict: Verdict,
    missing: &mut bool,
    rule: &str,
) -> Result<bool, Rejection> {
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
