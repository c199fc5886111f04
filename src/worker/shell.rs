//! The thin shell around the machine: reads, runs the program, performs actions. One window at a time.

mod at_most_once;
mod attend;
mod each;

use std::num::NonZeroU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::clock::Clock;
use super::control::{Edition, Job, News as Told};
use super::counters::Tally;
use super::fault::{Failure, Fault, FaultKind};
use super::fences::Fences;
use super::isolation::{Found, Isolation, Sent};
use super::machine::{Action, Event, Exit, State, step};
use super::offsets::{NextOffset, Offsets};
use super::port::{Batch, News, Port};
use super::window::Window;
use crate::model::{Position, Stage};
use crate::pipeline::{Delivery, OutOfRange, WindowLimits};
use crate::program;

/// Records that are read at once: enough that a call costs nothing per record, few enough to look up between batches.
const BATCH_RECORDS_MAX: usize = 2_000;
/// How long a read waits while nothing is open; a stop request waits as long.
const IDLE_WAIT: Duration = Duration::from_millis(100);
/// How often the lag is measured.
const LAG_INTERVAL: Duration = Duration::from_secs(5);
/// Failed windows in a row after which the next are smaller: one may be too large for its transaction's time.
const SHRINK_FROM: u32 = 3;
/// Failed windows in a row, refusals not counted, after which the whole worker is made anew.
const STRIKES_MAX: u32 = 20;

/// Works until there is a reason to end, closes the port, and says the reason.
pub fn run<P: Port>(port: &mut P, job: &Job, clock: &dyn Clock) -> Exit {
    let mut shell = Shell::new(port, job, clock);
    job.tell.say(Told::Ready);
    let exit = loop {
        if let State::Ended(exit) = &shell.state {
            break exit.clone();
        }
        shell.turn();
    };
    shell.batch.clear();
    port.close();
    job.gauges.has_nothing();
    exit
}

fn limits_of(delivery: Delivery) -> WindowLimits {
    match delivery {
        Delivery::ExactlyOnce(limits) | Delivery::AtLeastOnce(limits) => limits,
        Delivery::AtMostOnce => WindowLimits::default(),
    }
}

struct Shell<'a, P: Port> {
    port: &'a mut P,
    job: &'a Job,
    clock: &'a dyn Clock,
    state: State,
    limits: WindowLimits,
    window: Window,
    isolation: Isolation,
    offsets: Offsets,
    tally: Tally,
    batch: P::Batch,
    edition: Edition,
    scratch: program::State,
    paused: bool,
    committed: bool,
    strikes: u32,
    fences: Fences,
    lag_measured: Duration,
    /// What was sent of the record that was taken last.
    sent: Sent,
}

impl<'a, P: Port> Shell<'a, P> {
    fn new(port: &'a mut P, job: &'a Job, clock: &'a dyn Clock) -> Self {
        let edition = job.edition.clone();
        let limits = limits_of(edition.pipeline.delivery);
        let batch = port.batch(BATCH_RECORDS_MAX);
        let scratch = edition.program.state();
        Self {
            port,
            job,
            clock,
            state: State::Idle,
            limits,
            window: Window::new(limits),
            isolation: Isolation::new(),
            offsets: Offsets::default(),
            tally: Tally::of(&edition.pipeline),
            batch,
            edition,
            scratch,
            paused: false,
            committed: false,
            strikes: 0,
            fences: Fences::default(),
            lag_measured: Duration::ZERO,
            sent: Sent::Outputs,
        }
    }

    fn records_cap(&self) -> u32 {
        self.isolation.cap(NonZeroU32::get(self.limits.max_records))
    }

    /// One look at everything: control, records, news, time.
    fn turn(&mut self) {
        if self.job.control.stop_requested() {
            return self.drive(Event::Stop);
        }
        self.attend();
        if matches!(self.state, State::Ended(_)) {
            return;
        }
        let room = usize::try_from(self.window.room(self.records_cap())).unwrap_or(usize::MAX);
        let wait = self.window.wait(self.clock.now(), IDLE_WAIT);
        let max = room.min(BATCH_RECORDS_MAX);
        self.port.poll(&mut self.batch, max, wait);
        self.window.found(self.batch.len(), max);
        let news: Vec<News> = std::iter::from_fn(|| self.port.news()).collect();
        if news.contains(&News::Lost) {
            // Whoever has these partitions now reads the same records.
            self.batch.clear();
        }
        match self.edition.pipeline.delivery {
            Delivery::ExactlyOnce(_) | Delivery::AtLeastOnce(_) => self.take_batch(),
            Delivery::AtMostOnce => self.take_batch_at_most_once(),
        }
        for news in news {
            self.serve(news);
        }
        let now = self.clock.now();
        if self.window.is_due(now) {
            self.drive(Event::Close);
        }
        if now.saturating_sub(self.lag_measured) >= LAG_INTERVAL {
            self.measure_lag(now);
            if self.fences.is_over(now) {
                self.job.tell.say(Told::Unfenced);
            }
        }
    }

    fn measure_lag(&mut self, now: Duration) {
        self.lag_measured = now;
        let lag = self.port.lag();
        // First: what has a lag has its count of records too.
        self.job.counters.breakdown.expect_topics(lag.by_topic.keys().map(String::as_str));
        self.job.gauges.measured(lag);
    }

    fn serve(&mut self, news: News) {
        if matches!(self.state, State::Ended(_)) {
            return;
        }
        match news {
            News::Assigned => self.assign(),
            News::Revoked => {
                self.drive(Event::Revoked);
                self.forget_assignment();
            }
            News::Lost => {
                tracing::warn!(worker = %self.job.id, "the group took the partitions away: another member may have them already; what was not committed is done there");
                self.drive(Event::Lost);
                self.forget_assignment();
            }
            News::OutOfRange { topic, partition, reason } => {
                self.out_of_range(&topic, partition, &reason);
            }
            News::Failed(failure) => self.drive(Event::Failed(failure)),
        }
    }

    /// The open window stays open: an assignment takes nothing from it, and its commit asks for the group metadata anew.
    fn assign(&mut self) {
        match self.port.assign() {
            // A cooperative rebalance that gives nothing is no news.
            Ok(positions) if positions.is_empty() => {}
            Ok(positions) => {
                let at: Vec<String> = positions.iter().map(NextOffset::to_string).collect();
                tracing::info!(worker = %self.job.id, partitions = positions.len(), "partitions assigned, going on at {}", at.join(" "));
                self.measure_lag(self.clock.now());
            }
            Err(failure) => self.drive(Event::Failed(failure)),
        }
    }

    fn out_of_range(&mut self, topic: &str, partition: i32, reason: &str) {
        let policy = self.edition.pipeline.source.out_of_range;
        if policy == OutOfRange::Stop {
            let why = format!(
                "{topic}[{partition}]: the committed offset is out of range ({reason}): records were removed, or the topic was made anew, before they were read; set `out_of_range` to earliest or latest, or move the group's offset"
            );
            return self.drive(Event::Halt(why));
        }
        tracing::warn!(worker = %self.job.id, topic, partition, reason, ?policy, "the committed offset is out of range: records were removed before they were read");
        // The port may have to put all partitions back to what is committed.
        self.drive(Event::Close);
        if matches!(self.state, State::Ended(_)) {
            return;
        }
        if let Err(failure) = self.port.reset(topic, partition, policy) {
            self.drive(Event::Failed(failure));
        }
    }

    /// Feeds the machine until it wants to read on or has ended.
    fn drive(&mut self, event: Event) {
        let mut event = event;
        loop {
            if let Event::Failed(failure) = event {
                event = Event::Failed(self.weigh(failure));
            }
            let state = std::mem::replace(&mut self.state, State::Idle);
            let (state, action) = step(state, event);
            self.state = state;
            let done = match action {
                Action::ReadOn => break,
                Action::Leave => {
                    self.batch.clear();
                    return;
                }
                Action::Begin => self.begin(),
                Action::Commit => self.commit(),
                Action::Abort => self.abort(),
                Action::Rebuild => self.rebuild(),
                Action::Release => self.port.release(),
                Action::Rewind => self.rewind(),
            };
            event = done.map_or_else(Event::Failed, |()| Event::Done);
        }
    }

    /// Counts a failure: a refusal is looked into, too many others in a row end the worker.
    fn weigh(&mut self, failure: Failure) -> Failure {
        match &failure {
            Failure::Refused { reason, position } => self.look_for(reason, position.clone()),
            Failure::Abort(cause) | Failure::Rebuild(cause) | Failure::Fenced(cause) => {
                tracing::warn!(worker = %self.job.id, cause, "window aborted: going on at the committed offsets");
                self.strikes = self.strikes.saturating_add(1);
                if self.strikes >= SHRINK_FROM && self.window.is_open() {
                    self.isolation.shrink(self.window.records());
                }
                let is_fence = matches!(failure, Failure::Fenced(_));
                if is_fence && self.fences.meet(self.clock.now()) {
                    self.job.tell.say(Told::Fenced(cause.clone()));
                }
                if self.strikes >= STRIKES_MAX {
                    let cause = format!("{STRIKES_MAX} windows in a row failed: {cause}");
                    let kind = if is_fence { FaultKind::Fenced } else { FaultKind::Client };
                    return Failure::Fault(Fault::new(kind, cause));
                }
            }
            Failure::Fault(_) => {}
        }
        failure
    }

    /// A window of one record is refused for that record, which was taken last, as is one that the client itself refuses.
    fn look_for(&mut self, reason: &str, named: Option<Position>) {
        let records = self.window.records();
        let only = || self.offsets.only_record().filter(|_| records == 1);
        match self.isolation.refused(records, named.or_else(only), self.sent, reason) {
            Found::Smaller => {
                tracing::warn!(worker = %self.job.id, records, reason, "a sink refuses a record of this window: looking for it");
            }
            Found::Record(position) => {
                tracing::warn!(worker = %self.job.id, %position, reason, sent = ?self.sent, policy = ?self.edition.program.policy(Stage::Sink), "a sink refuses this record");
            }
        }
    }

    fn begin(&mut self) -> Result<(), Failure> {
        self.port.begin()?;
        self.window.open(self.clock.now());
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Failure> {
        let closed = self.clock.now();
        self.port.commit(&self.offsets)?;
        self.count_window();
        self.tell_committed();
        self.strikes = 0;
        self.isolation.committed(NonZeroU32::get(self.limits.max_records), &self.offsets);
        self.forget_window();
        self.window.committed(closed);
        Ok(())
    }

    /// The window is committed.
    fn count_window(&self) {
        self.job.counters.commit(&self.tally, &self.offsets, &self.edition.pipeline);
        self.job.gauges.committed.fetch_add(1, Relaxed);
    }

    /// Once: it ends what the supervisor remembers of attempts that failed.
    fn tell_committed(&mut self) {
        if !std::mem::replace(&mut self.committed, true) {
            self.job.tell.say(Told::Committed);
        }
    }

    fn abort(&mut self) -> Result<(), Failure> {
        self.drop_window();
        self.port.abort()
    }

    fn rebuild(&mut self) -> Result<(), Failure> {
        self.drop_window();
        self.job.counters.rebuilt.fetch_add(1, Relaxed);
        self.port.rebuild()
    }

    fn rewind(&mut self) -> Result<(), Failure> {
        self.batch.clear();
        self.offsets.forget();
        self.port.rewind()
    }

    /// Counted once, whether the abort or a new producer ends it; not at all where its begin had failed.
    fn drop_window(&mut self) {
        self.batch.clear();
        self.job.counters.aborted.fetch_add(u64::from(self.window.is_open()), Relaxed);
        self.forget_window();
    }

    fn forget_assignment(&mut self) {
        self.offsets.forget();
        self.isolation.forget();
    }

    fn forget_window(&mut self) {
        self.window.clear();
        self.offsets.clear();
        self.tally.clear();
    }
}
