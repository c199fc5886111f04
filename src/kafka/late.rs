//! `at_least_once`: the group's offsets are committed while the next window is under way already. Its outputs are in the
//! topics by then, so nothing waits for the answer but the next commit and whoever gives partitions back; waiting for it at
//! the end of each window held up every record that came meanwhile.

use std::time::Duration;

use super::port::Port;
use super::raw::{Committing, Failed, PartitionList, code};
use super::transaction::{COMMIT_MAX, moving};
use super::verdict;
use crate::worker::{Failure, Offsets};

/// The commits of a worker.
#[derive(Default)]
pub(super) enum LateCommit {
    /// None was answered yet: the first is waited for, so that who may not commit learns it before anything counts.
    #[default]
    Untried,
    /// All are answered.
    Settled,
    /// One is under way.
    Open(Committing, PartitionList),
}

impl Port {
    /// Commits behind the answer to the commit before.
    pub(super) fn commit_late(&mut self, offsets: &Offsets) -> Result<(), Failure> {
        let list = PartitionList::of(offsets.touched());
        match self.late {
            LateCommit::Untried => {
                self.commit_list(&list)?;
                self.late = LateCommit::Settled;
            }
            LateCommit::Settled | LateCommit::Open(..) => {
                self.settle_commit()?;
                if !list.is_empty() {
                    self.assert_member()?;
                    let begun = self.consumer.begin_commit(&list);
                    let begun = begun.map_err(|e| verdict::of_offset_commit(&e))?;
                    self.late = LateCommit::Open(begun, list);
                }
            }
        }
        Ok(())
    }

    /// Waits for the answer to the commit that is under way, where one is.
    pub(super) fn settle_commit(&mut self) -> Result<(), Failure> {
        self.answer_to_commit(COMMIT_MAX).unwrap_or_else(|| {
            self.late = LateCommit::Settled;
            Err(verdict::of_offset_commit(&Failed::from_code("commit", code::TIMED_OUT)))
        })
    }

    /// As `settle_commit`, for who cannot do the window again: its records come again later, here or elsewhere.
    pub(super) fn settle_commit_before_leaving(&mut self) {
        if let Err(failure) = self.settle_commit() {
            let cause = failure.into_fault().cause;
            tracing::warn!(worker = %self.connection.id, cause, "the last commit failed: what is behind it is done again");
        }
    }

    /// A failure of the commit that is under way, without waiting.
    pub(super) fn look_at_commit(&mut self) -> Option<Failure> {
        self.answer_to_commit(Duration::ZERO)?.err()
    }

    /// `None` where there is no answer yet.
    fn answer_to_commit(&mut self, wait: Duration) -> Option<Result<(), Failure>> {
        let LateCommit::Open(committing, _) = &mut self.late else { return Some(Ok(())) };
        let answer = committing.answer(wait)?;
        let LateCommit::Open(_, list) = std::mem::replace(&mut self.late, LateCommit::Settled)
        else {
            return Some(Ok(()));
        };
        Some(match answer {
            Err(failed) if moving(&failed) => self.commit_list(&list),
            answer => answer.map_err(|e| verdict::of_offset_commit(&e)),
        })
    }
}
