//! A [`Pipeline`] compiled: steps, routes, policies. Immutable; swapped whole between windows.
//!
//! `worker` runs it once a record: [`Program::run`] decides, and the outputs are in the [`State`], as edits of the input
//! record. Nothing is allocated per record, but for the text of a rejection. Filters and routes that do not look at the
//! value never touch it; where anything does, a record that passes the leading filters is scanned once.

mod routing;
mod step;
#[cfg(test)]
mod tests;

use std::ops::Range;

use routing::Router;
use step::BoundStep;

use crate::expression::{BoundValue, Predicate, Scope, Text, ValueError, ValueExpression};
use crate::json::{Check, Paths, Slot, scan};
use crate::model::{Record, Rejection, Stage};
use crate::pipeline::{Format, OnError, OnReject, Pipeline, Routing, Step};

/// What becomes of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A filter does not let it pass: it is done.
    Filtered,
    /// It goes to [`State::outputs`].
    Send,
    /// It cannot go on; [`Program::policy`] says what follows.
    Rejected(Rejection),
}

/// One output of the record that was run last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputEdit {
    /// Index of the sink in [`Pipeline::sinks`].
    pub sink: usize,
    key: KeyEdit,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum KeyEdit {
    /// The record's own.
    Keep,
    Null,
    /// In the state's scratch.
    Set(Range<usize>),
}

/// What one worker keeps between records: buffers that are reused, and later the state of steps.
#[derive(Clone, Debug)]
pub struct State {
    slots: Vec<Slot>,
    scratch: Vec<u8>,
    outputs: Vec<OutputEdit>,
    missing: bool,
}

impl State {
    /// Where the last record goes, in this order, each sink at most once.
    pub fn outputs(&self) -> &[OutputEdit] {
        &self.outputs
    }

    /// The key that the output has.
    pub fn key_of<'a>(&'a self, output: &OutputEdit, record: &Record<'a>) -> Option<&'a [u8]> {
        match &output.key {
            KeyEdit::Keep => record.key,
            KeyEdit::Null => None,
            KeyEdit::Set(range) => Some(self.scratch.get(range.clone()).unwrap_or(&[])),
        }
    }

    /// Whether a predicate over the last record was missing, and counted as not true.
    pub fn missing(&self) -> bool {
        self.missing
    }
}

/// The compiled steps, routes and sinks of a pipeline.
#[derive(Debug)]
pub struct Program {
    /// Filters before the first that looks at the value: they run before it is scanned.
    leading: Vec<BoundStep>,
    /// How the value is scanned; absent where nothing names it.
    scan: Option<Check>,
    paths: Paths,
    steps: Vec<BoundStep>,
    router: Router,
    /// For each sink its key.
    keys: Vec<Option<BoundValue>>,
    /// For each sink its name, for rejections.
    sink_names: Vec<String>,
    on_error: OnError,
    unmatched: OnReject,
}

impl Program {
    /// Compiles a pipeline; everything that could be wrong with it has been found by `config`.
    pub fn new(pipeline: &Pipeline) -> Self {
        let mut paths = Paths::default();
        let mut steps: Vec<BoundStep> = pipeline
            .steps
            .iter()
            .enumerate()
            .map(|(index, step)| BoundStep::new(step, index, &mut paths))
            .collect();
        let keys = pipeline.sinks.iter().map(|s| s.key.as_ref().map(|k| k.bind(&mut paths)));
        let keys = keys.collect();
        let router = Router::new(&pipeline.routing, pipeline.sinks.len(), &mut paths);
        let leading = pipeline.steps.iter().take_while(|s| !reads_value(s)).count();
        let rest = steps.split_off(leading);
        Self {
            leading: steps,
            scan: check_of(pipeline),
            paths,
            steps: rest,
            router,
            keys,
            sink_names: pipeline.sinks.iter().map(|s| format!("sink {}", s.name)).collect(),
            on_error: pipeline.on_error,
            unmatched: unmatched(&pipeline.routing),
        }
    }

    /// Buffers for one worker.
    pub fn state(&self) -> State {
        State {
            slots: vec![Slot::Missing; self.paths.len()],
            scratch: Vec::new(),
            outputs: Vec::with_capacity(self.keys.len()),
            missing: false,
        }
    }

    /// What the file says of records that are rejected there.
    pub fn policy(&self, stage: Stage) -> OnReject {
        match stage {
            Stage::Decode => self.on_error.decode,
            Stage::Expression => self.on_error.expression,
            Stage::Sink => self.on_error.sink,
            Stage::Unmatched => self.unmatched,
        }
    }

    /// Whether no policy of it is `stop`.
    pub fn never_stops(&self) -> bool {
        Stage::ALL.iter().all(|stage| self.policy(*stage) != OnReject::Stop)
    }

    /// Decides on one record.
    #[inline]
    pub fn run(&self, state: &mut State, record: &Record<'_>) -> Outcome {
        state.missing = false;
        state.outputs.clear();
        state.scratch.clear();
        match self.decide(state, record) {
            Ok(true) => Outcome::Send,
            Ok(false) => Outcome::Filtered,
            Err(rejection) => Outcome::Rejected(rejection),
        }
    }

    fn decide(&self, state: &mut State, record: &Record<'_>) -> Result<bool, Rejection> {
        for step in &self.leading {
            if !step.passes(&Scope { record, slots: &[] }, &mut state.missing)? {
                return Ok(false);
            }
        }
        self.read_value(state, record)?;
        for step in &self.steps {
            if !step.passes(&Scope { record, slots: &state.slots }, &mut state.missing)? {
                return Ok(false);
            }
        }
        let State { slots, scratch, outputs, missing } = state;
        let scope = Scope { record, slots };
        self.router.route(&scope, missing, |sink| {
            if outputs.iter().all(|o| o.sink != sink) {
                outputs.push(OutputEdit { sink, key: KeyEdit::Keep });
            }
        })?;
        for output in outputs {
            output.key = self.key(output.sink, &scope, scratch)?;
        }
        Ok(true)
    }

    /// Fills the slots. A tombstone has no fields; without `value` in the program nothing is looked at.
    fn read_value(&self, state: &mut State, record: &Record<'_>) -> Result<(), Rejection> {
        let (Some(check), Some(value)) = (self.scan, record.value) else {
            state.slots.fill(Slot::Missing);
            return Ok(());
        };
        scan(&self.paths, value, check, &mut state.slots).map_err(|malformed| Rejection {
            stage: Stage::Decode,
            reason: format!("the value is no JSON that can be decided on: {malformed}").into(),
            rule: "".into(),
        })
    }

    fn key(
        &self,
        sink: usize,
        scope: &Scope<'_>,
        scratch: &mut Vec<u8>,
    ) -> Result<KeyEdit, Rejection> {
        let Some(Some(expression)) = self.keys.get(sink) else { return Ok(KeyEdit::Keep) };
        let start = scratch.len();
        let text = expression.eval(scope, scratch).map_err(|e| self.key_rejection(sink, e))?;
        match text {
            Text::Null => return Ok(KeyEdit::Null),
            Text::Borrowed(bytes) => scratch.extend_from_slice(bytes),
            Text::Scratch(range) => return Ok(KeyEdit::Set(range)),
        }
        Ok(KeyEdit::Set(start..scratch.len()))
    }

    #[cold]
    fn key_rejection(&self, sink: usize, error: ValueError) -> Rejection {
        let rule = self.sink_names.get(sink).cloned().unwrap_or_default();
        Rejection {
            stage: Stage::Expression,
            reason: format!("key: {error}").into(),
            rule: rule.into(),
        }
    }
}

fn reads_value(step: &Step) -> bool {
    match step {
        Step::Filter(predicate) => predicate.reads_value(),
    }
}

/// `format: json` means that all of it is JSON, but a program that never names `value` looks at none.
fn check_of(pipeline: &Pipeline) -> Option<Check> {
    let named = pipeline.steps.iter().any(reads_value)
        || pipeline.sinks.iter().any(|s| s.key.as_ref().is_some_and(ValueExpression::reads_value))
        || match &pipeline.routing {
            Routing::AllSinks => false,
            Routing::Routes { routes, .. } => {
                routes.iter().any(|r| r.when.as_ref().is_some_and(Predicate::reads_value))
            }
        };
    match pipeline.source.format {
        Format::Json(check) => named.then_some(check),
        Format::Bytes => None,
    }
}

fn unmatched(routing: &Routing) -> OnReject {
    match routing {
        // Without routes nothing is unmatched; the policy is never asked for.
        Routing::AllSinks => OnReject::Drop,
        Routing::Routes { unmatched, .. } => *unmatched,
    }
}
