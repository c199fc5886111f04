//! The life of windows as a pure function: state and event in, state and action out. No I/O, no clock.
//!
//! The shell performs the action and brings its result back as [`Event::Done`] or [`Event::Failed`]; everything else is
//! brought between two windows or while one is open. Every pair is spelled.

use super::fault::{Failure, Fault};

/// Where the worker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// No window is open: all that was read is committed.
    Idle,
    /// Records were read that are not committed.
    Open,
    /// The commit is under way.
    Committing(Then),
    /// The abort is under way.
    Aborting(Then),
    /// A new producer is being made.
    Rebuilding(Then),
    /// Partitions are being given back.
    Releasing(Rewind),
    /// The consumer is being put back to the committed offsets.
    Rewinding,
    /// The worker has ended.
    Ended(Exit),
}

/// What follows when the window has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// The next window.
    GoOn,
    /// Giving back what the group takes away, then the next window.
    Release,
    /// The end of the worker.
    Leave(Exit),
}

/// Whether the partitions that stay were read past their committed offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rewind {
    /// They were: an aborted window may have held their records.
    Needed,
    /// They were not.
    NotNeeded,
}

/// Why a worker has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It was asked to.
    Drained,
    /// A `stop` policy met its record; the text names the position.
    Halted(String),
    /// It cannot go on.
    Fault(Fault),
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The first record of a window is there.
    Opened,
    /// The window is full, old enough, or its source is idle.
    Close,
    /// The group takes partitions away and waits for us.
    Revoked,
    /// The group took partitions away without us.
    Lost,
    /// The supervisor wants the worker to end.
    Stop,
    /// A `stop` policy met its record, which is not part of the window.
    Halt(String),
    /// The action succeeded.
    Done,
    /// The action, or sending a record, failed.
    Failed(Failure),
}

/// What the shell does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing: read on.
    ReadOn,
    /// Begin a transaction.
    Begin,
    /// Make the window's outputs and offsets stand.
    Commit,
    /// Take the window's outputs back, as far as the guarantee can.
    Abort,
    /// Make a new producer.
    Rebuild,
    /// Give back what the group takes away.
    Release,
    /// Go back to the committed offsets; drop every buffer.
    Rewind,
    /// Close the consumer and end.
    Leave,
}

/// The next state and what to do.
pub fn step(state: State, event: Event) -> (State, Action) {
    match state {
        State::Idle => idle(event),
        State::Open => open(event),
        State::Committing(then) => committing(then, event),
        State::Aborting(then) => aborting(then, event),
        State::Rebuilding(then) => rebuilding(then, event),
        State::Releasing(rewind) => releasing(rewind, event),
        State::Rewinding => rewinding(event),
        // An ended worker does nothing more, whatever comes late.
        State::Ended(exit) => (State::Ended(exit), Action::Leave),
    }
}

fn idle(event: Event) -> (State, Action) {
    match event {
        Event::Opened => (State::Open, Action::Begin),
        Event::Close | Event::Done => (State::Idle, Action::ReadOn),
        Event::Revoked => (State::Releasing(Rewind::NotNeeded), Action::Release),
        // What was read together with the news is dropped, records of partitions that stay among it.
        Event::Lost => (State::Releasing(Rewind::Needed), Action::Release),
        Event::Stop => leave(Exit::Drained),
        Event::Halt(why) => leave(Exit::Halted(why)),
        Event::Failed(Failure::Fault(fault)) => leave(Exit::Fault(fault)),
        Event::Failed(Failure::Abort(_) | Failure::Refused { .. }) => {
            (State::Rewinding, Action::Rewind)
        }
        Event::Failed(Failure::Rebuild(_) | Failure::Fenced(_)) => {
            (State::Rebuilding(Then::GoOn), Action::Rebuild)
        }
    }
}

fn open(event: Event) -> (State, Action) {
    let commit = |then| (State::Committing(then), Action::Commit);
    match event {
        Event::Opened | Event::Done => (State::Open, Action::ReadOn),
        Event::Close => commit(Then::GoOn),
        // The window may hold records of the partitions that go: it ends first.
        Event::Revoked => commit(Then::Release),
        // Somebody else may own them already: a commit could double what they do.
        Event::Lost => (State::Aborting(Then::Release), Action::Abort),
        Event::Stop => commit(Then::Leave(Exit::Drained)),
        Event::Halt(why) => commit(Then::Leave(Exit::Halted(why))),
        Event::Failed(failure) => failed(Then::GoOn, failure),
    }
}

fn committing(then: Then, event: Event) -> (State, Action) {
    match event {
        Event::Done => match then {
            Then::GoOn => (State::Idle, Action::ReadOn),
            Then::Release => (State::Releasing(Rewind::NotNeeded), Action::Release),
            Then::Leave(exit) => leave(exit),
        },
        Event::Failed(failure) => failed(again_before_halting(then), failure),
        late @ (Event::Opened
        | Event::Close
        | Event::Revoked
        | Event::Lost
        | Event::Stop
        | Event::Halt(_)) => unmoved(State::Committing(then), &late),
    }
}

/// A halt commits what stands before its record; where that failed, those records must be done again first.
fn again_before_halting(then: Then) -> Then {
    match then {
        Then::Leave(Exit::Halted(_)) => Then::GoOn,
        Then::GoOn | Then::Release | Then::Leave(Exit::Drained | Exit::Fault(_)) => then,
    }
}

fn failed(then: Then, failure: Failure) -> (State, Action) {
    match failure {
        Failure::Abort(_) | Failure::Refused { .. } => (State::Aborting(then), Action::Abort),
        Failure::Rebuild(_) | Failure::Fenced(_) => match then {
            // The dead producer is dropped with the worker; its transaction ends by the next `init` or by its timeout.
            Then::Leave(exit) => leave(exit),
            Then::GoOn | Then::Release => (State::Rebuilding(then), Action::Rebuild),
        },
        // An open transaction holds back every read_committed reader until it times out: abort before leaving.
        Failure::Fault(fault) => (State::Aborting(Then::Leave(Exit::Fault(fault))), Action::Abort),
    }
}

fn aborting(then: Then, event: Event) -> (State, Action) {
    match event {
        Event::Done => ended(then),
        Event::Failed(Failure::Fault(fault)) => leave(Exit::Fault(fault)),
        Event::Failed(
            Failure::Abort(_) | Failure::Refused { .. } | Failure::Rebuild(_) | Failure::Fenced(_),
        ) => match then {
            Then::Leave(exit) => leave(exit),
            Then::GoOn | Then::Release => (State::Rebuilding(then), Action::Rebuild),
        },
        late @ (Event::Opened
        | Event::Close
        | Event::Revoked
        | Event::Lost
        | Event::Stop
        | Event::Halt(_)) => unmoved(State::Aborting(then), &late),
    }
}

fn rebuilding(then: Then, event: Event) -> (State, Action) {
    match event {
        Event::Done => ended(then),
        Event::Failed(failure) => leave(Exit::Fault(failure.into_fault())),
        late @ (Event::Opened
        | Event::Close
        | Event::Revoked
        | Event::Lost
        | Event::Stop
        | Event::Halt(_)) => unmoved(State::Rebuilding(then), &late),
    }
}

/// The window's outputs are taken back; the records of partitions that stay are read again.
fn ended(then: Then) -> (State, Action) {
    match then {
        Then::GoOn => (State::Rewinding, Action::Rewind),
        // First what goes: seeking partitions that are not ours would fail.
        Then::Release => (State::Releasing(Rewind::Needed), Action::Release),
        Then::Leave(exit) => leave(exit),
    }
}

fn releasing(rewind: Rewind, event: Event) -> (State, Action) {
    match event {
        Event::Done => match rewind {
            Rewind::Needed => (State::Rewinding, Action::Rewind),
            Rewind::NotNeeded => (State::Idle, Action::ReadOn),
        },
        Event::Failed(failure) => leave(Exit::Fault(failure.into_fault())),
        late @ (Event::Opened
        | Event::Close
        | Event::Revoked
        | Event::Lost
        | Event::Stop
        | Event::Halt(_)) => unmoved(State::Releasing(rewind), &late),
    }
}

fn rewinding(event: Event) -> (State, Action) {
    match event {
        Event::Done => (State::Idle, Action::ReadOn),
        Event::Failed(failure) => leave(Exit::Fault(failure.into_fault())),
        late @ (Event::Opened
        | Event::Close
        | Event::Revoked
        | Event::Lost
        | Event::Stop
        | Event::Halt(_)) => unmoved(State::Rewinding, &late),
    }
}

/// The shell brings news only between actions, so this is a bug of ours; the action that is under way decides.
fn unmoved(state: State, late: &Event) -> (State, Action) {
    debug_assert!(false, "{late:?} while {state:?}");
    (state, Action::ReadOn)
}

fn leave(exit: Exit) -> (State, Action) {
    (State::Ended(exit), Action::Leave)
}
