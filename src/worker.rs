//! One pipeline at work in one thread: fill a window, attempt it, commit, or abort and rewind.
//!
//! ```text
//!            records                close, revoke, stop                done
//!   Idle ───────────────▶ Open ───────────────────────▶ Committing ──────────▶ Idle
//!    ▲                     │ lost, failure                   │ failure           (or: release what is taken away, or leave)
//!    │                     ▼                                 ▼
//!    │                  Aborting ◀───────────────────────────┘
//!    │                     │ done               failure ──▶ Rebuilding ─┐
//!    │                     ▼                                            │
//!    └──── Rewinding ◀── Releasing ◀────────────────────────────────────┘
//! ```
//!
//! [`machine`] is that picture as a pure function, [`Window`] counts what is open, [`Isolation`] finds the record that a sink
//! refuses; [`run`] is the thin shell that performs what they decide on a [`Port`]. After anything but a clean commit only
//! the broker knows: the shell drops every buffer, asks for the committed offsets and goes on there.

mod breakdown;
mod clock;
mod control;
mod counters;
mod fault;
mod fences;
mod isolation;
pub mod machine;
mod offsets;
mod port;
mod shell;
#[cfg(test)]
mod tests;
mod window;

pub use breakdown::{Breakdown, ByName, NAMES_MAX, NO_ROUTES, OTHER, Shares};
pub use clock::{Clock, SystemClock};
pub use control::{Control, Edition, Job, News as WorkerNews, Rules, Tell};
pub use counters::{Counters, Gauges, Tally};
pub use fault::{Failure, Fault, FaultKind};
pub use isolation::{Isolation, Refusal, Sent};
pub use machine::Exit;
pub use offsets::{NextOffset, Offsets};
pub use port::{Batch, DeadLetter, Lag, LateRefusal, News, Output, Port};
pub use shell::run;
pub use window::Window;
