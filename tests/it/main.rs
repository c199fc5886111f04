//! The one integration binary: all that needs a file, a process or a broker.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by failing")]
#![expect(clippy::expect_used, reason = "a test that cannot go on says so by failing")]
#![expect(clippy::panic, reason = "a test that cannot go on says so by failing")]
#![expect(clippy::indexing_slicing, reason = "a test that cannot go on says so by failing")]

mod checker;
mod daemon;
mod events;
mod exactly_once;
mod kafka;
mod process;
mod proxy;
mod tidy;
mod wait;
