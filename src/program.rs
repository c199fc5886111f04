//! A [`Pipeline`] compiled: steps, routes, policies. Immutable; swapped whole between windows.
//!
//! `worker` runs it once a record: [`Program::run`] decides, and the outputs are in the [`State`], as edits of the input
//! record. Nothing is allocated per record, but for the text of a rejection, by `validate`, and while a scanner
//! learns how a topic's values are built. Filters and routes that do not
//! look at the value never touch it; where anything does, a record that passes the steps before is scanned once, and once
//! more where a step has changed a member of the value and something later looks into the same one.

mod routing;
pub mod schema;
mod state;
mod step;
#[cfg(test)]
mod tests;
mod witness;

use std::borrow::Cow;
use std::ffi::CString;
use std::sync::Arc;

use routing::Router;
use state::Text;
pub use state::{HeaderEdit, HeaderEdits, OutputEdit, State};
use step::{BoundStep, looks_at_value};
use witness::Nobody;
pub use witness::Witness;

use crate::expression::{self, BoundValue, Predicate, Scope, ValueError, ValueExpression};
use crate::json::{Check, Malformed, Paths, Slot};
use crate::model::{Record, Rejection, Stage};
use crate::pipeline::{Format, OnError, OnReject, Pipeline, Routing, Step, Target};

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

/// The compiled steps, routes and sinks of a pipeline.
#[derive(Debug)]
pub struct Program {
    /// How the value is scanned; absent where nothing names it.
    scan: Option<Check>,
    paths: Arc<Paths>,
    steps: Vec<BoundStep>,
    /// So many steps come before the first that looks at the value: they run before it is scanned.
    leading: usize,
    /// Whether a route or a sink's key looks at the value.
    routes_read_value: bool,
    router: Router,
    /// For each sink its key.
    keys: Vec<Option<BoundValue>>,
    /// For each sink its name, for rejections.
    sink_names: Vec<String>,
    /// The names of all headers that steps change.
    header_names: Arc<[CString]>,
    on_error: OnError,
    unmatched: OnReject,
}

impl Program {
    /// Compiles a pipeline; everything that could be wrong with it has been found by `config`.
    pub fn new(pipeline: &Pipeline) -> Self {
        let (mut paths, mut names) = (Paths::default(), Vec::new());
        let keys = pipeline.sinks.iter().map(|s| s.key.as_ref().map(|k| k.bind(&mut paths)));
        let keys = keys.collect();
        let router = Router::new(&pipeline.routing, pipeline.sinks.len(), &mut paths);
        // The last first: each finds the paths of all that comes behind it.
        let steps = pipeline.steps.iter().enumerate().rev();
        let mut steps: Vec<_> =
            steps.map(|(i, step)| BoundStep::new(step, i, &mut paths, &mut names)).collect();
        steps.reverse();
        Self {
            scan: check_of(pipeline),
            paths: Arc::new(paths),
            steps,
            leading: pipeline.steps.iter().take_while(|s| !looks_at_value(s)).count(),
            routes_read_value: routes_read_value(pipeline),
            router,
            keys,
            sink_names: pipeline.sinks.iter().map(|s| format!("sink {}", s.name)).collect(),
            header_names: names.into(),
            on_error: pipeline.on_error,
            unmatched: unmatched(&pipeline.routing),
        }
    }

    /// Buffers for one worker.
    pub fn state(&self) -> State {
        let room = [self.keys.len(), self.router.routes()];
        State::new(&self.paths, room, Arc::clone(&self.header_names))
    }

    /// What the file says of records that are rejected there.
    pub fn policy(&self, stage: Stage) -> OnReject {
        match stage {
            Stage::Decode => self.on_error.decode,
            Stage::Validate => self.on_error.validate,
            Stage::Expression => self.on_error.expression,
            Stage::Sink => self.on_error.sink,
            Stage::Unmatched => self.unmatched,
        }
    }

    /// Whether no policy of it is `stop`.
    pub fn never_stops(&self) -> bool {
        Stage::ALL.iter().all(|stage| self.policy(*stage) != OnReject::Stop)
    }

    /// Decides on one record; the state is one of this program's own.
    #[inline]
    pub fn run(&self, state: &mut State, record: &Record<'_>) -> Outcome {
        self.run_before(state, record, &mut Nobody)
    }

    /// Decides on one record before the eyes of a witness; the state is one of this program's own.
    #[inline]
    pub fn run_before(
        &self,
        state: &mut State,
        record: &Record<'_>,
        witness: &mut impl Witness,
    ) -> Outcome {
        state.begin();
        match self.decide(state, record, witness) {
            Ok(true) => Outcome::Send,
            Ok(false) => Outcome::Filtered,
            Err(rejection) => Outcome::Rejected(rejection),
        }
    }

    fn decide(
        &self,
        state: &mut State,
        record: &Record<'_>,
        witness: &mut impl Witness,
    ) -> Result<bool, Rejection> {
        let (leading, rest) = self.steps.split_at_checked(self.leading).unwrap_or_default();
        for step in leading {
            if !step.run(state, record, witness)? {
                return Ok(false);
            }
        }
        self.read_value(state, record).map_err(|malformed| Rejection {
            stage: Stage::Decode,
            reason: no_json(&malformed),
            rule: "".into(),
        })?;
        for step in rest {
            if step.reads_slots && !state.is_scanned {
                self.read_again(state, record)?;
            }
            if !step.run(state, record, witness)? {
                return Ok(false);
            }
        }
        if self.routes_read_value && !state.is_scanned {
            self.read_again(state, record)?;
        }
        self.send(state, record, witness)?;
        Ok(true)
    }

    /// Fills the outputs.
    fn send(
        &self,
        state: &mut State,
        record: &Record<'_>,
        witness: &mut impl Witness,
    ) -> Result<(), Rejection> {
        let State { slots, scratch, edited, outputs, notes, .. } = state;
        edited.show(record, |record| {
            let scope = Scope { record, slots };
            self.router.route(&scope, notes, witness, |sink| {
                if outputs.iter().all(|o| o.sink != sink) {
                    outputs.push(OutputEdit { sink, key: Text::Keep });
                }
            })?;
            for output in outputs.iter_mut() {
                output.key = self.key(output.sink, &scope, scratch, witness)?;
            }
            Ok(())
        })
    }

    /// Fills the slots. A tombstone has no fields; without `value` in the program nothing is looked at.
    #[inline]
    fn read_value(&self, state: &mut State, record: &Record<'_>) -> Result<(), Malformed> {
        state.is_scanned = true;
        debug_assert!(
            Arc::ptr_eq(&self.paths, state.scanner.paths()),
            "a state of another program"
        );
        let (Some(check), Some(value)) = (self.scan, state.edited.value(record)) else {
            state.slots.fill(Slot::Missing);
            return Ok(());
        };
        state.scanner.scan(value, check, &mut state.slots)
    }

    /// The value that a step has made is ours: what is wrong with it is the expression's doing.
    #[cold]
    fn read_again(&self, state: &mut State, record: &Record<'_>) -> Result<(), Rejection> {
        self.read_value(state, record).map_err(|malformed| Rejection {
            stage: Stage::Expression,
            reason: format!("what the steps made of the value cannot be read: {malformed}").into(),
            rule: "".into(),
        })
    }

    fn key(
        &self,
        sink: usize,
        scope: &Scope<'_>,
        scratch: &mut Vec<u8>,
        witness: &mut impl Witness,
    ) -> Result<Text, Rejection> {
        let Some(Some(expression)) = self.keys.get(sink) else { return Ok(Text::Keep) };
        witness.key(sink, scope.record);
        let start = scratch.len();
        let text = expression.eval(scope, scratch).map_err(|e| self.key_rejection(sink, e))?;
        match text {
            expression::Text::Null => return Ok(Text::Null),
            expression::Text::Borrowed(bytes) => scratch.extend_from_slice(bytes),
            expression::Text::Scratch(range) => return Ok(Text::At(range)),
        }
        Ok(Text::At(start..scratch.len()))
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

/// The reason of a `decode` rejection.
fn no_json(malformed: &Malformed) -> Cow<'static, str> {
    format!("the value is no JSON that can be decided on: {malformed}").into()
}

/// `format: json` means that all of it is JSON, but a program that never names `value` looks at none. What is edited is checked
/// whole, also where the file asks for less: a splice into a document that is none would make another one, and of a key that
/// occurs twice only one would be found.
fn check_of(pipeline: &Pipeline) -> Option<Check> {
    let named = pipeline.steps.iter().any(looks_at_value) || routes_read_value(pipeline);
    match pipeline.source.format {
        Format::Json(_) if pipeline.steps.iter().any(edits_value) => Some(Check::Whole),
        Format::Json(check) => named.then_some(check),
        Format::Bytes => None,
    }
}

fn edits_value(step: &Step) -> bool {
    let is_value = |target: &Target| matches!(target, Target::Value(_));
    match step {
        Step::Filter(_) | Step::Validate(_) => false,
        Step::Set(assignments) => assignments.iter().any(|a| is_value(&a.target)),
        Step::Remove(targets) => targets.iter().any(is_value),
    }
}

fn routes_read_value(pipeline: &Pipeline) -> bool {
    let in_routes = match &pipeline.routing {
        Routing::AllSinks => false,
        Routing::Routes { routes, .. } => {
            routes.iter().any(|r| r.when.as_ref().is_some_and(Predicate::reads_value))
        }
    };
    let in_key =
        |key: &Option<ValueExpression>| key.as_ref().is_some_and(ValueExpression::reads_value);
    in_routes || pipeline.sinks.iter().any(|s| in_key(&s.key))
}

fn unmatched(routing: &Routing) -> OnReject {
    match routing {
        // Without routes nothing is unmatched; the policy is never asked for.
        Routing::AllSinks => OnReject::Drop,
        Routing::Routes { unmatched, .. } => *unmatched,
    }
}
