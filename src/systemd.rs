//! What systemd is told: READY, RELOADING, STATUS, WATCHDOG, STOPPING. Without `$NOTIFY_SOCKET` nothing is sent.

use std::time::Duration;

use sd_notify::NotifyState;

/// Settings are read, workers are started. A broker that is away is no reason to wait.
pub fn ready(status: &str) {
    send(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// A reload is under way; [`ready`] says that it has ended.
pub fn reloading() {
    // Both in one message, or systemd waits for the second one.
    match NotifyState::monotonic_usec_now() {
        Ok(now) => send(&[NotifyState::Reloading, now, NotifyState::Status("reloading")]),
        Err(error) => tracing::debug!(%error, "systemd was not told"),
    }
}

/// A stop is under way, for at most `longest`.
pub fn stopping(status: &str, longest: Duration) {
    let longest = u32::try_from(longest.as_micros()).unwrap_or(u32::MAX);
    send(&[
        NotifyState::Stopping,
        NotifyState::Status(status),
        NotifyState::ExtendTimeoutUsec(longest),
    ]);
}

/// The supervisor's loop is alive.
pub fn watchdog() {
    send(&[NotifyState::Watchdog]);
}

fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd was not told");
    }
}
