//! A plan, done: swaps are offered to one worker first and then to the others; everything else is a unit that leaves and
//! one that comes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Supervisor;
use super::lifecycle::{Event, State, Then};
use super::measures::Restart;
use super::plan::{Change, Kind, Plan, Set};
use super::thread::At;
use super::unit::{Life, Offer, Unit};
use crate::model::PipelineName;
use crate::pipeline::{Definition, Pipeline};
use crate::worker::{Edition, Exit, Fault};

/// A window's commit and a look-up at the cluster; whoever asked is told which swaps are still open then.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// How a plan came out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Swaps that the cluster did not allow: their pipelines go on as before.
    pub refused: Vec<Refusal>,
    /// Swaps that no worker has taken yet.
    pub open: Vec<PipelineName>,
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

/// What an unchanged definition needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Noted {
    Stays,
    /// Another one took over after the plan was made.
    SwapsBack,
}

/// Whether two definitions say the same, read from one file or twice.
fn is_same(a: &Pipeline, b: &Pipeline) -> bool {
    Definition::of(a) == Definition::of(b)
}

impl Supervisor {
    pub(super) fn apply(&mut self, plan: &Plan, wanted: &Set, reply: oneshot::Sender<Applied>) {
        self.answer_now();
        let mut swapped = BTreeSet::new();
        let ids: Vec<_> = plan.changes.iter().map(|change| self.unit_before(change)).collect();
        // All that goes, first: what comes may have to wait for it, also where two exchange their groups.
        for (change, id) in plan.changes.iter().zip(&ids) {
            let goes = match change.kind {
                Kind::Unchanged | Kind::Swap { .. } => false,
                Kind::Restart | Kind::Rename { .. } | Kind::Regroup | Kind::Start | Kind::Stop => {
                    true
                }
            };
            if let Some(id) = id.filter(|_| goes) {
                self.leave(id);
            }
        }
        for (change, id) in plan.changes.iter().zip(ids) {
            let Some(pipeline) = wanted.pipelines.get(&change.name) else { continue };
            match (&change.kind, id) {
                (Kind::Unchanged, Some(id)) => {
                    if self.note(id, pipeline) == Noted::SwapsBack {
                        swapped.insert(id);
                    }
                }
                (Kind::Swap { .. }, Some(id)) => {
                    if self.has_taken(id, pipeline) {
                        self.note(id, pipeline);
                    } else if !self.offers(id, pipeline) {
                        let edition = self.edition(Arc::clone(pipeline));
                        self.swap(id, edition);
                    }
                    swapped.insert(id);
                }
                (Kind::Rename { from }, old) => self.rename(from, old, pipeline),
                (Kind::Stop, _) => {}
                (Kind::Restart | Kind::Regroup | Kind::Start, Some(id)) => {
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

    /// The unit that a change is about: of a rename, that of the old name.
    fn unit_before(&self, change: &Change) -> Option<u64> {
        match &change.kind {
            Kind::Rename { from } => self.unit_of(from),
            Kind::Unchanged
            | Kind::Swap { .. }
            | Kind::Restart
            | Kind::Regroup
            | Kind::Start
            | Kind::Stop => self.unit_of(&change.name),
        }
    }

    /// The unit that a name stands for.
    pub(super) fn unit_of(&self, name: &PipelineName) -> Option<u64> {
        self.units.iter().find(|(_, u)| u.stays() && u.name() == name).map(|(id, _)| *id)
    }

    /// Adds a unit, which starts when all others of its name and group have gone; answers with its number.
    pub(super) fn enter(
        &mut self,
        edition: Edition,
        before: Option<u64>,
        mut waits_for: BTreeSet<u64>,
    ) -> u64 {
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
        let id = self.next_unit;
        self.units.insert(id, unit);
        self.next_unit += 1;
        id
    }

    /// Tells all workers of a unit to end.
    pub(super) fn leave(&mut self, id: u64) {
        let Some(unit) = self.units.get_mut(&id) else { return };
        unit.life = Life::Leaves;
        unit.offer = None;
        self.drive_all(id, &Event::Removed);
    }

    /// The same name begins anew, behind the end of what it stands for now.
    pub(super) fn replace(&mut self, id: u64, edition: Edition, why: Restart) -> u64 {
        self.leave(id);
        if let Some(unit) = self.units.get_mut(&id) {
            why.count(&mut unit.restarts);
        }
        self.enter(edition, Some(id), BTreeSet::from([id]))
    }

    /// The old one was told to leave.
    fn rename(&mut self, from: &PipelineName, old: Option<u64>, pipeline: &Arc<Pipeline>) {
        if self.held.remove(from) {
            self.held.insert(pipeline.name.clone());
        }
        let edition = self.edition(Arc::clone(pipeline));
        self.enter(edition, old, old.into_iter().collect());
    }

    /// Means the same as what ruled when the plan was made; counts for a later start. What was offered meanwhile is not wanted
    /// any more; where it has been taken already, that will be told, or has been told since the plan was made.
    fn note(&mut self, id: u64, pipeline: &Arc<Pipeline>) -> Noted {
        let Some(unit) = self.units.get_mut(&id) else { return Noted::Stays };
        unit.refused = None;
        unit.withdraw();
        if unit.untried.take().is_some() {
            // What has not been tried is not wanted any more.
            let edition = self.edition(Arc::clone(pipeline));
            self.rule(id, edition, None);
        } else if !is_same(&unit.edition.pipeline, pipeline) {
            let edition = self.edition(Arc::clone(pipeline));
            self.swap(id, edition);
            return Noted::SwapsBack;
        } else if !Arc::ptr_eq(&unit.edition.pipeline, pipeline) {
            unit.edition = Edition::new(unit.edition.number, Arc::clone(pipeline));
        }
        Noted::Stays
    }

    /// Whether such a definition is offered already: a worker that is busy with it is not asked anew.
    fn offers(&self, id: u64, pipeline: &Pipeline) -> bool {
        let offer = self.units.get(&id).and_then(|unit| unit.offer.as_ref());
        offer.is_some_and(|offer| is_same(&offer.edition.pipeline, pipeline))
    }

    /// Whether a worker has taken such a definition, and told so after the plan was made.
    fn has_taken(&self, id: u64, pipeline: &Pipeline) -> bool {
        self.units.get(&id).is_some_and(|unit| {
            let is_open = unit.offer.is_some() || unit.untried.is_some();
            !is_open && is_same(&unit.edition.pipeline, pipeline)
        })
    }

    /// Asks one worker to take the edition; without one that could, the next start tries it.
    fn swap(&mut self, id: u64, edition: Edition) {
        let Some(unit) = self.units.get_mut(&id) else { return };
        unit.refused = None;
        if unit.untried.is_some() && is_same(&unit.edition.pipeline, &edition.pipeline) {
            return;
        }
        let ask = unit.workers.iter().find(|w| w.state.takes_offers() && w.thread.is_some());
        match ask {
            Some(worker) => {
                if let Some(thread) = &worker.thread {
                    thread.control.offer(edition.clone());
                }
                unit.offer = Some(Offer { edition, asked: worker.id.number });
            }
            None => self.try_out(id, edition),
        }
    }

    /// It rules, and what is good is the one before until a worker is up with it.
    fn try_out(&mut self, id: u64, edition: Edition) {
        // Newer than what went back meanwhile.
        self.next_edition += 1;
        let edition = Edition { number: self.next_edition, ..edition };
        if let Some(unit) = self.units.get_mut(&id) {
            let tried = unit.tried().clone();
            unit.untried = Some(tried);
        }
        self.adopt(id, edition, None);
    }

    /// A worker has ended. One that could not come up with what no worker was asked about shows that the cluster does not
    /// allow it: then the definition before goes on.
    pub(super) fn fell(&mut self, at: At, exit: &Exit) {
        let Exit::Fault(fault) = exit else { return };
        let Some(unit) = self.units.get_mut(&at.unit) else { return };
        let Some(worker) = unit.workers.get(usize::from(at.number)) else { return };
        let State::BackingOff { .. } = worker.state else { return };
        if !fault.kind.is_permanent() {
            return;
        }
        if worker.began_with < unit.edition.number {
            // What it met is of an edition that does not rule any more.
            return self.drive(at, &Event::Replaced);
        }
        let Some(before) = unit.untried.take() else { return };
        tracing::warn!(pipeline = %unit.name(), fault = fault.kind.as_str(), "the new definition is not taken, the one before goes on: {fault}; {}", fault.kind.hint());
        unit.refused = Some(fault.clone());
        let before = self.edition(before.pipeline);
        self.rule(at.unit, before, None);
    }

    /// A worker has met a `stop` policy. One that had not taken yet what rules now met that of rules that rule no more: it
    /// begins anew by those of now, and its pipeline goes on. Answers whether that is so.
    pub(super) fn halted_by_former_rules(&mut self, at: At, exit: &Exit) -> bool {
        let Exit::Halted(why) = exit else { return false };
        let Some(unit) = self.units.get(&at.unit) else { return false };
        let Some(worker) = unit.workers.get(usize::from(at.number)) else { return false };
        if !worker.state.takes_offers() || worker.took >= unit.edition.number {
            return false;
        }
        tracing::info!(worker = %worker.id, "stopped by the definition before, going on by the one of now: {why}");
        self.drive(at, &Event::Replaced);
        true
    }

    fn adopt(&mut self, id: u64, edition: Edition, has_it: Option<u16>) {
        if let Some(unit) = self.units.get_mut(&id) {
            unit.offer = None;
        }
        self.rule(id, edition, has_it);
    }

    /// The edition rules. Those who work follow, those who wait, were halted or are being halted begin with it at once.
    fn rule(&mut self, id: u64, edition: Edition, has_it: Option<u16>) {
        let Some(unit) = self.units.get_mut(&id) else { return };
        unit.rules.publish(&edition);
        unit.breakdown.expect(&edition.pipeline);
        unit.edition = edition;
        unit.tell_pause();
        unit.following.clear();
        let mut anew = Vec::new();
        for worker in &unit.workers {
            match (&worker.thread, worker.state) {
                (Some(_), state) if state.takes_offers() => {
                    if Some(worker.id.number) != has_it {
                        unit.following.insert(worker.id.number);
                    }
                }
                (
                    _,
                    State::BackingOff { .. } | State::Halted | State::Draining { then: Then::Halt },
                ) => anew.push(worker.id.number),
                (
                    _,
                    State::Starting { .. }
                    | State::Running { .. }
                    | State::Paused { .. }
                    | State::Draining { then: Then::Stop | Then::Restart }
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
        if let Some(worker) = unit.workers.get_mut(usize::from(at.number)) {
            worker.took = edition.number;
        }
        let is = |other: &Edition| other.number == edition.number;
        if is(&unit.edition) {
            unit.following.remove(&at.number);
        } else if unit.offer.as_ref().is_some_and(|o| is(&o.edition)) {
            tracing::info!(pipeline = %unit.name(), "the new definition rules from this window on");
            unit.untried = None;
            self.adopt(at.unit, edition.clone(), Some(at.number));
        } else if unit.stays() && edition.number > unit.edition.number {
            // It was taken before another was offered in its place, or before it was withdrawn: then what it took the place of
            // is offered anew.
            let before = unit.offer.is_none().then(|| Arc::clone(&unit.edition.pipeline));
            unit.untried = None;
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

    /// The one that was asked has ended: the next one is, or the next start tries the edition.
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
        let is_open = |id: &u64| self.units.get(id).is_some_and(Unit::is_swapping_now);
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

    /// Whoever waits has something else to do.
    pub(super) fn answer_now(&mut self) {
        if let Some(applying) = self.applying.take() {
            self.reply(applying);
        }
    }

    fn reply(&self, applying: Applying) {
        let mut applied = Applied::default();
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
