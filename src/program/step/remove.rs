//! `remove`: headers and fields of the value. What is not there is no matter.

use super::edit::{self, ValueEdits};
use super::{HeaderNames, name_index};
use crate::json::{Edit, Paths};
use crate::model::{Record, Rejection};
use crate::pipeline::Target;
use crate::program::State;

#[derive(Debug)]
pub(super) struct BoundRemove {
    headers: Vec<usize>,
    edits: Option<ValueEdits>,
}

impl BoundRemove {
    pub(super) fn new(targets: &[Target], paths: &mut Paths, names: &mut HeaderNames) -> Self {
        let (mut headers, mut edits) = (Vec::new(), Vec::new());
        for target in targets {
            match target {
                // `config` refuses it: a key is never taken away, it is set to null.
                Target::Key => {}
                Target::Header(name) => headers.push(name_index(names, name)),
                Target::Value(path) => edits.push((path.clone(), Edit::Remove)),
            }
        }
        let edits = (!edits.is_empty()).then(|| ValueEdits::new(edits, paths));
        Self { headers, edits }
    }

    pub(super) fn run(
        &self,
        state: &mut State,
        record: &Record<'_>,
        rule: &str,
    ) -> Result<(), Rejection> {
        if let Some(edits) = &self.edits {
            edit::apply(edits, &[], state, record, rule)?;
        }
        for name in &self.headers {
            state.edited.remove_header(*name);
        }
        Ok(())
    }
}
