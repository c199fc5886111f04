//! `set`: key, headers and fields of the value. All entries see the record as it was before the step.

use super::edit::{self, ValueEdits};
use super::{HeaderNames, name_index};
use crate::expression::{self, BoundValue, Scope};
use crate::json::{self, Edit, Path, Paths};
use crate::model::{Record, Rejection};
use crate::pipeline::{Assignment, Target};
use crate::program::State;
use crate::program::state::{Edited, Text};

#[derive(Debug)]
pub(super) struct BoundSet {
    entries: Vec<Entry>,
    edits: ValueEdits,
    /// For each edit the index of its entry.
    values: Vec<usize>,
}

#[derive(Debug)]
struct Entry {
    place: Place,
    value: BoundValue,
    /// In so many objects and arrays what is set will stand.
    depth: usize,
    /// As the file writes it, for rejections.
    target: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Key,
    Header(usize),
    Value,
}

impl BoundSet {
    pub(super) fn new(
        assignments: &[Assignment],
        paths: &mut Paths,
        names: &mut HeaderNames,
    ) -> Self {
        let (mut edits, mut values) = (Vec::new(), Vec::new());
        for (index, Assignment { target, .. }) in assignments.iter().enumerate() {
            if let Target::Value(path) = target {
                edits.push((path.clone(), Edit::Set));
                values.push(index);
            }
        }
        let edits = ValueEdits::new(edits, paths);
        let entries = assignments.iter().map(|assignment| Entry::new(assignment, paths, names));
        Self { entries: entries.collect(), edits, values }
    }

    pub(super) fn run(
        &self,
        state: &mut State,
        record: &Record<'_>,
        rule: &str,
    ) -> Result<(), Rejection> {
        self.evaluate(state, record, rule)?;
        if !self.values.is_empty() {
            edit::apply(&self.edits, &self.values, state, record, rule)?;
        }
        let State { edited, entries, scratch, .. } = state;
        for (entry, text) in self.entries.iter().zip(entries.iter()) {
            match entry.place {
                Place::Key => edited.set_key(text, scratch),
                Place::Header(name) => edited.set_header(name, text, scratch),
                Place::Value => {}
            }
        }
        scratch.clear();
        Ok(())
    }

    /// Into the state's entries, one for each of the step's.
    fn evaluate(
        &self,
        state: &mut State,
        record: &Record<'_>,
        rule: &str,
    ) -> Result<(), Rejection> {
        let State { edited, slots, scratch, entries, .. } = state;
        entries.clear();
        let edited: &Edited = edited;
        edited.show(record, |record| {
            let scope = Scope { record, slots };
            for entry in &self.entries {
                let text = entry.evaluate(&scope, scratch, rule)?;
                entries.push(text);
            }
            Ok(())
        })
    }
}

impl Entry {
    fn new(
        Assignment { target, value }: &Assignment,
        paths: &mut Paths,
        names: &mut HeaderNames,
    ) -> Self {
        let (place, depth) = match target {
            Target::Key => (Place::Key, 0),
            Target::Header(name) => (Place::Header(name_index(names, name)), 0),
            Target::Value(Path(way)) => (Place::Value, way.len()),
        };
        Self { place, value: value.bind(paths), depth, target: target.to_string() }
    }

    fn evaluate(
        &self,
        scope: &Scope<'_>,
        scratch: &mut Vec<u8>,
        rule: &str,
    ) -> Result<Text, Rejection> {
        let text = match self.place {
            Place::Key | Place::Header(_) => self.value.eval(scope, scratch),
            // A tombstone stays one: there is nothing to set, and nothing to ask for.
            Place::Value if scope.record.value.is_none() => return Ok(Text::Null),
            Place::Value => self.value.json(scope, scratch),
        };
        let text = match text.map_err(|error| edit::no_value(error, &self.target, rule))? {
            expression::Text::Null => Text::Null,
            expression::Text::Scratch(range) => Text::At(range),
            expression::Text::Borrowed(bytes) => {
                let start = scratch.len();
                scratch.extend_from_slice(bytes);
                Text::At(start..scratch.len())
            }
        };
        match &text {
            Text::At(range) if self.place == Place::Value => {
                let set = scratch.get(range.clone()).unwrap_or_default();
                if self.depth + json::nesting(set) > json::DEPTH {
                    return Err(edit::too_deep(&self.target, rule));
                }
            }
            Text::At(_) | Text::Keep | Text::Null => {}
        }
        Ok(text)
    }
}
