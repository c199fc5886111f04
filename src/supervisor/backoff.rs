//! How long to wait before another attempt.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);
/// Where only a change of cluster or settings helps.
pub(super) const SLOW: Duration = Duration::from_secs(30);
/// A fifth more or less, so that many pipelines do not come back at one moment.
const JITTER: f64 = 0.2;

/// After so many failures in a row without a committed window between them.
pub(super) fn after(failures: u32) -> Duration {
    FIRST.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1).min(16))).min(LONGEST)
}

pub(super) fn jittered(base: Duration) -> Duration {
    base.mul_f64(1.0 - JITTER + 2.0 * JITTER * fastrand::f64())
}
