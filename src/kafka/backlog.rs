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
/// Half of `queue.buffering.max.kbytes`. Spread over more than 32 partitions it may be no batch anywhere.
const ENOUGH_BYTES_MAX: u64 = 32 << 20;
/// Half of `queue.buffering.max.messages`: records so small that fewer bytes of them fill the queue are to wait here, not in the
/// midst of a window.
const ENOUGH_RECORDS: usize = 50_000;
/// Between two looks: in so long a broker takes no more than about one request.
const LOOK: Duration = Duration::from_millis(1);
/// Looks without an acknowledgement after which what waits is pushed, once in a read unless there is one. A slow broker is taken
/// for lingering too: that costs a millisecond of the client's thread in each read.
const LOOKS_IN_VAIN: u32 = 2;

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
    /// The window has not had its first push yet.
    is_first: bool,
}

impl Backlog {
    /// For sinks that have so many partitions together.
    pub(super) fn of(partitions: usize) -> Self {
        Self { records: 0, bytes: 0, partitions, is_first: true }
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
        (self.records, self.bytes, self.is_first) = (0, 0, true);
    }

    /// Whether so many records that wait are to be pushed though they may not be enough: more than half of that, once in a
    /// window. The commit before has left the broker nothing to do, and the first batches take long to fill. Where the transaction
    /// does not have its partitions yet, the push is in vain.
    pub(super) fn is_first_half(&mut self, waiting: usize) -> bool {
        let is_it = self.is_first && self.is_enough(waiting.saturating_mul(2));
        self.is_first &= !is_it;
        is_it
    }

    /// Whether so many records that wait are enough to have no more read.
    pub(super) fn is_enough(&self, waiting: usize) -> bool {
        waiting > ENOUGH_RECORDS || self.are_enough_bytes(waiting)
    }

    fn are_enough_bytes(&self, waiting: usize) -> bool {
        let waiting = u64::try_from(waiting).unwrap_or(u64::MAX);
        self.bytes.saturating_mul(waiting) > self.enough_bytes().saturating_mul(self.records)
    }

    fn enough_bytes(&self) -> u64 {
        let partitions = u64::try_from(self.partitions).unwrap_or(u64::MAX);
        partitions.saturating_mul(ENOUGH_BYTES_EACH).clamp(ENOUGH_BYTES_MIN, ENOUGH_BYTES_MAX)
    }
}

/// What a read does about what waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Leaves the broker the time.
    Pause(Duration),
    /// Sends what lingers for long.
    Push,
}

/// Waits while enough is on its way, at most as long as the read may; gives what is left of that. `first` is taken before,
/// whether there is enough or not. `enough` says how many records wait, where these are enough. Where none of them is
/// acknowledged meanwhile, they may only linger: spread over many partitions, none of them fills a batch.
pub(super) fn let_drain(
    wait: Duration,
    first: Option<Step>,
    now: impl Fn() -> Duration,
    enough: impl Fn() -> Option<usize>,
    take: impl Fn(Step),
) -> Duration {
    let end = now().saturating_add(wait);
    if let Some(first) = first {
        take(first);
    }
    let (mut fewest, mut looks_in_vain) = (usize::MAX, 0_u32);
    loop {
        let left = end.saturating_sub(now());
        let Some(waiting) = enough().filter(|_| !left.is_zero()) else { return left };
        looks_in_vain = if waiting < fewest { 0 } else { looks_in_vain.saturating_add(1) };
        fewest = fewest.min(waiting);
        let is_stuck = looks_in_vain == LOOKS_IN_VAIN;
        take(if is_stuck { Step::Push } else { Step::Pause(LOOK.min(left)) });
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
    fn half_of_what_is_enough_is_pushed_once_in_a_window() {
        let mut backlog = Backlog::of(8);
        for _ in 0..2 {
            backlog.begin();
            backlog.sent(1 << 20);
            assert!(!backlog.is_first_half(4), "no more than half");
            assert!(backlog.is_first_half(5));
            assert!(!backlog.is_first_half(5), "the second time");
        }
        backlog.begin();
        assert!(!backlog.is_first_half(ENOUGH_RECORDS / 2), "of records whose size nobody knows");
        assert!(backlog.is_first_half(ENOUGH_RECORDS / 2 + 1));
    }

    #[test]
    fn the_first_half_is_pushed_in_the_time_of_the_read() {
        let ms = Duration::from_millis;
        let (clock, pushes) = (Cell::new(ms(3)), Cell::new(0));
        let take = |step| {
            assert_eq!(step, Step::Push);
            pushes.set(pushes.get() + 1);
            clock.set(clock.get() + ms(2));
        };
        assert_eq!(let_drain(ms(10), Some(Step::Push), || clock.get(), || None, take), ms(8));
        assert_eq!(pushes.get(), 1);
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
            let enough = || (looks.replace(looks.get() + 1) < drained).then(|| 1_000 - looks.get());
            let take = |step| match step {
                Step::Pause(time) => clock.set(clock.get() + time),
                Step::Push => unreachable!("some are acknowledged between all looks"),
            };
            assert_eq!(let_drain(us(wait), None, || clock.get(), enough, take), us(left), "{wait}");
            assert_eq!(clock.get(), us(7 + waited), "{wait} {drained}");
        }
    }

    #[test]
    fn what_nobody_acknowledges_is_pushed_once_until_somebody_does() {
        let ms = Duration::from_millis;
        let (clock, steps) = (Cell::new(ms(0)), std::cell::RefCell::new(Vec::new()));
        // The sixth look finds the first acknowledgement.
        let enough = || Some(if steps.borrow().len() < 5 { 900 } else { 800 });
        let take = |step| {
            clock.set(clock.get() + ms(1));
            steps.borrow_mut().push(step);
        };
        assert_eq!(let_drain(ms(10), None, || clock.get(), enough, take), ms(0));
        let pushed: Vec<_> = steps.borrow().iter().map(|step| *step == Step::Push).collect();
        let expected = [2, 7];
        assert_eq!(pushed.len(), 10);
        for (n, pushed) in pushed.into_iter().enumerate() {
            assert_eq!(pushed, expected.contains(&n), "{n}");
        }
    }
}
