//! One worker's life: state x event -> state, effect. Pure; every pair is spelled.
//!
//! | state | Start | Ready | Committed | Paused | Resumed | Exited | `TimerFired` | Stalled | Halt | Replaced | Removed |
//! |---|---|---|---|---|---|---|---|---|---|---|---|
//! | Stopped | Starting, spawn | - | - | - | - | - | - | - | - | Starting, spawn | - |
//! | Starting | - | Running | - | - | - | by its exit | - | - | drain: Halted | drain: Restart | drain: Stop |
//! | Running | - | - | failures 0 | Paused | - | by its exit | - | drain: Restart | drain: Halted | drain: Restart | drain: Stop |
//! | Paused | - | - | - | - | Running | by its exit | - | - | drain: Halted | drain: Restart | drain: Stop |
//! | `BackingOff` | - | - | - | - | - | - | Starting, spawn | - | Halted, disarm | Starting, spawn | Stopped, disarm |
//! | Draining: Stop | - | - | - | - | - | Stopped | Stopped, abandon | - | - | then Restart | - |
//! | Draining: Restart | - | - | - | - | - | Starting, spawn | Starting, abandon | - | then Halted | - | then Stop |
//! | Draining: Halted | - | - | - | - | - | Halted | Halted, abandon | - | - | then Restart | then Stop |
//! | Halted | - | - | - | - | - | - | - | - | - | Starting, spawn | Stopped |
//!
//! "by its exit": a `stop` policy halts the pipeline; every fault, and an end that nobody asked for, backs off. News of a
//! thread whose place another one has taken never come here: the supervisor drops them by their attempt.

use std::time::Duration;

use super::backoff;
use crate::worker::Exit;

/// Where a worker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its thread is there and brings its clients up; so many attempts before it failed without a committed window.
    Starting {
        /// In a row.
        failures: u32,
    },
    /// It works, or waits for its partitions.
    Running {
        /// In a row, before this attempt.
        failures: u32,
    },
    /// It is a member of its group and reads nothing.
    Paused {
        /// In a row, before this attempt.
        failures: u32,
    },
    /// It waits for its next attempt.
    BackingOff {
        /// In a row.
        failures: u32,
    },
    /// It was asked to end.
    Draining {
        /// What it will be.
        then: Then,
    },
    /// A `stop` policy met a record of its pipeline.
    Halted,
    /// It was never started, or has ended as asked.
    Stopped,
}

/// What a drained worker will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// See [`State::Stopped`].
    Stop,
    /// It starts again, with what its pipeline says then.
    Restart,
    /// See [`State::Halted`].
    Halt,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The pipeline is wanted.
    Start,
    /// The worker's clients are up.
    Ready,
    /// It committed the first window of this attempt.
    Committed,
    /// It reads nothing any more.
    Paused,
    /// It reads again.
    Resumed,
    /// The thread has ended.
    Exited(Exit),
    /// The wait is over: for the next attempt, or for the end of a thread.
    TimerFired,
    /// It has partitions and work, and does nothing.
    Stalled,
    /// Another worker of the pipeline met a `stop` policy.
    Halt,
    /// It is to begin anew: by an operator, or because it cannot take the pipeline's definition while it runs.
    Replaced,
    /// The pipeline, or the worker, is not wanted any more.
    Removed,
}

/// What the supervisor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// Start a thread.
    Spawn,
    /// Wait about so long.
    Arm(Duration),
    /// Wait no more.
    Disarm,
    /// Ask the thread to end, and wait for that within a bound.
    RequestStop,
    /// The thread did not end in time: leave it behind.
    Abandon,
    /// The same, and start another one.
    AbandonAndSpawn,
    /// Halt the other workers of the pipeline.
    HaltPipeline,
}

/// The next state and what to do.
pub fn step(state: State, event: &Event) -> (State, Effect) {
    match state {
        State::Stopped => stopped(event),
        State::Starting { failures } => starting(failures, event),
        State::Running { failures } => running(failures, event),
        State::Paused { failures } => paused(failures, event),
        State::BackingOff { failures } => backing_off(failures, event),
        State::Draining { then } => draining(then, event),
        State::Halted => halted(event),
    }
}

fn stopped(event: &Event) -> (State, Effect) {
    match event {
        Event::Start | Event::Replaced => spawn(0),
        Event::Ready
        | Event::Committed
        | Event::Paused
        | Event::Resumed
        | Event::Exited(_)
        | Event::TimerFired
        | Event::Stalled
        | Event::Halt
        | Event::Removed => (State::Stopped, Effect::None),
    }
}

fn starting(failures: u32, event: &Event) -> (State, Effect) {
    match event {
        Event::Ready => (State::Running { failures }, Effect::None),
        Event::Exited(exit) => exited(failures, exit),
        Event::Halt => drain(Then::Halt),
        Event::Replaced => drain(Then::Restart),
        Event::Removed => drain(Then::Stop),
        Event::Start
        | Event::Committed
        | Event::Paused
        | Event::Resumed
        | Event::TimerFired
        | Event::Stalled => (State::Starting { failures }, Effect::None),
    }
}

fn running(failures: u32, event: &Event) -> (State, Effect) {
    match event {
        // A crash loop must not look new at each start: only a committed window does.
        Event::Committed => (State::Running { failures: 0 }, Effect::None),
        Event::Paused => (State::Paused { failures }, Effect::None),
        Event::Exited(exit) => exited(failures, exit),
        Event::Stalled | Event::Replaced => drain(Then::Restart),
        Event::Halt => drain(Then::Halt),
        Event::Removed => drain(Then::Stop),
        Event::Start | Event::Ready | Event::Resumed | Event::TimerFired => {
            (State::Running { failures }, Effect::None)
        }
    }
}

fn paused(failures: u32, event: &Event) -> (State, Effect) {
    match event {
        Event::Resumed => (State::Running { failures }, Effect::None),
        Event::Exited(exit) => exited(failures, exit),
        Event::Replaced => drain(Then::Restart),
        Event::Halt => drain(Then::Halt),
        Event::Removed => drain(Then::Stop),
        Event::Start
        | Event::Ready
        | Event::Committed
        | Event::Paused
        | Event::TimerFired
        | Event::Stalled => (State::Paused { failures }, Effect::None),
    }
}

fn backing_off(failures: u32, event: &Event) -> (State, Effect) {
    match event {
        Event::TimerFired | Event::Replaced => spawn(failures),
        Event::Halt => (State::Halted, Effect::Disarm),
        Event::Removed => (State::Stopped, Effect::Disarm),
        Event::Start
        | Event::Ready
        | Event::Committed
        | Event::Paused
        | Event::Resumed
        | Event::Exited(_)
        | Event::Stalled => (State::BackingOff { failures }, Effect::None),
    }
}

/// What is asked last holds; nothing that was asked is lost but by that.
fn draining(then: Then, event: &Event) -> (State, Effect) {
    match (event, then) {
        (Event::Exited(_), Then::Stop) => (State::Stopped, Effect::Disarm),
        (Event::Exited(_), Then::Halt) => (State::Halted, Effect::Disarm),
        (Event::Exited(_), Then::Restart) => spawn(0),
        (Event::TimerFired, Then::Stop) => (State::Stopped, Effect::Abandon),
        (Event::TimerFired, Then::Halt) => (State::Halted, Effect::Abandon),
        (Event::TimerFired, Then::Restart) => {
            (State::Starting { failures: 0 }, Effect::AbandonAndSpawn)
        }
        (Event::Replaced, Then::Stop | Then::Halt | Then::Restart) => {
            (State::Draining { then: Then::Restart }, Effect::None)
        }
        (Event::Removed, Then::Stop | Then::Halt | Then::Restart) => {
            (State::Draining { then: Then::Stop }, Effect::None)
        }
        (Event::Halt, Then::Halt | Then::Restart) => {
            (State::Draining { then: Then::Halt }, Effect::None)
        }
        (Event::Halt, Then::Stop) => (State::Draining { then }, Effect::None),
        (
            Event::Start
            | Event::Ready
            | Event::Committed
            | Event::Paused
            | Event::Resumed
            | Event::Stalled,
            Then::Stop | Then::Halt | Then::Restart,
        ) => (State::Draining { then }, Effect::None),
    }
}

fn halted(event: &Event) -> (State, Effect) {
    match event {
        Event::Replaced => spawn(0),
        Event::Removed => (State::Stopped, Effect::None),
        Event::Start
        | Event::Ready
        | Event::Committed
        | Event::Paused
        | Event::Resumed
        | Event::Exited(_)
        | Event::TimerFired
        | Event::Stalled
        | Event::Halt => (State::Halted, Effect::None),
    }
}

fn spawn(failures: u32) -> (State, Effect) {
    (State::Starting { failures }, Effect::Spawn)
}

fn drain(then: Then) -> (State, Effect) {
    (State::Draining { then }, Effect::RequestStop)
}

fn exited(failures: u32, exit: &Exit) -> (State, Effect) {
    let failures = failures.saturating_add(1);
    let wait = match exit {
        Exit::Halted(_) => return (State::Halted, Effect::HaltPipeline),
        // Nobody asked it to end: as a fault.
        Exit::Drained => backoff::after(failures),
        Exit::Fault(fault) if fault.kind.is_permanent() => backoff::SLOW,
        Exit::Fault(_) => backoff::after(failures),
    };
    (State::BackingOff { failures }, Effect::Arm(wait))
}

impl State {
    /// The words of all states.
    pub const WORDS: [&str; 7] =
        ["starting", "running", "paused", "backing_off", "draining", "halted", "stopped"];

    /// The word for status, logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting { .. } => "starting",
            Self::Running { .. } => "running",
            Self::Paused { .. } => "paused",
            Self::BackingOff { .. } => "backing_off",
            Self::Draining { .. } => "draining",
            Self::Halted => "halted",
            Self::Stopped => "stopped",
        }
    }

    /// Attempts in a row that failed.
    pub fn failures(self) -> u32 {
        match self {
            Self::Starting { failures }
            | Self::Running { failures }
            | Self::Paused { failures }
            | Self::BackingOff { failures } => failures,
            Self::Draining { .. } | Self::Halted | Self::Stopped => 0,
        }
    }

    /// Whether a thread is there that takes a definition when it is offered one.
    pub fn takes_offers(self) -> bool {
        match self {
            Self::Starting { .. } | Self::Running { .. } | Self::Paused { .. } => true,
            Self::BackingOff { .. } | Self::Draining { .. } | Self::Halted | Self::Stopped => false,
        }
    }
}
