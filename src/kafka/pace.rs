//! How long a worker waits between a commit and the next transaction. Pure; the time comes in.
//!
//! The broker answers EndTxn when the outcome is decided, and then writes the markers. A transaction that begins meanwhile
//! is refused, and librdkafka asks again 20 ms later ([`Admission`]), in which nothing is sent. A few milliseconds without
//! reading cost less; how many, each worker learns from what is refused.

use std::time::Duration;

use super::raw::Admission;

/// Before anything is learned: about what markers take on a broker that is near and has time. With none, two of each worker's
/// first transactions are refused.
const FIRST: Duration = Duration::from_millis(2);
/// Added for each refusal, which costs 20 times as much; of a long pause a quarter.
const LONGER: Duration = Duration::from_millis(1);
const LONGER_PART: u32 = 4;
/// What a refusal adds is taken off again in so long, by transactions that begin right behind the pause and are taken at once. So,
/// where markers always take the same time, one is refused in ten seconds. A refusal costs 20 ms and is felt for some more: more
/// of them would be seen in the 99th percentile of the latency. The price: behind a slow moment, the longest pause is a tenth of
/// that only after a minute and a half.
const SHORTER_AFTER: Duration = Duration::from_secs(10);
/// No transaction counts for more than this of that: of those that take as long or longer, one of a hundred is refused.
const SHORTER_EACH_MAX: Duration = Duration::from_millis(100);
/// As long as librdkafka waits: a longer pause could only cost.
const PAUSE_MAX: Duration = Duration::from_millis(20);
/// Nor does one refusal make it longer than such a part of the transaction that was refused. Brokers that stop for a moment
/// now and then, for a garbage collector say, refuse some however long the pause is: it must not come to most of what a short
/// transaction takes. A second refusal in a row shows that the pause is too short.
const PAUSE_PART: u32 = 8;
/// A transaction that begins later than this after its pause was over, or than a quarter of that, does not show whether the pause
/// could be shorter.
const CLOSE: Duration = Duration::from_millis(1);
const CLOSE_PART: u32 = 4;
/// Refusals in a row that made the pause no longer, after which there is none.
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
    /// A worker's, at its start.
    pub(super) fn new() -> Self {
        Self { pause: FIRST, ..Self::default() }
    }

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
        if let (Some(apart), Some(before)) = (self.apart, self.committed) {
            self.learn(apart, now.saturating_sub(before), admission);
        }
        self.committed = Some(now);
    }

    /// It is aborted: what is written for that, the next one may meet, and says nothing of commits.
    pub(super) fn aborted(&mut self) {
        self.committed = None;
    }

    /// Of a transaction that took so long from commit to commit.
    fn learn(&mut self, apart: Duration, took: Duration, admission: Admission) {
        if self.given_up > 0 {
            self.given_up = self.given_up.saturating_sub(1);
            return;
        }
        let is_first = self.in_vain == 0;
        let longest = if is_first { PAUSE_MAX.min(part(took, PAUSE_PART)) } else { PAUSE_MAX };
        match admission {
            // No pause would have been so long: a coordinator that is held up has written no markers either, and of one that is
            // so far away a pause is of little use.
            Admission::Late(after)
                if self.pause >= longest || apart.saturating_add(after) > PAUSE_MAX =>
            {
                self.in_vain = self.in_vain.saturating_add(1);
                if self.in_vain >= IN_VAIN_MAX {
                    *self = Self { given_up: GIVEN_UP_FOR, ..Self::default() };
                }
            }
            Admission::Late(_) => {
                self.in_vain = 0;
                self.pause = self.pause.saturating_add(longer_by(self.pause)).min(longest);
            }
            Admission::AtOnce => {
                self.in_vain = 0;
                let close = CLOSE.max(part(self.pause, CLOSE_PART));
                if apart <= self.pause.saturating_add(close) {
                    self.pause = shorter(self.pause, took);
                }
            }
            Admission::NotAsked => {}
        }
    }
}

fn longer_by(pause: Duration) -> Duration {
    LONGER.max(part(pause, LONGER_PART))
}

fn shorter(pause: Duration, took: Duration) -> Duration {
    let share = took.min(SHORTER_EACH_MAX).as_secs_f64() / SHORTER_AFTER.as_secs_f64();
    pause.saturating_sub(longer_by(pause).mul_f64(share))
}

fn part(time: Duration, of: u32) -> Duration {
    time.checked_div(of).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const SECOND: Duration = Duration::from_secs(1);
    const LATE: Admission = Admission::Late(Duration::from_micros(700));

    /// What a hundred seconds came to.
    #[derive(Default)]
    struct Run {
        refused: u32,
        transactions: u32,
        /// At their end.
        pause: Duration,
        /// From a commit until the next one's partitions are taken, in the mean.
        taken_after: Duration,
    }

    /// Transactions that are open so long, one right behind the other, on a coordinator whose markers take as long as is said for
    /// each moment, after a hundred seconds of them.
    fn settled(open: Duration, markers: impl Fn(Duration) -> Duration) -> Run {
        let mut pace = Pace::new();
        let mut now = SECOND;
        let mut run = Run::default();
        while now < SECOND * 201 {
            now += pace.left(now);
            pace.begun(now);
            let markers = markers(now);
            let mut apart = pace.apart.unwrap_or(markers);
            let is_late = apart < markers;
            while apart < markers {
                apart += MS * 20;
                now += MS * 20;
            }
            if now > SECOND * 101 {
                run.refused += u32::from(is_late);
                run.transactions += 1;
                run.taken_after += apart;
            }
            now += open;
            pace.committed(now, if is_late { LATE } else { Admission::AtOnce });
        }
        run.pause = pace.pause;
        run.taken_after /= run.transactions;
        run
    }

    #[test]
    fn a_pause_finds_how_long_the_markers_take_and_one_is_refused_in_ten_seconds() {
        for (open, markers) in [(10, 1), (10, 2), (10, 3), (60, 1), (60, 8), (99, 12)] {
            let (open, markers) = (MS * open, MS * markers);
            let run = settled(open, |_| markers);
            assert!((9..=12).contains(&run.refused), "{} in 100 s", run.refused);
            let longest = markers + longer_by(markers);
            assert!((shorter(markers, MS * 100)..longest).contains(&run.pause), "{:?}", run.pause);
            assert!(run.taken_after < longest, "{:?}", run.taken_after);
        }
    }

    #[test]
    fn a_pause_that_takes_much_of_a_short_transaction_is_found_by_two_refusals_in_a_row() {
        for (open, markers) in [(5, 5), (10, 6), (20, 8)] {
            let (open, markers) = (MS * open, MS * markers);
            let run = settled(open, |_| markers);
            assert!((18..=24).contains(&run.refused), "{open:?}: {} in 100 s", run.refused);
            let longest = markers + longer_by(markers);
            assert!(run.taken_after < longest, "{open:?}: {:?}", run.taken_after);
        }
    }

    #[test]
    fn of_long_transactions_one_of_a_hundred_is_refused() {
        let run = settled(MS * 500, |_| MS * 2);
        assert!(run.transactions < 200, "{}", run.transactions);
        assert!((1..=3).contains(&run.refused), "{}", run.refused);
    }

    #[test]
    fn a_worker_s_first_transactions_wait_two_milliseconds_and_none_before_the_first() {
        let mut pace = Pace::new();
        assert_eq!(pace.left(MS), Duration::ZERO);
        pace.begun(MS);
        pace.committed(MS * 10, Admission::AtOnce);
        assert_eq!(pace.left(MS * 10), MS * 2);
        pace.begun(MS * 12);
        pace.committed(MS * 20, Admission::AtOnce);
        assert_eq!(pace.left(MS * 20), shorter(MS * 2, MS * 10));
    }

    #[test]
    fn where_nothing_is_refused_there_is_no_pause() {
        let run = settled(MS * 30, |_| Duration::ZERO);
        assert_eq!((run.refused, run.pause), (0, Duration::ZERO));
    }

    #[test]
    fn where_no_pause_helps_there_is_none_most_of_the_time() {
        let run = settled(MS * 30, |_| MS * 50);
        assert_eq!(run.refused, run.transactions);
        assert_eq!(run.pause, Duration::ZERO);
        // 60 ms are what librdkafka's own way takes.
        assert!(run.taken_after <= MS * 61, "{:?}", run.taken_after);
    }

    #[test]
    fn the_longest_pause_is_half_after_half_a_minute_of_transactions_that_were_taken_and_ends() {
        let mut pace = Pace { pause: PAUSE_MAX, ..Pace::default() };
        for n in 1..=5_000 {
            pace.learn(pace.pause + MS, MS * 25, Admission::AtOnce);
            assert!(n != 1_200 || pace.pause <= PAUSE_MAX / 2, "{:?}", pace.pause);
        }
        assert_eq!(pace.pause, Duration::ZERO);
    }

    /// Two times in five seconds: whether one is refused then has little to do with the pause.
    #[test]
    fn brokers_that_stop_now_and_then_leave_a_pause_that_is_short_beside_the_transactions() {
        for (open, longest) in [(10, 7), (30, 10)] {
            let stops = |now: Duration| now.as_millis() % 2_500 < 30;
            let run = settled(MS * open, |now| if stops(now) { MS * 30 } else { MS });
            assert!(run.refused > 5, "{}", run.refused);
            assert!((MS..=MS * longest).contains(&run.pause), "{open}: {:?}", run.pause);
        }
    }

    #[test]
    fn a_coordinator_that_says_so_late_that_no_pause_would_have_helped_makes_none_longer() {
        let mut pace = Pace { pause: MS * 3, ..Pace::default() };
        for (after, pause) in [(18, 3), (17, 4), (16, 5), (16, 5)] {
            pace.learn(pace.pause, MS * 160, Admission::Late(MS * after));
            assert_eq!(pace.pause, MS * pause, "{after}");
        }
        pace.learn(MS * 21, MS * 160, LATE);
        assert_eq!(pace.pause, MS * 5, "it began too late itself");
        pace.learn(MS * 50, MS * 160, Admission::AtOnce);
        for n in 1..=IN_VAIN_MAX {
            assert_eq!(pace.pause, MS * 5, "{n}");
            pace.learn(pace.pause, MS * 160, Admission::Late(MS * 30));
        }
        assert_eq!(pace.pause, Duration::ZERO, "always so late");
    }

    #[test]
    fn who_comes_a_little_later_than_a_long_pause_shows_that_it_could_be_shorter() {
        let mut pace = Pace { pause: MS * 12, ..Pace::default() };
        pace.learn(MS * 16, MS * 30, Admission::AtOnce);
        assert_eq!(pace.pause, MS * 12);
        pace.learn(MS * 15, MS * 30, Admission::AtOnce);
        assert_eq!(pace.pause, shorter(MS * 12, MS * 30));
        assert!(pace.pause < MS * 12);
    }

    #[test]
    fn who_comes_later_waits_for_nothing_and_shows_nothing() {
        let mut pace = Pace::default();
        pace.begun(MS);
        pace.committed(MS * 2, LATE);
        assert_eq!(pace.pause, Duration::ZERO, "no commit was before it");
        pace.begun(MS * 3);
        pace.committed(MS * 10, LATE);
        assert_eq!(pace.left(MS * 10), LONGER);
        assert_eq!(pace.left(MS * 50), Duration::ZERO);
        for (at, admission) in [(100, Admission::AtOnce), (200, LATE)] {
            pace.begun(MS * at);
            pace.committed(MS * (at + 10), admission);
            assert_eq!(pace.pause, LONGER, "it began long after the markers: {admission:?}");
        }
        pace.begun(MS * 211);
        pace.committed(MS * 220, Admission::NotAsked);
        assert_eq!(pace.pause, LONGER, "it wrote nothing");
        pace.begun(MS * 221);
        pace.committed(MS * 230, Admission::AtOnce);
        assert_eq!(pace.pause, shorter(LONGER, MS * 10), "from commit to commit");
    }

    /// Also where the read that follows the pause takes long.
    #[test]
    fn a_pause_is_never_longer_than_librdkafka_s_own_and_is_given_up_where_that_is_in_vain() {
        let mut pace = Pace { pause: PAUSE_MAX, committed: Some(MS), ..Pace::default() };
        let mut now = MS;
        let mut transaction = |pace: &mut Pace, admission| {
            pace.begun(now + MS * 26);
            now += MS * 200;
            pace.committed(now, admission);
        };
        for n in 1..IN_VAIN_MAX {
            transaction(&mut pace, LATE);
            assert_eq!(pace.pause, PAUSE_MAX, "{n} in vain");
        }
        transaction(&mut pace, Admission::AtOnce);
        for _ in 1..IN_VAIN_MAX {
            transaction(&mut pace, LATE);
        }
        assert_eq!(pace.pause, PAUSE_MAX, "not in a row");
        transaction(&mut pace, LATE);
        assert_eq!(pace.pause, Duration::ZERO);
        pace = Pace { pause: MS * 18, committed: Some(MS), ..Pace::default() };
        pace.begun(MS * 19);
        pace.committed(MS * 200, LATE);
        assert_eq!(pace.pause, PAUSE_MAX);
    }

    #[test]
    fn behind_an_abort_there_is_no_pause_and_nothing_to_learn() {
        let mut pace = Pace::default();
        for at in [10, 20] {
            pace.begun(MS * at);
            pace.committed(MS * at, LATE);
        }
        assert_eq!(pace.left(MS * 20), LONGER);
        pace.begun(MS * 21);
        pace.aborted();
        assert_eq!(pace.left(MS * 20), Duration::ZERO);
        pace.begun(MS * 22);
        pace.committed(MS * 30, LATE);
        assert_eq!(pace.pause, LONGER);
    }
}
