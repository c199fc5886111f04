//! The guarantee and its windows.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::model::Guarantee;

/// What is promised; each guarantee has what it needs and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// One transaction per window.
    ExactlyOnce(WindowLimits),
    /// One offset commit per window, after all acknowledgements.
    AtLeastOnce(WindowLimits),
    /// Offsets first; every batch is a window.
    AtMostOnce,
}

/// When a window closes, besides when its source is idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowLimits {
    /// How long its first record waits for the commit to begin, also while the window before is being committed.
    pub commit_interval: Duration,
    /// Input records in it.
    pub max_records: NonZeroU32,
    /// Bytes of keys and values of the input records in it.
    pub max_bytes: u64,
}

impl Default for WindowLimits {
    fn default() -> Self {
        const RECORDS: NonZeroU32 = NonZeroU32::new(50_000).unwrap();
        Self {
            commit_interval: Duration::from_millis(100),
            max_records: RECORDS,
            max_bytes: 64 << 20,
        }
    }
}

impl Delivery {
    /// The guarantee without its limits.
    pub fn guarantee(self) -> Guarantee {
        match self {
            Self::ExactlyOnce(_) => Guarantee::ExactlyOnce,
            Self::AtLeastOnce(_) => Guarantee::AtLeastOnce,
            Self::AtMostOnce => Guarantee::AtMostOnce,
        }
    }
}
