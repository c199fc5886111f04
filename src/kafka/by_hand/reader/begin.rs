//! Where reading begins: real offsets, and for a new group a commit of them.

use super::away::{Unanswered, Whom, untold, watermarks};
use super::{From, Partition, Reader, client};
use crate::kafka::raw::{Consumer, PartitionList, logical};
use crate::kafka::retry::REQUEST_MAX;
use crate::kafka::start::commit_start;
use crate::kafka::verdict;
use crate::model::{GroupId, TopicName};
use crate::worker::Fault;

impl Reader {
    /// Gives a new group its start, and joins it.
    pub(super) fn join(&mut self, group: &GroupId, partitions: &[Partition]) -> Result<(), Fault> {
        let from = self.options.from;
        if from != From::Earliest {
            let mut probe = client(&self.access, &self.options)?;
            let mut notes = Vec::new();
            let mut asked = Whom::Coordinator(group.clone());
            let answer = commit_start(&mut probe, partitions, |probe| {
                resolve(probe, partitions, from, &mut notes).map_err(|(whom, failed)| {
                    asked = whom;
                    failed
                })
            });
            answer.map_err(|failed| {
                untold(&self.access, &self.options, &mut probe, &(asked, failed))
            })?;
            self.notes = notes;
        }
        let topics = self.options.topics.iter().map(TopicName::as_str);
        self.consumer.subscribe(topics).map_err(|e| verdict::of_consumer(&e).into_fault())
    }

    /// Takes all partitions, alone.
    pub(super) fn take_all(&mut self, partitions: &[Partition]) -> Result<(), Fault> {
        let mut notes = Vec::new();
        let list = resolve(&mut self.consumer, partitions, self.options.from, &mut notes)
            .map_err(|unanswered| self.untold(&unanswered))?;
        self.notes = notes;
        self.note_ends(&list).map_err(|unanswered| self.untold(&unanswered))?;
        self.consumer.assign(&list).map_err(|e| verdict::of_consumer(&e).into_fault())
    }
}

/// Real offsets for all partitions; one that a partition does not hold becomes the nearest that it holds, which is noted.
fn resolve(
    consumer: &mut Consumer,
    partitions: &[Partition],
    from: From,
    notes: &mut Vec<String>,
) -> Result<PartitionList, Unanswered> {
    let each = || partitions.iter().map(|(topic, partition)| (topic.as_str(), *partition));
    // First: where a leader is away, this says which.
    let mut held = Vec::new();
    for (topic, partition) in each() {
        held.push(watermarks(consumer, topic, partition)?);
    }
    let mut found = PartitionList::of(each().map(|(t, p)| (t, p, logical::BEGINNING)));
    if let From::Timestamp(ms) = from {
        found = PartitionList::of(each().map(|(t, p)| (t, p, ms)));
        let answer = consumer.offsets_for_times(&mut found, REQUEST_MAX);
        answer.map_err(|failed| (Whom::AnyLeader, failed))?;
    }
    let mut entries = found.to_vec();
    for (entry, (low, high)) in entries.iter_mut().zip(held) {
        entry.offset = match from {
            From::Earliest => low,
            From::Latest => high,
            From::Last(count) => high.saturating_sub(count).max(low),
            // Behind the last record: also where no record has that timestamp or a later one.
            From::Timestamp(_) if entry.offset < 0 => high,
            From::Timestamp(_) => entry.offset,
            From::Offset(offset) => {
                let nearest = offset.clamp(low, high);
                if nearest != offset {
                    let (topic, partition) = (&entry.topic, entry.partition);
                    notes.push(format!(
                        "{topic}[{partition}] holds no offset {offset}: beginning at {nearest}"
                    ));
                }
                nearest
            }
        };
    }
    Ok(PartitionList::of(entries.iter().map(|e| (e.topic.as_str(), e.partition, e.offset))))
}
