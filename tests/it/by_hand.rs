//! Records in and out by hand: `krouted produce` and `krouted consume` as an operator runs them.

mod away;
mod consume;
mod group;
mod help;
mod init;
mod online;
mod online_away;
mod outputs;
mod produce;
pub(crate) mod readme;
mod retried;
mod round_trip;
mod signals;
mod transaction;

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tempfile::TempDir;

use crate::wait::eventually;

/// A group's session, a broker that is looked for, a transaction that is ended: nothing takes longer.
const END_MAX: Duration = Duration::from_mins(2);

/// A folder with a settings file, in which commands are run.
pub(crate) struct Hand {
    folder: TempDir,
}

/// How a command ended, and what it said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.out).unwrap()
    }

    pub(crate) fn lines(&self) -> Vec<&str> {
        self.text().lines().collect()
    }

    /// Fails with what was said where it did not end well.
    #[track_caller]
    pub(crate) fn good(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.err);
        self
    }

    /// Fails where it did not end with this code, or did not say this.
    #[track_caller]
    pub(crate) fn said(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.err);
        for part in parts {
            assert!(self.err.contains(part), "{part:?} is missing in: {}", self.err);
        }
    }
}

impl Hand {
    pub(crate) fn at(bootstrap: &str) -> Self {
        let hand = Self::bare();
        hand.settings(&format!("{{default: {{bootstrap_servers: \"{bootstrap}\"}}}}"));
        hand
    }

    /// Without any settings.
    pub(crate) fn bare() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    /// Writes the settings, with these clusters in YAML's flow style.
    pub(crate) fn settings(&self, clusters: &str) {
        let text = format!("version: 1\ninstance_id: hand\nclusters: {clusters}\n");
        self.write("krouted.yaml", &text);
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        std::fs::write(self.path().join(file), text).unwrap();
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_krouted"));
        command.args(arguments).current_dir(self.path()).env_clear();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        self.feed(arguments, b"")
    }

    /// Asks the daemon of this folder.
    pub(crate) fn run_at(&self, arguments: &[&str]) -> Said {
        let mut command = self.command(arguments);
        ended(&mut command.env("XDG_RUNTIME_DIR", self.path()).spawn().unwrap())
    }

    /// Runs a command with this on its standard input.
    pub(crate) fn feed(&self, arguments: &[&str], input: &[u8]) -> Said {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        std::thread::scope(|threads| {
            // A command that ends early reads no more.
            threads.spawn(move || stdin.write_all(input).ok());
            ended(&mut child)
        })
    }
}

/// Whether a pipe takes no more now.
pub(crate) fn is_full(pipe: &impl AsFd) -> bool {
    let mut asked = [PollFd::new(pipe, PollFlags::OUT)];
    poll(&mut asked, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() == 0
}

/// Waits for the end of a command and takes all that it said.
pub(crate) fn ended(child: &mut Child) -> Said {
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (out, err, status) = std::thread::scope(|threads| {
        let out = threads.spawn(move || out.map(all).unwrap_or_default());
        let err = threads.spawn(move || err.map(all).unwrap_or_default());
        let status = end_of(child);
        (out.join().unwrap(), err.join().unwrap(), status)
    });
    Said { code: status.code(), out, err: String::from_utf8(err).unwrap() }
}

/// A command that hangs is killed, and fails its test.
fn end_of(child: &mut Child) -> ExitStatus {
    let wait = std::panic::AssertUnwindSafe(|| {
        eventually(END_MAX, "the command ends", || child.try_wait().unwrap())
    });
    std::panic::catch_unwind(wait).unwrap_or_else(|failure| {
        child.kill().unwrap();
        std::panic::resume_unwind(failure)
    })
}

fn all(mut from: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).unwrap();
    bytes
}
