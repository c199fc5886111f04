//! `validate`: goes on with the records whose value fits a JSON Schema. A tombstone has no value that could not.

use crate::model::{Record, Rejection, Stage};
use crate::pipeline::PayloadSchema;
use crate::program::State;
use crate::program::schema::CompiledSchema;

#[derive(Debug)]
pub(super) struct BoundValidate(Option<CompiledSchema>);

impl BoundValidate {
    pub(super) fn new(schema: &PayloadSchema) -> Self {
        Self(CompiledSchema::new(schema).ok().map(|(compiled, _)| compiled))
    }

    pub(super) fn run(
        &self,
        state: &State,
        record: &Record<'_>,
        rule: &str,
    ) -> Result<(), Rejection> {
        let Some(value) = state.edited.value(record) else { return Ok(()) };
        match &self.0 {
            Some(schema) => schema.check(value, rule),
            None => Err(no_schema(rule)),
        }
    }
}

/// `config` has compiled the same schema, so this is a bug; a record that nobody could check must not pass for checked.
#[cold]
fn no_schema(rule: &str) -> Rejection {
    let reason = "the schema does not compile any more".into();
    Rejection { stage: Stage::Validate, reason, rule: rule.to_owned().into() }
}
