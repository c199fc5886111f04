//! The daemon's socket from the other side: one request, one answer, one connection.
//!
//! The answers are small and come from one peer that we wrote, so a dozen lines of HTTP/1.0 are less than a client crate.

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::Outcome;
use crate::config::{Environment, settings};
use crate::kafka::Librdkafka;

/// Larger is no answer of ours.
const ANSWER_BYTES_MAX: u64 = 256 << 20;
/// Where a daemon under systemd has its socket, when the environment says nothing.
const SYSTEM_SOCKET: &str = "/run/krouted/admin.sock";

/// Where the daemon is.
#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// The settings file that names the socket; default: ./krouted.yaml, then /etc/krouted/krouted.yaml, where there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The daemon's socket, whatever the settings say.
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

/// Why there is no answer.
pub(super) enum NoAnswer {
    /// Nobody is there.
    Unreachable(anyhow::Error),
    /// It did not answer in time, or cannot at the moment.
    Later(String),
    /// It says that this cannot be done.
    Refused(String),
}

impl NoAnswer {
    /// Says it, and what the exit code is.
    pub(super) fn outcome(self) -> Outcome {
        let (text, outcome) = match self {
            Self::Unreachable(error) => (format!("{error:#}"), Outcome::Unreachable),
            Self::Later(text) => (text, Outcome::Later),
            Self::Refused(text) => (text, Outcome::Failed),
        };
        super::say(super::Stream::Errors, &format!("error: {text}\n"));
        outcome
    }
}

/// An answer of the daemon, read by pointers (RFC 6901); what is not there is empty.
pub(super) struct Document(pub(super) Value);

impl Document {
    pub(super) fn text(&self, pointer: &str) -> &str {
        text(&self.0, pointer)
    }
}

pub(super) fn text<'v>(of: &'v Value, pointer: &str) -> &'v str {
    of.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn number(of: &Value, pointer: &str) -> u64 {
    of.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
}

pub(super) fn list<'v>(of: &'v Value, pointer: &str) -> &'v [Value] {
    of.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

impl Place {
    /// The settings file that was asked for.
    pub(super) fn config(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// The socket: as asked for, as the settings say, else where a daemon would put it.
    fn socket(&self) -> PathBuf {
        if let Some(path) = &self.socket {
            return path.clone();
        }
        let environment = Environment::of_process();
        let file = settings::find(self.config.as_deref());
        // Secrets and names of topics may hang on variables that only the daemon has.
        let loaded = settings::load(file.as_deref(), &Environment::Unknown, &Librdkafka);
        // A broken file must not keep anybody from asking the daemon, which goes on with the one before.
        let named = match loaded {
            Ok(loaded) => loaded.settings.socket,
            Err(_) => file.as_deref().and_then(settings::socket_of_broken),
        };
        named
            .or_else(|| settings::default_socket(&environment).filter(|path| path.exists()))
            .unwrap_or_else(|| PathBuf::from(SYSTEM_SOCKET))
    }

    /// Asks for a document; waits at most so long, for all of it.
    pub(super) fn ask(
        &self,
        method: &str,
        target: &str,
        body: &str,
        wait: Duration,
    ) -> Result<Document, NoAnswer> {
        let socket = self.socket();
        let answer = exchange(&socket, method, target, body, wait);
        let (status, document) = answer.map_err(|error| no_answer(&socket, &error))?;
        let document = Document(document);
        match status {
            200 => Ok(document),
            503 => Err(NoAnswer::Later(document.text("/error").to_owned())),
            _ => Err(NoAnswer::Refused(document.text("/error").to_owned())),
        }
    }
}

fn no_answer(socket: &Path, error: &io::Error) -> NoAnswer {
    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) {
        let text = "no answer in time; the daemon goes on with what it was asked";
        return NoAnswer::Later(text.to_owned());
    }
    let (place, hint) = (socket.display(), hint(error.kind()));
    NoAnswer::Unreachable(anyhow::anyhow!("the daemon cannot be reached at {place}: {error}{hint}"))
}

/// What helps.
fn hint(kind: io::ErrorKind) -> &'static str {
    if matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) {
        "; no daemon has its socket there: is `krouted run` up, and by the same settings? `--config FILE` or `--socket PATH` say where it is"
    } else if kind == io::ErrorKind::PermissionDenied {
        "; the socket is for the daemon's user and its group: join the group, or be that user"
    } else {
        ""
    }
}

/// One deadline for all of it: a daemon that hangs may take, read and answer nothing, or for ever.
fn exchange(
    socket: &Path,
    method: &str,
    target: &str,
    body: &str,
    wait: Duration,
) -> io::Result<(u16, Value)> {
    // 1.0: the end of the connection is the end of the answer.
    let length = body.len();
    let head =
        format!("{method} {target} HTTP/1.0\r\nHost: krouted\r\nContent-Length: {length}\r\n\r\n");
    let exchange = async {
        let mut stream = UnixStream::connect(socket).await?;
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
        Ok::<_, io::Error>(answer)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(async { tokio::time::timeout(wait, exchange).await })??;
    parsed(&answer).map_err(|why| io::Error::new(io::ErrorKind::InvalidData, format!("{why:#}")))
}

fn parsed(answer: &[u8]) -> Result<(u16, Value)> {
    let text = std::str::from_utf8(answer).context("the answer is no text")?;
    let (head, body) = text.split_once("\r\n\r\n").context("the answer has no end of its head")?;
    let status = head.split(' ').nth(1).context("the answer has no status")?;
    let status = status.parse().context("the answer's status is no number")?;
    Ok((status, serde_json::from_str(body).context("the answer is no JSON")?))
}
