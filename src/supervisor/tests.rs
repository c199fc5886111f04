//! The table, the waits, and the supervisor over workers that fail as they are told.

mod bench;
mod life;
mod lifecycle;
mod report;
