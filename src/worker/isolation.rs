//! Finds the record that a sink refuses. The broker refuses a whole batch, and a transaction with it: the window is halved
//! until one record is left, which is then the one. Pure.

use std::collections::BTreeMap;

use crate::model::Position;

/// Refused records that are not yet done; a window is one record long while one is being found, so few are ever known.
const REFUSED_MAX: usize = 1024;

/// How many records a window may have while a refused record is looked for, and which are known to be refused.
#[derive(Clone, Debug)]
pub struct Isolation {
    cap: Option<u32>,
    refused: BTreeMap<Position, String>,
}

/// What a refused window means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Not yet: the next windows are smaller.
    Smaller,
    /// This record: its `on_error` policy applies when it is read again.
    Record(Position),
    /// This record, and its dead letter is refused too: nothing is left but to halt.
    DeadLetter(Position),
}

impl Default for Isolation {
    fn default() -> Self {
        Self::new()
    }
}

impl Isolation {
    /// Nothing is looked for.
    pub fn new() -> Self {
        Self { cap: None, refused: BTreeMap::new() }
    }

    /// The most records that a window may have.
    #[inline]
    pub fn cap(&self, records_max: u32) -> u32 {
        self.cap.map_or(records_max, |cap| cap.min(records_max))
    }

    /// Why the record is refused, if it is known to be.
    #[inline]
    pub fn reason(&self, topic: &str, partition: i32, offset: i64) -> Option<&str> {
        if self.refused.is_empty() {
            return None;
        }
        self.refused
            .iter()
            .find(|(p, _)| {
                p.offset == offset && p.partition == partition && p.topic.as_str() == topic
            })
            .map(|(_, reason)| reason.as_str())
    }

    /// A window of so many records was refused. `only`: its record where it had one; `known`: the client named it.
    pub fn refused(
        &mut self,
        records: u32,
        only: Option<Position>,
        known: Option<Position>,
        reason: &str,
    ) -> Found {
        match known.or(if records <= 1 { only } else { None }) {
            Some(position) if self.refused.contains_key(&position) => Found::DeadLetter(position),
            Some(position) => {
                if self.refused.len() == REFUSED_MAX {
                    self.refused.pop_first();
                }
                self.refused.insert(position.clone(), reason.to_owned());
                Found::Record(position)
            }
            None => {
                self.cap = Some((records / 2).max(1));
                Found::Smaller
            }
        }
    }

    /// A window was committed: what it was capped to was fine, so the next may be twice as long.
    pub fn committed(&mut self, records_max: u32) {
        self.cap = self.cap.map(|cap| cap.saturating_mul(2)).filter(|cap| *cap < records_max);
        if self.cap.is_none() {
            self.refused.clear();
        }
    }
}
