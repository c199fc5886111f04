//! One worker's life: state x event -> state, effect. Pure; every pair is spelled.
//!
//! | state | Start | Exited | TimerFired | Halt | Stop |
//! |---|---|---|---|---|---|
//! | Stopped | Running, spawn | - | - | - | - |
//! | Running | - | by its exit | - | Draining to Halted | Draining to Stopped |
//! | BackingOff | - | - | Running, spawn | Halted | Stopped |
//! | Draining | - | its end | - | - | to Stopped |
//! | Halted | - | - | - | - | Stopped |

use std::time::Duration;

use super::backoff;
use crate::worker::Exit;

/// Where a worker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its thread is there; so many attempts before it failed without a committed window.
    Running {
        /// In a row.
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
        then: Rest,
    },
    /// A `stop` policy met a record of its pipeline.
    Halted,
    /// It was never started, or has ended as asked.
    Stopped,
}

/// What a drained worker will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// See [`State::Halted`].
    Halted,
    /// See [`State::Stopped`].
    Stopped,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The pipeline is wanted.
    Start,
    /// The thread has ended.
    Exited {
        /// Why.
        exit: Exit,
        /// Whether it committed a window.
        committed: bool,
    },
    /// The wait is over.
    TimerFired,
    /// Another worker of the pipeline met a `stop` policy.
    Halt,
    /// The daemon ends.
    Stop,
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
    /// Ask the thread to end.
    RequestStop,
    /// Halt the other workers of the pipeline.
    HaltPipeline,
}

/// The next state and what to do.
pub fn step(state: State, event: &Event) -> (State, Effect) {
    match (state, event) {
        (State::Stopped, Event::Start) => (State::Running { failures: 0 }, Effect::Spawn),
        (State::Stopped, Event::Exited { .. } | Event::TimerFired | Event::Halt | Event::Stop) => {
            (state, Effect::None)
        }

        (State::Running { failures }, Event::Exited { exit, committed }) => {
            // A crash loop must not look new at each start: only a committed window does.
            exited(if *committed { 0 } else { failures }, exit)
        }
        (State::Running { .. }, Event::Halt) => drain(Rest::Halted),
        (State::Running { .. }, Event::Stop) => drain(Rest::Stopped),
        (State::Running { .. }, Event::Start | Event::TimerFired) => (state, Effect::None),

        (State::BackingOff { failures }, Event::TimerFired) => {
            (State::Running { failures }, Effect::Spawn)
        }
        (State::BackingOff { .. }, Event::Halt) => (State::Halted, Effect::Disarm),
        (State::BackingOff { .. }, Event::Stop) => (State::Stopped, Effect::Disarm),
        (State::BackingOff { .. }, Event::Start | Event::Exited { .. }) => (state, Effect::None),

        (State::Draining { then: Rest::Halted }, Event::Exited { .. }) => {
            (State::Halted, Effect::None)
        }
        (State::Draining { then: Rest::Stopped }, Event::Exited { .. }) => {
            (State::Stopped, Effect::None)
        }
        (State::Draining { .. }, Event::Stop) => {
            (State::Draining { then: Rest::Stopped }, Effect::None)
        }
        (State::Draining { .. }, Event::Start | Event::TimerFired | Event::Halt) => {
            (state, Effect::None)
        }

        (State::Halted, Event::Stop) => (State::Stopped, Effect::None),
        (State::Halted, Event::Start | Event::Exited { .. } | Event::TimerFired | Event::Halt) => {
            (state, Effect::None)
        }
    }
}

fn drain(then: Rest) -> (State, Effect) {
    (State::Draining { then }, Effect::RequestStop)
}

fn exited(failures: u32, exit: &Exit) -> (State, Effect) {
    let failures = failures.saturating_add(1);
    match exit {
        Exit::Halted(_) => (State::Halted, Effect::HaltPipeline),
        // Nobody asked it to end: as a fault.
        Exit::Drained => (State::BackingOff { failures }, Effect::Arm(backoff::after(failures))),
        Exit::Fault(fault) if fault.kind.is_permanent() => {
            (State::BackingOff { failures }, Effect::Arm(backoff::SLOW))
        }
        Exit::Fault(_) => (State::BackingOff { failures }, Effect::Arm(backoff::after(failures))),
    }
}
