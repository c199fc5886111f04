//! What a window has read, per partition: the offsets to commit.

use std::sync::Arc;

use crate::model::{Position, Record, TopicName};

/// Next-to-read offsets of the partitions that the open window touched.
#[derive(Clone, Debug, Default)]
pub struct Offsets {
    entries: Vec<Entry>,
    /// Where the last record was: records of one partition come in runs.
    last: usize,
}

#[derive(Clone, Debug)]
struct Entry {
    topic: Arc<str>,
    partition: i32,
    next: Option<i64>,
    /// Of the open window.
    records: u64,
}

/// Where a partition goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextOffset {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition in it.
    pub partition: i32,
    /// Next to read, as Kafka commits it; `None` where nothing of it was read, or committed, yet.
    pub next: Option<i64>,
}

impl std::fmt::Display for NextOffset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}[{}]@", self.topic, self.partition)?;
        match self.next {
            Some(next) => write!(f, "{next}"),
            None => f.write_str("beginning"),
        }
    }
}

impl Offsets {
    /// The record is done, or will be when the window is committed.
    #[inline]
    pub fn note(&mut self, record: &Record<'_>) {
        let next = Some(record.offset.saturating_add(1));
        if let Some(entry) = self.entries.get_mut(self.last)
            && entry.partition == record.partition
            && *entry.topic == *record.topic
        {
            entry.next = next;
            entry.records += 1;
            return;
        }
        self.note_elsewhere(record, next);
    }

    #[cold]
    fn note_elsewhere(&mut self, record: &Record<'_>, next: Option<i64>) {
        let same = |e: &Entry| e.partition == record.partition && *e.topic == *record.topic;
        self.last = self.entries.iter().position(same).unwrap_or(self.entries.len());
        match self.entries.get_mut(self.last) {
            Some(entry) => {
                entry.next = next;
                entry.records += 1;
            }
            None => self.entries.push(Entry {
                topic: Arc::from(record.topic),
                partition: record.partition,
                next,
                records: 1,
            }),
        }
    }

    /// The partitions that the window touched, with the offsets to commit.
    pub fn touched(&self) -> impl Iterator<Item = (&str, i32, i64)> {
        self.entries.iter().filter_map(|e| e.next.map(|next| (&*e.topic, e.partition, next)))
    }

    /// How many records of the window came from each of these partitions, by topic.
    pub fn records_by_partition(&self) -> impl Iterator<Item = (&str, u64)> {
        let touched = self.entries.iter().filter(|e| e.records > 0);
        touched.map(|e| (&*e.topic, e.records))
    }

    /// The record of a window that has one.
    pub fn only_record(&self) -> Option<Position> {
        let mut touched = self.touched();
        let (topic, partition, next) = touched.next()?;
        let position =
            || Some(Position { topic: TopicName::new(topic).ok()?, partition, offset: next - 1 });
        if touched.next().is_none() { position() } else { None }
    }

    /// The window has ended; the partitions stay known, so that the next window allocates nothing.
    pub fn clear(&mut self) {
        for entry in &mut self.entries {
            entry.next = None;
            entry.records = 0;
        }
    }

    /// The assignment has changed: forget the partitions too.
    pub fn forget(&mut self) {
        self.entries.clear();
        self.last = 0;
    }
}
