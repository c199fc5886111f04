//! What `set` and `remove` have in common: the change of a value by splices.

use crate::expression::ValueError;
use crate::json::{self, BoundEdits, Edit, EditError, Edits, Path, Paths};
use crate::model::{Record, Rejection, Stage};
use crate::program::State;
use crate::program::state::Text;

/// The edits of one step.
#[derive(Debug)]
pub(super) struct ValueEdits {
    edits: BoundEdits,
    /// Whether nothing behind the step looks into a member that it edits: then the value needs no other scan.
    is_apart: bool,
}

impl ValueEdits {
    /// `paths` has those of all that comes behind the step, and no others.
    pub(super) fn new(edits: Vec<(Path, Edit)>, paths: &mut Paths) -> Self {
        let mut own = Paths::default();
        for (path, _) in &edits {
            own.add(path);
        }
        let is_apart = !own.meet(paths);
        Self { edits: Edits::new(edits).bind(paths), is_apart }
    }
}

/// Applies edits to the value as it is now; a tombstone stays one. Entry `values[i]` of the state is what edit `i` sets.
pub(super) fn apply(
    ValueEdits { edits, is_apart }: &ValueEdits,
    values: &[usize],
    state: &mut State,
    record: &Record<'_>,
    rule: &str,
) -> Result<(), Rejection> {
    let State { edited, slots, scratch, entries, spare, splices, .. } = state;
    let Some(value) = edited.value(record) else { return Ok(()) };
    let replacement = |edit: usize| -> &[u8] {
        let entry = values.get(edit).and_then(|entry| entries.get(*entry));
        match entry {
            Some(Text::At(range)) => scratch.get(range.clone()).unwrap_or_default(),
            Some(Text::Keep | Text::Null) | None => b"null",
        }
    };
    spare.clear();
    edits
        .apply(value, slots, replacement, splices, spare)
        .map_err(|error| impossible(&error, rule))?;
    let is_small = u32::try_from(spare.len()).is_ok();
    if *is_apart && is_small {
        splices.move_slots(slots);
    }
    edited.take_value(spare);
    state.is_scanned &= *is_apart && is_small;
    Ok(())
}

#[cold]
fn impossible(error: &EditError, rule: &str) -> Rejection {
    let reason = error.to_string().into();
    Rejection { stage: Stage::Expression, reason, rule: rule.to_owned().into() }
}

#[cold]
pub(super) fn no_value(error: ValueError, target: &str, rule: &str) -> Rejection {
    let reason = format!("nothing to set `{target}` to: {error}").into();
    Rejection { stage: Stage::Expression, reason, rule: rule.to_owned().into() }
}

#[cold]
pub(super) fn too_deep(target: &str, rule: &str) -> Rejection {
    let reason = format!(
        "with what `{target}` is set to, the value would be nested deeper than {} levels",
        json::DEPTH
    );
    Rejection { stage: Stage::Expression, reason: reason.into(), rule: rule.to_owned().into() }
}
