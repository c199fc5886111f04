//! Calling again, within a named bound.

use std::time::Duration;

use super::raw::Failed;
use crate::worker::{Clock, SystemClock};

/// librdkafka says of a transactional call that it may be made again: so long, then it counts as dead. Four times the
/// transaction timeout: by then the broker has ended the transaction.
pub(super) const TRANSACTION_CALL_MAX: Duration = Duration::from_mins(1);
/// A coordinator that moved, a transaction that holds an offset: both are over by then.
pub(super) const OFFSETS_MAX: Duration = Duration::from_secs(40);
/// One request of those.
pub(super) const REQUEST_MAX: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);
/// Between two looks whether all is acknowledged, at first and at most.
pub(super) const LOOK_MIN: Duration = Duration::from_millis(1);
const LOOK_MAX: Duration = Duration::from_millis(500);

/// How long until the next look: an eighth of what was waited already, since each wakes the client's threads.
pub(super) fn look_after(waited: Duration) -> Duration {
    (waited / 8).clamp(LOOK_MIN, LOOK_MAX)
}

/// Makes the call until it succeeds, fails in a way that `again` does not want repeated, or `limit` is over.
pub(super) fn until<T>(
    clock: &SystemClock,
    limit: Duration,
    again: impl Fn(&Failed) -> bool,
    mut call: impl FnMut() -> Result<T, Failed>,
) -> Result<T, Failed> {
    let end = clock.now().saturating_add(limit);
    loop {
        match call() {
            Err(failed) if again(&failed) && clock.now() < end => {
                tracing::debug!(%failed, "again");
                pause(PAUSE);
            }
            answer => return answer,
        }
    }
}

/// The rule for transactional calls: librdkafka's own flag.
pub(super) fn retriable(failed: &Failed) -> bool {
    failed.retriable && !failed.fatal && !failed.abort
}

/// Whoever calls it has a named bound for the time.
#[expect(
    clippy::disallowed_methods,
    reason = "a worker's thread has nothing else to do until the broker can"
)]
pub(super) fn pause(time: Duration) {
    if !time.is_zero() {
        std::thread::sleep(time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_look_is_a_millisecond_later_then_an_eighth_of_what_was_waited() {
        let ms = Duration::from_millis;
        for (waited, look) in
            [(0, 1), (8, 1), (16, 2), (80, 10), (4_000, 500), (4_001, 500), (120_000, 500)]
        {
            assert_eq!(look_after(ms(waited)), ms(look), "after {waited} ms");
        }
    }
}
