//! Whether a coordinator took a transaction's partitions at once. librdkafka tells nobody; its requests show it.
//!
//! While a coordinator writes the markers of a producer's transaction, it refuses the first partitions of the next one
//! (`CONCURRENT_TRANSACTIONS`), and librdkafka asks again 20 ms after that answer (`rdkafka_txnmgr.c`,
//! `rd_kafka_txn_handle_AddPartitionsToTxn`), for what was written meanwhile too, and hardly ever sooner. Interceptors see that
//! there was an answer, not which. But nothing is sent to a partition that was not taken, and once some are taken all are: a
//! second request that is as large, so long behind the first answer, and before the transaction's first record was sent,
//! follows a refusal.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// librdkafka asks 20 ms later, hardly ever sooner, a little more on a busy machine; 500 ms later after other errors. What comes
/// sooner is for partitions that were first written one after the other. Where records linger for longer than this, a second
/// partition that is first written just then can be taken for a refusal, unless the first request had several.
const AGAIN_US: RangeInclusive<u64> = 19_500..=30_000;

/// What became of a transaction's first request for partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kafka) enum Admission {
    /// There was none: nothing was written.
    NotAsked,
    /// They were taken.
    AtOnce,
    /// They were refused, so long after they were asked for, and librdkafka had to ask again.
    Late(Duration),
}

/// Fed by the client's own threads, asked by its owner, and anew for each transaction.
#[derive(Debug, Default)]
pub(super) struct Admissions {
    /// When the first request was sent.
    asked_us: AtomicU64,
    /// When the first answer to a request for partitions came; 0 where there was none.
    answered_us: AtomicU64,
    /// How large the first request was; 0 where there was none.
    bytes: AtomicUsize,
    /// A second request tells of the first one's answer, a third of nothing.
    told: AtomicBool,
    late: AtomicBool,
    written: AtomicBool,
}

impl Admissions {
    /// A request for partitions was sent, so large.
    pub(super) fn asked(&self, now: Duration, bytes: usize) {
        let first = self.bytes.load(Relaxed);
        if first == 0 {
            self.asked_us.store(micros(now), Relaxed);
            self.bytes.store(bytes, Relaxed);
            return;
        }
        let answered = self.answered_us.load(Relaxed);
        if answered == 0 || self.told.swap(true, Relaxed) || self.written.load(Relaxed) {
            return;
        }
        let is_again = AGAIN_US.contains(&micros(now).saturating_sub(answered));
        self.late.store(is_again && bytes >= first, Relaxed);
    }

    /// One was answered. librdkafka brings an answer twice, one right behind the other.
    pub(super) fn answered(&self, now: Duration) {
        if self.answered_us.load(Relaxed) == 0 {
            self.answered_us.store(micros(now).max(1), Relaxed);
        }
    }

    /// Records were sent.
    pub(super) fn written(&self) {
        self.written.store(true, Relaxed);
    }

    /// Of the transaction that ends here; what comes now is of the next one.
    pub(super) fn take(&self) -> Admission {
        let answered = self.answered_us.swap(0, Relaxed);
        let after = answered.saturating_sub(self.asked_us.load(Relaxed));
        self.told.store(false, Relaxed);
        self.written.store(false, Relaxed);
        match (self.bytes.swap(0, Relaxed), self.late.swap(false, Relaxed)) {
            (0, _) => Admission::NotAsked,
            (_, false) => Admission::AtOnce,
            (_, true) => Admission::Late(Duration::from_micros(after)),
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Seen {
        /// With so many bytes.
        Asked(u64, usize),
        Answered(u64),
        Written,
    }
    use Seen::{Answered, Asked, Written};

    /// Of what is seen at so many ms.
    fn admission_of(seen: &[Seen]) -> Admission {
        let admissions = Admissions::default();
        for seen in seen {
            match seen {
                Asked(at, bytes) => admissions.asked(Duration::from_millis(*at), *bytes),
                Answered(at) => {
                    admissions.answered(Duration::from_millis(*at));
                    admissions.answered(Duration::from_micros(*at * 1_000 + 10));
                }
                Written => admissions.written(),
            }
        }
        admissions.take()
    }

    fn late(after_ms: u64) -> Admission {
        Admission::Late(Duration::from_millis(after_ms))
    }

    #[test]
    fn a_request_twenty_milliseconds_behind_an_answer_means_that_this_was_a_refusal() {
        assert_eq!(admission_of(&[Asked(1, 90), Answered(3), Asked(23, 90)]), late(2));
        let slow = [Asked(1, 90), Answered(50), Asked(72, 90), Answered(73), Written];
        assert_eq!(
            admission_of(&slow),
            late(49),
            "what held the answer up may hold the markers up"
        );
    }

    #[test]
    fn further_partitions_a_moment_later_are_no_refusal() {
        let more = [Asked(1, 90), Answered(3), Asked(6, 90), Answered(7), Written];
        assert_eq!(admission_of(&more), Admission::AtOnce);
        // Its answer is late, not what follows.
        assert_eq!(admission_of(&[Asked(1, 90), Answered(50), Asked(52, 90)]), Admission::AtOnce);
    }

    #[test]
    fn a_partition_that_is_first_written_long_after_others_were_taken_is_no_refusal() {
        let rare = [
            Asked(1, 90),
            Answered(3),
            Asked(6, 90),
            Answered(7),
            Asked(35, 90),
            Answered(36),
            Written,
        ];
        assert_eq!(admission_of(&rare), Admission::AtOnce);
        let refused_twice =
            [Asked(1, 90), Answered(3), Asked(23, 90), Answered(24), Asked(44, 90), Answered(45)];
        assert_eq!(admission_of(&refused_twice), late(2));
    }

    #[test]
    fn who_asks_for_less_than_before_does_not_ask_again() {
        for (bytes, admission) in [(89, Admission::AtOnce), (90, late(2)), (120, late(2))] {
            let rare_sink = [Asked(1, 90), Answered(3), Asked(24, bytes), Answered(25), Written];
            assert_eq!(admission_of(&rare_sink), admission, "{bytes}");
        }
    }

    #[test]
    fn once_records_were_sent_later_requests_are_for_further_partitions() {
        let trickle =
            [Asked(1, 90), Answered(3), Written, Asked(24, 90), Answered(25), Asked(46, 90)];
        assert_eq!(admission_of(&trickle), Admission::AtOnce);
    }

    #[test]
    fn what_is_asked_later_or_again_after_another_error_is_no_refusal() {
        for later in [34, 504] {
            let other = [Asked(1, 90), Answered(3), Asked(later, 90)];
            assert_eq!(admission_of(&other), Admission::AtOnce, "{later}");
        }
    }

    #[test]
    fn each_transaction_is_told_of_once_and_by_itself() {
        assert_eq!(admission_of(&[]), Admission::NotAsked);
        let admissions = Admissions::default();
        let ms = Duration::from_millis;
        admissions.asked(ms(1), 90);
        admissions.answered(ms(3));
        admissions.asked(ms(6), 90);
        admissions.answered(ms(7));
        admissions.written();
        assert_eq!(admissions.take(), Admission::AtOnce);
        admissions.asked(ms(23), 90);
        admissions.answered(ms(24));
        assert_eq!(admissions.take(), Admission::AtOnce, "the answer was the one before's");
        assert_eq!(admissions.take(), Admission::NotAsked);
        admissions.asked(ms(31), 90);
        admissions.answered(ms(32));
        admissions.asked(ms(53), 90);
        assert_eq!(admissions.take(), late(1), "what was sent was the one before's");
    }
}
