//! One worker's thread: named, joined in one place, its panic an exit like any other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use tokio::sync::mpsc;

use crate::pipeline::Pipeline;
use crate::worker::{Control, Exit, Fault, FaultKind, Job};

/// What a worker's thread does: brings its clients up and runs until there is a reason to end.
pub type Work = Arc<dyn Fn(&Arc<Pipeline>, &Job) -> Exit + Send + Sync>;

/// The news that a thread has ended.
pub(super) struct Ended {
    pub(super) index: usize,
    pub(super) attempt: u64,
    pub(super) exit: Exit,
}

/// Where a thread tells its end.
pub(super) struct Address {
    pub(super) index: usize,
    pub(super) attempt: u64,
    pub(super) tell: mpsc::Sender<Ended>,
}

impl Address {
    fn send(self, exit: Exit) {
        let Self { index, attempt, tell } = self;
        // The channel has room for one end of each worker; without a receiver the supervisor is gone, and nobody asks.
        drop(tell.try_send(Ended { index, attempt, exit }));
    }
}

/// A running worker.
pub(super) struct WorkerThread {
    pub(super) control: Arc<Control>,
    handle: JoinHandle<()>,
}

impl WorkerThread {
    /// Starts it; `None` where the system has no thread, which is told as its end.
    pub(super) fn start(
        job: Job,
        pipeline: Arc<Pipeline>,
        control: Arc<Control>,
        work: Work,
        to: Address,
    ) -> Option<Self> {
        let name = format!("{}/{}", job.id.pipeline, job.id.number);
        let (index, attempt, tell) = (to.index, to.attempt, to.tell.clone());
        let body = move || {
            let outcome = catch_unwind(AssertUnwindSafe(|| work(&pipeline, &job)));
            to.send(outcome.unwrap_or_else(|panic| Exit::Fault(of_panic(&*panic))));
        };
        match Builder::new().name(name).spawn(body) {
            Ok(handle) => Some(Self { control, handle }),
            Err(error) => {
                let fault = Fault::new(FaultKind::Client, format!("no thread: {error}"));
                Address { index, attempt, tell }.send(Exit::Fault(fault));
                None
            }
        }
    }

    /// The thread has told its end: this takes no time.
    pub(super) fn join(self) {
        // A panic was caught inside; what is left of one here has been reported by its hook.
        drop(self.handle.join());
    }
}

fn of_panic(panic: &(dyn std::any::Any + Send)) -> Fault {
    let text = panic
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    Fault::new(FaultKind::Client, format!("the worker panicked, a bug of krouted: {text}"))
}
