//! Whether another daemon has a worker's transactional id: producers that are fenced more often than the broker's timeout does it.

use std::collections::VecDeque;
use std::time::Duration;

/// A transaction's timeout fences its producer after 15 s at the soonest, so not so often within [`WITHIN`].
const FENCES: usize = 5;
const WITHIN: Duration = Duration::from_mins(1);

/// The last fences, and what is known by them.
#[derive(Debug, Default)]
pub(super) struct Fences {
    /// At most [`FENCES`], the oldest first.
    met: VecDeque<Duration>,
    is_known: bool,
}

impl Fences {
    /// One more; answers whether it is somebody else who does it, which stays so until it [is over](Self::is_over).
    pub(super) fn meet(&mut self, now: Duration) -> bool {
        self.met.push_back(now);
        if self.met.len() > FENCES {
            self.met.pop_front();
        }
        let is_full = self.met.len() == FENCES;
        let is_often = self.met.front().is_some_and(|first| now.saturating_sub(*first) < WITHIN);
        self.is_known |= is_full && is_often;
        self.is_known
    }

    /// Answers once that nobody does it any more.
    pub(super) fn is_over(&mut self, now: Duration) -> bool {
        let is_quiet = self.met.back().is_none_or(|last| now.saturating_sub(*last) > WITHIN);
        let is_over = self.is_known && is_quiet;
        if is_over {
            *self = Self::default();
        }
        is_over
    }
}
