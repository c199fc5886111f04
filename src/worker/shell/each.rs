//! A batch under `exactly_once` and `at_least_once`: record by record into the open window.

use super::{Batch, Event, Failure, Port, Shell, State, Tally};
use crate::model::{Record, Rejection, Stage};
use crate::pipeline::OnReject;
use crate::program::Outcome;
use crate::worker::isolation::{Refusal, Sent};
use crate::worker::port::{DeadLetter, Output};

/// Why a record did not become part of the window.
pub(super) enum Refrain {
    /// A `stop` policy met it.
    Halt(String),
    /// It could not be sent.
    Failed(Failure),
}

impl<P: Port> Shell<'_, P> {
    /// Takes all records of the batch; what a failed window leaves of it is dropped.
    pub(super) fn take_batch(&mut self) {
        let mut index = 0;
        let mut taken = false;
        // `abort` and `rewind` clear the batch, which ends this.
        while index < self.batch.len() {
            // An entry that is an error opens no window.
            if !self.window.is_open() && self.batch.record(index).is_some() {
                self.drive(Event::Opened);
                if self.state != State::Open {
                    self.batch.clear();
                    return;
                }
            }
            match self.take(index) {
                Ok(()) => {
                    taken = true;
                    self.batch.done(index);
                }
                Err(Refrain::Halt(why)) => {
                    self.drive(Event::Halt(why));
                    self.batch.clear();
                    return;
                }
                Err(Refrain::Failed(failure)) => {
                    self.drive(Event::Failed(failure));
                    self.batch.clear();
                    return;
                }
            }
            index = index.saturating_add(1);
            if self.window.is_full(self.records_cap()) {
                self.drive(Event::Close);
            }
        }
        if taken {
            self.window.touch(self.clock.now());
        }
    }

    #[inline]
    fn take(&mut self, index: usize) -> Result<(), Refrain> {
        let Some(record) = self.batch.record(index) else { return Ok(()) };
        let refused = self.isolation.known(record.topic, record.partition, record.offset);
        let outcome = match refused {
            Some(Refusal { what: Sent::DeadLetter, reason }) => {
                return Err(Refrain::Halt(hopeless_text(&record, reason)));
            }
            Some(Refusal { what: Sent::Outputs, reason }) => Outcome::Rejected(Rejection {
                stage: Stage::Sink,
                reason: reason.clone().into(),
                rule: "".into(),
            }),
            None => self.edition.program.run(&mut self.scratch, &record),
        };
        if let Outcome::Rejected(rejection) = &outcome
            && self.edition.program.policy(rejection.stage) == OnReject::Stop
        {
            return Err(Refrain::Halt(halt_text(&record, rejection)));
        }
        // Where the program was not run, its scratch speaks of another record.
        self.tally.missing += u64::from(refused.is_none() && self.scratch.missing());
        // Before it is sent: a window that fails in the midst of its record failed with that record.
        self.window.add(bytes_of(&record));
        self.offsets.note(&record);
        match outcome {
            Outcome::Filtered => self.tally.filtered += 1,
            Outcome::Send => {
                self.sent = Sent::Outputs;
                let outputs = self.scratch.outputs();
                let last = outputs.len().saturating_sub(1);
                for (n, output) in outputs.iter().enumerate() {
                    let output = Output {
                        batch: &self.batch,
                        index,
                        record,
                        sink: output.sink,
                        key: self.scratch.key_of(output, &record),
                        value: self.scratch.value(&record),
                        headers: self.scratch.headers(),
                        last: n == last,
                    };
                    self.port.send(&output).map_err(Refrain::Failed)?;
                    Tally::count(&mut self.tally.by_sink, output.sink);
                }
                self.tally.routed += 1;
                for route in self.scratch.matched() {
                    Tally::count(&mut self.tally.by_route, *route);
                }
            }
            Outcome::Rejected(rejection) => match self.edition.program.policy(rejection.stage) {
                OnReject::DeadLetter => {
                    self.sent = Sent::DeadLetter;
                    *Tally::slot(&mut self.tally.dead_lettered, rejection.stage) += 1;
                    let letter =
                        DeadLetter { batch: &self.batch, index, record, rejection: &rejection };
                    self.port.dead_letter(&letter).map_err(Refrain::Failed)?;
                }
                OnReject::Drop => *Tally::slot(&mut self.tally.dropped, rejection.stage) += 1,
                // Met above, before the record became part of the window.
                OnReject::Stop => return Err(Refrain::Halt(halt_text(&record, &rejection))),
            },
        }
        Ok(())
    }
}

/// The sentence of a halt: where, what, and what goes on from here.
pub(super) fn halt_text(record: &Record<'_>, rejection: &Rejection) -> String {
    format!(
        "{record:?}: {rejection}; the policy is stop: all before this record is committed; correct the file, or move the group's offset behind the record"
    )
}

fn hopeless_text(record: &Record<'_>, reason: &str) -> String {
    format!(
        "{record:?}: its dead letter is refused too ({reason}); all before this record is committed; raise max.message.bytes of the dead letter topic, or move the group's offset behind the record"
    )
}

#[inline]
fn bytes_of(record: &Record<'_>) -> u64 {
    let len = record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len);
    u64::try_from(len).unwrap_or(u64::MAX)
}
