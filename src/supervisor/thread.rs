//! One worker's thread: named, joined in one place, its panic an exit like any other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use tokio::sync::mpsc;

use crate::model::WorkerId;
use crate::worker::{
    Control, Counters, Edition, Exit, Fault, FaultKind, Gauges, Job, Rules, Tell, WorkerNews,
};

/// What a worker's thread does: brings its clients up and runs until there is a reason to end.
pub type Work = Arc<dyn Fn(&Job) -> Exit + Send + Sync>;

/// Which worker of which unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    pub(super) unit: u64,
    pub(super) number: u16,
}

/// What a thread tells.
pub(super) struct Notice {
    pub(super) at: At,
    pub(super) attempt: u64,
    pub(super) what: What,
}

pub(super) enum What {
    News(WorkerNews),
    Ended(Exit),
}

/// Where a thread tells it.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) at: At,
    pub(super) attempt: u64,
    pub(super) tell: mpsc::Sender<Notice>,
}

impl Address {
    /// Waits while the supervisor is busy; without one nobody asks.
    fn send(&self, what: What) {
        let Self { at, attempt, tell } = self;
        drop(tell.blocking_send(Notice { at: *at, attempt: *attempt, what }));
    }
}

/// What a thread is given.
pub(super) struct Given {
    pub(super) id: WorkerId,
    pub(super) edition: Edition,
    pub(super) rules: Arc<Rules>,
    pub(super) counters: Arc<Counters>,
    pub(super) gauges: Arc<Gauges>,
    pub(super) paused: bool,
}

/// A running worker.
pub(super) struct WorkerThread {
    pub(super) control: Arc<Control>,
    handle: JoinHandle<()>,
}

impl WorkerThread {
    /// Starts it, where the system has a thread.
    pub(super) fn start(given: Given, work: &Work, to: &Address) -> Result<Self, Fault> {
        let control = Arc::new(Control::default());
        if given.paused {
            control.pause();
        }
        let name = format!("{}/{}", given.id.pipeline, given.id.number);
        let news = to.clone();
        let job = Job {
            id: given.id,
            edition: given.edition,
            rules: given.rules,
            counters: given.counters,
            gauges: given.gauges,
            control: Arc::clone(&control),
            tell: Tell::new(move |what| news.send(What::News(what))),
        };
        let (work, to) = (Arc::clone(work), to.clone());
        let body = move || {
            let outcome = catch_unwind(AssertUnwindSafe(|| work(&job)));
            to.send(What::Ended(outcome.unwrap_or_else(|panic| Exit::Fault(of_panic(&*panic)))));
        };
        match Builder::new().name(name).spawn(body) {
            Ok(handle) => Ok(Self { control, handle }),
            Err(error) => Err(Fault::new(FaultKind::Client, format!("no thread: {error}"))),
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
