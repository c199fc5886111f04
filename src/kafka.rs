//! librdkafka: the only module that names rdkafka. Client properties, consumer and transactional producer behind the
//! worker's port, verdicts on errors, raw calls, secrets at each client's making.
//!
//! `unsafe` stays inside [`raw`]. A [`Port`] is one worker's consumer and producer; [`Port::open`] asks the cluster first
//! (with a client of its own) whether topics are there, and where a new group begins.

mod backlog;
pub mod by_hand;
mod dead_letter;
mod mock;
mod open;
mod oracle;
mod outlet;
mod pace;
mod port;
mod properties;
mod raw;
mod retry;
mod secret;
mod start;
mod survey;
#[cfg(test)]
mod tests;
mod transaction;
mod verdict;

pub use mock::{MockCluster, MockRecord};
pub use oracle::Librdkafka;
pub use port::{KafkaBatch, Port};
pub use properties::{Connection, defaults};
pub use secret::Secrets;
pub use survey::survey;

/// For a process that moves records for long: what its allocator was given once stays with it.
pub fn keep_freed_memory() {
    raw::keep_freed_memory();
}
