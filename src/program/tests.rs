//! One record through a compiled pipeline.

mod decisions;
mod edits;
mod keys;
mod values;

use super::{Outcome, Program};
use crate::model::{HeaderList, Record, Rejection};
use crate::pipeline::{Delivery, Pipeline, sample};

/// A pipeline without steps and routes; `change` gives it what the test is about.
fn program(change: impl FnOnce(&mut Pipeline)) -> Program {
    let mut pipeline = sample::pipeline(Delivery::AtMostOnce);
    change(&mut pipeline);
    Program::new(&pipeline)
}

fn headers() -> HeaderList {
    HeaderList(vec![(b"region".to_vec(), Some(b"eu".to_vec())), (b"nothing".to_vec(), None)])
}

fn record<'a>(
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
    headers: &'a HeaderList,
) -> Record<'a> {
    Record {
        topic: "in",
        partition: 2,
        offset: 41,
        timestamp: Some(1_767_225_600_000),
        key,
        value,
        headers,
    }
}

/// What becomes of a record, and the sinks and keys of its outputs.
#[derive(Debug, PartialEq, Eq)]
struct Ran {
    outcome: Outcome,
    outputs: Vec<(usize, Option<Vec<u8>>)>,
    missing: bool,
    /// The routes that took it, where it was sent.
    matched: Vec<usize>,
}

impl Ran {
    fn sinks(&self) -> Vec<usize> {
        assert_eq!(self.outcome, Outcome::Send);
        self.outputs.iter().map(|(sink, _)| *sink).collect()
    }

    fn rejection(&self) -> &Rejection {
        match &self.outcome {
            Outcome::Rejected(rejection) => rejection,
            Outcome::Filtered | Outcome::Send => panic!("{:?}: was to be rejected", self.outcome),
        }
    }

    /// `F`, the sinks, or the stage of the rejection.
    fn short(&self) -> String {
        match &self.outcome {
            Outcome::Filtered => "F".to_owned(),
            Outcome::Send => self.outputs.iter().map(|(sink, _)| sink.to_string()).collect(),
            Outcome::Rejected(rejection) => rejection.stage.to_string(),
        }
    }
}

fn run_on(program: &Program, record: &Record<'_>) -> Ran {
    let mut state = program.state();
    let outcome = program.run(&mut state, record);
    let key = |output| state.key_of(output, record).map(<[u8]>::to_vec);
    let outputs = match outcome {
        Outcome::Send => state.outputs().iter().map(|o| (o.sink, key(o))).collect(),
        Outcome::Filtered | Outcome::Rejected(_) => vec![],
    };
    let matched = if outcome == Outcome::Send { state.matched().to_vec() } else { vec![] };
    Ran { outcome, outputs, missing: state.missing(), matched }
}

/// The value as text; `None` is a tombstone.
fn run(program: &Program, value: Option<&str>) -> Ran {
    run_on(program, &record(Some(b"k"), value.map(str::as_bytes), &headers()))
}
