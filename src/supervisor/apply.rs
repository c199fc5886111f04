//! A plan, done: swaps are offered to one worker first and then to the others; everything else is a unit that leaves and
//! one that comes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Supervisor;
use super::lifecycle::{Event, State};
use super::measures::Restart;
use super::plan::{Kind, Plan, Set};
use super::thread::At;
use super::unit::{Life, Offer, Unit};
use crate::model::PipelineName;
use crate::pipeline::Pipeline;
use crate::worker::{Edition, Fault};

/// A window's commit and a look-up at the cluster; whoever asked is told which swaps are still open then.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// How a plan came out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Swaps that the cluster did not allow: their pipelines go on as before.
    pub refused: Vec<Refusal>,
    /// Swaps that are offered and not taken yet.
    pub open: Vec<PipelineName>,
    /// All that an operator has paused: a rename takes its pause along.
    pub paused: BTreeSet<PipelineName>,
}

impl Applied {
    /// Whether nothing is left to be tried again.
    pub fn is_done(&self) -> bool {
        self.refused.is_empty() && self.open.is_empty()
    }
}

/// Why a pipeline goes on with the definition before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which one.
    pub name: PipelineName,
    /// What the cluster said, and what helps.
    pub reason: String,
}

/// An answer that waits for swaps.
pub(super) struct Applying {
    units: BTreeSet<u64>,
    pub(super) until: Instant,
    reply: oneshot::Sender<Applied>,
}

impl Unit {
    /// Takes an offer back, where nobody has taken it.
    fn withdraw(&mut self) {
        let Some(offer) = self.offer.take() else { return };
        let asked = self.workers.get(usize::from(offer.asked));
        if let Some(thread) = asked.and_then(|worker| worker.thread.as_ref()) {
            drop(thread.control.take_offer());
        }
    }

    /// Whether it is what its name stands for.
    pub(super) fn stays(&self) -> bool {
        match self.life {
            Life::Waits | Life::Runs => true,
            Life::Leaves => false,
        }
    }
}

impl Supervisor {
    pub(super) fn apply(&mut self, plan: &Plan, wanted: &Set, reply: oneshot::Sender<Applied>) {
        if let Some(before) = self.applying.take() {
            self.reply(before);
        }
        let mut swapped = BTreeSet::new();
        // What goes first: what comes may have to wait for it.
        for change in plan.changes.iter().filter(|c| c.kind == Kind::Stop) {
            if let Some(id) = self.unit_of(&change.name) {
                self.leave(id);
            }
        }
        for change in &plan.changes {
            let Some(pipeline) = wanted.pipelines.get(&change.name) else { continue };
            let id = self.unit_of(&change.name);
            match (&change.kind, id) {
                (Kind::Unchanged, Some(id)) => self.note(id, pipeline),
                (Kind::Swap { .. }, Some(id)) => {
                    if !self.offers(id, pipeline) {
                        let edition = self.edition(Arc::clone(pipeline));
                        self.swap(id, edition);
                    }
                    swapped.insert(id);
                }
                (Kind::Restart | Kind::Regroup, Some(id)) => {
                    let edition = self.edition(Arc::clone(pipeline));
                    self.replace(id, edition, Restart::Changed);
                }
                (Kind::Rename { from }, _) => self.rename(from, pipeline),
                (Kind::Stop, _) => {}
                (Kind::Start, Some(id)) => {
                    let edition = self.edition(Arc::clone(pipeline));
                    self.replace(id, edition, Restart::Changed);
                }
                (
                    Kind::Unchanged
                    | Kind::Swap { .. }
                    | Kind::Restart
                    | Kind::Regroup
                    | Kind::Start,
                    None,
                ) => {
                    let edition = self.edition(Arc::clone(pipeline));
                    self.enter(edition, None, BTreeSet::new());
                }
            }
        }
        let until = Instant::now() + ANSWER_MAX;
        self.applying = Some(Applying { units: swapped, until, reply });
    }

    /// The unit that a name stands for.
    pub(super) fn unit_of(&self, name: &PipelineName) -> Option<u64> {
        self.units.iter().find(|(_, u)| u.stays() && u.name() == name).map(|(id, _)| *id)
    }

    /// Adds a unit, which starts when all others of its name and group have gone.
    pub(super) fn enter(
        &mut self,
        edition: Edition,
        before: Option<u64>,
        mut waits_for: BTreeSet<u64>,
    ) {
        let pipeline = &edition.pipeline;
        let in_the_way = |u: &Unit| {
            let other = &u.edition.pipeline;
            let same_group =
                other.cluster == pipeline.cluster && other.source.group == pipeline.source.group;
            !u.stays() && (other.name == pipeline.name || same_group)
        };
        waits_for.extend(self.units.iter().filter(|(_, u)| in_the_way(u)).map(|(id, _)| *id));
        let before = before.and_then(|id| self.units.get(&id));
        let mut unit = Unit::new(edition, &self.instance, before);
        unit.waits_for = waits_for;
        unit.is_held = self.held.contains(unit.name());
        self.units.insert(self.next_unit, unit);
        self.next_unit += 1;
    }

    /// Tells all workers of a unit to end.
    pub(super) fn leave(&mut self, id: u64) {
        let Some(unit) = self.units.get_mut(&id) else { return };
        unit.life = Life::Leaves;
        unit.offer = None;
        self.drive_all(id, &Event::Removed);
    }

    /// The same name begins anew, behind the end of what it stands for now.
    pub(super) fn replace(&mut self, id: u64, edition: Edition, why: Restart) {
        self.leave(id);
        if let Some(unit) = self.units.get_mut(&id) {
            why.count(&mut unit.restarts);
        }
        self.enter(edition, Some(id), BTreeSet::from([id]));
    }

    fn rename(&mut self, from: &PipelineName, pipeline: &Arc<Pipeline>) {
        let old = self.unit_of(from);
        if let Some(id) = old {
            self.leave(id);
        }
        if self.held.remove(from) {
            self.held.insert(pipeline.name.clone());
        }
        let edition = self.edition(Arc::clone(pipeline));
        self.enter(edition, old, old.into_iter().collect());
    }

    /// Means the same; counts for a later start. What was offered meanwhile is not wanted any more; where it has been taken
    /// already, that will be told.
    fn note(&mut self, id: u64, pipeline: &Arc<Pipeline>) {
        let Some(unit) = self.units.get_mut(&id) else { return };
        unit.refused = None;
        unit.withdraw();
        if !Arc::ptr_eq(&unit.edition.pipeline, pipeline) {
            unit.edition = Edition::new(unit.edition.number, Arc::clone(pipeline));
        }
    }

    /// Whether this very definition is offered already: a worker that is busy with it is not asked anew.
    fn offers(&self, id: u64, pipeline: &Arc<Pipeline>) -> bool {
        let offer = self.units.get(&id).and_then(|unit| unit.offer.as_ref());
        offer.is_some_and(|offer| Arc::ptr_eq(&offer.edition.pipeline, pipeline))
    }

    /// Asks one worker to take the edition; without one that could, it is what the next start takes.
    fn swap(&mut self, id: u64, edition: Edition) {
        let Some(unit) = self.units.get_mut(&id) else { return };
        unit.refused = None;
        let ask = unit.workers.iter().find(|w| w.state.takes_offers() && w.thread.is_some());
        match ask {
            Some(worker) => {
                if let Some(thread) = &worker.thread {
                    thread.control.offer(edition.clone());
                }
                unit.offer = Some(Offer { edition, asked: worker.id.number });
            }
            None => self.adopt(id, edition, None),
        }
    }

    fn adopt(&mut self, id: u64, edition: Edition, has_it: Option<u16>) {
        if let Some(unit) = self.units.get_mut(&id) {
            unit.offer = None;
        }
        self.rule(id, edition, has_it);
    }

    /// The edition rules. Those who work follow, those who wait or were halted begin with it at once.
    fn rule(&mut self, id: u64, edition: Edition, has_it: Option<u16>) {
        let Some(unit) = self.units.get_mut(&id) else { return };
        unit.rules.publish(&edition);
        unit.edition = edition;
        unit.tell_pause();
        unit.following.clear();
        let mut anew = Vec::new();
        for worker in unit.workers.iter().filter(|w| Some(w.id.number) != has_it) {
            match (&worker.thread, worker.state) {
                (Some(_), state) if state.takes_offers() => {
                    unit.following.insert(worker.id.number);
                }
                (_, State::BackingOff { .. } | State::Halted) => anew.push(worker.id.number),
                (
                    _,
                    State::Starting { .. }
                    | State::Running { .. }
                    | State::Paused { .. }
                    | State::Draining { .. }
                    | State::Stopped,
                ) => {}
            }
        }
        for number in anew {
            self.drive(At { unit: id, number }, &Event::Replaced);
        }
    }

    pub(super) fn taken(&mut self, at: At, edition: &Edition) {
        let Some(unit) = self.units.get_mut(&at.unit) else { return };
        let is = |other: &Edition| other.number == edition.number;
        if is(&unit.edition) {
            unit.following.remove(&at.number);
        } else if unit.offer.as_ref().is_some_and(|o| is(&o.edition)) {
            tracing::info!(pipeline = %unit.name(), "the new definition rules from this window on");
            self.adopt(at.unit, edition.clone(), Some(at.number));
        } else if unit.stays() && edition.number > unit.edition.number {
            // It was taken before another was offered in its place, or before it was withdrawn: then what it took the place of
            // is offered anew.
            let before = unit.offer.is_none().then(|| Arc::clone(&unit.edition.pipeline));
            self.rule(at.unit, edition.clone(), Some(at.number));
            if let Some(before) = before {
                let before = self.edition(before);
                self.swap(at.unit, before);
            }
        }
    }

    pub(super) fn refused(&mut self, at: At, edition: &Edition, fault: Fault) {
        let Some(unit) = self.units.get_mut(&at.unit) else { return };
        if unit.offer.as_ref().is_some_and(|o| o.edition.number == edition.number) {
            tracing::warn!(pipeline = %unit.name(), fault = fault.kind.as_str(), "the new definition is not taken, the one before goes on: {fault}; {}", fault.kind.hint());
            unit.offer = None;
            unit.refused = Some(fault);
        }
    }

    /// The one that was asked has ended: the next one is, or the edition is for the next start.
    pub(super) fn ask_another(&mut self, at: At) {
        let Some(unit) = self.units.get_mut(&at.unit) else { return };
        unit.following.remove(&at.number);
        if unit.offer.as_ref().is_some_and(|o| o.asked == at.number)
            && let Some(offer) = unit.offer.take()
        {
            self.swap(at.unit, offer.edition);
        }
    }

    /// Answers where nothing is open any more.
    pub(super) fn answer(&mut self) {
        let is_open = |id: &u64| self.units.get(id).is_some_and(Unit::is_swapping);
        if self.applying.as_ref().is_some_and(|a| !a.units.iter().any(is_open))
            && let Some(applying) = self.applying.take()
        {
            self.reply(applying);
        }
    }

    pub(super) fn answer_late(&mut self, now: Instant) {
        if self.applying.as_ref().is_some_and(|a| a.until <= now)
            && let Some(applying) = self.applying.take()
        {
            self.reply(applying);
        }
    }

    fn reply(&self, applying: Applying) {
        let mut applied = Applied { paused: self.held.clone(), ..Applied::default() };
        for unit in applying.units.iter().filter_map(|id| self.units.get(id)) {
            if unit.is_swapping() {
                applied.open.push(unit.name().clone());
            } else if let Some(fault) = &unit.refused {
                let reason = format!("{fault}; {}", fault.kind.hint());
                applied.refused.push(Refusal { name: unit.name().clone(), reason });
            }
        }
        // Whoever asked may have gone.
        drop(applying.reply.send(applied));
    }
}
