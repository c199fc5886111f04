//! What is open: how many records and bytes since when, and when it is enough. Pure; the time comes in.

use std::time::Duration;

use crate::pipeline::WindowLimits;

/// A window that has waited this long for another record closes: a trickle must not wait for the interval.
pub(super) const IDLE_CLOSE: Duration = Duration::from_millis(10);

/// The open window, if one is.
#[derive(Clone, Debug)]
pub struct Window {
    limits: WindowLimits,
    open: Option<Open>,
    /// When the window before was closed: whoever came while it was being committed waits since then, at the longest.
    waiting: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    since: Duration,
    last: Duration,
    records: u32,
    bytes: u64,
}

impl Window {
    /// Nothing is open.
    pub fn new(limits: WindowLimits) -> Self {
        Self { limits, open: None, waiting: None }
    }

    /// Takes new limits; they hold for the window that is open too.
    pub fn set_limits(&mut self, limits: WindowLimits) {
        self.limits = limits;
    }

    /// Whether records are in it.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Input records in it.
    pub fn records(&self) -> u32 {
        self.open.map_or(0, |o| o.records)
    }

    /// Opens it with its first record still to come; its age is that of the longest wait of whoever is in it.
    pub fn open(&mut self, now: Duration) {
        let since = self.waiting.take().unwrap_or(now);
        self.open = Some(Open { since, last: now, records: 0, bytes: 0 });
    }

    /// One more record of so many bytes.
    #[inline]
    pub fn add(&mut self, bytes: u64) {
        if let Some(open) = &mut self.open {
            open.records = open.records.saturating_add(1);
            open.bytes = open.bytes.saturating_add(bytes);
        }
    }

    /// A batch with records has just been read.
    pub fn touch(&mut self, now: Duration) {
        if let Some(open) = &mut self.open {
            open.last = now;
        }
    }

    /// It has ended, one way or the other.
    pub fn clear(&mut self) {
        self.open = None;
        self.waiting = None;
    }

    /// It is committed. Records came meanwhile, for all that is known: their interval began when this one was closed.
    pub fn committed(&mut self, closed: Duration) {
        self.open = None;
        self.waiting = Some(closed);
    }

    /// What a read found, of at most `max`: where there was nothing, nobody waited; where there was as much as fits, the
    /// source is ahead by more than a window, and a shorter one would only cost.
    pub fn found(&mut self, records: usize, max: usize) {
        if records == 0 || records >= max {
            self.waiting = None;
        }
    }

    /// Full by count or bytes, `records_cap` being the smaller of the limit and what an isolation allows.
    #[inline]
    pub fn is_full(&self, records_cap: u32) -> bool {
        self.open.is_some_and(|o| o.records >= records_cap || o.bytes >= self.limits.max_bytes)
    }

    /// Old enough, or its source is idle.
    pub fn is_due(&self, now: Duration) -> bool {
        self.open.is_some_and(|o| {
            now.saturating_sub(o.since) >= self.limits.commit_interval
                || now.saturating_sub(o.last) >= IDLE_CLOSE
        })
    }

    /// How many records a batch may have: none beyond the window's end.
    pub fn room(&self, records_cap: u32) -> u32 {
        records_cap.saturating_sub(self.records()).max(1)
    }

    /// How long a read may wait: to the moment at which the window is due, `idle` where none is open.
    pub fn wait(&self, now: Duration, idle: Duration) -> Duration {
        self.open.map_or(idle, |o| {
            let due = o.since.saturating_add(self.limits.commit_interval);
            due.saturating_sub(now).min(IDLE_CLOSE)
        })
    }
}
