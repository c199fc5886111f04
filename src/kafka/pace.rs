//! How long a worker waits between a commit and the next transaction. Pure; the time comes in.
//!
//! The broker answers EndTxn when the outcome is decided, and then writes the markers. A transaction that begins meanwhile
//! is refused, and librdkafka asks again 20 ms later ([`Admission`]), in which nothing is sent. A few milliseconds without
//! reading cost less; how many, each worker learns from what is refused.

use std::time::Duration;

use super::raw::Admission;

/// Added for each refusal, which costs 20 times as much; of a long pause a quarter.
const LONGER: Duration = Duration::from_millis(1);
const LONGER_PART: u32 = 4;
/// Such a part of what a refusal adds is taken off for each transaction that was taken at once: so one of about a hundred is
/// refused, however long markers take and however much that varies. More would be seen in the 99th percentile of the latency.
/// The price: behind a slow moment, the longest pause is a tenth only 800 transactions later.
const SHORTER_PART: u32 = 100;
/// As long as librdkafka waits: a longer pause could only cost.
const PAUSE_MAX: Duration = Duration::from_millis(20);
/// A transaction that begins later than this after its pause was over, or than a quarter of that, does not show whether the pause
/// could be shorter.
const CLOSE: Duration = Duration::from_millis(1);
const CLOSE_PART: u32 = 4;
/// Refusals in a row behind the longest pause, after which there is none.
const IN_VAIN_MAX: u32 = 5;
/// Transactions without a pause before it is tried again.
const GIVEN_UP_FOR: u32 = 1_000;

/// The pause as it is now, and the commit that it counts from.
#[derive(Debug, Default)]
pub(super) struct Pace {
    pub(super) pause: Duration,
    committed: Option<Duration>,
    /// From the commit to the begin of the transaction that is open.
    apart: Option<Duration>,
    in_vain: u32,
    /// Transactions that are still to come without a pause.
    given_up: u32,
}

impl Pace {
    /// What is left of the pause.
    pub(super) fn left(&self, now: Duration) -> Duration {
        let end = self.committed.map_or(Duration::ZERO, |at| at.saturating_add(self.pause));
        end.saturating_sub(now)
    }

    /// A transaction begins.
    pub(super) fn begun(&mut self, now: Duration) {
        self.apart = self.committed.map(|at| now.saturating_sub(at));
    }

    /// It is committed, its partitions having been taken so.
    pub(super) fn committed(&mut self, now: Duration, admission: Admission) {
        if let Some(apart) = self.apart {
            self.learn(apart, admission);
        }
        self.committed = Some(now);
    }

    /// It is aborted: what is written for that, the next one may meet, and says nothing of commits.
    pub(super) fn aborted(&mut self) {
        self.committed = None;
    }

    fn learn(&mut self, apart: Duration, admission: Admission) {
        if self.given_up > 0 {
            self.given_up = self.given_up.saturating_sub(1);
            return;
        }
        match admission {
            Admission::Late if self.pause >= PAUSE_MAX => {
                self.in_vain = self.in_vain.saturating_add(1);
                if self.in_vain >= IN_VAIN_MAX {
                    *self = Self { given_up: GIVEN_UP_FOR, ..Self::default() };
                }
            }
            // No pause would have been so long.
            Admission::Late if apart > PAUSE_MAX => {}
            Admission::Late => {
                self.pause = self.pause.saturating_add(longer_by(self.pause)).min(PAUSE_MAX);
            }
            Admission::AtOnce => {
                self.in_vain = 0;
                let close = CLOSE.max(part(self.pause, CLOSE_PART));
                if apart <= self.pause.saturating_add(close) {
                    self.pause = shorter(self.pause);
                }
            }
            Admission::NotAsked => {}
        }
    }
}

fn longer_by(pause: Duration) -> Duration {
    LONGER.max(part(pause, LONGER_PART))
}

fn shorter(pause: Duration) -> Duration {
    pause.saturating_sub(part(longer_by(pause), SHORTER_PART))
}

fn part(time: Duration, of: u32) -> Duration {
    time.checked_div(of).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    struct Run {
        /// Of the last thousand transactions.
        refused: usize,
        pause: Duration,
        /// From a commit until the next one's partitions are taken, in the mean of the last thousand.
        taken_after: Duration,
    }

    /// Transactions of 30 ms, one right behind the other, on a coordinator whose markers take so long.
    fn after_many(markers: Duration) -> Run {
        let mut pace = Pace::default();
        let mut now = MS * 1_000;
        let mut run = Run { refused: 0, pause: MS, taken_after: Duration::ZERO };
        for n in 0..5_000 {
            now += pace.left(now);
            pace.begun(now);
            let mut apart = pace.apart.unwrap_or(markers);
            let is_late = apart < markers;
            while apart < markers {
                apart += MS * 20;
            }
            if n >= 4_000 {
                run.refused += usize::from(is_late);
                run.taken_after += apart / 1_000;
            }
            now += MS * 30;
            pace.committed(now, if is_late { Admission::Late } else { Admission::AtOnce });
        }
        run.pause = pace.pause;
        run
    }

    #[test]
    fn a_pause_finds_how_long_the_markers_take() {
        for markers in [MS, MS * 2, MS * 4, MS * 15] {
            let run = after_many(markers);
            assert!((9..=12).contains(&run.refused), "{} of 1000 were refused", run.refused);
            let longest = markers + longer_by(markers);
            assert!((shorter(markers)..longest).contains(&run.pause), "{:?}", run.pause);
            assert!(run.taken_after < longest, "{:?}", run.taken_after);
        }
    }

    #[test]
    fn where_nothing_is_refused_there_is_no_pause() {
        let run = after_many(Duration::ZERO);
        assert_eq!((run.refused, run.pause), (0, Duration::ZERO));
    }

    #[test]
    fn where_no_pause_helps_there_is_none_most_of_the_time() {
        let run = after_many(MS * 50);
        assert_eq!((run.refused, run.pause), (1_000, Duration::ZERO));
        // 60 ms are what librdkafka's own way takes.
        assert!(run.taken_after <= MS * 61, "{:?}", run.taken_after);
    }

    #[test]
    fn the_longest_pause_is_half_after_three_hundred_that_were_taken_and_ends() {
        let mut pace = Pace { pause: PAUSE_MAX, ..Pace::default() };
        for n in 1..=1_200 {
            pace.learn(pace.pause + MS, Admission::AtOnce);
            assert!(n != 300 || pace.pause <= PAUSE_MAX / 2, "{:?}", pace.pause);
        }
        assert_eq!(pace.pause, Duration::ZERO);
    }

    #[test]
    fn who_comes_a_little_later_than_a_long_pause_shows_that_it_could_be_shorter() {
        let mut pace = Pace { pause: MS * 12, ..Pace::default() };
        pace.learn(MS * 16, Admission::AtOnce);
        assert_eq!(pace.pause, MS * 12);
        pace.learn(MS * 15, Admission::AtOnce);
        assert_eq!(pace.pause, shorter(MS * 12));
    }

    #[test]
    fn who_comes_later_waits_for_nothing_and_shows_nothing() {
        let mut pace = Pace::default();
        pace.begun(MS);
        pace.committed(MS * 2, Admission::Late);
        assert_eq!(pace.pause, Duration::ZERO, "no commit was before it");
        pace.begun(MS * 3);
        pace.committed(MS * 10, Admission::Late);
        assert_eq!(pace.left(MS * 10), LONGER);
        assert_eq!(pace.left(MS * 50), Duration::ZERO);
        for (at, admission) in [(100, Admission::AtOnce), (200, Admission::Late)] {
            pace.begun(MS * at);
            pace.committed(MS * (at + 10), admission);
            assert_eq!(pace.pause, LONGER, "it began long after the markers: {admission:?}");
        }
        pace.begun(MS * 211);
        pace.committed(MS * 220, Admission::NotAsked);
        assert_eq!(pace.pause, LONGER, "it wrote nothing");
        pace.begun(MS * 221);
        pace.committed(MS * 230, Admission::AtOnce);
        assert_eq!(pace.pause, shorter(LONGER));
    }

    /// Also where the read that follows the pause takes long.
    #[test]
    fn a_pause_is_never_longer_than_librdkafka_s_own_and_is_given_up_where_that_is_in_vain() {
        let mut pace = Pace { pause: PAUSE_MAX, committed: Some(MS), ..Pace::default() };
        let mut now = MS;
        let mut transaction = |pace: &mut Pace, admission| {
            pace.begun(now + MS * 26);
            now += MS * 50;
            pace.committed(now, admission);
        };
        for n in 1..IN_VAIN_MAX {
            transaction(&mut pace, Admission::Late);
            assert_eq!(pace.pause, PAUSE_MAX, "{n} in vain");
        }
        transaction(&mut pace, Admission::AtOnce);
        for _ in 1..IN_VAIN_MAX {
            transaction(&mut pace, Admission::Late);
        }
        assert_eq!(pace.pause, PAUSE_MAX, "not in a row");
        transaction(&mut pace, Admission::Late);
        assert_eq!(pace.pause, Duration::ZERO);
        pace = Pace { pause: shorter(PAUSE_MAX), committed: Some(MS), ..Pace::default() };
        pace.begun(MS * 21);
        pace.committed(MS * 30, Admission::AtOnce);
        pace.begun(MS * 50);
        pace.committed(MS * 60, Admission::Late);
        assert_eq!(pace.pause, PAUSE_MAX);
    }

    #[test]
    fn behind_an_abort_there_is_no_pause_and_nothing_to_learn() {
        let mut pace = Pace::default();
        for at in [10, 20] {
            pace.begun(MS * at);
            pace.committed(MS * at, Admission::Late);
        }
        assert_eq!(pace.left(MS * 20), LONGER);
        pace.begun(MS * 21);
        pace.aborted();
        assert_eq!(pace.left(MS * 20), Duration::ZERO);
        pace.begun(MS * 22);
        pace.committed(MS * 30, Admission::Late);
        assert_eq!(pace.pause, LONGER);
    }
}
