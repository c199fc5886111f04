//! Owns all workers: starts them, restarts what fails, follows a plan, ends them within a bound.
//!
//! ```text
//!   Handle ──commands──▶ Supervisor ──spawns──▶ worker threads
//!      ◀────answers─────     ◀──────notices───────┘
//! ```
//!
//! [`lifecycle`] is one worker's life as a pure function, [`plan`] says what a reload would change; [`Supervisor::run`] is the
//! one loop that performs the effects of both, and the only one that changes the set of pipelines. A worker is a thread of its
//! own: a fault or a panic ends that thread only. What a worker does comes in as a [`Work`], so that tests put one in that
//! fails as they like.

mod apply;
mod backoff;
mod handle;
mod left;
pub mod lifecycle;
mod measures;
pub mod plan;
pub mod reload;
mod report;
mod status;
#[cfg(test)]
mod tests;
mod thread;
mod unit;
pub mod wanted;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::model::{ClusterName, InstanceId, PipelineName, WorkerId};
use crate::pipeline::Pipeline;
use crate::worker::{Edition, Exit, Fault, FaultKind, WorkerNews};
use apply::Applying;
use handle::{COMMANDS_MAX, Command};
use left::Left;
use lifecycle::{Effect, Event, State, step};
use thread::{Address, At, Given, Notice, What, WorkerThread};
use unit::{Life, Trouble, Unit};

pub use apply::{Applied, Refusal};
pub use handle::{Gone, Handle};
pub use left::{LEFT_MAX, LEFT_OF_WORKER_MAX};
pub use measures::{Measures, Restart};
pub use status::{PipelineStatus, Totals, WorkerStatus};
pub use thread::Work;

/// How long a worker's end is waited for: a commit's bound and the leaving of the group.
pub const DRAIN_MAX: Duration = Duration::from_secs(40);
const REPORT_INTERVAL: Duration = Duration::from_mins(1);
/// A sleeping supervisor looks up so often, whatever the timers say.
const TICK: Duration = Duration::from_secs(1);
/// Workers of one cluster that bring their clients up at the same time: each has three of them, with threads of their own.
const STARTING_MAX: usize = 16;
/// News are few and small; a thread waits where the supervisor is busier than this.
const NOTICES_MAX: usize = 1024;

/// All pipelines of one daemon.
pub struct Supervisor {
    instance: InstanceId,
    work: Work,
    heartbeat: Box<dyn FnMut() + Send>,
    units: BTreeMap<u64, Unit>,
    next_unit: u64,
    next_edition: u64,
    /// Pipelines that an operator paused, whether they are there or not.
    held: BTreeSet<PipelineName>,
    /// Workers whose clusters are busy with others that start.
    waiting: VecDeque<At>,
    /// Threads that did not end in time.
    left: Left,
    applying: Option<Applying>,
    commands: mpsc::Receiver<Command>,
    notices: mpsc::Receiver<Notice>,
    tell: mpsc::Sender<Notice>,
}

impl Supervisor {
    /// Nothing runs yet. `held`: pipelines that an operator paused before; `heartbeat` is called at least once a second.
    pub fn new(
        instance: &InstanceId,
        held: BTreeSet<PipelineName>,
        work: Work,
        heartbeat: Box<dyn FnMut() + Send>,
    ) -> (Self, Handle) {
        let (tell, notices) = mpsc::channel(NOTICES_MAX);
        let (ask, commands) = mpsc::channel(COMMANDS_MAX);
        let supervisor = Self {
            instance: instance.clone(),
            work,
            heartbeat,
            units: BTreeMap::new(),
            next_unit: 0,
            next_edition: 0,
            held,
            waiting: VecDeque::new(),
            left: Left::default(),
            applying: None,
            commands,
            notices,
            tell,
        };
        (supervisor, Handle::new(ask))
    }

    /// Takes pipelines that are started by [`run`](Self::run).
    pub fn add(&mut self, pipelines: impl IntoIterator<Item = Arc<Pipeline>>) {
        for pipeline in pipelines {
            let edition = self.edition(pipeline);
            self.enter(edition, None, BTreeSet::new());
        }
    }

    /// Newer than all before it.
    fn edition(&mut self, pipeline: Arc<Pipeline>) -> Edition {
        self.next_edition += 1;
        Edition::new(self.next_edition, pipeline)
    }

    /// Starts what was added, follows commands until `shutdown` is done, then ends all workers. Returns those that were left
    /// behind because they did not end within [`DRAIN_MAX`], and have not ended since.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) -> Vec<WorkerId> {
        let mut report_tick = interval(REPORT_INTERVAL);
        report_tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        report_tick.reset();
        tokio::pin!(shutdown);
        loop {
            self.settle();
            let wake = self.next_timer().min(Instant::now() + TICK);
            tokio::select! {
                () = &mut shutdown => break,
                Some(notice) = self.notices.recv() => self.notice(notice),
                Some(command) = self.commands.recv() => self.command(command),
                _ = report_tick.tick() => self.report(),
                () = sleep_until(wake) => self.look_up(),
            }
        }
        self.drain().await
    }

    async fn drain(mut self) -> Vec<WorkerId> {
        self.commands.close();
        self.report();
        for id in self.units.keys().copied().collect::<Vec<_>>() {
            self.leave(id);
        }
        // Whoever does not end is left behind by its timer, so this comes to an end.
        self.settle();
        while !self.units.is_empty() {
            let wake = self.next_timer().min(Instant::now() + TICK);
            tokio::select! {
                Some(notice) = self.notices.recv() => self.notice(notice),
                () = sleep_until(wake) => self.look_up(),
            }
            self.settle();
        }
        self.left.ids()
    }

    fn report(&mut self) {
        for unit in self.units.values_mut().filter(|u| u.life == Life::Runs) {
            report::log(unit);
        }
    }

    fn next_timer(&self) -> Instant {
        let timers = self.units.values().flat_map(|u| &u.workers).filter_map(|w| w.timer);
        let answer = self.applying.as_ref().map(|a| a.until);
        timers.chain(answer).min().unwrap_or_else(|| Instant::now() + TICK)
    }

    fn look_up(&mut self) {
        let now = Instant::now();
        let mut due = Vec::new();
        for (id, unit) in &mut self.units {
            for worker in &mut unit.workers {
                let at = At { unit: *id, number: worker.id.number };
                if worker.timer.is_some_and(|t| t <= now) {
                    worker.timer = None;
                    due.push((at, Event::TimerFired));
                } else if worker.is_stalled(now) {
                    due.push((at, Event::Stalled));
                }
            }
        }
        for (at, event) in due {
            self.drive(at, &event);
        }
        self.answer_late(now);
    }

    /// After each change: who has gone lets others come, and those who wait start as far as their clusters have room.
    fn settle(&mut self) {
        (self.heartbeat)();
        let gone: Vec<u64> =
            self.units.iter().filter(|(_, u)| u.has_gone()).map(|(id, _)| *id).collect();
        for id in &gone {
            if let Some(unit) = self.units.remove(id) {
                tracing::info!(pipeline = %unit.name(), "the pipeline has stopped");
            }
        }
        let mut come = Vec::new();
        for (id, unit) in &mut self.units {
            unit.waits_for.retain(|other| !gone.contains(other));
            if unit.life == Life::Waits && unit.waits_for.is_empty() {
                unit.life = Life::Runs;
                come.extend(unit.workers.iter().map(|w| At { unit: *id, number: w.id.number }));
            }
        }
        for at in come {
            self.drive(at, &Event::Start);
        }
        self.spawn_waiting();
        self.answer();
    }

    fn spawn_waiting(&mut self) {
        let mut busy: BTreeMap<ClusterName, usize> = BTreeMap::new();
        for unit in self.units.values() {
            let starting =
                |w: &&unit::Worker| w.thread.is_some() && matches!(w.state, State::Starting { .. });
            let count = unit.workers.iter().filter(starting).count();
            *busy.entry(unit.edition.pipeline.cluster.clone()).or_default() += count;
        }
        for at in std::mem::take(&mut self.waiting) {
            let Some(unit) = self.units.get(&at.unit) else { continue };
            let Some(worker) = unit.workers.get(usize::from(at.number)) else { continue };
            if worker.thread.is_some() || !matches!(worker.state, State::Starting { .. }) {
                continue;
            }
            let count = busy.entry(unit.edition.pipeline.cluster.clone()).or_default();
            if *count < STARTING_MAX {
                *count += 1;
                self.spawn(at);
            } else {
                self.waiting.push_back(at);
            }
        }
    }

    fn spawn(&mut self, at: At) {
        let (work, tell) = (Arc::clone(&self.work), self.tell.clone());
        let Some(unit) = self.units.get_mut(&at.unit) else { return };
        let worker = unit.workers.get(usize::from(at.number));
        if let Some(why) = worker.and_then(|worker| self.left.forbids(&worker.id)) {
            return self.crowded(at, why);
        }
        let (edition, paused) = (unit.edition.clone(), unit.is_paused());
        let rules = Arc::clone(&unit.rules);
        let Some(worker) = unit.workers.get_mut(usize::from(at.number)) else { return };
        worker.attempt += 1;
        worker.began_with = edition.number;
        worker.took = edition.number;
        let to = Address { at, attempt: worker.attempt, tell };
        worker.gauges = Arc::default();
        let (counters, gauges) = (Arc::clone(&worker.counters), Arc::clone(&worker.gauges));
        let given = Given { id: worker.id.clone(), edition, rules, counters, gauges, paused };
        match WorkerThread::start(given, &work, &to) {
            Ok(thread) => worker.thread = Some(thread),
            Err(fault) => self.drive(at, &Event::Exited(Exit::Fault(fault))),
        }
    }

    fn notice(&mut self, notice: Notice) {
        let at = notice.at;
        if let What::Ended(_) = notice.what
            && self.left.ended(at, notice.attempt)
        {
            return;
        }
        let Some(unit) = self.units.get_mut(&at.unit) else { return };
        let Some(worker) = unit.workers.get_mut(usize::from(at.number)) else { return };
        if notice.attempt != worker.attempt {
            return;
        }
        match notice.what {
            What::News(WorkerNews::Ready) => {
                worker.trouble = None;
                if worker.began_with == unit.edition.number {
                    unit.untried = None;
                }
                self.drive(at, &Event::Ready);
            }
            What::News(WorkerNews::Committed) => {
                unit.said = None;
                self.drive(at, &Event::Committed);
            }
            What::News(WorkerNews::Paused) => self.drive(at, &Event::Paused),
            What::News(WorkerNews::Resumed) => self.drive(at, &Event::Resumed),
            What::News(WorkerNews::Fenced(cause)) => worker.note_fence(cause),
            What::News(WorkerNews::Unfenced) => worker.forget_fence(),
            What::News(WorkerNews::Taken(edition)) => self.taken(at, &edition),
            What::News(WorkerNews::Refused(edition, fault)) => self.refused(at, &edition, fault),
            What::Ended(exit) => {
                if let Some(thread) = worker.thread.take() {
                    thread.join();
                }
                worker.gauges.has_nothing();
                if !self.halted_by_former_rules(at, &exit) {
                    self.drive(at, &Event::Exited(exit.clone()));
                    self.fell(at, &exit);
                }
                self.ask_another(at);
            }
        }
    }

    fn drive(&mut self, at: At, event: &Event) {
        let Some(unit) = self.units.get_mut(&at.unit) else { return };
        let Some(worker) = unit.workers.get_mut(usize::from(at.number)) else { return };
        let (state, effect) = step(worker.state, event);
        worker.state = state;
        worker.tell(event, effect, &mut unit.said);
        if let Some(why) = Restart::of(event, effect) {
            why.count(&mut unit.restarts);
        }
        match effect {
            Effect::None => {}
            Effect::Spawn => {
                worker.timer = None;
                self.waiting.push_back(at);
            }
            Effect::Arm(base) => worker.timer = Some(Instant::now() + backoff::jittered(base)),
            Effect::Disarm => worker.timer = None,
            Effect::RequestStop => match &worker.thread {
                Some(thread) => {
                    thread.control.request_stop();
                    worker.timer = Some(Instant::now() + DRAIN_MAX);
                }
                // It waited for its cluster to have room.
                None => self.drive(at, &Event::Exited(Exit::Drained)),
            },
            Effect::Abandon | Effect::AbandonAndSpawn => {
                if let Some(thread) = worker.thread.take() {
                    self.left.add(at, worker.attempt, (worker.id.clone(), thread));
                }
                // What it still says is of an older attempt, and its gauges are nobody's.
                worker.attempt += 1;
                worker.gauges = Arc::default();
                if effect == Effect::AbandonAndSpawn {
                    self.waiting.push_back(at);
                }
                self.ask_another(at);
            }
            Effect::HaltPipeline => self.drive_others(at, &Event::Halt),
        }
    }

    /// The worker is not started, and backs off: those in its way may end by themselves.
    fn crowded(&mut self, at: At, why: String) {
        let fault = Fault::new(FaultKind::Client, why.clone());
        self.drive(at, &Event::Exited(Exit::Fault(fault)));
        let unit = self.units.get_mut(&at.unit);
        if let Some(worker) = unit.and_then(|u| u.workers.get_mut(usize::from(at.number))) {
            worker.trouble = Some(Trouble::Crowded(why));
        }
    }

    /// A `stop` policy halts the pipeline, not only the worker that met it.
    fn drive_others(&mut self, at: At, event: &Event) {
        let count = self.units.get(&at.unit).map_or(0, |u| u.workers.len());
        for number in (0..count).filter_map(|n| u16::try_from(n).ok()).filter(|n| *n != at.number) {
            self.drive(At { unit: at.unit, number }, event);
        }
    }

    /// All workers of a unit.
    fn drive_all(&mut self, unit: u64, event: &Event) {
        let count = self.units.get(&unit).map_or(0, |u| u.workers.len());
        for number in (0..count).filter_map(|n| u16::try_from(n).ok()) {
            self.drive(At { unit, number }, event);
        }
    }
}

impl unit::Worker {
    /// One line for each end that means something; the same fault again is said at debug level only.
    fn tell(&mut self, event: &Event, effect: Effect, said: &mut Option<String>) {
        let Event::Exited(exit) = event else { return };
        match exit {
            Exit::Fault(fault) => self.trouble = Some(Trouble::Fault(fault.clone())),
            Exit::Halted(why) => self.trouble = Some(Trouble::Halted(why.clone())),
            Exit::Drained => {}
        }
        report::exit(&self.id, exit, effect, said);
    }
}
