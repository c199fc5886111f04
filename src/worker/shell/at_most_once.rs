//! A batch under `at_most_once`: its offsets first, then its outputs. Nothing is ever sent twice, so nothing is rewound.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;

use super::each::halt_text;
use super::{Batch, Event, Failure, Port, Shell, Tally};
use crate::model::{Record, Rejection, Stage};
use crate::pipeline::OnReject;
use crate::program::Outcome;
use crate::worker::port::{DeadLetter, LateRefusal, Output};

impl<P: Port> Shell<'_, P> {
    pub(super) fn take_batch_at_most_once(&mut self) {
        if self.batch.is_empty() {
            return;
        }
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
            self.strikes = 0;
            let halt_late = self.send_until(end);
            self.count_window();
            self.tell_committed();
            self.offsets.clear();
            self.tally.clear();
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
        if self.edition.program.never_stops() {
            return (self.batch.len(), None);
        }
        for index in 0..self.batch.len() {
            let Some(record) = self.batch.record(index) else { continue };
            if let Outcome::Rejected(rejection) =
                self.edition.program.run(&mut self.scratch, &record)
                && self.edition.program.policy(rejection.stage) == OnReject::Stop
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
        let mut refused = BTreeMap::new();
        let mut letters = BTreeMap::new();
        for index in 0..end {
            match self.send_one(index, &mut letters) {
                Ok(()) => {}
                Err(Failure::Refused { reason, .. }) => {
                    refused.insert(index, reason);
                }
                Err(
                    failure @ (Failure::Abort(_)
                    | Failure::Rebuild(_)
                    | Failure::Fenced(_)
                    | Failure::Fault(_)),
                ) => {
                    // What is queued goes with the client: nobody knows what of it has arrived.
                    return Some(self.lose(end, failure));
                }
            }
        }
        match self.port.settle() {
            Ok(late) => {
                for LateRefusal { index, topic, reason } in late {
                    if let Some(stage) = letters.remove(&index) {
                        self.lose_letter(stage);
                    } else {
                        // A record has as many refusals as sinks refuse it, and one dead letter.
                        self.uncount_output(&topic);
                        refused.entry(index).or_insert(reason);
                    }
                }
            }
            Err(failure) => return Some(self.lose(end, failure)),
        }
        self.bury(refused)
    }

    /// Applies the sink's policy to records that were refused after their offsets were committed.
    fn bury(&mut self, refused: BTreeMap<usize, String>) -> Option<Event> {
        if refused.is_empty() {
            return None;
        }
        let (records, mut halt) = (refused.len(), None);
        for (index, reason) in refused {
            let Some(record) = self.batch.record(index) else { continue };
            // Where one of several sinks took it, it still counts as rejected. Its routes are asked anew: by now the scratch
            // speaks of another record.
            if self.edition.program.run(&mut self.scratch, &record) == Outcome::Send {
                self.tally.routed = self.tally.routed.saturating_sub(1);
                for route in self.scratch.matched() {
                    uncount(self.tally.by_route.get_mut(*route));
                }
            }
            let rejection =
                Rejection { stage: Stage::Sink, reason: reason.into(), rule: "".into() };
            match self.edition.program.policy(Stage::Sink) {
                OnReject::DeadLetter => {
                    let letter =
                        DeadLetter { batch: &self.batch, index, record, rejection: &rejection };
                    match self.port.dead_letter(&letter) {
                        Ok(()) => *Tally::slot(&mut self.tally.dead_lettered, Stage::Sink) += 1,
                        Err(Failure::Refused { .. }) => self.count_lost(1),
                        Err(
                            failure @ (Failure::Abort(_)
                            | Failure::Rebuild(_)
                            | Failure::Fenced(_)
                            | Failure::Fault(_)),
                        ) => return Some(self.lose(records, failure)),
                    }
                }
                OnReject::Drop => *Tally::slot(&mut self.tally.dropped, Stage::Sink) += 1,
                OnReject::Stop => {
                    self.count_lost(1);
                    halt.get_or_insert_with(|| late_text(&record, &rejection));
                }
            }
        }
        match self.port.settle() {
            Ok(letters) => {
                for _ in letters {
                    self.lose_letter(Stage::Sink);
                }
                halt.map(Event::Halt)
            }
            Err(failure) => Some(self.lose(records, failure)),
        }
    }

    /// Of two sinks on one topic either one: they count together.
    fn uncount_output(&mut self, topic: &str) {
        let sinks = self.edition.pipeline.sinks.iter().zip(&mut self.tally.by_sink);
        let mut counts = sinks.filter(|(sink, count)| sink.topic.as_str() == topic && **count > 0);
        uncount(counts.next().map(|(_, count)| count));
    }

    /// A dead letter is refused too; its record's offset is committed, so there is nothing to go back to.
    fn lose_letter(&mut self, stage: Stage) {
        let letters = Tally::slot(&mut self.tally.dead_lettered, stage);
        *letters = letters.saturating_sub(1);
        self.count_lost(1);
    }

    fn lose(&self, records: usize, failure: Failure) -> Event {
        self.count_lost(records);
        tracing::error!(worker = %self.job.id, records_at_most = records, cause = failure.cause(), "records were lost, as at_most_once allows: their offsets are committed, and they could not be sent");
        Event::Failed(Failure::Fault(failure.into_fault()))
    }

    fn count_lost(&self, records: usize) {
        self.job.counters.lost.fetch_add(u64::try_from(records).unwrap_or(u64::MAX), Relaxed);
    }

    fn send_one(
        &mut self,
        index: usize,
        letters: &mut BTreeMap<usize, Stage>,
    ) -> Result<(), Failure> {
        let Some(record) = self.batch.record(index) else { return Ok(()) };
        let outcome = self.edition.program.run(&mut self.scratch, &record);
        self.tally.missing += u64::from(self.scratch.missing());
        match outcome {
            Outcome::Filtered => self.tally.filtered += 1,
            Outcome::Send => {
                self.tally.routed += 1;
                for route in self.scratch.matched() {
                    Tally::count(&mut self.tally.by_route, *route);
                }
                return self.send_all(index);
            }
            Outcome::Rejected(rejection) => match self.edition.program.policy(rejection.stage) {
                OnReject::DeadLetter => {
                    let letter =
                        DeadLetter { batch: &self.batch, index, record, rejection: &rejection };
                    match self.port.dead_letter(&letter) {
                        Ok(()) => {
                            letters.insert(index, rejection.stage);
                            *Tally::slot(&mut self.tally.dead_lettered, rejection.stage) += 1;
                        }
                        Err(Failure::Refused { .. }) => self.count_lost(1),
                        Err(
                            failure @ (Failure::Abort(_)
                            | Failure::Rebuild(_)
                            | Failure::Fenced(_)
                            | Failure::Fault(_)),
                        ) => return Err(failure),
                    }
                }
                OnReject::Drop => *Tally::slot(&mut self.tally.dropped, rejection.stage) += 1,
                // The batch was cut before the first of these.
                OnReject::Stop => {}
            },
        }
        Ok(())
    }

    fn send_all(&mut self, index: usize) -> Result<(), Failure> {
        let Some(record) = self.batch.record(index) else { return Ok(()) };
        for output in self.scratch.outputs() {
            let output = Output {
                batch: &self.batch,
                index,
                record,
                sink: output.sink,
                key: self.scratch.key_of(output, &record),
                value: self.scratch.value(&record),
                headers: self.scratch.headers(),
                // A refused record still needs its headers for the dead letter.
                last: false,
            };
            self.port.send(&output)?;
            Tally::count(&mut self.tally.by_sink, output.sink);
        }
        Ok(())
    }
}

fn uncount(count: Option<&mut u64>) {
    if let Some(count) = count {
        *count = count.saturating_sub(1);
    }
}

fn late_text(record: &Record<'_>, rejection: &Rejection) -> String {
    format!(
        "{record:?}: {rejection}; the policy is stop; under at_most_once the record's offset was committed before, so it is lost; correct the sink, or give on_error.sink another policy"
    )
}
