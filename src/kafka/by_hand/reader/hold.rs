//! A member that waits for whoever reads its output: a group waits for each of its members when another one comes.

use std::time::Duration;

use super::{BATCH_RECORDS_MAX, HELD_MAX, Reader};
use crate::kafka::verdict;
use crate::worker::{Clock, Fault};

/// So long after the last [`poll`](Reader::poll): what is fetched is dropped then, and fetched again.
const HOLD_AFTER: Duration = Duration::from_secs(10);

/// Whether the caller takes what is fetched.
#[derive(Debug, Default)]
pub(super) struct Hold {
    /// When the client was asked last for records.
    pub(super) polled: Duration,
    /// Nothing is fetched.
    pub(super) is_paused: bool,
}

impl Reader {
    /// Serves the group while the caller can take nothing; in between, not instead of [`poll`](Self::poll).
    ///
    /// The batch stays, unless its partitions go to another member; `settle` as for [`poll`](Self::poll).
    pub fn hold(&mut self, settle: &mut dyn FnMut(&mut Self)) -> Result<(), Fault> {
        let is_soon = self.clock.now().saturating_sub(self.hold.polled) < HOLD_AFTER;
        if is_soon || self.options.group.is_none() {
            return Ok(());
        }
        self.pause()?;
        // Nothing is fetched; a record that comes all the same is kept, and where there is no room for it, none is asked for.
        let before = self.batch.len();
        if before < BATCH_RECORDS_MAX + HELD_MAX {
            self.consumer.poll_more(&mut self.batch, 1);
        }
        self.serve(before, settle)
    }

    fn pause(&mut self) -> Result<(), Fault> {
        if self.has_assignment && !self.hold.is_paused {
            let list = self.consumer.assignment();
            list.and_then(|list| self.consumer.pause(&list))
                .map_err(|e| verdict::of_consumer(&e).into_fault())?;
            self.hold.is_paused = true;
        }
        Ok(())
    }

    pub(super) fn resume(&mut self) -> Result<(), Fault> {
        if std::mem::take(&mut self.hold.is_paused) {
            let list = self.consumer.assignment();
            list.and_then(|list| self.consumer.resume(&list))
                .map_err(|e| verdict::of_consumer(&e).into_fault())?;
        }
        Ok(())
    }
}
