//! A step bound to the slots of its paths; one file for each kind.

mod edit;
mod filter;
mod remove;
mod set;
mod validate;

pub(super) use filter::truth;

use filter::BoundFilter;
use remove::BoundRemove;
use set::BoundSet;
use validate::BoundValidate;

use std::ffi::CString;

use super::State;
use super::witness::Witness;
use crate::expression::ValueExpression;
use crate::json::Paths;
use crate::model::{Record, Rejection};
use crate::pipeline::{Step, Target};

/// The names of all headers that steps change; a step knows the index of its own.
pub(super) type HeaderNames = Vec<CString>;

/// One step of a program.
#[derive(Debug)]
pub(super) struct BoundStep {
    kind: Kind,
    index: usize,
    /// How a rejection names it: `steps[2]`.
    rule: String,
    /// Whether it looks at slots, or changes the value by them.
    pub(super) reads_slots: bool,
}

#[derive(Debug)]
enum Kind {
    Filter(BoundFilter),
    Validate(Box<BoundValidate>),
    Set(BoundSet),
    Remove(BoundRemove),
}

impl BoundStep {
    /// `paths` has those of all that comes behind it, and no others.
    pub(super) fn new(
        step: &Step,
        index: usize,
        paths: &mut Paths,
        names: &mut HeaderNames,
    ) -> Self {
        let kind = match step {
            Step::Filter(predicate) => Kind::Filter(BoundFilter::new(predicate, paths)),
            Step::Validate(schema) => Kind::Validate(Box::new(BoundValidate::new(schema))),
            Step::Set(entries) => Kind::Set(BoundSet::new(entries, paths, names)),
            Step::Remove(targets) => Kind::Remove(BoundRemove::new(targets, paths, names)),
        };
        let reads_slots = match step {
            Step::Validate(_) => false,
            Step::Filter(_) | Step::Set(_) | Step::Remove(_) => looks_at_value(step),
        };
        Self { kind, index, rule: format!("steps[{index}]"), reads_slots }
    }

    /// Whether the record goes on behind it.
    #[inline]
    pub(super) fn run<W: Witness>(
        &self,
        state: &mut State,
        record: &Record<'_>,
        witness: &mut W,
    ) -> Result<bool, Rejection> {
        if W::LOOKS_ON {
            state.edited.show(record, |now| witness.reached(self.index, now));
        }
        match &self.kind {
            Kind::Filter(filter) => {
                return filter.run(state, record, (self.index, &self.rule), witness);
            }
            Kind::Validate(validate) => validate.run(state, record, &self.rule)?,
            Kind::Set(set) => set.run(state, record, &self.rule)?,
            Kind::Remove(remove) => remove.run(state, record, &self.rule)?,
        }
        if W::LOOKS_ON {
            state.edited.show(record, |now| witness.passed(self.index, now));
        }
        Ok(true)
    }
}

/// Whether the value has to be checked before the step.
pub(super) fn looks_at_value(step: &Step) -> bool {
    match step {
        Step::Filter(predicate) => predicate.reads_value(),
        Step::Validate(_) => true,
        Step::Set(entries) => entries.iter().any(|entry| {
            matches!(entry.target, Target::Value(_)) || ValueExpression::reads_value(&entry.value)
        }),
        Step::Remove(targets) => targets.iter().any(|t| matches!(t, Target::Value(_))),
    }
}

/// The index of a name, which is added where it is new.
fn name_index(names: &mut HeaderNames, name: &str) -> usize {
    if let Some(known) = names.iter().position(|own| own.to_bytes() == name.as_bytes()) {
        return known;
    }
    // `config` lets no name with a zero byte through.
    names.push(CString::new(name).unwrap_or_default());
    names.len().saturating_sub(1)
}
