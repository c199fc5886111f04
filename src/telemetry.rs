//! Every metric in [`metrics`], and logging: journald's fields under systemd, text for people on a terminal, JSON lines elsewhere. Always on standard error.

pub mod metrics;

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// journald where `$JOURNAL_STREAM` is set, text on a terminal, else JSON.
    #[default]
    Auto,
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
    /// journald's own protocol, with fields.
    Journald,
}

/// Sets the process's logging up, once. `journal_stream`: the variable of that name, which systemd sets where
/// standard error goes to the journal;
/// `filter`: as `RUST_LOG` has it, `info` where empty.
pub fn init(format: LogFormat, journal_stream: Option<&str>, filter: &str) {
    let filter = if filter.is_empty() { "info" } else { filter };
    let filter = EnvFilter::builder().parse_lossy(filter);
    let registry = tracing_subscriber::registry().with(filter);
    let terminal = std::io::stderr().is_terminal();
    let chosen = match (format, journal_stream.is_some()) {
        (LogFormat::Auto, true) => LogFormat::Journald,
        (LogFormat::Auto, false) if terminal => LogFormat::Text,
        (LogFormat::Auto, false) => LogFormat::Json,
        (format, _) => format,
    };
    let text = || tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // A second call, by a test for one, leaves the first one's logging in place.
    let outcome = match chosen {
        LogFormat::Journald => match tracing_journald::layer() {
            Ok(journal) => registry.with(journal).try_init(),
            Err(_no_journal) => registry.with(text().with_ansi(false)).try_init(),
        },
        LogFormat::Json => registry.with(text().json().flatten_event(true)).try_init(),
        LogFormat::Text | LogFormat::Auto => {
            registry.with(text().with_ansi(terminal).with_target(false)).try_init()
        }
    };
    drop(outcome);
}
