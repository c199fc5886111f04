//! `--rate`: records a second, evenly.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::worker::Clock;

/// When the next record may go.
#[derive(Debug)]
pub(super) struct Pace {
    /// Between two records; absent: none.
    between: Option<Duration>,
    next: Duration,
}

/// What was not sent in time is caught up with so far, and no further.
const BEHIND_MAX: Duration = Duration::from_millis(100);

impl Pace {
    pub(super) fn new(rate: Option<NonZeroU32>) -> Self {
        let between = rate.map(|rate| Duration::from_secs(1) / rate.get());
        Self { between, next: Duration::ZERO }
    }

    /// How long the next record has to wait; zero takes its turn.
    pub(super) fn wait(&mut self, clock: &dyn Clock) -> Duration {
        let Some(between) = self.between else { return Duration::ZERO };
        let now = clock.now();
        let wait = self.next.saturating_sub(now);
        if wait.is_zero() {
            self.next = self.next.max(now.saturating_sub(BEHIND_MAX)).saturating_add(between);
        }
        wait
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    struct Manual(Cell<Duration>);

    impl Clock for Manual {
        fn now(&self) -> Duration {
            self.0.get()
        }
    }

    #[test]
    fn a_second_has_as_many_records_as_the_rate_says() {
        let clock = Manual(Cell::new(Duration::from_secs(5)));
        let mut pace = Pace::new(NonZeroU32::new(100));
        let mut sent = 0_u32;
        while clock.now() < Duration::from_secs(6) {
            match pace.wait(&clock) {
                Duration::ZERO => sent += 1,
                wait => clock.0.set(clock.now() + wait),
            }
        }
        // And what 100 ms before the first record would have had.
        assert_eq!(sent, 110);
        assert_eq!(Pace::new(None).wait(&clock), Duration::ZERO);
    }
}
