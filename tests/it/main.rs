//! The one integration binary: all that needs a file, a process or a broker.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by failing")]
#![expect(clippy::expect_used, reason = "a test that cannot go on says so by failing")]
#![expect(clippy::panic, reason = "a test that cannot go on says so by failing")]
#![expect(clippy::indexing_slicing, reason = "a test that cannot go on says so by failing")]

mod bad_input;
mod by_hand;
mod cases;
mod check;
mod checker;
mod config_any_text;
mod config_corpus;
mod daemon;
mod demo;
mod edits;
mod events;
mod exactly_once;
mod examples;
mod explain;
mod follow;
mod http;
mod kafka;
mod not_run;
mod notice;
mod plan;
mod process;
mod proxy;
mod records;
mod rejections;
mod reload;
mod scene;
mod sources;
mod status;
mod systemd;
mod test_command;
mod tidy;
mod wait;
mod watch;
mod world;
