//! What others ask of the supervisor, and how it answers.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::Supervisor;
use super::apply::Applied;
use super::measures::Restart;
use super::plan::{Plan, Set};
use super::status::PipelineStatus;
use crate::model::PipelineName;

/// Whoever asks waits for the answer, so more than a few at once are a burst of clients.
pub(super) const COMMANDS_MAX: usize = 64;

pub(super) enum Command {
    Apply { plan: Plan, wanted: Set, reply: oneshot::Sender<Applied> },
    Pause { name: PipelineName, reply: oneshot::Sender<Option<BTreeSet<PipelineName>>> },
    Resume { name: PipelineName, reply: oneshot::Sender<Option<BTreeSet<PipelineName>>> },
    Restart { name: PipelineName, reply: oneshot::Sender<bool> },
    Status { reply: oneshot::Sender<Vec<PipelineStatus>> },
    Running { reply: oneshot::Sender<Set> },
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

    /// Holds a pipeline; answers with all names that are held now, or nothing where no such pipeline is there.
    pub async fn pause(&self, name: PipelineName) -> Result<Option<BTreeSet<PipelineName>>, Gone> {
        self.ask(|reply| Command::Pause { name, reply }).await
    }

    /// Lets a pipeline go on; answers as [`pause`](Self::pause).
    pub async fn resume(&self, name: PipelineName) -> Result<Option<BTreeSet<PipelineName>>, Gone> {
        self.ask(|reply| Command::Resume { name, reply }).await
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
            Command::Pause { name, reply } => drop(reply.send(self.hold(name, Hold::Held))),
            Command::Resume { name, reply } => drop(reply.send(self.hold(name, Hold::Free))),
            Command::Restart { name, reply } => drop(reply.send(self.restart(&name))),
            Command::Status { reply } => drop(reply.send(self.status())),
            Command::Running { reply } => drop(reply.send(self.running())),
        }
    }

    fn hold(&mut self, name: PipelineName, hold: Hold) -> Option<BTreeSet<PipelineName>> {
        let id = self.unit_of(&name)?;
        let unit = self.units.get_mut(&id)?;
        unit.is_held = hold == Hold::Held;
        unit.tell_pause();
        match hold {
            Hold::Held => {
                tracing::info!(pipeline = %name, "paused by an operator");
                self.held.insert(name);
            }
            Hold::Free => {
                tracing::info!(pipeline = %name, "resumed by an operator");
                self.held.remove(&name);
            }
        }
        Some(self.held.clone())
    }

    fn restart(&mut self, name: &PipelineName) -> bool {
        let Some(id) = self.unit_of(name) else { return false };
        let Some(unit) = self.units.get(&id) else { return false };
        // What is offered is what is wanted.
        let edition = unit.offer.as_ref().map_or(&unit.edition, |o| &o.edition).clone();
        let tried = unit.tried().clone();
        tracing::info!(pipeline = %name, "restarted by an operator");
        let new = self.replace(id, edition, Restart::Asked);
        if let Some(unit) = self.units.get_mut(&new) {
            unit.untried = (tried.number != unit.edition.number).then_some(tried);
        }
        true
    }

    fn running(&self) -> Set {
        let stays = self.units.values().filter(|u| u.stays());
        let pipelines =
            stays.map(|u| (u.name().clone(), Arc::clone(&u.tried().pipeline))).collect();
        Set { pipelines, ..Set::default() }
    }
}
