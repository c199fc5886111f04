//! SIGINT and SIGTERM as a wish that loops look at; a second one ends the process whatever it waits for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};

use crate::worker::{Clock, SystemClock};

/// Signals so close together are one wish: `timeout` sends one to the process and one to its group.
const ONE_WISH: Duration = Duration::from_millis(250);

/// Whether somebody wants the command to end.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Listens from now on; the thread that does it ends with the process, or ends it at the second signal.
    pub(in crate::cli) fn on_signals() -> Result<Self> {
        let stop = Self::default();
        let told = stop.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let guard = runtime.enter();
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        drop(guard);
        let mut next = move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = interrupt.recv() => SignalKind::interrupt(),
                    _ = terminate.recv() => SignalKind::terminate(),
                }
            })
        };
        let clock = SystemClock::default();
        let listen = move || {
            next();
            told.0.store(true, Relaxed);
            let first = clock.now();
            end_by(second(first, || (next(), clock.now())));
        };
        let thread = std::thread::Builder::new().name("signals".to_owned());
        thread.spawn(listen).context("a thread for signals")?;
        Ok(stop)
    }

    /// Whether one came.
    pub(in crate::cli) fn requested(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// The signal that is a second wish, of those that come `next`, each with its time.
fn second(first: Duration, mut next: impl FnMut() -> (SignalKind, Duration)) -> SignalKind {
    loop {
        let (kind, at) = next();
        if at.saturating_sub(first) >= ONE_WISH {
            return kind;
        }
    }
}

/// As a shell names a process that ended by a signal: to put back the signal's own action would need `unsafe`.
#[expect(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "whoever asks twice waits for no write, no broker and no main thread"
)]
fn end_by(signal: SignalKind) {
    std::process::exit(128_i32.saturating_add(signal.as_raw_value()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_a_second_wish_a_quarter_of_a_second_behind_the_first() {
        let first = Duration::from_secs(7);
        let at = |ms: u64| first + Duration::from_millis(ms);
        let (interrupt, terminate) = (SignalKind::interrupt(), SignalKind::terminate());
        for (early, late) in
            [(&[][..], 250), (&[0], 250), (&[0, 100, 249], 250), (&[249], 251), (&[100], 3_600_000)]
        {
            let early = early.iter().map(|ms| (interrupt, at(*ms)));
            let mut told = early.chain([(terminate, at(late)), (interrupt, at(late))]);
            assert_eq!(second(first, || told.next().unwrap()), terminate, "{late}");
            // What comes behind it is asked for by nobody.
            assert_eq!(told.count(), 1, "{late}");
        }
    }
}
