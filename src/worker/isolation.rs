//! Finds the record that a sink refuses. The broker refuses a whole batch, and a transaction with it: the window is halved
//! until one record is left, which is then the one. Pure.

use std::collections::BTreeMap;

use super::offsets::Offsets;
use crate::model::Position;

/// Refused records that are not yet done; a window is one record long while one is being found, so few are ever known.
const REFUSED_MAX: usize = 1024;

/// How many records a window may have while a refused record is looked for, and which are known to be refused.
#[derive(Clone, Debug, Default)]
pub struct Isolation {
    cap: Option<u32>,
    refused: BTreeMap<Position, Refusal>,
}

/// What is known of a refused record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What of it was refused.
    pub what: Sent,
    /// The broker's words.
    pub reason: String,
}

/// What was sent of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Its outputs.
    Outputs,
    /// Its dead letter: where that is refused, nothing is left but to halt.
    DeadLetter,
}

/// What a refused window means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Not yet: the next windows are smaller.
    Smaller,
    /// This record: what follows is decided when it is read again, behind all that stands before it.
    Record(Position),
}

impl Isolation {
    /// Nothing is looked for.
    pub fn new() -> Self {
        Self::default()
    }

    /// The most records that a window may have.
    #[inline]
    pub fn cap(&self, records_max: u32) -> u32 {
        self.cap.map_or(records_max, |cap| cap.min(records_max))
    }

    /// What is known of the record, if it was refused.
    #[inline]
    pub fn known(&self, topic: &str, partition: i32, offset: i64) -> Option<&Refusal> {
        if self.refused.is_empty() {
            return None;
        }
        self.refused
            .iter()
            .find(|(p, _)| {
                p.offset == offset && p.partition == partition && p.topic.as_str() == topic
            })
            .map(|(_, refusal)| refusal)
    }

    /// A window of so many records was refused. `position`: the record that the client named, or the window's only one.
    pub fn refused(
        &mut self,
        records: u32,
        position: Option<Position>,
        what: Sent,
        reason: &str,
    ) -> Found {
        let Some(position) = position else {
            self.cap = Some((records / 2).max(1));
            return Found::Smaller;
        };
        if self.refused.len() == REFUSED_MAX {
            self.refused.pop_first();
        }
        self.refused.insert(position.clone(), Refusal { what, reason: reason.to_owned() });
        Found::Record(position)
    }

    /// Windows fail for another reason again and again: perhaps they are too large for the time that they have.
    pub fn shrink(&mut self, records: u32) {
        self.cap = Some((records / 2).max(1));
    }

    /// A window was committed: what it was capped to was fine, so the next may be twice as long. What is known of a record
    /// stays until the record is done: the window may have held others only.
    pub fn committed(&mut self, records_max: u32, offsets: &Offsets) {
        self.cap = self.cap.map(|cap| cap.saturating_mul(2)).filter(|cap| *cap < records_max);
        if self.refused.is_empty() {
            return;
        }
        for (topic, partition, next) in offsets.touched() {
            self.refused.retain(|p, _| {
                p.offset >= next || p.partition != partition || p.topic.as_str() != topic
            });
        }
    }

    /// The assignment has changed: who reads the refused records now finds them again.
    pub fn forget(&mut self) {
        self.refused.clear();
    }
}
