//! What a pipeline has done by route and by topic: tables with a bound, to which its workers add once a window.
//!
//! One for each name of a pipeline, and all its workers have it, whatever their definition: what it has counted outlives a
//! swap, a restart, and a route or topic that the file has no more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::counters::Tally;
use super::offsets::Offsets;
use crate::pipeline::{Pipeline, Routing, Topics};

/// Names that have a count of their own, of each kind; all that come later count together.
pub const NAMES_MAX: usize = 100;
/// Where they count. No topic and no route has such a name.
pub const OTHER: &str = "(other)";
/// What stands for the route where the file has none: every record goes to every sink.
pub const NO_ROUTES: &str = "(all)";

/// Counts by name: at most [`NAMES_MAX`], and [`OTHER`] once there were more. A name that is there stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ByName(BTreeMap<Arc<str>, u64>);

impl ByName {
    /// Adds to the name's count, or to that of the others; a name that is new has one from now on, also of zero.
    pub fn add(&mut self, name: &str, count: u64) {
        // Once the others are there, it stays full.
        let has_its_own = self.0.contains_key(name) || self.0.len() < NAMES_MAX;
        let name = if has_its_own { name } else { OTHER };
        match self.0.get_mut(name) {
            Some(known) => *known = known.saturating_add(count),
            None => {
                self.0.insert(name.into(), count);
            }
        }
    }

    /// The same names, each at zero.
    #[must_use]
    pub fn zeros(&self) -> Self {
        Self(self.0.keys().map(|name| (Arc::clone(name), 0)).collect())
    }

    /// In the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(name, count)| (&**name, *count))
    }

    /// The sum of all.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

/// The tables at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// Input records by topic.
    pub consumed: ByName,
    /// Records that went on to their sinks, by route; one that several routes took counts for each.
    pub routed: ByName,
    /// Output records by topic, dead letters not included.
    pub produced: ByName,
}

/// A pipeline's tables; whoever locks them does so for a few additions.
#[derive(Debug, Default)]
pub struct Breakdown(Mutex<Shares>);

impl Breakdown {
    /// What the definition names has its counts from now on. A pattern's topics are known when they are there.
    pub fn expect(&self, pipeline: &Pipeline) {
        let mut shares = self.locked();
        match &pipeline.source.topics {
            Topics::Names(topics) => topics.iter().for_each(|t| shares.consumed.add(t.as_str(), 0)),
            Topics::Pattern(_) => {}
        }
        match &pipeline.routing {
            Routing::AllSinks => shares.routed.add(NO_ROUTES, 0),
            Routing::Routes { routes, .. } => {
                for route in routes {
                    shares.routed.add(route.name.as_str(), 0);
                }
            }
        }
        pipeline.sinks.iter().for_each(|sink| shares.produced.add(sink.topic.as_str(), 0));
    }

    /// So have topics of which a worker has partitions.
    pub fn expect_topics<'a>(&self, topics: impl Iterator<Item = &'a str>) {
        let mut shares = self.locked();
        topics.for_each(|topic| shares.consumed.add(topic, 0));
    }

    /// A window was committed; of what it did not touch nothing is looked up.
    pub(super) fn commit(&self, tally: &Tally, offsets: &Offsets, pipeline: &Pipeline) {
        let mut shares = self.locked();
        for (topic, records) in offsets.records_by_partition() {
            shares.consumed.add(topic, records);
        }
        match &pipeline.routing {
            Routing::AllSinks => shares.routed.add(NO_ROUTES, tally.routed),
            Routing::Routes { routes, .. } => {
                let taken = routes.iter().zip(&tally.by_route).filter(|(_, records)| **records > 0);
                taken.for_each(|(route, records)| shares.routed.add(route.name.as_str(), *records));
            }
        }
        let written =
            pipeline.sinks.iter().zip(&tally.by_sink).filter(|(_, records)| **records > 0);
        written.for_each(|(sink, records)| shares.produced.add(sink.topic.as_str(), *records));
    }

    /// A copy.
    pub fn shares(&self) -> Shares {
        self.locked().clone()
    }

    /// Whether or not a holder panicked: each addition is whole.
    fn locked(&self) -> MutexGuard<'_, Shares> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
