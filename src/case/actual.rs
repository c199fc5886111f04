//! What comes of a record, and by which rules.

use crate::expression::Verdict;
use crate::model::{Record, Rejection};
use crate::pipeline::{Matching, OnReject, Pipeline, Routing};
use crate::program::{HeaderEdit, Outcome, Program, State, Witness};

use super::Given;

/// What came of a record.
#[derive(Clone, Debug)]
pub struct Actual {
    /// How it ended.
    pub end: End,
    /// What was decided on the way.
    pub trace: Trace,
}

/// How a record's walk ended.
#[derive(Clone, Debug)]
pub enum End {
    /// With these outputs.
    Sent(Vec<ActualOutput>),
    /// At the filter with that index in `steps`.
    Filtered(usize),
    /// As a dead letter.
    DeadLetter(Rejection),
    /// Dropped, as a policy says.
    Dropped(Rejection),
    /// The pipeline halts, as a policy says.
    Stopped(Rejection),
}

/// One output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActualOutput {
    /// The sink's name.
    pub sink: String,
    /// Its topic.
    pub topic: String,
    /// The route that sent it, where there are routes.
    pub route: Option<String>,
    /// `None` is a null key.
    pub key: Option<Vec<u8>>,
    /// `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// In their order.
    pub headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// What was decided on the way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// The indices of the filters that were asked, with their verdicts.
    pub filters: Vec<(usize, Verdict)>,
    /// The indices of all steps that the record came to, the one that rejected it included.
    pub steps: Vec<usize>,
    /// The indices of the routes that were asked, with their verdicts.
    pub routes: Vec<(usize, Verdict)>,
}

impl Witness for Trace {
    fn reached(&mut self, step: usize, _record: &Record<'_>) {
        self.steps.push(step);
    }
    fn filter(&mut self, step: usize, verdict: Verdict, _record: &Record<'_>) {
        self.filters.push((step, verdict));
    }
    fn passed(&mut self, _step: usize, _record: &Record<'_>) {}
    fn route(&mut self, route: usize, verdict: Verdict, _record: &Record<'_>) {
        self.routes.push((route, verdict));
    }
    fn key(&mut self, _sink: usize, _record: &Record<'_>) {}
}

impl Trace {
    /// The indices of the routes that matched.
    pub fn matched(&self) -> impl Iterator<Item = usize> {
        self.routes.iter().filter(|(_, v)| *v == Verdict::True).map(|(route, _)| *route)
    }
}

impl Actual {
    /// Puts a record through a program.
    pub fn of(given: &Given, pipeline: &Pipeline, program: &Program) -> Self {
        let (mut trace, mut state) = (Trace::default(), program.state());
        let record = given.record();
        let end = match program.run_before(&mut state, &record, &mut trace) {
            Outcome::Filtered => End::Filtered(trace.filters.last().map_or(0, |(step, _)| *step)),
            Outcome::Send => End::Sent(outputs(&state, given, pipeline, &trace)),
            Outcome::Rejected(rejection) => match program.policy(rejection.stage) {
                OnReject::DeadLetter => End::DeadLetter(rejection),
                OnReject::Drop => End::Dropped(rejection),
                OnReject::Stop => End::Stopped(rejection),
            },
        };
        Self { end, trace }
    }

    /// The rule that decided, in words.
    pub fn rule(&self, pipeline: &Pipeline) -> String {
        match &self.end {
            End::Sent(_) => {
                let names: Vec<_> =
                    self.trace.matched().filter_map(|i| route_name(pipeline, i)).collect();
                match names.as_slice() {
                    [] => "no routes: every record goes to every sink".to_owned(),
                    [one] => format!("the route `{one}` matched"),
                    several => format!("the routes `{}` matched", several.join("`, `")),
                }
            }
            End::Filtered(step) => format!("the filter steps[{step}] did not let it pass"),
            End::DeadLetter(rejection) | End::Dropped(rejection) | End::Stopped(rejection) => {
                format!("rejected: {rejection}")
            }
        }
    }
}

fn route_name(pipeline: &Pipeline, index: usize) -> Option<String> {
    match &pipeline.routing {
        Routing::AllSinks => None,
        Routing::Routes { routes, .. } => routes.get(index).map(|r| r.name.to_string()),
    }
}

/// The name of the first route that matched and sends there.
fn sent_by(pipeline: &Pipeline, trace: &Trace, sink: usize) -> Option<String> {
    let Routing::Routes { routes, matching, .. } = &pipeline.routing else { return None };
    let mut matched = trace.matched().filter_map(|index| routes.get(index));
    match matching {
        Matching::First => matched.next(),
        Matching::All => matched.find(|route| route.to.contains(&sink)),
    }
    .map(|route| route.name.to_string())
}

fn outputs(state: &State, given: &Given, pipeline: &Pipeline, trace: &Trace) -> Vec<ActualOutput> {
    let record = given.record();
    let mut headers = given.headers.0.clone();
    for edit in state.headers().iter() {
        let (HeaderEdit::Set(name, _) | HeaderEdit::Remove(name)) = edit;
        headers.retain(|(own, _)| own != name.to_bytes());
        if let HeaderEdit::Set(name, value) = edit {
            headers.push((name.to_bytes().to_vec(), value.map(<[u8]>::to_vec)));
        }
    }
    let output = |output: &crate::program::OutputEdit| {
        let sink = pipeline.sinks.get(output.sink)?;
        Some(ActualOutput {
            sink: sink.name.to_string(),
            topic: sink.topic.to_string(),
            route: sent_by(pipeline, trace, output.sink),
            key: state.key_of(output, &record).map(<[u8]>::to_vec),
            value: state.value(&record).map(<[u8]>::to_vec),
            headers: headers.clone(),
        })
    };
    state.outputs().iter().filter_map(output).collect()
}
