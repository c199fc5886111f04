//! A topic that gets more partitions while somebody follows it alone: no group tells of them.

use std::time::Duration;

use super::away::watermarks_within;
use super::{Place, Reader};
use crate::kafka::raw::PartitionList;
use crate::kafka::verdict;
use crate::model::TopicName;
use crate::worker::{Clock, Fault};

/// Between two looks.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// The answer to each question of one. Where it is missing, that ends nothing: who is away is found by other looks.
const LOOK_MAX: Duration = Duration::from_secs(2);
/// Questions without an answer that end a look: what others send waits so long. The next look begins behind them.
const SILENT_MAX: usize = 2;

impl Reader {
    /// Takes the partitions that are new. All that is in them is new, so they are read from their beginning, whatever the
    /// start was; as in a group.
    pub(super) fn take_new_partitions(&mut self) -> Result<(), Fault> {
        let is_wanted = self.options.group.is_none() && !self.options.to_end;
        if !is_wanted || self.clock.now().saturating_sub(self.looked_for_new) < LOOK_INTERVAL {
            return Ok(());
        }
        let found = self.new_partitions();
        self.looked_for_new = self.clock.now();
        if found.is_empty() {
            return Ok(());
        }
        let name = |topic: usize| self.options.topics.get(topic).map(TopicName::as_str);
        let list = found.iter().filter_map(|((topic, partition), low)| {
            name(*topic).map(|name| (name, *partition, *low))
        });
        let list = PartitionList::of(list);
        self.consumer.assign(&list).map_err(|e| verdict::of_consumer(&e).into_fault())?;
        self.ends.extend(found);
        Ok(())
    }

    /// Each with its first offset, as far as its leader tells it: one that does not is no reason to leave out the others.
    fn new_partitions(&mut self) -> Vec<(Place, i64)> {
        let mut found = Vec::new();
        let mut silent = 0;
        for place in self.untaken_partitions() {
            let Some(topic) = self.options.topics.get(place.0) else { continue };
            let (topic, partition) = (topic.as_str(), place.1);
            match watermarks_within(&mut self.consumer, topic, partition, LOOK_MAX) {
                Ok((low, _)) => {
                    self.untaken.remove(&place);
                    found.push((place, low));
                }
                Err(failed) => {
                    if self.untaken.insert(place, self.clock.now()).is_none() {
                        self.notes.push(format!(
                            "{topic}[{partition}] is new, and cannot be read yet: {failed}; it will be, from its beginning"
                        ));
                    }
                    silent += 1;
                    if silent == SILENT_MAX {
                        break;
                    }
                }
            }
        }
        found
    }

    /// Those that the cluster has besides ours; what was not asked for yet, or the longest ago, comes first.
    fn untaken_partitions(&mut self) -> Vec<Place> {
        let mut places = Vec::new();
        for (index, topic) in self.options.topics.iter().enumerate() {
            let Ok(found) = self.consumer.topic(topic.as_str(), LOOK_MAX) else { continue };
            places.extend(found.partitions.into_iter().map(|partition| (index, partition)));
        }
        places.retain(|place| !self.ends.contains_key(place));
        places.sort_by_key(|place| (self.untaken.get(place).copied(), *place));
        places
    }
}
