//! Owns all workers: starts them, restarts what fails, ends them within a bound.
//!
//! ```text
//!   Running ──fault──▶ BackingOff ──timer──▶ Running
//!      │ stop policy        │ stop
//!      ▼                    ▼
//!   Halted   Draining ──▶ Stopped
//! ```
//!
//! [`lifecycle`] is that table as a pure function for one worker; [`Supervisor::run`] performs its effects. A worker is a
//! thread of its own: a fault or a panic ends that thread only. What a worker does comes in as a [`Work`], so that tests
//! put one in that fails as they like.

mod backoff;
pub mod lifecycle;
pub mod plan;
mod report;
#[cfg(test)]
mod tests;
mod thread;
pub mod wanted;

use std::future::Future;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout_at};

use crate::model::{InstanceId, WorkerId};
use crate::pipeline::Pipeline;
use crate::program::Program;
use crate::worker::{Control, Counters, Job, ProgramSlot};
use lifecycle::{Effect, Event, State, step};
use report::Report;
use thread::{Ended, WorkerThread};

pub use thread::Work;

/// How long a stop waits for all workers: a commit's bound and the leaving of the group.
pub const DRAIN_MAX: Duration = Duration::from_secs(40);
const REPORT_INTERVAL: Duration = Duration::from_mins(1);
/// A sleeping supervisor looks up so often, whatever the timers say.
const TICK: Duration = Duration::from_secs(1);

/// All pipelines of one daemon.
pub struct Supervisor {
    work: Work,
    workers: Vec<Worker>,
    report: Report,
    ended: mpsc::Receiver<Ended>,
    tell: mpsc::Sender<Ended>,
    heartbeat: Box<dyn FnMut()>,
}

struct Worker {
    pipeline: Arc<Pipeline>,
    id: WorkerId,
    slot: Arc<ProgramSlot>,
    counters: Arc<Counters>,
    state: State,
    /// Counts the threads: the end of an older one changes nothing.
    attempt: u64,
    /// Committed windows when the thread began.
    windows: u64,
    thread: Option<WorkerThread>,
    timer: Option<Instant>,
    /// What was said last: the same fault again is no news.
    said: Option<String>,
}

impl Supervisor {
    /// Takes the pipelines; nothing runs yet. `heartbeat` is called at least once a second while it is alive.
    pub fn new(
        pipelines: Vec<Arc<Pipeline>>,
        instance: &InstanceId,
        work: Work,
        heartbeat: Box<dyn FnMut()>,
    ) -> Self {
        let mut workers = Vec::new();
        let mut report = Report::default();
        for pipeline in pipelines {
            let slot = Arc::new(ProgramSlot::new(Program::new(&pipeline)));
            for number in 0..NonZeroU16::get(pipeline.workers) {
                let counters = Arc::new(Counters::default());
                report.add(&pipeline.name, &counters);
                workers.push(Worker {
                    id: WorkerId {
                        pipeline: pipeline.name.clone(),
                        instance: instance.clone(),
                        number,
                    },
                    pipeline: Arc::clone(&pipeline),
                    slot: Arc::clone(&slot),
                    counters,
                    state: State::Stopped,
                    attempt: 0,
                    windows: 0,
                    thread: None,
                    timer: None,
                    said: None,
                });
            }
        }
        // Each worker has at most one thread, and each thread tells its end once.
        let (tell, ended) = mpsc::channel(workers.len().max(1));
        Self { work, workers, report, ended, tell, heartbeat }
    }

    /// Starts all workers and keeps them until `shutdown` is done, then ends them. Returns the workers that had to be left
    /// behind because they did not end within [`DRAIN_MAX`].
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) -> Vec<WorkerId> {
        for index in 0..self.workers.len() {
            self.drive(index, &Event::Start);
        }
        let mut report_tick = interval(REPORT_INTERVAL);
        report_tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        report_tick.reset();
        tokio::pin!(shutdown);
        loop {
            (self.heartbeat)();
            let wake = self.next_timer().min(Instant::now() + TICK);
            tokio::select! {
                () = &mut shutdown => break,
                Some(ended) = self.ended.recv() => self.ended(ended),
                _ = report_tick.tick() => self.report.log(),
                () = sleep_until(wake) => self.fire_timers(),
            }
        }
        self.drain().await
    }

    async fn drain(mut self) -> Vec<WorkerId> {
        let end = Instant::now() + DRAIN_MAX;
        for index in 0..self.workers.len() {
            self.drive(index, &Event::Stop);
        }
        while self.workers.iter().any(|w| w.thread.is_some()) {
            (self.heartbeat)();
            let step_end = end.min(Instant::now() + TICK);
            match timeout_at(step_end, self.ended.recv()).await {
                Ok(Some(ended)) => self.ended(ended),
                Ok(None) => break,
                Err(_elapsed) if Instant::now() < end => {}
                Err(_elapsed) => break,
            }
        }
        self.report.log();
        self.workers.iter().filter(|w| w.thread.is_some()).map(|w| w.id.clone()).collect()
    }

    fn next_timer(&self) -> Instant {
        let timers = self.workers.iter().filter_map(|w| w.timer);
        timers.min().unwrap_or_else(|| Instant::now() + TICK)
    }

    fn fire_timers(&mut self) {
        let now = Instant::now();
        for index in 0..self.workers.len() {
            let due = self.workers.get(index).is_some_and(|w| w.timer.is_some_and(|t| t <= now));
            if due {
                self.drive(index, &Event::TimerFired);
            }
        }
    }

    fn ended(&mut self, ended: Ended) {
        let Some(worker) = self.workers.get_mut(ended.index) else { return };
        if ended.attempt != worker.attempt {
            return;
        }
        if let Some(thread) = worker.thread.take() {
            thread.join();
        }
        let committed = worker.counters.windows.load(Relaxed) > worker.windows;
        self.drive(ended.index, &Event::Exited { exit: ended.exit, committed });
    }

    fn drive(&mut self, index: usize, event: &Event) {
        let (work, tell) = (Arc::clone(&self.work), self.tell.clone());
        let Some(worker) = self.workers.get_mut(index) else { return };
        let (state, effect) = step(worker.state, event);
        worker.state = state;
        worker.tell(event, effect);
        match effect {
            Effect::None => {}
            Effect::Spawn => worker.spawn(index, work, tell),
            Effect::Arm(base) => worker.timer = Some(Instant::now() + backoff::jittered(base)),
            Effect::Disarm => worker.timer = None,
            Effect::RequestStop => {
                if let Some(thread) = &worker.thread {
                    thread.control.request_stop();
                }
            }
            Effect::HaltPipeline => self.halt_siblings(index),
        }
    }

    /// A `stop` policy halts the pipeline, not only the worker that met it.
    fn halt_siblings(&mut self, index: usize) {
        let Some(name) = self.workers.get(index).map(|w| w.id.pipeline.clone()) else { return };
        for other in 0..self.workers.len() {
            let same = self.workers.get(other).is_some_and(|w| w.id.pipeline == name);
            if other != index && same {
                self.drive(other, &Event::Halt);
            }
        }
    }
}

impl Worker {
    fn spawn(&mut self, index: usize, work: Work, tell: mpsc::Sender<Ended>) {
        self.attempt += 1;
        self.timer = None;
        self.windows = self.counters.windows.load(Relaxed);
        let control = Arc::new(Control::default());
        let job = Job {
            id: self.id.clone(),
            delivery: self.pipeline.delivery,
            out_of_range: self.pipeline.source.out_of_range,
            slot: Arc::clone(&self.slot),
            counters: Arc::clone(&self.counters),
            control: Arc::clone(&control),
        };
        let pipeline = Arc::clone(&self.pipeline);
        let to = thread::Address { index, attempt: self.attempt, tell };
        self.thread = WorkerThread::start(job, pipeline, control, work, to);
    }

    /// One line for each end that means something; the same fault again is said at debug level only.
    fn tell(&mut self, event: &Event, effect: Effect) {
        let Event::Exited { exit, committed } = event else { return };
        if *committed {
            self.said = None;
        }
        report::exit(&self.id, exit, effect, &mut self.said);
    }
}
