//! `exists()` and `all()`: a condition on the elements of an array.
//!
//! An element is scanned for what the condition reads of it, whole: a key that is read and occurs twice is an error of the
//! expression there, as is damage that a lazy scan of the record did not see.

use super::buffer;
use super::error::EvalError;
use super::eval::{Element, Env, Verdict, worse};
use super::program::Each;
use super::term::Quantifier;
use super::value::Kind;
use crate::json::{Check, Elements, Slot, scan};

impl Each {
    pub(super) fn eval(&self, quantifier: Quantifier, env: &Env<'_>) -> Verdict {
        let (slot, bytes) = self.array.slot(env);
        let kind = match slot {
            Slot::Array(span) => return self.elements(quantifier, span.of(bytes), env),
            Slot::Missing => return Verdict::Missing,
            Slot::Null(_) => Kind::Null,
            Slot::Bool(..) => Kind::Bool,
            Slot::Number(_) => Kind::Number,
            Slot::Plain(_) | Slot::Escaped(_) => Kind::Text,
            Slot::Object(_) => Kind::Object,
        };
        Verdict::Error(EvalError::NotTaken { function: quantifier.called(), kind })
    }

    fn elements(&self, quantifier: Quantifier, array: &[u8], env: &Env<'_>) -> Verdict {
        let (decides, mut result) = match quantifier {
            Quantifier::Exists => (Verdict::True, Verdict::False),
            Quantifier::All => (Verdict::False, Verdict::True),
        };
        buffer::with_slots(self.paths.len(), |slots| {
            for element in Elements::new(array) {
                let verdict = match element {
                    Ok((bytes, whole)) => self.element(bytes, whole, slots, env),
                    Err(_) => Verdict::Error(EvalError::Element),
                };
                if verdict == decides {
                    return verdict;
                }
                result = worse(result, verdict);
            }
            result
        })
    }

    fn element(&self, bytes: &[u8], whole: Slot, slots: &mut [Slot], env: &Env<'_>) -> Verdict {
        if !self.paths.is_empty() && scan(&self.paths, bytes, Check::Whole, slots).is_err() {
            return Verdict::Error(EvalError::Element);
        }
        self.condition.eval(&Env { element: Some(Element { bytes, whole, slots }), ..*env })
    }
}
