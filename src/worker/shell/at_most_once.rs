//! A batch under `at_most_once`: its offsets first, then its outputs. Nothing is ever sent twice, so nothing is rewound.

use std::sync::atomic::Ordering::Relaxed;

use super::each::halt_text;
use super::{Batch, Event, Failure, Port, Shell, Tally};
use crate::model::{Rejection, Stage};
use crate::pipeline::OnReject;
use crate::program::Outcome;
use crate::worker::port::{DeadLetter, Output};

impl<P: Port> Shell<'_, P> {
    pub(super) fn take_batch_at_most_once(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        self.program = self.job.slot.load();
        self.scratch = self.program.state();
        let (end, halt) = self.halting_record();
        self.note_until(end);
        if self.offsets.touched().next().is_some() {
            if let Err(failure) = self.port.commit(&self.offsets) {
                // Not committed, nothing sent: the records are read again.
                self.offsets.clear();
                self.drive(Event::Failed(failure));
                self.batch.clear();
                return;
            }
            self.offsets.clear();
            let halt_late = self.send_until(end);
            self.job.counters.commit(&self.tally);
            self.tally = Tally::default();
            if let Some(event) = halt_late {
                self.drive(event);
            }
        }
        if let Some(why) = halt {
            self.drive(Event::Halt(why));
        }
        self.batch.clear();
    }

    /// The first record that a `stop` policy meets: what is behind it must not be committed.
    fn halting_record(&mut self) -> (usize, Option<String>) {
        if self.program.never_stops() {
            return (self.batch.len(), None);
        }
        for index in 0..self.batch.len() {
            let Some(record) = self.batch.record(index) else { continue };
            if let Outcome::Rejected(rejection) = self.program.run(&mut self.scratch, &record)
                && self.program.policy(rejection.stage) == OnReject::Stop
            {
                return (index, Some(halt_text(&record, &rejection)));
            }
        }
        (self.batch.len(), None)
    }

    fn note_until(&mut self, end: usize) {
        for index in 0..end {
            if let Some(record) = self.batch.record(index) {
                self.offsets.note(&record);
            }
        }
    }

    /// Sends what stands; a failure of the client loses what it had not sent, which this guarantee allows and counts.
    fn send_until(&mut self, end: usize) -> Option<Event> {
        let mut halt = None;
        for index in 0..end {
            if let Err(failure) = self.send_one(index, None) {
                match failure {
                    Failure::Refused { reason, .. } => {
                        halt = self.refused(index, &reason).or(halt);
                    }
                    failure @ (Failure::Abort(_) | Failure::Rebuild(_) | Failure::Fault(_)) => {
                        return Some(self.lose(end.saturating_sub(index), failure));
                    }
                }
            }
        }
        match self.port.settle() {
            Ok(refused) => {
                for (index, reason) in refused {
                    halt = self.refused(index, &reason).or(halt);
                }
                match self.port.settle() {
                    Ok(letters) => {
                        self.job.counters.lost.fetch_add(count(letters.len()), Relaxed);
                        halt.map(Event::Halt)
                    }
                    Err(failure) => Some(self.lose(0, failure)),
                }
            }
            Err(failure) => Some(self.lose(end, failure)),
        }
    }

    /// Applies the sink's policy to a record that was refused after its offset was committed.
    fn refused(&mut self, index: usize, reason: &str) -> Option<String> {
        let rejection =
            Rejection { stage: Stage::Sink, reason: reason.to_owned().into(), rule: "".into() };
        self.send_one(index, Some(&rejection)).unwrap_or_else(|_no_letter_either| {
            self.job.counters.lost.fetch_add(1, Relaxed);
            None
        })
    }

    fn lose(&self, records: usize, failure: Failure) -> Event {
        self.job.counters.lost.fetch_add(count(records), Relaxed);
        tracing::error!(worker = %self.job.id, records_at_most = records, cause = failure.cause(), "records were lost, as at_most_once allows: their offsets are committed, and they could not be sent");
        Event::Failed(Failure::Fault(failure.into_fault()))
    }

    fn send_one(
        &mut self,
        index: usize,
        refused: Option<&Rejection>,
    ) -> Result<Option<String>, Failure> {
        let Some(record) = self.batch.record(index) else { return Ok(None) };
        let outcome = if let Some(rejection) = refused {
            Outcome::Rejected(rejection.clone())
        } else {
            self.tally.consumed += 1;
            self.program.run(&mut self.scratch, &record)
        };
        match outcome {
            Outcome::Filtered => self.tally.filtered += 1,
            Outcome::Send => return self.send_all(index).map(|()| None),
            Outcome::Rejected(rejection) => match self.program.policy(rejection.stage) {
                OnReject::DeadLetter => {
                    let letter =
                        DeadLetter { batch: &self.batch, index, record, rejection: &rejection };
                    self.port.dead_letter(&letter)?;
                    *Tally::slot(&mut self.tally.dead_lettered, rejection.stage) += 1;
                }
                OnReject::Drop => *Tally::slot(&mut self.tally.dropped, rejection.stage) += 1,
                OnReject::Stop => return Ok(Some(halt_text(&record, &rejection))),
            },
        }
        self.tally.missing += u64::from(refused.is_none() && self.scratch.missing());
        Ok(None)
    }

    fn send_all(&mut self, index: usize) -> Result<(), Failure> {
        let Some(record) = self.batch.record(index) else { return Ok(()) };
        self.tally.missing += u64::from(self.scratch.missing());
        for output in self.scratch.outputs() {
            let output = Output {
                batch: &self.batch,
                index,
                record,
                sink: output.sink,
                key: self.scratch.key_of(output, &record),
                // A refused record still needs its headers for the dead letter.
                last: false,
            };
            self.port.send(&output)?;
            self.tally.produced += 1;
        }
        Ok(())
    }
}

fn count(records: usize) -> u64 {
    u64::try_from(records).unwrap_or(u64::MAX)
}
