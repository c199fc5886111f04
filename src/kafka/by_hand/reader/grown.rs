//! A topic that gets more partitions while somebody follows it alone: no group tells of them.

use std::time::Duration;

use super::away::watermarks_within;
use super::{Place, Reader};
use crate::kafka::raw::{Failed, PartitionList};
use crate::kafka::verdict;
use crate::model::TopicName;
use crate::worker::{Clock, Fault};

/// Between two looks.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// The answer to each question of one. Where it is missing, that is no news: who is away is found by other looks.
const LOOK_MAX: Duration = Duration::from_secs(2);

impl Reader {
    /// Takes the partitions that are new. All that is in them is new, so they are read from their beginning, whatever the
    /// start was; as in a group.
    pub(super) fn take_new_partitions(&mut self) -> Result<(), Fault> {
        let is_wanted = self.options.group.is_none() && !self.options.to_end;
        if !is_wanted || self.clock.now().saturating_sub(self.looked_for_new) < LOOK_INTERVAL {
            return Ok(());
        }
        let found = self.new_partitions().unwrap_or_default();
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

    /// Each with its first offset.
    fn new_partitions(&mut self) -> Result<Vec<(Place, i64)>, Failed> {
        let mut found = Vec::new();
        for (index, topic) in self.options.topics.iter().enumerate() {
            for partition in self.consumer.topic(topic.as_str(), LOOK_MAX)?.partitions {
                if !self.ends.contains_key(&(index, partition)) {
                    let name = topic.as_str();
                    let low = watermarks_within(&mut self.consumer, name, partition, LOOK_MAX)?.0;
                    found.push(((index, partition), low));
                }
            }
        }
        Ok(found)
    }
}
