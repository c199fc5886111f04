//! How much of what a worker has sent still waits for the broker, and when that is enough. Pure.
//!
//! A source is often faster than a sink. What piles up between them costs twice: it has left the processor's cache by the
//! time that it is sent, and the commit waits until all of it is.

use std::time::Duration;

/// What may wait at the least: more than librdkafka has under way to one broker, five requests of 1 MB, each for a partition
/// (`batch.size`, and `max.in.flight` of an idempotent producer). Several brokers that are far could have more.
const ENOUGH_BYTES_MIN: u64 = 8 << 20;
/// For each partition that is written: more than a batch (`batch.size` as it is by default), so that wherever this is enough at
/// least one of them holds a full one. With less, what waits in many partitions would only linger (`linger.ms`).
const ENOUGH_BYTES_EACH: u64 = 1 << 20;
/// Half of `queue.buffering.max.kbytes` as it is by default. Spread over more than 32 partitions it may be no batch anywhere.
const ENOUGH_BYTES_MAX: u64 = 32 << 20;
/// Half of `queue.buffering.max.messages` as it is by default: records so small that fewer bytes of them fill the queue are to wait here, not in the
/// midst of a window.
const ENOUGH_RECORDS: usize = 50_000;
/// Between two looks: in so long a broker takes no more than about one request.
const LOOK: Duration = Duration::from_millis(1);
/// What may wait when the offsets are sent: about what librdkafka has under way to one broker (see [`ENOUGH_BYTES_MIN`]), so that
/// hardly anything is left to send meanwhile.
const MUCH_BYTES: u64 = 4 << 20;

/// How large the records are that a window has sent: librdkafka tells how many wait, not how many bytes. The mean of all
/// stands for those that wait, which are the newest. Under `at_most_once` no window begins and nothing waits.
#[derive(Debug)]
pub(super) struct Backlog {
    records: u64,
    bytes: u64,
    /// Partitions of the sinks when the worker started or took a definition, those of earlier definitions included: again, where
    /// a topic comes back, and none for one that was the dead letter topic before. Only how much waits, and how long a producer
    /// that is made later lets it linger, hang on it.
    partitions: usize,
}

impl Backlog {
    /// For sinks that have so many partitions together.
    pub(super) fn of(partitions: usize) -> Self {
        Self { records: 0, bytes: 0, partitions }
    }

    pub(super) fn partitions(&self) -> usize {
        self.partitions
    }

    /// Another definition has further sinks, with so many partitions.
    pub(super) fn grow(&mut self, partitions: usize) {
        self.partitions = self.partitions.saturating_add(partitions);
    }

    /// One more record, with so many bytes of key and value.
    #[inline]
    pub(super) fn sent(&mut self, bytes: usize) {
        self.records = self.records.saturating_add(1);
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// A window begins: its records may have another size.
    pub(super) fn begin(&mut self) {
        (self.records, self.bytes) = (0, 0);
    }

    /// Whether so many records that wait are enough to have no more read.
    pub(super) fn is_enough(&self, waiting: usize) -> bool {
        waiting > ENOUGH_RECORDS || self.are_more(waiting, self.enough_bytes())
    }

    /// Whether so many records that wait are too many to send the offsets yet.
    pub(super) fn is_much(&self, waiting: usize) -> bool {
        self.are_more(waiting, MUCH_BYTES)
    }

    /// Whether so many records are more than so many bytes.
    fn are_more(&self, records: usize, bytes: u64) -> bool {
        let records = u64::try_from(records).unwrap_or(u64::MAX);
        self.bytes.saturating_mul(records) > bytes.saturating_mul(self.records)
    }

    fn enough_bytes(&self) -> u64 {
        let partitions = u64::try_from(self.partitions).unwrap_or(u64::MAX);
        partitions.saturating_mul(ENOUGH_BYTES_EACH).clamp(ENOUGH_BYTES_MIN, ENOUGH_BYTES_MAX)
    }
}

/// Waits while enough is on its way, at most as long as the read may; gives what is left of that.
pub(super) fn let_drain(
    wait: Duration,
    now: impl Fn() -> Duration,
    is_enough: impl Fn() -> bool,
    pause: impl Fn(Duration),
) -> Duration {
    let end = now().saturating_add(wait);
    loop {
        let left = end.saturating_sub(now());
        if left.is_zero() || !is_enough() {
            return left;
        }
        pause(LOOK.min(left));
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn eight_mebibytes_are_enough_for_a_few_partitions_whatever_the_size_of_a_record() {
        for (bytes, enough) in [(1 << 10, 8 << 10), (1 << 20, 8), (1 << 8, 1 << 15)] {
            let mut backlog = Backlog::of(8);
            (0..3).for_each(|_| backlog.sent(bytes));
            assert!(backlog.is_enough(enough + 1), "{bytes}");
            assert!(!backlog.is_enough(enough), "{bytes}");
        }
    }

    #[test]
    fn for_more_partitions_it_is_a_mebibyte_for_each_and_half_the_queue_for_very_many() {
        for (partitions, enough) in [(0, 8), (1, 8), (9, 9), (32, 32), (33, 32), (10_000, 32)] {
            let mut backlog = Backlog::of(0);
            backlog.grow(partitions);
            backlog.sent(1 << 20);
            assert!(backlog.is_enough(enough + 1), "{partitions}");
            assert!(!backlog.is_enough(enough), "{partitions}");
        }
    }

    #[test]
    fn nothing_that_waits_is_never_enough_and_a_window_starts_anew() {
        let mut backlog = Backlog::of(1);
        assert!(!backlog.is_enough(0));
        assert!(!backlog.is_enough(ENOUGH_RECORDS), "of records whose size nobody knows");
        assert!(backlog.is_enough(ENOUGH_RECORDS + 1), "half of the queue");
        backlog.sent(64 << 20);
        assert!(!backlog.is_enough(0));
        assert!(backlog.is_enough(1));
        backlog.begin();
        backlog.sent(1);
        assert!(!backlog.is_enough(1));
    }

    #[test]
    fn more_than_four_mebibytes_are_too_many_to_send_the_offsets_yet() {
        let mut backlog = Backlog::of(32);
        assert!(!backlog.is_much(100), "of records whose size nobody knows");
        backlog.sent(1 << 20);
        assert!(!backlog.is_much(4));
        assert!(backlog.is_much(5));
    }

    #[test]
    fn a_read_waits_until_what_was_sent_has_drained_and_never_longer_than_it_may() {
        let us = Duration::from_micros;
        // The wait, after how many looks it has drained, what is left, and how long it was waited.
        for (wait, drained, left, waited) in [
            (10_000, 0, 10_000, 0),
            (10_000, 4, 6_000, 4_000),
            (10_000, 100, 0, 10_000),
            (2_500, 100, 0, 2_500),
            (0, 100, 0, 0),
        ] {
            let (clock, looks) = (Cell::new(us(7)), Cell::new(0));
            let is_enough = || looks.replace(looks.get() + 1) < drained;
            let pause = |time| clock.set(clock.get() + time);
            let left_over = let_drain(us(wait), || clock.get(), is_enough, pause);
            assert_eq!(left_over, us(left), "{wait}");
            assert_eq!(clock.get(), us(7 + waited), "{wait} {drained}");
        }
    }
}
