//! A supervisor whose workers do as the test says, under a clock that moves only when the test moves it.

use std::collections::BTreeSet;
use std::num::NonZeroU16;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, mpsc as orders};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::yield_now;
use tokio::time::advance;

use crate::model::{InstanceId, PipelineName, WorkerId};
use crate::pipeline::{Delivery, Pipeline, sample};
use crate::supervisor::{Handle, Supervisor, Work};
use crate::worker::{Exit, Fault, FaultKind, Job, WorkerNews};

/// What a worker's thread is told to do.
pub(super) enum Order {
    Panic,
    /// Says that it is ready, and that its first window is committed: two turns of the supervisor's loop.
    Commit,
    /// Tells that: one turn.
    Say(WorkerNews),
    /// Says that it is ready, has partitions and work, and does none of it: one turn.
    Stall,
    End(Exit),
    /// Sees no stop request any more.
    Hang,
}

/// A worker's thread has begun.
pub(super) struct Started {
    pub(super) id: WorkerId,
    pub(super) orders: orders::Sender<Order>,
}

impl Started {
    pub(super) fn tell(&self, order: Order) {
        self.orders.send(order).unwrap();
    }

    pub(super) fn fault(&self, kind: FaultKind) {
        self.tell(Order::End(Exit::Fault(Fault::new(kind, "told to"))));
    }

    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.id.pipeline, self.id.number)
    }
}

pub(super) struct Bench {
    started: mpsc::UnboundedReceiver<Started>,
    /// One more for each turn of the supervisor's loop; with the clock standing still, that is one for each thing told.
    beats: watch::Receiver<u64>,
    shutdown: Option<oneshot::Sender<()>>,
    pub(super) handle: Handle,
    /// Those that hang until the supervisor has gone.
    pub(super) hanging: Vec<Started>,
}

impl Bench {
    /// The next thread that begins.
    pub(super) async fn start(&mut self) -> Started {
        self.started.recv().await.unwrap()
    }

    /// So many threads, by name.
    pub(super) async fn starts(&mut self, count: usize) -> Vec<Started> {
        let mut all = Vec::new();
        for _ in 0..count {
            all.push(self.start().await);
        }
        all.sort_by_key(Started::name);
        all
    }

    /// Does what ends a thread, and waits until the supervisor has heard of it.
    pub(super) async fn ends(&mut self, what: impl FnOnce()) {
        self.beats.borrow_and_update();
        what();
        self.beats.changed().await.unwrap();
    }

    /// Does something, and waits until the supervisor's loop has turned so often.
    pub(super) async fn turns(&mut self, count: u64, what: impl FnOnce(&mut Self)) {
        let before = *self.beats.borrow_and_update();
        what(self);
        drop(self.beats.wait_for(|now| *now >= before + count).await.unwrap());
    }

    /// After so long another thread begins, not before a fifth less and not after a fifth more.
    pub(super) async fn starts_after(&mut self, base: Duration) -> Started {
        self.pass(base.mul_f64(0.79)).await;
        assert!(self.started.try_recv().is_err(), "too early");
        self.pass(base.mul_f64(0.42)).await;
        self.start().await
    }

    pub(super) async fn pass(&mut self, time: Duration) {
        advance(time).await;
        for _ in 0..10 {
            yield_now().await;
        }
    }

    pub(super) fn nothing_started(&mut self) -> bool {
        self.started.try_recv().is_err()
    }

    pub(super) fn shut_down(&mut self) {
        self.shutdown.take().unwrap().send(()).unwrap();
    }
}

/// A pipeline of that name with so many workers.
pub(super) fn pipeline(name: &str, workers: u16) -> Arc<Pipeline> {
    Arc::new(Pipeline {
        name: PipelineName::new(name).unwrap(),
        workers: NonZeroU16::new(workers).unwrap(),
        ..sample::pipeline(Delivery::AtMostOnce)
    })
}

fn work(started: mpsc::UnboundedSender<Started>) -> Work {
    Arc::new(move |job: &Job| {
        let (sender, receiver) = orders::channel();
        drop(started.send(Started { id: job.id.clone(), orders: sender }));
        let mut hangs = false;
        loop {
            match receiver.recv_timeout(Duration::from_millis(1)) {
                Ok(Order::Panic) => std::panic::resume_unwind(Box::new("told to")),
                Ok(Order::Commit) => {
                    job.tell.say(WorkerNews::Ready);
                    job.tell.say(WorkerNews::Committed);
                }
                Ok(Order::Say(news)) => job.tell.say(news),
                Ok(Order::Stall) => {
                    job.gauges.partitions.store(1, Relaxed);
                    job.gauges.lag.store(5, Relaxed);
                    job.tell.say(WorkerNews::Ready);
                }
                Ok(Order::End(exit)) => return exit,
                Ok(Order::Hang) => hangs = true,
                // The test is over.
                Err(orders::RecvTimeoutError::Disconnected) if hangs => return Exit::Drained,
                Err(_) if job.control.stop_requested() && !hangs => return Exit::Drained,
                Err(_) => {}
            }
        }
    })
}

/// Runs the supervisor beside the test, which has to shut it down; returns the workers that were left behind.
pub(super) fn with(
    pipelines: Vec<Arc<Pipeline>>,
    test: impl AsyncFnOnce(&mut Bench),
) -> Vec<WorkerId> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    // While a blocking task is there, a paused clock does not move by itself.
    let (hold, release) = orders::channel::<()>();
    runtime.block_on(async {
        let still = tokio::task::spawn_blocking(move || release.recv().is_err());
        let (news, started) = mpsc::unbounded_channel();
        let (pulse, beats) = watch::channel(0);
        let (shutdown, asked) = oneshot::channel::<()>();
        let heartbeat = Box::new(move || pulse.send_modify(|n| *n += 1));
        let instance = InstanceId::new("test").unwrap();
        let (mut supervisor, handle) =
            Supervisor::new(&instance, BTreeSet::new(), work(news), heartbeat);
        supervisor.add(pipelines);
        let mut bench = Bench { started, beats, shutdown: Some(shutdown), handle, hanging: vec![] };
        let supervised = supervisor.run(async { asked.await.unwrap_or(()) });
        let (left, ()) = tokio::join!(supervised, test(&mut bench));
        drop(hold);
        assert!(still.await.unwrap());
        left
    })
}
