//! The one place where a test waits: for a state, by asking, until a deadline.

use std::time::{Duration, Instant};

/// How long a test waits for what should take a moment: generous, since the machine may be slow and busy.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// A point in time after which waiting is failing.
#[derive(Clone, Copy)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    #[expect(clippy::disallowed_methods, reason = "tests of processes run in real time")]
    pub(crate) fn after(wait: Duration) -> Self {
        Self(Instant::now() + wait)
    }

    #[expect(clippy::disallowed_methods, reason = "tests of processes run in real time")]
    pub(crate) fn passed(self) -> bool {
        Instant::now() >= self.0
    }
}

/// Asks until there is an answer, and fails with `what` when there is none in time.
pub(crate) fn eventually<T>(wait: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Deadline::after(wait);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(!deadline.passed(), "not within {wait:?}: {what}");
        pause();
    }
}

#[expect(clippy::disallowed_methods, reason = "between two questions of a poll with a deadline")]
fn pause() {
    std::thread::sleep(Duration::from_millis(10));
}

#[test]
fn the_first_answer_ends_the_wait() {
    let mut asked = 0;
    let answer = eventually(SOON, "three questions", || {
        asked += 1;
        (asked == 3).then_some(asked)
    });
    assert_eq!(answer, 3);
}

#[test]
fn a_wait_without_an_answer_fails_and_says_for_what() {
    let failure = std::panic::catch_unwind(|| {
        eventually(Duration::from_millis(20), "the moon", || None::<()>);
    });
    let message = failure.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("the moon"), "{message}");
}
