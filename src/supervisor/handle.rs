//! What others ask of the supervisor, and how it answers.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::Supervisor;
use super::apply::Applied;
use super::measures::Restart;
use super::plan::{Plan, Set};
use super::status::PipelineStatus;
use crate::model::{PipelineName, WorkerId};

/// Whoever asks waits for the answer, so more than a few at once are a burst of clients.
pub(super) const COMMANDS_MAX: usize = 64;

pub(super) enum Command {
    Apply { plan: Plan, wanted: Set, reply: oneshot::Sender<Applied> },
    Hurry,
    Pause { name: PipelineName, reply: oneshot::Sender<bool> },
    Resume { name: PipelineName, reply: oneshot::Sender<bool> },
    Paused { reply: oneshot::Sender<BTreeSet<PipelineName>> },
    Restart { name: PipelineName, reply: oneshot::Sender<bool> },
    Status { reply: oneshot::Sender<Vec<PipelineStatus>> },
    Running { reply: oneshot::Sender<Set> },
    LeftBehind { reply: oneshot::Sender<Vec<WorkerId>> },
}

/// The supervisor has ended: the daemon is stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the daemon is stopping")]
pub struct Gone;

/// A way to the supervisor, for as many as want one.
#[derive(Clone, Debug)]
pub struct Handle(mpsc::Sender<Command>);

impl Handle {
    pub(super) fn new(ask: mpsc::Sender<Command>) -> Self {
        Self(ask)
    }

    /// Does what the plan says, towards the wanted set that it was made for; answers when every swap was taken or refused,
    /// or its time is over, and everything else has begun.
    pub async fn apply(&self, plan: Plan, wanted: Set) -> Result<Applied, Gone> {
        self.ask(|reply| Command::Apply { plan, wanted, reply }).await
    }

    /// Has an [`apply`](Self::apply) that waits answered now: what is open then stays open.
    pub async fn hurry(&self) -> Result<(), Gone> {
        self.0.send(Command::Hurry).await.map_err(|_closed| Gone)
    }

    /// Holds a pipeline; answers whether there is one of that name.
    pub async fn pause(&self, name: PipelineName) -> Result<bool, Gone> {
        self.ask(|reply| Command::Pause { name, reply }).await
    }

    /// Lets a pipeline go on; answers whether there is one of that name, or was one when it was held.
    pub async fn resume(&self, name: PipelineName) -> Result<bool, Gone> {
        self.ask(|reply| Command::Resume { name, reply }).await
    }

    /// All that an operator has paused, whether they are there or not.
    pub async fn paused(&self) -> Result<BTreeSet<PipelineName>, Gone> {
        self.ask(|reply| Command::Paused { reply }).await
    }

    /// Ends a pipeline's workers and starts them again; answers whether there is one of that name.
    pub async fn restart(&self, name: PipelineName) -> Result<bool, Gone> {
        self.ask(|reply| Command::Restart { name, reply }).await
    }

    /// Where each pipeline is, in the order of their names.
    pub async fn status(&self) -> Result<Vec<PipelineStatus>, Gone> {
        self.ask(|reply| Command::Status { reply }).await
    }

    /// The definitions that run, or will as soon as what was before them has ended; without connections. Where a swap is
    /// open, it is the one before.
    pub async fn running(&self) -> Result<Set, Gone> {
        self.ask(|reply| Command::Running { reply }).await
    }

    /// The workers that did not end when they were told to and are still there, of those pipelines too that are gone.
    pub async fn left_behind(&self) -> Result<Vec<WorkerId>, Gone> {
        self.ask(|reply| Command::LeftBehind { reply }).await
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, Gone> {
        let (reply, answer) = oneshot::channel();
        self.0.send(command(reply)).await.map_err(|_closed| Gone)?;
        answer.await.map_err(|_dropped| Gone)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Hold {
    Held,
    Free,
}

impl Supervisor {
    /// Whoever asked may have gone: then nobody wants the answer.
    pub(super) fn command(&mut self, command: Command) {
        match command {
            Command::Apply { plan, wanted, reply } => self.apply(&plan, &wanted, reply),
            Command::Hurry => self.answer_now(),
            Command::Pause { name, reply } => drop(reply.send(self.hold(name, Hold::Held))),
            Command::Resume { name, reply } => drop(reply.send(self.hold(name, Hold::Free))),
            Command::Paused { reply } => drop(reply.send(self.held.clone())),
            Command::Restart { name, reply } => drop(reply.send(self.restart(&name))),
            Command::Status { reply } => drop(reply.send(self.status())),
            Command::Running { reply } => drop(reply.send(self.running())),
            Command::LeftBehind { reply } => drop(reply.send(self.left.ids())),
        }
    }

    /// A pipeline that is there no more is held all the same, should it come back: that can be lifted too.
    fn hold(&mut self, name: PipelineName, hold: Hold) -> bool {
        let unit = self.unit_of(&name).and_then(|id| self.units.get_mut(&id));
        let is_there = unit.is_some();
        if let Some(unit) = unit {
            unit.is_held = hold == Hold::Held;
            unit.tell_pause();
        }
        match hold {
            Hold::Held if is_there => {
                tracing::info!(pipeline = %name, "paused by an operator");
                self.held.insert(name);
                true
            }
            Hold::Held => false,
            Hold::Free => {
                let was_held = self.held.remove(&name);
                if is_there || was_held {
                    tracing::info!(pipeline = %name, "resumed by an operator");
                }
                is_there || was_held
            }
        }
    }

    fn restart(&mut self, name: &PipelineName) -> bool {
        let Some(id) = self.unit_of(name) else { return false };
        let Some(unit) = self.units.get(&id) else { return false };
        // What is offered is what is wanted.
        let edition = unit.offer.as_ref().map_or(&unit.edition, |o| &o.edition).clone();
        let tried = unit.tried().clone();
        // The cluster does not allow more because of a restart.
        let refused = unit.refused.clone();
        tracing::info!(pipeline = %name, "restarted by an operator");
        let new = self.replace(id, edition, Restart::Asked);
        if let Some(unit) = self.units.get_mut(&new) {
            unit.untried = (tried.number != unit.edition.number).then_some(tried);
            unit.refused = refused;
        }
        true
    }

    fn running(&self) -> Set {
        let stays = self.units.values().filter(|u| u.stays());
        let pipelines =
            stays.map(|u| (u.name().clone(), Arc::clone(&u.tried().pipeline))).collect();
        Set { pipelines, held: self.held.clone(), ..Set::default() }
    }
}
